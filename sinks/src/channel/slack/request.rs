//! From a message to what is posted.

use schemas::{
    Attachment, Button, ButtonType, Content, Format, Message,
    keys::slack::{channel_and_ts, place},
};
use serde_json::{Map, Value, json};

use super::super::{
    Failure,
    files::OwnFile,
    text::{Dialect, Limit, Unit, listed, parts},
};

/// What Slack recommends for `text`; it cuts at 40,000 (<https://docs.slack.dev/reference/methods/chat.postMessage/>).
const MAX_TEXT: usize = 4000;
/// Characters of a section (<https://docs.slack.dev/reference/block-kit/blocks/section-block/>).
const MAX_SECTION: usize = 3000;
/// Elements of one `actions` block (<https://docs.slack.dev/reference/block-kit/blocks/actions-block/>).
const MAX_BUTTONS: usize = 25;
/// Characters on a button, and of its value and its address
/// (<https://docs.slack.dev/reference/block-kit/block-elements/button-element/>).
const MAX_TITLE: usize = 75;
const MAX_VALUE: usize = 2000;
const MAX_URL: usize = 3000;
/// Blocks of a message.
const MAX_BLOCKS: usize = 50;
/// A message that would need more posts is refused: it is no conversation any more.
const MAX_POSTS: usize = 20;

/// Where a message goes: a channel or a person, and the thread.
#[derive(Debug, PartialEq)]
pub(super) struct Place<'m> {
    pub(super) channel: &'m str,
    pub(super) thread: Option<&'m str>,
}

impl Place<'_> {
    /// Whether a direct message has to be opened first.
    pub(super) fn is_person(&self) -> bool {
        self.channel.starts_with(['U', 'W'])
    }
}

/// Where a conversation is.
pub(super) fn place_at(conversation: &str) -> Result<Place<'_>, Failure> {
    let (channel, thread) = place(conversation).ok_or_else(|| {
        Failure::message(
            "address",
            "not a channel or person of Slack, nor a channel and a thread",
        )
    })?;
    Ok(Place { channel, thread })
}

/// `in_thread`: an answer to a message of a channel begins a thread below it, or joins the one there is.
pub(super) fn place_of(message: &Message, in_thread: bool) -> Result<Place<'_>, Failure> {
    let Place { channel, thread } = place_at(&message.platform_conversation_id)?;
    let answered = message.in_reply_to.as_deref().and_then(channel_and_ts);
    let below = answered
        .filter(|(there, _)| in_thread && *there == channel && !channel.starts_with('D'))
        .map(|(_, ts)| ts);
    Ok(Place {
        channel,
        thread: thread.or(below),
    })
}

/// What is posted, in order; at least one unless there are files of the hub's own, which are uploaded and left out here
/// (`own`: which attachments they are). The place is added by who posts.
pub(super) fn posts(
    message: &Message,
    own: &[Option<OwnFile>],
) -> Result<Vec<Map<String, Value>>, Failure> {
    let mut content = message.content.clone();
    let buttons = buttons(&mut content);
    let (pictures, others): (Vec<&Attachment>, Vec<&Attachment>) = message
        .content
        .attachments
        .iter()
        .enumerate()
        .filter(|(at, _)| !matches!(own.get(*at), Some(Some(_))))
        .map(|(_, given)| given)
        .partition(|given| given.kind == "image");
    let pictures: Vec<Value> = pictures
        .into_iter()
        .map(picture)
        .collect::<Result<_, _>>()?;
    let has_blocks = buttons.is_some() || !pictures.is_empty();
    let max = if has_blocks { MAX_SECTION } else { MAX_TEXT };
    let limit = Limit {
        max,
        unit: Unit::Chars,
    };
    let mut texts = parts(&content, Dialect::SlackMrkdwn, limit);
    for other in others {
        let line = line(other)?;
        match texts.last_mut() {
            Some(last) if last.chars().count() + line.chars().count() < max => {
                last.push('\n');
                last.push_str(&line);
            }
            _ => texts.push(line),
        }
    }
    if texts.is_empty() {
        if !has_blocks && own.iter().any(Option::is_some) {
            return Ok(Vec::new());
        }
        if !has_blocks {
            return Err(Failure::message("empty", "neither text nor attachments"));
        }
        texts.push(String::new());
    }
    if texts.len() > MAX_POSTS {
        let detail = format!("would take {} posts; {MAX_POSTS} is the limit", texts.len());
        return Err(Failure::message("too-long", detail));
    }
    let mut posts: Vec<Map<String, Value>> = texts
        .iter()
        .map(|text| Map::from_iter([("text".to_owned(), text.as_str().into())]))
        .collect();
    if let (true, Some(last), Some(text)) = (has_blocks, posts.last_mut(), texts.last()) {
        let blocks = blocks(text, pictures, buttons);
        if blocks.len() > MAX_BLOCKS {
            return Err(Failure::message(
                "attachments",
                "more pictures than fit one message",
            ));
        }
        if text.is_empty() {
            // Shown where blocks are not: in notifications.
            last.insert("text".into(), "…".into());
        }
        last.insert("blocks".into(), blocks.into());
    }
    for post in &mut posts {
        if content.format == Format::Plain {
            post.insert("mrkdwn".into(), false.into());
        }
        if let Some(unfurl) = message.metadata.get("unfurl").and_then(Value::as_bool) {
            post.insert("unfurl_links".into(), unfurl.into());
            post.insert("unfurl_media".into(), unfurl.into());
        }
    }
    Ok(posts)
}

