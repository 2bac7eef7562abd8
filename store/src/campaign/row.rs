//! Rows of `campaigns`, as people see them.

use schemas::{
    CampaignId, ChannelId, ListId, PlatformTemplate, SegmentId, TemplateId, TenantId, Timestamp,
    campaign::{CampaignStatus, CampaignType, Pace, Unsubscribe},
};
use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

use crate::{
    Cursor, Page, Store, StoreError,
    column::{Id, MaybeId, MaybeName, MaybeTemplate, MaybeTime, Name},
    error::found,
    page,
};

/// A row of `campaigns`.
#[derive(Clone, Debug, PartialEq)]
pub struct CampaignRow {
    pub id: CampaignId,
    pub tenant_id: TenantId,
    pub name: String,
    pub description: Option<String>,
    pub kind: CampaignType,
    pub status: CampaignStatus,
    /// Why it was paused or ended, for a person.
    pub status_reason: Option<String>,
    pub subject_line: Option<String>,
    pub sender_name: Option<String>,
    pub sender_email: Option<String>,
    pub target_segments: Vec<Uuid>,
    pub contact_list_ids: Vec<Uuid>,
    /// Empty: the tenant's oldest active channel of each fitting type.
    pub channel_ids: Vec<Uuid>,
    pub template_id: Option<TemplateId>,
    pub content: Option<String>,
    /// What is sent by channels of its platform instead.
    pub platform_template: Option<PlatformTemplate>,
    /// Whether WhatsApp is given text without one.
    pub free_text: bool,
    pub tracking_enabled: bool,
    pub open_tracking_enabled: bool,
    pub click_tracking_enabled: bool,
    pub unsubscribe_enabled: bool,
    /// None: as the tenant has it.
    pub unsubscribe: Option<Unsubscribe>,
    pub pace: Json<Pace>,
    pub scheduled_at: Option<Timestamp>,
    pub started_at: Option<Timestamp>,
    pub completed_at: Option<Timestamp>,
    /// Of one that runs: nothing leaves before, since all who are left wait for a sending window, or for another try.
    pub waits_until: Option<Timestamp>,
    /// Recipients known so far, and whether that is all of them.
    pub audience: i64,
    pub is_expanded: bool,
    pub created_by: String,
    pub metadata: Option<Value>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// What a person decides about a campaign.
#[derive(Clone, Debug)]
pub struct CampaignDraft {
    pub name: String,
    pub description: Option<String>,
    pub kind: CampaignType,
    pub subject_line: Option<String>,
    pub sender_name: Option<String>,
    pub sender_email: Option<String>,
    pub target_segments: Vec<SegmentId>,
    pub contact_list_ids: Vec<ListId>,
    pub channel_ids: Vec<ChannelId>,
    pub template_id: Option<TemplateId>,
    pub content: Option<String>,
    pub platform_template: Option<PlatformTemplate>,
    pub free_text: bool,
    pub tracking_enabled: bool,
    pub open_tracking_enabled: bool,
    pub click_tracking_enabled: bool,
    pub unsubscribe_enabled: bool,
    pub unsubscribe: Option<Unsubscribe>,
    pub pace: Pace,
    pub scheduled_at: Option<Timestamp>,
    pub metadata: Option<Value>,
}

/// Which campaigns; all that is given must hold.
#[derive(Clone, Debug, Default)]
pub struct CampaignFilter {
    pub status: Option<CampaignStatus>,
    pub kind: Option<CampaignType>,
    /// Part of the name or the description.
    pub search: Option<String>,
}

/// Makes a campaign, as a draft.
///
/// # Errors
/// [`StoreError::Invalid`] for a bad name.
pub async fn create(
    store: &Store,
    tenant: TenantId,
    draft: &CampaignDraft,
    created_by: &str,
) -> Result<CampaignRow, StoreError> {
    let id = CampaignId::new();
    let (segments, lists, channels) = uuids(draft);
    sqlx::query!(
        "insert into campaigns (id, tenant_id, name, description, type, subject_line, sender_name, sender_email,
             target_segments, contact_list_ids, channel_ids, template_id, content, tracking_enabled, open_tracking_enabled,
             click_tracking_enabled, unsubscribe_enabled, pace, scheduled_at, metadata, created_by, platform_template, free_text,
             unsubscribe)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24)",
        id.0,
        tenant.0,
        draft.name,
        draft.description,
        draft.kind.name(),
        draft.subject_line,
        draft.sender_name,
        draft.sender_email,
        &segments,
        &lists,
        &channels,
        draft.template_id.map(|id| id.0),
        draft.content,
        draft.tracking_enabled,
        draft.open_tracking_enabled,
        draft.click_tracking_enabled,
        draft.unsubscribe_enabled,
        Json(&draft.pace) as _,
        draft.scheduled_at.map(Timestamp::to_datetime),
        draft.metadata,
        created_by,
        draft.platform_template.as_ref().map(Json) as _,
        draft.free_text,
        draft.unsubscribe.map(Unsubscribe::name)
    )
    .execute(&store.pool)
    .await?;
    get(store, tenant, id).await
}

