//! Letters out of bytes: UTF-16 becomes UTF-8 while a file comes in, and Windows-1252 while its records are read.

use std::borrow::Cow;

use memchr::memchr;
use schemas::Encoding;

/// Turns a file into one that has ASCII in it: UTF-16, with a byte order mark or without, becomes UTF-8; a mark of UTF-8 is
/// left out; everything else stays as it is. Half of a pair of UTF-16 becomes NUL, which costs its row.
#[derive(Debug, Default)]
pub struct Transcoder {
    form: Form,
    /// Bytes that mean nothing yet: of the beginning, or half a unit.
    held: Vec<u8>,
    /// The first half of a pair.
    high: Option<u16>,
}

/// What stands for units that are no letter.
const LOST: u8 = 0;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Form {
    #[default]
    Unknown,
    Bytes,
    Utf16 {
        big: bool,
    },
}

impl Transcoder {
    /// What a piece of the file is.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        if self.form == Form::Unknown {
            self.held.extend_from_slice(bytes);
            if self.held.len() < 4 {
                return Vec::new();
            }
            return self.begin();
        }
        self.rest(bytes)
    }

    /// What is left at the end.
    pub fn finish(&mut self) -> Vec<u8> {
        let mut left = match self.form {
            Form::Unknown => self.begin(),
            _ => Vec::new(),
        };
        if self.high.take().is_some() || (self.form != Form::Bytes && !self.held.is_empty()) {
            left.push(LOST);
        }
        left
    }

    fn begin(&mut self) -> Vec<u8> {
        let held = std::mem::take(&mut self.held);
        let (form, mark) = match held.as_slice() {
            [0xef, 0xbb, 0xbf, ..] => (Form::Bytes, 3),
            [0xff, 0xfe, ..] => (Form::Utf16 { big: false }, 2),
            [0xfe, 0xff, ..] => (Form::Utf16 { big: true }, 2),
            // A header begins with ASCII, and no text has NUL in it.
            [1..=0xff, 0, 1..=0xff, 0, ..] => (Form::Utf16 { big: false }, 0),
            [0, 1..=0xff, 0, 1..=0xff, ..] => (Form::Utf16 { big: true }, 0),
            _ => (Form::Bytes, 0),
        };
        self.form = form;
        self.rest(held.get(mark..).unwrap_or_default())
    }

    fn rest(&mut self, bytes: &[u8]) -> Vec<u8> {
        let Form::Utf16 { big } = self.form else {
            return bytes.to_vec();
        };
        self.held.extend_from_slice(bytes);
        let mut text = String::with_capacity(bytes.len());
        let mut units = self.held.chunks_exact(2);
        for pair in units.by_ref() {
            let &[first, second] = pair else { continue };
            let unit = match big {
                true => u16::from_be_bytes([first, second]),
                false => u16::from_le_bytes([first, second]),
            };
            let pending = self.high.take();
            match (pending, unit) {
                (Some(high), 0xdc00..=0xdfff) => text.extend(
                    char::decode_utf16([high, unit]).map(|char| char.unwrap_or(char::from(LOST))),
                ),
                (before, unit) => {
                    if before.is_some() {
                        text.push(char::from(LOST));
                    }
                    match unit {
                        0xd800..=0xdbff => self.high = Some(unit),
                        unit => {
                            text.push(char::from_u32(u32::from(unit)).unwrap_or(char::from(LOST)))
                        }
                    }
                }
            }
        }
        self.held = units.remainder().to_vec();
        text.into_bytes()
    }
}

/// Why a field is no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    #[error("not in the file's encoding")]
    Encoding,
    /// Postgres has no place for it, and nothing is left out of a text in silence.
    #[error("a character in it cannot be kept: NUL, or half of a UTF-16 pair")]
    Nul,
}

