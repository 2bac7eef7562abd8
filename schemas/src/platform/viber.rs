//! Viber.

use super::{Ability, Form, Platform, field};
use crate::ChannelKind;

pub(super) const PLATFORM: Platform = Platform {
    kind: ChannelKind::Viber,
    title: "Viber",
    credentials: &[field(
        "auth_token",
        Form::Token,
        "Signs webhooks and calls; \"Your app key\" of the bot in Viber.",
    )],
    settings: &[
        field(
            "sender_name",
            Form::Line(28),
            "Who writes, as people see it; at most 28 characters, `Support` when absent.",
        ),
        field(
            "api_base",
            Form::Base,
            "Where the API lies, if not at Viber.",
        ),
    ],
    ability: Ability {
        verify: "`X-Viber-Content-Signature`: hex HMAC-SHA256 of the body under the token",
        text: "7000 characters, then several messages; plain",
        media: "picture, video, file, contact, location, sticker, address; what has no known size goes out as an address",
        buttons: "up to 24 as a keyboard; an answer comes back as a text",
        receipts: "delivered, seen, failed",
        edits: "-",
        templates: "-",
        typing: "-",
        limits: "no idempotency key: what may have left is held",
        test: "account info; sets the webhook",
    },
};
