//! The other side of a channel: a small server that records what a sender posts and answers like the platform.

use std::sync::{Arc, Mutex};

use axum::{
    Json, Router,
    extract::{OriginalUri, State},
    routing::post,
};
use serde_json::{Value, json};

#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) path: String,
    pub(crate) body: Value,
}

pub(crate) struct Telegram {
    pub(crate) url: String,
    calls: Arc<Mutex<Vec<Call>>>,
}

impl Telegram {
    pub(crate) async fn start() -> Self {
        let calls: Arc<Mutex<Vec<Call>>> = Arc::default();
        let app = Router::new()
            .fallback(post(record))
            .with_state(Arc::clone(&calls));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, calls }
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }
}

async fn record(
    State(calls): State<Arc<Mutex<Vec<Call>>>>,
    OriginalUri(uri): OriginalUri,
    Json(body): Json<Value>,
) -> Json<Value> {
    let mut calls = calls.lock().unwrap();
    calls.push(Call {
        path: uri.path().to_owned(),
        body,
    });
    let id = calls.len() + 1000;
    Json(
        json!({"ok": true, "result": {"message_id": id, "chat": {"id": 77}, "date": 1_736_332_300}}),
    )
}
