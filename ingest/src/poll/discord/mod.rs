//! Discord's gateway, listened to (<https://docs.discord.com/developers/events/gateway>): what people write in channels and to
//! the bot, which Discord sends to no address.
//!
//! One connection a channel, JSON, not compressed. `session.rs` reads it and leaves notes; `intake.rs` has the broker store what
//! they tell, and then writes down how far that was: the session and its number. A connection that ends is resumed from there, so
//! Discord tells again what the broker does not have. Of a session that cannot be resumed, `missed.rs` fetches what was written
//! meanwhile.
//!
//! Invariants: a bot's words never come back as a person's; a new session is begun at most every five seconds, and none when
//! Discord's limit of the day is reached; queues, frames and waits are bounded.
//!
//! Deliberately absent: several connections for one bot (shards), which Discord wants from 2,500 guilds on; events that
//! are nobody's words.

mod api;
mod close;
mod intake;
mod intent;
mod missed;
mod payload;
mod place;
mod session;
mod socket;
#[cfg(test)]
mod tests;

use std::{
    sync::{Mutex, PoisonError, atomic::AtomicU64},
    time::Duration,
};

use async_trait::async_trait;
use schemas::Secret;
use serde_json::Value;
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use self::{
    api::Api,
    intake::{Intake, Keeper},
    missed::Missed,
    place::Place,
    session::Session,
    socket::Socket,
};
use super::{PollError, Poller, Port, digest};

/// Discord's limit of new sessions
/// (<https://docs.discord.com/developers/events/gateway#rate-limiting>).
const IDENTIFY_EVERY: Duration = Duration::from_secs(5);
/// Notes that wait for the broker.
const NOTES: usize = 128;

/// Listens to a bot's gateway.
#[derive(Default)]
pub(super) struct Discord {
    /// When a session may begin again.
    next: Mutex<Option<Instant>>,
}

/// What a channel says of its bot.
struct Account {
    token: Secret,
    api_base: Option<String>,
    gateway_url: Option<String>,
    intents: u32,
    ephemeral: bool,
    allow_private: bool,
    max_bytes: usize,
}

#[async_trait]
impl Poller for Discord {
    async fn run(&self, port: &Port) -> Result<(), PollError> {
        let account = Account::of(
            &port.credentials,
            &port.settings,
            port.allow_private,
            port.max_bytes,
        )?;
        self.listen(&account, port).await
    }
}

/// Asks Discord whether the bot may listen, as a channel test does.
pub(super) async fn check(
    credentials: &Value,
    settings: &Value,
    allow_private: bool,
) -> Result<(), PollError> {
    let account = Account::of(credentials, settings, allow_private, 0)?;
    let api = account.api()?;
    let gateway = api.gateway().await?;
    account.address(&gateway.url)?;
    let application: Application = api.get("applications/@me").await?;
    if account.intents & intent::MESSAGE_CONTENT != 0
        && application.flags.unwrap_or(0) & MAY_READ == 0
    {
        return Err(PollError::broken(close::NOT_ENABLED));
    }
    Ok(())
}

/// <https://docs.discord.com/developers/resources/application#application-object-application-flags>
#[derive(serde::Deserialize)]
struct Application {
    #[serde(default)]
    flags: Option<u64>,
}

/// `GATEWAY_MESSAGE_CONTENT` and `GATEWAY_MESSAGE_CONTENT_LIMITED`.
const MAY_READ: u64 = 1 << 18 | 1 << 19;

impl Account {
    fn of(
        credentials: &Value,
        settings: &Value,
        allow_private: bool,
        max_bytes: usize,
    ) -> Result<Self, PollError> {
        let text = |from: &Value, name: &str| {
            let text = from.get(name).and_then(Value::as_str);
            text.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let token = text(credentials, "bot_token")
            .ok_or_else(|| PollError::broken("the credential `bot_token` is missing"))?;
        Ok(Self {
            token: Secret::new(token),
            api_base: text(settings, "api_base"),
            gateway_url: text(settings, "gateway_url"),
            intents: intent::of(settings.get("intents").unwrap_or(&Value::Null))?,
            ephemeral: settings.get("ephemeral").and_then(Value::as_bool) == Some(true),
            allow_private,
            max_bytes,
        })
    }

    fn api(&self) -> Result<Api, PollError> {
        Api::new(self.api_base.as_deref(), &self.token, self.allow_private)
    }

    /// What a session is bound to.
    fn digest(&self) -> String {
        let gateway = self.gateway_url.as_deref().unwrap_or_default();
        let token = self.token.expose();
        digest(&format!("{token}\n{}\n{gateway}", self.intents))
    }

    /// Where sessions begin, when Discord says `url`.
    fn address(&self, url: &str) -> Result<reqwest::Url, PollError> {
        let url = self.gateway_url.as_deref().unwrap_or(url);
        socket::address(url, self.allow_private)
    }
}

impl Discord {
    /// One connection, from where the last one was left.
    async fn listen(&self, account: &Account, intake: &dyn Intake) -> Result<(), PollError> {
        let api = account.api()?;
        let place = Place::of(&intake.cursor(), account.digest());
        let stop = intake.stop();
        let socket = tokio::select! {
            () = stop.cancelled() => return Err(PollError::Ended),
            socket = self.connect(account, &api, &place, stop) => socket?,
        };
        let seq = place.session.as_ref().map_or(0, |session| session.seq);
        let settled = AtomicU64::new(seq);
        let (notes, taken) = mpsc::channel(NOTES);
        let (owe, owed) = watch::channel(None);
        let session = Session::new(account, socket, &place, notes.clone(), &settled);
        let missed = Missed::new(&api, account.max_bytes, notes, owed);
        let keeper = Keeper::new(intake, &api, place, &settled, owe);
        let listening = async {
            tokio::select! {
                ended = session.read(stop) => ended,
                never = missed.fetch() => match never {},
            }
        };
        let mut listening = Box::pin(listening);
        let mut keeping = Box::pin(keeper.keep(taken));
        tokio::select! {
            ended = &mut listening => {
                // With it go the senders: the keeper ends when all is kept.
                drop(listening);
                let kept = keeping.await;
                match ended {
                    Err(error @ PollError::Broken { .. }) => Err(error),
                    ended => kept.and(ended),
                }
            }
            kept = &mut keeping => kept.and(Err(PollError::Ended)),
        }
    }

    /// To where the session was left; if there is none, or nobody is there, to where Discord says now.
    async fn connect(
        &self,
        account: &Account,
        api: &Api,
        place: &Place,
        stop: &CancellationToken,
    ) -> Result<Socket, PollError> {
        let left = place.session.as_ref();
        if let Some(url) = left.and_then(|session| session.url.as_deref())
            && let Ok(url) = socket::address(url, account.allow_private)
        {
            match socket::connect(&url, account.allow_private).await {
                Ok(socket) => return Ok(socket),
                Err(error) => tracing::debug!(%error, "a session is resumed elsewhere"),
            }
        }
        if left.is_none() {
            self.turn(stop).await;
        }
        let gateway = api.gateway().await?;
        let url = account.address(&gateway.url)?;
        socket::connect(&url, account.allow_private).await
    }

    /// Waits until a new session may begin.
    async fn turn(&self, stop: &CancellationToken) {
        let next = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            let turn = next.map_or(now, |next| next.max(now));
            *next = Some(turn + IDENTIFY_EVERY);
            turn
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = sleep_until(next) => {}
        }
    }
}
