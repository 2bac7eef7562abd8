//! Vonage: SMS, MMS, WhatsApp, Messenger, Viber and RCS through its Messages API, and incoming calls.

use super::{Ability, Form, Platform, field};
use crate::ChannelKind;

pub(super) const PLATFORM: Platform = Platform {
    kind: ChannelKind::Vonage,
    title: "Vonage",
    credentials: &[
        field(
            "signature_secret",
            Form::Text,
            "The account's signature secret, which signs webhooks.",
        ),
        field("application_id", Form::Text, "The application that sends."),
        field(
            "private_key",
            Form::Text,
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
        field("from", Form::Text, "The sender: a number or a name."),
        field(
            "numbers",
            Form::Texts,
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
            Form::Object,
            "What callers hear: `greeting` and `language`, or `play`; `record`, `max_length_s`, `beep`.",
        ),
        field(
            "api_base",
            Form::Url,
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
