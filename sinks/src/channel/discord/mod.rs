//! Discord's API (<https://docs.discord.com/developers/reference>).
//!
//! `message.platform_conversation_id` is a channel's id, or `user:<id>`, with whom a direct message is opened first. The
//! provider's id is the message's, as replies and reactions name it. A text above 2,000 characters goes in several posts,
//! pictures and buttons with the last. Nobody is notified by what a text mentions unless `metadata.allowed_mentions`, in
//! Discord's own form, says so; `unfurl`: false shows nothing of links, `silent`: true makes no noise. `reply_via` of the
//! interaction that is answered holds its token: for fifteen minutes the answer goes by it, also where the bot is not, and
//! seen by the person alone with `ephemeral`; after that to the channel.
//!
//! Discord knows a post again by its nonce "in the past few minutes": in the first two a call that was not answered is tried
//! again, later it is `Unknown`. Answers to interactions have no nonce.
//!
//! Files of the hub's own are uploaded, ten a post, with the last text. Pictures of others are shown, their other files are
//! links.
//!
//! Deliberately absent: fetching files of others, and the gateway, which `ingest` listens to.

mod call;
mod request;

use std::time::Duration;

use async_trait::async_trait;
use reqwest::{Client, Method, Url};
use schemas::{Attachment, Message, Outbound, Secret, Timestamp};
use serde_json::{Value, json};

use self::{
    call::{Answer, answer},
    request::{Place, Post, is_id},
};
use super::{
    Account, Failure, FileAt, Misconfigured, Opened, SendOutcome, Sender, Settings, TestReport,
    files::{Files, OwnFile},
    http,
    upload::Form,
};

const API_BASE: &str = "https://discord.com/api/v10";
/// How long after a message was made Discord surely knows its nonce.
const KNOWN_FOR: Duration = Duration::from_secs(120);
/// Seen by the person alone.
const EPHEMERAL: u64 = 1 << 6;

pub(super) struct Discord {
    client: Client,
    files: Files,
    base: Url,
    token: Secret,
    public_key: Option<String>,
}

/// By what an interaction is answered. The token is a secret while it is worth anything.
struct Via {
    application: String,
    token: Secret,
}

impl Discord {
    pub(super) fn new(account: &Account<'_>, settings: &Settings) -> Result<Self, Misconfigured> {
        Ok(Self {
            client: http::client(account.allow_private(settings))?,
            files: account.files(settings),
            base: account.api_base(API_BASE, settings)?,
            token: Secret::new(account.credential_text("bot_token")?),
            public_key: account
                .credential_text("public_key")
                .ok()
                .map(str::to_ascii_lowercase),
        })
    }

