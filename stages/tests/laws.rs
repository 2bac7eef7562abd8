//! Laws: fused is split, a batch is one by one, a replay is the same.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use proptest::prelude::*;
use schemas::{
    Body, ChannelId, ChannelKind, ChannelSnapshot, ConversationId, Envelope, MessageId, Outcome,
    Raw, Snapshot, TenantId, TenantSnapshot, Timestamp, keys, subject::stage,
};
use serde_json::{Value, json};
use stages::{Cx, Fused, Stage, build, decision};
use uuid::Uuid;

const TENANT: TenantId = TenantId(Uuid::from_u128(1));
const CHANNEL: ChannelId = ChannelId(Uuid::from_u128(2));

fn envelope(kind: ChannelKind, bytes: Vec<u8>, at: i64) -> Envelope {
    let keys = keys::of(kind, &bytes).unwrap_or(keys::Keys {
        platform_id: "none".into(),
        conversation: "none".into(),
    });
    Envelope {
        tenant: TENANT,
        channel: CHANNEL,
        kind,
        message: MessageId::inbound(CHANNEL, &keys.platform_id),
        conversation: ConversationId::of(CHANNEL, &keys.conversation),
        conversation_key: keys.conversation,
        received_at: Timestamp(at),
        position: 7,
        body: Body::Raw(Raw {
            content_type: "application/octet-stream".into(),
            bytes: Bytes::from(bytes),
        }),
        context: schemas::Context::default(),
        replies: Vec::new(),
        events: Vec::new(),
        trace: Vec::new(),
    }
}

fn cx() -> Cx {
    let rules = json!([
        {"name": "greet", "priority": 9, "when": {"keywords": ["hello", "bonjour", "привет"]},
         "then": [{"tag": "greeting"}, {"reply": "Hi {{ sender.first_name or 'there' }} ({{ language }})"}]},
        {"name": "fails", "priority": 8, "when": {"regex": "[0-9]{2,}"}, "then": [{"reply": "{{ no_such_word }}"}]},
        {"name": "french", "priority": 7, "when": {"language": ["fr"]}, "then": [{"assign": "amelie"}, {"priority": "high"}]},
        {"name": "spam", "priority": 6, "when": {"keywords": ["casino"]}, "then": ["drop"]},
        {"name": "night", "when": {"hours": {"from": "20:00", "to": "06:00"}}, "then": [{"tag": "night"}], "stop": true},
        {"name": "rest", "priority": -1, "then": [{"tag": "rest"}]},
    ]);
    let channel = ChannelSnapshot {
        kind: ChannelKind::Telegram,
        name: "front desk".into(),
        auto_response_enabled: true,
        rules: serde_json::from_value(rules).unwrap(),
    };
    let tenant = TenantSnapshot {
        understanding: Default::default(),
        channels: HashMap::from([(CHANNEL, channel)]),
        templates: HashMap::new(),
    };
    Cx {
        snapshot: Arc::new(Snapshot {
            tenants: HashMap::from([(TENANT, Arc::new(tenant))]),
        }),
        models: Default::default(),
    }
}

/// Words in several scripts, what rules look for, and any text at all.
fn text() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        4 => prop::sample::select(vec![
            "hello", "where", "is", "my", "order", "bonjour", "je", "voudrais", "savoir", "où", "est",
            "привет", "где", "мой", "заказ", "casino", "42", "12345", "/start", "e\u{301}", "👍🏽", "\u{0}",
            "> quoted", "On 1 Jan 2025 Ann <a@b.c> wrote:", "<b>bold</b>", "\r\n",
        ]).prop_map(str::to_owned),
        1 => any::<String>(),
    ];
    proptest::collection::vec(word, 0..14).prop_map(|words| words.join(" "))
}

