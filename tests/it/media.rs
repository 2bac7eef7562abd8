//! Files of messages: fetched, kept, and had by signed addresses only.

use axum::{Router, response::Redirect, routing::get};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use platform::{Desk, Person};
use reqwest::{Method, StatusCode};
use schemas::ChannelKind;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::rig::Hub;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0";

async fn files() -> String {
    let app = Router::new()
        .route("/a.png", get(|| async { PNG }))
        .route("/b", get(|| async { Redirect::temporary("/a.png") }))
        .route("/big", get(|| async { vec![0_u8; 70_000] }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    url
}

async fn hand_in(hub: &Hub, channel: &str, body: &Value) -> String {
    let path = format!("/api/v1/channels/{channel}/inbound");
    let answer = hub.post(&path, body).await;
    answer["message_id"].as_str().unwrap().to_owned()
}

/// The files of a message once there is nothing left to fetch.
async fn settled(hub: &Hub, message: &str, count: usize) -> Vec<Value> {
    let path = format!("/api/v1/messages/{message}/media");
    hub.until(&path, |answer| {
        let rows = answer.as_array()?;
        let done = rows.iter().all(|row| row["status"] != "waiting");
        (done && rows.len() == count).then(|| rows.clone())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_fetched_and_served() {
    let hub = Hub::start_with(&[], &[("TIDINGS__MEDIA__MAX_BYTES", "65536")]).await;
    let url = files().await;
    let open = json!({"config": {"settings": {"allow_private": true}}, "credentials":
        {"signing_secret": "0123456789abcdef", "url": format!("{url}/hook")}});
    let channel = hub.channel("generic", open).await;
    let file =
        |path: &str| json!({"type": "file", "name": "ein Bild.txt", "url": format!("{url}{path}")});
    let message = json!({"id": "m1", "sender": {"id": "ada"}, "attachments":
        [file("/a.png"), file("/b"), file("/big"), file("/none"), {"type": "location", "metadata": {}}]});
    let id = hand_in(&hub, &channel, &message).await;
    let rows = settled(&hub, &id, 4).await;
    let states: Vec<&str> = rows
        .iter()
        .map(|row| row["status"].as_str().unwrap())
        .collect();
    assert_eq!(states, ["stored", "stored", "failed", "failed"], "{rows:?}");
    assert_eq!(rows[0]["content_type"], "image/png");
    assert_eq!(rows[2]["detail"], "larger than 65536 bytes");
    assert_eq!(rows[3]["detail"], "HTTP 404 Not Found");

    let shown = hub.get(&format!("/api/v1/messages/{id}")).await;
    let address = shown["attachments"][1]["media_url"].as_str().unwrap();
    let answer = hub
        .http
        .get(format!("{}{address}", hub.url))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["content-type"], "image/png");
    assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    let disposition = answer.headers()["content-disposition"].to_str().unwrap();
    assert_eq!(disposition, "inline; filename*=UTF-8''ein%20Bild.txt");
    assert_eq!(answer.bytes().await.unwrap(), PNG);

    let first = shown["attachments"][0]["media_url"].as_str().unwrap();
    let signature = |address: &str| address.split_once('?').unwrap().1.to_owned();
    let forged = [
        format!(
            "{}?{}",
            first.split_once('?').unwrap().0,
            signature(address)
        ),
        address.replace("expires=1", "expires=9"),
        address.split_once("&signature").unwrap().0.to_owned() + "&signature=",
    ];
    for forged in forged {
        let answer = hub
            .http
            .get(format!("{}{forged}", hub.url))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{forged}");
    }
    hub.done().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_private_is_fetched_for_a_stranger() {
    let hub = Hub::start().await;
    let url = files().await;
    let channel = hub.channel("generic", json!({"credentials": {"signing_secret": "0123456789abcdef", "url": "https://example.com/"}})).await;
    let message = json!({"id": "m1", "sender": {"id": "eve"}, "attachments":
        [{"type": "image", "url": format!("{url}/a.png")}, {"type": "image", "url": "http://169.254.169.254/latest"}]});
    let id = hand_in(&hub, &channel, &message).await;
    for row in settled(&hub, &id, 2).await {
        assert_eq!(row["status"], "failed", "{row}");
        assert!(
            row["detail"].as_str().unwrap().contains("not allowed"),
            "{row}"
        );
    }
    hub.done().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_of_a_mail_are_kept_and_uploads_can_be_sent() {
    let hub = Hub::start().await;
    let channel = hub
        .channel(
            "email",
            json!({"credentials": {"signing_secret": "0123456789abcdef"}}),
        )
        .await;
    let mail = format!(
        "From: ada@example.org\r\nTo: us@example.com\r\nMessage-ID: <1@example.org>\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nsee below\r\n\
         --b\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=x.png\r\n\
         Content-Transfer-Encoding: base64\r\n\r\n{}\r\n--b--\r\n",
        STANDARD.encode(PNG)
    );
    let path = format!("/api/v1/channels/{channel}/inbound");
    let answer = hub
        .request(Method::POST, &path)
        .body(mail)
        .send()
        .await
        .unwrap();
    let answer: Value = answer.json().await.unwrap();
    let id = answer["message_id"].as_str().unwrap();
    let rows = settled(&hub, id, 1).await;
    assert_eq!(rows[0]["status"], "stored", "{rows:?}");
    assert_eq!(rows[0]["size_bytes"], PNG.len());
    let address = rows[0]["url"].as_str().unwrap();
    let kept = hub
        .http
        .get(format!("{}{address}", hub.url))
        .send()
        .await
        .unwrap();
    assert_eq!(kept.bytes().await.unwrap(), PNG);

    let upload = hub
        .request(Method::POST, "/api/v1/media?name=b.png")
        .body(PNG)
        .send()
        .await
        .unwrap();
    assert_eq!(upload.status(), StatusCode::CREATED);
    let upload: Value = upload.json().await.unwrap();
    let sandbox = hub.channel("sandbox", json!({})).await;
    let said = json!({"id": "m1", "sender": {"id": "bob"}, "text": "hi"});
    let path = format!("/api/v1/channels/{sandbox}/inbound");
    let conversation = hub.post(&path, &said).await["conversation_id"].clone();
    let attachment = json!({"type": "image", "url": upload["reference"]});
    let send =
        json!({"conversation_id": conversation, "content": "look", "attachments": [attachment]});
    let sent = hub.post("/api/v1/messages", &send).await;
    assert_eq!(sent["attachments"][0]["name"], "b.png");
    assert_eq!(sent["attachments"][0]["content_type"], "image/png");
    let address = sent["attachments"][0]["url"].as_str().unwrap();
    let had = hub
        .http
        .get(format!("{}{address}", hub.url))
        .send()
        .await
        .unwrap();
    assert_eq!(had.bytes().await.unwrap(), PNG);
    let wrong = json!({"conversation_id": conversation, "content": "x", "attachments": [{"type": "image", "url": "media:7"}]});
    let wrong = hub
        .request(Method::POST, "/api/v1/messages")
        .json(&wrong)
        .send()
        .await
        .unwrap();
    assert_eq!(wrong.status(), StatusCode::UNPROCESSABLE_ENTITY);
    hub.done().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_uploaded_here_is_uploaded_there() {
    // No platform reaches this hub: it has no public address.
    let hub = Hub::start().await;
    let fake = platform::of(ChannelKind::Telegram).unwrap();
    let desk = Desk::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let app = fake.routes(desk.clone());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    let (credentials, settings) = fake.channel(&url);
    let body = json!({"credentials": credentials, "config": {"settings": settings}});
    let channel = hub.channel("telegram", body).await;
    let person = Person::of(ChannelKind::Telegram);
    let said = fake.say(&url, &person, "Send it to me", 1).unwrap();
    let path = format!("/api/v1/channels/{channel}/inbound");
    let request = hub.request(Method::POST, &path).body(said.body);
    let heard: Value = request.send().await.unwrap().json().await.unwrap();

    let file: Vec<u8> = (0..200_000_u32).map(|at| (at % 251) as u8).collect();
    let request = hub.request(Method::POST, "/api/v1/media?name=invoice.pdf");
    let upload = request.body(file.clone()).send().await.unwrap();
    let upload: Value = upload.json().await.unwrap();
    let attachment = json!({"type": "file", "url": upload["reference"]});
    let send = json!({"conversation_id": heard["conversation_id"], "content": "Here it is",
        "attachments": [attachment]});
    let sent = hub.post("/api/v1/messages", &send).await;
    let path = format!("/api/v1/messages/{}", sent["id"].as_str().unwrap());
    hub.until(&path, |shown| {
        assert_ne!(shown["status"], "failed", "{shown}");
        (shown["status"] == "sent").then_some(())
    })
    .await;
    let call = desk.calls().pop().unwrap();
    assert_eq!(call.refusal, None);
    assert!(call.path.ends_with("/sendDocument"), "{}", call.path);
    assert_eq!(call.body["caption"], "Here it is");
    let got = &call.body["document"];
    assert_eq!(got["filename"], "invoice.pdf");
    assert_eq!(got["size_bytes"], file.len());
    assert_eq!(got["sha256"], hex(&Sha256::digest(&file)));
    hub.done().await;
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
