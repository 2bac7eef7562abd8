//! Automatic answers.

use minijinja::{Value, context};
use schemas::{
    ChannelKind, Content, Direction, Envelope, Message, MessageId, MessageType, Outbound, Party,
    PartyType, Priority, Routing,
};
use serde_json::Map;

use super::table::Rule;
use crate::{
    normalize::{AUTOMATIC, REPLY_VIA},
    text::prefix,
};

/// Longest text a template can repeat of the message, in bytes.
const MAX_WORD_BYTES: usize = 4096;

/// What a template may say. Every word is always there, empty when unknown, so that only a
/// misspelled one fails.
pub(super) fn words(message: &Message, channel: &str) -> Value {
    let text = |value: Option<&serde_json::Value>| {
        value
            .and_then(|value| value.as_str())
            .unwrap_or_default()
            .to_owned()
    };
    let username = text(message.sender.metadata.get("username"));
    let name = message
        .sender
        .name
        .clone()
        .unwrap_or_else(|| username.clone());
    context! {
        sender => context! {
            id => &message.sender.id,
            first_name => name.split(' ').next().unwrap_or_default(),
            name => &name,
            username => username,
        },
        text => prefix(&message.content.text, MAX_WORD_BYTES),
        subject => message.subject.as_deref().unwrap_or_default(),
        language => message.language.as_ref().map_or("", |language| &*language.code),
        command => text(message.metadata.get("command")),
        args => text(message.metadata.get("args")),
        channel => context! { name => channel },
    }
}

/// The `nth` answer of a rule, counted from one.
pub(super) fn outbound(
    envelope: &Envelope,
    message: &Message,
    rule: &Rule,
    nth: usize,
    channel: &str,
    text: String,
) -> Outbound {
    let id = match nth {
        1 => MessageId::reply(message.id, &rule.name),
        nth => MessageId::reply(message.id, &format!("{}\n{nth}", rule.name)),
    };
    let mut metadata = Map::new();
    metadata.insert(AUTOMATIC.into(), "rule".into());
    metadata.insert("rule".into(), rule.name.clone().into());
    if let Some(via) = message.metadata.get(REPLY_VIA) {
        metadata.insert(REPLY_VIA.into(), via.clone());
    }
    let mut recipient = Party {
        metadata: Map::new(),
        ..message.sender.clone()
    };
    let mut subject = None;
    if matches!(envelope.kind, ChannelKind::Email | ChannelKind::Gmail) {
        if let Some(reply_to) = message
            .metadata
            .get("reply_to")
            .and_then(|to| to.get(0)?.as_str())
        {
            reply_to.clone_into(&mut recipient.id);
        }
        let mut references = match message.metadata.get("references") {
            Some(serde_json::Value::Array(ids)) => ids.clone(),
            // RFC 5322, 3.6.4.
            _ => message
                .in_reply_to
                .clone()
                .map(Into::into)
                .into_iter()
                .collect(),
        };
        references.extend(message.platform_message_id.clone().map(Into::into));
        metadata.insert("references".into(), references.into());
        subject = message.subject.as_deref().map(answering);
    }
    let answer = Message {
        id,
        conversation_id: message.conversation_id,
        channel_id: message.channel_id,
        message_type: MessageType::Text,
        direction: Direction::Outbound,
        content: Content {
            text,
            ..Content::default()
        },
        sender: Party {
            id: message.channel_id.to_string(),
            kind: PartyType::Bot,
            name: Some(channel.to_owned()),
            metadata: Map::new(),
        },
        recipient,
        priority: Priority::Normal,
        tags: Vec::new(),
        platform_message_id: None,
        platform_conversation_id: message.platform_conversation_id.clone(),
        in_reply_to: message.platform_message_id.clone(),
        subject,
        language: None,
        sentiment: None,
        intent: None,
        topics: Vec::new(),
        category: None,
        routing: Routing::default(),
        created_at: envelope.received_at,
        edited_at: None,
        deleted_at: None,
        metadata,
    };
    Outbound {
        tenant: envelope.tenant,
        channel: envelope.channel,
        kind: envelope.kind,
        message: Box::new(answer),
        cause: Some(message.id),
        attempt: 0,
        queued_at: envelope.received_at,
        from: own_address(message),
        mail: None,
    }
}

/// Ours in the conversation, where the platform said one: the number or the page that was written to.
fn own_address(message: &Message) -> Option<String> {
    let ours = &message.recipient;
    let named = matches!(ours.kind, PartyType::Bot | PartyType::System)
        && ours.id != message.channel_id.to_string();
    (named && !ours.id.is_empty()).then(|| ours.id.clone())
}

/// The subject of an answer.
fn answering(subject: &str) -> String {
    let answers = subject
        .get(..3)
        .is_some_and(|start| start.eq_ignore_ascii_case("re:"));
    if answers {
        subject.to_owned()
    } else {
        format!("Re: {subject}")
    }
}
