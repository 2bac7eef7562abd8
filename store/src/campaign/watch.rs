//! What senders need to know of campaigns.

use schemas::{
    CampaignId, ChannelId, TenantId,
    campaign::{CampaignStatus, Pace, Plan},
};

use crate::{
    Store, StoreError,
    column::{Id, Name},
};

/// A campaign as its senders see it.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    pub tenant: TenantId,
    pub name: String,
    pub status: CampaignStatus,
    pub plan: Plan,
    pub pace: Pace,
}

/// What a campaign says, and how fast; none when there is none, or it was never started.
///
/// # Errors
/// [`StoreError::Unavailable`]; [`StoreError::Invalid`] when the plan cannot be read.
pub async fn planned(store: &Store, campaign: CampaignId) -> Result<Option<Planned>, StoreError> {
    let record = sqlx::query!(
        r#"select tenant_id, name, status as "status: Name<CampaignStatus>", plan as "plan!", pace
           from campaigns where id = $1 and plan is not null"#,
        campaign.0
    )
    .fetch_optional(&store.pool)
    .await?;
    let Some(record) = record else {
        return Ok(None);
    };
    let unreadable = |_| StoreError::Invalid("the campaign's plan cannot be read".into());
    Ok(Some(Planned {
        tenant: TenantId(record.tenant_id),
        name: record.name,
        status: record.status.into(),
        plan: serde_json::from_value(record.plan).map_err(unreadable)?,
        pace: serde_json::from_value(record.pace).map_err(unreadable)?,
    }))
}

/// Which of these campaigns run.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn running(
    store: &Store,
    campaigns: &[CampaignId],
) -> Result<Vec<CampaignId>, StoreError> {
    let ids: Vec<uuid::Uuid> = campaigns.iter().map(|id| id.0).collect();
    Ok(sqlx::query_scalar!(
        r#"select id as "id: Id" from campaigns where id = any($1) and status = 'RUNNING'"#,
        &ids
    )
    .fetch_all(&store.pool)
    .await?
    .into_iter()
    .map(CampaignId::from)
    .collect())
}

/// The channels that campaigns are sent by now.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn channels(store: &Store) -> Result<Vec<ChannelId>, StoreError> {
    Ok(sqlx::query_scalar!(
        r#"select distinct (p.channel->>'id')::uuid as "id!: Id"
           from campaigns c cross join jsonb_array_elements(c.plan->'channels') as p (channel)
           where c.status = 'RUNNING'"#
    )
    .fetch_all(&store.pool)
    .await?
    .into_iter()
    .map(ChannelId::from)
    .collect())
}
