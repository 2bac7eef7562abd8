//! Delivery status notifications (RFC 3464).

use schemas::TrackKind;
use serde_json::{Map, Value};

use super::{
    Report, field,
    reason::{self, Class},
};
use crate::{normalize::News, text::prefix};

/// Recipients kept of one report.
const MAX_RECIPIENTS: usize = 50;
const MAX_DIAGNOSTIC_BYTES: usize = 500;

/// What became of one recipient.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fate {
    pub(super) recipient: Option<String>,
    pub(super) original_recipient: Option<String>,
    /// `failed`, `delayed`, `delivered`, `relayed` or `expanded`.
    pub(super) action: String,
    /// As RFC 3463 writes it: `5.1.1`.
    pub(super) status: Option<String>,
    /// Of SMTP.
    pub(super) reply: Option<u16>,
    pub(super) diagnostic: Option<String>,
    pub(super) remote_mta: Option<String>,
    pub(super) verdict: Option<reason::Verdict>,
}

/// The recipients of a `message/delivery-status` body. `text` is what the report says to people.
pub(super) fn recipients(body: &str, text: &str) -> Vec<Fate> {
    field::groups(body)
        .iter()
        .filter(|group| {
            group.get("final-recipient").is_some()
                || group.get("original-recipient").is_some()
                || group.get("action").is_some()
        })
        .take(MAX_RECIPIENTS)
        .map(|group| {
            let diagnostic = group.typed("diagnostic-code").map(str::to_owned);
            let given = group.get("status").and_then(reason::status);
            let said = diagnostic.as_deref().unwrap_or_default();
            let action = group.get("action").unwrap_or_default().to_ascii_lowercase();
            let action = action
                .split(|c: char| !c.is_ascii_alphabetic())
                .next()
                .unwrap_or_default()
                .to_owned();
            let recipient = group
                .address("final-recipient")
                .or_else(|| group.address("x-actual-recipient"));
            let action = match (action.as_str(), given.as_deref()) {
                ("", Some(status)) if status.starts_with('2') => "delivered".to_owned(),
                ("", Some(status)) if status.starts_with('4') => "delayed".to_owned(),
                ("", _) => "failed".to_owned(),
                _ => action,
            };
            let mut fate = Fate {
                original_recipient: group
                    .address("original-recipient")
                    .filter(|original| recipient.as_ref() != Some(original)),
                recipient,
                action,
                reply: reason::reply(said),
                remote_mta: group.typed("remote-mta").map(str::to_owned),
                status: None,
                verdict: None,
                diagnostic,
            };
            fate.judge(given, text);
            fate
        })
        .collect()
}

impl Fate {
    /// Fills in the status and what it means. The report's own status is often the reporting server's summary, so one in
    /// the remote server's words is taken before it.
    pub(super) fn judge(&mut self, given: Option<String>, text: &str) {
        let said = self.diagnostic.clone().unwrap_or_default();
        let spoken = reason::status_within(&said);
        let precise = |status: &String| !reason::is_vague(status);
        self.status = spoken
            .clone()
            .filter(precise)
            .or_else(|| given.clone().filter(precise))
            .or_else(|| {
                // The people's part may be more precise, where the report has no words of the server.
                let told = said.is_empty() && self.action == "failed";
                told.then(|| reason::status_within(text)).flatten()
            })
            .or(given)
            .or(spoken);
        if matches!(self.action.as_str(), "failed" | "delayed") {
            self.verdict = Some(reason::judge(
                self.status.as_deref(),
                self.reply,
                &said,
                text,
            ));
        }
    }

    fn said(&self) -> Value {
        let mut said = Map::new();
        let mut add = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                said.insert(name.into(), value);
            }
        };
        let text = |value: &Option<String>| value.clone().map(Value::from);
        add("recipient", text(&self.recipient));
        add("original_recipient", text(&self.original_recipient));
        add("action", Some(self.action.clone().into()));
        add("status", text(&self.status));
        add("reply", self.reply.map(Value::from));
        let diagnostic = self.diagnostic.as_deref();
        add(
            "diagnostic",
            diagnostic.map(|said| prefix(said, MAX_DIAGNOSTIC_BYTES).into()),
        );
        add("remote_mta", text(&self.remote_mta));
        if let Some(verdict) = &self.verdict {
            add("class", Some(verdict.class.name().into()));
            add("reason", Some(verdict.reason.into()));
        }
        said.into()
    }

    /// What may be told of it without content or addresses.
    fn because(&self) -> String {
        let reason = self.verdict.as_ref().map_or("", |verdict| verdict.reason);
        match &self.status {
            Some(status) => format!("{status}: {reason}"),
            None => reason.to_owned(),
        }
    }
}

/// A report on deliveries.
pub(super) fn report(recipients: Vec<Fate>, about: impl Fn(TrackKind) -> Option<News>) -> Report {
    let of = |action: &str| recipients.iter().find(|fate| fate.action == action);
    let (event, news) = if let Some(fate) = of("failed") {
        let news = about(TrackKind::Bounced).map(|news| news.because(fate.because()));
        ("bounced", news)
    } else if of("delayed").is_some() {
        ("delayed", None)
    } else if of("delivered").is_some() {
        ("delivered", about(TrackKind::Delivered))
    } else if of("relayed").is_some() {
        ("relayed", None)
    } else if of("expanded").is_some() {
        ("expanded", None)
    } else {
        ("report", None)
    };
    let mut said = Map::new();
    said.insert("type".into(), "delivery-status".into());
    // The gravest first.
    let class = [Class::Hard, Class::Block, Class::Soft]
        .into_iter()
        .find(|class| {
            recipients.iter().any(|fate| {
                fate.verdict
                    .as_ref()
                    .is_some_and(|verdict| verdict.class == *class)
            })
        });
    if let Some(class) = class {
        said.insert("class".into(), class.name().into());
    }
    if !recipients.is_empty() {
        let all: Vec<Value> = recipients.iter().map(Fate::said).collect();
        said.insert("recipients".into(), all.into());
    }
    Report {
        event,
        said,
        news: news.into_iter().collect(),
    }
}
