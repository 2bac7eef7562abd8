//! When a message is tried again, and when not any more.
//!
//! Waits grow fourfold from 8 seconds: eight tries spread over about twelve hours. A platform's own
//! wish is honoured when it is longer. The jitter is drawn from the message's id, so a repeated
//! decision is the same decision.

use std::time::Duration;

use schemas::MessageId;

/// Tries of one message, the first included.
pub const MAX_ATTEMPTS: u32 = 8;

const FIRST: Duration = Duration::from_secs(8);
const FACTOR: u32 = 4;

/// How long to wait after `attempt` tries (1 and up) before the next; `None`: give up.
#[must_use]
pub fn next(message: MessageId, attempt: u32, asked: Option<Duration>) -> Option<Duration> {
    if attempt >= MAX_ATTEMPTS {
        return None;
    }
    let grown = FIRST * FACTOR.pow(attempt.saturating_sub(1));
    let wait = grown.max(asked.unwrap_or_default());
    // Up to a quarter more, never less: a platform that named a time means it.
    Some(wait + wait.mul_f64(spread(message, attempt) / 4.0))
}

/// A number in `[0, 1)` that looks random and is not (splitmix64 of the id and the attempt).
fn spread(message: MessageId, attempt: u32) -> f64 {
    let (high, low) = message.0.as_u64_pair();
    let mut mixed = (high ^ low.rotate_left(17))
        .wrapping_add(u64::from(attempt).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^= mixed >> 31;
    let top = u32::try_from(mixed >> 32).unwrap_or(u32::MAX);
    f64::from(top) / (f64::from(u32::MAX) + 1.0)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn eight_tries_over_about_twelve_hours() {
        for id in 0..200_u128 {
            let message = MessageId(Uuid::from_u128(id << 32 | id));
            let waits: Vec<Duration> = (1..)
                .map_while(|attempt| next(message, attempt, None))
                .collect();
            assert_eq!(waits.len(), 7);
            let hours = waits.iter().sum::<Duration>().as_secs() / 3600;
            assert!((12..=15).contains(&hours), "{hours}");
            assert!(waits.is_sorted());
        }
    }

    #[test]
    fn the_same_decision_twice_and_different_ones_for_different_messages() {
        let of = |id| next(MessageId(Uuid::from_u128(id)), 3, None);
        assert_eq!(of(5), of(5));
        let different: std::collections::HashSet<_> = (0..50).map(of).collect();
        assert!(different.len() > 40);
    }

    #[test]
    fn the_platforms_wish_is_the_least() {
        let message = MessageId(Uuid::from_u128(1));
        let hour = Duration::from_secs(3600);
        assert!(next(message, 1, Some(hour)).unwrap() >= hour);
        assert!(next(message, 6, Some(Duration::from_secs(1))).unwrap() > hour);
        assert_eq!(next(message, MAX_ATTEMPTS, Some(hour)), None);
    }
}
