use super::*;
use crate::channel::tests::outbound;

fn message(text: &str) -> Message {
    let mut message = *outbound(1).message;
    message.platform_conversation_id = "C1".into();
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

fn file(kind: &str, name: &str, url: &str) -> Attachment {
    Attachment {
        kind: kind.into(),
        name: Some(name.into()),
        url: Some(url.into()),
        ..Attachment::default()
    }
}

#[test]
fn a_place_is_a_channel_a_thread_or_a_person() {
    let mut message = message("hi");
    message.in_reply_to = Some("C1:1.2".into());
    let place = |message: &Message, in_thread| {
        place_of(message, in_thread)
            .map(|place| {
                (
                    place.channel.to_owned(),
                    place.thread.map(str::to_owned),
                    place.is_person(),
                )
            })
            .map_err(|failure| failure.code)
    };
    assert_eq!(place(&message, false), Ok(("C1".into(), None, false)));
    assert_eq!(
        place(&message, true),
        Ok(("C1".into(), Some("1.2".into()), false))
    );
    message.platform_conversation_id = "C1:0.9".into();
    assert_eq!(
        place(&message, true),
        Ok(("C1".into(), Some("0.9".into()), false))
    );
    message.platform_conversation_id = "C2".into();
    assert_eq!(place(&message, true), Ok(("C2".into(), None, false)));
    message.platform_conversation_id = "D1".into();
    message.in_reply_to = Some("D1:1.2".into());
    assert_eq!(place(&message, true), Ok(("D1".into(), None, false)));
    message.platform_conversation_id = "U1".into();
    assert_eq!(place(&message, true), Ok(("U1".into(), None, true)));
    message.platform_conversation_id = "general".into();
    assert_eq!(place(&message, true), Err("address".into()));
}

#[test]
fn plain_text_is_one_post_and_not_read_as_markup() {
    let mut message = message("a < b & *c*");
    message.metadata.insert("unfurl".into(), false.into());
    let posts = posts(&message, &[]).unwrap();
    assert_eq!(
        Value::from(posts[0].clone()),
        json!({
            "text": "a &lt; b &amp; *c*", "mrkdwn": false,
            "unfurl_links": false, "unfurl_media": false,
        })
    );
    assert_eq!(posts.len(), 1);
}

#[test]
fn long_text_is_split_and_the_last_part_has_the_buttons() {
    let mut message = message(&"word ".repeat(1500));
    assert_eq!(posts(&message, &[]).unwrap().len(), 2);
    message.content.buttons = vec![
        button("Yes", Some("y"), None),
        button("No", None, None),
        button("Shop", None, Some("https://shop.example")),
    ];
    let posts = posts(&message, &[]).unwrap();
    assert_eq!(posts.len(), 3);
    assert!(posts[0].get("blocks").is_none());
    let last = Value::from(posts[2].clone());
    let blocks = last["blocks"].as_array().unwrap();
    assert_eq!(blocks[0]["text"]["text"], last["text"]);
    assert!(last["text"].as_str().unwrap().chars().count() <= MAX_SECTION);
    let elements = &blocks[1]["elements"];
    assert_eq!(
        *elements,
        json!([
            {"type": "button", "action_id": "button-0", "value": "y",
                "text": {"type": "plain_text", "text": "Yes", "emoji": true}},
            {"type": "button", "action_id": "button-1", "value": "No",
                "text": {"type": "plain_text", "text": "No", "emoji": true}},
            {"type": "button", "action_id": "button-2", "url": "https://shop.example",
                "text": {"type": "plain_text", "text": "Shop", "emoji": true}},
        ])
    );
}

#[test]
fn buttons_that_do_not_fit_are_listed() {
    let mut message = message("Choose");
    message.content.buttons = vec![button(&"x".repeat(76), None, None)];
    let posts = posts(&message, &[]).unwrap();
    assert!(posts[0].get("blocks").is_none());
    assert!(posts[0]["text"].as_str().unwrap().contains(&"x".repeat(76)));
}

#[test]
fn pictures_are_blocks_and_other_files_are_links() {
    let mut message = message("Look");
    message.content.attachments = vec![
        file("image", "door", "https://pic.example/1.png"),
        file("file", "a|b <c>.pdf", "https://files.example/?a=1&b=2"),
        Attachment {
            kind: "image".into(),
            platform_id: Some("F1".into()),
            ..Attachment::default()
        },
    ];
    let posts = posts(&message, &[]).unwrap();
    assert_eq!(posts.len(), 1);
    let text = "Look\n<https://files.example/?a=1&amp;b=2|a b &lt;c&gt;.pdf>";
    assert_eq!(posts[0]["text"], text);
    assert_eq!(
        posts[0]["blocks"],
        json!([
            {"type": "section", "text": {"type": "mrkdwn", "text": text}},
            {"type": "image", "alt_text": "door", "image_url": "https://pic.example/1.png"},
            {"type": "image", "alt_text": "image", "slack_file": {"id": "F1"}},
        ])
    );
}

#[test]
fn what_cannot_be_sent_is_refused_with_a_reason() {
    let code = |message: &Message| posts(message, &[]).unwrap_err().code;
    assert_eq!(code(&message("")), "empty");
    assert_eq!(code(&message(&"word ".repeat(20_000))), "too-long");
    let mut bare = message("hi");
    bare.content.attachments = vec![Attachment {
        kind: "file".into(),
        ..Attachment::default()
    }];
    assert_eq!(code(&bare), "attachment");
    bare.content.attachments[0].kind = "location".into();
    assert_eq!(code(&bare), "attachment");
}
