//! How long key phrases and priority take for one message: `cargo bench -p stages --bench words`.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement needs a clock and says its result"
)]

use std::{hint::black_box, time::Instant};

use schemas::{MessageType, Priority};
use serde_json::Map;
use stages::{
    priority::{Facts, Rules},
    topic,
};

const TEXTS: [(&str, &str); 4] = [
    (
        "en",
        "My coffee machine arrived broken two days ago, I want a refund or a new machine as soon as possible!",
    ),
    (
        "de",
        "Guten Tag, meine Bestellung ist noch nicht angekommen, der Kundendienst antwortet dringend Fragen",
    ),
    (
        "ru",
        "Здравствуйте, курьер потерял мою посылку, хочу вернуть деньги за кроссовки, срочно ответьте, прошу",
    ),
    (
        "hi",
        "नमस्ते, मेरा पार्सल अभी तक नहीं आया है और मुझे रिफंड चाहिए, कृपया तुरंत जवाब दें, मैं बहुत परेशान हूँ",
    ),
];
const ROUNDS: u32 = 20_000;

fn main() {
    let sender = Map::new();
    for (language, text) in TEXTS {
        let phrases = measure(|| {
            black_box(topic::phrases(black_box(text), Some(language), 5));
        });
        let facts = Facts {
            text,
            subject: None,
            message_type: MessageType::Text,
            language: Some(language),
            intent: Some("refund_request"),
            category: Some("returns"),
            sentiment: Some(-0.5),
            emotions: &[],
            sender: &sender,
            given: Priority::Normal,
        };
        let priority = measure(|| {
            black_box(Rules::builtin().decide(black_box(&facts)));
        });
        println!(
            "{language}, {} characters: phrases {phrases:.1} µs, priority {priority:.1} µs",
            text.chars().count()
        );
    }
    let long = TEXTS[0].1.repeat(100);
    let worst = measure_rounds(200, || {
        black_box(topic::phrases(black_box(&long), Some("en"), 5));
    });
    println!("{} characters: phrases {worst:.0} µs", long.len());
}

fn measure(step: impl FnMut()) -> f64 {
    measure_rounds(ROUNDS, step)
}

/// Microseconds a step takes, the first hundredth not counted.
fn measure_rounds(rounds: u32, mut step: impl FnMut()) -> f64 {
    for _ in 0..rounds / 100 {
        step();
    }
    let start = Instant::now();
    for _ in 0..rounds {
        step();
    }
    start.elapsed().as_secs_f64() * 1e6 / f64::from(rounds)
}
