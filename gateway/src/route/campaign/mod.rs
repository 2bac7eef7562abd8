//! Campaigns: what people decide about them, and what they are told to do.

mod check;
mod draft;
mod event;
mod recipient;
mod run;
mod stats;
mod table;

use std::sync::Arc;

use axum::{
    extract::{OriginalUri, State},
    http::StatusCode,
    response::Response,
};
use schemas::{
    CampaignId, PlatformTemplate, TemplateId, Timestamp,
    campaign::{CampaignStatus, CampaignType, Pace, Unsubscribe},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::campaign::{CampaignFilter, CampaignRow};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

pub(crate) use self::check::{__path_check, check};
pub(crate) use self::draft::CampaignIn;
pub(crate) use self::event::{__path_events, events};
pub(crate) use self::recipient::{
    __path_get as __path_recipient, __path_list as __path_recipients, __path_resolve,
    get as recipient, list as recipients, resolve,
};
pub(crate) use self::run::{
    __path_pause, __path_resume, __path_retry_failed, __path_schedule, __path_start, __path_stop,
    __path_unschedule, pause, resume, retry_failed, schedule, start, stop, unschedule,
};
pub(crate) use self::stats::{__path_stats, Figures, stats};
use crate::{
    auth::Caller,
    extract::{Json, Path, Query},
    hub::Hub,
    page,
    problem::ApiError,
};

/// A campaign.
#[derive(Serialize, ToSchema)]
#[schema(as = Campaign)]
pub(crate) struct CampaignOut {
    id: CampaignId,
    tenant_id: schemas::TenantId,
    name: String,
    description: Option<String>,
    #[serde(rename = "type")]
    kind: CampaignType,
    status: CampaignStatus,
    /// Why it was paused, or could not start.
    status_reason: Option<String>,
    subject_line: Option<String>,
    sender_name: Option<String>,
    sender_email: Option<String>,
    target_segments: Vec<Uuid>,
    contact_list_ids: Vec<Uuid>,
    channel_ids: Vec<Uuid>,
    template_id: Option<TemplateId>,
    content: Option<String>,
    platform_template: Option<PlatformTemplate>,
    free_text: bool,
    tracking_enabled: bool,
    open_tracking_enabled: bool,
    click_tracking_enabled: bool,
    unsubscribe_enabled: bool,
    /// What somebody leaves with one click; null: as the tenant's settings say.
    unsubscribe: Option<Unsubscribe>,
    pace: Pace,
    scheduled_at: Option<Timestamp>,
    started_at: Option<Timestamp>,
    completed_at: Option<Timestamp>,
    /// Of one that runs: nothing leaves before, since all who are left wait for the sending window, or for another try.
    waits_until: Option<Timestamp>,
    /// Recipients known so far; all of them once `is_expanded`.
    audience: i64,
    is_expanded: bool,
    created_by: String,
    #[schema(value_type = Option<Object>)]
    metadata: Option<Value>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl From<CampaignRow> for CampaignOut {
    fn from(row: CampaignRow) -> Self {
        Self {
            id: row.id,
            tenant_id: row.tenant_id,
            name: row.name,
            description: row.description,
            kind: row.kind,
            status: row.status,
            status_reason: row.status_reason,
            subject_line: row.subject_line,
            sender_name: row.sender_name,
            sender_email: row.sender_email,
            target_segments: row.target_segments,
            contact_list_ids: row.contact_list_ids,
            channel_ids: row.channel_ids,
            template_id: row.template_id,
            content: row.content,
            platform_template: row.platform_template,
            free_text: row.free_text,
            tracking_enabled: row.tracking_enabled,
            open_tracking_enabled: row.open_tracking_enabled,
            click_tracking_enabled: row.click_tracking_enabled,
            unsubscribe_enabled: row.unsubscribe_enabled,
            unsubscribe: row.unsubscribe,
            pace: row.pace.0,
            scheduled_at: row.scheduled_at,
            started_at: row.started_at,
            completed_at: row.completed_at,
            waits_until: row.waits_until,
            audience: row.audience,
            is_expanded: row.is_expanded,
            created_by: row.created_by,
            metadata: row.metadata,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// Some of the campaigns. The only list within an object, which its readers rely on.
#[derive(Serialize, ToSchema)]
pub(crate) struct CampaignsOut {
    items: Vec<CampaignOut>,
    /// `cursor` of the next page; null on the last.
    next_cursor: Option<String>,
}

fn missing(error: store::StoreError) -> ApiError {
    ApiError::or_not_found(error, "campaign")
}

fn named(id: CampaignId) -> String {
    format!("campaign:{id}")
}

/// What cannot be done to a campaign that stands there.
fn refused(status: CampaignStatus, what: &str) -> ApiError {
    ApiError::conflict(format!("The campaign is {}; {what}.", status.name()))
}

/// Add a campaign, as a draft.
#[utoipa::path(
    post, path = "/campaigns", tag = "campaigns", operation_id = "create_campaign",
    request_body(content = CampaignIn, example = json!({
        "name": "November news", "type": "EMAIL", "subject_line": "News for {{ first_name }}",
        "content": "<p>Hello {{ first_name }}</p>", "contact_list_ids": ["0190c0de-0000-7000-8000-000000000000"]})),
    responses((status = 201, description = "The campaign", body = CampaignOut))
)]
pub(crate) async fn create(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Json(body): Json<CampaignIn>,
) -> Result<(StatusCode, axum::Json<CampaignOut>), ApiError> {
    let draft = body.draft()?;
    let row = store::campaign::create(&hub.store, caller.tenant, &draft, &caller.actor).await?;
    let detail = json!({"name": row.name, "type": row.kind});
    hub.audit(&caller, "campaign.create", named(row.id), Some(detail))
        .await?;
    Ok((StatusCode::CREATED, axum::Json(row.into())))
}

/// Which campaigns.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CampaignQuery {
    status: Option<CampaignStatus>,
    campaign_type: Option<CampaignType>,
    /// Part of the name or the description.
    #[param(max_length = 255)]
    search: Option<String>,
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[param(pattern = "^[0-9a-f]{1,16}-[0-9a-f]{32}$")]
    cursor: Option<String>,
}

/// List campaigns, the newest first.
#[utoipa::path(
    get, path = "/campaigns", tag = "campaigns", operation_id = "list_campaigns", params(CampaignQuery),
    responses((status = 200, description = "A page", body = CampaignsOut,
        headers(("Link" = String, description = "The next page, with rel=\"next\"; absent on the last"),
                ("X-Next-Cursor" = String, description = "`cursor` of the next page"))))
)]
pub(crate) async fn list(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    OriginalUri(uri): OriginalUri,
    Query(query): Query<CampaignQuery>,
) -> Result<Response, ApiError> {
    if query
        .search
        .as_ref()
        .is_some_and(|text| text.contains('\0') || text.chars().nth(255).is_some())
    {
        return Err(ApiError::bad_request(
            "`search` may have 255 characters, none of them NUL.",
        ));
    }
    let limit = page::limit(query.limit)?;
    let cursor = page::cursor(query.cursor.as_deref())?;
    let filter = CampaignFilter {
        status: query.status,
        kind: query.campaign_type,
        search: query.search,
    };
    let found = store::campaign::list(&hub.store, caller.tenant, &filter, cursor, limit).await?;
    let page = CampaignsOut {
        items: found.items.into_iter().map(Into::into).collect(),
        next_cursor: found.next.map(|next| next.to_string()),
    };
    Ok(page::answer(&uri, &page, found.next))
}

