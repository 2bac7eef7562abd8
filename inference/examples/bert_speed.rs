//! How many sentences of 32 tokens a second a model of `DistilBERT`'s size answers, through the same desk, thread and
//! batches as a worker's; its weights are random. With the feature `bert`:
//!
//! `scripts/with-libtorch cargo run --release -p inference --features bert --example bert_speed -- [cpu|cuda] [threads]`

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement that cannot go on ends"
)]

#[path = "../src/bert/tests/made.rs"]
mod made;

use std::time::{Duration, Instant};

use inference::{Backends, Settings};
use schemas::{Backend, Task};
use serde_json::json;
use stages::model::Document;

const DISTILBERT: made::Geometry = made::Geometry {
    width: 768,
    layers: 6,
    heads: 12,
    vocabulary: 30_522,
    positions: 512,
};
const LEAST: Duration = Duration::from_secs(10);

fn main() {
    let mut arguments = std::env::args().skip(1);
    let device = arguments.next().unwrap_or_else(|| "cpu".to_owned());
    let threads: u16 = arguments.next().map_or(1, |text| text.parse().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let card = json!({
        "id": "speed", "architecture": "distilbert", "kind": "one-of-many", "task": "sentiment",
        "labels": ["negative", "positive"], "max_length": 128,
    });
    made::folder(dir.path(), &card, DISTILBERT, 1, |_, _| {});
    println!("device {device}, threads {threads}, DistilBERT's geometry, 32 tokens, f32");
    for batch in [1, 8, 32] {
        let settings: Settings = serde_json::from_value(json!({"bert": {"speed": {
            "dir": dir.path(), "device": device, "threads": threads, "max_batch": batch, "timeout_ms": 600_000,
        }}}))
        .unwrap();
        let began = Instant::now();
        let backends = Backends::open(&settings).unwrap();
        let loaded = began.elapsed();
        let model = backends
            .get(&Backend::Bert("speed".to_owned()), Task::Sentiment)
            .unwrap();
        let texts: Vec<String> = (0..batch).map(sentence).collect();
        let documents: Vec<_> = texts.iter().map(|text| Document::new(text, None)).collect();
        let documents: Vec<_> = documents.iter().collect();
        let (began, used, mut answered) = (Instant::now(), cpu(), 0);
        while began.elapsed() < LEAST {
            let answers = model.classify(&documents);
            answered += answers.iter().flatten().count();
        }
        let (wall, used) = (began.elapsed(), cpu() - used);
        println!(
            "batch {batch:>2}: {:>8.1}/s, {:>8.1} per CPU second, loaded in {:.1} s",
            answered as f64 / wall.as_secs_f64(),
            answered as f64 / used.as_secs_f64(),
            loaded.as_secs_f64(),
        );
    }
    println!("peak memory {} MiB", peak_mib());
}

/// Thirty words that are one token each; two special ones come to them.
fn sentence(place: usize) -> String {
    let words: Vec<String> = (0..30)
        .map(|word| format!("word{}", 1000 + place * 30 + word))
        .collect();
    words.join(" ")
}

/// Processor time of this process. Linux counts it in hundredths of a second.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let ticks: u64 = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(|field| field.parse::<u64>().unwrap())
        .sum();
    Duration::from_millis(ticks * 10)
}

fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kib: u64 = line
        .and_then(|line| line.split_whitespace().nth(1))
        .map_or(0, |kib| kib.parse().unwrap());
    kib / 1024
}
