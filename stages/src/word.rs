//! Words of a text, each as it is written and in a folded form by which it is compared.
//!
//! Folding takes case and accents away: people in a chat write `urgência` and `URGENCIA`. A word is a run of letters,
//! digits and marks, with hyphens inside it; an apostrophe ends it (`l'ordre`), except between Cyrillic letters. What
//! lies between two words says whether a phrase may go on. Addresses of any sort are no words and end a phrase.
//!
//! Deliberately absent: cutting scripts that put no spaces between words. Their runs are given whole and said to be so.

use std::ops::Range;

use unicode_normalization::char::decompose_canonical;

/// What lies before a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Gap {
    Apostrophe,
    Space,
    /// A comma, a bracket, a quote, a line break, an address.
    Clause,
    /// The beginning of the text, too.
    Sentence,
}

/// How a script writes words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Script {
    Spaced,
    /// Spaces between words, but the words carry particles.
    Hangul,
    /// Thai to Khmer, kana, Han.
    Spaceless,
}

#[derive(Clone, Debug)]
pub(crate) struct Word<'a> {
    pub(crate) text: &'a str,
    /// Byte offset into the text.
    pub(crate) start: usize,
    /// Place in [`Words::folded`].
    pub(crate) folded: Range<usize>,
    pub(crate) gap: Gap,
    pub(crate) script: Script,
    pub(crate) has_digit: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Words<'a> {
    pub(crate) words: Vec<Word<'a>>,
    folded: String,
}

impl<'a> Words<'a> {
    pub(crate) fn of(text: &'a str) -> Self {
        let mut words = Self {
            words: Vec::with_capacity(text.len() / 5 + 1),
            folded: String::with_capacity(text.len() + 8),
        };
        let mut gap = Gap::Sentence;
        let mut start = 0;
        for chunk in text.split_inclusive(char::is_whitespace) {
            let end = start + chunk.len();
            let bare = chunk.trim_end();
            if is_address(bare) {
                gap = gap.max(Gap::Clause);
            } else {
                words.read(bare, start, &mut gap);
            }
            if chunk.ends_with('\n') {
                let after = text.get(end..).and_then(|rest| rest.chars().next());
                let broken = if after.is_some_and(char::is_lowercase) {
                    Gap::Clause
                } else {
                    Gap::Sentence
                };
                gap = gap.max(broken);
            } else if !bare.is_empty() {
                gap = gap.max(Gap::Space);
            }
            start = end;
        }
        words
    }

    pub(crate) fn folded(&self, word: &Word<'_>) -> &str {
        self.folded.get(word.folded.clone()).unwrap_or_default()
    }

    /// The words of a run without white space that begins at byte `offset` of the text.
    fn read(&mut self, chunk: &'a str, offset: usize, gap: &mut Gap) {
        let mut characters = chunk.char_indices().peekable();
        let mut word: Option<(usize, Script)> = None;
        let mut before = ' ';
        while let Some((at, c)) = characters.next() {
            let next = characters.peek().map_or(' ', |(_, next)| *next);
            let inside =
                is_letter(c) || (word.is_some() && is_letter(next) && is_inside(before, c, next));
            let script = script(c);
            if let Some((from, of)) = word
                && (!inside || (is_letter(c) && of != script && !is_mark(c)))
            {
                self.push(chunk, from..at, offset, *gap, of);
                *gap = Gap::Apostrophe;
                word = None;
            }
            if inside && word.is_none() {
                if before != ' ' && is_letter(before) {
                    // A script that changed without a space.
                    *gap = Gap::Clause;
                }
                word = Some((at, script));
            } else if !inside {
                *gap = (*gap).max(gap_of(c));
            }
            before = c;
        }
        if let Some((from, of)) = word {
            self.push(chunk, from..chunk.len(), offset, *gap, of);
            *gap = Gap::Apostrophe;
        }
    }

