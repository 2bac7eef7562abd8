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
