//! How long the four stages take for one message: `cargo bench -p stages`.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement needs a clock and says its result"
)]

use std::{collections::HashMap, hint::black_box, sync::Arc, time::Instant};

use bytes::Bytes;
use schemas::{
    Body, ChannelId, ChannelKind, ChannelSnapshot, ConversationId, Envelope, MessageId, Outcome,
    Raw, Snapshot, Task, TenantId, TenantSnapshot, Timestamp, keys, subject::stage,
};
use serde_json::json;
use stages::{
    Cx, Stage, build,
    model::{Models, linear::Linear, tdm::write},
};
use uuid::Uuid;

mod random;

const ROUNDS: usize = 400;
const MESSAGES_A_ROUND: usize = 50;

fn main() {
    let (tenant, channel) = (TenantId(Uuid::from_u128(1)), ChannelId(Uuid::from_u128(2)));
    let text = "Hello, I ordered two lamps from your shop last week and one of them arrived with a broken \
                glass. Could you please tell me how I can send it back and when the new one will arrive?";
    let update = json!({
        "update_id": 10_000,
        "message": {
            "message_id": 1365, "date": 1_736_332_200, "text": text,
            "from": {"id": 1_111_111, "is_bot": false, "first_name": "Ann", "last_name": "Example",
                     "username": "ann_example", "language_code": "en", "is_premium": true},
            "chat": {"id": 1_111_111, "first_name": "Ann", "last_name": "Example",
                     "username": "ann_example", "type": "private"},
            "reply_to_message": {"message_id": 1360, "date": 1_736_332_100,
                     "chat": {"id": 1_111_111, "type": "private"}, "text": "Your parcel is on its way."},
            "entities": [{"offset": 0, "length": 5, "type": "bold"}],
        }
    });
    let bytes = Bytes::from(serde_json::to_vec(&update).unwrap());
    let rules = json!([
        {"name": "drop-spam", "priority": 9, "when": {"keywords": ["casino", "lottery", "viagra"]}, "then": ["drop"]},
        {"name": "greeting", "priority": 5, "when": {"keywords": ["hello", "good morning"]}, "then": [{"tag": "greeting"}]},
        {"name": "order", "priority": 4, "when": {"regex": "#[0-9]{6,}"}, "then": [{"priority": "high"}]},
        {"name": "german", "priority": 3, "when": {"language": ["de"]}, "then": [{"assign": "anna"}]},
        {"name": "return", "when": {"keywords": ["send it back"]},
         "then": [{"reply": "Hello {{ sender.first_name }}, you can return anything within 30 days."}]},
    ]);
    let snapshot = TenantSnapshot {
        understanding: Default::default(),
        channels: HashMap::from([(
            channel,
            ChannelSnapshot {
                kind: ChannelKind::Telegram,
                name: "shop".into(),
                auto_response_enabled: true,
                rules: serde_json::from_value(rules).unwrap(),
            },
        )]),
        templates: HashMap::new(),
    };
    let cx = Cx {
        snapshot: Arc::new(Snapshot {
            tenants: HashMap::from([(tenant, Arc::new(snapshot))]),
        }),
        models: Default::default(),
    };
    let mut models = Models::default();
    for (task, labels, bits, dim) in [
        (Task::Intent, 40, 17, Some(64)),
        (Task::Sentiment, 3, 18, None),
        (Task::Emotion, 7, 18, None),
    ] {
        let file = write(&random::draft(task, labels, bits, dim)).unwrap();
        let model = Linear::load(Bytes::from(file)).unwrap();
        models.choose(tenant, task, Arc::new(model));
    }
    let cx = Cx {
        models: Arc::new(models),
        ..cx
    };
    let keys = keys::of(ChannelKind::Telegram, &bytes).unwrap();
    let envelope = Envelope {
        tenant,
        channel,
        kind: ChannelKind::Telegram,
        message: MessageId::inbound(channel, &keys.platform_id),
        conversation: ConversationId::of(channel, &keys.conversation),
        conversation_key: keys.conversation,
        received_at: Timestamp::from_seconds(1_736_332_200),
        position: 0,
        body: Body::Raw(Raw {
            content_type: "application/json".into(),
            bytes: bytes.clone(),
        }),
        context: schemas::Context::default(),
        replies: Vec::new(),
        events: Vec::new(),
        trace: Vec::new(),
    };
    println!(
        "a telegram update of {} bytes with a text of {}, 5 rules, 1 reply; random models for 40 intents, 3 moods, \
         7 emotions",
        bytes.len(),
        text.len()
    );
    for count in [4, 1, 2, 3] {
        let names = &stage::ALL[..count];
        let stages = build(names).unwrap();
        if let Outcome::Next(out) = stages.apply(&cx, envelope.clone()) {
            assert!(names.len() < 4 || out.replies.len() == 1);
        }
        let mut rounds: Vec<f64> = (0..ROUNDS)
            .map(|_| {
                let inputs = vec![envelope.clone(); MESSAGES_A_ROUND];
                let begin = Instant::now();
                for input in inputs {
                    black_box(stages.apply(&cx, black_box(input)));
                }
                begin.elapsed().as_secs_f64() * 1e6 / MESSAGES_A_ROUND as f64
            })
            .collect();
        rounds.sort_by(f64::total_cmp);
        println!(
            "{:<40} {:6.2} µs/message (median)",
            names.join("+"),
            rounds[ROUNDS / 2]
        );
    }
}
