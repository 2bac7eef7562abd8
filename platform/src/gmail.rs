//! Gmail (<https://developers.google.com/workspace/gmail/api/reference/rest>), with Google's token endpoint, its keys and the pushes
//! of Pub/Sub, as far as the hub uses them.
//!
//! A text that a person says lies in the mailbox from then on, and the push that tells of it is answered. Deliberately
//! absent: labels other than `INBOX`, `UNREAD` and `SENT`, threads but for those that are answered, and the search but for `after:`
//! and `rfc822msgid:`.

mod key;
mod mailbox;
mod send;

use std::sync::{Arc, Mutex};

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
    routing,
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE},
};
use schemas::{ChannelKind, TrackKind};
use serde_json::{Map, Value, json};

pub(crate) use self::key::key;
pub use self::key::{claims, keys, token};
use self::{
    key::SERVICE_ACCOUNT,
    mailbox::{Mailbox, history, list, locked, message, put},
};
use crate::{
    Desk, Fake, Person, Webhook,
    exchange::{Reply, exchange},
    form,
};

const CLIENT_ID: &str = "1234567890-tidings.apps.googleusercontent.com";
const CLIENT_SECRET: &str = "GOCSPX-tidings";
const REFRESH_TOKEN: &str = "1//tidings-refresh";
const ACCESS_TOKEN: &str = "ya29.tidings-access";
const ADDRESS: &str = "support@example.com";
/// Gmail, with one account.
#[derive(Clone, Default)]
pub struct Gmail {
    mailbox: Arc<Mutex<Mailbox>>,
}

#[derive(Clone)]
struct Account {
    desk: Desk,
    mailbox: Arc<Mutex<Mailbox>>,
}

impl Gmail {
    /// Puts a mail into the inbox, received at `at_ms`.
    pub fn receive(&self, raw: impl Into<Vec<u8>>, at_ms: i64) {
        put(
            &mut locked(&self.mailbox),
            raw.into(),
            at_ms,
            vec!["INBOX", "UNREAD"],
        );
    }

    /// The thread that the newest mail was sent into; none when it began one.
    #[must_use]
    pub fn last_thread(&self) -> Option<String> {
        locked(&self.mailbox).mails.last()?.thread.clone()
    }

    /// Forgets the history so far, as Gmail does after about a week.
    pub fn forget_history(&self) {
        let mut mailbox = locked(&self.mailbox);
        mailbox.forgotten = mailbox.last();
    }

    /// Whether the consent was withdrawn.
    pub fn withdraw(&self, withdrawn: bool) {
        locked(&self.mailbox).refused = withdrawn;
    }
}

fn now_s() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |now| i64::try_from(now.as_secs()).unwrap_or(i64::MAX))
}

impl Fake for Gmail {
    fn kind(&self) -> ChannelKind {
        ChannelKind::Gmail
    }

    fn channel(&self, url: &str) -> (Value, Value) {
        (
            json!({"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "refresh_token": REFRESH_TOKEN,
                "from": format!("Support <{ADDRESS}>")}),
            json!({"api_base": url, "token_url": format!("{url}/token"), "push_service_account": SERVICE_ACCOUNT}),
        )
    }

    fn routes(&self, desk: Desk) -> Router {
        Router::new()
            .route("/token", routing::post(grant))
            .route("/oauth2/v3/certs", routing::get(certificates))
            .fallback(call)
            .layer(axum::extract::DefaultBodyLimit::max(crate::MAX_BODY_BYTES))
            .with_state(Account {
                desk,
                mailbox: Arc::clone(&self.mailbox),
            })
    }

    fn say(&self, webhook_url: &str, person: &Person, text: &str, n: u64) -> Option<Webhook> {
        let raw = format!(
            "From: {} <{}>\r\nTo: {ADDRESS}\r\nSubject: Number {n}\r\nMessage-ID: <{n}@mail.gmail.com>\r\n\
             MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n",
            person.name,
            person.id,
            STANDARD.encode(text)
        );
        self.receive(raw, now_s() * 1000);
        let last = locked(&self.mailbox).last();
        let data = json!({"emailAddress": ADDRESS, "historyId": last}).to_string();
        let body = json!({
            "message": {"data": URL_SAFE.encode(data), "messageId": n.to_string(), "message_id": n.to_string(),
                "publishTime": "2026-11-20T10:00:00.000Z", "publish_time": "2026-11-20T10:00:00.000Z"},
            "subscription": "projects/tidings/subscriptions/gmail",
        });
        Some(Webhook {
            headers: vec![
                (
                    "authorization".into(),
                    format!("Bearer {}", token(&claims(webhook_url, now_s()))),
                ),
                ("content-type".into(), "application/json".into()),
            ],
            body: body.to_string().into(),
        })
    }

