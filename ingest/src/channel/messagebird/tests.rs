//! The published example, and what no changed request passes.

use schemas::Timestamp;
use serde_json::json;

use super::*;

/// From the reference data of MessageBird's own libraries.
const SECRET: &str = "36efdd1aace2e26cd490f0d951138253bef2f7c6d34d18981da781555cc4cebb";
const PUBLISHED: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJNZXNzYWdlQmlyZCIsIm5iZiI6MTYyNTQ3OTIwMCwiZXhwIjoxNjI1NDc5MjYwLCJqdGkiOiI5M2U1NTAwNi1hMGU4LTQ1MjYtYTE5MC1mYTVmZjAwZWExMTYiLCJ1cmxfaGFzaCI6IjQxZjA1ZjBkZGQwYTIyYWIyMDlhYzQ2ZjQ3YzQ1NzJkOWNlZmEyNTdlZDc0YjI0MDA0YmFlNzUzZWNlNmMyNjAiLCJwYXlsb2FkX2hhc2giOiJkZmZkNjAyMWJiMmJkNWIwYWY2NzYyOTA4MDllYzNhNTMxOTFkZDgxYzdmNzBhNGIyODY4OGEzNjIxODI5ODZmIn0._H--TOuYFLpeEH39-rg5E3IHVkjHozBcaKVWPRC5m9I";
const URL: &str = "https://example.com/path?bar=1&foo=2";
const BODY: &str = "Hello, World!";
const NOW_S: i64 = 1_625_479_230;

fn check(
    credentials: &Value,
    headers: &[(&str, &str)],
    url: &str,
    body: &[u8],
    now_s: i64,
) -> Result<(), Refused> {
    let account = Account {
        kind: ChannelKind::MessageBird,
        credentials,
        settings: &Value::Null,
        public_keys: &Value::Null,
    };
    let header = |name: &str| {
        let found = headers.iter().find(|(given, _)| *given == name);
        found.map(|(_, value)| *value)
    };
    let request = Request {
        url,
        headers: &header,
        body,
        now: Timestamp::from_seconds(now_s),
    };
    verify(&account, &request)
}

fn token(token: &str, url: &str, body: &[u8], now_s: i64) -> Result<(), Refused> {
    check(
        &json!({"signing_key": SECRET}),
        &[(TOKEN, token)],
        url,
        body,
        now_s,
    )
}

#[test]
fn the_published_example_passes_in_its_time() {
    for (now_s, expected) in [
        (NOW_S, Ok(())),
        (1_625_479_195, Ok(())),
        (1_625_479_194, Err(Refused::Expired)),
        (1_625_479_265, Ok(())),
        (1_625_479_266, Err(Refused::Expired)),
    ] {
        assert_eq!(token(PUBLISHED, URL, BODY.as_bytes(), now_s), expected);
    }
}

#[test]
fn no_changed_bit_passes() {
    let flipped = |text: &str, bit: usize| {
        let mut bytes = text.as_bytes().to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        bytes
    };
    for bit in 0..BODY.len() * 8 {
        assert!(token(PUBLISHED, URL, &flipped(BODY, bit), NOW_S).is_err());
    }
    for bit in 0..URL.len() * 8 {
        if let Ok(url) = String::from_utf8(flipped(URL, bit)) {
            assert!(token(PUBLISHED, &url, BODY.as_bytes(), NOW_S).is_err());
        }
    }
    for bit in 0..PUBLISHED.len() * 8 {
        if let Ok(changed) = String::from_utf8(flipped(PUBLISHED, bit)) {
            assert!(
                token(&changed, URL, BODY.as_bytes(), NOW_S).is_err(),
                "{bit}"
            );
        }
    }
    assert!(token(PUBLISHED, URL, b"", NOW_S).is_err());
}

