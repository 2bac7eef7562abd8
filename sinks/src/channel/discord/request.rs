//! From a message to what is posted (<https://docs.discord.com/developers/resources/message#create-message>).

use schemas::{Attachment, Button, ButtonType, Content, Message};
use serde_json::{Map, Value, json};

use super::super::{
    Failure,
    text::{Dialect, Limit, Unit, listed, parts},
};

const MAX_TEXT: Limit = Limit {
    max: 2000,
    unit: Unit::Utf16,
};
/// Embeds of a message, each of which shows a picture.
const MAX_PICTURES: usize = 10;
/// Rows of buttons, and buttons of a row
/// (<https://docs.discord.com/developers/components/reference#action-row>).
const MAX_ROWS: usize = 5;
const ROW: usize = 5;
/// Characters on a button, of its id, and of its address (<https://docs.discord.com/developers/components/reference#button>).
const MAX_TITLE: usize = 80;
const MAX_ID: usize = 100;
const MAX_URL: usize = 512;
/// Flags of a message.
const SUPPRESS_EMBEDS: u64 = 1 << 2;
const SUPPRESS_NOTIFICATIONS: u64 = 1 << 12;
/// A message that would need more posts is refused: it is no conversation any more.
const MAX_POSTS: usize = 20;

/// Where a message goes.
#[derive(Debug, PartialEq)]
pub(super) enum Place<'m> {
    Channel(&'m str),
    /// With whom a direct message has to be opened.
    Person(&'m str),
}

pub(super) fn place(conversation: &str) -> Result<Place<'_>, Failure> {
    let (person, id) = match conversation.strip_prefix("user:") {
        Some(id) => (true, id),
        None => (false, conversation),
    };
    if !is_id(id) {
        let detail = "not a channel of Discord, nor `user:` and a person";
        return Err(Failure::message("address", detail));
    }
    Ok(if person {
        Place::Person(id)
    } else {
        Place::Channel(id)
    })
}

/// Ids are numbers of up to 20 digits.
pub(super) fn is_id(id: &str) -> bool {
    (1..=20).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_digit())
}

/// What is posted, in order; at least one.
pub(super) fn posts(message: &Message) -> Result<Vec<Map<String, Value>>, Failure> {
    let mut content = message.content.clone();
    let rows = rows(&mut content);
    let mut texts = parts(&content, Dialect::Discord, MAX_TEXT);
    let mut pictures = Vec::new();
    for given in &message.content.attachments {
        let url = given.url.as_deref();
        match url.filter(|_| given.kind == "image" && pictures.len() < MAX_PICTURES) {
            Some(url) => pictures.push(json!({ "image": { "url": url } })),
            None => append(&mut texts, line(given)?),
        }
    }
    if texts.is_empty() && pictures.is_empty() && rows.is_none() {
        return Err(Failure::message("empty", "neither text nor attachments"));
    }
    if texts.len() > MAX_POSTS {
        let detail = format!("would take {} posts; {MAX_POSTS} is the limit", texts.len());
        return Err(Failure::message("too-long", detail));
    }
    let mut posts: Vec<Map<String, Value>> = texts
        .into_iter()
        .map(|text| field("content", text))
        .collect();
    if posts.is_empty() {
        posts.push(Map::new());
    }
    let flags = flags(message, pictures.is_empty());
    let mentions = message.metadata.get("allowed_mentions");
    let mentions = mentions.filter(|given| given.is_object()).cloned();
    let mentions = mentions.unwrap_or_else(|| json!({ "parse": [] }));
    for (at, post) in posts.iter_mut().enumerate() {
        post.insert("allowed_mentions".into(), mentions.clone());
        post.insert("nonce".into(), nonce(message, at).into());
        post.insert("enforce_nonce".into(), true.into());
        if flags != 0 {
            post.insert("flags".into(), flags.into());
        }
    }
    if let (Some(first), Some(to)) = (posts.first_mut(), message.in_reply_to.as_deref())
        && is_id(to)
    {
        let reference = json!({ "message_id": to, "fail_if_not_exists": false });
        first.insert("message_reference".into(), reference);
    }
    if let Some(last) = posts.last_mut() {
        if !pictures.is_empty() {
            last.insert("embeds".into(), pictures.into());
        }
        last.extend(rows.map(|rows| ("components".to_owned(), rows)));
    }
    Ok(posts)
}

