//! Against the fake, which checks what is posted.

use platform::{Desk, Trouble};
use reqwest::StatusCode;
use schemas::{Button, ChannelKind, Format};

use super::*;
use crate::channel::{
    files::tests::{Kept, own},
    tests::{PRIVATE, account, outbound, word},
};

async fn start() -> (Slack, Desk, String) {
    start_with(json!({})).await
}

async fn start_with(more: Value) -> (Slack, Desk, String) {
    start_as(more, &PRIVATE).await
}

async fn start_as(more: Value, hub: &Settings) -> (Slack, Desk, String) {
    let fake = platform::of(ChannelKind::Slack).unwrap();
    let desk = Desk::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let app = fake.routes(desk.clone());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    let (credentials, mut settings) = fake.channel(&url);
    for (name, value) in more.as_object().unwrap() {
        settings[name] = value.clone();
    }
    let config = json!({ "settings": settings });
    let slack = Slack::new(&account(ChannelKind::Slack, &config, &credentials), hub).unwrap();
    (slack, desk, url)
}

fn to(conversation: &str, text: &str) -> Outbound {
    let mut outbound = outbound(1);
    outbound.message.platform_conversation_id = conversation.into();
    outbound.message.recipient.id = "U1".into();
    outbound.message.content.text = text.into();
    outbound
}

async fn said(slack: &Slack, outbound: &Outbound) -> String {
    let outcomes = slack.send(&[outbound]).await;
    assert_eq!(outcomes.len(), 1);
    word(&outcomes[0])
}

#[tokio::test]
async fn a_message_lands_in_its_channel_and_thread() {
    let (slack, desk, _) = start().await;
    let mut message = to("C1:1790000101.000200", "**Hi** <you>");
    message.message.content.format = Format::Markdown;
    message.message.content.buttons = vec![Button {
        title: "Yes".into(),
        ..Button::default()
    }];
    let accepted = said(&slack, &message).await;
    assert!(accepted.starts_with("accepted C1:"), "{accepted}");
    let calls = desk.calls();
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].path, "/api/chat.postMessage");
    assert_eq!(calls[0].body["thread_ts"], "1790000101.000200");
    assert_eq!(calls[0].body["text"], "*Hi* &lt;you&gt;");
    assert_eq!(calls[0].body["blocks"][1]["elements"][0]["value"], "Yes");
}

#[tokio::test]
async fn long_texts_are_several_posts_and_half_of_them_is_unknown() {
    let (slack, desk, _) = start().await;
    let long = to("C1", &"word ".repeat(1500));
    let outcomes = slack.send(&[&long]).await;
    let SendOutcome::Accepted { provider_ids } = &outcomes[0] else {
        panic!("{outcomes:?}");
    };
    assert_eq!(provider_ids.len(), 2);
    assert!(desk.calls().iter().all(|call| call.refusal.is_none()));
    desk.trouble(Trouble::Slow(std::time::Duration::ZERO));
    let no = json!({"ok": false, "error": "channel_not_found"});
    desk.trouble(Trouble::Refuse(StatusCode::OK, no));
    assert_eq!(said(&slack, &long).await, "unknown partial");
}

#[tokio::test]
async fn a_person_has_a_conversation_that_is_opened() {
    let (slack, desk, _) = start().await;
    let opened = slack.open("U2").await.unwrap().unwrap();
    assert_eq!((&*opened.conversation, &*opened.person), ("D2", "U2"));
    assert_eq!(desk.calls()[0].path, "/api/conversations.open");
    for known in ["D2", "C1", "C1:1790000101.000200"] {
        assert_eq!(slack.open(known).await, Ok(None), "{known}");
    }
    assert_eq!(desk.calls().len(), 1);
    for (person, code) in [("UGONE", "user-not-found"), ("@ada", "address")] {
        let refused = slack.open(person).await.unwrap_err();
        assert_eq!(failure(refused).code, code);
    }
}

#[tokio::test]
async fn a_person_is_written_to_in_a_direct_message() {
    let (slack, desk, _) = start().await;
    let accepted = said(&slack, &to("U2", "hello")).await;
    assert!(accepted.starts_with("accepted D2:"), "{accepted}");
    assert_eq!(desk.calls()[1].body["channel"], "D2");
    let SendOutcome::Permanent(failure) = &slack.send(&[&to("UGONE", "hello")]).await[0] else {
        panic!("taken");
    };
    assert_eq!(
        (&*failure.code, failure.scope),
        ("user-not-found", crate::channel::Scope::Recipient)
    );
}

