//! The Send API of Messenger and Instagram
//! (<https://developers.facebook.com/documentation/business-messaging/messenger-platform/reference/send-api>), as far as the
//! hub uses it.
//!
//! Deliberately absent: the 24-hour window (tests put its error in store), uploads, echoes.

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, Uri},
    response::Response,
};
use schemas::{ChannelKind, TrackKind};
use serde_json::{Value, json};

use super::{
    address, credentials, list, only, signed, text, trusted, unknown, untrusted, versioned, wrong,
};
use crate::{
    Desk, Fake, Person, Webhook,
    exchange::{Reply, exchange},
};

/// Later than whatever a test sends.
const READ_AT_MS: u64 = 1_900_000_000_000;

/// Messenger or Instagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Messenger {
    Messenger,
    Instagram,
}

impl Messenger {
    /// Our page or account.
    fn own(self) -> &'static str {
        match self {
            Self::Messenger => "208009342000000",
            Self::Instagram => "17841400000000001",
        }
    }

    fn webhook(self, event: &Value) -> Webhook {
        let object = match self {
            Self::Messenger => "page",
            Self::Instagram => "instagram",
        };
        signed(&json!({"object": object, "entry": [{
            "id": self.own(), "time": 1_790_000_000_000_u64, "messaging": [event]}]}))
    }
}

impl Fake for Messenger {
    fn kind(&self) -> ChannelKind {
        match self {
            Self::Messenger => ChannelKind::Messenger,
            Self::Instagram => ChannelKind::Instagram,
        }
    }

    fn channel(&self, url: &str) -> (Value, Value) {
        (credentials(), json!({ "api_base": url }))
    }

    fn routes(&self, desk: Desk) -> Router {
        Router::new().fallback(call).with_state((*self, desk))
    }

    fn say(&self, _webhook_url: &str, person: &Person, text: &str, n: u64) -> Option<Webhook> {
        Some(self.webhook(&json!({
            "sender": {"id": person.id}, "recipient": {"id": self.own()},
            "timestamp": 1_790_000_000_000_u64 + n * 1000,
            "message": {"mid": format!("m_in{n:010}"), "text": text},
        })))
    }

    fn receipt(
        &self,
        _webhook_url: &str,
        person: &Person,
        provider_id: &str,
        kind: TrackKind,
        n: u64,
    ) -> Option<Webhook> {
        let at = READ_AT_MS + n;
        let (name, about) = match (self, kind) {
            (Self::Messenger, TrackKind::Delivered) => {
                ("delivery", json!({"mids": [provider_id], "watermark": at}))
            }
            (Self::Messenger, TrackKind::Read) => ("read", json!({ "watermark": at })),
            (Self::Instagram, TrackKind::Read) => ("read", json!({ "mid": provider_id })),
            _ => return None,
        };
        let mut event = json!({
            "sender": {"id": person.id}, "recipient": {"id": self.own()}, "timestamp": at,
        });
        event.as_object_mut()?.insert(name.into(), about);
        Some(self.webhook(&event))
    }
}

async fn call(
    State((platform, desk)): State<(Messenger, Desk)>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    exchange(&desk, &method, &uri, &body, |body| {
        if !trusted(&headers) {
            return untrusted();
        }
        match (method.as_str(), versioned(uri.path())) {
            ("POST", Some("me/messages")) => match message(platform, body) {
                Ok(to) => {
                    let mut answer = json!({ "recipient_id": to });
                    if let (Some(fields), true) =
                        (answer.as_object_mut(), body.get("message").is_some())
                    {
                        let id = format!("m_out{:010}", desk.next_id());
                        fields.insert("message_id".into(), id.into());
                    }
                    Reply::ok(answer)
                }
                Err(why) => wrong(100, why),
            },
            ("POST", Some("me/subscribed_apps"))
                if uri
                    .query()
                    .is_some_and(|query| query.starts_with("subscribed_fields=")) =>
            {
                Reply::ok(json!({"success": true}))
            }
            ("GET", Some("me")) => Reply::ok(match platform {
                Messenger::Messenger => json!({"id": platform.own(), "name": "Tidings"}),
                Messenger::Instagram => json!({"user_id": platform.own(), "username": "tidings"}),
            }),
            _ => unknown(),
        }
    })
    .await
}

