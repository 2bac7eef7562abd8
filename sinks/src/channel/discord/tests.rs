//! Against the fake, which checks what is posted.

use platform::{Desk, Trouble};
use reqwest::StatusCode;
use schemas::{Button, ChannelKind};

use super::*;
use crate::channel::{
    Scope,
    files::tests::{Kept, own},
    tests::{PRIVATE, account, outbound, word},
};

async fn start_with(more: Value) -> (Discord, Desk) {
    start_as(more, &PRIVATE).await
}

async fn start_as(more: Value, hub: &Settings) -> (Discord, Desk) {
    let fake = platform::of(ChannelKind::Discord).unwrap();
    let desk = Desk::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let app = fake.routes(desk.clone());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    let (mut credentials, mut settings) = fake.channel(&url);
    for (name, value) in more.as_object().unwrap() {
        if credentials.get(name).is_some() {
            credentials[name] = value.clone();
        } else {
            settings[name] = value.clone();
        }
    }
    let config = json!({ "settings": settings });
    let account = account(ChannelKind::Discord, &config, &credentials);
    (Discord::new(&account, hub).unwrap(), desk)
}

async fn start() -> (Discord, Desk) {
    start_with(json!({})).await
}

fn to(conversation: &str, text: &str) -> Outbound {
    let mut outbound = outbound(1);
    outbound.message.created_at = Timestamp::now();
    outbound.message.platform_conversation_id = conversation.into();
    outbound.message.content.text = text.into();
    outbound
}

async fn said(discord: &Discord, outbound: &Outbound) -> String {
    word(&discord.send(&[outbound]).await[0])
}

#[tokio::test]
async fn a_message_lands_in_its_channel_as_a_reply() {
    let (discord, desk) = start().await;
    let mut message = to("7", "Pick");
    message.message.in_reply_to = Some("42".into());
    message.message.content.buttons = vec![Button {
        title: "Yes".into(),
        ..Button::default()
    }];
    assert_eq!(
        said(&discord, &message).await,
        "accepted 1420100000000000001"
    );
    let calls = desk.calls();
    assert_eq!(calls[0].path, "/api/v10/channels/7/messages");
    assert_eq!(calls[0].body["message_reference"]["message_id"], "42");
    assert_eq!(
        calls[0].body["components"][0]["components"][0]["custom_id"],
        "Yes"
    );
}

#[tokio::test]
async fn the_same_message_twice_is_one() {
    let (discord, desk) = start().await;
    let message = to("7", &"word ".repeat(500));
    desk.trouble(Trouble::Silent);
    assert_eq!(said(&discord, &message).await, "retry http-502");
    let first = discord.send(&[&message]).await;
    assert_eq!(first, discord.send(&[&message]).await);
    let SendOutcome::Accepted { provider_ids } = &first[0] else {
        panic!("{first:?}");
    };
    assert_eq!(provider_ids.len(), 2);
    assert_eq!(provider_ids[0], "1420100000000000001");

    // What Discord may have forgotten is not tried again.
    let mut old = message;
    old.message.created_at = Timestamp(0);
    desk.trouble(Trouble::Silent);
    assert_eq!(said(&discord, &old).await, "unknown http-502");
}

#[tokio::test]
async fn a_person_has_a_conversation_that_is_opened() {
    let (discord, desk) = start().await;
    let opened = discord.open("user:5").await.unwrap().unwrap();
    assert_eq!((&*opened.conversation, &*opened.person), ("95", "5"));
    assert_eq!(discord.open("95").await, Ok(None));
    assert_eq!(desk.calls().len(), 1);
    for (person, code) in [("user:11", "discord-10013"), ("ada", "address")] {
        let refused = discord.open(person).await.unwrap_err();
        assert_eq!(failure(refused).code, code);
    }
}

#[tokio::test]
async fn a_person_is_written_to_in_a_direct_message() {
    let (discord, desk) = start().await;
    assert!(
        said(&discord, &to("user:5", "hello"))
            .await
            .starts_with("accepted")
    );
    assert_eq!(desk.calls()[0].body, json!({"recipient_id": "5"}));
    assert_eq!(desk.calls()[1].path, "/api/v10/channels/95/messages");
    for (person, code) in [("user:10", "discord-50007"), ("user:11", "discord-10013")] {
        let SendOutcome::Permanent(failure) = &discord.send(&[&to(person, "hi")]).await[0] else {
            panic!("taken");
        };
        assert_eq!((&*failure.code, failure.scope), (code, Scope::Recipient));
    }
}

#[tokio::test]
async fn an_interaction_is_answered_while_it_can_be() {
    let (discord, desk) = start().await;
    let mut answer = to("7", "hello");
    answer.message.in_reply_to = Some("42".into());
    answer
        .message
        .metadata
        .insert("ephemeral".into(), true.into());
    let via = |token: &str| json!({"application_id": "1179100000000000001", "token": token});
    answer
        .message
        .metadata
        .insert("reply_via".into(), via("aW50.x-y_z="));
    assert!(said(&discord, &answer).await.starts_with("accepted"));
    let call = desk.calls().pop().unwrap();
    assert_eq!(
        call.path,
        "/api/v10/webhooks/1179100000000000001/aW50.x-y_z="
    );
    assert_eq!(call.body["flags"], 64);
    assert!(call.body.get("nonce").is_none() && call.body.get("message_reference").is_none());

    for token in ["expired", "../../users", "", ".."] {
        answer
            .message
            .metadata
            .insert("reply_via".into(), via(token));
        assert!(
            said(&discord, &answer).await.starts_with("accepted"),
            "{token}"
        );
        assert_eq!(
            desk.calls().pop().unwrap().path,
            "/api/v10/channels/7/messages"
        );
    }
}

