//! The pixel and the links of a campaign's mail: answered from memory.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{HeaderMap, Method, StatusCode},
    response::Response,
};
use schemas::{
    campaign::{CampaignEvent, CampaignEventType, Verdict},
    tracking_token::{Purpose, TrackingToken},
};

use super::{Visitor, answer, event, html, known, verdict, word::Words};
use crate::{
    extract::{Path, Peer},
    hub::Hub,
};

/// Say that a mail was opened.
///
/// The pixel of a campaign's mail. The token is signed; without a database it is answered all the same.
#[utoipa::path(
    get, path = "/t/o/{token}", tag = "tracking", operation_id = "track_open",
    params(("token" = String, Path, description = "As the mail has it")),
    responses((status = 200, description = "A transparent pixel", content_type = "image/gif", body = Vec<u8>),
        (status = 404, description = "Not a token of this hub", content_type = "text/html", body = String))
)]
pub(crate) async fn open(
    State(hub): State<Arc<Hub>>,
    method: Method,
    Path(token): Path<String>,
    Peer(peer): Peer,
    headers: HeaderMap,
) -> Response {
    let visitor = Visitor {
        headers: &headers,
        peer,
        is_head: method == Method::HEAD,
    };
    match known(&hub, Purpose::Open, &token) {
        Some(token) => opened(&hub, token, visitor),
        None => unknown(&headers),
    }
}

/// Follow a link of a mail.
#[utoipa::path(
    get, path = "/t/c/{token}", tag = "tracking", operation_id = "track_click",
    params(("token" = String, Path, description = "As the mail has it; the url that it leads to is in it, and signed")),
    responses((status = 302, description = "Where the link leads"),
        (status = 404, description = "Not a token of this hub", content_type = "text/html", body = String))
)]
pub(crate) async fn click(
    State(hub): State<Arc<Hub>>,
    method: Method,
    Path(token): Path<String>,
    Peer(peer): Peer,
    headers: HeaderMap,
) -> Response {
    let visitor = Visitor {
        headers: &headers,
        peer,
        is_head: method == Method::HEAD,
    };
    known(&hub, Purpose::Click, &token)
        .and_then(|token| clicked(&hub, token, visitor))
        .unwrap_or_else(|| unknown(&headers))
}

/// Notes an opening, and answers the pixel.
pub(super) fn opened(hub: &Hub, token: TrackingToken, visitor: Visitor<'_>) -> Response {
    let mut event = event(hub, token, CampaignEventType::Open, visitor);
    judge(&mut event, visitor);
    hub.track.queue.put(event);
    answer::pixel()
}

/// Notes a click, and leads on; none when the url is not one of the web.
pub(super) fn clicked(hub: &Hub, token: TrackingToken, visitor: Visitor<'_>) -> Option<Response> {
    let answer = answer::redirect(&token.url)?;
    let mut event = event(hub, token, CampaignEventType::Click, visitor);
    judge(&mut event, visitor);
    if event.verdict == Some(Verdict::Human)
        && let Some(corrected) = hub.track.window.judge(&mut event)
    {
        hub.track.queue.put(corrected);
    }
    hub.track.queue.put(event);
    Some(answer)
}

fn judge(event: &mut CampaignEvent, visitor: Visitor<'_>) {
    match verdict::machine(visitor.headers, visitor.agent(), visitor.is_head) {
        Some(code) => {
            event.verdict = Some(Verdict::Machine);
            event.detail = Some(code.to_owned());
        }
        None => event.verdict = Some(Verdict::Human),
    }
}

/// A page that says nothing of why.
pub(super) fn unknown(headers: &HeaderMap) -> Response {
    let words = Words::asked(None, headers);
    let html = html::notice(words, words.no_link, words.no_link_why);
    answer::page(StatusCode::NOT_FOUND, html)
}
