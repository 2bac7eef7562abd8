//! What a provider tells of mail that left by it: events of `SendGrid`, Mailgun, Amazon SES ([`ses`]) and Postmark
//! ([`postmark`]).
//!
//! Sources: <https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event>,
//! <https://documentation.mailgun.com/docs/mailgun/user-manual/events/event-structure>. All is news; what is not known says
//! nothing. Who is told of is suppressed after a hard bounce, a complaint and an unsubscription: providers prove who they are.

mod postmark;
mod ses;

use schemas::{
    ChannelId, Timestamp, TrackKind,
    bounce::{self, Class, Said, Verdict},
    bounce_token::BounceToken,
    reply_token::may_be_ours,
};
use serde::{
    Deserialize,
    de::{self, value::StrDeserializer},
};

use crate::normalize::News;

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Told {
    Sendgrid(Sendgrid),
    Mailgun(Mailgun),
    Ses(ses::Ses),
    Postmark(postmark::Postmark),
}

#[derive(Deserialize)]
struct Sendgrid {
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

#[derive(Deserialize)]
struct Mailgun {
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

/// What an event says, whoever tells it.
struct Event {
    kind: TrackKind,
    message_id: Option<String>,
    address: Option<String>,
    /// The address only had a copy.
    is_copy: bool,
    at: Timestamp,
    detail: Option<String>,
    suppresses: bool,
}

/// The news of an event; none of one that is not known, or says nothing.
pub(super) fn news(bytes: &[u8], channel: ChannelId, received: Timestamp) -> Vec<News> {
    let event = match serde_json::from_slice(bytes) {
        Ok(Told::Sendgrid(event)) => sendgrid(event, received),
        Ok(Told::Mailgun(event)) => mailgun(event, received),
        Ok(Told::Ses(event)) => return ses::news(&event, channel, received),
        Ok(Told::Postmark(event)) => return postmark::news(&event, channel, received),
        Err(_) => None,
    };
    let Some(event) = event else {
        return Vec::new();
    };
    let because = |news: News| match &event.detail {
        Some(detail) => news.because(detail.clone()),
        None => news,
    };
    let is_address_alone = event.is_copy || event.kind == TrackKind::Unsubscribed;
    let message = event
        .message_id
        .as_deref()
        .map(|id| id.trim().trim_matches(['<', '>']))
        .filter(|id| !is_address_alone && may_be_ours(channel, id))
        .map(|id| News::receipt(event.kind, id, event.at));
    let address = event
        .address
        .as_deref()
        .filter(|_| event.suppresses)
        .map(|address| News::address(event.kind, crate::text::address(address), event.at));
    message.into_iter().chain(address).map(because).collect()
}

fn sendgrid(event: Sendgrid, received: Timestamp) -> Option<Event> {
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

fn mailgun(event: Mailgun, received: Timestamp) -> Option<Event> {
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

/// The id that a message of this channel goes by, where the token is one that it gave.
fn of_token(token: &BounceToken, channel: ChannelId) -> Option<String> {
    token.message(channel).map(|message| message.to_string())
}

/// A time as RFC 3339 has it, else that at which the event came.
fn moment(written: Option<&str>, received: Timestamp) -> Timestamp {
    let reader = written.map(StrDeserializer::<de::value::Error>::new);
    reader
        .and_then(|reader| Timestamp::deserialize(reader).ok())
        .unwrap_or(received)
}

fn seconds(at: f64) -> Timestamp {
    // A time out of all bounds is cut to the nearest there is.
    Timestamp::from_seconds(at as i64)
}

#[cfg(test)]
mod tests {
    use schemas::{About, ConversationId, MessageId, reply_token};
    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::*;

    const CHANNEL: ChannelId = ChannelId(Uuid::from_u128(2));

    fn ours() -> String {
        let conversation = ConversationId(Uuid::from_u128(8));
        reply_token::message_id(
            MessageId(Uuid::from_u128(7)),
            CHANNEL,
            conversation,
            "d.example",
        )
    }

    /// Kind, whether it is about the address, and the detail of each.
    fn told(event: Value) -> Vec<(&'static str, bool, String)> {
        news(
            event.to_string().as_bytes(),
            CHANNEL,
            Timestamp::from_seconds(5),
        )
        .into_iter()
        .map(|news| {
            let is_address = matches!(news.about, About::Address(_));
            if !is_address {
                assert_eq!(news.provider_id.as_deref(), Some(&*ours()));
            }
            (
                news.kind.name(),
                is_address,
                news.detail.unwrap_or_default(),
            )
        })
        .collect()
    }

    fn none() -> String {
        String::new()
    }

    #[test]
    fn sendgrid_is_understood() {
        let event = |event: &str, more: Value| {
            let mut all = json!({"event": event, "email": "bob@example.org", "timestamp": 9, "smtp-id": format!("<{}>", ours())});
            all.as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            told(json!({"sendgrid": all}))
        };
        assert_eq!(
            event("delivered", json!({})),
            [("delivered", false, none())]
        );
        assert_eq!(event("open", json!({})), [("opened", false, none())]);
        assert_eq!(event("click", json!({})), [("clicked", false, none())]);
        let hard = "hard: 5.1.1 unknown-user".to_owned();
        assert_eq!(
            event(
                "bounce",
                json!({"type": "bounce", "status": "5.1.1", "reason": "550 5.1.1 no such user"})
            ),
            [("bounced", false, hard.clone()), ("bounced", true, hard)]
        );
        assert_eq!(
            event(
                "bounce",
                json!({"type": "blocked", "reason": "550 5.7.1 spam"})
            ),
            [("bounced", false, "block: 5.7.1 spam".to_owned())]
        );
        assert_eq!(
            event("spamreport", json!({})),
            [("complained", false, none()), ("complained", true, none())]
        );
        let [(kind, is_address, detail)] = &event("unsubscribe", json!({}))[..] else {
            panic!("the address alone")
        };
        assert!(*kind == "unsubscribed" && *is_address && detail.starts_with("marketing"));
        assert!(event("processed", json!({})).is_empty());
        assert!(event("deferred", json!({})).is_empty());
    }

    #[test]
    fn mailgun_is_understood() {
        let event = |event: &str, to: &str, more: Value| {
            let mut all = json!({"event": event, "recipient": "bob@example.org", "timestamp": 9.25,
                "message": {"headers": {"message-id": ours(), "to": to}}});
            all.as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            told(json!({"mailgun": all}))
        };
        let bob = "Bob <Bob@example.org>";
        assert_eq!(
            event("delivered", bob, json!({})),
            [("delivered", false, none())]
        );
        let gone = json!({"severity": "permanent", "delivery-status": {"code": 550, "enhanced-code": "5.1.1", "message": "no such user"}});
        let hard = "hard: 5.1.1 unknown-user".to_owned();
        assert_eq!(
            event("failed", bob, gone.clone()),
            [
                ("bounced", false, hard.clone()),
                ("bounced", true, hard.clone())
            ]
        );
        // The address is no more, but the message was not to it.
        assert_eq!(
            event("failed", "ann@example.org", gone),
            [("bounced", true, hard)]
        );
        let full = json!({"severity": "permanent", "delivery-status": {"code": 552, "message": "552 5.2.2 mailbox full"}});
        assert_eq!(
            event("failed", bob, full),
            [("bounced", false, "soft: 5.2.2 mailbox-full".to_owned())]
        );
        assert!(event("failed", bob, json!({"severity": "temporary"})).is_empty());
        assert_eq!(event("complained", bob, json!({})).len(), 2);
        assert!(event("accepted", bob, json!({})).is_empty());
    }

    #[test]
    fn an_event_is_news_and_no_mail() {
        use crate::{Cx, Stage, normalize::Normalize};
        let bytes = json!({"sendgrid": {"event": "delivered", "smtp-id": ours()}})
            .to_string()
            .into_bytes();
        let keys = schemas::keys::of(schemas::ChannelKind::Email, &bytes).unwrap();
        let envelope = |content_type: &str| schemas::Envelope {
            tenant: schemas::TenantId(Uuid::from_u128(1)),
            channel: CHANNEL,
            kind: schemas::ChannelKind::Email,
            message: MessageId::inbound(CHANNEL, &keys.platform_id),
            conversation: ConversationId::of(CHANNEL, &keys.conversation),
            conversation_key: keys.conversation.clone(),
            received_at: Timestamp::from_seconds(1),
            position: 0,
            body: schemas::Body::Raw(schemas::Raw {
                content_type: content_type.to_owned(),
                bytes: bytes.clone().into(),
            }),
            context: schemas::Context::default(),
            replies: Vec::new(),
            events: Vec::new(),
            trace: Vec::new(),
        };
        let told = Normalize.apply(&Cx::default(), envelope("application/json"));
        assert!(matches!(told, schemas::Outcome::Track(events) if events.len() == 1));
        // A mail that looks like an event is a mail.
        let mail = Normalize.apply(&Cx::default(), envelope("message/rfc822"));
        assert!(matches!(mail, schemas::Outcome::Next(_)));
    }

    #[test]
    fn a_strangers_message_is_no_news() {
        let event = json!({"sendgrid": {"event": "delivered", "email": "a@b.example", "smtp-id": "<x@y.example>"}});
        assert!(told(event).is_empty());
        for bytes in [
            &b"{}"[..],
            b"[]",
            b"{\"mailgun\":1}",
            b"From: a@b.example\r\n\r\n",
        ] {
            assert!(news(bytes, CHANNEL, Timestamp::from_seconds(1)).is_empty());
        }
    }
}
