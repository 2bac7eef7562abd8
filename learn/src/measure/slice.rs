//! The same measures over parts of the data.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{outcome::Judgement, quality::Quality};
use crate::dataset::Example;

/// A part of the texts in scope.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Slice {
    pub name: String,
    pub quality: Quality,
}

/// Means over languages, each counting the same.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LanguageMean {
    pub languages: usize,
    pub accuracy: f64,
    /// Of the languages' macro-F1, each over the labels that occur in that language.
    pub macro_f1: f64,
    pub average_recall: f64,
}

impl LanguageMean {
    pub(super) fn of(slices: &BTreeMap<&'static str, Vec<Slice>>) -> Option<Self> {
        let languages = slices.get("language")?;
        let mean = |of: fn(&Quality) -> f64| {
            let sum: f64 = languages.iter().map(|slice| of(&slice.quality)).sum();
            sum / languages.len() as f64
        };
        Some(Self {
            languages: languages.len(),
            accuracy: mean(|quality| quality.accuracy),
            macro_f1: mean(|quality| quality.macro_f1),
            average_recall: mean(|quality| quality.average_recall),
        })
    }
}

/// By language, channel and length, each where it tells texts apart.
pub(super) fn slices(
    judged: &Judgement,
    inside: &[usize],
    examples: &[Example],
) -> BTreeMap<&'static str, Vec<Slice>> {
    let by = |key: fn(&Example) -> Option<String>| {
        let mut parts: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for place in inside {
            if let Some(name) = examples.get(*place).and_then(key) {
                parts.entry(name).or_default().push(*place);
            }
        }
        let measured = |(name, places): (String, Vec<usize>)| Slice {
            name,
            quality: Quality::of(judged, &places),
        };
        parts.into_iter().map(measured).collect::<Vec<_>>()
    };
    [
        ("language", by(|example| example.language.clone())),
        ("channel", by(|example| example.channel.clone())),
        (
            "length",
            by(|example| Some(length(&example.text).to_owned())),
        ),
    ]
    .into_iter()
    .filter(|(_, parts)| parts.len() > 1)
    .collect()
}

/// By words between white space; the names are in the order of the lengths.
fn length(text: &str) -> &'static str {
    match text.split_whitespace().count() {
        0..=2 => "1-2 words",
        3..=5 => "3-5 words",
        6..=20 => "6-20 words",
        _ => "over 20 words",
    }
}
