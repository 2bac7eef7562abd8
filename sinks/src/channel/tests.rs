//! What the tests of the senders share, and the tests of HTTP senders against a scripted server.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
};
use schemas::{
    ChannelKind, Content, ConversationId, Direction, Message, MessageId, MessageType, Party,
    Priority, Routing, Timestamp,
};
use serde_json::json;
use tokio::{io::AsyncReadExt, net::TcpListener};
use uuid::Uuid;

use super::*;

/// A message to be sent, number `id`.
pub(crate) fn outbound(id: u128) -> Outbound {
    let channel = ChannelId(Uuid::from_u128(0xC0));
    Outbound {
        tenant: TenantId(Uuid::from_u128(0x7E)),
        channel,
        kind: ChannelKind::Generic,
        message: Box::new(Message {
            id: MessageId(Uuid::from_u128(id)),
            conversation_id: ConversationId::of(channel, "7"),
            channel_id: channel,
            message_type: MessageType::Text,
            direction: Direction::Outbound,
            content: Content {
                text: "hello".into(),
                ..Content::default()
            },
            sender: Party::default(),
            recipient: Party {
                id: "7".into(),
                ..Party::default()
            },
            priority: Priority::Normal,
            tags: Vec::new(),
            platform_message_id: None,
            platform_conversation_id: "7".into(),
            in_reply_to: None,
            subject: None,
            language: None,
            sentiment: None,
            intent: None,
            topics: Vec::new(),
            category: None,
            routing: Routing::default(),
            created_at: Timestamp(1_736_332_200_000_000),
            edited_at: None,
            deleted_at: None,
            metadata: serde_json::Map::new(),
        }),
        cause: None,
        attempt: 0,
        queued_at: Timestamp(1_736_332_200_000_000),
        from: None,
        mail: None,
    }
}

pub(crate) fn account<'a>(
    kind: ChannelKind,
    config: &'a Value,
    credentials: &'a Value,
) -> Account<'a> {
    Account {
        tenant: TenantId(Uuid::from_u128(0x7E)),
        channel: ChannelId(Uuid::from_u128(0xC0)),
        kind,
        config,
        credentials: Some(credentials),
    }
}

/// One word for an outcome, and its code.
pub(crate) fn word(outcome: &SendOutcome) -> String {
    match outcome {
        SendOutcome::Accepted { provider_ids } => {
            format!(
                "accepted {}",
                provider_ids.first().map_or("-", |id| id.as_str())
            )
        }
        SendOutcome::RetryAfter { failure, .. } => format!("retry {}", failure.code),
        SendOutcome::Permanent(failure) => format!("permanent {}", failure.code),
        SendOutcome::Unknown(failure) => format!("unknown {}", failure.code),
    }
}

pub(crate) const PRIVATE: Settings = Settings {
    allow_private_urls: true,
    files: None,
};

struct Call {
    path: String,
    headers: HeaderMap,
    body: Bytes,
}

type Script = Arc<Mutex<(VecDeque<(u16, String)>, Vec<Call>)>>;

/// An HTTP server that answers from a script and keeps what it was asked.
struct Server {
    base: String,
    script: Script,
}

impl Server {
    async fn start(answers: &[(u16, &str)]) -> Self {
        let answers = answers
            .iter()
            .map(|(status, body)| (*status, (*body).to_owned()))
            .collect();
        let script: Script = Arc::new(Mutex::new((answers, Vec::new())));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let app = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&script));
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { base, script }
    }

    fn calls(&self) -> Vec<Call> {
        std::mem::take(&mut self.script.lock().unwrap().1)
    }
}

async fn answer(
    State(script): State<Script>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, HeaderMap, String) {
    let mut script = script.lock().unwrap();
    script.1.push(Call {
        path: uri.path().to_owned(),
        headers,
        body,
    });
    let (status, body) = script.0.pop_front().unwrap_or((500, "{}".into()));
    let mut headers = HeaderMap::new();
    if matches!(status, 429 | 503) {
        headers.insert("retry-after", "7".parse().unwrap());
    }
    if status == 302 {
        headers.insert("location", "/elsewhere".parse().unwrap());
    }
    (StatusCode::from_u16(status).unwrap(), headers, body)
}

