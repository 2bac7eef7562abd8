//! The sender against the fake.

use platform::{Desk, Trouble};
use schemas::ChannelKind;
use serde_json::json;

use super::*;
use crate::channel::tests::{PRIVATE, account, outbound, word};

async fn start(credentials: Option<Value>) -> (MessageBird, Desk) {
    let fake = platform::of(ChannelKind::MessageBird).unwrap();
    let desk = Desk::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let routes = fake.routes(desk.clone());
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    let (own, settings) = fake.channel(&url);
    let config = json!({"settings": settings});
    let credentials = credentials.unwrap_or(own);
    let account = account(ChannelKind::MessageBird, &config, &credentials);
    (MessageBird::new(&account, &PRIVATE).unwrap(), desk)
}

fn to(conversation: &str) -> Outbound {
    let mut outbound = outbound(1);
    outbound.message.recipient.id = String::new();
    outbound.message.platform_conversation_id = conversation.into();
    outbound
}

#[tokio::test]
async fn an_sms_and_a_reply_leave() {
    let (sender, desk) = start(None).await;
    for conversation in ["31612345678", "cccccccccccccccccccccccccccccccc"] {
        let outcome = sender.send(&[&to(conversation)]).await.remove(0);
        assert!(word(&outcome).starts_with("accepted "), "{outcome:?}");
    }
    let calls = desk.calls();
    assert!(calls.iter().all(|call| call.refusal.is_none()), "{calls:?}");
    assert_eq!(
        calls[1].path,
        "/v1/conversations/cccccccccccccccccccccccccccccccc/messages"
    );
    assert!(sender.test(None).await.ok);
    let wrong = start(Some(json!({"access_key": "wrong"}))).await.0;
    assert!(wrong.test(None).await.detail.contains("messagebird-2"));
}

#[tokio::test]
async fn trouble_is_classed() {
    let (sender, desk) = start(None).await;
    for (status, code, expected) in [
        (429, 2, "retry http-429"),
        (401, 2, "permanent messagebird-2"),
        (422, 9, "permanent messagebird-9"),
        (422, 10, "permanent messagebird-10"),
        (404, 20, "permanent messagebird-20"),
        (402, 25, "permanent messagebird-25"),
        (500, 99, "unknown messagebird-99"),
    ] {
        let status = StatusCode::from_u16(status).unwrap();
        let body = json!({"errors": [{"code": code, "description": "no", "parameter": null}]});
        desk.trouble(Trouble::Refuse(status, body));
        let outcome = sender.send(&[&to("31612345678")]).await.remove(0);
        assert_eq!(word(&outcome), expected);
        if let SendOutcome::Permanent(failure) = outcome {
            let channel = failure.scope == crate::channel::Scope::Channel;
            assert_eq!(channel, matches!(code, 2 | 20 | 25), "{code}");
        }
    }
    desk.trouble(Trouble::Silent);
    let outcome = sender.send(&[&to("31612345678")]).await.remove(0);
    assert_eq!(word(&outcome), "unknown http-502");
}

#[tokio::test]
async fn the_key_is_shown_to_messagebird_alone() {
    let (sender, _) = start(None).await;
    for (url, shown) in [
        ("https://media.messagebird.com/a", true),
        ("http://media.messagebird.com/a", false),
        ("https://messagebird.com.example.org/a", false),
    ] {
        let attachment = Attachment {
            url: Some(url.into()),
            ..Attachment::default()
        };
        let at = sender.file(&attachment).await.unwrap();
        assert_eq!(at.headers.contains_key("authorization"), shown, "{url}");
    }
}
