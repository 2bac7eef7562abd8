//! MessageBird.

use super::{Ability, Form, Platform, field};
use crate::ChannelKind;

pub(super) const PLATFORM: Platform = Platform {
    kind: ChannelKind::MessageBird,
    title: "MessageBird",
    credentials: &[
        field("signing_key", Form::Text, "Signs webhooks."),
        field("access_key", Form::Text, "For calls."),
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
