//! Generic.

use super::{Ability, Form, Platform, field};
use crate::ChannelKind;

pub(super) const PLATFORM: Platform = Platform {
    kind: ChannelKind::Generic,
    title: "Generic",
    credentials: &[
        field("signing_secret", Form::Secret(16), "Signs both ways."),
        field("url", Form::Url, "Where messages are posted to."),
    ],
    settings: &[],
    ability: Ability {
        verify: "HMAC-SHA256 over time and body (`X-Tidings-Signature`), 300 s",
        text: "64 KiB, text and HTML",
        media: "both ways, by address",
        buttons: "handed on",
        receipts: "-",
        edits: "-",
        templates: "handed on",
        typing: "-",
        limits: "as the receiver answers 429 and 503",
        test: "posts a signed test call",
    },
};
