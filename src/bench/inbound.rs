//! `tidings bench inbound`: Telegram webhooks in, rows in Postgres out.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use hdrhistogram::Histogram;
use http_body_util::Full;
use hyper::{Request, body::Bytes};
use schemas::{ChannelId, TenantId};
use serde_json::json;
use store::Store;

use super::{
    Options,
    hub::Hub,
    load::{self, Script},
    report::{Percentiles, Report},
    usage,
};

/// Text a support desk sees; with the update around it about 700 bytes.
pub(crate) const TEXT: &str = "Hello, I ordered two pairs of running shoes last Tuesday and the parcel \
has not arrived yet. The tracking page has been showing the same status for three days now. Could you \
please tell me where my order is and when I can expect it? My order number is 10048372. Thank you!";

const SECRET: &str = "bench-secret";

struct Telegram {
    path: String,
    host: String,
    conversations: u64,
}

impl Script for Telegram {
    fn request(&self, n: u64) -> Request<Full<Bytes>> {
        let chat = n % self.conversations + 1;
        let body = format!(
            r#"{{"update_id":{n},"message":{{"message_id":{n},"from":{{"id":{chat},"is_bot":false,"first_name":"Ada","last_name":"Lovelace","username":"ada{chat}","language_code":"en"}},"chat":{{"id":{chat},"first_name":"Ada","last_name":"Lovelace","username":"ada{chat}","type":"private"}},"date":1736332200,"text":"{TEXT}"}}}}"#
        );
        Request::post(&self.path)
            .header("host", &self.host)
            .header("content-type", "application/json")
            .header("x-telegram-bot-api-secret-token", SECRET)
            .body(Full::new(Bytes::from(body)))
            .expect("a fixed path and fixed headers make a request")
    }
}

pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    let hub = options.hub(None).await?;
    let report = measure(options, &hub).await;
    options.done(hub).await?;
    report?.print(options.json)
}

async fn measure(options: &Options, hub: &Hub) -> anyhow::Result<Report> {
    let channel = hub
        .channel(
            "telegram",
            "bench",
            json!({"credentials": {"bot_token": "1:bench", "secret_token": SECRET}}),
        )
        .await?;
    let probe = Probe::connect(hub).await?;
    let script = Arc::new(Telegram {
        path: format!("/api/v1/webhooks/{channel}"),
        host: hub.address().to_owned(),
        conversations: u64::from(options.conversations.max(1)),
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
    probe.wait_for(channel, sent.accepted).await?;
    let seconds = started.elapsed().as_secs_f64();
    let used = usage::between(&before, &usage::of_tree(hub.ready.pid));
    let mut report = Report::of(
        "inbound",
        sent.accepted,
        sent.refused,
        seconds,
        &used,
        usage::peak_mb(hub.ready.pid),
    );
    report.accepted_ms = Some(Percentiles::of(&sent.accepted_us));
    report.visible_ms = Some(probe.visible(channel, &sent.due).await?);
    Ok(report)
}

/// Looks into Postgres for what has become visible.
pub(crate) struct Probe {
    store: Store,
    pub(crate) tenant: TenantId,
}

/// How long a backlog may take to drain after the load has ended.
const DRAIN: Duration = Duration::from_secs(300);

impl Probe {
    pub(crate) async fn connect(hub: &Hub) -> anyhow::Result<Self> {
        let store = Store::connect(&hub.ready.postgres_url, 2, store::Keyring::ephemeral())?;
        let tenant = store::tenant::list(&store)
            .await?
            .first()
            .context("the hub has no tenant")?
            .id;
        Ok(Self { store, tenant })
    }

    /// Waits until `count` messages of a channel are rows.
    pub(crate) async fn wait_for(&self, channel: ChannelId, count: u64) -> anyhow::Result<()> {
        let started = Instant::now();
        loop {
            let rows = store::probe::count(&self.store, self.tenant, channel).await?;
            if rows >= count {
                return Ok(());
            }
            if started.elapsed() > DRAIN {
                bail!("{rows} of {count} messages are visible after {DRAIN:?}");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// From when request n was due to when Postgres committed its row.
    pub(crate) async fn visible(
        &self,
        channel: ChannelId,
        due: &[i64],
    ) -> anyhow::Result<Percentiles> {
        let mut histogram = Histogram::<u64>::new_with_bounds(1, 600_000_000, 3)?;
        for (platform_id, committed_us) in
            store::probe::commit_times(&self.store, self.tenant, channel).await?
        {
            let n: usize = platform_id
                .rsplit(':')
                .next()
                .and_then(|n| n.parse().ok())
                .context("a message the bench did not send")?;
            if let Some(due) = due.get(n).filter(|due| **due > 0) {
                histogram.saturating_record(u64::try_from(committed_us - due).unwrap_or(1).max(1));
            }
        }
        Ok(Percentiles::of(&histogram))
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }
}