#[tokio::test]
async fn trouble_is_classed() {
    let (discord, desk) = start().await;
    desk.trouble(Trouble::Refuse(
        StatusCode::TOO_MANY_REQUESTS,
        json!({"message": "You are being rate limited.", "retry_after": 0.5, "global": false}),
    ));
    let SendOutcome::RetryAfter { after, .. } = &discord.send(&[&to("7", "x")]).await[0] else {
        panic!("not to be tried again");
    };
    assert_eq!(*after, Some(Duration::from_millis(500)));
    for (place, expected) in [
        ("12", "permanent discord-10003"),
        ("13", "permanent discord-50001"),
        ("general", "permanent address"),
    ] {
        assert_eq!(said(&discord, &to(place, "x")).await, expected);
    }
    let (stranger, _) = start_with(json!({"bot_token": "another"})).await;
    assert_eq!(said(&stranger, &to("7", "x")).await, "permanent http-401");
}

#[tokio::test]
async fn a_test_looks_at_the_key_and_sets_the_address() {
    let (discord, desk) = start().await;
    let report = discord.test(Some("https://hub.example/webhooks/1")).await;
    assert!(report.ok, "{report:?}");
    assert_eq!(report.account.as_deref(), Some("@desk"));
    let last = desk.calls().pop().unwrap();
    assert_eq!(
        (&*last.method, &*last.path),
        ("PATCH", "/api/v10/applications/@me")
    );
    assert!(!discord.test(Some("http://hub.example")).await.ok);

    let (wrong, _) = start_with(json!({"public_key": "00"})).await;
    let report = wrong.test(None).await;
    assert!(report.detail.starts_with("public-key"), "{report:?}");
}

#[tokio::test]
async fn typing_is_shown_in_channels() {
    let (discord, desk) = start().await;
    discord.typing("7", None).await.unwrap();
    discord.typing("user:5", None).await.unwrap();
    let paths: Vec<String> = desk.calls().into_iter().map(|call| call.path).collect();
    assert_eq!(paths, ["/api/v10/channels/7/typing"]);
    assert_eq!(
        discord.typing("12", None).await.unwrap_err().code,
        "discord-10003"
    );
}

#[tokio::test]
async fn an_address_that_has_ended_is_asked_for_anew() {
    let (discord, _) = start().await;
    let file = |url: &str| Attachment {
        url: Some(url.into()),
        ..Attachment::default()
    };
    for (given, expected) in [
        (
            "https://cdn.discordapp.com/attachments/1/2/x.png?ex=1&is=2&hm=3",
            "https://cdn.discordapp.com/attachments/1/2/x.png?ex=7fffffff",
        ),
        (
            "https://cdn.discordapp.com/attachments/1/2/x.png?ex=7ffffffe",
            "https://cdn.discordapp.com/attachments/1/2/x.png?ex=7ffffffe",
        ),
        (
            "https://pic.example/x.png?ex=1",
            "https://pic.example/x.png?ex=1",
        ),
    ] {
        let at = discord.file(&file(given)).await.unwrap();
        assert_eq!(at.url.as_str(), expected);
        assert!(at.headers.is_empty());
    }
}

#[tokio::test]
async fn files_of_the_hub_are_uploaded() {
    let mut kept = Kept::default().with(20, "application/pdf", vec![1; 10 * 1024 * 1024 + 1]);
    for id in 0..12 {
        kept = kept.with(id, "image/png", vec![1; 3000]);
    }
    let (discord, desk) = start_as(json!({}), &kept.settings()).await;
    let mut message = to("7", "look");
    message.message.content.attachments = (0..12)
        .map(|id| own("image", Some("ü.png"), "/", id))
        .collect();
    let large = own("file", Some("a.pdf"), "https://hub.example/", 20);
    message.message.content.attachments.push(large);
    // Known again by its nonces, files or not.
    desk.trouble(Trouble::Silent);
    assert_eq!(said(&discord, &message).await, "retry http-502");
    assert_eq!(
        said(&discord, &message).await,
        "accepted 1420100000000000001"
    );
    let calls = desk.calls();
    assert!(calls.iter().all(|call| call.refusal.is_none()), "{calls:?}");
    let sizes: Vec<usize> = calls
        .iter()
        .map(|call| call.body.as_object().unwrap().len() - 1)
        .collect();
    assert_eq!(sizes, [10, 10, 2]);
    assert_eq!(calls[1].body["files[9]"]["size_bytes"], 3000);
    assert_eq!(calls[1].body["files[9]"]["filename"], "ü.png");
    let post: Value =
        serde_json::from_str(calls[1].body["payload_json"].as_str().unwrap()).unwrap();
    let said_there = post["content"].as_str().unwrap();
    assert!(said_there.starts_with("look\n\na.pdf: https://hub.example/media/"));
    assert_eq!(post["attachments"][9]["id"], 9);

    message.message.content.attachments = vec![own("file", None, "/", 20)];
    assert_eq!(said(&discord, &message).await, "permanent file-not-taken");
    // After two minutes Discord may have forgotten the nonce.
    message.message.content.attachments = vec![own("image", None, "/", 1)];
    message.message.created_at = Timestamp(1);
    desk.trouble(Trouble::Silent);
    assert_eq!(said(&discord, &message).await, "unknown http-502");
}
