//! What a form of the page of preferences says.

use std::sync::LazyLock;

use regex::bytes::Regex;
use schemas::ListId;
use url::form_urlencoded;

/// Lists that one form may name.
const MAX_LISTS: usize = 200;

/// What somebody wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// By a mail program's button (RFC 8058, 3.1).
    OneClick,
    /// No more of what the campaign is an example of.
    Campaign,
    Everything,
    /// To be written to again.
    Again,
    /// Lists to leave, and lists to come back to.
    Lists {
        leave: Vec<ListId>,
        join: Vec<ListId>,
    },
}

/// Reads a body; none when it says nothing that is known here.
pub(super) fn read(content_type: &str, body: &[u8]) -> Option<Choice> {
    if content_type
        .trim_start()
        .to_ascii_lowercase()
        .starts_with("multipart/form-data")
    {
        return is_one_click_part(body).then_some(Choice::OneClick);
    }
    let mut action = None;
    let (mut shown, mut left, mut kept) = (Vec::new(), Vec::new(), Vec::new());
    for (name, value) in form_urlencoded::parse(body) {
        let list = || value.parse::<ListId>().ok();
        match &*name {
            name if name.eq_ignore_ascii_case("List-Unsubscribe")
                && value.eq_ignore_ascii_case("One-Click") =>
            {
                return Some(Choice::OneClick);
            }
            "action" => action = Some(value.into_owned()),
            "shown" => shown.extend(list()),
            "left" => left.extend(list()),
            "list" => kept.extend(list()),
            _ => {}
        }
    }
    if shown.len() + left.len() + kept.len() > 2 * MAX_LISTS {
        return None;
    }
    match action.as_deref()? {
        "campaign" => Some(Choice::Campaign),
        "everything" => Some(Choice::Everything),
        "again" => Some(Choice::Again),
        "lists" => {
            shown.retain(|list| !kept.contains(list));
            kept.retain(|list| left.contains(list));
            Some(Choice::Lists {
                leave: shown,
                join: kept,
            })
        }
        _ => None,
    }
}

/// Whether a part of a multipart body is `List-Unsubscribe` with the value `One-Click`.
fn is_one_click_part(body: &[u8]) -> bool {
    static PART: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r#"(?i-u)name="?List-Unsubscribe"?[^\r\n]*\r?\n(?:[^\r\n]+\r?\n)*\r?\n\s*One-Click\s*(?:\r?\n|$)"#)
            .expect("a pattern that a test uses compiles")
    });
    PART.is_match(body)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const FORM: &str = "application/x-www-form-urlencoded";

    #[test]
    fn one_click_comes_in_two_forms() {
        assert_eq!(
            read(FORM, b"List-Unsubscribe=One-Click"),
            Some(Choice::OneClick)
        );
        // Some send no type at all.
        assert_eq!(
            read("", b"List-Unsubscribe=One-Click"),
            Some(Choice::OneClick)
        );
        let parts = b"--x\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--x--\r\n";
        let kind = "multipart/form-data; boundary=x";
        assert_eq!(read(kind, parts), Some(Choice::OneClick));
        let typed = b"--x\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\nContent-Type: text/plain\r\n\r\nOne-Click\r\n--x--";
        assert_eq!(read(kind, typed), Some(Choice::OneClick));
    }

    #[test]
    fn what_says_nothing_does_nothing() {
        for body in [
            &b""[..],
            b"List-Unsubscribe=No",
            b"action=",
            b"action=drop",
            b"\xff\xfe=%",
            b"list=x",
        ] {
            assert_eq!(read(FORM, body), None);
        }
        let other = b"--x\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nList-Unsubscribe One-Click\r\n--x--";
        assert_eq!(read("multipart/form-data; boundary=x", other), None);
    }

    #[test]
    fn lists_that_are_not_ticked_are_left_and_left_ones_that_are_are_joined() {
        let list = |number| ListId(Uuid::from_u128(number));
        let (a, b, c, d) = (list(1), list(2), list(3), list(4));
        let body = format!(
            "action=lists&shown={a}&shown={b}&left={c}&left={d}&list={a}&list={c}&list={}",
            list(9)
        );
        assert_eq!(
            read(FORM, body.as_bytes()),
            Some(Choice::Lists {
                leave: vec![b],
                join: vec![c]
            })
        );
        let many = format!("action=lists{}", format!("&shown={a}").repeat(500));
        assert_eq!(read(FORM, many.as_bytes()), None);
    }
}
