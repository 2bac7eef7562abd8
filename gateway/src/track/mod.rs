//! What the links in campaigns lead to: the pixel (`/t/o`), tracked links (`/t/c`), the page on which one unsubscribes or
//! says what one wants (`/t/p`), and the one that confirms a subscription (`/t/s`). `docs/tracking.md` is their manual.
//!
//! Invariants: a url that the hub's keys did not sign leads nowhere; opens and clicks are answered from memory, and what
//! happened is published behind the answer ([`queue`]); a wish to hear no more is stored by the broker before it is
//! confirmed; `GET` changes nothing but what is known of opens and clicks.
//!
//! Deliberately absent: cookies, scripts, and expiry (a mail may be opened years later).

mod answer;
mod choice;
mod confirm;
mod html;
mod link;
mod preference;
mod queue;
mod signed;
#[cfg(test)]
mod tests;
mod verdict;
mod window;
mod word;

use std::{
    collections::HashSet,
    net::IpAddr,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use axum::{Router, http::HeaderMap, routing::get};
use schemas::{
    TenantId, Timestamp,
    campaign::{CampaignEvent, CampaignEventType},
    tracking_token::{PURPOSE, Purpose, TrackingToken},
};
use tokio_util::sync::CancellationToken;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

pub(crate) use self::queue::drain;
use self::{queue::Queue, window::Window};
use crate::hub::Hub;

/// How often it is looked who keeps details of visitors.
const LOOK: Duration = Duration::from_secs(5);
/// Longest name of a program that is kept, in bytes.
const MAX_AGENT: usize = 400;

/// What tracking remembers.
#[derive(Default)]
pub(crate) struct Track {
    queue: Queue,
    window: Window,
    /// Tenants that keep addresses and programs of those who open and click.
    keepers: RwLock<HashSet<TenantId>>,
}

impl Track {
    fn keeps_details(&self, tenant: TenantId) -> bool {
        let keepers = self.keepers.read().unwrap_or_else(PoisonError::into_inner);
        keepers.contains(&tenant)
    }

    /// Takes a tenant's decision, before the database is asked again.
    pub(crate) fn decided(&self, tenant: TenantId, keeps: bool) {
        let mut keepers = self.keepers.write().unwrap_or_else(PoisonError::into_inner);
        if keeps {
            keepers.insert(tenant);
        } else {
            keepers.remove(&tenant);
        }
    }
}

/// At the root of the gateway.
pub(crate) fn routes() -> OpenApiRouter<Arc<Hub>> {
    OpenApiRouter::new()
        .routes(routes!(link::open))
        .routes(routes!(link::click))
        .routes(routes!(preference::show, preference::act))
        .routes(routes!(confirm::show, confirm::act))
}

/// Below the prefixes of the API.
pub(crate) fn api() -> OpenApiRouter<Arc<Hub>> {
    OpenApiRouter::new()
        .routes(routes!(signed::open))
        .routes(routes!(signed::click))
}

/// What the pages load.
pub(crate) fn files() -> Router<Arc<Hub>> {
    Router::new().route("/t/page.css", get(answer::style))
}

/// Keeps up to date who keeps details of visitors, until `stop`.
pub(crate) async fn watch(hub: Arc<Hub>, stop: CancellationToken) {
    loop {
        match store::tenant::keepers_of_visitor_details(&hub.store).await {
            Ok(found) => {
                let keepers = &hub.track.keepers;
                *keepers.write().unwrap_or_else(PoisonError::into_inner) =
                    found.into_iter().collect();
            }
            Err(error) => tracing::debug!(%error, "who keeps details of visitors is not known"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

/// What a token says, when the hub's keys gave it for this purpose. Asks no database.
fn known(hub: &Hub, purpose: Purpose, text: &str) -> Option<TrackingToken> {
    let (token, tag) = TrackingToken::parse(text)?;
    let is_ours = token.purpose == purpose
        && hub
            .store
            .keyring()
            .has_signed(PURPOSE, &token.signed(), &tag);
    if !is_ours {
        metrics::counter!("tidings_tracking_refused_total").increment(1);
    }
    is_ours.then_some(token)
}

/// Who asks, as far as the request says so.
#[derive(Clone, Copy)]
struct Visitor<'a> {
    headers: &'a HeaderMap,
    peer: Option<IpAddr>,
    is_head: bool,
}

impl<'a> Visitor<'a> {
    fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.get(name)?.to_str().ok()
    }

    fn agent(&self) -> &'a str {
        self.header("user-agent").unwrap_or_default()
    }

    /// The address: that of the connection, or, when a proxy that is trusted holds its other end, the last one before such
    /// proxies in `X-Forwarded-For`.
    fn address(&self, hub: &Hub) -> Option<IpAddr> {
        let is_trusted = |address: &IpAddr| {
            let mut proxies = hub.settings.trusted_proxies.iter();
            proxies.any(|proxy| proxy.contains(&address.to_canonical()))
        };
        let peer = self.peer?;
        if !is_trusted(&peer) {
            return Some(peer);
        }
        let forwarded = self.header("x-forwarded-for").unwrap_or_default();
        forwarded
            .rsplit(',')
            .map_while(|one| one.trim().parse::<IpAddr>().ok())
            .find(|address| !is_trusted(address))
            .or(Some(peer))
    }
}

/// An event of a token's message, without a verdict.
fn event(
    hub: &Hub,
    token: TrackingToken,
    kind: CampaignEventType,
    visitor: Visitor<'_>,
) -> CampaignEvent {
    let details = hub.track.keeps_details(token.tenant).then(|| {
        let agent: String = visitor.agent().chars().take(MAX_AGENT).collect();
        let address = visitor.address(hub).map(|address| address.to_string());
        (address, agent)
    });
    let (ip_address, user_agent) = match details {
        Some((address, agent)) => (address, Some(agent)),
        None => (None, None),
    };
    CampaignEvent {
        id: Uuid::now_v7(),
        tenant: token.tenant,
        campaign: token.campaign,
        contact: token.contact,
        event: kind,
        at: Timestamp::now(),
        verdict: None,
        detail: None,
        url: (kind == CampaignEventType::Click).then_some(token.url),
        ip_address,
        user_agent,
    }
}
