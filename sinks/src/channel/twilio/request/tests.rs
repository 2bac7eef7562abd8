use schemas::{Button, ButtonType, TemplateButton, TemplateButtonType};
use serde_json::json;

use super::*;
use crate::channel::tests::{account, outbound};

fn origin(settings: Value) -> Origin {
    let config = json!({"settings": settings});
    let account = account(schemas::ChannelKind::Twilio, &config, &Value::Null);
    let text = |name: &str| account.setting_text(name).map(str::to_owned);
    Origin {
        pool: Pool::new(&account),
        service: text("messaging_service_sid"),
        status_callback: text("status_callback"),
    }
}

fn to(address: &str, text: &str) -> Outbound {
    let mut outbound = outbound(1);
    outbound.message.recipient.id = address.into();
    outbound.message.platform_conversation_id = address.into();
    outbound.message.content.text = text.into();
    outbound
}

fn file(kind: &str, url: &str) -> Attachment {
    Attachment {
        kind: kind.into(),
        url: Some(url.into()),
        ..Attachment::default()
    }
}

fn pairs(form: &Form) -> Vec<(&str, &str)> {
    form.iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect()
}

#[test]
fn a_text_is_one_form() {
    let origin =
        origin(json!({"from": "+4930901820", "status_callback": "https://hub.example.org/w/1"}));
    let forms = forms(&to("+4915112345678", "hi"), &origin).unwrap();
    assert_eq!(forms.len(), 1);
    assert_eq!(
        encode(&forms[0]),
        "To=%2B4915112345678&From=%2B4930901820&StatusCallback=https%3A%2F%2Fhub.example.org%2Fw%2F1&Body=hi"
    );
}

#[test]
fn the_sender_fits_the_channel() {
    let pool =
        json!({"numbers": ["+4930901820", "whatsapp:+4930901821"], "messaging_service_sid": "MG1"});
    let sender = |settings: &Value, address: &str| {
        let forms = forms(&to(address, "hi"), &origin(settings.clone()))?;
        Ok::<_, Failure>(forms[0][1].clone())
    };
    let own = |from: &str| ("From", from.to_owned());
    assert_eq!(sender(&pool, "+49151").unwrap(), own("+4930901820"));
    assert_eq!(
        sender(&pool, "whatsapp:+49151").unwrap(),
        own("whatsapp:+4930901821")
    );
    assert_eq!(
        sender(&pool, "messenger:12345").unwrap(),
        ("MessagingServiceSid", "MG1".to_owned())
    );
    let bare = json!({"from": "+4930901820"});
    assert_eq!(
        sender(&bare, "whatsapp:+49151").unwrap(),
        own("whatsapp:+4930901820")
    );
    assert_eq!(sender(&json!({}), "+49151").unwrap_err().code, "no-sender");
    for odd in [
        "ann",
        "",
        "CA00000000000000000000000000000001",
        "sip:ann@example.org",
        "+49 151",
    ] {
        assert_eq!(sender(&bare, odd).unwrap_err().code, "address", "{odd}");
    }
}

#[test]
fn long_texts_and_many_files_leave_in_several() {
    let origin = origin(json!({"from": "+4930901820"}));
    let mut long = to("+4915112345678", &"word ".repeat(800));
    long.message.content.attachments = (0..11)
        .map(|n| file("image", &format!("https://example.org/{n}.png")))
        .collect();
    let forms = super::forms(&long, &origin).unwrap();
    assert_eq!(forms.len(), 4);
    let count = |index: usize| {
        let media = forms[index].iter().filter(|(name, _)| *name == "MediaUrl");
        media.count()
    };
    assert_eq!([count(0), count(1), count(2), count(3)], [10, 0, 0, 1]);
    for form in &forms[..3] {
        let (_, body) = form.iter().find(|(name, _)| *name == "Body").unwrap();
        assert!(body.encode_utf16().count() <= 1600);
    }
    long.message.platform_conversation_id = "whatsapp:+4915112345678".into();
    long.message.recipient.id = "whatsapp:+4915112345678".into();
    assert_eq!(super::forms(&long, &origin).unwrap().len(), 3 + 10);
}

