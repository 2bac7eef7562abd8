//! Contacts: whom campaigns are for.

use std::{collections::BTreeSet, sync::Arc};

use axum::{
    extract::{OriginalUri, State},
    http::StatusCode,
    response::Response,
};
use schemas::{ChannelKind, ContactId, ListId, Membership, SegmentId, Timestamp, address};
use serde::Deserialize;
use store::{
    StoreError,
    contact::{ContactFilter, ContactNew, ContactPatch as StorePatch},
};
use utoipa::IntoParams;

use super::{
    contact_in::{ContactIn, ContactPatch, addresses, attributes, language, preferred, time_zone},
    contact_out::{ContactOut, MembershipOut, whole, with_addresses},
    object, optional_text, without_nul,
};
use crate::{
    auth::Caller,
    extract::{Json, Path, Query},
    hub::Hub,
    page,
    problem::ApiError,
};

/// What took too long to look for.
pub(super) fn too_costly() -> ApiError {
    ApiError::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "too-costly",
        "This took longer than the hub looks for something. Ask for less: another condition, or a list.",
    )
}

fn failed(error: StoreError) -> ApiError {
    match error {
        StoreError::Conflict { constraint } if constraint == "contact_addresses_pkey" => {
            ApiError::conflict(
                "One of the addresses is another contact's. Change that one, or delete it.",
            )
        }
        StoreError::Conflict { constraint } if constraint.contains("external_id") => {
            ApiError::conflict("The external_id is another contact's.")
        }
        StoreError::Invalid(rule) if rule.starts_with("attributes") => {
            ApiError::invalid("/attributes", format!("All told, {rule} of JSON."))
        }
        other => ApiError::or_not_found(other, "contact"),
    }
}

fn named(id: ContactId) -> String {
    format!("contact:{id}")
}

/// Add a contact.
///
/// Somebody who wrote first is a contact already; its addresses belong to it, and the answer is 409.
#[utoipa::path(
    post, path = "/contacts", tag = "contacts", operation_id = "create_contact",
    request_body(content = ContactIn, example = json!({
        "name": "Ann Smith", "language": "en", "time_zone": "Europe/London", "attributes": {"plan": "pro", "seats": 3},
        "addresses": [{"kind": "email", "address": "ann@example.com", "consent": "given", "consent_source": "order form"}]})),
    responses((status = 201, description = "The contact", body = ContactOut))
)]
pub(crate) async fn create(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Json(body): Json<ContactIn>,
) -> Result<(StatusCode, axum::Json<ContactOut>), ApiError> {
    optional_text("/external_id", body.external_id.as_ref(), 255)?;
    optional_text("/name", body.name.as_ref(), 255)?;
    attributes(&body.attributes)?;
    without_nul("/metadata", &body.metadata)?;
    let new = ContactNew {
        external_id: body.external_id,
        name: body.name,
        attributes: body.attributes,
        language: language(body.language)?,
        time_zone: time_zone(body.time_zone)?,
        preferred_channel: preferred(body.preferred_channel)?,
        addresses: addresses(body.addresses)?,
        metadata: object(body.metadata),
    };
    let row = store::contact::create(&hub.store, caller.tenant, new)
        .await
        .map_err(failed)?;
    hub.audit(&caller, "contact.create", named(row.id), None)
        .await?;
    Ok((
        StatusCode::CREATED,
        axum::Json(whole(&hub, &caller, row).await?),
    ))
}

/// Which contacts; all that is given must hold.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ContactQuery {
    /// An address of any kind, in any spelling.
    #[param(max_length = 1024)]
    address: Option<String>,
    /// Occurs in the name, ignoring the case of A to Z.
    #[param(max_length = 255)]
    name: Option<String>,
    #[serde(alias = "externalId")]
    #[param(max_length = 255)]
    external_id: Option<String>,
    /// Those who stand to this list as `membership` says.
    #[serde(alias = "listId")]
    list_id: Option<ListId>,
    /// `confirmed` when absent.
    membership: Option<Membership>,
    /// Those whom this segment chooses now.
    #[serde(alias = "segmentId")]
    segment_id: Option<SegmentId>,
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// From `X-Next-Cursor` of the page before.
    #[param(pattern = "^[0-9a-f]{1,16}-[0-9a-f]{32}$")]
    cursor: Option<String>,
}

/// List contacts, the newest first.
#[utoipa::path(
    get, path = "/contacts", tag = "contacts", operation_id = "list_contacts", params(ContactQuery),
    responses((status = 200, description = "A page", body = [ContactOut],
        headers(("Link" = String, description = "The next page, with rel=\"next\"; absent on the last"),
                ("X-Next-Cursor" = String, description = "`cursor` of the next page"))))
)]
pub(crate) async fn list(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    OriginalUri(uri): OriginalUri,
    Query(query): Query<ContactQuery>,
) -> Result<Response, ApiError> {
    let limit = page::limit(query.limit)?;
    let cursor = page::cursor(query.cursor.as_deref())?;
    let texts = [&query.address, &query.name, &query.external_id];
    if texts
        .into_iter()
        .flatten()
        .any(|text| text.contains('\0') || text.len() > address::MAX_BYTES)
    {
        return Err(ApiError::bad_request(
            "What is looked for may have 1024 bytes, none of them NUL.",
        ));
    }
    let segment = match query.segment_id {
        None => None,
        Some(id) => Some((
            super::segment::filter(&hub, &caller, id).await?,
            Timestamp::now(),
        )),
    };
    let filter = ContactFilter {
        addresses: query.address.as_deref().map(spellings),
        name: query.name,
        external_id: query.external_id,
        list: query
            .list_id
            .map(|list| (list, query.membership.unwrap_or_default())),
        segment,
    };
    let found = store::contact::list(&hub.store, caller.tenant, &filter, cursor, limit)
        .await?
        .ok_or_else(too_costly)?;
    let items = with_addresses(&hub, &caller, found.items).await?;
    Ok(page::answer(&uri, &items, found.next))
}

