//! What may stand between two dots of a subject, or name a consumer or a key.

/// Whether `text` is 1 to 128 of `[A-Za-z0-9_=-]`.
pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 128
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'='))
}

/// Whether `text` is a subject without wildcards: tokens of printable ASCII, none empty.
pub(crate) fn is_subject(text: &str) -> bool {
    text.len() <= 1024
        && text.split('.').all(|token| {
            !token.is_empty()
                && token
                    .bytes()
                    .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'*' | b'>'))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_and_subjects() {
        assert!(is_token("normalize-7") && !is_token("a.b") && !is_token("") && !is_token("ü"));
        assert!(is_subject("in.7.t") && !is_subject("in..t") && !is_subject("in.*"));
        assert!(!is_subject("in.a b") && !is_subject(""));
    }
}
