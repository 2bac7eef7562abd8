//! The page on which one unsubscribes, chooses lists, or comes back; and the address of one-click unsubscribing.
//!
//! Invariants: `GET` only shows; leaving needs no database, and is confirmed after the broker has stored the wish; what is
//! shown of the database is missing when that is away, and everything can still be left.

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::Response,
};
use schemas::{
    ListId,
    campaign::{CampaignEvent, CampaignEventType, Wish},
    tracking_token::{Purpose, TrackingToken},
};
use store::preference::{self, Preferences};
use tokio::time::timeout;

use super::{
    Visitor, answer,
    choice::{self, Choice},
    event, html, known, link, queue,
    word::Words,
};
use crate::{
    extract::{Path, Peer},
    hub::Hub,
};

/// Largest form, in bytes.
const MAX_FORM: usize = 32 * 1024;
/// How long the database may take to say what is shown.
const ASK: Duration = Duration::from_secs(3);
/// How long it may take to say in which language.
const LANGUAGE: Duration = Duration::from_secs(1);

/// Show what one is subscribed to.
///
/// For people; it changes nothing.
#[utoipa::path(
    get, path = "/t/p/{token}", tag = "tracking", operation_id = "show_preferences",
    params(("token" = String, Path, description = "As the message has it")),
    responses((status = 200, description = "A page", content_type = "text/html", body = String),
        (status = 404, description = "Not a token of this hub", content_type = "text/html", body = String))
)]
pub(crate) async fn show(
    State(hub): State<Arc<Hub>>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Response {
    let Some(token) = known(&hub, Purpose::Preferences, &token) else {
        return link::unknown(&headers);
    };
    let preferences = preferences(&hub, &token).await;
    let language = preferences.as_ref().and_then(|p| p.language.as_deref());
    let words = Words::asked(language, &headers);
    answer::page(
        StatusCode::OK,
        html::preferences(words, preferences.as_ref()),
    )
}

/// Unsubscribe, choose lists, or come back.
///
/// `List-Unsubscribe=One-Click` (RFC 8058) needs no cookie and is not redirected. `action` is `campaign` (the lists that the
/// message was for), `everything`, `again`, or `lists` with the fields of the page.
#[utoipa::path(
    post, path = "/t/p/{token}", tag = "tracking", operation_id = "set_preferences",
    params(("token" = String, Path, description = "As the message has it")),
    request_body(content_type = "application/x-www-form-urlencoded", content = String, example = "List-Unsubscribe=One-Click"),
    responses((status = 200, description = "Done: the broker has stored it", content_type = "text/html", body = String),
        (status = 400, description = "The form says nothing", content_type = "text/html", body = String),
        (status = 404, description = "Not a token of this hub", content_type = "text/html", body = String),
        (status = 503, description = "Nothing was done; try again", content_type = "text/html", body = String))
)]
pub(crate) async fn act(
    State(hub): State<Arc<Hub>>,
    Path(token): Path<String>,
    Peer(peer): Peer,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let Some(token) = known(&hub, Purpose::Preferences, &token) else {
        return link::unknown(&headers);
    };
    let Ok(body) = crate::extract::body(body, MAX_FORM).await else {
        return nothing_said(words(&hub, &token, &headers).await);
    };
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default();
    let visitor = Visitor {
        headers: &headers,
        peer,
        is_head: false,
    };
    let Some(choice) = choice::read(content_type, &body) else {
        return nothing_said(words(&hub, &token, &headers).await);
    };
    let done = match &choice {
        Choice::OneClick => wish(&hub, &token, visitor, &[Wish::OneClick]).await,
        Choice::Campaign => wish(&hub, &token, visitor, &[Wish::Campaign]).await,
        Choice::Everything => wish(&hub, &token, visitor, &[Wish::Everything]).await,
        Choice::Again => come_back(&hub, &token, &[]).await,
        Choice::Lists { leave, join } => {
            let wishes: Vec<Wish> = leave.iter().copied().map(Wish::List).collect();
            wish(&hub, &token, visitor, &wishes).await
                && (join.is_empty() || come_back(&hub, &token, join).await)
        }
    };
    // Asked last: nobody waits for the database to leave.
    let words = words(&hub, &token, &headers).await;
    if !done {
        let html = html::notice(words, words.later, words.later_why);
        return answer::page(StatusCode::SERVICE_UNAVAILABLE, html);
    }
    let told = match choice {
        Choice::OneClick | Choice::Campaign => words.left_campaign,
        Choice::Everything => words.left_everything,
        Choice::Again => words.came_back,
        Choice::Lists { .. } => words.chosen,
    };
    answer::page(StatusCode::OK, html::done(words, told))
}

/// The words of a page for the contact of a token: its language, else what its browser asks for.
pub(super) async fn words(hub: &Hub, token: &TrackingToken, headers: &HeaderMap) -> &'static Words {
    let asked = preference::language(&hub.store, token.tenant, token.contact);
    let language = match timeout(LANGUAGE, asked).await {
        Ok(Ok(language)) => language,
        Ok(Err(_)) | Err(_) => None,
    };
    Words::asked(language.as_deref(), headers)
}

fn nothing_said(words: &'static Words) -> Response {
    let html = html::notice(words, words.unclear, words.unclear_why);
    answer::page(StatusCode::BAD_REQUEST, html)
}

async fn preferences(hub: &Hub, token: &TrackingToken) -> Option<Preferences> {
    let asked = preference::get(&hub.store, token.tenant, token.campaign, token.contact);
    match timeout(ASK, asked).await {
        Ok(Ok(found)) => Some(found),
        Ok(Err(error)) => {
            tracing::debug!(%error, "preferences are shown without lists");
            None
        }
        Err(_) => None,
    }
}

/// Has the broker store what somebody wants no more; whether it did.
async fn wish(hub: &Hub, token: &TrackingToken, visitor: Visitor<'_>, wishes: &[Wish]) -> bool {
    let events: Vec<CampaignEvent> = wishes
        .iter()
        .map(|wish| {
            let kind = CampaignEventType::Unsubscribe;
            let mut event = event(hub, token.clone(), kind, visitor);
            event.detail = Some(wish.to_string());
            event
        })
        .collect();
    let deadline = hub.settings.publish_deadline;
    let publisher = hub.bus.publisher();
    match publisher.publish_all(queue::items(&events), deadline).await {
        Ok(()) => true,
        Err(error) => {
            tracing::warn!(%error, "a wish to unsubscribe was not stored");
            false
        }
    }
}

async fn come_back(hub: &Hub, token: &TrackingToken, lists: &[ListId]) -> bool {
    let (store, tenant) = (&hub.store, token.tenant);
    let done = preference::come_back(store, tenant, token.campaign, token.contact, lists);
    match timeout(ASK, done).await {
        Ok(Ok(())) => true,
        Ok(Err(error)) => {
            tracing::warn!(%error, "a wish to come back was not stored");
            false
        }
        Err(_) => false,
    }
}
