//! Whose an update is, where a platform has one webhook address for several accounts.
//!
//! An app of Meta's has one address for all its numbers, pages and accounts, and that is one channel's. What is for another
//! account becomes a message of the tenant's channel that is this account; if there is none, a dead letter that says so.
//!
//! Invariants: nothing for another account becomes a message of the channel that was called, and nothing is dropped without a
//! trace; no other tenant's channel is looked at, and none that trusts another app secret. A channel that does not say which
//! account it is takes what is nobody else's. So does one of Instagram, whose `account_id` may be the page's or one of two ids
//! that Meta gives an account.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use ingest::channel::{Update, addressee, own_account};
use nats::DeadLetter;
use schemas::{ChannelId, ChannelKind, ChannelStatus, Envelope, MessageId, Timestamp};
use serde_json::Value;

use crate::{directory::Entry, hub::Hub, problem::ApiError};

/// Who gave up, and why, as tokens of a letter's subject.
const STAGE: &str = "receive";
const REASON: &str = "other-account";
/// Letters stored side by side.
const AT_A_TIME: usize = 32;

/// Whose an update is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    Channel(ChannelId),
    /// Why, for people.
    Nobody(String),
}

/// Finds the owners of the updates of a body.
pub(super) struct Owners<'h> {
    hub: &'h Hub,
    channel: ChannelId,
    entry: &'h Entry,
    /// The last one, as most bodies are for one account.
    last: Option<(String, Owner)>,
}

impl<'h> Owners<'h> {
    pub(super) fn new(hub: &'h Hub, channel: ChannelId, entry: &'h Entry) -> Self {
        Self {
            hub,
            channel,
            entry,
            last: None,
        }
    }

    pub(super) fn of(&mut self, update: &Update) -> Owner {
        let Some(account) = addressee(self.entry.kind, update) else {
            return Owner::Channel(self.channel);
        };
        if let Some((last, owner)) = &self.last
            && *last == account
        {
            return owner.clone();
        }
        let owner = self.find(&account);
        self.last = Some((account, owner.clone()));
        owner
    }

    fn find(&self, account: &str) -> Owner {
        let own = own_account(&self.entry.account(&Value::Null));
        if own == Some(account) {
            return Owner::Channel(self.channel);
        }
        let what = match self.entry.kind {
            ChannelKind::WhatsApp => "the number whose `phone_number_id`",
            ChannelKind::Messenger => "the page whose `page_id`",
            _ => "the account whose `account_id`",
        };
        // Ids are cut: what a body says may be long.
        let account_shown: String = account.chars().take(40).collect();
        match self.hub.directory.of_account(self.entry, account) {
            Some((channel, other)) if other.status != ChannelStatus::Inactive => {
                Owner::Channel(channel)
            }
            Some((channel, _)) => Owner::Nobody(format!(
                "it is for {what} is {account_shown}: channel {channel}, which is switched off"
            )),
            None if own.is_none() || self.entry.kind == ChannelKind::Instagram => {
                Owner::Channel(self.channel)
            }
            None => Owner::Nobody(format!(
                "it is for {what} is {account_shown}; make a channel for that, as this letter, sent again, becomes a message of the channel whose address was called"
            )),
        }
    }
}

/// Stores updates that are nobody's as dead letters.
///
/// # Errors
/// 503 when one is not stored; the platform posts the body again then.
pub(super) async fn bury(
    hub: &Hub,
    strays: Vec<(Envelope, String, String)>,
) -> Result<(), ApiError> {
    let letters = strays.into_iter().map(|(envelope, subject, detail)| {
        let letter = DeadLetter {
            stage: STAGE.to_owned(),
            reason: REASON.to_owned(),
            detail,
            tenant: Some(envelope.tenant),
            original_stream: schemas::subject::stream::INGEST.to_owned(),
            original_subject: subject,
            original_seq: number(envelope.message),
            original_index: 0,
            at: Timestamp::now(),
            payload: envelope.encode(),
        };
        async move { hub.bus.dead_letter(&letter).await }
    });
    stream::iter(letters)
        .buffer_unordered(AT_A_TIME)
        .try_collect::<()>()
        .await
        .map_err(|error| {
            tracing::warn!(%error, "the broker did not store a dead letter");
            ApiError::unavailable(2)
        })
}

/// A number of its own for what was never stored in a stream: of an update that comes again, the same.
fn number(id: MessageId) -> u64 {
    let (high, _) = id.0.as_u64_pair();
    // As far as numbers of JSON are exact everywhere.
    high >> 12
}
