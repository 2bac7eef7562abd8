//! All routes.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    http::{HeaderName, HeaderValue, Method, header},
    middleware,
};
use bytes::Bytes;
use tower_http::cors::{AllowOrigin, CorsLayer};
use utoipa::{OpenApi as _, openapi::OpenApi};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    PREFIXES, auth, edge,
    hub::Hub,
    live,
    openapi::{Common, Document},
    page::NEXT_CURSOR,
    route::{
        api_key, audience, audit, campaign, channel, chat_page, contact, contact_export,
        contact_import, conversation, dlq, docs, health, journey, label, limit, list, list_member,
        media, message, model, outbox, resolve, rule, segment, send, setting, stats, suppression,
        template, template_check, template_preview, template_variant, typing, understanding,
        webhook,
    },
    track,
};

/// What takes a bearer token, below a prefix.
fn guarded() -> OpenApiRouter<Arc<Hub>> {
    OpenApiRouter::new()
        .routes(routes!(channel::create, channel::list))
        .routes(routes!(
            channel::get,
            channel::put,
            channel::update,
            channel::delete
        ))
        .routes(routes!(channel::test))
        .routes(routes!(outbox::list))
        .routes(routes!(conversation::create, conversation::list))
        .routes(routes!(conversation::get, conversation::update))
        .routes(routes!(message::of_conversation))
        .routes(routes!(conversation::mark_read))
        .routes(routes!(conversation::close))
        .routes(routes!(conversation::reopen))
        .routes(routes!(conversation::assign))
        .routes(routes!(typing::show))
        .routes(routes!(contact::create, contact::list))
        .routes(routes!(
            contact::get,
            contact::put,
            contact::update,
            contact::delete
        ))
        .routes(routes!(contact::memberships))
        .routes(routes!(contact_import::list))
        .routes(routes!(contact_import::get))
        .routes(routes!(contact_import::cancel))
        .routes(routes!(contact_export::export))
        .routes(routes!(list::create, list::list))
        .routes(routes!(list::get, list::put, list::update, list::delete))
        .routes(routes!(list_member::add))
        .routes(routes!(list_member::remove))
        .routes(routes!(list_member::unsubscribe))
        .routes(routes!(segment::create, segment::list))
        .routes(routes!(
            segment::get,
            segment::put,
            segment::update,
            segment::delete
        ))
        .routes(routes!(segment::check))
        .routes(routes!(segment::preview))
        .routes(routes!(segment::count))
        .routes(routes!(audience::count))
        .routes(routes!(suppression::create, suppression::list))
        .routes(routes!(suppression::delete))
        .routes(routes!(send::send))
        .routes(routes!(send::create, message::list))
        .routes(routes!(message::get))
        .routes(routes!(journey::get))
        .routes(routes!(media::of_message))
        .routes(routes!(resolve::resolve))
        .routes(routes!(label::put, label::list))
        .routes(routes!(label::export))
        .routes(routes!(understanding::get, understanding::put))
        .routes(routes!(understanding::rollback))
        .routes(routes!(model::create, model::list))
        .routes(routes!(model::get, model::delete))
        .routes(routes!(model::file))
        .routes(routes!(model::activate))
        .routes(routes!(stats::get))
        .routes(routes!(setting::get, setting::put))
        .routes(routes!(limit::get, limit::put))
        .routes(routes!(campaign::create, campaign::list))
        .routes(routes!(campaign::get, campaign::put, campaign::delete))
        .routes(routes!(campaign::check))
        .routes(routes!(campaign::start))
        .routes(routes!(campaign::schedule, campaign::unschedule))
        .routes(routes!(campaign::pause))
        .routes(routes!(campaign::resume))
        .routes(routes!(campaign::stop))
        .routes(routes!(campaign::retry_failed))
        .routes(routes!(campaign::stats))
        .routes(routes!(campaign::recipients))
        .routes(routes!(campaign::recipient))
        .routes(routes!(campaign::resolve))
        .routes(routes!(campaign::events))
        .routes(routes!(template::create, template::list))
        .routes(routes!(
            template::get,
            template::put,
            template::update,
            template::delete
        ))
        .routes(routes!(
            template_variant::get,
            template_variant::put,
            template_variant::delete
        ))
        .routes(routes!(template_check::check))
        .routes(routes!(template_preview::preview))
        .routes(routes!(template_preview::test))
        .routes(routes!(rule::create, rule::list))
        .routes(routes!(rule::get, rule::put, rule::update, rule::delete))
        .routes(routes!(api_key::create, api_key::list))
        .routes(routes!(api_key::revoke))
        .routes(routes!(dlq::list))
        .routes(routes!(dlq::get))
        .routes(routes!(dlq::redrive))
        .routes(routes!(audit::list))
}

