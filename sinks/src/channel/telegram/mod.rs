//! Telegram Bot API (<https://core.telegram.org/bots/api>).
//!
//! `message.platform_conversation_id` is `<chat>` or `<chat>:<thread>`. A text above 4096 UTF-16 units
//! is split on word borders into several calls; the key of the first call's message is
//! the provider's id.
//! Telegram takes no idempotency key, so a call that was written and not answered is `Unknown`, and
//! so is a message of which only the first parts left.
//!
//! Deliberately absent: uploads (attachments go by URL or by Telegram's own `file_id`), formatting
//! modes, and waiting: a 429 is handed to the caller with Telegram's own `retry_after`.

mod call;
mod request;

use async_trait::async_trait;
use reqwest::{Client, Url};
use schemas::{Outbound, Secret, keys::telegram::message_key};
use serde_json::{Value, json};

use self::call::{Answer, answer};
use super::{
    Account, Failure, Misconfigured, SendOutcome, Sender, Settings, TestReport, guard, http,
};

const API_BASE: &str = "https://api.telegram.org";

pub(super) struct Telegram {
    client: Client,
    /// `<api_base>/bot<token>/`: holds the token, so it is never printed.
    base: Secret,
    secret_token: Option<Secret>,
}

impl Telegram {
    pub(super) fn new(account: &Account<'_>, settings: &Settings) -> Result<Self, Misconfigured> {
        let allow_private = settings.allow_private_urls || account.setting_flag("allow_private");
        let token = account.credential_text("bot_token")?;
        let form = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'_' | b'-');
        if !token.bytes().all(form) {
            return Err(Misconfigured::Invalid {
                name: "bot_token",
                problem: "is not of the form <digits>:<letters, digits, _ and ->",
            });
        }
        let api_base = account
            .setting("api_base")
            .and_then(Value::as_str)
            .unwrap_or(API_BASE);
        let refused = Misconfigured::Invalid {
            name: "api_base",
            problem: "must be an http or https URL of a public host",
        };
        let url = Url::parse(api_base).map_err(|_| refused.clone())?;
        guard::check(&url, allow_private).map_err(|_| refused)?;
        let base = format!("{}/bot{token}/", api_base.trim_end_matches('/'));
        Ok(Self {
            client: http::client(allow_private)?,
            base: Secret::new(base),
            secret_token: account
                .credential("secret_token")
                .and_then(Value::as_str)
                .map(Secret::new),
        })
    }

    async fn call(&self, method: &str, body: &Value) -> Result<Value, SendOutcome> {
        let url = format!("{}{method}", self.base.expose());
        let response = self
            .client
            .post(url)
            .json(body)
            .send()
            .await
            .map_err(|error| http::unanswered(error, false))?;
        let status = response.status();
        let after = http::retry_after(&response);
        match answer(status, after, http::body(response).await.as_deref()) {
            Answer::Result(result) => Ok(result),
            Answer::Outcome(outcome) => Err(outcome),
        }
    }

    async fn send_one(&self, outbound: &Outbound) -> SendOutcome {
        let calls = match request::calls(&outbound.message) {
            Ok(calls) => calls,
            Err(failure) => return SendOutcome::Permanent(failure),
        };
        let total = calls.len();
        let mut provider_ids = Vec::new();
        for (done, call) in calls.into_iter().enumerate() {
            match self.call(call.method, &call.body).await {
                Ok(result) => provider_ids.extend(own_id(&result)),
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

    async fn set_webhook(&self, url: &str) -> Result<(), SendOutcome> {
        let mut body = json!({
            "url": url,
            "allowed_updates": [
                "message", "edited_message", "channel_post", "edited_channel_post", "callback_query",
            ],
        });
        if let (Some(secret), Some(fields)) = (&self.secret_token, body.as_object_mut()) {
            fields.insert("secret_token".into(), secret.expose().into());
        }
        self.call("setWebhook", &body).await.map(drop)
    }
}

#[async_trait]
impl Sender for Telegram {
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
        let me = match self.call("getMe", &json!({})).await {
            Ok(me) => me,
            Err(outcome) => return report(&outcome),
        };
        let account = me
            .get("username")
            .and_then(Value::as_str)
            .map(|name| format!("@{name}"));
        let Some(url) = webhook_url else {
            return TestReport::passed(account, "the bot token works");
        };
        if self.secret_token.is_none() {
            // Without it the webhook would refuse every update.
            return TestReport::failed(&Failure::channel(
                "secret-token",
                "`secret_token` is missing",
            ));
        }
        match self.set_webhook(url).await {
            Ok(()) => TestReport::passed(account, "the bot token works and the webhook is set"),
            Err(outcome) => report(&outcome),
        }
    }
}

/// The key under which a reply to the message will name it.
fn own_id(result: &Value) -> Option<String> {
    let number = |path: &str| result.pointer(path).and_then(Value::as_i64);
    Some(message_key(number("/chat/id")?, number("/message_id")?))
}

fn report(outcome: &SendOutcome) -> TestReport {
    match outcome {
        SendOutcome::Accepted { .. } => TestReport::passed(None, "accepted"),
        SendOutcome::RetryAfter { failure, .. }
        | SendOutcome::Permanent(failure)
        | SendOutcome::Unknown(failure) => TestReport::failed(failure),
    }
}
