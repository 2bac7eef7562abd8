//! What stands between the fields of a file.

use super::super::record::Place;

/// The delimiter that a first line `sep=;` tells, as Excel writes it, and where the header begins.
pub(super) fn told(begin: &[u8]) -> (Option<u8>, Place) {
    let tells = begin
        .get(..4)
        .is_some_and(|start| start.eq_ignore_ascii_case(b"sep="));
    let (Some(&delimiter), Some(end)) = (begin.get(4), begin.get(5)) else {
        return (None, Place::START);
    };
    let length = match (end, begin.get(6)) {
        (b'\r', Some(b'\n')) => 7,
        (b'\r' | b'\n', _) => 6,
        _ => return (None, Place::START),
    };
    match tells {
        true => (
            Some(delimiter),
            Place {
                bytes: length,
                line: 2,
            },
        ),
        false => (None, Place::START),
    }
}

/// What stands most often outside quotes in the first line: `,`, `;`, tab or `|`.
pub(super) fn found(data: &[u8]) -> u8 {
    let mut counts = [(b',', 0u32), (b';', 0), (b'\t', 0), (b'|', 0)];
    let mut is_quoted = false;
    for byte in data {
        match byte {
            b'"' => is_quoted = !is_quoted,
            b'\n' | b'\r' if !is_quoted => break,
            byte if !is_quoted => {
                for (delimiter, count) in &mut counts {
                    *count += u32::from(delimiter == byte);
                }
            }
            _ => {}
        }
    }
    // Of equals the first.
    let mut best = (b',', 0);
    for (delimiter, count) in counts {
        if count > best.1 {
            best = (delimiter, count);
        }
    }
    best.0
}
