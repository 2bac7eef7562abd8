//! Slack's Web API (<https://docs.slack.dev/apis/web-api/>).
//!
//! `message.platform_conversation_id` is `<channel>`, `<channel>:<thread_ts>`, or a person, with whom a direct message is
//! opened first. The provider's id is `<channel>:<ts>`, as replies and reactions name it. A text above 4,000 characters goes
//! in several posts, pictures and buttons below the last. Metadata: `unfurl` (whether Slack may show what a link leads to),
//! `ephemeral` (only the recipient sees it), and `reply_via` of the message that is answered: its `response_url` is used
//! when the app is not in the channel, and for what only one shall see; Slack gives no id then.
//!
//! Slack takes no idempotency key, so a call that was written and not answered is `Unknown`, and so is a message of which
//! only the first parts left. Files of the hub's own are uploaded before anything is posted, which nobody sees; pictures of
//! others are shown below the text, their other files are links.
//!
//! Deliberately absent: fetching files of others, files that one person alone sees (Slack has none), and Slack's request
//! address, which no bot's token may set.

mod call;
mod request;
mod upload;

use async_trait::async_trait;
use reqwest::{Client, Response, Url};
use schemas::{Attachment, Message, Outbound, Secret, keys::slack as keys};
use serde_json::{Map, Value, json};

use self::call::{Answer, answer};
use super::{
    Account, Failure, FileAt, Misconfigured, Opened, SendOutcome, Sender, Settings, TestReport,
    files::Files, http,
};

const API_BASE: &str = "https://slack.com/api";

pub(super) struct Slack {
    client: Client,
    files: Files,
    base: Url,
    token: Secret,
    in_thread: bool,
}

impl Slack {
    pub(super) fn new(account: &Account<'_>, settings: &Settings) -> Result<Self, Misconfigured> {
        Ok(Self {
            client: http::client(account.allow_private(settings))?,
            files: account.files(settings),
            base: account.api_base(API_BASE, settings)?,
            token: Secret::new(account.credential_text("bot_token")?),
            in_thread: account.setting_flag("reply_in_thread"),
        })
    }

    async fn call(&self, method: &str, body: &Value) -> Result<Value, SendOutcome> {
        let response = self.post(method, body).await?;
        let (status, after) = (response.status(), http::retry_after(&response));
        match answer(status, after, http::body(response).await.as_deref()) {
            Answer::Result(result) => Ok(result),
            Answer::Outcome(outcome) => Err(outcome),
        }
    }

    async fn post(&self, method: &str, body: &Value) -> Result<Response, SendOutcome> {
        let url = self.base.join(method).map_err(|_| {
            SendOutcome::Permanent(Failure::channel("api-base", "no address to build on"))
        })?;
        let request = self.client.post(url).bearer_auth(self.token.expose());
        let answered = request.json(body).send().await;
        answered.map_err(|error| http::unanswered(error, false))
    }

    async fn send_one(&self, outbound: &Outbound) -> SendOutcome {
        let whispers = is_whisper(&outbound.message);
        let taken = self.files.load(&outbound.message, upload::takes(whispers));
        let loaded = match taken.await {
            Ok(loaded) => loaded,
            Err(outcome) => return outcome,
        };
        let message = &loaded.message;
        let planned = request::place_of(message, self.in_thread)
            .and_then(|place| Ok((place, request::posts(message, &loaded.own)?)));
        let (place, posts) = match planned {
            Ok(planned) => planned,
            Err(failure) => return SendOutcome::Permanent(failure),
        };
        let via = self.response_url(message);
        if let (true, Some(url)) = (whispers, &via) {
            return self.through(url, &posts, place.thread, true).await;
        }
        let channel = match self.channel(&place).await {
            Ok(channel) => channel,
            Err(outcome) => return outcome,
        };
        let at = At {
            channel: &channel,
            thread: place.thread,
            only: whispers.then_some(message.recipient.id.as_str()),
        };
        if loaded.has_own() {
            return self.share(&loaded, posts, &at).await;
        }
        match self.post_all(&posts, &at).await {
            Ok(provider_ids) => SendOutcome::Accepted { provider_ids },
            Err((0, outcome)) => match &via {
                Some(url) if call::is_elsewhere(&outcome) => {
                    self.through(url, &posts, place.thread, false).await
                }
                _ => outcome,
            },
            Err((done, _)) => partial(done, posts.len()),
        }
    }

