//! WhatsApp.

use super::{Ability, Form, Platform, field};
use crate::ChannelKind;

pub(super) const PLATFORM: Platform = Platform {
    kind: ChannelKind::WhatsApp,
    title: "WhatsApp",
    credentials: &[
        field("app_secret", Form::Text, "Signs webhooks."),
        field("verify_token", Form::Text, "Answers the challenge."),
        field("access_token", Form::Text, "Of a system user."),
        field("phone_number_id", Form::Text, "The number that sends."),
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
