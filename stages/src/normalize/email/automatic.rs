//! Mail that a program wrote: RFC 3834 and what came before it, bounces and reports, lists.
//!
//! Answering such mail makes loops and annoys lists, so in doubt a mail counts as automatic.

use mail_parser::{Message as Mail, MimeHeaders};

use super::header;

/// The kind of a report: `delivery-status` (RFC 3464), `feedback-report` (RFC 5965) or
/// `disposition-notification` (RFC 8098), else what `report-type` says.
pub(super) fn report(mail: &Mail<'_>) -> Option<String> {
    let given = mail.content_type()?;
    let is_report = given.ctype().eq_ignore_ascii_case("multipart")
        && given
            .subtype()
            .is_some_and(|subtype| subtype.eq_ignore_ascii_case("report"));
    is_report.then(|| {
        given
            .attribute("report-type")
            .map_or_else(|| "report".to_owned(), str::to_ascii_lowercase)
    })
}

/// Why this mail was written by a program, if it was.
pub(super) fn written_by_a_program(mail: &Mail<'_>, sender: &str) -> Option<&'static str> {
    let given = |name: &str| header(mail, name);
    if mail
        .headers()
        .iter()
        .any(|header| starts_with(header.name(), "x-tidings-"))
    {
        return Some("own");
    }
    if report(mail).is_some() {
        return Some("report");
    }
    if given("Auto-Submitted")
        .is_some_and(|value| value.split(';').next().map(str::trim) != Some("no"))
    {
        return Some("auto-submitted");
    }
    if given("Return-Path").is_some_and(|path| path.is_empty() || path == "<>") {
        return Some("null-sender");
    }
    if given("List-Id").is_some() || given("List-Unsubscribe").is_some() {
        return Some("list");
    }
    if given("Precedence")
        .is_some_and(|value| ["bulk", "list", "junk", "auto_reply"].contains(&value.as_str()))
    {
        return Some("precedence");
    }
    if given("X-Auto-Response-Suppress").is_some_and(|value| value != "none") {
        return Some("auto-response-suppress");
    }
    if ["X-Autoreply", "X-Autorespond", "X-Autoresponder"]
        .into_iter()
        .any(|name| given(name).is_some_and(|value| value != "no"))
    {
        return Some("autoreply");
    }
    let local = sender.split('@').next().unwrap_or_default();
    let nobody = [
        "mailer-daemon",
        "postmaster",
        "noreply",
        "no-reply",
        "no_reply",
        "donotreply",
        "do-not-reply",
        "bounce",
        "bounces",
    ];
    nobody
        .into_iter()
        .any(|name| local.eq_ignore_ascii_case(name))
        .then_some("no-reply-address")
}

fn starts_with(name: &str, beginning: &str) -> bool {
    name.get(..beginning.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(beginning))
}

#[cfg(test)]
mod tests {
    use mail_parser::MessageParser;

    use super::*;

    fn why(headers: &str) -> Option<&'static str> {
        let mail = format!("From: a@example.org\r\n{headers}\r\n\r\nhello");
        written_by_a_program(
            &MessageParser::default().parse(&mail).unwrap(),
            "a@example.org",
        )
    }

    #[test]
    fn programs_are_known_by_their_headers() {
        for (headers, expected) in [
            ("Auto-Submitted: auto-replied", "auto-submitted"),
            ("auto-submitted: Auto-Generated; x=y", "auto-submitted"),
            ("Return-Path: <>", "null-sender"),
            ("List-Id: News <news.example.org>", "list"),
            ("List-Unsubscribe: <https://example.org/u>", "list"),
            ("Precedence: Bulk", "precedence"),
            (
                "X-Auto-Response-Suppress: OOF, AutoReply",
                "auto-response-suppress",
            ),
            ("X-Autoreply: yes", "autoreply"),
            ("X-Tidings-Message-Id: 1", "own"),
        ] {
            assert_eq!(why(headers), Some(expected), "{headers}");
        }
        for headers in [
            "Subject: hello",
            "Auto-Submitted: no",
            "Return-Path: <a@example.org>",
            "Precedence: first-class",
            "X-Auto-Response-Suppress: None",
        ] {
            assert_eq!(why(headers), None, "{headers}");
        }
        let mail = MessageParser::default().parse("From: a\r\n\r\nx").unwrap();
        assert_eq!(
            written_by_a_program(&mail, "No-Reply@example.org"),
            Some("no-reply-address")
        );
    }
}