    /// Posts one after the other; keys of what was taken, or how many were and what became of the next.
    async fn post_all(
        &self,
        posts: &[Map<String, Value>],
        at: &At<'_>,
    ) -> Result<Vec<String>, (usize, SendOutcome)> {
        let mut keys = Vec::new();
        for (done, post) in posts.iter().enumerate() {
            let mut body = post.clone();
            body.insert("channel".into(), at.channel.into());
            if let Some(thread) = at.thread {
                body.insert("thread_ts".into(), thread.into());
            }
            let mut method = "chat.postMessage";
            if let Some(person) = at.only {
                method = "chat.postEphemeral";
                body.insert("user".into(), person.into());
            }
            let answer = self.call(method, &body.into()).await;
            keys.extend(own_id(&answer.map_err(|outcome| (done, outcome))?));
        }
        Ok(keys)
    }

    /// The channel of a place; that of a direct message is asked for.
    async fn channel(&self, place: &request::Place<'_>) -> Result<String, SendOutcome> {
        if !place.is_person() {
            return Ok(place.channel.to_owned());
        }
        let opened = self
            .call("conversations.open", &json!({ "users": place.channel }))
            .await?;
        opened
            .pointer("/channel/id")
            .and_then(Value::as_str)
            .map(str::to_owned)
            .ok_or_else(|| SendOutcome::Permanent(Failure::message("channel", "Slack opened none")))
    }

    /// Posts to the address of an interaction.
    async fn through(
        &self,
        url: &Url,
        posts: &[Map<String, Value>],
        thread: Option<&str>,
        whispers: bool,
    ) -> SendOutcome {
        for (done, post) in posts.iter().enumerate() {
            let mut body = post.clone();
            let seen_by = if whispers { "ephemeral" } else { "in_channel" };
            body.insert("response_type".into(), seen_by.into());
            body.insert("replace_original".into(), false.into());
            if let Some(thread) = thread {
                body.insert("thread_ts".into(), thread.into());
            }
            let answered = self.client.post(url.clone()).json(&body).send().await;
            let outcome = match answered {
                Ok(response) => {
                    let (status, after) = (response.status(), http::retry_after(&response));
                    let body = http::body(response).await;
                    call::of_response_url(status, after, body.as_deref())
                }
                Err(error) => http::unanswered(error, false),
            };
            match outcome {
                SendOutcome::Accepted { .. } => {}
                _ if done > 0 => return partial(done, posts.len()),
                outcome => return outcome,
            }
        }
        SendOutcome::Accepted {
            provider_ids: Vec::new(),
        }
    }

    /// Where the interaction that is answered can be answered: at Slack, and nowhere else.
    fn response_url(&self, message: &Message) -> Option<Url> {
        let via = message.metadata.get("reply_via")?.get("response_url")?;
        let url = Url::parse(via.as_str()?).ok()?;
        self.is_slacks(&url).then_some(url)
    }

    /// Whether an address is Slack's own, and may see what is meant for Slack.
    fn is_slacks(&self, url: &Url) -> bool {
        const HOSTS: [&str; 2] = [".slack.com", ".slack-gov.com"];
        let host = url.host_str().unwrap_or_default();
        let named = HOSTS.into_iter().any(|end| host.ends_with(end));
        (named && url.scheme() == "https") || url.origin() == self.base.origin()
    }
}