/// The letters of a field.
///
/// # Errors
/// When it is not in this encoding, or has a letter that nobody could keep.
pub fn decode(bytes: &[u8], encoding: Encoding) -> Result<Cow<'_, str>, TextError> {
    if memchr(0, bytes).is_some() {
        return Err(TextError::Nul);
    }
    match (std::str::from_utf8(bytes), encoding) {
        (_, Encoding::Windows1252) => Ok(windows_1252(bytes)),
        (Ok(text), _) => Ok(Cow::Borrowed(text)),
        (Err(_), Encoding::Auto) => Ok(windows_1252(bytes)),
        (Err(_), Encoding::Utf8) => Err(TextError::Encoding),
    }
}

/// 0x80 to 0x9f; the rest is ISO 8859-1. What is undefined is a control character, as browsers have it
/// (<https://encoding.spec.whatwg.org/index-windows-1252.txt>).
const HIGH: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}',
    '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

fn windows_1252(bytes: &[u8]) -> Cow<'_, str> {
    if bytes.is_ascii() {
        return String::from_utf8_lossy(bytes);
    }
    let letter = |byte: &u8| {
        let high = usize::from(*byte).checked_sub(0x80);
        high.and_then(|high| HIGH.get(high))
            .copied()
            .unwrap_or(char::from(*byte))
    };
    Cow::Owned(bytes.iter().map(letter).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn transcoded(bytes: &[u8], piece: usize) -> Vec<u8> {
        let mut transcoder = Transcoder::default();
        let mut all = Vec::new();
        for piece in bytes.chunks(piece) {
            all.extend(transcoder.push(piece));
        }
        all.extend(transcoder.finish());
        all
    }

    #[test]
    fn marks_say_what_the_bytes_are() {
        let text = "email\nä😀";
        let utf16 = |to: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(to).collect::<Vec<u8>>();
        let little = utf16(u16::to_le_bytes);
        let big = utf16(u16::to_be_bytes);
        for piece in 1..6 {
            for file in [
                text.as_bytes().to_vec(),
                [b"\xef\xbb\xbf", text.as_bytes()].concat(),
                [b"\xff\xfe", little.as_slice()].concat(),
                [b"\xfe\xff", big.as_slice()].concat(),
                little.clone(),
                big.clone(),
            ] {
                assert_eq!(
                    transcoded(&file, piece),
                    text.as_bytes(),
                    "{file:?} by {piece}"
                );
            }
        }
        assert_eq!(transcoded(b"\xff\xfea\0\x3d\xd8", 2), b"a\0");
        assert_eq!(transcoded(b"\xff\xfea\0\x3d\xd8b\0", 2), b"a\0b");
        assert_eq!(transcoded(b"\xff\xfea\0\0\xdcb\0", 2), b"a\0b");
        assert_eq!(transcoded(b"\xff\xfea\0b", 2), b"a\0");
        assert_eq!(transcoded(b"", 1), b"");
        assert_eq!(transcoded(b"a", 1), b"a");
    }

    #[test]
    fn letters_by_their_encoding() {
        let vienna = "Wien: größer €".as_bytes();
        let western = b"gr\xf6\xdfer \x80";
        for (bytes, encoding, text) in [
            (vienna, Encoding::Auto, Ok("Wien: größer €")),
            (vienna, Encoding::Utf8, Ok("Wien: größer €")),
            (&western[..], Encoding::Auto, Ok("größer €")),
            (&western[..], Encoding::Windows1252, Ok("größer €")),
            (&western[..], Encoding::Utf8, Err(TextError::Encoding)),
            (b"a\0b", Encoding::Utf8, Err(TextError::Nul)),
            (b"a\0\xe4", Encoding::Auto, Err(TextError::Nul)),
        ] {
            assert_eq!(decode(bytes, encoding).as_deref(), text.as_ref().copied());
        }
    }

    proptest! {
        #[test]
        fn any_bytes_pass(bytes in proptest::collection::vec(any::<u8>(), 0..40), piece in 1usize..5) {
            let all = transcoded(&bytes, piece);
            prop_assert_eq!(all.clone(), transcoded(&bytes, 1000));
            prop_assert_eq!(decode(&all, Encoding::Auto).is_ok(), !all.contains(&0));
        }
    }
}
