//! Rules that say how soon a message needs an answer.
//!
//! They run in the order they are written, from `normal`. `set` ends the run; the other changes move the priority, and
//! the rules after them still run. A tenant's own list replaces the built-in one as a whole, so a priority can always be
//! explained by one list. Deliberately absent: how they are evaluated (`stages::priority`).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{MessageType, Priority};

/// Rules in one list.
pub const MAX_RULES: usize = 100;
/// Words in one list, over all its rules.
pub const MAX_WORDS: usize = 2000;
/// Names in one condition, such as intents; also keys of a sender and values of one key.
pub const MAX_NAMES: usize = 100;
/// Longest name, word or value, in bytes.
pub const MAX_NAME_BYTES: usize = 100;

/// One rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PriorityRule {
    /// Unique within the list; what is shown as the reason of a priority.
    pub name: String,
    #[serde(default)]
    pub when: PriorityCondition,
    pub then: PriorityChange,
}

/// All that is given must hold; nothing given always holds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PriorityCondition {
    /// Names of intents, any of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub intent: Vec<String>,
    /// Categories, any of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub category: Vec<String>,
    /// Emotions, any of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub emotion: Vec<String>,
    /// The sentiment's score, -1 to 1, is below this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sentiment_below: Option<f32>,
    /// Any of these words or phrases occurs in the text or the subject, not negated, ignoring case and accents, on word
    /// borders. `*` at the end of a word stands for any ending.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<String>,
    /// What the platform or the API said of the sender, all of it: the value of each key, or any of a list of values.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = Object)]
    pub sender: BTreeMap<String, Value>,
    /// ISO 639 codes, any of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub language: Vec<String>,
    /// Message types, any of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub message_type: Vec<MessageType>,
}

/// What a rule does to the priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum PriorityChange {
    /// To this, and no further rule runs.
    Set(Priority),
    /// To this unless it is higher already.
    AtLeast(Priority),
    /// One step up, to `urgent` at most.
    Raise,
    /// One step down, to `low` at most.
    Lower,
}

