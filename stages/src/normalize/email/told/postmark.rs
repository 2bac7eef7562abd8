//! Events of Postmark (<https://postmarkapp.com/developer/webhooks/webhooks-overview>).
//!
//! Postmark repeats no header of the mail, but its metadata: a mail that leaves by it brings the token of the message's
//! bounces there ([`METADATA`]), which names the message and knows whom it is to.
//!
//! Deliberately absent: reactivations, for what suppressed an address here is undone here; a bounce of the type `Transient`
//! or `AutoResponder`, after which the mail may arrive yet, or did.

use schemas::{
    ChannelId, Timestamp, TrackKind,
    bounce::{self, Class, Said, Verdict},
    bounce_token::{BounceToken, METADATA},
};
use serde::Deserialize;
use serde_json::Value;

use super::{moment, of_token};
use crate::{normalize::News, text};

const TO_THE_PROVIDER: &str = "marketing: said to the provider";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Postmark {
    record_type: String,
    /// Of a bounce.
    #[serde(rename = "Type")]
    kind: Option<String>,
    type_code: Option<i64>,
    email: Option<String>,
    recipient: Option<String>,
    /// What the server said.
    details: Option<String>,
    bounced_at: Option<String>,
    delivered_at: Option<String>,
    received_at: Option<String>,
    changed_at: Option<String>,
    #[serde(default)]
    suppress_sending: bool,
    suppression_reason: Option<String>,
    /// `Recipient`, `Customer` or `Admin`.
    origin: Option<String>,
    #[serde(default)]
    metadata: Value,
}

/// What an event says.
struct Meaning {
    kind: TrackKind,
    detail: Option<String>,
    /// Of the message; else of the address alone.
    is_of_message: bool,
    suppresses: bool,
}

impl Meaning {
    fn of_message(kind: TrackKind) -> Self {
        Self {
            kind,
            detail: None,
            is_of_message: true,
            suppresses: false,
        }
    }

    fn of_address(kind: TrackKind, detail: &str) -> Self {
        Self {
            kind,
            detail: Some(detail.to_owned()),
            is_of_message: false,
            suppresses: true,
        }
    }

    fn failed(detail: &str) -> Self {
        Self {
            detail: Some(detail.to_owned()),
            ..Self::of_message(TrackKind::Failed)
        }
    }

    fn complaint() -> Self {
        Self {
            suppresses: true,
            ..Self::of_message(TrackKind::Complained)
        }
    }
}

/// The news of an event.
pub(super) fn news(event: &Postmark, channel: ChannelId, received: Timestamp) -> Vec<News> {
    use TrackKind as K;
    let said = match event.record_type.as_str() {
        "Delivery" => Some(Meaning::of_message(K::Delivered)),
        "Open" => Some(Meaning::of_message(K::Opened)),
        "Click" => Some(Meaning::of_message(K::Clicked)),
        "Bounce" => bounced(event),
        "SpamComplaint" => Some(Meaning::complaint()),
        "SubscriptionChange" => changed(event),
        _ => None,
    };
    let Some(said) = said else {
        return Vec::new();
    };
    let written = [
        &event.bounced_at,
        &event.delivered_at,
        &event.received_at,
        &event.changed_at,
    ];
    let written = written.into_iter().flatten().next();
    let at = moment(written.map(String::as_str), received);
    let who = [&event.email, &event.recipient]
        .into_iter()
        .flatten()
        .next();
    let token = event
        .metadata
        .get(METADATA)
        .and_then(Value::as_str)
        .and_then(BounceToken::parse);
    let is_to = |token: &BounceToken| {
        !token.has_copies() || who.is_some_and(|who| token.is_to(channel, who))
    };
    let message = token
        .filter(|token| said.is_of_message && is_to(token))
        .and_then(|token| of_token(&token, channel))
        .map(|name| News::receipt(said.kind, name, at));
    let address = who
        .filter(|_| said.suppresses)
        .map(|who| News::address(said.kind, text::address(who), at));
    let because = |news: News| match &said.detail {
        Some(detail) => news.because(detail.clone()),
        None => news,
    };
    message.into_iter().chain(address).map(because).collect()
}