fn field(name: &str, value: impl Into<Value>) -> Map<String, Value> {
    Map::from_iter([(name.to_owned(), value.into())])
}

/// By which Discord knows a post again for some minutes: at most 25 characters.
fn nonce(message: &Message, at: usize) -> String {
    let id = message.id.0.simple().to_string();
    let tail: String = id.chars().skip(12).collect();
    format!("{tail}.{at}")
}

fn flags(message: &Message, has_no_embeds: bool) -> u64 {
    let said = |name: &str| message.metadata.get(name).and_then(Value::as_bool);
    let mut flags = 0;
    if has_no_embeds && said("unfurl") == Some(false) {
        flags |= SUPPRESS_EMBEDS;
    }
    if said("silent") == Some(true) {
        flags |= SUPPRESS_NOTIFICATIONS;
    }
    flags
}

fn append(texts: &mut Vec<String>, line: String) {
    let units = |text: &str| text.encode_utf16().count();
    match texts.last_mut() {
        Some(last) if units(last) + units(&line) < MAX_TEXT.max => {
            last.push('\n');
            last.push_str(&line);
        }
        _ => texts.push(line),
    }
}

/// Rows of buttons; those that Discord would refuse are listed below the text instead.
fn rows(content: &mut Content) -> Option<Value> {
    let buttons = std::mem::take(&mut content.buttons);
    if buttons.is_empty() {
        return None;
    }
    let mut ids: Vec<&str> = buttons
        .iter()
        .filter(|button| button.kind == ButtonType::Reply)
        .map(id)
        .collect();
    let replies = ids.len();
    ids.sort_unstable();
    ids.dedup();
    let fit = buttons.len() <= MAX_ROWS * ROW && ids.len() == replies && buttons.iter().all(fits);
    if !fit {
        if !content.text.is_empty() {
            content.text.push_str("\n\n");
        }
        content.text.push_str(&listed(&buttons));
        return None;
    }
    let row = |row: &[Button]| json!({ "type": 1, "components": row.iter().map(element).collect::<Vec<_>>() });
    Some(buttons.chunks(ROW).map(row).collect())
}

fn element(button: &Button) -> Value {
    match button.kind {
        ButtonType::Url => {
            json!({ "type": 2, "style": 5, "label": button.title, "url": button.url })
        }
        ButtonType::Reply => {
            json!({ "type": 2, "style": 2, "label": button.title, "custom_id": id(button) })
        }
    }
}

fn id(button: &Button) -> &str {
    let given = button.value.as_deref().filter(|value| !value.is_empty());
    given.unwrap_or(&button.title)
}

fn fits(button: &Button) -> bool {
    let title = (1..=MAX_TITLE).contains(&button.title.chars().count());
    title
        && match button.kind {
            ButtonType::Reply => id(button).chars().count() <= MAX_ID,
            ButtonType::Url => button.url.as_deref().is_some_and(|url| {
                url.len() <= MAX_URL && (url.starts_with("https://") || url.starts_with("http://"))
            }),
        }
}

/// What is no picture is a line of text that leads to it; Discord shows what it can of it.
fn line(given: &Attachment) -> Result<String, Failure> {
    let word = |name: &str| given.metadata.get(name).and_then(Value::as_str);
    let number = |name: &str| given.metadata.get(name).and_then(Value::as_f64);
    let named = given.name.as_deref().filter(|name| !name.is_empty());
    match given.kind.as_str() {
        "location" => {
            let (Some(latitude), Some(longitude)) = (number("latitude"), number("longitude"))
            else {
                return Err(Failure::message(
                    "attachment",
                    "a location without `latitude` and `longitude`",
                ));
            };
            let place = [named, word("address")];
            let words: Vec<&str> = place.into_iter().flatten().collect();
            let line = format!("{} {latitude},{longitude}", words.join(", "));
            Ok(line.trim().to_owned())
        }
        "contact" => {
            let phone = word("phone_number").ok_or_else(|| {
                Failure::message("attachment", "a contact without `phone_number`")
            })?;
            let name = named.or(word("first_name")).unwrap_or_default();
            Ok(format!("{name} {phone}").trim().to_owned())
        }
        _ => {
            let url = given.url.as_deref().ok_or_else(|| {
                Failure::message("attachment", "a file that lies nowhere: without `url`")
            })?;
            Ok(named.map_or_else(|| url.to_owned(), |name| format!("{name}: {url}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::tests::outbound;

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
}
