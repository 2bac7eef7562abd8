//! Gmail (<https://developers.google.com/workspace/gmail/api/reference/rest>), with Google's token endpoint, its keys and the pushes
//! of Pub/Sub, as far as the hub uses them.
//!
//! A text that a person says lies in the mailbox from then on, and the push that tells of it is answered. Deliberately
//! absent: labels other than `INBOX`, `UNREAD` and `SENT`, threads but for those that are answered, and the search but for `after:`
//! and `rfc822msgid:`.

mod send;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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
    engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD},
};
use ring::{
    rand::SystemRandom,
    rsa::{KeyPair, PublicKeyComponents},
    signature::{KeyPair as _, RSA_PKCS1_SHA256},
};
use schemas::{ChannelKind, TrackKind};
use serde_json::{Map, Value, json};

use crate::{
    Desk, Fake, Person, Webhook,
    exchange::{Reply, exchange},
    form,
};

/// Signs this fake's pushes; nothing else trusts it.
const KEY: &str = include_str!("gmail/key.pem");
const KEY_ID: &str = "f0e1d2c3b4a5968778695a4b3c2d1e0f";
const CLIENT_ID: &str = "1234567890-tidings.apps.googleusercontent.com";
const CLIENT_SECRET: &str = "GOCSPX-tidings";
const REFRESH_TOKEN: &str = "1//tidings-refresh";
const ACCESS_TOKEN: &str = "ya29.tidings-access";
const ADDRESS: &str = "support@example.com";
const SERVICE_ACCOUNT: &str = "push@tidings.iam.gserviceaccount.com";
/// Where history begins.
const FIRST_HISTORY: u64 = 1000;
/// A page of the history, small so that pages are turned.
const PAGE: usize = 5;

/// Gmail, with one account.
#[derive(Clone, Default)]
pub struct Gmail {
    mailbox: Arc<Mutex<Mailbox>>,
}

#[derive(Default)]
struct Mailbox {
    mails: Vec<Mail>,
    /// History up to it is forgotten.
    forgotten: u64,
    refused: bool,
}

struct Mail {
    id: String,
    /// Of the mail it was sent to answer; its own otherwise.
    thread: Option<String>,
    history_id: u64,
    at_ms: i64,
    labels: Vec<&'static str>,
    raw: Vec<u8>,
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

impl Mailbox {
    fn last(&self) -> u64 {
        FIRST_HISTORY + self.mails.len() as u64
    }
}

fn locked(mailbox: &Mutex<Mailbox>) -> MutexGuard<'_, Mailbox> {
    mailbox.lock().unwrap_or_else(PoisonError::into_inner)
}

fn put(mailbox: &mut Mailbox, raw: Vec<u8>, at_ms: i64, labels: Vec<&'static str>) -> String {
    let history_id = mailbox.last() + 1;
    let id = format!("{:016x}", 0x18c0_0000_0000_0000 + history_id);
    mailbox.mails.push(Mail {
        id: id.clone(),
        thread: None,
        history_id,
        at_ms,
        labels,
        raw,
    });
    id
}

/// What the certificates' address answers: a JSON Web Key Set.
///
/// # Panics
/// Never: the key is part of the program.
#[must_use]
pub fn keys() -> Value {
    let public = PublicKeyComponents::<Vec<u8>>::from(key().public_key());
    json!({"keys": [{
        "kty": "RSA", "alg": "RS256", "use": "sig", "kid": KEY_ID,
        "n": URL_SAFE_NO_PAD.encode(public.n), "e": URL_SAFE_NO_PAD.encode(public.e),
    }]})
}

