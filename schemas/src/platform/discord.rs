//! Discord.

use super::{Ability, Form, Platform, field};
use crate::ChannelKind;

pub(super) const PLATFORM: Platform = Platform {
    kind: ChannelKind::Discord,
    title: "Discord",
    credentials: &[
        field(
            "public_key",
            Form::Text,
            "The application's, in hex; signs interactions.",
        ),
        field("bot_token", Form::Text, "The bot's."),
        field("application_id", Form::Text, "The application's."),
    ],
    settings: &[],
    ability: Ability {
        verify: "-",
        text: "-",
        media: "-",
        buttons: "-",
        receipts: "-",
        edits: "-",
        templates: "-",
        typing: "-",
        limits: "-",
        test: "-",
    },
};
