//! The sender against the fake.

use platform::{Desk, Trouble};
use schemas::ChannelKind;

use super::*;
use crate::channel::tests::{PRIVATE, account, outbound, word};

/// Made for this test.
const KEY: &str = include_str!("tests/key.pem");

async fn start(credentials: Option<Value>) -> (Vonage, Desk) {
    let fake = platform::of(ChannelKind::Vonage).unwrap();
    let desk = Desk::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let routes = fake.routes(desk.clone());
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    let (own, settings) = fake.channel(&url);
    let config = json!({"settings": settings});
    let credentials = credentials.unwrap_or(own);
    let sender = Vonage::new(
        &account(ChannelKind::Vonage, &config, &credentials),
        &PRIVATE,
    );
    (sender.unwrap(), desk)
}

fn to(conversation: &str, text: &str) -> Outbound {
    let mut outbound = outbound(1);
    outbound.message.recipient.id = String::new();
    outbound.message.platform_conversation_id = conversation.into();
    outbound.message.content.text = text.into();
    outbound
}

#[tokio::test]
async fn messages_leave_by_either_key() {
    let application =
        json!({"application_id": "aaaaaaaa-bbbb-4ccc-8ddd-0123456789ab", "private_key": KEY});
    for credentials in [None, Some(application)] {
        let (sender, desk) = start(credentials).await;
        let outcome = sender.send(&[&to("447700900001", "hello")]).await.remove(0);
        assert!(word(&outcome).starts_with("accepted "), "{outcome:?}");
        let outcome = sender
            .send(&[&to("whatsapp:447700900001", "hello")])
            .await
            .remove(0);
        assert!(word(&outcome).starts_with("accepted "), "{outcome:?}");
        assert!(desk.calls().iter().all(|call| call.refusal.is_none()));
        assert!(sender.test(None).await.ok);
    }
}

#[tokio::test]
async fn trouble_is_classed() {
    let (sender, desk) = start(None).await;
    for (status, expected) in [
        (429, "retry http-429"),
        (401, "permanent http-401"),
        (402, "permanent http-402"),
        (422, "permanent http-422"),
        (500, "unknown http-500"),
    ] {
        let status = StatusCode::from_u16(status).unwrap();
        desk.trouble(Trouble::Refuse(
            status,
            json!({"title": "No", "detail": "not this"}),
        ));
        let outcome = sender.send(&[&to("447700900001", "hello")]).await.remove(0);
        assert_eq!(word(&outcome), expected);
    }
    desk.trouble(Trouble::Silent);
    let outcome = sender.send(&[&to("447700900001", "hello")]).await.remove(0);
    assert_eq!(word(&outcome), "unknown http-502");
}

#[tokio::test]
async fn a_wrong_key_is_said() {
    let wrong = json!({"api_key": "abcd1234", "api_secret": "wrong"});
    let (sender, _) = start(Some(wrong)).await;
    assert!(!sender.test(None).await.ok);
    let config = json!({"settings": {}});
    let credentials = json!({"application_id": "a", "private_key": "no key"});
    let refused = Vonage::new(
        &account(ChannelKind::Vonage, &config, &credentials),
        &PRIVATE,
    );
    assert!(matches!(
        refused.err(),
        Some(Misconfigured::Invalid {
            name: "private_key",
            ..
        })
    ));
}
