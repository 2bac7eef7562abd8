//! Records of comma-separated values (RFC 4180) out of bytes that come in pieces.
//!
//! Invariants: nothing grows past [`MAX_BYTES`] and what was fed; whatever is wrong with a record costs that record alone: a
//! quote that is never closed, or closed in the middle of a field, is reported with the line it stands in, and reading goes on
//! with the next line. Bytes are not letters yet; every encoding here has ASCII in it.

mod scan;

use self::scan::{Scan, line, scan};

/// Longest record.
pub const MAX_BYTES: usize = 64 * 1024;

/// Fields of a record, one after the other.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Fields {
    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    fn close(&mut self) {
        self.ends.push(self.bytes.len());
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is nothing in any of them.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The fields in their order.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let mut from = 0;
        self.ends.iter().map(move |&end| {
            let field = self.bytes.get(from..end).unwrap_or_default();
            from = end;
            field
        })
    }
}

/// What is wrong with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    #[error("a quote is opened and not closed")]
    Unclosed,
    #[error("something stands between a closing quote and the end of the field")]
    AfterQuote,
    #[error("the row is longer than 64 KiB")]
    TooLong,
    #[error("the row has more fields than the header")]
    TooMany,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The fields hold the record that begins in this line.
    Record(u64),
    /// The record of this line cannot be read; its field, from 0.
    Broken(u64, usize, RecordError),
    /// Feed more, or say that there is no more.
    More,
    End,
}

/// Where reading stands: between two records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// From the beginning of the file.
    pub bytes: u64,
    /// Number of the line that begins here, from 1.
    pub line: u64,
}

impl Place {
    pub const START: Self = Self { bytes: 0, line: 1 };
}

/// A reader of records.
#[derive(Debug)]
pub struct Records {
    delimiter: u8,
    /// Most fields of a record; more are refused where there is something in them.
    width: usize,
    buffer: Vec<u8>,
    /// How much of the buffer is done with.
    from: usize,
    place: Place,
    is_last: bool,
    /// The line in hand is that of a record that cannot be read; it is as long as this, so far.
    skipping: Option<(usize, RecordError, u64)>,
}

impl Records {
    /// Of what begins at `place` of a file.
    #[must_use]
    pub fn new(delimiter: u8, width: usize, place: Place) -> Self {
        Self {
            delimiter,
            width,
            buffer: Vec::new(),
            from: 0,
            place,
            is_last: false,
            skipping: None,
        }
    }