/// A server that reads a request and hangs up without an answer.
async fn hangs_up() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut buffer = [0; 64 * 1024];
            assert!(socket.read(&mut buffer).await.unwrap() > 0);
        }
    });
    base
}

/// An address where nobody listens.
async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

fn telegram(base: &str) -> Result<telegram::Telegram, Misconfigured> {
    telegram::Telegram::new(
        &account(
            ChannelKind::Telegram,
            &json!({"settings": {"api_base": base}}),
            &json!({"bot_token": "1:TOKEN", "secret_token": "s3cret"}),
        ),
        &PRIVATE,
    )
}

fn webhook(url: &str, settings: &Settings) -> Result<webhook::Webhook, Misconfigured> {
    webhook::Webhook::new(
        &account(
            ChannelKind::Generic,
            &json!({}),
            &json!({"url": url, "signing_secret": "secret"}),
        ),
        settings,
    )
}

async fn send(sender: &dyn Sender) -> SendOutcome {
    sender.send(&[&outbound(1)]).await.remove(0)
}

#[tokio::test]
async fn telegram_sends_text_and_keeps_the_message_id() {
    let server = Server::start(&[(
        200,
        r#"{"ok":true,"result":{"message_id":77,"chat":{"id":7}}}"#,
    )])
    .await;
    let outcome = send(&telegram(&server.base).unwrap()).await;
    assert_eq!(word(&outcome), "accepted 7:77");
    let calls = server.calls();
    assert_eq!(calls[0].path, "/bot1:TOKEN/sendMessage");
    let body: Value = serde_json::from_slice(&calls[0].body).unwrap();
    assert_eq!(body, json!({"chat_id": 7, "text": "hello"}));
}

#[tokio::test]
async fn telegram_hands_on_how_long_to_wait() {
    let slow = r#"{"ok":false,"description":"slow down","parameters":{"retry_after":3}}"#;
    let server = Server::start(&[(429, slow)]).await;
    let outcome = send(&telegram(&server.base).unwrap()).await;
    let SendOutcome::RetryAfter { after, failure } = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(after, Some(Duration::from_secs(3)));
    assert_eq!(failure.scope, Scope::Channel);
}

