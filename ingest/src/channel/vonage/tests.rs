//! Signed webhooks, and what no changed request passes.

use schemas::Timestamp;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{super::hex, *};

const NOW_S: i64 = 1_790_000_000;
const SECRET: &str = "a signature secret of an account";
const BODY: &str = r#"{"message_uuid":"aaaaaaaa-bbbb-4ccc-8ddd-0123456789ab","channel":"sms","from":"447700900001","text":"hi"}"#;
const URL: &str = "https://hub.example.org/api/v1/webhooks/1";

fn check(
    credentials: &Value,
    settings: &Value,
    authorization: Option<&str>,
    body: &[u8],
) -> Result<(), Refused> {
    let account = Account {
        kind: ChannelKind::Vonage,
        credentials,
        settings,
        public_keys: &Value::Null,
    };
    let header = |name: &str| authorization.filter(|_| name == AUTHORIZATION);
    let request = Request {
        url: URL,
        headers: &header,
        body,
        now: Timestamp::from_seconds(NOW_S),
    };
    verify(&account, &request)
}

fn claims() -> Value {
    json!({"iat": NOW_S, "jti": "1", "iss": "Vonage", "api_key": "abcd1234", "application_id": "app",
        "payload_hash": hex::encode(&Sha256::digest(BODY))})
}

fn bearer(claims: &Value) -> String {
    format!("Bearer {}", jwt::sign(claims, SECRET))
}

fn token(claims: &Value) -> Result<(), Refused> {
    let credentials = json!({"signature_secret": SECRET, "application_id": "app"});
    check(
        &credentials,
        &Value::Null,
        Some(&bearer(claims)),
        BODY.as_bytes(),
    )
}

#[test]
fn a_signed_webhook_passes() {
    assert_eq!(token(&claims()), Ok(()));
    for (name, value, expected) in [
        ("iat", json!(NOW_S - 301), Err(Refused::Expired)),
        ("iat", json!(NOW_S + 301), Err(Refused::Expired)),
        ("iat", json!(NOW_S - 300), Ok(())),
        ("iat", json!("now"), Err(Refused::Form(AUTHORIZATION))),
        ("exp", json!(NOW_S - 1), Err(Refused::Expired)),
        ("exp", json!(NOW_S + 60), Ok(())),
        ("payload_hash", json!(null), Err(Refused::Mismatch)),
        ("payload_hash", json!("0"), Err(Refused::Mismatch)),
        ("application_id", json!("another"), Err(Refused::Mismatch)),
    ] {
        let mut claims = claims();
        claims[name] = value;
        assert_eq!(token(&claims), expected, "{claims}");
    }
}

#[test]
fn a_request_without_a_body_is_not_signed() {
    let credentials = json!({"signature_secret": SECRET});
    for hash in [json!(null), json!(hex::encode(&Sha256::digest("")))] {
        let mut claims = claims();
        claims["payload_hash"] = hash;
        let refused = check(&credentials, &Value::Null, Some(&bearer(&claims)), b"");
        assert_eq!(refused, Err(Refused::Mismatch));
    }
}

#[test]
fn no_changed_bit_passes() {
    let credentials = json!({"signature_secret": SECRET});
    let good = bearer(&claims());
    let passes = |authorization: &str, body: &[u8]| {
        check(&credentials, &Value::Null, Some(authorization), body).is_ok()
    };
    assert!(passes(&good, BODY.as_bytes()));
    for bit in 0..BODY.len() * 8 {
        let mut body = BODY.as_bytes().to_vec();
        body[bit / 8] ^= 1 << (bit % 8);
        assert!(!passes(&good, &body), "body {bit}");
    }
    for bit in 0..good.len() * 8 {
        let mut changed = good.as_bytes().to_vec();
        changed[bit / 8] ^= 1 << (bit % 8);
        if let Ok(changed) = String::from_utf8(changed) {
            assert!(!passes(&changed, BODY.as_bytes()), "header {bit}");
        }
    }
}

#[test]
fn nothing_passes_without_secret_or_token() {
    let good = bearer(&claims());
    for credentials in [json!(null), json!({"signature_secret": ""})] {
        assert_eq!(
            check(&credentials, &Value::Null, Some(&good), BODY.as_bytes()),
            Err(Refused::NoSecret)
        );
    }
    let credentials = json!({"signature_secret": SECRET});
    assert_eq!(
        check(&credentials, &Value::Null, None, BODY.as_bytes()),
        Err(Refused::Missing(AUTHORIZATION))
    );
    assert_eq!(
        check(
            &credentials,
            &Value::Null,
            Some("Basic eDp5"),
            BODY.as_bytes()
        ),
        Err(Refused::Form(AUTHORIZATION))
    );
}

#[test]
fn the_older_signature_is_taken_where_the_channel_says_so() {
    let credentials = json!({"signature_secret": SECRET});
    let text =
        format!("&messageId=0A1&msisdn=447700900001&text=a_b_c&timestamp={NOW_S}&to=447700900000");
    for method in ["md5hash", "md5", "sha1", "sha256", "sha512"] {
        let settings = json!({"signature_method": method});
        let sig = legacy::sign(SECRET, method, &text).unwrap();
        let body = |sig: &str| {
            format!(
                "msisdn=447700900001&to=447700900000&messageId=0A1&text=a%26b%3Dc&timestamp={NOW_S}&sig={sig}"
            )
        };
        let passes = |body: &[u8]| check(&credentials, &settings, None, body).is_ok();
        assert!(passes(body(&sig).as_bytes()), "{method}");
        assert!(
            passes(body(&sig.to_ascii_uppercase()).as_bytes()),
            "{method}"
        );
        let good = body(&sig);
        for bit in 0..good.len() * 8 {
            let mut changed = good.as_bytes().to_vec();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(!passes(&changed), "{method} {bit}");
        }
    }
    let sig = legacy::sign(SECRET, "sha256", &text).unwrap();
    let json = json!({"msisdn": "447700900001", "to": "447700900000", "messageId": "0A1", "text": "a&b=c",
        "timestamp": NOW_S.to_string(), "sig": sig});
    let settings = json!({"signature_method": "sha256"});
    assert_eq!(
        check(&credentials, &settings, None, json.to_string().as_bytes()),
        Ok(())
    );
    assert_eq!(
        check(
            &credentials,
            &Value::Null,
            None,
            json.to_string().as_bytes()
        ),
        Err(Refused::Missing(AUTHORIZATION))
    );
    let odd = json!({"signature_method": "none"});
    assert_eq!(
        check(&credentials, &odd, None, json.to_string().as_bytes()),
        Err(Refused::NoSecret)
    );
}

#[test]
fn a_caller_is_told_what_to_do() {
    let voice = json!({"greeting": "Hello", "language": "en-GB", "record": true});
    let asked = json!({"from": "447700900001", "to": "447700900000", "uuid": "u", "conversation_uuid": "CON-1"});
    let asked = asked.as_object().unwrap();
    let ncco = voice::ncco(Some(&voice), asked, URL).unwrap();
    assert_eq!(
        ncco[0],
        json!({"action": "talk", "text": "Hello", "language": "en-GB"})
    );
    assert_eq!(ncco[1]["eventUrl"], json!([URL]));
    assert_eq!(voice::ncco(None, asked, URL), Some(json!([])));
    let mut event = asked.clone();
    event.insert("status".into(), "answered".into());
    assert_eq!(voice::ncco(Some(&voice), &event, URL), None);
}
