//! Stages cut apart by configuration give the same results as fused ones.

use serde_json::{Value, json};

use crate::rig::Hub;

async fn outcome(groups: &str) -> Vec<Value> {
    let hub = Hub::start_with(&[], &[("TIDINGS__PIPELINE__GROUPS", groups)]).await;
    let channel = hub
        .channel(
            "sandbox",
            json!({
                "auto_response_enabled": true,
                "config": {"routing": {"rules": [
                    {"name": "hello", "when": {"keywords": ["hello"]}, "then": [{"tag": "greeting"}, {"reply": "Hello {{ sender.name }}."}]},
                    {"name": "german", "when": {"language": ["de"]}, "then": [{"priority": "high"}, {"assign": "anna"}]},
                    {"name": "noise", "when": {"keywords": ["unwanted"]}, "then": ["drop"]}
                ]}}
            }),
        )
        .await;
    for (id, text) in [
        ("1", "Hello, is anybody there today?"),
        (
            "2",
            "Guten Tag, ich hätte gern gewusst, wann das Paket endlich kommt.",
        ),
        ("3", "this one is unwanted"),
        ("4", "ok"),
    ] {
        hub.post(
            &format!("/api/v1/webhooks/{channel}"),
            &json!({"id": id, "conversation": "c", "sender": {"id": "bob", "name": "Bob"}, "text": text, "sent_at": "2025-01-08T10:30:00Z"}),
        )
        .await;
    }
    let rows = hub
        .until(&format!("/api/v1/messages?channel_id={channel}"), |rows| {
            (rows.as_array()?.len() == 4).then(|| rows.clone())
        })
        .await;
    hub.until(&format!("/api/v1/channels/{channel}/outbox"), |rows| {
        (rows.as_array()?.len() == 1).then_some(())
    })
    .await;
    hub.done().await;
    let mut seen: Vec<Value> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            json!({
                "content": row["content"], "direction": row["direction"], "tags": row["tags"],
                "priority": row["priority"], "language": row["language"]["code"], "created_at":
                if row["direction"] == "inbound" { row["created_at"].clone() } else { Value::Null },
            })
        })
        .collect();
    seen.sort_by_key(Value::to_string);
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn cut_apart_is_the_same_as_fused() {
    let fused = outcome(r#"[["normalize","language","classify","route"]]"#).await;
    let apart = outcome(r#"[["normalize"],["language"],["classify","route"]]"#).await;
    assert_eq!(fused, apart);
    assert!(
        fused.iter().any(|row| row["content"] == "Hello Bob."),
        "{fused:?}"
    );
    assert!(
        fused.iter().any(|row| row["tags"] == json!(["greeting"])),
        "{fused:?}"
    );
    assert!(
        fused
            .iter()
            .any(|row| row["priority"] == "high" && row["language"] == "de"),
        "{fused:?}"
    );
    assert!(!fused.iter().any(|row| {
        row["content"]
            .as_str()
            .is_some_and(|text| text.contains("unwanted"))
    }));
}
