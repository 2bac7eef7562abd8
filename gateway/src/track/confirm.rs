//! The page that confirms a subscription to a list with double opt-in: `GET` shows a button, `POST` presses it.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use schemas::{
    ListId,
    tracking_token::{Purpose, TrackingToken},
};
use store::StoreError;
use tokio::time::timeout;

use super::{answer, html, known, link, preference::words, word::Words};
use crate::{extract::Path, hub::Hub};

/// How long the database may take.
const ASK: Duration = Duration::from_secs(3);

/// Show the button that confirms a subscription.
#[utoipa::path(
    get, path = "/t/s/{token}", tag = "tracking", operation_id = "show_confirmation",
    params(("token" = String, Path, description = "As the mail has it")),
    responses((status = 200, description = "A page", content_type = "text/html", body = String),
        (status = 404, description = "Not a token of this hub", content_type = "text/html", body = String))
)]
pub(crate) async fn show(
    State(hub): State<Arc<Hub>>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Response {
    let Some(token) = known(&hub, Purpose::Confirm, &token) else {
        return link::unknown(&headers);
    };
    let words = words(&hub, &token, &headers).await;
    let asked = store::list::get(&hub.store, token.tenant, list(&token));
    match timeout(ASK, asked).await {
        Ok(Err(StoreError::NotFound)) => link::unknown(&headers),
        Ok(Ok(list)) => answer::page(StatusCode::OK, html::confirm(words, Some(&list.name))),
        // The button works when the database is back.
        _ => answer::page(StatusCode::OK, html::confirm(words, None)),
    }
}

/// Confirm a subscription.
#[utoipa::path(
    post, path = "/t/s/{token}", tag = "tracking", operation_id = "confirm_subscription",
    params(("token" = String, Path, description = "As the mail has it")),
    responses((status = 200, description = "Confirmed", content_type = "text/html", body = String),
        (status = 404, description = "Not a token of this hub, or the subscription was withdrawn", content_type = "text/html",
            body = String),
        (status = 503, description = "Nothing was done; try again", content_type = "text/html", body = String))
)]
pub(crate) async fn act(
    State(hub): State<Arc<Hub>>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Response {
    let Some(token) = known(&hub, Purpose::Confirm, &token) else {
        return link::unknown(&headers);
    };
    let words = words(&hub, &token, &headers).await;
    let done = store::list::confirm(&hub.store, token.tenant, list(&token), token.contact);
    match timeout(ASK, done).await {
        Ok(Ok(name)) => {
            let told = words.confirmed.replace("{list}", &name);
            answer::page(StatusCode::OK, html::notice(words, words.thanks, &told))
        }
        Ok(Err(StoreError::NotFound)) => link::unknown(&headers),
        Ok(Err(error)) => {
            tracing::warn!(%error, "a subscription was not confirmed");
            later(words)
        }
        Err(_) => later(words),
    }
}

/// A token of this kind has a list where others have a campaign.
fn list(token: &TrackingToken) -> ListId {
    ListId(token.campaign.0)
}

fn later(words: &'static Words) -> Response {
    let html = html::notice(words, words.later, words.later_why);
    answer::page(StatusCode::SERVICE_UNAVAILABLE, html)
}
