//! `/webchat/{channel_id}/socket`: the chat of a web page's visitor.
//!
//! The first message is `{"type": "start"}`, with the `token` of an earlier visit to go on with its conversation. A message
//! of a visitor goes the way of every other channel's: stored by the broker before it is `accepted`.
//!
//! Invariants: a session's conversation is had with its token alone; the same `id` of a session twice is one message; an
//! answer reaches every open socket of its session, and the history shows it to those who were away.

mod session;
mod word;

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Path, State, WebSocketUpgrade},
    http::HeaderMap,
    response::Response,
};
use bytes::Bytes;
use schemas::{
    About, Attachment, ChannelId, ChannelKind, ChannelStatus, ConversationId, DeliveryState,
    Direction, MessageId, TenantId, Timestamp, TrackContext, TrackEvent, TrackKind, generic,
    subject,
};
use serde_json::{Value, json};
use store::{Cursor, message::MessageFilter};
use tokio::{
    sync::broadcast::error::RecvError,
    time::{sleep, timeout},
};
use uuid::Uuid;

use self::{
    session::{is_welcome, session, token},
    word::{Said, error, shown},
};
use super::{
    Happened, Signal, Signalled,
    socket::{Came, MAX_BYTES, Socket},
};
use crate::{
    directory::{Entry, Lookup},
    hub::Hub,
    problem::ApiError,
    route::inbound,
};

/// How long a new socket may take to begin.
const START: Duration = Duration::from_secs(10);
/// Messages of the history shown at the beginning.
const HISTORY: u32 = 50;
/// How long an answer that was sent is waited for in the database.
const PROJECTED: Duration = Duration::from_secs(5);

/// One visitor's chat.
struct Visit {
    hub: Arc<Hub>,
    entry: Arc<Entry>,
    channel: ChannelId,
    session: Uuid,
    conversation: ConversationId,
    name: Option<String>,
}

