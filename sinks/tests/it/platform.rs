//! A platform that keeps what it is sent and answers as it is told.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use axum::{Router, body::Bytes, extract::State, http::StatusCode};
use serde_json::Value;
use tokio::{net::TcpListener, sync::RwLock};

#[derive(Clone, Default)]
pub(crate) struct Platform {
    pub(crate) base: String,
    inner: Arc<Mutex<Inner>>,
    /// Every answer waits for it.
    busy: Arc<RwLock<()>>,
}

#[derive(Default)]
struct Inner {
    answers: VecDeque<(u16, String)>,
    calls: Vec<Value>,
}

impl Platform {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let platform = Self {
            base: format!("http://{}", listener.local_addr().unwrap()),
            ..Self::default()
        };
        let app = Router::new().fallback(answer).with_state(platform.clone());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        platform
    }

    /// What to answer next, once; the rest is accepted.
    pub(crate) fn answers(&self, status: u16, body: &str) {
        let mut inner = self.inner.lock().unwrap();
        inner.answers.push_back((status, body.into()));
    }

    /// Takes calls and answers none until the guard is dropped.
    pub(crate) async fn stall(&self) -> tokio::sync::OwnedRwLockWriteGuard<()> {
        Arc::clone(&self.busy).write_owned().await
    }

    /// The texts of all calls, in order.
    pub(crate) fn texts(&self) -> Vec<String> {
        let inner = self.inner.lock().unwrap();
        let text = |call: &Value| call["text"].as_str().unwrap().to_owned();
        inner.calls.iter().map(text).collect()
    }

    pub(crate) fn calls(&self) -> Vec<Value> {
        self.inner.lock().unwrap().calls.clone()
    }
}

async fn answer(State(platform): State<Platform>, body: Bytes) -> (StatusCode, String) {
    let (status, answer) = platform.take(&body);
    let _answers_again = platform.busy.read().await;
    (status, answer)
}

impl Platform {
    fn take(&self, body: &[u8]) -> (StatusCode, String) {
        let mut inner = self.inner.lock().unwrap();
        inner.calls.push(serde_json::from_slice(body).unwrap());
        // Good for Telegram and for webhooks.
        let number = inner.calls.len();
        let good = format!(
            r#"{{"ok":true,"id":"p{number}","result":{{"message_id":{number},"chat":{{"id":7}}}}}}"#
        );
        let (status, body) = inner.answers.pop_front().unwrap_or((200, good));
        (StatusCode::from_u16(status).unwrap(), body)
    }
}
