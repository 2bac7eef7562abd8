//! WhatsApp Business Platform, Cloud API
//! (<https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/send-messages>).
//!
//! `message.platform_conversation_id` is a number, a business-scoped user id or a group's id; its form says which. Every call
//! carries our message id as `biz_opaque_callback_data`. WhatsApp takes no idempotency key, so a call that was written and not
//! answered is `Unknown`, and so is a message of which only the first parts left.
//!
//! Outside 24 hours from the person's last message WhatsApp takes templates only: `window-closed`.
//! Files of the hub's own are uploaded first, which nobody sees, and go by the id WhatsApp gives them; files of others go by
//! address. Deliberately absent: keeping those ids, which are good for 30 days, for a second message.

mod request;
mod upload;

use async_trait::async_trait;
use schemas::{Attachment, Outbound, Secret};
use serde_json::{Value, json};

use super::{
    Account, Failure, FileAt, Misconfigured, SendOutcome, Sender, Settings, TestReport,
    files::Files,
    meta::{self, Graph, report},
};

pub(super) struct WhatsApp {
    graph: Graph,
    files: Files,
    number: String,
    /// The business account, to subscribe to its events.
    business: Option<String>,
    verify_token: Option<Secret>,
}

impl WhatsApp {
    pub(super) fn new(account: &Account<'_>, settings: &Settings) -> Result<Self, Misconfigured> {
        let number = account.credential_text("phone_number_id")?;
        let business = account
            .setting_text("waba_id")
            .map(|id| meta::id("waba_id", id))
            .transpose()?;
        Ok(Self {
            graph: Graph::new(account, settings, meta::FACEBOOK)?,
            files: account.files(settings),
            number: meta::id("phone_number_id", number)?.to_owned(),
            business: business.map(str::to_owned),
            verify_token: account
                .credential_text("verify_token")
                .ok()
                .map(Secret::new),
        })
    }

    async fn message(&self, body: &Value) -> Result<Value, SendOutcome> {
        self.graph
            .post(&format!("{}/messages", self.number), body)
            .await
    }

    async fn send_one(&self, outbound: &Outbound) -> SendOutcome {
        let message = match self.uploaded(&outbound.message).await {
            Ok(message) => message,
            Err(outcome) => return outcome,
        };
        let calls = match request::calls(&message) {
            Ok(calls) => calls,
            Err(failure) => return SendOutcome::Permanent(failure),
        };
        let total = calls.len();
        let mut provider_ids = Vec::new();
        for (done, call) in calls.iter().enumerate() {
            match self.message(call).await {
                Ok(answer) => {
                    let id = answer.pointer("/messages/0/id").and_then(Value::as_str);
                    provider_ids.extend(id.map(str::to_owned));
                }
                Err(outcome) if done == 0 => return outcome,
                Err(_) => {
                    return SendOutcome::Unknown(Failure::message(
                        "partial",
                        format!("{done} of {total} parts left"),
                    ));
                }
            }
        }
        SendOutcome::Accepted { provider_ids }
    }

    /// Has the account's events sent to the app, and to this address instead of the app's own.
    async fn subscribe(&self, business: &str, url: Option<&str>) -> Result<(), SendOutcome> {
        let body = match (url, &self.verify_token) {
            (Some(url), Some(token)) => {
                json!({"override_callback_uri": url, "verify_token": token.expose()})
            }
            _ => json!({}),
        };
        let edge = format!("{business}/subscribed_apps");
        self.graph.post(&edge, &body).await.map(drop)
    }
}

#[async_trait]
impl Sender for WhatsApp {
    async fn send(&self, batch: &[&Outbound]) -> Vec<SendOutcome> {
        let mut outcomes = Vec::with_capacity(batch.len());
        for outbound in batch {
            outcomes.push(self.send_one(outbound).await);
        }
        outcomes
    }

    fn is_idempotent(&self) -> bool {
        false
    }

    async fn test(&self, webhook_url: Option<&str>) -> TestReport {
        let node = format!(
            "{}?fields=display_phone_number,verified_name,quality_rating",
            self.number
        );
        let number = match self.graph.get(&node).await {
            Ok(number) => number,
            Err(outcome) => return report(&outcome),
        };
        let text = |name: &str| number.get(name).and_then(Value::as_str);
        let account = text("display_phone_number")
            .map(|shown| format!("{shown} {}", text("verified_name").unwrap_or_default()))
            .map(|account| account.trim().to_owned());
        let Some(business) = &self.business else {
            return TestReport::passed(
                account,
                "the token works; set `waba_id` to have the webhook registered",
            );
        };
        match self.subscribe(business, webhook_url).await {
            Ok(()) if webhook_url.is_some() && self.verify_token.is_some() => {
                TestReport::passed(account, "the token works and the webhook is set")
            }
            Ok(()) => TestReport::passed(account, "the token works and the app is subscribed"),
            Err(outcome) => report(&outcome),
        }
    }

    /// WhatsApp shows it to the writer of a message, which is marked read by it.
    async fn typing(&self, _: &str, last: Option<&str>) -> Result<(), Failure> {
        let Some(last) = last else {
            return Ok(());
        };
        let body = json!({
            "messaging_product": "whatsapp", "status": "read", "message_id": last,
            "typing_indicator": { "type": "text" },
        });
        match self.message(&body).await {
            Ok(_) | Err(SendOutcome::Accepted { .. }) => Ok(()),
            Err(
                SendOutcome::RetryAfter { failure, .. }
                | SendOutcome::Permanent(failure)
                | SendOutcome::Unknown(failure),
            ) => Err(failure),
        }
    }

    /// A file's address is good for five minutes, and wants our token.
    async fn file(&self, attachment: &Attachment) -> Result<FileAt, Failure> {
        let missing = || Failure::message("no-address", "the platform gave no address");
        let url = match (&attachment.platform_id, &attachment.url) {
            (Some(id), _) => {
                let id = meta::id("platform_id", id).map_err(|_| missing())?;
                let node = format!("{id}?phone_number_id={}", self.number);
                let file = self
                    .graph
                    .get(&node)
                    .await
                    .map_err(|outcome| match outcome {
                        SendOutcome::Accepted { .. } => missing(),
                        SendOutcome::RetryAfter { failure, .. }
                        | SendOutcome::Permanent(failure)
                        | SendOutcome::Unknown(failure) => failure,
                    })?;
                let url = file.get("url").and_then(Value::as_str);
                url.ok_or_else(missing)?.to_owned()
            }
            (None, Some(url)) => return FileAt::open(url),
            (None, None) => return Err(missing()),
        };
        self.graph.open(&url)
    }
}
