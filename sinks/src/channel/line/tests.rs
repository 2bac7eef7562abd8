//! LINE's sender against the fake of LINE.

use platform::Trouble;
use schemas::ChannelKind;

use super::*;
use crate::channel::{
    played::Played,
    tests::{PRIVATE, outbound, word},
};

const USER: &str = "U1a2b3c4d5e6f708192a3b4c5d6e7f809";

async fn line() -> (Played, Line) {
    let played = Played::start(ChannelKind::Line).await;
    let line = Line::new(&played.account(), &PRIVATE).unwrap();
    (played, line)
}

fn to_user(text: &str) -> Outbound {
    let mut outbound = outbound(7);
    outbound.message.platform_conversation_id = USER.into();
    outbound.message.content.text = text.into();
    outbound
}

#[tokio::test]
async fn what_is_sent_twice_leaves_once() {
    let (played, line) = line().await;
    let message = to_user(&"word ".repeat(6000));
    let first = line.send(&[&message]).await.remove(0);
    let again = line.send(&[&message]).await.remove(0);
    let SendOutcome::Accepted { provider_ids } = &first else {
        panic!("{first:?}");
    };
    assert_eq!(provider_ids.len(), 6);
    assert_eq!(first, again);
    let statuses: Vec<u16> = played
        .desk
        .calls()
        .iter()
        .map(|call| call.status.as_u16())
        .collect();
    assert_eq!(statuses, [200, 200, 409, 409]);
}

#[tokio::test]
async fn everything_that_can_be_sent_is_as_line_documents_it() {
    use schemas::{Button, ButtonType};
    let (played, line) = line().await;
    let attached = |kind: &str, url: Option<&str>, metadata: Value| Attachment {
        kind: kind.into(),
        url: url.map(Into::into),
        metadata: metadata.as_object().unwrap().clone(),
        ..Attachment::default()
    };
    let url = Some("https://files.example.com/f");
    let mut message = to_user("Here you are");
    message
        .message
        .metadata
        .insert("quote_token".into(), "q1".into());
    message.message.content.attachments = vec![
        attached("image", url, json!({})),
        attached(
            "video",
            url,
            json!({"preview_url": "https://files.example.com/p"}),
        ),
        attached("audio", url, json!({"duration_ms": 1500})),
        attached("file", url, json!({})),
        attached(
            "location",
            None,
            json!({"latitude": 35.6, "longitude": 139.7}),
        ),
        attached(
            "sticker",
            None,
            json!({"package_id": "446", "sticker_id": "1988"}),
        ),
    ];
    message.message.content.buttons = vec![Button {
        title: "A title that is longer than twenty".into(),
        ..Button::default()
    }];
    let outcome = line.send(&[&message]).await.remove(0);
    assert!(word(&outcome).starts_with("accepted "), "{outcome:?}");
    let mut asked = to_user("Pay now?");
    asked.message.id = schemas::MessageId::new();
    asked.message.content.buttons = vec![Button {
        kind: ButtonType::Url,
        title: "Pay".into(),
        url: Some("https://pay.example.com/1".into()),
        ..Button::default()
    }];
    let outcome = line.send(&[&asked]).await.remove(0);
    assert!(word(&outcome).starts_with("accepted "), "{outcome:?}");
    assert_eq!(played.calls().len(), 3);
}

#[tokio::test]
async fn trouble_is_classed() {
    let (played, line) = line().await;
    let spent = json!({"message": "You have reached your monthly limit."});
    played
        .desk
        .trouble(Trouble::Refuse(StatusCode::TOO_MANY_REQUESTS, spent));
    let outcome = line.send(&[&to_user("hi")]).await.remove(0);
    assert_eq!(word(&outcome), "retry quota");
    played.desk.trouble(Trouble::Silent);
    let outcome = line.send(&[&to_user("hi")]).await.remove(0);
    assert_eq!(word(&outcome), "retry http-502");
    // It had left: the next try finds that out.
    let outcome = line.send(&[&to_user("hi")]).await.remove(0);
    assert_eq!(word(&outcome), "accepted 461230966842064001");
    let mut nobody = to_user("hi");
    nobody.message.platform_conversation_id = "nobody".into();
    let outcome = line.send(&[&nobody]).await.remove(0);
    assert_eq!(word(&outcome), "permanent unreachable");
}

#[tokio::test]
async fn the_test_registers_the_webhook() {
    let (mut played, line) = line().await;
    let report = line.test(Some("https://hub.example.com/hook")).await;
    assert!(report.ok, "{report:?}");
    assert_eq!(report.account.as_deref(), Some("@tidings"));
    assert_eq!(
        played.calls()[1].body,
        json!({"endpoint": "https://hub.example.com/hook"})
    );
    assert!(!line.test(Some("http://hub.example.com/hook")).await.ok);
    played.credentials["access_token"] = "another".into();
    let stranger = Line::new(&played.account(), &PRIVATE).unwrap();
    let report = stranger.test(None).await;
    assert!(report.detail.starts_with("http-401"), "{report:?}");
    assert!(!report.detail.contains("another"));
    let outcome = stranger.send(&[&to_user("hi")]).await.remove(0);
    assert_eq!(word(&outcome), "permanent http-401");
}

#[tokio::test]
async fn typing_and_files() {
    let (played, line) = line().await;
    line.typing(USER, None).await.unwrap();
    line.typing("C1a2b3c4d5e6f708192a3b4c5d6e7f809", None)
        .await
        .unwrap();
    assert_eq!(played.calls().len(), 1);
    let mut picture = Attachment {
        kind: "image".into(),
        platform_id: Some("589000000000000007".into()),
        ..Attachment::default()
    };
    let at = line.file(&picture).await.unwrap();
    assert_eq!(
        at.url.as_str(),
        format!("{}/v2/bot/message/589000000000000007/content", played.url)
    );
    let client = http::client(true).unwrap();
    let file = client.get(at.url).headers(at.headers).send().await.unwrap();
    assert_eq!(file.status(), 200);
    picture.platform_id = Some("../info".into());
    assert_eq!(line.file(&picture).await.unwrap_err().code, "no-address");
}
