//! Slack: `X-Slack-Signature` is `v0=` and the hex HMAC-SHA-256 of `v0:<timestamp>:<body>` under the signing secret
//! (<https://docs.slack.dev/authentication/verifying-requests-from-slack/>).
//!
//! Three shapes of body: events as JSON, what people press as a form whose field `payload` is JSON, and slash commands as a
//! form of their own (<https://docs.slack.dev/interactivity/implementing-slash-commands/>), which travels on as a JSON object
//! of type `slash_command`. A request has one update; the ones by which Slack tries the address have none.
//!
//! Invariants: compared in constant time; a timestamp more than 300 s off is refused, as Slack asks for. Deliberately absent:
//! Slack's number of the try (`X-Slack-Retry-Num`): a repeated event has the id it had.

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use schemas::ChannelKind;
use serde_json::{Value, json};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::{Account, Answer, Malformed, Refused, Request, Update, form, hex};

const TIMESTAMP: &str = "x-slack-request-timestamp";
const SIGNATURE: &str = "x-slack-signature";
const JSON: &str = "application/json";
/// How far Slack's clock may be off, in seconds.
const TOLERANCE_S: u64 = 300;

pub(super) fn verify(account: &Account<'_>, request: &Request<'_, '_>) -> Result<(), Refused> {
    let secret = account.secret("signing_secret")?;
    let timestamp = request.header(TIMESTAMP)?;
    let given = request.header(SIGNATURE)?;
    let at: i64 = timestamp.parse().map_err(|_| Refused::Form(TIMESTAMP))?;
    if request.now.0.div_euclid(1_000_000).abs_diff(at) > TOLERANCE_S {
        return Err(Refused::Expired);
    }
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of every length");
    mac.update(b"v0:");
    mac.update(timestamp.as_bytes());
    mac.update(b":");
    mac.update(request.body);
    let expected = format!("v0={}", hex::encode(&mac.finalize().into_bytes()));
    if bool::from(expected.as_bytes().ct_eq(given.as_bytes())) {
        Ok(())
    } else {
        Err(Refused::Mismatch)
    }
}

