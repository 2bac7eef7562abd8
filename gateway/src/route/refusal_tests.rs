//! What cannot be taken, and what is said of it: in the words of JSON, by its place. The database is down here: what passes
//! the checks is a 503.

use serde_json::{Value, json};

use crate::rig::{Rig, token};

const ID: &str = "018f3c1e-0000-7000-8000-000000000001";

fn campaign(more: Value) -> Value {
    let mut body = json!({"name": "News", "type": "EMAIL"});
    body.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    body
}

fn contact(address: &str) -> Value {
    json!({"addresses": [{"kind": "email", "address": address}]})
}

/// Path, body, and of what is wrong the place and a part of what is said.
#[expect(clippy::too_many_lines, reason = "a table")]
fn wrong() -> Vec<(&'static str, Value, &'static str, &'static str)> {
    let number = "This must be a number, not a string.";
    let range = "Give a number from 0.0001 to 100000;";
    let moment = "This must be a date and time such as 2026-01-31T09:00:00Z.";
    let blank = "This is empty or blank. Give 1 to 255 characters.";
    let invisible = "no characters that are invisible or turn the direction of text";
    let nul = "a NUL character";
    vec![
        (
            "campaigns",
            campaign(json!({"pace": {"per_second": "5"}})),
            "/pace/per_second",
            number,
        ),
        (
            "campaigns",
            campaign(json!({"pace": 5})),
            "/pace",
            "This must be an object, not a whole number.",
        ),
        (
            "campaigns",
            campaign(json!({"type": "hunter2"})),
            "/type",
            "This must be one of `EMAIL`",
        ),
        (
            "campaigns",
            campaign(json!({"type": 5})),
            "/type",
            "not of the documented form",
        ),
        (
            "campaigns",
            campaign(json!({"channel_ids": ["x"]})),
            "/channel_ids/0",
            "This must be a UUID such as",
        ),
        (
            "campaigns",
            campaign(json!({"scheduled_at": ""})),
            "/scheduled_at",
            moment,
        ),
        (
            "campaigns",
            campaign(json!({"scheduled_at": "2026-01-31"})),
            "/scheduled_at",
            moment,
        ),
        (
            "campaigns",
            campaign(json!({"scheduled_at": "2026-01-31 09:00"})),
            "/scheduled_at",
            moment,
        ),
        (
            "campaigns",
            json!("x"),
            "",
            "This must be an object, not a string.",
        ),
        (
            "campaigns",
            campaign(json!({"pace": {"per_second": 0.00001}})),
            "/pace/per_second",
            range,
        ),
        (
            "campaigns",
            campaign(json!({"pace": {"per_second_and_domain": 100_001}})),
            "/pace/per_second_and_domain",
            range,
        ),
        ("campaigns", campaign(json!({"name": "  "})), "/name", blank),
        (
            "campaigns",
            campaign(json!({"sender_email": "n\u{200b}ews@example.org"})),
            "/sender_email",
            "Give one address",
        ),
        (
            "templates",
            json!({"name": "\t\u{a0}", "content": "x"}),
            "/name",
            blank,
        ),
        ("lists", json!({"name": "\u{200b}\u{202e}"}), "/name", blank),
        (
            "segments",
            json!({"name": " ", "expression": "language = \"de\""}),
            "/name",
            blank,
        ),
        (
            "channels",
            json!({"name": " \n", "type": "sandbox"}),
            "/name",
            blank,
        ),
        (
            "api-keys",
            json!({"name": " ", "role": "agent"}),
            "/name",
            blank,
        ),
        ("contacts", json!({"name": "\u{3000}"}), "/name", blank),
        (
            "contacts",
            contact("jo\u{202e}e@example.org"),
            "/addresses/0/address",
            invisible,
        ),
        (
            "contacts",
            contact("joe\u{200b}@example.org"),
            "/addresses/0/address",
            invisible,
        ),
        (
            "contacts",
            contact("joe@exam\u{ad}ple.org"),
            "/addresses/0/address",
            invisible,
        ),
        ("contacts", json!({"name": "A\u{0}nn"}), "/name", "NUL"),
        (
            "contacts",
            json!({"attributes": {"plan": "p\u{0}ro"}}),
            "/attributes/plan",
            nul,
        ),
        (
            "contacts",
            json!({"attributes": {"a/b": [{"c": "\u{0}"}]}}),
            "/attributes/a~1b",
            nul,
        ),
        (
            "contacts",
            json!({"attributes": {"c\u{0}": 1}}),
            "/attributes/c",
            nul,
        ),
        (
            "contacts",
            json!({"metadata": {"x": "\u{0}"}}),
            "/metadata/x",
            nul,
        ),
        (
            "suppressions",
            json!({"kind": "email", "address": "a\u{2066}@example.org"}),
            "/address",
            "invisible",
        ),
    ]
}

