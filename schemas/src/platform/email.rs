//! E-mail.

use super::{Ability, Form, Platform, field};
use crate::ChannelKind;

pub(super) const PLATFORM: Platform = Platform {
    kind: ChannelKind::Email,
    title: "E-mail",
    credentials: &[
        field(
            "signing_secret",
            Form::Secret(16),
            "Signs raw mails handed in by webhook.",
        ),
        field(
            "smtp",
            Form::Object,
            "Where mail leaves: `host`, `port`, `tls` (`none`, `starttls`, `implicit`), `username`, `password`.",
        ),
        field("from", Form::Text, "The address mail is from."),
        field(
            "imap",
            Form::Object,
            "Where mail is fetched: `host`, `port`, `tls`, `username`, `password`, `mailbox`.",
        ),
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
