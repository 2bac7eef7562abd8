//! Telegram Bot API (<https://core.telegram.org/bots/api>).
//!
//! `message.platform_conversation_id` is where a conversation takes place, as [`schemas::keys::telegram`] tells it. A text above
//! 4096 UTF-16 units takes several calls; the key of the first message that left is the provider's id. Telegram takes no
//! idempotency key, so a call that was written and not answered is `Unknown`, and so is a message of which only the first parts
//! left. A group that has become a supergroup is written to under its new id. Files of the hub's own are uploaded with the
//! call that sends them; what was not handed over to its last byte has not left.
//!
//! Deliberately absent: fetching files of others (Telegram fetches them by URL), and waiting: a 429 is handed to the caller
//! with Telegram's own `retry_after`.

mod call;
mod media;
mod request;

use async_trait::async_trait;
use reqwest::Client;
use schemas::{
    Attachment, Outbound, Secret,
    keys::telegram::{UPDATES, message_key},
};
use serde_json::{Map, Value, json};

use self::call::{Answer, answer};
use super::{
    Account, Failure, FileAt, Misconfigured, SendOutcome, Sender, Settings, TestReport,
    files::{Files, OwnFile},
    http,
    upload::Form,
};

const API_BASE: &str = "https://api.telegram.org";

/// Connections Telegram may make at a time, unless the channel says otherwise; its own default.
const CONNECTIONS: u64 = 40;

pub(super) struct Telegram {
    client: Client,
    files: Files,
    /// `<api_base>/bot<token>/`: holds the token, so it is never printed.
    base: Secret,
    /// `<api_base>/file/bot<token>/`.
    file_base: Secret,
    secret_token: Option<Secret>,
    connections: u64,
    /// Updates are fetched instead of delivered.
    is_polled: bool,
}

impl Telegram {
    pub(super) fn new(account: &Account<'_>, settings: &Settings) -> Result<Self, Misconfigured> {
        let token = account.credential_text("bot_token")?;
        let form = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'_' | b'-');
        if !token.bytes().all(form) {
            return Err(Misconfigured::Invalid {
                name: "bot_token",
                problem: "is not of the form <digits>:<letters, digits, _ and ->",
            });
        }
        let base = account.api_base(API_BASE, settings)?;
        Ok(Self {
            client: http::client(account.allow_private(settings))?,
            files: account.files(settings),
            base: Secret::new(format!("{base}bot{token}/")),
            file_base: Secret::new(format!("{base}file/bot{token}/")),
            secret_token: account
                .credential("secret_token")
                .and_then(Value::as_str)
                .map(Secret::new),
            connections: account
                .setting("max_connections")
                .and_then(Value::as_u64)
                .unwrap_or(CONNECTIONS),
            is_polled: account.setting_text("receive") == Some("poll"),
        })
    }

    async fn ask(
        &self,
        method: &str,
        body: &Map<String, Value>,
        files: &[(String, OwnFile)],
    ) -> Result<Answer, SendOutcome> {
        let request = self.client.post(format!("{}{method}", self.base.expose()));
        let response = if files.is_empty() {
            let sent = request.json(body).send().await;
            sent.map_err(|error| http::unanswered(error, false))?
        } else {
            let mut form = Form::of(body);
            for (name, file) in files {
                form.file(name, file);
            }
            form.finish().send(request, &self.files, false).await?
        };
        let status = response.status();
        let after = http::retry_after(&response);
        Ok(answer(status, after, http::body(response).await.as_deref()))
    }

    /// A call about no chat.
    async fn call(&self, method: &str, body: Value) -> Result<Value, SendOutcome> {
        let body = match body {
            Value::Object(body) => body,
            _ => Map::new(),
        };
        match self.ask(method, &body, &[]).await? {
            Answer::Result(result) => Ok(result),
            Answer::Moved(_) => Err(moved()),
            Answer::Outcome(outcome) => Err(outcome),
        }
    }

    /// A call to a chat, which may have moved: then `chat` is where it is now.
    async fn call_chat(
        &self,
        method: &str,
        mut body: Map<String, Value>,
        files: &[(String, OwnFile)],
        chat: &mut Option<i64>,
    ) -> Result<Value, SendOutcome> {
        for _ in 0..2 {
            if let Some(chat) = *chat {
                body.insert("chat_id".into(), chat.into());
            }
            match self.ask(method, &body, files).await? {
                Answer::Result(result) => return Ok(result),
                Answer::Moved(to) => *chat = Some(to),
                Answer::Outcome(outcome) => return Err(outcome),
            }
        }
        Err(moved())
    }

    async fn send_one(&self, outbound: &Outbound) -> SendOutcome {
        let loaded = match self.files.load(&outbound.message, media::takes).await {
            Ok(loaded) => loaded,
            Err(outcome) => return outcome,
        };
        let calls = match request::calls(&loaded.message, &loaded.own) {
            Ok(calls) => calls,
            Err(failure) => return SendOutcome::Permanent(failure),
        };
        let total = calls.iter().filter(|call| call.counts).count();
        let mut provider_ids = Vec::new();
        let (mut done, mut chat) = (0, None);
        for call in calls {
            if !call.counts {
                // A press is answered within seconds or not at all; what is said about it matters more.
                let told = self.ask(call.method, &call.body, &[]).await;
                tracing::debug!(channel = %outbound.channel, is_told = told.is_ok(), "answered a button");
                continue;
            }
            let sent = self.call_chat(call.method, call.body, &call.files, &mut chat);
            match sent.await {
                Ok(result) => provider_ids.extend(own_ids(&result)),
                Err(outcome) if done == 0 => return outcome,
                Err(_) => {
                    return SendOutcome::Unknown(Failure::message(
                        "partial",
                        format!("{done} of {total} parts left"),
                    ));
                }
            }
            done += 1;
        }
        SendOutcome::Accepted { provider_ids }
    }

    async fn set_webhook(&self, url: &str) -> Result<(), SendOutcome> {
        let mut body = json!({
            "url": url,
            "allowed_updates": UPDATES,
            "max_connections": self.connections,
        });
        if let (Some(secret), Some(fields)) = (&self.secret_token, body.as_object_mut()) {
            fields.insert("secret_token".into(), secret.expose().into());
        }
        self.call("setWebhook", body).await.map(drop)
    }
}

