//! What people, and machines in their name, did with what a campaign sent.

use std::sync::Arc;

use axum::{
    extract::{OriginalUri, State},
    response::Response,
};
use schemas::{
    CampaignId, ContactId, MessageId, Timestamp,
    campaign::{CampaignEventType, Verdict},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use store::campaign::reaction::{self, ReactionFilter, ReactionRow};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::missing;
use crate::{
    auth::Caller,
    extract::{Path, Query},
    hub::Hub,
    page,
    problem::ApiError,
    route::contact::too_costly,
};

/// Something that was done.
#[derive(Serialize, ToSchema)]
#[schema(as = EmailTrackingEvent)]
pub(crate) struct EventOut {
    id: Uuid,
    campaign_id: CampaignId,
    message_id: MessageId,
    contact_id: ContactId,
    /// Where the message went; an e-mail address in a mail.
    recipient_email: Option<String>,
    event_type: CampaignEventType,
    /// Whether a person is thought to have done it; null where the question does not arise.
    verdict: Option<Verdict>,
    /// Only where the tenant keeps such things, as `user_agent`.
    ip_address: Option<String>,
    user_agent: Option<String>,
    /// What was clicked.
    url: Option<String>,
    /// `detail`: why, as a code: of a verdict, of a bounce.
    #[schema(value_type = Object)]
    metadata: Map<String, Value>,
    created_at: Timestamp,
}

impl From<ReactionRow> for EventOut {
    fn from(row: ReactionRow) -> Self {
        let detail = row
            .detail
            .map(|detail| ("detail".to_owned(), json!(detail)));
        Self {
            id: row.id,
            campaign_id: row.campaign_id,
            message_id: row.message_id,
            contact_id: row.contact_id,
            recipient_email: row.address,
            event_type: row.event,
            verdict: row.verdict,
            ip_address: row.ip_address,
            user_agent: row.user_agent,
            url: row.url,
            metadata: detail.into_iter().collect(),
            created_at: row.at,
        }
    }
}

/// Which events.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventQuery {
    event_type: Option<CampaignEventType>,
    verdict: Option<Verdict>,
    contact_id: Option<ContactId>,
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// `X-Next-Cursor` of the page before.
    #[param(pattern = "^[0-9a-f]{1,16}-[0-9a-f]{32}$")]
    cursor: Option<String>,
}

/// List what was done with a campaign's messages, the newest first.
#[utoipa::path(
    get, path = "/campaigns/{campaign_id}/events", tag = "campaigns", operation_id = "list_campaign_events",
    params(("campaign_id" = uuid::Uuid, Path, description = "The campaign"), EventQuery),
    responses((status = 200, description = "A page", body = [EventOut]))
)]
pub(crate) async fn events(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    OriginalUri(uri): OriginalUri,
    Path(id): Path<CampaignId>,
    Query(query): Query<EventQuery>,
) -> Result<Response, ApiError> {
    let limit = page::limit(query.limit)?;
    let cursor = page::cursor(query.cursor.as_deref())?;
    store::campaign::get(&hub.store, caller.tenant, id)
        .await
        .map_err(missing)?;
    let filter = ReactionFilter {
        event: query.event_type,
        verdict: query.verdict,
        contact: query.contact_id,
    };
    let found = reaction::list(&hub.store, caller.tenant, id, &filter, cursor, limit)
        .await?
        .ok_or_else(too_costly)?;
    Ok(page::of(&uri, found, EventOut::from))
}
