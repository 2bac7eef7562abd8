//! `tidings sandbox`: every platform on this machine, to be played by hand against a hub.
//!
//! Makes, or makes anew, one channel for each in the hub, whose API lies here. Deliberately absent: removing the channels
//! when it ends: what was said in them stays readable.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context, bail};
use clap::Args;
use platform::{
    Fake, Person, Webhook,
    play::{self, Player, Post},
};
use schemas::ChannelKind;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::{bench::hub::Ready, cli::print};

/// Play the platforms by hand: people write to a hub, and you see what it asks of the platforms.
#[derive(Debug, Args)]
pub(crate) struct SandboxOptions {
    /// Address of the hub; with `gateway.public_url` set, that one.
    #[arg(long, value_name = "URL", requires = "key")]
    hub: Option<String>,
    /// A key of the hub that may make channels.
    #[arg(long, requires = "hub", env = "TIDINGS_KEY", hide_env_values = true)]
    key: Option<String>,
    /// The folder of a running `tidings up`, instead of `--hub` and `--key`.
    #[arg(long, default_value = ".tidings", conflicts_with = "hub")]
    dir: PathBuf,
    /// Only these platforms, for example `telegram,whatsapp`.
    #[arg(long, value_name = "KINDS", value_delimiter = ',', value_parser = kind)]
    kind: Vec<ChannelKind>,
    /// Where the platforms listen; anybody who reaches it can play.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8090")]
    listen: SocketAddr,
}

fn kind(name: &str) -> Result<ChannelKind, String> {
    let played: Vec<&str> = platform::all()
        .iter()
        .map(|fake| fake.kind().name())
        .collect();
    let found = platform::all().into_iter().map(|fake| fake.kind());
    let mut found = found.filter(|kind| kind.name() == name);
    found
        .next()
        .ok_or_else(|| format!("one of {}", played.join(", ")))
}

/// Plays until it is interrupted.
pub(crate) async fn run(options: SandboxOptions) -> anyhow::Result<()> {
    let hub = Hub::of(&options).await?;
    let listener = TcpListener::bind(options.listen)
        .await
        .with_context(|| format!("listening on {}", options.listen))?;
    let base = format!("http://{}", listener.local_addr()?);
    let mut players = Vec::new();
    for fake in platform::all() {
        if options.kind.is_empty() || options.kind.contains(&fake.kind()) {
            players.push(hub.player(fake, &base).await?);
        }
    }
    for player in &players {
        let kind = player.fake.kind();
        print(&format!(
            "{:<12} {base}/{kind}   {}\n",
            kind.name(),
            player.webhook_url
        ))?;
    }
    let example = players
        .iter()
        .map(|player| player.fake.kind())
        .find(|kind| *kind == ChannelKind::Telegram)
        .or_else(|| players.first().map(|player| player.fake.kind()))
        .context("no platform is to be played")?;
    let (kind, person) = (example.name(), Person::of(example).id);
    print(&format!(
        "\nA person writes:\n  curl {base}/{kind}/say -H 'content-type: application/json' \
         -d '{{\"person\": \"{person}\", \"text\": \"Where is my parcel?\"}}'\n\
         What the hub asked of the platform:\n  curl {base}/{kind}/calls\n",
    ))?;
    let http = hub.http.clone();
    let post: Post = Arc::new(move |url, webhook| Box::pin(hand_over(http.clone(), url, webhook)));
    tokio::select! {
        ended = play::serve(listener, players, post) => ended.context("playing"),
        interrupted = tokio::signal::ctrl_c() => interrupted.context("waiting for the end"),
    }
}

async fn hand_over(
    http: reqwest::Client,
    url: String,
    webhook: Webhook,
) -> Result<(u16, String), String> {
    let mut request = http.post(url).body(webhook.body);
    for (name, value) in &webhook.headers {
        request = request.header(name, value);
    }
    // The address holds nothing secret, but it is long and known.
    let answer = request
        .send()
        .await
        .map_err(|error| error.without_url().to_string())?;
    let status = answer.status().as_u16();
    let body = answer
        .text()
        .await
        .map_err(|error| error.without_url().to_string())?;
    Ok((status, body))
}

/// The hub that is played with.
struct Hub {
    url: String,
    key: String,
    http: reqwest::Client,
}

impl Hub {
    async fn of(options: &SandboxOptions) -> anyhow::Result<Self> {
        let (url, key) = match (&options.hub, &options.key) {
            (Some(url), Some(key)) => (url.clone(), key.clone()),
            _ => {
                let file = options.dir.join("ready.json");
                let text = tokio::fs::read_to_string(&file).await.with_context(|| {
                    format!(
                        "no running hub at {}; name one by --hub and --key",
                        options.dir.display()
                    )
                })?;
                let ready: Ready = serde_json::from_str(&text).context("reading ready.json")?;
                (ready.url, ready.key)
            }
        };
        Ok(Self {
            url: url.trim_end_matches('/').to_owned(),
            key,
            http: reqwest::Client::builder()
                .timeout(Duration::from_secs(60))
                .build()?,
        })
    }

    /// The channel of a platform: the one an earlier run made, else a new one.
    async fn player(&self, fake: Box<dyn Fake>, base: &str) -> anyhow::Result<Player> {
        let kind = fake.kind();
        let name = format!("{kind} (played)");
        let (credentials, mut settings) = fake.channel(&format!("{base}/{kind}"));
        if let Some(settings) = settings.as_object_mut() {
            settings.insert("allow_private".into(), true.into());
        }
        let config = json!({ "settings": settings });
        let known = self
            .call(self.http.get(self.at(&format!("/channels?type={kind}"))))
            .await?;
        let known = known
            .as_array()
            .and_then(|all| all.iter().find(|one| one["name"] == name.as_str()));
        let channel = match known.and_then(|known| known["id"].as_str()) {
            Some(id) => {
                let change =
                    json!({"credentials": credentials, "config": config, "status": "active"});
                self.call(
                    self.http
                        .patch(self.at(&format!("/channels/{id}")))
                        .json(&change),
                )
                .await?
            }
            None => {
                let new = json!({"type": kind, "name": name, "credentials": credentials, "config": config});
                self.call(self.http.post(self.at("/channels")).json(&new))
                    .await?
            }
        };
        let id = channel["id"]
            .as_str()
            .context("the hub made a channel without an id")?;
        Ok(Player {
            fake,
            webhook_url: self.at(&format!("/webhooks/{id}")),
        })
    }

    fn at(&self, path: &str) -> String {
        format!("{}/api/v1{path}", self.url)
    }

    async fn call(&self, request: reqwest::RequestBuilder) -> anyhow::Result<Value> {
        let answer = request
            .bearer_auth(&self.key)
            .send()
            .await
            .context("asking the hub")?;
        let status = answer.status();
        let text = answer.text().await?;
        if !status.is_success() {
            bail!("the hub answered {status}: {text}");
        }
        Ok(serde_json::from_str(&text)?)
    }
}
