//! Identifiers: newtypes over [`Uuid`], and the rules that derive them.
//!
//! Anything a platform may deliver twice gets a UUIDv5 of what it is, so the second delivery has the
//! same id. Only what a person creates through the API is drawn at random (UUIDv7, time-ordered).

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::reply_token::ReplyToken;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
        #[serde(transparent)]
        #[schema(value_type = Uuid)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A fresh, time-ordered id (UUIDv7).
            #[must_use]
            #[allow(clippy::new_without_default, reason = "an id drawn by accident is a defect")]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }

            /// The 32 hex digits without dashes: the form used in subjects.
            #[must_use]
            pub fn simple(&self) -> uuid::fmt::Simple {
                self.0.simple()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
    )*};
}

ids! {
    /// A customer of the hub; every row and every request belongs to exactly one.
    TenantId,
    /// One account on one platform.
    ChannelId,
    /// One person, known by one or more addresses.
    ContactId,
    /// One thread between the hub and a platform's conversation.
    ConversationId,
    /// One message, inbound or outbound.
    MessageId,
    /// One file: an attachment's or an upload.
    MediaId,
    /// One API key.
    ApiKeyId,
    /// One routing rule.
    RuleId,
    /// One reply template.
    TemplateId,
    /// One address that must not be written to.
    SuppressionId,
    /// One message to many contacts.
    CampaignId,
    /// One list of contacts.
    ListId,
    /// One rule by which contacts are chosen.
    SegmentId,
    /// One file of contacts that was read in.
    ImportId,
}

/// Joins parts so that no two different lists of parts give the same bytes.
fn derive(namespace: Uuid, parts: &[&str]) -> Uuid {
    let mut name = Vec::with_capacity(parts.iter().map(|part| part.len() + 4).sum());
    for part in parts {
        name.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_le_bytes());
        name.extend_from_slice(part.as_bytes());
    }
    Uuid::new_v5(&namespace, &name)
}

impl MessageId {
    /// An inbound message: UUIDv5(channel, the platform's id of the message).
    #[must_use]
    pub fn inbound(channel: ChannelId, platform_id: &str) -> Self {
        Self(derive(channel.0, &["message", platform_id]))
    }

    /// Stands for a message we sent, by the id its platform gave it, until the ledger says which it is:
    /// UUIDv5(channel, the platform's id).
    #[must_use]
    pub fn sent(channel: ChannelId, provider_id: &str) -> Self {
        Self(derive(channel.0, &["sent", provider_id]))
    }

    /// An API send with an `Idempotency-Key`: UUIDv5(tenant, key).
    #[must_use]
    pub fn idempotent(tenant: TenantId, key: &str) -> Self {
        Self(derive(tenant.0, &["idempotency-key", key]))
    }

    /// A campaign's message to a contact: UUIDv5(campaign, contact).
    #[must_use]
    pub fn campaign(campaign: CampaignId, contact: ContactId) -> Self {
        Self(Uuid::new_v5(&campaign.0, contact.0.as_bytes()))
    }

    /// An automatic reply: UUIDv5(the message that caused it, the rule's name).
    #[must_use]
    pub fn reply(cause: MessageId, rule: &str) -> Self {
        Self(derive(cause.0, &["reply", rule]))
    }
}

impl MediaId {
    /// The file of a message's attachment: UUIDv5(message, its place among them).
    #[must_use]
    pub fn of(message: MessageId, place: usize) -> Self {
        Self(derive(message.0, &["media", &place.to_string()]))
    }
}

impl ConversationId {
    /// UUIDv5(channel, the platform's conversation), unless that is a [`ReplyToken`] of this channel: then the
    /// conversation it names.
    #[must_use]
    pub fn of(channel: ChannelId, platform_conversation: &str) -> Self {
        ReplyToken::of_key(platform_conversation)
            .and_then(|token| token.conversation(channel))
            .unwrap_or_else(|| Self(derive(channel.0, &["conversation", platform_conversation])))
    }
}

impl ContactId {
    /// The contact first seen under an address: UUIDv5(tenant, kind of address, address).
    #[must_use]
    pub fn of(tenant: TenantId, address_kind: &str, address: &str) -> Self {
        Self(derive(tenant.0, &["contact", address_kind, address]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_run_together() {
        let channel = ChannelId(Uuid::from_u128(7));
        assert_ne!(
            derive(channel.0, &["ab", "c"]),
            derive(channel.0, &["a", "bc"])
        );
    }

    #[test]
    fn derived_ids_are_frozen() {
        let channel = ChannelId(Uuid::from_u128(1));
        assert_eq!(
            MessageId::inbound(channel, "42").to_string(),
            MessageId::inbound(channel, "42").to_string()
        );
        assert_ne!(
            MessageId::inbound(channel, "42").0,
            ConversationId::of(channel, "42").0
        );
    }
}
