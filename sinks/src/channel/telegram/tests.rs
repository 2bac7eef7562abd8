//! Telegram's sender against the fake of Telegram.

use platform::Trouble;
use reqwest::StatusCode;
use schemas::{Button, ChannelKind, Format};

use super::*;
use crate::channel::{
    files::tests::{Kept, own},
    played::Played,
    tests::{PRIVATE, outbound, word},
};

async fn telegram() -> (Played, Telegram) {
    let played = Played::start(ChannelKind::Telegram).await;
    let telegram = Telegram::new(&played.account(), &PRIVATE).unwrap();
    (played, telegram)
}

fn to(chat: &str, text: &str) -> Outbound {
    let mut outbound = outbound(7);
    outbound.message.platform_conversation_id = chat.into();
    outbound.message.content.text = text.into();
    outbound
}

async fn sent(telegram: &Telegram, outbound: &Outbound) -> String {
    word(&telegram.send(&[outbound]).await.remove(0))
}

#[tokio::test]
async fn everything_that_can_be_sent_is_as_telegram_documents_it() {
    let (played, telegram) = telegram().await;
    let attached = |kind: &str, metadata: Value| Attachment {
        kind: kind.into(),
        name: Some("n".into()),
        url: Some("https://files.example.com/f".into()),
        metadata: metadata.as_object().unwrap().clone(),
        ..Attachment::default()
    };
    let mut message = to("7", "**Hello** & <welcome>, [shop](https://e.org)");
    message.message.content.format = Format::Markdown;
    message.message.content.attachments = vec![
        attached("image", json!({})),
        attached("video", json!({})),
        attached("voice", json!({})),
        attached("audio", json!({})),
        attached("file", json!({})),
        attached("sticker", json!({})),
        attached(
            "location",
            json!({"latitude": 48.2, "longitude": 16.4, "address": "a"}),
        ),
        attached("contact", json!({"phone_number": "+1"})),
    ];
    message.message.content.buttons = vec![Button {
        title: "Yes".into(),
        ..Button::default()
    }];
    message.message.in_reply_to = Some("7:3".into());
    assert_eq!(sent(&telegram, &message).await, "accepted 7:1");
    assert_eq!(played.calls().len(), 9);
    message.message.content.attachments.truncate(2);
    message.message.content.buttons.clear();
    let SendOutcome::Accepted { provider_ids } = telegram.send(&[&message]).await.remove(0) else {
        panic!("{:?}", played.desk.calls().last());
    };
    assert_eq!(provider_ids, ["7:10", "7:11"]);
    played.calls();
}

#[tokio::test]
async fn a_business_account_speaks_through_its_connection() {
    let (played, telegram) = telegram().await;
    assert_eq!(
        sent(&telegram, &to("7@Xk-_9", "hi")).await,
        "accepted 7@Xk-_9:1"
    );
    assert_eq!(played.calls()[0].body["business_connection_id"], "Xk-_9");
}

#[tokio::test]
async fn a_group_that_moved_is_followed() {
    let (played, telegram) = telegram().await;
    let long = to("-400", &"word ".repeat(1000));
    assert_eq!(sent(&telegram, &long).await, "accepted -1000000000400:1");
    let chats: Vec<i64> = played
        .calls()
        .iter()
        .map(|call| call.body["chat_id"].as_i64().unwrap())
        .collect();
    assert_eq!(chats, [-400, -1_000_000_000_400, -1_000_000_000_400]);
}

#[tokio::test]
async fn a_press_is_answered_if_it_can_be() {
    let (played, telegram) = telegram().await;
    let mut message = to("7", "Thanks!");
    message.message.in_reply_to = Some("callback:4382".into());
    assert_eq!(sent(&telegram, &message).await, "accepted 7:1");
    assert!(played.calls()[0].path.ends_with("/answerCallbackQuery"));
    message.message.in_reply_to = Some("callback:old".into());
    assert_eq!(sent(&telegram, &message).await, "accepted 7:2");
}

#[tokio::test]
async fn trouble_is_classed() {
    let (played, telegram) = telegram().await;
    assert_eq!(sent(&telegram, &to("403", "hi")).await, "permanent blocked");
    assert_eq!(
        sent(&telegram, &to("404", "hi")).await,
        "permanent chat-not-found"
    );
    let slow = json!({"ok": false, "description": "slow", "parameters": {"retry_after": 3}});
    played
        .desk
        .trouble(Trouble::Refuse(StatusCode::TOO_MANY_REQUESTS, slow));
    assert_eq!(sent(&telegram, &to("7", "hi")).await, "retry http-429");
    played.desk.trouble(Trouble::Silent);
    assert_eq!(sent(&telegram, &to("7", "hi")).await, "unknown http-502");
}

