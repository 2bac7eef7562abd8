//! The recognisers over tables of texts: `entity/<kind>.json` has what a kind is and what only looks like it,
//! `entity/chats.json` has whole messages in many languages. Every entity of every text has to be in the table, and
//! nothing else.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "reads tables; says precision and recall"
)]

use std::{collections::BTreeMap, fs, path::PathBuf};

use proptest::prelude::*;
use schemas::{Entity, EntityPattern, Timestamp};
use serde::Deserialize;
use stages::entity::{MAX_BYTES, MAX_ENTITIES, Patterns, Settings, find};

/// Thursday, 2026-03-12, 10:30 UTC.
const AT: Timestamp = Timestamp(1_773_311_400_000_000);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    text: String,
    #[serde(default)]
    region: Option<String>,
    #[serde(default)]
    language: Option<String>,
    /// Kind, value, normal form.
    entities: Vec<(String, String, Option<String>)>,
}

fn cases(name: &str) -> Vec<Case> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/entity")
        .join(name);
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn entities(case: &Case) -> Vec<Entity> {
    let patterns = Patterns::default();
    let settings = Settings {
        region: case.region.as_deref(),
        patterns: &patterns,
        at: AT,
        offset_minutes: 0,
        language: case.language.as_deref(),
    };
    find(&case.text, &settings)
}

/// Checks one table; the texts with and without entities have to be at least so many.
fn check(name: &str, positives: usize, negatives: usize) {
    let cases = cases(name);
    let mut wrong = String::new();
    for case in &cases {
        let found = entities(case);
        lawful(&case.text, &found);
        let found: Vec<_> = found
            .into_iter()
            .map(|entity| (entity.kind, entity.value, entity.normalized))
            .collect();
        if found != case.entities {
            wrong += &format!(
                "{}\n   found {found:?}\n  wanted {:?}\n",
                case.text, case.entities
            );
        }
    }
    assert!(wrong.is_empty(), "{name}:\n{wrong}");
    let empty = cases.iter().filter(|case| case.entities.is_empty()).count();
    assert!(
        cases.len() - empty >= positives,
        "{name}: {} texts with entities",
        cases.len() - empty
    );
    assert!(empty >= negatives, "{name}: {empty} texts without");
}

/// What holds for the entities of any text.
fn lawful(text: &str, entities: &[Entity]) {
    assert!(entities.len() <= MAX_ENTITIES);
    let mut end = 0;
    for entity in entities {
        let (from, to) = (entity.start as usize, entity.end as usize);
        assert!(end <= from && from < to && to <= MAX_BYTES, "{entity:?}");
        let written = text.get(from..to).unwrap();
        assert!(
            entity.value.contains('…') || entity.value == written,
            "{entity:?}"
        );
        end = to;
    }
}

#[test]
fn emails() {
    check("email.json", 30, 30);
}

#[test]
fn urls() {
    check("url.json", 30, 30);
}

#[test]
fn phones() {
    check("phone.json", 30, 30);
}

#[test]
fn ibans() {
    check("iban.json", 20, 15);
}

#[test]
fn cards() {
    check("card.json", 20, 25);
}

#[test]
fn money() {
    check("money.json", 40, 30);
}

#[test]
fn dates() {
    check("date.json", 60, 40);
}

#[test]
fn times() {
    check("time.json", 20, 20);
}

#[test]
fn references() {
    check("reference.json", 30, 30);
}

#[test]
fn handles() {
    check("handle.json", 10, 20);
}

#[test]
fn parcels() {
    check("parcel.json", 15, 20);
}

#[test]
fn whole_messages() {
    let cases = cases("chats.json");
    // Right, found, wanted, by kind.
    let mut counts: BTreeMap<String, (usize, usize, usize)> = BTreeMap::new();
    for case in &cases {
        let found: Vec<_> = entities(case)
            .into_iter()
            .map(|entity| (entity.kind, entity.value, entity.normalized))
            .collect();
        for entity in &found {
            let count = counts.entry(entity.0.clone()).or_default();
            count.1 += 1;
            if case.entities.contains(entity) {
                count.0 += 1;
            } else {
                println!("{}\n   wrong {entity:?}", case.text);
            }
        }
        for entity in &case.entities {
            counts.entry(entity.0.clone()).or_default().2 += 1;
            if !found.contains(entity) {
                println!("{}\n  missed {entity:?}", case.text);
            }
        }
    }
    for (kind, (right, found, wanted)) in &counts {
        println!("{kind:<8} precision {right}/{found} recall {right}/{wanted}");
    }
    assert!(cases.len() >= 150, "{} messages", cases.len());
    assert!(counts.len() >= 12, "every kind occurs");
    assert!(
        counts
            .values()
            .all(|(right, found, wanted)| right == found && right == wanted)
    );
}

