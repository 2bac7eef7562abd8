//! Messages of which nobody knows whether they left: a person decides.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{platform::Telegram, rig::Hub};

#[tokio::test(flavor = "multi_thread")]
async fn a_person_decides_what_becomes_of_an_unknown_message() {
    let hub = Hub::start().await;
    let platform = Telegram::start().await;
    let settings =
        json!({"settings": {"api_base": platform.url, "rateLimit": null, "concurrency": 1}});
    let credentials = json!({"bot_token": "42:token", "secret_token": "s"});
    let channel = hub
        .channel(
            "telegram",
            json!({"credentials": credentials, "config": settings}),
        )
        .await;
    let conversation = hub
        .post(
            "/api/v1/conversations",
            &json!({"channel_id": channel, "participant_id": "77", "participant_name": "Ada"}),
        )
        .await["id"]
        .clone();
    let mut unknown = Vec::new();
    for text in ["again", "left", "lost"] {
        platform.silent_once();
        let sent = hub
            .post(
                "/api/v1/messages/send",
                &json!({"conversation_id": conversation, "content": text}),
            )
            .await;
        let path = format!("/api/v1/messages/{}", sent["id"].as_str().unwrap());
        until_status(&hub, &path, "unknown").await;
        unknown.push(path);
    }
    let [again, left, lost] = unknown.as_slice() else {
        panic!("three were sent");
    };
    let decide = async |path: &str, action: &str| {
        hub.request(Method::POST, &format!("{path}/resolve"))
            .json(&json!({"action": action}))
            .send()
            .await
            .unwrap()
            .status()
    };
    assert_eq!(decide(again, "resend").await, StatusCode::OK);
    until_status(&hub, again, "sent").await;
    assert_eq!(decide(left, "mark_sent").await, StatusCode::OK);
    until_status(&hub, left, "sent").await;
    assert_eq!(decide(lost, "mark_failed").await, StatusCode::OK);
    until_status(&hub, lost, "failed").await;

    // Decided is decided.
    for path in [again, left, lost] {
        for action in ["resend", "mark_sent", "mark_failed"] {
            assert_eq!(decide(path, action).await, StatusCode::CONFLICT, "{path}");
        }
    }
    let nowhere = format!("/api/v1/messages/{}", conversation.as_str().unwrap());
    assert_eq!(decide(&nowhere, "resend").await, StatusCode::NOT_FOUND);
    assert_eq!(decide(&nowhere, "mark_sent").await, StatusCode::NOT_FOUND);
    assert_eq!(
        decide(again, "forget").await,
        StatusCode::UNPROCESSABLE_ENTITY
    );

    let texts: Vec<Value> = platform
        .calls()
        .iter()
        .map(|call| call.body["text"].clone())
        .collect();
    assert_eq!(texts, ["again", "left", "lost", "again"]);
    let audit = hub.get("/api/v1/audit").await.to_string();
    assert_eq!(audit.matches("message.resolve").count(), 3, "{audit}");
    hub.done().await;
}

async fn until_status(hub: &Hub, path: &str, status: &str) {
    hub.until(path, |body| (body["status"] == status).then_some(()))
        .await;
}
