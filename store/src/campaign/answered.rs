//! Which campaign somebody answers who writes in a chat: there nothing names the message that is answered.
//!
//! It is the newest one that they were sent on the channel in the thirty days before they wrote. No index leads from a
//! contact to what it was sent; but the ids of the rows follow from campaign and contact, so those of the tenant's newest
//! campaigns are asked for.

use std::{collections::HashMap, time::Duration};

use schemas::{CampaignId, ChannelId, ContactId, MessageId, TenantId, Timestamp};
use uuid::Uuid;

use crate::{Store, StoreError, column::Id, conversation::ConversationRow};

/// So many of a tenant's campaigns are looked at.
const NEWEST: i64 = 32;
/// How long after it was sent something counts as answered.
const WITHIN: Duration = Duration::from_secs(30 * 24 * 3600);
/// The ledger says when a chunk was recorded, which may be so much later than what is in it was sent.
const RECORDED: Duration = Duration::from_secs(60);

/// A conversation somebody wrote in.
#[derive(Clone, Copy)]
struct Chat {
    contact: ContactId,
    channel: ChannelId,
    heard_at: Timestamp,
}

impl Chat {
    /// Of a conversation that names no campaign yet, and may be about one.
    fn of(row: &ConversationRow) -> Option<Self> {
        let is_open = row.campaign_id.is_none() && row.channel_type.address_kind() != "email";
        Some(Self {
            contact: row.contact_id.filter(|_| is_open)?,
            channel: row.channel_id,
            heard_at: row.last_inbound_at?,
        })
    }

    fn answers(&self, sent: &Sent) -> bool {
        sent.channel == Some(self.channel)
            && sent.at <= self.heard_at.plus(RECORDED)
            && self.heard_at.since(sent.at) <= WITHIN
    }
}

/// What a contact was sent.
struct Sent {
    campaign: CampaignId,
    channel: Option<ChannelId>,
    at: Timestamp,
}

/// Names the campaigns that chats are about, where there are any.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn name(
    store: &Store,
    tenant: TenantId,
    rows: &mut [ConversationRow],
) -> Result<(), StoreError> {
    let contacts: Vec<ContactId> = rows
        .iter()
        .filter_map(|row| Some(Chat::of(row)?.contact))
        .collect();
    if contacts.is_empty() {
        return Ok(());
    }
    let campaigns = newest(store, tenant).await?;
    let ids: Vec<Uuid> = campaigns
        .iter()
        .flat_map(|campaign| {
            let of = |contact| MessageId::campaign(*campaign, contact).0;
            contacts.iter().copied().map(of)
        })
        .collect();
    if ids.is_empty() {
        return Ok(());
    }
    let found = sqlx::query!(
        r#"select contact_id as "contact: Id", campaign_id as "campaign: Id", channel_id, sent_at as "at!"
           from campaign_messages where tenant_id = $1 and id = any($2) and sent_at is not null"#,
        tenant.0,
        &ids
    )
    .fetch_all(&store.pool)
    .await?;
    let mut sent: HashMap<ContactId, Vec<Sent>> = HashMap::new();
    for record in found {
        sent.entry(record.contact.into()).or_default().push(Sent {
            campaign: record.campaign.into(),
            channel: record.channel_id.map(ChannelId),
            at: record.at.into(),
        });
    }
    for row in rows {
        let Some(chat) = Chat::of(row) else { continue };
        let all = sent.get(&chat.contact).into_iter().flatten();
        let answered = all.filter(|one| chat.answers(one));
        row.campaign_id = answered.max_by_key(|one| one.at).map(|one| one.campaign);
    }
    Ok(())
}

async fn newest(store: &Store, tenant: TenantId) -> Result<Vec<CampaignId>, StoreError> {
    let found = sqlx::query_scalar!(
        r#"select id as "id: Id" from campaigns where tenant_id = $1 and started_at is not null
           order by created_at desc limit $2"#,
        tenant.0,
        NEWEST
    )
    .fetch_all(&store.pool)
    .await?;
    Ok(found.into_iter().map(CampaignId::from).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_comes_after_what_it_answers_and_not_much_later() {
        let channel = ChannelId(Uuid::from_u128(1));
        let heard = Timestamp::from_seconds(100 * 24 * 3600);
        let chat = Chat {
            contact: ContactId(Uuid::from_u128(2)),
            channel,
            heard_at: heard,
        };
        let answers = |channel: ChannelId, at: i64| {
            chat.answers(&Sent {
                campaign: CampaignId(Uuid::from_u128(3)),
                channel: Some(channel),
                at: Timestamp(heard.0 + at * 1_000_000),
            })
        };
        let month = 30 * 24 * 3600;
        for (at, is_answered) in [
            (0, true),
            (60, true),
            (61, false),
            (-month, true),
            (-month - 1, false),
        ] {
            assert_eq!(answers(channel, at), is_answered, "{at}");
        }
        assert!(!answers(ChannelId(Uuid::from_u128(9)), -5));
    }
}