#[test]
fn a_tenants_patterns_come_before_the_built_in_forms() {
    let pattern = |kind: &str, regex: &str| EntityPattern {
        kind: kind.into(),
        regex: regex.into(),
    };
    let (patterns, bad) = Patterns::compile(&[
        pattern("order", r"\bTD-(\d{6})\b"),
        pattern("contract", r"\b[A-Z]{2}\d{8}\b"),
        pattern("broken", "("),
        pattern("empty", "x*"),
        pattern("any", r"[\d ]{8,}"),
    ]);
    let places: Vec<usize> = bad.iter().map(|(place, _)| *place).collect();
    assert_eq!(places, [2, 3], "one is broken, one matches nothing");
    let settings = Settings {
        region: Some("DE"),
        patterns: &patterns,
        at: AT,
        offset_minutes: 0,
        language: None,
    };
    let found = |text: &str| -> Vec<(String, String)> {
        let entities = find(text, &settings);
        lawful(text, &entities);
        entities
            .into_iter()
            .map(|entity| (entity.kind, entity.value))
            .collect()
    };
    let pair = |kind: &str, value: &str| (kind.to_owned(), value.to_owned());
    assert_eq!(
        found("TD-123456 und AB12345678"),
        [pair("order", "123456"), pair("contract", "AB12345678")]
    );
    assert_eq!(found("order TD-123456"), [pair("order", "123456")]);
    assert_eq!(found("4111111111111111"), [pair("card", "…1111")]);
    assert_eq!(found("TD-12345, TD-1234567"), []);
    // Also a pattern that takes a part of a card's number sees nothing of it.
    assert_eq!(found("41 11 11 11 11 11 11 11"), [pair("any", "…1111")]);
}

#[test]
fn there_are_no_more_than_the_first_32() {
    let text = "@anna ".repeat(MAX_ENTITIES + 5);
    let patterns = Patterns::default();
    let settings = Settings {
        region: None,
        patterns: &patterns,
        at: AT,
        offset_minutes: 0,
        language: None,
    };
    let found = find(&text, &settings);
    assert_eq!(found.len(), MAX_ENTITIES);
    lawful(&text, &found);
}

#[test]
fn the_day_is_that_of_where_it_was_written() {
    let patterns = Patterns::default();
    let day = |offset_minutes: i16| {
        let settings = Settings {
            region: None,
            patterns: &patterns,
            at: AT,
            offset_minutes,
            language: None,
        };
        find("today", &settings)[0].normalized.clone().unwrap()
    };
    assert_eq!(day(0), "2026-03-12");
    assert_eq!(day(14 * 60), "2026-03-13");
    assert_eq!(day(-11 * 60), "2026-03-11");
}

/// A number of an issuer with a good check digit.
fn card_number() -> impl Strategy<Value = String> {
    let start = prop::sample::select(vec![
        ("4", 16),
        ("51", 16),
        ("2221", 16),
        ("34", 15),
        ("37", 15),
        ("6011", 16),
        ("36", 14),
        ("3530", 16),
    ]);
    (start, prop::collection::vec(0u8..10, 19)).prop_map(|((start, length), digits)| {
        let mut number: Vec<u8> = start
            .bytes()
            .map(|byte| byte - b'0')
            .chain(digits)
            .take(length - 1)
            .collect();
        let sum: u32 = number
            .iter()
            .rev()
            .enumerate()
            .map(|(place, digit)| {
                let digit = u32::from(*digit);
                let double = digit * 2;
                if place % 2 == 1 {
                    digit
                } else if double > 9 {
                    double - 9
                } else {
                    double
                }
            })
            .sum();
        number.push(u8::try_from((10 - sum % 10) % 10).unwrap());
        number
            .iter()
            .map(|digit| char::from(b'0' + digit))
            .collect()
    })
}

