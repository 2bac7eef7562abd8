//! Messages of conversations: reading. They are written by [`crate::project`] alone.

use std::collections::HashSet;

use schemas::{
    Attachment, ChannelId, ConversationId, DeliveryState, Direction, Hop, Intent, Language,
    MessageId, MessageType, PartyType, Priority, Routing, Sentiment, TenantId, Timestamp,
    sms::{SmsEncoding, SmsSize},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::{Postgres, QueryBuilder, Row as _, postgres::PgRow, types::Json};
use uuid::Uuid;

use crate::{
    Cursor, Page, Store, StoreError,
    column::{Id, MaybeId, MaybeName, MaybeTime, Name},
    page,
};

/// A row of `comm_messages`, with where it stands if it is outbound.
#[derive(Clone, Debug, PartialEq)]
pub struct MessageRow {
    pub id: MessageId,
    pub tenant_id: TenantId,
    pub channel_id: ChannelId,
    pub conversation_id: ConversationId,
    /// Order within the conversation.
    pub position: i64,
    pub direction: Direction,
    pub message_type: MessageType,
    pub sender_id: String,
    pub sender_type: PartyType,
    pub sender_name: Option<String>,
    pub recipient_id: String,
    pub recipient_name: Option<String>,
    pub subject: Option<String>,
    pub content: String,
    pub content_html: Option<String>,
    pub attachments: Vec<Attachment>,
    pub priority: Priority,
    pub tags: Vec<String>,
    /// The platform's id; of an outbound message what the provider answered.
    pub platform_message_id: Option<String>,
    pub in_reply_to: Option<String>,
    pub language: Option<Language>,
    pub sentiment: Option<Sentiment>,
    pub intent: Option<Intent>,
    pub topics: Vec<String>,
    pub category: Option<String>,
    pub routing: Routing,
    pub metadata: Option<Value>,
    /// The message that caused an automatic reply.
    pub cause_id: Option<MessageId>,
    pub created_at: Timestamp,
    pub received_at: Timestamp,
    pub edited_at: Option<Timestamp>,
    /// When it was taken back: what it said is gone.
    pub deleted_at: Option<Timestamp>,
    /// The ledger's row; none for an inbound message, and for an outbound one no sender has seen yet.
    pub delivery: Option<MessageDelivery>,
}

/// Where an outbound message stands.
#[derive(Clone, Debug, PartialEq)]
pub struct MessageDelivery {
    pub state: DeliveryState,
    pub attempt: i32,
    pub error_class: Option<String>,
    pub detail: Option<String>,
    pub next_try_at: Option<Timestamp>,
    pub sent_at: Option<Timestamp>,
    pub delivered_at: Option<Timestamp>,
    pub read_at: Option<Timestamp>,
    /// Of what was sent as SMS.
    pub sms: Option<SmsSize>,
}

/// What stands in `comm_messages.analysis`.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Analysis {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) language: Option<Language>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sentiment: Option<Sentiment>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) intent: Option<Intent>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) topics: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) category: Option<String>,
    #[serde(default, skip_serializing_if = "Routing::is_empty")]
    pub(crate) routing: Routing,
}

/// Which messages; all that is given must hold.
#[derive(Clone, Copy, Debug, Default)]
pub struct MessageFilter {
    pub conversation_id: Option<ConversationId>,
    pub channel_id: Option<ChannelId>,
    pub direction: Option<Direction>,
}

