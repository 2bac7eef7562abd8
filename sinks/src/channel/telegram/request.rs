//! From a message to the calls that send it.
//!
//! Formatted text goes as HTML, all other as it is. Pictures and videos without other files are an album. Buttons stand below the
//! last message, one a row; an album can have none, so a text goes after it then.

use schemas::{
    Button, ButtonType, Format, Message,
    keys::telegram::{Place, chat_and_message},
};
use serde_json::{Map, Value, json};

use super::{
    super::{
        Failure,
        files::OwnFile,
        text::{self, Dialect, Limit, Unit},
    },
    media::{self, Item, MAX_ALBUM, MAX_UPLOAD_BYTES},
};

/// Telegram's limits, in UTF-16 code units.
const TEXT: Limit = Limit {
    max: 4096,
    unit: Unit::Utf16,
};
const MAX_CAPTION: usize = 1024;
/// Of what comes back from a button, in bytes.
const MAX_DATA_BYTES: usize = 64;
/// A message that would need more calls is refused: it is no conversation any more.
const MAX_CALLS: usize = 20;

/// One call of the Bot API.
#[derive(Debug, PartialEq)]
pub(super) struct Call {
    pub(super) method: &'static str,
    pub(super) body: Map<String, Value>,
    /// What is uploaded with it, by the names of its parts.
    pub(super) files: Vec<(String, OwnFile)>,
    /// Whether the message has left only if this has.
    pub(super) counts: bool,
}

impl Call {
    fn new(method: &'static str, body: Map<String, Value>) -> Self {
        Self {
            method,
            body,
            files: Vec::new(),
            counts: true,
        }
    }
}

/// The calls that send a message, in order; at least one that counts. `own`: which attachments are uploaded.
pub(super) fn calls(message: &Message, own: &[Option<OwnFile>]) -> Result<Vec<Call>, Failure> {
    let place = place(&message.platform_conversation_id)?;
    let content = &message.content;
    let markup = match content.format {
        Format::Plain => Dialect::Plain,
        Format::Markdown => Dialect::TelegramHtml,
    };
    let parts = text::parts(content, markup, TEXT);
    let items: Vec<Item> = content
        .attachments
        .iter()
        .enumerate()
        .map(|(at, given)| media::item(at, given, own.get(at).and_then(Option::as_ref)))
        .collect::<Result<_, _>>()?;
    let has_buttons = !content.buttons.is_empty();
    let is_album = items.len() > 1
        && items.iter().all(Item::fits_album)
        && !(has_buttons && parts.is_empty())
        && items.iter().map(Item::upload_bytes).sum::<u64>() <= MAX_UPLOAD_BYTES;
    let carries = is_album || items.len() == 1 && items.iter().all(|item| item.captioned);
    let caption = match parts.as_slice() {
        [only] if carries && !(is_album && has_buttons) => {
            Some(only.as_str()).filter(|text| text.encode_utf16().count() <= MAX_CAPTION)
        }
        _ => None,
    };
    let texts: Vec<Call> = match caption {
        Some(_) => Vec::new(),
        None => parts
            .iter()
            .map(|part| Call::new("sendMessage", worded("text", part, markup)))
            .collect(),
    };
    let files = if is_album {
        albums(&items, caption, markup)
    } else {
        single(items, caption, markup)
    };
    let (mut ordered, rest) = if is_album && has_buttons {
        (files, texts)
    } else {
        (texts, files)
    };
    ordered.extend(rest);
    finish(message, &place, ordered)
}

/// Makes calls of what is to be said, where it belongs.
fn finish(
    message: &Message,
    place: &Map<String, Value>,
    mut calls: Vec<Call>,
) -> Result<Vec<Call>, Failure> {
    if calls.is_empty() {
        return Err(Failure::message("empty", "neither text nor attachments"));
    }
    if calls.len() > MAX_CALLS {
        return Err(Failure::message(
            "too-long",
            format!("would take {} calls; {MAX_CALLS} is the limit", calls.len()),
        ));
    }
    for call in &mut calls {
        call.body.extend(place.clone());
    }
    if let (Some(reply), Some(first)) = (reply_to(message), calls.first_mut()) {
        first.body.insert("reply_parameters".into(), reply);
    }
    if let (false, Some(last)) = (message.content.buttons.is_empty(), calls.last_mut()) {
        let keyboard = keyboard(&message.content.buttons)?;
        last.body.insert("reply_markup".into(), keyboard);
    }
    if let Some(query) = callback(message) {
        // Else the button goes on turning on the person's screen.
        calls.insert(0, answered(query));
    }
    Ok(calls)
}