/// Its digits in groups of a size, with one separator.
fn grouped(number: &str, size: usize, separator: &str) -> String {
    let digits: Vec<char> = number.chars().collect();
    let groups: Vec<String> = digits
        .chunks(size)
        .map(|group| group.iter().collect())
        .collect();
    groups.join(separator)
}

/// Pieces that recognisers stumble over.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "order",
            "#",
            "@",
            "://",
            "http",
            "https://",
            "www.",
            ".com",
            ".de",
            "+49",
            "00",
            "(",
            ")",
            "-",
            "/",
            ".",
            ",",
            " ",
            "\u{a0}",
            "\n",
            "€",
            "$",
            "EUR",
            "12",
            "2026",
            "0171",
            "2345678",
            "DE89",
            "morgen",
            "next monday",
            "in 3 days",
            "tomorrow",
            "1Z",
            "RA",
            "é",
            "日本",
            "😀",
            "ß",
            "İ",
            "10:30",
            "am",
            "Uhr",
            "Bestellnummer",
            "nº",
            "k",
            "v1.2.3",
        ])
        .prop_map(str::to_owned),
        any::<char>().prop_map(String::from),
        "[0-9]{1,22}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_text_is_lawful(text in any::<String>(), region in prop::option::of("[A-Za-z]{0,3}")) {
        let patterns = Patterns::default();
        let settings = Settings { region: region.as_deref(), patterns: &patterns, at: AT, offset_minutes: 0, language: None };
        lawful(&text, &find(&text, &settings));
    }

    #[test]
    fn texts_of_pieces_are_lawful(
        pieces in prop::collection::vec(piece(), 0..40),
        region in prop::sample::select(vec![None, Some("DE"), Some("US"), Some("ES"), Some("RU"), Some("xx"), Some("")]),
        language in prop::sample::select(vec![None, Some("de"), Some("fr"), Some("en")]),
        at in any::<i64>(),
        offset_minutes in any::<i16>(),
    ) {
        let text = pieces.concat();
        let (patterns, _) = Patterns::compile(&[EntityPattern { kind: "order".into(), regex: "[0-9 ]+".into() }]);
        let settings = Settings { region, patterns: &patterns, at: Timestamp(at), offset_minutes, language };
        let found = find(&text, &settings);
        lawful(&text, &found);
        prop_assert_eq!(find(&text, &settings), found);
    }

    #[test]
    fn a_cards_number_never_leaks(
        number in card_number(),
        size in prop::sample::select(vec![2_usize, 4, 4, 4, 8, 19]),
        separator in prop::sample::select(vec![" ", "-", ".", "\u{a0}", "/", "_", ","]),
        before in prop::sample::select(vec![
            "", "my card ", "order #", "order no. ", "tel ", "call 0171 ", "https://example.com/?card=", "www.example.com/",
            "EUR ", "tracking ", "@a", "x", "ann", "12 ", "ticket: ", "2026-03-12 ", "$",
        ]),
        after in prop::sample::select(vec!["", " 12/27 123", ", 03/28", "@example.com", " €", " EUR", "/pay", " tomorrow", ".", " 123", "x", "-4"]),
        region in prop::sample::select(vec![None, Some("DE"), Some("US"), Some("ES")]),
    ) {
        let text = format!("{before}{}{after}", grouped(&number, size, separator));
        let (patterns, _) = Patterns::compile(&[
            EntityPattern { kind: "number".into(), regex: "[0-9]{4,}".into() },
            EntityPattern { kind: "tail".into(), regex: r"\S+$".into() },
        ]);
        let none = Patterns::default();
        // No six digits in a row of those before the last four, but where the text begins with the same.
        let begun: String = before.chars().filter(char::is_ascii_digit).collect();
        let hidden: Vec<&str> = (0..number.len() - 9)
            .filter_map(|at| number.get(at..at + 6))
            .filter(|part| !begun.contains(part))
            .collect();
        for patterns in [&patterns, &none] {
            let settings = Settings { region, patterns, at: AT, offset_minutes: 0, language: None };
            let found = find(&text, &settings);
            lawful(&text, &found);
            for entity in found {
                for shown in [Some(&entity.value), entity.normalized.as_ref()].into_iter().flatten() {
                    let digits: String = shown.chars().filter(char::is_ascii_digit).collect();
                    prop_assert!(!hidden.iter().any(|part| digits.contains(part)), "{text}: {entity:?}");
                }
            }
        }
    }
}
