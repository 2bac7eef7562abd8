//! Events of Mailgun (<https://documentation.mailgun.com/docs/mailgun/user-manual/events/event-structure>).

use schemas::{
    Timestamp, TrackKind,
    bounce::{self, Class, Said},
};
use serde::Deserialize;

use super::Event;

#[derive(Deserialize)]
pub(super) struct Mailgun {
    event: String,
    recipient: Option<String>,
    timestamp: Option<f64>,
    /// `permanent` or `temporary`.
    severity: Option<String>,
    #[serde(rename = "delivery-status", default)]
    status: Status,
    #[serde(default)]
    message: Sent,
}

#[derive(Default, Deserialize)]
struct Status {
    code: Option<u16>,
    #[serde(rename = "enhanced-code")]
    enhanced_code: Option<String>,
    message: Option<String>,
    description: Option<String>,
    #[serde(rename = "mx-host")]
    host: Option<String>,
}

#[derive(Default, Deserialize)]
struct Sent {
    #[serde(default)]
    headers: Headers,
}

#[derive(Default, Deserialize)]
struct Headers {
    #[serde(rename = "message-id")]
    message_id: Option<String>,
    to: Option<String>,
}

/// What an event says; none of one that is not known.
pub(super) fn event(event: Mailgun, received: Timestamp) -> Option<Event> {
    use TrackKind as K;
    let (mut detail, mut suppresses) = (None, false);
    let headers = event.message.headers;
    let kind = match event.event.as_str() {
        "delivered" => K::Delivered,
        "opened" => K::Opened,
        "clicked" => K::Clicked,
        "failed" if event.severity.as_deref() == Some("permanent") => {
            let said = &event.status;
            let words = [&said.message, &said.description]
                .into_iter()
                .flatten()
                .find(|words| !words.is_empty())
                .map_or("", String::as_str);
            let given = said.enhanced_code.as_deref().and_then(bounce::status);
            let status = given.or_else(|| bounce::status_within(words));
            let verdict = bounce::judge(&Said {
                status: status.as_deref(),
                reply: bounce::reply(words).or(said.code),
                words,
                host: said.host.as_deref(),
                is_final: true,
                ..Said::default()
            });
            suppresses = verdict.class == Class::Hard;
            detail = Some(verdict.detail(status.as_deref()));
            K::Bounced
        }
        "complained" => {
            suppresses = true;
            K::Complained
        }
        "unsubscribed" => {
            detail = Some("marketing: said to the provider".to_owned());
            suppresses = true;
            K::Unsubscribed
        }
        _ => return None,
    };
    let is_copy = match (&event.recipient, &headers.to) {
        (Some(recipient), Some(to)) if to.contains('@') => {
            !to.to_lowercase().contains(&recipient.to_lowercase())
        }
        _ => false,
    };
    Some(Event {
        kind,
        message_id: headers.message_id,
        address: event.recipient,
        is_copy,
        at: event.timestamp.map_or(received, seconds),
        detail,
        suppresses,
    })
}

fn seconds(at: f64) -> Timestamp {
    // A time out of all bounds is cut to the nearest there is.
    Timestamp::from_seconds(at as i64)
}
