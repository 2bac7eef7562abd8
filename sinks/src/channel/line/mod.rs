//! LINE Messaging API (<https://developers.line.biz/en/reference/messaging-api/>).
//!
//! `message.platform_conversation_id` is a user, a group or a room. Messages are pushed, up to five message objects a call; the
//! retry key of the first call is the message's id and those of the others are derived from it, so sending again is
//! harmless for the 24 hours LINE remembers them. The ids LINE gives are those that later messages quote.
//!
//! Deliberately absent: reply tokens, which live for a minute; LINE Flex messages; receipts, which LINE has none of.

mod answer;
mod request;

use async_trait::async_trait;
use reqwest::{Client, Method, StatusCode, Url};
use schemas::{Attachment, Outbound, Secret};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Account, Failure, FileAt, Misconfigured, SendOutcome, Sender, Settings, TestReport, http,
};

const API_BASE: &str = "https://api.line.me";
/// Where files lie.
const DATA_BASE: &str = "https://api-data.line.me";

pub(super) struct Line {
    client: Client,
    base: Url,
    data_base: Url,
    token: Secret,
    has_secret: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Info {
    basic_id: Option<String>,
    display_name: Option<String>,
}

#[derive(Deserialize)]
struct Endpoint {
    active: bool,
}

#[derive(Deserialize)]
struct Trial {
    success: bool,
    #[serde(default)]
    reason: String,
}

impl Line {
    pub(super) fn new(account: &Account<'_>, settings: &Settings) -> Result<Self, Misconfigured> {
        let base = account.api_base(API_BASE, settings)?;
        // Who plays LINE plays all of it.
        let data_base = if account.setting_text("api_base").is_some() {
            base.clone()
        } else {
            account.api_base(DATA_BASE, settings)?
        };
        Ok(Self {
            client: http::client(account.allow_private(settings))?,
            base,
            data_base,
            token: Secret::new(account.credential_text("access_token")?),
            has_secret: account.credential_text("channel_secret").is_ok(),
        })
    }

    /// A call without a message in it; its answer as JSON.
    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(StatusCode, Vec<u8>), SendOutcome> {
        let url = self.at(&self.base, path)?;
        let mut request = self
            .client
            .request(method, url)
            .bearer_auth(self.token.expose());
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request
            .send()
            .await
            .map_err(|error| http::unanswered(error, true))?;
        let status = response.status();
        let after = http::retry_after(&response);
        let read = http::body(response).await;
        answer::answer(status, after, read.as_deref())?;
        Ok((status, read.map(Into::into).unwrap_or_default()))
    }

    fn at(&self, base: &Url, path: &str) -> Result<Url, SendOutcome> {
        base.join(path)
            .map_err(|_| SendOutcome::Permanent(Failure::message("request", "no address of LINE")))
    }

    async fn push(&self, key: Uuid, body: &Value) -> Result<Vec<String>, SendOutcome> {
        let response = self
            .client
            .post(self.at(&self.base, "v2/bot/message/push")?)
            .bearer_auth(self.token.expose())
            .header("X-Line-Retry-Key", key.to_string())
            .json(body)
            .send()
            .await
            .map_err(|error| http::unanswered(error, true))?;
        let status = response.status();
        let after = http::retry_after(&response);
        answer::answer(status, after, http::body(response).await.as_deref())
    }

    async fn send_one(&self, outbound: &Outbound) -> SendOutcome {
        let pushes = match request::pushes(&outbound.message) {
            Ok(pushes) => pushes,
            Err(failure) => return SendOutcome::Permanent(failure),
        };
        let id = outbound.message.id.0;
        let total = pushes.len();
        let mut provider_ids = Vec::new();
        for (done, body) in pushes.iter().enumerate() {
            let key = match done {
                0 => id,
                n => Uuid::new_v5(&id, format!("line/push/{n}").as_bytes()),
            };
            match self.push(key, body).await {
                Ok(ids) => provider_ids.extend(ids),
                Err(SendOutcome::Permanent(failure)) if done > 0 => {
                    let detail = format!("{done} of {total} calls left; {}", failure.detail);
                    return SendOutcome::Permanent(Failure::message("partial", detail));
                }
                // What left is not sent again: LINE knows its keys.
                Err(outcome) => return outcome,
            }
        }
        SendOutcome::Accepted { provider_ids }
    }

