//! Whom a hub does not write to, and when it must not any more.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::rig::Hub;

async fn send(hub: &Hub, body: &Value) -> (StatusCode, Value) {
    let answer = hub
        .request(Method::POST, "/api/v1/messages/send")
        .json(body)
        .send()
        .await
        .unwrap();
    (answer.status(), answer.json().await.unwrap())
}

async fn status(hub: &Hub, sent: &Value, wanted: &str) -> Value {
    let path = format!("/api/v1/messages/{}", sent["id"].as_str().unwrap());
    hub.until(&path, |message| {
        (message["status"] == wanted).then(|| message.clone())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suppressed_address_gets_nothing_until_it_is_lifted() {
    let hub = Hub::start().await;
    let channel = hub.channel("sandbox", json!({})).await;
    let conversation = hub
        .post(
            "/api/v1/conversations",
            &json!({"channel_id": channel, "participant_id": "ada"}),
        )
        .await["id"]
        .clone();
    let typing = format!(
        "/api/v1/conversations/{}/typing",
        conversation.as_str().unwrap()
    );
    assert_eq!(hub.post(&typing, &json!({})).await["success"], true);

    let body = json!({"channel_id": channel, "address": "ada", "detail": "asked by telephone"});
    let made = hub.post("/api/v1/suppressions", &body).await;
    assert_eq!(
        (&made["reason"], &made["scope"]),
        (&json!("manual"), &json!("all"))
    );
    let message = json!({"conversation_id": conversation, "content": "hello"});
    let (code, sent) = send(&hub, &message).await;
    assert_eq!(code, StatusCode::OK);
    let failed = status(&hub, &sent, "failed").await;
    let detail = failed["status_detail"].as_str().unwrap();
    assert!(
        detail.contains("suppressed") && detail.contains("manual"),
        "{detail}"
    );

    let listed = format!("/api/v1/suppressions?channel_id={channel}&address=ada&reason=manual");
    assert_eq!(hub.get(&listed).await[0]["id"], made["id"]);
    let path = format!("/api/v1/suppressions/{}", made["id"].as_str().unwrap());
    let lift = async || {
        hub.request(Method::DELETE, &path)
            .send()
            .await
            .unwrap()
            .status()
    };
    assert_eq!(lift().await, StatusCode::NO_CONTENT);
    assert_eq!(lift().await, StatusCode::NOT_FOUND);
    assert_eq!(hub.get(&listed).await, json!([]));
    let (_, sent) = send(&hub, &message).await;
    status(&hub, &sent, "sent").await;

    for wrong in [
        json!({"address": "ada"}),
        json!({"kind": "email", "channel_id": channel, "address": "ada"}),
        json!({"kind": "email", "address": ""}),
        json!({"kind": "email", "address": "a\u{1}"}),
    ] {
        let answer = hub
            .request(Method::POST, "/api/v1/suppressions")
            .json(&wrong);
        let code = answer.send().await.unwrap().status();
        assert_eq!(code, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
    }
    let audit = hub.get("/api/v1/audit").await.to_string();
    assert_eq!(audit.matches("suppression.").count(), 2, "{audit}");
    assert!(!audit.contains("\"ada\""), "an address in the audit log");
    hub.done().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn outside_its_window_a_conversation_takes_templates_only() {
    let hub = Hub::start().await;
    let credentials = json!({
        "access_token": "token", "app_secret": "secret", "verify_token": "verify", "phone_number_id": "1001",
    });
    let channel = hub
        .channel("whatsapp", json!({"credentials": credentials}))
        .await;
    let conversation = hub
        .post(
            "/api/v1/conversations",
            &json!({"channel_id": channel, "participant_id": "15550100"}),
        )
        .await["id"]
        .clone();
    let (code, problem) = send(
        &hub,
        &json!({"conversation_id": conversation, "content": "hello"}),
    )
    .await;
    assert_eq!(code, StatusCode::CONFLICT);
    assert_eq!(problem["type"], "urn:tidings:problem:window-closed");
    assert!(problem["detail"].as_str().unwrap().contains("template"));

    // Suppressed, so that no platform is called.
    let body = json!({"kind": "whatsapp", "address": "15550100"});
    hub.post("/api/v1/suppressions", &body).await;
    let template = json!({"name": "greeting", "language": "en_US"});
    let body = json!({"conversation_id": conversation, "content": "", "template": template});
    let (code, sent) = send(&hub, &body).await;
    assert_eq!(code, StatusCode::OK, "{sent}");
    status(&hub, &sent, "failed").await;
    hub.done().await;
}
