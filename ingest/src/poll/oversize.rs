//! What stands for a mail that is too large to be taken: its header, and a note.

use bytes::Bytes;

/// Most bytes of the header that are kept.
const MAX_HEADER: usize = 128 * 1024;
/// Says how large the mail was, in bytes.
pub(super) const NOTE: &str = "X-Tidings-Oversize";

/// The header without what describes the body, with [`NOTE`] and a body that says what happened.
pub(super) fn noted(header: &[u8], size_bytes: u64) -> Bytes {
    let header = header.get(..MAX_HEADER).unwrap_or(header);
    let mut kept: Vec<u8> = Vec::with_capacity(header.len() + 256);
    let mut keeps = false;
    for line in header.split_inclusive(|byte| *byte == b'\n') {
        if line.trim_ascii().is_empty() {
            break;
        }
        // A folded line belongs to the one before.
        if !matches!(line.first(), Some(b' ' | b'\t')) {
            let name: Vec<u8> = line
                .iter()
                .take_while(|byte| **byte != b':')
                .map(u8::to_ascii_lowercase)
                .collect();
            let described = name.starts_with(b"content-") || name == b"mime-version";
            keeps = !described && !name.eq_ignore_ascii_case(NOTE.as_bytes());
        }
        if keeps {
            kept.extend_from_slice(line);
        }
    }
    if kept.last().is_some_and(|last| *last != b'\n') {
        kept.extend_from_slice(b"\r\n");
    }
    kept.extend_from_slice(
        format!(
            "{NOTE}: {size_bytes}\r\n\r\n[This mail has {size_bytes} bytes, more than may be taken. It is in the mailbox.]\r\n"
        )
        .as_bytes(),
    );
    kept.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_stays_and_the_body_goes() {
        let header = b"From: ada@example.org\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed;\r\n boundary=x\r\n\
            Subject: Plans\r\n and more\r\nMessage-ID: <1@example.org>\r\n\r\nleft over";
        let noted = String::from_utf8(noted(header, 9_000_000).to_vec()).unwrap();
        assert_eq!(
            noted,
            "From: ada@example.org\r\nSubject: Plans\r\n and more\r\nMessage-ID: <1@example.org>\r\n\
             X-Tidings-Oversize: 9000000\r\n\r\n[This mail has 9000000 bytes, more than may be taken. It is in the mailbox.]\r\n"
        );
    }

    #[test]
    fn a_cut_or_empty_header_is_ended() {
        assert!(
            noted(b"Subject: cut", 1)
                .starts_with(b"Subject: cut\r\nX-Tidings-Oversize: 1\r\n\r\n[")
        );
        assert!(noted(b"", 1).starts_with(b"X-Tidings-Oversize: 1\r\n\r\n["));
    }
}
