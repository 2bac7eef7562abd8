//! Words of IMAP commands: strings, mailbox names, sets of UIDs.

use std::fmt::Write as _;

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD},
};

/// A quoted string; none for what only a literal can hold.
pub(super) fn quoted(text: &str) -> Option<String> {
    if !text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return None;
    }
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
    Some(format!("\"{escaped}\""))
}

/// A mailbox's name as it goes over the wire: quoted modified UTF-7 (RFC 3501, 5.1.3).
pub(super) fn mailbox(name: &str) -> Option<String> {
    let mut encoded = String::with_capacity(name.len());
    let mut other: Vec<u8> = Vec::new();
    let flush = |other: &mut Vec<u8>, encoded: &mut String| {
        if !other.is_empty() {
            let base64 = STANDARD_NO_PAD.encode(&*other).replace('/', ",");
            encoded.push('&');
            encoded.push_str(&base64);
            encoded.push('-');
            other.clear();
        }
    };
    for char in name.chars() {
        if matches!(char, ' '..='~') {
            flush(&mut other, &mut encoded);
            encoded.push(char);
            if char == '&' {
                encoded.push('-');
            }
        } else {
            let mut units = [0; 2];
            for unit in char.encode_utf16(&mut units) {
                other.extend_from_slice(&unit.to_be_bytes());
            }
        }
    }
    flush(&mut other, &mut encoded);
    quoted(&encoded)
}

/// A set of UIDs in ascending order, neighbours as ranges: `3:5,9`.
pub(super) fn set(uids: &[u32]) -> String {
    let mut set = String::new();
    let mut uids = uids.iter().copied().peekable();
    while let Some(first) = uids.next() {
        let mut last = first;
        while let Some(next) = uids.next_if(|next| last.checked_add(1) == Some(*next)) {
            last = next;
        }
        let comma = if set.is_empty() { "" } else { "," };
        let written = if first == last {
            write!(set, "{comma}{first}")
        } else {
            write!(set, "{comma}{first}:{last}")
        };
        debug_assert!(written.is_ok(), "writing to a String");
    }
    set
}

/// The SASL answer of mechanism PLAIN (RFC 4616), in base64.
pub(super) fn plain(user: &str, password: &str) -> String {
    STANDARD.encode(format!("\0{user}\0{password}"))
}

/// The SASL answer of mechanism XOAUTH2 (<https://developers.google.com/gmail/imap/xoauth2-protocol>), in base64.
pub(super) fn xoauth2(user: &str, token: &str) -> String {
    STANDARD.encode(format!("user={user}\u{1}auth=Bearer {token}\u{1}\u{1}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_quoted() {
        assert_eq!(quoted("a b").as_deref(), Some("\"a b\""));
        assert_eq!(quoted("a\"\\b").as_deref(), Some("\"a\\\"\\\\b\""));
        assert_eq!(quoted("a\r\nb"), None);
        assert_eq!(quoted("\u{e9}"), None);
    }

    /// The examples of RFC 3501, 5.1.3.
    #[test]
    fn mailboxes_are_in_modified_utf_7() {
        let name = "~peter/mail/\u{53f0}\u{5317}/\u{65e5}\u{672c}\u{8a9e}";
        assert_eq!(
            mailbox(name).as_deref(),
            Some("\"~peter/mail/&U,BTFw-/&ZeVnLIqe-\"")
        );
        assert_eq!(mailbox("a&b").as_deref(), Some("\"a&-b\""));
        assert_eq!(mailbox("INBOX").as_deref(), Some("\"INBOX\""));
    }

    #[test]
    fn sets_are_short() {
        assert_eq!(set(&[]), "");
        assert_eq!(set(&[7]), "7");
        assert_eq!(set(&[1, 2, 3, 7, 9, 10]), "1:3,7,9:10");
        assert_eq!(set(&[u32::MAX]), "4294967295");
    }

    /// The example of RFC 4616, 4, without an authorization identity.
    #[test]
    fn logins_are_encoded() {
        assert_eq!(
            plain("tim", "tanstaaftanstaaf"),
            "AHRpbQB0YW5zdGFhZnRhbnN0YWFm"
        );
        assert_eq!(
            xoauth2(
                "someuser@example.com",
                "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg"
            ),
            "dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52YjNSbGNrQmhkSFJoZG1semRHRXVZMjl0Q2cBAQ=="
        );
    }
}
