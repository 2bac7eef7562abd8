use serde_json::json;

use super::*;
use crate::channel::tests::outbound;

fn message(text: &str) -> Message {
    let mut message = *outbound(1).message;
    message.platform_conversation_id = "15550001111".into();
    message.content.text = text.into();
    message
}

fn button(title: &str, value: Option<&str>) -> Button {
    Button {
        title: title.into(),
        value: value.map(str::to_owned),
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

/// The types of the calls.
fn types(message: &Message) -> Vec<String> {
    let calls = calls(message).unwrap();
    let kind = |call: &Value| call["type"].as_str().unwrap().to_owned();
    calls.iter().map(kind).collect()
}

#[test]
fn text_goes_to_a_number_as_a_reply() {
    let mut message = message("see https://shop.example");
    message.in_reply_to = Some("wamid.1".into());
    assert_eq!(
        calls(&message).unwrap(),
        [json!({
            "messaging_product": "whatsapp", "recipient_type": "individual", "to": "15550001111",
            "biz_opaque_callback_data": message.id.to_string(), "type": "text",
            "text": {"body": "see https://shop.example", "preview_url": true},
            "context": {"message_id": "wamid.1"},
        })]
    );
    message.in_reply_to = Some("call:1".into());
    assert!(calls(&message).unwrap()[0].get("context").is_none());
}

#[test]
fn an_address_is_a_number_a_user_or_a_group() {
    for (address, kind, name, to) in [
        ("+15550001111", "individual", "to", "15550001111"),
        (
            "US.13491208655302741918",
            "individual",
            "recipient",
            "US.13491208655302741918",
        ),
        ("Y2FwaV9ncm91cDox", "group", "to", "Y2FwaV9ncm91cDox"),
    ] {
        let mut message = message("hi");
        message.platform_conversation_id = address.into();
        let call = &calls(&message).unwrap()[0];
        assert_eq!(call["recipient_type"], kind, "{address}");
        assert_eq!(call[name], to, "{address}");
    }
}

#[test]
fn long_text_is_split_and_only_the_first_part_replies() {
    let mut message = message(&"word ".repeat(2000));
    message.in_reply_to = Some("wamid.1".into());
    let calls = calls(&message).unwrap();
    assert_eq!(calls.len(), 3);
    for (at, call) in calls.iter().enumerate() {
        assert!(
            call["text"]["body"]
                .as_str()
                .unwrap()
                .encode_utf16()
                .count()
                <= 4096
        );
        assert_eq!(call.get("context").is_some(), at == 0);
    }
}

#[test]
fn a_template_has_variables_or_components() {
    let mut message = message("not sent");
    message.content.template = Some(PlatformTemplate {
        name: "order_ready".into(),
        language: "en_US".into(),
        variables: vec!["Mira".into(), "12".into()],
        ..PlatformTemplate::default()
    });
    assert_eq!(types(&message), ["template"]);
    assert_eq!(
        calls(&message).unwrap()[0]["template"],
        json!({"name": "order_ready", "language": {"code": "en_US"}, "components": [
            {"type": "body", "parameters": [{"type": "text", "text": "Mira"}, {"type": "text", "text": "12"}]}
        ]})
    );
    let own = json!({"type": "header", "parameters": [{"type": "image", "image": {"link": "https://x.example"}}]});
    message.content.template.as_mut().unwrap().components = vec![own.clone()];
    assert_eq!(
        calls(&message).unwrap()[0]["template"]["components"],
        json!([own])
    );
    let template = message.content.template.as_mut().unwrap();
    (template.components, template.variables) = (Vec::new(), Vec::new());
    assert!(
        calls(&message).unwrap()[0]["template"]
            .get("components")
            .is_none()
    );
}

#[test]
fn up_to_three_are_buttons_and_up_to_ten_a_list() {
    let mut message = message("Which?");
    message.content.buttons = vec![button("Red", Some("r")), button("Blue", None)];
    assert_eq!(
        calls(&message).unwrap()[0]["interactive"],
        json!({"type": "button", "body": {"text": "Which?"}, "action": {"buttons": [
            {"type": "reply", "reply": {"id": "r", "title": "Red"}},
            {"type": "reply", "reply": {"id": "Blue", "title": "Blue"}},
        ]}})
    );
    message.content.buttons = (0..10).map(|n| button(&format!("Row {n}"), None)).collect();
    message
        .metadata
        .insert("list_button".into(), "Choose".into());
    let list = &calls(&message).unwrap()[0]["interactive"];
    assert_eq!(list["type"], "list");
    assert_eq!(list["action"]["button"], "Choose");
    assert_eq!(
        list["action"]["sections"][0]["rows"][9],
        json!({"id": "Row 9", "title": "Row 9"})
    );
    // What no form of WhatsApp's can show is listed below the text.
    for odd in [
        (0..11).map(|n| button(&format!("Row {n}"), None)).collect(),
        vec![button("a title of more than twenty-four characters", None)],
        vec![button("Same", None), button("Same", None)],
        vec![button("", None)],
    ] {
        message.content.buttons = odd;
        assert_eq!(types(&message), ["text"]);
        let text = calls(&message).unwrap()[0]["text"]["body"].clone();
        assert!(text.as_str().unwrap().starts_with("Which?\n"), "{text}");
    }
}

#[test]
fn a_single_link_is_a_button() {
    let mut message = message("Have a look");
    message.content.buttons = vec![Button {
        kind: ButtonType::Url,
        title: "Shop".into(),
        url: Some("https://shop.example".into()),
        ..Button::default()
    }];
    assert_eq!(
        calls(&message).unwrap()[0]["interactive"],
        json!({"type": "cta_url", "body": {"text": "Have a look"}, "action": {"name": "cta_url",
            "parameters": {"display_text": "Shop", "url": "https://shop.example"}}})
    );
}

#[test]
fn a_picture_stands_above_its_buttons() {
    let mut message = message("Which?");
    message.content.buttons = vec![button("Red", None)];
    message.content.attachments = vec![attached("image", "https://x.example/a.png")];
    assert_eq!(types(&message), ["interactive"]);
    assert_eq!(
        calls(&message).unwrap()[0]["interactive"]["header"],
        json!({"type": "image", "image": {"link": "https://x.example/a.png"}})
    );
    message
        .content
        .attachments
        .push(attached("file", "https://x.example/a.pdf"));
    assert_eq!(types(&message), ["image", "document", "interactive"]);
    message.content.text = "word ".repeat(500);
    let long = calls(&message).unwrap();
    let last = long.last().unwrap()["interactive"]["body"]["text"]
        .as_str()
        .unwrap();
    assert!(last.len() <= 1024);
}

#[test]
fn one_file_carries_the_text_as_its_caption() {
    let mut message = message("Look");
    message.content.attachments = vec![Attachment {
        kind: "file".into(),
        name: Some("a.pdf".into()),
        platform_id: Some("88".into()),
        ..Attachment::default()
    }];
    let call = calls(&message).unwrap().remove(0);
    assert_eq!(
        call["document"],
        json!({"id": "88", "filename": "a.pdf", "caption": "Look"})
    );
    message.content.attachments = vec![attached("voice", "https://x.example/a.ogg")];
    let voice = calls(&message).unwrap();
    assert_eq!(types(&message), ["text", "audio"]);
    assert_eq!(
        voice[1]["audio"],
        json!({"link": "https://x.example/a.ogg", "voice": true})
    );
    message.content.attachments = vec![attached("image", "https://x.example/a.png")];
    message.content.text = "x".repeat(1025);
    assert_eq!(types(&message), ["text", "image"]);
}

#[test]
fn places_people_and_reactions() {
    let mut message = message("");
    message.content.attachments = vec![
        Attachment {
            kind: "location".into(),
            name: Some("Caffè".into()),
            metadata: json!({"latitude": 45.5, "longitude": 7.25, "address": "Via Roma 1"})
                .as_object()
                .unwrap()
                .clone(),
            ..Attachment::default()
        },
        Attachment {
            kind: "contact".into(),
            metadata: json!({"phone_number": "+4930", "first_name": "Ada", "last_name": "B"})
                .as_object()
                .unwrap()
                .clone(),
            ..Attachment::default()
        },
    ];
    let sent = calls(&message).unwrap();
    assert_eq!(
        sent[0]["location"],
        json!({"latitude": 45.5, "longitude": 7.25, "name": "Caffè", "address": "Via Roma 1"})
    );
    assert_eq!(
        sent[1]["contacts"],
        json!([{"name": {"formatted_name": "Ada B", "first_name": "Ada", "last_name": "B"},
            "phones": [{"phone": "+4930"}]}])
    );
    message.message_type = MessageType::Reaction;
    message.in_reply_to = Some("wamid.1".into());
    message.content.text = "👍".into();
    let sent = calls(&message).unwrap();
    assert_eq!(sent.len(), 1);
    assert_eq!(
        sent[0]["reaction"],
        json!({"message_id": "wamid.1", "emoji": "👍"})
    );
    message.metadata.insert("reaction".into(), "removed".into());
    assert_eq!(calls(&message).unwrap()[0]["reaction"]["emoji"], "");
}

#[test]
fn what_cannot_be_sent_is_refused_with_a_reason() {
    let code = |message: &Message| calls(message).unwrap_err().code;
    assert_eq!(code(&message("")), "empty");
    assert_eq!(code(&message(&"x".repeat(4096 * 21))), "too-long");
    let mut nowhere = message("hi");
    nowhere.platform_conversation_id.clear();
    assert_eq!(code(&nowhere), "address");
    let mut bare = message("hi");
    bare.content.attachments = vec![Attachment::default()];
    assert_eq!(code(&bare), "attachment");
    let mut silent = message("");
    silent.content.buttons = vec![button("Red", None)];
    assert_eq!(code(&silent), "empty");
}
