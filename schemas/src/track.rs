//! Tracking: what became of a message.
//!
//! Invariant: a delivery state only moves up its lattice ([`DeliveryState::join`]); events may
//! arrive twice and in any order.

use std::str::FromStr;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    ChannelId, ConversationId, DecodeError, MessageId, TenantId, Timestamp, envelope::encode_marked,
};

const MARK: [u8; 3] = [0xC1, b'K', 1];

/// Something that happened to a message; travels on `track.<tenant>.<context>.<event>`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TrackEvent {
    /// UUIDv5(message, kind, occurrence): the same event seen twice has the same id.
    pub id: Uuid,
    pub tenant: TenantId,
    pub channel: ChannelId,
    pub conversation: ConversationId,
    pub message: MessageId,
    pub context: TrackContext,
    pub kind: TrackKind,
    pub at: Timestamp,
    /// The provider's id of the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_id: Option<String>,
    /// A reason or a code, never content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Whom it concerns; what a platform says names our messages by its own ids.
    #[serde(default, skip_serializing_if = "About::is_message")]
    pub about: About,
}

/// Whom a tracking event concerns.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// `message`.
    #[default]
    Message,
    /// What the platform knows as `provider_id`; `message` is [`MessageId::sent`] until the projector has looked it up.
    Sent,
    /// All that was sent in `conversation` up to `at`.
    Conversation,
    /// An address of the channel's kind, in the form of a sender's id.
    Address(String),
}

impl About {
    #[must_use]
    pub fn is_message(&self) -> bool {
        *self == Self::Message
    }
}

impl TrackEvent {
    /// The id of an event: `occurrence` tells repeated events of one kind apart (attempt number,
    /// the platform's event id), empty where a kind happens once.
    #[must_use]
    pub fn derive_id(message: MessageId, kind: TrackKind, occurrence: &str) -> Uuid {
        Uuid::new_v5(
            &message.0,
            format!("track/{}/{occurrence}", kind.name()).as_bytes(),
        )
    }

    #[must_use]
    pub fn encode(&self) -> Bytes {
        encode_marked(MARK, self)
    }

    /// # Errors
    /// When the bytes are not a tracking event of this version.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let packed = bytes
            .strip_prefix(&MARK)
            .ok_or(DecodeError::NotAnEnvelope)?;
        Ok(rmp_serde::from_slice(packed)?)
    }
}

/// What a tracked message belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TrackContext {
    /// A message of a conversation.
    Message,
    /// A message of a campaign.
    Campaign,
    /// An inbound message.
    Inbound,
}

impl TrackContext {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Campaign => "campaign",
            Self::Inbound => "inbound",
        }
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $text:literal),* $(,)?) => {
        /// The kinds of tracking events.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
        pub enum TrackKind {
            $($(#[$doc])* #[serde(rename = $text)] $variant),*
        }

        impl TrackKind {
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }
        }

        impl FromStr for TrackKind {
            type Err = ();

            fn from_str(name: &str) -> Result<Self, ()> {
                match name { $($text => Ok(Self::$variant),)* _ => Err(()) }
            }
        }
    };
}

kinds! {
    /// Waits for its channel's next try.
    Retrying = "retrying",
    /// Handed to the platform.
    Sent = "sent",
    Delivered = "delivered",
    Read = "read",
    Failed = "failed",
    Bounced = "bounced",
    /// Whether it left cannot be known; a person decides.
    Unknown = "unknown",
    /// An inbound message a rule dropped.
    Dropped = "dropped",
    Opened = "opened",
    Clicked = "clicked",
    Unsubscribed = "unsubscribed",
    Complained = "complained",
    /// An address wants to hear from us again.
    Resubscribed = "resubscribed",
    /// An address cannot be written to any more: it blocked us, or left.
    Blocked = "blocked",
    /// Something about a telephone call: its status, or how well it could be heard.
    Call = "call",
}

