//! How far a figure could be off by chance: 95 % intervals.

use serde::Serialize;

use super::{Options, outcome::Judgement, quality::Counts};
use crate::random::Random;

/// 95 % of intervals made like this one contain the true figure.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    pub low: f64,
    pub high: f64,
}

/// Texts looked at over all samples; large data needs fewer samples for the same precision.
const MOST_DRAWS: usize = 50_000_000;

/// Wilson's interval of a share (Wilson 1927); none of nothing.
#[must_use]
pub fn wilson(right: usize, n: usize) -> Option<Interval> {
    if n == 0 {
        return None;
    }
    let z = 1.959_963_984_540_054;
    let (n, share) = (n as f64, right as f64 / n as f64);
    let spread = z * (share * (1.0 - share) / n + z * z / (4.0 * n * n)).sqrt();
    let centre = share + z * z / (2.0 * n);
    let scale = 1.0 + z * z / n;
    Some(Interval {
        low: ((centre - spread) / scale).clamp(0.0, 1.0),
        high: ((centre + spread) / scale).clamp(0.0, 1.0),
    })
}

/// The middle 95 % of macro-F1 over samples drawn with replacement from the texts.
pub(super) fn macro_f1(
    judged: &Judgement,
    places: &[usize],
    options: &Options,
) -> Option<Interval> {
    let n = u32::try_from(places.len()).ok().filter(|n| *n > 0)?;
    let samples = options.samples.min((MOST_DRAWS / places.len()).max(40));
    let mut random = Random::new(options.seed);
    let mut scores = Vec::with_capacity(samples);
    for _ in 0..samples {
        let mut counts = vec![Counts::default(); judged.labels.len()];
        for _ in 0..n {
            let place = places.get(random.below(n) as usize)?;
            Counts::add(&mut counts, judged.outcomes.get(*place)?);
        }
        scores.push(Counts::macro_f1(&counts));
    }
    scores.sort_by(f64::total_cmp);
    let cut = samples / 40;
    Some(Interval {
        low: *scores.get(cut)?,
        high: *scores.get(samples - 1 - cut)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wilson_is_that_of_the_textbooks() {
        // Newcombe 1998, table I: 81 of 263 is 0.2553 to 0.3662.
        let interval = wilson(81, 263).unwrap();
        assert!((interval.low - 0.2553).abs() < 5e-5, "{interval:?}");
        assert!((interval.high - 0.3662).abs() < 5e-5, "{interval:?}");
        assert!(wilson(10, 10).unwrap().high > 0.999_999);
        assert_eq!(wilson(0, 0), None);
    }
}
