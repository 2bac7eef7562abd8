//! Verification, challenges and splitting of WhatsApp, Messenger and Instagram.

#![allow(clippy::unwrap_used, reason = "a test")]

use bytes::Bytes;
use ingest::channel::{
    Account, Answer, Refused, Request, Update, challenge, max_updates, split, verify,
};
use schemas::{ChannelKind, Timestamp};
use serde_json::{Value, json};

const KINDS: [ChannelKind; 3] = [
    ChannelKind::WhatsApp,
    ChannelKind::Messenger,
    ChannelKind::Instagram,
];
const BODY: &[u8] = br#"{"object":"page","entry":[]}"#;
// printf '{"object":"page","entry":[]}' | openssl dgst -sha256 -hmac app-secret
const SIGNATURE: &str = "sha256=e6e9d7a842a48e17f43a34d6125d0d933e2aab92ee37f0993a4d493b50e3d438";
const URL: &str = "https://hub.example.com/api/v1/webhooks/1";

fn check(
    kind: ChannelKind,
    credentials: &Value,
    signature: Option<&str>,
    body: &[u8],
) -> Result<(), Refused> {
    let headers = |name: &str| signature.filter(|_| name == "x-hub-signature-256");
    let account = Account {
        kind,
        credentials,
        settings: &Value::Null,
        public_keys: &Value::Null,
    };
    let request = Request {
        url: URL,
        headers: &headers,
        body,
        now: Timestamp(0),
    };
    verify(&account, &request)
}

fn ask(kind: ChannelKind, credentials: &Value, query: &str) -> Option<Answer> {
    let account = Account {
        kind,
        credentials,
        settings: &Value::Null,
        public_keys: &Value::Null,
    };
    let request = Request {
        url: &format!("{URL}{query}"),
        headers: &|_| None,
        body: &[],
        now: Timestamp(0),
    };
    challenge(&account, &request)
}

fn secret() -> Value {
    json!({"app_secret": "app-secret", "verify_token": "open sesame+"})
}

#[test]
fn a_signed_request_passes() {
    for kind in KINDS {
        assert_eq!(check(kind, &secret(), Some(SIGNATURE), BODY), Ok(()));
    }
}

#[test]
fn no_bit_may_be_another() {
    for kind in KINDS {
        for bit in 0..BODY.len() * 8 {
            let mut body = BODY.to_vec();
            body[bit / 8] ^= 1 << (bit % 8);
            let refused = check(kind, &secret(), Some(SIGNATURE), &body);
            assert_eq!(refused, Err(Refused::Mismatch), "bit {bit} of the body");
        }
        for bit in 0..SIGNATURE.len() * 8 {
            let mut signature = SIGNATURE.as_bytes().to_vec();
            signature[bit / 8] ^= 1 << (bit % 8);
            // What is not text never gets here.
            if let Ok(signature) = std::str::from_utf8(&signature) {
                let refused = check(kind, &secret(), Some(signature), BODY);
                assert!(refused.is_err(), "bit {bit} of the signature");
            }
        }
    }
}

#[test]
fn what_is_missing_or_cut_is_refused() {
    for kind in KINDS {
        for credentials in [json!({}), json!({"app_secret": ""}), Value::Null] {
            assert_eq!(
                check(kind, &credentials, Some(SIGNATURE), BODY),
                Err(Refused::NoSecret)
            );
        }
        assert_eq!(
            check(kind, &secret(), None, BODY),
            Err(Refused::Missing("x-hub-signature-256"))
        );
        for end in 0..SIGNATURE.len() {
            assert!(check(kind, &secret(), SIGNATURE.get(..end), BODY).is_err());
        }
        let longer = format!("{SIGNATURE}00");
        assert!(check(kind, &secret(), Some(&longer), BODY).is_err());
        assert!(check(kind, &secret(), Some(&SIGNATURE.to_uppercase()), BODY).is_err());
    }
}

