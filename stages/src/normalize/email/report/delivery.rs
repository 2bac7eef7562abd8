//! Delivery status notifications (RFC 3464).

use schemas::{
    TrackKind,
    bounce::{self, Class, Said, Verdict},
};
use serde_json::{Map, Value};

use super::{Report, field, ours::Ours};
use crate::text::prefix;

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
    /// The server that writes, when it is not the one that refused.
    pub(super) reporter: Option<String>,
    /// How that server sorts it.
    pub(super) hint: Option<Verdict>,
    /// Not a mail server but a program that it gives mails to said no.
    pub(super) is_program: bool,
    pub(super) verdict: Option<Verdict>,
}

/// The recipients of a `message/delivery-status` body. `text` is what the report says to people.
pub(super) fn recipients(body: &str, text: &str) -> Vec<Fate> {
    let groups = field::groups(body);
    let reporter = groups
        .iter()
        .find_map(|group| group.typed("reporting-mta"))
        .map(str::to_owned);
    groups
        .iter()
        .filter(|group| {
            group.get("final-recipient").is_some()
                || group.get("original-recipient").is_some()
                || group.get("action").is_some()
        })
        .take(MAX_RECIPIENTS)
        .map(|group| {
            let diagnostic = group.typed("diagnostic-code").map(str::to_owned);
            let given = group.get("status").and_then(bounce::status);
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
            let is_program = group
                .get("diagnostic-code")
                .is_some_and(|given| given.to_ascii_lowercase().starts_with("x-unix"));
            let mut fate = Fate {
                is_program,
                reporter: reporter.clone(),
                hint: group
                    .get("x-powermta-bouncecategory")
                    .and_then(Verdict::of_category),
                original_recipient: group
                    .address("original-recipient")
                    .filter(|original| recipient.as_ref() != Some(original)),
                recipient,
                action,
                reply: bounce::reply(said),
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
        let spoken = bounce::status_within(&said);
        let precise = |status: &String| !bounce::is_vague(status);
        self.status = spoken
            .clone()
            .filter(precise)
            .or_else(|| given.clone().filter(precise))
            .or_else(|| {
                // The people's part may be more precise, where the report has no words of the server.
                let told = said.is_empty() && self.action == "failed";
                told.then(|| bounce::status_within(text)).flatten()
            })
            .or(given)
            .or(spoken);
        if matches!(self.action.as_str(), "failed" | "delayed") {
            self.verdict = Some(bounce::judge(&Said {
                status: self.status.as_deref(),
                reply: self.reply,
                words: &said,
                text,
                step: None,
                recipient: self.recipient.as_deref(),
                host: self.remote_mta.as_deref().or(self.reporter.as_deref()),
                hint: self.hint,
                is_program: self.is_program,
                is_final: self.action == "failed",
            }));
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
        let status = self.status.as_deref();
        match &self.verdict {
            Some(verdict) => verdict.detail(status),
            None => status.unwrap_or_default().to_owned(),
        }
    }

    fn is_hard(&self) -> bool {
        self.verdict
            .as_ref()
            .is_some_and(|verdict| verdict.class == Class::Hard)
    }
}

/// A report on deliveries.
pub(super) fn report(recipients: Vec<Fate>, ours: &Ours<'_>) -> Report {
    let of = |action: &str| recipients.iter().find(|fate| fate.action == action);
    let ours_of = |action: &str| {
        let of_action = |fate: &&Fate| fate.action == action && ours.concerns(fate);
        recipients.iter().find(of_action)
    };
    let mut news = Vec::new();
    let event = if of("failed").is_some() {
        if let Some(fate) = ours_of("failed") {
            let because = fate.because();
            let gone = fate.is_hard().then(|| ours.gone(fate)).flatten();
            let told = ours.news(TrackKind::Bounced).into_iter().chain(gone);
            news.extend(told.map(|news| news.because(because.clone())));
        }
        "bounced"
    } else if of("delayed").is_some() {
        "delayed"
    } else if of("delivered").is_some() {
        news.extend(ours_of("delivered").and_then(|_| ours.news(TrackKind::Delivered)));
        "delivered"
    } else if of("relayed").is_some() {
        "relayed"
    } else if of("expanded").is_some() {
        "expanded"
    } else {
        "report"
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
        news,
        is_for_us_alone: false,
    }
}
