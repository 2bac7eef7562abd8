//! Slack.

use super::{Ability, Form, Platform, field};
use crate::ChannelKind;

pub(super) const PLATFORM: Platform = Platform {
    kind: ChannelKind::Slack,
    title: "Slack",
    credentials: &[
        field(
            "signing_secret",
            Form::Text,
            "Signs requests; under the app's basic information.",
        ),
        field("bot_token", Form::Text, "`xoxb-…`."),
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
