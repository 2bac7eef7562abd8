//! Words as the tables of the recognisers hold them: lower case, without the accents of Latin letters.
//!
//! Deliberately absent: stems. The tables list the forms.

/// The longest word that is in any table, in bytes.
const MAX_BYTES: usize = 32;

/// A folded word, without an allocation.
pub(super) struct Word {
    bytes: [u8; MAX_BYTES],
    len: usize,
}

impl Word {
    /// Empty for a word that is too long to be in a table.
    pub(super) fn fold(word: &str) -> Self {
        let mut folded = Self {
            bytes: [0; MAX_BYTES],
            len: 0,
        };
        for c in word.chars() {
            let fits = match c {
                'A'..='Z' => folded.push(c.to_ascii_lowercase()),
                c if c.is_ascii() => folded.push(c),
                'ß' => folded.push('s') && folded.push('s'),
                c => c.to_lowercase().all(|c| folded.push(plain(c))),
            };
            if !fits {
                folded.len = 0;
                break;
            }
        }
        folded
    }

    fn push(&mut self, c: char) -> bool {
        let end = self.len + c.len_utf8();
        let Some(place) = self.bytes.get_mut(self.len..end) else {
            return false;
        };
        c.encode_utf8(place);
        self.len = end;
        true
    }

    pub(super) fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..self.len).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }
}

/// A lower-case letter without its accent, for the letters of the languages the tables are in.
fn plain(c: char) -> char {
    match c {
        'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' | 'ą' => 'a',
        'ç' | 'ć' | 'č' => 'c',
        'è' | 'é' | 'ê' | 'ë' | 'ę' | 'ě' => 'e',
        'ì' | 'í' | 'î' | 'ï' => 'i',
        'ł' => 'l',
        'ñ' | 'ń' => 'n',
        'ò' | 'ó' | 'ô' | 'õ' | 'ö' => 'o',
        'ś' | 'š' => 's',
        'ù' | 'ú' | 'û' | 'ü' | 'ů' => 'u',
        'ź' | 'ż' | 'ž' => 'z',
        'ё' => 'е',
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_lose_case_and_accents() {
        for (word, folded) in [
            ("März", "marz"),
            ("AOÛT", "aout"),
            ("Środę", "srode"),
            ("Straße", "strasse"),
            ("ЗАВТРА", "завтра"),
            ("ещё", "еще"),
            ("", ""),
        ] {
            assert_eq!(Word::fold(word).as_str(), folded);
        }
        assert_eq!(Word::fold(&"x".repeat(33)).as_str(), "");
        assert_eq!(Word::fold(&"x".repeat(32)).as_str().len(), 32);
    }
}
