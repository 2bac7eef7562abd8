//! Generic channels: the hub's own outgoing webhook.
//!
//! A POST of [`Payload`] as JSON to `credentials.url`, with
//! - `Idempotency-Key`: the message id, the same on every try;
//! - `X-Tidings-Timestamp`: seconds since the epoch;
//! - `X-Tidings-Signature`: `v1=` and the hex HMAC-SHA256 of `<timestamp>.<body>` under
//!   `credentials.signing_secret`, the same scheme as inbound.
//!
//! 2xx is acceptance; a JSON answer may name its own `id` of the message. 408, 429 and 5xx are tried
//! again, which the key makes harmless; anything else is final. Redirects are not followed.

use async_trait::async_trait;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::{Client, StatusCode, Url, header::CONTENT_TYPE};
use schemas::{
    Attachment, Button, ChannelId, Format, MessageId, MessageType, Outbound, Party,
    PlatformTemplate, Secret, Timestamp,
};
use serde::Serialize;
use serde_json::{Map, Value};
use sha2::Sha256;

use super::{
    Account, Failure, Misconfigured, SendOutcome, Sender, Settings, TestReport, guard, http,
};

/// What is posted. Names are those of the inbound `GenericMessage` where they mean the same.
#[derive(Serialize)]
struct Payload<'a> {
    id: MessageId,
    channel: ChannelId,
    conversation: &'a str,
    recipient: &'a Party,
    message_type: MessageType,
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    html: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    #[serde(skip_serializing_if = "Format::is_plain")]
    format: Format,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    attachments: &'a [Attachment],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    buttons: &'a [Button],
    #[serde(skip_serializing_if = "Option::is_none")]
    template: Option<&'a PlatformTemplate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    in_reply_to: Option<&'a str>,
    sent_at: Timestamp,
    #[serde(skip_serializing_if = "Map::is_empty")]
    metadata: &'a Map<String, Value>,
}

pub(super) struct Webhook {
    client: Client,
    url: Url,
    secret: Secret,
}

impl Webhook {
    pub(super) fn new(account: &Account<'_>, settings: &Settings) -> Result<Self, Misconfigured> {
        let allow_private = settings.allow_private_urls || account.setting_flag("allow_private");
        let url = Url::parse(account.credential_text("url")?).map_err(|_| invalid_url())?;
        guard::check(&url, allow_private).map_err(|refused| match refused {
            guard::Forbidden::Form => invalid_url(),
            guard::Forbidden::Private => Misconfigured::Invalid {
                name: "url",
                problem: "must not point to a private or local address",
            },
        })?;
        Ok(Self {
            client: http::client(allow_private)?,
            url,
            secret: Secret::new(account.credential_text("signing_secret")?),
        })
    }

    async fn post(&self, key: &str, body: Vec<u8>) -> SendOutcome {
        let timestamp = (Timestamp::now().0 / 1_000_000).to_string();
        let request = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header("Idempotency-Key", key)
            .header("X-Tidings-Signature", sign(&self.secret, &timestamp, &body))
            .header("X-Tidings-Timestamp", timestamp)
            .body(body);
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => return http::unanswered(error, true),
        };
        let status = response.status();
        if status.is_success() {
            return SendOutcome::Accepted {
                provider_ids: http::body(response)
                    .await
                    .and_then(|body| own_id(&body))
                    .into_iter()
                    .collect(),
            };
        }
        refused(status, http::retry_after(&response))
    }
}

fn invalid_url() -> Misconfigured {
    Misconfigured::Invalid {
        name: "url",
        problem: "must be an http or https URL with a host and without a user",
    }
}

/// What a status other than 2xx means.
fn refused(status: StatusCode, after: Option<std::time::Duration>) -> SendOutcome {
    let code = http::code(status);
    let detail = format!("the webhook answered {status}");
    match status.as_u16() {
        429 | 503 => SendOutcome::RetryAfter {
            after,
            failure: Failure::channel(code, detail),
        },
        408 | 425 | 500.. => SendOutcome::RetryAfter {
            after,
            failure: Failure::message(code, detail),
        },
        401 | 403 | 410 => SendOutcome::Permanent(Failure::channel(code, detail)),
        _ => SendOutcome::Permanent(Failure::message(code, detail)),
    }
}

