//! Against a real server on this machine.

use std::sync::atomic::{AtomicUsize, Ordering};

use axum::{
    Json, Router,
    body::Body,
    http::HeaderMap,
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::{Value, json};

use super::*;

/// How a server answers its n-th request.
type Manner = fn(usize, HeaderMap, Value) -> Response;

struct Server {
    url: String,
    asked: Arc<AtomicUsize>,
    runtime: tokio::runtime::Runtime,
}

fn server(manner: Manner) -> Server {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let answer = move |headers: HeaderMap, Json(request): Json<Value>| {
        let place = counter.fetch_add(1, Ordering::SeqCst);
        async move { manner(place, headers, request) }
    };
    let listener = runtime
        .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
        .unwrap();
    let url = format!("http://{}/classify", listener.local_addr().unwrap());
    let app = Router::new().route("/classify", post(answer));
    runtime.spawn(async move { axum::serve(listener, app).await });
    Server {
        url,
        asked,
        runtime,
    }
}

fn settings(url: &str) -> Settings {
    toml_like(json!({"url": url, "task": "intent", "labels": ["yes", "no"], "timeout_ms": 5000}))
}

fn toml_like(value: Value) -> Settings {
    serde_json::from_value(value).unwrap()
}

fn ask(model: &dyn Classifier, texts: &[&str]) -> Vec<Option<usize>> {
    let documents: Vec<_> = texts
        .iter()
        .map(|text| Document::new(text, Some("en")))
        .collect();
    model
        .classify(&documents.iter().collect::<Vec<_>>())
        .into_iter()
        .map(|prediction| Some(prediction?.best()?.0))
        .collect()
}

/// `yes` where the text says so, nothing to say about `?`.
fn honest(_: usize, _: HeaderMap, request: Value) -> Response {
    let predictions: Vec<Value> = request["texts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|text| match text["text"].as_str().unwrap() {
            "?" => Value::Null,
            said => json!({"labels": [{"name": said, "probability": 0.9}]}),
        })
        .collect();
    Json(json!({"predictions": predictions})).into_response()
}

#[test]
fn answers_come_in_order_whatever_the_batches() {
    let server = server(honest);
    let model = External::open("mine", &settings(&server.url)).unwrap();
    assert_eq!(model.id(), "external:mine");
    assert_eq!(
        ask(&model, &["no", "?", "yes", "maybe"]),
        [Some(1), None, Some(0), None]
    );
    let many: Vec<&str> = ["yes", "no"].into_iter().cycle().take(200).collect();
    let found = ask(&model, &many);
    assert!(
        found
            .iter()
            .enumerate()
            .all(|(place, best)| *best == Some(place % 2))
    );
    // 32 in a request at most.
    assert!(server.asked.load(Ordering::SeqCst) >= 8);
}

#[test]
fn the_request_names_model_task_language_and_token() {
    fn strict(_: usize, headers: HeaderMap, request: Value) -> Response {
        assert_eq!(headers["authorization"], "Bearer s3cret");
        assert_eq!(request["model"], "other");
        assert_eq!(request["task"], "intent");
        assert_eq!(request["texts"], json!([{"text": "hm", "language": "en"}]));
        let labels = json!([{"name": "no", "probability": 1}]);
        Json(json!({"predictions": [{"labels": labels, "in_scope": false}]})).into_response()
    }
    let server = server(strict);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "s3cret\n").unwrap();
    let mut settings = settings(&server.url);
    settings.model = Some("other".into());
    settings.token_file = Some(file.path().to_owned());
    let model = External::open("mine", &settings).unwrap();
    let found = model.classify(&[&Document::new("hm", Some("en"))]);
    let prediction = found[0].as_ref().unwrap();
    assert_eq!(prediction.probabilities, [0.0, 1.0]);
    assert!(!prediction.in_scope);
}

#[test]
fn whatever_breaks_the_contract_is_no_answer() {
    let manners: [Manner; 5] = [
        |_, _, _| StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        |_, _, _| "{\"predictions\": 1}".into_response(),
        |_, _, _| Json(json!({"predictions": []})).into_response(),
        |_, _, _| Body::from(vec![b' '; MAX_ANSWER_BYTES + 1]).into_response(),
        |_, _, _| (StatusCode::FOUND, [("location", "/classify")], "{}").into_response(),
    ];
    for manner in manners {
        let server = server(manner);
        let model = External::open("mine", &settings(&server.url)).unwrap();
        assert_eq!(ask(&model, &["yes"]), [None]);
        assert_eq!(server.asked.load(Ordering::SeqCst), 1);
    }
}

