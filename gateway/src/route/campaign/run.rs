//! What a campaign is told to do.

use std::{sync::Arc, time::Duration};

use axum::extract::State;
use ingest::campaign::StartError;
use schemas::{CampaignId, Timestamp, campaign::CampaignStatus};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{StoreError, campaign::status};
use utoipa::ToSchema;

use super::{
    CampaignOut,
    check::{self, NoteOut},
    missing, named, refused,
};
use crate::{
    auth::Caller,
    extract::{Json, Path},
    hub::Hub,
    problem::ApiError,
};

/// The campaign after a change that everybody was told of.
async fn changed(
    hub: &Hub,
    caller: &Caller,
    id: CampaignId,
    action: &'static str,
) -> Result<axum::Json<CampaignOut>, ApiError> {
    ingest::campaign::announce(&hub.bus, id).await;
    hub.audit(caller, action, named(id), None).await?;
    let row = store::campaign::get(&hub.store, caller.tenant, id)
        .await
        .map_err(missing)?;
    Ok(axum::Json(row.into()))
}

fn not_ready(error: StartError) -> ApiError {
    match error {
        StartError::Store(error @ StoreError::NotFound) => missing(error),
        StartError::Store(error) => error.into(),
        StartError::Status(status) => refused(status, "only a draft or a scheduled one starts"),
        StartError::NotReady(missing) => {
            let lacks = missing.into_iter();
            let lacks = lacks.map(|one| ApiError::invalid(format!("/{}", one.field), one.reason));
            ApiError::not_ready("campaign", lacks)
        }
    }
}

/// Start a campaign now. Everything is checked first; what it says and whom it is for is frozen then. Takes no body.
#[utoipa::path(
    post, path = "/campaigns/{campaign_id}/start", tag = "campaigns", operation_id = "start_campaign",
    params(("campaign_id" = uuid::Uuid, Path, description = "The campaign")),
    responses((status = 200, description = "It runs", body = StartedOut))
)]
pub(crate) async fn start(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Path(id): Path<CampaignId>,
) -> Result<axum::Json<StartedOut>, ApiError> {
    ingest::campaign::start(&hub.store, caller.tenant, id)
        .await
        .map_err(not_ready)?;
    let axum::Json(campaign) = changed(&hub, &caller, id, "campaign.start").await?;
    let warnings = check::of_started(&hub, &caller, id).await;
    Ok(axum::Json(StartedOut { campaign, warnings }))
}

/// A campaign that has started, and what should be known of it.
#[derive(Serialize, ToSchema)]
#[schema(as = StartedCampaign)]
pub(crate) struct StartedOut {
    #[serde(flatten)]
    campaign: CampaignOut,
    warnings: Vec<NoteOut>,
}

/// When to start.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScheduleIn {
    scheduled_at: Timestamp,
}

/// How long a time to start may be over: clocks differ, and requests take their time.
const OVER: Duration = Duration::from_secs(60);

/// Refuses a time that is over: most likely it was mistyped, and everybody would be written to at once.
pub(super) fn to_come(at: Timestamp) -> Result<(), ApiError> {
    if Timestamp::now().since(at) > OVER {
        return Err(ApiError::invalid(
            "/scheduled_at",
            "That time is over. Give one to come, or start the campaign now.",
        ));
    }
    Ok(())
}

/// Have a draft start by itself. It is checked now, and again when it starts.
#[utoipa::path(
    post, path = "/campaigns/{campaign_id}/schedule", tag = "campaigns", operation_id = "schedule_campaign",
    params(("campaign_id" = uuid::Uuid, Path, description = "The campaign")),
    request_body(content = ScheduleIn, example = json!({"scheduled_at": "2030-01-01T09:00:00Z"})),
    responses((status = 200, description = "It is scheduled", body = CampaignOut))
)]
pub(crate) async fn schedule(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Path(id): Path<CampaignId>,
    Json(body): Json<ScheduleIn>,
) -> Result<axum::Json<CampaignOut>, ApiError> {
    let row = store::campaign::get(&hub.store, caller.tenant, id)
        .await
        .map_err(missing)?;
    if !row.status.is_editable() {
        return Err(refused(row.status, "only a draft can be scheduled"));
    }
    to_come(body.scheduled_at)?;
    ingest::campaign::plan(&hub.store, &row)
        .await
        .map_err(not_ready)?;
    status::schedule(&hub.store, caller.tenant, id, body.scheduled_at)
        .await
        .map_err(missing)?
        .map_err(|status| refused(status, "only a draft can be scheduled"))?;
    changed(&hub, &caller, id, "campaign.schedule").await
}

