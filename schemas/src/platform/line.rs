//! LINE.

use super::{Ability, Form, Platform, field};
use crate::ChannelKind;

pub(super) const PLATFORM: Platform = Platform {
    kind: ChannelKind::Line,
    title: "LINE",
    credentials: &[
        field(
            "channel_secret",
            Form::Text,
            "Signs webhooks; under \"Basic settings\" of the channel in LINE's console.",
        ),
        field(
            "access_token",
            Form::Token,
            "For calls; a channel access token of the Messaging API.",
        ),
    ],
    settings: &[field(
        "api_base",
        Form::Base,
        "Where the API lies, files included, if not at LINE.",
    )],
    ability: Ability {
        verify: "`X-Line-Signature`: base64 HMAC-SHA256 of the body under the channel secret",
        text: "5000 UTF-16 units, then several messages, five a call; plain",
        media: "in: image, video, audio, file, location, sticker; out: image, video with a preview and audio with its length by https address, location, sticker, all else as an address",
        buttons: "up to 13 quick replies; up to 4 with a link among them as a template",
        receipts: "-",
        edits: "deletions in",
        templates: "-",
        typing: "in chats with one person",
        limits: "sent again under the same retry key, harmless for 24 hours",
        test: "bot info; sets the webhook and has LINE call it",
    },
};
