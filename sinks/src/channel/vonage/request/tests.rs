use schemas::{TemplateHeader, TemplateHeaderType};

use super::*;
use crate::channel::tests::{account, outbound};

fn pool() -> Pool {
    let config = json!({"settings": {"from": "+447700900000"}});
    Pool::new(&account(
        schemas::ChannelKind::Vonage,
        &config,
        &Value::Null,
    ))
}

fn to(conversation: &str, address: &str, text: &str) -> Outbound {
    let mut outbound = outbound(1);
    outbound.message.platform_conversation_id = conversation.into();
    outbound.message.recipient.id = address.into();
    outbound.message.content.text = text.into();
    outbound
}

fn sent(outbound: &Outbound) -> Vec<Value> {
    bodies(outbound, &pool(), "sms").unwrap()
}

#[test]
fn the_conversation_says_the_way() {
    assert_eq!(
        sent(&to("447700900001", "+447700900001", "hi")),
        [
            json!({"channel": "sms", "to": "447700900001", "from": "447700900000",
            "message_type": "text", "text": "hi", "client_ref": "00000000-0000-0000-0000-000000000001"})
        ]
    );
    for (conversation, address, way, number) in [
        (
            "whatsapp:447700900001",
            "+447700900001",
            "whatsapp",
            "447700900001",
        ),
        (
            "+447700900001",
            "whatsapp:+447700900001",
            "whatsapp",
            "447700900001",
        ),
        ("messenger:987", "987", "messenger", "987"),
        ("447700900001", "", "sms", "447700900001"),
    ] {
        let body = &sent(&to(conversation, address, "hi"))[0];
        assert_eq!(
            (&body["channel"], &body["to"]),
            (&json!(way), &json!(number))
        );
    }
    for odd in ["ann", "CON-1", "+49 30"] {
        let failure = bodies(&to(odd, odd, "hi"), &pool(), "sms").unwrap_err();
        assert_eq!(failure.code, "address", "{odd}");
    }
}

#[test]
fn files_go_as_the_way_has_them() {
    let mut message = to("447700900001", "+447700900001", "Look");
    message.message.content.attachments = vec![Attachment {
        kind: "image".into(),
        url: Some("https://example.org/i.png".into()),
        ..Attachment::default()
    }];
    assert_eq!(
        sent(&message)[0]["text"],
        "Look\n\nhttps://example.org/i.png"
    );
    message.message.platform_conversation_id = "whatsapp:447700900001".into();
    message.message.in_reply_to = Some("u1".into());
    let bodies = sent(&message);
    assert_eq!(bodies[0]["text"], "Look");
    assert_eq!(bodies[0]["context"], json!({"message_uuid": "u1"}));
    assert_eq!(
        bodies[1]["image"],
        json!({"url": "https://example.org/i.png"})
    );
    assert_eq!(bodies[1].get("context"), None);
}

#[test]
fn buttons_can_be_pressed_on_whatsapp() {
    let mut message = to("whatsapp:447700900001", "+447700900001", "Well?");
    message.message.content.buttons = vec![Button {
        kind: ButtonType::Reply,
        title: "Yes".into(),
        value: Some("y".into()),
        url: None,
    }];
    let interactive = &sent(&message)[0]["custom"]["interactive"];
    assert_eq!(interactive["body"]["text"], "Well?");
    assert_eq!(
        interactive["action"]["buttons"][0]["reply"],
        json!({"id": "y", "title": "Yes"})
    );
    message.message.platform_conversation_id = "447700900001".into();
    assert_eq!(sent(&message)[0]["text"], "Well?\n\n- Yes");
}

#[test]
fn a_template_replaces_the_text() {
    let mut message = to("whatsapp:447700900001", "+447700900001", "not sent");
    message.message.content.template = Some(PlatformTemplate {
        name: "ns:shipped".into(),
        language: "en-GB".into(),
        variables: vec!["Jane".into()],
        ..PlatformTemplate::default()
    });
    let body = &sent(&message)[0];
    assert_eq!(
        body["template"],
        json!({"name": "ns:shipped", "parameters": ["Jane"]})
    );
    assert_eq!(body["whatsapp"]["locale"], "en-GB");
    let template = message.message.content.template.as_mut().unwrap();
    template.header = Some(TemplateHeader {
        kind: TemplateHeaderType::Text,
        value: "May".into(),
        filename: None,
    });
    let whole = sent(&message)[0]["custom"]["template"]["components"].clone();
    assert_eq!(
        whole,
        json!([{"type": "header", "parameters": [{"type": "text", "text": "May"}]},
            {"type": "body", "parameters": [{"type": "text", "text": "Jane"}]}])
    );
    message.message.platform_conversation_id = "447700900001".into();
    let refused = bodies(&message, &pool(), "sms").unwrap_err();
    assert_eq!(refused.code, "template");
}

#[test]
fn long_texts_leave_in_parts() {
    let long = to("447700900001", "+447700900001", &"word ".repeat(500));
    let bodies = sent(&long);
    assert_eq!(bodies.len(), 3);
    assert!(
        bodies
            .iter()
            .all(|body| body["text"].as_str().unwrap().len() <= 1000)
    );
    let empty = super::bodies(&to("447700900001", "", " "), &pool(), "sms");
    assert_eq!(empty.unwrap_err().code, "empty");
}

#[test]
fn what_leaves_as_sms_has_a_size() {
    let size = |conversation: &str, text: &str| {
        let size = size(&sent(&to(conversation, "447700900001", text)));
        size.map(|size| (size.encoding.name(), size.segments))
    };
    assert_eq!(size("447700900001", "hi"), Some(("gsm7", 1)));
    assert_eq!(size("447700900001", &"я".repeat(71)), Some(("ucs2", 2)));
    assert_eq!(size("whatsapp:447700900001", "hi"), None);
}
