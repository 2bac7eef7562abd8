//! A text as words of a lexicon.
//!
//! As in VADER, words stand between spaces and lose the punctuation around them; what then has at most two letters is
//! first looked up as it was written, so that emoticons are found. An emoji is a word of its own, or those of its name.
//! Phrases become one word.

use std::ops::Range;

use super::{
    MAX_BYTES,
    fold::fold,
    lexicon::{Entry, Lexicon, Role},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Word,
    Emoticon,
    Emoji,
}

#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) entry: Entry,
    /// Letters, and all of them capitals.
    pub(super) capitals: bool,
    /// A letter three times in a row.
    pub(super) long: bool,
    pub(super) kind: Kind,
    /// Place in [`Reading::folded`].
    word: Range<usize>,
}

impl Token {
    pub(super) fn is_word_of_three(&self) -> bool {
        self.kind == Kind::Word && self.word.len() > 2
    }
}

#[derive(Debug, Default)]
pub(super) struct Reading {
    pub(super) tokens: Vec<Token>,
    pub(super) exclamations: usize,
    pub(super) questions: usize,
    folded: String,
}

impl Reading {
    pub(super) fn of(text: &str, lexicon: &Lexicon) -> Self {
        let text = text
            .get(..text.floor_char_boundary(MAX_BYTES))
            .unwrap_or_default();
        let mut reading = Self {
            tokens: Vec::with_capacity(text.len() / 4 + 1),
            folded: String::with_capacity(text.len() + text.len() / 2),
            ..Self::default()
        };
        for chunk in text.split_whitespace() {
            reading.chunk(chunk, lexicon);
        }
        let phrases = |token: &Token| token.entry.has(Role::PHRASE);
        if reading.tokens.iter().any(phrases) {
            reading.join_phrases(lexicon);
        }
        reading
    }

    /// What exclamation marks (each, up to four) and question marks (two and more) add to the mood.
    pub(super) fn emphasis(&self) -> f64 {
        let exclaimed = 0.292 * self.exclamations.min(4) as f64;
        let questioned = match self.questions {
            0 | 1 => 0.0,
            few @ (2 | 3) => 0.18 * few as f64,
            _ => 0.96,
        };
        exclaimed + questioned
    }

    fn chunk(&mut self, chunk: &str, lexicon: &Lexicon) {
        let (mut start, mut behind_emoji) = (0, false);
        for (at, c) in chunk.char_indices() {
            match c {
                '!' | '！' => self.exclamations += 1,
                '?' | '？' | '؟' => self.questions += 1,
                _ if is_picture(c) => {
                    self.segment(
                        chunk.get(start..at).unwrap_or_default(),
                        behind_emoji,
                        lexicon,
                    );
                    self.picture(c, lexicon);
                    (start, behind_emoji) = (at + c.len_utf8(), true);
                }
                _ => {}
            }
        }
        self.segment(
            chunk.get(start..).unwrap_or_default(),
            behind_emoji,
            lexicon,
        );
    }

    fn picture(&mut self, c: char, lexicon: &Lexicon) {
        // The colour of the skin.
        if matches!(c, '\u{1f3fb}'..='\u{1f3ff}') {
            return;
        }
        let entry = lexicon.entry(c.encode_utf8(&mut [0; 4]));
        let mut push = |entry, capitals| {
            self.tokens.push(Token {
                entry,
                capitals,
                long: false,
                kind: Kind::Emoji,
                word: 0..0,
            });
        };
        match lexicon.emoji(c) {
            Some(pieces) if !entry.is_known() => {
                for piece in pieces {
                    push(piece.entry, piece.capitals);
                }
            }
            _ => push(entry, false),
        }
    }

    /// What stands between spaces and emoji.
    fn segment(&mut self, written: &str, behind_emoji: bool, lexicon: &Lexicon) {
        let bare = written.trim_matches(is_punctuation);
        let is_short = bare.chars().nth(2).is_none();
        if is_short {
            let word = self.fold(written);
            let entry = lexicon.entry(self.word(&word));
            if entry.is_known() {
                let kind = if bare.len() == written.len() {
                    Kind::Word
                } else {
                    Kind::Emoticon
                };
                self.push(written, word, entry, kind);
                return;
            }
            self.folded.truncate(word.start);
            if bare.is_empty() && (behind_emoji || word.is_empty()) {
                return;
            }
        }
        let word = self.fold(bare);
        let folded = self.word(&word);
        let mut entry = lexicon.entry(folded);
        if is_short && entry.has(Role::NO) {
            // `No.` mostly stands before a number.
            entry = Entry::default();
        }
        if !entry.is_mood() && folded.as_bytes().contains(&b'\'') && folded.contains("n't") {
            entry.role = entry.role | Role::NOT;
        }
        if !entry.is_known() && lexicon.is_lenient() && !is_link(folded) {
            if bare.contains(is_inner) {
                for part in bare.split(is_inner).filter(|part| !part.is_empty()) {
                    let word = self.fold(part);
                    let mut entry = lexicon.entry(self.word(&word));
                    if !entry.is_known() {
                        entry = loosely(self.word(&word), lexicon);
                    }
                    self.push(part, word, entry, Kind::Word);
                }
                return;
            }
            entry = loosely(folded, lexicon);
        }
        self.push(bare, word, entry, Kind::Word);
    }

