//! Twilio: SMS, MMS, WhatsApp and RCS through its Messages API, and telephone calls.

use super::{Ability, Alphabet, Field, Form, Part, Platform, field};
use crate::ChannelKind;

/// <https://www.twilio.com/docs/voice/twiml/record>.
const VOICE: &[Field] = &[
    field("greeting", Form::Words(4096), "Said first."),
    field("language", Form::Language, "In which it is said."),
    field(
        "voice",
        Form::Line(64),
        "By whom it is said, e.g. `Polly.Joanna`.",
    ),
    field("play", Form::Url, "A sound in place of the greeting."),
    field("record", Form::Flag, "Lets the caller leave a message."),
    field(
        "max_length_s",
        Form::Number(1, 14_400),
        "How long the message may be; 120 when absent.",
    ),
    field("transcribe", Form::Flag, "Has Twilio write it down."),
    field(
        "beep",
        Form::Flag,
        "Whether a beep comes before it; `true` when absent.",
    ),
    field("goodbye", Form::Words(4096), "Said after it."),
];

pub(super) const PLATFORM: Platform = Platform {
    kind: ChannelKind::Twilio,
    title: "Twilio",
    credentials: &[
        field(
            "account_sid",
            Form::Like(&[Part::Is("AC"), Part::Of(Alphabet::Alphanumeric, 1, 64)]),
            "The account, `AC…`; on the console's first page.",
        ),
        field(
            "auth_token",
            Form::Token,
            "The account's auth token, which signs Twilio's requests.",
        ),
        field(
            "api_key",
            Form::Like(&[Part::Is("SK"), Part::Of(Alphabet::Alphanumeric, 1, 64)]),
            "An API key, `SK…`, for calls instead of the auth token.",
        ),
        field("api_secret", Form::Token, "The secret of `api_key`."),
    ],
    settings: &[
        field(
            "from",
            Form::Sender,
            "The sender: `+49…`, `whatsapp:+49…`, `rcs:…`, a short code or a name.",
        ),
        field(
            "numbers",
            Form::List(&Form::Sender),
            "A pool of senders: a conversation keeps the one it has.",
        ),
        field(
            "messaging_service_sid",
            Form::Like(&[Part::Is("MG"), Part::Of(Alphabet::Alphanumeric, 1, 64)]),
            "A messaging service, `MG…`, that chooses the sender.",
        ),
        field(
            "status_callback",
            Form::Url,
            "Where Twilio reports what became of messages: this channel's webhook address.",
        ),
        field(
            "voice",
            Form::Fields(VOICE),
            "What callers hear; without it calls are rejected.",
        ),
        field(
            "api_base",
            Form::Base,
            "Twilio's address, `https://api.twilio.com` unless set.",
        ),
    ],
    ability: Ability {
        verify: "HMAC-SHA1 over address and fields, or the body's SHA-256",
        text: "1600 characters, split",
        media: "by URL, 10 a message",
        buttons: "as text",
        receipts: "sent, delivered, read, failed",
        edits: "-",
        templates: "content templates",
        typing: "-",
        limits: "as Twilio answers 429",
        test: "the account; sets SMS and voice addresses of its numbers",
    },
};
