//! WhatsApp.

use super::{Ability, Form, GRAPH_VERSION, ID, Platform, field};
use crate::ChannelKind;

pub(super) const PLATFORM: Platform = Platform {
    kind: ChannelKind::WhatsApp,
    title: "WhatsApp",
    credentials: &[
        field(
            "app_secret",
            Form::Text,
            "The app's secret, by which Meta signs webhooks: App settings, Basic.",
        ),
        field(
            "verify_token",
            Form::Text,
            "Any secret; the same is entered where the webhook is set up.",
        ),
        field(
            "access_token",
            Form::Token,
            "The permanent token of a system user with `whatsapp_business_messaging`.",
        ),
        field(
            "phone_number_id",
            ID,
            "The id (not the number) of the number that sends: WhatsApp, API setup.",
        ),
    ],
    settings: &[
        field(
            "waba_id",
            ID,
            "The WhatsApp Business account's id; with it a channel test registers the webhook.",
        ),
        field(
            "graph_version",
            GRAPH_VERSION,
            "The Graph API's version, `v24.0` when absent.",
        ),
        field(
            "api_base",
            Form::Base,
            "The Graph API, `https://graph.facebook.com` when absent.",
        ),
    ],
    ability: Ability {
        verify: "HMAC-SHA256 of the body (`X-Hub-Signature-256`); GET challenge",
        text: "4096, split; WhatsApp markup",
        media: "image, video, audio, voice, document, sticker, location, contact; out by upload, address or id",
        buttons: "3 replies, list of 10, 1 link; else listed",
        receipts: "sent, delivered, read, played, failed",
        edits: "edits and revocations in (coexistence)",
        templates: "yes",
        typing: "yes, marks the last message read",
        limits: "24 hours after the person's last message, then templates only",
        test: "the number; subscribes the app and sets the webhook (with `waba_id`)",
    },
};