#[test]
fn the_challenge_is_answered_to_who_knows_the_token() {
    let right = "?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=open%20sesame%2B";
    for kind in KINDS {
        let answer = ask(kind, &secret(), right).unwrap();
        assert_eq!((answer.status, &*answer.body), (200, &b"1158201444"[..]));
        assert_eq!(answer.content_type, "text/plain");
        for wrong in [
            "",
            "?hub.challenge=1&hub.verify_token=open%20sesame%2B",
            "?hub.mode=unsubscribe&hub.challenge=1&hub.verify_token=open%20sesame%2B",
            "?hub.mode=subscribe&hub.challenge=1&hub.verify_token=open%20sesame",
            "?hub.mode=subscribe&hub.challenge=1&hub.verify_token=",
            "?hub.mode=subscribe&hub.challenge=1",
            "?hub.mode=subscribe&hub.verify_token=open%20sesame%2B",
        ] {
            assert_eq!(ask(kind, &secret(), wrong), None, "{wrong}");
        }
        // Without a token nothing is the token.
        for none in [json!({}), json!({"verify_token": ""})] {
            let empty = "?hub.mode=subscribe&hub.challenge=1&hub.verify_token=";
            assert_eq!(ask(kind, &none, empty), None);
        }
    }
}

fn updates(kind: ChannelKind, body: &Value) -> Vec<Update> {
    split(kind, None, Bytes::from(body.to_string())).unwrap()
}

#[test]
fn a_thousand_messages_are_a_thousand_updates() {
    let people: Vec<Value> = (0..1000)
        .map(|n| json!({"profile": {"name": format!("P{n}")}, "wa_id": format!("1555{n:07}")}))
        .rev()
        .collect();
    let messages: Vec<Value> = (0..1000)
        .map(|n| {
            json!({"from": format!("1555{n:07}"), "id": format!("wamid.{n}"), "type": "text",
                "timestamp": "1788000000", "text": {"body": "hi"}})
        })
        .collect();
    let body = json!({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [{
        "field": "messages", "value": {"messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "1", "phone_number_id": "2"},
        "contacts": people, "messages": messages}}]}]});
    let updates = updates(ChannelKind::WhatsApp, &body);
    assert_eq!(updates.len(), 1000);
    for (n, update) in updates.iter().enumerate() {
        assert_eq!(update.platform_id, format!("wamid.{n}"));
        assert_eq!(update.conversation_key, format!("1555{n:07}"));
        let part: Value = serde_json::from_slice(&update.bytes).unwrap();
        assert_eq!(part["contact"]["profile"]["name"], format!("P{n}"));
    }
}

#[test]
fn what_stands_around_an_item_is_repeated_within_bounds() {
    let long = "x".repeat(100_000);
    let messages: Vec<Value> = (0..100)
        .map(|n| json!({"from": "15550001111", "id": n.to_string()}))
        .collect();
    let body = json!({"entry": [{"id": long, "changes": [{"field": long, "value": {
        "messaging_product": "whatsapp", "metadata": {"display_phone_number": long},
        "contacts": [{"wa_id": "15550001111", "profile": {"name": long}}],
        "messages": messages}}]}]});
    let updates = updates(ChannelKind::WhatsApp, &body);
    assert_eq!(updates.len(), 100);
    assert!(updates.iter().all(|update| update.bytes.len() < 200));
}

#[test]
fn too_many_updates_are_refused() {
    for kind in KINDS {
        let body = |count| {
            let body = json!({"entry": [{"messaging": vec![json!({}); count]}]});
            Bytes::from(body.to_string())
        };
        let most = max_updates(kind);
        assert_eq!(split(kind, None, body(most)).unwrap().len(), most);
        assert!(split(kind, None, body(most + 1)).is_err());
    }
}

#[test]
fn deep_nesting_is_an_update_like_any_other() {
    let deep = format!(
        r#"{{"entry":[{{"messaging":[{{"a":{}{}}},{{"sender":{{"id":"1"}},"message":{{"mid":"m"}}}}]}}]}}"#,
        "[".repeat(500),
        "]".repeat(500)
    );
    for kind in KINDS {
        let updates = split(kind, None, Bytes::from(deep.clone())).unwrap();
        assert_eq!(updates.len(), 2);
    }
}
