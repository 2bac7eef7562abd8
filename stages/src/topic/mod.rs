//! Key phrases of a text: what it is about, in its own words.
//!
//! After YAKE (Campos et al., 2020, "YAKE! Keyword extraction from single documents using multiple local features"): no
//! model and no corpus, only casing, position, frequency and the company a word keeps (`score`). Adapted to short
//! texts: phrases are cut at stop words (`stop_words`) and at punctuation, and phrases that overlap are given once.
//!
//! Invariants: at most [`MAX_PHRASES`] phrases of one to three words; no word with a digit, no address, nothing that
//! `private` hides; the same text gives the same phrases on every machine. A greeting has none.
//!
//! Phrases are in lower case, so that a statistic counts `Refund` and `refund` together, but for words that the writer
//! meant with a capital: `VAT`, `PayPal`, a name within a sentence, a noun in German.
//!
//! Deliberately absent: phrases of scripts without spaces between words and of Korean, which would take a dictionary
//! (Latin words within them are found), and stemming.

mod private;
mod score;
mod stop_words;

use self::{score::Token, stop_words::Vocabulary};
use crate::{
    text::prefix,
    word::{Gap, Script, Word, Words, is_upper},
};

/// Phrases of one text.
pub const MAX_PHRASES: usize = 5;
/// What comes after is not looked at.
pub const MAX_TEXT_BYTES: usize = 4096;
const MAX_PHRASE_BYTES: usize = 80;
const MAX_WORD_CHARACTERS: usize = 30;
/// Longer words in capitals are codes more often than names.
const MAX_ACRONYM_CHARACTERS: usize = 7;

/// How a word is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Case {
    /// In lower case, or in letters without case.
    Plain,
    /// With a capital because a sentence begins.
    Initial,
    /// With a capital within a sentence.
    Capital,
    /// `VAT`, `iPhone`.
    Marked,
}

/// What a word can be in a phrase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Content,
    /// Only beside a content word.
    Weak,
    /// Only between two of them.
    Link,
    Stop,
}

/// The key phrases of a text, the weightiest first; `limit` of them, at most [`MAX_PHRASES`].
///
/// `language` is the ISO 639 code. Where it is unknown the stop words of all languages count; in a language that has no
/// table only words that stand out are taken: with a capital of their own, or repeated.
#[must_use]
pub fn phrases(text: &str, language: Option<&str>, limit: usize) -> Vec<String> {
    let limit = limit.min(MAX_PHRASES);
    let text = whole_words(text);
    let words = Words::of(text);
    if limit == 0 || words.words.is_empty() {
        return Vec::new();
    }
    let tokens = tokens(text, &words, language);
    score::best(&tokens, Order::of(language), limit)
        .into_iter()
        .map(|places| written(&words, &tokens, &places))
        .filter(|phrase| phrase.len() <= MAX_PHRASE_BYTES)
        .collect()
}

/// As much of the text as is looked at.
fn whole_words(text: &str) -> &str {
    let start = prefix(text, MAX_TEXT_BYTES);
    match start.rsplit_once(char::is_whitespace) {
        Some((words, _)) if start.len() < text.len() => words,
        _ => start,
    }
}

/// What a language's writing says of its phrases.
#[derive(Clone, Copy, Debug, Default)]
struct Order {
    /// Adjectives follow their noun.
    noun_first: bool,
    /// Nouns have a capital.
    noun_capital: bool,
}

impl Order {
    fn of(language: Option<&str>) -> Self {
        Self {
            noun_first: matches!(language, Some("fr" | "es" | "it" | "pt" | "ar")),
            noun_capital: language == Some("de"),
        }
    }
}

