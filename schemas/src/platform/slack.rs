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
        field("bot_token", Form::Token, "`xoxb-…`."),
    ],
    settings: &[
        field(
            "api_base",
            Form::Base,
            "Where the Web API is; `https://slack.com/api` without it.",
        ),
        field(
            "reply_in_thread",
            Form::Flag,
            "Answers to a message of a channel go into a thread below it.",
        ),
    ],
    ability: Ability {
        verify: "HMAC-SHA-256 over time and body, 300 s",
        text: "4,000 characters a message, split; mrkdwn",
        media: "in: all files; out: the hub's own files by upload, others' images by URL and files as links",
        buttons: "25 below a message; forms, menus, shortcuts and slash commands in",
        receipts: "-",
        edits: "in: edits and deletions",
        templates: "-",
        typing: "in assistant threads",
        limits: "1 message a second in a channel",
        test: "`auth.test`, and the scope `chat:write`",
    },
};
