//! Twilio's REST API of 2010-04-01 (<https://www.twilio.com/docs/messaging/api/message-resource>), as far as the hub uses it.
//!
//! Deliberately absent: calls; prices; media.

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri},
    response::Response,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use schemas::{ChannelKind, TrackKind};
use serde_json::{Map, Value, json};
use sha1::Sha1;
use url::form_urlencoded::Serializer;

use crate::{
    Desk, Fake, Person, Webhook,
    exchange::{Reply, exchange},
    form,
};

const ACCOUNT: &str = "AC0123456789abcdef0123456789abcdef";
const TOKEN: &str = "fedcba98765432100123456789abcdef";
const NUMBER: &str = "+4930901820";
const NUMBER_SID: &str = "PN0123456789abcdef0123456789abcdef";

/// Twilio.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Twilio;

impl Fake for Twilio {
    fn kind(&self) -> ChannelKind {
        ChannelKind::Twilio
    }

    fn channel(&self, url: &str) -> (Value, Value) {
        (
            json!({"account_sid": ACCOUNT, "auth_token": TOKEN}),
            json!({"api_base": url, "from": NUMBER}),
        )
    }

    fn routes(&self, desk: Desk) -> Router {
        Router::new().fallback(call).with_state(desk)
    }

    fn say(&self, webhook_url: &str, person: &Person, text: &str, n: u64) -> Option<Webhook> {
        let sid = format!("SM{n:032x}");
        Some(signed(
            webhook_url,
            &[
                ("AccountSid", ACCOUNT),
                ("ApiVersion", "2010-04-01"),
                ("Body", text),
                ("From", &person.id),
                ("MessageSid", &sid),
                ("NumMedia", "0"),
                ("NumSegments", "1"),
                ("ProfileName", &person.name),
                ("SmsMessageSid", &sid),
                ("SmsSid", &sid),
                ("SmsStatus", "received"),
                ("To", NUMBER),
            ],
        ))
    }

    fn receipt(
        &self,
        webhook_url: &str,
        person: &Person,
        provider_id: &str,
        kind: TrackKind,
        _n: u64,
    ) -> Option<Webhook> {
        let status = match kind {
            TrackKind::Sent => "sent",
            TrackKind::Delivered => "delivered",
            TrackKind::Read => "read",
            TrackKind::Failed => "undelivered",
            _ => return None,
        };
        let mut fields = vec![
            ("AccountSid", ACCOUNT),
            ("ApiVersion", "2010-04-01"),
            ("From", NUMBER),
            ("MessageSid", provider_id),
            ("MessageStatus", status),
            ("SmsSid", provider_id),
            ("SmsStatus", status),
            ("To", &person.id),
        ];
        if kind == TrackKind::Failed {
            fields.push(("ErrorCode", "30003"));
        }
        Some(signed(webhook_url, &fields))
    }
}

/// A request with these fields, which are sorted by name.
fn signed(url: &str, fields: &[(&str, &str)]) -> Webhook {
    let mut mac =
        Hmac::<Sha1>::new_from_slice(TOKEN.as_bytes()).expect("HMAC takes keys of every length");
    mac.update(url.as_bytes());
    let mut sorted = fields.to_vec();
    sorted.sort_unstable();
    for (name, value) in sorted {
        mac.update(name.as_bytes());
        mac.update(value.as_bytes());
    }
    let signature = STANDARD.encode(mac.finalize().into_bytes());
    let body = Serializer::new(String::new()).extend_pairs(fields).finish();
    Webhook {
        headers: vec![
            ("x-twilio-signature".into(), signature),
            (
                "content-type".into(),
                "application/x-www-form-urlencoded; charset=UTF-8".into(),
            ),
        ],
        body: body.into(),
    }
}