fn moved() -> SendOutcome {
    SendOutcome::Permanent(Failure::message(
        "chat-migrated",
        "the chat moves on and on",
    ))
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
        let me = match self.call("getMe", json!({})).await {
            Ok(me) => me,
            Err(outcome) => return report(&outcome),
        };
        let account = me
            .get("username")
            .and_then(Value::as_str)
            .map(|name| format!("@{name}"));
        if self.is_polled {
            return match self.call("deleteWebhook", json!({})).await {
                Ok(_) => TestReport::passed(account, "the bot token works; updates are fetched"),
                Err(outcome) => report(&outcome),
            };
        }
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

    /// Five seconds of "typing", or until a message comes.
    async fn typing(&self, conversation: &str, _last: Option<&str>) -> Result<(), Failure> {
        let mut body = request::place(conversation)?;
        body.insert("action".into(), "typing".into());
        // There is no such thing for a topic of direct messages.
        body.remove("direct_messages_topic_id");
        let done = self.call_chat("sendChatAction", body, &[], &mut None).await;
        done.map(drop).map_err(failure)
    }

    /// The address holds the token. Telegram hands out files of up to 20 MB.
    async fn file(&self, attachment: &Attachment) -> Result<FileAt, Failure> {
        let Some(id) = &attachment.platform_id else {
            let url = attachment.url.as_deref();
            let missing = || Failure::message("no-address", "Telegram keeps no file of it");
            return FileAt::open(url.ok_or_else(missing)?);
        };
        let file = self
            .call("getFile", json!({ "file_id": id }))
            .await
            .map_err(failure)?;
        let path = file
            .get("file_path")
            .and_then(Value::as_str)
            .ok_or_else(|| Failure::message("no-address", "Telegram does not say where it is"))?;
        FileAt::open(&format!("{}{path}", self.file_base.expose()))
    }
}

/// The keys under which replies will name what left: one message, or those of an album.
fn own_ids(result: &Value) -> Vec<String> {
    let own_id = |one: &Value| {
        let number = |path: &str| one.pointer(path).and_then(Value::as_i64);
        let business = one.get("business_connection_id").and_then(Value::as_str);
        Some(message_key(
            number("/chat/id")?,
            business,
            number("/message_id")?,
        ))
    };
    match result {
        Value::Array(messages) => messages.iter().filter_map(own_id).collect(),
        one => own_id(one).into_iter().collect(),
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
