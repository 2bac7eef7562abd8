//! Which campaigns need a channel that somebody wants to do away with.

use schemas::{CampaignId, ChannelId, TenantId, campaign::CampaignStatus};

use crate::{
    Store, StoreError,
    column::{Id, Name},
};

/// Of how many it is told.
pub const MAX_NEEDING: i64 = 10;

/// A campaign that is not over and sends by the channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needing {
    pub id: CampaignId,
    pub name: String,
    pub status: CampaignStatus,
}

/// Campaigns that run, are paused or will start and send by the channel, the newest first; ten at most. A scheduled one that
/// names no channels takes what there is when it starts, and needs none.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn needing(
    store: &Store,
    tenant: TenantId,
    channel: ChannelId,
) -> Result<Vec<Needing>, StoreError> {
    Ok(sqlx::query_as!(
        Needing,
        r#"select id as "id: Id", name, status as "status: Name<CampaignStatus>" from campaigns
           where tenant_id = $1 and (status = 'SCHEDULED' and $2 = any(channel_ids)
               or status in ('RUNNING', 'PAUSED')
                   and plan->'channels' @> jsonb_build_array(jsonb_build_object('id', $2::uuid::text)))
           order by created_at desc limit $3"#,
        tenant.0,
        channel.0,
        MAX_NEEDING
    )
    .fetch_all(&store.pool)
    .await?)
}
