//! How long a model takes, on one thread, everything from the text on included.

use std::time::{Duration, Instant};

use serde::Serialize;
use stages::model::{Classifier, Document, Prediction};

use crate::dataset::{Example, language};

/// Texts answered before the clock starts.
const WARM_UP: usize = 200;

/// Time per text.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Speed {
    pub p50_us: f64,
    pub p99_us: f64,
    /// Over all texts, by the clock; a model with threads of its own uses more than one core for it.
    pub texts_per_s: f64,
}

/// Asks about every example, and how long it took; no speed without examples.
pub(super) fn timed(
    model: &dyn Classifier,
    examples: &[Example],
    batch: usize,
) -> (Vec<Option<Prediction>>, Option<Speed>) {
    let batch = batch.max(1);
    for part in examples
        .get(..WARM_UP.min(examples.len()))
        .unwrap_or(&[])
        .chunks(batch)
    {
        ask(model, part);
    }
    let mut predictions = Vec::with_capacity(examples.len());
    let mut shares: Vec<(Duration, usize)> = Vec::with_capacity(examples.len() / batch + 1);
    for part in examples.chunks(batch) {
        let started = Instant::now();
        let mut answers = ask(model, part);
        shares.push((started.elapsed(), part.len()));
        answers.resize(part.len(), None);
        predictions.append(&mut answers);
    }
    (predictions, Speed::of(&shares))
}

fn ask(model: &dyn Classifier, examples: &[Example]) -> Vec<Option<Prediction>> {
    let languages: Vec<Option<String>> = examples
        .iter()
        .map(|example| example.language.as_deref().map(language::code))
        .collect();
    let documents: Vec<Document<'_>> = examples
        .iter()
        .zip(&languages)
        .map(|(example, language)| Document::new(&example.text, language.as_deref()))
        .collect();
    let borrowed: Vec<&Document<'_>> = documents.iter().collect();
    model.classify(&borrowed)
}

impl Speed {
    fn of(batches: &[(Duration, usize)]) -> Option<Self> {
        let mut each: Vec<f64> = batches
            .iter()
            .map(|(time, texts)| time.as_secs_f64() * 1e6 / *texts as f64)
            .collect();
        each.sort_by(f64::total_cmp);
        let texts: usize = batches.iter().map(|(_, texts)| texts).sum();
        let total: Duration = batches.iter().map(|(time, _)| *time).sum();
        let at = |hundredth: usize| {
            each.get((each.len().checked_sub(1)? * hundredth).div_ceil(100))
                .copied()
        };
        Some(Self {
            p50_us: at(50)?,
            p99_us: at(99)?,
            texts_per_s: texts as f64 / total.as_secs_f64().max(1e-9),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_shares_its_time() {
        let ms = Duration::from_millis;
        let speed = Speed::of(&[(ms(4), 4), (ms(8), 4), (ms(4), 2)]).unwrap();
        assert_eq!((speed.p50_us, speed.p99_us), (2000.0, 2000.0));
        assert!((speed.texts_per_s - 625.0).abs() < 1e-6);
        assert_eq!(Speed::of(&[]), None);
    }
}
