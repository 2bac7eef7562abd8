//! LINE.

use super::{Ability, Form, Platform, field};
use crate::ChannelKind;

pub(super) const PLATFORM: Platform = Platform {
    kind: ChannelKind::Line,
    title: "LINE",
    credentials: &[
        field("channel_secret", Form::Text, "Signs webhooks."),
        field("access_token", Form::Text, "For calls."),
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
