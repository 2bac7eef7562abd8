//! How long a model takes for one text, and reading its file: `cargo bench -p stages --bench model`.
//!
//! The first models hold random weights of many shapes, and have seen every feature of every text. The last are those that
//! come with tidings, on messages as people write them: of these, training has seen some features and others not.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement needs a clock and says its result"
)]

use std::{hint::black_box, time::Instant};

use bytes::Bytes;
use schemas::Task;
use stages::model::{Document, builtin, feature, feature::Features, linear::Linear, tdm::write};

mod random;

const ROUNDS: usize = 300;
/// Different texts, so that the rows are not all in the nearest cache.
const TEXTS: usize = 200;

const WORDS: [&str; 32] = [
    "where", "is", "my", "order", "please", "cancel", "the", "invoice", "was", "charged", "twice",
    "how", "do", "i", "change", "address", "for", "delivery", "refund", "card", "account",
    "cannot", "login", "password", "reset", "today", "transfer", "money", "to", "pending", "why",
    "help",
];

/// As people write to a shop.
const MESSAGES: [&str; 6] = [
    "Hello, I ordered two pairs of running shoes last Tuesday and the parcel has not arrived yet. The tracking page has \
     been showing the same status for three days now. Could you please tell me where my order is and when I can expect \
     it? My order number is 10048372. Thank you!",
    "Guten Tag, meine Rechnung vom 12. März stimmt nicht, Sie haben mir 49,90 € zu viel berechnet. Bitte prüfen!",
    "hi can u pls tell me where my parcel is?? its been 9 days and the tracking page still says in transit :(",
    "Bonjour, je n'arrive plus à me connecter à mon compte depuis ce matin, le mot de passe est refusé à chaque fois.",
    "Здравствуйте, когда вы сможете вернуть деньги за отменённый заказ? Прошло уже больше двух недель.",
    "Buongiorno, vorrei sapere se la giacca blu taglia M è di nuovo disponibile nel negozio di Torino e a che prezzo.",
];

fn main() {
    let mut next = random::numbers();
    let texts: Vec<String> = (0..TEXTS)
        .map(|_| {
            let words = (0..9).map(|_| WORDS[next() as usize % WORDS.len()]);
            words.collect::<Vec<_>>().join(" ")
        })
        .collect();
    let features: usize = texts
        .iter()
        .map(|text| {
            let features = Features::of(text);
            (0..feature::BLOCKS)
                .map(|block| features.block(block).len())
                .sum::<usize>()
        })
        .sum();
    println!("{} features a text, mean over {TEXTS}", features / TEXTS);
    let median = |mut rounds: Vec<f64>| {
        rounds.sort_by(f64::total_cmp);
        rounds[rounds.len() / 2]
    };
    let rounds = (0..ROUNDS).map(|_| {
        let begin = Instant::now();
        for text in &texts {
            black_box(Features::of(black_box(text)));
        }
        begin.elapsed().as_secs_f64() * 1e6 / TEXTS as f64
    });
    println!(
        "{:<58} {:6.2} µs/text",
        "features",
        median(rounds.collect())
    );

    for (name, labels, bits, dim) in [
        ("3 labels, 2^18", 3, 18, None),
        ("11 labels, 2^18", 11, 18, None),
        ("57 labels, 2^17", 57, 17, None),
        ("150 labels, 2^16", 150, 16, None),
        (
            "150 labels, 2^16, and an embedding of 64",
            150,
            16,
            Some(64),
        ),
    ] {
        let draft = random::draft(Task::Intent, labels, bits, dim);
        let file = Bytes::from(write(&draft).unwrap());
        let begin = Instant::now();
        let model = Linear::load(file).unwrap();
        let load_ms = begin.elapsed().as_secs_f64() * 1e3;
        let documents: Vec<Document<'_>> =
            texts.iter().map(|text| Document::new(text, None)).collect();
        for document in &documents {
            black_box(document.features());
        }
        let time = |work: &dyn Fn(&Document<'_>)| {
            let rounds = (0..ROUNDS).map(|_| {
                let begin = Instant::now();
                for document in &documents {
                    work(black_box(document));
                }
                begin.elapsed().as_secs_f64() * 1e6 / TEXTS as f64
            });
            median(rounds.collect())
        };
        let margins = time(&|document| drop(black_box(model.margins(document))));
        let all = time(&|document| drop(black_box(model.predict(document))));
        println!(
            "{name:<42} {:5.2} MB, read in {load_ms:5.1} ms {margins:6.2} µs/text margins, {all:6.2} with probabilities",
            model.size_bytes() as f64 / 1e6
        );
    }

    for task in Task::ALL.iter().copied() {
        let Some(model) = builtin::get(task) else {
            continue;
        };
        let documents: Vec<Document<'_>> = MESSAGES
            .iter()
            .map(|text| Document::new(text, None))
            .collect();
        for document in &documents {
            black_box(model.predict(document));
        }
        let rounds = (0..ROUNDS).map(|_| {
            let begin = Instant::now();
            for _ in 0..10 {
                for document in &documents {
                    black_box(model.predict(black_box(document)));
                }
            }
            begin.elapsed().as_secs_f64() * 1e5 / MESSAGES.len() as f64
        });
        println!(
            "built in, {:<32} {:5.2} MB {:6.2} µs/text with probabilities",
            task.name(),
            model.size_bytes() as f64 / 1e6,
            median(rounds.collect())
        );
    }
}