#[tokio::test]
async fn a_thread_is_begun_where_the_channel_wants_it() {
    let (slack, desk, _) = start_with(json!({"reply_in_thread": true})).await;
    let mut answer = to("C1", "hello");
    answer.message.in_reply_to = Some("C1:1790000101.000200".into());
    assert!(said(&slack, &answer).await.starts_with("accepted"));
    assert_eq!(desk.calls()[0].body["thread_ts"], "1790000101.000200");
}

#[tokio::test]
async fn an_interaction_is_answered_where_the_app_is_not_in() {
    let (slack, desk, url) = start().await;
    let mut answer = to("CNOTMEMBER", "hello");
    assert_eq!(said(&slack, &answer).await, "permanent not-in-channel");
    answer.message.metadata.insert(
        "reply_via".into(),
        json!({ "response_url": format!("{url}/response/1") }),
    );
    assert_eq!(said(&slack, &answer).await, "accepted -");
    let last = desk.calls().pop().unwrap();
    assert_eq!(last.path, "/response/1");
    assert_eq!(last.body["response_type"], "in_channel");

    // What only one shall see goes there at once.
    answer.message.platform_conversation_id = "C1".into();
    answer
        .message
        .metadata
        .insert("ephemeral".into(), true.into());
    assert_eq!(said(&slack, &answer).await, "accepted -");
    assert_eq!(
        desk.calls().pop().unwrap().body["response_type"],
        "ephemeral"
    );

    // An address that is not Slack's is not called.
    answer.message.metadata.insert(
        "reply_via".into(),
        json!({ "response_url": "https://slack.com.evil.example/x" }),
    );
    assert!(said(&slack, &answer).await.starts_with("accepted 1"));
    let last = desk.calls().pop().unwrap();
    assert_eq!(last.path, "/api/chat.postEphemeral");
    assert_eq!(last.body["user"], "U1");
}

#[tokio::test]
async fn trouble_is_classed() {
    let (slack, desk, _) = start().await;
    let hello = to("C1", "hello");
    desk.trouble(Trouble::Refuse(
        StatusCode::TOO_MANY_REQUESTS,
        json!({"ok": false, "error": "ratelimited"}),
    ));
    let SendOutcome::RetryAfter { after, .. } = &slack.send(&[&hello]).await[0] else {
        panic!("not to be tried again");
    };
    assert_eq!(*after, Some(std::time::Duration::from_secs(3)));
    desk.trouble(Trouble::Silent);
    assert_eq!(said(&slack, &hello).await, "unknown http-502");
    assert_eq!(
        said(&slack, &to("CARCHIVED", "x")).await,
        "permanent is-archived"
    );
    assert_eq!(said(&slack, &to("general", "x")).await, "permanent address");
}

#[tokio::test]
async fn a_test_asks_who_we_are_and_what_we_may() {
    let (slack, desk, _) = start().await;
    let report = slack.test(Some("https://hub.example/webhooks/1")).await;
    assert!(report.ok);
    assert_eq!(report.account.as_deref(), Some("@desk of Fake"));
    assert!(report.detail.contains("https://hub.example/webhooks/1"));
    desk.trouble(Trouble::Refuse(
        StatusCode::OK,
        json!({"ok": false, "error": "token_revoked"}),
    ));
    let report = slack.test(None).await;
    assert_eq!(
        (report.ok, &*report.detail),
        (false, "token-revoked: token_revoked")
    );
}

#[tokio::test]
async fn only_slack_sees_the_token() {
    let (slack, desk, url) = start().await;
    let file = |url: &str| Attachment {
        kind: "file".into(),
        url: Some(url.into()),
        ..Attachment::default()
    };
    let opens = async |given: &str| {
        let at = slack.file(&file(given)).await.unwrap();
        at.headers.contains_key("authorization")
    };
    assert!(opens("https://files.slack.com/files-pri/T1-F1/x.png").await);
    assert!(opens(&format!("{url}/files-pri/T1-F1/x.png")).await);
    assert!(!opens("https://docs.example/d/1").await);
    assert!(!opens("https://notslack.com/x").await);
    assert!(!opens("http://files.slack.com/x").await);
    let asked = Attachment {
        platform_id: Some("F1".into()),
        ..Attachment::default()
    };
    let at = slack.file(&asked).await.unwrap();
    assert_eq!(at.url.host_str(), Some("files.slack.com"));
    assert_eq!(desk.calls()[0].path, "/api/files.info?file=F1");
}

