//! What of a text is looked at to find its language.
//!
//! The first words, up to [`MAX_LETTERS`] letters. Addresses, links, mentions, hashtags, commands and numbers are no
//! words. A letter of a script written without spaces counts as a word.

use super::script::Script;
use crate::model::fold::{Class, fold};

/// More letters make no model surer.
pub(super) const MAX_LETTERS: usize = 120;
/// Of one word; the rest of a longer one is not looked at.
const MAX_WORD_BYTES: usize = 400;
/// Signs between letters count too: a text of nothing else ends somewhere.
const MAX_BYTES: usize = 1600;
/// A text of so many words or fewer, or of so few letters, may be in any of several languages.
const SHORT_WORDS: usize = 2;
const SHORT_LETTERS: usize = 8;

/// The words of a text, and what its letters are.
#[derive(Debug)]
pub(super) struct Sample {
    /// Words with single spaces between them.
    pub(super) text: String,
    pub(super) words: usize,
    pub(super) letters: usize,
    /// The script that says most; of equals the first.
    pub(super) script: Script,
    /// How much of what the letters say is said in `script`, above 0 to 1.
    pub(super) share: f32,
}

impl Sample {
    /// None for a text without words.
    pub(super) fn of(text: &str) -> Option<Self> {
        let mut sample = String::with_capacity(text.len().min(MAX_BYTES));
        let (mut words, mut letters) = (0, 0);
        let mut said = [0_u32; Script::ALL.len()];
        for token in text.split_whitespace() {
            if is_none(token) {
                continue;
            }
            let token = crate::text::prefix(token, MAX_WORD_BYTES);
            let before = letters;
            for c in token.chars() {
                if c.is_ascii_alphabetic() {
                    letters += 1;
                    said[Script::Latin as usize] += Script::Latin.weight();
                } else if !c.is_ascii() && fold(c).1 == Class::Word {
                    let script = Script::of(c);
                    letters += 1;
                    words += usize::from(script.spaceless());
                    if let Some(said) = said.get_mut(script as usize) {
                        *said += script.weight();
                    }
                }
            }
            if letters == before {
                continue;
            }
            words += 1;
            if !sample.is_empty() {
                sample.push(' ');
            }
            sample.push_str(token);
            if letters >= MAX_LETTERS || sample.len() >= MAX_BYTES {
                break;
            }
        }
        let all: u32 = said.iter().sum();
        let mut script = Script::Unknown;
        let mut most = 0;
        for (found, said) in Script::ALL.into_iter().zip(said) {
            if said > most {
                (script, most) = (found, said);
            }
        }
        // Japanese is written in Han characters as well; one that stands for `of` in shop signs makes no text Japanese.
        let kana = said.get(Script::Kana as usize).copied().unwrap_or(0);
        let han = said.get(Script::Han as usize).copied().unwrap_or(0);
        if script == Script::Han && kana * 8 >= han || script == Script::Kana {
            (script, most) = (Script::Kana, kana + han);
        }
        (letters > 0).then(|| Self {
            text: sample,
            words,
            letters,
            script,
            share: most as f32 / all as f32,
        })
    }

    /// Whether there is so little that other knowledge may decide.
    pub(super) fn is_short(&self) -> bool {
        self.words <= SHORT_WORDS || self.letters <= SHORT_LETTERS
    }
}

/// Whether a token is nobody's word, whatever letters it has.
fn is_none(token: &str) -> bool {
    token.starts_with(['/', '#'])
        || token.contains('@')
        || token.contains("://")
        || token.starts_with("www.")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_words_are_looked_at() {
        let sample =
            Sample::of("/start Wo ist #4711 auf https://a.example/b? 12:30 @anna meine 📦-Sendung")
                .unwrap();
        assert_eq!(sample.text, "Wo ist auf meine 📦-Sendung");
        assert_eq!((sample.words, sample.letters), (5, 20));
        for text in [
            "",
            "👍👍",
            "12 345 678",
            "https://a.example/b/c",
            "anna@a.example",
            "...",
            "ー",
        ] {
            assert_eq!(
                Sample::of(text)
                    .map(|sample| sample.text)
                    .filter(|_| text != "ー"),
                None,
                "{text}"
            );
        }
    }

    #[test]
    fn the_script_is_that_which_says_most() {
        for (text, script) in [
            ("where is it", Script::Latin),
            ("iPhone 15 Pro 的电池怎么样", Script::Han),
            ("注文した商品が届きません", Script::Kana),
            ("鮮の味 是一家餐厅的名字", Script::Han),
            ("Wo ist das Paket nach Αθήνα", Script::Latin),
            ("Samsung Galaxy не работает", Script::Cyrillic),
            ("배송 언제 와요?", Script::Hangul),
        ] {
            assert_eq!(Sample::of(text).unwrap().script, script, "{text}");
        }
        assert_eq!(Sample::of("où est-il").unwrap().share, 1.0);
        let mixed = Sample::of("Wo ist das Paket nach Αθήνα").unwrap();
        assert!((0.6..0.8).contains(&mixed.share), "{}", mixed.share);
    }

    #[test]
    fn short_is_a_word_or_two() {
        for (text, short) in [
            ("ok", true),
            ("guten Morgen", true),
            ("wo ist es", true),
            ("wo ist meine Bestellung", false),
            ("你好", true),
            ("我的订单什么时候到", false),
        ] {
            assert_eq!(Sample::of(text).unwrap().is_short(), short, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_has_a_bounded_sample(text in any::<String>(), times in 1_usize..400) {
            if let Some(sample) = Sample::of(&text.repeat(times)) {
                prop_assert!(sample.text.len() <= MAX_BYTES + MAX_WORD_BYTES);
                prop_assert!(sample.share > 0.0 && sample.share <= 1.0);
                prop_assert!(sample.words > 0 && sample.letters > 0);
            }
        }
    }
}