async fn call(
    State(desk): State<Desk>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let json = Value::Object(form::object(&body)).to_string();
    exchange(&desk, &method, &uri, json.as_bytes(), |fields| {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let key = STANDARD.encode(format!("{ACCOUNT}:{TOKEN}"));
        if header("authorization") != Some(format!("Basic {key}").as_str()) {
            return refused(StatusCode::UNAUTHORIZED, 20003, "Authenticate");
        }
        let form = header("content-type")
            .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
        if method == Method::POST && !form {
            return refused(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                20415,
                "Unsupported Media Type",
            );
        }
        let base = format!("/2010-04-01/Accounts/{ACCOUNT}");
        let Some(path) = uri.path().strip_prefix(&base) else {
            return refused(
                StatusCode::NOT_FOUND,
                20404,
                "The requested resource was not found",
            );
        };
        let empty = Map::new();
        let fields = fields.as_object().unwrap_or(&empty);
        match (method.as_str(), path) {
            ("GET", ".json") => Reply::ok(json!({
                "sid": ACCOUNT, "friendly_name": "Sandbox", "status": "active", "type": "Full",
            })),
            ("POST", "/Messages.json") => message(&desk, fields),
            ("GET", "/IncomingPhoneNumbers.json") => numbers(&uri),
            ("POST", path) if path == format!("/IncomingPhoneNumbers/{NUMBER_SID}.json") => {
                let mut number = fields.clone();
                number.insert("sid".into(), NUMBER_SID.into());
                Reply::ok(number.into())
            }
            _ => refused(
                StatusCode::NOT_FOUND,
                20404,
                "The requested resource was not found",
            ),
        }
    })
    .await
}

fn numbers(uri: &Uri) -> Reply {
    let asked = form::object(uri.query().unwrap_or_default().as_bytes());
    let found = match asked.get("PhoneNumber").and_then(Value::as_str) {
        Some(NUMBER) | None => json!([{"sid": NUMBER_SID, "phone_number": NUMBER}]),
        Some(_) => json!([]),
    };
    Reply::ok(json!({"incoming_phone_numbers": found}))
}

fn message(desk: &Desk, fields: &Map<String, Value>) -> Reply {
    let text = |name: &str| {
        fields
            .get(name)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    };
    let bad = |code, said| refused(StatusCode::BAD_REQUEST, code, said);
    let Some(to) = text("To") else {
        return bad(21604, "A 'To' phone number is required.");
    };
    let number = |address: &str| {
        let bare = address.strip_prefix("whatsapp:").unwrap_or(address);
        bare.strip_prefix('+').is_some_and(|digits| {
            (7..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
        })
    };
    if !number(to) {
        return bad(21211, "The 'To' number is not a valid phone number.");
    }
    let from = match (text("From"), text("MessagingServiceSid")) {
        (Some(from), _) => from,
        (None, Some(_)) => NUMBER,
        (None, None) => return bad(21603, "A 'From' phone number is required."),
    };
    if from.strip_prefix("whatsapp:").unwrap_or(from) != NUMBER {
        return bad(
            21606,
            "The 'From' phone number is not a valid, message-capable number.",
        );
    }
    if from.starts_with("whatsapp:") != to.starts_with("whatsapp:") {
        return bad(
            21910,
            "Invalid From and To pair. From and To should be of the same channel",
        );
    }
    let media = match fields.get("MediaUrl") {
        Some(Value::Array(list)) => list.len(),
        Some(_) => 1,
        None => 0,
    };
    if media > 10 {
        return bad(21623, "Number of media files exceeds allowed limit");
    }
    let body = text("Body");
    if body.is_none() && media == 0 && text("ContentSid").is_none() {
        return bad(21602, "Message body is required.");
    }
    if body.is_some_and(|body| body.encode_utf16().count() > 1600) {
        return bad(
            21617,
            "The concatenated message body exceeds the 1600 character limit.",
        );
    }
    if text("StatusCallback").is_some_and(|url| !url.starts_with("http")) {
        return bad(21609, "The 'StatusCallback' URL is not a valid URL.");
    }
    let known = [
        "To",
        "From",
        "MessagingServiceSid",
        "Body",
        "MediaUrl",
        "StatusCallback",
        "ContentSid",
        "ContentVariables",
        "PersistentAction",
    ];
    if fields.keys().any(|name| !known.contains(&name.as_str())) {
        return bad(20001, "Unknown parameters");
    }
    let sid = format!(
        "{}{:032x}",
        if media > 0 { "MM" } else { "SM" },
        desk.next_id()
    );
    let mut reply = Reply::ok(json!({
        "sid": sid, "account_sid": ACCOUNT, "api_version": "2010-04-01", "status": "queued",
        "direction": "outbound-api", "to": to, "from": from, "body": body,
        "num_media": media.to_string(), "error_code": null, "error_message": null,
    }));
    reply.status = StatusCode::CREATED;
    reply
}

fn refused(status: StatusCode, code: u32, said: &str) -> Reply {
    let body = json!({
        "code": code, "message": said, "status": status.as_u16(),
        "more_info": format!("https://www.twilio.com/docs/errors/{code}"),
    });
    Reply::refused(status, body, said)
}
