//! The parts of Telegram's objects that the hub reads; all else is ignored.

use serde::Deserialize;
use serde_json::Value;

use super::Kind;

#[derive(Deserialize)]
pub(super) struct Update {
    message: Option<Box<Message>>,
    edited_message: Option<Box<Message>>,
    channel_post: Option<Box<Message>>,
    edited_channel_post: Option<Box<Message>>,
    pub(super) callback_query: Option<Callback>,
}

impl Update {
    pub(super) fn message(&mut self) -> Option<(Kind, Box<Message>)> {
        if let Some(new) = self.message.take().or_else(|| self.channel_post.take()) {
            return Some((Kind::New, new));
        }
        let edit = self.edited_message.take();
        edit.or_else(|| self.edited_channel_post.take())
            .map(|edit| (Kind::Edit, edit))
    }
}

#[derive(Deserialize)]
pub(super) struct Message {
    pub(super) date: i64,
    pub(super) edit_date: Option<i64>,
    pub(super) chat: Chat,
    pub(super) from: Option<User>,
    pub(super) sender_chat: Option<Chat>,
    pub(super) message_thread_id: Option<i64>,
    #[serde(default)]
    pub(super) is_topic_message: bool,
    pub(super) reply_to_message: Option<About>,
    pub(super) forward_origin: Option<Value>,
    pub(super) media_group_id: Option<String>,
    pub(super) via_bot: Option<User>,
    pub(super) author_signature: Option<String>,
    pub(super) text: Option<String>,
    pub(super) entities: Option<Value>,
    pub(super) caption: Option<String>,
    pub(super) caption_entities: Option<Value>,
    pub(super) photo: Option<Vec<File>>,
    pub(super) document: Option<File>,
    pub(super) voice: Option<File>,
    pub(super) audio: Option<File>,
    pub(super) video: Option<File>,
    pub(super) video_note: Option<File>,
    pub(super) animation: Option<File>,
    pub(super) sticker: Option<File>,
    pub(super) location: Option<Location>,
    pub(super) venue: Option<Venue>,
    pub(super) contact: Option<Contact>,
}

/// A message that another one is about.
#[derive(Deserialize)]
pub(super) struct About {
    pub(super) message_id: i64,
    pub(super) chat: Chat,
}

#[derive(Deserialize)]
pub(super) struct Chat {
    pub(super) id: i64,
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) title: Option<String>,
    pub(super) username: Option<String>,
    pub(super) first_name: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct User {
    pub(super) id: i64,
    #[serde(default)]
    pub(super) is_bot: bool,
    pub(super) first_name: Option<String>,
    pub(super) last_name: Option<String>,
    pub(super) username: Option<String>,
    pub(super) language_code: Option<String>,
}

/// What photos, documents, voices, audios, videos and stickers have in common.
#[derive(Deserialize)]
pub(super) struct File {
    pub(super) file_id: String,
    pub(super) file_unique_id: Option<String>,
    pub(super) file_name: Option<String>,
    pub(super) mime_type: Option<String>,
    pub(super) file_size: Option<u64>,
    pub(super) width: Option<i64>,
    pub(super) height: Option<i64>,
    pub(super) duration: Option<i64>,
    pub(super) emoji: Option<String>,
    pub(super) set_name: Option<String>,
    pub(super) performer: Option<String>,
    pub(super) title: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Location {
    pub(super) latitude: f64,
    pub(super) longitude: f64,
    pub(super) live_period: Option<i64>,
}

#[derive(Deserialize)]
pub(super) struct Venue {
    pub(super) location: Location,
    pub(super) title: Option<String>,
    pub(super) address: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Contact {
    pub(super) phone_number: String,
    pub(super) first_name: Option<String>,
    pub(super) last_name: Option<String>,
    pub(super) user_id: Option<i64>,
}

#[derive(Deserialize)]
pub(super) struct Callback {
    pub(super) id: String,
    pub(super) from: User,
    pub(super) message: Option<About>,
    pub(super) data: Option<String>,
    pub(super) game_short_name: Option<String>,
}
