use schemas::{Direction, MessageType, TenantId};
use serde_json::{Value, json};

use super::*;
use crate::auth::Role;

fn caller() -> Caller {
    Caller {
        tenant: TenantId(uuid::Uuid::from_u128(1)),
        role: Role::Agent,
        actor: "key:1".into(),
        name: Some("inbox".into()),
        channel: None,
    }
}

pub(in crate::route) fn known() -> Known {
    Known {
        tenant: caller().tenant,
        channel: ChannelId(uuid::Uuid::from_u128(2)),
        platform_conversation_id: "thread".into(),
        participant_id: "bob@example.com".into(),
        participant_name: None,
        subject: Some("Where is my parcel?".into()),
    }
}

/// Parses, checks and builds as a request is.
pub(in crate::route) fn built(body: Value) -> Result<Message, String> {
    let body: MessageIn = serde_json::from_value(body).map_err(|error| error.to_string())?;
    check(&body)
        .and_then(|()| build(MessageId::new(), &caller(), &known(), body))
        .map_err(|error| error.status().to_string())
}

pub(in crate::route) const ID: &str = "00000000-0000-0000-0000-000000000003";

#[test]
fn a_text_and_its_object_are_the_same() {
    let flat = built(json!({"conversation_id": ID, "content": "hi"})).unwrap();
    let parts =
        built(json!({"conversationId": ID, "content": {"text": "hi"}, "type": "text"})).unwrap();
    assert_eq!(digest(&flat), digest(&parts));
    assert_eq!(flat.message_type, MessageType::Text);
    assert_eq!(flat.direction, Direction::Outbound);
    assert_eq!(flat.recipient.id, "bob@example.com");
    assert_eq!(flat.platform_conversation_id, "thread");
    assert_eq!(flat.sender.name.as_deref(), Some("inbox"));
}

#[test]
fn html_gets_a_text_for_those_who_do_not_read_it() {
    let message = built(json!({
        "conversation_id": ID, "content": "<p>Hello <b>Bob</b></p>", "message_type": "html",
        "metadata": {"subject": "Re: Support Request", "cc": "team@example.com"}
    }))
    .unwrap();
    assert_eq!(
        message.content.html.as_deref(),
        Some("<p>Hello <b>Bob</b></p>")
    );
    assert!(
        message.content.text.contains("Hello"),
        "{}",
        message.content.text
    );
    assert!(
        !message.content.text.contains('<'),
        "{}",
        message.content.text
    );
    assert_eq!(message.subject.as_deref(), Some("Re: Support Request"));
    assert_eq!(message.metadata["cc"], "team@example.com");
    let both = built(json!({"conversation_id": ID, "content": {"text": "t", "html": "<p>h</p>"}}))
        .unwrap();
    assert_eq!(both.message_type, MessageType::Html);
    assert_eq!(both.content.text, "t");
}

#[test]
fn a_file_alone_is_a_message_of_its_kind() {
    let message = built(json!({
        "conversation_id": ID, "content": "",
        "attachments": [{"type": "image", "url": "https://example.com/a.png"}]
    }))
    .unwrap();
    assert_eq!(message.message_type, MessageType::Image);
    let odd = built(json!({"conversation_id": ID, "content": {"attachments": [{"type": "zip"}]}}))
        .unwrap();
    assert_eq!(odd.message_type, MessageType::File);
}

#[test]
fn what_cannot_be_sent_is_refused() {
    for body in [
        json!({"conversation_id": ID, "content": ""}),
        json!({"conversation_id": ID, "content": {}}),
        json!({"conversation_id": ID, "content": {"html": ""}}),
        json!({"conversation_id": ID, "content": "x", "subject": "a\r\nBcc: everyone@example.com"}),
        json!({"conversation_id": ID, "content": "x", "metadata": {"subject": "a\nb"}}),
        json!({"conversation_id": ID, "content": "x", "attachments": vec![json!({"type": "file"}); 51]}),
        json!({"conversation_id": ID, "content": "x", "attachments": [{"type": "file", "url": "javascript:alert(1)"}]}),
        json!({"conversation_id": ID, "content": {"attachments": [{"type": "file", "url": "file:///etc/passwd"}]}}),
        json!({"conversation_id": ID, "content": "x", "tags": vec!["t"; 65]}),
    ] {
        assert_eq!(
            built(body.clone()).unwrap_err(),
            "422 Unprocessable Entity",
            "{body}"
        );
    }
    for body in [
        json!({"content": "x"}),
        json!({"conversation_id": ID, "content": 7}),
        json!({"conversation_id": ID, "content": "x", "recipients": []}),
        json!({"conversation_id": "every", "content": "x"}),
    ] {
        assert!(built(body.clone()).is_err(), "{body}");
    }
}

#[test]
fn keys_are_visible_ascii() {
    let of = |value: &[u8]| {
        let mut headers = HeaderMap::new();
        let value = axum::http::HeaderValue::from_bytes(value).unwrap();
        headers.insert("idempotency-key", value);
        idempotency_key(&headers)
            .map(|key| key.map(str::to_owned))
            .map_err(|error| error.status().as_u16())
    };
    assert_eq!(of(b"order-17"), Ok(Some("order-17".into())));
    assert_eq!(of(b""), Err(400));
    assert_eq!(of(b"two words"), Err(400));
    assert_eq!(of("ü".as_bytes()), Err(400));
    assert_eq!(of(&[b'x'; 256]), Err(400));
    assert_eq!(idempotency_key(&HeaderMap::new()).unwrap(), None);
}
