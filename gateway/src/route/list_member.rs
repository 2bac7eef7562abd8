//! Who is on a list: contacts put there and taken off, many at a time.

use std::sync::Arc;

use axum::extract::State;
use schemas::{ContactId, ListId, OptIn, SegmentId, Timestamp, address};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::list::{MAX_MEMBERS, Members};
use utoipa::ToSchema;

use super::{
    contact_in::kind,
    list::{missing, named},
    list_confirm::{self, Confirmations},
};
use crate::{
    auth::Caller,
    extract::{Json, Path},
    hub::Hub,
    problem::ApiError,
};

/// Whom it is about; give one of the three.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MembersIn {
    #[serde(default, alias = "contactIds")]
    #[schema(max_items = 10_000)]
    contact_ids: Option<Vec<ContactId>>,
    #[serde(default)]
    addresses: Option<AddressesIn>,
    /// Whom the segment chooses now, up to 10,000 at a time.
    #[serde(default, alias = "segmentId")]
    segment_id: Option<SegmentId>,
    /// Also those who unsubscribed: say so only where they asked for it.
    #[serde(default)]
    resubscribe: bool,
}

/// Addresses of contacts.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AddressesIn {
    /// `email`, `phone`, or the type of the channel.
    kind: String,
    #[schema(max_items = 10_000)]
    addresses: Vec<String>,
}

/// What became of it.
#[derive(Serialize, ToSchema)]
pub(crate) struct AddedOut {
    /// Put on the list; with double opt-in, to be confirmed.
    added: u64,
    /// Were there already, in one way or another.
    present: u64,
    /// Of these, who unsubscribed and was let be.
    unsubscribed: u64,
    /// Ids and addresses that no contact has.
    unknown: u64,
    /// Who was sent a mail to confirm it.
    asked: u64,
    /// The segment has more contacts, or more are to be asked: call again.
    has_more: bool,
}

/// What became of it.
#[derive(Serialize, ToSchema)]
pub(crate) struct RemovedOut {
    removed: u64,
    /// The segment has more contacts on the list: call again.
    has_more: bool,
}

/// Those who are meant, and how many texts are no addresses.
async fn members(hub: &Hub, caller: &Caller, body: MembersIn) -> Result<(Members, u64), ApiError> {
    let too_many = |pointer: &'static str| {
        ApiError::invalid(pointer, format!("There may be {MAX_MEMBERS} at a time."))
    };
    match (body.contact_ids, body.addresses, body.segment_id) {
        (Some(ids), None, None) if ids.len() > MAX_MEMBERS => Err(too_many("/contact_ids")),
        (Some(ids), None, None) => Ok((Members::Contacts(ids), 0)),
        (None, Some(given), None) => {
            if given.addresses.len() > MAX_MEMBERS {
                return Err(too_many("/addresses/addresses"));
            }
            let kind = kind("/addresses/kind", &given.kind)?;
            let count = given.addresses.len();
            let addresses: Vec<String> = given
                .addresses
                .iter()
                .filter_map(|text| address::canonical(kind, text).ok())
                .collect();
            let wrong = (count - addresses.len()) as u64;
            Ok((Members::Addresses(kind, addresses), wrong))
        }
        (None, None, Some(segment)) => {
            let filter = super::segment::filter(hub, caller, segment).await?;
            Ok((Members::Segment(Box::new(filter), Timestamp::now()), 0))
        }
        _ => Err(ApiError::invalid(
            "/contact_ids",
            "Give one of contact_ids, addresses and segment_id.",
        )),
    }
}

/// Put contacts on a list.
///
/// On a list with double opt-in they are asked by mail, and on it once they confirm: three times at most, a day apart, and
/// a thousand in a call.
#[utoipa::path(
    post, path = "/lists/{list_id}/members", tag = "lists", operation_id = "add_members",
    params(("list_id" = uuid::Uuid, Path, description = "The list")),
    request_body(content = MembersIn, example = json!({
        "addresses": {"kind": "email", "addresses": ["ann@example.com"]}})),
    responses((status = 200, description = "What became of it", body = AddedOut))
)]
pub(crate) async fn add(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Path(id): Path<ListId>,
    Json(body): Json<MembersIn>,
) -> Result<axum::Json<AddedOut>, ApiError> {
    let list = store::list::get(&hub.store, caller.tenant, id)
        .await
        .map_err(missing)?;
    let resubscribe = body.resubscribe;
    let (members, wrong) = members(&hub, &caller, body).await?;
    // What cannot be asked is found out before anybody is put on the list.
    let post = match list.opt_in {
        OptIn::Single => None,
        OptIn::Double => Some(list_confirm::post(&hub, &caller).await?),
    };
    let added = store::list::add(&hub.store, caller.tenant, id, &members, resubscribe)
        .await
        .map_err(missing)?;
    let asked = match post {
        Some(post) => list_confirm::ask(&hub, &caller, &list, &post, &added.unconfirmed).await?,
        None => Confirmations::default(),
    };
    let detail = json!({"added": added.added, "resubscribe": resubscribe});
    hub.audit(&caller, "list.add", named(id), Some(detail))
        .await?;
    Ok(axum::Json(AddedOut {
        added: added.added,
        present: added.present,
        unsubscribed: added.unsubscribed,
        unknown: added.unknown + wrong,
        asked: asked.sent,
        has_more: added.has_more || asked.has_more,
    }))
}

/// Take contacts off a list, as if they had never been on it.
///
/// Who wants to be written to no more is better unsubscribed: that is remembered.
#[utoipa::path(
    post, path = "/lists/{list_id}/members/remove", tag = "lists", operation_id = "remove_members",
    params(("list_id" = uuid::Uuid, Path, description = "The list")),
    request_body(content = MembersIn, example = json!({
        "contact_ids": ["018f3c1e-0000-7000-8000-000000000001"]})),
    responses((status = 200, description = "What became of it", body = RemovedOut))
)]
pub(crate) async fn remove(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Path(id): Path<ListId>,
    Json(body): Json<MembersIn>,
) -> Result<axum::Json<RemovedOut>, ApiError> {
    let (members, _) = members(&hub, &caller, body).await?;
    let (removed, has_more) = store::list::remove(&hub.store, caller.tenant, id, &members)
        .await
        .map_err(missing)?;
    let detail = json!({"removed": removed});
    hub.audit(&caller, "list.remove", named(id), Some(detail))
        .await?;
    Ok(axum::Json(RemovedOut { removed, has_more }))
}

/// Unsubscribe a contact from a list, in its name.
#[utoipa::path(
    post, path = "/lists/{list_id}/members/{contact_id}/unsubscribe", tag = "lists", operation_id = "unsubscribe_member",
    params(("list_id" = uuid::Uuid, Path, description = "The list"),
           ("contact_id" = uuid::Uuid, Path, description = "The contact")),
    responses((status = 200, description = "Done", body = super::SuccessOut))
)]
pub(crate) async fn unsubscribe(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Path((id, contact)): Path<(ListId, ContactId)>,
) -> Result<axum::Json<super::SuccessOut>, ApiError> {
    store::list::unsubscribe(&hub.store, caller.tenant, id, contact)
        .await
        .map_err(|error| ApiError::or_not_found(error, "member"))?;
    let detail = json!({"contact": contact});
    hub.audit(&caller, "list.unsubscribe", named(id), Some(detail))
        .await?;
    Ok(super::SUCCESS)
}