/// Events are content with any 200. A challenge wants itself back, a menu its options; the rest wants nothing in the body:
/// anything else would be shown.
pub(super) fn answer(request: &Request<'_, '_>) -> Option<Answer> {
    if form::is_json(request.body) {
        let body: Value = serde_json::from_slice(request.body).ok()?;
        let challenge = challenge(&body)?;
        return Some(Answer::ok(
            JSON,
            json!({ "challenge": challenge }).to_string(),
        ));
    }
    let payload = form::field(request.body, "payload")
        .and_then(|payload| serde_json::from_str::<Value>(&payload).ok());
    let kind = payload.as_ref().and_then(|payload| payload.get("type"));
    if kind.and_then(Value::as_str) == Some("block_suggestion") {
        return Some(Answer::ok(JSON, r#"{"options":[]}"#));
    }
    Some(Answer::ok("text/plain", Bytes::new()))
}

pub(super) fn split(body: Bytes) -> Result<Vec<Update>, Malformed> {
    let one = |bytes| Ok(vec![Update::of(ChannelKind::Slack, JSON, bytes)?]);
    if form::is_json(&body) {
        let value = serde_json::from_slice(&body).unwrap_or(Value::Null);
        return match challenge(&value) {
            Some(_) => Ok(Vec::new()),
            None => one(body),
        };
    }
    if let Some(payload) = form::field(&body, "payload") {
        return one(payload.into_owned().into());
    }
    let mut fields = form::object(&body);
    if fields.contains_key("command") {
        fields.insert("type".into(), "slash_command".into());
        return one(Value::Object(fields).to_string().into());
    }
    if fields.contains_key("ssl_check") {
        return Ok(Vec::new());
    }
    // Neither: says so in the words of a body that is no JSON.
    one(body)
}

/// What `url_verification` wants back (<https://docs.slack.dev/reference/events/url_verification/>).
fn challenge(body: &Value) -> Option<&str> {
    body.get("type")
        .filter(|kind| *kind == "url_verification")
        .and_then(|_| body.get("challenge")?.as_str())
}

#[cfg(test)]
mod tests {
    use schemas::Timestamp;

    use super::*;

    /// The example of Slack's page on verification.
    const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
    const AT: i64 = 1_531_420_618;
    const BODY: &str = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    const SIGNED: &str = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";

    fn check(
        credentials: &Value,
        timestamp: Option<&str>,
        signature: Option<&str>,
        body: &[u8],
        now: i64,
    ) -> Result<(), Refused> {
        let account = Account {
            kind: ChannelKind::Slack,
            credentials,
            settings: &Value::Null,
            public_keys: &Value::Null,
        };
        let headers = |name: &str| match name {
            TIMESTAMP => timestamp,
            SIGNATURE => signature,
            _ => None,
        };
        let request = Request {
            url: "https://hub.example/webhooks/1",
            headers: &headers,
            body,
            now: Timestamp::from_seconds(now),
        };
        verify(&account, &request)
    }

    fn at() -> String {
        AT.to_string()
    }

    #[test]
    fn the_published_example_is_taken_and_no_bit_of_it_may_differ() {
        let credentials = json!({ "signing_secret": SECRET });
        let given = |time: &str, signature: &str, body: &[u8]| {
            check(&credentials, Some(time), Some(signature), body, AT)
        };
        assert_eq!(given(&at(), SIGNED, BODY.as_bytes()), Ok(()));
        for bit in 0..BODY.len() * 8 {
            let mut body = BODY.as_bytes().to_vec();
            body[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(given(&at(), SIGNED, &body), Err(Refused::Mismatch), "{bit}");
        }
        for bit in 0..SIGNED.len() * 8 {
            let mut signature = SIGNED.as_bytes().to_vec();
            signature[bit / 8] ^= 1 << (bit % 8);
            // What is no text never is a header.
            if let Ok(signature) = std::str::from_utf8(&signature) {
                assert!(given(&at(), signature, BODY.as_bytes()).is_err(), "{bit}");
            }
        }
        for bit in 0..at().len() * 8 {
            let mut time = at().into_bytes();
            time[bit / 8] ^= 1 << (bit % 8);
            if let Ok(time) = std::str::from_utf8(&time) {
                assert!(given(time, SIGNED, BODY.as_bytes()).is_err(), "{bit}");
            }
        }
    }

    #[test]
    fn what_is_missing_or_late_is_refused() {
        let credentials = json!({ "signing_secret": SECRET });
        let body = BODY.as_bytes();
        let cases = [
            (
                json!({}),
                Some(at()),
                Some(SIGNED),
                AT,
                Err(Refused::NoSecret),
            ),
            (
                json!({"signing_secret": ""}),
                Some(at()),
                Some(SIGNED),
                AT,
                Err(Refused::NoSecret),
            ),
            (
                credentials.clone(),
                None,
                Some(SIGNED),
                AT,
                Err(Refused::Missing(TIMESTAMP)),
            ),
            (
                credentials.clone(),
                Some(at()),
                None,
                AT,
                Err(Refused::Missing(SIGNATURE)),
            ),
            (
                credentials.clone(),
                Some("soon".into()),
                Some(SIGNED),
                AT,
                Err(Refused::Form(TIMESTAMP)),
            ),
            (
                credentials.clone(),
                Some(at()),
                Some(SIGNED),
                AT + 300,
                Ok(()),
            ),
            (
                credentials.clone(),
                Some(at()),
                Some(SIGNED),
                AT + 301,
                Err(Refused::Expired),
            ),
            (
                credentials,
                Some(at()),
                Some(SIGNED),
                AT - 301,
                Err(Refused::Expired),
            ),
        ];
        for (credentials, time, signature, now, expected) in cases {
            assert_eq!(
                check(&credentials, time.as_deref(), signature, body, now),
                expected
            );
        }
    }

    fn answered(body: &str) -> Option<(u16, String)> {
        let request = Request {
            url: "",
            headers: &|_| None,
            body: body.as_bytes(),
            now: Timestamp(0),
        };
        let answer = answer(&request)?;
        Some((
            answer.status,
            String::from_utf8(answer.body.to_vec()).unwrap(),
        ))
    }

    #[test]
    fn slack_hears_what_it_wants_to() {
        let challenge = r#"{"token":"t","challenge":"3eZb\"Pw","type":"url_verification"}"#;
        assert_eq!(
            answered(challenge),
            Some((200, r#"{"challenge":"3eZb\"Pw"}"#.into()))
        );
        assert_eq!(answered(r#"{"type":"event_callback","event":{}}"#), None);
        assert_eq!(answered(BODY), Some((200, String::new())));
        let menu = "payload=%7B%22type%22%3A%22block_suggestion%22%7D";
        assert_eq!(answered(menu), Some((200, r#"{"options":[]}"#.into())));
    }

    #[test]
    fn forms_become_json_and_questions_become_nothing() {
        let one = |body: &str| {
            let updates = split(Bytes::copy_from_slice(body.as_bytes())).unwrap();
            updates.into_iter().next()
        };
        let command = one(BODY).unwrap();
        let json: Value = serde_json::from_slice(&command.bytes).unwrap();
        assert_eq!(json["type"], "slash_command");
        assert_eq!(json["command"], "/webhook-collect");
        assert_eq!(command.conversation_key, "G8PSS9T3V");
        let pressed = one("payload=%7B%22type%22%3A%22block_actions%22%7D").unwrap();
        assert_eq!(pressed.bytes, r#"{"type":"block_actions"}"#);
        assert_eq!(one("ssl_check=1&token=x"), None);
        assert_eq!(one(r#"{"type":"url_verification","challenge":"c"}"#), None);
        assert!(split(Bytes::from_static(b"hello")).is_err());
        assert!(split(Bytes::from_static(b"[1]")).is_err());
        assert!(split(Bytes::from_static(b"payload=hello")).is_err());
    }
}
