//! All platforms on one port, to be played by hand.
//!
//! Below `/<kind>/` lies a platform's API, as its fake answers it, and beside it what the player does: `say`, `receipt`,
//! `trouble`, `calls`. What the platform then asks of the hub goes out through [`Post`], so that this crate needs no client.
//!
//! Deliberately absent: anything kept; who calls may be anybody, so listen on a loopback address.

use std::{
    future::Future,
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{self, get},
};
use schemas::TrackKind;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::{Desk, Fake, Person, Trouble, Webhook};

/// Makes a request at an address, and tells status and body of the answer or why there was none.
pub type Post = Arc<
    dyn Fn(String, Webhook) -> Pin<Box<dyn Future<Output = Result<(u16, String), String>> + Send>>
        + Send
        + Sync,
>;

/// A platform and the channel of the hub that is on it.
pub struct Player {
    pub fake: Box<dyn Fake>,
    /// Where the hub takes what the platform says.
    pub webhook_url: String,
}

/// Plays until the process ends.
///
/// # Errors
/// When the listener does.
pub async fn serve(listener: TcpListener, players: Vec<Player>, post: Post) -> io::Result<()> {
    axum::serve(listener, router(players, post)).await
}

#[derive(Clone)]
struct Stage {
    player: Arc<Player>,
    desk: Desk,
    post: Post,
    numbers: Arc<AtomicU64>,
}

fn router(players: Vec<Player>, post: Post) -> Router {
    // Fakes count seconds from here, so that what is said is said now; and ids go on where an earlier run ended.
    let since = SystemTime::now().duration_since(UNIX_EPOCH + Duration::from_secs(1_790_000_000));
    let numbers = Arc::new(AtomicU64::new(since.map_or(0, |since| since.as_secs())));
    let mut router = Router::new();
    let mut all = Vec::new();
    for player in players {
        let kind = player.fake.kind();
        all.push(json!({
            "kind": kind, "webhook_url": player.webhook_url,
            "say": format!("/{kind}/say"), "receipt": format!("/{kind}/receipt"),
            "trouble": format!("/{kind}/trouble"), "calls": format!("/{kind}/calls"),
        }));
        let desk = Desk::default();
        let api = player.fake.routes(desk.clone());
        let stage = Stage {
            player: Arc::new(player),
            desk,
            post: Arc::clone(&post),
            numbers: Arc::clone(&numbers),
        };
        let hand = Router::new()
            .route(&format!("/{kind}/say"), routing::post(say))
            .route(&format!("/{kind}/receipt"), routing::post(receipt))
            .route(&format!("/{kind}/trouble"), routing::post(trouble))
            .route(&format!("/{kind}/calls"), get(calls))
            .with_state(stage);
        router = router.merge(hand).nest(&format!("/{kind}"), api);
    }
    router.route("/", get(async move || Json(all)))
}

/// What a person writes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SayIn {
    /// An id in the platform's form; somebody invented when absent.
    #[serde(default)]
    person: Option<String>,
    #[serde(default)]
    name: Option<String>,
    text: String,
}

async fn say(State(stage): State<Stage>, Json(said): Json<SayIn>) -> Response {
    let person = stage.person(said.person, said.name);
    let n = stage.numbers.fetch_add(1, Ordering::Relaxed);
    let player = &stage.player;
    if player.fake.tell(&person, &said.text) {
        return Json(json!({"hub": {"listens": true}})).into_response();
    }
    match player.fake.say(&player.webhook_url, &person, &said.text, n) {
        Some(webhook) => stage.hand_over(webhook).await,
        None => {
            let kind = player.fake.kind();
            refused(&format!(
                "nobody on {kind} has such an id: give `person` one like {:?}, or leave it out",
                Person::of(kind).id
            ))
        }
    }
}

/// What became of a message of the hub.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReceiptIn {
    /// As the platform answered it when it was sent; the hub shows it as the message's `provider_id`.
    provider_id: String,
    /// `sent`, `delivered`, `read` or `failed`.
    status: TrackKind,
    #[serde(default)]
    person: Option<String>,
}

