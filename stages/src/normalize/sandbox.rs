//! Sandbox channels take the documented message as it is.

use schemas::{DeadReason, Message};

use super::{Filled, generic};

pub(super) fn fill(message: &mut Message, bytes: &[u8]) -> Result<Filled, DeadReason> {
    generic::fill(message, bytes)
}
