//! Keys, roles and tenants: nobody sees or does what is not theirs.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::rig::{Hub, body_of};

#[tokio::test(flavor = "multi_thread")]
async fn roles_limit_what_a_key_can_do() {
    let hub = Hub::start().await;
    let channel = hub.channel("sandbox", json!({})).await;
    let mut keys = std::collections::HashMap::new();
    for role in ["agent", "viewer"] {
        let made = hub
            .post("/api/v1/api-keys", &json!({"name": role, "role": role}))
            .await;
        keys.insert(role, made["token"].as_str().unwrap().to_owned());
    }
    let conversation = hub
        .post(
            "/api/v1/conversations",
            &json!({"channel_id": channel, "participant_id": "bob"}),
        )
        .await["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let call = async |role: &str, method: Method, path: String, body| {
        hub.request_by(&keys[role], method, &path)
            .json(&body)
            .send()
            .await
            .unwrap()
            .status()
    };
    let send = json!({"conversation_id": conversation, "content": "hi"});
    assert_eq!(
        call(
            "viewer",
            Method::GET,
            "/api/v1/conversations".into(),
            json!({})
        )
        .await,
        StatusCode::OK
    );
    assert_eq!(
        call(
            "viewer",
            Method::POST,
            "/api/v1/messages/send".into(),
            send.clone()
        )
        .await,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        call("agent", Method::POST, "/api/v1/messages/send".into(), send).await,
        StatusCode::OK
    );
    assert_eq!(
        call(
            "agent",
            Method::POST,
            "/api/v1/channels".into(),
            json!({"type": "sandbox", "name": "x"})
        )
        .await,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        call(
            "agent",
            Method::DELETE,
            format!("/api/v1/channels/{channel}"),
            json!({})
        )
        .await,
        StatusCode::FORBIDDEN
    );
    hub.until(&format!("/api/v1/channels/{channel}/outbox"), |rows| {
        (rows.as_array()?.len() == 1).then_some(())
    })
    .await;
    hub.done().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_idempotency_key_sends_once() {
    let hub = Hub::start().await;
    let channel = hub.channel("sandbox", json!({})).await;
    let conversation = hub
        .post(
            "/api/v1/conversations",
            &json!({"channel_id": channel, "participant_id": "bob"}),
        )
        .await;
    let body = json!({"conversation_id": conversation["id"], "content": "only once"});
    let mut ids = Vec::new();
    for _ in 0..5 {
        let request = hub
            .request(Method::POST, "/api/v1/messages/send")
            .header("Idempotency-Key", "order-17");
        ids.push(body_of(request.json(&body)).await["id"].clone());
    }
    ids.dedup();
    assert_eq!(ids.len(), 1, "{ids:?}");
    hub.post(
        "/api/v1/messages/send",
        &json!({"conversation_id": conversation["id"], "content": "the last"}),
    )
    .await;
    let outbox = hub
        .until(&format!("/api/v1/channels/{channel}/outbox"), |rows| {
            let sent = rows.as_array()?;
            sent.iter()
                .any(|row| row.to_string().contains("the last"))
                .then(|| rows.clone())
        })
        .await;
    assert_eq!(outbox.as_array().unwrap().len(), 2, "{outbox}");
    hub.done().await;
}
