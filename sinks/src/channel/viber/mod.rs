//! Viber's bot API (<https://developers.viber.com/docs/api/rest-bot-api/>).
//!
//! `message.platform_conversation_id` is a person's id. A text above 7000 characters takes several calls. Viber takes no
//! idempotency key, so a call that was written and not answered is `Unknown`. The token it gives is what its receipts name.
//!
//! Deliberately absent: broadcasts, rich media, typing indicators, which Viber has none of.

mod answer;
mod request;

use async_trait::async_trait;
use reqwest::{Client, Url};
use schemas::{Outbound, Secret};
use serde_json::{Value, json};

use super::{Account, Failure, Misconfigured, SendOutcome, Sender, Settings, TestReport, http};

const API_BASE: &str = "https://chatapi.viber.com/pa";
/// Shown as the writer, when the channel has no name for it.
const SENDER_NAME: &str = "Support";
/// Characters of it.
const MAX_SENDER_NAME: usize = 28;

pub(super) struct Viber {
    client: Client,
    base: Url,
    token: Secret,
    sender_name: String,
}

impl Viber {
    pub(super) fn new(account: &Account<'_>, settings: &Settings) -> Result<Self, Misconfigured> {
        let sender_name = account.setting_text("sender_name").unwrap_or(SENDER_NAME);
        if sender_name.chars().count() > MAX_SENDER_NAME {
            return Err(Misconfigured::Invalid {
                name: "sender_name",
                problem: "may have 28 characters",
            });
        }
        Ok(Self {
            client: http::client(account.allow_private(settings))?,
            base: account.api_base(API_BASE, settings)?,
            token: Secret::new(account.credential_text("auth_token")?),
            sender_name: sender_name.to_owned(),
        })
    }

    async fn call(
        &self,
        method: &str,
        body: &Value,
    ) -> Result<(Option<String>, Value), SendOutcome> {
        let url = self.base.join(method).map_err(|_| {
            SendOutcome::Permanent(Failure::message("request", "no address of Viber"))
        })?;
        let response = self
            .client
            .post(url)
            .header("X-Viber-Auth-Token", self.token.expose())
            .json(body)
            .send()
            .await
            .map_err(|error| http::unanswered(error, false))?;
        let status = response.status();
        let after = http::retry_after(&response);
        let read = http::body(response).await;
        let token = answer::answer(status, after, read.as_deref())?;
        let value = read.and_then(|read| serde_json::from_slice(&read).ok());
        Ok((token, value.unwrap_or_default()))
    }

    async fn send_one(&self, outbound: &Outbound) -> SendOutcome {
        let calls = match request::calls(&outbound.message, &self.sender_name) {
            Ok(calls) => calls,
            Err(failure) => return SendOutcome::Permanent(failure),
        };
        let total = calls.len();
        let mut provider_ids = Vec::new();
        for (done, body) in calls.iter().enumerate() {
            match self.call("send_message", body).await {
                Ok((token, _)) => provider_ids.extend(token),
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
}

#[async_trait]
impl Sender for Viber {
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

    /// Setting the webhook has Viber call it first.
    async fn test(&self, webhook_url: Option<&str>) -> TestReport {
        let account = match self.call("get_account_info", &json!({})).await {
            Ok((_, info)) => info.get("name").and_then(Value::as_str).map(str::to_owned),
            Err(outcome) => return report(&outcome),
        };
        let Some(url) = webhook_url else {
            return TestReport::passed(account, "the token works");
        };
        let body = json!({
            "url": url,
            "event_types": [
                "delivered", "seen", "failed", "subscribed", "unsubscribed", "conversation_started",
            ],
            "send_name": true,
            "send_photo": true,
        });
        match self.call("set_webhook", &body).await {
            Ok(_) => TestReport::passed(account, "the token works and the webhook is set"),
            Err(outcome) => report(&outcome),
        }
    }
}

fn report(outcome: &SendOutcome) -> TestReport {
    match outcome {
        SendOutcome::Accepted { .. } => TestReport::passed(None, "accepted"),
        SendOutcome::RetryAfter { failure, .. }
        | SendOutcome::Permanent(failure)
        | SendOutcome::Unknown(failure) => TestReport::failed(failure),
    }
}

#[cfg(test)]
mod tests;
