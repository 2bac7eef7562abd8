//! What a contact that was written to decides for itself: which lists it is on, and whether it is written to at all.
//!
//! Invariant: only one who holds a link that was sent to the contact's address asks; so coming back here is the contact's
//! own wish, and confirms a list with double opt-in. Leaving is not here: it must not need the database
//! ([`crate::project::campaign_events`]).

use schemas::{
    CampaignId, ContactId, ListId, Membership, MessageId, TenantId, campaign::Unsubscribe,
};
use uuid::Uuid;

use crate::{
    Store, StoreError,
    column::{Id, MaybeName, Name},
};

/// Lists that are shown at most.
pub const MAX_LISTS: usize = 100;

/// How a contact stands to what it is sent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Preferences {
    /// BCP 47, as the contact has it.
    pub language: Option<String>,
    /// It asked for no more campaigns.
    pub is_stopped: bool,
    /// What it leaves with one click, by the campaign or the tenant.
    pub unsubscribe: Unsubscribe,
    /// Those of the campaign first.
    pub lists: Vec<PreferredList>,
}

/// A list that a contact stands to.
#[derive(Clone, Debug, PartialEq)]
pub struct PreferredList {
    pub id: ListId,
    pub name: String,
    pub description: Option<String>,
    pub status: Membership,
    /// The campaign was for it.
    pub is_of_campaign: bool,
}

/// What the contact of a campaign's message may decide about.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn get(
    store: &Store,
    tenant: TenantId,
    campaign: CampaignId,
    contact: ContactId,
) -> Result<Preferences, StoreError> {
    let mut connection = store.pool.acquire().await?;
    let person = sqlx::query!(
        r#"select (select language from contacts where tenant_id = $1 and id = $2) as language, exists (
               select from campaign_messages m
               join comm_suppressions s on s.tenant_id = m.tenant_id and s.kind = address_kind(m.channel_type)
                   and s.address = case s.kind when 'email' then lower(m.address collate "C") else m.address end
               where m.id = $3 and m.tenant_id = $1 and s.reason = 'opted_out' and s.channel_id is null
                   and s.lifted_at is null and (s.expires_at is null or s.expires_at > now())) as "is_stopped!",
               coalesce((select unsubscribe from campaigns where tenant_id = $1 and id = $4),
                   (select unsubscribe from tenants where id = $1)) as "unsubscribe!: MaybeName<Unsubscribe>""#,
        tenant.0,
        contact.0,
        MessageId::campaign(campaign, contact).0,
        campaign.0
    )
    .fetch_one(&mut *connection)
    .await?;
    let lists = sqlx::query_as!(
        PreferredList,
        r#"select l.id as "id: Id", l.name, l.description, m.status as "status: Name<Membership>",
               coalesce(l.id = any(c.contact_list_ids), false) as "is_of_campaign!"
           from contact_list_members m
           join contact_lists l on l.id = m.list_id and l.tenant_id = $1
           left join campaigns c on c.id = $2 and c.tenant_id = $1
           where m.contact_id = $3 order by 5 desc, l.name limit $4"#,
        tenant.0,
        campaign.0,
        contact.0,
        i64::try_from(MAX_LISTS).unwrap_or(i64::MAX)
    )
    .fetch_all(&mut *connection)
    .await?;
    Ok(Preferences {
        language: person.language,
        is_stopped: person.is_stopped,
        unsubscribe: Option::from(person.unsubscribe).unwrap_or_default(),
        lists,
    })
}

/// The language that a contact is known to read, if it is.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn language(
    store: &Store,
    tenant: TenantId,
    contact: ContactId,
) -> Result<Option<String>, StoreError> {
    let found = sqlx::query_scalar!(
        "select language from contacts where tenant_id = $1 and id = $2",
        tenant.0,
        contact.0
    )
    .fetch_optional(&store.pool)
    .await?;
    Ok(found.flatten())
}

/// A contact wants to be written to again: on these of the lists that it left, or, when none is named, on those of the
/// campaign; and at the address that the campaign's message went to.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn come_back(
    store: &Store,
    tenant: TenantId,
    campaign: CampaignId,
    contact: ContactId,
    lists: &[ListId],
) -> Result<(), StoreError> {
    let lists: Vec<Uuid> = lists.iter().map(|list| list.0).collect();
    let mut transaction = store.begin().await?;
    sqlx::query!(
        "update contact_list_members m set status = 'confirmed', updated_at = now()
         from contact_lists l
         where l.tenant_id = $1 and m.list_id = l.id and m.contact_id = $2 and m.status = 'unsubscribed'
             and l.id = any(case when $4::uuid[] <> '{}' then $4
                 else (select c.contact_list_ids from campaigns c where c.tenant_id = $1 and c.id = $3) end)",
        tenant.0,
        contact.0,
        campaign.0,
        &lists
    )
    .execute(&mut *transaction)
    .await?;
    sqlx::query!(
        r#"update comm_suppressions s set lifted_at = now(), said_at = greatest(s.said_at, now())
           from campaign_messages m
           where m.id = $2 and m.tenant_id = $1 and s.tenant_id = $1 and s.kind = address_kind(m.channel_type)
               and s.address = case s.kind when 'email' then lower(m.address collate "C") else m.address end
               and s.reason = 'opted_out' and s.lifted_at is null"#,
        tenant.0,
        MessageId::campaign(campaign, contact).0
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(())
}
