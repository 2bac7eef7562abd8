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
            "Where mail is fetched: `host`, `port`, `tls` (`none`, `starttls`, `implicit`), `username`, `password`, `mailbox`, or `oauth` in place of a password.",
        ),
    ],
    settings: &[
        field(
            "poll_interval_s",
            Form::Number(5, 1500),
            "How often the mailbox is looked at; 60 where the server does not tell of new mail by itself (IDLE).",
        ),
        field(
            "idle",
            Form::Flag,
            "Whether the server is waited for (IDLE) where it offers that; `true` by default.",
        ),
        field(
            "after_fetch",
            Form::OneOf(&["keep", "seen", "delete"]),
            "What becomes of a mail in the mailbox once it is stored; `keep` by default.",
        ),
        field(
            "backlog",
            Form::Number(0, 1000),
            "So many of the youngest mails are read at the start; by default those of the hour before the channel was made.",
        ),
        field(
            "plus_address",
            Form::Flag,
            "Lets answers come to `local+token@domain`, where the mail server takes such addresses: they then find their conversation whatever a mail program forgets.",
        ),
        field(
            "allow_plain_login",
            Form::Flag,
            "Lets passwords travel unencrypted (`tls`: `none`).",
        ),
    ],
    ability: Ability {
        verify: "signature of the raw mail, or the mailbox's login",
        text: "text and HTML; Markdown is made into both",
        media: "both ways; out 18 MiB a mail, linked beyond; within the page by `content_id`",
        buttons: "listed below the text",
        receipts: "bounced and delivered (DSN), read (MDN), complained (ARF)",
        edits: "-",
        templates: "-",
        typing: "-",
        limits: "those of the relay",
        test: "connects, EHLO, TLS, AUTH",
    },
};
