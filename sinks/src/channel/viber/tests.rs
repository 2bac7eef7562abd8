//! Viber's sender against the fake of Viber.

use platform::Trouble;
use reqwest::StatusCode;
use schemas::{Attachment, Button, ChannelKind};

use super::*;
use crate::channel::{
    played::Played,
    tests::{PRIVATE, outbound, word},
};

async fn viber() -> (Played, Viber) {
    let played = Played::start(ChannelKind::Viber).await;
    let viber = Viber::new(&played.account(), &PRIVATE).unwrap();
    (played, viber)
}

async fn sent(viber: &Viber, to: &str, text: &str) -> String {
    let mut outbound = outbound(7);
    outbound.message.platform_conversation_id = to.into();
    outbound.message.content.text = text.into();
    word(&viber.send(&[&outbound]).await.remove(0))
}

#[tokio::test]
async fn tokens_keep_every_digit() {
    let (played, viber) = viber().await;
    assert_eq!(
        sent(&viber, "a=", "hi").await,
        "accepted 5741311803571721001"
    );
    assert_eq!(played.calls()[0].body["sender"]["name"], "Tidings");
}

#[tokio::test]
async fn everything_that_can_be_sent_is_as_viber_documents_it() {
    let (played, viber) = viber().await;
    let attached = |kind: &str, size: Option<u64>, metadata: Value| Attachment {
        kind: kind.into(),
        name: Some("a name".into()),
        url: Some("https://files.example.com/f".into()),
        size_bytes: size,
        metadata: metadata.as_object().unwrap().clone(),
        ..Attachment::default()
    };
    let mut message = outbound(7);
    message.message.content.text = "Here you are".into();
    message.message.content.attachments = vec![
        attached("image", None, json!({})),
        attached("video", Some(9), json!({"duration_s": 3})),
        attached("file", Some(9), json!({})),
        attached("audio", None, json!({})),
        attached(
            "location",
            None,
            json!({"latitude": 50.4, "longitude": 30.5}),
        ),
        attached("contact", None, json!({"phone_number": "+380441234567"})),
        attached("sticker", None, json!({"sticker_id": 46105})),
    ];
    message.message.content.buttons = vec![Button {
        title: "Yes".into(),
        ..Button::default()
    }];
    let SendOutcome::Accepted { provider_ids } = viber.send(&[&message]).await.remove(0) else {
        panic!("{:?}", played.desk.calls());
    };
    assert_eq!(provider_ids.len(), 8);
    let types: Vec<String> = played
        .calls()
        .iter()
        .map(|call| call.body["type"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        types,
        [
            "text", "picture", "video", "file", "url", "location", "contact", "sticker"
        ]
    );
    assert!(played.calls()[7].body["keyboard"].is_object());
}

#[tokio::test]
async fn trouble_is_classed() {
    let (played, viber) = viber().await;
    assert_eq!(
        sent(&viber, "unsubscribed", "hi").await,
        "permanent viber-not-subscribed"
    );
    assert_eq!(
        sent(&viber, "unregistered", "hi").await,
        "permanent viber-not-registered"
    );
    let slow = json!({"status": 12, "status_message": "tooManyRequests"});
    played.desk.trouble(Trouble::Refuse(StatusCode::OK, slow));
    assert_eq!(
        sent(&viber, "a=", "hi").await,
        "retry viber-too-many-requests"
    );
    played.desk.trouble(Trouble::Silent);
    assert_eq!(sent(&viber, "a=", "hi").await, "unknown http-502");
    let refuse = json!({"status": 3, "status_message": "badData"});
    let long = "word ".repeat(2000);
    played
        .desk
        .trouble(Trouble::Slow(std::time::Duration::ZERO));
    played.desk.trouble(Trouble::Refuse(StatusCode::OK, refuse));
    assert_eq!(sent(&viber, "a=", &long).await, "unknown partial");
}

#[tokio::test]
async fn the_test_sets_the_webhook() {
    let (mut played, viber) = viber().await;
    let report = viber.test(Some("https://hub.example.com/hook")).await;
    assert!(report.ok, "{report:?}");
    assert_eq!(report.account.as_deref(), Some("Tidings"));
    assert_eq!(
        played.calls()[1].body["url"],
        "https://hub.example.com/hook"
    );
    let report = viber.test(Some("http://hub.example.com/hook")).await;
    assert_eq!(report.detail, "viber-1: invalidUrl");
    played.credentials["auth_token"] = "another".into();
    let stranger = Viber::new(&played.account(), &PRIVATE).unwrap();
    let report = stranger.test(None).await;
    assert_eq!(report.detail, "viber-auth-token: invalidAuthToken");
    played.set("sender_name", "x".repeat(29).into());
    let refused = Viber::new(&played.account(), &PRIVATE).err();
    assert!(matches!(
        refused,
        Some(Misconfigured::Invalid {
            name: "sender_name",
            ..
        })
    ));
}
