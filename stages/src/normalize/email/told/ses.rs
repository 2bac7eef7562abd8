//! Events of Amazon SES, as SNS brings them: those of event publishing
//! (<https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html>, `eventType`) and classic notifications
//! (<https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html>, `notificationType`).
//!
//! SES gives a mail a `Message-ID` of its own, but repeats ours among the `headers`, which event publishing always has and
//! classic notifications where they are asked for; and the envelope's sender in `source`, which names the message where the
//! channel has a `return_path`. One event may be about several recipients.
//!
//! Deliberately absent: `DeliveryDelay` and `Send`, which are no outcomes, and preferences about single topics.

use schemas::{
    ChannelId, Timestamp, TrackKind,
    bounce::{self, Class, Said, Verdict},
    bounce_token::BounceToken,
    reply_token::may_be_ours,
};
use serde::Deserialize;

use super::{moment, of_token};
use crate::{normalize::News, text::address};

/// Reports of people that are no complaints (RFC 5965 has the names).
const NO_COMPLAINTS: [&str; 2] = ["not-spam", "auth-failure"];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Ses {
    #[serde(alias = "notificationType")]
    event_type: String,
    mail: Mail,
    bounce: Option<Bounce>,
    complaint: Option<Complaint>,
    delivery: Option<Delivery>,
    reject: Option<Reject>,
    open: Option<Seen>,
    click: Option<Seen>,
    subscription: Option<Subscription>,
}

#[derive(Deserialize)]
struct Mail {
    /// The envelope's sender.
    source: Option<String>,
    /// Whom it was written to and copied to.
    #[serde(default)]
    destination: Vec<String>,
    /// As we wrote them.
    #[serde(default)]
    headers: Vec<Header>,
}