    fn push(&mut self, chunk: &'a str, at: Range<usize>, offset: usize, gap: Gap, script: Script) {
        let start = offset + at.start;
        let Some(text) = chunk.get(at) else { return };
        let from = self.folded.len();
        let mut has_digit = false;
        if text.is_ascii() {
            has_digit = text.bytes().any(|byte| byte.is_ascii_digit());
            self.folded.push_str(text);
            if let Some(folded) = self.folded.get_mut(from..) {
                folded.make_ascii_lowercase();
            }
        } else {
            for c in text.chars() {
                has_digit |= c.is_numeric();
                fold(c, &mut self.folded);
            }
        }
        self.words.push(Word {
            text,
            start,
            folded: from..self.folded.len(),
            gap,
            script,
            has_digit,
        });
    }
}

/// Without case and accents.
pub(crate) fn folded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        fold(c, &mut out);
    }
    out
}

fn fold(c: char, out: &mut String) {
    match c {
        _ if c.is_ascii() => {
            out.push(c.to_ascii_lowercase());
            return;
        }
        // What most Cyrillic and all of the Indian scripts hold needs no table.
        'а'..='и' | 'к'..='я' | '\u{900}'..='\u{dff}' => {
            out.push(c);
            return;
        }
        _ => {}
    }
    for lower in c.to_lowercase() {
        match lower {
            'ß' => out.push_str("ss"),
            'æ' => out.push_str("ae"),
            'œ' => out.push_str("oe"),
            'ø' => out.push('o'),
            'ł' => out.push('l'),
            'đ' => out.push('d'),
            'ı' => out.push('i'),
            '\u{2010}' | '\u{2011}' => out.push('-'),
            '’' | 'ʼ' => out.push('\''),
            'ـ' | '\u{ad}' => {}
            '\u{80}'..='\u{6ff}' | '\u{1e00}'..='\u{1fff}' => {
                decompose_canonical(lower, |part| {
                    if !is_accent(part) {
                        out.push(part);
                    }
                });
            }
            _ if is_accent(lower) => {}
            plain => out.push(plain),
        }
    }
}

/// Marks that change no word: accents, Arabic vowels, joiners.
fn is_accent(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{64b}'..='\u{65f}' | '\u{670}' | '\u{200c}' | '\u{200d}')
}

/// Signs that belong to a word and are neither letter nor digit: accents, viramas, nuktas, Thai tones.
fn is_mark(c: char) -> bool {
    is_accent(c)
        || matches!(
            c,
            '\u{93c}'
                | '\u{94d}'
                | '\u{9bc}'
                | '\u{9cd}'
                | '\u{a3c}'
                | '\u{a4d}'
                | '\u{abc}'
                | '\u{acd}'
                | '\u{b3c}'
                | '\u{b4d}'
                | '\u{bcd}'
                | '\u{c4d}'
                | '\u{ccd}'
                | '\u{d4d}'
                | '\u{e47}'..='\u{e4e}'
        )
}

fn is_letter(c: char) -> bool {
    match c {
        'а'..='я' | 'А'..='Я' | '\u{900}'..='\u{963}' | 'ا'..='غ' | 'ف'..='ي' => true,
        _ => c.is_alphanumeric() || (!c.is_ascii() && is_mark(c)),
    }
}

/// As [`char::is_uppercase`], without a table for scripts that have no case.
pub(crate) fn is_upper(c: char) -> bool {
    !matches!(c, '\u{590}'..='\u{109f}' | 'а'..='я') && c.is_uppercase()
}

/// Whether `c`, between two letters, belongs to their word.
fn is_inside(before: char, c: char, next: char) -> bool {
    let cyrillic = |c: char| matches!(c, '\u{400}'..='\u{52f}');
    match c {
        '-' | '\u{2010}' | '\u{2011}' | '\u{ad}' => is_letter(before),
        '\'' | '’' | 'ʼ' => cyrillic(before) && cyrillic(next),
        _ => false,
    }
}

fn gap_of(c: char) -> Gap {
    match c {
        '\'' | '’' | 'ʼ' => Gap::Apostrophe,
        '.' | '!' | '?' | '…' | '。' | '！' | '？' | '؟' | '।' => Gap::Sentence,
        _ => Gap::Clause,
    }
}

