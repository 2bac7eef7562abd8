//! Priority: how soon a message needs an answer.
//!
//! Decided by rules that people can read ([`schemas::priority`]): the tenant's own list, or the one in `default.json`.
//! They look at what was understood before, at words of urgency in the text, and at what is known of the sender.
//!
//! Invariants: a priority that the platform or the sender gave is kept; the rule that decided can be named; the rules of
//! a tenant are compiled once, never for a message, and cost at most [`MAX_TEXT_BYTES`] of text. Deliberately absent: a
//! guess by a model, which a tenant can put in its place, and routing rules (`route`), which come later and override.

mod negation;
mod words;

use std::sync::LazyLock;

use schemas::{Message, MessageType, Priority, PriorityChange, PriorityCondition, PriorityRule};
use serde_json::{Map, Value};

use self::words::Lookup;

/// Text, and as much of the subject, in which words are looked for.
pub const MAX_TEXT_BYTES: usize = 4096;

/// What the rules may look at.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    pub text: &'a str,
    pub subject: Option<&'a str>,
    pub message_type: MessageType,
    pub language: Option<&'a str>,
    pub intent: Option<&'a str>,
    pub category: Option<&'a str>,
    /// The sentiment's score, -1 to 1.
    pub sentiment: Option<f32>,
    pub emotions: &'a [String],
    pub sender: &'a Map<String, Value>,
    /// What the message came with; kept unless it is `normal`.
    pub given: Priority,
}

impl<'a> Facts<'a> {
    #[must_use]
    pub fn of(message: &'a Message) -> Self {
        let sentiment = message.sentiment.as_ref();
        Self {
            text: &message.content.text,
            subject: message.subject.as_deref(),
            message_type: message.message_type,
            language: message.language.as_ref().map(|language| &*language.code),
            intent: message.intent.as_ref().map(|intent| &*intent.name),
            category: message.category.as_deref(),
            sentiment: sentiment.map(|sentiment| sentiment.score),
            emotions: sentiment.map_or(&[], |sentiment| &sentiment.labels),
            sender: &message.sender.metadata,
            given: message.priority,
        }
    }
}

/// A list of rules, ready to decide.
#[derive(Debug)]
pub struct Rules {
    rules: Vec<PriorityRule>,
    lookup: Lookup,
}

static BUILTIN: LazyLock<Rules> = LazyLock::new(|| {
    let rules: Vec<PriorityRule> = serde_json::from_str(include_str!("default.json"))
        .expect("the embedded rules are read by a test");
    Rules::new(&rules)
});

impl Rules {
    /// Compiles. Rules that [`schemas::priority::check`] refuses do no harm: their words count up to its bounds.
    #[must_use]
    pub fn new(rules: &[PriorityRule]) -> Self {
        let rules = rules
            .get(..schemas::priority::MAX_RULES)
            .unwrap_or(rules)
            .to_vec();
        let lookup = Lookup::new(rules.iter().map(|rule| &*rule.when.words));
        Self { rules, lookup }
    }

    /// The rules that come with tidings.
    #[must_use]
    pub fn builtin() -> &'static Self {
        &BUILTIN
    }

    /// As they were written.
    #[must_use]
    pub fn written(&self) -> &[PriorityRule] {
        &self.rules
    }

    /// The priority, and the name of the rule that had the last word; none when no rule changed anything.
    #[must_use]
    pub fn decide(&self, facts: &Facts<'_>) -> (Priority, Option<&str>) {
        let (priority, rule) = self.run(facts);
        let rule = rule.and_then(|place| self.rules.get(place));
        (priority, rule.map(|rule| &*rule.name))
    }

    fn run(&self, facts: &Facts<'_>) -> (Priority, Option<usize>) {
        if facts.given != Priority::Normal {
            return (facts.given, None);
        }
        let said = self.lookup.said(facts.text, facts.subject);
        let (mut priority, mut decided) = (Priority::Normal, None);
        for (place, rule) in self.rules.iter().enumerate() {
            let words = rule.when.words.is_empty() || said.get(place).is_some_and(|said| *said);
            if !words || !holds(&rule.when, facts) {
                continue;
            }
            let changed = match rule.then {
                PriorityChange::Set(to) => return (to, Some(place)),
                PriorityChange::AtLeast(lowest) => priority.max(lowest),
                PriorityChange::Raise => raised(priority),
                PriorityChange::Lower => lowered(priority),
            };
            if changed != priority {
                (priority, decided) = (changed, Some(place));
            }
        }
        (priority, decided)
    }
}

/// Decides by rules that are compiled for this one message: for a try, not for a stream.
#[must_use]
pub fn decide<'r>(rules: &'r [PriorityRule], facts: &Facts<'_>) -> (Priority, Option<&'r str>) {
    let (priority, rule) = Rules::new(rules).run(facts);
    let rule = rule.and_then(|place| rules.get(place));
    (priority, rule.map(|rule| &*rule.name))
}

fn raised(priority: Priority) -> Priority {
    match priority {
        Priority::Low => Priority::Normal,
        Priority::Normal => Priority::High,
        Priority::High | Priority::Urgent => Priority::Urgent,
    }
}

fn lowered(priority: Priority) -> Priority {
    match priority {
        Priority::Low | Priority::Normal => Priority::Low,
        Priority::High => Priority::Normal,
        Priority::Urgent => Priority::High,
    }
}

/// Whether everything but the words holds. A condition about what is not known does not hold.
fn holds(when: &PriorityCondition, facts: &Facts<'_>) -> bool {
    let any = |names: &[String], given: Option<&str>| {
        names.is_empty() || given.is_some_and(|given| among(names, given))
    };
    any(&when.intent, facts.intent)
        && any(&when.category, facts.category)
        && any(&when.language, facts.language)
        && (when.message_type.is_empty() || when.message_type.contains(&facts.message_type))
        && (when.emotion.is_empty()
            || facts
                .emotions
                .iter()
                .any(|emotion| among(&when.emotion, emotion)))
        && when
            .sentiment_below
            .is_none_or(|limit| facts.sentiment.is_some_and(|score| score < limit))
        && when.sender.iter().all(|(key, wanted)| {
            facts.sender.get(key).is_some_and(|given| match wanted {
                Value::Array(values) => values.iter().any(|wanted| equal(wanted, given)),
                one => equal(one, given),
            })
        })
}

fn among(names: &[String], given: &str) -> bool {
    names.iter().any(|name| alike(name, given))
}

/// Values are equal whatever the case of a text; what a platform writes as a text may be a number or a truth, too.
fn equal(wanted: &Value, given: &Value) -> bool {
    match (wanted, given) {
        (Value::String(wanted), Value::String(given)) => alike(wanted, given),
        (Value::Number(one), Value::Number(other)) => {
            one == other || one.as_f64() == other.as_f64()
        }
        (Value::Bool(truth), Value::String(text)) | (Value::String(text), Value::Bool(truth)) => {
            text.eq_ignore_ascii_case(if *truth { "true" } else { "false" })
        }
        (wanted, given) => wanted == given,
    }
}

fn alike(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
        || (!other.is_ascii() && one.to_lowercase() == other.to_lowercase())
}

#[cfg(test)]
mod tests;
