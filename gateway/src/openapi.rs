//! The OpenAPI document: what every operation has in common is added here, from the table of
//! permissions and from what the operation takes.

use utoipa::{
    Modify, OpenApi,
    openapi::{
        ContentBuilder, HeaderBuilder, PathItem, Ref, RefOr, ResponseBuilder,
        path::Operation,
        schema::{ObjectBuilder, Type},
        security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
    },
};

use crate::{
    auth::ACCESS,
    problem::{CONTENT_TYPE, FieldError, Problem},
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "tidings",
        description = "A communication hub: messages in from every channel, understood, routed, answered and stored.\n\n\
            Everything below `/api/v1` is also served below `/api/communications`. Names are `snake_case`; `camelCase` is \
            understood on input. Lists are projections and may be milliseconds behind; a message that was just sent is waited for \
            when it is read by its id. Errors are problem details (RFC 9457).",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    tags(
        (name = "webhooks", description = "Where platforms post their updates"),
        (name = "channels", description = "Accounts on platforms"),
        (name = "conversations", description = "The inbox"),
        (name = "messages", description = "Sending and reading"),
        (name = "contacts", description = "Whom campaigns are for"),
        (name = "lists", description = "Contacts that belong together"),
        (name = "segments", description = "Contacts chosen by an expression"),
        (name = "suppressions", description = "Addresses that are not written to"),
        (name = "templates", description = "Stored replies, and what campaigns say"),
        (name = "rules", description = "Automatic answers"),
        (name = "understanding", description = "Languages, sentiment, intents: settings, models and labels"),
        (name = "tracking", description = "Where links in campaigns lead"),
        (name = "stats", description = "Numbers"),
        (name = "settings", description = "What a tenant has decided about itself"),
        (name = "api keys", description = "Who may call"),
        (name = "dead letters", description = "What could not go on"),
        (name = "audit", description = "Who changed what"),
        (name = "operations", description = "Health and metrics"),
    ),
    components(schemas(Problem, FieldError)),
    modifiers(&Common)
)]
pub(crate) struct Document;

/// What operations share.
pub(crate) struct Common;

const ERRORS: [(&str, &str, &str); 11] = [
    ("400", "BadRequest", "The request cannot be read"),
    ("401", "Unauthorized", "No valid key, token or signature"),
    ("403", "Forbidden", "The caller's role may not do this"),
    ("404", "NotFound", "There is no such thing, for this tenant"),
    ("408", "TooSlow", "The request took too long to arrive"),
    ("409", "Conflict", "It contradicts what is there"),
    ("413", "TooLarge", "The body is too large"),
    (
        "415",
        "UnsupportedMediaType",
        "The body must be application/json",
    ),
    (
        "422",
        "Unacceptable",
        "The request can be read but not accepted",
    ),
    (
        "500",
        "Internal",
        "The hub failed; `instance` names the log entry",
    ),
    (
        "503",
        "Unavailable",
        "The broker or the database is down or busy; nothing was done",
    ),
];

impl Modify for Common {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some(
                "An API key (tdk_…) or a JSON Web Token (HS256, RS256)",
            ));
        components.security_schemes.insert(
            "bearer".to_owned(),
            SecurityScheme::Http(bearer.build()).into(),
        );
        for (status, name, description) in ERRORS {
            let content = ContentBuilder::new()
                .schema(Some(Ref::from_schema_name("Problem")))
                .build();
            let mut response = ResponseBuilder::new()
                .description(description)
                .content(CONTENT_TYPE, content);
            if status == "503" {
                let header = HeaderBuilder::new()
                    .schema(Some(ObjectBuilder::new().schema_type(Type::Integer)))
                    .description(Some("Seconds until another try makes sense"))
                    .build();
                response = response.header("Retry-After", header);
            }
            components
                .responses
                .insert(name.to_owned(), response.build().into());
        }
        for (path, item) in &mut document.paths.paths {
            for (method, operation) in operations(item) {
                complete(path, method, operation);
            }
        }
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    [
        ("GET", item.get.as_mut()),
        ("PUT", item.put.as_mut()),
        ("POST", item.post.as_mut()),
        ("PATCH", item.patch.as_mut()),
        ("DELETE", item.delete.as_mut()),
    ]
    .into_iter()
    .filter_map(|(method, operation)| operation.map(|operation| (method, operation)))
}

/// Whether a route takes no bearer token: the platform signs, the address is signed, or the socket's first words say who it is.
fn is_open(route: &str) -> bool {
    let open = ["/webhooks/", "/media/", "/webchat/", "/tracking/"];
    route == "/ws" || open.iter().any(|prefix| route.starts_with(prefix))
}

