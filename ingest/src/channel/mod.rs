//! One file per platform: is this really from it, and which updates are in it.
//!
//! [`verify`] looks at the whole request, before anything is read from it; [`challenge`] answers a platform that asks who is
//! there; [`split`] finds the updates in a body; [`answer`] says what the platform wants to hear when they are stored.
//!
//! Invariants: an update's keys are those [`schemas::keys`] derives, so `stages` finds the same;
//! splitting refuses a body as a whole or takes it as a whole. Deliberately absent: judging content;
//! an update of an unknown type passes.

pub(crate) mod discord;
mod email;
mod form;
mod generic;
mod gmail;
mod hex;
mod instagram;
mod jwt;
mod line;
mod messagebird;
mod messenger;
mod meta;
mod sandbox;
mod signature;
mod slack;
mod telegram;
mod twilio;
mod viber;
mod vonage;
mod webchat;
mod whatsapp;

use bytes::Bytes;
use schemas::{
    Body, ChannelId, ChannelKind, ConversationId, Envelope, MessageId, Raw, TenantId, Timestamp,
    keys,
};
use serde_json::Value;

/// Updates one body may hold, of most kinds: see [`max_updates`].
pub const MAX_UPDATES: usize = 1000;

/// Updates one body of a kind may hold. WhatsApp tells a history in bodies of thousands of messages.
#[must_use]
pub const fn max_updates(kind: ChannelKind) -> usize {
    match kind {
        ChannelKind::WhatsApp => 10 * MAX_UPDATES,
        _ => MAX_UPDATES,
    }
}

/// Gives a request's header by its lower-case name.
pub type Headers<'a, 'h> = &'a dyn Fn(&str) -> Option<&'h str>;

/// A request as the platform made it.
#[derive(Clone, Copy)]
pub struct Request<'a, 'h> {
    /// The whole address the platform called, with its query; some sign it.
    pub url: &'a str,
    /// A header that is not text is absent.
    pub headers: Headers<'a, 'h>,
    pub body: &'a [u8],
    pub now: Timestamp,
}

impl<'h> Request<'_, 'h> {
    fn header(&self, name: &'static str) -> Result<&'h str, Refused> {
        (self.headers)(name).ok_or(Refused::Missing(name))
    }
}

/// What a channel has to tell by.
#[derive(Clone, Copy)]
pub struct Account<'a> {
    pub kind: ChannelKind,
    pub credentials: &'a Value,
    /// `config.settings`; null when there are none.
    pub settings: &'a Value,
    /// Public keys that the platform publishes and signs with: Google's as a JSON Web Key Set, those of Amazon SNS by the
    /// address of their certificate ([`crate::sns::key`]); null while none is known.
    pub public_keys: &'a Value,
}

impl<'a> Account<'a> {
    /// A secret of the channel; an empty one is none.
    fn secret(&self, name: &str) -> Result<&'a str, Refused> {
        secret(self.credentials, name)
    }

    /// A setting that is a text.
    fn setting(&self, name: &str) -> Option<&'a str> {
        self.settings.get(name).and_then(Value::as_str)
    }
}

/// What a platform wants to hear, where it is not content with the hub's own JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// HTTP.
    pub status: u16,
    pub content_type: &'static str,
    pub body: Bytes,
}

impl Answer {
    /// 200 with these words.
    fn ok(content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self {
            status: 200,
            content_type,
            body: body.into(),
        }
    }
}

