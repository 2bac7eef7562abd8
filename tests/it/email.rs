//! A mail in, understood, and answered in its thread.

use hmac::{Hmac, KeyInit, Mac};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::{
    platform::Relay,
    rig::{Hub, until_some},
};

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const MAIL: &str = "From: Ada Lovelace <ada@Example.ORG>\r\nTo: support@example.com\r\n\
    Subject: =?utf-8?q?Wo_ist_mein_Paket=3F?=\r\nMessage-ID: <abc123@example.org>\r\n\
    Date: Fri, 20 Nov 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\n\
    Content-Type: text/plain; charset=utf-8\r\n\r\n\
    Guten Tag, ich warte nun schon seit zwei Wochen auf mein Paket und habe noch nichts geh\u{f6}rt.\r\n";

/// Hands a mail over to a channel as a mail server does, signed with a secret.
pub(crate) async fn hand_over(hub: &Hub, channel: &str, secret: &str, mail: &str) -> Response {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{now}.{mail}").as_bytes());
    let signature: String = mac
        .finalize()
        .into_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    hub.webhook(channel)
        .header("X-Tidings-Timestamp", now)
        .header("X-Tidings-Signature", format!("v1={signature}"))
        .header("Content-Type", "message/rfc822")
        .body(mail.to_owned())
        .send()
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_is_answered_in_its_thread() {
    let hub = Hub::start().await;
    let relay = Relay::start().await;
    let channel = hub
        .channel(
            "email",
            json!({"credentials": {
                "signing_secret": SECRET, "from": "support@example.com",
                "smtp": {"host": "127.0.0.1", "port": relay.port, "tls": "none"}
            }}),
        )
        .await;
    let refused = hand_over(&hub, &channel, "fedcba9876543210fedcba9876543210", MAIL).await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    let accepted = hand_over(&hub, &channel, SECRET, MAIL).await;
    assert_eq!(accepted.status(), StatusCode::OK);
    let accepted: Value = accepted.json().await.unwrap();
    let conversation = accepted["conversation_id"].as_str().unwrap();
    let mail = hub
        .until(
            &format!(
                "/api/v1/messages/{}",
                accepted["message_id"].as_str().unwrap()
            ),
            |row| row["content"].is_string().then(|| row.clone()),
        )
        .await;
    assert_eq!(
        (&mail["subject"], &mail["sender_id"]),
        (&json!("Wo ist mein Paket?"), &json!("ada@example.org"))
    );
    assert_eq!(mail["language"]["code"], "de");

    hub.post(
        "/api/v1/messages/send",
        &json!({"conversation_id": conversation, "content": "Es kommt morgen."}),
    )
    .await;
    let sent = until_some(|| async { relay.mails().pop() }).await.unwrap();
    for line in [
        "To: ",
        "Subject: Re: Wo ist mein Paket?",
        "In-Reply-To: <abc123@example.org>",
        "Es kommt morgen.",
    ] {
        assert!(sent.contains(line), "{line} is missing in {sent}");
    }
    assert_eq!(relay.mails().len(), 1);
    hub.done().await;
}
