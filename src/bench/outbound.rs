//! `tidings bench outbound`: API sends until the sandbox holds them.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use hdrhistogram::Histogram;
use http_body_util::Full;
use hyper::{Request, body::Bytes};
use serde_json::{Value, json};

use super::{
    Options,
    hub::Hub,
    inbound::Probe,
    load::{self, Script},
    report::{Percentiles, Report},
    usage,
};

struct Send {
    host: String,
    bearer: String,
    conversations: Vec<String>,
}

impl Script for Send {
    fn request(&self, n: u64) -> Request<Full<Bytes>> {
        let chosen = usize::try_from(n).unwrap_or(0) % self.conversations.len().max(1);
        let conversation = self.conversations.get(chosen).map_or("", String::as_str);
        let body = format!(
            r#"{{"conversation_id":"{conversation}","content":"Your parcel is on its way, number {n}.","metadata":{{"bench":{n}}}}}"#
        );
        Request::post("/api/v1/messages/send")
            .header("host", &self.host)
            .header("content-type", "application/json")
            .header("authorization", &self.bearer)
            .header("idempotency-key", format!("bench:{n}"))
            .body(Full::new(Bytes::from(body)))
            .expect("a fixed path and checked headers make a request")
    }
}

pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    let hub = options.hub(None).await?;
    let report = measure(options, &hub).await;
    options.done(hub).await?;
    report?.print(options.json)
}

/// How long the last sends may take after the load has ended.
const DRAIN: Duration = Duration::from_secs(300);

async fn measure(options: &Options, hub: &Hub) -> anyhow::Result<Report> {
    let channel = hub
        .channel(
            "sandbox",
            "bench",
            json!({"config": {"settings": {"rate_limit": 1_000_000}}}),
        )
        .await?;
    let mut conversations = Vec::new();
    for n in 0..options.conversations.clamp(1, 200) {
        let made = hub
            .post(
                "/api/v1/conversations",
                &json!({"channel_id": channel, "participant_id": format!("user-{n}"), "participant_name": "Ada"}),
            )
            .await?;
        let id = made
            .get("id")
            .and_then(Value::as_str)
            .context("the conversation has no id")?;
        conversations.push(id.to_owned());
    }
    let probe = Probe::connect(hub).await?;
    let script = Arc::new(Send {
        host: hub.address().to_owned(),
        bearer: format!("Bearer {}", hub.ready.key),
        conversations,
    });
    let before = usage::of_tree(hub.ready.pid);
    let started = Instant::now();
    let sent = load::drive(
        hub.address(),
        script,
        options.pace(),
        options.connections,
        options.seconds,
    )
    .await?;
    let drain = Instant::now();
    while store::probe::sandbox_count(probe.store(), probe.tenant, channel).await? < sent.accepted {
        if drain.elapsed() > DRAIN {
            bail!("the sandbox did not get every message within {DRAIN:?}");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let seconds = started.elapsed().as_secs_f64();
    let used = usage::between(&before, &usage::of_tree(hub.ready.pid));
    let mut visible = Histogram::<u64>::new_with_bounds(1, 600_000_000, 3)?;
    for (n, captured_us) in
        store::probe::sandbox_times(probe.store(), probe.tenant, channel).await?
    {
        if let Some(due) = sent.due.get(usize::try_from(n)?).filter(|due| **due > 0) {
            visible.saturating_record(u64::try_from(captured_us - due).unwrap_or(1).max(1));
        }
    }
    let mut report = Report::of(
        "outbound",
        sent.accepted,
        sent.refused,
        seconds,
        &used,
        usage::peak_mb(hub.ready.pid),
    );
    report.accepted_ms = Some(Percentiles::of(&sent.accepted_us));
    report.visible_ms = Some(Percentiles::of(&visible));
    Ok(report)
}
