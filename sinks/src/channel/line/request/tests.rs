use super::*;
use crate::channel::tests::outbound;

fn message(text: &str) -> Message {
    let mut message = *outbound(1).message;
    message.platform_conversation_id = "U1".into();
    message.content.text = text.into();
    message
}

fn button(title: &str, url: Option<&str>) -> Button {
    Button {
        kind: url.map_or(ButtonType::Reply, |_| ButtonType::Url),
        title: title.into(),
        value: url.is_none().then(|| format!("v:{title}")),
        url: url.map(Into::into),
    }
}

fn attached(kind: &str, url: Option<&str>, metadata: Value) -> Message {
    let mut message = message("");
    message.content.attachments = vec![Attachment {
        kind: kind.into(),
        name: Some("n".into()),
        url: url.map(Into::into),
        metadata: metadata.as_object().unwrap().clone(),
        ..Attachment::default()
    }];
    message
}

#[test]
fn a_text_quotes_what_it_answers() {
    let mut message = message("hi");
    message.metadata.insert("quote_token".into(), "q1".into());
    assert_eq!(
        pushes(&message).unwrap(),
        [json!({"to": "U1", "messages": [{"type": "text", "text": "hi", "quoteToken": "q1"}]})]
    );
}

#[test]
fn long_texts_take_several_messages_and_several_pushes() {
    let pushes = pushes(&message(&"word ".repeat(6000))).unwrap();
    let counts: Vec<usize> = pushes
        .iter()
        .map(|push| push["messages"].as_array().unwrap().len())
        .collect();
    assert_eq!(counts, [5, 1]);
    for push in &pushes {
        for object in push["messages"].as_array().unwrap() {
            assert!(units(object["text"].as_str().unwrap()) <= TEXT.max);
        }
    }
    assert_eq!(
        super::pushes(&message(&"x".repeat(5000 * 21)))
            .unwrap_err()
            .code,
        "too-long"
    );
}

#[test]
fn buttons_are_quick_replies_of_the_last_message() {
    let mut message = attached("image", Some("https://e.org/a.jpg"), json!({}));
    message.content.text = "Which one?".into();
    message.content.buttons = vec![
        button("The blue one", None),
        button(&"long ".repeat(8), None),
    ];
    let messages = pushes(&message).unwrap().remove(0);
    assert_eq!(messages.pointer("/messages/0/quickReply"), None);
    let items = messages.pointer("/messages/1/quickReply/items").unwrap();
    assert_eq!(
        items[0],
        json!({"type": "action", "action": {"type": "postback", "label": "The blue one",
            "data": "v:The blue one", "displayText": "The blue one"}})
    );
    assert_eq!(items[1]["action"]["label"], "long long long long…");
    message.content.buttons = vec![button("x", None); 14];
    let messages = pushes(&message).unwrap().remove(0);
    let text = messages["messages"][0]["text"].as_str().unwrap();
    assert!(text.starts_with("Which one?\n\n- x\n- x"), "{text}");
    message.content.buttons = vec![button(&"x".repeat(301), None)];
    assert_eq!(pushes(&message).unwrap_err().code, "button");
}

#[test]
fn a_link_among_few_buttons_makes_a_template() {
    let mut message = message("Pay now?");
    message.content.buttons = vec![
        button("Pay", Some("https://pay.example.com/1")),
        button("Later", None),
    ];
    assert_eq!(
        pushes(&message).unwrap()[0]["messages"],
        json!([{"type": "template", "altText": "Pay now?", "template": {"type": "buttons", "text": "Pay now?",
        "actions": [
            {"type": "uri", "label": "Pay", "uri": "https://pay.example.com/1"},
            {"type": "postback", "label": "Later", "data": "v:Later", "displayText": "Later"},
        ]}}])
    );
    message.content.text = "x".repeat(161);
    let long = &pushes(&message).unwrap()[0]["messages"][0];
    assert_eq!(long["type"], "text");
    assert_eq!(
        long["quickReply"]["items"].as_array().map(Vec::len),
        Some(2)
    );
}

#[test]
fn attachments_go_in_their_own_form_or_as_an_address() {
    let url = Some("https://e.org/f");
    for (message, expected) in [
        (
            attached("image", url, json!({"preview_url": "https://e.org/p"})),
            json!({"type": "image", "originalContentUrl": "https://e.org/f", "previewImageUrl": "https://e.org/p"}),
        ),
        (
            attached("video", url, json!({"preview_url": "https://e.org/p"})),
            json!({"type": "video", "originalContentUrl": "https://e.org/f", "previewImageUrl": "https://e.org/p"}),
        ),
        (
            attached("video", url, json!({})),
            json!({"type": "text", "text": "n\nhttps://e.org/f"}),
        ),
        (
            attached("voice", url, json!({"duration_s": 2})),
            json!({"type": "audio", "originalContentUrl": "https://e.org/f", "duration": 2000}),
        ),
        (
            attached("file", url, json!({})),
            json!({"type": "text", "text": "n\nhttps://e.org/f"}),
        ),
        (
            attached("location", None, json!({"latitude": 1.5, "longitude": -2})),
            json!({"type": "location", "title": "n", "address": "1.5, -2", "latitude": 1.5, "longitude": -2.0}),
        ),
        (
            attached("contact", None, json!({"phone_number": "+4930123456"})),
            json!({"type": "text", "text": "n\n+4930123456"}),
        ),
        (
            attached(
                "sticker",
                None,
                json!({"package_id": "446", "sticker_id": "1988"}),
            ),
            json!({"type": "sticker", "packageId": "446", "stickerId": "1988"}),
        ),
    ] {
        assert_eq!(pushes(&message).unwrap()[0]["messages"][0], expected);
    }
}

#[test]
fn what_cannot_be_sent_is_refused_with_a_reason() {
    let code = |message: &Message| pushes(message).unwrap_err().code;
    assert_eq!(code(&message(" ")), "empty");
    for bad in [
        attached("image", Some("http://e.org/a.jpg"), json!({})),
        attached("image", None, json!({})),
        attached("location", None, json!({"latitude": 1})),
        attached("sticker", None, json!({"package_id": "1"})),
        attached("contact", None, json!({})),
    ] {
        assert_eq!(code(&bad), "attachment");
    }
    let mut nowhere = message("hi");
    nowhere.platform_conversation_id = String::new();
    assert_eq!(code(&nowhere), "address");
}
