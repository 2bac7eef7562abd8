//! Which permission each route takes: one table, fail closed.
//!
//! A test holds it against the OpenAPI document, so that no operation is missing and none is left over.

use axum::http::Method;

/// What a caller wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Permission {
    Read,
    Converse,
    Administer,
    /// Hand in messages of a channel.
    HandIn,
}

impl Permission {
    /// The roles that have it, for a refusal.
    pub(crate) const fn roles(self) -> &'static str {
        match self {
            Self::Read => "viewer, agent or admin",
            Self::Converse => "agent or admin",
            Self::Administer => "admin",
            Self::HandIn => "adapter or admin",
        }
    }
}

use Permission::{Administer, Converse, HandIn, Read};

/// Method and path below `/api/v1`, and what they take.
pub(crate) const ACCESS: &[(&str, &str, Permission)] = &[
    ("POST", "/channels", Administer),
    ("GET", "/channels", Read),
    ("GET", "/channels/{channel_id}", Read),
    ("PUT", "/channels/{channel_id}", Administer),
    ("PATCH", "/channels/{channel_id}", Administer),
    ("DELETE", "/channels/{channel_id}", Administer),
    ("POST", "/channels/{channel_id}/test", Administer),
    ("GET", "/channels/{channel_id}/outbox", Read),
    ("POST", "/channels/{channel_id}/inbound", HandIn),
    ("POST", "/conversations", Converse),
    ("GET", "/conversations", Read),
    ("GET", "/conversations/{conversation_id}", Read),
    ("PATCH", "/conversations/{conversation_id}", Converse),
    ("GET", "/conversations/{conversation_id}/messages", Read),
    (
        "POST",
        "/conversations/{conversation_id}/mark-read",
        Converse,
    ),
    ("POST", "/conversations/{conversation_id}/close", Converse),
    ("POST", "/conversations/{conversation_id}/reopen", Converse),
    ("POST", "/conversations/{conversation_id}/assign", Converse),
    ("POST", "/conversations/{conversation_id}/typing", Converse),
    ("POST", "/contacts", Converse),
    ("GET", "/contacts", Read),
    ("GET", "/contacts/{contact_id}", Read),
    ("PUT", "/contacts/{contact_id}", Converse),
    ("PATCH", "/contacts/{contact_id}", Converse),
    ("DELETE", "/contacts/{contact_id}", Administer),
    ("GET", "/contacts/{contact_id}/lists", Read),
    ("POST", "/contacts/import", Administer),
    ("GET", "/contacts/imports", Read),
    ("GET", "/contacts/imports/{import_id}", Read),
    ("POST", "/contacts/imports/{import_id}/cancel", Administer),
    ("GET", "/contacts/export", Administer),
    ("POST", "/lists", Administer),
    ("GET", "/lists", Read),
    ("GET", "/lists/{list_id}", Read),
    ("PUT", "/lists/{list_id}", Administer),
    ("PATCH", "/lists/{list_id}", Administer),
    ("DELETE", "/lists/{list_id}", Administer),
    ("POST", "/lists/{list_id}/members", Converse),
    ("POST", "/lists/{list_id}/members/remove", Converse),
    (
        "POST",
        "/lists/{list_id}/members/{contact_id}/unsubscribe",
        Converse,
    ),
    ("POST", "/segments", Administer),
    ("GET", "/segments", Read),
    ("GET", "/segments/{segment_id}", Read),
    ("PUT", "/segments/{segment_id}", Administer),
    ("PATCH", "/segments/{segment_id}", Administer),
    ("DELETE", "/segments/{segment_id}", Administer),
    ("POST", "/segments/check", Read),
    ("POST", "/segments/preview", Read),
    ("GET", "/segments/{segment_id}/count", Read),
    ("POST", "/audience/count", Read),
    ("GET", "/suppressions", Read),
    ("POST", "/suppressions", Converse),
    ("DELETE", "/suppressions/{suppression_id}", Administer),
    ("POST", "/messages/send", Converse),
    ("POST", "/messages", Converse),
    ("GET", "/messages", Read),
    ("GET", "/messages/{message_id}", Read),
    ("GET", "/messages/{message_id}/journey", Read),
    ("GET", "/messages/{message_id}/media", Read),
    ("POST", "/media", Converse),
    ("POST", "/messages/{message_id}/resolve", Converse),
    ("POST", "/messages/{message_id}/labels", Converse),
    ("GET", "/messages/{message_id}/labels", Read),
    ("GET", "/labels/export", Read),
    ("GET", "/understanding", Read),
    ("PUT", "/understanding", Administer),
    ("POST", "/understanding/rollback", Administer),
    ("POST", "/models", Administer),
    ("GET", "/models", Read),
    ("GET", "/models/{model_id}", Read),
    ("GET", "/models/{model_id}/file", Administer),
    ("PUT", "/models/{model_id}/activate", Administer),
    ("DELETE", "/models/{model_id}", Administer),
    ("GET", "/stats", Read),
    ("GET", "/settings", Read),
    ("PUT", "/settings", Administer),
    ("GET", "/settings/limits", Read),
    ("PUT", "/settings/limits", Administer),
    ("POST", "/campaigns", Administer),
    ("GET", "/campaigns", Read),
    ("GET", "/campaigns/{campaign_id}", Read),
    ("PUT", "/campaigns/{campaign_id}", Administer),
    ("DELETE", "/campaigns/{campaign_id}", Administer),
    ("POST", "/campaigns/{campaign_id}/check", Read),
    ("POST", "/campaigns/{campaign_id}/start", Administer),
    ("POST", "/campaigns/{campaign_id}/schedule", Administer),
    ("DELETE", "/campaigns/{campaign_id}/schedule", Administer),
    ("POST", "/campaigns/{campaign_id}/pause", Administer),
    ("POST", "/campaigns/{campaign_id}/resume", Administer),
    ("POST", "/campaigns/{campaign_id}/stop", Administer),
    ("POST", "/campaigns/{campaign_id}/retry-failed", Administer),
    ("GET", "/campaigns/{campaign_id}/stats", Read),
    ("GET", "/campaigns/{campaign_id}/events", Read),
    ("GET", "/campaigns/{campaign_id}/recipients", Read),
    (
        "GET",
        "/campaigns/{campaign_id}/recipients/{contact_id}",
        Read,
    ),
    (
        "POST",
        "/campaigns/{campaign_id}/recipients/{contact_id}/resolve",
        Converse,
    ),
    ("POST", "/templates", Administer),
    ("GET", "/templates", Read),
    ("GET", "/templates/{template_id}", Read),
    ("PUT", "/templates/{template_id}", Administer),
    ("PATCH", "/templates/{template_id}", Administer),
    ("DELETE", "/templates/{template_id}", Administer),
    ("GET", "/templates/{template_id}/variants/{language}", Read),
    (
        "PUT",
        "/templates/{template_id}/variants/{language}",
        Administer,
    ),
    (
        "DELETE",
        "/templates/{template_id}/variants/{language}",
        Administer,
    ),
    ("POST", "/templates/{template_id}/check", Read),
    ("POST", "/templates/{template_id}/preview", Read),
    ("POST", "/templates/{template_id}/test", Converse),
    ("POST", "/rules", Administer),
    ("GET", "/rules", Read),
    ("GET", "/rules/{rule_id}", Read),
    ("PUT", "/rules/{rule_id}", Administer),
    ("PATCH", "/rules/{rule_id}", Administer),
    ("DELETE", "/rules/{rule_id}", Administer),
    ("POST", "/api-keys", Administer),
    ("GET", "/api-keys", Administer),
    ("DELETE", "/api-keys/{api_key_id}", Administer),
    ("GET", "/dlq", Administer),
    ("GET", "/dlq/{seq}", Administer),
    ("POST", "/dlq/{seq}/redrive", Administer),
    ("GET", "/audit", Administer),
];

/// What a route takes; `path` as matched, with its prefix. `HEAD` is `GET` without a body.
pub(crate) fn required(method: &Method, path: &str) -> Option<Permission> {
    let path = crate::PREFIXES
        .iter()
        .find_map(|prefix| path.strip_prefix(prefix))?;
    let method = if method == Method::HEAD {
        "GET"
    } else {
        method.as_str()
    };
    ACCESS
        .iter()
        .find(|(known, route, _)| *known == method && *route == path)
        .map(|(_, _, permission)| *permission)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_prefixes_and_nothing_else() {
        for prefix in crate::PREFIXES {
            assert_eq!(
                required(&Method::POST, &format!("{prefix}/channels")),
                Some(Administer)
            );
            assert_eq!(
                required(&Method::HEAD, &format!("{prefix}/channels")),
                Some(Read)
            );
        }
        assert_eq!(required(&Method::POST, "/channels"), None);
        assert_eq!(required(&Method::TRACE, "/api/v1/channels"), None);
    }
}
