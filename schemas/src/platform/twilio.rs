//! Twilio: SMS, MMS, WhatsApp and RCS through its Messages API, and telephone calls.

use super::{Ability, Form, Platform, field};
use crate::ChannelKind;

pub(super) const PLATFORM: Platform = Platform {
    kind: ChannelKind::Twilio,
    title: "Twilio",
    credentials: &[
        field(
            "account_sid",
            Form::Text,
            "The account, `AC…`; on the console's first page.",
        ),
        field(
            "auth_token",
            Form::Text,
            "The account's auth token, which signs Twilio's requests.",
        ),
        field(
            "api_key",
            Form::Text,
            "An API key, `SK…`, for calls instead of the auth token.",
        ),
        field("api_secret", Form::Text, "The secret of `api_key`."),
    ],
    settings: &[
        field(
            "from",
            Form::Text,
            "The sender: `+49…`, `whatsapp:+49…`, `rcs:…`, a short code or a name.",
        ),
        field(
            "numbers",
            Form::Texts,
            "A pool of senders: a conversation keeps the one it has.",
        ),
        field(
            "messaging_service_sid",
            Form::Text,
            "A messaging service, `MG…`, that chooses the sender.",
        ),
        field(
            "status_callback",
            Form::Url,
            "Where Twilio reports what became of messages: this channel's webhook address.",
        ),
        field(
            "voice",
            Form::Object,
            "What callers hear: `greeting`, `language`, `voice` or `play`; `record`, `max_length_s`, `transcribe`, `beep`, `goodbye`. Without it calls are rejected.",
        ),
        field(
            "api_base",
            Form::Url,
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
