//! `/ws`: what happens in a tenant's conversations, and what an agent does there.
//!
//! A message either way is `{"event": name, "data": …}`. Without an `Authorization` header the first message must be
//! `{"event": "auth", "data": {"token": …}}`, because browsers cannot send the header.

use std::{collections::HashMap, sync::Arc, time::Duration};

use axum::{
    extract::{State, WebSocketUpgrade},
    http::HeaderMap,
    response::Response,
};
use schemas::{About, CampaignId, ConversationId, Direction};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{
    sync::broadcast::error::RecvError,
    time::{sleep, timeout},
};

use super::{
    Happened, Signal, Signalled,
    campaign::Watch,
    socket::{Came, MAX_BYTES, Socket},
};
use crate::{
    auth::{self, Caller, Permission},
    extract::part,
    hub::Hub,
    problem::ApiError,
    route::{message_in::MessageIn, message_out::MessageOut, send},
};

/// How long a new socket may take to say who it is.
const WHO: Duration = Duration::from_secs(10);
/// Campaigns that one socket may watch.
const MAX_WATCHES: usize = 64;

/// What an agent says.
#[derive(Deserialize)]
#[serde(tag = "event", content = "data")]
enum Said {
    #[serde(rename = "auth")]
    Auth { token: String },
    #[serde(rename = "message.send")]
    Send(Value),
    #[serde(rename = "typing.start")]
    TypingStart(Where),
    #[serde(rename = "typing.stop")]
    TypingStop(Where),
    #[serde(rename = "presence.update")]
    Presence { status: String },
    #[serde(rename = "campaign.watch")]
    Watch(Which),
    #[serde(rename = "campaign.unwatch")]
    Unwatch(Which),
}

#[derive(Deserialize)]
struct Where {
    #[serde(alias = "conversationId")]
    conversation_id: ConversationId,
}

#[derive(Deserialize)]
struct Which {
    #[serde(alias = "campaignId")]
    campaign_id: CampaignId,
}

