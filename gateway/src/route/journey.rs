//! "Why?": a message's way through the hub, step by step, in the order of time.
//!
//! The steps are the hops the stages left, what the delivery ledger holds, and tracking events.

use std::sync::Arc;

use axum::extract::State;
use schemas::{DeliveryState, Direction, Hop, MessageId, Timestamp};
use serde::Serialize;
use store::{message::MessageRow, tracking::TrackingRow};
use utoipa::ToSchema;

use super::{message::patiently, message_out::MessageOut, message_out::StatusOut};
use crate::{auth::Caller, extract::Path, hub::Hub, problem::ApiError};

/// A message's way.
#[derive(Serialize, ToSchema)]
pub(crate) struct JourneyOut {
    message_id: MessageId,
    direction: Direction,
    status: StatusOut,
    /// In the order of time.
    steps: Vec<StepOut>,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct StepOut {
    at: Timestamp,
    source: Source,
    /// A stage such as `language`, or a state or event such as `sent`.
    #[schema(example = "language")]
    name: String,
    /// What was decided or said.
    #[schema(example = "language=de 0.98")]
    detail: Option<String>,
    /// Who did it.
    worker: Option<String>,
    /// How long it took, in microseconds.
    took_us: Option<u32>,
}

/// Where a step was written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Source {
    /// By the worker that ran a stage.
    Stage,
    /// In the delivery ledger.
    Ledger,
    /// As a tracking event.
    Tracking,
}

impl From<Hop> for StepOut {
    fn from(hop: Hop) -> Self {
        Self {
            at: hop.at,
            source: Source::Stage,
            name: hop.stage,
            detail: (!hop.decision.is_empty()).then_some(hop.decision),
            worker: Some(hop.worker),
            took_us: Some(hop.took_us),
        }
    }
}

impl From<TrackingRow> for StepOut {
    fn from(row: TrackingRow) -> Self {
        Self {
            at: row.at,
            source: Source::Tracking,
            name: row.event_type,
            detail: row.detail.or(row.provider_id),
            worker: None,
            took_us: None,
        }
    }
}

/// The steps in which a message came to stand where it does, as its row knows them.
fn of_row(row: &MessageRow) -> Vec<StepOut> {
    let step = |at, source, name: &str, detail: Option<String>| StepOut {
        at,
        source,
        name: name.to_owned(),
        detail,
        worker: None,
        took_us: None,
    };
    let mut steps = vec![match row.direction {
        Direction::Inbound => step(row.received_at, Source::Stage, "received", None),
        Direction::Outbound => step(row.created_at, Source::Stage, "queued", None),
    }];
    if let Some(edited_at) = row.edited_at {
        steps.push(step(edited_at, Source::Stage, "edited", None));
    }
    if let Some(deleted_at) = row.deleted_at {
        steps.push(step(deleted_at, Source::Stage, "deleted", None));
    }
    let Some(delivery) = &row.delivery else {
        return steps;
    };
    let mut known = |at: Option<Timestamp>, state: DeliveryState| {
        if let Some(at) = at {
            steps.push(step(at, Source::Ledger, state.name(), None));
        }
    };
    known(delivery.sent_at, DeliveryState::Sent);
    known(delivery.delivered_at, DeliveryState::Delivered);
    known(delivery.read_at, DeliveryState::Read);
    steps
}

/// A message's way through the hub.
#[utoipa::path(
    get, path = "/messages/{message_id}/journey", tag = "messages", operation_id = "get_message_journey",
    params(("message_id" = uuid::Uuid, Path, description = "The message")),
    responses((status = 200, description = "Each step, its decision and its time", body = JourneyOut))
)]
pub(crate) async fn get(
    State(hub): State<Arc<Hub>>,
    caller: Caller,
    Path(id): Path<MessageId>,
) -> Result<axum::Json<JourneyOut>, ApiError> {
    let row = patiently(&hub, id, || {
        store::message::get(&hub.store, caller.tenant, id)
    })
    .await?;
    let hops = store::message::journey(&hub.store, caller.tenant, id)
        .await
        .map_err(|error| ApiError::or_not_found(error, "message"))?;
    let mut steps = of_row(&row);
    steps.extend(hops.into_iter().map(StepOut::from));
    if row.direction == Direction::Outbound {
        steps.extend(ledger(&hub, &caller, id).await?);
    }
    let events = store::tracking::list(&hub.store, caller.tenant, id).await?;
    steps.extend(events.into_iter().map(StepOut::from));
    // Stable: equal times keep the order in which the steps were taken.
    steps.sort_by_key(|step| step.at);
    let message = MessageOut::from(row);
    Ok(axum::Json(JourneyOut {
        message_id: message.id,
        direction: message.direction,
        status: message.status,
        steps,
    }))
}

/// What the ledger says beyond the message's own row: the last attempt.
async fn ledger(hub: &Hub, caller: &Caller, id: MessageId) -> Result<Vec<StepOut>, ApiError> {
    let row = match store::delivery::get(&hub.store, caller.tenant, id).await {
        Ok(row) => row,
        Err(store::StoreError::NotFound) => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let mut detail = format!("attempt {}", row.attempt);
    for (name, value) in [
        ("provider id", &row.provider_id),
        ("class", &row.error_class),
        ("detail", &row.detail),
    ] {
        if let Some(value) = value {
            detail.push_str(&format!(", {name} {value}"));
        }
    }
    let step = |at, name: String, detail| StepOut {
        at,
        source: Source::Ledger,
        name,
        detail,
        worker: row.owner.clone(),
        took_us: None,
    };
    let mut steps = vec![
        step(row.created_at, "first claimed".to_owned(), None),
        step(
            row.updated_at,
            format!("now {}", row.state.name()),
            Some(detail),
        ),
    ];
    if let Some(next) = row
        .next_try_at
        .filter(|_| row.state == DeliveryState::Queued)
    {
        steps.push(step(next, "next attempt".to_owned(), None));
    }
    Ok(steps)
}
