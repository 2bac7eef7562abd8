//! Goldens: realistic updates and mails, and what a stage makes of them.
//!
//! `golden/<stage>/<case>.json` holds a channel, the platform's input and what is expected after that
//! stage (the stages before it run first; `understood` is what they then say of the message instead). `TIDINGS_BLESS=1` writes what is instead of comparing;
//! read the difference before committing it.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::unwrap_used,
    reason = "a test reads its files"
)]

use std::{collections::HashMap, fs, path::Path, sync::Arc};

use bytes::Bytes;
use schemas::{
    Body, ChannelId, ChannelKind, ChannelSnapshot, ConversationId, Envelope, Message, MessageId,
    Outcome, Raw, Snapshot, Template, TemplateId, TenantId, TenantSnapshot, Timestamp,
    Understanding, keys, subject::stage,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use stages::{Cx, Stage, build};
use uuid::Uuid;

const TENANT: TenantId = TenantId(Uuid::from_u128(0x7e));
const CHANNEL: ChannelId = ChannelId(Uuid::from_u128(0xc4));

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Case {
    note: String,
    kind: ChannelKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    received_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Channel::is_default")]
    channel: Channel,
    /// How the tenant wants messages understood.
    #[serde(default, skip_serializing_if = "is_default")]
    understanding: Understanding,
    input: Input,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    understood: Map<String, Value>,
    #[serde(default)]
    expect: Value,
}

/// A JSON update, or the lines of a mail.
#[derive(Deserialize, Serialize)]
#[serde(untagged)]
enum Input {
    Mail(Vec<String>),
    Update(Map<String, Value>),
}

#[derive(Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
struct Channel {
    auto_response_enabled: bool,
    rules: Vec<schemas::rule::Rule>,
    templates: HashMap<TemplateId, String>,
}

impl Channel {
    fn is_default(&self) -> bool {
        !self.auto_response_enabled && self.rules.is_empty() && self.templates.is_empty()
    }
}

fn is_default(understanding: &Understanding) -> bool {
    *understanding == Understanding::default()
}

fn envelope(case: &Case) -> Envelope {
    let bytes = match &case.input {
        Input::Mail(lines) => Bytes::from(lines.join("\r\n")),
        Input::Update(update) => Bytes::from(serde_json::to_vec(update).unwrap()),
    };
    let keys = keys::of(case.kind, &bytes).unwrap_or(keys::Keys {
        platform_id: "none".into(),
        conversation: "none".into(),
    });
    Envelope {
        tenant: TENANT,
        channel: CHANNEL,
        kind: case.kind,
        message: MessageId::inbound(CHANNEL, &keys.platform_id),
        conversation: ConversationId::of(CHANNEL, &keys.conversation),
        conversation_key: keys.conversation,
        received_at: case
            .received_at
            .unwrap_or(Timestamp::from_seconds(1_736_332_200)),
        position: 0,
        body: Body::Raw(Raw {
            content_type: "application/octet-stream".into(),
            bytes,
        }),
        context: schemas::Context::default(),
        replies: Vec::new(),
        events: Vec::new(),
        trace: Vec::new(),
    }
}

fn cx(case: &Case) -> Cx {
    let channel = ChannelSnapshot {
        kind: case.kind,
        name: "Front desk".into(),
        auto_response_enabled: case.channel.auto_response_enabled,
        rules: case.channel.rules.clone(),
    };
    let templates = case.channel.templates.iter().map(|(id, content)| {
        let template = Template {
            name: "stored".into(),
            content: content.clone(),
        };
        (*id, template)
    });
    let tenant = TenantSnapshot {
        understanding: case.understanding.clone(),
        channels: HashMap::from([(CHANNEL, channel)]),
        templates: templates.collect(),
    };
    Cx {
        snapshot: Arc::new(Snapshot {
            tenants: HashMap::from([(TENANT, Arc::new(tenant))]),
        }),
        models: Default::default(),
    }
}

/// The envelope with these fields of its message.
fn understood(mut envelope: Envelope, fields: &Map<String, Value>) -> Envelope {
    let message = envelope.message_mut().unwrap();
    let mut json = serde_json::to_value(&*message).unwrap();
    json.as_object_mut().unwrap().extend(fields.clone());
    *message = serde_json::from_value(json).unwrap();
    envelope
}

/// What of an outcome belongs to the stage.
fn seen(stage: &str, outcome: Outcome) -> Value {
    let envelope = match outcome {
        Outcome::Next(envelope) => envelope,
        Outcome::Track(events) => return json!({"track": events}),
        Outcome::Drop(reason) => return json!({"drop": reason}),
        Outcome::Dead(reason) => return json!({"dead": reason.code}),
    };
    let message = envelope.message().unwrap();
    match stage {
        stage::NORMALIZE => without_ids(message),
        stage::LANGUAGE => json!({"language": message.language.as_ref().map(|language| {
            // As far as it stays when the built-in model is trained anew.
            let sure = language.confidence > 0.5;
            let model = language.model.split('-').next();
            json!({"code": language.code, "iso639_3": language.iso639_3, "sure": sure, "model": model})
        })}),
        stage::CLASSIFY => json!({
            "sentiment": message.sentiment,
            "intent": message.intent,
            "topics": message.topics,
            "category": message.category,
            "priority": message.priority,
            "priority_rule": message.metadata.get("priority_rule"),
        }),
        _ => json!({
            "tags": message.tags,
            "priority": message.priority,
            "routing": message.routing,
            "notes": message.metadata.get("routing_notes"),
            "replies": envelope
                .replies
                .iter()
                .map(|reply| {
                    assert_eq!(reply.cause, Some(message.id));
                    assert_eq!(reply.queued_at, envelope.received_at);
                    without_ids(&reply.message)
                })
                .collect::<Vec<_>>(),
        }),
    }
}

fn without_ids(message: &Message) -> Value {
    let mut json = serde_json::to_value(message).unwrap();
    let fields = json.as_object_mut().unwrap();
    for id in ["id", "conversation_id", "channel_id"] {
        fields.remove(id).unwrap();
    }
    json
}

/// Runs the stages up to this one on the input; says what differs from what is expected.
fn check(stage: &str, input: &Case, expect: &Value) -> Result<(), Value> {
    let last = stage::ALL.iter().position(|name| *name == stage).unwrap();
    let cx = cx(input);
    let is = if input.understood.is_empty() {
        let fused = build(&stage::ALL[..=last]).unwrap();
        fused.apply(&cx, envelope(input))
    } else {
        match build(&stage::ALL[..last])
            .unwrap()
            .apply(&cx, envelope(input))
        {
            Outcome::Next(before) => build(&[stage])
                .unwrap()
                .apply(&cx, understood(*before, &input.understood)),
            end => end,
        }
    };
    let is = seen(stage, is);
    if is == *expect { Ok(()) } else { Err(is) }
}

#[test]
fn goldens() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let bless = std::env::var_os("TIDINGS_BLESS").is_some();
    let (mut cases, mut wrong) = (0, Vec::new());
    for stage in stage::ALL {
        let mut files: Vec<_> = fs::read_dir(root.join(stage))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        assert!(!files.is_empty(), "{stage} has no goldens");
        for file in files {
            let name = format!("{stage}/{}", file.file_stem().unwrap().to_string_lossy());
            let mut case: Case = serde_json::from_slice(&fs::read(&file).unwrap())
                .unwrap_or_else(|error| panic!("{name}: {error}"));
            cases += 1;
            if let Err(is) = check(stage, &case, &case.expect) {
                if bless {
                    case.expect = is;
                    let mut text = serde_json::to_string_pretty(&case).unwrap();
                    text.push('\n');
                    fs::write(&file, text).unwrap();
                } else {
                    let is = serde_json::to_string_pretty(&is).unwrap();
                    wrong.push(format!("{name} ({}) gives\n{is}", case.note));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert!(cases >= 25, "only {cases} goldens were found");
}
