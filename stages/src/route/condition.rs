//! Conditions of rules, compiled.

mod hours;

use regex::{Regex, RegexBuilder};
use schemas::{Message, MessageType, Priority, Timestamp, rule};
use unicode_normalization::UnicodeNormalization;

use self::hours::Hours;

/// Longest regular expression, in bytes.
pub(super) const MAX_PATTERN_BYTES: usize = 512;
const MAX_KEYWORDS: usize = 500;
const MAX_COMPILED_BYTES: usize = 1 << 20;

/// What must hold for a rule to apply.
pub(super) struct Condition {
    keywords: Option<Regex>,
    regex: Option<Regex>,
    language: Vec<String>,
    intent: Vec<String>,
    confidence_at_least: Option<f32>,
    category: Vec<String>,
    sentiment_below: Option<f32>,
    sentiment_above: Option<f32>,
    emotion: Vec<String>,
    entity: Vec<String>,
    topic: Vec<String>,
    priority_at_least: Option<Priority>,
    message_type: Vec<MessageType>,
    command: Vec<String>,
    sender: Vec<String>,
    hours: Option<Hours>,
}

impl Condition {
    /// Compiles; the error says what is wrong.
    pub(super) fn compile(given: &rule::Condition) -> Result<Self, String> {
        let lower = |names: &[String]| -> Vec<String> {
            names
                .iter()
                .map(|name| name.trim().to_lowercase())
                .collect()
        };
        Ok(Self {
            keywords: keywords(&given.keywords)?,
            regex: given.regex.as_deref().map(pattern).transpose()?,
            language: lower(&given.language),
            intent: given.intent.clone(),
            confidence_at_least: given.confidence_at_least,
            category: lower(&given.category),
            sentiment_below: given.sentiment_below,
            sentiment_above: given.sentiment_above,
            emotion: lower(&given.emotion),
            entity: lower(&given.entity),
            topic: topics(&given.topic)?,
            priority_at_least: given.priority_at_least,
            message_type: given.message_type.clone(),
            command: lower(&given.command)
                .into_iter()
                .map(|name| format!("/{}", name.trim_start_matches('/')))
                .collect(),
            sender: lower(&given.sender),
            hours: given.hours.as_ref().map(Hours::compile).transpose()?,
        })
    }

    /// Whether all that is given holds. The cheap questions come first.
    pub(super) fn holds(&self, message: &Message, received_at: Timestamp) -> bool {
        let any = |names: &[String], given: Option<&str>| {
            names.is_empty() || given.is_some_and(|given| among(names, given))
        };
        (self.message_type.is_empty() || self.message_type.contains(&message.message_type))
            && any(
                &self.language,
                message.language.as_ref().map(|language| &*language.code),
            )
            && self.understood(message)
            && any(
                &self.command,
                message
                    .metadata
                    .get("command")
                    .and_then(|command| command.as_str()),
            )
            && self.sent_by(message)
            && self
                .hours
                .as_ref()
                .is_none_or(|hours| hours.hold(received_at))
            && self
                .keywords
                .as_ref()
                .is_none_or(|regex| said(message, regex))
            && self.regex.as_ref().is_none_or(|regex| said(message, regex))
    }

    /// What the models and the priority rules said. A condition about what nobody said does not hold.
    fn understood(&self, message: &Message) -> bool {
        let (intent, sentiment) = (message.intent.as_ref(), message.sentiment.as_ref());
        let score = |holds: &dyn Fn(f32) -> bool| sentiment.is_some_and(|given| holds(given.score));
        (self.intent.is_empty() || intent.is_some_and(|given| self.intent.contains(&given.name)))
            && self
                .confidence_at_least
                .is_none_or(|limit| intent.is_some_and(|given| given.confidence >= limit))
            && (self.category.is_empty()
                || message
                    .category
                    .as_deref()
                    .is_some_and(|given| among(&self.category, given)))
            && self
                .sentiment_below
                .is_none_or(|limit| score(&|given| given < limit))
            && self
                .sentiment_above
                .is_none_or(|limit| score(&|given| given > limit))
            && (self.emotion.is_empty()
                || sentiment.is_some_and(|given| {
                    given.labels.iter().any(|label| among(&self.emotion, label))
                }))
            && (self.entity.is_empty()
                || intent.is_some_and(|given| {
                    let mut entities = given.entities.iter();
                    entities.any(|entity| among(&self.entity, &entity.kind))
                }))
            && (self.topic.is_empty()
                || message.topics.iter().any(|phrase| {
                    let phrase = phrase.to_lowercase();
                    self.topic.iter().any(|wanted| phrase.contains(wanted))
                }))
            && self
                .priority_at_least
                .is_none_or(|lowest| message.priority >= lowest)
    }

