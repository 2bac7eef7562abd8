//! Discord events.

use schemas::Message;

use super::{Filled, unsupported};

pub(super) fn fill(message: &mut Message, bytes: &[u8]) -> Filled {
    unsupported(message, bytes);
    Filled::MESSAGE
}