/// Follow what happens, over a WebSocket.
///
/// Messages are `{"event", "data"}`. From the hub: `message.received` (a message), `message.updated` (`message_id`, `event`),
/// `conversation.updated`, `import.progress`, `typing.indicator`, `presence.changed`, `campaign.progress` (`campaign_id` and what came
/// on since the last one: `sent`, `failed`, `unknown`, `delivered`, `read`, `bounced`, `opened`, `opened_by_machines`, `clicked`,
/// `clicked_by_machines`, `unsubscribed`, `complained`), `missed` (the reader was too slow; read the API), `error`. To the hub:
/// `auth` (first, unless the header says it), `message.send` (as `POST /messages`), `typing.start`, `typing.stop`,
/// `presence.update`, `campaign.watch` and `campaign.unwatch` (`campaign_id`).
#[utoipa::path(
    get, path = "/ws", tag = "live", operation_id = "open_socket",
    responses((status = 101, description = "A WebSocket"))
)]
pub(crate) async fn open(
    State(hub): State<Arc<Hub>>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Result<Response, ApiError> {
    let known = match headers.contains_key("authorization") {
        true => Some(auth::identify(&hub, &headers).await?),
        false => None,
    };
    let room = Arc::clone(&hub.live.room)
        .try_acquire_owned()
        .map_err(|_| ApiError::unavailable(5))?;
    Ok(upgrade
        .max_message_size(MAX_BYTES)
        .on_upgrade(async move |socket| {
            serve(hub, Socket::new(socket), known).await;
            drop(room);
        }))
}

async fn serve(hub: Arc<Hub>, mut socket: Socket, known: Option<Caller>) {
    let caller = match known {
        Some(caller) => caller,
        None => match timeout(WHO, socket.next::<Said>()).await {
            Ok(Came::Said(Said::Auth { token })) => match auth::identify_by(&hub, &token).await {
                Ok(caller) => caller,
                Err(_) => return socket.close("not a key or token of this hub").await,
            },
            _ => {
                return socket
                    .close("say who you are first: {\"event\":\"auth\",…}")
                    .await;
            }
        },
    };
    if !caller.role.may(Permission::Read) {
        return socket.close("this role may not read").await;
    }
    let mut feed = hub.live.listen();
    let mut watches = HashMap::new();
    let ready = json!({"event": "ready", "data": {"actor": &*caller.actor}});
    if !socket.say(&ready).await {
        return;
    }
    loop {
        tokio::select! {
            came = socket.next::<Said>() => {
                let answer = match came {
                    Came::Said(Said::Watch(which)) => watch(&hub, &caller, &mut watches, which.campaign_id),
                    Came::Said(Said::Unwatch(which)) => {
                        watches.remove(&which.campaign_id);
                        None
                    }
                    Came::Said(said) => act(&hub, &caller, said).await,
                    Came::Unclear(problem) => Some(error("malformed", &problem)),
                    Came::TooFast => {
                        sleep(Duration::from_millis(100)).await;
                        Some(error("too-fast", "slow down: ten messages a second"))
                    }
                    Came::Gone => break,
                };
                if let Some(answer) = answer && !socket.say(&answer).await {
                    break;
                }
            }
            happened = feed.recv() => {
                let words = match happened {
                    Ok(Happened::Campaign(progress))
                        if progress.tenant != caller.tenant || !watches.contains_key(&progress.campaign) =>
                    {
                        continue;
                    }
                    Ok(happened) => words(&caller, &happened),
                    Err(RecvError::Lagged(count)) => vec![json!({"event": "missed", "data": {"count": count}})],
                    Err(RecvError::Closed) => break,
                };
                for words in words {
                    if !socket.say(&words).await {
                        return;
                    }
                }
            }
        }
    }
}

fn error(code: &str, detail: &str) -> Value {
    json!({"event": "error", "data": {"code": code, "detail": detail}})
}

/// Has a socket hear of a campaign; whose it is does not matter, for only the tenant's own are told.
fn watch(
    hub: &Hub,
    caller: &Caller,
    watches: &mut HashMap<CampaignId, Watch>,
    campaign: CampaignId,
) -> Option<Value> {
    if watches.len() >= MAX_WATCHES && !watches.contains_key(&campaign) {
        return Some(error("too-many", "watch fewer campaigns at once"));
    }
    watches
        .entry(campaign)
        .or_insert_with(|| hub.live.watched.watch(caller.tenant, campaign));
    None
}

/// Does what an agent asks for.
async fn act(hub: &Arc<Hub>, caller: &Caller, said: Said) -> Option<Value> {
    if !matches!(said, Said::Auth { .. }) && !caller.role.may(Permission::Converse) {
        return Some(error("forbidden", "this role reads only"));
    }
    let (conversation, signal) = match said {
        Said::Auth { .. } | Said::Watch(_) | Said::Unwatch(_) => return None,
        Said::Send(body) => {
            let body: MessageIn = match part("", body) {
                Ok(body) => body,
                Err(refused) => return Some(error("malformed", refused.detail())),
            };
            return Some(
                match send::queue(hub, caller, &HeaderMap::new(), body).await {
                    Ok(message) => json!({"event": "message.queued", "data": message}),
                    Err(refused) => error(refused.code(), refused.detail()),
                },
            );
        }
        Said::TypingStart(place) => (Some(place.conversation_id), Signal::Typing(true)),
        Said::TypingStop(place) => (Some(place.conversation_id), Signal::Typing(false)),
        Said::Presence { status } if (1..=32).contains(&status.len()) => {
            (None, Signal::Presence(status))
        }
        Said::Presence { .. } => return Some(error("invalid", "a status has 1 to 32 bytes")),
    };
    let signalled = Signalled {
        tenant: caller.tenant,
        conversation,
        user: caller.actor.to_string(),
        by_visitor: false,
        signal,
    };
    signalled.tell(hub).await;
    None
}

/// What a caller's socket says about something that happened.
fn words(caller: &Caller, happened: &Happened) -> Vec<Value> {
    match happened {
        Happened::Received(tenant, message) if *tenant == caller.tenant => {
            let conversation = json!({"event": "conversation.updated", "data": {
                "conversation_id": message.conversation_id,
                "channel_id": message.channel_id,
                "last_message_at": message.created_at,
            }});
            let name = match message.edited_at.or(message.deleted_at) {
                None => "message.received",
                Some(_) => "message.updated",
            };
            let mut out = MessageOut::queued(message.as_ref().clone());
            if message.direction == Direction::Inbound {
                out.status = crate::route::message_out::StatusOut::Received;
            }
            vec![json!({"event": name, "data": out}), conversation]
        }
        Happened::Tracked(event) if event.tenant == caller.tenant => match &event.about {
            About::Message | About::Sent => vec![json!({"event": "message.updated", "data": {
                "message_id": event.message,
                "conversation_id": event.conversation,
                "channel_id": event.channel,
                "event": event.kind.name(),
                "at": event.at,
                "detail": event.detail,
            }})],
            About::Conversation | About::Address(_) => Vec::new(),
        },
        Happened::Campaign(progress) => {
            let mut data = json!(progress.counts);
            if let Some(data) = data.as_object_mut() {
                data.insert("campaign_id".to_owned(), json!(progress.campaign));
            }
            vec![json!({"event": "campaign.progress", "data": data})]
        }
        Happened::Imported(progress) if progress.tenant == caller.tenant => {
            vec![json!({"event": "import.progress", "data": &**progress})]
        }
        Happened::Signalled(signalled) if signalled.tenant == caller.tenant => {
            if signalled.user == *caller.actor {
                return Vec::new();
            }
            vec![match &signalled.signal {
                Signal::Typing(is_typing) => json!({"event": "typing.indicator", "data": {
                    "conversation_id": signalled.conversation,
                    "user_id": signalled.user,
                    "is_typing": is_typing,
                }}),
                Signal::Presence(status) => json!({"event": "presence.changed", "data": {
                    "user_id": signalled.user,
                    "conversation_id": signalled.conversation,
                    "status": status,
                }}),
            }]
        }
        _ => Vec::new(),
    }
}
