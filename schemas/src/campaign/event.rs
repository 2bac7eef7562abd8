//! What travels on `track.<tenant>.campaign.<event>` when somebody opens, clicks, or wants no more.

use std::str::FromStr;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::shouted;
use crate::{
    CampaignId, ContactId, DecodeError, MessageId, TenantId, Timestamp, TrackKind,
    envelope::encode_marked, message::names,
};

const MARK: [u8; 3] = [0xC1, b'G', 1];

shouted! {
    /// What happened to a campaign's message.
    CampaignEventType {
        Open = "OPEN",
        Click = "CLICK",
        Bounce = "BOUNCE",
        Unsubscribe = "UNSUBSCRIBE",
        Complaint = "COMPLAINT",
    }
}

impl CampaignEventType {
    /// The event's token of the subject.
    #[must_use]
    pub const fn kind(self) -> TrackKind {
        match self {
            Self::Open => TrackKind::Opened,
            Self::Click => TrackKind::Clicked,
            Self::Bounce => TrackKind::Bounced,
            Self::Unsubscribe => TrackKind::Unsubscribed,
            Self::Complaint => TrackKind::Complained,
        }
    }
}

names! {
    /// Who opened or clicked, as far as can be told.
    Verdict {
        Human = "human",
        /// A proxy that fetches everything, a scanner, a preview.
        Machine = "machine",
    } default Human
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CampaignEvent {
    /// Drawn at the edge (UUIDv7), once a request; derived from what it is where it can be told twice.
    pub id: Uuid,
    pub tenant: TenantId,
    pub campaign: CampaignId,
    pub contact: ContactId,
    pub event: CampaignEventType,
    pub at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// Why, as a code: of a verdict, a bounce.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// What was clicked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Only where the tenant keeps such things.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip_address: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
}

impl CampaignEvent {
    #[must_use]
    pub fn message(&self) -> MessageId {
        MessageId::campaign(self.campaign, self.contact)
    }

    #[must_use]
    pub fn encode(&self) -> Bytes {
        encode_marked(MARK, self)
    }

    /// Whether bytes of TRACK are one of these, and not a [`crate::TrackEvent`].
    #[must_use]
    pub fn is(bytes: &[u8]) -> bool {
        bytes.starts_with(&MARK)
    }

    /// # Errors
    /// When the bytes are not such an event of this version.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let packed = bytes
            .strip_prefix(&MARK)
            .ok_or(DecodeError::NotAnEnvelope)?;
        Ok(rmp_serde::from_slice(packed)?)
    }
}
