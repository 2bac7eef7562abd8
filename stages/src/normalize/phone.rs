//! Telephone addresses as platforms give them, in the one form contacts have them in.

pub(super) use schemas::address::phone::{canonical, international};