/// Messages by their place.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn list(
    store: &Store,
    tenant: TenantId,
    filter: MessageFilter,
    cursor: Option<Cursor>,
    limit: u32,
    newest_first: bool,
) -> Result<Page<MessageRow>, StoreError> {
    let (limit, rows) = page::bounded(limit);
    let (after, order) = if newest_first {
        (" < (", " desc")
    } else {
        (" > (", " asc")
    };
    let cursor = cursor.unwrap_or(if newest_first { page::END } else { page::START });

    let mut query = QueryBuilder::<Postgres>::new(SELECT);
    if let Some(conversation) = filter.conversation_id {
        query.push(" from comm_messages m left join deliveries d on d.message_id = m.id where m.conversation_id = ");
        query.push_bind(conversation.0);
        if let Some(channel) = filter.channel_id {
            query.push(" and m.channel_id = ").push_bind(channel.0);
        }
    } else {
        // Without a conversation: the newest of each channel along its index, then the newest of those.
        query.push(
            " from comm_channels c cross join lateral (select x.id from comm_messages x where x.channel_id = c.id",
        );
        narrow(&mut query, "x", tenant, filter.direction, after, cursor);
        query.push(format!(" order by x.position{order}, x.id{order} limit "));
        query.push_bind(rows);
        query.push(
            ") l join comm_messages m on m.id = l.id left join deliveries d on d.message_id = m.id where c.tenant_id = ",
        );
        query.push_bind(tenant.0);
        if let Some(channel) = filter.channel_id {
            query.push(" and c.id = ").push_bind(channel.0);
        }
    }
    narrow(&mut query, "m", tenant, filter.direction, after, cursor);
    query.push(format!(" order by m.position{order}, m.id{order} limit "));
    query.push_bind(rows);

    let items = query.build().try_map(read).fetch_all(&store.pool).await?;
    Ok(Page::of(items, limit, |row| Cursor {
        position: row.position,
        id: row.id.0,
    }))
}

fn narrow(
    query: &mut QueryBuilder<Postgres>,
    table: &str,
    tenant: TenantId,
    direction: Option<Direction>,
    after: &str,
    cursor: Cursor,
) {
    query
        .push(format!(" and {table}.tenant_id = "))
        .push_bind(tenant.0);
    if let Some(direction) = direction {
        query
            .push(format!(" and {table}.direction = "))
            .push_bind(direction.name());
    }
    query
        .push(format!(" and ({table}.position, {table}.id){after}"))
        .push_bind(cursor.position)
        .push(", ")
        .push_bind(cursor.id)
        .push(")");
}

/// One message.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn get(store: &Store, tenant: TenantId, id: MessageId) -> Result<MessageRow, StoreError> {
    let mut query = QueryBuilder::<Postgres>::new(SELECT);
    query
        .push(" from comm_messages m left join deliveries d on d.message_id = m.id where m.tenant_id = ")
        .push_bind(tenant.0)
        .push(" and m.id = ")
        .push_bind(id.0);
    Ok(query.build().try_map(read).fetch_one(&store.pool).await?)
}

/// Those of the messages that are there, for many tenants at once.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn existing(
    store: &Store,
    wanted: &[(TenantId, MessageId)],
) -> Result<HashSet<MessageId>, StoreError> {
    let tenants: Vec<Uuid> = wanted.iter().map(|(tenant, _)| tenant.0).collect();
    let ids: Vec<Uuid> = wanted.iter().map(|(_, id)| id.0).collect();
    Ok(sqlx::query_scalar!(
        r#"select m.id as "id: Id" from unnest($1::uuid[], $2::uuid[]) as w (tenant_id, id)
           join comm_messages m on m.id = w.id and m.tenant_id = w.tenant_id"#,
        &tenants,
        &ids
    )
    .fetch_all(&store.pool)
    .await?
    .into_iter()
    .map(MessageId::from)
    .collect())
}

/// The way a message took through the hub.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn journey(
    store: &Store,
    tenant: TenantId,
    id: MessageId,
) -> Result<Vec<Hop>, StoreError> {
    let packed = sqlx::query_scalar!(
        "select journey from comm_messages where tenant_id = $1 and id = $2",
        tenant.0,
        id.0
    )
    .fetch_one(&store.pool)
    .await?;
    packed.map_or_else(
        || Ok(Vec::new()),
        |packed| rmp_serde::from_slice(&packed).map_err(StoreError::other),
    )
}

