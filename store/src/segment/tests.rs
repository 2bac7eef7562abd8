use schemas::{TenantId, Timestamp};
use sqlx::QueryBuilder;
use uuid::Uuid;

use super::*;

fn sql(expression: &str) -> String {
    let mut query = QueryBuilder::new("");
    let filter = compile(expression).unwrap_or_else(|error| panic!("{expression}: {error}"));
    filter.push(&mut query, TenantId(Uuid::from_u128(1)), Timestamp(0));
    query.into_string()
}

#[track_caller]
fn refused(expression: &str) -> SegmentError {
    compile(expression).expect_err(expression)
}

#[test]
fn what_is_written_is_read() {
    for (written, read) in [
        ("name = 'Ann'", r#"name = "Ann""#),
        ("NAME != \"Ann\"", r#"not name = "Ann""#),
        ("a = 1", ""),
        (
            "attributes.plan = \"pro\" AND not in list \"News\"",
            r#"attributes."plan" = "pro" and not in list "News""#,
        ),
        (
            "attributes.a = 1 or attributes.b = 2.50 and attributes.c = true",
            r#"attributes."a" = 1 or (attributes."b" = 2.5 and attributes."c" = true)"#,
        ),
        (
            "(attributes.a = 1 or attributes.b = -2) and not (name is null)",
            r#"(attributes."a" = 1 or attributes."b" = -2) and not name is null"#,
        ),
        (
            "not (name is null and email is null)",
            "not (name is null and email is null)",
        ),
        (
            "language in ('de', \"fr-ch\")",
            r#"language in ("de", "fr-CH")"#,
        ),
        ("email = 'Ann@EXAMPLE.org'", r#"email = "ann@example.org""#),
        ("phone = '+49 (0) 30 1234567'", r#"phone = "+49301234567""#),
        ("consent.email = 'given'", r#"consent.email = "given""#),
        (
            "consent not in ('withdrawn')",
            r#"not consent = "withdrawn""#,
        ),
        (
            "created_at > '2026-01-01'",
            r#"created_at > "2026-01-01T00:00:00.000000Z""#,
        ),
        (
            "attributes.signup before 30 days ago",
            r#"attributes."signup" < 30 days ago"#,
        ),
        (
            "attributes.signup >= 2 Weeks ago",
            r#"attributes."signup" >= 2 weeks ago"#,
        ),
        ("attributes.seats >= 2", r#"attributes."seats" >= 2"#),
        ("updated_at after now", "updated_at > now"),
        ("created_at in last 24 hours", "created_at in last 24 hours"),
        (
            "opened any in last 30 days and not clicked campaign 'Spring'",
            r#"opened any in last 30 days and not clicked campaign "Spring""#,
        ),
        (
            "attributes.address.'zip code' starts with '10'",
            r#"attributes."address"."zip code" starts with "10""#,
        ),
        ("name contains \"a\\\"b\\\\\"", r#"name contains "a\"b\\""#),
    ] {
        match compile(written) {
            Ok(filter) => assert_eq!(filter.expression().to_string(), read, "{written}"),
            Err(error) => assert_eq!("", read, "{written}: {error}"),
        }
        if !read.is_empty() {
            assert_eq!(compile(read).unwrap(), compile(written).unwrap());
        }
    }
}

#[test]
fn errors_say_where_and_what() {
    for (expression, column, found, expected, hint) in [
        ("", 1, "the end", "a condition", Some("begins with a field")),
        (
            "plan = \"pro\"",
            1,
            "`plan`",
            "a field",
            Some("attributes.name"),
        ),
        ("emial = 'a'", 1, "`emial`", "a field", Some("`email`")),
        ("name = Ann", 8, "`Ann`", "a value", Some("quotes")),
        ("name = 5", 8, "`5`", "a text", Some("text")),
        ("name > 'a'", 8, "the text \"a\"", "no moment", None),
        (
            "attributes.a > 'abc'",
            16,
            "the text \"abc\"",
            "a number or a moment",
            Some("text has no order"),
        ),
        (
            "attributes.a == 1",
            14,
            "`==`",
            "an expression",
            Some("write `=`"),
        ),
        (
            "attributes.a = 1 && name is null",
            18,
            "`&&`",
            "an expression",
            Some("`and`"),
        ),
        (
            "attributes.a = null",
            16,
            "`null`",
            "a value",
            Some("is null"),
        ),
        ("attributes.a = 1)", 17, "`)`", "the end", Some("`(`")),
        ("(attributes.a = 1", 18, "the end", "`)`", None),
        (
            "attributes.a = 1 attributes.b = 2",
            18,
            "`attributes`",
            "`and`, `or`",
            None,
        ),
        ("attributes = 1", 12, "`=`", "`.`", None),
        (
            "attributes.a = \"pro",
            16,
            "a text without an end",
            "a closing quote",
            Some("\\"),
        ),
        (
            "opened in last 3 days",
            8,
            "`in`",
            "`any` or `campaign",
            None,
        ),
        (
            "created_at in last 3 moons",
            22,
            "`moons`",
            "`hours`, `days` or `weeks`",
            None,
        ),
        (
            "created_at in last 0 days",
            20,
            "`0`",
            "a whole number",
            None,
        ),
        (
            "created_at = '2026-01-01'",
            14,
            "the text",
            "no exact moment",
            Some("before"),
        ),
        (
            "created_at > '2026-02-30'",
            14,
            "the text",
            "a moment",
            Some("2026-01-31"),
        ),
        ("name is not empty", 13, "`empty`", "`null`", None),
        (
            "consent.email = 'yes'",
            17,
            "the text",
            "a value of this field",
            Some("withdrawn"),
        ),
        (
            "consent.fax = 'given'",
            9,
            "`fax`",
            "a kind of address",
            Some("whatsapp"),
        ),
        (
            "time_zone = 'Vienna'",
            13,
            "the text",
            "a value of this field",
            Some("Europe/Vienna"),
        ),
        (
            "name = 'a' and\n  nam = 'b'",
            3,
            "`nam`",
            "a field",
            Some("`name`"),
        ),
        (
            "in list News",
            9,
            "`News`",
            "a name or an id in quotes",
            None,
        ),
        (
            "attributes.first-name = 'a'",
            17,
            "`-`",
            "an expression",
            Some("quotes"),
        ),
        (
            "name = 'a\0'",
            8,
            "a text without an end",
            "a closing quote",
            None,
        ),
    ] {
        let error = refused(expression);
        assert_eq!(error.column, column, "{expression}: {error}");
        assert!(error.found.starts_with(found), "{expression}: {error}");
        assert!(
            error.expected.starts_with(expected),
            "{expression}: {error}"
        );
        match (hint, &error.hint) {
            (Some(wanted), Some(hint)) => assert!(hint.contains(wanted), "{expression}: {error}"),
            (Some(_), None) => panic!("{expression}: {error}"),
            (None, _) => {}
        }
    }
    let error = refused("name = 'a' and\n  nam = 'b'");
    assert_eq!(error.line, 2);
    assert_eq!(error.excerpt, "  nam = 'b'\n  ^");
}

#[test]
fn size_is_bounded() {
    let deep = |depth| format!("{}name is null{}", "(".repeat(depth), ")".repeat(depth));
    assert!(compile(&deep(MAX_DEPTH)).is_ok());
    refused(&deep(MAX_DEPTH + 1));
    refused(&format!("{}name is null", "not ".repeat(5000 / 4)));
    let wide = |count| vec!["name is null"; count].join(" or ");
    assert!(compile(&wide(MAX_CONDITIONS)).is_ok());
    refused(&wide(MAX_CONDITIONS + 1));
    let many = |count| format!("attributes.a in ({})", vec!["1"; count].join(","));
    assert!(compile(&many(MAX_ITEMS)).is_ok());
    refused(&many(MAX_ITEMS + 1));
    refused(&format!("name = '{}'", "x".repeat(MAX_CHARS)));
    refused("attributes.a = 1234567890123456");
}

#[test]
fn no_text_becomes_sql() {
    let shape = "name = 'X' and attributes.X.X contains 'X' and in list 'X' and opened campaign 'X' \
        and attributes.'X' in ('X', 'X') and email ends with 'X' and language is null and attributes.X > 1";
    let plain = sql(&shape.replace('X', "harmless"));
    for nasty in [
        "x'';drop table contacts;--",
        "$1",
        "{}",
        "%s",
        "\\\"; select 1",
        "é–\u{202e}",
        "a.b",
    ] {
        let nasty = nasty.replace('\\', "\\\\").replace('\'', "\\'");
        let expression = shape
            .replace("attributes.X.X", &format!("attributes.'{nasty}'.'{nasty}'"))
            .replace("attributes.X", &format!("attributes.'{nasty}'"))
            .replace('X', &nasty);
        assert_eq!(sql(&expression), plain);
    }
}

mod whatever_is_written {
    use proptest::prelude::*;

    use super::*;

    fn word() -> impl Strategy<Value = String> {
        prop_oneof![
            Just("name".to_owned()),
            Just("attributes.a".to_owned()),
            Just("attributes.'b c'".to_owned()),
            Just("created_at".to_owned()),
            Just("email".to_owned()),
            Just("consent.email".to_owned()),
            Just("in list 'x'".to_owned()),
            Just("opened any".to_owned()),
            Just("and".to_owned()),
            Just("or".to_owned()),
            Just("not".to_owned()),
            Just("in".to_owned()),
            Just("last".to_owned()),
            Just("3 days".to_owned()),
            Just("ago".to_owned()),
            Just("is".to_owned()),
            Just("null".to_owned()),
            Just("contains".to_owned()),
            Just("starts with".to_owned()),
            Just("=".to_owned()),
            Just("<".to_owned()),
            Just("(".to_owned()),
            Just(")".to_owned()),
            Just(",".to_owned()),
            Just("'2026-01-01'".to_owned()),
            Just("17".to_owned()),
            ".{0,4}",
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn it_is_read_or_refused_with_a_place(words in prop::collection::vec(word(), 0..12), text in any::<String>()) {
            for expression in [words.join(" "), words.join("\n"), text] {
                match compile(&expression) {
                    Ok(filter) => {
                        let shown = filter.expression().to_string();
                        prop_assert_eq!(compile(&shown).unwrap(), filter);
                    }
                    Err(error) => {
                        prop_assert!(error.line <= expression.matches('\n').count() + 1);
                        let line = expression.split('\n').nth(error.line - 1).unwrap();
                        prop_assert!(error.column <= line.chars().count() + 1, "{}", error);
                        prop_assert_eq!(error.excerpt.lines().count(), 2, "{:?}", error.excerpt);
                    }
                }
            }
        }

        #[test]
        fn the_sql_tells_its_shape_alone(text in "[^\0]{1,20}", other in "[a-z]{1,20}") {
            let of = |text: &str| {
                let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
                sql(&format!(
                    "name = \"{quoted}\" or attributes.\"{quoted}\" contains \"{quoted}\" or in list \"{quoted}\" \
                     or clicked campaign \"{quoted}\" or attributes.a.\"{quoted}\" in (\"{quoted}\", 1)"
                ))
            };
            prop_assert_eq!(of(&text), of(&other));
        }
    }
}