#[test]
fn the_claims_are_all_needed() {
    use super::super::hex;
    let digest = |bytes: &[u8]| hex::encode(&Sha256::digest(bytes));
    let claims = json!({"iss": "MessageBird", "nbf": NOW_S, "exp": NOW_S + 60,
        "url_hash": digest(URL.as_bytes()), "payload_hash": digest(BODY.as_bytes())});
    let pass = |claims: &Value, body: &[u8]| token(&jwt::sign(claims, SECRET), URL, body, NOW_S);
    assert_eq!(pass(&claims, BODY.as_bytes()), Ok(()));
    for name in ["iss", "nbf", "exp", "url_hash", "payload_hash"] {
        let mut less = claims.clone();
        less.as_object_mut().unwrap().remove(name);
        assert!(pass(&less, BODY.as_bytes()).is_err(), "{name}");
    }
    let mut bare = claims.clone();
    bare.as_object_mut().unwrap().remove("payload_hash");
    assert_eq!(pass(&bare, b""), Ok(()));
    assert!(pass(&bare, b"x").is_err());
}

#[test]
fn the_older_signature_passes_in_its_time() {
    let credentials = json!({"signing_key": SECRET});
    let at = NOW_S.to_string();
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(format!("{at}\nbar=1&foo=2\n").as_bytes());
    mac.update(&Sha256::digest(BODY));
    let signature = STANDARD.encode(mac.finalize().into_bytes());
    let pass = |signature: &str, url: &str, body: &[u8], now_s: i64| {
        let headers = [(SIGNATURE, signature), (TIMESTAMP, at.as_str())];
        check(&credentials, &headers, url, body, now_s)
    };
    let turned = "https://example.com/path?foo=2&bar=1";
    assert_eq!(pass(&signature, URL, BODY.as_bytes(), NOW_S), Ok(()));
    assert_eq!(
        pass(&signature, turned, BODY.as_bytes(), NOW_S + 300),
        Ok(())
    );
    let late = pass(&signature, URL, BODY.as_bytes(), NOW_S + 301);
    assert_eq!(late, Err(Refused::Expired));
    assert!(
        pass(
            &signature,
            &URL.replace("foo=2", "foo=3"),
            BODY.as_bytes(),
            NOW_S
        )
        .is_err()
    );
    for bit in 0..BODY.len() * 8 {
        let mut body = BODY.as_bytes().to_vec();
        body[bit / 8] ^= 1 << (bit % 8);
        assert!(pass(&signature, URL, &body, NOW_S).is_err());
    }
    for bit in 0..signature.len() * 8 {
        let mut changed = signature.as_bytes().to_vec();
        changed[bit / 8] ^= 1 << (bit % 8);
        if let Ok(changed) = String::from_utf8(changed) {
            assert!(pass(&changed, URL, BODY.as_bytes(), NOW_S).is_err());
        }
    }
}

#[test]
fn nothing_passes_without_key_or_signature() {
    let body = BODY.as_bytes();
    for credentials in [json!(null), json!({"signing_key": ""})] {
        let headers = [(TOKEN, PUBLISHED)];
        assert_eq!(
            check(&credentials, &headers, URL, body, NOW_S),
            Err(Refused::NoSecret)
        );
    }
    assert_eq!(
        check(&json!({"signing_key": SECRET}), &[], URL, body, NOW_S),
        Err(Refused::Missing(TOKEN))
    );
}

#[test]
fn a_report_by_get_is_its_query() {
    let url = "https://example.com/path?id=a1&recipient=31612345678&status=delivered";
    let whole = super::super::whole(ChannelKind::MessageBird, url, Bytes::new());
    let updates = split(whole).unwrap();
    assert_eq!(updates[0].platform_id, "a1:delivered");
    assert_eq!(updates[0].conversation_key, "31612345678");
    let body = Bytes::from_static(b"{}");
    assert_eq!(
        super::super::whole(ChannelKind::MessageBird, url, body.clone()),
        body
    );
    assert!(super::super::whole(ChannelKind::Slack, url, Bytes::new()).is_empty());
}