/// What reads its body by itself, within a limit of its own.
fn raw_guarded() -> OpenApiRouter<Arc<Hub>> {
    OpenApiRouter::new()
        .routes(routes!(webhook::hand_in))
        .routes(routes!(media::upload))
        .routes(routes!(contact_import::create))
}

fn webhooks() -> OpenApiRouter<Arc<Hub>> {
    OpenApiRouter::new()
        .routes(routes!(webhook::receive, webhook::challenge))
        .routes(routes!(media::serve))
        .merge(track::api())
        .routes(routes!(live::agent::open))
        .routes(routes!(live::visitor::open))
}

fn operations() -> OpenApiRouter<Arc<Hub>> {
    OpenApiRouter::new()
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
        .routes(routes!(health::metrics))
}

/// The OpenAPI document of this API.
#[must_use]
pub fn openapi() -> OpenApi {
    let below = guarded().merge(raw_guarded()).merge(webhooks());
    let mut document = OpenApiRouter::<Arc<Hub>>::with_openapi(Document::openapi())
        .merge(operations())
        .merge(track::routes())
        .nest(PREFIXES[0], below)
        .into_openapi();
    utoipa::Modify::modify(&Common, &mut document);
    document
}

/// The service.
pub(crate) fn router(hub: Arc<Hub>) -> Router {
    let guard = || middleware::from_fn_with_state(Arc::clone(&hub), auth::guard);
    let (api, _) = guarded().merge(raw_guarded()).split_for_parts();
    let (webhooks, _) = webhooks().split_for_parts();
    let below = api.route_layer(guard()).merge(webhooks);
    let document = Bytes::from(
        openapi()
            .to_json()
            .expect("a document made of strings and maps serializes"),
    );
    let (operations, _) = operations().merge(track::routes()).split_for_parts();
    let mut all = Router::new()
        .merge(operations)
        .merge(chat_page::router())
        .merge(track::files())
        .merge(docs::router(document));
    for prefix in PREFIXES {
        all = all.nest(prefix, below.clone());
    }
    let all = all
        .fallback(edge::no_route)
        .layer(middleware::from_fn_with_state(
            Arc::clone(&hub),
            edge::around,
        ));
    let all = match cors(&hub.settings.cors_origins) {
        Some(cors) => all.layer(cors),
        None => all,
    };
    all.with_state(hub)
}

/// Lets the named origins call from browsers; none without a setting.
fn cors(origins: &[String]) -> Option<CorsLayer> {
    let origins: Vec<HeaderValue> = origins
        .iter()
        .filter_map(|origin| origin.trim_end_matches('/').parse().ok())
        .collect();
    (!origins.is_empty()).then(|| {
        CorsLayer::new()
            .allow_origin(AllowOrigin::list(origins))
            .allow_methods([
                Method::GET,
                Method::POST,
                Method::PUT,
                Method::PATCH,
                Method::DELETE,
            ])
            .allow_headers([
                header::AUTHORIZATION,
                header::CONTENT_TYPE,
                HeaderName::from_static("idempotency-key"),
            ])
            .expose_headers([
                header::LINK,
                header::RETRY_AFTER,
                HeaderName::from_static(NEXT_CURSOR),
            ])
            .max_age(Duration::from_secs(3600))
    })
}
