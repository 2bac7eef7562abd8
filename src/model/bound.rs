//! `--min acc=0.92,ece=0.04`: what a model must reach.

use std::str::FromStr;

use anyhow::{Context, bail};
use learn::measure::Measures;

use super::figure::{self, Figure};

/// A bound of one figure: the least, or of a cost the most.
#[derive(Clone, Debug)]
pub(super) struct Bound {
    key: &'static str,
    value: f64,
}

impl FromStr for Bound {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let (key, value) = text
            .split_once('=')
            .with_context(|| format!("`{text}` is no bound; write one like acc=0.92"))?;
        let Some(figure) = figure::ALL.iter().find(|figure| figure.key == key.trim()) else {
            let keys: Vec<&str> = figure::ALL.iter().map(|figure| figure.key).collect();
            bail!("`{key}` is no figure; figures are {}", keys.join(", "));
        };
        let value: f64 = value
            .trim()
            .parse()
            .ok()
            .filter(|value: &f64| value.is_finite())
            .with_context(|| format!("`{value}` is no number; shares are written like 0.92"))?;
        Ok(Self {
            key: figure.key,
            value,
        })
    }
}

impl Bound {
    /// What is wrong, if anything.
    pub(super) fn missed(&self, model: &str, measures: &Measures) -> Option<String> {
        let figure: &Figure = figure::ALL.iter().find(|figure| figure.key == self.key)?;
        let bound = self.value;
        let Some(reached) = (figure.of)(measures) else {
            return Some(format!(
                "{model}: {} cannot be told from this model and data",
                self.key
            ));
        };
        if figure.is_cost {
            (reached > bound)
                .then(|| format!("{model}: {} is {reached:.4}, more than {bound}", self.key))
        } else {
            (reached < bound)
                .then(|| format!("{model}: {} is {reached:.4}, less than {bound}", self.key))
        }
    }
}

#[cfg(test)]
mod tests {
    use learn::measure::{Answers, Options, score};

    use super::*;

    #[test]
    fn costs_are_bounded_from_above() {
        let labels = ["a".to_owned()];
        let answers = Answers {
            labels: &labels,
            thresholds: None,
            predictions: &[],
        };
        let mut measures = score(&answers, &[], &Options::default());
        measures.quality.accuracy = 0.9;
        measures.quality.ece15 = Some(0.05);
        let missed = |text: &str| text.parse::<Bound>().unwrap().missed("m", &measures);
        assert_eq!(missed("acc=0.9"), None);
        assert_eq!(
            missed("acc=0.91").unwrap(),
            "m: acc is 0.9000, less than 0.91"
        );
        assert_eq!(missed("ece=0.05"), None);
        assert_eq!(
            missed("ece=0.04").unwrap(),
            "m: ece is 0.0500, more than 0.04"
        );
        assert!(missed("auroc=0.1").unwrap().contains("cannot be told"));
    }

    #[test]
    fn a_bound_that_cannot_be_meant_is_refused() {
        let refused = |text: &str| text.parse::<Bound>().unwrap_err().to_string();
        assert!(refused("acc").contains("write one like acc=0.92"));
        assert!(refused("accuracy=1").contains("figures are n, "));
        assert!(refused("acc=much").contains("is no number"));
        assert!(refused("acc=NaN").contains("is no number"));
    }
}