#[test]
fn a_service_that_fails_is_left_alone_and_tried_again() {
    fn ill_at_first(place: usize, headers: HeaderMap, request: Value) -> Response {
        match place {
            0..3 => StatusCode::BAD_GATEWAY.into_response(),
            _ => honest(place, headers, request),
        }
    }
    let server = server(ill_at_first);
    let mut settings = settings(&server.url);
    (settings.failures, settings.pause_ms) = (2, 300);
    let model = External::open("mine", &settings).unwrap();
    let asked = || server.asked.load(Ordering::SeqCst);
    assert_eq!(ask(&model, &["yes"]), [None]);
    assert_eq!(ask(&model, &["yes"]), [None]);
    // Open: nothing is sent, nobody waits.
    let began = Instant::now();
    for _ in 0..10 {
        assert_eq!(ask(&model, &["yes"]), [None]);
    }
    assert!(began.elapsed() < Duration::from_millis(200));
    assert_eq!(asked(), 2);
    // One request after the pause; it fails, too. One more after another pause: well again.
    let deadline = Instant::now() + Duration::from_secs(20);
    while ask(&model, &["yes"]) == [None] && Instant::now() < deadline {
        std::thread::yield_now();
    }
    assert_eq!(asked(), 4);
    assert_eq!(ask(&model, &["yes", "no"]), [Some(0), Some(1)]);
}

#[test]
fn nobody_waits_longer_than_the_timeout() {
    // Takes connections and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut settings = settings(&format!("http://{}/", silent.local_addr().unwrap()));
    settings.timeout_ms = 100;
    let model = External::open("mine", &settings).unwrap();
    let began = Instant::now();
    assert_eq!(ask(&model, &["yes"; 3]), [None; 3]);
    assert!(began.elapsed() >= Duration::from_millis(100));
    assert!(began.elapsed() < Duration::from_secs(3));
}

#[test]
fn the_one_thread_of_a_runtime_goes_on_meanwhile() {
    let server = server(honest);
    let model = Arc::new(External::open("mine", &settings(&server.url)).unwrap());
    // The server runs on the thread that the askers wait on.
    let found = server.runtime.block_on(async {
        let tasks: Vec<_> = (0..8)
            .map(|_| Arc::clone(&model))
            .map(|model| tokio::spawn(async move { ask(model.as_ref(), &["no"]) }))
            .collect();
        futures::future::join_all(tasks).await
    });
    assert!(found.into_iter().all(|answer| answer.unwrap() == [Some(1)]));
}

/// Ends with the test.
struct Python(std::process::Child);

impl Drop for Python {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn the_server_of_the_documentation_answers() {
    let documentation = include_str!("../../../docs/inference.md");
    let (_, rest) = documentation.split_once("```python\n").unwrap();
    let (program, _) = rest.split_once("```").unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let program = program.replace("8500", &port.to_string());
    let python = std::process::Command::new("python3")
        .args(["-c", &program])
        .stderr(std::process::Stdio::null())
        .spawn();
    let _python = Python(python.unwrap());
    let mut settings = settings(&format!("http://127.0.0.1:{port}/"));
    settings.labels = vec!["other".into(), "order_status".into()];
    (settings.failures, settings.pause_ms) = (u32::MAX, 0);
    let model = External::open("mine", &settings).unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut found = ask(&model, &["ok", "Where is my parcel?"]);
    while found[0].is_none() && Instant::now() < deadline {
        std::thread::yield_now();
        found = ask(&model, &["ok", "Where is my parcel?"]);
    }
    assert_eq!(found, [Some(0), Some(1)]);
}

#[test]
fn settings_that_cannot_be_meant_are_refused() {
    let good = json!({"url": "https://models.example.com/x", "task": "topic", "labels": ["a"]});
    assert!(toml_like(good.clone()).check().is_ok());
    for (key, value, words) in [
        ("url", json!("ftp://x/"), "must begin with http"),
        ("url", json!("http://user:word@x/"), "token_file"),
        ("url", json!("nowhere"), "url"),
        ("labels", json!([]), "labels"),
        ("labels", json!(["a", "a"]), "labels"),
        ("timeout_ms", json!(1), "timeout_ms"),
        ("max_batch", json!(33), "max_batch"),
        ("failures", json!(0), "failures"),
        ("threshold", json!(1.5), "threshold"),
        ("token_file", json!("/nowhere"), "token_file"),
    ] {
        let mut wrong = good.clone();
        wrong[key] = value;
        let Err(refused) = External::open("x", &toml_like(wrong)) else {
            panic!("{key} is not refused");
        };
        assert!(refused.to_string().contains(words), "{refused}");
    }
    assert!(
        serde_json::from_value::<Settings>(
            json!({"url": "x", "task": "language", "labels": [], "x": 1})
        )
        .is_err()
    );
}
