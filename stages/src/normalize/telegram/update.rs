//! The parts of Telegram's objects that the hub reads; all else is ignored.

use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
pub(super) struct Update {
    message: Option<Box<Message>>,
    edited_message: Option<Box<Message>>,
    channel_post: Option<Box<Message>>,
    edited_channel_post: Option<Box<Message>>,
    business_message: Option<Box<Message>>,
    edited_business_message: Option<Box<Message>>,
    pub(super) deleted_business_messages: Option<Deleted>,
    pub(super) callback_query: Option<Callback>,
    pub(super) message_reaction: Option<Reaction>,
}

/// Whether a message is new or replaces what it said before.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    New,
    Edit,
}

impl Update {
    pub(super) fn message(&mut self) -> Option<(Kind, Box<Message>)> {
        let new = self
            .message
            .take()
            .or_else(|| self.channel_post.take())
            .or_else(|| self.business_message.take());
        if let Some(new) = new {
            return Some((Kind::New, new));
        }
        self.edited_message
            .take()
            .or_else(|| self.edited_channel_post.take())
            .or_else(|| self.edited_business_message.take())
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
    pub(super) business_connection_id: Option<String>,
    pub(super) sender_business_bot: Option<User>,
    #[serde(default)]
    pub(super) is_from_offline: bool,
    pub(super) message_thread_id: Option<i64>,
    #[serde(default)]
    pub(super) is_topic_message: bool,
    pub(super) direct_messages_topic: Option<Value>,
    pub(super) reply_to_message: Option<Box<About>>,
    pub(super) external_reply: Option<Value>,
    pub(super) quote: Option<Value>,
    pub(super) reply_to_story: Option<Value>,
    pub(super) reply_to_checklist_task_id: Option<i64>,
    pub(super) forward_origin: Option<Value>,
    #[serde(default)]
    pub(super) is_automatic_forward: bool,
    pub(super) media_group_id: Option<String>,
    pub(super) via_bot: Option<User>,
    pub(super) author_signature: Option<String>,
    pub(super) sender_boost_count: Option<i64>,
    pub(super) paid_star_count: Option<i64>,
    pub(super) effect_id: Option<String>,
    #[serde(default)]
    pub(super) has_media_spoiler: bool,
    #[serde(default)]
    pub(super) has_protected_content: bool,
    pub(super) link_preview_options: Option<Value>,
    pub(super) suggested_post_info: Option<Value>,
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
    pub(super) paid_media: Option<PaidMedia>,
    pub(super) location: Option<Location>,
    pub(super) venue: Option<Venue>,
    pub(super) contact: Option<Contact>,
    pub(super) dice: Option<Dice>,
    pub(super) poll: Option<Poll>,
    pub(super) game: Option<Titled>,
    pub(super) checklist: Option<Checklist>,
    pub(super) invoice: Option<Value>,
    pub(super) story: Option<Value>,
    pub(super) web_app_data: Option<WebAppData>,
}

/// Messages of a business account that are gone; one, after splitting.
#[derive(Deserialize)]
pub(super) struct Deleted {
    pub(super) business_connection_id: String,
    pub(super) chat: Chat,
}

#[derive(Deserialize)]
pub(super) struct Reaction {
    pub(super) chat: Chat,
    pub(super) message_id: i64,
    pub(super) date: i64,
    pub(super) user: Option<User>,
    pub(super) actor_chat: Option<Chat>,
    pub(super) old_reaction: Vec<Value>,
    pub(super) new_reaction: Vec<Value>,
}

/// A message that another one is about.
#[derive(Deserialize)]
pub(super) struct About {
    pub(super) message_id: i64,
    pub(super) chat: Chat,
    pub(super) business_connection_id: Option<String>,
    pub(super) reply_markup: Option<Markup>,
}

/// The buttons below a message.
#[derive(Deserialize)]
pub(super) struct Markup {
    #[serde(default)]
    pub(super) inline_keyboard: Vec<Vec<Key>>,
}

#[derive(Deserialize)]
pub(super) struct Key {
    pub(super) text: String,
    pub(super) callback_data: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Chat {
    pub(super) id: i64,
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) title: Option<String>,
    pub(super) username: Option<String>,
    pub(super) first_name: Option<String>,
    pub(super) last_name: Option<String>,
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
    pub(super) vcard: Option<String>,
}

/// Pictures and videos that are seen by who pays for them.
#[derive(Deserialize)]
pub(super) struct PaidMedia {
    pub(super) star_count: i64,
    pub(super) paid_media: Vec<Paid>,
}

#[derive(Deserialize)]
pub(super) struct Paid {
    pub(super) photo: Option<Vec<File>>,
    pub(super) video: Option<File>,
}

#[derive(Deserialize)]
pub(super) struct Dice {
    pub(super) emoji: String,
    pub(super) value: i64,
}

#[derive(Deserialize)]
pub(super) struct Poll {
    pub(super) id: String,
    pub(super) question: String,
    pub(super) options: Vec<PollOption>,
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    #[serde(default)]
    pub(super) is_closed: bool,
}

#[derive(Deserialize)]
pub(super) struct PollOption {
    pub(super) text: String,
    #[serde(default)]
    pub(super) voter_count: i64,
}

#[derive(Deserialize)]
pub(super) struct Titled {
    pub(super) title: String,
    pub(super) description: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Checklist {
    pub(super) title: String,
    pub(super) tasks: Vec<Task>,
}

#[derive(Deserialize)]
pub(super) struct Task {
    pub(super) text: String,
    pub(super) completion_date: Option<i64>,
}

/// What a web page sent that was opened by a button.
#[derive(Deserialize)]
pub(super) struct WebAppData {
    pub(super) data: String,
    pub(super) button_text: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Callback {
    pub(super) id: String,
    pub(super) from: User,
    pub(super) message: Option<About>,
    pub(super) inline_message_id: Option<String>,
    pub(super) chat_instance: Option<String>,
    pub(super) data: Option<String>,
    pub(super) game_short_name: Option<String>,
}
