//! The sender against the fake.

use std::sync::Arc;

use platform::{Desk, Fake, Trouble};
use reqwest::StatusCode;
use schemas::ChannelKind;
use serde_json::json;

use super::*;
use crate::channel::tests::{PRIVATE, account, outbound, word};

async fn start() -> (Twilio, Desk) {
    let fake = platform::of(ChannelKind::Twilio).unwrap();
    let fake: Arc<dyn Fake> = Arc::from(fake);
    let desk = Desk::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let routes = fake.routes(desk.clone());
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    let (credentials, settings) = fake.channel(&url);
    let config = json!({"settings": settings});
    let sender = Twilio::new(
        &account(ChannelKind::Twilio, &config, &credentials),
        &PRIVATE,
    );
    (sender.unwrap(), desk)
}

fn to(address: &str, text: &str) -> Outbound {
    let mut outbound = outbound(1);
    outbound.message.recipient.id = address.into();
    outbound.message.platform_conversation_id = address.into();
    outbound.message.content.text = text.into();
    outbound
}

#[tokio::test]
async fn a_message_leaves_and_keeps_its_ids() {
    let (sender, desk) = start().await;
    let long = "word ".repeat(500);
    let outcomes = sender
        .send(&[&to("+4915112345678", "hello"), &to("+4915112345678", &long)])
        .await;
    let ids: Vec<usize> = outcomes
        .iter()
        .map(|outcome| match outcome {
            SendOutcome::Accepted { provider_ids } => provider_ids.len(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(ids, [1, 2]);
    let calls = desk.calls();
    assert!(calls.iter().all(|call| call.refusal.is_none()), "{calls:?}");
    assert_eq!(calls[0].body["Body"], "hello");
}

#[tokio::test]
async fn trouble_is_classed() {
    let (sender, desk) = start().await;
    let refuse = |status: u16, code: u32| {
        Trouble::Refuse(
            StatusCode::from_u16(status).unwrap(),
            json!({"code": code, "message": "no", "status": status}),
        )
    };
    for (trouble, expected) in [
        (refuse(429, 20429), "retry http-429"),
        (refuse(400, 21610), "permanent unsubscribed"),
        (refuse(401, 20003), "permanent twilio-20003"),
        (Trouble::Silent, "unknown http-502"),
    ] {
        desk.trouble(trouble);
        let outcome = sender
            .send(&[&to("+4915112345678", "hello")])
            .await
            .remove(0);
        assert_eq!(word(&outcome), expected);
    }
    // Half of it left.
    desk.trouble(Trouble::Slow(std::time::Duration::ZERO));
    desk.trouble(refuse(400, 21617));
    let long = to("+4915112345678", &"word ".repeat(500));
    assert_eq!(
        word(&sender.send(&[&long]).await.remove(0)),
        "unknown partial"
    );
}

#[tokio::test]
async fn the_test_names_the_account_and_sets_its_numbers() {
    let (sender, desk) = start().await;
    let report = sender.test(None).await;
    assert!(report.ok && report.account.is_some(), "{report:?}");
    let url = "https://hub.example.org/api/v1/webhooks/1";
    let report = sender.test(Some(url)).await;
    assert!(report.ok, "{report:?}");
    let set = desk.calls().pop().unwrap();
    assert_eq!(set.body["SmsUrl"], url);
    desk.trouble(Trouble::Refuse(
        StatusCode::UNAUTHORIZED,
        json!({"code": 20003, "message": "Authenticate"}),
    ));
    assert!(!sender.test(None).await.ok);
}

#[tokio::test]
async fn the_key_is_shown_to_twilio_alone() {
    let (sender, _) = start().await;
    for (url, shown) in [
        (
            "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages/MM1/Media/ME1",
            true,
        ),
        ("https://twilio.com.example.org/ME1", false),
        ("http://api.twilio.com/ME1", false),
        ("https://example.org/a.png", false),
    ] {
        let attachment = Attachment {
            url: Some(url.into()),
            ..Attachment::default()
        };
        let at = sender.file(&attachment).await.unwrap();
        assert_eq!(at.headers.contains_key("authorization"), shown, "{url}");
    }
}