/// Replaces what a person decides; none when the campaign has begun.
///
/// # Errors
/// [`StoreError::NotFound`], [`StoreError::Invalid`].
pub async fn replace(
    store: &Store,
    tenant: TenantId,
    id: CampaignId,
    draft: &CampaignDraft,
) -> Result<Option<CampaignRow>, StoreError> {
    let (segments, lists, channels) = uuids(draft);
    let done = sqlx::query!(
        "update campaigns set name = $3, description = $4, type = $5, subject_line = $6, sender_name = $7,
             sender_email = $8, target_segments = $9, contact_list_ids = $10, channel_ids = $11, template_id = $12,
             content = $13, tracking_enabled = $14, open_tracking_enabled = $15, click_tracking_enabled = $16,
             unsubscribe_enabled = $17, pace = $18,
             -- One that is to start by itself keeps its time.
             scheduled_at = case when status = 'SCHEDULED' then coalesce($19, scheduled_at) else $19 end,
             metadata = $20, platform_template = $21, free_text = $22, unsubscribe = $23, updated_at = now()
         where tenant_id = $1 and id = $2 and status in ('DRAFT', 'SCHEDULED')",
        tenant.0,
        id.0,
        draft.name,
        draft.description,
        draft.kind.name(),
        draft.subject_line,
        draft.sender_name,
        draft.sender_email,
        &segments,
        &lists,
        &channels,
        draft.template_id.map(|id| id.0),
        draft.content,
        draft.tracking_enabled,
        draft.open_tracking_enabled,
        draft.click_tracking_enabled,
        draft.unsubscribe_enabled,
        Json(&draft.pace) as _,
        draft.scheduled_at.map(Timestamp::to_datetime),
        draft.metadata,
        draft.platform_template.as_ref().map(Json) as _,
        draft.free_text,
        draft.unsubscribe.map(Unsubscribe::name)
    )
    .execute(&store.pool)
    .await?;
    let row = get(store, tenant, id).await?;
    Ok((done.rows_affected() > 0).then_some(row))
}

fn uuids(draft: &CampaignDraft) -> (Vec<Uuid>, Vec<Uuid>, Vec<Uuid>) {
    (
        draft.target_segments.iter().map(|id| id.0).collect(),
        draft.contact_list_ids.iter().map(|id| id.0).collect(),
        draft.channel_ids.iter().map(|id| id.0).collect(),
    )
}

/// One campaign.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn get(
    store: &Store,
    tenant: TenantId,
    id: CampaignId,
) -> Result<CampaignRow, StoreError> {
    Ok(sqlx::query_as!(
        CampaignRow,
        r#"select id as "id: Id", tenant_id as "tenant_id: Id", name, description, type as "kind: Name<CampaignType>",
               status as "status: Name<CampaignStatus>", status_reason, subject_line, sender_name, sender_email,
               target_segments, contact_list_ids, channel_ids, template_id as "template_id!: MaybeId", content,
               platform_template as "platform_template!: MaybeTemplate", free_text, tracking_enabled, open_tracking_enabled,
               click_tracking_enabled, unsubscribe_enabled, unsubscribe as "unsubscribe!: MaybeName<Unsubscribe>",
               pace as "pace: Json<Pace>", scheduled_at as "scheduled_at!: MaybeTime", started_at as "started_at!: MaybeTime",
               completed_at as "completed_at!: MaybeTime",
               case when status = 'RUNNING' then (select min(k.due_at) from campaign_chunks k where k.campaign_id = campaigns.id
                   and k.state <> 'done' having bool_and(coalesce(k.due_at > now(), false))) end as "waits_until!: MaybeTime",
               audience, is_expanded, created_by, metadata, created_at, updated_at
           from campaigns where tenant_id = $1 and id = $2"#,
        tenant.0,
        id.0
    )
    .fetch_one(&store.pool)
    .await?)
}

