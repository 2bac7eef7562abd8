//! Viber's signature.

#![allow(clippy::unwrap_used, reason = "a test")]

use ingest::channel::{Account, Refused, Request, split, verify};
use schemas::{ChannelKind, Timestamp};
use serde_json::{Value, json};

const TOKEN: &str = "4453b6ac12345678-e02c5f12174805f9-daec9cbb5448c51f";
const BODY: &[u8] = br#"{"event":"delivered","timestamp":1457764197627,"message_token":491266184665523145,"user_id":"01234567890A="}"#;
/// Computed with: openssl dgst -sha256 -hmac TOKEN
const SIGNATURE: &str = "3bcd95e3a9552c89fa2ddd7cf111f895abc559b640fba4fb4d561ca7a9b6f1b2";

fn check(credentials: &Value, signature: Option<&str>, body: &[u8]) -> Result<(), Refused> {
    let find = |name: &str| {
        (name == "x-viber-content-signature")
            .then_some(signature)
            .flatten()
    };
    let account = Account {
        kind: ChannelKind::Viber,
        credentials,
        settings: &Value::Null,
        public_keys: &Value::Null,
    };
    let request = Request {
        url: "https://hub.example.com/api/v1/webhooks/1",
        headers: &find,
        body,
        now: Timestamp(0),
    };
    verify(&account, &request)
}

#[test]
fn a_signed_callback_passes() {
    let credentials = json!({"auth_token": TOKEN});
    assert_eq!(check(&credentials, Some(SIGNATURE), BODY), Ok(()));
}

#[test]
fn every_changed_bit_is_refused() {
    let credentials = json!({"auth_token": TOKEN});
    for bit in 0..BODY.len() * 8 {
        let mut body = BODY.to_vec();
        body[bit / 8] ^= 1 << (bit % 8);
        let refused = check(&credentials, Some(SIGNATURE), &body);
        assert_eq!(refused, Err(Refused::Mismatch), "bit {bit} of the body");
    }
    for bit in 0..SIGNATURE.len() * 8 {
        let mut signature = SIGNATURE.as_bytes().to_vec();
        signature[bit / 8] ^= 1 << (bit % 8);
        // A header that is no text is no header.
        let signature = std::str::from_utf8(&signature).ok();
        let refused = check(&credentials, signature, BODY).unwrap_err();
        assert!(!format!("{refused} {refused:?}").contains(SIGNATURE));
    }
}

#[test]
fn without_token_or_signature_nothing_passes() {
    for credentials in [json!(null), json!({}), json!({"auth_token": ""})] {
        let refused = check(&credentials, Some(SIGNATURE), BODY);
        assert_eq!(refused, Err(Refused::NoSecret));
    }
    let credentials = json!({"auth_token": TOKEN});
    assert_eq!(
        check(&credentials, None, BODY),
        Err(Refused::Missing("x-viber-content-signature"))
    );
    for odd in [
        "",
        "0",
        "ä",
        &SIGNATURE.to_uppercase(),
        &format!("{SIGNATURE}00"),
    ] {
        assert_eq!(check(&credentials, Some(odd), BODY), Err(Refused::Mismatch));
    }
}

#[test]
fn a_trial_of_the_address_has_no_updates() {
    let trial = br#"{"event":"webhook","timestamp":1457764197627,"message_token":1}"#;
    assert!(
        split(ChannelKind::Viber, None, trial.to_vec().into())
            .unwrap()
            .is_empty()
    );
}
