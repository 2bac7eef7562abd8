//! Twilio's Messages API (<https://www.twilio.com/docs/messaging/api/message-resource>): SMS, MMS, WhatsApp and RCS.
//!
//! The address says the channel: `+49…` is SMS, `whatsapp:+49…` WhatsApp. A long text leaves in several messages of at most
//! 1600 characters; formatting is WhatsApp's own or none; buttons are listed as text. Twilio takes no idempotency key, so a
//! call that was written and not answered is `Unknown`, and so is a message of which only the first parts left.
//!
//! Files are fetched with the account's key from Twilio's own hosts alone: an address elsewhere never sees it.
//!
//! Deliberately absent: outbound calls, and messages scheduled at Twilio.

mod call;
mod number;
mod request;

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::{Client, Method, Url, header::CONTENT_TYPE};
use schemas::{Attachment, Outbound, Secret, sms::SmsSize};
use serde_json::Value;

use self::request::{Form, Origin, encode, forms};
use super::{
    Account, Failure, FileAt, Misconfigured, SendOutcome, Sender, Settings, TestReport, http,
    pool::Pool,
};

const API_BASE: &str = "https://api.twilio.com";

pub(super) struct Twilio {
    client: Client,
    /// `<api_base>/2010-04-01/Accounts/<sid>`.
    account: String,
    host: String,
    user: String,
    password: Secret,
    origin: Origin,
    voice: bool,
}

impl Twilio {
    pub(super) fn new(account: &Account<'_>, settings: &Settings) -> Result<Self, Misconfigured> {
        let sid = account.credential_text("account_sid")?;
        if !sid.starts_with("AC") || !sid.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(Misconfigured::Invalid {
                name: "account_sid",
                problem: "must be `AC` and letters and digits",
            });
        }
        let (user, password) = match account.credential_text("api_key") {
            Ok(key) => (key, account.credential_text("api_secret")?),
            Err(_) => (sid, account.credential_text("auth_token")?),
        };
        let base = account.api_base(API_BASE, settings)?;
        Ok(Self {
            client: http::client(account.allow_private(settings))?,
            account: format!("{base}2010-04-01/Accounts/{sid}"),
            host: base.host_str().unwrap_or_default().to_owned(),
            user: user.to_owned(),
            password: Secret::new(password),
            origin: Origin {
                pool: Pool::new(account),
                service: account
                    .setting_text("messaging_service_sid")
                    .map(str::to_owned),
                status_callback: account.setting_text("status_callback").map(str::to_owned),
            },
            voice: account.setting("voice").is_some_and(Value::is_object),
        })
    }

    /// Calls `<account><path>`; a form makes it a POST.
    async fn call(&self, path: &str, form: Option<&Form>) -> Result<Value, SendOutcome> {
        let method = form.map_or(Method::GET, |_| Method::POST);
        let mut request = self
            .client
            .request(method, format!("{}{path}", self.account))
            .basic_auth(&self.user, Some(self.password.expose()));
        if let Some(form) = form {
            request = request
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(encode(form));
        }
        let response = request
            .send()
            .await
            .map_err(|error| http::unanswered(error, false))?;
        let (status, after) = (response.status(), http::retry_after(&response));
        call::answer(status, after, http::body(response).await.as_deref())
    }

    async fn send_one(&self, outbound: &Outbound) -> SendOutcome {
        let forms = match forms(outbound, &self.origin) {
            Ok(forms) => forms,
            Err(failure) => return SendOutcome::Permanent(failure),
        };
        let total = forms.len();
        let mut provider_ids = Vec::new();
        for (done, form) in forms.iter().enumerate() {
            match self.call("/Messages.json", Some(form)).await {
                Ok(answer) => {
                    let sid = answer.get("sid").and_then(Value::as_str);
                    provider_ids.extend(sid.map(str::to_owned));
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
}

#[async_trait]
impl Sender for Twilio {
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
        request::size(&forms(outbound, &self.origin).ok()?)
    }

    async fn test(&self, webhook_url: Option<&str>) -> TestReport {
        let account = match self.call(".json", None).await {
            Ok(account) => account,
            Err(outcome) => return report(&outcome),
        };
        let text = |name: &str| account.get(name).and_then(Value::as_str);
        let name = text("friendly_name").map(str::to_owned);
        if let Some(status) = text("status").filter(|status| *status != "active") {
            return TestReport::failed(&Failure::channel(
                "account",
                format!("the account is {status}"),
            ));
        }
        let Some(url) = webhook_url else {
            return TestReport::passed(name, "the account can be used");
        };
        match self.register(url).await {
            Ok(done) => TestReport::passed(name, done),
            Err(outcome) => report(&outcome),
        }
    }

    async fn file(&self, attachment: &Attachment) -> Result<FileAt, Failure> {
        let url = attachment
            .url
            .as_deref()
            .ok_or_else(|| Failure::message("no-address", "the platform gave no address"))?;
        if !self.is_own(url) {
            return FileAt::open(url);
        }
        let key = STANDARD.encode(format!("{}:{}", self.user, self.password.expose()));
        FileAt::with(url, &format!("Basic {key}"))
    }
}

impl Twilio {
    /// Whether an address is Twilio's, which may see the account's key.
    fn is_own(&self, url: &str) -> bool {
        Url::parse(url).is_ok_and(|url| {
            let host = url.host_str().unwrap_or_default();
            host == self.host
                || url.scheme() == "https"
                    && (host == "twilio.com" || host.ends_with(".twilio.com"))
        })
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