#[test]
fn buttons_and_contacts_are_words_and_places_as_the_channel_has_them() {
    let origin = origin(json!({"from": "+4930901820"}));
    let mut message = to("+4915112345678", "Which?");
    message.message.content.buttons = vec![Button {
        kind: ButtonType::Url,
        title: "Track".into(),
        url: Some("https://example.org/t".into()),
        value: None,
    }];
    let place = json!({"type": "location", "metadata": {"latitude": 52.5, "longitude": 13.4, "name": "Depot"}});
    let contact =
        json!({"type": "contact", "metadata": {"phone_number": "+4930", "first_name": "Ann"}});
    message.message.content.attachments = vec![
        serde_json::from_value(place).unwrap(),
        serde_json::from_value(contact).unwrap(),
    ];
    let sms = forms(&message, &origin).unwrap();
    assert_eq!(sms.len(), 1);
    assert_eq!(
        pairs(&sms[0])[2],
        (
            "Body",
            "Which?\n\nDepot\ngeo:52.5,13.4\n\nAnn: +4930\n\n- Track: https://example.org/t"
        )
    );
    message.message.recipient.id = "whatsapp:+4915112345678".into();
    let whatsapp = forms(&message, &origin).unwrap();
    assert_eq!(
        pairs(&whatsapp[1])[2..],
        [
            ("Body", "Depot"),
            ("PersistentAction", "geo:52.5,13.4|Depot")
        ]
    );
}

#[test]
fn what_leaves_as_sms_has_a_size() {
    let origin = origin(json!({"from": "+4930901820"}));
    let size = |message: &Outbound| {
        let size = size(&forms(message, &origin).unwrap());
        size.map(|size| (size.encoding.name(), size.segments))
    };
    let mut message = to("+4915112345678", "hi");
    assert_eq!(size(&message), Some(("gsm7", 1)));
    // Two calls, of 1600 characters and of the rest.
    message.message.content.text = "a".repeat(1700);
    assert_eq!(size(&message), Some(("gsm7", 11 + 1)));
    message.message.content.text = "“hi”".into();
    assert_eq!(size(&message), Some(("ucs2", 1)));
    message.message.content.attachments = vec![file("image", "https://example.org/a.png")];
    assert_eq!(size(&message), None, "an MMS");
    assert_eq!(size(&to("whatsapp:+4915112345678", "hi")), None);
}

#[test]
fn a_template_replaces_the_text() {
    let origin = origin(json!({"from": "whatsapp:+4930901820"}));
    let mut message = to("whatsapp:+4915112345678", "not sent");
    message.message.content.template = Some(PlatformTemplate {
        name: "HX1".into(),
        language: "de".into(),
        variables: vec!["Jana".into(), "42".into()],
        ..PlatformTemplate::default()
    });
    let forms = super::forms(&message, &origin).unwrap();
    assert_eq!(
        pairs(&forms[0])[2..],
        [
            ("ContentSid", "HX1"),
            ("ContentVariables", r#"{"1":"Jana","2":"42"}"#)
        ]
    );
    let template = message.message.content.template.as_mut().unwrap();
    template.buttons = vec![TemplateButton {
        kind: TemplateButtonType::Url,
        value: "42".into(),
        index: None,
    }];
    assert_eq!(
        super::forms(&message, &origin).unwrap_err().code,
        "template"
    );
    let template = message.message.content.template.as_mut().unwrap();
    template.buttons.clear();
    template.name = "order_shipped".into();
    assert_eq!(
        super::forms(&message, &origin).unwrap_err().code,
        "template"
    );
}

#[test]
fn what_cannot_be_sent_is_refused_with_a_reason() {
    let origin = origin(json!({"from": "+4930901820"}));
    let code = |message: &Outbound| forms(message, &origin).unwrap_err().code;
    assert_eq!(code(&to("+4915112345678", "  ")), "empty");
    assert_eq!(
        code(&to("+4915112345678", &"word ".repeat(8000))),
        "too-long"
    );
    let mut bare = to("+4915112345678", "hi");
    bare.message.content.attachments = vec![Attachment::default()];
    assert_eq!(code(&bare), "attachment");
}
