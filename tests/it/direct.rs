//! Whom a platform writes to in a direct message: what is begun here and what the person answers is one conversation. And
//! what only the one who sent it can say: how large it was.

use platform::{Desk, Fake, Person};
use reqwest::Method;
use schemas::{ChannelKind, Timestamp};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::rig::Hub;

/// A channel of the hub on a played platform.
async fn play(hub: &Hub, kind: ChannelKind) -> (Box<dyn Fake>, String) {
    let fake = platform::of(kind).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let app = fake.routes(Desk::default());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    let (credentials, mut settings) = fake.channel(&url);
    settings["allow_private"] = true.into();
    let more = json!({"credentials": credentials, "config": {"settings": settings}});
    let channel = hub.channel(kind.name(), more).await;
    (fake, channel)
}

async fn begin(hub: &Hub, channel: &str, person: &str) -> (u16, Value) {
    let body = json!({"channel_id": channel, "participant_id": person});
    let request = hub
        .request(Method::POST, "/api/v1/conversations")
        .json(&body);
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_answers_lands_in_the_conversation_that_was_begun_with_them() {
    let hub = Hub::start().await;
    let (slack, channel) = play(&hub, ChannelKind::Slack).await;
    let person = Person::of(ChannelKind::Slack);

    let (status, begun) = begin(&hub, &channel, &person.id).await;
    assert_eq!(status, 201, "{begun}");
    assert_eq!(begun["platform_conversation_id"], "D0PERSON01");
    assert_eq!(begun["participant_id"], "U0PERSON01");
    let (status, again) = begin(&hub, &channel, "D0PERSON01").await;
    assert_eq!((status, &again["id"]), (200, &begun["id"]));

    let question = json!({"conversation_id": begun["id"], "content": "Shall we?"});
    let sent = hub.post("/api/v1/messages/send", &question).await;
    let path = format!("/api/v1/messages/{}", sent["id"].as_str().unwrap());
    let is_sent = |row: &Value| (row["status"] == "sent").then(|| row.clone());
    let sent = hub.until(&path, is_sent).await;
    assert_eq!(sent.get("sms"), None, "only what left as SMS has a size");

    let webhook = format!("{}/api/v1/webhooks/{channel}", hub.url);
    let now = u64::try_from(Timestamp::now().0 / 1_000_000 - 1_790_000_000).unwrap();
    let said = slack.say(&webhook, &person, "Gladly", now).unwrap();
    let mut answer = hub.http.post(&webhook).body(said.body);
    for (name, value) in said.headers {
        answer = answer.header(name, value);
    }
    assert!(answer.send().await.unwrap().status().is_success());
    let id = begun["id"].as_str().unwrap();
    let path = format!("/api/v1/messages?conversation_id={id}&direction=inbound");
    let text = hub.until(&path, |rows| Some(rows[0]["content"].as_str()?.to_owned()));
    assert_eq!(text.await, "Gladly");

    let (status, refused) = begin(&hub, &channel, "UGONE").await;
    assert_eq!(
        (status, &refused["errors"][0]["pointer"]),
        (422, &json!("/participant_id"))
    );
    assert!(
        refused["detail"]
            .as_str()
            .unwrap()
            .contains("user-not-found"),
        "{refused}"
    );
    hub.done().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_left_as_sms_says_how_large_it_was() {
    let hub = Hub::start().await;
    let (twilio, channel) = play(&hub, ChannelKind::Twilio).await;
    let person = Person::of(twilio.kind());
    let (status, begun) = begin(&hub, &channel, &person.id).await;
    assert_eq!(status, 201, "{begun}");
    for (text, size) in [
        ("a".repeat(161), json!({"encoding": "gsm7", "segments": 2})),
        ("да".to_owned(), json!({"encoding": "ucs2", "segments": 1})),
    ] {
        let body = json!({"conversation_id": begun["id"], "content": text});
        let sent = hub.post("/api/v1/messages/send", &body).await;
        let path = format!("/api/v1/messages/{}", sent["id"].as_str().unwrap());
        let found = hub.until(&path, |row| {
            assert!(row["status"] != "failed", "{row}");
            row.get("sms").cloned()
        });
        assert_eq!(found.await, size);
    }
    hub.done().await;
}
