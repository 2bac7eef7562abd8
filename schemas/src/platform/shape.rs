//! Forms that platforms give to ids and keys, part by part.

use std::fmt::Write as _;

/// A part of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// These very characters.
    Is(&'static str),
    /// At least and at most so many characters of an alphabet; as many as there are.
    Of(Alphabet, usize, usize),
}

/// Which characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alphabet {
    Digit,
    /// Hexadecimal digits of either case.
    Hex,
    /// ASCII letters and digits.
    Alphanumeric,
    /// ASCII letters, digits, `_` and `-`.
    Word,
    /// As [`Alphabet::Word`], and `.`, `~`, `+`, `%`: names of Google's resources.
    Name,
    /// `A` to `Z` and `_`.
    Capital,
}

impl Alphabet {
    fn has(self, byte: u8) -> bool {
        match self {
            Self::Digit => byte.is_ascii_digit(),
            Self::Hex => byte.is_ascii_hexdigit(),
            Self::Alphanumeric => byte.is_ascii_alphanumeric(),
            Self::Word => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'),
            Self::Name => Self::Word.has(byte) || matches!(byte, b'.' | b'~' | b'+' | b'%' | b':'),
            Self::Capital => byte.is_ascii_uppercase() || byte == b'_',
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Digit => "digits",
            Self::Hex => "hexadecimal digits",
            Self::Alphanumeric => "letters and digits",
            Self::Word => "letters, digits, `_` and `-`",
            Self::Name => "letters, digits and `_-.~+%:`",
            Self::Capital => "capital letters and `_`",
        }
    }
}

/// Whether a text is the parts one after the other, and nothing else.
pub(super) fn fits(parts: &[Part], text: &str) -> bool {
    let mut rest = text.as_bytes();
    for part in parts {
        let taken = match part {
            Part::Is(literal) => rest.strip_prefix(literal.as_bytes()),
            Part::Of(alphabet, least, most) => {
                let run = rest.iter().take_while(|byte| alphabet.has(**byte));
                let length = run.take(*most).count();
                (length >= *least)
                    .then(|| rest.split_at_checked(length))
                    .flatten()
                    .map(|(_, rest)| rest)
            }
        };
        let Some(left) = taken else {
            return false;
        };
        rest = left;
    }
    rest.is_empty()
}

/// The parts in words.
pub(super) fn wanted(parts: &[Part]) -> String {
    let mut words = String::new();
    for (place, part) in parts.iter().enumerate() {
        if place > 0 {
            words.push_str(", then ");
        }
        match part {
            Part::Is(literal) => write!(words, "`{literal}`"),
            Part::Of(alphabet, least, most) if least == most => {
                write!(words, "{least} {}", alphabet.name())
            }
            Part::Of(alphabet, least, most) => {
                write!(words, "{least} to {most} {}", alphabet.name())
            }
        }
        .expect("writing to a String cannot fail");
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_follow_each_other() {
        const TOKEN: &[Part] = &[
            Part::Of(Alphabet::Digit, 1, 4),
            Part::Is(":"),
            Part::Of(Alphabet::Word, 1, 5),
        ];
        for good in ["1:a", "1234:a-b_c"] {
            assert!(fits(TOKEN, good), "{good}");
        }
        for bad in [
            "", "1", "1:", ":a", "12345:a", "1:abcdef", "1:a b", "1:ä", "1:a\n",
        ] {
            assert!(!fits(TOKEN, bad), "{bad}");
        }
        assert_eq!(
            wanted(TOKEN),
            "1 to 4 digits, then `:`, then 1 to 5 letters, digits, `_` and `-`"
        );
    }
}
