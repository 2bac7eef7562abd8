//! Vonage: SMS, MMS, WhatsApp, Messenger, Viber and RCS through its Messages API, and incoming calls.

use super::{Ability, Field, Form, Pem, Platform, field};
use crate::ChannelKind;

/// <https://developer.vonage.com/en/voice/voice-api/ncco-reference>.
const VOICE: &[Field] = &[
    field("greeting", Form::Words(1500), "Said first."),
    field(
        "language",
        Form::Language,
        "In which it is said; `en-US` when absent.",
    ),
    field("play", Form::Url, "A sound in place of the greeting."),
    field("record", Form::Flag, "Lets the caller leave a message."),
    field(
        "max_length_s",
        Form::Number(3, 7200),
        "How long the message may be; 120 when absent.",
    ),
    field(
        "beep",
        Form::Flag,
        "Whether a beep comes before it; `true` when absent.",
    ),
];

pub(super) const PLATFORM: Platform = Platform {
    kind: ChannelKind::Vonage,
    title: "Vonage",
    credentials: &[
        field(
            "signature_secret",
            Form::Text,
            "The account's signature secret, which signs webhooks.",
        ),
        field("application_id", Form::Uuid, "The application that sends."),
        field(
            "private_key",
            Form::Pem(Pem::RsaKey),
            "The application's private key as PEM, which signs calls.",
        ),
        field(
            "api_key",
            Form::Text,
            "The account's key, for calls where there is no application.",
        ),
        field("api_secret", Form::Text, "The secret of `api_key`."),
    ],
    settings: &[
        field("from", Form::Sender, "The sender: a number or a name."),
        field(
            "numbers",
            Form::List(&Form::Sender),
            "A pool of senders: a conversation keeps the one it has.",
        ),
        field(
            "channel",
            Form::OneOf(&[
                "sms",
                "mms",
                "whatsapp",
                "messenger",
                "viber_service",
                "rcs",
            ]),
            "What an address without a channel is written to by; `sms` unless set.",
        ),
        field(
            "signature_method",
            Form::OneOf(&["md5hash", "md5", "sha1", "sha256", "sha512"]),
            "How webhooks of the older SMS API are signed; without it they are refused.",
        ),
        field(
            "voice",
            Form::Fields(VOICE),
            "What callers hear; without it calls end at once.",
        ),
        field(
            "api_base",
            Form::Base,
            "Vonage's address, `https://api.nexmo.com` unless set.",
        ),
    ],
    ability: Ability {
        verify: "JWT with the body's SHA-256; `sig` of the SMS API",
        text: "1000 characters, WhatsApp 4096, split",
        media: "by URL",
        buttons: "3 replies on WhatsApp, else as text",
        receipts: "sent, delivered, read, failed",
        edits: "-",
        templates: "WhatsApp",
        typing: "-",
        limits: "as Vonage answers 429",
        test: "the application",
    },
};
