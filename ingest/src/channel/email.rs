//! E-mail by webhook: one raw RFC 5322 mail a request, signed as a generic one; and what providers tell of mail that left by
//! them, in JSON.
//!
//! - `SendGrid` (<https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features>):
//!   an array of events; ECDSA over P-256 and SHA-256 of timestamp and body, by the key that `SendGrid` shows (`sendgrid_public_key`).
//! - Mailgun (<https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks>): one event; HMAC-SHA-256 of
//!   a timestamp and a token in the body, under the HTTP webhook signing key (`mailgun_signing_key`).
//! - Amazon SES by SNS ([`crate::sns`]): one event a notification; RSA, for the topic in the settings (`sns_topic_arn`).
//! - Postmark ([`postmark`]): one event; a password (`postmark_secret`).
//!
//! Invariants: an event travels as `{"sendgrid": …}`, `{"mailgun": …}`, `{"ses": …}` or `{"postmark": …}` with the content type of
//! JSON, which no mail ever has, so a mail that looks like one is none. Whose an event is follows from the same look at the
//! body when it is verified and when it is split: nobody's signature vouches for what is then read as another's. Mailgun signs
//! no content: who sees one of its requests can send another one with its signature for 300 seconds.

mod postmark;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use schemas::ChannelKind;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::{Account, MAX_UPDATES, Malformed, Refused, Request, Update, hex, signature};
use crate::sns::Notice;

const JSON: &str = "application/json";
const SENDGRID_SIGNATURE: &str = "x-twilio-email-event-webhook-signature";
const SENDGRID_TIMESTAMP: &str = "x-twilio-email-event-webhook-timestamp";
const TOLERANCE_S: u64 = 300;
/// Bytes of a point on P-256, uncompressed: what a public key ends with (RFC 5480).
const POINT_BYTES: usize = 65;

pub(super) fn verify(account: &Account<'_>, request: &Request<'_, '_>) -> Result<(), Refused> {
    if (request.headers)(SENDGRID_SIGNATURE).is_some() {
        return sendgrid(account.secret("sendgrid_public_key")?, request);
    }
    let told = match (request.headers)(signature::SIGNATURE) {
        Some(_) => None,
        None => By::of(request.body),
    };
    match told {
        Some(By::Ses(notice)) => notice.verify(account),
        Some(By::Mailgun(mailgun)) => {
            mailgun.verify(account.secret("mailgun_signing_key")?, request)
        }
        Some(By::Postmark) => postmark::verify(account.secret("postmark_secret")?, request),
        None => signature::verify(account.secret("signing_secret")?, request),
    }
}

/// Who tells the one event in a body, by its form.
enum By<'a> {
    Ses(Box<Notice>),
    Mailgun(Mailgun<'a>),
    Postmark,
}

impl<'a> By<'a> {
    fn of(body: &'a [u8]) -> Option<Self> {
        if !body.trim_ascii_start().starts_with(b"{") {
            return None;
        }
        if let Some(notice) = Notice::of(body) {
            return Some(Self::Ses(Box::new(notice)));
        }
        match serde_json::from_slice(body) {
            Ok(mailgun) => Some(Self::Mailgun(mailgun)),
            Err(_) => postmark::is_event(body).then_some(Self::Postmark),
        }
    }
}

fn sendgrid(key: &str, request: &Request<'_, '_>) -> Result<(), Refused> {
    let timestamp = request.header(SENDGRID_TIMESTAMP)?;
    let given = STANDARD
        .decode(request.header(SENDGRID_SIGNATURE)?)
        .map_err(|_| Refused::Form(SENDGRID_SIGNATURE))?;
    fresh(timestamp, request, SENDGRID_TIMESTAMP)?;
    let der = STANDARD.decode(key.trim()).map_err(|_| Refused::NoSecret)?;
    let place = der.len().saturating_sub(POINT_BYTES);
    let point = der.get(place..).unwrap_or_default();
    let signed = [timestamp.as_bytes(), request.body].concat();
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point)
        .verify(&signed, &given)
        .map_err(|_| Refused::Mismatch)
}

fn fresh(timestamp: &str, request: &Request<'_, '_>, name: &'static str) -> Result<(), Refused> {
    let at: i64 = timestamp.parse().map_err(|_| Refused::Form(name))?;
    let off = request.now.0.div_euclid(1_000_000).abs_diff(at);
    if off > TOLERANCE_S {
        return Err(Refused::Expired);
    }
    Ok(())
}

