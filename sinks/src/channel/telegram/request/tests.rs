use schemas::Attachment;

use super::*;
use crate::channel::tests::outbound;

fn message(text: &str) -> Message {
    let mut message = *outbound(1).message;
    message.platform_conversation_id = "-100:5".into();
    message.content.text = text.into();
    message
}

fn file(kind: &str) -> Attachment {
    Attachment {
        kind: kind.into(),
        url: Some("https://example.org/a".into()),
        ..Attachment::default()
    }
}

fn methods(message: &Message) -> Vec<&'static str> {
    let calls = calls(message, &[]).unwrap();
    calls.iter().map(|call| call.method).collect()
}

fn body(message: &Message) -> Value {
    Value::Object(calls(message, &[]).unwrap().remove(0).body)
}

#[test]
fn text_goes_to_chat_and_thread_as_a_reply() {
    let mut message = message("hi");
    message.in_reply_to = Some("-100:42".into());
    assert_eq!(
        body(&message),
        json!({
            "chat_id": -100, "message_thread_id": 5, "text": "hi",
            "reply_parameters": { "message_id": 42, "allow_sending_without_reply": true },
        })
    );
}

#[test]
fn every_kind_of_place_is_addressed() {
    for (key, expected) in [
        ("7", json!({"chat_id": 7})),
        ("@news", json!({"chat_id": "@news"})),
        (
            "7@Xk-_9",
            json!({"chat_id": 7, "business_connection_id": "Xk-_9"}),
        ),
        (
            "-100:direct:77",
            json!({"chat_id": -100, "direct_messages_topic_id": 77}),
        ),
    ] {
        assert_eq!(Value::Object(place(key).unwrap()), expected, "{key}");
    }
}

#[test]
fn only_a_message_of_the_same_chat_is_replied_to() {
    for (here, key, expected) in [
        ("-100:5", "-100:42", Some(42)),
        ("-100:5", "42", Some(42)),
        ("-100:5", "-7:42", None),
        ("7@Xk", "7@Xk:42", Some(42)),
        ("7@Xk", "7:42", None),
    ] {
        let mut message = message("hi");
        message.platform_conversation_id = here.into();
        message.in_reply_to = Some(key.into());
        let body = body(&message);
        let id = body.pointer("/reply_parameters/message_id");
        assert_eq!(id.and_then(Value::as_i64), expected, "{key}");
    }
}

#[test]
fn who_pressed_a_button_hears_so_first() {
    let mut message = message("Thanks!");
    message.in_reply_to = Some("callback:4382".into());
    let calls = calls(&message, &[]).unwrap();
    assert_eq!(calls[0].method, "answerCallbackQuery");
    assert_eq!(calls[0].body["callback_query_id"], "4382");
    assert!(!calls[0].counts && calls[1].counts);
    assert_eq!(calls[1].body.get("reply_parameters"), None);
}

#[test]
fn long_text_is_split_and_only_the_first_part_replies() {
    let mut message = message(&"word ".repeat(2000));
    message.in_reply_to = Some("42".into());
    let calls = calls(&message, &[]).unwrap();
    assert_eq!(calls.len(), 3);
    for (at, call) in calls.iter().enumerate() {
        let text = call.body["text"].as_str().unwrap();
        assert!(text.encode_utf16().count() <= TEXT.max);
        assert_eq!(call.body.get("reply_parameters").is_some(), at == 0);
    }
}

#[test]
fn formatted_text_is_html() {
    let mut message = message("**Hi** <you>");
    message.content.format = Format::Markdown;
    let sent = body(&message);
    assert_eq!(
        (&sent["text"], &sent["parse_mode"]),
        (&json!("<b>Hi</b> &lt;you&gt;"), &json!("HTML"))
    );
    message.content.format = Format::Plain;
    let sent = body(&message);
    assert_eq!(sent["text"], "**Hi** <you>");
    assert_eq!(sent.get("parse_mode"), None);
}

