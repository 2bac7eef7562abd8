//! How long telling a request from a forged one takes: `cargo bench -p ingest --bench verify`.
//!
//! One text message of each platform that can be played, signed as it signs; the 99th percentile is to stay under 100 µs.
//! Verification is the whole of what is done before a body is believed, credentials at hand.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement needs a clock and says its result"
)]

use std::{hint::black_box, time::Instant};

use ingest::channel::{Account, Request, verify};
use platform::Person;
use schemas::Timestamp;

const WARM: usize = 2_000;
const ROUNDS: usize = 20_000;
const GOAL_US: f64 = 100.0;

fn main() {
    let text = "Hello, I ordered two lamps from your shop last week and one of them arrived with a broken \
                glass. Could you please tell me how I can send it back and when the new one will arrive?";
    let url = "https://hub.example/api/v1/webhooks/0197b3a0-0000-7000-8000-000000000001";
    println!(
        "{:<12} {:>6}  {:>8} {:>8} {:>8}",
        "", "bytes", "p50 µs", "p99 µs", "max µs"
    );
    let google_keys = platform::gmail::keys();
    for fake in platform::all() {
        let kind = fake.kind();
        let (credentials, settings) = fake.channel("http://127.0.0.1:1");
        let Some(said) = fake.say(url, &Person::of(kind), text, 1) else {
            continue;
        };
        let account = Account {
            kind,
            credentials: &credentials,
            settings: &settings,
            public_keys: &google_keys,
        };
        let find = |name: &str| {
            let header = said.headers.iter().find(|(key, _)| key == name);
            header.map(|(_, value)| value.as_str())
        };
        let request = Request {
            url,
            headers: &find,
            body: &said.body,
            now: Timestamp::now(),
        };
        if let Err(refused) = verify(&account, &request) {
            println!("{:<12} refused: {refused}", kind.name());
            continue;
        }
        let mut took: Vec<f64> = (0..WARM + ROUNDS)
            .map(|_| {
                let begin = Instant::now();
                black_box(verify(black_box(&account), black_box(&request))).unwrap();
                begin.elapsed().as_secs_f64() * 1e6
            })
            .skip(WARM)
            .collect();
        took.sort_by(f64::total_cmp);
        let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize];
        let note = if at(0.99) < GOAL_US {
            ""
        } else {
            "  over the goal"
        };
        println!(
            "{:<12} {:>6}  {:>8.2} {:>8.2} {:>8.2}{note}",
            kind.name(),
            said.body.len(),
            at(0.5),
            at(0.99),
            at(1.0)
        );
    }
}
