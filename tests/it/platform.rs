//! The other side of a channel: a small server that records what a sender posts and answers like the platform.

use std::sync::{Arc, Mutex};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

use axum::{
    Json, Router,
    extract::{OriginalUri, State},
    http::StatusCode,
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
    state: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    calls: Vec<Call>,
    /// So many calls are answered with an error that says nothing.
    silent: usize,
}

impl Telegram {
    pub(crate) async fn start() -> Self {
        let state: Arc<Mutex<Inner>> = Arc::default();
        let app = Router::new()
            .fallback(post(record))
            .with_state(Arc::clone(&state));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, state }
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.state.lock().unwrap().calls.clone()
    }

    /// Keeps the next call and does not say what became of it.
    pub(crate) fn silent_once(&self) {
        self.state.lock().unwrap().silent += 1;
    }
}

async fn record(
    State(state): State<Arc<Mutex<Inner>>>,
    OriginalUri(uri): OriginalUri,
    Json(body): Json<Value>,
) -> (StatusCode, Json<Value>) {
    let mut state = state.lock().unwrap();
    state.calls.push(Call {
        path: uri.path().to_owned(),
        body,
    });
    if state.silent > 0 {
        state.silent -= 1;
        return (StatusCode::BAD_GATEWAY, Json(Value::Null));
    }
    let id = state.calls.len() + 1000;
    let sent = json!({"ok": true, "result": {"message_id": id, "chat": {"id": 77}, "date": 1_736_332_300}});
    (StatusCode::OK, Json(sent))
}

/// A mail relay that keeps what it gets.
pub(crate) struct Relay {
    pub(crate) port: u16,
    mails: Arc<Mutex<Vec<String>>>,
}

impl Relay {
    pub(crate) async fn start() -> Self {
        let mails: Arc<Mutex<Vec<String>>> = Arc::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let kept = Arc::clone(&mails);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(converse(client, Arc::clone(&kept)));
            }
        });
        Self { port, mails }
    }

    pub(crate) fn mails(&self) -> Vec<String> {
        self.mails.lock().unwrap().clone()
    }
}

async fn converse(client: TcpStream, mails: Arc<Mutex<Vec<String>>>) -> std::io::Result<()> {
    let (read, mut write) = client.into_split();
    let mut lines = BufReader::new(read).lines();
    write.write_all(b"220 relay\r\n").await?;
    let mut mail: Option<String> = None;
    while let Some(line) = lines.next_line().await? {
        let answer: &[u8] = match &mut mail {
            Some(text) if line == "." => {
                mails.lock().unwrap().push(std::mem::take(text));
                mail = None;
                b"250 kept\r\n"
            }
            Some(text) => {
                text.push_str(&line);
                text.push('\n');
                continue;
            }
            None if line == "DATA" => {
                mail = Some(String::new());
                b"354 go on\r\n"
            }
            None if line == "QUIT" => b"221 bye\r\n",
            None => b"250 ok\r\n",
        };
        write.write_all(answer).await?;
    }
    Ok(())
}