fn tokens(text: &str, words: &Words<'_>, language: Option<&str>) -> Vec<Token> {
    let hidden = private::hidden(text, words);
    let cases = cases(words, language);
    let vocabulary = Vocabulary::of(language);
    let mut terms = score::Terms::of(words.words.len());
    let mut tokens: Vec<Token> = Vec::with_capacity(words.words.len());
    for ((word, hidden), case) in words.words.iter().zip(hidden).zip(cases) {
        let folded = words.folded(word);
        let role = if hidden || !is_word(word, case) {
            None
        } else if let Some(vocabulary) = vocabulary {
            let kind = match folded.strip_prefix('و') {
                // "And", written with the word.
                Some(rest)
                    if language == Some("ar") && vocabulary.is_stop(stop_words::kind(rest)) =>
                {
                    stop_words::kind(rest)
                }
                _ => stop_words::kind(folded),
            };
            Some(if vocabulary.is_link(kind) {
                Role::Link
            } else if vocabulary.is_stop(kind) || folded.chars().nth(1).is_none() {
                Role::Stop
            } else if vocabulary.is_weak(kind) {
                Role::Weak
            } else {
                Role::Content
            })
        } else {
            Some(Role::Content)
        };
        tokens.push(Token {
            term: terms.number(folded),
            role: role.unwrap_or(Role::Stop),
            // A word left out parts what stands around it as punctuation does.
            gap: if role.is_none() {
                Gap::Clause
            } else {
                word.gap
            },
            case,
            short: folded.chars().nth(2).is_none(),
        });
    }
    if vocabulary.is_none() {
        only_outstanding(&mut tokens);
    }
    tokens
}

/// Without stop words: a capital of its own, or a word of four letters or more said twice.
fn only_outstanding(tokens: &mut [Token]) {
    let mut said = std::collections::HashMap::<u32, u32>::new();
    for token in &*tokens {
        *said.entry(token.term).or_default() += 1;
    }
    for token in tokens {
        let often = !token.short && said.get(&token.term).is_some_and(|times| *times > 1);
        if !often && !matches!(token.case, Case::Capital | Case::Marked) {
            token.role = Role::Stop;
        }
    }
}

/// Whether a run of letters is a word that may be shown.
fn is_word(word: &Word<'_>, case: Case) -> bool {
    if word.has_digit || word.script != Script::Spaced {
        return false;
    }
    let characters = word.text.chars().count();
    if case != Case::Marked {
        return characters <= MAX_WORD_CHARACTERS;
    }
    let (mut changes, mut lower) = (0, false);
    for c in word.text.chars() {
        changes += usize::from(lower && c.is_uppercase());
        lower = c.is_lowercase();
    }
    let code = changes > 2 || (changes == 0 && characters > MAX_ACRONYM_CHARACTERS);
    characters <= MAX_WORD_CHARACTERS && !code
}

/// How each word is written. In a text that shouts, or gives every word a capital, capitals mean nothing.
fn cases(words: &Words<'_>, language: Option<&str>) -> Vec<Case> {
    let mut cases = Vec::with_capacity(words.words.len());
    let (mut cased, mut marked, mut within, mut capital) = (0, 0, 0, 0);
    for word in &words.words {
        let mut characters = word.text.chars();
        let first = characters.next().is_some_and(is_upper);
        let inner = characters.any(is_upper);
        let case = match (first, inner) {
            (false, false) => Case::Plain,
            (_, true) => Case::Marked,
            (true, false) if word.gap == Gap::Sentence => Case::Initial,
            (true, false) => Case::Capital,
        };
        if !word.has_digit {
            cased += 1;
            marked += usize::from(case == Case::Marked);
        }
        if word.gap != Gap::Sentence && word.text.len() > 3 {
            within += 1;
            capital += usize::from(case == Case::Capital);
        }
        cases.push(case);
    }
    let shouted = marked * 2 > cased;
    let title = language != Some("de") && within >= 3 && capital * 10 > within * 7;
    for case in &mut cases {
        if shouted || (title && *case == Case::Capital) {
            *case = Case::Plain;
        }
    }
    cases
}

/// A phrase as it is shown.
fn written(words: &Words<'_>, tokens: &[Token], places: &score::Places) -> String {
    let mut phrase = String::with_capacity(MAX_PHRASE_BYTES);
    for place in places.range() {
        let (Some(word), Some(token)) = (words.words.get(place), tokens.get(place)) else {
            continue;
        };
        if !phrase.is_empty() {
            phrase.push(if word.gap == Gap::Apostrophe {
                '\''
            } else {
                ' '
            });
        }
        if matches!(token.case, Case::Capital | Case::Marked)
            || (token.case == Case::Initial && places.keeps_initial)
        {
            phrase.push_str(word.text);
        } else {
            phrase.extend(word.text.chars().flat_map(char::to_lowercase));
        }
    }
    phrase
}

#[cfg(test)]
mod tests;
