//! `tidings bench inbound`: webhooks in, rows in Postgres out.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use hdrhistogram::Histogram;
use hmac::{Hmac, KeyInit, Mac};
use http_body_util::Full;
use hyper::{Request, body::Bytes};
use schemas::{ChannelId, TenantId};
use serde_json::json;
use sha2::Sha256;
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

/// Which platform's webhooks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    #[default]
    Telegram,
    #[value(name = "whatsapp")]
    WhatsApp,
}

/// How to measure what comes in.
#[derive(Clone, Debug, Args)]
pub(crate) struct InboundOptions {
    #[command(flatten)]
    options: Options,
    /// Whose webhooks.
    #[arg(long, value_enum, default_value_t = Kind::Telegram)]
    kind: Kind,
    /// Messages in one body, where the platform puts several; `--rate` counts bodies.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1000))]
    batch: u64,
}

/// Bodies as a platform posts them, signed as it signs them. Message `i` of body `n` has the number `n * batch + i`.
struct Bodies {
    kind: Kind,
    path: String,
    host: String,
    conversations: u64,
    batch: u64,
}

impl Bodies {
    fn telegram(&self, n: u64) -> String {
        let chat = n % self.conversations + 1;
        format!(
            r#"{{"update_id":{n},"message":{{"message_id":{n},"from":{{"id":{chat},"is_bot":false,"first_name":"Ada","last_name":"Lovelace","username":"ada{chat}","language_code":"en"}},"chat":{{"id":{chat},"first_name":"Ada","last_name":"Lovelace","username":"ada{chat}","type":"private"}},"date":1736332200,"text":"{TEXT}"}}}}"#
        )
    }

    /// One change of one entry: people that write, and what.
    fn whatsapp(&self, n: u64) -> String {
        let numbers = n * self.batch..(n + 1) * self.batch;
        let person = |number: u64| 15_550_000_000 + number % self.conversations;
        let contacts = numbers.clone().map(|number| {
            format!(
                r#"{{"profile":{{"name":"Ada"}},"wa_id":"{}"}}"#,
                person(number)
            )
        });
        let messages = numbers.map(|number| {
            format!(
                r#"{{"from":"{}","id":"wamid.bench:{number}","timestamp":"1788000000","text":{{"body":"{TEXT}"}},"type":"text"}}"#,
                person(number)
            )
        });
        let (contacts, messages) = (
            contacts.collect::<Vec<_>>().join(","),
            messages.collect::<Vec<_>>().join(","),
        );
        format!(
            r#"{{"object":"whatsapp_business_account","entry":[{{"id":"102290129340398","changes":[{{"value":{{"messaging_product":"whatsapp","metadata":{{"display_phone_number":"15550783881","phone_number_id":"106540352242922"}},"contacts":[{contacts}],"messages":[{messages}]}},"field":"messages"}}]}}]}}"#
        )
    }
}

impl Script for Bodies {
    fn request(&self, n: u64) -> Request<Full<Bytes>> {
        let (header, value, body) = match self.kind {
            Kind::Telegram => {
                let body = self.telegram(n);
                ("x-telegram-bot-api-secret-token", SECRET.to_owned(), body)
            }
            Kind::WhatsApp => {
                let body = self.whatsapp(n);
                ("x-hub-signature-256", hub_signature(body.as_bytes()), body)
            }
        };
        Request::post(&self.path)
            .header("host", &self.host)
            .header("content-type", "application/json")
            .header(header, value)
            .body(Full::new(Bytes::from(body)))
            .expect("a fixed path and fixed headers make a request")
    }
}

/// As Meta signs what it posts.
fn hub_signature(body: &[u8]) -> String {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("HMAC takes keys of every length");
    mac.update(body);
    let digest = mac.finalize().into_bytes();
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256={hex}")
}

pub(crate) async fn run(inbound: &InboundOptions) -> anyhow::Result<()> {
    if inbound.kind == Kind::Telegram && inbound.batch > 1 {
        bail!("Telegram posts one update at a time; --batch is for --kind whatsapp");
    }
    let options = &inbound.options;
    let hub = options.hub(None).await?;
    let report = measure(inbound, &hub).await;
    options.done(hub).await?;
    report?.print(options.json)
}

async fn measure(inbound: &InboundOptions, hub: &Hub) -> anyhow::Result<Report> {
    let options = &inbound.options;
    let (kind, credentials) = match inbound.kind {
        Kind::Telegram => (
            "telegram",
            json!({"bot_token": "1:bench", "secret_token": SECRET}),
        ),
        Kind::WhatsApp => (
            "whatsapp",
            json!({"app_secret": SECRET, "verify_token": "bench", "access_token": "bench",
                   "phone_number_id": "106540352242922"}),
        ),
    };
    let channel = hub
        .channel(kind, "bench", json!({"credentials": credentials}))
        .await?;
    let probe = Probe::connect(hub).await?;
    let script = Arc::new(Bodies {
        kind: inbound.kind,
        batch: inbound.batch,
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
    let messages = sent.accepted * inbound.batch;
    probe.wait_for(channel, messages).await?;
    let seconds = started.elapsed().as_secs_f64();
    let used = usage::between(&before, &usage::of_tree(hub.ready.pid));
    let mut report = Report::of(
        "inbound",
        messages,
        sent.refused,
        seconds,
        &used,
        usage::peak_mb(hub.ready.pid),
    );
    report.accepted_ms = Some(Percentiles::of(&sent.accepted_us));
    report.visible_ms = Some(probe.visible(channel, &sent.due, inbound.batch).await?);
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

    /// From when request n was due to when Postgres committed its rows, `batch` of them.
    pub(crate) async fn visible(
        &self,
        channel: ChannelId,
        due: &[i64],
        batch: u64,
    ) -> anyhow::Result<Percentiles> {
        let mut histogram = Histogram::<u64>::new_with_bounds(1, 600_000_000, 3)?;
        for (platform_id, committed_us) in
            store::probe::commit_times(&self.store, self.tenant, channel).await?
        {
            let number: u64 = platform_id
                .rsplit(':')
                .next()
                .and_then(|n| n.parse().ok())
                .context("a message the bench did not send")?;
            if let Some(due) = due
                .get(usize::try_from(number / batch.max(1))?)
                .filter(|due| **due > 0)
            {
                histogram.saturating_record(u64::try_from(committed_us - due).unwrap_or(1).max(1));
            }
        }
        Ok(Percentiles::of(&histogram))
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }
}
