//! The way of the five-minute tour: a Telegram message in, understood, answered, delivered, tracked.

use reqwest::StatusCode;
use serde_json::json;

use crate::rig::{Hub, body_of, telegram};

const SECRET: &str = "tour-secret";

#[tokio::test(flavor = "multi_thread")]
async fn a_message_goes_its_whole_way() {
    let hub = Hub::start().await;
    // The platform's side: a server that takes what the sender posts.
    let platform = crate::platform::Telegram::start().await;
    let channel = hub
        .channel(
            "telegram",
            json!({
                "credentials": {"bot_token": "42:token", "secret_token": SECRET},
                "config": {"settings": {"api_base": platform.url}}
            }),
        )
        .await;
    let text = "Guten Tag, wo bleibt meine Bestellung? Ich warte nun schon seit zwei Wochen auf das Paket.";
    let update = || {
        hub.webhook(&channel)
            .header("X-Telegram-Bot-Api-Secret-Token", SECRET)
            .json(&telegram(77, 1, text))
    };
    let posted = body_of(update()).await;
    assert_eq!(posted["success"], true);
    let message = posted["message_id"].as_str().unwrap();
    let conversation = posted["conversation_id"].as_str().unwrap();

    let stored = hub
        .until(&format!("/api/v1/messages/{message}"), |body| {
            (body["content"] == text).then(|| body.clone())
        })
        .await;
    assert_eq!(stored["language"]["code"], "de", "{stored}");
    assert_eq!(stored["direction"], "inbound");
    assert_eq!(stored["sender_name"], "Ada Lovelace");
    assert_eq!(stored["intent"]["name"], "order_status", "{stored}");
    assert_eq!(stored["category"], "order");
    assert!(stored["sentiment"]["score"].is_number(), "{stored}");

    let inbox = hub
        .get("/api/communications/conversations?status=active")
        .await;
    let row = inbox
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["id"] == conversation)
        .unwrap();
    assert_eq!(
        (&row["unread_count"], &row["participant_name"]),
        (&json!(1), &json!("Ada Lovelace"))
    );

    let answer = hub
        .post(
            "/api/v1/messages/send",
            &json!({"conversation_id": conversation, "content": "Ihr Paket ist unterwegs.", "message_type": "text"}),
        )
        .await;
    let answer_id = answer["id"].as_str().unwrap();
    let sent = hub
        .until(&format!("/api/v1/messages/{answer_id}"), |body| {
            (body["status"] == "sent").then(|| body.clone())
        })
        .await;
    assert_eq!(
        sent["platform_message_id"]
            .as_str()
            .map(|id| !id.is_empty()),
        Some(true),
        "{sent}"
    );
    let calls = platform.calls();
    assert_eq!(calls.len(), 1, "{calls:?}");
    assert_eq!(calls[0].path, "/bot42:token/sendMessage");
    assert_eq!(calls[0].body["chat_id"].to_string().trim_matches('"'), "77");
    assert_eq!(calls[0].body["text"], "Ihr Paket ist unterwegs.");

    let journey = hub
        .get(&format!("/api/v1/messages/{message}/journey"))
        .await;
    let steps = journey.to_string();
    for stage in ["normalize", "language", "classify", "route"] {
        assert!(steps.contains(stage), "{stage} is missing in {steps}");
    }

    // The platform delivers the same update again: still one message.
    let again = update().send().await.unwrap();
    assert_eq!(again.status(), StatusCode::OK);
    let stats = hub
        .until("/api/v1/stats", |body| {
            (body["total_messages"].as_i64() >= Some(2)).then(|| body.clone())
        })
        .await;
    assert_eq!(stats["unread_messages"], 1, "{stats}");
    hub.post(
        &format!("/api/v1/conversations/{conversation}/mark-read"),
        &json!({}),
    )
    .await;
    assert_eq!(hub.get("/api/v1/stats").await["unread_messages"], 0);
    let messages = hub
        .get(&format!("/api/v1/conversations/{conversation}/messages"))
        .await;
    assert_eq!(messages.as_array().unwrap().len(), 2, "{messages}");
    hub.done().await;
}
