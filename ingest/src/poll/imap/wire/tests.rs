use proptest::prelude::*;

use super::*;

/// The responses in `input`, fed in portions of `portion` bytes.
fn assembled(input: &[u8], portion: usize, max: usize) -> Result<Vec<Vec<Piece>>, TooLong> {
    let mut assembler = Assembler::new(max);
    let mut responses = Vec::new();
    for mut part in input.chunks(portion) {
        while !part.is_empty() {
            let (used, response) = assembler.feed(part)?;
            responses.extend(response);
            part = &part[used..];
        }
    }
    Ok(responses)
}

fn one(line: &str) -> Response {
    let mut responses = assembled(line.as_bytes(), 7, 1000).unwrap();
    assert_eq!(responses.len(), 1, "{responses:?}");
    parse(responses.remove(0)).unwrap()
}

fn data(line: &str) -> Vec<Token> {
    match one(line) {
        Response::Data(tokens) => tokens,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_mail_comes_as_a_literal() {
    let tokens = data(
        "* 12 FETCH (FLAGS (\\Seen $Junk) UID 34 RFC822.SIZE 44 BODY[] {7}\r\nA: b\r\n\r INTERNALDATE \" 1-Nov-2026 09:00:00 +0100\")\r\n",
    );
    assert_eq!(
        fetched(&tokens),
        Some(Fetched {
            uid: 34,
            size_bytes: Some(44),
            date: Some(" 1-Nov-2026 09:00:00 +0100".into()),
            body: Some(Fill::Whole("A: b\r\n\r".into())),
        })
    );
}

#[test]
fn a_body_may_be_quoted_empty_nil_or_too_large() {
    let body = |value: &str| {
        fetched(&data(&format!(
            "* 1 FETCH (UID 2 BODY[HEADER] {value})\r\n"
        )))
        .unwrap()
        .body
    };
    assert_eq!(body("\"a \\\"b\\\"\""), Some(Fill::Whole("a \"b\"".into())));
    assert_eq!(body("{0}\r\n"), Some(Fill::Whole(Bytes::new())));
    assert_eq!(body("~{1+}\r\nx"), Some(Fill::Whole("x".into())));
    assert_eq!(body("NIL"), None);
    let large = format!("{{1001}}\r\n{}", "x".repeat(1001));
    assert_eq!(body(&large), Some(Fill::TooLarge(1001)));
}

#[test]
fn what_is_no_fetch_is_none() {
    for line in [
        "* 12 EXISTS\r\n",
        "* 12 FETCH\r\n",
        "* 12 FETCH (FLAGS (\\Seen))\r\n",
        "* 12 FETCH (UID 0)\r\n",
        "* 12 FETCH (UID 5 FLAGS (\r\n",
        "* LIST () \"/\" INBOX\r\n",
    ] {
        assert_eq!(fetched(&data(line)), None, "{line}");
    }
    assert_eq!(exists(&data("* 12 EXISTS\r\n")), Some(12));
    assert_eq!(exists(&data("* 12 RECENT\r\n")), None);
}

#[test]
fn conditions_keep_their_code_and_no_words() {
    assert_eq!(
        one("* OK [UIDVALIDITY 1700] valid\r\n"),
        Response::Said(Condition {
            status: Status::Ok,
            code: "UIDVALIDITY".into(),
            argument: "1700".into()
        })
    );
    assert_eq!(
        one("a7 no [AuthenticationFailed] user ada is unknown\r\n"),
        Response::Tagged(
            "a7".into(),
            Condition {
                status: Status::No,
                code: "AUTHENTICATIONFAILED".into(),
                argument: String::new()
            }
        )
    );
    assert_eq!(one("+ idling\r\n"), Response::Continue);
    assert!(matches!(one("* BYE\r\n"), Response::Said(_)));
}

#[test]
fn capabilities_are_upper_case() {
    let names = capabilities(&data("* CAPABILITY IMAP4rev1 auth=PLAIN Idle\r\n"));
    assert_eq!(names.unwrap(), ["IMAP4REV1", "AUTH=PLAIN", "IDLE"]);
}

#[test]
fn a_server_cannot_make_us_keep_more_than_the_limit() {
    let endless = vec![b'x'; MAX_TEXT + 1];
    assert_eq!(assembled(&endless, 4096, 10), Err(TooLong));
    let huge = format!("* 1 FETCH (BODY[] {{{}}}\r\n", MAX_SKIPPED + 1);
    assert_eq!(assembled(huge.as_bytes(), 4096, 10), Err(TooLong));
    let many = "{1}\r\nx".repeat(MAX_PIECES);
    assert_eq!(assembled(many.as_bytes(), 4096, 10_000), Err(TooLong));
    // The limit is that of a response, not of a literal.
    let twice = assembled(b"* {6}\r\nxxxxxx {6}\r\nyyyyyy\r\n", 5, 10).unwrap();
    assert_eq!(twice[0][3], Piece::Skipped(6), "{twice:?}");
}

proptest! {
    #[test]
    fn no_bytes_panic_and_portions_do_not_matter(
        input in prop::collection::vec(prop_oneof![
            Just(b"* ".to_vec()), Just(b"FETCH (".to_vec()), Just(b"UID 7 ".to_vec()), Just(b"BODY[".to_vec()),
            Just(b"] ".to_vec()), Just(b"{3}\r\n".to_vec()), Just(b"{99}\r\n".to_vec()), Just(b"\"".to_vec()),
            Just(b"\\".to_vec()), Just(b")".to_vec()), Just(b"\r\n".to_vec()), Just(b"a1 OK [".to_vec()),
            prop::collection::vec(any::<u8>(), 0..12),
        ], 0..24),
        portion in 1_usize..40,
    ) {
        let input = input.concat();
        let whole = assembled(&input, usize::MAX, 50);
        prop_assert_eq!(&assembled(&input, portion, 50), &whole);
        for pieces in whole.unwrap_or_default() {
            if let Some(Response::Data(tokens)) = parse(pieces) {
                fetched(&tokens);
                exists(&tokens);
                capabilities(&tokens);
            }
        }
    }
}
