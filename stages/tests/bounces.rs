//! How bounces are judged, measured on labelled mails: `TIDINGS_BOUNCES=<folder> cargo test -p stages --test bounces -- --nocapture`.
//!
//! The folder has mails and `labels.json`: `[{"file", "recipients": [{"status", "reply", "reason", "hard"}]}]`. No mail is kept
//! here; without the folder nothing is measured and the test says so. `TIDINGS_BOUNCES_SHOW=1` names what was judged otherwise.

#![allow(clippy::unwrap_used)]
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "the table is what the test is run for, and the mails are elsewhere"
)]

use std::{collections::BTreeMap, path::Path};

use schemas::{
    Body, ChannelId, ChannelKind, Context, ConversationId, Envelope, MessageId, Outcome, Raw,
    TenantId, Timestamp, keys,
};
use serde::Deserialize;
use serde_json::Value;
use stages::{Cx, Stage, normalize::Normalize};
use uuid::Uuid;

#[derive(Deserialize)]
struct Labelled {
    file: String,
    recipients: Vec<Label>,
}

#[derive(Deserialize)]
struct Label {
    status: String,
    reason: String,
    hard: bool,
}

/// The class of each recipient that a mail reports on, as the hub's first stage has it, and its reason.
fn judged(bytes: Vec<u8>) -> Vec<(String, String)> {
    let channel = ChannelId(Uuid::from_u128(2));
    let keys = keys::of(ChannelKind::Email, &bytes).unwrap();
    let envelope = Envelope {
        tenant: TenantId(Uuid::from_u128(1)),
        channel,
        kind: ChannelKind::Email,
        message: MessageId::inbound(channel, &keys.platform_id),
        conversation: ConversationId::of(channel, &keys.conversation),
        conversation_key: keys.conversation,
        received_at: Timestamp::from_seconds(1),
        position: 0,
        body: Body::Raw(Raw {
            content_type: "message/rfc822".to_owned(),
            bytes: bytes.into(),
        }),
        context: Context::default(),
        replies: Vec::new(),
        events: Vec::new(),
        trace: Vec::new(),
    };
    let Outcome::Next(envelope) = Normalize.apply(&Cx::default(), envelope) else {
        return Vec::new();
    };
    let Body::Message(message) = envelope.body else {
        return Vec::new();
    };
    let text = |value: &Value, name: &str| value[name].as_str().unwrap_or_default().to_owned();
    let Some(report) = message.metadata.get("report") else {
        let automatic = message.metadata.contains_key("automatic");
        let class = if automatic { "auto-reply" } else { "none" };
        return vec![(class.to_owned(), "automatic".to_owned())];
    };
    match report["recipients"].as_array() {
        Some(all) => all
            .iter()
            .map(|one| {
                let class = text(one, "class");
                let of_action = if class.is_empty() {
                    text(one, "action")
                } else {
                    class
                };
                (
                    of_action,
                    format!(
                        "{} {} | {}",
                        text(one, "reason"),
                        text(one, "status"),
                        text(one, "diagnostic")
                    ),
                )
            })
            .collect(),
        None => vec![(
            message.metadata["event"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
            String::new(),
        )],
    }
}

#[test]
fn hard_bounces_are_told_from_others() {
    let Ok(folder) = std::env::var("TIDINGS_BOUNCES") else {
        println!("TIDINGS_BOUNCES names no folder: nothing was measured");
        return;
    };
    let folder = Path::new(&folder);
    let labels = std::fs::read(folder.join("labels.json")).unwrap();
    let labels: Vec<Labelled> = serde_json::from_slice(&labels).unwrap();
    let shows = std::env::var_os("TIDINGS_BOUNCES_SHOW").is_some();
    let mut table: BTreeMap<(String, String), usize> = BTreeMap::new();
    let (mut right, mut wrong, mut missed) = (0, 0, 0);
    for labelled in labels {
        let said = judged(std::fs::read(folder.join(&labelled.file)).unwrap());
        for (place, label) in labelled.recipients.iter().enumerate() {
            let none = ("none".to_owned(), String::new());
            let (class, reason) = said.get(place).unwrap_or(&none);
            let is_hard = class == "hard";
            match (label.hard, is_hard) {
                (true, true) => right += 1,
                (false, true) => wrong += 1,
                (true, false) => missed += 1,
                (false, false) => {}
            }
            if shows && label.hard != is_hard {
                println!(
                    "{} [{place}]: {} {} is {class} {reason}",
                    labelled.file, label.reason, label.status
                );
            }
            *table
                .entry((label.reason.clone(), class.clone()))
                .or_default() += 1;
        }
    }
    let classes = [
        "hard",
        "soft",
        "block",
        "complained",
        "auto-reply",
        "delivered",
        "none",
    ];
    println!(
        "{:<18}{}",
        "",
        classes.map(|class| format!("{class:>11}")).concat()
    );
    let mut reasons: Vec<&String> = table.keys().map(|(reason, _)| reason).collect();
    reasons.dedup();
    for reason in reasons {
        let counts = classes.map(|class| {
            let count = table.get(&(reason.clone(), class.to_owned())).unwrap_or(&0);
            format!("{count:>11}")
        });
        println!("{reason:<18}{}", counts.concat());
    }
    let precision = f64::from(right) / f64::from((right + wrong).max(1));
    let recall = f64::from(right) / f64::from((right + missed).max(1));
    println!(
        "hard: precision {precision:.4}, recall {recall:.4} ({right} right, {wrong} wrong, {missed} missed)"
    );
    assert!(precision >= 0.97, "precision {precision}");
    assert!(recall >= 0.95, "recall {recall}");
}
