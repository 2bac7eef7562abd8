//! MessageBird: SMS, and what comes through its Conversations API.

use super::{Ability, Form, Platform, field};
use crate::ChannelKind;

pub(super) const PLATFORM: Platform = Platform {
    kind: ChannelKind::MessageBird,
    title: "MessageBird",
    credentials: &[
        field(
            "signing_key",
            Form::Text,
            "The workspace's signing key, which signs webhooks.",
        ),
        field("access_key", Form::Token, "The live access key, for calls."),
    ],
    settings: &[
        field("from", Form::Sender, "The originator: a number or a name."),
        field(
            "numbers",
            Form::List(&Form::Sender),
            "A pool of originators: a conversation keeps the one it has.",
        ),
        field(
            "report_url",
            Form::Url,
            "Where MessageBird reports what became of SMS: this channel's webhook address.",
        ),
        field(
            "api_base",
            Form::Base,
            "MessageBird's address, `https://rest.messagebird.com` unless set.",
        ),
        field(
            "conversations_base",
            Form::Base,
            "That of its Conversations API, `https://conversations.messagebird.com` unless set.",
        ),
    ],
    ability: Ability {
        verify: "JWT with SHA-256 of address and body; the older HMAC",
        text: "SMS 1377 characters, conversations 4096, split",
        media: "by URL, in conversations",
        buttons: "as text",
        receipts: "sent, delivered, read, failed",
        edits: "-",
        templates: "WhatsApp, in conversations",
        typing: "-",
        limits: "as MessageBird answers 429",
        test: "the balance",
    },
};