    /// By address, or by `@username` where the platform has them.
    fn sent_by(&self, message: &Message) -> bool {
        let username = message
            .sender
            .metadata
            .get("username")
            .and_then(|name| name.as_str());
        self.sender.is_empty()
            || self
                .sender
                .iter()
                .any(|wanted| match wanted.strip_prefix('@') {
                    Some(wanted) => username.is_some_and(|name| equal(wanted, name)),
                    None => equal(wanted, &message.sender.id),
                })
    }
}

/// One of the names but for case; `names` are in lower case.
fn among(names: &[String], given: &str) -> bool {
    names.iter().any(|name| equal(name, given))
}

/// Equal but for case; `lower` is in lower case.
fn equal(lower: &str, given: &str) -> bool {
    lower.eq_ignore_ascii_case(given) || (!given.is_ascii() && lower == given.to_lowercase())
}

/// In the text or in the subject.
fn said(message: &Message, regex: &Regex) -> bool {
    regex.is_match(&message.content.text)
        || message
            .subject
            .as_deref()
            .is_some_and(|subject| regex.is_match(subject))
}

fn pattern(source: &str) -> Result<Regex, String> {
    if source.len() > MAX_PATTERN_BYTES {
        return Err(format!(
            "its regex is longer than {MAX_PATTERN_BYTES} bytes"
        ));
    }
    build(source)
}

fn build(source: &str) -> Result<Regex, String> {
    RegexBuilder::new(source)
        .size_limit(MAX_COMPILED_BYTES)
        .dfa_size_limit(MAX_COMPILED_BYTES)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => "its regex is too large when compiled".to_owned(),
            _ => "its regex is not valid".to_owned(),
        })
}

/// One pattern for all words and phrases, on word borders. The borders are spelled as classes and
/// not as `\b`, which would keep the engine from its fast path in text that is not ASCII.
fn keywords(given: &[String]) -> Result<Option<Regex>, String> {
    let words: Vec<String> = given
        .iter()
        .map(|words| {
            words
                .nfc()
                .collect::<String>()
                .split_whitespace()
                .map(regex::escape)
                .collect::<Vec<_>>()
                .join(r"\s+")
        })
        .filter(|words| !words.is_empty())
        .collect();
    if given.is_empty() {
        return Ok(None);
    }
    if words.is_empty() {
        return Err("its keywords are empty".into());
    }
    if words.len() > MAX_KEYWORDS {
        return Err(format!("it has more than {MAX_KEYWORDS} keywords"));
    }
    let border = r"[^\p{L}\p{N}_]";
    build(&format!(
        "(?i)(?:^|{border})(?:{})(?:$|{border})",
        words.join("|")
    ))
    .map(Some)
}