/// One campaign.
#[utoipa::path(
    get, path = "/campaigns/{campaign_id}", tag = "campaigns", operation_id = "get_campaign",
    params(("campaign_id" = uuid::Uuid, Path, description = "The campaign")),
    responses((status = 200, description = "The campaign", body = CampaignOut))
)]
pub(crate) async fn get(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Path(id): Path<CampaignId>,
) -> Result<axum::Json<CampaignOut>, ApiError> {
    let row = store::campaign::get(&hub.store, caller.tenant, id)
        .await
        .map_err(missing)?;
    Ok(axum::Json(row.into()))
}

/// Replace what a campaign says and whom it is for, as long as it has not begun. What is not given is as in a new one.
#[utoipa::path(
    put, path = "/campaigns/{campaign_id}", tag = "campaigns", operation_id = "replace_campaign",
    params(("campaign_id" = uuid::Uuid, Path, description = "The campaign")),
    request_body(content = CampaignIn, example = json!({"name": "November news", "type": "EMAIL"})),
    responses((status = 200, description = "The campaign as it is now", body = CampaignOut))
)]
pub(crate) async fn put(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Path(id): Path<CampaignId>,
    Json(body): Json<CampaignIn>,
) -> Result<axum::Json<CampaignOut>, ApiError> {
    let draft = body.draft()?;
    if let Some(over) = draft.scheduled_at.and_then(|at| run::to_come(at).err()) {
        let now = store::campaign::get(&hub.store, caller.tenant, id)
            .await
            .map_err(missing)?;
        if now.status == CampaignStatus::Scheduled {
            return Err(over);
        }
    }
    let row = store::campaign::replace(&hub.store, caller.tenant, id, &draft)
        .await
        .map_err(missing)?;
    let Some(row) = row else {
        let now = store::campaign::get(&hub.store, caller.tenant, id)
            .await
            .map_err(missing)?;
        return Err(refused(
            now.status,
            "what it says is frozen since it began, so that everybody gets the same",
        ));
    };
    hub.audit(&caller, "campaign.update", named(id), None)
        .await?;
    Ok(axum::Json(row.into()))
}

/// Delete a campaign, with its recipients and events. Stop it first when it runs.
#[utoipa::path(
    delete, path = "/campaigns/{campaign_id}", tag = "campaigns", operation_id = "delete_campaign",
    params(("campaign_id" = uuid::Uuid, Path, description = "The campaign")),
    responses((status = 204, description = "It is gone"))
)]
pub(crate) async fn delete(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Path(id): Path<CampaignId>,
) -> Result<StatusCode, ApiError> {
    let deleted = store::campaign::delete(&hub.store, caller.tenant, id)
        .await
        .map_err(missing)?;
    if !deleted {
        return Err(ApiError::conflict(
            "The campaign has begun and is not over. Stop it first.",
        ));
    }
    hub.audit(&caller, "campaign.delete", named(id), None)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