// Written out and not checked by a macro, because the filters and the order change the shape.
const SELECT: &str = "select m.id, m.tenant_id, m.channel_id, m.conversation_id, m.position, m.direction, \
    m.message_type, m.sender_id, m.sender_type, m.sender_name, m.recipient_id, m.recipient_name, m.subject, \
    m.content, m.content_html, m.attachments, m.priority, m.tags, \
    coalesce(m.platform_message_id, d.provider_id) as platform_message_id, m.in_reply_to, m.analysis, m.metadata, \
    m.cause_id, m.created_at, m.received_at, m.edited_at, m.deleted_at, \
    d.state, d.attempt, d.error_class, d.detail, d.next_try_at, d.sent_at, d.delivered_at, d.read_at, \
    d.sms_encoding, d.sms_segments";

fn sms(row: &PgRow) -> Result<Option<SmsSize>, sqlx::Error> {
    let encoding: Option<SmsEncoding> = row
        .try_get_unchecked::<MaybeName<SmsEncoding>, _>("sms_encoding")?
        .into();
    let segments: Option<i16> = row.try_get("sms_segments")?;
    Ok(encoding.zip(segments).map(|(encoding, segments)| SmsSize {
        encoding,
        segments: segments.unsigned_abs(),
    }))
}

fn read(row: PgRow) -> Result<MessageRow, sqlx::Error> {
    let time = |name: &str| row.try_get_unchecked::<MaybeTime, _>(name);
    let analysis = row
        .try_get::<Option<Json<Analysis>>, _>("analysis")?
        .map(|Json(analysis)| analysis)
        .unwrap_or_default();
    let state: Option<DeliveryState> = row
        .try_get_unchecked::<MaybeName<DeliveryState>, _>("state")?
        .into();
    let delivery = match state {
        None => None,
        Some(state) => Some(MessageDelivery {
            state,
            attempt: row.try_get("attempt")?,
            error_class: row.try_get("error_class")?,
            detail: row.try_get("detail")?,
            next_try_at: time("next_try_at")?.into(),
            sent_at: time("sent_at")?.into(),
            delivered_at: time("delivered_at")?.into(),
            read_at: time("read_at")?.into(),
            sms: sms(&row)?,
        }),
    };
    let priority: Option<Priority> = row
        .try_get_unchecked::<MaybeName<Priority>, _>("priority")?
        .into();
    Ok(MessageRow {
        id: row.try_get::<Id, _>("id")?.into(),
        tenant_id: row.try_get::<Id, _>("tenant_id")?.into(),
        channel_id: row.try_get::<Id, _>("channel_id")?.into(),
        conversation_id: row.try_get::<Id, _>("conversation_id")?.into(),
        position: row.try_get("position")?,
        direction: row.try_get::<Name<Direction>, _>("direction")?.into(),
        message_type: row.try_get::<Name<MessageType>, _>("message_type")?.into(),
        sender_id: row.try_get("sender_id")?,
        sender_type: row.try_get::<Name<PartyType>, _>("sender_type")?.into(),
        sender_name: row.try_get("sender_name")?,
        recipient_id: row.try_get("recipient_id")?,
        recipient_name: row.try_get("recipient_name")?,
        subject: row.try_get("subject")?,
        content: row.try_get("content")?,
        content_html: row.try_get("content_html")?,
        attachments: row
            .try_get::<Option<Json<Vec<Attachment>>>, _>("attachments")?
            .map(|Json(attachments)| attachments)
            .unwrap_or_default(),
        priority: priority.unwrap_or_default(),
        tags: row
            .try_get::<Option<Vec<String>>, _>("tags")?
            .unwrap_or_default(),
        platform_message_id: row.try_get("platform_message_id")?,
        in_reply_to: row.try_get("in_reply_to")?,
        language: analysis.language,
        sentiment: analysis.sentiment,
        intent: analysis.intent,
        topics: analysis.topics,
        category: analysis.category,
        routing: analysis.routing,
        metadata: row.try_get("metadata")?,
        cause_id: row.try_get_unchecked::<MaybeId, _>("cause_id")?.into(),
        created_at: Timestamp::from(row.try_get::<At, _>("created_at")?),
        received_at: Timestamp::from(row.try_get::<At, _>("received_at")?),
        edited_at: time("edited_at")?.into(),
        deleted_at: time("deleted_at")?.into(),
        delivery,
    })
}

type At = sqlx::types::chrono::DateTime<sqlx::types::chrono::Utc>;
