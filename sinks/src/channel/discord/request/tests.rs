//! What is posted, form by form.

use super::*;
use crate::channel::tests::outbound;

fn posts(message: &Message) -> Result<Vec<Map<String, Value>>, Failure> {
    let posts = super::posts(message, &[])?;
    Ok(posts.into_iter().map(|post| post.body).collect())
}

fn message(text: &str) -> Message {
    let mut message = *outbound(1).message;
    message.platform_conversation_id = "7".into();
    message.content.text = text.into();
    message
}

fn button(title: &str, value: Option<&str>, url: Option<&str>) -> Button {
    Button {
        kind: if url.is_some() {
            ButtonType::Url
        } else {
            ButtonType::Reply
        },
        title: title.into(),
        value: value.map(str::to_owned),
        url: url.map(str::to_owned),
    }
}

#[test]
fn a_place_is_a_channel_or_a_person() {
    assert_eq!(place("7"), Ok(Place::Channel("7")));
    assert_eq!(place("user:5"), Ok(Place::Person("5")));
    for odd in ["", "general", "user:", "7/../8", "123456789012345678901"] {
        assert_eq!(place(odd).unwrap_err().code, "address", "{odd}");
    }
}

#[test]
fn a_reply_mentions_nobody_and_is_known_again() {
    let mut message = message("hi @everyone");
    message.in_reply_to = Some("42".into());
    message.metadata.insert("silent".into(), true.into());
    message.metadata.insert("unfurl".into(), false.into());
    assert_eq!(
        Value::from(posts(&message).unwrap().remove(0)),
        json!({
            "content": "hi @everyone", "nonce": "00000000000000000001.0", "enforce_nonce": true,
            "allowed_mentions": {"parse": []}, "flags": 4100,
            "message_reference": {"message_id": "42", "fail_if_not_exists": false},
        })
    );
    message.in_reply_to = Some("reaction:42".into());
    assert!(!posts(&message).unwrap()[0].contains_key("message_reference"));
}

#[test]
fn long_text_is_split_and_every_part_has_its_nonce() {
    let mut message = message(&"word ".repeat(1000));
    message.in_reply_to = Some("42".into());
    message.content.buttons = vec![button("Yes", Some("y"), None)];
    let posts = posts(&message).unwrap();
    assert_eq!(posts.len(), 3);
    for (at, post) in posts.iter().enumerate() {
        assert!(post["content"].as_str().unwrap().encode_utf16().count() <= 2000);
        assert_eq!(post["nonce"], format!("00000000000000000001.{at}"));
        assert!(post["nonce"].as_str().unwrap().len() <= 25);
        assert_eq!(post.contains_key("message_reference"), at == 0);
        assert_eq!(post.contains_key("components"), at == 2);
    }
}

#[test]
fn buttons_stand_in_rows_of_five() {
    let mut message = message("Pick");
    let mut buttons: Vec<Button> = (0..6)
        .map(|at| button(&format!("B{at}"), None, None))
        .collect();
    buttons.push(button("Shop", None, Some("https://shop.example")));
    message.content.buttons = buttons;
    let rows = posts(&message).unwrap()[0]["components"].clone();
    assert_eq!(rows[0]["components"].as_array().unwrap().len(), 5);
    assert_eq!(
        rows[1],
        json!({"type": 1, "components": [
            {"type": 2, "style": 2, "label": "B5", "custom_id": "B5"},
            {"type": 2, "style": 5, "label": "Shop", "url": "https://shop.example"}]})
    );
}

#[test]
fn buttons_that_do_not_fit_are_listed() {
    for buttons in [
        vec![
            button("A", Some("same"), None),
            button("B", Some("same"), None),
        ],
        vec![button("A", Some(&"x".repeat(101)), None)],
        vec![button("A", None, Some("tel:1"))],
    ] {
        let mut message = message("Pick");
        message.content.buttons = buttons;
        let post = posts(&message).unwrap().remove(0);
        assert!(!post.contains_key("components"));
        assert!(post["content"].as_str().unwrap().contains('A'));
    }
}

#[test]
fn pictures_are_embeds_and_other_files_are_links() {
    let mut message = message("Look");
    let file = |kind: &str, name: Option<&str>, url: &str| Attachment {
        kind: kind.into(),
        name: name.map(str::to_owned),
        url: Some(url.into()),
        ..Attachment::default()
    };
    message.content.attachments = vec![
        file("image", Some("door"), "https://pic.example/1.png"),
        file("file", Some("a.pdf"), "https://files.example/a"),
        file("video", None, "https://files.example/b"),
    ];
    let post = posts(&message).unwrap().remove(0);
    assert_eq!(
        post["content"],
        "Look\na.pdf: https://files.example/a\nhttps://files.example/b"
    );
    assert_eq!(
        post["embeds"],
        json!([{"image": {"url": "https://pic.example/1.png"}}])
    );
}

#[test]
fn what_cannot_be_sent_is_refused_with_a_reason() {
    let code = |message: &Message| posts(message).unwrap_err().code;
    assert_eq!(code(&message("")), "empty");
    assert_eq!(code(&message(&"word ".repeat(20_000))), "too-long");
    let mut bare = message("hi");
    for kind in ["image", "file", "location", "contact"] {
        bare.content.attachments = vec![Attachment {
            kind: kind.into(),
            ..Attachment::default()
        }];
        assert_eq!(code(&bare), "attachment", "{kind}");
    }
}