/// By the words of the server, else by the type: <https://postmarkapp.com/developer/api/bounce-api#bounce-types>.
fn bounced(event: &Postmark) -> Option<Meaning> {
    let category = match kind(event) {
        "HardBounce" | "BadEmailAddress" => Some("bad-mailbox"),
        "DnsError" => Some("bad-connection"),
        "Blocked" | "DMARCPolicy" => Some("policy-related"),
        "SpamNotification" => Some("spam-related"),
        "VirusNotification" => Some("virus-related"),
        "SoftBounce" | "Unknown" | "AddressChange" => None,
        "SpamComplaint" => return Some(Meaning::complaint()),
        "Unsubscribe" => {
            return Some(Meaning::of_address(
                TrackKind::Unsubscribed,
                TO_THE_PROVIDER,
            ));
        }
        "ManuallyDeactivated" => return Some(Meaning::failed("suppressed by the provider")),
        "SMTPApiError" => return Some(Meaning::failed("refused by the provider")),
        "TemplateRenderingFailed" => return Some(Meaning::failed("not rendered by the provider")),
        _ => return None,
    };
    let words = event.details.as_deref().unwrap_or_default();
    let words = words.split_once(';').map_or(words, |(program, rest)| {
        if program.trim().eq_ignore_ascii_case("smtp") {
            rest.trim()
        } else {
            words
        }
    });
    let status = bounce::status_within(words);
    // Postmark's own word for what may go better next time.
    let is_final = matches!(category, Some("bad-mailbox"));
    let verdict = bounce::judge(&Said {
        status: status.as_deref(),
        reply: bounce::reply(words),
        words,
        hint: category.and_then(Verdict::of_category),
        is_final,
        ..Said::default()
    });
    Some(Meaning {
        kind: TrackKind::Bounced,
        detail: Some(verdict.detail(status.as_deref())),
        is_of_message: true,
        suppresses: verdict.class == Class::Hard,
    })
}

/// The type, by its name or else by its number.
fn kind(event: &Postmark) -> &str {
    if let Some(kind) = event.kind.as_deref().filter(|kind| !kind.is_empty()) {
        return kind;
    }
    match event.type_code {
        Some(1) => "HardBounce",
        Some(16) => "Unsubscribe",
        Some(128) => "AddressChange",
        Some(256) => "DnsError",
        Some(512) => "SpamNotification",
        Some(2048) => "Unknown",
        Some(4096) => "SoftBounce",
        Some(8192) => "VirusNotification",
        Some(100_000) => "BadEmailAddress",
        Some(100_001) => "SpamComplaint",
        Some(100_002) => "ManuallyDeactivated",
        Some(100_006) => "Blocked",
        Some(100_007) => "SMTPApiError",
        Some(100_009) => "DMARCPolicy",
        Some(100_010) => "TemplateRenderingFailed",
        _ => "",
    }
}

/// An address came onto Postmark's list, or left it.
fn changed(event: &Postmark) -> Option<Meaning> {
    if !event.suppress_sending {
        return None;
    }
    let reason = event.suppression_reason.as_deref().unwrap_or_default();
    match (reason, event.origin.as_deref().unwrap_or_default()) {
        ("HardBounce", _) => {
            let verdict = Verdict::of_category("bad-mailbox")?;
            Some(Meaning::of_address(
                TrackKind::Bounced,
                &verdict.detail(None),
            ))
        }
        ("SpamComplaint", _) => Some(Meaning {
            is_of_message: false,
            ..Meaning::complaint()
        }),
        // Who unsubscribed; what an operator suppresses there is between them and Postmark.
        (_, "Recipient") => Some(Meaning::of_address(
            TrackKind::Unsubscribed,
            TO_THE_PROVIDER,
        )),
        _ => None,
    }
}