/// Whom it goes to.
fn message(platform: Messenger, body: &Value) -> Result<String, String> {
    only(
        body,
        &[
            "recipient",
            "messaging_type",
            "tag",
            "message",
            "reply_to",
            "sender_action",
            "payload",
        ],
    )?;
    let recipient = body.get("recipient").ok_or("recipient is required")?;
    let names = ["id", "user_ref", "comment_id"];
    only(recipient, &names)?;
    let given = names
        .into_iter()
        .filter_map(|name| recipient.get(name)?.as_str());
    let [to] = given.collect::<Vec<_>>()[..] else {
        return Err("the recipient has one name".into());
    };
    match (body.get("message"), body.get("sender_action")) {
        (None, Some(_)) => action(body)?,
        (Some(message), None) => {
            kind(body)?;
            content(platform, message)?;
        }
        _ => return Err("either message or sender_action is required".into()),
    }
    if let Some(about) = body.get("reply_to") {
        text(about, "mid", 1, 512)?;
    }
    Ok(to.to_owned())
}

fn action(body: &Value) -> Result<(), String> {
    match text(body, "sender_action", 1, 20)? {
        "typing_on" | "typing_off" | "mark_seen" => Ok(()),
        what @ ("react" | "unreact") => {
            let payload = body.get("payload").ok_or("payload is required")?;
            text(payload, "message_id", 1, 512)?;
            if what == "react" {
                text(payload, "reaction", 1, 16)?;
            }
            Ok(())
        }
        _ => Err("no such sender_action".into()),
    }
}

fn kind(body: &Value) -> Result<(), String> {
    match text(body, "messaging_type", 1, 20)? {
        "RESPONSE" | "UPDATE" => Ok(()),
        "MESSAGE_TAG" => text(body, "tag", 1, 40).map(drop),
        _ => Err("no such messaging_type".into()),
    }
}

fn content(platform: Messenger, message: &Value) -> Result<(), String> {
    match platform {
        Messenger::Messenger => {
            only(
                message,
                &["text", "attachment", "quick_replies", "metadata"],
            )?;
        }
        Messenger::Instagram => only(message, &["text", "attachment", "quick_replies"])?,
    }
    if message.get("metadata").is_some() {
        text(message, "metadata", 1, 1000)?;
    }
    match (message.get("text"), message.get("attachment")) {
        (Some(_), None) => {
            let words = text(message, "text", 1, 2000)?;
            if platform == Messenger::Instagram && words.len() > 1000 {
                return Err("text must have at most 1000 bytes".into());
            }
        }
        (None, Some(about)) => attachment(about)?,
        _ => return Err("either text or attachment is required".into()),
    }
    if message.get("quick_replies").is_some() {
        for reply in list(message, "quick_replies", 1, 13)? {
            if text(reply, "content_type", 1, 20)? == "text" {
                text(reply, "title", 1, 20)?;
                text(reply, "payload", 1, 1000)?;
            }
        }
    }
    Ok(())
}

fn attachment(about: &Value) -> Result<(), String> {
    let payload = about.get("payload").ok_or("payload is required")?;
    match text(about, "type", 1, 20)? {
        "image" | "video" | "audio" | "file" if payload.get("attachment_id").is_some() => {
            text(payload, "attachment_id", 1, 256).map(drop)
        }
        "image" | "video" | "audio" | "file" => address(payload, "url"),
        "template" => {
            if text(payload, "template_type", 1, 20)? != "button" {
                return Err("no such template_type".into());
            }
            text(payload, "text", 1, 640)?;
            for button in list(payload, "buttons", 1, 3)? {
                text(button, "title", 1, 20)?;
                match text(button, "type", 1, 20)? {
                    "web_url" => address(button, "url")?,
                    "postback" => drop(text(button, "payload", 1, 1000)?),
                    _ => return Err("no such button".into()),
                }
            }
            Ok(())
        }
        _ => Err("no such attachment".into()),
    }
}
