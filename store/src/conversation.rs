//! Conversations: the inbox.
//!
//! Rows are made by the projector with the first message, or by [`create`] before there is one; both
//! derive the same id, so they meet on one row.

use schemas::{
    CampaignId, ChannelId, ChannelKind, ContactId, ConversationId, ConversationStatus, Priority,
    TenantId, Timestamp, partition,
};
use serde_json::Value;

use crate::{
    Cursor, Page, Store, StoreError,
    column::{Id, MaybeId, MaybeTime, Name},
    page,
};

/// A row of `comm_conversations`, with its channel's name and type.
#[derive(Clone, Debug, PartialEq)]
pub struct ConversationRow {
    pub id: ConversationId,
    pub tenant_id: TenantId,
    pub channel_id: ChannelId,
    pub channel_name: String,
    pub channel_type: ChannelKind,
    pub platform_conversation_id: String,
    pub participant_id: String,
    pub participant_name: Option<String>,
    pub contact_id: Option<ContactId>,
    /// The campaign whose mail it began with, as an answer; of chats see [`crate::campaign::answered`].
    pub campaign_id: Option<CampaignId>,
    pub subject: Option<String>,
    pub status: ConversationStatus,
    pub priority: Priority,
    pub tags: Vec<String>,
    pub unread_count: i32,
    pub message_count: i64,
    pub last_position: i64,
    pub last_message_at: Option<Timestamp>,
    /// When a person there last wrote.
    pub last_inbound_at: Option<Timestamp>,
    /// At most 120 characters, on one line.
    pub last_message_preview: Option<String>,
    pub assigned_agent_id: Option<String>,
    pub metadata: Option<Value>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// A conversation to be made.
#[derive(Clone, Debug, Default)]
pub struct ConversationNew {
    pub platform_conversation_id: String,
    /// The address of the other side; the platform's conversation when empty.
    pub participant_id: String,
    pub participant_name: Option<String>,
    pub subject: Option<String>,
    pub priority: Priority,
    pub tags: Vec<String>,
    pub assigned_agent_id: Option<String>,
    pub metadata: Option<Value>,
}

/// Which conversations; all that is given must hold.
#[derive(Clone, Debug, Default)]
pub struct ConversationFilter {
    pub channel_id: Option<ChannelId>,
    /// Answers to the mails of this campaign.
    pub campaign_id: Option<CampaignId>,
    pub status: Option<ConversationStatus>,
    pub assigned_agent_id: Option<String>,
    /// Occurs, ignoring case, in the participant's name or address, the subject or the preview.
    pub search: Option<String>,
    /// Only those with (or without) unread messages.
    pub unread: Option<bool>,
}

/// What to change; `None` leaves a field, `Some(None)` empties it.
#[derive(Clone, Debug, Default)]
pub struct ConversationPatch {
    pub status: Option<ConversationStatus>,
    pub priority: Option<Priority>,
    pub tags: Option<Vec<String>>,
    pub subject: Option<Option<String>>,
    pub participant_name: Option<Option<String>>,
    pub assigned_agent_id: Option<Option<String>>,
    pub metadata: Option<Option<Value>>,
}

/// Makes a conversation, or answers the one that is already there for this platform conversation; the
/// flag tells whether it was made.
///
/// # Errors
/// [`StoreError::NotFound`] for a channel that is not the tenant's.
pub async fn create(
    store: &Store,
    tenant: TenantId,
    channel: ChannelId,
    new: ConversationNew,
) -> Result<(ConversationRow, bool), StoreError> {
    let id = ConversationId::of(channel, &new.platform_conversation_id);
    let participant = if new.participant_id.is_empty() {
        &new.platform_conversation_id
    } else {
        &new.participant_id
    };
    let done = sqlx::query!(
        "insert into comm_conversations (id, tenant_id, channel_id, platform_conversation_id, participant_id,
             participant_name, subject, priority, tags, assigned_agent_id, metadata, last_position)
         select $1, c.tenant_id, c.id, $4, $5, $6, $7, $8, $9, $10, $11, $12
         from comm_channels c where c.tenant_id = $2 and c.id = $3
         on conflict (id) do nothing",
        id.0,
        tenant.0,
        channel.0,
        new.platform_conversation_id,
        participant,
        new.participant_name,
        new.subject,
        new.priority.name(),
        &new.tags,
        new.assigned_agent_id,
        new.metadata,
        partition::position(Timestamp::now(), 0)
    )
    .execute(&store.pool)
    .await?;
    let row = get(store, tenant, id).await?;
    Ok((row, done.rows_affected() == 1))
}

