//! Twilio's published examples, and what no changed request passes.

use serde_json::{Value, json};

use super::*;
use schemas::Timestamp;

const URL: &str = "https://mycompany.com/myapp.php?foo=1&bar=2";
const FORM: &str = "CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309&To=%2B18005551212";
const PUBLISHED: &str = "RSOYDt4T1cUTdK1PDd93/VVr8B8=";
const BODY: &str = r#"{"property": "value", "boolean": true}"#;
const BODY_HASH: &str = "0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620";

fn check(
    credentials: &Value,
    url: &str,
    body: &[u8],
    signature: Option<&str>,
) -> Result<(), Refused> {
    let account = Account {
        kind: ChannelKind::Twilio,
        credentials,
        settings: &Value::Null,
        public_keys: &Value::Null,
    };
    let header = |name: &str| signature.filter(|_| name == SIGNATURE);
    let request = Request {
        url,
        headers: &header,
        body,
        now: Timestamp(0),
    };
    verify(&account, &request)
}

fn passes(url: &str, body: &[u8], signature: &str) -> bool {
    check(&json!({"auth_token": "12345"}), url, body, Some(signature)).is_ok()
}

#[test]
fn the_published_examples_pass() {
    let body = FORM.as_bytes();
    assert!(passes(URL, body, PUBLISHED));
    let reversed: Vec<&str> = FORM.split('&').rev().collect();
    assert!(passes(URL, reversed.join("&").as_bytes(), PUBLISHED));
    // With a port where none was given, without one where there was.
    let port = URL.replace(".com", ".com:1234");
    let http = |url: &str| url.replace("https", "http");
    assert!(passes(&port, body, PUBLISHED));
    assert!(passes(&port, body, "CYn1h0gLBdNxDGkKJg6hYohgeD8="));
    assert!(passes(URL, body, "kvajT1Ptam85bY51eRf/AJRuM3w="));
    assert!(passes(&http(&port), body, "Zmvh+3yNM1Phv2jhDCwEM3q5ebU="));
    assert!(passes(&http(URL), body, "0ZXoZLH/DfblKGATFgpif+LLRf4="));
    // As its servers are called, capitals and users included.
    let capitals = URL.replace("mycompany", "MyCompany");
    assert!(passes(&capitals, body, "g9IN/x4Cft2g517EjYvEvM/W7LU="));
    assert!(!passes(&capitals, body, PUBLISHED));
    let user = URL.replace("mycompany", "user:pass@mycompany");
    assert!(passes(&user, body, "CukzLTc1tT5dXEDIHm/tKBanW10="));
    assert!(passes(&user, body, "ZQFR1PTIZXF2MXB8ZnKCvnnA+rI="));
    // A name that comes twice: its values sorted, each once.
    let twice = b"Sid=CA123&SidAccount=AC123&Digits=5678&Digits=1234&Digits=1234";
    assert!(passes(URL, twice, "IK+Dwps556ElfBT0I3Rgjkr1wJU="));
}

#[test]
fn json_is_signed_by_its_digest() {
    let url = format!("{URL}&bodySHA256={BODY_HASH}");
    assert!(passes(
        &url,
        BODY.as_bytes(),
        "a9nBmqA0ju/hNViExpshrM61xv4="
    ));
    let alone = format!("https://mycompany.com/myapp.php?bodySHA256={BODY_HASH}");
    assert!(passes(
        &alone,
        BODY.as_bytes(),
        "y77kIzt2vzLz71DgmJGsen2scGs="
    ));
    assert!(!passes(URL, BODY.as_bytes(), PUBLISHED));
}

#[test]
fn no_changed_bit_passes() {
    let json = format!("{URL}&bodySHA256={BODY_HASH}");
    for (url, body, signature) in [
        (URL, FORM, PUBLISHED),
        (&*json, BODY, "a9nBmqA0ju/hNViExpshrM61xv4="),
    ] {
        let flipped = |text: &str, bit: usize| {
            let mut bytes = text.as_bytes().to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            bytes
        };
        for bit in 0..body.len() * 8 {
            assert!(!passes(url, &flipped(body, bit), signature), "body {bit}");
        }
        for bit in 0..signature.len() * 8 {
            if let Ok(changed) = String::from_utf8(flipped(signature, bit)) {
                assert!(!passes(url, body.as_bytes(), &changed), "signature {bit}");
            }
        }
        for bit in 0..url.len() * 8 {
            if let Ok(changed) = String::from_utf8(flipped(url, bit)) {
                assert!(!passes(&changed, body.as_bytes(), signature), "url {bit}");
            }
        }
    }
}

#[test]
fn nothing_passes_without_secret_or_signature() {
    let body = FORM.as_bytes();
    for credentials in [
        json!(null),
        json!({"auth_token": ""}),
        json!({"auth_token": 5}),
    ] {
        assert_eq!(
            check(&credentials, URL, body, Some(PUBLISHED)),
            Err(Refused::NoSecret)
        );
    }
    let secret = json!({"auth_token": "12345"});
    assert_eq!(
        check(&secret, URL, body, None),
        Err(Refused::Missing(SIGNATURE))
    );
    for signature in ["", "=", "RSOYDt4T1cUTdK1PDd93/VVr8B8"] {
        assert!(!passes(URL, body, signature));
    }
}

#[test]
fn bodies_are_split() {
    let count =
        |body: &str| split(Bytes::copy_from_slice(body.as_bytes())).map(|updates| updates.len());
    assert_eq!(count("MessageSid=SM1&From=%2B4930&Body=hi").unwrap(), 1);
    assert_eq!(
        count(r#"[{"id":"EV1","type":"x"},{"id":"EV2","type":"y"}]"#).unwrap(),
        2
    );
    assert_eq!(count("[]").unwrap(), 0);
    for odd in ["", "just words", "{", "[1]", "a=b&c=d"] {
        assert!(count(odd).is_err(), "{odd}");
    }
}
