//! What platforms send, and what the hub makes of it: `tests/channel/<kind>/<case>.json`, each
//! `{"name", "body" | "text" | "base64", "content_type"?, "updates": N?, "expect": [...]}`.
//!
//! `body` is JSON as the platform posts it, `text` any other body, `base64` bytes. Each update of the body is split and
//! normalized as in the hub, and must hold what its place in `expect` holds: an object matches when all its names match, a
//! list when it has as many items and each matches; `null` means absent. An item of `expect` is
//! `{"message": {…}, "events": [{"kind", "about", "provider_id", "detail"}]?}`, `{"events": […]}` for an update that is no
//! message, or `{"dead": "code"}`. A receipt's `about` is `"sent"`, `"conversation"`, or `{"address": …}`.
//! `"refused": true` says that the whole body is no body of this platform.

#![allow(clippy::unwrap_used)]

mod broken;
mod mutation;
mod play;
mod sender;

use std::path::{Path, PathBuf};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use schemas::{ChannelId, ChannelKind, Envelope, Outcome, TenantId, Timestamp};
use serde_json::{Value, json};
use stages::{Cx, Stage};
use uuid::Uuid;

#[test]
fn platforms_are_understood() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/channel");
    let only = std::env::var("TIDINGS_CASES").ok();
    let mut wrong = Vec::new();
    let mut count = 0;
    for kind in ChannelKind::ALL {
        if only.as_deref().is_some_and(|only| only != kind.name()) {
            continue;
        }
        for file in files(&folder.join(kind.name())) {
            let cases: Value = serde_json::from_slice(&std::fs::read(&file).unwrap())
                .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            let cases = match cases {
                Value::Array(cases) => cases,
                one => vec![one],
            };
            for case in cases {
                count += 1;
                let name = case["name"].as_str().unwrap_or("?").to_owned();
                if let Err(problem) = check(kind, &case) {
                    wrong.push(format!("{kind} {} · {name}: {problem}", file.display()));
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {count} cases:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(count > 0, "no cases");
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "json"))
        .collect();
    files.sort();
    files
}

fn body(case: &Value) -> Bytes {
    match (case.get("body"), case.get("text"), case.get("base64")) {
        (Some(json), _, _) => json.to_string().into(),
        (_, Some(text), _) => text.as_str().unwrap().to_owned().into(),
        (_, _, Some(bytes)) => STANDARD.decode(bytes.as_str().unwrap()).unwrap().into(),
        _ => panic!("a case without a body"),
    }
}

fn check(kind: ChannelKind, case: &Value) -> Result<(), String> {
    let content_type = case.get("content_type").and_then(Value::as_str);
    let updates = match ingest::channel::split(kind, content_type, body(case)) {
        Ok(_) if case.get("refused").is_some() => return Err("was taken".into()),
        Ok(updates) => updates,
        Err(_) if case.get("refused").is_some() => return Ok(()),
        Err(error) => return Err(format!("refused: {error}")),
    };
    let expected = case["expect"].as_array().cloned().unwrap_or_default();
    let (tenant, channel) = (TenantId(Uuid::from_u128(1)), ChannelId(Uuid::from_u128(2)));
    let stages = stages::build(&["normalize"]).unwrap();
    let got: Vec<Value> = updates
        .into_iter()
        .map(|update| {
            let now = Timestamp::from_seconds(1_790_000_000);
            let envelope = ingest::channel::envelope(tenant, channel, kind, update, now);
            // As the broker carries it.
            let envelope = Envelope::decode(&envelope.encode()).unwrap();
            outcome(stages.apply(&Cx::default(), envelope))
        })
        .collect();
    if got.len() != expected.len() {
        let pretty = serde_json::to_string_pretty(&got).unwrap();
        return Err(format!(
            "{} updates, not {}: {pretty}",
            got.len(),
            expected.len()
        ));
    }
    let mut ids: Vec<&Value> = got
        .iter()
        .map(|one| &one["message"]["id"])
        .filter(|id| !id.is_null())
        .collect();
    let all = ids.len();
    ids.sort_by_key(|id| id.to_string());
    ids.dedup();
    if ids.len() < all && case.get("same_ids").is_none() {
        return Err("two updates of one id".into());
    }
    for (place, (got, expected)) in got.iter().zip(&expected).enumerate() {
        if let Err(problem) = matches(got, expected, &format!("[{place}]")) {
            let pretty = serde_json::to_string_pretty(got).unwrap();
            return Err(format!("{problem}\n{pretty}"));
        }
    }
    Ok(())
}

fn outcome(outcome: Outcome) -> Value {
    match outcome {
        Outcome::Next(envelope) => {
            json!({"message": envelope.message(), "events": envelope.events})
        }
        Outcome::Track(events) => json!({"events": events}),
        Outcome::Drop(reason) => json!({"drop": reason.code}),
        Outcome::Dead(reason) => json!({"dead": reason.code}),
    }
}

fn matches(got: &Value, expected: &Value, place: &str) -> Result<(), String> {
    match (got, expected) {
        (Value::Object(got), Value::Object(expected)) => {
            for (name, expected) in expected {
                let got = got.get(name).unwrap_or(&Value::Null);
                matches(got, expected, &format!("{place}.{name}"))?;
            }
            Ok(())
        }
        (Value::Array(got), Value::Array(expected)) if got.len() == expected.len() => {
            for (index, (got, expected)) in got.iter().zip(expected).enumerate() {
                matches(got, expected, &format!("{place}[{index}]"))?;
            }
            Ok(())
        }
        (Value::Number(a), Value::Number(b)) if a.as_f64() == b.as_f64() => Ok(()),
        // A list or a map that is empty is not written down.
        (Value::Null, Value::Array(list)) if list.is_empty() => Ok(()),
        (got, expected) if got == expected => Ok(()),
        (got, expected) => Err(format!("{place}: {got}, not {expected}")),
    }
}
