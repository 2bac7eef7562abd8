//! Gmail by its API (<https://developers.google.com/workspace/gmail/api/guides/sending>).
//!
//! The mail is the one that e-mail channels send ([`Writer`]); Gmail is given all of it, and `Bcc` in its header, which Gmail
//! takes out. Gmail keeps our `Message-ID`, by which answers name it.
//!
//! Gmail takes no idempotency key: a call that was written and not answered is `Unknown`. Errors are classed by status and
//! `reason` (<https://developers.google.com/workspace/gmail/api/guides/handle-errors>).
//!
//! An answer lands in the thread of the mail it names, also in the account's own mailbox: Gmail is asked for that mail's thread
//! (<https://developers.google.com/workspace/gmail/api/guides/threads>), and the answer goes without one when it does not say.
//!
//! Deliberately absent: drafts and labels.

use std::time::Duration;

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::URL_SAFE};
use bytes::Bytes;
use egress::oauth::{self, NoToken};
use reqwest::{Client, Method, RequestBuilder, Url, header::CONTENT_TYPE};
use schemas::Outbound;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Account, Failure, Misconfigured, SendOutcome, Sender, Settings, TestReport, guard, http,
    smtp::letter::{Letter, Writer},
};

const API_BASE: &str = "https://gmail.googleapis.com";
/// A larger mail is uploaded instead of standing in JSON.
const MAX_RAW_BYTES: usize = 4 * 1024 * 1024;
/// What a mail may have in all (<https://developers.google.com/workspace/gmail/api/guides/uploads>).
const MAX_BYTES: usize = 35 * 1024 * 1024;
/// How long a limit holds when Gmail does not say.
const LIMITED: Duration = Duration::from_secs(60);