    fn receipt(
        &self,
        _webhook_url: &str,
        _person: &Person,
        _provider_id: &str,
        _kind: TrackKind,
        _n: u64,
    ) -> Option<Webhook> {
        None
    }
}

async fn certificates() -> Response {
    let age = [(
        header::CACHE_CONTROL,
        "public, max-age=21447, must-revalidate",
    )];
    (age, Json(keys())).into_response()
}

/// RFC 6749, section 6.
async fn grant(State(account): State<Account>, body: Bytes) -> Response {
    let form = form::object(&body);
    let is = |name: &str, value: &str| form.get(name).and_then(Value::as_str) == Some(value);
    let (status, answer) = if !is("grant_type", "refresh_token") {
        (
            StatusCode::BAD_REQUEST,
            json!({"error": "unsupported_grant_type"}),
        )
    } else if !is("client_id", CLIENT_ID) || !is("client_secret", CLIENT_SECRET) {
        (StatusCode::UNAUTHORIZED, json!({"error": "invalid_client"}))
    } else if !is("refresh_token", REFRESH_TOKEN) || locked(&account.mailbox).refused {
        (
            StatusCode::BAD_REQUEST,
            json!({"error": "invalid_grant", "error_description": "Token has been expired or revoked."}),
        )
    } else {
        (
            StatusCode::OK,
            json!({"access_token": ACCESS_TOKEN, "expires_in": 3599, "token_type": "Bearer",
                "scope": "https://www.googleapis.com/auth/gmail.modify"}),
        )
    };
    (status, Json(answer)).into_response()
}

async fn call(
    State(account): State<Account>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let query: Map<String, Value> = form::object(uri.query().unwrap_or_default().as_bytes());
    let query = |name: &str| query.get(name).and_then(Value::as_str).map(str::to_owned);
    exchange(&account.desk, &method, &uri, &body, |json| {
        let given = headers.get("authorization").and_then(|value| value.to_str().ok());
        if given != Some(format!("Bearer {ACCESS_TOKEN}").as_str()) {
            return refused(401, "authError", "Invalid Credentials");
        }
        let mut mailbox = locked(&account.mailbox);
        match (method.as_str(), uri.path()) {
            ("GET", "/gmail/v1/users/me/profile") => Reply::ok(json!({
                "emailAddress": ADDRESS, "messagesTotal": mailbox.mails.len(), "threadsTotal": mailbox.mails.len(),
                "historyId": mailbox.last().to_string(),
            })),
            ("GET", "/gmail/v1/users/me/history") => history(&mailbox, query),
            ("GET", "/gmail/v1/users/me/messages") => list(&mailbox, query),
            ("POST", "/gmail/v1/users/me/messages/send") => {
                let raw = json.get("raw").and_then(Value::as_str);
                match raw.and_then(|raw| URL_SAFE.decode(raw).ok()) {
                    Some(raw) => send::send(&mut mailbox, raw, json),
                    None => refused(400, "invalidArgument", "'raw' RFC822 payload message string or uploading message via /upload/* URL required"),
                }
            }
            ("POST", "/upload/gmail/v1/users/me/messages/send") => {
                match send::related(&headers, &body) {
                    Some((fields, raw)) => send::send(&mut mailbox, raw, &fields),
                    None => refused(400, "badContent", "Media type is not supported, or its parts are not two"),
                }
            }
            ("POST", "/gmail/v1/users/me/watch") => watch(&mailbox, json),
            ("GET", path) => match path.strip_prefix("/gmail/v1/users/me/messages/") {
                Some(id) => message(&mailbox, id, query("format").as_deref()),
                None => refused(404, "notFound", "Requested entity was not found."),
            },
            _ => refused(404, "notFound", "Requested entity was not found."),
        }
    })
    .await
}

fn watch(mailbox: &Mailbox, asked: &Value) -> Reply {
    let topic = asked
        .get("topicName")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let parts: Vec<&str> = topic.split('/').collect();
    if !matches!(parts.as_slice(), ["projects", project, "topics", name] if !project.is_empty() && !name.is_empty())
    {
        return refused(
            400,
            "invalidArgument",
            "Invalid topicName does not match projects/my-project/topics/*",
        );
    }
    let expires = (now_s() + 7 * 24 * 3600) * 1000;
    Reply::ok(json!({"historyId": mailbox.last().to_string(), "expiration": expires.to_string()}))
}

fn refused(status: u16, reason: &str, message: &str) -> Reply {
    let body = json!({"error": {"code": status, "message": message,
        "errors": [{"message": message, "domain": "global", "reason": reason}]}});
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    Reply::refused(status, body, message)
}
