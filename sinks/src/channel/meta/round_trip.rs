//! The three senders against the fakes of their platforms.

use std::{sync::Arc, time::Duration};

use axum::http::StatusCode;
use platform::{Desk, Trouble};
use schemas::{
    Attachment, Button, ButtonType, ChannelKind, MessageType, Outbound, PlatformTemplate,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::super::{
    SendOutcome, Sender, Settings,
    files::tests::{Kept, own},
    messenger,
    tests::{PRIVATE, account, outbound, word},
    whatsapp,
};

const KINDS: [ChannelKind; 3] = [
    ChannelKind::WhatsApp,
    ChannelKind::Messenger,
    ChannelKind::Instagram,
];

struct Played {
    sender: Arc<dyn Sender>,
    desk: Desk,
}

async fn play(kind: ChannelKind, credentials: Option<Value>) -> Played {
    play_with(kind, credentials, &PRIVATE).await
}

async fn play_with(kind: ChannelKind, credentials: Option<Value>, hub: &Settings) -> Played {
    let fake = platform::of(kind).unwrap();
    let desk = Desk::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let (own, settings) = fake.channel(&base);
    let app = fake.routes(desk.clone());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    let config = json!({ "settings": settings });
    let credentials = credentials.unwrap_or(own);
    let account = account(kind, &config, &credentials);
    let sender: Arc<dyn Sender> = match kind {
        ChannelKind::WhatsApp => Arc::new(whatsapp::WhatsApp::new(&account, hub).ok().unwrap()),
        ChannelKind::Messenger => {
            Arc::new(messenger::Messenger::new(&account, &PRIVATE).ok().unwrap())
        }
        _ => Arc::new(
            messenger::Messenger::instagram(&account, &PRIVATE)
                .ok()
                .unwrap(),
        ),
    };
    Played { sender, desk }
}

impl Played {
    async fn send(&self, outbound: &Outbound) -> SendOutcome {
        self.sender.send(&[outbound]).await.remove(0)
    }

    fn refusals(&self) -> Vec<String> {
        let calls = self.desk.calls();
        calls.into_iter().filter_map(|call| call.refusal).collect()
    }
}

fn text(words: &str) -> Outbound {
    let mut outbound = outbound(1);
    outbound.message.platform_conversation_id = "15550001111".into();
    outbound.message.content.text = words.into();
    outbound
}

fn attached(kind: &str) -> Attachment {
    Attachment {
        kind: kind.into(),
        name: Some("a name".into()),
        url: Some("https://x.example/file".into()),
        metadata: json!({"latitude": 45.5, "longitude": 7.25, "phone_number": "+4930", "first_name": "Ada"})
            .as_object()
            .unwrap()
            .clone(),
        ..Attachment::default()
    }
}

/// Messages of every form, to every platform.
fn forms() -> Vec<Outbound> {
    let mut forms = vec![text("hi"), text(&"wörter ".repeat(1500))];
    let mut add = |change: &dyn Fn(&mut Outbound)| {
        let mut one = text("Which one?");
        change(&mut one);
        forms.push(one);
    };
    for kind in [
        "image", "video", "audio", "voice", "file", "sticker", "location", "contact",
    ] {
        add(&|one| one.message.content.attachments = vec![attached(kind)]);
    }
    for count in 1..=14 {
        add(&|one| {
            one.message.content.buttons = (0..count)
                .map(|n| Button {
                    title: format!("Choice {n}"),
                    value: Some(format!("c{n}")),
                    ..Button::default()
                })
                .collect();
        });
    }
    let link = Button {
        kind: ButtonType::Url,
        title: "Shop".into(),
        url: Some("https://shop.example".into()),
        ..Button::default()
    };
    add(&|one| one.message.content.buttons = vec![link.clone()]);
    add(&|one| {
        one.message.content.buttons = vec![
            link.clone(),
            Button {
                title: "Later".into(),
                ..Button::default()
            },
        ];
        one.message.content.attachments = vec![attached("image")];
    });
    add(&|one| {
        one.message.message_type = MessageType::Reaction;
        one.message.in_reply_to = Some("wamid.1".into());
        one.message.content.text = "👍".into();
    });
    forms
}

#[tokio::test]
async fn every_form_is_as_the_platform_wants_it() {
    for kind in KINDS {
        let played = play(kind, None).await;
        for outbound in forms() {
            let outcome = played.send(&outbound).await;
            assert!(
                matches!(outcome, SendOutcome::Accepted { .. }),
                "{kind}: {outcome:?} {:?}",
                played.refusals()
            );
        }
        assert_eq!(played.refusals(), Vec::<String>::new(), "{kind}");
    }
    let played = play(ChannelKind::WhatsApp, None).await;
    let mut template = text("");
    template.message.content.template = Some(PlatformTemplate {
        name: "order_ready".into(),
        language: "en_US".into(),
        variables: vec!["Mira".into()],
        ..PlatformTemplate::default()
    });
    assert_eq!(
        word(&played.send(&template).await),
        "accepted wamid.OUT0000000001"
    );
}

#[tokio::test]
async fn a_long_text_has_the_ids_of_all_its_parts() {
    for kind in KINDS {
        let played = play(kind, None).await;
        let outcome = played.send(&text(&"word ".repeat(1500))).await;
        let SendOutcome::Accepted { provider_ids } = outcome else {
            panic!("{kind}: {outcome:?}");
        };
        assert_eq!(provider_ids.len(), played.desk.calls().len(), "{kind}");
        assert!(provider_ids.len() > 1);
    }
}

#[tokio::test]
async fn trouble_is_classed() {
    let refuse = |status: u16, code: i64| {
        let body = json!({"error": {"message": "no", "code": code}});
        Trouble::Refuse(StatusCode::from_u16(status).unwrap(), body)
    };
    for kind in KINDS {
        let played = play(kind, None).await;
        for (trouble, expected) in [
            (refuse(400, 131_047), "permanent window-closed"),
            (refuse(400, 130_429), "retry rate"),
            (refuse(400, 131_050), "permanent opted-out"),
            (refuse(401, 190), "permanent credentials"),
            (Trouble::Silent, "unknown http-502"),
        ] {
            played.desk.trouble(trouble);
            assert_eq!(word(&played.send(&text("hi")).await), expected, "{kind}");
        }
        // Of a message in parts only the first left.
        played.desk.trouble(Trouble::Slow(Duration::ZERO));
        played.desk.trouble(refuse(400, 130_429));
        let long = text(&"word ".repeat(1500));
        assert_eq!(word(&played.send(&long).await), "unknown partial", "{kind}");
    }
}

#[tokio::test]
async fn a_wrong_token_is_the_channels_trouble() {
    for kind in KINDS {
        let credentials = json!({"access_token": "wrong", "phone_number_id": "700100200300400"});
        let played = play(kind, Some(credentials)).await;
        let outcome = played.send(&text("hi")).await;
        assert_eq!(word(&outcome), "permanent credentials", "{kind}");
        assert!(!format!("{outcome:?}").contains("wrong"));
        let report = played.sender.test(None).await;
        assert!(!report.ok);
    }
}

#[tokio::test]
async fn a_test_says_who_we_are_and_subscribes() {
    for (kind, name) in [
        (ChannelKind::WhatsApp, "+1 555-010-0200 Tidings"),
        (ChannelKind::Messenger, "Tidings"),
        (ChannelKind::Instagram, "@tidings"),
    ] {
        let played = play(kind, None).await;
        let report = played.sender.test(Some("https://hub.example/hook")).await;
        assert!(report.ok, "{kind}: {report:?}");
        assert_eq!(report.account.as_deref(), Some(name));
        let last = played.desk.calls().pop().unwrap();
        assert!(last.path.contains("/subscribed_apps"), "{}", last.path);
        if kind == ChannelKind::WhatsApp {
            assert_eq!(
                last.body["override_callback_uri"],
                "https://hub.example/hook"
            );
        }
        assert_eq!(played.refusals(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn somebody_is_seen_to_write() {
    for kind in KINDS {
        let played = play(kind, None).await;
        played
            .sender
            .typing("15550001111", Some("wamid.1"))
            .await
            .unwrap();
        assert_eq!(played.desk.calls().len(), 1, "{kind}");
        assert_eq!(played.refusals(), Vec::<String>::new(), "{kind}");
    }
}

#[tokio::test]
async fn a_file_of_whatsapp_lies_where_its_id_says() {
    let played = play(ChannelKind::WhatsApp, None).await;
    let attachment = Attachment {
        platform_id: Some("1003383421387256".into()),
        ..Attachment::default()
    };
    let at = played.sender.file(&attachment).await.unwrap();
    assert_eq!(at.url.path(), "/media/1003383421387256");
    assert!(at.headers.contains_key("authorization"));
    let client = egress::client(true).unwrap();
    let got = egress::get(&client, at.url, at.headers, 1000, true)
        .await
        .unwrap();
    assert_eq!(got.content_type.as_deref(), Some("image/gif"));
    let nowhere = Attachment {
        platform_id: Some("../700100200300400".into()),
        ..Attachment::default()
    };
    assert_eq!(
        played.sender.file(&nowhere).await.unwrap_err().code,
        "no-address"
    );
}

#[tokio::test]
async fn files_of_the_hub_are_whatsapps_before_they_are_sent() {
    let kept = Kept::default()
        .with(1, "image/png", "png")
        .with(2, "application/zip", "zip")
        .with(3, "image/png", vec![1; 6_000_000]);
    let played = play_with(ChannelKind::WhatsApp, None, &kept.settings()).await;
    let mut message = text("look");
    message.message.content.attachments = vec![own("image", None, "/", 1)];
    // Nobody has seen the upload, so it is simply made again.
    played.desk.trouble(Trouble::Silent);
    assert_eq!(word(&played.send(&message).await), "retry http-502");
    let accepted = word(&played.send(&message).await);
    assert!(accepted.starts_with("accepted wamid."), "{accepted}");
    let calls = played.desk.calls();
    assert!(calls[1].path.ends_with("/media"));
    assert_eq!(calls[1].body["file"]["size_bytes"], 3);
    assert_eq!(calls[2].body["image"]["caption"], "look");
    let id = calls[2].body["image"]["id"].as_str().unwrap();
    assert!(id.starts_with('9'));

    // A large picture is a document, and what WhatsApp does not take is a link.
    let hub = "https://hub.example/";
    message.message.content.attachments = vec![
        own("image", Some("large.png"), "/", 3),
        own("file", Some("a.zip"), hub, 2),
    ];
    assert!(word(&played.send(&message).await).starts_with("accepted"));
    let last = played.desk.calls().pop().unwrap().body;
    assert_eq!(last["document"]["filename"], "large.png");
    let caption = last["document"]["caption"].as_str().unwrap();
    assert!(caption.contains("a.zip: https://hub.example/media/"));
    assert_eq!(played.refusals(), Vec::<String>::new());
    message.message.content.attachments = vec![own("file", None, "/", 2)];
    let refused = word(&played.send(&message).await);
    assert_eq!(refused, "permanent file-not-taken");
}
