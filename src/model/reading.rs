//! Lines of standard input, each a text.

use std::io::{self, BufRead, BufReader, Read};

/// Longer lines are refused.
const MAX_LINE_BYTES: usize = learn::dataset::MAX_LINE_BYTES;

pub(super) struct Lines<R: Read> {
    reader: BufReader<R>,
    number: u64,
}

impl<R: Read> Lines<R> {
    pub(super) fn new(reader: R) -> Self {
        Self {
            reader: BufReader::with_capacity(1 << 16, reader),
            number: 0,
        }
    }

    /// Without its end; bytes that are no UTF-8 become U+FFFD. None at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<String>> {
        self.number += 1;
        let mut bytes = Vec::new();
        let most = MAX_LINE_BYTES as u64 + 1;
        self.reader
            .by_ref()
            .take(most)
            .read_until(b'\n', &mut bytes)?;
        if bytes.is_empty() {
            return Ok(None);
        }
        if bytes.len() > MAX_LINE_BYTES {
            let line = self.number;
            return Err(io::Error::other(format!(
                "line {line} is longer than {MAX_LINE_BYTES} bytes"
            )));
        }
        let line = String::from_utf8_lossy(&bytes);
        Ok(Some(line.trim_end_matches(['\n', '\r']).to_owned()))
    }

    /// Whether reading on would wait for whoever writes.
    pub(super) fn is_waiting(&self) -> bool {
        !self.reader.buffer().contains(&b'\n')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_bounded_and_whole() {
        let mut lines = Lines::new(&b"one\r\n\ntwo\xff"[..]);
        assert_eq!(lines.next().unwrap().unwrap(), "one");
        assert!(!lines.is_waiting());
        assert_eq!(lines.next().unwrap().unwrap(), "");
        assert_eq!(lines.next().unwrap().unwrap(), "two\u{fffd}");
        assert_eq!(lines.next().unwrap(), None);
        let long = vec![b'x'; MAX_LINE_BYTES + 1];
        let error = Lines::new(&*long).next().unwrap_err().to_string();
        assert!(error.starts_with("line 1 is longer"), "{error}");
    }
}