fn metadata() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(any::<String>(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn input() -> impl Strategy<Value = (ChannelKind, Vec<u8>)> {
    let telegram =
        (text(), text(), 0usize..6, any::<bool>()).prop_map(|(text, name, form, bot)| {
            let mut message = json!({
                "message_id": 5, "date": 1_736_332_200, "edit_date": 1_736_332_300,
                "chat": {"id": -100, "type": "supergroup", "title": name},
                "from": {"id": 9, "is_bot": bot, "first_name": name, "username": "ann"},
            });
            let field = ["text", "caption", "new_chat_title", "text", "text", "text"][form];
            message[field] = text.into();
            if form == 1 {
                message["photo"] = json!([{"file_id": "f", "width": 90, "height": 90}]);
            }
            let kind = [
                "message",
                "message",
                "message",
                "edited_message",
                "channel_post",
                "poll",
            ][form];
            (
                ChannelKind::Telegram,
                json!({"update_id": 1, kind: message}),
            )
        });
    let generic = (
        text(),
        proptest::option::of(text()),
        metadata(),
        any::<bool>(),
    )
        .prop_map(|(text, html, metadata, sandbox)| {
            let message = json!({
                "id": "1", "sender": {"id": "ann", "name": "Ann"}, "text": text, "html": html,
                "metadata": {"given": metadata},
            });
            let kind = if sandbox {
                ChannelKind::Sandbox
            } else {
                ChannelKind::Generic
            };
            (kind, message)
        });
    let json = prop_oneof![telegram, generic]
        .prop_map(|(kind, value)| (kind, serde_json::to_vec(&value).unwrap()));
    let mail = (text(), text(), any::<bool>()).prop_map(|(subject, body, html)| {
        let subject: String = subject.chars().filter(|c| !c.is_control()).collect();
        let html = if html { "text/html" } else { "text/plain" };
        let mail = format!(
            "From: Ann <ann@Example.ORG>\r\nTo: desk@example.net\r\nSubject: Re: {subject}\r\n\
             Message-ID: <2@example.org>\r\nIn-Reply-To: <1@example.net>\r\n\
             Content-Type: {html}; charset=utf-8\r\n\r\n{body}"
        );
        (ChannelKind::Email, mail.into_bytes())
    });
    let anything = (0usize..4, proptest::collection::vec(any::<u8>(), 0..80))
        .prop_map(|(kind, bytes)| (ChannelKind::ALL[kind], bytes));
    prop_oneof![6 => json, 3 => mail, 1 => anything]
}

/// The stages in groups; between two groups the envelope travels as bytes.
fn run_split(cx: &Cx, groups: &[Fused], envelope: Envelope) -> Outcome {
    let mut envelope = envelope;
    for group in groups {
        match group.apply(cx, Envelope::decode(&envelope.encode()).unwrap()) {
            Outcome::Next(next) => envelope = *next,
            end => return end,
        }
    }
    Outcome::Next(Box::new(envelope))
}

fn bytes_of(outcome: &Outcome) -> Vec<u8> {
    rmp_serde::to_vec_named(outcome).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn fused_is_split_and_a_replay_is_the_same(
        (kind, bytes) in input(),
        at in 1_700_000_000_000_000_i64..1_800_000_000_000_000,
        cuts in 0u8..8,
    ) {
        let cx = cx();
        let envelope = envelope(kind, bytes, at);
        let fused = build(&stage::ALL).unwrap();
        let expected = bytes_of(&fused.apply(&cx, envelope.clone()));

        let mut groups = vec![vec![stage::ALL[0]]];
        for (place, name) in stage::ALL.into_iter().enumerate().skip(1) {
            if cuts & (1 << (place - 1)) == 0 {
                groups.last_mut().unwrap().push(name);
            } else {
                groups.push(vec![name]);
            }
        }
        let groups: Vec<Fused> = groups.iter().map(|names| build(names).unwrap()).collect();
        prop_assert_eq!(&bytes_of(&run_split(&cx, &groups, envelope.clone())), &expected);

        // The same worker again, and another one.
        prop_assert_eq!(&bytes_of(&fused.apply(&cx, envelope.clone())), &expected);
        let other = build(&stage::ALL).unwrap().apply(&cx, envelope);
        prop_assert_eq!(&bytes_of(&other), &expected);
        if let Outcome::Next(envelope) = other {
            // What is passed on survives the wire.
            prop_assert_eq!(Envelope::decode(&envelope.encode()).unwrap(), *envelope.clone());
            prop_assert!(decision("fused", &envelope).chars().count() <= 160);
        }
    }

    #[test]
    fn a_batch_is_one_by_one(inputs in proptest::collection::vec(input(), 0..6)) {
        let cx = cx();
        let fused = build(&stage::ALL).unwrap();
        let envelopes: Vec<Envelope> = inputs
            .into_iter()
            .map(|(kind, bytes)| envelope(kind, bytes, 1_736_332_200_000_000))
            .collect();
        let together: Vec<_> = fused.apply_all(&cx, envelopes.clone()).iter().map(bytes_of).collect();
        let alone: Vec<_> = envelopes
            .into_iter()
            .map(|envelope| bytes_of(&fused.apply(&cx, envelope)))
            .collect();
        prop_assert_eq!(together, alone);
    }
}

#[test]
fn stages_are_known_by_name() {
    assert_eq!(build(&stage::ALL).unwrap().0.len(), 4);
    let error = build(&["normalize", "guess"]).err().unwrap();
    assert_eq!(error.0, "guess");
}
