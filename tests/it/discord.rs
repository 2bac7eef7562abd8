//! Discord's gateway: what people write comes in and is answered, also after the worker that listened is gone, and a channel that may
//! not listen says why.

use std::collections::BTreeMap;

use platform::{Desk, Fake, Person, discord::Discord};
use serde_json::{Value, json};

use crate::rig::{Hub, until_some};

const ADA: &str = "1179400000000000001";

struct Stage {
    url: String,
    desk: Desk,
    discord: Discord,
}

impl Stage {
    async fn start() -> Self {
        let (desk, discord) = (Desk::default(), Discord::default());
        let app = discord.routes(desk.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, desk, discord }
    }

    async fn channel(&self, hub: &Hub) -> String {
        let (credentials, mut settings) = self.discord.channel(&self.url);
        settings["receive"] = "gateway".into();
        let config = json!({"settings": settings});
        hub.channel(
            "discord",
            json!({"credentials": credentials, "config": config}),
        )
        .await
    }

    async fn listened(&self) {
        let listened =
            until_some(|| async { (self.discord.gateway.listeners() > 0).then_some(()) }).await;
        assert!(listened.is_some(), "nobody listens");
    }
}

async fn texts(hub: &Hub, channel: &str, least: usize) -> BTreeMap<String, usize> {
    let path = format!("/api/v1/messages?channel_id={channel}&direction=inbound&limit=100");
    hub.until(&path, |page| {
        let mut counts = BTreeMap::new();
        for row in page.as_array()? {
            let text = row["content"].as_str()?.to_owned();
            *counts.entry(text).or_default() += 1;
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

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_in_a_channel_is_stored_once_and_answered() {
    let stage = Stage::start().await;
    let hub = Hub::start_with(&[], &[]).await;
    let channel = stage.channel(&hub).await;
    stage.listened().await;
    health(&hub, &channel, "healthy").await;
    let told = hub
        .post(&format!("/api/v1/channels/{channel}/test"), &json!({}))
        .await;
    assert_eq!(told["success"], true, "{told}");

    let gateway = &stage.discord.gateway;
    for round in 0..3 {
        stage.listened().await;
        for n in 0..5 {
            gateway.write(ADA, &format!("Text {round} {n}"));
        }
        gateway.drop_all();
        gateway.write(ADA, &format!("Unheard {round}"));
    }
    stage.listened().await;
    let ada = Person {
        id: ADA.into(),
        name: "Ada".into(),
    };
    assert!(stage.discord.tell(&ada, "To you alone"));
    let found = texts(&hub, &channel, 19).await;
    assert!(
        found.len() == 19 && found.values().all(|count| *count == 1),
        "{found:?}"
    );

    let path = format!("/api/v1/messages?channel_id={channel}&direction=inbound&limit=1");
    let row = hub.get(&path).await[0].clone();
    assert_eq!(row["content"], "To you alone");
    hub.post(
        "/api/v1/messages/send",
        &json!({"conversation_id": row["conversation_id"], "content": "On its way."}),
    )
    .await;
    let sent = until_some(|| async {
        let calls = stage.desk.calls();
        let posted = format!("/channels/{}/messages", platform::discord::gateway::DIRECT);
        calls
            .into_iter()
            .find(|call| call.method == "POST" && call.path.ends_with(&posted))
    })
    .await
    .unwrap();
    assert_eq!((sent.status.as_u16(), sent.refusal), (200, None));
    assert_eq!(gateway.heard(2).len(), 1, "one session throughout");
    hub.done().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_may_not_listen_says_what_to_do() {
    let stage = Stage::start().await;
    stage.discord.gateway.refuse(Some(4014));
    let hub = Hub::start_with(&[], &[]).await;
    let channel = stage.channel(&hub).await;
    let row = health(&hub, &channel, "unhealthy").await;
    let reason = row["health_reason"].as_str().unwrap();
    assert!(reason.contains("Message Content intent"), "{reason}");
    hub.done().await;
}