    /// Tells LINE where to deliver, and has it try.
    async fn register(&self, url: &str) -> Result<String, SendOutcome> {
        const ENDPOINT: &str = "v2/bot/channel/webhook/endpoint";
        let body = json!({ "endpoint": url });
        self.call(Method::PUT, ENDPOINT, Some(&body)).await?;
        let (_, endpoint) = self.call(Method::GET, ENDPOINT, None).await?;
        let (_, trial) = self
            .call(
                Method::POST,
                "v2/bot/channel/webhook/test",
                Some(&json!({})),
            )
            .await?;
        let is_on = serde_json::from_slice::<Endpoint>(&endpoint).is_ok_and(|end| end.active);
        let trial: Trial = serde_json::from_slice(&trial).unwrap_or(Trial {
            success: false,
            reason: "no answer that could be read".into(),
        });
        let refused =
            |code, detail: String| Err(SendOutcome::Permanent(Failure::channel(code, detail)));
        if !trial.success {
            return refused("webhook", format!("LINE cannot reach it: {}", trial.reason));
        }
        if !is_on {
            let detail = "the webhook is set; switch on \"Use webhook\" in LINE's console";
            return refused("webhook-off", detail.to_owned());
        }
        Ok("the access token works and the webhook is set and answers".to_owned())
    }
}

#[async_trait]
impl Sender for Line {
    async fn send(&self, batch: &[&Outbound]) -> Vec<SendOutcome> {
        let mut outcomes = Vec::with_capacity(batch.len());
        for outbound in batch {
            outcomes.push(self.send_one(outbound).await);
        }
        outcomes
    }

    fn is_idempotent(&self) -> bool {
        true
    }

    async fn test(&self, webhook_url: Option<&str>) -> TestReport {
        let info = match self.call(Method::GET, "v2/bot/info", None).await {
            Ok((_, info)) => serde_json::from_slice::<Info>(&info).ok(),
            Err(outcome) => return report(&outcome),
        };
        let account = info.and_then(|info| info.basic_id.or(info.display_name));
        if !self.has_secret {
            // Without it the webhook would refuse every event.
            let missing = Failure::channel("channel-secret", "`channel_secret` is missing");
            return TestReport::failed(&missing);
        }
        match webhook_url {
            None => TestReport::passed(account, "the access token works"),
            Some(url) => match self.register(url).await {
                Ok(said) => TestReport::passed(account, said),
                Err(outcome) => report(&outcome),
            },
        }
    }

    /// Twenty seconds of dots, in chats with one person only.
    async fn typing(&self, conversation: &str, _last: Option<&str>) -> Result<(), Failure> {
        if !conversation.starts_with('U') {
            return Ok(());
        }
        let body = request::loading(conversation);
        match self
            .call(Method::POST, "v2/bot/chat/loading/start", Some(&body))
            .await
        {
            Ok(_) => Ok(()),
            Err(outcome) => Err(failure(outcome)),
        }
    }

    async fn file(&self, attachment: &Attachment) -> Result<FileAt, Failure> {
        if let Some(url) = &attachment.url {
            return FileAt::open(url);
        }
        let id = attachment
            .platform_id
            .as_deref()
            .filter(|id| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        match id {
            Some(id) if attachment.kind != "sticker" => {
                let path = format!("v2/bot/message/{id}/content");
                let url = self.at(&self.data_base, &path).map_err(failure)?;
                FileAt::with(url.as_str(), &format!("Bearer {}", self.token.expose()))
            }
            _ => Err(Failure::message("no-address", "LINE keeps no file of it")),
        }
    }
}

fn failure(outcome: SendOutcome) -> Failure {
    match outcome {
        SendOutcome::RetryAfter { failure, .. }
        | SendOutcome::Permanent(failure)
        | SendOutcome::Unknown(failure) => failure,
        SendOutcome::Accepted { .. } => Failure::message("accepted", "it was accepted"),
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