/// Campaigns, the newest first.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn list(
    store: &Store,
    tenant: TenantId,
    filter: &CampaignFilter,
    cursor: Option<Cursor>,
    limit: u32,
) -> Result<Page<CampaignRow>, StoreError> {
    let (limit, rows) = page::bounded(limit);
    let search = filter.search.as_ref().map(|text| {
        let escaped = text
            .replace('\\', "\\\\")
            .replace('%', "\\%")
            .replace('_', "\\_");
        format!("%{escaped}%")
    });
    let items = sqlx::query_as!(
        CampaignRow,
        r#"select id as "id: Id", tenant_id as "tenant_id: Id", name, description, type as "kind: Name<CampaignType>",
               status as "status: Name<CampaignStatus>", status_reason, subject_line, sender_name, sender_email,
               target_segments, contact_list_ids, channel_ids, template_id as "template_id!: MaybeId", content,
               platform_template as "platform_template!: MaybeTemplate", free_text, tracking_enabled, open_tracking_enabled,
               click_tracking_enabled, unsubscribe_enabled, unsubscribe as "unsubscribe!: MaybeName<Unsubscribe>",
               pace as "pace: Json<Pace>", scheduled_at as "scheduled_at!: MaybeTime", started_at as "started_at!: MaybeTime",
               completed_at as "completed_at!: MaybeTime",
               case when status = 'RUNNING' then (select min(k.due_at) from campaign_chunks k where k.campaign_id = campaigns.id
                   and k.state <> 'done' having bool_and(coalesce(k.due_at > now(), false))) end as "waits_until!: MaybeTime",
               audience, is_expanded, created_by, metadata, created_at, updated_at
           from campaigns
           where tenant_id = $1 and ($2::text is null or status = $2) and ($3::text is null or type = $3)
             and ($4::text is null or name ilike $4 or description ilike $4) and id < $5
           order by id desc limit $6"#,
        tenant.0,
        filter.status.map(CampaignStatus::name),
        filter.kind.map(CampaignType::name),
        search,
        cursor.unwrap_or(page::END).id,
        rows
    )
    .fetch_all(&store.pool)
    .await?;
    Ok(Page::of(items, limit, |row| Cursor {
        position: 0,
        id: row.id.0,
    }))
}

/// Deletes a campaign with all that is known of whom it went to; false while it runs or is paused. Many rows at a time, so
/// that a large one can be deleted while others are sent.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn delete(store: &Store, tenant: TenantId, id: CampaignId) -> Result<bool, StoreError> {
    let row = get(store, tenant, id).await?;
    if matches!(row.status, CampaignStatus::Running | CampaignStatus::Paused) {
        return Ok(false);
    }
    let done = sqlx::query!(
        "delete from campaigns where tenant_id = $1 and id = $2 and status not in ('RUNNING', 'PAUSED')",
        tenant.0,
        id.0
    )
    .execute(&store.pool)
    .await?;
    found(done.rows_affected())?;
    loop {
        let gone = sqlx::query!(
            "delete from campaign_messages where id in (
                 select id from campaign_messages where campaign_id = $1 limit 10000)",
            id.0
        )
        .execute(&store.pool)
        .await?;
        if gone.rows_affected() == 0 {
            break;
        }
    }
    sqlx::query!("delete from campaign_events where campaign_id = $1", id.0)
        .execute(&store.pool)
        .await?;
    Ok(true)
}
