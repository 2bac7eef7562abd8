//! The hot path: what the streams say, written as rows, hundreds at a time.
//!
//! Invariants:
//! - A batch is one transaction, and may be repeated whole or in part, by two writers at once: a message
//!   is written once, and counters count only messages that this transaction really wrote.
//! - Locks are taken in one order (messages by id, addresses, conversations by id, channels by id,
//!   analytics); a deadlock that arises all the same is lost by one writer, which begins anew.
//! - Commits stay synchronous: the stream is acknowledged after them and would not tell it again.
//!
//! Messages of a channel that does not exist (any more) or is another tenant's are left out.

mod aftermath;
mod campaign;
mod change;
mod conversation;
pub(crate) mod copy;
mod heard;
mod message;
mod pending;
mod summary;
mod track;

use schemas::{
    Body, ChannelId, ChannelKind, Envelope, Hop, Message, MessageId, Outbound, TenantId, Timestamp,
    TrackEvent, campaign::CampaignEvent,
};

use crate::{Store, StoreError};

pub use aftermath::Raised;
pub use pending::{Looked, look_again};

/// What a batch did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Projected {
    /// Rows that were not there before.
    pub inserted: u64,
    /// Messages whose content an edit replaced or a deletion took away.
    pub edited: u64,
    /// Messages left out: not understood yet, or their channel does not exist.
    pub skipped: u64,
}

/// What a batch of tracking events did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tracked {
    /// Events that were not there before.
    pub inserted: u64,
    /// Messages of campaigns that stand elsewhere now.
    pub raised: Vec<Raised>,
}

/// A message to be written, from whichever stream.
#[derive(Clone, Copy)]
pub(crate) struct Line<'a> {
    pub(crate) tenant: TenantId,
    pub(crate) channel: ChannelId,
    pub(crate) kind: ChannelKind,
    pub(crate) conversation_key: &'a str,
    pub(crate) position: i64,
    pub(crate) received_at: Timestamp,
    pub(crate) message: &'a Message,
    pub(crate) trace: &'a [Hop],
    pub(crate) cause: Option<MessageId>,
}

/// Writes understood messages (stream CONV): the message, its contact, its conversation and the counters.
/// An envelope whose message has `edited_at` replaces the content of the message with its id, if newer; one with
/// `deleted_at` takes it away for good, also when it comes first.
///
/// # Errors
/// [`StoreError::Unavailable`]: nothing was written, the batch may be repeated.
pub async fn conversations(store: &Store, envelopes: &[Envelope]) -> Result<Projected, StoreError> {
    let lines: Vec<Line<'_>> = envelopes
        .iter()
        .filter_map(|envelope| {
            let Body::Message(message) = &envelope.body else {
                return None;
            };
            Some(Line {
                tenant: envelope.tenant,
                channel: envelope.channel,
                kind: envelope.kind,
                conversation_key: &envelope.conversation_key,
                position: envelope.position,
                received_at: envelope.received_at,
                message,
                trace: &envelope.trace,
                cause: None,
            })
        })
        .collect();
    let raw = envelopes.len() - lines.len();
    let mut done = message::write(store, lines).await?;
    done.skipped += raw as u64;
    Ok(done)
}

/// Writes messages to be sent (stream OUT), each with its place in its conversation.
///
/// # Errors
/// [`StoreError::Unavailable`]: nothing was written, the batch may be repeated.
pub async fn outbound(
    store: &Store,
    messages: &[(Outbound, i64)],
) -> Result<Projected, StoreError> {
    let lines = messages
        .iter()
        .map(|(outbound, position)| Line {
            tenant: outbound.tenant,
            channel: outbound.channel,
            kind: outbound.kind,
            conversation_key: &outbound.message.platform_conversation_id,
            position: *position,
            received_at: outbound.queued_at,
            message: &outbound.message,
            trace: &[],
            cause: outbound.cause,
        })
        .collect();
    message::write(store, lines).await
}

/// Writes tracking events (stream TRACK), raises the ledger and suppresses addresses by what they tell, and counts.
///
/// # Errors
/// [`StoreError::Unavailable`]: nothing was written, the batch may be repeated.
pub async fn track(store: &Store, events: &[TrackEvent]) -> Result<Tracked, StoreError> {
    track::write(store, events).await
}

/// Writes what people and machines did with campaigns' messages (stream TRACK), and does what those wish who want no more.
/// `edited` stays 0, though a machine's verdict replaces a human one.
///
/// # Errors
/// [`StoreError::Unavailable`]: nothing was written, the batch may be repeated.
pub async fn campaign_events(
    store: &Store,
    events: &[CampaignEvent],
) -> Result<Projected, StoreError> {
    campaign::write(store, events).await
}
