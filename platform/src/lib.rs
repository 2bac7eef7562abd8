//! Platforms to play with: small fakes of the services the hub talks to.
//!
//! Each file is one platform. Its [`Fake::routes`] check every request as strictly as the platform documents it and answer
//! with what it would; [`Fake::say`] and [`Fake::receipt`] make the requests the platform would make, signed. Tests use
//! them in place of the services, and `tidings sandbox` lets a person play one by hand.
//!
//! Deliberately absent: anything a hub does not use.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod desk;
pub mod discord;
mod exchange;
mod form;
pub mod gmail;
mod jwt;
mod line;
mod messagebird;
mod meta;
mod multipart;
mod person;
pub mod play;
pub mod ses;
mod slack;
mod telegram;
mod twilio;
mod viber;
mod vonage;

use axum::Router;
use bytes::Bytes;
use schemas::{ChannelKind, TrackKind};
use serde_json::Value;

pub use desk::{Call, Desk, Trouble};

/// A person on a platform.
#[derive(Clone, Debug)]
pub struct Person {
    /// In the platform's own form.
    pub id: String,
    pub name: String,
}

/// A request the platform makes to the hub.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
}

/// A platform that is played.
pub trait Fake: Send + Sync + 'static {
    fn kind(&self) -> ChannelKind;

    /// Credentials of a channel that fits this fake, and its settings (`api_base` among them) for a fake at `url`.
    fn channel(&self, url: &str) -> (Value, Value);

    /// Its API. Every call is noted at the desk, which may have trouble in store for it.
    fn routes(&self, desk: Desk) -> Router;

    /// The request by which a person's text reaches the hub at `webhook_url`; `n` makes ids and times of its own.
    fn say(&self, webhook_url: &str, person: &Person, text: &str, n: u64) -> Option<Webhook>;

    /// Says it over a connection that a hub holds open, where the platform has such; false when none is open.
    fn tell(&self, _person: &Person, _text: &str) -> bool {
        false
    }

    /// The request by which the platform says what became of a message; none where it never says so.
    fn receipt(
        &self,
        webhook_url: &str,
        person: &Person,
        provider_id: &str,
        kind: TrackKind,
        n: u64,
    ) -> Option<Webhook>;
}

/// Every platform that can be played.
#[must_use]
pub fn all() -> Vec<Box<dyn Fake>> {
    vec![
        Box::new(gmail::Gmail::default()),
        Box::new(discord::Discord::default()),
        Box::new(line::Line),
        Box::new(telegram::Telegram),
        Box::new(viber::Viber),
        Box::new(slack::Slack),
        Box::new(twilio::Twilio),
        Box::new(vonage::Vonage),
        Box::new(messagebird::MessageBird),
        Box::new(meta::whatsapp::WhatsApp),
        Box::new(meta::messenger::Messenger::Messenger),
        Box::new(meta::messenger::Messenger::Instagram),
    ]
}

/// The fake of a kind.
#[must_use]
pub fn of(kind: ChannelKind) -> Option<Box<dyn Fake>> {
    all().into_iter().find(|fake| fake.kind() == kind)
}

/// Largest request that is taken: that of the platform which takes the largest files by its API.
const MAX_BODY_BYTES: usize = 110 * 1024 * 1024;

/// When the thing of this number was said, by the count of seconds that [`play`] numbers by.
fn at(n: u64) -> String {
    schemas::Timestamp::from_seconds(1_790_000_000 + i64::try_from(n).unwrap_or(0)).to_string()
}
