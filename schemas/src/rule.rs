//! Routing rules: conditions and actions of a channel.
//!
//! A rule applies when every condition given holds. Rules run from the highest `priority` to the
//! lowest, equal ones by name; a rule with `stop` ends the run.

use serde::{Deserialize, Serialize};

use crate::{Priority, TemplateId};

/// One rule, as written in `config.routing.rules` of a channel or in `comm_auto_response_rules`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Unique within the channel; part of the identity of the replies it causes.
    pub name: String,
    #[serde(default)]
    pub priority: i32,
    #[serde(default = "yes")]
    pub is_active: bool,
    #[serde(default)]
    pub when: Condition,
    pub then: Vec<Action>,
    /// No further rule runs after this one applied.
    #[serde(default)]
    pub stop: bool,
}

fn yes() -> bool {
    true
}

/// All that is given must hold; nothing given always holds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// Any of these words or phrases occurs, ignoring case, on word borders.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keywords: Vec<String>,
    /// A regular expression (RE2 syntax, at most 512 bytes) that matches the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regex: Option<String>,
    /// ISO 639 codes, any of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub language: Vec<String>,
    /// Names of intents, any of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub intent: Vec<String>,
    /// The intent's confidence is at least this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence_at_least: Option<f32>,
    /// Categories, any of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub category: Vec<String>,
    /// The sentiment's score is below this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sentiment_below: Option<f32>,
    /// The sentiment's score is above this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sentiment_above: Option<f32>,
    /// Emotions, any of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub emotion: Vec<String>,
    /// Kinds of entities, any of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entity: Vec<String>,
    /// Any of these occurs in a key phrase, ignoring case.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub topic: Vec<String>,
    /// The priority, before any rule, is this or a higher one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority_at_least: Option<Priority>,
    /// Message types, any of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub message_type: Vec<crate::MessageType>,
    /// A command such as `/start`, any of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// The sender's address, any of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sender: Vec<String>,
    /// Time of day the message was received.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<Hours>,
}

/// A window of the day, e.g. 09:00 to 17:00 on weekdays; `outside` turns it round.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Hours {
    /// `HH:MM`, inclusive.
    pub from: String,
    /// `HH:MM`, exclusive; earlier than `from` means past midnight.
    pub to: String,
    /// Minutes east of UTC.
    #[serde(default)]
    pub utc_offset_minutes: i32,
    /// 1 is Monday; empty means every day.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub days: Vec<u8>,
    #[serde(default)]
    pub outside: bool,
}

/// What a rule does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// Add a tag.
    Tag(String),
    Priority(Priority),
    /// Assign the conversation to an agent.
    Assign(String),
    /// Answer with a stored template.
    ReplyTemplate(TemplateId),
    /// Answer with this text (a template: `{{ sender.name }}`, `{{ text }}`, `{{ language }}`).
    Reply(String),
    /// Take no further notice of the message.
    Drop,
}
