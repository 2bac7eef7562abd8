//! Amazon SNS, as Amazon SES tells of mail by it: requests signed as of signature version 2, and the certificate they are
//! checked with.
//!
//! Deliberately absent: sending mail, which is SMTP, and subscribing.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::{rand::SystemRandom, signature::RSA_PKCS1_SHA256};
use serde_json::{Map, Value};

use crate::gmail::key;

/// Of the key that signs this fake's requests; nothing else trusts it.
pub const CERTIFICATE: &str = include_str!("ses/certificate.pem");
/// A topic.
pub const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:mail";
/// Where SNS has the certificate, below its host.
pub const CERTIFICATE_PATH: &str =
    "/SimpleNotificationService-9c6465fa7f48f5cacd23014631ec1136.pem";
const HOST: &str = "https://sns.eu-west-1.amazonaws.com";
const AT: &str = "2025-01-08T10:30:00.000Z";

/// A notification of something that was published.
#[must_use]
pub fn notification(id: &str, message: &str) -> String {
    signed(&[
        ("Message", message),
        ("MessageId", id),
        ("Subject", "Amazon SES Email Event Notification"),
        ("Timestamp", AT),
        ("TopicArn", TOPIC),
        ("Type", "Notification"),
    ])
}

/// The question whether a subscription is wanted.
#[must_use]
pub fn confirmation(token: &str) -> String {
    let url = format!("{HOST}/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token={token}");
    signed(&[
        ("Message", "You have chosen to subscribe."),
        ("MessageId", "165545c9-2a5c-472c-8df2-7ff2be2b3b1b"),
        ("SubscribeURL", &url),
        ("Timestamp", AT),
        ("Token", token),
        ("TopicArn", TOPIC),
        ("Type", "SubscriptionConfirmation"),
    ])
}

/// The fields, which are in order, with their signature.
fn signed(fields: &[(&str, &str)]) -> String {
    let text: String = fields
        .iter()
        .map(|(name, value)| format!("{name}\n{value}\n"))
        .collect();
    let key = key();
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(
        &RSA_PKCS1_SHA256,
        &SystemRandom::new(),
        text.as_bytes(),
        &mut signature,
    )
    .expect("a key of 2048 bits signs");
    let mut body: Map<String, Value> = fields
        .iter()
        .map(|(name, value)| ((*name).to_owned(), Value::from(*value)))
        .collect();
    let more = [
        ("SignatureVersion", "2".to_owned()),
        ("Signature", STANDARD.encode(signature)),
        ("SigningCertURL", format!("{HOST}{CERTIFICATE_PATH}")),
    ];
    body.extend(more.map(|(name, value)| (name.to_owned(), Value::from(value))));
    Value::Object(body).to_string()
}
