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
            sentiment: mood(sentiment.as_ref(), emotion.as_ref()),
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
    // What fits no label well is out of scope, and as surely as its best label is unlikely.
    let (name, confidence) = if holds {
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

/// The mood: its score by one model, its emotions by another.
fn mood(sentiment: Option<&Answer<'_>>, emotion: Option<&Answer<'_>>) -> Option<Sentiment> {
    let labels = emotion.map(Answer::holding).unwrap_or_default();
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
