//! What a file is, by its first bytes. What the sender says is believed only where the bytes say nothing.

/// The media type of a file; `claimed` is what its source said.
pub(super) fn content_type(bytes: &[u8], claimed: Option<&str>) -> String {
    if let Some(found) = infer::get(bytes) {
        return found.mime_type().to_owned();
    }
    let claimed = claimed
        .and_then(|kind| kind.split(';').next())
        .map(|kind| kind.trim().to_ascii_lowercase())
        .filter(|kind| {
            let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte);
            kind.len() <= 127
                && kind.split_once('/').is_some_and(|(kind, sub)| {
                    !kind.is_empty()
                        && !sub.is_empty()
                        && kind.bytes().chain(sub.bytes()).all(letter)
                })
        });
    claimed.unwrap_or_else(|| "application/octet-stream".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_win_over_words() {
        let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
        assert_eq!(content_type(png, Some("text/html")), "image/png");
        assert_eq!(
            content_type(b"a,b", Some("Text/CSV; charset=utf-8")),
            "text/csv"
        );
        assert_eq!(
            content_type(b"a,b", Some("text")),
            "application/octet-stream"
        );
        assert_eq!(
            content_type(b"a,b", Some("a/b\r\nX: y")),
            "application/octet-stream"
        );
        assert_eq!(content_type(b"a,b", None), "application/octet-stream");
    }
}