/// Why a rule, or a list of them, is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPriorityRule {
    #[error("a rule's name is empty or longer than {MAX_NAME_BYTES} bytes")]
    Name,
    #[error("`{field}` has more than {max} entries")]
    TooMany { field: &'static str, max: usize },
    #[error("an entry of `{0}` is empty or longer than {MAX_NAME_BYTES} bytes")]
    Length(&'static str),
    #[error("a word may have `*` only at its end, after a letter or digit: `{0}`")]
    Word(String),
    #[error("`sentiment_below` is not between -1 and 1")]
    Sentiment,
    #[error("`sender.{0}` is neither a text, a number, true, false nor a list of these")]
    Sender(String),
    #[error("two rules are called `{0}`")]
    SameName(String),
}

impl PriorityRule {
    /// # Errors
    /// Says what about the rule cannot be taken.
    pub fn check(&self) -> Result<(), BadPriorityRule> {
        if self.name.trim().is_empty() || self.name.len() > MAX_NAME_BYTES {
            return Err(BadPriorityRule::Name);
        }
        let when = &self.when;
        names("intent", &when.intent, MAX_NAMES)?;
        names("category", &when.category, MAX_NAMES)?;
        names("emotion", &when.emotion, MAX_NAMES)?;
        names("language", &when.language, MAX_NAMES)?;
        names("words", &when.words, MAX_WORDS)?;
        most("message_type", when.message_type.len(), MAX_NAMES)?;
        if let Some(word) = when.words.iter().find(|word| !well_formed(word)) {
            return Err(BadPriorityRule::Word(word.clone()));
        }
        if when
            .sentiment_below
            .is_some_and(|limit| !(-1.0..=1.0).contains(&limit))
        {
            return Err(BadPriorityRule::Sentiment);
        }
        most("sender", when.sender.len(), MAX_NAMES)?;
        for (key, wanted) in &when.sender {
            length("sender", key)?;
            let values = match wanted {
                Value::Array(values) if !values.is_empty() => values.as_slice(),
                one => std::slice::from_ref(one),
            };
            most("sender", values.len(), MAX_NAMES)?;
            for value in values {
                match value {
                    Value::String(text) => length("sender", text)?,
                    Value::Bool(_) | Value::Number(_) => {}
                    _ => return Err(BadPriorityRule::Sender(key.clone())),
                }
            }
        }
        Ok(())
    }
}

/// Checks a whole list.
///
/// # Errors
/// The place of the first rule that cannot be taken, and why. A list that is too long fails at the first rule too many.
pub fn check(rules: &[PriorityRule]) -> Result<(), (usize, BadPriorityRule)> {
    let mut known = BTreeSet::new();
    let mut words = 0;
    for (place, rule) in rules.iter().enumerate() {
        let checked = most("priority", place + 1, MAX_RULES)
            .and_then(|()| rule.check())
            .and_then(|()| {
                words += rule.when.words.len();
                most("words", words, MAX_WORDS)
            });
        checked.map_err(|why| (place, why))?;
        if !known.insert(&rule.name) {
            return Err((place, BadPriorityRule::SameName(rule.name.clone())));
        }
    }
    Ok(())
}

fn names(field: &'static str, given: &[String], max: usize) -> Result<(), BadPriorityRule> {
    most(field, given.len(), max)?;
    given.iter().try_for_each(|name| length(field, name))
}

fn most(field: &'static str, count: usize, max: usize) -> Result<(), BadPriorityRule> {
    if count > max {
        return Err(BadPriorityRule::TooMany { field, max });
    }
    Ok(())
}

fn length(field: &'static str, text: &str) -> Result<(), BadPriorityRule> {
    if text.trim().is_empty() || text.len() > MAX_NAME_BYTES {
        return Err(BadPriorityRule::Length(field));
    }
    Ok(())
}

fn well_formed(word: &str) -> bool {
    let stem = word.strip_suffix('*').unwrap_or(word);
    !stem.contains('*')
        && stem.chars().any(char::is_alphanumeric)
        && (stem.len() == word.len() || stem.chars().next_back().is_some_and(char::is_alphanumeric))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rule(json: Value) -> PriorityRule {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn a_rule_reads_as_it_is_documented() {
        let read = rule(json!({
            "name": "angry customer of the top tier",
            "when": {"emotion": ["anger"], "sentiment_below": -0.5, "words": ["urgent*"],
                     "sender": {"tier": ["gold", "platinum"], "vip": true}, "message_type": ["text"]},
            "then": {"at_least": "high"}
        }));
        assert_eq!(read.check(), Ok(()));
        assert_eq!(read.then, PriorityChange::AtLeast(Priority::High));
        assert_eq!(
            rule(json!({"name": "a", "then": "raise"})),
            PriorityRule {
                name: "a".into(),
                when: PriorityCondition::default(),
                then: PriorityChange::Raise
            }
        );
        assert_eq!(
            rule(serde_json::to_value(&read).unwrap()),
            read,
            "what is written is read"
        );
        for unknown in [
            json!({"name": "a", "then": "double"}),
            json!({"name": "a", "then": {"set": "huge"}}),
            json!({"name": "a", "when": {"mood": ["bad"]}, "then": "raise"}),
            json!({"when": {}, "then": "raise"}),
        ] {
            assert!(serde_json::from_value::<PriorityRule>(unknown).is_err());
        }
    }

    #[test]
    fn what_is_not_taken_is_said() {
        use BadPriorityRule::{Length, Name, Sender, Sentiment, TooMany, Word};
        let many: Vec<String> = (0..=MAX_NAMES).map(|n| format!("n{n}")).collect();
        let long = "x".repeat(MAX_NAME_BYTES + 1);
        for (when, why) in [
            (
                json!({"intent": many}),
                TooMany {
                    field: "intent",
                    max: MAX_NAMES,
                },
            ),
            (json!({"category": [""]}), Length("category")),
            (json!({"emotion": [long]}), Length("emotion")),
            (json!({"words": ["*"]}), Word("*".into())),
            (json!({"words": ["a*b"]}), Word("a*b".into())),
            (json!({"words": ["soon *"]}), Word("soon *".into())),
            (json!({"sentiment_below": 2}), Sentiment),
            (json!({"sender": {"vip": null}}), Sender("vip".into())),
            (json!({"sender": {"tier": []}}), Sender("tier".into())),
            (
                json!({"sender": {"tier": [["gold"]]}}),
                Sender("tier".into()),
            ),
            (json!({"sender": {"": true}}), Length("sender")),
        ] {
            let bad = rule(json!({"name": "a", "when": when, "then": "raise"}));
            assert_eq!(bad.check(), Err(why));
        }
        assert_eq!(
            rule(json!({"name": " ", "then": "raise"})).check(),
            Err(Name)
        );
        let mut nan = rule(json!({"name": "a", "then": "raise"}));
        nan.when.sentiment_below = Some(f32::NAN);
        assert_eq!(nan.check(), Err(Sentiment));
    }

    #[test]
    fn a_list_is_bounded_and_its_names_differ() {
        let named = |name: String| rule(json!({"name": name, "then": "raise"}));
        let rules: Vec<PriorityRule> = (0..=MAX_RULES).map(|n| named(n.to_string())).collect();
        assert_eq!(check(&rules[..MAX_RULES]), Ok(()));
        let field = "priority";
        let max = MAX_RULES;
        assert_eq!(
            check(&rules),
            Err((MAX_RULES, BadPriorityRule::TooMany { field, max }))
        );
        let same = [named("a".into()), named("a".into())];
        assert_eq!(
            check(&same),
            Err((1, BadPriorityRule::SameName("a".into())))
        );
        let mut wordy = [named("a".into()), named("b".into())];
        for rule in &mut wordy {
            rule.when.words = (0..=MAX_WORDS / 2).map(|n| n.to_string()).collect();
        }
        let (place, why) = check(&wordy).unwrap_err();
        assert_eq!(place, 1);
        assert_eq!(why.to_string(), "`words` has more than 2000 entries");
    }
}
