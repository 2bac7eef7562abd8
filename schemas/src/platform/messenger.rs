//! Messenger.

use super::{Ability, Form, GRAPH_VERSION, ID, MESSAGE_TAG, Platform, field};
use crate::ChannelKind;

pub(super) const PLATFORM: Platform = Platform {
    kind: ChannelKind::Messenger,
    title: "Messenger",
    credentials: &[
        field(
            "app_secret",
            Form::Text,
            "The app's secret, by which Meta signs webhooks: App settings, Basic.",
        ),
        field(
            "verify_token",
            Form::Text,
            "Any secret; the same is entered where the webhook is set up.",
        ),
        field(
            "access_token",
            Form::Token,
            "The page's token with `pages_messaging`: Messenger, API settings.",
        ),
    ],
    settings: &[
        field(
            "page_id",
            ID,
            "The page that sends; the token's own when absent.",
        ),
        field(
            "message_tag",
            MESSAGE_TAG,
            "The tag of every message, e.g. `HUMAN_AGENT`, to write after the 24 hours.",
        ),
        field(
            "graph_version",
            GRAPH_VERSION,
            "The Graph API's version, `v24.0` when absent.",
        ),
        field(
            "api_base",
            Form::Base,
            "The Graph API, `https://graph.facebook.com` when absent.",
        ),
    ],
    ability: Ability {
        verify: "HMAC-SHA256 of the body (`X-Hub-Signature-256`); GET challenge",
        text: "2000, split; plain",
        media: "image, video, audio, file; location and contact as text",
        buttons: "13 quick replies, or 3 with links; else listed",
        receipts: "sent (echo), delivered, read",
        edits: "edits and deletions in",
        templates: "-",
        typing: "yes",
        limits: "24 hours after the person's last message, then tagged messages only",
        test: "the page; subscribes the app",
    },
};
