//! Verification and splitting of what each platform sends.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::fmt::Write;

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use ingest::channel::{Account, MAX_UPDATES, Malformed, Refused, Request, envelope, split, verify};
use proptest::prelude::*;
use schemas::{ChannelId, ChannelKind, MessageId, TenantId, Timestamp};
use serde_json::{Value, json};
use sha2::Sha256;
use uuid::Uuid;

const NOW: Timestamp = Timestamp(1_736_332_200_000_000);
const SECRET: &str = "a signing secret of some length";
const SIGNED: [ChannelKind; 2] = [ChannelKind::Generic, ChannelKind::Email];

fn signature(secret: &str, timestamp: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{timestamp}.").as_bytes());
    mac.update(body);
    let tag = mac.finalize().into_bytes();
    tag.iter().fold(String::from("v1="), |mut out, byte| {
        write!(out, "{byte:02x}").unwrap();
        out
    })
}

fn check(
    kind: ChannelKind,
    credentials: &Value,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Result<(), Refused> {
    let find = |name: &str| {
        let found = headers.iter().find(|(given, _)| *given == name);
        found.map(|(_, value)| *value)
    };
    let account = Account {
        kind,
        credentials,
        settings: &Value::Null,
        public_keys: &Value::Null,
    };
    let request = Request {
        url: "https://hub.example.com/api/v1/webhooks/1",
        headers: &find,
        body,
        now: NOW,
    };
    verify(&account, &request)
}

fn signed(kind: ChannelKind, timestamp: &str, signature: &str, body: &[u8]) -> Result<(), Refused> {
    let headers = [
        ("x-tidings-timestamp", timestamp),
        ("x-tidings-signature", signature),
    ];
    check(kind, &json!({"signing_secret": SECRET}), &headers, body)
}

#[test]
fn the_signature_is_the_documented_one() {
    // Computed with: printf '1736332200.hello' | openssl dgst -sha256 -hmac key
    assert_eq!(
        signature("key", "1736332200", b"hello"),
        "v1=e1c82f9c07bcdef5b361b4901d20245ddeacb2bf97c34c0149c7087e20c47b36"
    );
}

#[test]
fn signed_requests_pass() {
    for kind in SIGNED {
        let body = b"anything at all";
        let now = "1736332200";
        assert_eq!(
            signed(kind, now, &signature(SECRET, now, body), body),
            Ok(())
        );
        let upper = signature(SECRET, now, body)
            .to_uppercase()
            .replace("V1=", "v1=");
        assert_eq!(signed(kind, now, &upper, body), Ok(()));
    }
}

#[test]
fn the_window_is_300_seconds_either_way() {
    for (offset, expected) in [
        (-301, Err(Refused::Expired)),
        (-300, Ok(())),
        (300, Ok(())),
        (301, Err(Refused::Expired)),
    ] {
        let at = (1_736_332_200 + offset).to_string();
        let signature = signature(SECRET, &at, b"x");
        assert_eq!(
            signed(ChannelKind::Generic, &at, &signature, b"x"),
            expected
        );
    }
    for at in ["", "now", "1736332200.0", "99999999999999999999"] {
        let refused = signed(ChannelKind::Generic, at, &signature(SECRET, at, b"x"), b"x");
        assert_eq!(refused, Err(Refused::Form("x-tidings-timestamp")));
    }
    let last = i64::MIN.to_string();
    assert_eq!(
        signed(
            ChannelKind::Generic,
            &last,
            &signature(SECRET, &last, b"x"),
            b"x"
        ),
        Err(Refused::Expired)
    );
}

#[test]
fn without_a_secret_nothing_passes() {
    let now = "1736332200";
    for credentials in [
        json!(null),
        json!({}),
        json!({"signing_secret": "", "secret_token": ""}),
        json!({"signing_secret": 5, "secret_token": null}),
    ] {
        for kind in [
            ChannelKind::Telegram,
            ChannelKind::Email,
            ChannelKind::Generic,
        ] {
            let of_nothing = signature("", now, b"x");
            let headers = [
                ("x-telegram-bot-api-secret-token", ""),
                ("x-tidings-timestamp", now),
                ("x-tidings-signature", &*of_nothing),
            ];
            assert_eq!(
                check(kind, &credentials, &headers, b"x"),
                Err(Refused::NoSecret)
            );
        }
    }
    assert_eq!(check(ChannelKind::Sandbox, &json!({}), &[], b"x"), Ok(()));
}

#[test]
fn telegram_compares_its_token() {
    let credentials = json!({"secret_token": "hush-hush"});
    let with = |token: &str| {
        let headers = [("x-telegram-bot-api-secret-token", token)];
        check(ChannelKind::Telegram, &credentials, &headers, b"{}")
    };
    assert_eq!(with("hush-hush"), Ok(()));
    for wrong in ["", "hush", "hush-hush-", "Hush-hush", "hush-husi"] {
        assert_eq!(with(wrong), Err(Refused::Mismatch));
    }
    assert_eq!(
        check(ChannelKind::Telegram, &credentials, &[], b"{}"),
        Err(Refused::Missing("x-telegram-bot-api-secret-token"))
    );
}

#[test]
fn odd_signatures_are_refused() {
    let now = "1736332200";
    let good = signature(SECRET, now, b"x");
    let digits = good.strip_prefix("v1=").unwrap();
    for form in [
        String::new(),
        digits.to_owned(),
        format!("v2={digits}"),
        format!("v1={digits}00"),
        format!("v1={}", digits.replace(|c: char| c.is_ascii_digit(), "g")),
        format!("v1={}", "ä".repeat(32)),
    ] {
        assert_eq!(
            signed(ChannelKind::Generic, now, &form, b"x"),
            Err(Refused::Form("x-tidings-signature"))
        );
    }
    assert_eq!(
        signed(
            ChannelKind::Generic,
            now,
            &signature("another", now, b"x"),
            b"x"
        ),
        Err(Refused::Mismatch)
    );
}

proptest! {
    #[test]
    fn every_changed_bit_is_refused(body in proptest::collection::vec(any::<u8>(), 1..64), kind in 0usize..2) {
        let now = "1736332200";
        let good = signature(SECRET, now, &body);
        prop_assert_eq!(signed(SIGNED[kind], now, &good, &body), Ok(()));
        for bit in 0..body.len() * 8 {
            let mut changed = body.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let refused = signed(SIGNED[kind], now, &good, &changed);
            prop_assert_eq!(refused, Err(Refused::Mismatch));
            // A refusal helps nobody to the right signature.
            let said = format!("{} {:?}", refused.unwrap_err(), refused);
            let expected = signature(SECRET, now, &changed);
            prop_assert!(!said.contains(expected.strip_prefix("v1=").unwrap()));
            prop_assert!(!said.contains(SECRET));
        }
        // Nor does another time pass for the one that was signed.
        prop_assert_eq!(signed(SIGNED[kind], "1736332201", &good, &body), Err(Refused::Mismatch));
    }

    #[test]
    fn splitting_never_panics(kind in 0usize..4, head in 0usize..4, bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let head: &[u8] = [&b""[..], b"[{\"id\":\"1\",", b"{\"update_id\":1,", b"From: a\r\n"][head];
        let body = Bytes::from([head, &bytes].concat());
        if let Ok(updates) = split(ChannelKind::ALL[kind], None, body) {
            prop_assert!(!updates.is_empty());
        }
    }
}

#[test]
fn a_batch_is_split_in_order() {
    let message =
        |id: usize| json!({"id": format!("m{id}"), "sender": {"id": "ann"}, "text": "hi"});
    let body = |count: usize| {
        let all: Vec<Value> = (0..count).map(message).collect();
        Bytes::from(serde_json::to_vec_pretty(&all).unwrap())
    };
    for kind in [ChannelKind::Generic, ChannelKind::Sandbox] {
        let updates = split(kind, Some("application/json"), body(MAX_UPDATES)).unwrap();
        assert_eq!(updates.len(), MAX_UPDATES);
        assert_eq!(updates[7].platform_id, "m7");
        assert_eq!(updates[7].conversation_key, "ann");
        let again: Value = serde_json::from_slice(&updates[7].bytes).unwrap();
        assert_eq!(again, message(7));
        assert!(matches!(
            split(kind, None, body(MAX_UPDATES + 1)),
            Err(Malformed::TooMany)
        ));
        assert!(matches!(
            split(kind, None, body(0)),
            Err(Malformed::Batch { .. })
        ));
        let bad = Bytes::from_static(br#"[{"id":"1","sender":{"id":"a"}},{"id":"2"}]"#);
        assert!(matches!(
            split(kind, None, bad),
            Err(Malformed::Item { index: 1, .. })
        ));
        assert!(split(kind, None, Bytes::new()).is_err());
    }
}

#[test]
fn single_updates_and_their_envelopes() {
    let telegram = Bytes::from_static(
        br#"{"update_id":9,"message":{"message_id":5,"date":1,"chat":{"id":-100,"type":"group"},"text":"hi"}}"#,
    );
    let update = split(ChannelKind::Telegram, None, telegram.clone())
        .unwrap()
        .remove(0);
    assert_eq!(
        (&*update.platform_id, &*update.conversation_key),
        ("-100:5", "-100")
    );
    let (tenant, channel) = (TenantId(Uuid::from_u128(1)), ChannelId(Uuid::from_u128(2)));
    let envelope = envelope(tenant, channel, ChannelKind::Telegram, update, NOW);
    assert_eq!(envelope.message, MessageId::inbound(channel, "-100:5"));
    assert_eq!(envelope.received_at, NOW);
    assert!(split(ChannelKind::Telegram, None, Bytes::from_static(b"[]")).is_err());

    let mail = Bytes::from_static(b"From: a@b.c\r\nMessage-ID: <1@b.c>\r\n\r\nhi");
    let update = split(ChannelKind::Email, Some("message/rfc822"), mail)
        .unwrap()
        .remove(0);
    assert_eq!(
        (&*update.platform_id, update.content_type),
        ("1@b.c", "message/rfc822")
    );
}
