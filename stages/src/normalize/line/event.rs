//! The parts of LINE's webhook events that the hub reads
//! (<https://developers.line.biz/en/reference/messaging-api/#webhook-event-objects>).

use serde::Deserialize;
use serde_json::{Map, Value};

/// An event with the account it is for.
#[derive(Deserialize)]
pub(super) struct Wrapped {
    pub(super) destination: Option<String>,
    pub(super) event: Event,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Event {
    #[serde(rename = "type")]
    pub(super) kind: String,
    /// Milliseconds.
    pub(super) timestamp: Option<i64>,
    pub(super) mode: Option<String>,
    pub(super) delivery_context: Option<DeliveryContext>,
    pub(super) source: Option<Source>,
    pub(super) message: Option<Content>,
    pub(super) postback: Option<Postback>,
    /// What an event of another type says, under the type's own name.
    #[serde(flatten)]
    pub(super) rest: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DeliveryContext {
    #[serde(default)]
    pub(super) is_redelivery: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Source {
    pub(super) user_id: Option<String>,
    pub(super) group_id: Option<String>,
    pub(super) room_id: Option<String>,
}

impl Source {
    /// The group or the room; none in a chat with one person.
    pub(super) fn group(&self) -> Option<&str> {
        self.group_id.as_deref().or(self.room_id.as_deref())
    }
}

/// What all types of messages have among them.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Content {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) id: String,
    pub(super) quote_token: Option<String>,
    pub(super) quoted_message_id: Option<String>,
    pub(super) mark_as_read_token: Option<String>,
    pub(super) text: Option<String>,
    pub(super) emojis: Option<Value>,
    pub(super) mention: Option<Mention>,
    pub(super) content_provider: Option<Provider>,
    pub(super) image_set: Option<Value>,
    /// Milliseconds.
    pub(super) duration: Option<u64>,
    pub(super) file_name: Option<String>,
    pub(super) file_size: Option<u64>,
    pub(super) title: Option<String>,
    pub(super) address: Option<String>,
    pub(super) latitude: Option<f64>,
    pub(super) longitude: Option<f64>,
    pub(super) package_id: Option<String>,
    pub(super) sticker_id: Option<String>,
    pub(super) sticker_resource_type: Option<String>,
    pub(super) keywords: Option<Value>,
}

#[derive(Deserialize)]
pub(super) struct Mention {
    pub(super) mentionees: Value,
}

/// Where a file lies: at LINE, to be asked for by the message's id, or at an address.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Provider {
    pub(super) original_content_url: Option<String>,
    pub(super) preview_image_url: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Postback {
    pub(super) data: String,
    /// The date a person picked, or the rich menu that was opened.
    pub(super) params: Option<Value>,
}
