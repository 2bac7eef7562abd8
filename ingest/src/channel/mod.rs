//! One file per platform: is this really from it, and which updates are in it.
//!
//! Invariants: an update's keys are those [`schemas::keys`] derives, so `stages` finds the same;
//! splitting refuses a body as a whole or takes it as a whole. Deliberately absent: judging content;
//! an update of an unknown type passes.

mod email;
mod generic;
mod sandbox;
mod signature;
mod telegram;

use bytes::Bytes;
use schemas::{
    Body, ChannelId, ChannelKind, ConversationId, Envelope, MessageId, Raw, TenantId, Timestamp,
    keys,
};
use serde_json::Value;

/// Updates one body may hold.
pub const MAX_UPDATES: usize = 500;

/// Gives a request's header by its lower-case name.
pub type Headers<'a, 'h> = &'a dyn Fn(&str) -> Option<&'h str>;

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
    #[error("more than {MAX_UPDATES} updates in one body")]
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
    fn of(
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

/// Whether a request comes from the channel's platform. `headers` gives a header by its name in
/// lower case; a header that is not text is absent.
///
/// # Errors
/// [`Refused`], also when the channel has no secret to tell by.
pub fn verify<'h>(
    kind: ChannelKind,
    credentials: &Value,
    headers: Headers<'_, 'h>,
    body: &[u8],
    now: Timestamp,
) -> Result<(), Refused> {
    match kind {
        ChannelKind::Telegram => telegram::verify(credentials, headers),
        ChannelKind::Email => email::verify(credentials, headers, body, now),
        ChannelKind::Generic => generic::verify(credentials, headers, body, now),
        ChannelKind::Sandbox => sandbox::verify(),
    }
}

/// The updates in a body, in order; at least one. Bytes are not copied.
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
        ChannelKind::Generic => generic::split(ChannelKind::Generic, content_type, body),
        ChannelKind::Sandbox => sandbox::split(content_type, body),
    }
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
