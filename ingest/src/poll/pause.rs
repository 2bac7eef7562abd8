//! How long a poller rests after it failed.
//!
//! Invariant: never no time at all, and never longer than [`MOST`] unless the platform says so.

use std::time::Duration;

use super::PollError;

const FIRST: Duration = Duration::from_secs(1);
pub(super) const MOST: Duration = Duration::from_secs(300);
/// After credentials were refused; a change of the channel ends it.
pub(super) const BROKEN: Duration = Duration::from_secs(900);
/// The longest wait a platform may ask for.
const MOST_ASKED: Duration = Duration::from_secs(3600);
/// Failures in a row after which the channel counts as degraded.
pub(super) const DEGRADED_AFTER: u32 = 3;

/// The pause after the `failures`th failure in a row. `chance` from 0 to 1 spreads those who failed together.
pub(super) fn after(error: &PollError, failures: u32, chance: f64) -> Duration {
    match error {
        PollError::Ended => FIRST,
        PollError::Broken { .. } => spread(BROKEN, chance),
        PollError::Transient {
            after: Some(asked), ..
        } => (*asked).clamp(FIRST, MOST_ASKED),
        PollError::Transient { after: None, .. } => {
            let doubled = FIRST.saturating_mul(1_u32 << failures.saturating_sub(1).min(16));
            spread(doubled.min(MOST), chance)
        }
    }
}

/// Half to the whole.
fn spread(whole: Duration, chance: f64) -> Duration {
    whole.mul_f64(0.5 + chance.clamp(0.0, 1.0) / 2.0)
}

/// From 0 to 1.
pub(super) fn chance() -> f64 {
    let (high, _) = uuid::Uuid::new_v4().as_u64_pair();
    // The first bits; those that name the version come later.
    f64::from(u32::try_from(high >> 32).unwrap_or(0)) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_are_bounded() {
        let error = PollError::transient("x");
        let pauses: Vec<_> = (1..=40).map(|n| after(&error, n, 1.0)).collect();
        assert_eq!(pauses[0], FIRST);
        assert_eq!(pauses[1], FIRST * 2);
        assert!(pauses.is_sorted());
        assert_eq!(pauses[39], MOST);
        assert_eq!(after(&error, 1, 0.0), FIRST / 2);
        assert_eq!(after(&error, u32::MAX, 0.0), MOST / 2);
    }

    #[test]
    fn what_the_platform_asks_is_done_within_reason() {
        let asked = |seconds| PollError::later("x", Some(Duration::from_secs(seconds)));
        assert_eq!(after(&asked(7), 1, 0.0), Duration::from_secs(7));
        assert_eq!(after(&asked(0), 1, 0.0), FIRST);
        assert_eq!(after(&asked(1 << 40), 1, 0.0), MOST_ASKED);
        assert!(after(&PollError::broken("x"), 1, 0.0) >= BROKEN / 2);
    }

    #[test]
    fn chances_differ() {
        let chances: Vec<_> = (0..16).map(|_| chance()).collect();
        assert!(chances.iter().all(|chance| (0.0..=1.0).contains(chance)));
        assert!(chances.windows(2).any(|pair| pair[0] != pair[1]));
    }
}