#[tokio::test]
async fn what_is_wrong_is_said_by_its_place_in_the_words_of_json() {
    let rig = Rig::start().await;
    let admin = token("admin");
    for (path, body, place, said) in wrong() {
        let path = format!("/api/v1/{path}");
        let answer = rig.post(&path, &admin, body.to_string()).await;
        let problem = answer.problem(422);
        let error = &problem["errors"][0];
        assert_eq!(error["pointer"], place, "{path} {body}: {problem}");
        let detail = error["detail"].as_str().unwrap();
        assert!(detail.contains(said), "{path} {body}: {detail}");
        for word in [
            "hunter2",
            "struct",
            "enum",
            "f64",
            "u32",
            "Premature",
            "input",
        ] {
            assert!(!detail.contains(word), "{path} {body}: {detail}");
        }
    }
}

#[tokio::test]
async fn what_is_nearly_wrong_is_taken() {
    let rig = Rig::start().await;
    let admin = token("admin");
    for (path, body) in [
        (
            "contacts",
            json!({"name": " Ann \u{1f469}\u{200d}\u{1f467} ", "attributes": {"plan": ["pro", {"x": null}]}}),
        ),
        ("contacts", contact("joe@نامه\u{200c}ای.example")),
        ("lists", json!({"name": " News "})),
        (
            "campaigns",
            campaign(json!({"pace": {"per_second": 0.0001, "per_second_and_domain": 100_000}})),
        ),
    ] {
        let path = format!("/api/v1/{path}");
        let answer = rig.post(&path, &admin, body.to_string()).await;
        answer.problem(503);
    }
}

#[tokio::test]
async fn queries_and_paths_are_told_in_the_same_words() {
    let rig = Rig::start().await;
    let admin = token("admin");
    for (path, said) in [
        (
            "conversations?limit=ten",
            "`limit` in the query cannot be read. This must be a whole number.",
        ),
        (
            "conversations?limit=-1",
            "`limit` in the query cannot be read. This must be a whole number.",
        ),
        (
            "campaigns?status=hunter2",
            "`status` in the query cannot be read. This must be one of `DRAFT`",
        ),
        (
            "campaigns?staus=RUNNING",
            "Unknown field `staus`, expected one of",
        ),
        (
            "contacts?adress=a",
            "Unknown field `adress`, expected one of",
        ),
        ("lists?size=5", "Unknown field `size`, expected"),
        ("segments?size=5", "Unknown field `size`, expected"),
        (
            &*format!("campaigns/{ID}/recipients?state=SENT"),
            "Unknown field `state`, expected one of",
        ),
        (
            &*format!("campaigns/{ID}/events?state=SENT"),
            "Unknown field `state`, expected one of",
        ),
        ("contacts/7", "An id is a UUID such as"),
        (
            &*format!("campaigns/{ID}/recipients/x"),
            "An id is a UUID such as",
        ),
    ] {
        let problem = rig
            .get(&format!("/api/v1/{path}"), &admin)
            .await
            .problem(400);
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(said), "{path}: {detail}");
        assert!(!detail.contains("hunter2"), "{path}: {detail}");
    }
}