    /// Where the next record begins.
    #[must_use]
    pub fn place(&self) -> Place {
        self.place
    }

    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.from.min(self.buffer.len()));
        self.from = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// Nothing more will be fed.
    pub fn finish(&mut self) {
        self.is_last = true;
    }

    /// Reads the next record into `fields`.
    pub fn next(&mut self, fields: &mut Fields) -> Step {
        loop {
            let data = self.buffer.get(self.from..).unwrap_or_default();
            if data.is_empty() && self.skipping.is_none() {
                return if self.is_last { Step::End } else { Step::More };
            }
            if let Some((field, error, passed)) = self.skipping {
                let Some(length) = line(data, self.is_last) else {
                    // The place stays before the line until all of it is gone. What may be half a line break is kept.
                    let length = data.len() - usize::from(data.ends_with(b"\r"));
                    self.from += length;
                    self.skipping = Some((field, error, passed + length as u64));
                    return Step::More;
                };
                self.skipping = None;
                self.place.bytes += passed;
                return self.broken(length, field, error);
            }
            let scanned = scan(data, self.delimiter, self.is_last, fields);
            match scanned {
                Scan::More if data.len() > MAX_BYTES => {
                    self.skipping = Some((fields.len(), RecordError::TooLong, 0));
                }
                Scan::More => return Step::More,
                Scan::Whole(length, _) if length > MAX_BYTES => {
                    let first = line(data, self.is_last).unwrap_or(length);
                    return self.broken(first, 0, RecordError::TooLong);
                }
                Scan::Whole(length, breaks) => {
                    if fields
                        .iter()
                        .skip(self.width)
                        .any(|field| !field.is_empty())
                    {
                        // Of several lines: more likely a quote that belongs to none of them.
                        let first = line(data, self.is_last).unwrap_or(length);
                        return self.broken(first, self.width, RecordError::TooMany);
                    }
                    let begins = self.place.line;
                    self.pass(length, breaks);
                    if !(fields.len() <= 1 && fields.is_empty()) {
                        return Step::Record(begins);
                    }
                }
                Scan::Broken(field, error) => match line(data, self.is_last) {
                    Some(length) => return self.broken(length, field, error),
                    None => self.skipping = Some((field, error, 0)),
                },
            }
        }
    }

    fn pass(&mut self, length: usize, breaks: u64) {
        self.from += length;
        self.place.bytes += length as u64;
        self.place.line += breaks;
    }

    /// Passes the first line of a record that cannot be read.
    fn broken(&mut self, length: usize, field: usize, error: RecordError) -> Step {
        let begins = self.place.line;
        self.pass(length, 1);
        Step::Broken(begins, field, error)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Everything a text holds, fed in pieces: `Ok(line, fields)` or `Err(line, field, error)`.
    type Read = Vec<Result<(u64, Vec<String>), (u64, usize, RecordError)>>;

    fn read(text: &[u8], width: usize, piece: usize) -> (Read, Place) {
        let mut records = Records::new(b',', width, Place::START);
        let mut fields = Fields::default();
        let mut pieces = text.chunks(piece.max(1));
        let mut all = Vec::new();
        loop {
            match records.next(&mut fields) {
                Step::Record(line) => {
                    let texts = fields
                        .iter()
                        .map(|field| String::from_utf8_lossy(field).into_owned());
                    all.push(Ok((line, texts.collect())));
                }
                Step::Broken(line, field, error) => all.push(Err((line, field, error))),
                Step::More => match pieces.next() {
                    Some(piece) => records.feed(piece),
                    None => records.finish(),
                },
                Step::End => return (all, records.place()),
            }
        }
    }

    fn row(line: u64, fields: &[&str]) -> Result<(u64, Vec<String>), (u64, usize, RecordError)> {
        Ok((
            line,
            fields.iter().map(|field| (*field).to_owned()).collect(),
        ))
    }

    #[test]
    fn records_are_read_as_they_are_written() {
        for (text, expected) in [
            (
                "a,b\r\nc,d\r\n",
                vec![row(1, &["a", "b"]), row(2, &["c", "d"])],
            ),
            ("a,b\rc,\r", vec![row(1, &["a", "b"]), row(2, &["c", ""])]),
            ("a\n\n\nb", vec![row(1, &["a"]), row(4, &["b"])]),
            (
                "\"a,1\", \"say \"\"no\"\"\" ,c",
                vec![row(1, &["a,1", "say \"no\"", "c"])],
            ),
            (
                "\"two\r\nlines\",x\ny,z\n",
                vec![row(1, &["two\r\nlines", "x"]), row(3, &["y", "z"])],
            ),
            ("5\" pipe,x\n", vec![row(1, &["5\" pipe", "x"])]),
            ("\"\"\n,\n", vec![row(2, &["", ""])]),
            ("a,b,,\n", vec![row(1, &["a", "b", "", ""])]),
            ("", vec![]),
        ] {
            for piece in [1, 2, 3, 1000] {
                let (all, place) = read(text.as_bytes(), 3, piece);
                assert_eq!(all, expected, "{text:?} by {piece}");
                assert_eq!(place.bytes, text.len() as u64, "{text:?}");
            }
        }
    }

    #[test]
    fn a_broken_record_costs_itself_alone() {
        use RecordError::{AfterQuote, TooMany, Unclosed};
        for (text, expected) in [
            (
                "a,\"b\nc,d\n",
                vec![Err((1, 1, Unclosed)), row(2, &["c", "d"])],
            ),
            (
                "a,\"b\nc,\"d\"\ne,f\n",
                vec![
                    Err((1, 1, AfterQuote)),
                    row(2, &["c", "d"]),
                    row(3, &["e", "f"]),
                ],
            ),
            (
                "\"a\"b,c\nd,e",
                vec![Err((1, 0, AfterQuote)), row(2, &["d", "e"])],
            ),
            (
                "a,b,c\nd,e\n",
                vec![Err((1, 2, TooMany)), row(2, &["d", "e"])],
            ),
            (
                "a,\"b\nc,d\ne,\",f,g\nh,i\n",
                vec![
                    Err((1, 2, TooMany)),
                    row(2, &["c", "d"]),
                    Err((3, 1, Unclosed)),
                    row(4, &["h", "i"]),
                ],
            ),
        ] {
            for piece in [1, 3, 1000] {
                assert_eq!(
                    read(text.as_bytes(), 2, piece).0,
                    expected,
                    "{text:?} by {piece}"
                );
            }
        }
    }

    #[test]
    fn nothing_is_swallowed_by_what_is_too_long() {
        let long = "x".repeat(3 * MAX_BYTES);
        for text in [
            format!("{long},b\nc,d\n"),
            format!("\"{long}\",b\nc,d\n"),
            format!("a,\"{long}\nc,d\n"),
        ] {
            let (all, place) = read(text.as_bytes(), 2, 1000);
            assert!(matches!(all.first(), Some(Err((1, _, _)))), "{all:?}");
            assert_eq!(all.last(), Some(&row(2, &["c", "d"])));
            assert_eq!((all.len(), place.bytes), (2, text.len() as u64));
        }
        let many = format!("a,\"b\n{}", "c,d\n".repeat(MAX_BYTES));
        let (all, _) = read(many.as_bytes(), 2, 100_000);
        assert_eq!(all.len(), MAX_BYTES + 1);
        assert_eq!(all.first(), Some(&Err((1, 1, RecordError::Unclosed))));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(rows in proptest::collection::vec(proptest::collection::vec("[a-c\",\r\n é]{0,6}", 2..4), 0..6), piece in 1usize..9) {
            let mut text = String::new();
            for row in &rows {
                let quoted: Vec<String> = row.iter().map(|field| format!("\"{}\"", field.replace('"', "\"\""))).collect();
                text.push_str(&quoted.join(","));
                text.push_str("\r\n");
            }
            let (all, place) = read(text.as_bytes(), 3, piece);
            let read: Vec<Vec<String>> = all.into_iter().map(|row| row.map(|(_, fields)| fields).unwrap_or_default()).collect();
            prop_assert_eq!(read, rows);
            prop_assert_eq!(place.bytes, text.len() as u64);
        }

        #[test]
        fn pieces_make_no_difference(text in "[ab\",\r\n ]{0,40}", piece in 1usize..9) {
            prop_assert_eq!(read(text.as_bytes(), 2, piece), read(text.as_bytes(), 2, 1000));
        }
    }
}
