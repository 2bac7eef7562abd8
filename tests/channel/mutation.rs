//! What no body may do, however broken: cases of `tests/channel/<kind>/`, changed at random.
//!
//! Each changed body goes the way of a webhook: split, envelope, the broker's bytes, normalize. Laws: nothing panics; an
//! update is a message, news, or a dead letter that says `malformed`; keys and output are bounded; an update twice is
//! the same twice. Requests with changed headers are refused without a panic.
//!
//! `TIDINGS_MUTATIONS` says how many bodies of a kind (2,000 unless set; `make fuzz-channels` asks for 100,000),
//! `TIDINGS_CASES` which kind. A failure names its number, which makes the same body again.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    time::Instant,
};

use bytes::Bytes;
use ingest::channel::{Account, Request};
use schemas::{ChannelId, ChannelKind, Envelope, Outcome, TenantId, Timestamp, platform::Form};
use serde_json::{Map, Value, json};
use stages::{Cx, Fused, Stage};
use uuid::Uuid;

use crate::{
    body,
    broken::{Dice, changed_text, flip, mutated},
    files,
};

/// Longest encoded envelope: text, HTML, metadata and attachments at their own bounds, with room.
const MAX_ENVELOPE_BYTES: usize = 2 << 20;
/// Updates of one body, whatever its platform.
const MOST_UPDATES: usize = 10_000;
const MAX_KEY_BYTES: usize = 512;
/// How much the process may grow over the second half of a long run.
const MAX_GROWTH_KIB: u64 = 64 << 10;

#[test]
fn no_body_breaks_the_hub() {
    let count = std::env::var("TIDINGS_MUTATIONS").map_or(2_000, |count| count.parse().unwrap());
    let only = std::env::var("TIDINGS_CASES").ok();
    let kinds = ChannelKind::ALL.into_iter();
    let kinds: Vec<ChannelKind> = kinds
        .filter(|kind| only.as_deref().is_none_or(|only| only == kind.name()))
        .collect();
    let stages = stages::build(&["normalize"]).unwrap();
    let mut broken = Vec::new();
    'kinds: for kind in kinds {
        let seeds = seeds(kind);
        let started = Instant::now();
        let mut resident = 0;
        for number in 0..count {
            if number == count / 2 {
                resident = resident_kib();
            }
            let mut dice = Dice::new(kind, number);
            let (content_type, body) = mutated(&seeds, &mut dice);
            let told = format!("{kind} {number}");
            let done = catch_unwind(AssertUnwindSafe(|| {
                one(kind, content_type, body.clone(), &stages, &told);
            }));
            if let Err(panic) = done {
                let why = panic.downcast_ref::<String>().cloned().unwrap_or_default();
                let shown: String = String::from_utf8_lossy(&body).chars().take(600).collect();
                broken.push(format!("{told}: {why}\n{content_type:?} {shown}"));
                continue 'kinds;
            }
        }
        let growth = resident_kib().saturating_sub(resident);
        if count > 2_000 {
            let rate = f64::from(u32::try_from(count).unwrap()) / started.elapsed().as_secs_f64();
            say(&format!(
                "{kind}: {count} bodies, {rate:.0}/s, {growth} KiB more in the second half"
            ));
        }
        assert!(growth < MAX_GROWTH_KIB, "{kind} grew by {growth} KiB");
    }
    assert!(broken.is_empty(), "{}", broken.join("\n\n"));
}

#[test]
fn no_header_breaks_verification() {
    for kind in ChannelKind::ALL {
        let (credentials, settings) = credentials(kind);
        let account = Account {
            kind,
            credentials: &credentials,
            settings: &settings,
            public_keys: &Value::Null,
        };
        let url = "https://hub.example/webhooks/1";
        let person = platform::Person {
            id: "42".into(),
            name: "Ada".into(),
        };
        let said = platform::of(kind).and_then(|fake| fake.say(url, &person, "hello", 1));
        let (headers, body) = said.map_or_else(
            || (guessed_headers(), Bytes::from_static(b"{}")),
            |said| (said.headers, said.body),
        );
        for number in 0..2_000 {
            let mut dice = Dice::new(kind, number);
            let mut headers = headers.clone();
            let mut bytes = body.to_vec();
            for _ in 0..=dice.below(2) {
                let place = dice.below(headers.len());
                if let Some((_, value)) = headers.get_mut(place) {
                    *value = changed_text(value, &mut dice);
                }
            }
            if dice.below(3) == 0 {
                flip(&mut bytes, &mut dice);
            }
            let find = |name: &str| {
                let header = headers.iter().find(|(key, _)| key == name);
                header.map(|(_, value)| value.as_str())
            };
            let request = Request {
                url,
                headers: &find,
                body: &bytes,
                now: Timestamp::from_seconds(1_790_000_000),
            };
            let done = catch_unwind(AssertUnwindSafe(|| {
                let verified = ingest::channel::verify(&account, &request);
                let answered = ingest::channel::answer(&account, &request);
                let challenged = ingest::channel::challenge(&account, &request);
                (verified, answered, challenged)
            }));
            let (verified, ..) = done.unwrap_or_else(|_| panic!("{kind} {number}: {headers:?}"));
            if let Err(refused) = verified {
                let told = refused.to_string();
                let secret = headers
                    .iter()
                    .any(|(_, value)| value.len() > 16 && told.contains(value.as_str()));
                assert!(!secret, "{kind} {number}: {told}");
            }
        }
    }
}

