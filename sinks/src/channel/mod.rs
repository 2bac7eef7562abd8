//! Senders: how a message leaves for a platform.
//!
//! A new platform is one file here with one [`Sender`], and one line in [`build`].
//!
//! What an implementation promises, and what the caller relies on:
//! - [`Sender::send`] answers every message given, in the order given, and never panics on content.
//! - It tries once. Waiting, counting attempts and giving up belong to [`crate::deliver`].
//! - It says [`SendOutcome::Unknown`] whenever the request may have reached the platform and no
//!   answer came back, unless the platform takes our message id as an idempotency key.
//! - It bounds what it reads from the platform and how long it waits.
//! - Reasons name codes and the platform's own words; they never hold credentials. They reach the
//!   ledger, which the tenant owns; logs get [`Failure::code`] only.
//!
//! Deliberately absent: rate limits, retries, the ledger, metrics.

mod discord;
mod files;
mod gmail;
mod http;
mod line;
mod messagebird;
mod messenger;
mod meta;
mod pool;
mod sandbox;
mod slack;
mod smtp;
mod telegram;
mod text;
mod twilio;
mod upload;
mod viber;
mod vonage;
mod webchat;
mod webhook;
mod whatsapp;
mod words;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use schemas::{Attachment, ChannelId, ChannelKind, Outbound, TenantId, sms::SmsSize};
use serde::Serialize;
use serde_json::Value;
use store::Store;

use egress::guard;
pub use egress::is_public;
pub use files::{FileSource, FileStream, NoFile, OwnFile};

/// What became of one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendOutcome {
    /// The platform took it; its ids of the message, the first one being what a reply to it names. Several when it
    /// left in parts; none when the platform gives none.
    Accepted { provider_ids: Vec<String> },
    /// It did not leave, and may later. `after` is the platform's own wish, else our backoff holds.
    RetryAfter {
        after: Option<Duration>,
        failure: Failure,
    },
    /// It did not leave and never will.
    Permanent(Failure),
    /// It may have left.
    Unknown(Failure),
}

/// Why a message did not, or may not, have left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// `[a-z0-9-]+`, low cardinality: for metrics, logs and tracking.
    pub code: String,
    /// For the person who asks; at most 300 characters.
    pub detail: String,
    /// Whether it is the message's trouble or the whole channel's.
    pub scope: Scope,
}

/// How far a failure reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// This message alone.
    Message,
    /// Whatever says the same, to whomever: the platform refuses the approved message that is named.
    Content,
    /// Whatever is sent to this recipient: it blocked us, opted out, or is not there. It is suppressed.
    Recipient,
    /// Every message of the channel would fare the same: throttled, unreachable, refused credentials.
    Channel,
}

impl Failure {
    #[must_use]
    pub fn message(code: impl Into<String>, detail: impl AsRef<str>) -> Self {
        Self::of(Scope::Message, code.into(), detail.as_ref())
    }

    #[must_use]
    pub fn channel(code: impl Into<String>, detail: impl AsRef<str>) -> Self {
        Self::of(Scope::Channel, code.into(), detail.as_ref())
    }

    #[must_use]
    pub fn content(code: impl Into<String>, detail: impl AsRef<str>) -> Self {
        Self::of(Scope::Content, code.into(), detail.as_ref())
    }

    #[must_use]
    pub fn recipient(code: impl Into<String>, detail: impl AsRef<str>) -> Self {
        Self::of(Scope::Recipient, code.into(), detail.as_ref())
    }

    fn of(scope: Scope, code: String, detail: &str) -> Self {
        let detail = detail
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .take(300)
            .collect();
        Self {
            code,
            detail,
            scope,
        }
    }
}

/// The answer to "does this channel work?".
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TestReport {
    pub ok: bool,
    /// Who we are on the platform, e.g. the bot's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    pub detail: String,
    /// What went wrong, for those who know what to do about it.
    #[serde(skip)]
    pub failure: Option<Failure>,
}

impl TestReport {
    #[must_use]
    pub fn passed(account: Option<String>, detail: impl Into<String>) -> Self {
        Self {
            ok: true,
            account,
            detail: detail.into(),
            failure: None,
        }
    }

