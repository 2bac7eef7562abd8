//! What platforms send again: every payload of `tests/channel/`, three times, in any order, with a kill between.
//!
//! *Law:* one message each, and a status that never goes back.

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use platform::{Desk, Fake, Person, Webhook};
use schemas::{
    ChannelId, ChannelKind, Direction, Envelope, Outcome, TenantId, Timestamp, TrackKind,
};
use serde_json::{Value, json};
use stages::{Cx, Stage};
use store::{Keyring, Store};
use tokio::net::TcpListener;

use crate::rig::Hub;

/// Payloads taken of each kind, in their order.
const CASES_A_KIND: usize = 60;
const TIMES: usize = 3;
/// From a state that is not final to those that are; nothing goes to the left.
const ORDER: [&str; 7] = [
    "queued",
    "claimed",
    "sending",
    "unknown",
    "sent",
    "delivered",
    "read",
];

/// A request to the hub.
#[derive(Clone)]
struct Post {
    kind: ChannelKind,
    path: String,
    headers: Vec<(String, String)>,
    body: Bytes,
}

#[tokio::test(flavor = "multi_thread")]
async fn each_payload_thrice_in_any_order_with_a_kill_between_is_one_message() {
    let mut hub = Hub::start().await;
    let mut posts = Vec::new();
    let mut channels = BTreeMap::new();
    for kind in ChannelKind::ALL {
        let cases = cases(kind);
        if cases.is_empty() {
            continue;
        }
        let (channel, key) = handed_in(&hub, kind).await;
        let id = ChannelId(channel.parse().unwrap());
        let mut expected = BTreeSet::new();
        for (content_type, body) in cases {
            let Some(ids) = messages(id, kind, content_type.as_deref(), body.clone()) else {
                continue;
            };
            expected.extend(ids);
            let headers = [
                ("authorization".to_owned(), format!("Bearer {key}")),
                (
                    "content-type".to_owned(),
                    content_type.unwrap_or_else(|| "application/json".into()),
                ),
            ];
            posts.push(Post {
                kind,
                path: format!("/api/v1/channels/{channel}/inbound"),
                headers: headers.into(),
                body,
            });
        }
        channels.insert(kind.name(), (id, expected));
    }
    assert!(posts.len() > 100, "{} payloads", posts.len());

    let posts = shuffled(&posts, TIMES);
    let (before, after) = posts.split_at(posts.len() / 2);
    for post in before {
        taken(&hub, post).await;
    }
    // Whatever was under way is done again by the next.
    hub = Hub::start_in(hub.kill().await, &[], &[]).await;
    for post in after {
        taken(&hub, post).await;
    }

    let ready: Value =
        serde_json::from_slice(&std::fs::read(hub.dir().join("ready.json")).unwrap()).unwrap();
    let store = Store::connect(
        ready["postgres_url"].as_str().unwrap(),
        2,
        Keyring::ephemeral(),
    )
    .unwrap();
    let tenant = store::tenant::list(&store).await.unwrap()[0].id;
    for (kind, (channel, expected)) in channels {
        let rows = || async {
            let rows = store::probe::orders(&store, tenant, channel).await.unwrap();
            rows.into_iter().map(|(_, id)| id).collect::<Vec<_>>()
        };
        let all = crate::rig::until_some(|| async {
            (rows().await.len() >= expected.len()).then_some(())
        })
        .await;
        let rows = rows().await;
        let distinct: BTreeSet<String> = rows.iter().cloned().collect();
        let missing: Vec<_> = expected.difference(&distinct).collect();
        let more: Vec<_> = distinct.difference(&expected).collect();
        assert!(
            all.is_some() && missing.is_empty() && more.is_empty(),
            "{kind}: missing {missing:?}, more {more:?}"
        );
        assert_eq!(rows.len(), distinct.len(), "{kind}: a message twice");
    }
    let letters = hub.get("/api/v1/dlq").await.as_array().unwrap().len();
    hub.expect_dead_letters(letters);
    hub.done().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_thrice_in_any_order_with_a_kill_between_never_take_a_status_back() {
    let mut hub = Hub::start().await;
    let mut posts = Vec::new();
    let mut sent = Vec::new();
    for fake in platform::all() {
        let Some(played) = Played::start(&hub, fake).await else {
            continue;
        };
        let message = played.send(&hub).await;
        let path = format!("/api/v1/messages/{}", message["id"].as_str().unwrap());
        let provider_id = provider_id(&hub, &path, played.kind).await;
        let mut best = "sent";
        for (n, (kind, status)) in [
            (TrackKind::Sent, "sent"),
            (TrackKind::Delivered, "delivered"),
            (TrackKind::Read, "read"),
        ]
        .into_iter()
        .enumerate()
        {
            if let Some(receipt) = played.receipt(&provider_id, kind, now() + 1 + n as u64) {
                posts.push(receipt);
                best = status;
            }
        }
        sent.push((played.kind, path, best));
    }
    assert!(
        !posts.is_empty(),
        "no platform says what became of a message"
    );

    let posts = shuffled(&posts, TIMES);
    let half = posts.len() / 2;
    let mut last: BTreeMap<String, usize> = BTreeMap::new();
    for (n, post) in posts.iter().enumerate() {
        if n == half {
            hub = Hub::start_in(hub.kill().await, &[], &[]).await;
        }
        taken(&hub, post).await;
        for (kind, path, _) in &sent {
            let status = hub.get(path).await["status"].as_str().unwrap().to_owned();
            let rank = ORDER.iter().position(|known| *known == status);
            let rank = rank.unwrap_or_else(|| panic!("{kind}: {status}"));
            let before = last.insert(path.clone(), rank).unwrap_or(0);
            assert!(rank >= before, "{kind}: from {} to {status}", ORDER[before]);
        }
    }
    for (_, path, best) in &sent {
        hub.until(path, |body| (body["status"] == *best).then_some(()))
            .await;
    }
    hub.done().await;
}

/// A played platform and its channel in the hub.
struct Played {
    kind: ChannelKind,
    fake: Box<dyn Fake>,
    channel: String,
    webhook_url: String,
    conversation: String,
}

impl Played {
    /// None where nothing is ever said of what was sent.
    async fn start(hub: &Hub, fake: Box<dyn Fake>) -> Option<Self> {
        let (kind, person) = (fake.kind(), Person::of(fake.kind()));
        fake.receipt(&hub.url, &person, "x", TrackKind::Delivered, 1)
            .or_else(|| fake.receipt(&hub.url, &person, "x", TrackKind::Read, 1))?;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let app = fake.routes(Desk::default());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        let (credentials, mut settings) = fake.channel(&url);
        settings["allow_private"] = true.into();
        let channel = hub
            .channel(
                kind.name(),
                json!({"credentials": credentials, "config": {"settings": settings}}),
            )
            .await;
        let webhook_url = format!("{}/api/v1/webhooks/{channel}", hub.url);
        let said = fake.say(&webhook_url, &person, "hello", now())?;
        let answer = posted(hub, &Self::request(kind, &channel, said)).await;
        let conversation = answer["conversation_id"].as_str();
        let conversation = match conversation {
            Some(conversation) => conversation.to_owned(),
            // The platform wants to hear something else.
            None => {
                let path = format!("/api/v1/conversations?channel_id={channel}");
                hub.until(&path, |all| Some(all[0]["id"].as_str()?.to_owned()))
                    .await
            }
        };
        Some(Self {
            kind,
            fake,
            channel,
            webhook_url,
            conversation,
        })
    }

    fn request(kind: ChannelKind, channel: &str, webhook: Webhook) -> Post {
        Post {
            kind,
            path: format!("/api/v1/webhooks/{channel}"),
            headers: webhook.headers,
            body: webhook.body,
        }
    }

    async fn send(&self, hub: &Hub) -> Value {
        let body = json!({"conversation_id": self.conversation, "content": "well?"});
        hub.post("/api/v1/messages/send", &body).await
    }

    fn receipt(&self, provider_id: &str, kind: TrackKind, n: u64) -> Option<Post> {
        let person = Person::of(self.kind);
        let mut told = self
            .fake
            .receipt(&self.webhook_url, &person, provider_id, kind, n)?;
        // Some sign the address, which they go on calling when the hub has another.
        let host = self.webhook_url.split('/').nth(2)?.to_owned();
        told.headers.push(("host".into(), host));
        Some(Self::request(self.kind, &self.channel, told))
    }
}

/// Fakes count seconds from 1,790,000,000; some platforms take no answer to what was said long ago.
fn now() -> u64 {
    u64::try_from(Timestamp::now().0 / 1_000_000 - 1_790_000_000).unwrap_or(0)
}

/// What the platform called a message, once it was sent.
async fn provider_id(hub: &Hub, path: &str, kind: ChannelKind) -> String {
    hub.until(path, |body| {
        assert!(body["status"] != "failed", "{kind}: {body}");
        (body["status"] == "sent").then_some(())
    })
    .await;
    let journey = format!("{path}/journey");
    hub.until(&journey, |journey| {
        let steps = journey["steps"].as_array()?.iter();
        let mut details = steps.filter_map(|step| step["detail"].as_str());
        let (_, id) = details.find_map(|detail| detail.split_once("provider id "))?;
        Some(id.split(", ").next()?.to_owned())
    })
    .await
}

/// A channel that takes updates by an adapter's key, and the key.
async fn handed_in(hub: &Hub, kind: ChannelKind) -> (String, String) {
    let channel = hub.channel(kind.name(), json!({})).await;
    let key = json!({"name": kind.name(), "role": "adapter", "channel_id": channel});
    let key = hub.post("/api/v1/api-keys", &key).await;
    (channel, key["token"].as_str().unwrap().to_owned())
}

async fn posted(hub: &Hub, post: &Post) -> Value {
    let mut request = hub
        .http
        .post(format!("{}{}", hub.url, post.path))
        .body(post.body.clone());
    for (name, value) in &post.headers {
        request = request.header(name, value);
    }
    let answer = request.send().await.unwrap();
    let status = answer.status();
    let text = answer.text().await.unwrap();
    let kind = post.kind;
    assert!(
        status.is_success(),
        "{kind}: {status} {text} to {:?}",
        String::from_utf8_lossy(&post.body)
    );
    serde_json::from_str(&text).unwrap_or_default()
}

async fn taken(hub: &Hub, post: &Post) {
    posted(hub, post).await;
}

/// All of them so many times, in an order that is the same in each run.
fn shuffled(posts: &[Post], times: usize) -> Vec<Post> {
    let mut all: Vec<Post> = (0..times).flat_map(|_| posts.iter().cloned()).collect();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for place in (1..all.len()).rev() {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let other = usize::try_from(state >> 33).unwrap() % (place + 1);
        all.swap(place, other);
    }
    all
}

/// Bodies of a kind's cases that are taken.
fn cases(kind: ChannelKind) -> Vec<(Option<String>, Bytes)> {
    let folder = format!("{}/tests/channel/{kind}", env!("CARGO_MANIFEST_DIR"));
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut bodies = Vec::new();
    for file in files {
        let cases: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        let cases = match cases {
            Value::Array(cases) => cases,
            one => vec![one],
        };
        for case in cases.iter().filter(|case| case.get("refused").is_none()) {
            let body: Bytes = match (case.get("body"), case.get("text"), case.get("base64")) {
                (Some(json), _, _) => json.to_string().into(),
                (_, Some(text), _) => text.as_str().unwrap().to_owned().into(),
                (_, _, Some(bytes)) => STANDARD.decode(bytes.as_str().unwrap()).unwrap().into(),
                _ => panic!("a case without a body"),
            };
            bodies.push((case["content_type"].as_str().map(str::to_owned), body));
        }
    }
    bodies.truncate(CASES_A_KIND);
    bodies
}

/// The platform's ids of the messages to us in a body; none when an update of it is dead.
fn messages(
    channel: ChannelId,
    kind: ChannelKind,
    content_type: Option<&str>,
    body: Bytes,
) -> Option<Vec<String>> {
    let stages = stages::build(&["normalize"]).unwrap();
    let tenant = TenantId::new();
    let mut ids = Vec::new();
    for update in ingest::channel::split(kind, content_type, body).ok()? {
        let envelope = ingest::channel::envelope(tenant, channel, kind, update, Timestamp::now());
        match stages.apply(
            &Cx::default(),
            Envelope::decode(&envelope.encode()).unwrap(),
        ) {
            // What we wrote elsewhere is a row too, but not of those that are counted here.
            Outcome::Next(envelope) => {
                let message = envelope.message()?;
                if message.direction == Direction::Inbound {
                    ids.extend(message.platform_message_id.clone());
                }
            }
            Outcome::Track(_) => {}
            Outcome::Drop(_) | Outcome::Dead(_) => return None,
        }
    }
    Some(ids)
}