/// Adds security and the errors an operation can answer.
fn complete(path: &str, method: &'static str, operation: &mut Operation) {
    let route = path.strip_prefix(crate::PREFIXES[0]);
    let access = ACCESS
        .iter()
        .find(|(known, route_of, _)| *known == method && Some(*route_of) == route);
    // These tell by something else than a bearer token who may.
    let webhook = route.is_some_and(is_open);
    let mut errors = vec!["500"];
    if let Some((_, _, permission)) = access {
        operation.security = Some(vec![SecurityRequirement::new(
            "bearer",
            Vec::<String>::new(),
        )]);
        let role = format!("Role: {}.", permission.roles());
        let description = operation.description.take();
        operation.description = Some(match description {
            Some(text) if !text.is_empty() => format!("{text}\n\n{role}"),
            _ => role,
        });
        errors.extend(["401", "403", "503"]);
    }
    let raw = webhook || path.ends_with("/inbound");
    if webhook {
        operation.security = Some(vec![SecurityRequirement::default()]);
        errors.extend(["401", "503"]);
    }
    if raw {
        errors.extend(["400", "404", "408", "409", "413"]);
    } else if operation.request_body.is_some() {
        errors.extend(["400", "404", "409", "413", "415", "422"]);
    }
    if operation
        .parameters
        .as_ref()
        .is_some_and(|all| !all.is_empty())
    {
        errors.push("400");
    }
    if path.contains('{') {
        errors.push("404");
    }
    if access.is_none() && !webhook {
        return;
    }
    for (status, name, _) in ERRORS {
        if errors.contains(&status) {
            operation
                .responses
                .responses
                .entry(status.to_owned())
                .or_insert_with(|| RefOr::Ref(Ref::from_response_name(name)));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// Every operation with its method, path and id.
    fn all() -> Vec<(&'static str, String, Operation)> {
        let mut document = crate::openapi();
        let mut all = Vec::new();
        for (path, item) in &mut document.paths.paths {
            for (method, operation) in operations(item) {
                all.push((method, path.clone(), operation.clone()));
            }
        }
        all
    }

    #[test]
    fn the_table_of_permissions_and_the_routes_are_the_same() {
        let mut documented: HashSet<(String, String)> = all()
            .into_iter()
            .filter_map(|(method, path, _)| {
                let path = path.strip_prefix(crate::PREFIXES[0])?.to_owned();
                (!is_open(&path)).then(|| (method.to_owned(), path))
            })
            .collect();
        for (method, path, _) in ACCESS {
            let route = ((*method).to_owned(), (*path).to_owned());
            assert!(
                documented.remove(&route),
                "{method} {path} is no route, or stands twice"
            );
        }
        assert_eq!(documented, HashSet::new(), "routes without a permission");
    }

    #[test]
    fn names_are_documented_as_they_are_written() {
        let document = serde_json::to_value(crate::openapi()).unwrap();
        let names = |schema: &str| document["components"]["schemas"][schema]["enum"].clone();
        let of = |all: Vec<&str>| serde_json::json!(all);
        use schemas::{Direction, MessageType, PartyType, Priority};
        assert_eq!(
            names("Priority"),
            of(Priority::ALL.iter().map(|one| one.name()).collect())
        );
        assert_eq!(
            names("Direction"),
            of(Direction::ALL.iter().map(|one| one.name()).collect())
        );
        assert_eq!(
            names("PartyType"),
            of(PartyType::ALL.iter().map(|one| one.name()).collect())
        );
        assert_eq!(
            names("MessageType"),
            of(MessageType::ALL.iter().map(|one| one.name()).collect())
        );
    }

    #[test]
    fn operations_have_ids_errors_and_security() {
        let mut ids = HashSet::new();
        for (method, path, operation) in all() {
            let id = operation.operation_id.clone().unwrap();
            assert!(ids.insert(id.clone()), "{id} stands twice");
            assert!(operation.summary.is_some(), "{id} has no summary");
            if !path.starts_with(crate::PREFIXES[0]) {
                continue;
            }
            assert!(operation.security.is_some(), "{id} says nothing of keys");
            let mut wanted = vec!["401", "500", "503"];
            if path.contains('{') {
                wanted.push("404");
            }
            if operation.request_body.is_some() {
                wanted.extend(["400", "413"]);
            }
            for status in wanted {
                assert!(
                    operation.responses.responses.contains_key(status),
                    "{method} {path} does not document {status}"
                );
            }
        }
    }
}