/// Where an outbound message stands. Ordered: a state never moves to a lower one, except that
/// `Unknown` may be resolved by any later knowledge.
///
/// `Failed` has two places. Said by a sender it means that the message never left, and any receipt knows better. Said by
/// a receipt ([`Self::receipt_rank`]) it means that the platform took the message and gave it up later: above `Sent`,
/// level with `Bounced`, and still below `Delivered`, for what reached somebody did not fail.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// Accepted by the hub; in the OUT stream.
    Queued,
    /// A sender holds it; nothing left yet.
    Claimed,
    /// The provider is being called.
    Sending,
    /// Crashed while sending, or no answer: it may have left.
    Unknown,
    Failed,
    Sent,
    Bounced,
    Delivered,
    Read,
}

impl DeliveryState {
    pub const ALL: [Self; 9] = [
        Self::Queued,
        Self::Claimed,
        Self::Sending,
        Self::Unknown,
        Self::Failed,
        Self::Sent,
        Self::Bounced,
        Self::Delivered,
        Self::Read,
    ];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Claimed => "claimed",
            Self::Sending => "sending",
            Self::Unknown => "unknown",
            Self::Failed => "failed",
            Self::Sent => "sent",
            Self::Bounced => "bounced",
            Self::Delivered => "delivered",
            Self::Read => "read",
        }
    }

    /// The rank kept in the database, so that `greatest(rank)` is the join.
    #[must_use]
    pub const fn rank(self) -> i16 {
        self as i16
    }

    /// The rank of a state that a platform tells of a message it has taken; `None` where such words say nothing.
    #[must_use]
    pub const fn receipt_rank(self) -> Option<i16> {
        match self {
            Self::Failed => Some(Self::Bounced.rank()),
            Self::Sent | Self::Bounced | Self::Delivered | Self::Read => Some(self.rank()),
            Self::Queued | Self::Claimed | Self::Sending | Self::Unknown => None,
        }
    }

    /// The later of two states on the lattice.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        self.max(other)
    }

    /// What a tracking event says about the state, if anything.
    #[must_use]
    pub const fn of(kind: TrackKind) -> Option<Self> {
        match kind {
            TrackKind::Sent => Some(Self::Sent),
            TrackKind::Delivered => Some(Self::Delivered),
            TrackKind::Read => Some(Self::Read),
            TrackKind::Failed => Some(Self::Failed),
            TrackKind::Bounced => Some(Self::Bounced),
            TrackKind::Unknown => Some(Self::Unknown),
            TrackKind::Retrying
            | TrackKind::Dropped
            | TrackKind::Opened
            | TrackKind::Clicked
            | TrackKind::Unsubscribed
            | TrackKind::Complained
            | TrackKind::Resubscribed
            | TrackKind::Blocked
            | TrackKind::Call => None,
        }
    }
}

impl FromStr for DeliveryState {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        Self::ALL
            .into_iter()
            .find(|state| state.name() == name)
            .ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn status_never_goes_back(steps in proptest::collection::vec(0usize..9, 1..12)) {
            let mut state = DeliveryState::Queued;
            for step in steps {
                let next = state.join(DeliveryState::ALL[step]);
                prop_assert!(next >= state);
                state = next;
            }
        }

        #[test]
        fn receipts_end_at_the_same_rank_in_any_order(
            steps in proptest::collection::vec(0usize..9, 1..12), turn in 0usize..12
        ) {
            let raised = |steps: &[usize]| {
                let mut rank = DeliveryState::Sent.rank();
                for step in steps {
                    let told = DeliveryState::ALL[*step].receipt_rank().unwrap_or(rank);
                    let next = rank.max(told);
                    assert!(next >= rank);
                    rank = next;
                }
                rank
            };
            let mut turned = steps.clone();
            turned.rotate_left(turn % steps.len());
            prop_assert_eq!(raised(&steps), raised(&turned));
        }
    }

    #[test]
    fn a_late_failure_is_more_than_sent_and_less_than_delivered() {
        let late = DeliveryState::Failed.receipt_rank().unwrap();
        assert!(late > DeliveryState::Sent.rank() && late < DeliveryState::Delivered.rank());
        assert!(DeliveryState::Failed < DeliveryState::Sent);
    }
}
