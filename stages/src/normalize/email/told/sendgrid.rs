//! Events of `SendGrid` (<https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event>).

use schemas::{
    Timestamp, TrackKind,
    bounce::{self, Class, Said, Verdict},
};
use serde::Deserialize;

use super::Event;

#[derive(Deserialize)]
pub(super) struct Sendgrid {
    event: String,
    email: Option<String>,
    /// Our `Message-ID`.
    #[serde(rename = "smtp-id")]
    smtp_id: Option<String>,
    timestamp: Option<i64>,
    /// `bounce` or `blocked`.
    #[serde(rename = "type")]
    kind: Option<String>,
    status: Option<String>,
    reason: Option<String>,
}

/// What an event says; none of one that is not known.
pub(super) fn event(event: Sendgrid, received: Timestamp) -> Option<Event> {
    use TrackKind as K;
    let (mut detail, mut suppresses) = (None, false);
    let kind = match event.event.as_str() {
        "delivered" => K::Delivered,
        "open" => K::Opened,
        "click" => K::Clicked,
        "bounce" => {
            let words = event.reason.as_deref().unwrap_or_default();
            let given = event.status.as_deref().and_then(bounce::status);
            let status = bounce::status_within(words).or(given);
            // `blocked` is SendGrid's own word for what may go better next time.
            let is_blocked = event.kind.as_deref() == Some("blocked");
            let hint = (!is_blocked)
                .then(|| Verdict::of_category("bad-mailbox"))
                .flatten();
            let verdict = bounce::judge(&Said {
                status: status.as_deref(),
                reply: bounce::reply(words),
                words,
                hint,
                is_final: !is_blocked,
                ..Said::default()
            });
            suppresses = verdict.class == Class::Hard;
            detail = Some(verdict.detail(status.as_deref()));
            K::Bounced
        }
        "dropped" => {
            detail = Some("dropped by the provider".to_owned());
            K::Failed
        }
        "spamreport" => {
            suppresses = true;
            K::Complained
        }
        "unsubscribe" | "group_unsubscribe" => {
            detail = Some("marketing: said to the provider".to_owned());
            suppresses = true;
            K::Unsubscribed
        }
        _ => return None,
    };
    Some(Event {
        kind,
        message_id: event.smtp_id,
        address: event.email,
        is_copy: false,
        at: event.timestamp.map_or(received, Timestamp::from_seconds),
        detail,
        suppresses,
    })
}