pub(super) struct Gmail {
    client: Client,
    base: Url,
    writer: Writer,
    grant: oauth::Grant,
    access: oauth::Access,
    allow_private: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Refusal {
    error: Detail,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Detail {
    message: String,
    status: String,
    errors: Vec<Reason>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Reason {
    reason: String,
}

/// What a search found.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Found {
    messages: Vec<Mail>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Mail {
    thread_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Profile {
    email_address: String,
}

impl Gmail {
    pub(super) fn new(account: &Account<'_>, settings: &Settings) -> Result<Self, Misconfigured> {
        let allow_private = account.allow_private(settings);
        let token_url = account.setting_text("token_url").unwrap_or(oauth::GOOGLE);
        let refused = || Misconfigured::Invalid {
            name: "token_url",
            problem: "must be an http or https URL of a public host",
        };
        let url = Url::parse(token_url).map_err(|_| refused())?;
        guard::check(&url, allow_private).map_err(|_| refused())?;
        let credential = |name| account.credential_text(name).map(str::to_owned);
        Ok(Self {
            client: http::client(allow_private)?,
            base: account.api_base(API_BASE, settings)?,
            writer: Writer::new(account, settings)?,
            grant: oauth::Grant {
                token_url: token_url.to_owned(),
                client_id: credential("client_id")?,
                client_secret: credential("client_secret")?,
                refresh_token: credential("refresh_token")?,
            },
            access: oauth::Access::default(),
            allow_private,
        })
    }

    /// The body of a call that went well.
    async fn call(
        &self,
        method: Method,
        path: &str,
        fill: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<Vec<u8>, SendOutcome> {
        let url = self.base.join(path).map_err(|_| {
            SendOutcome::Permanent(Failure::channel("api-base", "`api_base` takes no path"))
        })?;
        let mut again = true;
        loop {
            let token = self
                .access
                .token(&self.client, &self.grant, self.allow_private)
                .await
                .map_err(no_token)?;
            let request = self.client.request(method.clone(), url.clone());
            let answer = fill(request)
                .bearer_auth(token)
                .send()
                .await
                .map_err(|error| http::unanswered(error, false))?;
            let status = answer.status().as_u16();
            // Tokens end early when consent changes; a new one tells.
            if status == 401 {
                self.access.forget().await;
                if std::mem::replace(&mut again, false) {
                    continue;
                }
            }
            let (went_well, after) = (answer.status().is_success(), http::retry_after(&answer));
            let body = http::body(answer).await.unwrap_or_default();
            return if went_well {
                Ok(body.to_vec())
            } else {
                Err(refused(status, after, &body))
            };
        }
    }

    /// The thread of a mail in this mailbox, by its `Message-ID`.
    async fn thread(&self, answered: Option<&str>) -> Option<String> {
        let id = answered?.trim_matches(['<', '>']);
        let fits = id.len() <= 250 && id.contains('@') && id.bytes().all(|b| b.is_ascii_graphic());
        if !fits {
            return None;
        }
        let query: String = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("q", &format!("rfc822msgid:{id}"))
            .append_pair("maxResults", "1")
            .finish();
        let path = format!("gmail/v1/users/me/messages?{query}");
        let asked = self.call(Method::GET, &path, |request| request).await;
        let found: Found = serde_json::from_slice(&asked.ok()?).ok()?;
        Some(found.messages.into_iter().next()?.thread_id)
    }

    async fn send_one(&self, outbound: &Outbound) -> SendOutcome {
        let letter = match self.writer.write(outbound).await {
            Ok(letter) => letter,
            Err(outcome) => return outcome,
        };
        let mail = with_bcc(&letter);
        if mail.len() > MAX_BYTES {
            return SendOutcome::Permanent(Failure::message("too-large", "more than 35 MB"));
        }
        let thread = self.thread(outbound.message.in_reply_to.as_deref()).await;
        let mut fields = thread.map_or_else(|| json!({}), |id| json!({ "threadId": id }));
        let sent = if mail.len() <= MAX_RAW_BYTES {
            if let Some(fields) = fields.as_object_mut() {
                fields.insert("raw".into(), URL_SAFE.encode(&mail).into());
            }
            let path = "gmail/v1/users/me/messages/send";
            self.call(Method::POST, path, |request| request.json(&fields))
                .await
        } else {
            let path = "upload/gmail/v1/users/me/messages/send?uploadType=multipart";
            let boundary = format!("tidings-{}", outbound.message.id);
            let kind = format!("multipart/related; boundary={boundary}");
            let body = related(&boundary, &fields, &mail);
            self.call(Method::POST, path, |request| {
                request.header(CONTENT_TYPE, &kind).body(body.clone())
            })
            .await
        };
        match sent {
            Ok(_) => SendOutcome::Accepted {
                provider_ids: vec![letter.message_id],
            },
            Err(outcome) => outcome,
        }
    }
}

/// A mail and what is to be known of it, for an upload
/// (<https://developers.google.com/workspace/gmail/api/guides/uploads#multipart>).
fn related(boundary: &str, fields: &Value, mail: &[u8]) -> Bytes {
    let head = format!(
        "--{boundary}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n{fields}\r\n\
         --{boundary}\r\nContent-Type: message/rfc822\r\n\r\n"
    );
    let end = format!("\r\n--{boundary}--\r\n");
    [head.as_bytes(), mail, end.as_bytes()].concat().into()
}

/// The mail, with those in a `Bcc` whom its header does not name: Gmail has no envelope but the header.
fn with_bcc(letter: &Letter) -> Vec<u8> {
    let end = letter
        .content
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .unwrap_or(letter.content.len());
    let (head, _) = letter.content.split_at(end);
    let head = String::from_utf8_lossy(head).to_lowercase();
    let unnamed: Vec<&str> = letter
        .to
        .iter()
        .map(AsRef::as_ref)
        .filter(|address: &&str| !head.contains(&address.to_lowercase()))
        .collect();
    let mut mail = Vec::with_capacity(letter.content.len() + 256);
    if !unnamed.is_empty() {
        // An address a line, so that none is too long.
        mail.extend_from_slice(format!("Bcc: {}\r\n", unnamed.join(",\r\n ")).as_bytes());
    }
    mail.extend_from_slice(&letter.content);
    mail
}

fn no_token(none: NoToken) -> SendOutcome {
    match none {
        NoToken::Refused(reason) => SendOutcome::Permanent(Failure::channel("oauth", reason)),
        NoToken::Unavailable { reason, after } => SendOutcome::RetryAfter {
            after,
            failure: Failure::channel("oauth", reason),
        },
    }
}

/// What a refusal means.
fn refused(status: u16, after: Option<Duration>, body: &[u8]) -> SendOutcome {
    let Detail {
        message,
        status: word,
        errors,
    } = serde_json::from_slice::<Refusal>(body)
        .unwrap_or_default()
        .error;
    let reason = errors.into_iter().next().map_or(word, |first| first.reason);
    let code = format!("http-{status}");
    let said = format!("{reason}: {message}");
    let limits = [
        "rateLimitExceeded",
        "userRateLimitExceeded",
        "dailyLimitExceeded",
        "quotaExceeded",
        "RESOURCE_EXHAUSTED",
    ];
    let later = |failure| SendOutcome::RetryAfter { after, failure };
    match status {
        429 => limited(after, said),
        403 if limits.contains(&reason.as_str()) => limited(after, said),
        401 | 403 => SendOutcome::Permanent(Failure::channel(code, said)),
        400 if reason.eq_ignore_ascii_case("failedPrecondition")
            || reason == "FAILED_PRECONDITION" =>
        {
            SendOutcome::Permanent(Failure::channel(code, said))
        }
        400 if recipient(&message) => SendOutcome::Permanent(Failure::recipient("address", said)),
        408 | 503 => later(Failure::message(code, said)),
        // The mail may be on its way.
        500.. => SendOutcome::Unknown(Failure::message(code, said)),
        _ => SendOutcome::Permanent(Failure::message(code, said)),
    }
}

fn limited(after: Option<Duration>, said: String) -> SendOutcome {
    SendOutcome::RetryAfter {
        after: after.or(Some(LIMITED)),
        failure: Failure::channel("rate", said),
    }
}

/// Whether Gmail does not take the address written to; it says so in words only.
fn recipient(message: &str) -> bool {
    let message = message.to_lowercase();
    message.contains("invalid to header") || message.contains("recipient address")
}

#[async_trait]
impl Sender for Gmail {
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

    async fn test(&self, _webhook_url: Option<&str>) -> TestReport {
        match self
            .call(Method::GET, "gmail/v1/users/me/profile", |request| request)
            .await
        {
            Ok(body) => match serde_json::from_slice::<Profile>(&body) {
                Ok(profile) => {
                    TestReport::passed(Some(profile.email_address), "the account answers")
                }
                Err(_) => TestReport::failed(&Failure::channel(
                    "answer",
                    "what answers is not the Gmail API",
                )),
            },
            Err(
                SendOutcome::RetryAfter { failure, .. }
                | SendOutcome::Permanent(failure)
                | SendOutcome::Unknown(failure),
            ) => TestReport::failed(&failure),
            Err(SendOutcome::Accepted { .. }) => TestReport::passed(None, "the account answers"),
        }
    }
}

#[cfg(test)]
mod tests;