fn blocks(text: &str, pictures: Vec<Value>, buttons: Option<Value>) -> Vec<Value> {
    let mut blocks = Vec::new();
    if !text.is_empty() {
        blocks.push(json!({ "type": "section", "text": { "type": "mrkdwn", "text": text } }));
    }
    blocks.extend(pictures);
    blocks.extend(buttons);
    blocks
}

/// The block of buttons; those that Slack would refuse are listed below the text instead.
fn buttons(content: &mut Content) -> Option<Value> {
    let buttons = std::mem::take(&mut content.buttons);
    if buttons.is_empty() {
        return None;
    }
    if buttons.len() > MAX_BUTTONS || !buttons.iter().all(fits) {
        if !content.text.is_empty() {
            content.text.push_str("\n\n");
        }
        content.text.push_str(&listed(&buttons));
        return None;
    }
    let elements: Vec<Value> = buttons
        .iter()
        .enumerate()
        .map(|(at, button)| {
            let mut element = json!({
                "type": "button",
                "action_id": format!("button-{at}"),
                "text": { "type": "plain_text", "text": button.title, "emoji": true },
            });
            let (name, value) = match button.kind {
                ButtonType::Url => ("url", button.url.as_deref().unwrap_or_default()),
                ButtonType::Reply => ("value", value(button)),
            };
            if let Some(fields) = element.as_object_mut() {
                fields.insert(name.into(), value.into());
            }
            element
        })
        .collect();
    Some(json!({ "type": "actions", "elements": elements }))
}

fn value(button: &Button) -> &str {
    let given = button.value.as_deref().filter(|value| !value.is_empty());
    given.unwrap_or(&button.title)
}

fn fits(button: &Button) -> bool {
    let title = (1..=MAX_TITLE).contains(&button.title.chars().count());
    title
        && match button.kind {
            ButtonType::Reply => value(button).chars().count() <= MAX_VALUE,
            ButtonType::Url => button
                .url
                .as_deref()
                .is_some_and(|url| (1..=MAX_URL).contains(&url.len())),
        }
}

/// <https://docs.slack.dev/reference/block-kit/blocks/image-block/>
fn picture(given: &Attachment) -> Result<Value, Failure> {
    let words = given.name.as_deref().filter(|name| !name.is_empty());
    let mut block = json!({ "type": "image", "alt_text": words.unwrap_or("image") });
    let source = match (&given.platform_id, &given.url) {
        (Some(id), _) => ("slack_file", json!({ "id": id })),
        (None, Some(url)) if url.len() <= MAX_URL => ("image_url", json!(url)),
        (None, Some(_)) => return Err(Failure::message("attachment", "its address is too long")),
        (None, None) => return Err(nowhere()),
    };
    if let Some(fields) = block.as_object_mut() {
        fields.insert(source.0.into(), source.1);
    }
    Ok(block)
}

/// What is not a picture is a line of text that leads to it.
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
            let words: Vec<String> = place.into_iter().flatten().map(escape).collect();
            Ok(format!("{} {latitude},{longitude}", words.join(", "))
                .trim()
                .to_owned())
        }
        "contact" => {
            let phone = word("phone_number").ok_or_else(|| {
                Failure::message("attachment", "a contact without `phone_number`")
            })?;
            let name = named.or(word("first_name")).unwrap_or_default();
            Ok(escape(format!("{name} {phone}").trim()))
        }
        _ => {
            let url = given.url.as_deref().ok_or_else(nowhere)?;
            let name = named.unwrap_or(url).replace('|', " ");
            Ok(format!(
                "<{}|{}>",
                escape(url).replace('|', "%7C"),
                escape(&name)
            ))
        }
    }
}

fn nowhere() -> Failure {
    Failure::message("attachment", "a file that lies nowhere: without `url`")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests;
