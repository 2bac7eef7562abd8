//! How a tenant wants its messages understood: `PUT /api/v1/understanding`.
//!
//! Everything absent means the built-in way. Deliberately absent: the models (`stages::model`) and where their files lie
//! (`store::model`).

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{PriorityRule, message::names};

names! {
    /// What a model decides.
    Task {
        Language = "language", Sentiment = "sentiment", Emotion = "emotion", Intent = "intent", Topic = "topic",
        Priority = "priority",
    } default Intent
}

/// A tenant's settings.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Understanding {
    /// ISO 639-1 codes (639-3 where there is none) of the languages that can occur; empty: every one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub languages: Vec<String>,
    /// ISO 3166-1 region, such as `DE`, of phone numbers and amounts written without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Which model answers which task; a task that is absent is answered by the built-in one.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = BTreeMap<String, String>)]
    pub models: BTreeMap<Task, Backend>,
    /// The tenant's own words and their mood, -4 (worst) to 4 (best).
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub lexicon: BTreeMap<String, f32>,
    /// Order numbers, ticket numbers and whatever else has a form of its own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub patterns: Vec<EntityPattern>,
    /// How soon a message needs an answer, by rules in this order; empty: by the built-in ones.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub priority: Vec<PriorityRule>,
}

/// Something that a tenant's texts name in a form of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EntityPattern {
    /// The entity's kind, such as `order` or `ticket`.
    pub kind: String,
    /// A regular expression (RE2 syntax, at most 512 bytes); its first group, if it has one, is the value.
    pub regex: String,
}

/// Who answers a task. In JSON a string: `builtin`, `off`, `whatlang`, `vader`, `model:<id>`, `bert:<name>`,
/// `external:<name>`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Backend {
    /// The model that comes with tidings.
    #[default]
    Builtin,
    /// Nobody: the task stays unanswered.
    Off,
    /// Trigrams, for the language.
    Whatlang,
    /// A lexicon and rules, for English sentiment.
    Vader,
    /// A model the tenant uploaded, by its id.
    Model(String),
    /// A transformer in a folder of the worker, by its name in the settings.
    Bert(String),
    /// A service that answers over HTTP, by its name in the settings.
    External(String),
}

/// A string that names no backend.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is none of builtin, off, whatlang, vader, model:<id>, bert:<name>, external:<name>")]
pub struct UnknownBackend(pub String);

impl FromStr for Backend {
    type Err = UnknownBackend;

    fn from_str(text: &str) -> Result<Self, UnknownBackend> {
        let name = |name: &str| {
            let good = !name.is_empty()
                && name.len() <= 100
                && name
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
            good.then(|| name.to_owned())
                .ok_or_else(|| UnknownBackend(text.to_owned()))
        };
        match text.split_once(':') {
            None if text == "builtin" => Ok(Self::Builtin),
            None if text == "off" => Ok(Self::Off),
            None if text == "whatlang" => Ok(Self::Whatlang),
            None if text == "vader" => Ok(Self::Vader),
            Some(("model", id)) => name(id).map(Self::Model),
            Some(("bert", id)) => name(id).map(Self::Bert),
            Some(("external", id)) => name(id).map(Self::External),
            _ => Err(UnknownBackend(text.to_owned())),
        }
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Builtin => f.write_str("builtin"),
            Self::Off => f.write_str("off"),
            Self::Whatlang => f.write_str("whatlang"),
            Self::Vader => f.write_str("vader"),
            Self::Model(id) => write!(f, "model:{id}"),
            Self::Bert(name) => write!(f, "bert:{name}"),
            Self::External(name) => write!(f, "external:{name}"),
        }
    }
}

impl TryFrom<String> for Backend {
    type Error = UnknownBackend;

    fn try_from(text: String) -> Result<Self, UnknownBackend> {
        text.parse()
    }
}

impl From<Backend> for String {
    fn from(backend: Backend) -> Self {
        backend.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backend_is_a_string() {
        for text in [
            "builtin",
            "off",
            "whatlang",
            "vader",
            "model:intent-0a1b",
            "bert:ner",
            "external:mine",
        ] {
            assert_eq!(text.parse::<Backend>().unwrap().to_string(), text);
        }
        for text in ["", "bert", "bert:", "model:../x", "Builtin"] {
            assert!(text.parse::<Backend>().is_err(), "{text}");
        }
    }

    #[test]
    fn settings_are_what_differs_from_the_built_in() {
        assert_eq!(
            serde_json::to_string(&Understanding::default()).unwrap(),
            "{}"
        );
        let settings: Understanding = serde_json::from_str(
            r#"{"languages": ["de"], "models": {"intent": "model:intent-1"}}"#,
        )
        .unwrap();
        assert_eq!(
            settings.models[&Task::Intent],
            Backend::Model("intent-1".into())
        );
        assert!(serde_json::from_str::<Understanding>(r#"{"langauges": []}"#).is_err());
    }
}
