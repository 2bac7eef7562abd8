//! Gmail.

use super::{Ability, Form, Platform, field};
use crate::ChannelKind;

pub(super) const PLATFORM: Platform = Platform {
    kind: ChannelKind::Gmail,
    title: "Gmail",
    credentials: &[
        field("client_id", Form::Text, "OAuth 2."),
        field("client_secret", Form::Text, "OAuth 2."),
        field("refresh_token", Form::Text, "OAuth 2."),
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