/// Conversations, the one with the newest message first.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn list(
    store: &Store,
    tenant: TenantId,
    filter: &ConversationFilter,
    cursor: Option<Cursor>,
    limit: u32,
) -> Result<Page<ConversationRow>, StoreError> {
    let (limit, rows) = page::bounded(limit);
    let cursor = cursor.unwrap_or(page::END);
    let items = sqlx::query_as!(
        ConversationRow,
        r#"select v.id as "id: Id", v.tenant_id as "tenant_id: Id", v.channel_id as "channel_id: Id",
               c.name as channel_name, c.type as "channel_type: Name<ChannelKind>", v.platform_conversation_id,
               v.participant_id, v.participant_name, v.contact_id as "contact_id!: MaybeId",
               m.campaign_id as "campaign_id!: MaybeId", v.subject, v.status as "status: Name<ConversationStatus>", v.priority as "priority: Name<Priority>", v.tags,
               v.unread_count, v.message_count, v.last_position, v.last_message_at as "last_message_at!: MaybeTime",
               v.last_inbound_at as "last_inbound_at!: MaybeTime", v.last_message_preview, v.assigned_agent_id, v.metadata, v.created_at, v.updated_at
           from comm_conversations v join comm_channels c on c.id = v.channel_id
               left join campaign_messages m on m.id = v.id and m.tenant_id = v.tenant_id
           where v.tenant_id = $1 and c.tenant_id = $1
             and ($2::uuid is null or v.channel_id = $2)
             and ($3::text is null or v.status = $3)
             and ($4::text is null or v.assigned_agent_id = $4)
             and ($5::boolean is null or (v.unread_count > 0) = $5)
             and ($6::text is null or strpos(lower(concat_ws(E'\n', v.participant_name, v.participant_id, v.subject,
                                                              v.last_message_preview)), lower($6)) > 0)
             and (v.last_step, v.last_position, v.id) < ($7::bigint >> 36, $7, $8)
             and ($10::uuid is null or m.campaign_id = $10)
           order by v.last_step desc, v.last_position desc, v.id desc
           limit $9"#,
        tenant.0,
        filter.channel_id.map(|id| id.0),
        filter.status.map(ConversationStatus::name),
        filter.assigned_agent_id,
        filter.unread,
        filter.search,
        cursor.position,
        cursor.id,
        rows,
        filter.campaign_id.map(|id| id.0)
    )
    .fetch_all(&store.pool)
    .await?;
    Ok(Page::of(items, limit, |row| Cursor {
        position: row.last_position,
        id: row.id.0,
    }))
}

/// One conversation.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn get(
    store: &Store,
    tenant: TenantId,
    id: ConversationId,
) -> Result<ConversationRow, StoreError> {
    Ok(sqlx::query_as!(
        ConversationRow,
        r#"select v.id as "id: Id", v.tenant_id as "tenant_id: Id", v.channel_id as "channel_id: Id",
               c.name as channel_name, c.type as "channel_type: Name<ChannelKind>", v.platform_conversation_id,
               v.participant_id, v.participant_name, v.contact_id as "contact_id!: MaybeId",
               m.campaign_id as "campaign_id!: MaybeId", v.subject, v.status as "status: Name<ConversationStatus>", v.priority as "priority: Name<Priority>", v.tags,
               v.unread_count, v.message_count, v.last_position, v.last_message_at as "last_message_at!: MaybeTime",
               v.last_inbound_at as "last_inbound_at!: MaybeTime", v.last_message_preview, v.assigned_agent_id, v.metadata, v.created_at, v.updated_at
           from comm_conversations v join comm_channels c on c.id = v.channel_id
               left join campaign_messages m on m.id = v.id and m.tenant_id = v.tenant_id
           where v.tenant_id = $1 and v.id = $2"#,
        tenant.0,
        id.0
    )
    .fetch_one(&store.pool)
    .await?)
}

/// What changes in a conversation while it goes on, as far as an answer must know it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Our own address there, where the channel has several.
    pub own_address: Option<String>,
    /// When a person there last wrote.
    pub last_inbound_at: Option<Timestamp>,
}

