//! Another way for those whose way failed: a campaign by several channels.

use schemas::{CampaignId, ChannelId};
use serde_json::Value;
use uuid::Uuid;

use crate::{Store, StoreError, column::Id};

/// Makes chunks of those whose way failed and who have another one: each takes the first of its fallbacks. How many.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn fall_back(
    store: &Store,
    campaign: CampaignId,
    owner: &str,
    size: i64,
) -> Result<u64, StoreError> {
    let mut transaction = store.begin().await?;
    let held = sqlx::query_scalar!(
        "select chunks from campaigns where id = $1 and owner = $2 and status = 'RUNNING' for update",
        campaign.0,
        owner
    )
    .fetch_optional(&mut *transaction)
    .await?;
    let Some(chunks) = held else { return Ok(0) };
    let found = sqlx::query!(
        r#"select id as "id: Id", (fallbacks->0->>'channel')::uuid as "channel: Id", fallbacks->0->>'kind' as kind,
               fallbacks->0->>'address' as address, nullif(fallbacks - 0, '[]'::jsonb) as rest
           from campaign_messages
           where campaign_id = $1 and status in ('FAILED', 'BOUNCED', 'SUPPRESSED') and fallbacks is not null
               and chunk is not null
           order by (fallbacks->0->>'channel') limit $2 for update"#,
        campaign.0,
        size
    )
    .fetch_all(&mut *transaction)
    .await?;
    let mut number = chunks;
    let mut rest = found.as_slice();
    while let Some(first) = rest.first() {
        let channel: Option<ChannelId> = first.channel.as_ref().map(|id| ChannelId(id.0));
        let same = rest
            .iter()
            .take_while(|record| record.channel.as_ref().map(|id| id.0) == channel.map(|c| c.0))
            .take(schemas::campaign::CHUNK)
            .count();
        let (part, later) = rest.split_at_checked(same.max(1)).unwrap_or((rest, &[]));
        rest = later;
        let Some(channel) = channel else { continue };
        let ids: Vec<Uuid> = part.iter().map(|record| record.id.0).collect();
        let kinds: Vec<Option<String>> = part.iter().map(|record| record.kind.clone()).collect();
        let addresses: Vec<Option<String>> =
            part.iter().map(|record| record.address.clone()).collect();
        let fallbacks: Vec<Option<Value>> = part.iter().map(|record| record.rest.clone()).collect();
        sqlx::query!(
            "update campaign_messages m set status = 'PENDING', chunk = $2, channel_id = $3, channel_type = i.kind,
                 address = i.address, fallbacks = i.rest, attempt = 0, next_try_at = null, updated_at = now()
             from unnest($1::uuid[], $4::text[], $5::text[], $6::jsonb[]) as i (id, kind, address, rest) where m.id = i.id",
            &ids,
            number,
            channel.0,
            &kinds as &[Option<String>],
            &addresses as &[Option<String>],
            &fallbacks as &[Option<Value>]
        )
        .execute(&mut *transaction)
        .await?;
        sqlx::query!(
            "insert into campaign_chunks (campaign_id, number, channel_id, size) values ($1, $2, $3, $4)",
            campaign.0,
            number,
            channel.0,
            i16::try_from(part.len()).unwrap_or(i16::MAX)
        )
        .execute(&mut *transaction)
        .await?;
        number += 1;
    }
    sqlx::query!(
        "update campaigns set chunks = $2 where id = $1",
        campaign.0,
        number
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(u64::try_from(found.len()).unwrap_or(u64::MAX))
}
