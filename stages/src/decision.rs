//! What a stage decided, in a few words for a message's journey.
//!
//! Invariant: never content, names or addresses of people; at most 160 characters.

use schemas::{Body, Envelope, Message, Priority, subject::stage};

/// Longest decision, in characters.
const MAX_CHARS: usize = 160;

/// What `stage` decided about the message in `envelope`, e.g. `language=de 0.98`. Of a fused run the
/// decisions of all stages, in order.
#[must_use]
pub fn decision(stage: &str, envelope: &Envelope) -> String {
    let Body::Message(message) = &envelope.body else {
        return "raw".to_owned();
    };
    let text = match stage {
        stage::NORMALIZE => normalized(message),
        stage::LANGUAGE => language(message),
        stage::CLASSIFY => classified(message),
        stage::ROUTE => routed(message, envelope),
        _ => [
            normalized(message),
            language(message),
            classified(message),
            routed(message, envelope),
        ]
        .join("; "),
    };
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => text.get(..end).unwrap_or_default().to_owned(),
        None => text,
    }
}

fn normalized(message: &Message) -> String {
    let mut text = format!("type={}", message.message_type.name());
    if message.edited_at.is_some() {
        text.push_str(" edit");
    }
    if !message.content.attachments.is_empty() {
        text.push_str(&format!(
            " attachments={}",
            message.content.attachments.len()
        ));
    }
    text
}

fn language(message: &Message) -> String {
    match &message.language {
        Some(language) => format!("language={} {:.2}", language.code, language.confidence),
        None => "language=none".to_owned(),
    }
}

fn classified(message: &Message) -> String {
    let mut text = match (&message.intent, &message.sentiment) {
        (None, None) => "classify=none".to_owned(),
        (intent, sentiment) => {
            let intent = intent.as_ref().map_or("none", |intent| &*intent.name);
            let score = sentiment.as_ref().map_or(0.0, |sentiment| sentiment.score);
            format!("intent={intent} sentiment={score:.2}")
        }
    };
    if message.priority != Priority::Normal {
        text.push_str(&format!(" priority={}", message.priority.name()));
    }
    text
}

fn routed(message: &Message, envelope: &Envelope) -> String {
    if message.routing.rules.is_empty() {
        return "rules=none".to_owned();
    }
    let mut text = format!("rules={}", message.routing.rules.join(","));
    if !envelope.replies.is_empty() {
        text.push_str(&format!(" replies={}", envelope.replies.len()));
    }
    text
}
