//! Replies by the API on the channel a campaign goes out by, until each is at the SMTP server: how long they take alone,
//! and how long beside the campaign.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, bail};
use hdrhistogram::Histogram;
use http_body_util::Full;
use hyper::{Request, body::Bytes};
use schemas::ChannelId;
use serde_json::{Value, json};

use super::{
    hub::Hub,
    load::{self, Pace, Script},
    mail_sink::MailSink,
    report::Percentiles,
};

/// People who are answered, by turns.
const CONVERSATIONS: u32 = 50;
const CONNECTIONS: usize = 16;
/// How long the last of them may take.
const DRAIN: Duration = Duration::from_secs(60);

/// What the subject of a reply begins with; round and number follow.
pub(super) const SUBJECT: &str = "Reply of the bench ";

/// Who is written to.
pub(super) struct Replies {
    address: String,
    bearer: String,
    conversations: Vec<String>,
    rate: u32,
}

struct Round {
    number: u32,
    address: String,
    bearer: String,
    conversations: Vec<String>,
}

impl Script for Round {
    fn request(&self, n: u64) -> Request<Full<Bytes>> {
        let chosen = usize::try_from(n).unwrap_or(0) % self.conversations.len().max(1);
        let conversation = self.conversations.get(chosen).map_or("", String::as_str);
        let body = json!({
            "conversation_id": conversation,
            "subject": format!("{SUBJECT}{} {n}", self.number),
            "content": "Your parcel is on its way.",
        });
        Request::post("/api/v1/messages/send")
            .header("host", &self.address)
            .header("content-type", "application/json")
            .header("authorization", &self.bearer)
            .body(Full::new(Bytes::from(body.to_string())))
            .expect("a fixed path and checked headers make a request")
    }
}

impl Replies {
    /// `rate`: replies a second.
    pub(super) async fn prepare(hub: &Hub, channel: ChannelId, rate: u32) -> anyhow::Result<Self> {
        let mut conversations = Vec::new();
        for n in 0..CONVERSATIONS {
            let person = format!("person-{n}@people.example.org");
            let made = hub
                .post(
                    "/api/v1/conversations",
                    &json!({"channel_id": channel, "participant_id": person}),
                )
                .await?;
            let id = made.get("id").and_then(Value::as_str);
            conversations.push(id.context("the conversation has no id")?.to_owned());
        }
        Ok(Self {
            address: hub.address().to_owned(),
            bearer: format!("Bearer {}", hub.ready.key),
            conversations,
            rate,
        })
    }

    /// Sends for so many seconds; from when each was due to be asked for to when the server had it.
    pub(super) async fn round(
        &self,
        number: u32,
        seconds: u64,
        sink: &MailSink,
    ) -> anyhow::Result<Percentiles> {
        let script = Arc::new(Round {
            number,
            address: self.address.clone(),
            bearer: self.bearer.clone(),
            conversations: self.conversations.clone(),
        });
        let pace = Pace::Rate(self.rate);
        let sent = load::drive(&self.address, script, pace, CONNECTIONS, seconds).await?;
        if sent.refused > 0 {
            bail!("{} replies were refused", sent.refused);
        }
        let drain = tokio::time::Instant::now();
        let came = loop {
            let came = sink.replies(number);
            if came.len() as u64 >= sent.accepted {
                break came;
            }
            if drain.elapsed() > DRAIN {
                bail!("{} of {} replies came", came.len(), sent.accepted);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        let mut took = Histogram::<u64>::new_with_bounds(1, 600_000_000, 3)?;
        for (n, at) in came {
            let due = sent.due.get(usize::try_from(n)?).filter(|due| **due > 0);
            let due = due.context("a reply came that was not sent")?;
            took.saturating_record(u64::try_from(at.0 - due).unwrap_or(1).max(1));
        }
        Ok(Percentiles::of(&took))
    }
}
