//! Tables as comma-separated values (RFC 4180) that a spreadsheet shows and does not run.
//!
//! Invariant: a field never begins as a formula does (`=`, `+`, `-`, `@`, tab, return): an apostrophe is put before it, as
//! OWASP advises (<https://owasp.org/www-community/attacks/CSV_Injection>). A sign before nothing but digits and points is
//! that of a number, and stays.

/// Whether a spreadsheet could take a field for a formula.
fn is_formula(field: &str) -> bool {
    let mut bytes = field.bytes();
    match bytes.next() {
        Some(b'=' | b'@' | b'\t' | b'\r' | b'\n') => true,
        Some(b'+' | b'-') => !bytes.all(|byte| byte.is_ascii_digit() || byte == b'.'),
        _ => false,
    }
}

/// Adds a line.
pub(crate) fn line<'a>(to: &mut Vec<u8>, fields: impl IntoIterator<Item = &'a str>) {
    for (place, field) in fields.into_iter().enumerate() {
        if place > 0 {
            to.push(b',');
        }
        let guard = is_formula(field);
        if !guard && !field.contains([',', '"', '\r', '\n']) {
            to.extend_from_slice(field.as_bytes());
            continue;
        }
        to.push(b'"');
        if guard {
            to.push(b'\'');
        }
        for byte in field.bytes() {
            if byte == b'"' {
                to.push(b'"');
            }
            to.push(byte);
        }
        to.push(b'"');
    }
    to.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(fields: &[&str]) -> String {
        let mut bytes = Vec::new();
        line(&mut bytes, fields.iter().copied());
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn quoted_where_it_must_be() {
        assert_eq!(written(&["a", "", "b c"]), "a,,b c\r\n");
        assert_eq!(
            written(&["a,b", "say \"no\"", "two\nlines"]),
            "\"a,b\",\"say \"\"no\"\"\",\"two\nlines\"\r\n"
        );
    }

    #[test]
    fn nothing_is_a_formula() {
        for field in ["=1+1", "@SUM(A1)", "-2+3", "+1-2", "\t=1", "\r=1"] {
            assert_eq!(written(&[field]), format!("\"'{field}\"\r\n"), "{field}");
        }
        assert_eq!(written(&["+4366012345", "-3.5"]), "+4366012345,-3.5\r\n");
        assert_eq!(written(&["a=b"]), "a=b\r\n");
    }
}
