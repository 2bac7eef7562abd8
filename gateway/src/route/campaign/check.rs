//! What a campaign's start would say, without starting it.

use std::sync::Arc;

use axum::extract::State;
use ingest::campaign::{StartError, Warning};
use schemas::{CampaignId, campaign::Plan};
use serde::Serialize;
use store::campaign::watch;
use utoipa::ToSchema;

use super::missing;
use crate::{auth::Caller, extract::Path, hub::Hub, problem::ApiError};

/// Something about a field of a campaign.
#[derive(Serialize, ToSchema)]
#[schema(as = CampaignNote)]
pub(crate) struct NoteOut {
    /// JSON Pointer (RFC 6901) into the campaign.
    #[schema(example = "/sender_email")]
    pointer: String,
    detail: String,
}

impl NoteOut {
    fn new(field: &str, detail: String) -> Self {
        Self {
            pointer: format!("/{field}"),
            detail,
        }
    }
}

impl From<Warning> for NoteOut {
    fn from(warning: Warning) -> Self {
        Self::new(warning.field, warning.reason)
    }
}

/// Whether a campaign can start.
#[derive(Serialize, ToSchema)]
#[schema(as = CampaignCheck)]
pub(crate) struct CheckOut {
    ok: bool,
    /// What keeps it from starting.
    problems: Vec<NoteOut>,
    /// What does not, and should be known.
    warnings: Vec<NoteOut>,
}

/// Whether a campaign could start now, and what should be known before. Nothing is started or changed.
#[utoipa::path(
    post, path = "/campaigns/{campaign_id}/check", tag = "campaigns", operation_id = "check_campaign",
    params(("campaign_id" = uuid::Uuid, Path, description = "The campaign")),
    responses((status = 200, description = "What was found", body = CheckOut))
)]
pub(crate) async fn check(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Path(id): Path<CampaignId>,
) -> Result<axum::Json<CheckOut>, ApiError> {
    let row = store::campaign::get(&hub.store, caller.tenant, id)
        .await
        .map_err(missing)?;
    let found = match ingest::campaign::plan(&hub.store, &row).await {
        Ok(plan) => CheckOut {
            ok: row.status.is_editable(),
            problems: Vec::new(),
            warnings: warnings(&hub, &caller, &plan).await?,
        },
        Err(StartError::NotReady(lacks)) => {
            let lacks = lacks.into_iter();
            CheckOut {
                ok: false,
                problems: lacks
                    .map(|one| NoteOut::new(one.field, one.reason))
                    .collect(),
                warnings: Vec::new(),
            }
        }
        Err(StartError::Store(error)) => return Err(missing(error)),
        Err(StartError::Status(status)) => return Err(super::refused(status, "it is not checked")),
    };
    Ok(axum::Json(found))
}

async fn warnings(hub: &Hub, caller: &Caller, plan: &Plan) -> Result<Vec<NoteOut>, ApiError> {
    let found = ingest::campaign::warnings(&hub.store, caller.tenant, plan).await?;
    Ok(found.into_iter().map(Into::into).collect())
}

/// What should be known of a campaign that runs by now; nothing when that cannot be found out, for it runs all the same.
pub(super) async fn of_started(hub: &Hub, caller: &Caller, id: CampaignId) -> Vec<NoteOut> {
    let Ok(Some(planned)) = watch::planned(&hub.store, id).await else {
        return Vec::new();
    };
    warnings(hub, caller, &planned.plan)
        .await
        .unwrap_or_default()
}
