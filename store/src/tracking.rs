//! What happened to a message, as the tracking events told it: reading. They are written by
//! [`crate::project`] alone.

use schemas::{MessageId, TenantId, Timestamp};

use crate::{Store, StoreError};

/// Events of one message that are read at most.
const MAX_EVENTS: i64 = 500;

/// A part of a row of `tracking_events`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackingRow {
    /// A [`schemas::TrackKind`] by its name.
    pub event_type: String,
    pub at: Timestamp,
    pub provider_id: Option<String>,
    pub detail: Option<String>,
}

/// The events of a message, oldest first; the first 500.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn list(
    store: &Store,
    tenant: TenantId,
    message: MessageId,
) -> Result<Vec<TrackingRow>, StoreError> {
    Ok(sqlx::query_as!(
        TrackingRow,
        "select event_type, at, provider_id, detail from tracking_events
         where tenant_id = $1 and message_id = $2 order by at, id limit $3",
        tenant.0,
        message.0,
        MAX_EVENTS
    )
    .fetch_all(&store.pool)
    .await?)
}
