//! Instagram events: as Meta's other platform.

use schemas::Message;

use super::{Filled, meta};

pub(super) fn fill(message: &mut Message, bytes: &[u8]) -> Filled {
    meta::fill(message, bytes)
}
