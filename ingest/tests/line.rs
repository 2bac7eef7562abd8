//! LINE's signature.

#![allow(clippy::unwrap_used, reason = "a test")]

use ingest::channel::{Account, Refused, Request, verify};
use schemas::{ChannelKind, Timestamp};
use serde_json::{Value, json};

/// The example of <https://developers.line.biz/en/docs/messaging-api/verify-webhook-signature/>.
const SECRET: &str = "8c570fa6dd201bb328f1c1eac23a96d8";
const BODY: &[u8] = br#"{"destination":"U8e742f61d673b39c7fff3cecb7536ef0","events":[]}"#;
const SIGNATURE: &str = "GhRKmvmHys4Pi8DxkF4+EayaH0OqtJtaZxgTD9fMDLs=";

fn check(credentials: &Value, signature: Option<&str>, body: &[u8]) -> Result<(), Refused> {
    let find = |name: &str| (name == "x-line-signature").then_some(signature).flatten();
    let account = Account {
        kind: ChannelKind::Line,
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
fn the_documented_example_passes() {
    let credentials = json!({"channel_secret": SECRET});
    assert_eq!(check(&credentials, Some(SIGNATURE), BODY), Ok(()));
    // Another, of LINE's own library for Node.js.
    let credentials = json!({"channel_secret": "test_secret"});
    let signature = Some("t7Hn4ZDHqs6e+wdvI5TyQIvzie0DmMUmuXEBqyyE/tM=");
    assert_eq!(
        check(&credentials, signature, br#"{"hello":"world"}"#),
        Ok(())
    );
}

#[test]
fn every_changed_bit_is_refused() {
    let credentials = json!({"channel_secret": SECRET});
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
fn without_secret_or_signature_nothing_passes() {
    for credentials in [json!(null), json!({}), json!({"channel_secret": ""})] {
        let refused = check(&credentials, Some(SIGNATURE), BODY);
        assert_eq!(refused, Err(Refused::NoSecret));
    }
    let credentials = json!({"channel_secret": SECRET});
    assert_eq!(
        check(&credentials, None, BODY),
        Err(Refused::Missing("x-line-signature"))
    );
    for odd in ["", "=", "GhRKmvmHys4Pi8DxkF4+EayaH0OqtJtaZxgTD9fMDLs", "ä"] {
        assert_eq!(check(&credentials, Some(odd), BODY), Err(Refused::Mismatch));
    }
}
