//! One record out of bytes: where its fields end, where it ends itself, or what is wrong with it.

use memchr::{memchr, memchr2, memchr3};

use super::{Fields, MAX_BYTES, RecordError};

/// How scanning a record ended; lengths are in bytes.
pub(super) enum Scan {
    /// The record, its end of line included, and the line breaks in it.
    Whole(usize, u64),
    Broken(usize, RecordError),
    More,
}

/// Reads the record at the beginning of `data` into `fields`.
pub(super) fn scan(data: &[u8], delimiter: u8, is_last: bool, fields: &mut Fields) -> Scan {
    fields.clear();
    let mut at = 0;
    let mut breaks = 0;
    loop {
        let rest = data.get(at..).unwrap_or_default();
        let spaces = rest.iter().take_while(|byte| **byte == b' ').count();
        let after = if rest.get(spaces) == Some(&b'"') {
            match quoted(
                data,
                at + spaces + 1,
                delimiter,
                is_last,
                fields,
                &mut breaks,
            ) {
                Ok(Some(after)) => after,
                Ok(None) => return Scan::More,
                Err(error) => return Scan::Broken(fields.len(), error),
            }
        } else {
            let length = memchr3(delimiter, b'\n', b'\r', rest);
            if length.is_none() && !is_last {
                return Scan::More;
            }
            let length = length.unwrap_or(rest.len());
            fields
                .bytes
                .extend_from_slice(rest.get(..length).unwrap_or_default());
            at + length
        };
        fields.close();
        match data.get(after) {
            None if is_last => return Scan::Whole(data.len(), breaks),
            None => return Scan::More,
            Some(byte) if *byte == delimiter => at = after + 1,
            Some(_) => {
                return match line_end(data, after, is_last) {
                    Some(end) => Scan::Whole(end, breaks + 1),
                    None => Scan::More,
                };
            }
        }
    }
}

/// Reads a field from behind its opening quote to its delimiter or line end, and tells where that is; none where more is
/// needed.
fn quoted(
    data: &[u8],
    mut at: usize,
    delimiter: u8,
    is_last: bool,
    fields: &mut Fields,
    breaks: &mut u64,
) -> Result<Option<usize>, RecordError> {
    let missing = |data: &[u8]| match is_last || data.len() > MAX_BYTES {
        true => Err(RecordError::Unclosed),
        false => Ok(None),
    };
    loop {
        let rest = data.get(at..).unwrap_or_default();
        let Some(length) = memchr(b'"', rest) else {
            return missing(data);
        };
        let text = rest.get(..length).unwrap_or_default();
        *breaks += lines(text);
        fields.bytes.extend_from_slice(text);
        at += length + 1;
        match data.get(at) {
            Some(b'"') => {
                fields.bytes.push(b'"');
                at += 1;
            }
            Some(b' ') => {
                let spaces = data
                    .iter()
                    .skip(at)
                    .take_while(|byte| **byte == b' ')
                    .count();
                return match data.get(at + spaces) {
                    None if !is_last => Ok(None),
                    None => Ok(Some(at + spaces)),
                    Some(byte) if *byte == delimiter || b"\r\n".contains(byte) => {
                        Ok(Some(at + spaces))
                    }
                    Some(_) => Err(RecordError::AfterQuote),
                };
            }
            None if !is_last => return Ok(None),
            None => return Ok(Some(at)),
            Some(byte) if *byte == delimiter || b"\r\n".contains(byte) => return Ok(Some(at)),
            Some(_) => return Err(RecordError::AfterQuote),
        }
    }
}

/// Line breaks in a text; `\r\n` is one.
fn lines(text: &[u8]) -> u64 {
    let mut count = 0;
    let mut before = 0;
    for byte in text {
        if *byte == b'\r' || (*byte == b'\n' && before != b'\r') {
            count += 1;
        }
        before = *byte;
    }
    count
}

/// The length of the first line with its end.
pub(super) fn line(data: &[u8], is_last: bool) -> Option<usize> {
    match memchr2(b'\n', b'\r', data) {
        Some(at) => line_end(data, at, is_last),
        None => is_last.then_some(data.len()),
    }
}

/// Where the next line begins, when one ends at `at`; none where a `\n` may yet follow a `\r`.
fn line_end(data: &[u8], at: usize, is_last: bool) -> Option<usize> {
    match (data.get(at), data.get(at + 1)) {
        (Some(b'\r'), Some(b'\n')) => Some(at + 2),
        (Some(b'\r'), None) if !is_last => None,
        _ => Some(at + 1),
    }
}
