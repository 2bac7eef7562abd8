//! What a provider tells of mail that left by it: a file for each.
//!
//! All is news; what is not known says nothing. Who is told of is suppressed after a hard bounce, a complaint and an
//! unsubscription: providers prove who they are.

mod mailgun;
mod postmark;
mod sendgrid;
mod ses;

use schemas::{
    ChannelId, Timestamp, TrackKind, bounce_token::BounceToken, reply_token::may_be_ours,
};
use serde::{
    Deserialize,
    de::{self, value::StrDeserializer},
};

use crate::normalize::News;

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Told {
    Sendgrid(sendgrid::Sendgrid),
    Mailgun(mailgun::Mailgun),
    Ses(ses::Ses),
    Postmark(postmark::Postmark),
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
        Ok(Told::Sendgrid(event)) => sendgrid::event(event, received),
        Ok(Told::Mailgun(event)) => mailgun::event(event, received),
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
