//! What changes messages that are there: edits and deletions, in any order.
//!
//! Invariants: an older edit changes nothing; after a deletion nothing does.

use schemas::Message;
use serde_json::Value;
use sqlx::{
    PgConnection,
    types::chrono::{DateTime, Utc},
};
use uuid::Uuid;

use super::{Line, conversation, message::analysis};
use crate::{
    StoreError,
    text::{clean, clean_json},
};

/// What the inbox shows of a message that was taken back.
const DELETED: &str = "[deleted]";

/// Replaces contents by newer ones; in the inbox too, where the message is the newest of its conversation.
pub(super) async fn edit(
    connection: &mut PgConnection,
    edits: &[Line<'_>],
) -> Result<u64, StoreError> {
    let ids: Vec<Uuid> = edits.iter().map(|line| line.message.id.0).collect();
    let tenants: Vec<Uuid> = edits.iter().map(|line| line.tenant.0).collect();
    let times: Vec<DateTime<Utc>> = edits
        .iter()
        .map(|line| line.message.edited_at.unwrap_or_default().to_datetime())
        .collect();
    let types: Vec<String> = edits
        .iter()
        .map(|line| line.message.message_type.name().to_owned())
        .collect();
    let text = |of: fn(&schemas::Message) -> Option<&str>| -> Vec<Option<String>> {
        edits
            .iter()
            .map(|line| of(line.message).map(|text| clean(text).into_owned()))
            .collect()
    };
    let contents = text(|message| Some(&message.content.text));
    let htmls = text(|message| message.content.html.as_deref());
    let subjects = text(|message| message.subject.as_deref());
    let languages = text(|message| message.language.as_ref().map(|l| l.code.as_str()));
    let previews: Vec<String> = edits
        .iter()
        .map(|line| conversation::preview(line.message))
        .collect();
    let mut attachments = Vec::with_capacity(edits.len());
    let mut analyses = Vec::with_capacity(edits.len());
    for line in edits {
        let files = &line.message.content.attachments;
        attachments.push(json((!files.is_empty()).then_some(files))?);
        analyses.push(json(analysis(line))?);
    }
    let done = sqlx::query!(
        r#"with edits as (
               select e.id, e.tenant_id, e.edited_at, e.message_type, e.content, e.html, e.subject, e.language, e.attachments,
                   e.analysis, e.preview
               from unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
                           $9::jsonb[], $10::jsonb[], $11::text[])
                    as e (id, tenant_id, edited_at, message_type, content, html, subject, language, attachments, analysis, preview)
           ), edited as (
               update comm_messages m set
                   content = e.content, content_html = e.html, subject = e.subject, attachments = e.attachments,
                   message_type = e.message_type, language = e.language, analysis = e.analysis, edited_at = e.edited_at
               from edits e
               where m.id = e.id and m.tenant_id = e.tenant_id and m.deleted_at is null
                   and (m.edited_at is null or m.edited_at < e.edited_at)
               returning m.conversation_id, m.position, e.preview
           ), shown as (
               update comm_conversations v set last_message_preview = e.preview, updated_at = now()
               from edited e where v.id = e.conversation_id and v.last_position = e.position
           )
           select count(*) as "count!" from edited"#,
        &ids,
        &tenants,
        &times,
        &types,
        &contents as &[Option<String>],
        &htmls as &[Option<String>],
        &subjects as &[Option<String>],
        &languages as &[Option<String>],
        &attachments as &[Option<Value>],
        &analyses as &[Option<Value>],
        &previews
    )
    .fetch_one(connection)
    .await?;
    Ok(done.count.unsigned_abs())
}

/// Takes contents away; in the inbox too. What is left tells that there was a message, of what type and from whom. Of
/// several deletions the first counts.
pub(super) async fn delete(
    connection: &mut PgConnection,
    deletions: &[Line<'_>],
) -> Result<u64, StoreError> {
    let ids: Vec<Uuid> = deletions.iter().map(|line| line.message.id.0).collect();
    let tenants: Vec<Uuid> = deletions.iter().map(|line| line.tenant.0).collect();
    let times: Vec<DateTime<Utc>> = deletions
        .iter()
        .map(|line| line.message.deleted_at.unwrap_or_default().to_datetime())
        .collect();
    let done = sqlx::query!(
        r#"with gone as (
               select g.id, g.tenant_id, min(g.at) as at
               from unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) as g (id, tenant_id, at)
               group by g.id, g.tenant_id
           ), deleted as (
               update comm_messages m set
                   content = '', content_html = null, subject = null, attachments = null, language = null, analysis = null,
                   metadata = null, deleted_at = g.at
               from gone g
               where m.id = g.id and m.tenant_id = g.tenant_id and m.deleted_at is null
               returning m.conversation_id, m.position
           ), shown as (
               update comm_conversations v set last_message_preview = $4, updated_at = now()
               from deleted d where v.id = d.conversation_id and v.last_position = d.position
           )
           select count(*) as "count!" from deleted"#,
        &ids,
        &tenants,
        &times,
        DELETED
    )
    .fetch_one(connection)
    .await?;
    Ok(done.count.unsigned_abs())
}

/// What is left of a message that was deleted before it was seen.
pub(super) fn blank(message: &Message) -> Message {
    Message {
        content: schemas::Content::default(),
        subject: None,
        language: None,
        sentiment: None,
        intent: None,
        topics: Vec::new(),
        category: None,
        routing: schemas::Routing::default(),
        metadata: serde_json::Map::new(),
        ..message.clone()
    }
}

fn json<T: serde::Serialize>(value: Option<T>) -> Result<Option<Value>, StoreError> {
    let Some(value) = value else {
        return Ok(None);
    };
    let mut value = serde_json::to_value(value).map_err(StoreError::other)?;
    clean_json(&mut value);
    Ok(Some(value))
}