#[tokio::test]
async fn the_test_sets_or_removes_the_webhook() {
    let (mut played, telegram) = telegram().await;
    let report = telegram.test(Some("https://hub.example.com/hook")).await;
    assert!(report.ok, "{report:?}");
    assert_eq!(report.account.as_deref(), Some("@tidings_bot"));
    let body = &played.calls()[1].body;
    assert_eq!(body["url"], "https://hub.example.com/hook");
    assert_eq!(body["max_connections"], 40);
    assert_eq!(body["allowed_updates"].as_array().unwrap().len(), 23);
    assert!(!telegram.test(Some("http://hub.example.com")).await.ok);
    played.set("receive", "poll".into());
    let polled = Telegram::new(&played.account(), &PRIVATE).unwrap();
    assert!(polled.test(None).await.ok);
    let last = played.desk.calls().pop().unwrap();
    assert!(last.path.ends_with("/deleteWebhook"));
}

#[tokio::test]
async fn typing_and_files() {
    let (played, telegram) = telegram().await;
    telegram.typing("-100:5", None).await.unwrap();
    telegram.typing("-100:direct:5", None).await.unwrap();
    let refused = telegram.typing("403", None).await.unwrap_err();
    assert_eq!(refused.code, "blocked");
    let picture = Attachment {
        platform_id: Some("AgAC".into()),
        ..Attachment::default()
    };
    let at = telegram.file(&picture).await.unwrap();
    let start = format!("{}/file/bot", played.url);
    assert!(at.url.as_str().starts_with(&start));
    assert!(at.url.as_str().ends_with("/photos/file_1.jpg"));
    let file = http::client(true)
        .unwrap()
        .get(at.url)
        .send()
        .await
        .unwrap();
    assert_eq!(file.status(), 200);
}

#[tokio::test]
async fn files_of_the_hub_are_uploaded() {
    let played = Played::start(ChannelKind::Telegram).await;
    let kept = Kept::default()
        .with(1, "image/png", "png")
        .with(2, "video/mp4", vec![1; 30_000])
        .with(3, "image/jpeg", vec![1; 10_000_001])
        .with(4, "image/gif", "GIF89a")
        .with(5, "application/zip", vec![1; 50_000_001]);
    let telegram = Telegram::new(&played.account(), &kept.settings()).unwrap();
    let mut message = to("-400", "**Hi**");
    message.message.content.format = Format::Markdown;
    message.message.content.buttons = vec![Button {
        title: "Yes".into(),
        ..Button::default()
    }];
    message.message.content.attachments = vec![own("image", Some("b.png"), "/", 1)];
    // The chat has moved, so all of it is sent once more.
    let sent_as = sent(&telegram, &message).await;
    assert_eq!(sent_as, "accepted -1000000000400:1");
    let call = played.calls().pop().unwrap();
    assert!(call.path.ends_with("/sendPhoto"));
    assert_eq!(call.body["photo"]["filename"], "b.png");
    assert_eq!(call.body["photo"]["size_bytes"], 3);
    assert_eq!(call.body["photo"]["content_type"], "image/png");
    assert_eq!(call.body["caption"], "<b>Hi</b>");

    // An album; what is too large for a picture is a document, what is too large for Telegram a link.
    message.message.platform_conversation_id = "7".into();
    message.message.content.buttons.clear();
    let album = vec![own("image", None, "/", 1), own("video", None, "/", 2)];
    message.message.content.attachments = album;
    assert_eq!(sent(&telegram, &message).await, "accepted 7:2");
    let call = played.calls().pop().unwrap();
    assert!(call.path.ends_with("/sendMediaGroup"));
    assert_eq!(call.body["file1"]["size_bytes"], 30_000);
    for (kind, id, method) in [
        ("image", 3, "/sendDocument"),
        ("image", 4, "/sendAnimation"),
        ("sticker", 1, "/sendSticker"),
    ] {
        message.message.content.text.clear();
        message.message.content.attachments = vec![own(kind, None, "/", id)];
        let accepted = sent(&telegram, &message).await;
        assert!(accepted.starts_with("accepted"), "{kind} {accepted}");
        assert!(played.calls().pop().unwrap().path.ends_with(method));
    }
    let large = |before| vec![own("file", Some("a.zip"), before, 5)];
    message.message.content.attachments = large("https://hub.example/");
    assert!(sent(&telegram, &message).await.starts_with("accepted"));
    let call = played.calls().pop().unwrap();
    assert!(call.path.ends_with("/sendMessage"));
    assert!(call.body["text"].as_str().unwrap().contains("hub.example"));
    message.message.content.attachments = large("/");
    let refused = sent(&telegram, &message).await;
    assert_eq!(refused, "permanent file-not-taken");
}

#[tokio::test]
async fn an_upload_that_broke_off_has_not_left_and_one_without_answer_may_have() {
    let played = Played::start(ChannelKind::Telegram).await;
    let kept = || Kept::default().with(1, "application/pdf", vec![1; 500_000]);
    let mut message = to("7", "hi");
    message.message.content.attachments = vec![own("file", None, "/", 1)];
    let broken = Telegram::new(&played.account(), &kept().breaking().settings()).unwrap();
    assert_eq!(sent(&broken, &message).await, "retry upload");
    assert_eq!(played.calls().len(), 0);
    let telegram = Telegram::new(&played.account(), &kept().settings()).unwrap();
    played.desk.trouble(Trouble::Silent);
    assert_eq!(sent(&telegram, &message).await, "unknown http-502");
}
