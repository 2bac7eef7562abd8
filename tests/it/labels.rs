//! What people say messages are: in by the API, out as training data, and the next model on trial.

use learn::dataset::{self, Kind};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    command::{another_tenant, tidings},
    rig::Hub,
    understanding::{REFUND, model, said, status, until_answered_by},
};

#[tokio::test(flavor = "multi_thread")]
async fn labels_go_out_as_training_data() {
    let hub = Hub::start().await;
    let theirs = another_tenant(&hub).await;
    let channel = hub.channel("sandbox", json!({})).await;
    let mut ids = Vec::new();
    for (number, text) in [REFUND, "Hello, how are you today?", "Nothing to say here"]
        .into_iter()
        .enumerate()
    {
        let message = said(&hub, &channel, number, text).await;
        ids.push(message["id"].as_str().unwrap().to_owned());
    }
    let labels = |id: &str| format!("/api/v1/messages/{id}/labels");
    let say = async |id: &str, key: &str, body: Value| {
        status(&hub, key, Method::POST, &labels(id), &body).await
    };
    let intent = |label: &str| json!({"task": "intent", "labels": [label]});
    assert_eq!(
        say(&ids[0], &hub.key, intent("cancel")).await,
        StatusCode::OK
    );
    assert_eq!(
        say(&ids[0], &hub.key, intent("refund")).await,
        StatusCode::OK
    );
    assert_eq!(
        say(&ids[1], &hub.key, intent("greeting")).await,
        StatusCode::OK
    );
    let emotion = json!({"task": "emotion", "labels": ["joy", "joy"], "note": "a smile"});
    assert_eq!(say(&ids[1], &hub.key, emotion).await, StatusCode::OK);
    for bad in [
        json!({"task": "intent", "labels": []}),
        json!({"task": "intent", "labels": [" "]}),
        json!({"task": "sentiment", "labels": ["positive", "negative"]}),
        json!({"task": "intent", "labels": ["x".repeat(101)]}),
        json!({"task": "intent", "labels": vec!["x"; 21]}),
        json!({"task": "mood", "labels": ["x"]}),
    ] {
        let code = say(&ids[0], &hub.key, bad.clone()).await;
        assert_eq!(code, StatusCode::UNPROCESSABLE_ENTITY, "{bad}");
    }
    assert_eq!(
        say(&ids[0], &theirs, intent("x")).await,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        status(&hub, &theirs, Method::GET, &labels(&ids[0]), &json!({})).await,
        StatusCode::NOT_FOUND
    );
    let all = hub.get(&labels(&ids[1])).await;
    assert_eq!(all.as_array().unwrap().len(), 2, "{all}");
    assert_eq!(all[0]["labels"], json!(["joy"]));
    let first = hub.get(&labels(&ids[0])).await;
    assert_eq!(
        first[0]["labels"],
        json!(["refund"]),
        "the last word: {first}"
    );

    // What comes out, a trainer reads.
    let export = async |key: &str, query: &str| {
        let path = format!("/api/v1/labels/export?{query}");
        let request = hub.request_by(key, Method::GET, &path);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        answer.bytes().await.unwrap()
    };
    let lines = export(&hub.key, "task=intent").await;
    let read = dataset::parse("export", Kind::JsonLines, &lines).unwrap();
    let mut told: Vec<(String, Vec<String>)> = read
        .examples
        .into_iter()
        .map(|example| {
            assert_eq!(example.channel.as_deref(), Some("sandbox"));
            (example.text, example.labels)
        })
        .collect();
    told.sort();
    let greeting = (
        "Hello, how are you today?".to_owned(),
        vec!["greeting".to_owned()],
    );
    assert_eq!(
        told,
        [greeting, (REFUND.to_owned(), vec!["refund".to_owned()])]
    );
    assert_eq!(export(&hub.key, "task=topic").await, "");
    assert_eq!(export(&theirs, "task=intent").await, "");
    assert_eq!(
        export(&hub.key, "task=intent&since=2999-01-01T00:00:00Z").await,
        ""
    );

    // The same by the command line, and a model on trial over the same messages.
    let file = hub.dir().join("export.jsonl");
    let name = file.to_str().unwrap();
    let (shown, code) = tidings(&hub, &["labels", "export", "--task", "intent", "-o", name]).await;
    assert_eq!(code, 0, "{shown}");
    assert_eq!(std::fs::read(&file).unwrap(), lines);
    let trial = hub.dir().join("trial.tdm");
    std::fs::write(&trial, model(1)).unwrap();
    let trial = trial.to_str().unwrap();
    let (shown, code) = tidings(
        &hub,
        &[
            "replay", "compare", "--task", "intent", "--model", trial, "--json",
        ],
    )
    .await;
    assert_eq!(code, 0, "{shown}");
    let report: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(report["messages"], 3, "{report}");
    assert_eq!(report["labelled"], 2, "{report}");
    assert_eq!(report["new"]["right"], 2, "{report}");
    assert!(
        !shown.contains("money"),
        "content was not asked for: {shown}"
    );

    // Pushed and activated, the same model differs in nothing from what answers.
    let (shown, code) = tidings(&hub, &["models", "push", trial, "--activate"]).await;
    assert_eq!(code, 0, "{shown}");
    let id = shown.split_whitespace().next().unwrap().to_owned();
    until_answered_by(&hub, &channel, 1_000, &id).await;
    let model = format!("model:{id}");
    let (shown, code) = tidings(
        &hub,
        &[
            "replay", "compare", "--task", "intent", "--model", &model, "--limit", "2", "--json",
        ],
    )
    .await;
    assert_eq!(code, 0, "{shown}");
    let report: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(
        (&report["messages"], &report["alike"]),
        (&json!(2), &json!(2)),
        "{report}"
    );
    let (shown, code) = tidings(&hub, &["models", "list"]).await;
    assert!(
        code == 0 && shown.starts_with(&format!("* {id}")),
        "{shown}"
    );
    let (shown, code) = tidings(&hub, &["models", "rollback", "--task", "intent"]).await;
    assert!(code == 0 && shown.contains("builtin"), "{shown}");
    hub.done().await;
}
