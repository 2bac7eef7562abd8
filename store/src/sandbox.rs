//! What sandbox channels "sent": kept to be read through the API.

use schemas::{Attachment, ChannelId, MessageId, TenantId, Timestamp};
use sqlx::types::Json;
use uuid::Uuid;

use crate::{Store, StoreError, column::Id, page, text::clean};

/// A row of `sandbox_outbox`.
#[derive(Clone, Debug, PartialEq)]
pub struct SandboxRow {
    /// Order of sending.
    pub seq: i64,
    pub message_id: MessageId,
    pub tenant_id: TenantId,
    pub channel_id: ChannelId,
    pub platform_conversation_id: String,
    pub recipient_id: String,
    pub subject: Option<String>,
    pub content: String,
    pub content_html: Option<String>,
    pub attachments: Option<Json<Vec<Attachment>>>,
    pub sent_at: Timestamp,
}

/// A message to be kept.
#[derive(Clone, Debug)]
pub struct SandboxSent {
    pub message: MessageId,
    pub tenant: TenantId,
    pub channel: ChannelId,
    pub platform_conversation_id: String,
    pub recipient_id: String,
    pub subject: Option<String>,
    pub content: String,
    pub content_html: Option<String>,
    pub attachments: Vec<Attachment>,
}

/// Keeps messages; one that is there already stays as it is.
///
/// The commit is not waited for (`synchronous_commit` is off for it): the commit of the ledger's record,
/// which follows, makes both durable. If the database stops in between, the ledger still has the
/// messages as `sending`, and they are captured again.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn capture(store: &Store, sent: &[SandboxSent]) -> Result<u64, StoreError> {
    let messages: Vec<Uuid> = sent.iter().map(|s| s.message.0).collect();
    let tenants: Vec<Uuid> = sent.iter().map(|s| s.tenant.0).collect();
    let channels: Vec<Uuid> = sent.iter().map(|s| s.channel.0).collect();
    let text = |of: fn(&SandboxSent) -> Option<&String>| -> Vec<Option<String>> {
        sent.iter()
            .map(|s| of(s).map(|text| clean(text).into_owned()))
            .collect()
    };
    let conversations = text(|s| Some(&s.platform_conversation_id));
    let recipients = text(|s| Some(&s.recipient_id));
    let subjects = text(|s| s.subject.as_ref());
    let contents = text(|s| Some(&s.content));
    let htmls = text(|s| s.content_html.as_ref());
    let attachments: Vec<Option<serde_json::Value>> = sent
        .iter()
        .map(|s| {
            if s.attachments.is_empty() {
                return Ok(None);
            }
            let mut value = serde_json::to_value(&s.attachments).map_err(StoreError::other)?;
            crate::text::clean_json(&mut value);
            Ok(Some(value))
        })
        .collect::<Result<_, StoreError>>()?;
    let done = sqlx::query!(
        "with quick as materialized (select set_config('synchronous_commit', 'off', true))
         insert into sandbox_outbox (message_id, tenant_id, channel_id, platform_conversation_id, recipient_id, subject,
             content, content_html, attachments)
         select i.message_id, i.tenant_id, i.channel_id, i.conversation, i.recipient, i.subject, i.content, i.html, i.attachments
         from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::jsonb[])
              with ordinality
              as i (message_id, tenant_id, channel_id, conversation, recipient, subject, content, html, attachments, place)
              cross join quick
         order by i.place
         on conflict (message_id) do nothing",
        &messages,
        &tenants,
        &channels,
        &conversations as &[Option<String>],
        &recipients as &[Option<String>],
        &subjects as &[Option<String>],
        &contents as &[Option<String>],
        &htmls as &[Option<String>],
        &attachments as &[Option<serde_json::Value>]
    )
    .execute(&store.pool)
    .await?;
    Ok(done.rows_affected())
}

/// The newest messages of a channel, newest first.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn list(
    store: &Store,
    tenant: TenantId,
    channel: ChannelId,
    limit: u32,
) -> Result<Vec<SandboxRow>, StoreError> {
    let (limit, _) = page::bounded(limit);
    Ok(sqlx::query_as!(
        SandboxRow,
        r#"select seq, message_id as "message_id: Id", tenant_id as "tenant_id: Id", channel_id as "channel_id: Id",
               platform_conversation_id, recipient_id, subject, content, content_html,
               attachments as "attachments: Json<Vec<Attachment>>", sent_at
           from sandbox_outbox where tenant_id = $1 and channel_id = $2 order by seq desc limit $3"#,
        tenant.0,
        channel.0,
        i64::from(limit)
    )
    .fetch_all(&store.pool)
    .await?)
}
