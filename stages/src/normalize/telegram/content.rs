//! What a message says that is neither a text nor a file.

use schemas::{Message, MessageType};
use serde_json::{Value, json};

use super::{
    media, press,
    update::{self, Checklist, Poll},
};

/// False when there is nothing of the kind: it is about its chat then.
pub(super) fn fill(message: &mut Message, given: &mut update::Message) -> bool {
    let mut note = |name: &str, value: Value| {
        message.metadata.insert(name.into(), value);
    };
    if let Some(paid) = given.paid_media.take() {
        note("paid_media", json!({"star_count": paid.star_count}));
        message.content.attachments = media::paid(paid.paid_media);
        message.message_type =
            super::super::type_of(&message.content.attachments).unwrap_or(MessageType::Image);
        message.content.text = given.caption.take().unwrap_or_default();
    } else if let Some(dice) = given.dice.take() {
        note("dice", json!({"emoji": dice.emoji, "value": dice.value}));
        message.content.text = dice.emoji;
    } else if let Some(poll) = given.poll.take() {
        note("poll", polled(&poll));
        message.content.text = poll.question;
    } else if let Some(checklist) = given.checklist.take() {
        note("checklist", listed(&checklist));
        let lines: Vec<String> = std::iter::once(checklist.title)
            .chain(checklist.tasks.into_iter().map(|task| task.text))
            .collect();
        message.content.text = lines.join("\n");
    } else if let Some(game) = given.game.take() {
        note(
            "game",
            json!({"title": game.title, "description": game.description}),
        );
        message.content.text = game.title;
    } else if let Some(invoice) = given.invoice.take() {
        let words = |name: &str| invoice.get(name).and_then(Value::as_str);
        let lines = [words("title"), words("description")];
        message.content.text = lines.into_iter().flatten().collect::<Vec<_>>().join("\n");
        message.metadata.insert("invoice".into(), invoice);
    } else if let Some(story) = given.story.take() {
        note("story", story);
    } else if let Some(data) = given.web_app_data.take() {
        press::web_app(message, data);
    } else {
        return false;
    }
    true
}

fn polled(poll: &Poll) -> Value {
    let options: Vec<Value> = poll
        .options
        .iter()
        .map(|option| json!({"text": option.text, "voter_count": option.voter_count}))
        .collect();
    json!({"id": poll.id, "type": poll.kind, "is_closed": poll.is_closed, "options": options})
}

fn listed(checklist: &Checklist) -> Value {
    let tasks: Vec<Value> = checklist
        .tasks
        .iter()
        .map(|task| json!({"text": task.text, "done": task.completion_date.is_some_and(|at| at > 0)}))
        .collect();
    json!({"title": checklist.title, "tasks": tasks})
}
