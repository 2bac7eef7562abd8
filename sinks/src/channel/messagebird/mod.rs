//! MessageBird: its SMS API (<https://developers.messagebird.com/api/sms-messaging/>) and replies in its Conversations API
//! (<https://developers.messagebird.com/api/conversations/>).
//!
//! A conversation that is a number gets an SMS, one that is an id of the Conversations API a reply there. `reference` is our
//! message's id, but MessageBird does not refuse a second SMS of the same one: a call that was written and not answered is
//! `Unknown`, and so is a message of which only the first parts left.
//!
//! Deliberately absent: telling MessageBird where to deliver, which is set in its dashboard.

mod request;

use std::time::Duration;

use async_trait::async_trait;
use reqwest::{
    Client, Method, StatusCode, Url,
    header::{AUTHORIZATION, HeaderValue},
};
use schemas::{Attachment, Outbound, sms::SmsSize};
use serde::Deserialize;
use serde_json::Value;

use self::request::Place;
use super::{
    Account, Failure, FileAt, Misconfigured, SendOutcome, Sender, Settings, TestReport, guard,
    http, pool::Pool,
};

const API_BASE: &str = "https://rest.messagebird.com";
const CONVERSATIONS_BASE: &str = "https://conversations.messagebird.com";

pub(super) struct MessageBird {
    client: Client,
    base: Url,
    conversations: Url,
    authorization: HeaderValue,
    pool: Pool,
    report_url: Option<String>,
}

impl MessageBird {
    pub(super) fn new(account: &Account<'_>, settings: &Settings) -> Result<Self, Misconfigured> {
        let invalid = |name, problem| Misconfigured::Invalid { name, problem };
        let key = account.credential_text("access_key")?;
        let mut authorization = HeaderValue::from_str(&format!("AccessKey {key}"))
            .map_err(|_| invalid("access_key", "has characters no header may have"))?;
        authorization.set_sensitive(true);
        let allow_private = account.allow_private(settings);
        let base = account.api_base(API_BASE, settings)?;
        // Who plays the one plays the other.
        let conversations = match account.setting_text("conversations_base") {
            Some(given) => {
                let refused = || invalid("conversations_base", "must be a URL of a public host");
                let url = Url::parse(given).map_err(|_| refused())?;
                guard::check(&url, allow_private).map_err(|_| refused())?;
                url
            }
            None if account.setting_text("api_base").is_some() => base.clone(),
            None => account.api_base(CONVERSATIONS_BASE, settings)?,
        };
        Ok(Self {
            client: http::client(allow_private)?,
            base,
            conversations,
            authorization,
            pool: Pool::new(account),
            report_url: account.setting_text("report_url").map(str::to_owned),
        })
    }

    async fn call(
        &self,
        method: Method,
        base: &Url,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, SendOutcome> {
        let url = base.join(path).map_err(|_| {
            SendOutcome::Permanent(Failure::channel("address", "`api_base` takes no path"))
        })?;
        let mut request = self
            .client
            .request(method, url)
            .header(AUTHORIZATION, self.authorization.clone());
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request
            .send()
            .await
            .map_err(|error| http::unanswered(error, false))?;
        let (status, after) = (response.status(), http::retry_after(&response));
        answer(status, after, http::body(response).await.as_deref())
    }

    async fn send_one(&self, outbound: &Outbound) -> SendOutcome {
        let made = request::bodies(outbound, &self.pool, self.report_url.as_deref());
        let (place, bodies) = match made {
            Ok(made) => made,
            Err(failure) => return SendOutcome::Permanent(failure),
        };
        let (base, path) = match place {
            Place::Sms => (&self.base, "messages".to_owned()),
            Place::Conversation(id) => (
                &self.conversations,
                format!("v1/conversations/{id}/messages"),
            ),
        };
        let total = bodies.len();
        let mut provider_ids = Vec::new();
        for (done, body) in bodies.iter().enumerate() {
            match self.call(Method::POST, base, &path, Some(body)).await {
                Ok(answer) => {
                    let id = answer.get("id").and_then(Value::as_str);
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

    /// Whether an address is MessageBird's, which may see the key.
    fn is_own(&self, url: &str) -> bool {
        Url::parse(url).is_ok_and(|url| {
            let host = url.host_str().unwrap_or_default();
            Some(host) == self.base.host_str()
                || url.scheme() == "https" && host.ends_with(".messagebird.com")
        })
    }
}

/// <https://developers.messagebird.com/api/#api-errors>
#[derive(Default, Deserialize)]
struct Trouble {
    errors: Vec<One>,
}

#[derive(Deserialize)]
struct One {
    code: u32,
    #[serde(default)]
    description: String,
}

/// Classes an answer; `body` is `None` when it broke off or was too long.
fn answer(
    status: StatusCode,
    after: Option<Duration>,
    body: Option<&[u8]>,
) -> Result<Value, SendOutcome> {
    let value: Option<Value> = body.and_then(|body| serde_json::from_slice(body).ok());
    if status.is_success() {
        let odd = Failure::message(http::code(status), "an answer that is not MessageBird's");
        return value.ok_or(SendOutcome::Unknown(odd));
    }
    let trouble: Trouble = value
        .and_then(|value| serde_json::from_value(value).ok())
        .unwrap_or_default();
    let first = trouble.errors.first();
    let number = first.map(|one| one.code);
    let said = first.map_or("", |one| &one.description);
    let code = number.map_or_else(
        || http::code(status),
        |number| format!("messagebird-{number}"),
    );
    Err(match (number, status.as_u16()) {
        (_, 429) => SendOutcome::RetryAfter {
            after,
            failure: Failure::channel("http-429", said),
        },
        // Not allowed, not there, out of balance, no such API.
        (Some(2 | 20 | 25 | 98), _) | (None, 401..=404) => {
            SendOutcome::Permanent(Failure::channel(code, said))
        }
        // Their own trouble.
        (Some(99), _) => SendOutcome::Unknown(Failure::message(code, said)),
        (_, 300..=499) => SendOutcome::Permanent(Failure::message(code, said)),
        _ => SendOutcome::Unknown(Failure::message(code, said)),
    })
}

#[async_trait]
impl Sender for MessageBird {
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

    fn sms(&self, outbound: &Outbound) -> Option<SmsSize> {
        request::size(&request::bodies(outbound, &self.pool, None).ok()?)
    }

    /// Reads the balance.
    async fn test(&self, _webhook_url: Option<&str>) -> TestReport {
        match self.call(Method::GET, &self.base, "balance", None).await {
            Ok(_) => TestReport::passed(
                None,
                "the key works; the webhook is set in MessageBird's dashboard",
            ),
            Err(
                SendOutcome::RetryAfter { failure, .. }
                | SendOutcome::Permanent(failure)
                | SendOutcome::Unknown(failure),
            ) => TestReport::failed(&failure),
            Err(SendOutcome::Accepted { .. }) => TestReport::passed(None, "accepted"),
        }
    }

    async fn file(&self, attachment: &Attachment) -> Result<FileAt, Failure> {
        let url = attachment
            .url
            .as_deref()
            .ok_or_else(|| Failure::message("no-address", "the platform gave no address"))?;
        let mut at = FileAt::open(url)?;
        if self.is_own(url) {
            at.headers.insert(AUTHORIZATION, self.authorization.clone());
        }
        Ok(at)
    }
}

#[cfg(test)]
mod tests;
