//! A task answered by somebody else's program, and by the built-in model while that one is in trouble.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::post,
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::rig::Hub;

/// How long the settings, and the service's recovery, may take to be seen.
const DEADLINE: Duration = Duration::from_secs(30);

/// Says `odd` about everything, and nothing while it is ill.
async fn service(well: Arc<AtomicBool>) -> String {
    async fn answer(State(well): State<Arc<AtomicBool>>, Json(asked): Json<Value>) -> Response {
        assert_eq!(
            (&asked["model"], &asked["task"]),
            (&json!("mine"), &json!("intent"))
        );
        if !well.load(Ordering::SeqCst) {
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
        let odd = json!({"labels": [{"name": "odd", "probability": 0.97}]});
        let predictions = vec![odd; asked["texts"].as_array().unwrap().len()];
        Json(json!({"predictions": predictions})).into_response()
    }
    let app = Router::new().fallback(post(answer)).with_state(well);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    url
}

/// The intent of the next message for which it is as wanted.
async fn intent_that(
    hub: &Hub,
    channel: &str,
    from: usize,
    wanted: impl Fn(&Value) -> bool,
) -> Value {
    let deadline = Instant::now() + DEADLINE;
    for number in from.. {
        assert!(Instant::now() < deadline, "it never was");
        let said = json!({"id": format!("m-{number}"), "sender": {"id": "bob"}, "text": "please refund me"});
        let posted = hub
            .post(&format!("/api/v1/webhooks/{channel}"), &said)
            .await;
        let path = format!(
            "/api/v1/messages/{}",
            posted["message_id"].as_str().unwrap()
        );
        let message = hub
            .until(&path, |body| {
                body["intent"].is_object().then(|| body.clone())
            })
            .await;
        if wanted(&message["intent"]) {
            return message["intent"].clone();
        }
    }
    unreachable!("numbers do not end before the deadline");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_answers_and_the_built_in_model_when_it_does_not() {
    let well = Arc::new(AtomicBool::new(true));
    let url = service(Arc::clone(&well)).await;
    let hub = Hub::start_with(
        &[],
        &[
            ("TIDINGS__INFERENCE__EXTERNAL__MINE__URL", url.as_str()),
            ("TIDINGS__INFERENCE__EXTERNAL__MINE__TASK", "intent"),
            (
                "TIDINGS__INFERENCE__EXTERNAL__MINE__LABELS",
                r#"["odd", "even"]"#,
            ),
            ("TIDINGS__INFERENCE__EXTERNAL__MINE__PAUSE_MS", "100"),
        ],
    )
    .await;
    let channel = hub.channel("sandbox", json!({})).await;
    let chosen = hub
        .request(Method::PUT, "/api/v1/understanding")
        .json(&json!({"models": {"intent": "external:mine"}}))
        .send()
        .await
        .unwrap();
    assert_eq!(chosen.status(), StatusCode::OK);
    let mine = |intent: &Value| intent["model"] == "external:mine";
    let answered = intent_that(&hub, &channel, 0, mine).await;
    assert_eq!(answered["name"], "odd");
    well.store(false, Ordering::SeqCst);
    let others = intent_that(&hub, &channel, 2_000, |intent| !mine(intent)).await;
    assert_ne!(others["name"], "odd");
    // It is tried again by itself.
    well.store(true, Ordering::SeqCst);
    intent_that(&hub, &channel, 4_000, mine).await;
    hub.done().await;
}