/// A token with these claims, rightly signed.
///
/// # Panics
/// Never: the key is part of the program.
#[must_use]
pub fn token(claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let head = json!({"alg": "RS256", "kid": KEY_ID, "typ": "JWT"});
    let signed = format!("{}.{}", part(&head), part(claims));
    let key = key();
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(
        &RSA_PKCS1_SHA256,
        &SystemRandom::new(),
        signed.as_bytes(),
        &mut signature,
    )
    .expect("a key of 2048 bits signs");
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// The claims of a push to `audience`.
#[must_use]
pub fn claims(audience: &str, now_s: i64) -> Value {
    json!({
        "aud": audience, "azp": "113774264463038321964", "email": SERVICE_ACCOUNT, "email_verified": true,
        "exp": now_s + 3600, "iat": now_s, "iss": "https://accounts.google.com", "sub": "113774264463038321964",
    })
}

pub(crate) fn key() -> KeyPair {
    let base64: String = KEY.lines().filter(|line| !line.starts_with('-')).collect();
    let der = STANDARD.decode(base64).expect("the key is in base64");
    KeyPair::from_pkcs8(&der).expect("the key is one")
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

fn history(mailbox: &Mailbox, query: impl Fn(&str) -> Option<String>) -> Reply {
    let Some(start) = query("startHistoryId").and_then(|id| id.parse::<u64>().ok()) else {
        return refused(400, "invalidArgument", "Missing start history ID");
    };
    if start < mailbox.forgotten {
        return refused(404, "notFound", "Requested entity was not found.");
    }
    let from = query("pageToken")
        .and_then(|page| page.parse().ok())
        .unwrap_or(0);
    let all: Vec<Value> = mailbox
        .mails
        .iter()
        .filter(|mail| mail.history_id > start && has(mail, query("labelId")))
        .map(|mail| {
            let message = json!({"id": mail.id, "threadId": mail.id});
            let added = json!({"id": mail.id, "threadId": mail.id, "labelIds": mail.labels});
            json!({"id": mail.history_id.to_string(), "messages": [message], "messagesAdded": [{"message": added}]})
        })
        .collect();
    let mut answer = json!({"historyId": mailbox.last().to_string()});
    page(&mut answer, "history", all, from);
    Reply::ok(answer)
}

fn list(mailbox: &Mailbox, query: impl Fn(&str) -> Option<String>) -> Reply {
    let from = query("pageToken")
        .and_then(|page| page.parse().ok())
        .unwrap_or(0);
    let after: i64 = query("q")
        .and_then(|search| search.strip_prefix("after:")?.parse().ok())
        .unwrap_or(0);
    let named = query("q").and_then(|search| {
        let id = search.strip_prefix("rfc822msgid:")?;
        Some(format!("Message-ID: <{id}>\r\n"))
    });
    let is_named = |mail: &Mail| {
        let head = String::from_utf8_lossy(&mail.raw);
        named.as_ref().is_none_or(|line| head.contains(line))
    };
    let all: Vec<Value> = mailbox
        .mails
        .iter()
        .rev()
        .filter(|mail| mail.at_ms >= after * 1000 && has(mail, query("labelIds")))
        .filter(|mail| is_named(mail))
        .map(|mail| json!({"id": mail.id, "threadId": mail.thread.as_ref().unwrap_or(&mail.id)}))
        .collect();
    let mut answer = json!({"resultSizeEstimate": all.len()});
    page(&mut answer, "messages", all, from);
    Reply::ok(answer)
}

fn has(mail: &Mail, label: Option<String>) -> bool {
    label.is_none_or(|label| mail.labels.iter().any(|has| *has == label))
}

/// A page of a list; Gmail leaves empty lists out.
fn page(answer: &mut Value, name: &str, all: Vec<Value>, from: usize) {
    let Some(fields) = answer.as_object_mut() else {
        return;
    };
    if all.len() > from + PAGE {
        fields.insert("nextPageToken".into(), (from + PAGE).to_string().into());
    }
    let page: Vec<Value> = all.into_iter().skip(from).take(PAGE).collect();
    if !page.is_empty() {
        fields.insert(name.into(), page.into());
    }
}

fn message(mailbox: &Mailbox, id: &str, format: Option<&str>) -> Reply {
    let Some(mail) = mailbox.mails.iter().find(|mail| mail.id == id) else {
        return refused(404, "notFound", "Requested entity was not found.");
    };
    let mut answer = json!({
        "id": mail.id, "threadId": mail.id, "labelIds": mail.labels, "snippet": "",
        "historyId": mail.history_id.to_string(), "internalDate": mail.at_ms.to_string(),
        "sizeEstimate": mail.raw.len(),
    });
    if let Some(fields) = answer.as_object_mut() {
        if format == Some("raw") {
            fields.insert("raw".into(), URL_SAFE.encode(&mail.raw).into());
        } else {
            let head = String::from_utf8_lossy(&mail.raw).into_owned();
            let headers: Vec<Value> = head
                .lines()
                .take_while(|line| !line.is_empty())
                .filter_map(|line| line.split_once(": "))
                .map(|(name, value)| json!({"name": name, "value": value}))
                .collect();
            fields.insert("payload".into(), json!({"headers": headers}));
        }
    }
    Reply::ok(answer)
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
