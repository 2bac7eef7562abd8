//! What travels on `bulk.<kind>.<channel>.<campaign>.<chunk>`.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{CampaignId, ChannelId, ChannelKind, DecodeError, TenantId, envelope::encode_marked};

const MARK: [u8; 3] = [0xC1, b'B', 1];

/// Recipients of a chunk at most.
pub const CHUNK: usize = 100;

/// Names up to [`CHUNK`] rows of the ledger that wait to be sent. It holds nothing else, so an old or doubled one does no
/// harm: the ledger says who of them is still to be sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    pub tenant: TenantId,
    pub campaign: CampaignId,
    pub channel: ChannelId,
    pub kind: ChannelKind,
    pub number: i32,
}

impl Chunk {
    #[must_use]
    pub fn encode(&self) -> Bytes {
        encode_marked(MARK, self)
    }

    /// # Errors
    /// When the bytes are not a chunk of this version.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let packed = bytes
            .strip_prefix(&MARK)
            .ok_or(DecodeError::NotAnEnvelope)?;
        Ok(rmp_serde::from_slice(packed)?)
    }
}