    #[must_use]
    pub fn failed(failure: &Failure) -> Self {
        Self {
            ok: false,
            account: None,
            detail: format!("{}: {}", failure.code, failure.detail),
            failure: Some(failure.clone()),
        }
    }
}

/// One account on one platform, ready to send. See the module for what it promises.
#[async_trait]
pub trait Sender: Send + Sync + 'static {
    /// Sends the messages one after the other and answers each: as many answers as messages, in
    /// their order. The caller gives at most [`Sender::batch_size`] messages.
    async fn send(&self, batch: &[&Outbound]) -> Vec<SendOutcome>;

    /// How many messages one call may take. One means: the caller calls once per message, several
    /// calls side by side, and those of one conversation one after the other.
    fn batch_size(&self) -> usize {
        1
    }

    /// Whether a second send of the same message id is harmless on the other side. Decides what
    /// happens by default to a message that may have left.
    fn is_idempotent(&self) -> bool;

    /// How large the message is that [`Self::send`] makes of this; none where it does not leave as SMS, or others write its
    /// text.
    fn sms(&self, outbound: &Outbound) -> Option<SmsSize> {
        let _ = outbound;
        None
    }

    /// Tries the credentials without sending anything to anyone. Where the platform can be told
    /// where to deliver its updates, and `webhook_url` is given, it is told so.
    async fn test(&self, webhook_url: Option<&str>) -> TestReport;

    /// Shows the people of a conversation that somebody is writing, where the platform has such a thing. `last` is the
    /// platform's id of the newest message from there, which some platforms ask for.
    async fn typing(&self, conversation: &str, last: Option<&str>) -> Result<(), Failure> {
        let _ = (conversation, last);
        Ok(())
    }

    /// The conversation with a person, opened if need be, on platforms where what a person answers arrives in a
    /// conversation of its own; none where what is given names no person. Opening it twice is harmless.
    ///
    /// # Errors
    /// What a message to them would have become.
    async fn open(&self, conversation: &str) -> Result<Option<Opened>, SendOutcome> {
        let _ = conversation;
        Ok(None)
    }

    /// Where a file of a message lies, with the headers that open it. By default it is where the message says.
    ///
    /// # Errors
    /// [`Failure`] when the platform does not say; its scope tells whether it ever will.
    async fn file(&self, attachment: &Attachment) -> Result<FileAt, Failure> {
        let url = attachment
            .url
            .as_deref()
            .ok_or_else(|| Failure::message("no-address", "the platform gave no address"))?;
        FileAt::open(url)
    }
}

/// A conversation that was opened with a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// As updates from there are keyed.
    pub conversation: String,
    /// As the platform names them when they write.
    pub person: String,
}

/// Where a file can be fetched.
#[derive(Clone, Debug)]
pub struct FileAt {
    pub url: reqwest::Url,
    /// May hold credentials.
    pub headers: reqwest::header::HeaderMap,
}

impl FileAt {
    /// An address that needs no key.
    ///
    /// # Errors
    /// When it is no address.
    pub fn open(url: &str) -> Result<Self, Failure> {
        Ok(Self {
            url: url
                .parse()
                .map_err(|_| Failure::message("address", "not an address"))?,
            headers: reqwest::header::HeaderMap::new(),
        })
    }

    /// An address that wants `Authorization`.
    ///
    /// # Errors
    /// When it is no address, or the key is no header.
    pub fn with(url: &str, authorization: &str) -> Result<Self, Failure> {
        let mut at = Self::open(url)?;
        let mut value = reqwest::header::HeaderValue::from_str(authorization).map_err(|_| {
            Failure::channel("credentials", "the key has characters no header may have")
        })?;
        value.set_sensitive(true);
        at.headers.insert(reqwest::header::AUTHORIZATION, value);
        Ok(at)
    }
}

/// What the hub allows all channels.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Lets channels call private and loopback addresses: for tests and a hub on one machine.
    pub allow_private_urls: bool,
    /// Where the hub keeps files of its own; without it all attachments go by address.
    pub files: Option<Arc<dyn FileSource>>,
}

/// A channel whose configuration cannot send.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misconfigured {
    #[error("`{0}` is missing")]
    Missing(&'static str),
    #[error("`{name}` {problem}")]
    Invalid {
        name: &'static str,
        problem: &'static str,
    },
    #[error("no TLS client can be built here: {0}")]
    Tls(String),
}

