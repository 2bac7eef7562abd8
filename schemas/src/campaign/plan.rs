//! What is sent, and how fast.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{ChannelId, ChannelKind, ListId, PlatformTemplate};

/// What a campaign says and whom it is for, frozen when it starts: nothing that is edited later reaches half of an
/// audience.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// In the order in which they are tried.
    pub channels: Vec<PlannedChannel>,
    /// The one without a language is what the others fall back on; there is always one.
    pub wordings: Vec<Wording>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender_email: Option<String>,
    pub tracked: Tracked,
    pub lists: Vec<ListId>,
    /// The segments' expressions.
    pub segments: Vec<String>,
    /// Variables a contact need not have: what they are without it.
    #[serde(default)]
    pub defaults: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedChannel {
    pub id: ChannelId,
    pub kind: ChannelKind,
}

/// The templates of one language.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wording {
    /// BCP 47; none: for everybody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Plain text; made from `html` where it is empty.
    #[serde(default)]
    pub text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
    /// What channels of its platform send instead of all that; its texts are templates as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<PlatformTemplate>,
}

impl Wording {
    /// Whether it has words of its own: a text or HTML.
    #[must_use]
    pub fn has_words(&self) -> bool {
        let html = self.html.as_deref().unwrap_or_default();
        !self.text.trim().is_empty() || !html.trim().is_empty()
    }
}

/// What is put into a message to hear of it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tracked {
    pub opens: bool,
    pub clicks: bool,
    pub unsubscribe: bool,
}

/// How fast, and when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Pace {
    /// Messages a second at most, over all channels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0.0001, maximum = 100_000.0)]
    pub per_second: Option<f64>,
    /// Messages a second at most to any one domain of e-mail addresses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0.0001, maximum = 100_000.0)]
    pub per_second_and_domain: Option<f64>,
    /// Share of failures and bounces, 0 to 1, among the last thousand that pauses the campaign; 1: never.
    #[serde(default = "a_fifth")]
    #[schema(minimum = 0.0, maximum = 1.0, default = 0.2)]
    pub pause_at_failures: f64,
    /// Begin of the daily sending window, "HH:MM".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_from: Option<String>,
    /// Its end; before its begin: over midnight.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_to: Option<String>,
    /// IANA time zone of the window; "contact": the contact's own, UTC where it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_zone: Option<String>,
    /// Days of the window, 1 (Monday) to 7; all when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 7)]
    pub window_days: Vec<u8>,
}

const fn a_fifth() -> f64 {
    0.2
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            per_second: None,
            per_second_and_domain: None,
            pause_at_failures: a_fifth(),
            window_from: None,
            window_to: None,
            window_zone: None,
            window_days: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn plans_of_before_are_read() {
        let before = json!({
            "channels": [], "wordings": [{"subject": "Hi", "text": "Hello"}], "lists": [], "segments": [],
            "tracked": {"opens": true, "clicks": true, "unsubscribe": true}, "defaults": {}
        });
        let plan: Plan = serde_json::from_value(before.clone()).unwrap();
        assert_eq!(plan.wordings.first().unwrap().platform, None);
        assert_eq!(json!(plan), before);
    }
}
