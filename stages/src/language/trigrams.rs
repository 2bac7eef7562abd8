//! whatlang: trigrams and alphabets of 69 languages. Sure of longer texts and of scripts that belong to one language.

use schemas::Language;
use whatlang::{Detector, Lang};

use super::{iso, sample::Sample, unsure};

/// What stands in a message as its model.
const NAME: &str = "whatlang";

/// whatlang, for the languages that are allowed.
pub(super) struct Whatlang(Option<Detector>);

impl Whatlang {
    /// No codes: all languages.
    pub(super) fn among(codes: &[String]) -> Self {
        if codes.is_empty() {
            return Self(Some(Detector::new()));
        }
        let codes: Vec<&str> = codes.iter().map(|code| iso::canonical(code)).collect();
        let allowed = Lang::all().iter().copied();
        let allowed: Vec<Lang> = allowed
            .filter(|lang| codes.contains(&iso::canonical(lang.code())))
            .collect();
        // An empty list would allow all.
        Self((!allowed.is_empty()).then(|| Detector::with_allowlist(allowed)))
    }

    /// `und` where it does not think itself reliable.
    pub(super) fn detect(&self, sample: &Sample) -> Language {
        let found = self.0.as_ref().and_then(|one| one.detect(&sample.text));
        let Some(found) = found else {
            return unsure(0.0, NAME);
        };
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a number from 0 to 1 keeps its meaning"
        )]
        let confidence = (found.confidence() as f32).clamp(0.0, 1.0);
        if found.is_reliable() {
            super::language(found.lang().code(), confidence, NAME)
        } else {
            unsure(confidence, NAME)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_of_the_model_has_a_two_letter_code() {
        for lang in Lang::all() {
            assert_eq!(iso::canonical(lang.code()).len(), 2, "{}", lang.code());
        }
    }

    #[test]
    fn only_what_is_allowed_is_answered() {
        let codes = |codes: &[&str]| -> Vec<String> {
            codes.iter().map(|code| (*code).to_owned()).collect()
        };
        let text = "Wann kommt meine Bestellung an? Ich warte schon seit zwei Wochen darauf.";
        let sample = Sample::of(text).unwrap();
        let detect = |allowed: &[&str]| Whatlang::among(&codes(allowed)).detect(&sample).code;
        assert_eq!(detect(&[]), "de");
        assert_eq!(detect(&["de", "en"]), "de");
        assert_ne!(detect(&["nl", "en"]), "de");
        assert_eq!(detect(&["ceb"]), "und");
    }
}
