//! The language of a text.
//!
//! A language is given only when there is enough text and a model is sure; otherwise it is absent,
//! never a guess. Enough is three words, or twelve letters. Addresses, links, mentions, commands and
//! numbers are no words. A letter of a script written without spaces counts as a word.
//!
//! The most common words decide first: they are sure and quick where chat is short. What they leave
//! open, trigrams decide.

mod common_words;
mod trigrams;

use schemas::{Envelope, Language, Message, MessageType, Outcome, subject::stage};

pub use self::{common_words::CommonWords, trigrams::Whatlang};
use crate::{Cx, Stage, not_normalized};

const MIN_WORDS: usize = 3;
const MIN_LETTERS: usize = 12;
/// More text than this makes no model surer.
const MAX_SAMPLE_BYTES: usize = 400;

/// A model that tells languages apart. Deterministic.
pub trait LanguageModel: Send + Sync {
    /// The language, or nothing when unsure. `text` is words with single spaces between them.
    fn detect(&self, text: &str) -> Option<Language>;
}

/// The stage.
pub struct DetectLanguage {
    /// The first that is sure decides.
    models: Vec<Box<dyn LanguageModel>>,
}

impl Default for DetectLanguage {
    fn default() -> Self {
        Self {
            models: vec![Box::new(CommonWords), Box::new(Whatlang::default())],
        }
    }
}

impl DetectLanguage {
    fn detect(&self, text: &str) -> Option<Language> {
        let sample = sample(text)?;
        self.models.iter().find_map(|model| model.detect(&sample))
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
            self.detect(&message.content.text)
        } else {
            None
        };
        Outcome::Next(Box::new(envelope))
    }
}

/// Whether the text is the sender's own words.
pub(crate) fn speaks(message: &Message) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn detect(text: &str) -> Option<String> {
        DetectLanguage::default()
            .detect(text)
            .map(|language| language.code)
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
            ("fr", "Bonjour, où est ma commande ?"),
            ("en", "Hello, where is my order?"),
            ("de", "wo ist meine bestellung"),
            ("es", "hola, dónde está mi pedido"),
            ("it", "buongiorno, dove si trova il mio ordine?"),
            ("pt", "olá, onde está o meu pedido?"),
            ("nl", "waar is mijn bestelling gebleven"),
            ("pl", "gdzie jest moje zamówienie"),
            ("sv", "var är min beställning"),
            ("ru", "где мой заказ"),
            ("uk", "де моє замовлення"),
            ("vi", "đơn hàng của tôi ở đâu"),
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
            "asdf qwer zxcv uiop",
            "iPhone 15 Pro Max Samsung Galaxy",
            "ok super cool",
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