/// Why a request is not taken for the platform's. Says nothing of what was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The channel has no secret to check against.
    #[error("the channel has no secret configured")]
    NoSecret,
    #[error("the header {0} is missing")]
    Missing(&'static str),
    #[error("the header {0} is not of the documented form")]
    Form(&'static str),
    #[error("the timestamp is more than 300 seconds off")]
    Expired,
    #[error("the signature does not match")]
    Mismatch,
}

/// What is wrong with a body.
#[derive(Debug, thiserror::Error)]
pub enum Malformed {
    #[error(transparent)]
    Update(#[from] keys::Malformed),
    #[error("not a JSON array of messages (line {line}, column {column})")]
    Batch { line: usize, column: usize },
    #[error("update {index} of the array: {source}")]
    Item {
        index: usize,
        source: keys::Malformed,
    },
    #[error("it has no `entry`, which every body of Meta's webhooks has")]
    NoEntry,
    #[error("more updates in one body than are taken at once")]
    TooMany,
}

/// One update of a platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    pub platform_id: String,
    pub conversation_key: String,
    pub content_type: &'static str,
    pub bytes: Bytes,
}

impl Update {
    pub(crate) fn of(
        kind: ChannelKind,
        content_type: &'static str,
        bytes: Bytes,
    ) -> Result<Self, keys::Malformed> {
        let keys = keys::of(kind, &bytes)?;
        Ok(Self {
            platform_id: keys.platform_id,
            conversation_key: keys.conversation,
            content_type,
            bytes,
        })
    }
}

/// Whether a request comes from the channel's platform.
///
/// # Errors
/// [`Refused`], also when the channel has no secret to tell by.
pub fn verify(account: &Account<'_>, request: &Request<'_, '_>) -> Result<(), Refused> {
    match account.kind {
        ChannelKind::Telegram => telegram::verify(account, request),
        ChannelKind::WhatsApp => whatsapp::verify(account, request),
        ChannelKind::Slack => slack::verify(account, request),
        ChannelKind::Discord => discord::verify(account, request),
        ChannelKind::Email => email::verify(account, request),
        ChannelKind::Gmail => gmail::verify(account, request),
        ChannelKind::Twilio => twilio::verify(account, request),
        ChannelKind::Vonage => vonage::verify(account, request),
        ChannelKind::MessageBird => messagebird::verify(account, request),
        ChannelKind::Messenger => messenger::verify(account, request),
        ChannelKind::Instagram => instagram::verify(account, request),
        ChannelKind::Line => line::verify(account, request),
        ChannelKind::Viber => viber::verify(account, request),
        ChannelKind::Webchat => webchat::verify(account, request),
        ChannelKind::Generic => generic::verify(account, request),
        ChannelKind::Sandbox => sandbox::verify(),
    }
}

/// The answer to a GET by which a platform asks whether the address is ours; none when it has no such custom, or asks wrongly.
#[must_use]
pub fn challenge(account: &Account<'_>, request: &Request<'_, '_>) -> Option<Answer> {
    match account.kind {
        ChannelKind::WhatsApp => whatsapp::challenge(account, request),
        ChannelKind::Messenger => messenger::challenge(account, request),
        ChannelKind::Instagram => instagram::challenge(account, request),
        _ => None,
    }
}

/// What the platform wants to hear once the updates of a trusted request are stored.
#[must_use]
pub fn answer(account: &Account<'_>, request: &Request<'_, '_>) -> Option<Answer> {
    match account.kind {
        ChannelKind::Slack => slack::answer(request),
        ChannelKind::Discord => discord::answer(account, request),
        ChannelKind::Twilio => twilio::answer(account, request),
        ChannelKind::Vonage => vonage::answer(account, request),
        _ => None,
    }
}

/// What a request says: its body, or its query where a platform calls by GET, as some may be told to.
#[must_use]
pub fn whole(kind: ChannelKind, url: &str, body: Bytes) -> Bytes {
    match kind {
        ChannelKind::Twilio | ChannelKind::Vonage | ChannelKind::MessageBird if body.is_empty() => {
            Bytes::copy_from_slice(form::query(url).as_bytes())
        }
        _ => body,
    }
}

/// The updates in a body, in order; none when a platform only wants to be answered. Bytes are copied only where an update
/// needs what stands around it in the body.
///
/// # Errors
/// [`Malformed`] says what is wrong; nothing of the body is taken then.
pub fn split(
    kind: ChannelKind,
    content_type: Option<&str>,
    body: Bytes,
) -> Result<Vec<Update>, Malformed> {
    match kind {
        ChannelKind::Telegram => telegram::split(body),
        ChannelKind::Email => email::split(body),
        ChannelKind::WhatsApp => whatsapp::split(body),
        ChannelKind::Slack => slack::split(body),
        ChannelKind::Discord => discord::split(body),
        ChannelKind::Gmail => gmail::split(body),
        ChannelKind::Twilio => twilio::split(body),
        ChannelKind::Vonage => vonage::split(body),
        ChannelKind::MessageBird => messagebird::split(body),
        ChannelKind::Messenger => messenger::split(body),
        ChannelKind::Instagram => instagram::split(body),
        ChannelKind::Line => line::split(body),
        ChannelKind::Viber => viber::split(body),
        ChannelKind::Webchat => webchat::split(content_type, body),
        ChannelKind::Generic => generic::split(ChannelKind::Generic, content_type, body),
        ChannelKind::Sandbox => sandbox::split(content_type, body),
    }
}

/// The account of the platform that an update is for, where one webhook address serves several and the update says so:
/// WhatsApp's number id, Messenger's page, Instagram's account.
#[must_use]
pub fn addressee(kind: ChannelKind, update: &Update) -> Option<String> {
    meta::of_part(kind, &update.bytes)
}

/// The account that a channel is, to be compared with [`addressee`]; none when its credentials and settings do not say.
#[must_use]
pub fn own_account<'a>(account: &Account<'a>) -> Option<&'a str> {
    meta::of_channel(account)
}

/// The envelope in which an update begins its way.
#[must_use]
pub fn envelope(
    tenant: TenantId,
    channel: ChannelId,
    kind: ChannelKind,
    update: Update,
    received_at: Timestamp,
) -> Envelope {
    Envelope {
        tenant,
        channel,
        kind,
        message: MessageId::inbound(channel, &update.platform_id),
        conversation: ConversationId::of(channel, &update.conversation_key),
        conversation_key: update.conversation_key,
        received_at,
        position: 0,
        body: Body::Raw(Raw {
            content_type: update.content_type.to_owned(),
            bytes: update.bytes,
        }),
        context: schemas::Context::default(),
        replies: Vec::new(),
        events: Vec::new(),
        trace: Vec::new(),
    }
}

/// A secret of the channel; an empty one is none.
fn secret<'a>(credentials: &'a Value, name: &str) -> Result<&'a str, Refused> {
    credentials
        .get(name)
        .and_then(Value::as_str)
        .filter(|secret| !secret.is_empty())
        .ok_or(Refused::NoSecret)
}
