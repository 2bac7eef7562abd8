//! From answers to the fields of a message.

use schemas::{Intent, Message, Priority, Sentiment, Task};

use super::{
    answer::{Answer, Question},
    tenant::Tenant,
};
use crate::{
    entity, intent,
    intent::{OUT_OF_SCOPE, Queue},
    model,
    priority::Facts,
    topic,
};

/// Where a message says which rule decided its priority.
const PRIORITY_RULE: &str = "priority_rule";

/// What was understood of one message.
pub(super) struct Understood {
    intent: Option<Intent>,
    sentiment: Option<Sentiment>,
    topics: Vec<String>,
    category: Option<String>,
    priority: Option<Priority>,
}

impl Understood {
    pub(super) fn of(
        question: &Question<'_>,
        intent: Option<Answer<'_>>,
        (sentiment, emotion): (Option<Answer<'_>>, Option<Answer<'_>>),
        topic: Option<Answer<'_>>,
        priority: Option<Answer<'_>>,
    ) -> Self {
        let document = &question.document;
        let topics = if question.tenant.is_off(Task::Topic) {
            Vec::new()
        } else {
            topic::phrases(document.text, document.language, topic::MAX_PHRASES)
        };
        let intent = intent.and_then(|answer| wish(&answer, question));
        let category = topic
            .as_ref()
            .and_then(|answer| answer.holding().first().map(|label| (*label).to_owned()))
            .or_else(|| intent.as_ref()?.category.clone());
        Self {
            sentiment: mood(
                sentiment.as_ref(),
                emotion.as_ref(),
                has_several_words(document.text),
            ),
            priority: priority.as_ref().and_then(urgency),
            intent,
            topics,
            category,
        }
    }

    /// Writes it down. The priority that a model gives is not the last word, and returned.
    pub(super) fn fill(self, message: &mut Message) -> Option<Priority> {
        message.intent = self.intent;
        message.sentiment = self.sentiment;
        message.topics = self.topics;
        message.category = self.category;
        self.priority
    }
}

/// The message's priority: what a model of the tenant said, or what the rules say. One that came with it is kept.
pub(super) fn priority(message: &mut Message, tenant: &Tenant, guess: Option<Priority>) {
    if tenant.is_off(Task::Priority) || message.priority != Priority::Normal {
        return;
    }
    if let Some(guess) = guess {
        message.priority = guess;
        return;
    }
    let (priority, rule) = tenant.priority().decide(&Facts::of(message));
    let rule = rule.map(str::to_owned);
    message.priority = priority;
    if let Some(rule) = rule {
        message
            .metadata
            .insert(PRIORITY_RULE.to_owned(), rule.into());
    }
}

/// What the sender wants, and what the text names.
fn wish(answer: &Answer<'_>, question: &Question<'_>) -> Option<Intent> {
    let (label, probability, holds) = answer.best()?;
    // What fits no label well is out of scope, and as surely as its best label is unlikely. A number by itself, as an answer
    // to "which order?", says what it is in an entity and wants nothing.
    let (name, confidence) = if is_number(question.document.text) {
        (OUT_OF_SCOPE, 1.0)
    } else if holds {
        (label, probability)
    } else if model::OUT_OF_SCOPE.contains(&label) {
        (OUT_OF_SCOPE, probability)
    } else {
        (OUT_OF_SCOPE, 1.0 - probability)
    };
    let known = intent::get(name);
    let queue = known.map(|known| known.queue);
    let settings = entity::Settings {
        region: question.tenant.region.as_deref(),
        patterns: &question.tenant.patterns,
        at: question.message.created_at,
        offset_minutes: 0,
        language: question.document.language,
    };
    Some(Intent {
        name: name.to_owned(),
        confidence,
        category: known.map(|known| known.category.as_str().to_owned()),
        queue: queue
            .filter(|queue| *queue != Queue::None)
            .map(|queue| queue.as_str().to_owned()),
        entities: entity::find(question.document.text, &settings),
        model: answer.model.id().to_owned(),
    })
}

/// Whether a text is digits, with or without signs and letters beside them, and has no word.
fn is_number(text: &str) -> bool {
    let is_word = |token: &str| token.chars().filter(|c| c.is_alphabetic()).count() > 2;
    let has_digit = |token: &str| token.contains(|c: char| c.is_ascii_digit());
    text.contains(|c: char| c.is_ascii_digit())
        && text
            .split_whitespace()
            .all(|token| has_digit(token) || !is_word(token))
        && !text.contains(|c: char| !c.is_ascii())
}

/// Two words, or a run of a script that needs no spaces.
fn has_several_words(text: &str) -> bool {
    text.split_whitespace().nth(1).is_some()
        || text.chars().filter(|c| *c >= '\u{e00}').nth(3).is_some()
}

/// The mood: its score by one model, its emotions by another.
fn mood(
    sentiment: Option<&Answer<'_>>,
    emotion: Option<&Answer<'_>>,
    several_words: bool,
) -> Option<Sentiment> {
    // One word is too little for an emotion: "no" is no anger.
    let labels = emotion
        .filter(|_| several_words)
        .map(Answer::holding)
        .unwrap_or_default();
    let labels = labels.into_iter().filter(|label| *label != "neutral");
    let models: Vec<&str> = [sentiment, emotion]
        .into_iter()
        .flatten()
        .map(|answer| answer.model.id())
        .collect();
    let best = sentiment.and_then(Answer::best);
    (!models.is_empty()).then(|| Sentiment {
        score: sentiment.map_or(0.0, |answer| answer.of("positive") - answer.of("negative")),
        confidence: best.map_or(0.0, |(_, probability, _)| probability),
        labels: labels.map(str::to_owned).collect(),
        model: models.join("+"),
    })
}

/// The priority that a model's label names.
fn urgency(answer: &Answer<'_>) -> Option<Priority> {
    let (label, _, holds) = answer.best()?;
    holds.then(|| label.parse().ok()).flatten()
}
