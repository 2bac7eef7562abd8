//! whatlang: trigrams and alphabets of 69 languages. Sure of longer texts and of scripts that belong
//! to one language.

use schemas::Language;
use whatlang::Detector;

use super::LanguageModel;

/// whatlang: trigrams and alphabets, 69 languages.
pub struct Whatlang(Detector);

impl Default for Whatlang {
    fn default() -> Self {
        Self(Detector::new())
    }
}

impl LanguageModel for Whatlang {
    fn detect(&self, text: &str) -> Option<Language> {
        let found = self.0.detect(text)?;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a number from 0 to 1 keeps its meaning"
        )]
        let confidence = (found.confidence() as f32).clamp(0.0, 1.0);
        found.is_reliable().then(|| Language {
            code: iso_639_1(found.lang().code()).to_owned(),
            iso639_3: String::new(),
            confidence,
            model: "whatlang".to_owned(),
        })
    }
}

/// ISO 639-1 of an ISO 639-3 code, where there is one. Mandarin, the two Norwegians' Bokmål and
/// Iranian Persian take the code of their macrolanguage's usual written form.
fn iso_639_1(code: &'static str) -> &'static str {
    match code {
        "afr" => "af",
        "aka" => "ak",
        "amh" => "am",
        "ara" => "ar",
        "aze" => "az",
        "bel" => "be",
        "ben" => "bn",
        "bul" => "bg",
        "cat" => "ca",
        "ces" => "cs",
        "cmn" => "zh",
        "cym" => "cy",
        "dan" => "da",
        "deu" => "de",
        "ell" => "el",
        "eng" => "en",
        "epo" => "eo",
        "est" => "et",
        "fin" => "fi",
        "fra" => "fr",
        "guj" => "gu",
        "heb" => "he",
        "hin" => "hi",
        "hrv" => "hr",
        "hun" => "hu",
        "hye" => "hy",
        "ind" => "id",
        "ita" => "it",
        "jav" => "jv",
        "jpn" => "ja",
        "kan" => "kn",
        "kat" => "ka",
        "khm" => "km",
        "kor" => "ko",
        "lat" => "la",
        "lav" => "lv",
        "lit" => "lt",
        "mal" => "ml",
        "mar" => "mr",
        "mkd" => "mk",
        "mya" => "my",
        "nep" => "ne",
        "nld" => "nl",
        "nob" => "nb",
        "ori" => "or",
        "pan" => "pa",
        "pes" => "fa",
        "pol" => "pl",
        "por" => "pt",
        "ron" => "ro",
        "rus" => "ru",
        "sin" => "si",
        "slk" => "sk",
        "slv" => "sl",
        "sna" => "sn",
        "spa" => "es",
        "srp" => "sr",
        "swe" => "sv",
        "tam" => "ta",
        "tel" => "te",
        "tgl" => "tl",
        "tha" => "th",
        "tuk" => "tk",
        "tur" => "tr",
        "ukr" => "uk",
        "urd" => "ur",
        "uzb" => "uz",
        "vie" => "vi",
        "yid" => "yi",
        "zul" => "zu",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_of_the_model_has_a_two_letter_code() {
        for lang in whatlang::Lang::all() {
            assert_eq!(iso_639_1(lang.code()).len(), 2, "{}", lang.code());
        }
    }
}