#[derive(Deserialize)]
struct Header {
    name: String,
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bounce {
    /// `Permanent`, `Transient` or `Undetermined`.
    #[serde(default)]
    bounce_type: String,
    #[serde(default)]
    bounce_sub_type: String,
    #[serde(default)]
    bounced_recipients: Vec<Recipient>,
    timestamp: Option<String>,
    /// `dns; host`.
    #[serde(rename = "reportingMTA")]
    reporting_mta: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Recipient {
    email_address: String,
    status: Option<String>,
    /// `smtp; 550 5.1.1 …`.
    diagnostic_code: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Complaint {
    #[serde(default)]
    complained_recipients: Vec<Recipient>,
    complaint_feedback_type: Option<String>,
    timestamp: Option<String>,
}

#[derive(Deserialize)]
struct Delivery {
    #[serde(default)]
    recipients: Vec<String>,
    timestamp: Option<String>,
}

#[derive(Deserialize)]
struct Reject {
    reason: Option<String>,
}

#[derive(Deserialize)]
struct Seen {
    timestamp: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Subscription {
    timestamp: Option<String>,
    #[serde(default)]
    new_topic_preferences: Preferences,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Preferences {
    #[serde(default)]
    unsubscribe_all: bool,
}

/// The mail that an event is about.
struct Ours<'a> {
    mail: &'a Mail,
    channel: ChannelId,
    token: Option<BounceToken>,
    /// What the message goes by; none when it is not ours.
    name: Option<String>,
}

impl<'a> Ours<'a> {
    fn of(mail: &'a Mail, channel: ChannelId) -> Self {
        let source = mail.source.as_deref().unwrap_or_default();
        let token =
            BounceToken::in_addresses(source).filter(|token| token.message(channel).is_some());
        let named = mail
            .header("Message-ID")
            .map(|id| id.trim().trim_matches(['<', '>']))
            .filter(|id| may_be_ours(channel, id))
            .map(str::to_owned);
        let by_token = || of_token(token.as_ref()?, channel);
        Self {
            mail,
            channel,
            name: named.or_else(by_token),
            token,
        }
    }

    /// Whether the message was written to this address, and not merely copied there.
    fn is_to(&self, address: &str) -> bool {
        if let Some(token) = &self.token {
            return !token.has_copies() || token.is_to(self.channel, address);
        }
        match self.mail.header("To") {
            Some(to) if to.contains('@') && self.mail.destination.len() > 1 => {
                to.to_lowercase().contains(&address.to_lowercase())
            }
            _ => true,
        }
    }

    fn news(&self, kind: TrackKind, at: Timestamp) -> Option<News> {
        Some(News::receipt(kind, self.name.as_deref()?, at))
    }
}

impl Mail {
    fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|header| header.name.eq_ignore_ascii_case(name))?;
        Some(&found.value)
    }
}

/// The news of an event.
pub(super) fn news(event: &Ses, channel: ChannelId, received: Timestamp) -> Vec<News> {
    use TrackKind as K;
    let ours = Ours::of(&event.mail, channel);
    let at = |written: &Option<String>| moment(written.as_deref(), received);
    let one = |news: Option<News>| news.into_iter().collect();
    match event.event_type.as_str() {
        "Bounce" => event.bounce.as_ref().map_or_else(Vec::new, |bounce| {
            bounced(bounce, &ours, at(&bounce.timestamp))
        }),
        "Complaint" => event.complaint.as_ref().map_or_else(Vec::new, |complaint| {
            complained(complaint, &ours, at(&complaint.timestamp))
        }),
        "Delivery" => one(event
            .delivery
            .as_ref()
            .filter(|delivery| {
                let mut to = delivery.recipients.iter();
                delivery.recipients.is_empty() || to.any(|one| ours.is_to(one))
            })
            .and_then(|delivery| ours.news(K::Delivered, at(&delivery.timestamp)))),
        "Open" => one(seen(event.open.as_ref(), &ours, K::Opened, received)),
        "Click" => one(seen(event.click.as_ref(), &ours, K::Clicked, received)),
        "Reject" => {
            let reason = event.reject.as_ref().and_then(|it| it.reason.as_deref());
            let said = ours.news(K::Failed, received);
            one(said.map(|news| {
                news.because(format!(
                    "rejected by the provider: {}",
                    reason.unwrap_or("?")
                ))
            }))
        }
        "Rendering Failure" => one(ours
            .news(K::Failed, received)
            .map(|news| news.because("not rendered by the provider"))),
        "Subscription" => unsubscribed(event, received),
        _ => Vec::new(),
    }
}

fn seen(
    seen: Option<&Seen>,
    ours: &Ours<'_>,
    kind: TrackKind,
    received: Timestamp,
) -> Option<News> {
    ours.news(kind, moment(seen?.timestamp.as_deref(), received))
}

fn bounced(bounce: &Bounce, ours: &Ours<'_>, at: Timestamp) -> Vec<News> {
    // On the account's own list, which may say anything of anybody: SES did not even try.
    if bounce.bounce_sub_type == "OnAccountSuppressionList" {
        let said = ours.news(TrackKind::Failed, at);
        let because = |news: News| news.because("suppressed by the provider");
        return said.map(because).into_iter().collect();
    }
    let judged: Vec<(&str, Verdict, String)> = bounce
        .bounced_recipients
        .iter()
        .map(|recipient| {
            let (verdict, status) = judge(bounce, recipient);
            let detail = verdict.detail(status.as_deref());
            (recipient.email_address.as_str(), verdict, detail)
        })
        .collect();
    let message = judged
        .iter()
        .find(|(to, ..)| ours.is_to(to))
        .and_then(|(_, _, detail)| Some((ours.news(TrackKind::Bounced, at)?, detail)))
        .map(|(news, detail)| news.because(detail.clone()));
    let gone = judged
        .iter()
        .filter(|(_, verdict, _)| verdict.class == Class::Hard)
        .map(|(to, _, detail)| {
            News::address(TrackKind::Bounced, address(to), at).because(detail.clone())
        });
    message.into_iter().chain(gone).collect()
}

fn judge(bounce: &Bounce, recipient: &Recipient) -> (Verdict, Option<String>) {
    let words = recipient.diagnostic_code.as_deref().map_or("", |code| {
        code.split_once(';').map_or(code, |(_, code)| code).trim()
    });
    let given = recipient.status.as_deref().and_then(bounce::status);
    let status = given.or_else(|| bounce::status_within(words));
    let verdict = bounce::judge(&Said {
        status: status.as_deref(),
        reply: bounce::reply(words),
        words,
        recipient: Some(&recipient.email_address),
        host: bounce
            .reporting_mta
            .as_deref()
            .map(|host| host.rsplit(';').next().unwrap_or(host).trim()),
        hint: hint(bounce),
        // SES's own word for what may go better next time.
        is_final: bounce.bounce_type != "Transient",
        ..Said::default()
    });
    (verdict, status)
}

/// What SES calls it: <https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html#bounce-types>.
fn hint(bounce: &Bounce) -> Option<Verdict> {
    let category = match (bounce.bounce_type.as_str(), bounce.bounce_sub_type.as_str()) {
        // `Suppressed`: it bounced for others lately.
        ("Permanent", "General" | "NoEmail" | "Suppressed") => "bad-mailbox",
        (_, "MailboxFull") => "quota-issues",
        (_, "MessageTooLarge" | "ContentRejected" | "AttachmentRejected") => "content-related",
        ("Transient", "CustomTimeoutExceeded") => "message-expired",
        _ => return None,
    };
    Verdict::of_category(category)
}

/// Some hosts do not say who complained; then all of theirs are listed, and nobody is suppressed for it.
fn complained(complaint: &Complaint, ours: &Ours<'_>, at: Timestamp) -> Vec<News> {
    let kind = complaint.complaint_feedback_type.as_deref();
    if kind.is_some_and(|kind| NO_COMPLAINTS.contains(&kind)) {
        return Vec::new();
    }
    let because = |news: News| match kind {
        Some(kind) => news.because(kind),
        None => news,
    };
    let who = &complaint.complained_recipients;
    let message = who
        .iter()
        .any(|one| ours.is_to(&one.email_address))
        .then(|| ours.news(TrackKind::Complained, at))
        .flatten();
    let alone = match who.as_slice() {
        [one] => Some(News::address(
            TrackKind::Complained,
            address(&one.email_address),
            at,
        )),
        _ => None,
    };
    message.into_iter().chain(alone).map(because).collect()
}

/// Somebody left all topics by SES's own page.
fn unsubscribed(event: &Ses, received: Timestamp) -> Vec<News> {
    let (Some(said), [to]) = (&event.subscription, event.mail.destination.as_slice()) else {
        return Vec::new();
    };
    if !said.new_topic_preferences.unsubscribe_all {
        return Vec::new();
    }
    let at = moment(said.timestamp.as_deref(), received);
    let news = News::address(TrackKind::Unsubscribed, address(to), at);
    vec![news.because("marketing: said to the provider")]
}