/// How a conversation stands now.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn standing(
    store: &Store,
    tenant: TenantId,
    id: ConversationId,
) -> Result<Standing, StoreError> {
    Ok(sqlx::query_as!(
        Standing,
        r#"select own_address, last_inbound_at as "last_inbound_at!: MaybeTime"
           from comm_conversations where tenant_id = $1 and id = $2"#,
        tenant.0,
        id.0
    )
    .fetch_one(&store.pool)
    .await?)
}

/// What somebody wrote, as far as an answer names it (RFC 5322, 3.6.4).
#[derive(Clone, Debug, PartialEq)]
pub struct Heard {
    pub platform_message_id: String,
    pub in_reply_to: Option<String>,
    /// Of a mail: the ids of its thread until then.
    pub thread: Option<Value>,
}

/// The newest that somebody wrote in a conversation. None, when nobody did.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn heard(
    store: &Store,
    tenant: TenantId,
    id: ConversationId,
) -> Result<Option<Heard>, StoreError> {
    Ok(sqlx::query_as!(
        Heard,
        r#"select platform_message_id as "platform_message_id!", in_reply_to, metadata->'references' as thread
           from comm_messages
           where tenant_id = $1 and conversation_id = $2 and direction = 'inbound' and message_type <> 'event'
               and platform_message_id is not null
           order by position desc limit 1"#,
        tenant.0,
        id.0
    )
    .fetch_optional(&store.pool)
    .await?)
}

/// Changes what the patch gives.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn update(
    store: &Store,
    tenant: TenantId,
    id: ConversationId,
    patch: ConversationPatch,
) -> Result<ConversationRow, StoreError> {
    sqlx::query_scalar!(
        "update comm_conversations set
             status = coalesce($3, status),
             priority = coalesce($4, priority),
             tags = coalesce($5, tags),
             subject = case when $6 then $7 else subject end,
             participant_name = case when $8 then $9 else participant_name end,
             assigned_agent_id = case when $10 then $11 else assigned_agent_id end,
             metadata = case when $12 then $13 else metadata end,
             updated_at = now()
         where tenant_id = $1 and id = $2
         returning id",
        tenant.0,
        id.0,
        patch.status.map(ConversationStatus::name),
        patch.priority.map(Priority::name),
        patch.tags.as_deref(),
        patch.subject.is_some(),
        patch.subject.flatten(),
        patch.participant_name.is_some(),
        patch.participant_name.flatten(),
        patch.assigned_agent_id.is_some(),
        patch.assigned_agent_id.flatten(),
        patch.metadata.is_some(),
        patch.metadata.flatten()
    )
    .fetch_one(&store.pool)
    .await?;
    get(store, tenant, id).await
}

/// Nothing is unread any more.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn mark_read(
    store: &Store,
    tenant: TenantId,
    id: ConversationId,
) -> Result<ConversationRow, StoreError> {
    sqlx::query_scalar!(
        "update comm_conversations set unread_count = 0, updated_at = now() where tenant_id = $1 and id = $2 returning id",
        tenant.0,
        id.0
    )
    .fetch_one(&store.pool)
    .await?;
    get(store, tenant, id).await
}

/// Ends a conversation; the next inbound message opens it again.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn close(
    store: &Store,
    tenant: TenantId,
    id: ConversationId,
) -> Result<ConversationRow, StoreError> {
    let patch = ConversationPatch {
        status: Some(ConversationStatus::Closed),
        ..ConversationPatch::default()
    };
    update(store, tenant, id, patch).await
}

/// Opens a closed or archived conversation.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn reopen(
    store: &Store,
    tenant: TenantId,
    id: ConversationId,
) -> Result<ConversationRow, StoreError> {
    let patch = ConversationPatch {
        status: Some(ConversationStatus::Active),
        ..ConversationPatch::default()
    };
    update(store, tenant, id, patch).await
}

/// Gives a conversation to an agent, or to nobody.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn assign(
    store: &Store,
    tenant: TenantId,
    id: ConversationId,
    agent: Option<&str>,
) -> Result<ConversationRow, StoreError> {
    let patch = ConversationPatch {
        assigned_agent_id: Some(agent.map(str::to_owned)),
        ..ConversationPatch::default()
    };
    update(store, tenant, id, patch).await
}
