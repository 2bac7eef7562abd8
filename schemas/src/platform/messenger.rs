//! Messenger.

use super::{Ability, Form, Platform, field};
use crate::ChannelKind;

pub(super) const PLATFORM: Platform = Platform {
    kind: ChannelKind::Messenger,
    title: "Messenger",
    credentials: &[
        field("app_secret", Form::Text, "Signs webhooks."),
        field("verify_token", Form::Text, "Answers the challenge."),
        field("access_token", Form::Text, "Of the page."),
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
