//! Vonage.

use super::{Ability, Form, Platform, field};
use crate::ChannelKind;

pub(super) const PLATFORM: Platform = Platform {
    kind: ChannelKind::Vonage,
    title: "Vonage",
    credentials: &[
        field("signature_secret", Form::Text, "Signs webhooks."),
        field("application_id", Form::Text, "The application."),
        field("private_key", Form::Text, "PEM; signs calls."),
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
