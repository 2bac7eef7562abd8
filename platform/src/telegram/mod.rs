//! Telegram's Bot API (<https://core.telegram.org/bots/api>), as far as the hub uses it.
//!
//! Some chats play a part: see [`chat`]. Deliberately absent: receipts, which Telegram has none of.

mod check;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, Method, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use schemas::{ChannelKind, TrackKind};
use serde_json::{Value, json};

use crate::{
    Desk, Fake, MAX_BODY_BYTES, Person, Webhook,
    exchange::{Reply, exchange_form},
};

const TOKEN: &str = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw";
const SECRET: &str = "tidings_webhook-1";

/// Telegram.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Telegram;

impl Fake for Telegram {
    fn kind(&self) -> ChannelKind {
        ChannelKind::Telegram
    }

    fn channel(&self, url: &str) -> (Value, Value) {
        (
            json!({"bot_token": TOKEN, "secret_token": SECRET}),
            json!({"api_base": url}),
        )
    }

    fn routes(&self, desk: Desk) -> Router {
        Router::new()
            .fallback(call)
            .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
            .with_state(desk)
    }

    fn say(&self, _webhook_url: &str, person: &Person, text: &str, n: u64) -> Option<Webhook> {
        let id: i64 = person.id.parse().ok()?;
        let body = json!({"update_id": 880_000_000 + n, "message": {
            "message_id": n, "date": 1_790_000_000 + n,
            "from": {"id": id, "is_bot": false, "first_name": person.name},
            "chat": {"id": id, "type": "private", "first_name": person.name},
            "text": text,
        }});
        Some(Webhook {
            headers: vec![
                ("x-telegram-bot-api-secret-token".into(), SECRET.into()),
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

async fn call(
    State(desk): State<Desk>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let file = format!("/file/bot{TOKEN}/");
    if uri.path().starts_with(&file) {
        return (StatusCode::OK, "a file").into_response();
    }
    let prefix = format!("/bot{TOKEN}/");
    let Some(name) = uri.path().strip_prefix(&prefix) else {
        let refused = json!({"ok": false, "error_code": 401, "description": "Unauthorized"});
        return (StatusCode::UNAUTHORIZED, Json(refused)).into_response();
    };
    exchange_form(&desk, &method, &uri, &headers, &body, |body| {
        done(&desk, name, &check::unfolded(body)).unwrap_or_else(|refused| refused)
    })
    .await
}

fn ok(result: Value) -> Reply {
    Reply::ok(json!({"ok": true, "result": result}))
}

/// A refusal in Telegram's words.
fn no(status: StatusCode, said: &str) -> Reply {
    let body = json!({"ok": false, "error_code": status.as_u16(), "description": said});
    Reply::refused(status, body, said)
}

fn bad(said: impl AsRef<str>) -> Reply {
    no(
        StatusCode::BAD_REQUEST,
        &format!("Bad Request: {}", said.as_ref()),
    )
}

fn done(desk: &Desk, name: &str, body: &Value) -> Result<Reply, Reply> {
    let text = |path: &str| body.pointer(path).and_then(Value::as_str);
    Ok(match name {
        "getMe" => ok(json!({
            "id": 110_201_543, "is_bot": true, "first_name": "Tidings", "username": "tidings_bot",
        })),
        "setWebhook" => {
            check::webhook(body).map_err(bad)?;
            ok(true.into())
        }
        "deleteWebhook" => ok(true.into()),
        "getUpdates" => ok(json!([])),
        "getFile" => {
            let id = text("/file_id").ok_or_else(|| bad("file_id is empty"))?;
            ok(
                json!({"file_id": id, "file_unique_id": "U1", "file_size": 6, "file_path": "photos/file_1.jpg"}),
            )
        }
        "answerCallbackQuery" => match text("/callback_query_id") {
            None | Some("") => return Err(bad("query ID is empty")),
            Some("old") => {
                return Err(bad(
                    "query is too old and response timeout expired or query ID is invalid",
                ));
            }
            Some(_) => ok(true.into()),
        },
        "sendChatAction" => {
            chat(body)?;
            check::action(body).map_err(bad)?;
            ok(true.into())
        }
        "sendMediaGroup" => {
            let chat = chat(body)?;
            let count = check::album(body).map_err(bad)?;
            ok((0..count).map(|_| sent(desk, chat, body)).collect())
        }
        _ => {
            let chat = chat(body)?;
            check::message(name, body).map_err(|said| match said {
                None => no(StatusCode::NOT_FOUND, "Not Found"),
                Some(said) => bad(said),
            })?;
            ok(sent(desk, chat, body))
        }
    })
}

/// The chat a call is for. 403 blocked the bot, 404 is not there, -400 has become -1000000000400.
fn chat(body: &Value) -> Result<i64, Reply> {
    let id = match body.get("chat_id") {
        Some(Value::String(name)) if name.starts_with('@') => -1_000_000_000_001,
        Some(id) => id.as_i64().ok_or_else(|| bad("chat_id is not valid"))?,
        None => return Err(bad("chat_id is empty")),
    };
    match id {
        403 => Err(no(
            StatusCode::FORBIDDEN,
            "Forbidden: bot was blocked by the user",
        )),
        404 => Err(bad("chat not found")),
        -400 => {
            let said = "Bad Request: group chat was upgraded to a supergroup chat";
            let body = json!({
                "ok": false, "error_code": 400, "description": said,
                "parameters": {"migrate_to_chat_id": -1_000_000_000_400_i64},
            });
            // What is asked of who moved is no mistake.
            Err(Reply {
                status: StatusCode::BAD_REQUEST,
                body,
                refusal: None,
            })
        }
        id => Ok(id),
    }
}

fn sent(desk: &Desk, chat: i64, body: &Value) -> Value {
    let kind = if chat < 0 { "supergroup" } else { "private" };
    let mut sent = json!({
        "message_id": desk.next_id(), "date": 1_790_000_000, "chat": {"id": chat, "type": kind},
    });
    if let Some(business) = body.get("business_connection_id") {
        sent["business_connection_id"] = business.clone();
    }
    sent
}
