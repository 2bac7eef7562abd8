//! From a message to what is posted (<https://docs.discord.com/developers/resources/message#create-message>).

use schemas::{Attachment, Button, ButtonType, Content, Message};
use serde_json::{Map, Value, json};

use super::super::{
    Failure,
    files::OwnFile,
    text::{Dialect, Limit, Unit, listed, parts},
};

const MAX_TEXT: Limit = Limit {
    max: 2000,
    unit: Unit::Utf16,
};
/// Embeds of a message, each of which shows a picture.
const MAX_PICTURES: usize = 10;
/// Files of a message, and bytes of one where nobody has paid for more
/// (<https://docs.discord.com/developers/reference#uploading-files>).
const MAX_FILES: usize = 10;
const MAX_UPLOAD_BYTES: u64 = 10 * 1024 * 1024;
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

/// One message of Discord's.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Post {
    pub(super) body: Map<String, Value>,
    /// What is uploaded with it.
    pub(super) files: Vec<OwnFile>,
}

/// Whether a file can be uploaded.
pub(super) fn takes(_kind: &str, file: &OwnFile) -> Result<(), String> {
    if file.size_bytes <= MAX_UPLOAD_BYTES {
        Ok(())
    } else {
        Err("Discord takes files of up to 10 MiB".into())
    }
}

/// What is posted, in order; at least one. `own`: which attachments are uploaded.
pub(super) fn posts(message: &Message, own: &[Option<OwnFile>]) -> Result<Vec<Post>, Failure> {
    let mut content = message.content.clone();
    let rows = rows(&mut content);
    let mut texts = parts(&content, Dialect::Discord, MAX_TEXT);
    let (mut pictures, mut files) = (Vec::new(), Vec::new());
    for (at, given) in message.content.attachments.iter().enumerate() {
        if let Some(Some(file)) = own.get(at) {
            files.push(file.clone());
            continue;
        }
        let url = given.url.as_deref();
        match url.filter(|_| given.kind == "image" && pictures.len() < MAX_PICTURES) {
            Some(url) => pictures.push(json!({ "image": { "url": url } })),
            None => append(&mut texts, line(given)?),
        }
    }
    if texts.is_empty() && pictures.is_empty() && files.is_empty() && rows.is_none() {
        return Err(Failure::message("empty", "neither text nor attachments"));
    }
    let mut posts = drafts(texts, &files);
    if posts.len() > MAX_POSTS {
        let detail = format!("would take {} posts; {MAX_POSTS} is the limit", posts.len());
        return Err(Failure::message("too-long", detail));
    }
    let flags = flags(message, pictures.is_empty());
    let mentions = message.metadata.get("allowed_mentions");
    let mentions = mentions.filter(|given| given.is_object()).cloned();
    let mentions = mentions.unwrap_or_else(|| json!({ "parse": [] }));
    for (at, Post { body, files }) in posts.iter_mut().enumerate() {
        body.insert("allowed_mentions".into(), mentions.clone());
        body.insert("nonce".into(), nonce(message, at).into());
        body.insert("enforce_nonce".into(), true.into());
        if flags != 0 {
            body.insert("flags".into(), flags.into());
        }
        if !files.is_empty() {
            let named = files.iter().enumerate();
            let named = named.map(|(id, file)| json!({ "id": id, "filename": file.name }));
            body.insert("attachments".into(), named.collect());
        }
    }
    if let (Some(first), Some(to)) = (posts.first_mut(), message.in_reply_to.as_deref())
        && is_id(to)
    {
        let reference = json!({ "message_id": to, "fail_if_not_exists": false });
        first.body.insert("message_reference".into(), reference);
    }
    if let Some(last) = posts.last_mut() {
        if !pictures.is_empty() {
            last.body.insert("embeds".into(), pictures.into());
        }
        last.body
            .extend(rows.map(|rows| ("components".to_owned(), rows)));
    }
    Ok(posts)
}

/// The texts, and the files with the last of them or after it.
fn drafts(texts: Vec<String>, files: &[OwnFile]) -> Vec<Post> {
    let mut posts: Vec<Post> = texts
        .into_iter()
        .map(|text| Post {
            body: field("content", text),
            files: Vec::new(),
        })
        .collect();
    if posts.is_empty() {
        posts.push(Post::default());
    }
    let mut chunks = files.chunks(MAX_FILES).map(<[OwnFile]>::to_vec);
    if let Some(last) = posts.last_mut() {
        last.files = chunks.next().unwrap_or_default();
    }
    posts.extend(chunks.map(|files| Post {
        body: Map::new(),
        files,
    }));
    posts
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
mod tests;
