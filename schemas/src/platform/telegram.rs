//! Telegram.

use super::{Ability, Form, Platform, field};
use crate::ChannelKind;

pub(super) const PLATFORM: Platform = Platform {
    kind: ChannelKind::Telegram,
    title: "Telegram",
    credentials: &[
        field("bot_token", Form::Text, "The token BotFather gave."),
        field(
            "secret_token",
            Form::Text,
            "The secret of `setWebhook`; 1 to 256 of A-Z, a-z, 0-9, _ and -.",
        ),
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
