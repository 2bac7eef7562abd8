//! Web chat.

use super::{Ability, Form, Platform, field};
use crate::ChannelKind;

pub(super) const PLATFORM: Platform = Platform {
    kind: ChannelKind::Webchat,
    title: "Web chat",
    credentials: &[],
    settings: &[
        field(
            "origins",
            Form::List(&Form::Origin),
            "Origins of the pages that may open the chat, such as `https://shop.example.com`; any when empty.",
        ),
        field("greeting", Form::Words(2000), "What a page shows first."),
    ],
    ability: Ability {
        verify: "session token of the hub, origin of the page",
        text: "64 KiB, plain or HTML",
        media: "by address",
        buttons: "shown by the page",
        receipts: "delivered, read",
        edits: "-",
        templates: "-",
        typing: "both ways",
        limits: "10 messages a second of a visitor, 64 KiB each",
        test: "-",
    },
};
