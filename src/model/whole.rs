//! Everything that is found out about a message, for a text that is none.

use std::{fmt::Write, sync::Arc};

use anyhow::{Context, bail};
use learn::dataset::language;
use schemas::{
    Body, ChannelId, ChannelKind, Content, ConversationId, Direction, Envelope, Intent, Language,
    Message, MessageId, MessageType, Outcome, Party, Priority, Routing, Sentiment, Snapshot,
    TenantId, TenantSnapshot, Timestamp, Understanding, subject::stage,
};
use serde::Serialize;
use stages::{Cx, Fused, Stage, build};
use uuid::Uuid;

/// The stages, for a tenant whose settings are all as they come.
pub(crate) struct Whole {
    stages: Fused,
    cx: Cx,
    /// Given, so that nobody has to detect it.
    language: Option<Language>,
}

/// What a message would say of itself; named as in a message.
#[derive(Serialize)]
struct Understood<'a> {
    text: &'a str,
    language: Option<&'a Language>,
    sentiment: Option<&'a Sentiment>,
    intent: Option<&'a Intent>,
    topics: &'a [String],
    category: Option<&'a str>,
    priority: Priority,
}

impl Whole {
    pub(crate) fn new(language: Option<&str>, region: Option<&str>) -> anyhow::Result<Self> {
        let language = language.map(given).transpose()?;
        let region = region.map(|code| code.to_ascii_uppercase());
        if let Some(code) = &region
            && !(code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase()))
        {
            bail!("--region {code}: is no ISO 3166-1 code; write one like DE");
        }
        let understanding = Understanding {
            region,
            ..Understanding::default()
        };
        let tenant = TenantSnapshot {
            understanding,
            ..TenantSnapshot::default()
        };
        let snapshot = Snapshot {
            tenants: [(TenantId(Uuid::nil()), Arc::new(tenant))].into(),
        };
        let names: &[&str] = match language {
            Some(_) => &[stage::CLASSIFY],
            None => &[stage::LANGUAGE, stage::CLASSIFY],
        };
        Ok(Self {
            stages: build(names)?,
            cx: Cx {
                snapshot: Arc::new(snapshot),
                ..Cx::default()
            },
            language,
        })
    }

    /// One line.
    pub(super) fn to_json(&self, text: &str) -> anyhow::Result<String> {
        let message = self.understand(text)?;
        let understood = Understood {
            text: &message.content.text,
            language: message.language.as_ref(),
            sentiment: message.sentiment.as_ref(),
            intent: message.intent.as_ref(),
            topics: &message.topics,
            category: message.category.as_deref(),
            priority: message.priority,
        };
        Ok(serde_json::to_string(&understood)?)
    }

    pub(super) fn to_text(&self, text: &str) -> anyhow::Result<String> {
        let message = self.understand(text)?;
        let mut out = String::new();
        if let Some(language) = &message.language {
            let (code, sure, model) = (&language.code, language.confidence, &language.model);
            writeln!(out, "language   {code} {sure:.2} ({model})")?;
        }
        if let Some(sentiment) = &message.sentiment {
            let (score, sure, model) = (sentiment.score, sentiment.confidence, &sentiment.model);
            writeln!(
                out,
                "sentiment  {score:+.2}, confidence {sure:.2} ({model})"
            )?;
            if !sentiment.labels.is_empty() {
                writeln!(out, "emotions   {}", sentiment.labels.join(", "))?;
            }
        }
        if let Some(intent) = &message.intent {
            let (name, sure, model) = (&intent.name, intent.confidence, &intent.model);
            write!(out, "intent     {name} {sure:.2}")?;
            if let Some(queue) = &intent.queue {
                write!(out, ", for {queue}")?;
            }
            writeln!(out, " ({model})")?;
            for entity in &intent.entities {
                write!(out, "entity     {} {}", entity.kind, entity.value)?;
                match &entity.normalized {
                    Some(normalized) if *normalized != entity.value => {
                        writeln!(out, " = {normalized}")?
                    }
                    _ => writeln!(out)?,
                }
            }
        }
        if !message.topics.is_empty() {
            writeln!(out, "topics     {}", message.topics.join(", "))?;
        }
        if let Some(category) = &message.category {
            writeln!(out, "category   {category}")?;
        }
        writeln!(out, "priority   {}", message.priority.name())?;
        Ok(out)
    }

    pub(crate) fn understand(&self, text: &str) -> anyhow::Result<Message> {
        match self.stages.apply(&self.cx, self.envelope(text)) {
            Outcome::Next(envelope) => match envelope.body {
                Body::Message(message) => Ok(*message),
                Body::Raw(_) => bail!("the stages gave no message back"),
            },
            Outcome::Track(_) => bail!("no message"),
            Outcome::Drop(reason) => bail!("dropped: {}", reason.code),
            Outcome::Dead(reason) => bail!("{}: {}", reason.code, reason.detail),
        }
    }

    /// A message from nobody to nobody, now.
    fn envelope(&self, text: &str) -> Envelope {
        let now = Timestamp::now();
        let message = Message {
            id: MessageId(Uuid::nil()),
            conversation_id: ConversationId(Uuid::nil()),
            channel_id: ChannelId(Uuid::nil()),
            message_type: MessageType::Text,
            direction: Direction::Inbound,
            content: Content {
                text: text.to_owned(),
                ..Content::default()
            },
            sender: Party::default(),
            recipient: Party::default(),
            priority: Priority::default(),
            tags: Vec::new(),
            platform_message_id: None,
            platform_conversation_id: String::new(),
            in_reply_to: None,
            subject: None,
            language: self.language.clone(),
            sentiment: None,
            intent: None,
            topics: Vec::new(),
            category: None,
            routing: Routing::default(),
            created_at: now,
            edited_at: None,
            deleted_at: None,
            metadata: serde_json::Map::new(),
        };
        Envelope {
            tenant: TenantId(Uuid::nil()),
            channel: message.channel_id,
            kind: ChannelKind::Sandbox,
            message: message.id,
            conversation: message.conversation_id,
            conversation_key: String::new(),
            received_at: now,
            position: 0,
            body: Body::Message(Box::new(message)),
            context: schemas::Context::default(),
            replies: Vec::new(),
            events: Vec::new(),
            trace: Vec::new(),
        }
    }
}

fn given(code: &str) -> anyhow::Result<Language> {
    let letters = code.bytes().all(|byte| byte.is_ascii_lowercase());
    ((2..=3).contains(&code.len()) && letters)
        .then(|| Language {
            code: language::code(code),
            iso639_3: String::new(),
            confidence: 1.0,
            model: "given".to_owned(),
        })
        .with_context(|| format!("--language {code}: is no ISO 639 code; write one like de"))
}
