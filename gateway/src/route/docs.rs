//! The API's own description, and pages for people.

use axum::{
    Router,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
    routing::get,
};
use bytes::Bytes;
use tower_http::set_header::SetResponseHeaderLayer;
use utoipa_swagger_ui::{Config, SwaggerUi};

const INDEX: &str = include_str!("index.html");

/// Scripts and styles of our own alone; Swagger UI writes styles into its page.
const POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

/// `/`, `/docs` and `/api/openapi.json`, with the headers pages want.
pub(crate) fn router<S: Clone + Send + Sync + 'static>(document: Bytes) -> Router<S> {
    let swagger = SwaggerUi::new("/docs").config(
        Config::new(["/api/openapi.json"])
            .validator_url("none")
            .display_operation_id(true)
            .try_it_out_enabled(true)
            .persist_authorization(false),
    );
    let fixed =
        |name, value| SetResponseHeaderLayer::overriding(name, HeaderValue::from_static(value));
    Router::<S>::new()
        .merge(Router::<S>::from(swagger))
        .route("/", get(|| async { page(INDEX) }))
        .route(
            "/api/openapi.json",
            get(move || {
                let document = document.clone();
                async move { ([(header::CONTENT_TYPE, "application/json")], document) }
            }),
        )
        .layer(fixed(header::CONTENT_SECURITY_POLICY, POLICY))
        .layer(fixed(header::REFERRER_POLICY, "no-referrer"))
        .layer(fixed(header::X_FRAME_OPTIONS, "DENY"))
}

fn page(text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], text).into_response()
}