/// What a text is as an address, of each kind it can be one of.
fn spellings(text: &str) -> Vec<(&'static str, String)> {
    let kinds: BTreeSet<&str> = ChannelKind::ALL.map(ChannelKind::address_kind).into();
    kinds
        .into_iter()
        .filter_map(|kind| Some((kind, address::canonical(kind, text).ok()?)))
        .collect()
}

/// One contact.
#[utoipa::path(
    get, path = "/contacts/{contact_id}", tag = "contacts", operation_id = "get_contact",
    params(("contact_id" = uuid::Uuid, Path, description = "The contact")),
    responses((status = 200, description = "The contact", body = ContactOut))
)]
pub(crate) async fn get(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Path(id): Path<ContactId>,
) -> Result<axum::Json<ContactOut>, ApiError> {
    let row = store::contact::get(&hub.store, caller.tenant, id)
        .await
        .map_err(failed)?;
    whole(&hub, &caller, row).await.map(axum::Json)
}

/// The lists that a contact stands to.
#[utoipa::path(
    get, path = "/contacts/{contact_id}/lists", tag = "contacts", operation_id = "list_memberships",
    params(("contact_id" = uuid::Uuid, Path, description = "The contact")),
    responses((status = 200, description = "All of them, by name", body = [MembershipOut]))
)]
pub(crate) async fn memberships(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Path(id): Path<ContactId>,
) -> Result<axum::Json<Vec<MembershipOut>>, ApiError> {
    store::contact::get(&hub.store, caller.tenant, id)
        .await
        .map_err(failed)?;
    let rows = store::list::of_contact(&hub.store, caller.tenant, id).await?;
    Ok(axum::Json(rows.into_iter().map(Into::into).collect()))
}

/// Change a contact.
#[utoipa::path(
    patch, path = "/contacts/{contact_id}", tag = "contacts", operation_id = "update_contact",
    params(("contact_id" = uuid::Uuid, Path, description = "The contact")),
    request_body(content = ContactPatch, example = json!({"attributes": {"plan": "free", "seats": null}})),
    responses((status = 200, description = "The contact as it is now", body = ContactOut))
)]
pub(crate) async fn update(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Path(id): Path<ContactId>,
    Json(body): Json<ContactPatch>,
) -> Result<axum::Json<ContactOut>, ApiError> {
    let flat = |value: &Option<Option<String>>| value.clone().flatten();
    optional_text("/external_id", flat(&body.external_id).as_ref(), 255)?;
    optional_text("/name", flat(&body.name).as_ref(), 255)?;
    body.attributes.as_ref().map_or(Ok(()), attributes)?;
    if let Some(Some(metadata)) = &body.metadata {
        without_nul("/metadata", metadata)?;
    }
    let patch = StorePatch {
        external_id: body.external_id,
        name: body.name,
        attributes: body.attributes,
        language: body.language.map(language).transpose()?,
        time_zone: body.time_zone.map(time_zone).transpose()?,
        preferred_channel: body.preferred_channel.map(preferred).transpose()?,
        addresses: body.addresses.map(addresses).transpose()?,
        metadata: body.metadata.map(|given| given.and_then(object)),
    };
    let row = store::contact::update(&hub.store, caller.tenant, id, &patch)
        .await
        .map_err(failed)?;
    hub.audit(&caller, "contact.update", named(id), None)
        .await?;
    whole(&hub, &caller, row).await.map(axum::Json)
}

/// Change a contact (the same as `PATCH`: what is not given stays).
#[utoipa::path(
    put, path = "/contacts/{contact_id}", tag = "contacts", operation_id = "put_contact",
    params(("contact_id" = uuid::Uuid, Path, description = "The contact")),
    request_body(content = ContactPatch, example = json!({"name": "Ann Smith"})),
    responses((status = 200, description = "The contact as it is now", body = ContactOut))
)]
pub(crate) async fn put(
    state: State<Arc<Hub>>,
    caller: Caller,
    path: Path<ContactId>,
    body: Json<ContactPatch>,
) -> Result<axum::Json<ContactOut>, ApiError> {
    update(state, caller, path, body).await
}

/// Delete a contact, its addresses and its memberships.
///
/// What campaigns sent it stays counted, with the address it went to.
#[utoipa::path(
    delete, path = "/contacts/{contact_id}", tag = "contacts", operation_id = "delete_contact",
    params(("contact_id" = uuid::Uuid, Path, description = "The contact")),
    responses((status = 204, description = "It is gone"))
)]
pub(crate) async fn delete(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Path(id): Path<ContactId>,
) -> Result<StatusCode, ApiError> {
    store::contact::delete(&hub.store, caller.tenant, id)
        .await
        .map_err(failed)?;
    hub.audit(&caller, "contact.delete", named(id), None)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