async fn receipt(State(stage): State<Stage>, Json(told): Json<ReceiptIn>) -> Response {
    let person = stage.person(told.person, None);
    let n = stage.numbers.fetch_add(1, Ordering::Relaxed);
    let player = &stage.player;
    let webhook = player.fake.receipt(
        &player.webhook_url,
        &person,
        &told.provider_id,
        told.status,
        n,
    );
    match webhook {
        Some(webhook) => stage.hand_over(webhook).await,
        None => refused("this platform never says so, or not of such a `provider_id`"),
    }
}

/// What the next call of the hub meets.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
enum TroubleIn {
    /// Answers this status and body, and does nothing.
    Refuse {
        status: u16,
        #[serde(default)]
        body: Value,
    },
    /// Does its work and answers later.
    Slow { seconds: u64 },
    /// Does its work and answers 502.
    Silent,
}

async fn trouble(State(stage): State<Stage>, Json(given): Json<TroubleIn>) -> Response {
    let trouble = match given {
        TroubleIn::Refuse { status, body } => match StatusCode::from_u16(status) {
            Ok(status) => Trouble::Refuse(status, body),
            Err(_) => return refused("`status` must be one of HTTP, 100 to 999"),
        },
        TroubleIn::Slow { seconds } => Trouble::Slow(Duration::from_secs(seconds.min(600))),
        TroubleIn::Silent => Trouble::Silent,
    };
    stage.desk.trouble(trouble);
    StatusCode::NO_CONTENT.into_response()
}

async fn calls(State(stage): State<Stage>) -> Json<Vec<Value>> {
    let calls = stage.desk.calls();
    let shown = calls.into_iter().map(|call| {
        json!({
            "method": call.method, "path": call.path, "body": call.body,
            "status": call.status.as_u16(), "refusal": call.refusal,
        })
    });
    Json(shown.collect())
}

impl Stage {
    fn person(&self, id: Option<String>, name: Option<String>) -> Person {
        let somebody = Person::of(self.player.fake.kind());
        Person {
            id: id.unwrap_or(somebody.id),
            name: name.unwrap_or(somebody.name),
        }
    }

    /// Makes the platform's request, and shows what the hub answered.
    async fn hand_over(&self, webhook: Webhook) -> Response {
        match (self.post)(self.player.webhook_url.clone(), webhook).await {
            Ok((status, body)) => {
                let body = serde_json::from_str(&body).unwrap_or(Value::String(body));
                Json(json!({"hub": {"status": status, "body": body}})).into_response()
            }
            Err(error) => {
                let told = json!({"error": format!("the hub was not reached: {error}")});
                (StatusCode::BAD_GATEWAY, Json(told)).into_response()
            }
        }
    }
}

/// What the player asked for cannot be, and why.
fn refused(why: &str) -> Response {
    let told = json!({"error": why});
    (StatusCode::UNPROCESSABLE_ENTITY, Json(told)).into_response()
}

#[cfg(test)]
mod tests {
    use schemas::ChannelKind;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    /// All that a player hears, and what reached the hub.
    async fn asked(path: &str, body: &str) -> String {
        let players = crate::all()
            .into_iter()
            .filter(|fake| fake.kind() == ChannelKind::Telegram)
            .map(|fake| Player {
                fake,
                webhook_url: "http://hub.example".into(),
            })
            .collect();
        let post: Post = Arc::new(|_, _| Box::pin(async { Ok((200, "{}".to_owned())) }));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve(listener, players, post));
        let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: play\r\nconnection: close\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        );
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn who_cannot_be_on_a_platform_is_told_so() {
        let answer = asked("/telegram/say", r#"{"person": "ada", "text": "hi"}"#).await;
        assert!(answer.starts_with("HTTP/1.1 422"), "{answer}");
        assert!(
            answer.contains("nobody on telegram has such an id"),
            "{answer}"
        );
        for fine in [r#"{"person": "4711", "text": "hi"}"#, r#"{"text": "hi"}"#] {
            let answer = asked("/telegram/say", fine).await;
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        }
        let told = r#"{"provider_id": "1", "status": "read"}"#;
        let answer = asked("/telegram/receipt", told).await;
        assert!(answer.starts_with("HTTP/1.1 422"), "{answer}");
    }
}
