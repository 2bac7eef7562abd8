//! Suppressions: addresses that are not written to, and why.

use std::sync::Arc;

use axum::{
    extract::{OriginalUri, State},
    http::StatusCode,
    response::Response,
};
use schemas::{
    ChannelId, ChannelKind, SuppressionId, SuppressionReason, SuppressionScope, Timestamp,
    invisible::is_invisible,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::suppression::{
    MAX_ADDRESS_BYTES, Reach, SuppressionFilter, SuppressionNew, SuppressionRow,
};
use utoipa::{IntoParams, ToSchema};

use super::optional_text;
use crate::{
    auth::Caller,
    extract::{Json, Path, Query},
    hub::Hub,
    page,
    problem::ApiError,
};

/// An address that is not to be written to.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SuppressionIn {
    /// Where it holds; give this or `kind`.
    #[serde(default, alias = "channelId")]
    channel_id: Option<ChannelId>,
    /// On all channels that deliver to such addresses: `email`, `phone`, or a channel's type.
    #[serde(default)]
    #[schema(example = "email")]
    kind: Option<String>,
    /// As the platform writes it, e.g. an e-mail address, a number in E.164, or a user's id.
    #[schema(min_length = 1, max_length = 1024)]
    address: String,
    /// `manual` when absent.
    #[serde(default)]
    reason: SuppressionReason,
    /// `all` when absent.
    #[serde(default)]
    scope: SuppressionScope,
    /// For people.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 500)]
    detail: Option<String>,
    /// When it ends; never when absent.
    #[serde(default, alias = "expiresAt")]
    expires_at: Option<Timestamp>,
}

/// An address that is not written to.
#[derive(Serialize, ToSchema)]
pub(crate) struct SuppressionOut {
    id: SuppressionId,
    /// Null: on all channels of the kind.
    channel_id: Option<ChannelId>,
    /// What the address is: `email`, `phone`, or the type of its channels.
    kind: String,
    address: String,
    reason: SuppressionReason,
    scope: SuppressionScope,
    detail: Option<String>,
    created_at: Timestamp,
    expires_at: Option<Timestamp>,
}

impl From<SuppressionRow> for SuppressionOut {
    fn from(row: SuppressionRow) -> Self {
        Self {
            id: row.id,
            channel_id: row.channel_id,
            kind: row.kind,
            address: row.address,
            reason: row.reason,
            scope: row.scope,
            detail: row.detail,
            created_at: row.created_at,
            expires_at: row.expires_at,
        }
    }
}

/// A kind of channel by which a kind of address is meant.
fn kind_of(name: &str) -> Result<ChannelKind, ApiError> {
    if name == ChannelKind::Twilio.address_kind() {
        return Ok(ChannelKind::Twilio);
    }
    name.parse().map_err(|error| {
        ApiError::invalid(
            "/kind",
            format!("Give email, phone, or a channel's type: {error}."),
        )
    })
}

/// Which suppressions.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct SuppressionQuery {
    /// Those that hold on this channel, be it for its kind.
    #[serde(alias = "channelId")]
    channel_id: Option<ChannelId>,
    #[param(max_length = 1024)]
    address: Option<String>,
    reason: Option<SuppressionReason>,
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// From `X-Next-Cursor` of the page before.
    #[param(pattern = "^[0-9a-f]{1,16}-[0-9a-f]{32}$")]
    cursor: Option<String>,
}

/// List the addresses that are not written to, the newest first.
#[utoipa::path(
    get, path = "/suppressions", tag = "suppressions", operation_id = "list_suppressions", params(SuppressionQuery),
    responses((status = 200, description = "A page", body = [SuppressionOut],
        headers(("Link" = String, description = "The next page, with rel=\"next\"; absent on the last"),
                ("X-Next-Cursor" = String, description = "`cursor` of the next page"))))
)]
pub(crate) async fn list(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    OriginalUri(uri): OriginalUri,
    Query(query): Query<SuppressionQuery>,
) -> Result<Response, ApiError> {
    let limit = page::limit(query.limit)?;
    let cursor = page::cursor(query.cursor.as_deref())?;
    if query
        .address
        .as_ref()
        .is_some_and(|text| text.contains('\0') || text.len() > MAX_ADDRESS_BYTES)
    {
        return Err(ApiError::bad_request(format!(
            "`address` may have {MAX_ADDRESS_BYTES} bytes, none of them NUL."
        )));
    }
    let filter = SuppressionFilter {
        channel_id: query.channel_id,
        address: query.address,
        reason: query.reason,
    };
    let found = store::suppression::list(&hub.store, caller.tenant, &filter, cursor, limit).await?;
    Ok(page::of(&uri, found, SuppressionOut::from))
}

/// Write to an address no more.
///
/// An address that is suppressed for the same reason already gets what is said now.
#[utoipa::path(
    post, path = "/suppressions", tag = "suppressions", operation_id = "create_suppression",
    request_body(content = SuppressionIn, example = json!({
        "kind": "email", "address": "jane@example.com", "detail": "asked by telephone"})),
    responses((status = 201, description = "The suppression", body = SuppressionOut))
)]
pub(crate) async fn create(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Json(body): Json<SuppressionIn>,
) -> Result<(StatusCode, axum::Json<SuppressionOut>), ApiError> {
    let reach = match (body.channel_id, &body.kind) {
        (Some(channel), None) => Reach::Channel(channel),
        (None, Some(kind)) => Reach::Kind(kind_of(kind)?),
        _ => {
            return Err(ApiError::invalid(
                "/channel_id",
                "Give channel_id or kind, and not both.",
            ));
        }
    };
    let address = &body.address;
    if address.is_empty()
        || address.len() > MAX_ADDRESS_BYTES
        || address.contains(|c: char| c.is_control() || is_invisible(c))
    {
        return Err(ApiError::invalid(
            "/address",
            format!(
                "This must have 1 to {MAX_ADDRESS_BYTES} bytes and no control characters or invisible ones."
            ),
        ));
    }
    optional_text("/detail", body.detail.as_ref(), 500)?;
    let new = SuppressionNew {
        reach,
        address: body.address,
        reason: body.reason,
        scope: body.scope,
        detail: body.detail,
        expires_at: body.expires_at,
    };
    let row = store::suppression::create(&hub.store, caller.tenant, new)
        .await
        .map_err(|error| ApiError::or_not_found(error, "channel"))?;
    let detail = json!({"kind": row.kind, "reason": row.reason, "scope": row.scope});
    hub.audit(&caller, "suppression.create", object(row.id), Some(detail))
        .await?;
    Ok((StatusCode::CREATED, axum::Json(row.into())))
}

/// Write to an address again.
#[utoipa::path(
    delete, path = "/suppressions/{suppression_id}", tag = "suppressions", operation_id = "delete_suppression",
    params(("suppression_id" = uuid::Uuid, Path, description = "The suppression")),
    responses((status = 204, description = "It is lifted"))
)]
pub(crate) async fn delete(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Path(id): Path<SuppressionId>,
) -> Result<StatusCode, ApiError> {
    let row = store::suppression::lift(&hub.store, caller.tenant, id)
        .await
        .map_err(|error| ApiError::or_not_found(error, "suppression"))?;
    let detail = json!({"kind": row.kind, "reason": row.reason, "scope": row.scope});
    hub.audit(&caller, "suppression.delete", object(id), Some(detail))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

fn object(id: SuppressionId) -> String {
    format!("suppression:{id}")
}