/// What to look for in key phrases: in lower case, with single spaces.
fn topics(given: &[String]) -> Result<Vec<String>, String> {
    let words = given.iter().map(|words| {
        let words = words.nfc().collect::<String>().to_lowercase();
        words.split_whitespace().collect::<Vec<_>>().join(" ")
    });
    let wanted: Vec<String> = words.filter(|words| !words.is_empty()).collect();
    if wanted.len() < given.len() {
        return Err("one of its topics is empty".into());
    }
    Ok(wanted)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::normalize::tests::{message_of, sandbox};

    fn at(text: &str) -> Timestamp {
        serde_json::from_value(text.into()).unwrap()
    }

    #[test]
    fn hours_of_the_day() {
        let hours = |from: &str, to: &str, days: &[u8], outside| {
            Hours::compile(&rule::Hours {
                from: from.into(),
                to: to.into(),
                utc_offset_minutes: 60,
                days: days.into(),
                outside,
            })
            .unwrap()
        };
        // 2025-01-08 is a Wednesday.
        let office = hours("09:00", "17:00", &[1, 2, 3, 4, 5], false);
        assert!(office.hold(at("2025-01-08T08:00:00Z")));
        assert!(office.hold(at("2025-01-08T15:59:59Z")));
        assert!(!office.hold(at("2025-01-08T16:00:00Z")));
        assert!(!office.hold(at("2025-01-11T10:00:00Z")));
        assert!(hours("09:00", "17:00", &[], true).hold(at("2025-01-08T16:00:00Z")));
        let night = hours("22:00", "06:00", &[3], false);
        assert!(night.hold(at("2025-01-08T21:30:00Z")));
        assert!(night.hold(at("2025-01-09T04:30:00Z")));
        assert!(!night.hold(at("2025-01-08T04:30:00Z")));
        assert!(hours("00:00", "24:00", &[], false).hold(Timestamp(i64::MIN)));
    }

    #[test]
    fn keywords_on_word_borders() {
        let regex = keywords(&["Preis".into(), "how  much".into(), "c++".into()])
            .unwrap()
            .unwrap();
        for text in [
            "preis?",
            "Der PREIS ist",
            "How\nmuch is it",
            "i like C++!",
            "«preis»",
        ] {
            assert!(regex.is_match(text), "{text}");
        }
        for text in ["Preise", "überpreis", "howmuch", "c+ +"] {
            assert!(!regex.is_match(text), "{text}");
        }
    }

    #[test]
    fn what_was_understood() {
        let mut message = message_of(sandbox("Where is my refund?"));
        let given =
            |when: serde_json::Value| -> rule::Condition { serde_json::from_value(when).unwrap() };
        let holds = |message: &Message, when: &serde_json::Value| {
            let condition = Condition::compile(&given(when.clone())).unwrap();
            condition.holds(message, Timestamp(0))
        };
        let right = [
            json!({"intent": ["refund_request"]}),
            json!({"intent": ["refund_request"], "confidence_at_least": 0.75}),
            json!({"category": ["order", "Returns"]}),
            json!({"sentiment_below": -0.4}),
            json!({"sentiment_above": -0.6, "sentiment_below": -0.4}),
            json!({"emotion": ["ANGER"]}),
            json!({"entity": ["phone", "order"]}),
            json!({"topic": ["rückzahlung"]}),
            json!({"topic": ["offene  rück"]}),
        ];
        for when in &right {
            assert!(!holds(&message, when), "nothing is known yet: {when}");
        }
        message.intent = serde_json::from_value(json!({
            "name": "refund_request", "confidence": 0.75, "model": "m",
            "entities": [{"kind": "order", "value": "48213", "start": 0, "end": 5}],
        }))
        .unwrap();
        message.sentiment = serde_json::from_value(json!({
            "score": -0.5, "confidence": 0.9, "labels": ["sadness", "anger"], "model": "m",
        }))
        .unwrap();
        message.category = Some("returns".into());
        message.topics = vec!["Rechnung".into(), "offene RÜCKZAHLUNG".into()];
        for when in &right {
            assert!(holds(&message, when), "{when}");
        }
        for when in [
            json!({"confidence_at_least": 0.76}),
            json!({"category": ["return"]}),
            json!({"sentiment_below": -0.5}),
            json!({"sentiment_above": -0.5}),
            json!({"emotion": ["joy"]}),
            json!({"entity": ["ticket"]}),
            json!({"topic": ["refund"]}),
            json!({"priority_at_least": "high"}),
            json!({"category": ["returns"], "emotion": ["joy"]}),
        ] {
            assert!(!holds(&message, &when), "{when}");
        }
        message.priority = Priority::Urgent;
        assert!(holds(&message, &json!({"priority_at_least": "high"})));
        assert!(Condition::compile(&given(json!({"topic": [" "]}))).is_err());
    }

    #[test]
    fn what_cannot_be_compiled_is_said() {
        let compile = |given| Condition::compile(&given).map(|_| ()).unwrap_err();
        let regex = |source: &str| rule::Condition {
            regex: Some(source.into()),
            ..rule::Condition::default()
        };
        assert_eq!(compile(regex("(")), "its regex is not valid");
        assert_eq!(
            compile(regex(r"\w{500}{500}")),
            "its regex is too large when compiled"
        );
        assert_eq!(
            compile(regex(&"x".repeat(513))),
            "its regex is longer than 512 bytes"
        );
    }
}
