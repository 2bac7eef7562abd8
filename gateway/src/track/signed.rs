//! `/tracking/open` and `/tracking/click` of the API, for who makes links by the message's id: the same as `/t/o` and
//! `/t/c`, and as strict: a message's id and a url say nothing without the token that the hub gave for them.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{HeaderMap, Method, StatusCode},
    response::Response,
};
use schemas::{MessageId, TrackingToken, tracking_token::Purpose};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{Visitor, known, link};
use crate::{
    extract::{Peer, Query},
    hub::Hub,
    problem::ApiError,
};

/// Which message was opened.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct OpenQuery {
    message_id: MessageId,
    /// The token of the message's pixel, which signs it.
    #[serde(default, alias = "signature")]
    #[param(max_length = 8192)]
    token: Option<String>,
}

/// Which link of which message was followed.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ClickQuery {
    message_id: MessageId,
    /// Where it leads: the url that was signed.
    #[param(max_length = 4096)]
    url: String,
    /// The token of this message's link, which signs both.
    #[serde(default, alias = "signature")]
    #[param(max_length = 8192)]
    token: Option<String>,
}

/// Say that a message was opened, by its id and the token of its pixel.
#[utoipa::path(
    get, path = "/tracking/open", tag = "tracking", operation_id = "track_open_signed", params(OpenQuery),
    responses((status = 200, description = "A transparent pixel", content_type = "image/gif", body = Vec<u8>),
        (status = 403, description = "The token is not this message's"))
)]
pub(crate) async fn open(
    State(hub): State<Arc<Hub>>,
    method: Method,
    Query(query): Query<OpenQuery>,
    Peer(peer): Peer,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let visitor = Visitor {
        headers: &headers,
        peer,
        is_head: method == Method::HEAD,
    };
    let token = token(
        &hub,
        Purpose::Open,
        query.token.as_deref(),
        query.message_id,
    )?;
    Ok(link::opened(&hub, token, visitor))
}

/// Follow a message's link, by its id, the url and the token that was given for both.
#[utoipa::path(
    get, path = "/tracking/click", tag = "tracking", operation_id = "track_click_signed", params(ClickQuery),
    responses((status = 302, description = "Where the link leads"),
        (status = 403, description = "The token is not this message's, or leads elsewhere"))
)]
pub(crate) async fn click(
    State(hub): State<Arc<Hub>>,
    method: Method,
    Query(query): Query<ClickQuery>,
    Peer(peer): Peer,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let visitor = Visitor {
        headers: &headers,
        peer,
        is_head: method == Method::HEAD,
    };
    let token = token(
        &hub,
        Purpose::Click,
        query.token.as_deref(),
        query.message_id,
    )?;
    if token.url != query.url {
        return Err(refused());
    }
    link::clicked(&hub, token, visitor).ok_or_else(refused)
}

fn token(
    hub: &Hub,
    purpose: Purpose,
    text: Option<&str>,
    message: MessageId,
) -> Result<TrackingToken, ApiError> {
    let text = text.ok_or_else(|| {
        ApiError::bad_request(
            "`token` is missing: the one of the message's own link, without which nobody is led anywhere.",
        )
    })?;
    known(hub, purpose, text)
        .filter(|token| token.message() == message)
        .ok_or_else(refused)
}

fn refused() -> ApiError {
    ApiError::new(
        StatusCode::FORBIDDEN,
        "wrong-signature",
        "`token` was not given for this message and this url. Take both as the message has them.",
    )
}
