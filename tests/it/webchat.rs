//! A visitor's chat and an agent's socket, over real `WebSockets`.

use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, client::IntoClientRequest as _},
};

use crate::rig::{Hub, PATIENCE};

struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    async fn open(hub: &Hub, path: &str) -> Self {
        let url = format!("{}{path}", hub.url.replace("http://", "ws://"));
        Self(connect_async(url).await.unwrap().0)
    }

    async fn say(&mut self, words: Value) {
        let frame = Message::text(words.to_string());
        self.0.send(frame).await.unwrap();
    }

    /// The next words for which `wanted` is true; what comes before is not of interest.
    async fn hear(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        let heard = timeout(PATIENCE, async {
            loop {
                match self.0.next().await {
                    Some(Ok(Message::Text(text))) => {
                        let words: Value = serde_json::from_str(&text).unwrap();
                        if wanted(&words) {
                            return words;
                        }
                    }
                    Some(Ok(Message::Close(reason))) => {
                        return json!({"closed": reason.map(|r| r.reason.to_string())});
                    }
                    Some(Ok(_)) => {}
                    None | Some(Err(_)) => return json!({"closed": null}),
                }
            }
        });
        heard.await.unwrap()
    }
}

fn is(name: &'static str) -> impl Fn(&Value) -> bool {
    move |words| words["type"] == name || words["event"] == name || words.get("closed").is_some()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visitor_chats_with_an_agent() {
    let hub = Hub::start().await;
    let channel = hub
        .channel(
            "webchat",
            json!({"config": {"settings": {"greeting": "Hello!"}}}),
        )
        .await;
    let path = format!("/api/v1/webchat/{channel}/socket");

    let mut agent = Socket::open(&hub, "/api/v1/ws").await;
    agent
        .say(json!({"event": "auth", "data": {"token": hub.key}}))
        .await;
    assert_eq!(agent.hear(is("ready")).await["event"], "ready");

    let mut visitor = Socket::open(&hub, &path).await;
    visitor.say(json!({"type": "start", "name": "Ada"})).await;
    let ready = visitor.hear(is("ready")).await;
    assert_eq!(ready["greeting"], "Hello!");
    assert_eq!(ready["history"], json!([]));
    let conversation = ready["conversation_id"].as_str().unwrap().to_owned();
    assert_eq!(
        agent.hear(is("presence.changed")).await["data"]["status"],
        "online"
    );

    visitor
        .say(json!({"type": "typing", "is_typing": true}))
        .await;
    let typing = agent.hear(is("typing.indicator")).await;
    assert_eq!(typing["data"]["conversation_id"], *conversation);
    for _ in 0..2 {
        visitor
            .say(json!({"type": "message", "id": "1", "text": "Where is my parcel?"}))
            .await;
    }
    let accepted = visitor.hear(is("accepted")).await;
    assert_eq!(
        visitor.hear(is("accepted")).await["message_id"],
        accepted["message_id"]
    );
    let received = agent.hear(is("message.received")).await;
    assert_eq!(received["data"]["id"], accepted["message_id"]);
    assert_eq!(received["data"]["content"], "Where is my parcel?");
    assert_eq!(received["data"]["sender_name"], "Ada");
    assert_eq!(received["data"]["status"], "received");

    agent
        .say(json!({"event": "typing.start", "data": {"conversationId": conversation}}))
        .await;
    assert_eq!(visitor.hear(is("typing")).await["is_typing"], true);
    agent.say(json!({"event": "message.send", "data": {"conversationId": conversation, "content": "On its way.",
        "format": "markdown", "buttons": [{"title": "Thanks", "value": "thx"}]}})).await;
    let queued = agent.hear(is("message.queued")).await;
    let answer = visitor.hear(is("message")).await;
    assert_eq!(answer["message"]["id"], queued["data"]["id"]);
    assert_eq!(answer["message"]["text"], "On its way.");
    assert_eq!(answer["message"]["format"], "markdown");
    assert_eq!(answer["message"]["buttons"][0]["title"], "Thanks");

    visitor
        .say(json!({"type": "read", "message_id": answer["message"]["id"]}))
        .await;
    let read = |words: &Value| words["data"]["event"] == "read";
    assert_eq!(
        agent.hear(read).await["data"]["message_id"],
        answer["message"]["id"]
    );
    let path_of = format!(
        "/api/v1/messages/{}",
        answer["message"]["id"].as_str().unwrap()
    );
    hub.until(&path_of, |message| {
        (message["status"] == "read").then_some(())
    })
    .await;

    // The visit goes on with its token, and shows what was said; the same words twice were one message.
    drop(visitor);
    assert_eq!(
        agent
            .hear(|words| words["data"]["status"] == "offline")
            .await["event"],
        "presence.changed"
    );
    let mut again = Socket::open(&hub, &path).await;
    again
        .say(json!({"type": "start", "token": ready["token"]}))
        .await;
    let back = again.hear(is("ready")).await;
    assert_eq!(back["conversation_id"], ready["conversation_id"]);
    let texts: Vec<&str> = back["history"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| m["text"].as_str().unwrap())
        .collect();
    assert_eq!(texts, ["Where is my parcel?", "On its way."]);
    drop((agent, again));
    hub.done().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_hear_nothing() {
    let hub = Hub::start().await;
    let channel = hub
        .channel(
            "webchat",
            json!({"config": {"settings": {"origins": ["https://shop.example.com"]}}}),
        )
        .await;
    let path = format!("/api/v1/webchat/{channel}/socket");
    let url = format!("{}{path}", hub.url.replace("http://", "ws://"));
    for (origin, welcome) in [
        ("https://shop.example.com", true),
        ("https://evil.example", false),
    ] {
        let mut request = url.as_str().into_client_request().unwrap();
        request
            .headers_mut()
            .insert("origin", origin.parse().unwrap());
        assert_eq!(connect_async(request).await.is_ok(), welcome, "{origin}");
    }
    assert!(connect_async(&url).await.is_err(), "without an origin");

    let open = hub.channel("webchat", json!({})).await;
    let open = format!("/api/v1/webchat/{open}/socket");
    for (first, code) in [
        (json!({"type": "start", "token": "AAAA"}), Some("token")),
        (json!({"type": "message", "id": "1", "text": "x"}), None),
    ] {
        let mut socket = Socket::open(&hub, &open).await;
        socket.say(first).await;
        let answer = socket.hear(|_| true).await;
        match code {
            Some(code) => assert_eq!(answer["code"], code),
            None => assert!(answer["closed"].is_string(), "{answer}"),
        }
    }
    let mut socket = Socket::open(&hub, &open).await;
    socket.say(json!({"type": "start"})).await;
    socket.hear(is("ready")).await;
    socket.say(json!({"type": "dance"})).await;
    assert_eq!(socket.hear(is("error")).await["code"], "malformed");
    socket
        .say(json!({"type": "message", "id": "", "text": "x"}))
        .await;
    assert_eq!(socket.hear(is("error")).await["code"], "id");
    socket
        .say(json!({"type": "read", "message_id": "018f3c1e-0000-7000-8000-000000000001"}))
        .await;
    assert_eq!(socket.hear(is("error")).await["code"], "message");
    for _ in 0..60 {
        socket
            .say(json!({"type": "typing", "is_typing": true}))
            .await;
    }
    assert_eq!(socket.hear(is("error")).await["code"], "too-fast");

    let mut agent = Socket::open(&hub, "/api/v1/ws").await;
    agent
        .say(json!({"event": "auth", "data": {"token": "tdk_wrong"}}))
        .await;
    assert!(agent.hear(|_| true).await["closed"].is_string());
    let quiet = timeout(
        Duration::from_secs(5),
        connect_async(format!(
            "{}/api/v1/webchat/{}/socket",
            hub.url.replace("http://", "ws://"),
            "none"
        )),
    );
    assert!(quiet.await.unwrap().is_err());
    drop(socket);
    hub.done().await;
}
