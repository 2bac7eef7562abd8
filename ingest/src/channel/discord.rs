//! Discord: `X-Signature-Ed25519` is the application's signature, in hex, of the time in `X-Signature-Timestamp` and the body
//! (<https://docs.discord.com/developers/interactions/overview#setting-up-an-endpoint-validating-security-request-headers>).
//!
//! Bodies are interactions, webhook events, or what the gateway dispatched, as `poll/discord` or an adapter hears
//! it. An event that takes back several messages becomes one for each.
//!
//! Invariants: only lower-case digits are a signature, so that no byte of it can be another; signatures that other keys could
//! have made are refused (`verify_strict`). Discord names no window of time, so there is none: what comes twice has the id it
//! had. Deliberately absent: the answer itself; a command is told to wait for it, and who presses a button sees no change.

use bytes::Bytes;
use ed25519_dalek::{Signature, VerifyingKey};
use schemas::{ChannelKind, keys::discord::Shape};
use serde_json::{Value, json};

use super::{Account, Answer, MAX_UPDATES, Malformed, Refused, Request, Update};

const SIGNATURE: &str = "x-signature-ed25519";
const TIMESTAMP: &str = "x-signature-timestamp";
const JSON: &str = "application/json";

pub(super) fn verify(account: &Account<'_>, request: &Request<'_, '_>) -> Result<(), Refused> {
    let key = account.secret("public_key")?;
    let key = decode::<32>(&key.to_ascii_lowercase())
        .and_then(|bytes| VerifyingKey::from_bytes(&bytes).ok())
        .ok_or(Refused::NoSecret)?;
    let timestamp = request.header(TIMESTAMP)?;
    let given = request.header(SIGNATURE)?;
    let signature = Signature::from_bytes(&decode::<64>(given).ok_or(Refused::Form(SIGNATURE))?);
    let signed = [timestamp.as_bytes(), request.body].concat();
    key.verify_strict(&signed, &signature)
        .map_err(|_| Refused::Mismatch)
}

/// Lower-case hex digits of `N` bytes.
fn decode<const N: usize>(hex: &str) -> Option<[u8; N]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    if hex.len() != N * 2 {
        return None;
    }
    let mut out = [0; N];
    for (byte, pair) in out.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
        let [high, low] = pair else { return None };
        *byte = digit(*high)? * 16 + digit(*low)?;
    }
    Some(out)
}

/// An interaction wants an answer within three seconds
/// (<https://docs.discord.com/developers/interactions/receiving-and-responding#interaction-response-object-interaction-callback-type>);
/// a webhook event 204.
pub(super) fn answer(account: &Account<'_>, request: &Request<'_, '_>) -> Option<Answer> {
    let body: Value = serde_json::from_slice(request.body).ok()?;
    if body.get("t").is_some() {
        return None;
    }
    match Shape::of(&body) {
        Shape::Interaction(interaction) => {
            let ephemeral = account.settings.get("ephemeral").and_then(Value::as_bool);
            let callback = callback(interaction, ephemeral == Some(true))?;
            Some(Answer::ok(JSON, callback.to_string()))
        }
        Shape::Event(_) | Shape::Other => Some(Answer {
            status: 204,
            content_type: JSON,
            body: Bytes::new(),
        }),
        Shape::Dispatch(..) => None,
    }
}

/// The first answer to an interaction. `ephemeral`: what follows is seen by the person alone.
pub(crate) fn callback(interaction: &Value, ephemeral: bool) -> Option<Value> {
    let later = || match ephemeral {
        true => json!({"type": 5, "data": {"flags": 64}}),
        false => json!({"type": 5}),
    };
    let below = interaction.get("message").is_some_and(Value::is_object);
    Some(match interaction.get("type")?.as_u64()? {
        1 => json!({"type": 1}),
        2 => later(),
        3 => json!({"type": 6}),
        4 => json!({"type": 8, "data": {"choices": []}}),
        5 if below => json!({"type": 6}),
        5 => later(),
        _ => return None,
    })
}

pub(super) fn split(body: Bytes) -> Result<Vec<Update>, Malformed> {
    let one = |bytes| Update::of(ChannelKind::Discord, JSON, bytes);
    let value: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let number = |name: &str| value.get(name).and_then(Value::as_u64);
    match Shape::of(&value) {
        Shape::Interaction(ping) if ping.get("type").and_then(Value::as_u64) == Some(1) => {
            Ok(Vec::new())
        }
        Shape::Dispatch("MESSAGE_DELETE_BULK", data) => deleted(&value, data).map_or_else(
            || Ok(vec![one(body.clone())?]),
            |all| {
                if all.len() > MAX_UPDATES {
                    return Err(Malformed::TooMany);
                }
                let bytes = |one: Value| one.to_string().into();
                Ok(all
                    .into_iter()
                    .map(|event| one(bytes(event)))
                    .collect::<Result<_, _>>()?)
            },
        ),
        Shape::Other if number("version").is_some() && number("type") == Some(0) => Ok(Vec::new()),
        _ => Ok(vec![one(body)?]),
    }
}