    /// `again`: the same call once more is harmless.
    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        again: bool,
    ) -> Result<Value, SendOutcome> {
        self.call_with(method, path, body, &[], again).await
    }

    async fn call_with(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        files: &[OwnFile],
        again: bool,
    ) -> Result<Value, SendOutcome> {
        let url = self.base.join(path).map_err(|_| {
            SendOutcome::Permanent(Failure::channel("api-base", "no address to build on"))
        })?;
        let mut request = self.client.request(method, url);
        if !path.starts_with("webhooks/") {
            let key = format!("Bot {}", self.token.expose());
            let mut value = reqwest::header::HeaderValue::from_str(&key).map_err(|_| {
                let detail = "`bot_token` has characters no header may have";
                SendOutcome::Permanent(Failure::channel("credentials", detail))
            })?;
            value.set_sensitive(true);
            request = request.header(reqwest::header::AUTHORIZATION, value);
        }
        let response = match body {
            Some(body) if !files.is_empty() => {
                let mut form = Form::new();
                form.json("payload_json", body);
                for (at, file) in files.iter().enumerate() {
                    form.file(&format!("files[{at}]"), file);
                }
                form.finish().send(request, &self.files, again).await?
            }
            body => {
                if let Some(body) = body {
                    request = request.json(body);
                }
                let sent = request.send().await;
                sent.map_err(|error| http::unanswered(error, again))?
            }
        };
        let (status, after) = (response.status(), http::retry_after(&response));
        let body = http::body(response).await;
        match answer(status, after, body.as_deref(), again) {
            Answer::Result(result) => Ok(result),
            Answer::Outcome(outcome) => Err(outcome),
        }
    }

    async fn send_one(&self, outbound: &Outbound) -> SendOutcome {
        let loaded = match self.files.load(&outbound.message, request::takes).await {
            Ok(loaded) => loaded,
            Err(outcome) => return outcome,
        };
        let message = &loaded.message;
        let planned = request::place(&message.platform_conversation_id)
            .and_then(|place| Ok((place, request::posts(message, &loaded.own)?)));
        let (place, posts) = match planned {
            Ok(planned) => planned,
            Err(failure) => return SendOutcome::Permanent(failure),
        };
        if let Some(via) = via(message) {
            match self.answer(message, &via, &posts).await {
                outcome if call::is_over(&outcome) => {}
                outcome => return outcome,
            }
        }
        let again = Timestamp::now().since(message.created_at) < KNOWN_FOR;
        let channel = match place {
            Place::Channel(id) => id.to_owned(),
            Place::Person(id) => match self.direct(id).await {
                Ok(channel) => channel,
                Err(outcome) => return outcome,
            },
        };
        let path = format!("channels/{channel}/messages");
        self.post_all(&path, posts, again).await
    }

    /// Posts one after the other; ids of what was taken.
    async fn post_all(&self, path: &str, posts: Vec<Post>, again: bool) -> SendOutcome {
        let total = posts.len();
        let mut provider_ids = Vec::new();
        for (done, Post { body, files }) in posts.into_iter().enumerate() {
            let body = Value::from(body);
            let sent = self.call_with(Method::POST, path, Some(&body), &files, again);
            match sent.await {
                Ok(sent) => {
                    let id = sent.get("id").and_then(Value::as_str);
                    provider_ids.extend(id.map(str::to_owned));
                }
                // Those before are known again by their nonces.
                Err(outcome @ SendOutcome::RetryAfter { .. }) if again => return outcome,
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

    /// Answers an interaction
    /// (<https://docs.discord.com/developers/interactions/receiving-and-responding#create-followup-message>).
    async fn answer(&self, message: &Message, via: &Via, posts: &[Post]) -> SendOutcome {
        let whispers = message.metadata.get("ephemeral").and_then(Value::as_bool) == Some(true);
        let posts = posts
            .iter()
            .map(|post| {
                let mut post = post.clone();
                let body = &mut post.body;
                for name in ["nonce", "enforce_nonce", "message_reference"] {
                    body.remove(name);
                }
                let flags = body.get("flags").and_then(Value::as_u64).unwrap_or(0);
                if whispers {
                    body.insert("flags".into(), (flags | EPHEMERAL).into());
                }
                post
            })
            .collect();
        let path = format!("webhooks/{}/{}", via.application, via.token.expose());
        self.post_all(&path, posts, false).await
    }

    /// Opens a direct message, or finds the one there is.
    async fn direct(&self, person: &str) -> Result<String, SendOutcome> {
        let body = json!({ "recipient_id": person });
        let path = "users/@me/channels";
        let opened = self.call(Method::POST, path, Some(&body), true).await?;
        let id = opened.get("id").and_then(Value::as_str);
        id.filter(|id| is_id(id)).map(str::to_owned).ok_or_else(|| {
            SendOutcome::Permanent(Failure::message("channel", "Discord opened none"))
        })
    }

    async fn get(&self, path: &str) -> Result<Value, SendOutcome> {
        self.call(Method::GET, path, None, true).await
    }

    /// Addresses of files end a day after they were given
    /// (<https://docs.discord.com/developers/reference#signed-attachment-cdn-urls>); a new one is asked for.
    async fn fresh(&self, url: &Url) -> Result<Option<String>, Failure> {
        let host = url.host_str().unwrap_or_default();
        let ends = url
            .query_pairs()
            .find(|(name, _)| name == "ex")
            .and_then(|(_, ex)| i64::from_str_radix(&ex, 16).ok());
        let is_over = ends.is_some_and(|ends| ends <= Timestamp::now().0 / 1_000_000);
        if !matches!(host, "cdn.discordapp.com" | "media.discordapp.net") || !is_over {
            return Ok(None);
        }
        let body = json!({ "attachment_urls": [url.as_str()] });
        let path = "attachments/refresh-urls";
        let asked = self.call(Method::POST, path, Some(&body), true).await;
        let answered = asked.map_err(failure)?;
        let fresh = answered.pointer("/refreshed_urls/0/refreshed");
        Ok(fresh.and_then(Value::as_str).map(str::to_owned))
    }
}

#[async_trait]
impl Sender for Discord {
    async fn send(&self, batch: &[&Outbound]) -> Vec<SendOutcome> {
        let mut outcomes = Vec::with_capacity(batch.len());
        for outbound in batch {
            outcomes.push(self.send_one(outbound).await);
        }
        outcomes
    }

    /// For some minutes only, which may be over when it would matter.
    fn is_idempotent(&self) -> bool {
        false
    }

    async fn test(&self, webhook_url: Option<&str>) -> TestReport {
        let asked = async {
            let me = self.get("users/@me").await?;
            let application = self.get("applications/@me").await?;
            Ok::<_, SendOutcome>((me, application))
        };
        let (me, application) = match asked.await {
            Ok(both) => both,
            Err(outcome) => return TestReport::failed(&failure(outcome)),
        };
        let word =
            |from: &Value, name: &str| from.get(name).and_then(Value::as_str).map(str::to_owned);
        let theirs = word(&application, "verify_key");
        if let (Some(ours), Some(theirs)) = (&self.public_key, &theirs)
            && ours != theirs
        {
            return TestReport::failed(&Failure::channel(
                "public-key",
                "`public_key` is not the application's",
            ));
        }
        let mut detail = "the bot's token works".to_owned();
        if let Some(url) = webhook_url {
            let body = json!({ "interactions_endpoint_url": url });
            let set = self.call(Method::PATCH, "applications/@me", Some(&body), true);
            if let Err(outcome) = set.await {
                return TestReport::failed(&failure(outcome));
            }
            detail.push_str(" and interactions come here");
        }
        TestReport::passed(word(&me, "username").map(|name| format!("@{name}")), detail)
    }

    /// <https://docs.discord.com/developers/resources/channel#trigger-typing-indicator>
    async fn typing(&self, conversation: &str, _last: Option<&str>) -> Result<(), Failure> {
        let Ok(Place::Channel(channel)) = request::place(conversation) else {
            return Ok(());
        };
        let path = format!("channels/{channel}/typing");
        let shown = self.call(Method::POST, &path, None, true).await;
        shown.map(drop).map_err(failure)
    }

    async fn open(&self, conversation: &str) -> Result<Option<Opened>, SendOutcome> {
        match request::place(conversation).map_err(SendOutcome::Permanent)? {
            Place::Channel(_) => Ok(None),
            Place::Person(id) => Ok(Some(Opened {
                conversation: self.direct(id).await?,
                person: id.to_owned(),
            })),
        }
    }

    async fn file(&self, attachment: &Attachment) -> Result<FileAt, Failure> {
        let url = attachment
            .url
            .as_deref()
            .ok_or_else(|| Failure::message("no-address", "Discord gave no address"))?;
        let at = FileAt::open(url)?;
        match self.fresh(&at.url).await? {
            Some(fresh) => FileAt::open(&fresh),
            None => Ok(at),
        }
    }
}

fn via(message: &Message) -> Option<Via> {
    let via = message.metadata.get("reply_via")?;
    let word = |name: &str| via.get(name).and_then(Value::as_str);
    let (application, token) = (word("application_id")?, word("token")?);
    let known =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'=');
    let fits = is_id(application)
        && (1..=1024).contains(&token.len())
        && token.bytes().all(known)
        && token.bytes().any(|byte| byte != b'.');
    fits.then(|| Via {
        application: application.to_owned(),
        token: Secret::new(token),
    })
}

fn failure(outcome: SendOutcome) -> Failure {
    match outcome {
        SendOutcome::RetryAfter { failure, .. }
        | SendOutcome::Permanent(failure)
        | SendOutcome::Unknown(failure) => failure,
        SendOutcome::Accepted { .. } => Failure::message("accepted", "no failure"),
    }
}

#[cfg(test)]
mod tests;