/// Makes the sender of a channel from what is stored about it.
///
/// # Errors
/// [`Misconfigured`] says which field is missing or wrong, never its value.
pub fn build(
    account: &Account<'_>,
    settings: &Settings,
    store: &Store,
) -> Result<Arc<dyn Sender>, Misconfigured> {
    Ok(match account.kind {
        ChannelKind::Telegram => Arc::new(telegram::Telegram::new(account, settings)?),
        ChannelKind::Line => Arc::new(line::Line::new(account, settings)?),
        ChannelKind::Twilio => Arc::new(twilio::Twilio::new(account, settings)?),
        ChannelKind::Viber => Arc::new(viber::Viber::new(account, settings)?),
        ChannelKind::WhatsApp => Arc::new(whatsapp::WhatsApp::new(account, settings)?),
        ChannelKind::Messenger => Arc::new(messenger::Messenger::new(account, settings)?),
        ChannelKind::Instagram => Arc::new(messenger::Messenger::instagram(account, settings)?),
        ChannelKind::Vonage => Arc::new(vonage::Vonage::new(account, settings)?),
        ChannelKind::MessageBird => Arc::new(messagebird::MessageBird::new(account, settings)?),
        ChannelKind::Email => Arc::new(smtp::Smtp::new(account, settings)?),
        ChannelKind::Generic => Arc::new(webhook::Webhook::new(account, settings)?),
        ChannelKind::Webchat => Arc::new(webchat::Webchat),
        ChannelKind::Discord => Arc::new(discord::Discord::new(account, settings)?),
        ChannelKind::Slack => Arc::new(slack::Slack::new(account, settings)?),
        ChannelKind::Sandbox => Arc::new(sandbox::Sandbox::new(account, store.clone())),
        ChannelKind::Gmail => Arc::new(gmail::Gmail::new(account, settings)?),
    })
}

/// What is stored about a channel, as far as sending needs it.
#[derive(Clone, Copy)]
pub struct Account<'a> {
    pub tenant: TenantId,
    pub channel: ChannelId,
    pub kind: ChannelKind,
    /// The channel's `config`; its `settings` hold what is not secret.
    pub config: &'a Value,
    pub credentials: Option<&'a Value>,
}

impl<'a> Account<'a> {
    /// The platform's address: the setting `api_base`, or the documented one. Checked by the guard.
    fn api_base(
        &self,
        documented: &str,
        settings: &Settings,
    ) -> Result<reqwest::Url, Misconfigured> {
        let refused = Misconfigured::Invalid {
            name: "api_base",
            problem: "must be an http or https URL of a public host",
        };
        let given = self
            .setting("api_base")
            .and_then(Value::as_str)
            .unwrap_or(documented);
        let mut url = reqwest::Url::parse(given).map_err(|_| refused.clone())?;
        guard::check(&url, self.allow_private(settings)).map_err(|_| refused)?;
        if !url.path().ends_with('/') {
            let path = format!("{}/", url.path());
            url.set_path(&path);
        }
        Ok(url)
    }

    fn allow_private(&self, settings: &Settings) -> bool {
        settings.allow_private_urls || self.setting_flag("allow_private")
    }

    /// The files that may be read for this account.
    fn files(&self, settings: &Settings) -> files::Files {
        files::Files {
            tenant: self.tenant,
            source: settings.files.clone(),
        }
    }

    fn setting_text(&self, name: &str) -> Option<&'a str> {
        self.setting(name)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    }

    fn setting(&self, name: &str) -> Option<&'a Value> {
        self.config.get("settings")?.get(name)
    }

    fn setting_flag(&self, name: &str) -> bool {
        self.setting(name).and_then(Value::as_bool) == Some(true)
    }

    fn credential(&self, name: &str) -> Option<&'a Value> {
        self.credentials?.get(name)
    }

    fn credential_text(&self, name: &'static str) -> Result<&'a str, Misconfigured> {
        self.credential(name)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
            .ok_or(Misconfigured::Missing(name))
    }
}

#[cfg(test)]
pub(crate) mod played;
#[cfg(test)]
pub(crate) mod tests;
