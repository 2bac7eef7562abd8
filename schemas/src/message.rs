//! The normalized message: the same shape whatever platform it came from or goes to.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{ChannelId, ConversationId, MessageId, PlatformTemplate, Timestamp};

/// A normalized message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Message {
    pub id: MessageId,
    pub conversation_id: ConversationId,
    pub channel_id: ChannelId,
    #[serde(rename = "type")]
    pub message_type: MessageType,
    pub direction: Direction,
    pub content: Content,
    pub sender: Party,
    pub recipient: Party,
    #[serde(default)]
    pub priority: Priority,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// The platform's id of the message, when it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform_message_id: Option<String>,
    /// The platform's conversation: what a reply is addressed to.
    pub platform_conversation_id: String,
    /// The platform's id of the message this one answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_reply_to: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Absent when there are no words; `und` when there are and the model is unsure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// Absent without a model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sentiment: Option<Sentiment>,
    /// Absent without a model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<Intent>,
    /// Key phrases of the text, the weightiest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub topics: Vec<String>,
    /// What the message is about, in one word: the category of its intent, or what a topic model said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// What the rules decided.
    #[serde(default, skip_serializing_if = "Routing::is_empty")]
    pub routing: Routing,
    /// When the platform says it was written; when it was received if the platform does not say.
    pub created_at: Timestamp,
    /// Set on an edit: the content replaces that of the message with the same id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited_at: Option<Timestamp>,
    /// Set when its sender took it back: the content is gone, the row stays. Nothing brings it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<Timestamp>,
    /// Whatever else the platform said and a reader may want.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[schema(value_type = Object)]
    pub metadata: Map<String, Value>,
}

/// What was said.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Content {
    /// Plain text, Unicode NFC; empty when there is none.
    #[serde(default)]
    pub text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
    /// How `text` is written.
    #[serde(default, skip_serializing_if = "Format::is_plain")]
    pub format: Format,
    /// Outbound: what the reader may press, where the platform has such a thing; else they are listed below the text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 13)]
    pub buttons: Vec<Button>,
    /// Outbound: a message the platform has approved beforehand, sent instead of the text (WhatsApp).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<PlatformTemplate>,
}

/// Something to press below a message.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Button {
    #[serde(rename = "type", default)]
    pub kind: ButtonType,
    /// What stands on it.
    pub title: String,
    /// Of a `reply`: what comes back as the text of a `callback` message; the title when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Of a `url`: where it leads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

impl Format {
    #[must_use]
    pub fn is_plain(&self) -> bool {
        *self == Self::Plain
    }
}

/// A file, by reference.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Attachment {
    /// `image`, `audio`, `video`, `voice`, `file`, `sticker`, `location`, `contact`.
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// RFC 6838 media type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<u64>,
    /// Where it can be fetched, when the platform gives an address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The platform's handle of the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform_id: Option<String>,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[schema(value_type = Object)]
    pub metadata: Map<String, Value>,
}

/// Who speaks or is spoken to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Party {
    /// Canonical address on the platform.
    pub id: String,
    #[serde(rename = "type", default)]
    pub kind: PartyType,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[schema(value_type = Object)]
    pub metadata: Map<String, Value>,
}

/// An enum of names: the same on the wire, in the database and in documents.
macro_rules! names {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),* $(,)? } default $default:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
        // For the API's documents, which do not see names that a macro was given; a test compares the two.
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $text)] $variant),*
        }

        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name on the wire and in the database.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::$default
            }
        }

        impl FromStr for $name {
            type Err = ();

            fn from_str(name: &str) -> Result<Self, ()> {
                match name { $($text => Ok(Self::$variant),)* _ => Err(()) }
            }
        }
    };
}
pub(crate) use names;

names! {
    /// Which way a message goes.
    Direction { Inbound = "inbound", Outbound = "outbound" } default Inbound
}
names! {
    /// How a text is written.
    Format {
        Plain = "plain",
        /// The subset that docs/formatting.md describes.
        Markdown = "markdown",
    } default Plain
}
names! {
    /// What a button does.
    ButtonType {
        /// Comes back as a `callback` message.
        Reply = "reply",
        Url = "url",
    } default Reply
}
names! {
    /// What a message mainly is.
    MessageType {
        Text = "text", Html = "html", Image = "image", File = "file", Audio = "audio", Voice = "voice",
        Video = "video", Sticker = "sticker", Location = "location", Contact = "contact",
        Command = "command", Callback = "callback", Event = "event",
        /// An emoji put to the message `in_reply_to`; `metadata.reaction` is `added` or `removed`.
        Reaction = "reaction",
        /// Understood to be an event of the platform, but of no known kind; the raw is kept.
        Unsupported = "unsupported",
    } default Text
}
names! {
    /// What kind of party it is.
    PartyType { User = "user", System = "system", Bot = "bot", Agent = "agent", Group = "group", Channel = "channel" } default User
}
names! {
    /// Lowest to highest.
    Priority { Low = "low", Normal = "normal", High = "high", Urgent = "urgent" } default Normal
}

/// A detected language.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Language {
    /// ISO 639-1 where there is one, else ISO 639-3; `und` when unsure.
    pub code: String,
    /// ISO 639-3; `und` when unsure, empty on messages of before this was known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub iso639_3: String,
    /// 0 to 1.
    pub confidence: f32,
    /// What decided, e.g. `whatlang`.
    pub model: String,
}

/// A detected mood.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Sentiment {
    /// -1 to 1.
    pub score: f32,
    /// 0 to 1.
    pub confidence: f32,
    /// Emotion labels.
    pub labels: Vec<String>,
    pub model: String,
}

/// What the sender wants.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Intent {
    /// `out_of_scope` when unsure.
    pub name: String,
    /// 0 to 1, calibrated.
    pub confidence: f32,
    /// What the intent belongs to, e.g. `order`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// A hint for routing: who usually takes it, e.g. `billing`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    #[serde(default)]
    pub entities: Vec<Entity>,
    pub model: String,
}

/// Something named in the text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Entity {
    /// `email`, `url`, `phone`, `iban`, `card`, `money`, `date`, `time`, `order`, `ticket`, `handle`, `parcel`, or a
    /// name a tenant gave.
    pub kind: String,
    /// As written; of a card only its last four digits.
    pub value: String,
    /// In one form: E.164, ISO 8601, `12.50 EUR`, an IBAN without spaces, `visa`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normalized: Option<String>,
    /// Byte offsets into the text.
    pub start: u32,
    pub end: u32,
}

/// What the rules decided about a message.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Routing {
    /// Names of the rules that applied, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<String>,
    /// Who the conversation was assigned to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assign: Option<String>,
}

impl Routing {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty() && self.assign.is_none()
    }
}
