//! The language of a text.
//!
//! A language is given only when there is enough text and the model is sure; otherwise it is absent,
//! never a guess. Enough is three words, or twelve letters. Addresses, links, mentions, commands and
//! numbers are no words. A letter of a script written without spaces counts as a word.

use schemas::{Envelope, Language, Message, MessageType, Outcome, subject::stage};
use whatlang::Detector;

use crate::{Cx, Stage, not_normalized};

const MIN_WORDS: usize = 3;
const MIN_LETTERS: usize = 12;
/// More text than this makes no model surer.
const MAX_SAMPLE_BYTES: usize = 400;

/// A model that tells languages apart. Deterministic.
pub trait LanguageModel: Send + Sync {
    /// The language, or nothing when unsure. `text` has words of letters only.
    fn detect(&self, text: &str) -> Option<Language>;
}

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
            confidence,
            model: "whatlang".to_owned(),
        })
    }
}

/// The stage.
pub struct DetectLanguage {
    model: Box<dyn LanguageModel>,
}

impl Default for DetectLanguage {
    fn default() -> Self {
        Self {
            model: Box::new(Whatlang::default()),
        }
    }
}

impl Stage for DetectLanguage {
    fn name(&self) -> &'static str {
        stage::LANGUAGE
    }

    fn apply(&self, _: &Cx, mut envelope: Envelope) -> Outcome {
        let Some(message) = envelope.message_mut() else {
            return not_normalized();
        };
        message.language = if speaks(message) {
            sample(&message.content.text).and_then(|sample| self.model.detect(&sample))
        } else {
            None
        };
        Outcome::Next(Box::new(envelope))
    }
}

/// Whether the text is the sender's own words.
fn speaks(message: &Message) -> bool {
    !matches!(
        message.message_type,
        MessageType::Command
            | MessageType::Callback
            | MessageType::Event
            | MessageType::Unsupported
    )
}

/// The words of a text, when there are enough of them.
fn sample(text: &str) -> Option<String> {
    let mut sample = String::with_capacity(MAX_SAMPLE_BYTES.min(text.len()));
    let (mut words, mut letters) = (0, 0);
    for token in text.split_whitespace() {
        let no_word = token.contains("://")
            || token.contains('@')
            || token.starts_with(['/', '#'])
            || token.starts_with("www.");
        let found = token.chars().filter(|c| c.is_alphabetic()).count();
        if no_word || found == 0 {
            continue;
        }
        letters += found;
        words += 1 + token.chars().filter(|c| spaceless(*c)).count();
        if !sample.is_empty() {
            sample.push(' ');
        }
        sample.push_str(crate::text::prefix(
            token,
            MAX_SAMPLE_BYTES.saturating_sub(sample.len()),
        ));
        if sample.len() + 4 >= MAX_SAMPLE_BYTES {
            break;
        }
    }
    (words >= MIN_WORDS || letters >= MIN_LETTERS).then_some(sample)
}

/// Letters of scripts that put no spaces between words: Thai to Khmer, kana, Han.
fn spaceless(c: char) -> bool {
    matches!(c, '\u{0e00}'..='\u{0eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}'
        | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{20000}'..='\u{323af}')
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

    fn detect(text: &str) -> Option<String> {
        sample(text)
            .and_then(|sample| Whatlang::default().detect(&sample))
            .map(|language| language.code)
    }

    #[test]
    fn every_language_of_the_model_has_a_two_letter_code() {
        for lang in whatlang::Lang::all() {
            assert_eq!(iso_639_1(lang.code()).len(), 2, "{}", lang.code());
        }
    }

    #[test]
    fn sentences_are_recognized() {
        for (code, text) in [
            (
                "en",
                "Hello, could you please tell me when my order will arrive at the office?",
            ),
            (
                "de",
                "Guten Morgen, ich habe eine Frage zu meiner Bestellung von letzter Woche.",
            ),
            (
                "fr",
                "Bonjour, je voudrais savoir quand ma commande sera livrée, merci beaucoup.",
            ),
            (
                "es",
                "Hola, quisiera saber cuándo va a llegar mi pedido a la oficina, muchas gracias.",
            ),
            (
                "ru",
                "Здравствуйте, когда придёт мой заказ? Я жду его уже две недели.",
            ),
            ("ja", "こんにちは、注文はいつ届きますか"),
            ("zh", "我的订单什么时候到"),
            ("th", "สวัสดีครับ ผมอยากทราบสถานะคำสั่งซื้อ"),
        ] {
            assert_eq!(detect(text).as_deref(), Some(code), "{text}");
        }
    }

    #[test]
    fn too_little_text_is_no_language() {
        for text in [
            "",
            "ok",
            "ok ok",
            "👍👍👍👍👍",
            "12 345 678",
            "https://example.org/a/long/path/of/letters",
            "/start hello",
        ] {
            assert_eq!(detect(text), None, "{text}");
        }
    }

    #[test]
    fn the_sample_is_bounded() {
        let endless = "wort ".repeat(10_000) + &"x".repeat(10_000);
        assert!(sample(&endless).unwrap().len() <= MAX_SAMPLE_BYTES);
        assert!(sample(&"ß".repeat(10_000)).unwrap().len() <= MAX_SAMPLE_BYTES);
    }
}
