//! What holds for all platforms.

use bytes::Bytes;
use proptest::prelude::*;
use schemas::{ChannelId, TenantId, Timestamp};
use uuid::Uuid;

use super::*;

/// An envelope as the gateway makes it.
pub(crate) fn raw(kind: ChannelKind, bytes: &[u8]) -> Envelope {
    let channel = ChannelId(Uuid::from_u128(2));
    let keys = keys::of(kind, bytes).unwrap_or(Keys {
        platform_id: "?".into(),
        conversation: "?".into(),
    });
    Envelope {
        tenant: TenantId(Uuid::from_u128(1)),
        channel,
        kind,
        message: MessageId::inbound(channel, &keys.platform_id),
        conversation: ConversationId::of(channel, &keys.conversation),
        conversation_key: keys.conversation,
        received_at: Timestamp::from_seconds(1_736_332_200),
        position: 0,
        body: Body::Raw(Raw {
            content_type: "application/octet-stream".into(),
            bytes: Bytes::copy_from_slice(bytes),
        }),
        context: schemas::Context::default(),
        replies: Vec::new(),
        events: Vec::new(),
        trace: Vec::new(),
    }
}

pub(crate) fn sandbox(text: &str) -> Envelope {
    let json = serde_json::json!({"id": "1", "sender": {"id": "ann"}, "text": text});
    raw(ChannelKind::Sandbox, json.to_string().as_bytes())
}

pub(crate) fn message_of(envelope: Envelope) -> Message {
    match Normalize.apply(&Cx::default(), envelope) {
        Outcome::Next(envelope) => envelope.message().unwrap().clone(),
        end => panic!("{end:?}"),
    }
}

#[test]
fn what_is_too_long_is_cut_and_said() {
    let message = message_of(sandbox(&"ä".repeat(MAX_TEXT_BYTES)));
    assert_eq!(message.content.text.len(), MAX_TEXT_BYTES);
    assert_eq!(message.metadata["truncated"], serde_json::json!(["text"]));
}

#[test]
fn a_claimed_id_is_refused() {
    let mut envelope = sandbox("hi");
    envelope.message = MessageId(Uuid::from_u128(9));
    let Outcome::Dead(reason) = Normalize.apply(&Cx::default(), envelope) else {
        panic!("passed");
    };
    assert_eq!(reason.code, "forged");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn any_bytes_have_an_answer(kind in 0usize..ChannelKind::ALL.len(), head in 0usize..6, bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let head: &[u8] = [
            &b""[..],
            b"{\"update_id\":1,\"message\":{\"message_id\":1,\"date\":1,\"chat\":{\"id\":1,\"type\":\"private\"},\"text\":\"",
            b"From: a@b.c\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/html\r\n\r\n<",
            b"From: a@b.c\r\nSubject: =?utf-8?q?",
            b"{\"id\":\"1\",\"sender\":{\"id\":\"2\"},\"text\":\"",
            b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n",
        ][head];
        let envelope = raw(ChannelKind::ALL[kind], &[head, &bytes].concat());
        match Normalize.apply(&Cx::default(), envelope) {
            Outcome::Next(envelope) => {
                let message = envelope.message().unwrap();
                prop_assert!(message.content.text.len() <= MAX_TEXT_BYTES);
                let json = serde_json::to_string(message).unwrap();
                prop_assert!(!json.contains("\\u0000"));
            }
            Outcome::Dead(reason) => prop_assert_eq!(reason.code, "malformed"),
            Outcome::Track(_) => {}
            Outcome::Drop(_) => prop_assert!(false, "normalize never drops"),
        }
    }
}
