//! How long the recognisers take for one message: `cargo bench -p stages --bench entity`.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement needs a clock and says its result"
)]

use std::{hint::black_box, time::Instant};

use schemas::{EntityPattern, Timestamp};
use stages::entity::{self, Patterns, Settings};

const ROUNDS: usize = 200;
const MESSAGES_A_ROUND: usize = 200;

/// A name, a text, and how many entities it has.
const TEXTS: [(&str, &str, usize); 6] = [
    (
        "100 characters, nothing to find",
        "Hello, I got two lamps from your shop and one of them has a broken glass, what can I do about that now",
        0,
    ),
    (
        "100 characters, an amount and a phone number",
        "Hello, please call me at +49 30 1234567 about the 12,50 € that you took from my account without asking",
        2,
    ),
    (
        "100 characters, a national number, a day and an order",
        "Wo ist die Bestellung Nr. 100234? Ich bin morgen ab 14 Uhr unter 0171 2345678 zu erreichen, vielen Dank",
        4,
    ),
    (
        "100 characters, an e-mail, an address and a handle",
        "Hi @support_team, the page https://example.com/help?id=5 does not load, write to jane.doe@example.com",
        3,
    ),
    (
        "an IBAN, a card and a parcel",
        "Konto DE89 3704 0044 0532 0130 00, Karte 4111 1111 1111 1111, Sendung 1Z999AA10123456784, danke und Gruß",
        3,
    ),
    (
        "12 numbers that are no phone's",
        "0171 1 0171 2 0301 22 0301 33 0171 999999999999 0301 1, 0171 12345678901, 01-23456-78-9-1",
        0,
    ),
];

fn main() {
    let begin = Instant::now();
    entity::warm();
    println!(
        "{:<55} {:8.2} ms once",
        "numbering plans",
        begin.elapsed().as_secs_f64() * 1e3
    );
    let none = Patterns::default();
    let (patterns, _) = Patterns::compile(&[
        EntityPattern {
            kind: "order".into(),
            regex: r"\bTD-(\d{6})\b".into(),
        },
        EntityPattern {
            kind: "contract".into(),
            regex: r"\b[A-Z]{2}\d{8}\b".into(),
        },
        EntityPattern {
            kind: "meter".into(),
            regex: r"(?i)zähler\s*(\d{8})".into(),
        },
    ]);
    for (name, text, count) in TEXTS {
        measure(name, text, count, &none);
    }
    let (name, text, count) = TEXTS[1];
    measure(&format!("{name}, 3 patterns"), text, count, &patterns);
    let long = "Der Preis ist 12,50 €, Tel. 030 1234567 oder morgen um 10:30 Uhr. ".repeat(80);
    measure("a text of 5 kB, of which 4 are looked at", &long, 32, &none);
}

fn measure(name: &str, text: &str, count: usize, patterns: &Patterns) {
    let settings = Settings {
        region: Some("DE"),
        patterns,
        at: Timestamp::from_seconds(1_773_311_400),
        offset_minutes: 0,
        language: None,
    };
    assert_eq!(
        entity::find(text, &settings).len(),
        count,
        "{name}: {:?}",
        entity::find(text, &settings)
    );
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let begin = Instant::now();
            for _ in 0..MESSAGES_A_ROUND {
                black_box(entity::find(black_box(text), black_box(&settings)));
            }
            begin.elapsed().as_secs_f64() * 1e6 / MESSAGES_A_ROUND as f64
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    println!("{name:<55} {:8.2} µs/message (median)", rounds[ROUNDS / 2]);
}
