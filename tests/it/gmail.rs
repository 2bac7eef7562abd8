//! Gmail: fetched after a push and after a lost history, answered through the API, unhealthy without consent.

use std::collections::BTreeMap;

use platform::{Desk, Fake, Person, Webhook, gmail::Gmail};
use serde_json::{Value, json};

use crate::rig::{Hub, until_some};

struct Google {
    url: String,
    desk: Desk,
    account: Gmail,
}

impl Google {
    async fn start() -> Self {
        let (desk, account) = (Desk::default(), Gmail::default());
        let app = account.routes(desk.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, desk, account }
    }

    fn asked(&self, what: &str) -> usize {
        let calls = self.desk.calls();
        calls.iter().filter(|call| call.path.contains(what)).count()
    }
}

async fn hub(google: &Google) -> Hub {
    let keys = format!("{}/oauth2/v3/certs", google.url);
    Hub::start_with(&[], &[("TIDINGS__GATEWAY__GOOGLE_KEYS_URL", &keys)]).await
}

/// A channel that asks by itself once an hour only.
async fn channel(hub: &Hub, google: &Google, more: Value) -> String {
    let (credentials, mut settings) = google.account.channel(&google.url);
    settings["poll_interval_s"] = json!(3600);
    let fields = settings.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
    hub.channel(
        "gmail",
        json!({"credentials": credentials, "config": {"settings": settings}}),
    )
    .await
}

async fn push(hub: &Hub, address: &str, webhook: Webhook) -> u16 {
    let mut request = hub.http.post(address).body(webhook.body);
    for (name, value) in webhook.headers {
        request = request.header(name, value);
    }
    request.send().await.unwrap().status().as_u16()
}

async fn texts(hub: &Hub, channel: &str, least: usize) -> BTreeMap<String, usize> {
    let path = format!("/api/v1/messages?channel_id={channel}&direction=inbound&limit=100");
    hub.until(&path, |page| {
        let mut counts = BTreeMap::new();
        for row in page.as_array()? {
            *counts
                .entry(row["content"].as_str()?.trim().to_owned())
                .or_default() += 1;
        }
        (counts.values().sum::<usize>() >= least).then_some(counts)
    })
    .await
}

async fn health(hub: &Hub, channel: &str, wanted: &str) -> Value {
    let path = format!("/api/v1/channels/{channel}");
    hub.until(&path, |row| (row["health"] == wanted).then(|| row.clone()))
        .await
}

fn ada() -> Person {
    Person {
        id: "ada@example.org".into(),
        name: "Ada Lovelace".into(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_brings_the_mail_and_the_answer_leaves() {
    let google = Google::start().await;
    let hub = hub(&google).await;
    // Said before there was a channel, yet not long before.
    let early = google.account.say("x", &ada(), "early", 1);
    assert!(early.is_some());
    let topic = json!({"topic": "projects/tidings/topics/gmail"});
    let channel = channel(&hub, &google, topic).await;
    health(&hub, &channel, "healthy").await;
    assert_eq!(
        texts(&hub, &channel, 1).await,
        BTreeMap::from([("early".into(), 1)])
    );
    assert_eq!(google.asked("/watch"), 1);

    // Twelve mails are three pages of history.
    let address = format!("{}/api/v1/webhooks/{channel}", hub.url);
    let mut last = None;
    for n in 2..14 {
        last = google
            .account
            .say(&address, &ada(), &format!("text {n}"), n);
    }
    let last = last.unwrap();
    // The keys may not be there yet; Pub/Sub pushes again, too.
    let pushed =
        until_some(|| async { (push(&hub, &address, last.clone()).await == 200).then_some(()) })
            .await;
    assert!(pushed.is_some(), "the push was never taken");
    let found = texts(&hub, &channel, 13).await;
    assert!(
        found.len() == 13 && found.values().all(|count| *count == 1),
        "{found:?}"
    );

    let mut forged = last;
    for (name, value) in &mut forged.headers {
        if name == "authorization" {
            value.push('x');
        }
    }
    assert_eq!(push(&hub, &address, forged).await, 401);

    // A history that is gone costs nothing but reading again.
    google.account.say(&address, &ada(), "after", 14);
    google.account.forget_history();
    let again = google.account.say(&address, &ada(), "later", 15).unwrap();
    assert_eq!(push(&hub, &address, again).await, 200);
    let found = texts(&hub, &channel, 15).await;
    assert!(
        found.len() == 15 && found.values().all(|count| *count == 1),
        "{found:?}"
    );

    let path = format!("/api/v1/messages?channel_id={channel}&direction=inbound&limit=1");
    let row = hub.get(&path).await[0].clone();
    hub.post(
        "/api/v1/messages/send",
        &json!({"conversation_id": row["conversation_id"], "content": "On its way."}),
    )
    .await;
    let sent = until_some(|| async {
        let calls = google.desk.calls();
        calls
            .into_iter()
            .find(|call| call.path.ends_with("/messages/send"))
    })
    .await
    .unwrap();
    assert_eq!((sent.status.as_u16(), sent.refusal), (200, None));
    hub.done().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_consent_the_channel_is_unhealthy_and_says_so() {
    let google = Google::start().await;
    google.account.withdraw(true);
    let hub = hub(&google).await;
    let channel = channel(&hub, &google, json!({})).await;
    let row = health(&hub, &channel, "unhealthy").await;
    let reason = row["health_reason"].as_str().unwrap();
    assert!(reason.contains("invalid_grant"), "{reason}");
    let told = hub
        .post(&format!("/api/v1/channels/{channel}/test"), &json!({}))
        .await;
    assert_eq!(told["success"], false, "{told}");

    google.account.withdraw(false);
    let told = hub
        .post(&format!("/api/v1/channels/{channel}/test"), &json!({}))
        .await;
    assert_eq!(told["success"], true, "{told}");
    hub.done().await;
}