fn one(kind: ChannelKind, content_type: Option<&str>, body: Bytes, stages: &Fused, told: &str) {
    let length = body.len();
    let Ok(updates) = ingest::channel::split(kind, content_type, body) else {
        return;
    };
    assert!(
        updates.len() <= MOST_UPDATES,
        "{told}: {} updates",
        updates.len()
    );
    for update in updates {
        for key in [&update.platform_id, &update.conversation_key] {
            assert!(
                key.len() <= MAX_KEY_BYTES,
                "{told}: a key of {} bytes",
                key.len()
            );
            assert!(!key.chars().any(char::is_control), "{told}: {key:?}");
        }
        assert!(
            update.bytes.len() <= 8 * length + 4096,
            "{told}: an update larger than its body"
        );
        let (tenant, channel) = (TenantId(Uuid::from_u128(1)), ChannelId(Uuid::from_u128(2)));
        let now = Timestamp::from_seconds(1_790_000_000);
        let sent = ingest::channel::envelope(tenant, channel, kind, update, now).encode();
        let envelope = Envelope::decode(&sent).unwrap();
        let outcome = stages.apply(&Cx::default(), envelope);
        match &outcome {
            Outcome::Next(envelope) => {
                let size = envelope.encode().len();
                assert!(
                    size <= MAX_ENVELOPE_BYTES,
                    "{told}: an envelope of {size} bytes"
                );
            }
            Outcome::Track(events) => assert!(events.len() <= 10 * MOST_UPDATES, "{told}"),
            Outcome::Dead(reason) => {
                assert_eq!(reason.code, "malformed", "{told}: {}", reason.detail)
            }
            Outcome::Drop(reason) => panic!("{told}: dropped, {}", reason.code),
        }
        let again = stages.apply(&Cx::default(), Envelope::decode(&sent).unwrap());
        assert!(outcome == again, "{told}: not the same twice");
    }
}

/// Bodies to begin with: the kind's cases, what its fake says, and what every kind may get.
fn seeds(kind: ChannelKind) -> Vec<(Option<String>, Bytes)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/channel");
    let mut seeds = Vec::new();
    for file in files(&folder.join(kind.name())) {
        let cases: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        let cases = match cases {
            Value::Array(cases) => cases,
            one => vec![one],
        };
        for case in cases {
            let content_type = case["content_type"].as_str().map(str::to_owned);
            seeds.push((content_type, body(&case)));
        }
    }
    if let Some(fake) = platform::of(kind) {
        let person = platform::Person {
            id: "42".into(),
            name: "Ada".into(),
        };
        if let Some(said) = fake.say("https://hub.example/webhooks/1", &person, "hello", 1) {
            let content_type = said.headers.iter().find(|(name, _)| name == "content-type");
            seeds.push((content_type.map(|(_, value)| value.clone()), said.body));
        }
    }
    let generic =
        r#"[{"id":"m1","conversation_id":"c1","sender":{"id":"p1","name":"Ada"},"text":"hello"}]"#;
    seeds.push((Some("application/json".into()), generic.into()));
    seeds.push((
        None,
        "From: a@example.org\r\nSubject: =?utf-8?q?hi?=\r\n\r\nhello".into(),
    ));
    seeds.push((
        Some("application/x-www-form-urlencoded".into()),
        "From=%2B15550001&Body=hello+there&MessageSid=SM1".into(),
    ));
    seeds
}

fn guessed_headers() -> Vec<(String, String)> {
    [
        (
            "authorization",
            "Bearer eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl",
        ),
        ("content-type", "application/json"),
        (
            "messagebird-signature-jwt",
            "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl",
        ),
        (
            "x-hub-signature-256",
            "sha256=00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
        ),
        (
            "x-line-signature",
            "c2lnbmF0dXJlc2lnbmF0dXJlc2lnbmF0dXJlc2lnbmE=",
        ),
        ("x-signature-ed25519", "0011"),
        ("x-signature-timestamp", "1790000000"),
        ("x-slack-request-timestamp", "1790000000"),
        ("x-slack-signature", "v0=00112233"),
        ("x-telegram-bot-api-secret-token", "secret"),
        ("x-tidings-signature", "v1=00112233"),
        ("x-tidings-timestamp", "1790000000"),
        ("x-twilio-signature", "c2lnbmF0dXJl"),
        ("x-viber-content-signature", "00112233"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}

/// Of the fake, or of the forms that the platform's fields have.
fn credentials(kind: ChannelKind) -> (Value, Value) {
    if let Some(fake) = platform::of(kind) {
        return fake.channel("http://127.0.0.1:1");
    }
    let known = schemas::platform::of(kind).credentials;
    let values = known.iter().map(|field| {
        let value = match field.form {
            Form::Url | Form::Base => json!("https://example.org/"),
            Form::Fields(_) => json!({}),
            _ => json!("0123456789abcdef0123456789abcdef"),
        };
        (field.name.to_owned(), value)
    });
    (Value::Object(values.collect::<Map<_, _>>()), Value::Null)
}

/// What the process holds of memory; zero where the system does not say.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}

#[expect(clippy::print_stderr, reason = "the report of a long run")]
fn say(line: &str) {
    eprintln!("{line}");
}