#[async_trait]
impl Sender for Slack {
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
        let response = match self.post("auth.test", &json!({})).await {
            Ok(response) => response,
            Err(outcome) => return report(&outcome),
        };
        let scopes = response
            .headers()
            .get("x-oauth-scopes")
            .and_then(|scopes| scopes.to_str().ok())
            .map(str::to_owned);
        let (status, after) = (response.status(), http::retry_after(&response));
        let me = match answer(status, after, http::body(response).await.as_deref()) {
            Answer::Result(me) => me,
            Answer::Outcome(outcome) => return report(&outcome),
        };
        let may = |scope: &str| {
            scopes
                .as_deref()
                .is_none_or(|all| all.split(',').any(|one| one.trim() == scope))
        };
        if !may("chat:write") {
            return TestReport::failed(&Failure::channel(
                "missing-scope",
                "the bot's token lacks the scope `chat:write`",
            ));
        }
        let said = |name: &str| me.get(name).and_then(Value::as_str).unwrap_or_default();
        let account = Some(format!("@{} of {}", said("user"), said("team")));
        let detail = match webhook_url {
            Some(url) => format!(
                "the bot's token works; enter {url} as request URL of events, interactivity and commands in the app's settings"
            ),
            None => "the bot's token works".to_owned(),
        };
        TestReport::passed(account, detail)
    }

    /// <https://docs.slack.dev/reference/methods/assistant.threads.setStatus/>: only threads of an assistant have it.
    async fn open(&self, conversation: &str) -> Result<Option<Opened>, SendOutcome> {
        let place = request::place_at(conversation).map_err(SendOutcome::Permanent)?;
        if !place.is_person() {
            return Ok(None);
        }
        Ok(Some(Opened {
            conversation: self.channel(&place).await?,
            person: place.channel.to_owned(),
        }))
    }

    async fn typing(&self, conversation: &str, _last: Option<&str>) -> Result<(), Failure> {
        let Some((channel, Some(thread))) = keys::place(conversation) else {
            return Ok(());
        };
        if !channel.starts_with('D') {
            return Ok(());
        }
        let body = json!({ "channel_id": channel, "thread_ts": thread, "status": "is typing…" });
        match self.call("assistant.threads.setStatus", &body).await {
            Ok(_) => Ok(()),
            Err(outcome) => Err(failure(outcome)),
        }
    }

    /// Slack's files open with the bot's token, which goes nowhere else. One that came without an address is asked for.
    async fn file(&self, attachment: &Attachment) -> Result<FileAt, Failure> {
        let asked = match (&attachment.url, &attachment.platform_id) {
            (None, Some(id)) => {
                let path = format!("files.info?file={id}");
                let file = self.call(&path, &json!({})).await.map_err(failure)?;
                let url = file.pointer("/file/url_private").and_then(Value::as_str);
                url.map(str::to_owned)
            }
            (url, _) => url.clone(),
        };
        let url = asked.ok_or_else(|| Failure::message("no-address", "Slack gave no address"))?;
        let at = FileAt::open(&url)?;
        if self.is_slacks(&at.url) {
            return FileAt::with(&url, &format!("Bearer {}", self.token.expose()));
        }
        Ok(at)
    }
}

/// Where something is posted.
struct At<'m> {
    channel: &'m str,
    thread: Option<&'m str>,
    /// Who alone sees it.
    only: Option<&'m str>,
}

/// Whether only the recipient shall see it.
fn is_whisper(message: &Message) -> bool {
    message.metadata.get("ephemeral").and_then(Value::as_bool) == Some(true)
}

/// The key under which a reply to the message will name it.
fn own_id(result: &Value) -> Option<String> {
    let word = |name: &str| result.get(name).and_then(Value::as_str);
    let ts = word("ts").or(word("message_ts"))?;
    match word("channel") {
        Some(channel) => Some(keys::message_key(channel, ts)),
        None => Some(ts.to_owned()),
    }
}

fn partial(done: usize, total: usize) -> SendOutcome {
    SendOutcome::Unknown(Failure::message(
        "partial",
        format!("{done} of {total} parts left"),
    ))
}

fn failure(outcome: SendOutcome) -> Failure {
    match outcome {
        SendOutcome::RetryAfter { failure, .. }
        | SendOutcome::Permanent(failure)
        | SendOutcome::Unknown(failure) => failure,
        SendOutcome::Accepted { .. } => Failure::message("accepted", "no failure"),
    }
}

fn report(outcome: &SendOutcome) -> TestReport {
    TestReport::failed(&failure(outcome.clone()))
}

#[cfg(test)]
mod tests;