#[tokio::test]
async fn only_an_assistant_shows_that_it_writes() {
    let (slack, desk, _) = start().await;
    slack.typing("C1:1790000101.000200", None).await.unwrap();
    slack.typing("D1", None).await.unwrap();
    assert!(desk.calls().is_empty());
    slack.typing("D1:1790000101.000200", None).await.unwrap();
    assert_eq!(desk.calls().len(), 1);
    assert!(desk.calls()[0].refusal.is_none());
}

#[tokio::test]
async fn files_of_the_hub_are_uploaded_before_anything_is_shown() {
    let kept =
        Kept::default()
            .with(1, "image/png", "png")
            .with(2, "application/pdf", vec![1; 20_000]);
    let (slack, desk, _) = start_as(json!({}), &kept.settings()).await;
    let mut message = to("C1:1790000101.000200", "**Hi**");
    message.message.content.format = Format::Markdown;
    message.message.content.attachments = vec![
        own("image", Some("b & c.png"), "/", 1),
        own("file", None, "/", 2),
    ];
    let accepted = said(&slack, &message).await;
    // Known by the message that shows the files.
    assert!(accepted.starts_with("accepted C1:"), "{accepted}");
    let calls = desk.calls();
    let paths: Vec<&str> = calls
        .iter()
        .map(|call| call.path.split(['?', '0']).next().unwrap())
        .collect();
    let upload = ["/api/files.getUploadURLExternal", "/upload/v1/F"];
    let done = ["/api/files.completeUploadExternal", "/api/files.info"];
    assert_eq!(paths, [upload, upload, done].concat());
    assert!(calls.iter().all(|call| call.refusal.is_none()), "{calls:?}");
    assert_eq!(calls[0].body["filename"], "b & c.png");
    assert_eq!(calls[3].body["size_bytes"], 20_000);
    let shown = &calls[4].body;
    assert_eq!(shown["initial_comment"], "*Hi*");
    assert_eq!(shown["thread_ts"], "1790000101.000200");
    assert_eq!(shown["files"].as_array().unwrap().len(), 2);

    // Buttons need a message of their own, and a text that is no markup may not become one.
    for text in ["Hi", "a_b_c"] {
        message.message.content.format = Format::Plain;
        message.message.content.text = text.into();
        if text == "Hi" {
            message.message.content.buttons = vec![Button {
                title: "Yes".into(),
                ..Button::default()
            }];
        } else {
            message.message.content.buttons.clear();
        }
        let before = desk.calls().len();
        assert!(said(&slack, &message).await.starts_with("accepted C1:"));
        let calls = desk.calls();
        assert_eq!(calls[before + 4].path, "/api/chat.postMessage");
        assert!(calls[before + 5].body.get("initial_comment").is_none());
    }

    // Only one shall see it: Slack has no such files.
    let whisper = ("ephemeral".to_owned(), Value::Bool(true));
    message.message.metadata.extend([whisper]);
    assert_eq!(said(&slack, &message).await, "permanent file-not-taken");
}

#[tokio::test]
async fn an_upload_is_tried_again_until_it_is_shown() {
    let kept = Kept::default().with(1, "image/png", "png");
    let (slack, desk, _) = start_as(json!({}), &kept.settings()).await;
    let mut message = to("C1", "hi");
    message.message.content.attachments = vec![own("image", None, "/", 1)];
    desk.trouble(Trouble::Silent);
    assert_eq!(said(&slack, &message).await, "retry http-502");
    desk.trouble(Trouble::Slow(std::time::Duration::ZERO));
    desk.trouble(Trouble::Silent);
    assert_eq!(said(&slack, &message).await, "unknown http-502");
    message.message.platform_conversation_id = "CNOTMEMBER".into();
    assert_eq!(said(&slack, &message).await, "permanent not-in-channel");
}
