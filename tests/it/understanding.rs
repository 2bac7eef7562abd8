//! How a tenant wants its messages understood, and what the tests of it share.

use std::time::{Duration, Instant};

use learn::{
    dataset::Example,
    train::{Options, train},
};
use reqwest::{Method, StatusCode};
use schemas::Task;
use serde_json::{Value, json};

use crate::rig::Hub;

pub(crate) const REFUND: &str = "I want my money back, please refund me";

/// A model that tells refunds from the rest, trained on the spot; another seed makes another file.
pub(crate) fn model(seed: u64) -> Vec<u8> {
    let texts = [
        ("refund", "give me my money back"),
        ("refund", "please refund my order"),
        ("refund", "i want a refund for this"),
        ("refund", "send the money back to my card"),
        ("greeting", "hello there"),
        ("greeting", "good morning to all of you"),
        ("greeting", "hi how are you"),
        ("greeting", "hey nice to meet you"),
    ];
    let examples: Vec<Example> = texts
        .iter()
        .map(|(label, text)| Example {
            text: (*text).to_owned(),
            labels: vec![(*label).to_owned()],
            ..Example::default()
        })
        .collect();
    let options = Options {
        embeddings: 0,
        seed,
        provenance: json!({"command": format!("a test, seed {seed}")}),
        ..Options::for_task(Task::Intent)
    };
    train(Task::Intent, &examples, None, &options, &mut |_| {})
        .unwrap()
        .bytes
}

pub(crate) async fn upload(
    hub: &Hub,
    key: &str,
    query: &str,
    file: Vec<u8>,
) -> (StatusCode, Value) {
    let answer = hub
        .request_by(key, Method::POST, &format!("/api/v1/models?{query}"))
        .header("content-type", "application/octet-stream")
        .body(file)
        .send()
        .await
        .unwrap();
    let status = answer.status();
    (status, answer.json().await.unwrap())
}

pub(crate) async fn status(
    hub: &Hub,
    key: &str,
    method: Method,
    path: &str,
    body: &Value,
) -> StatusCode {
    let request = hub.request_by(key, method, path).json(body);
    request.send().await.unwrap().status()
}

/// A message of a sandbox channel, once it is understood.
pub(crate) async fn said(hub: &Hub, channel: &str, number: usize, text: &str) -> Value {
    let posted = hub
        .post(
            &format!("/api/v1/webhooks/{channel}"),
            &json!({"id": format!("m-{number}"), "sender": {"id": "bob"}, "text": text}),
        )
        .await;
    let path = format!(
        "/api/v1/messages/{}",
        posted["message_id"].as_str().unwrap()
    );
    hub.until(&path, |body| {
        (body["content"] == text).then(|| body.clone())
    })
    .await
}

/// Says something until the intent comes from this model; how long that took.
pub(crate) async fn until_answered_by(hub: &Hub, channel: &str, from: usize, id: &str) -> Duration {
    let started = Instant::now();
    for number in from..from + 1000 {
        let message = said(hub, channel, number, REFUND).await;
        if message["intent"]["model"] == id {
            assert_eq!(message["intent"]["name"], "refund", "{message}");
            return started.elapsed();
        }
    }
    panic!("{id} never answered");
}

pub(crate) async fn choose_as(hub: &Hub, key: &str, id: &str) -> StatusCode {
    let path = format!("/api/v1/models/{id}/activate");
    status(hub, key, Method::PUT, &path, &json!({})).await
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_make_no_sense_are_refused() {
    let hub = Hub::start().await;
    let put = async |settings: &Value| {
        status(
            &hub,
            &hub.key,
            Method::PUT,
            "/api/v1/understanding",
            settings,
        )
        .await
    };
    for settings in [
        json!({"languages": ["German"]}),
        json!({"region": "Germany"}),
        json!({"models": {"intent": "model:intent-0123456789ab"}}),
        json!({"models": {"intent": "vader"}}),
        json!({"models": {"intent": "magic"}}),
        json!({"lexicon": {"bad": -9}}),
        json!({"patterns": [{"kind": "order", "regex": "("}]}),
        json!({"langauges": []}),
    ] {
        assert_eq!(
            put(&settings).await,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{settings}"
        );
    }
    assert_eq!(hub.get("/api/v1/understanding").await, json!({}));
    let settings = json!({
        "languages": ["de", "en"], "region": "DE", "models": {"intent": "off", "language": "whatlang"},
        "lexicon": {"lieferverzug": -2.5}, "patterns": [{"kind": "order", "regex": "A-(\\d+)"}]
    });
    assert_eq!(put(&settings).await, StatusCode::OK);
    assert_eq!(hub.get("/api/v1/understanding").await, settings);
    let viewer = hub
        .post("/api/v1/api-keys", &json!({"name": "v", "role": "viewer"}))
        .await["token"]
        .as_str()
        .unwrap()
        .to_owned();
    let forbidden = status(
        &hub,
        &viewer,
        Method::PUT,
        "/api/v1/understanding",
        &settings,
    )
    .await;
    assert_eq!(forbidden, StatusCode::FORBIDDEN);
    // A name that no worker knows stops no message; the built-in way holds.
    assert_eq!(
        put(&json!({"models": {"intent": "bert:nobody"}})).await,
        StatusCode::OK
    );
    let channel = hub.channel("sandbox", json!({})).await;
    said(&hub, &channel, 1, REFUND).await;
    hub.done().await;
}