pub(super) fn sign(secret: &Secret, timestamp: &str, body: &[u8]) -> String {
    use std::fmt::Write;
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes())
        .expect("HMAC takes a key of any length");
    mac.update(timestamp.as_bytes());
    mac.update(b".");
    mac.update(body);
    let mut text = String::from("v1=");
    for byte in mac.finalize().into_bytes() {
        write!(text, "{byte:02x}").expect("writing to a String cannot fail");
    }
    text
}

/// The receiver's own id of the message, when it says one that is worth keeping.
fn own_id(body: &[u8]) -> Option<String> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    let id = match answer.get("id")? {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    (!id.is_empty() && id.len() <= 256).then_some(id)
}

#[async_trait]
impl Sender for Webhook {
    async fn send(&self, batch: &[&Outbound]) -> Vec<SendOutcome> {
        let mut outcomes = Vec::with_capacity(batch.len());
        for outbound in batch {
            let message = &outbound.message;
            let payload = Payload {
                id: message.id,
                channel: outbound.channel,
                conversation: &message.platform_conversation_id,
                recipient: &message.recipient,
                message_type: message.message_type,
                text: &message.content.text,
                html: message.content.html.as_deref(),
                subject: message.subject.as_deref(),
                format: message.content.format,
                attachments: &message.content.attachments,
                buttons: &message.content.buttons,
                template: message.content.template.as_ref(),
                in_reply_to: message.in_reply_to.as_deref(),
                sent_at: message.created_at,
                metadata: &message.metadata,
            };
            outcomes.push(match serde_json::to_vec(&payload) {
                Ok(body) => self.post(&message.id.to_string(), body).await,
                Err(error) => SendOutcome::Permanent(Failure::message("json", error.to_string())),
            });
        }
        outcomes
    }

    fn is_idempotent(&self) -> bool {
        true
    }

    /// Posts `{"type":"tidings.test"}`, signed like everything else; any 2xx passes.
    async fn test(&self, _webhook_url: Option<&str>) -> TestReport {
        let key = format!("test-{}", MessageId::new());
        match self
            .post(&key, br#"{"type":"tidings.test"}"#.to_vec())
            .await
        {
            SendOutcome::Accepted { .. } => {
                TestReport::passed(None, "the webhook took a signed test call")
            }
            SendOutcome::RetryAfter { failure, .. }
            | SendOutcome::Permanent(failure)
            | SendOutcome::Unknown(failure) => TestReport::failed(&failure),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn signature_matches_a_known_value() {
        // echo -n '1700000000.{}' | openssl dgst -sha256 -hmac secret
        assert_eq!(sign(&Secret::new("secret"), "1700000000", b"{}"), SIGNED);
    }

    const SIGNED: &str = "v1=b8569b78799ff9e3cbff0fc2d63a33a2b57f3282abd07c37ae5e8e7d79a5f163";

    #[test]
    fn statuses_are_classed() {
        let class = |status: u16| match refused(
            StatusCode::from_u16(status).unwrap(),
            Some(Duration::from_secs(7)),
        ) {
            SendOutcome::RetryAfter { after, .. } if after == Some(Duration::from_secs(7)) => {
                "retry"
            }
            SendOutcome::Permanent(_) => "permanent",
            _ => "other",
        };
        for status in [408, 429, 500, 502, 503, 504, 599] {
            assert_eq!(class(status), "retry", "{status}");
        }
        for status in [301, 307, 400, 401, 403, 404, 409, 410, 422] {
            assert_eq!(class(status), "permanent", "{status}");
        }
    }

    #[test]
    fn only_a_sensible_id_is_kept() {
        assert_eq!(own_id(br#"{"id":"a1"}"#).as_deref(), Some("a1"));
        assert_eq!(own_id(br#"{"id":7}"#).as_deref(), Some("7"));
        assert_eq!(own_id(br#"{"id":""}"#), None);
        assert_eq!(own_id(br#"{"id":{"x":1}}"#), None);
        assert_eq!(own_id(b"ok"), None);
    }
}
