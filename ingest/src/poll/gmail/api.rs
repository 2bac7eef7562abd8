//! The calls of the Gmail API that reading needs (<https://developers.google.com/workspace/gmail/api/reference/rest>).
//!
//! Errors are classed here, by status and `reason`
//! (<https://developers.google.com/workspace/gmail/api/guides/handle-errors>).

use egress::{guard, oauth};
use reqwest::{Client, RequestBuilder, Response, Url};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use crate::poll::PollError;

const API_BASE: &str = "https://gmail.googleapis.com";
/// Largest answer that is no mail.
const MAX_ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// One account.
pub(super) struct Api<'a> {
    http: Client,
    base: Url,
    grant: oauth::Grant,
    access: &'a oauth::Access,
    allow_private: bool,
}

/// An answer that is not the one that was asked for.
pub(super) enum Other {
    /// 404.
    NotFound,
    /// Longer than may be taken, or broken off.
    Unread,
    Failed(PollError),
}

impl From<PollError> for Other {
    fn from(error: PollError) -> Self {
        Self::Failed(error)
    }
}

impl Other {
    /// Where neither can be.
    pub(super) fn failed(self) -> PollError {
        match self {
            Self::NotFound => PollError::broken("what should be there is not (404)"),
            Self::Unread => PollError::transient("the answer is too long, or broke off"),
            Self::Failed(error) => error,
        }
    }
}

#[derive(Default, Deserialize)]
struct Refusal {
    #[serde(default)]
    error: Detail,
}

#[derive(Default, Deserialize)]
struct Detail {
    #[serde(default)]
    errors: Vec<Reason>,
    #[serde(default)]
    status: String,
}

#[derive(Default, Deserialize)]
struct Reason {
    #[serde(default)]
    reason: String,
}

impl<'a> Api<'a> {
    pub(super) fn new(
        credentials: &Value,
        settings: &Value,
        access: &'a oauth::Access,
        allow_private: bool,
    ) -> Result<Self, PollError> {
        let text = |from: &Value, name: &str| {
            let text = from.get(name).and_then(Value::as_str);
            text.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let credential = |name| {
            text(credentials, name)
                .ok_or_else(|| PollError::broken(format!("the credential `{name}` is missing")))
        };
        let refused = || PollError::broken("`api_base` must be an address of a public host");
        let base = text(settings, "api_base").unwrap_or_else(|| API_BASE.to_owned());
        let base: Url = format!("{}/gmail/v1/users/me/", base.trim_end_matches('/'))
            .parse()
            .map_err(|_| refused())?;
        guard::check(&base, allow_private).map_err(|_| refused())?;
        Ok(Self {
            http: egress::client(allow_private)
                .map_err(|_| PollError::broken("no TLS can be had here"))?,
            base,
            grant: oauth::Grant {
                token_url: text(settings, "token_url").unwrap_or_else(|| oauth::GOOGLE.to_owned()),
                client_id: credential("client_id")?,
                client_secret: credential("client_secret")?,
                refresh_token: credential("refresh_token")?,
            },
            access,
            allow_private,
        })
    }

    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
        max_bytes: usize,
    ) -> Result<T, Other> {
        let mut url = self.url(path)?;
        url.query_pairs_mut().extend_pairs(query);
        self.call(|http| http.get(url.clone()), max_bytes).await
    }

    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &Value,
    ) -> Result<T, Other> {
        let url = self.url(path)?;
        self.call(|http| http.post(url.clone()).json(body), MAX_ANSWER_BYTES)
            .await
    }

    fn url(&self, path: &str) -> Result<Url, PollError> {
        self.base
            .join(path)
            .map_err(|_| PollError::transient("an id that stands in no address"))
    }

    /// With a token; once more with a new one when it is refused.
    async fn call<T: DeserializeOwned>(
        &self,
        request: impl Fn(&Client) -> RequestBuilder,
        max_bytes: usize,
    ) -> Result<T, Other> {
        let mut again = true;
        loop {
            let token = self
                .access
                .token(&self.http, &self.grant, self.allow_private)
                .await
                .map_err(PollError::from)?;
            let answer = request(&self.http)
                .bearer_auth(token)
                .send()
                .await
                .map_err(|_| PollError::transient("Gmail does not answer"))?;
            let status = answer.status().as_u16();
            if status == 401 {
                self.access.forget().await;
                if std::mem::replace(&mut again, false) {
                    continue;
                }
                return Err(PollError::broken("the account's access is refused (401)").into());
            }
            if status == 404 {
                return Err(Other::NotFound);
            }
            if !answer.status().is_success() {
                return Err(refused(answer).await.into());
            }
            let max_bytes = max_bytes.max(MAX_ANSWER_BYTES);
            let body = egress::body_within(answer, max_bytes)
                .await
                .ok_or(Other::Unread)?;
            return serde_json::from_slice(&body).map_err(|_| {
                Other::Failed(PollError::transient("Gmail's answer is not understood"))
            });
        }
    }
}

async fn refused(answer: Response) -> PollError {
    let status = answer.status().as_u16();
    let after = egress::retry_after(&answer);
    let body = egress::body(answer).await.unwrap_or_default();
    let refusal: Refusal = serde_json::from_slice(&body).unwrap_or_default();
    let reason = refusal
        .error
        .errors
        .into_iter()
        .next()
        .map_or(refusal.error.status, |first| first.reason);
    // A word of theirs, not a text.
    let reason: String = reason
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(40)
        .collect();
    let said = format!("Gmail refuses ({status} {reason})");
    let limits = [
        "rateLimitExceeded",
        "userRateLimitExceeded",
        "dailyLimitExceeded",
        "quotaExceeded",
    ];
    match status {
        403 if limits.contains(&reason.as_str()) => PollError::later(said, after),
        // The account has no mail, or the scope is missing.
        400 if reason == "failedPrecondition" => PollError::broken(said),
        403 => PollError::broken(said),
        _ => PollError::later(said, after),
    }
}