/// Chat with a web page's visitor, over a WebSocket.
///
/// For pages, not for API callers. To the hub: `start` (`token`?, `name`?), `message` (`id`, `text`, `attachments`?), `typing`
/// (`is_typing`), `delivered` and `read` (`message_id`). From the hub: `ready` (`token` to keep, `conversation_id`, `history`),
/// `accepted` (`id`, `message_id`), `message`, `status`, `typing`, `presence`, `error`. docs/webchat.md has an example.
#[utoipa::path(
    get, path = "/webchat/{channel_id}/socket", tag = "live", operation_id = "open_webchat",
    params(("channel_id" = uuid::Uuid, Path, description = "A channel of type webchat")),
    responses((status = 101, description = "A WebSocket"))
)]
pub(crate) async fn open(
    State(hub): State<Arc<Hub>>,
    Path(channel): Path<String>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Result<Response, ApiError> {
    let channel: ChannelId = channel
        .parse()
        .map_err(|_| ApiError::not_found("channel"))?;
    let entry = match hub.directory.find(&hub.store, channel).await {
        Lookup::Found(entry) if entry.kind == ChannelKind::Webchat => entry,
        Lookup::Found(_) | Lookup::Unknown => return Err(ApiError::not_found("channel")),
        Lookup::Unavailable => return Err(ApiError::unavailable(2)),
    };
    if entry.status == ChannelStatus::Inactive {
        return Err(ApiError::conflict("The chat is switched off."));
    }
    if !is_welcome(&entry.settings, &headers) {
        return Err(ApiError::forbidden(
            "Pages of this origin may not open the chat; `origins` in the channel's settings names those that may.",
        ));
    }
    let room = Arc::clone(&hub.live.room)
        .try_acquire_owned()
        .map_err(|_| ApiError::unavailable(5))?;
    Ok(upgrade
        .max_message_size(MAX_BYTES)
        .on_upgrade(async move |socket| {
            serve(hub, entry, channel, Socket::new(socket)).await;
            drop(room);
        }))
}

async fn serve(hub: Arc<Hub>, entry: Arc<Entry>, channel: ChannelId, mut socket: Socket) {
    let Ok(Came::Said(Said::Start { token: given, name })) =
        timeout(START, socket.next::<Said>()).await
    else {
        return socket.close("begin with {\"type\":\"start\"}").await;
    };
    let session = match given {
        None => Uuid::new_v4(),
        Some(given) => match session(&hub, channel, &given) {
            Some(session) => session,
            None => {
                let sorry = error(
                    "token",
                    "the token is none of this chat's; start without it",
                );
                socket.say(&sorry).await;
                return socket.close("wrong token").await;
            }
        },
    };
    let key = session.simple().to_string();
    let visit = Visit {
        conversation: ConversationId::of(channel, &key),
        name: name.filter(|name| !name.trim().is_empty() && name.len() <= 256),
        hub,
        entry,
        channel,
        session,
    };
    visit.signal(Signal::Presence("online".into())).await;
    visit.run(socket).await;
    visit.signal(Signal::Presence("offline".into())).await;
}

impl Visit {
    fn tenant(&self) -> TenantId {
        self.entry.tenant
    }

    async fn run(&self, mut socket: Socket) {
        // Before the history is read, so that nothing falls between.
        let mut feed = self.hub.live.listen();
        let ready = json!({
            "type": "ready",
            "token": token(&self.hub, self.channel, self.session),
            "conversation_id": self.conversation,
            "greeting": self.entry.settings.get("greeting"),
            "history": self.history().await,
        });
        if !socket.say(&ready).await {
            return;
        }
        loop {
            tokio::select! {
                came = socket.next::<Said>() => {
                    let answer = match came {
                        Came::Said(said) => self.act(said).await,
                        Came::Unclear(problem) => Some(error("malformed", &problem)),
                        Came::TooFast => {
                            sleep(Duration::from_millis(100)).await;
                            Some(error("too-fast", "not sent: ten messages a second are taken"))
                        }
                        Came::Gone => return,
                    };
                    if let Some(answer) = answer && !socket.say(&answer).await {
                        return;
                    }
                }
                happened = feed.recv() => {
                    let words = match happened {
                        Ok(happened) => self.words(&happened).await,
                        // What was missed stands in the history.
                        Err(RecvError::Lagged(_)) => {
                            Some(json!({"type": "history", "history": self.history().await}))
                        }
                        Err(RecvError::Closed) => return,
                    };
                    if let Some(words) = words && !socket.say(&words).await {
                        return;
                    }
                }
            }
        }
    }

    /// The conversation's newest messages, oldest first; empty while the database is away.
    async fn history(&self) -> Vec<Value> {
        let filter = MessageFilter {
            conversation_id: Some(self.conversation),
            ..MessageFilter::default()
        };
        let none: Option<Cursor> = None;
        let found =
            store::message::list(&self.hub.store, self.tenant(), filter, none, HISTORY, true);
        match timeout(Duration::from_secs(3), found).await {
            Ok(Ok(page)) => page.items.iter().rev().map(shown).collect(),
            Ok(Err(_)) | Err(_) => Vec::new(),
        }
    }

    async fn act(&self, said: Said) -> Option<Value> {
        match said {
            Said::Start { .. } => Some(error("started", "the chat has begun already")),
            Said::Message {
                id,
                text,
                attachments,
            } => Some(self.take(id, text, attachments).await),
            Said::Typing { is_typing } => {
                self.signal(Signal::Typing(is_typing)).await;
                None
            }
            Said::Delivered { message_id } => self.note(message_id, TrackKind::Delivered).await,
            Said::Read { message_id } => self.note(message_id, TrackKind::Read).await,
        }
    }

    /// Has the broker store what the visitor wrote.
    async fn take(&self, id: String, text: String, attachments: Vec<Attachment>) -> Value {
        let fits = (1..=64).contains(&id.len()) && !id.chars().any(char::is_control);
        if !fits {
            return error(
                "id",
                "an id has 1 to 64 characters and no control characters",
            );
        }
        if text.trim().is_empty() && attachments.is_empty() {
            return json!({"type": "error", "code": "empty", "id": id, "detail": "there is nothing in it"});
        }
        let key = self.session.simple().to_string();
        let message = generic::GenericMessage {
            id: format!("{key}:{id}"),
            conversation: Some(key.clone()),
            sender: generic::GenericSender {
                id: key,
                name: self.name.clone(),
            },
            text,
            html: None,
            subject: None,
            message_type: None,
            attachments,
            in_reply_to: None,
            sent_at: None,
            metadata: serde_json::Map::new(),
        };
        let Ok(body) = serde_json::to_vec(&message) else {
            return error("malformed", "not a message");
        };
        let taken = inbound::take(
            &self.hub,
            self.channel,
            &self.entry,
            None,
            Bytes::from(body),
        );
        match taken.await {
            Ok(accepted) => json!({"type": "accepted", "id": id, "message_id": accepted}),
            Err(refused) => {
                json!({"type": "error", "code": "not-accepted", "id": id, "detail": refused.detail()})
            }
        }
    }

    /// Notes that the visitor's page has shown an answer, or the visitor has read it.
    async fn note(&self, message: MessageId, kind: TrackKind) -> Option<Value> {
        let row = store::message::get(&self.hub.store, self.tenant(), message).await;
        let own = row.is_ok_and(|row| {
            row.conversation_id == self.conversation && row.direction == Direction::Outbound
        });
        if !own {
            return Some(error("message", "there is no such message in this chat"));
        }
        let event = TrackEvent {
            id: TrackEvent::derive_id(message, kind, ""),
            tenant: self.tenant(),
            channel: self.channel,
            conversation: self.conversation,
            message,
            context: TrackContext::Message,
            kind,
            at: Timestamp::now(),
            provider_id: None,
            detail: None,
            about: About::Message,
        };
        let subject = subject::track(event.tenant, event.context, event.kind);
        let deadline = self.hub.settings.publish_deadline;
        let told = self.hub.bus.publisher();
        match told.publish(&subject, event.encode(), deadline).await {
            Ok(()) => None,
            Err(_) => Some(error("not-noted", "say it again later")),
        }
    }

    async fn signal(&self, signal: Signal) {
        let signalled = Signalled {
            tenant: self.tenant(),
            conversation: Some(self.conversation),
            user: self.session.simple().to_string(),
            by_visitor: true,
            signal,
        };
        signalled.tell(&self.hub).await;
    }

    /// What the page hears of something that happened.
    async fn words(&self, happened: &Happened) -> Option<Value> {
        match happened {
            Happened::Tracked(event)
                if event.conversation == self.conversation && event.tenant == self.tenant() =>
            {
                match event.kind {
                    TrackKind::Sent => self.sent(event.message).await,
                    _ => DeliveryState::of(event.kind).map(|state| {
                        json!({"type": "status", "message_id": event.message, "status": state.name()})
                    }),
                }
            }
            Happened::Signalled(signalled)
                if signalled.tenant == self.tenant() && !signalled.by_visitor =>
            {
                match &signalled.signal {
                    Signal::Typing(is_typing)
                        if signalled.conversation == Some(self.conversation) =>
                    {
                        Some(json!({"type": "typing", "is_typing": is_typing}))
                    }
                    Signal::Typing(_) => None,
                    Signal::Presence(status) => {
                        Some(json!({"type": "presence", "status": status}))
                    }
                }
            }
            _ => None,
        }
    }

    /// An answer, once it stands in the database.
    async fn sent(&self, message: MessageId) -> Option<Value> {
        let found = timeout(PROJECTED, async {
            loop {
                match store::message::get(&self.hub.store, self.tenant(), message).await {
                    Ok(row) => return Some(row),
                    Err(store::StoreError::NotFound) => sleep(Duration::from_millis(20)).await,
                    Err(_) => return None,
                }
            }
        });
        let row = found.await.ok()??;
        Some(json!({"type": "message", "message": shown(&row)}))
    }
}
