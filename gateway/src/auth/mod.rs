//! Who is calling, and what they may do.
//!
//! Invariants: a route without an entry in [`permission::ACCESS`] answers nobody; the tenant of a
//! request is that of its key or token and of nothing else in the request; what cannot be checked
//! because the database is down is 503, never 401 and never allowed on a guess.
//!
//! Deliberately absent: sessions, cookies and logins of people (OIDC), which come with the pages.

mod jwt;
mod key;
mod permission;

use std::{str::FromStr, sync::Arc};

use axum::{
    extract::{FromRequestParts, MatchedPath, Request, State},
    http::{HeaderMap, header, request::Parts},
    middleware::Next,
    response::Response,
};
use schemas::{ChannelId, TenantId};

pub use self::jwt::JwtKeyError;
pub(crate) use self::{
    jwt::Jwt,
    key::Keys,
    permission::{ACCESS, Permission, required},
};
use crate::{hub::Hub, problem::ApiError};

/// What a caller is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Role {
    /// Everything.
    Admin,
    /// Reads and converses.
    Agent,
    /// Reads.
    Viewer,
    /// Hands in the messages of one channel, and nothing else.
    Adapter,
}

impl Role {
    pub(crate) const ALL: [Self; 4] = [Self::Admin, Self::Agent, Self::Viewer, Self::Adapter];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Agent => "agent",
            Self::Viewer => "viewer",
            Self::Adapter => "adapter",
        }
    }

    pub(crate) const fn may(self, permission: Permission) -> bool {
        match permission {
            Permission::Read => matches!(self, Self::Admin | Self::Agent | Self::Viewer),
            Permission::Converse => matches!(self, Self::Admin | Self::Agent),
            Permission::Administer => matches!(self, Self::Admin),
            Permission::HandIn => matches!(self, Self::Admin | Self::Adapter),
        }
    }
}

impl FromStr for Role {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        Self::ALL
            .into_iter()
            .find(|role| role.name() == name)
            .ok_or(())
    }
}

/// Who is calling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) tenant: TenantId,
    pub(crate) role: Role,
    /// `key:<id>` or `jwt:<sub>`: what the audit log and sent messages name.
    pub(crate) actor: Arc<str>,
    /// The key's name, for people.
    pub(crate) name: Option<Arc<str>>,
    /// The one channel of an adapter.
    pub(crate) channel: Option<ChannelId>,
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or_else(|| ApiError::unauthorized(HOW))
    }
}

const HOW: &str = "Send `Authorization: Bearer` with an API key (tdk_…) or a JSON Web Token.";

/// Middleware: finds out who calls and whether they may call this route.
pub(crate) async fn guard(
    State(hub): State<Arc<Hub>>,
    path: MatchedPath,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let caller = identify(&hub, request.headers()).await?;
    match required(request.method(), path.as_str()) {
        Some(permission) if caller.role.may(permission) => {}
        Some(permission) => {
            return Err(ApiError::forbidden(format!(
                "The role {} may not do this; it takes {}.",
                caller.role.name(),
                permission.roles()
            )));
        }
        // A method the path does not take: the router says so. A handler without an entry is not
        // given a caller and so refuses.
        None => return Ok(next.run(request).await),
    }
    request.extensions_mut().insert(caller);
    Ok(next.run(request).await)
}

/// Who a request's header says is calling.
pub(crate) async fn identify(hub: &Hub, headers: &HeaderMap) -> Result<Caller, ApiError> {
    let token = bearer(headers).ok_or_else(|| ApiError::unauthorized(HOW))?;
    identify_by(hub, token).await
}

/// Who holds a key or token.
pub(crate) async fn identify_by(hub: &Hub, token: &str) -> Result<Caller, ApiError> {
    if token.starts_with(store::api_key::TOKEN_PREFIX) {
        hub.keys.find(&hub.store, token).await
    } else {
        hub.jwt.verify(token).map_err(|refused| {
            tracing::debug!(%refused, "a token was refused");
            ApiError::unauthorized(refused.to_string())
        })
    }
}

/// The token of `Authorization: Bearer <token>` (RFC 6750); one such header alone counts.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut all = headers.get_all(header::AUTHORIZATION).iter();
    let value = all.next()?.to_str().ok()?;
    if all.next().is_some() {
        return None;
    }
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() && token.len() <= 8192)
        .then_some(token)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn the_bearer_is_read_strictly() {
        let of = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, HeaderValue::from_static(value));
            bearer(&headers).map(str::to_owned)
        };
        assert_eq!(of("Bearer tdk_a"), Some("tdk_a".into()));
        assert_eq!(of("bearer  tdk_a "), Some("tdk_a".into()));
        assert_eq!(of("Basic dXNlcg=="), None);
        assert_eq!(of("Bearer"), None);
        assert_eq!(of("Bearer "), None);
        let mut twice = HeaderMap::new();
        twice.append(header::AUTHORIZATION, HeaderValue::from_static("Bearer a"));
        twice.append(header::AUTHORIZATION, HeaderValue::from_static("Bearer b"));
        assert_eq!(bearer(&twice), None);
    }

    #[test]
    fn roles_do_what_they_are_for() {
        use Permission::{Administer, Converse, HandIn, Read};
        let table = [
            (Role::Admin, [true, true, true, true]),
            (Role::Agent, [true, true, false, false]),
            (Role::Viewer, [true, false, false, false]),
            (Role::Adapter, [false, false, false, true]),
        ];
        for (role, expected) in table {
            let may = [Read, Converse, Administer, HandIn].map(|permission| role.may(permission));
            assert_eq!(may, expected, "{}", role.name());
        }
    }
}
