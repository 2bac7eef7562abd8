//! A session of the gateway and the line it is told over.

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use serde_json::{Value, json};
use tokio::{sync::mpsc, time::timeout};

use super::gateway::FIRST;

/// What a bot was told since its session began.
#[derive(Default)]
pub(super) struct Session {
    pub(super) told: Vec<Value>,
    pub(super) live: Option<mpsc::Sender<Word>>,
}

/// What a connection is told.
pub(super) enum Word {
    Say(Value),
    Close(u16),
    /// The connection breaks off.
    Drop,
}

impl Session {
    pub(super) fn tell(&mut self, kind: &str, data: Value) {
        let number = self.told.len() + 1;
        let told = json!({"op": 0, "t": kind, "s": number, "d": data});
        self.told.push(told.clone());
        self.send(Word::Say(told));
    }

    pub(super) fn send(&self, word: Word) {
        if let Some(live) = &self.live {
            // Who is gone is told when the session is resumed.
            live.try_send(word).ok();
        }
    }

    pub(super) fn is_live(&self) -> bool {
        self.live.as_ref().is_some_and(|live| !live.is_closed())
    }
}

/// None when nobody listens any more.
pub(super) async fn pass(socket: &mut WebSocket, word: Word) -> Option<()> {
    match word {
        Word::Say(said) => say(socket, &said).await,
        Word::Close(code) => {
            let frame = CloseFrame {
                code,
                reason: "".into(),
            };
            socket.send(Message::Close(Some(frame))).await.ok()?;
            // Until the other side has closed, too, it may not have read why.
            while let Ok(Some(Ok(_))) = timeout(FIRST, socket.recv()).await {}
            None
        }
        Word::Drop => None,
    }
}

pub(super) async fn say(socket: &mut WebSocket, said: &Value) -> Option<()> {
    let message = Message::Text(said.to_string().into());
    socket.send(message).await.ok()
}
