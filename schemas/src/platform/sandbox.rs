//! Sandbox.

use super::{Ability, Platform};
use crate::ChannelKind;

pub(super) const PLATFORM: Platform = Platform {
    kind: ChannelKind::Sandbox,
    title: "Sandbox",
    credentials: &[],
    settings: &[],
    ability: Ability {
        verify: "none: there is nobody to sign",
        text: "64 KiB, text and HTML",
        media: "both ways, by address",
        buttons: "-",
        receipts: "-",
        edits: "-",
        templates: "-",
        typing: "-",
        limits: "-",
        test: "-",
    },
};