fn worded(field: &str, text: &str, markup: Dialect) -> Map<String, Value> {
    let mut fields = Map::from_iter([(field.to_owned(), text.into())]);
    if markup == Dialect::TelegramHtml {
        fields.insert("parse_mode".into(), "HTML".into());
    }
    fields
}

fn single(items: Vec<Item>, caption: Option<&str>, markup: Dialect) -> Vec<Call> {
    items
        .into_iter()
        .map(|mut item| {
            if let Some(caption) = caption {
                item.fields.extend(worded("caption", caption, markup));
            }
            let files = item.upload().into_iter().collect();
            Call {
                files,
                ..Call::new(item.method, item.fields)
            }
        })
        .collect()
}

fn albums(items: &[Item], caption: Option<&str>, markup: Dialect) -> Vec<Call> {
    let mut caption = caption;
    // An album has two at least.
    let at_a_time = if items.len() % MAX_ALBUM == 1 {
        MAX_ALBUM - 1
    } else {
        MAX_ALBUM
    };
    items
        .chunks(at_a_time)
        .map(|chunk| {
            let media: Vec<Value> = chunk
                .iter()
                .filter_map(Item::in_album)
                .map(|mut fields| {
                    if let Some(caption) = caption.take() {
                        fields.extend(worded("caption", caption, markup));
                    }
                    Value::Object(fields)
                })
                .collect();
            let fields = Map::from_iter([("media".to_owned(), media.into())]);
            Call {
                files: chunk.iter().filter_map(Item::upload_in_album).collect(),
                ..Call::new("sendMediaGroup", fields)
            }
        })
        .collect()
}

fn keyboard(buttons: &[Button]) -> Result<Value, Failure> {
    let rows = buttons
        .iter()
        .map(|button| {
            if let (ButtonType::Url, Some(url)) = (button.kind, &button.url) {
                return Ok(json!([{ "text": button.title, "url": url }]));
            }
            let data = button.value.as_deref().unwrap_or(&button.title);
            if data.is_empty() || data.len() > MAX_DATA_BYTES {
                return Err(Failure::message(
                    "button",
                    format!("a button's value may have 1 to {MAX_DATA_BYTES} bytes"),
                ));
            }
            Ok(json!([{ "text": button.title, "callback_data": data }]))
        })
        .collect::<Result<Vec<_>, _>>()?;
    Ok(json!({ "inline_keyboard": rows }))
}

/// The button press this message answers.
fn callback(message: &Message) -> Option<&str> {
    message.in_reply_to.as_deref()?.strip_prefix("callback:")
}

fn answered(query: &str) -> Call {
    let body = Map::from_iter([("callback_query_id".to_owned(), query.into())]);
    Call {
        counts: false,
        ..Call::new("answerCallbackQuery", body)
    }
}

/// Where a conversation's key leads; a chat may also be `@name`.
pub(super) fn place(conversation: &str) -> Result<Map<String, Value>, Failure> {
    let named = conversation.strip_prefix('@').is_some_and(|name| {
        !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    });
    if named {
        return Ok(Map::from_iter([(
            "chat_id".to_owned(),
            conversation.into(),
        )]));
    }
    let place = Place::parse(conversation)
        .ok_or_else(|| Failure::message("address", "not a chat, nor a chat and a thread"))?;
    let mut fields = Map::from_iter([("chat_id".to_owned(), place.chat.into())]);
    if let Some(thread) = place.thread {
        fields.insert("message_thread_id".into(), thread.into());
    }
    if let Some(topic) = place.direct {
        fields.insert("direct_messages_topic_id".into(), topic.into());
    }
    if let Some(business) = place.business {
        fields.insert("business_connection_id".into(), business.into());
    }
    Ok(fields)
}

/// A message's key names its chat too; one of another chat, or a button press, cannot be replied to.
fn reply_to(message: &Message) -> Option<Value> {
    let key = message.in_reply_to.as_deref()?;
    let id = match chat_and_message(key) {
        Some((chat, business, id)) => {
            let here = Place::parse(&message.platform_conversation_id)?;
            ((chat, business) == (here.chat, here.business)).then_some(id)?
        }
        None => key.parse().ok()?,
    };
    Some(json!({ "message_id": id, "allow_sending_without_reply": true }))
}

#[cfg(test)]
mod tests;