#[derive(Deserialize)]
struct Mailgun<'a> {
    signature: Signature,
    #[serde(borrow, rename = "event-data")]
    event: &'a RawValue,
}

#[derive(Deserialize)]
struct Signature {
    timestamp: String,
    token: String,
    signature: String,
}

impl Mailgun<'_> {
    fn verify(&self, key: &str, request: &Request<'_, '_>) -> Result<(), Refused> {
        fresh(&self.signature.timestamp, request, "signature.timestamp")?;
        let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes())
            .expect("HMAC takes keys of every length");
        mac.update(self.signature.timestamp.as_bytes());
        mac.update(self.signature.token.as_bytes());
        let expected = hex::encode(&mac.finalize().into_bytes());
        let given = self.signature.signature.as_bytes();
        if bool::from(expected.as_bytes().ct_eq(given)) {
            Ok(())
        } else {
            Err(Refused::Mismatch)
        }
    }
}

/// An event with the name of who tells it.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Told<'a> {
    Sendgrid(&'a RawValue),
    Mailgun(&'a RawValue),
    Ses(&'a RawValue),
    Postmark(&'a RawValue),
}

pub(super) fn split(body: Bytes) -> Result<Vec<Update>, Malformed> {
    if body.trim_ascii_start().starts_with(b"[")
        && let Ok(events) = serde_json::from_slice::<Vec<&RawValue>>(&body)
    {
        if events.len() > MAX_UPDATES {
            return Err(Malformed::TooMany);
        }
        return events
            .into_iter()
            .map(|event| told(&Told::Sendgrid(event)))
            .collect();
    }
    match By::of(&body) {
        Some(By::Mailgun(Mailgun { event, .. })) => return Ok(vec![told(&Told::Mailgun(event))?]),
        Some(By::Ses(notice)) => return published(&notice),
        Some(By::Postmark) => {
            if let Ok(event) = serde_json::from_slice(&body) {
                return Ok(vec![told(&Told::Postmark(event))?]);
            }
        }
        None => {}
    }
    Ok(vec![Update::of(
        ChannelKind::Email,
        "message/rfc822",
        body,
    )?])
}

/// The event in a notification; none in one that is about the subscription, or in words for people, as when a topic is tried.
fn published(notice: &Notice) -> Result<Vec<Update>, Malformed> {
    let event: Option<&RawValue> = serde_json::from_str(&notice.message).ok();
    match event.filter(|event| notice.is_notification() && event.get().starts_with('{')) {
        Some(event) => Ok(vec![told(&Told::Ses(event))?]),
        None => Ok(Vec::new()),
    }
}

fn told(event: &Told<'_>) -> Result<Update, Malformed> {
    let bytes = serde_json::to_vec(event).expect("what was read as JSON is written as JSON");
    Ok(Update::of(ChannelKind::Email, JSON, bytes.into())?)
}

#[cfg(test)]
mod tests {
    use ring::{
        rand::SystemRandom,
        signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair},
    };
    use schemas::Timestamp;
    use serde_json::{Value, json};

    use super::*;

    const AT: i64 = 1_700_000_000;

    fn check(credentials: &Value, headers: &[(&str, &str)], body: &[u8]) -> Result<(), Refused> {
        let header = |name: &str| {
            let found = headers.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| *value)
        };
        let account = Account {
            kind: ChannelKind::Email,
            credentials,
            settings: &Value::Null,
            public_keys: &Value::Null,
        };
        verify(
            &account,
            &Request {
                url: "https://hub.example/webhooks/1",
                headers: &header,
                body,
                now: Timestamp::from_seconds(AT),
            },
        )
    }

    #[test]
    fn sendgrid_signs_time_and_body() {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
        let der = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, der.as_ref(), &random).unwrap();
        // The head of a public key on P-256 (RFC 5480), as SendGrid shows it.
        let mut public = vec![
            0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
            0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
        ];
        public.extend(pair.public_key().as_ref());
        let credentials = json!({"sendgrid_public_key": STANDARD.encode(public)});
        let body = b"[{\"event\":\"delivered\"}]\r\n";
        let signed = |time: &str, body: &[u8]| {
            let bytes = [time.as_bytes(), body].concat();
            STANDARD.encode(pair.sign(&random, &bytes).unwrap().as_ref())
        };
        let time = AT.to_string();
        let asked = |time: &str, signature: &str, body: &[u8]| {
            let headers = [(SENDGRID_SIGNATURE, signature), (SENDGRID_TIMESTAMP, time)];
            check(&credentials, &headers, body)
        };
        assert_eq!(asked(&time, &signed(&time, body), body), Ok(()));
        assert_eq!(
            asked(&time, &signed(&time, body), b"[]"),
            Err(Refused::Mismatch)
        );
        let old = (AT - 301).to_string();
        assert_eq!(
            asked(&old, &signed(&old, body), body),
            Err(Refused::Expired)
        );
        assert_eq!(
            asked(&time, "?", body),
            Err(Refused::Form(SENDGRID_SIGNATURE))
        );
        let headers = [(SENDGRID_SIGNATURE, "AA=="), (SENDGRID_TIMESTAMP, &*time)];
        assert_eq!(
            check(&json!({"signing_secret": "x"}), &headers, body),
            Err(Refused::NoSecret)
        );
    }

    fn mailgun(key: &str, at: i64) -> Vec<u8> {
        let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
        mac.update(format!("{at}token").as_bytes());
        let signature = hex::encode(&mac.finalize().into_bytes());
        json!({
            "signature": {"timestamp": at.to_string(), "token": "token", "signature": signature},
            "event-data": {"event": "delivered", "id": "1"},
        })
        .to_string()
        .into_bytes()
    }

    #[test]
    fn mailgun_signs_a_token() {
        let credentials = json!({"mailgun_signing_key": "key"});
        assert_eq!(check(&credentials, &[], &mailgun("key", AT)), Ok(()));
        assert_eq!(
            check(&credentials, &[], &mailgun("other", AT)),
            Err(Refused::Mismatch)
        );
        assert_eq!(
            check(&credentials, &[], &mailgun("key", AT + 301)),
            Err(Refused::Expired)
        );
        assert_eq!(
            check(&json!({}), &[], &mailgun("", AT)),
            Err(Refused::NoSecret)
        );
    }

    #[test]
    fn events_are_not_mails() {
        let sendgrid = split(Bytes::from_static(
            b" [{\"event\":\"open\"},\n{\"event\":\"click\"}]",
        ))
        .unwrap();
        assert_eq!(sendgrid.len(), 2);
        assert_eq!(sendgrid[0].content_type, JSON);
        assert_eq!(
            &sendgrid[0].bytes[..],
            b"{\"sendgrid\":{\"event\":\"open\"}}"
        );
        assert_ne!(sendgrid[0].platform_id, sendgrid[1].platform_id);
        let mailgun = split(mailgun("key", AT).into()).unwrap();
        assert!(mailgun[0].bytes.starts_with(b"{\"mailgun\":{"));
        let mail = split(Bytes::from_static(b"From: a@b.example\r\n\r\nhello")).unwrap();
        assert_eq!(mail[0].content_type, "message/rfc822");
    }

    #[test]
    fn postmark_knows_a_password() {
        let credentials = json!({"postmark_secret": "correct horse battery"});
        let event = br#"{"RecordType":"Delivery","MessageID":"1"}"#;
        let asked = |given: &str| check(&credentials, &[("authorization", given)], event);
        let basic = |text: &str| format!("Basic {}", STANDARD.encode(text));
        assert_eq!(asked(&basic("tidings:correct horse battery")), Ok(()));
        assert_eq!(asked(&basic(":correct horse battery")), Ok(()));
        for wrong in [
            "tidings:correct horse",
            "tidings:",
            ":x:correct horse battery",
        ] {
            assert_eq!(asked(&basic(wrong)), Err(Refused::Mismatch), "{wrong}");
        }
        for odd in ["", "Basic", "Basic ?", "Bearer dDp4", &basic("no colon")] {
            assert_eq!(asked(odd), Err(Refused::Form("authorization")), "{odd}");
        }
        assert_eq!(
            check(&credentials, &[], event),
            Err(Refused::Missing("authorization"))
        );
        let given = basic("tidings:");
        let nobody = check(&json!({}), &[("authorization", &given)], event);
        assert_eq!(nobody, Err(Refused::NoSecret));
        let update = split(Bytes::from_static(event)).unwrap();
        assert!(
            update[0]
                .bytes
                .starts_with(b"{\"postmark\":{\"RecordType\"")
        );
    }
}
