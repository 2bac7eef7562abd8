//! Partitions: which of the [`PARTITIONS`] lanes a conversation travels in.
//!
//! The broker computes the same function (`{{partition(8,4)}}` of the stream's subject transform:
//! 32-bit FNV-1a of the token, modulo the number of partitions), so an adapter in any language
//! hashes nothing and still lands in the lane where the gateway puts the same conversation.

/// Partitions of every partitioned stream.
pub const PARTITIONS: u32 = 8;

/// The partition of a conversation token.
#[must_use]
pub fn of(token: &str) -> u32 {
    let hash = token.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    hash % PARTITIONS
}

/// The place of an item in its conversation: the broker's time of storage (µs) and the item's place
/// in its frame, in one number. Both directions are stored by one broker, so they sort together;
/// a redelivery or a replay gives the same place.
#[must_use]
pub fn position(stored_at: crate::Timestamp, index: u32) -> i64 {
    let items = i64::try_from(crate::frame::MAX_ITEMS).unwrap_or(i64::MAX);
    stored_at
        .0
        .saturating_mul(items)
        .saturating_add(i64::from(index))
}

/// A subject-safe token for a platform's conversation key: the key itself where it already is one,
/// else the hex digits of its bytes (bounded by the caller's bound on keys).
#[must_use]
pub fn token(key: &str) -> String {
    let safe = !key.is_empty()
        && key.len() <= 128
        && key
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'='));
    if safe {
        key.to_owned()
    } else {
        use std::fmt::Write;
        key.bytes()
            .take(128)
            .fold(String::from("x"), |mut out, byte| {
                // Writing to a String cannot fail.
                if write!(out, "{byte:02x}").is_err() {
                    out.clear();
                }
                out
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fnv1a_reference_values() {
        // Published FNV-1a 32 test vectors: "" → 811c9dc5, "a" → e40c292c, "foobar" → bf9cf968.
        assert_eq!(of(""), 0x811c_9dc5 % PARTITIONS);
        assert_eq!(of("a"), 0xe40c_292c % PARTITIONS);
        assert_eq!(of("foobar"), 0xbf9c_f968 % PARTITIONS);
    }

    #[test]
    fn tokens_are_subject_safe() {
        assert_eq!(token("-100123"), "-100123");
        assert_eq!(token("a.b c"), "x612e622063");
        assert_eq!(token(""), "x");
    }
}
