//! How many people a campaign would reach.

use std::{collections::BTreeMap, sync::Arc};

use axum::extract::State;
use schemas::{ChannelId, ChannelKind, ListId, SegmentId, Timestamp, campaign::CampaignType};
use serde::{Deserialize, Serialize};
use store::contact::{AudienceCount, AudienceQuery, Choice};
use utoipa::ToSchema;

use super::contact::too_costly;
use crate::{auth::Caller, extract::Json, hub::Hub, problem::ApiError};

/// Lists and segments of an audience.
const MAX_PARTS: usize = 100;

/// Whom a campaign would be for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AudienceIn {
    /// Its type, which says where people can be written to.
    #[serde(rename = "type", alias = "campaign_type", alias = "campaignType")]
    campaign_type: CampaignType,
    #[serde(default, alias = "contactListIds")]
    #[schema(max_items = 100)]
    contact_list_ids: Vec<ListId>,
    #[serde(default, alias = "targetSegments")]
    #[schema(max_items = 100)]
    target_segments: Vec<SegmentId>,
    /// What it would be sent by: then what is suppressed on these channels alone counts too.
    #[serde(default, alias = "channelIds")]
    #[schema(max_items = 100)]
    channel_ids: Vec<ChannelId>,
}

/// What would become of it: `contacts` is the sum of `reachable`, `suppressed`, `without_consent` and `without_address`.
#[derive(Serialize, ToSchema)]
pub(crate) struct AudienceOut {
    contacts: i64,
    /// Can be written to.
    reachable: i64,
    /// The same by kind of address; one who has several is in each.
    reachable_by: BTreeMap<String, i64>,
    /// Have addresses, all of them suppressed.
    suppressed: i64,
    /// Asked for consent and not answered yet, or withdrew it.
    without_consent: i64,
    without_address: i64,
}

impl From<AudienceCount> for AudienceOut {
    fn from(count: AudienceCount) -> Self {
        Self {
            contacts: count.contacts,
            reachable: count.reachable,
            reachable_by: count.reachable_by,
            suppressed: count.suppressed,
            without_consent: count.without_consent,
            without_address: count.without_address,
        }
    }
}

/// Count whom a campaign would reach.
#[utoipa::path(
    post, path = "/audience/count", tag = "segments", operation_id = "count_audience",
    request_body(content = AudienceIn, example = json!({
        "type": "EMAIL", "contact_list_ids": ["018f3c1e-0000-7000-8000-000000000001"], "target_segments": []})),
    responses((status = 200, description = "How many", body = AudienceOut))
)]
pub(crate) async fn count(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Json(body): Json<AudienceIn>,
) -> Result<axum::Json<AudienceOut>, ApiError> {
    for (pointer, length) in [
        ("/contact_list_ids", body.contact_list_ids.len()),
        ("/target_segments", body.target_segments.len()),
        ("/channel_ids", body.channel_ids.len()),
    ] {
        if length > MAX_PARTS {
            return Err(ApiError::invalid(
                pointer,
                format!("There may be {MAX_PARTS} of these."),
            ));
        }
    }
    for list in &body.contact_list_ids {
        store::list::get(&hub.store, caller.tenant, *list)
            .await
            .map_err(|error| ApiError::or_not_found(error, "list"))?;
    }
    let mut segments = Vec::with_capacity(body.target_segments.len());
    for segment in &body.target_segments {
        segments.push(super::segment::filter(&hub, &caller, *segment).await?);
    }
    let asked = AudienceQuery {
        choice: Choice {
            lists: body.contact_list_ids,
            segments,
            now: Timestamp::now(),
        },
        kinds: kinds(&hub, &caller, body.campaign_type).await?,
        channels: body.channel_ids,
    };
    let counted = store::contact::count(&hub.store, caller.tenant, &asked)
        .await?
        .ok_or_else(too_costly)?;
    Ok(axum::Json(counted.into()))
}

/// Kinds of addresses that fit the type: those it is about, and those of a sandbox where the tenant has one.
async fn kinds(
    hub: &Hub,
    caller: &Caller,
    campaign_type: CampaignType,
) -> Result<Vec<&'static str>, ApiError> {
    let filter = store::channel::ChannelFilter {
        kind: Some(ChannelKind::Sandbox),
        ..Default::default()
    };
    let has_sandbox = !store::channel::list(&hub.store, caller.tenant, filter)
        .await?
        .is_empty();
    let mut kinds: Vec<&str> = ChannelKind::ALL
        .into_iter()
        .filter(|kind| campaign_type.fits(*kind) && (has_sandbox || *kind != ChannelKind::Sandbox))
        .map(ChannelKind::address_kind)
        .collect();
    kinds.sort_unstable();
    kinds.dedup();
    Ok(kinds)
}