/// One deletion for each message
/// (<https://docs.discord.com/developers/events/gateway-events#message-delete-bulk>).
fn deleted(body: &Value, data: &Value) -> Option<Vec<Value>> {
    let ids = data.get("ids")?.as_array().filter(|ids| !ids.is_empty())?;
    let of = |id: &Value| {
        json!({"op": 0, "t": "MESSAGE_DELETE", "s": body.get("s"), "d": {
            "id": id, "channel_id": data.get("channel_id"), "guild_id": data.get("guild_id")}})
    };
    Some(ids.iter().map(of).collect())
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signer, SigningKey};
    use schemas::Timestamp;

    use super::*;

    const AT: &str = "1790000000";
    const BODY: &str = r#"{"id":"1","application_id":"2","type":1,"token":"unique","version":1}"#;

    fn key() -> SigningKey {
        SigningKey::from_bytes(&[7; 32])
    }

    fn hex(bytes: &[u8]) -> String {
        super::super::hex::encode(bytes)
    }

    fn signed() -> String {
        hex(&key().sign(format!("{AT}{BODY}").as_bytes()).to_bytes())
    }

    fn check(
        credentials: &Value,
        timestamp: Option<&str>,
        signature: Option<&str>,
        body: &[u8],
    ) -> Result<(), Refused> {
        let account = Account {
            kind: ChannelKind::Discord,
            credentials,
            settings: &Value::Null,
            public_keys: &Value::Null,
        };
        let headers = |name: &str| match name {
            TIMESTAMP => timestamp,
            SIGNATURE => signature,
            _ => None,
        };
        verify(
            &account,
            &Request {
                url: "",
                headers: &headers,
                body,
                now: Timestamp(0),
            },
        )
    }

    fn credentials() -> Value {
        json!({ "public_key": hex(key().verifying_key().as_bytes()) })
    }

    #[test]
    fn no_bit_of_a_signed_request_may_differ() {
        let (credentials, signature) = (credentials(), signed());
        let given = |time: &str, signature: &str, body: &[u8]| {
            check(&credentials, Some(time), Some(signature), body)
        };
        assert_eq!(given(AT, &signature, BODY.as_bytes()), Ok(()));
        for bit in 0..BODY.len() * 8 {
            let mut body = BODY.as_bytes().to_vec();
            body[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(
                given(AT, &signature, &body),
                Err(Refused::Mismatch),
                "{bit}"
            );
        }
        for bit in 0..signature.len() * 8 {
            let mut other = signature.clone().into_bytes();
            other[bit / 8] ^= 1 << (bit % 8);
            // What is no text never is a header.
            if let Ok(other) = std::str::from_utf8(&other) {
                assert!(given(AT, other, BODY.as_bytes()).is_err(), "{bit}");
            }
        }
        for bit in 0..AT.len() * 8 {
            let mut time = AT.as_bytes().to_vec();
            time[bit / 8] ^= 1 << (bit % 8);
            if let Ok(time) = std::str::from_utf8(&time) {
                assert!(given(time, &signature, BODY.as_bytes()).is_err(), "{bit}");
            }
        }
    }

    #[test]
    fn what_is_missing_or_of_another_form_is_refused() {
        let (all, signature, body) = (credentials(), signed(), BODY.as_bytes());
        let shout = signature.to_ascii_uppercase();
        for (credentials, time, signature, expected) in [
            (json!({}), Some(AT), Some(&*signature), Refused::NoSecret),
            (
                json!({"public_key": "abc"}),
                Some(AT),
                Some(&*signature),
                Refused::NoSecret,
            ),
            (
                all.clone(),
                None,
                Some(&*signature),
                Refused::Missing(TIMESTAMP),
            ),
            (all.clone(), Some(AT), None, Refused::Missing(SIGNATURE)),
            (all.clone(), Some(AT), Some("abc"), Refused::Form(SIGNATURE)),
            (
                all.clone(),
                Some(AT),
                Some(&*shout),
                Refused::Form(SIGNATURE),
            ),
            (all, Some("1"), Some(&*signature), Refused::Mismatch),
        ] {
            assert_eq!(check(&credentials, time, signature, body), Err(expected));
        }
    }

    /// RFC 8032, 7.1, test 2, whose message is the one byte `r`.
    #[test]
    fn the_signature_is_that_of_rfc_8032() {
        let credentials = json!({"public_key":
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"});
        let signature = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";
        let given = check(&credentials, Some("r"), Some(signature), &[]);
        assert_eq!(given, Ok(()));
        assert_eq!(
            check(&credentials, Some("s"), Some(signature), &[]),
            Err(Refused::Mismatch)
        );
    }

    fn answered(body: &str, settings: &Value) -> Option<(u16, String)> {
        let account = Account {
            kind: ChannelKind::Discord,
            credentials: &Value::Null,
            settings,
            public_keys: &Value::Null,
        };
        let request = Request {
            url: "",
            headers: &|_| None,
            body: body.as_bytes(),
            now: Timestamp(0),
        };
        let answer = answer(&account, &request)?;
        Some((
            answer.status,
            String::from_utf8(answer.body.to_vec()).unwrap(),
        ))
    }

    #[test]
    fn discord_hears_what_it_wants_to() {
        let none = Value::Null;
        let says = |kind: u64| {
            answered(
                &json!({"id": "1", "token": "t", "type": kind}).to_string(),
                &none,
            )
        };
        assert_eq!(says(1), Some((200, r#"{"type":1}"#.into())));
        assert_eq!(says(2), Some((200, r#"{"type":5}"#.into())));
        assert_eq!(says(3), Some((200, r#"{"type":6}"#.into())));
        assert_eq!(
            says(4),
            Some((200, r#"{"data":{"choices":[]},"type":8}"#.into()))
        );
        assert_eq!(says(5), Some((200, r#"{"type":5}"#.into())));
        assert_eq!(says(9), None);
        let event = r#"{"version":1,"application_id":"2","type":0}"#;
        assert_eq!(answered(event, &none), Some((204, String::new())));
        let whisper = json!({"ephemeral": true});
        let command = r#"{"id":"1","token":"t","type":2}"#;
        assert_eq!(
            answered(command, &whisper),
            Some((200, r#"{"data":{"flags":64},"type":5}"#.into()))
        );
        assert_eq!(
            answered(r#"{"op":0,"t":"MESSAGE_CREATE","d":{}}"#, &none),
            None
        );
    }
}
