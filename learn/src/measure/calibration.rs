//! Whether probabilities come true.

/// A probability that was claimed, and whether it came true.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Certain {
    /// 0 to 1.
    pub probability: f32,
    pub right: bool,
}

const BINS: usize = 15;

/// Expected calibration error over fifteen bins of equal width (Naeini, Cooper, Hauskrecht 2015; Guo et al. 2017): the
/// distance between mean probability and share that came true, weighted by the bins' sizes. 0 to 1; none without claims.
#[must_use]
pub fn ece15(claims: impl IntoIterator<Item = Certain>) -> Option<f64> {
    let mut bins = [(0.0f64, 0u64); BINS];
    let mut total = 0u64;
    for claim in claims {
        let probability = f64::from(claim.probability).clamp(0.0, 1.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and 15"
        )]
        let bin = ((probability * BINS as f64) as usize).min(BINS - 1);
        if let Some((difference, count)) = bins.get_mut(bin) {
            *difference += probability - f64::from(u8::from(claim.right));
            *count += 1;
            total += 1;
        }
    }
    let off: f64 = bins.iter().map(|(difference, _)| difference.abs()).sum();
    (total > 0).then(|| off / total as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_that_come_true_cost_nothing() {
        let claim = |probability, right| Certain { probability, right };
        let honest = [true, true, true, false].map(|right| claim(0.75, right));
        assert_eq!(ece15(honest), Some(0.0));
        let boast = [true, false].map(|right| claim(1.0, right));
        assert_eq!(ece15(boast), Some(0.5));
        // Two bins: one is 0.75 and always right, the other never claims too much.
        let mixed = [claim(0.75, true), claim(0.0, false)];
        assert_eq!(ece15(mixed), Some(0.125));
        assert_eq!(ece15([]), None);
        assert!(ece15([claim(f32::NAN, true)]).is_some());
    }
}
