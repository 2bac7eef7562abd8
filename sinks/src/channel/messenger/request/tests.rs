use serde_json::json;

use super::*;
use crate::channel::tests::outbound;

fn message(text: &str) -> Message {
    let mut message = *outbound(1).message;
    message.platform_conversation_id = "7420".into();
    message.content.text = text.into();
    message
}

fn messenger(message: &Message) -> Vec<Value> {
    calls(message, &Style::messenger(None)).unwrap()
}

fn instagram(message: &Message) -> Vec<Value> {
    calls(message, &Style::instagram(None)).unwrap()
}

fn button(title: &str, value: Option<&str>) -> Button {
    Button {
        title: title.into(),
        value: value.map(str::to_owned),
        ..Button::default()
    }
}

fn link(title: &str) -> Button {
    Button {
        kind: ButtonType::Url,
        title: title.into(),
        url: Some("https://shop.example".into()),
        ..Button::default()
    }
}

fn attached(kind: &str, url: &str) -> Attachment {
    Attachment {
        kind: kind.into(),
        url: Some(url.into()),
        ..Attachment::default()
    }
}

#[test]
fn text_goes_to_a_person_with_our_mark() {
    let mut message = message("hi");
    message.in_reply_to = Some("m_9".into());
    let mark = mark(message.id);
    assert_eq!(
        messenger(&message),
        [json!({
            "recipient": {"id": "7420"}, "messaging_type": "RESPONSE",
            "message": {"text": "hi", "metadata": mark}, "reply_to": {"mid": "m_9"},
        })]
    );
    assert!(
        instagram(&message)[0]
            .pointer("/message/metadata")
            .is_none()
    );
    // What is no message of the platform cannot be replied to.
    message.in_reply_to = Some("comment:1".into());
    assert!(messenger(&message)[0].get("reply_to").is_none());
}

#[test]
fn a_tag_opens_the_window() {
    let mut message = message("hi");
    message
        .metadata
        .insert("message_tag".into(), "HUMAN_AGENT".into());
    let body = &messenger(&message)[0];
    assert_eq!(body["messaging_type"], "MESSAGE_TAG");
    assert_eq!(body["tag"], "HUMAN_AGENT");
}

#[test]
fn a_comment_is_answered_once() {
    let mut short = message("hi");
    short.platform_conversation_id = "comment:55".into();
    assert_eq!(
        messenger(&short)[0]["recipient"],
        json!({"comment_id": "55"})
    );
    short.content.text = "word ".repeat(1000);
    assert_eq!(
        calls(&short, &Style::messenger(None)).unwrap_err().code,
        "too-long"
    );
}

#[test]
fn long_text_is_split_at_each_platforms_limit() {
    let long = message(&"wörter ".repeat(500));
    for body in messenger(&long) {
        assert!(
            body["message"]["text"]
                .as_str()
                .unwrap()
                .encode_utf16()
                .count()
                <= 2000
        );
    }
    let bodies = instagram(&long);
    assert!(bodies.len() >= 4);
    for body in bodies {
        assert!(body["message"]["text"].as_str().unwrap().len() <= 1000);
    }
}

#[test]
fn replies_to_choose_from_stand_below_the_last_part() {
    let mut message = message("Which colour?");
    message.content.buttons = vec![button("Red", Some("r")), button("Blue", None)];
    assert_eq!(
        instagram(&message)[0]["message"],
        json!({"text": "Which colour?", "quick_replies": [
            {"content_type": "text", "title": "Red", "payload": "r"},
            {"content_type": "text", "title": "Blue", "payload": "Blue"},
        ]})
    );
    // More than the platform shows, or a title it would cut, are listed.
    message.content.buttons = (0..14).map(|n| button(&format!("B{n}"), None)).collect();
    let text = instagram(&message)[0]["message"]["text"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        text.starts_with("Which colour?") && text.contains("B13"),
        "{text}"
    );
    message.content.buttons = vec![button("a title of more than twenty", None)];
    assert!(
        instagram(&message)[0]
            .pointer("/message/quick_replies")
            .is_none()
    );
}

#[test]
fn a_link_makes_it_a_template() {
    let mut message = message("Have a look");
    message.content.buttons = vec![link("Shop"), button("Later", None)];
    assert_eq!(
        instagram(&message)[0]["message"],
        json!({"attachment": {"type": "template", "payload": {
            "template_type": "button", "text": "Have a look", "buttons": [
                {"type": "web_url", "title": "Shop", "url": "https://shop.example"},
                {"type": "postback", "title": "Later", "payload": "Later"},
        ]}}})
    );
    message.content.text = "word ".repeat(200);
    let bodies = instagram(&message);
    let last = bodies
        .last()
        .unwrap()
        .pointer("/message/attachment/payload/text");
    assert!(last.unwrap().as_str().unwrap().len() <= 640);
    message.content.text.clear();
    assert_eq!(
        calls(&message, &Style::instagram(None)).unwrap_err().code,
        "empty"
    );
}

#[test]
fn files_follow_the_text_and_places_are_words() {
    let mut message = message("Look");
    message.content.attachments = vec![
        attached("image", "https://x.example/a.png"),
        attached("voice", "https://x.example/a.mp3"),
        Attachment {
            kind: "location".into(),
            name: Some("Caffè".into()),
            metadata: json!({"latitude": 45.5, "longitude": 7.25})
                .as_object()
                .unwrap()
                .clone(),
            ..Attachment::default()
        },
    ];
    let bodies = instagram(&message);
    assert_eq!(bodies.len(), 3);
    assert_eq!(
        bodies[0]["message"]["text"],
        "Look\n\nCaffè\nhttps://maps.google.com/?q=45.5,7.25"
    );
    assert_eq!(
        bodies[1]["message"]["attachment"],
        json!({"type": "image", "payload": {"url": "https://x.example/a.png"}})
    );
    assert_eq!(bodies[2]["message"]["attachment"]["type"], "audio");
}

#[test]
fn a_reaction_is_an_action() {
    let mut message = message("👍");
    message.message_type = MessageType::Reaction;
    message.in_reply_to = Some("m_9".into());
    assert_eq!(
        messenger(&message),
        [
            json!({"recipient": {"id": "7420"}, "sender_action": "react",
            "payload": {"message_id": "m_9", "reaction": "👍"}})
        ]
    );
    assert_eq!(instagram(&message)[0]["payload"]["reaction"], "love");
    message.metadata.insert("reaction".into(), "removed".into());
    assert_eq!(messenger(&message)[0]["sender_action"], "unreact");
    message.in_reply_to = None;
    assert_eq!(
        calls(&message, &Style::messenger(None)).unwrap_err().code,
        "reaction"
    );
}

#[test]
fn what_cannot_be_sent_is_refused_with_a_reason() {
    let code = |message: &Message| calls(message, &Style::messenger(None)).unwrap_err().code;
    assert_eq!(code(&message("")), "empty");
    assert_eq!(code(&message(&"x".repeat(2000 * 21))), "too-long");
    let mut nowhere = message("hi");
    nowhere.platform_conversation_id.clear();
    assert_eq!(code(&nowhere), "address");
    let mut bare = message("hi");
    bare.content.attachments = vec![Attachment::default()];
    assert_eq!(code(&bare), "attachment");
}
