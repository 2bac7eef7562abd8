//! Vonage's Messages API (<https://developer.vonage.com/en/api/messages-olympus>).
//!
//! A conversation is a number (SMS), or a channel and an address (`whatsapp:4477…`). Calls carry a JSON Web Token of the
//! application (RS256), or the account's key where there is none. Vonage takes no idempotency key: a call that was
//! written and not answered is `Unknown`, and so is a message of which only the first parts left.
//!
//! Deliberately absent: outbound calls; telling Vonage where to deliver, which is set in its dashboard.

mod request;

use std::time::Duration;

use async_trait::async_trait;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use reqwest::{Client, Method, StatusCode, Url};
use schemas::{Attachment, Outbound, Secret, Timestamp, sms::SmsSize};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Account, Failure, FileAt, Misconfigured, SendOutcome, Sender, Settings, TestReport, http,
    pool::Pool,
};

const API_BASE: &str = "https://api.nexmo.com";
/// How long a token is good for, in seconds.
const TOKEN_S: i64 = 300;

pub(super) struct Vonage {
    client: Client,
    base: Url,
    key: Key,
    pool: Pool,
    usual: String,
}

/// What calls are signed with.
enum Key {
    Application { id: String, key: EncodingKey },
    Account { key: String, secret: Secret },
}

impl Vonage {
    pub(super) fn new(account: &Account<'_>, settings: &Settings) -> Result<Self, Misconfigured> {
        let key = match account.credential_text("application_id") {
            Ok(id) => Key::Application {
                id: id.to_owned(),
                key: EncodingKey::from_rsa_pem(account.credential_text("private_key")?.as_bytes())
                    .map_err(|_| Misconfigured::Invalid {
                        name: "private_key",
                        problem: "is no RSA key in PEM",
                    })?,
            },
            Err(_) => Key::Account {
                key: account.credential_text("api_key")?.to_owned(),
                secret: Secret::new(account.credential_text("api_secret")?),
            },
        };
        Ok(Self {
            client: http::client(account.allow_private(settings))?,
            base: account.api_base(API_BASE, settings)?,
            key,
            pool: Pool::new(account),
            usual: account.setting_text("channel").unwrap_or("sms").to_owned(),
        })
    }

    fn token(&self) -> Result<Option<String>, Failure> {
        let Key::Application { id, key } = &self.key else {
            return Ok(None);
        };
        let now = Timestamp::now().0.div_euclid(1_000_000);
        let claims = json!({
            "application_id": id, "iat": now, "exp": now + TOKEN_S, "jti": Uuid::new_v4(),
        });
        encode(&Header::new(Algorithm::RS256), &claims, key)
            .map(Some)
            .map_err(|_| Failure::channel("credentials", "the private key does not sign"))
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, SendOutcome> {
        let url = self.base.join(path).map_err(|_| {
            SendOutcome::Permanent(Failure::channel("address", "`api_base` takes no path"))
        })?;
        let mut request = self.client.request(method, url);
        request = match (self.token().map_err(SendOutcome::Permanent)?, &self.key) {
            (Some(token), _) => request.bearer_auth(token),
            (None, Key::Account { key, secret }) => request.basic_auth(key, Some(secret.expose())),
            (None, Key::Application { .. }) => request,
        };
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
        let bodies = match request::bodies(outbound, &self.pool, &self.usual) {
            Ok(bodies) => bodies,
            Err(failure) => return SendOutcome::Permanent(failure),
        };
        let total = bodies.len();
        let mut provider_ids = Vec::new();
        for (done, body) in bodies.iter().enumerate() {
            match self.call(Method::POST, "v1/messages", Some(body)).await {
                Ok(answer) => {
                    let id = answer.get("message_uuid").and_then(Value::as_str);
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

    /// Whether an address is Vonage's, which may see a token.
    fn is_own(&self, url: &str) -> bool {
        Url::parse(url).is_ok_and(|url| {
            let host = url.host_str().unwrap_or_default();
            Some(host) == self.base.host_str()
                || url.scheme() == "https"
                    && [".nexmo.com", ".vonage.com"]
                        .iter()
                        .any(|end| host.ends_with(end))
        })
    }
}

/// An error as RFC 7807 has it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Trouble {
    title: String,
    detail: String,
}

/// Classes an answer; `body` is `None` when it broke off or was too long.
fn answer(
    status: StatusCode,
    after: Option<Duration>,
    body: Option<&[u8]>,
) -> Result<Value, SendOutcome> {
    let code = http::code(status);
    let value: Option<Value> = body.and_then(|body| serde_json::from_slice(body).ok());
    if status.is_success() {
        let odd = Failure::message(code, "an answer that is not Vonage's");
        return value.ok_or(SendOutcome::Unknown(odd));
    }
    let trouble: Trouble = value
        .and_then(|value| serde_json::from_value(value).ok())
        .unwrap_or_default();
    let said = format!("{} {}", trouble.title, trouble.detail);
    let said = said.trim();
    Err(match status.as_u16() {
        429 => SendOutcome::RetryAfter {
            after,
            failure: Failure::channel(code, said),
        },
        // Not known to them, out of money, not allowed.
        401..=404 => SendOutcome::Permanent(Failure::channel(code, said)),
        300..=499 => SendOutcome::Permanent(Failure::message(code, said)),
        _ => SendOutcome::Unknown(Failure::message(code, said)),
    })
}

#[async_trait]
impl Sender for Vonage {
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
        request::size(&request::bodies(outbound, &self.pool, &self.usual).ok()?)
    }

    /// Reads the application, or the account's balance where there is none.
    async fn test(&self, _webhook_url: Option<&str>) -> TestReport {
        let path = match &self.key {
            Key::Application { id, .. } => format!("v2/applications/{id}"),
            Key::Account { .. } => "account/get-balance".to_owned(),
        };
        match self.call(Method::GET, &path, None).await {
            Ok(answer) => {
                let name = answer.get("name").and_then(Value::as_str);
                TestReport::passed(
                    name.map(str::to_owned),
                    "the key works; the webhook is set in Vonage's dashboard",
                )
            }
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
        match self.token()? {
            Some(token) if self.is_own(url) => FileAt::with(url, &format!("Bearer {token}")),
            _ => FileAt::open(url),
        }
    }
}

#[cfg(test)]
mod tests;