fn script(c: char) -> Script {
    match c {
        '\0'..='\u{dff}' => Script::Spaced,
        '\u{1100}'..='\u{11ff}' | '\u{3130}'..='\u{318f}' | '\u{ac00}'..='\u{d7ff}' => {
            Script::Hangul
        }
        '\u{e00}'..='\u{eff}'
        | '\u{1000}'..='\u{109f}'
        | '\u{1780}'..='\u{17ff}'
        | '\u{3005}'
        | '\u{3040}'..='\u{30ff}'
        | '\u{3400}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{323af}' => Script::Spaceless,
        _ => Script::Spaced,
    }
}

/// E-mail, link, domain, path, handle, or a token such as programs write.
fn is_address(chunk: &str) -> bool {
    if chunk.contains(['@', '\\', '_', '=']) || chunk.contains("://") || chunk.starts_with('/') {
        return true;
    }
    if !chunk.contains('.') {
        return false;
    }
    let mut before = [' ', ' '];
    for c in chunk.chars() {
        // `now.Please` is a forgotten space, `example.org` a domain, `z.B.` an abbreviation.
        let forgotten = before[0].is_lowercase() && c.is_uppercase();
        if before[1] == '.' && before[0].is_alphanumeric() && c.is_alphanumeric() && !forgotten {
            return true;
        }
        before = [before[1], c];
    }
    false
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Vec<(String, Gap)> {
        let words = Words::of(text);
        let all = words.words.iter();
        all.map(|word| (words.folded(word).to_owned(), word.gap))
            .collect()
    }

    fn plain(text: &str) -> String {
        let words = read(text).into_iter().map(|(word, _)| word);
        words.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn words_as_they_are_compared() {
        for (text, words) in [
            ("Don't PANIC, it's ok", "don t panic it s ok"),
            ("l’urgence, dès aujourd'hui", "l urgence des aujourd hui"),
            ("Straße, größer, ÜBER", "strasse grosser uber"),
            ("зв'язок Ёлка", "зв'язок елка"),
            ("non-urgent Wi-Fi - yes", "non-urgent wi-fi yes"),
            ("ACİL ACIL acıl", "acil acil acil"),
            ("فورًا عاجـل", "فورا عاجل"),
            ("ज़रूरी बिल", "ज\u{93c}रूरी बिल"),
            ("iPhoneが壊れた。直して", "iphone が壊れた 直して"),
            ("see ann@example.org or www.example.org/a, ok", "see or ok"),
            (
                "it broke.Please help e.g. now...soon",
                "it broke please help now soon",
            ),
            ("a_b x=y /start C:\\x", ""),
        ] {
            assert_eq!(plain(text), words, "{text}");
        }
    }

    #[test]
    fn what_lies_between() {
        use Gap::{Apostrophe, Clause, Sentence, Space};
        let gaps =
            |text: &str| -> Vec<Gap> { read(text).into_iter().map(|(_, gap)| gap).collect() };
        assert_eq!(gaps("a b, c. d"), [Sentence, Space, Clause, Sentence]);
        assert_eq!(gaps("l'a (b)"), [Sentence, Apostrophe, Clause]);
        assert_eq!(gaps("a\nb\nC\n\nd"), [Sentence, Clause, Sentence, Sentence]);
        assert_eq!(gaps("a x@y.org b"), [Sentence, Clause]);
        assert_eq!(gaps("pay注文"), [Sentence, Clause]);
    }

    proptest! {
        #[test]
        fn every_word_stands_in_the_text(text in any::<String>()) {
            let words = Words::of(&text);
            let mut last = 0;
            for word in &words.words {
                prop_assert_eq!(text.get(word.start..word.start + word.text.len()), Some(word.text));
                prop_assert!(word.start >= last && !word.text.is_empty());
                last = word.start + word.text.len();
            }
        }

        #[test]
        fn folding_twice_is_folding_once(text in any::<String>()) {
            let once = folded(&text);
            prop_assert_eq!(folded(&once), once.clone());
        }
    }
}