#[test]
fn one_picture_carries_the_text_as_its_caption() {
    let mut message = message("look");
    message.content.attachments = vec![file("image")];
    assert_eq!(methods(&message), ["sendPhoto"]);
    assert_eq!(body(&message)["caption"], "look");
    message.content.attachments.push(file("file"));
    assert_eq!(
        methods(&message),
        ["sendMessage", "sendPhoto", "sendDocument"]
    );
    message.content.attachments = vec![file("sticker")];
    assert_eq!(methods(&message), ["sendMessage", "sendSticker"]);
    message.content.text = "x".repeat(1025);
    message.content.attachments = vec![file("image")];
    assert_eq!(methods(&message), ["sendMessage", "sendPhoto"]);
}

#[test]
fn pictures_and_videos_are_an_album() {
    let mut message = message("look");
    message.content.attachments = vec![file("image"), file("video")];
    assert_eq!(methods(&message), ["sendMediaGroup"]);
    assert_eq!(
        body(&message)["media"],
        json!([
            {"type": "photo", "media": "https://example.org/a", "caption": "look"},
            {"type": "video", "media": "https://example.org/a"},
        ])
    );
    message.content.attachments = vec![file("image"); 11];
    let sizes: Vec<usize> = calls(&message, &[])
        .unwrap()
        .iter()
        .map(|call| call.body["media"].as_array().unwrap().len())
        .collect();
    assert_eq!(sizes, [9, 2]);
    message.content.attachments = vec![file("image"), file("audio")];
    assert_eq!(methods(&message), ["sendMessage", "sendPhoto", "sendAudio"]);
}

#[test]
fn buttons_stand_below_the_last_message() {
    let mut message = message("Which?");
    message.content.buttons = vec![
        Button {
            title: "Blue".into(),
            value: Some("b".into()),
            ..Button::default()
        },
        Button {
            kind: ButtonType::Url,
            title: "Shop".into(),
            url: Some("https://e.org".into()),
            ..Button::default()
        },
    ];
    assert_eq!(
        body(&message)["reply_markup"],
        json!({"inline_keyboard": [
            [{"text": "Blue", "callback_data": "b"}], [{"text": "Shop", "url": "https://e.org"}],
        ]})
    );
    message.content.attachments = vec![file("image"), file("image")];
    let album = calls(&message, &[]).unwrap();
    assert_eq!(album[0].method, "sendMediaGroup");
    assert_eq!(album[0].body.get("reply_markup"), None);
    assert_eq!(album[1].method, "sendMessage");
    assert!(album[1].body.contains_key("reply_markup"));
    message.content.text = String::new();
    assert_eq!(methods(&message), ["sendPhoto", "sendPhoto"]);
    message.content.buttons[0].value = Some("x".repeat(65));
    assert_eq!(calls(&message, &[]).unwrap_err().code, "button");
}

#[test]
fn places_and_people() {
    let mut message = message("");
    let mut place = file("location");
    place.metadata = Map::from_iter([
        ("latitude".to_owned(), 1.5.into()),
        ("longitude".to_owned(), 2.into()),
    ]);
    message.content.attachments = vec![place.clone()];
    assert_eq!(methods(&message), ["sendLocation"]);
    place.name = Some("Cafe".into());
    place.metadata.insert("address".into(), "Ring 1".into());
    message.content.attachments = vec![place];
    assert_eq!(methods(&message), ["sendVenue"]);
    let mut gif = file("image");
    gif.content_type = Some("image/gif".into());
    message.content.attachments = vec![gif];
    assert_eq!(methods(&message), ["sendAnimation"]);
}

#[test]
fn what_cannot_be_sent_is_refused_with_a_reason() {
    let code = |message: &Message| calls(message, &[]).unwrap_err().code;
    assert_eq!(code(&message("  ")), "empty");
    assert_eq!(code(&message(&"x".repeat(4096 * 21))), "too-long");
    let mut nowhere = message("hi");
    nowhere.platform_conversation_id = "alice".into();
    assert_eq!(code(&nowhere), "address");
    let mut bare = message("hi");
    bare.content.attachments = vec![Attachment::default()];
    assert_eq!(code(&bare), "attachment");
}