/// Take a scheduled campaign back: it is a draft again.
#[utoipa::path(
    delete, path = "/campaigns/{campaign_id}/schedule", tag = "campaigns", operation_id = "unschedule_campaign",
    params(("campaign_id" = uuid::Uuid, Path, description = "The campaign")),
    responses((status = 200, description = "It is a draft", body = CampaignOut))
)]
pub(crate) async fn unschedule(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Path(id): Path<CampaignId>,
) -> Result<axum::Json<CampaignOut>, ApiError> {
    go(
        &hub,
        &caller,
        id,
        CampaignStatus::Draft,
        "only a scheduled one can be taken back",
    )
    .await?;
    changed(&hub, &caller, id, "campaign.unschedule").await
}

async fn go(
    hub: &Hub,
    caller: &Caller,
    id: CampaignId,
    to: CampaignStatus,
    otherwise: &str,
) -> Result<(), ApiError> {
    status::go(&hub.store, caller.tenant, id, to, None)
        .await
        .map_err(missing)?
        .map_err(|status| refused(status, otherwise))
}

/// Pause a running campaign: within a second nothing leaves any more. Nobody is lost; `resume` goes on where it was.
#[utoipa::path(
    post, path = "/campaigns/{campaign_id}/pause", tag = "campaigns", operation_id = "pause_campaign",
    params(("campaign_id" = uuid::Uuid, Path, description = "The campaign")),
    responses((status = 200, description = "It is paused", body = CampaignOut))
)]
pub(crate) async fn pause(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Path(id): Path<CampaignId>,
) -> Result<axum::Json<CampaignOut>, ApiError> {
    go(
        &hub,
        &caller,
        id,
        CampaignStatus::Paused,
        "only a running one can be paused",
    )
    .await?;
    changed(&hub, &caller, id, "campaign.pause").await
}

/// Go on with a paused campaign.
#[utoipa::path(
    post, path = "/campaigns/{campaign_id}/resume", tag = "campaigns", operation_id = "resume_campaign",
    params(("campaign_id" = uuid::Uuid, Path, description = "The campaign")),
    responses((status = 200, description = "It runs", body = CampaignOut))
)]
pub(crate) async fn resume(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Path(id): Path<CampaignId>,
) -> Result<axum::Json<CampaignOut>, ApiError> {
    go(
        &hub,
        &caller,
        id,
        CampaignStatus::Running,
        "only a paused one can be resumed",
    )
    .await?;
    changed(&hub, &caller, id, "campaign.resume").await
}

/// Stop a campaign for good: whoever has not been sent to is `CANCELLED`.
#[utoipa::path(
    post, path = "/campaigns/{campaign_id}/stop", tag = "campaigns", operation_id = "stop_campaign",
    params(("campaign_id" = uuid::Uuid, Path, description = "The campaign")),
    responses((status = 200, description = "It is over", body = CampaignOut))
)]
pub(crate) async fn stop(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Path(id): Path<CampaignId>,
) -> Result<axum::Json<CampaignOut>, ApiError> {
    go(
        &hub,
        &caller,
        id,
        CampaignStatus::Cancelled,
        "it is over already",
    )
    .await?;
    ingest::campaign::clear(&hub.bus, id).await;
    changed(&hub, &caller, id, "campaign.stop").await
}

/// How many are tried again.
#[derive(Serialize, ToSchema)]
pub(crate) struct RetriedOut {
    retried: u64,
}

/// Try those again who failed. Bounced and suppressed addresses are not tried again, nor is what may have left.
#[utoipa::path(
    post, path = "/campaigns/{campaign_id}/retry-failed", tag = "campaigns", operation_id = "retry_failed_of_campaign",
    params(("campaign_id" = uuid::Uuid, Path, description = "The campaign")),
    responses((status = 200, description = "How many are tried again", body = RetriedOut))
)]
pub(crate) async fn retry_failed(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Path(id): Path<CampaignId>,
) -> Result<axum::Json<RetriedOut>, ApiError> {
    let retried = status::retry_failed(&hub.store, caller.tenant, id)
        .await
        .map_err(missing)?
        .map_err(|status| refused(status, "nobody of it has failed"))?;
    ingest::campaign::announce(&hub.bus, id).await;
    let detail = json!({"retried": retried});
    hub.audit(&caller, "campaign.retry-failed", named(id), Some(detail))
        .await?;
    Ok(axum::Json(RetriedOut { retried }))
}
