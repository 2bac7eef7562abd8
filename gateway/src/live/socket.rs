//! A WebSocket with its bounds: the size and number of what comes, how long silence may last, and how slow a reader may be.

use std::time::{Duration, Instant};

use axum::extract::ws::{CloseFrame, Message as Frame, WebSocket, close_code};
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::timeout;

/// Largest message taken.
pub(crate) const MAX_BYTES: usize = 64 * 1024;
/// How long a peer may say nothing before it is asked, and then once more before it is gone.
const SILENCE: Duration = Duration::from_secs(30);
/// How long a message may take to be written.
const WRITE: Duration = Duration::from_secs(10);
/// Messages taken at once, and a second.
const BURST: f64 = 30.0;
const PER_SECOND: f64 = 10.0;

/// What came from the peer.
pub(crate) enum Came<T> {
    Said(T),
    /// Not JSON of the documented form; in words, without quoting it.
    Unclear(String),
    /// It said too much in too short a time; what it said was not read.
    TooFast,
    Gone,
}

/// A socket that speaks JSON.
pub(crate) struct Socket {
    inner: WebSocket,
    asked: bool,
    allowance: f64,
    counted: Instant,
}

impl Socket {
    pub(crate) fn new(inner: WebSocket) -> Self {
        Self {
            inner,
            asked: false,
            allowance: BURST,
            counted: Instant::now(),
        }
    }

    /// What the peer says next. May be dropped and called again.
    pub(crate) async fn next<T: DeserializeOwned>(&mut self) -> Came<T> {
        loop {
            let frame = match timeout(SILENCE, self.inner.recv()).await {
                Ok(Some(Ok(frame))) => frame,
                Ok(Some(Err(_)) | None) => return Came::Gone,
                Err(_) if self.asked => return Came::Gone,
                Err(_) => {
                    self.asked = true;
                    if !self.write(Frame::Ping(bytes::Bytes::new())).await {
                        return Came::Gone;
                    }
                    continue;
                }
            };
            self.asked = false;
            let text = match &frame {
                Frame::Text(text) => text.as_str(),
                Frame::Close(_) => return Came::Gone,
                Frame::Ping(_) | Frame::Pong(_) => continue,
                Frame::Binary(_) => return Came::Unclear("send text, not binary".into()),
            };
            if !self.allowed() {
                return Came::TooFast;
            }
            return match serde_json::from_str(text) {
                Ok(said) => Came::Said(said),
                Err(error) => Came::Unclear(format!(
                    "not a message of the documented form (line {}, column {})",
                    error.line(),
                    error.column()
                )),
            };
        }
    }

    fn allowed(&mut self) -> bool {
        let now = Instant::now();
        let earned = now.duration_since(self.counted).as_secs_f64() * PER_SECOND;
        self.counted = now;
        self.allowance = (self.allowance + earned).min(BURST);
        let allowed = self.allowance >= 1.0;
        if allowed {
            self.allowance -= 1.0;
        }
        allowed
    }

    /// Says something; false when the peer is gone.
    pub(crate) async fn say(&mut self, words: &impl Serialize) -> bool {
        match serde_json::to_string(words) {
            Ok(text) => self.write(Frame::Text(text.into())).await,
            Err(_) => true,
        }
    }

    async fn write(&mut self, frame: Frame) -> bool {
        matches!(timeout(WRITE, self.inner.send(frame)).await, Ok(Ok(())))
    }

    /// Ends the conversation with a reason.
    pub(crate) async fn close(mut self, reason: &'static str) {
        let frame = CloseFrame {
            code: close_code::POLICY,
            reason: reason.into(),
        };
        // Whether the peer hears it makes no difference any more.
        self.write(Frame::Close(Some(frame))).await;
    }
}