#[tokio::test]
async fn telegram_knows_when_it_does_not_know() {
    let silent = telegram(&hangs_up().await).unwrap();
    assert_eq!(word(&send(&silent).await), "unknown connection-lost");
    let absent = telegram(&nobody().await).unwrap();
    assert_eq!(word(&send(&absent).await), "retry connect");
    let server = Server::start(&[(500, r#"{"ok":false,"description":"oops"}"#)]).await;
    let failing = telegram(&server.base).unwrap();
    assert_eq!(word(&send(&failing).await), "unknown http-500");
}

#[tokio::test]
async fn telegram_half_sent_is_unknown() {
    let server = Server::start(&[
        (200, r#"{"ok":true,"result":{"message_id":1}}"#),
        (400, r#"{"ok":false,"description":"no"}"#),
    ])
    .await;
    let mut long = outbound(1);
    long.message.content.text = "word ".repeat(1500);
    let outcome = telegram(&server.base)
        .unwrap()
        .send(&[&long])
        .await
        .remove(0);
    assert_eq!(word(&outcome), "unknown partial");
}

#[tokio::test]
async fn telegram_test_names_the_bot_and_sets_the_webhook() {
    let me = (200, r#"{"ok":true,"result":{"username":"desk_bot"}}"#);
    let done = (200, r#"{"ok":true,"result":true}"#);
    let bad = (401, r#"{"ok":false,"description":"Unauthorized"}"#);
    let server = Server::start(&[me, me, done, bad]).await;
    let bot = telegram(&server.base).unwrap();
    assert_eq!(bot.test(None).await.account.as_deref(), Some("@desk_bot"));
    let url = "https://hub.example.org/api/v1/webhooks/1";
    assert!(bot.test(Some(url)).await.ok);
    let refused = bot.test(None).await;
    assert!(!refused.ok && refused.detail.contains("401"));
    let calls = server.calls();
    assert_eq!(calls[2].path, "/bot1:TOKEN/setWebhook");
    let body: Value = serde_json::from_slice(&calls[2].body).unwrap();
    assert_eq!(body["url"], url);
    assert_eq!(body["secret_token"], "s3cret");
}

#[tokio::test]
async fn no_reason_shows_the_token() {
    for base in [nobody().await, hangs_up().await] {
        let bot = telegram(&base).unwrap();
        let said = format!("{:?} {:?}", send(&bot).await, bot.test(None).await);
        assert!(!said.contains("TOKEN"), "{said}");
    }
}

#[tokio::test]
async fn webhook_is_signed_and_keyed() {
    let server = Server::start(&[(201, r#"{"id":"theirs"}"#)]).await;
    let sender = webhook(&format!("{}/hook", server.base), &PRIVATE).unwrap();
    assert_eq!(word(&send(&sender).await), "accepted theirs");
    let call = server.calls().remove(0);
    assert_eq!(call.path, "/hook");
    assert_eq!(
        call.headers["idempotency-key"],
        "00000000-0000-0000-0000-000000000001"
    );
    let timestamp = call.headers["x-tidings-timestamp"].to_str().unwrap();
    let expected = webhook::sign(&schemas::Secret::new("secret"), timestamp, &call.body);
    assert_eq!(call.headers["x-tidings-signature"], expected.as_str());
    let body: Value = serde_json::from_slice(&call.body).unwrap();
    assert_eq!(body["text"], "hello");
    assert_eq!(body["conversation"], "7");
    assert_eq!(body["recipient"]["id"], "7");
}

#[tokio::test]
async fn webhook_answers_are_classed() {
    let server = Server::start(&[(503, ""), (500, ""), (404, ""), (302, "")]).await;
    let sender = webhook(&server.base, &PRIVATE).unwrap();
    let SendOutcome::RetryAfter { after, .. } = send(&sender).await else {
        panic!("503 is tried again");
    };
    assert_eq!(after, Some(Duration::from_secs(7)));
    assert_eq!(word(&send(&sender).await), "retry http-500");
    assert_eq!(word(&send(&sender).await), "permanent http-404");
    assert_eq!(word(&send(&sender).await), "permanent http-302");
    // The redirect was not followed.
    assert!(server.calls().iter().all(|call| call.path == "/"));
    // Safe to send again, for the other side knows the key.
    let silent = webhook(&hangs_up().await, &PRIVATE).unwrap();
    assert_eq!(word(&send(&silent).await), "retry connection-lost");
}

#[tokio::test]
async fn webhooks_to_private_addresses_are_refused() {
    let server = Server::start(&[(200, "")]).await;
    let spelled = webhook(&server.base, &Settings::default());
    assert!(matches!(
        spelled.err(),
        Some(Misconfigured::Invalid { name: "url", .. })
    ));
    // A name that leads to a private address is refused when it is resolved.
    let named = server.base.replace("127.0.0.1", "localhost");
    let sender = webhook(&named, &Settings::default()).unwrap();
    assert_eq!(word(&send(&sender).await), "retry connect");
    assert!(server.calls().is_empty());
}

#[test]
fn what_is_missing_is_named() {
    let missing = |kind, credentials: Value| {
        let config = json!({});
        let account = account(kind, &config, &credentials);
        match kind {
            ChannelKind::Telegram => telegram::Telegram::new(&account, &PRIVATE).err(),
            ChannelKind::Email => smtp::Smtp::new(&account, &Settings::default()).err(),
            _ => webhook::Webhook::new(&account, &PRIVATE).err(),
        }
    };
    assert_eq!(
        missing(ChannelKind::Telegram, json!({})),
        Some(Misconfigured::Missing("bot_token"))
    );
    assert_eq!(
        missing(ChannelKind::Generic, json!({"url": "https://example.org"})),
        Some(Misconfigured::Missing("signing_secret"))
    );
    assert_eq!(
        missing(ChannelKind::Email, json!({"from": "a@example.org"})),
        Some(Misconfigured::Missing("smtp"))
    );
    assert!(missing(ChannelKind::Telegram, json!({"bot_token": "1:a/../b"})).is_some());
}