    fn push(&mut self, written: &str, word: Range<usize>, entry: Entry, kind: Kind) {
        self.tokens.push(Token {
            entry,
            capitals: is_capitals(written),
            long: is_long(self.word(&word)),
            kind,
            word,
        });
    }

    fn fold(&mut self, text: &str) -> Range<usize> {
        let start = self.folded.len();
        fold(text, &mut self.folded);
        start..self.folded.len()
    }

    fn word(&self, word: &Range<usize>) -> &str {
        self.folded.get(word.clone()).unwrap_or_default()
    }

    /// Makes one token of each phrase; of two that begin at the same word, of the longer.
    fn join_phrases(&mut self, lexicon: &Lexicon) {
        let mut joined: Vec<Token> = Vec::with_capacity(self.tokens.len());
        let mut rest = self.tokens.as_slice();
        while let Some((first, behind)) = rest.split_first() {
            rest = behind;
            let mut token = first.clone();
            if first.entry.has(Role::PHRASE) {
                let holds = |words: &[Box<str>]| {
                    behind.len() >= words.len()
                        && words
                            .iter()
                            .zip(behind)
                            .all(|(word, token)| **word == *self.word(&token.word))
                };
                let phrase = lexicon
                    .phrases(self.word(&first.word))
                    .find(|phrase| holds(&phrase.rest));
                if let Some((phrase, (taken, left))) = phrase
                    .and_then(|phrase| Some((phrase, behind.split_at_checked(phrase.rest.len())?)))
                {
                    token.entry = phrase.entry;
                    token.capitals &= taken.iter().all(|token| token.capitals);
                    rest = left;
                }
            }
            joined.push(token);
        }
        self.tokens = joined;
    }
}

/// A word that the table does not hold as it is written: with fewer of its letters (`soooo` as `soo` and `so`), by its
/// stem, without what Arabic writes in front.
fn loosely(word: &str, lexicon: &Lexicon) -> Entry {
    let stem = lexicon.stem(word);
    if stem.is_known() {
        return stem;
    }
    let find = |word: &str| {
        let entry = lexicon.entry(word);
        if entry.is_known() {
            entry
        } else {
            lexicon.stem(word)
        }
    };
    if is_long(word) {
        let shorter = [2, 1].map(|most| find(&shortened(word, most)));
        return shorter
            .into_iter()
            .find(|entry| entry.is_known())
            .unwrap_or_default();
    }
    if word.starts_with(['و', 'ا', 'ب', 'ل', 'ف']) {
        let bare = ["وال", "بال", "فال", "ال", "لل", "و", "ف", "ب"]
            .iter()
            .find_map(|front| word.strip_prefix(front));
        return bare.map_or_else(Entry::default, find);
    }
    Entry::default()
}

/// No letter more than `most` times in a row where it stood three times or more.
fn shortened(word: &str, most: usize) -> String {
    let mut out = String::with_capacity(word.len());
    let mut rest = word;
    while let Some(c) = rest.chars().next() {
        let behind = rest.trim_start_matches(c);
        let times = (rest.len() - behind.len()) / c.len_utf8();
        let kept = if times > 2 { most } else { times };
        out.extend(std::iter::repeat_n(c, kept));
        rest = behind;
    }
    out
}

fn is_long(word: &str) -> bool {
    let mut run = 0;
    let mut before = '\0';
    word.chars().any(|c| {
        run = if c == before { run + 1 } else { 1 };
        before = c;
        run == 3 && c.is_alphabetic()
    })
}

/// Some capital, and no small letter.
fn is_capitals(word: &str) -> bool {
    let mut some = false;
    for c in word.chars() {
        if c.is_lowercase() {
            return false;
        }
        some |= c.is_uppercase();
    }
    some
}

fn is_link(folded: &str) -> bool {
    folded.starts_with("http://") || folded.starts_with("https://") || folded.starts_with("www.")
}

/// What stands around words and is no part of them.
fn is_punctuation(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_punctuation();
    }
    matches!(c,
            '¡' | '¿' | '«' | '»' | '\u{2010}'..='\u{2027}' | '\u{2030}'..='\u{203b}' | '،' | '؛' | '؟' | '۔' | '।'
            | '\u{3001}'..='\u{3003}' | '\u{3008}'..='\u{3011}' | '！' | '（' | '）' | '，' | '．' | '：' | '；' | '？')
}

/// What ends a word without a space behind it.
fn is_inner(c: char) -> bool {
    is_punctuation(c)
        && !matches!(
            c,
            '\'' | '’' | '-' | '\u{2010}' | '\u{2011}' | '@' | '_' | '*'
        )
}

/// Emoji, and other symbols that nobody writes inside a word.
fn is_picture(c: char) -> bool {
    c >= '\u{203c}'
        && matches!(c,
            '\u{203c}' | '\u{2049}' | '\u{2190}'..='\u{2bff}' | '\u{3030}' | '\u{303d}' | '\u{3297}' | '\u{3299}'
            | '\u{1f000}'..='\u{1faff}')
}
