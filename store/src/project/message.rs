//! Messages: which are new, in by COPY, and then what follows from the new ones.
//!
//! COPY knows no ON CONFLICT, so the ids that are there already are asked for first. A writer that is
//! overtaken between the two runs into the primary key and begins anew: then it sees the other's rows.

use std::collections::HashSet;

use schemas::{MessageId, Priority, Timestamp};
use serde_json::Value;
use sqlx::{
    PgConnection,
    types::chrono::{DateTime, Utc},
};
use uuid::Uuid;

use super::{Line, Projected, copy::Copy, summary};
use crate::{
    RETRIES, Store, StoreError,
    message::Analysis,
    text::{clean, clean_json},
};

const COPY_MESSAGES: &str = "copy comm_messages (id, tenant_id, channel_id, conversation_id, position, direction, \
    message_type, sender_id, sender_type, sender_name, recipient_id, recipient_name, subject, content, content_html, \
    attachments, priority, tags, platform_message_id, in_reply_to, language, analysis, metadata, cause_id, journey, \
    created_at, received_at, edited_at) from stdin (format binary)";
const COLUMNS: i16 = 28;

pub(crate) async fn write(
    store: &Store,
    mut lines: Vec<Line<'_>>,
) -> Result<Projected, StoreError> {
    if lines.is_empty() {
        return Ok(Projected::default());
    }
    // By id, so that two writers meet the same rows in the same order; of one id the original first.
    lines.sort_by_key(|line| (line.message.id, line.message.edited_at, line.position));
    let mut left = RETRIES;
    loop {
        match write_once(store, &lines).await {
            Err(error) if left > 0 && (error.lost_race() || overtaken(&error)) => left -= 1,
            done => return done,
        }
    }
}

fn overtaken(error: &StoreError) -> bool {
    matches!(error, StoreError::Conflict { constraint } if constraint == "comm_messages_pkey")
}

async fn write_once(store: &Store, lines: &[Line<'_>]) -> Result<Projected, StoreError> {
    let mut transaction = store.pool.begin().await?;
    let there = existing(&mut transaction, lines).await?;
    let channels = channels(&mut transaction, lines).await?;

    let mut new: Vec<Line<'_>> = Vec::with_capacity(lines.len());
    let mut edits: Vec<Line<'_>> = Vec::new();
    let mut skipped = 0;
    for line in lines {
        let id = line.message.id;
        if !channels.contains(&(line.tenant.0, line.channel.0)) {
            skipped += 1;
        } else if there.contains(&id.0) || new.last().is_some_and(|last| last.message.id == id) {
            if line.message.edited_at.is_some() {
                // The lines are sorted, so of several edits of one message the newest stays.
                edits.pop_if(|last| last.message.id == id);
                edits.push(*line);
            }
        } else {
            new.push(*line);
        }
    }
    if !new.is_empty() {
        let bytes = encode(&new)?;
        let mut copy = transaction.copy_in_raw(COPY_MESSAGES).await?;
        copy.send(bytes).await?;
        copy.finish().await?;
        summary::write(&mut transaction, &new).await?;
    }
    let edited = if edits.is_empty() {
        0
    } else {
        edit(&mut transaction, &edits).await?
    };
    transaction.commit().await?;
    Ok(Projected {
        inserted: new.len() as u64,
        edited,
        skipped,
    })
}

async fn existing(
    connection: &mut PgConnection,
    lines: &[Line<'_>],
) -> Result<HashSet<Uuid>, StoreError> {
    let ids: Vec<Uuid> = lines.iter().map(|line| line.message.id.0).collect();
    Ok(
        sqlx::query_scalar!("select id from comm_messages where id = any($1)", &ids)
            .fetch_all(connection)
            .await?
            .into_iter()
            .collect(),
    )
}

/// Those of the batch's channels that are their tenant's.
async fn channels(
    connection: &mut PgConnection,
    lines: &[Line<'_>],
) -> Result<HashSet<(Uuid, Uuid)>, StoreError> {
    let named: HashSet<Uuid> = lines.iter().map(|line| line.channel.0).collect();
    let named: Vec<Uuid> = named.into_iter().collect();
    Ok(sqlx::query!(
        "select tenant_id, id from comm_channels where id = any($1)",
        &named
    )
    .fetch_all(connection)
    .await?
    .into_iter()
    .map(|record| (record.tenant_id, record.id))
    .collect())
}

fn encode(lines: &[Line<'_>]) -> Result<Vec<u8>, StoreError> {
    let mut copy = Copy::new(COLUMNS, lines.len() * 768);
    for line in lines {
        row(&mut copy, line)?;
    }
    Ok(copy.finish())
}

/// One row, in the order of [`COPY_MESSAGES`].
fn row(copy: &mut Copy, line: &Line<'_>) -> Result<(), StoreError> {
    let message = line.message;
    copy.row();
    copy.uuid(message.id.0);
    copy.uuid(line.tenant.0);
    copy.uuid(line.channel.0);
    copy.uuid(message.conversation_id.0);
    copy.bigint(line.position);
    copy.text(message.direction.name());
    copy.text(message.message_type.name());
    copy.text(&message.sender.id);
    copy.text(message.sender.kind.name());
    copy.maybe(message.sender.name.as_deref(), Copy::text);
    copy.text(&message.recipient.id);
    copy.maybe(message.recipient.name.as_deref(), Copy::text);
    copy.maybe(message.subject.as_deref(), Copy::text);
    copy.text(&message.content.text);
    copy.maybe(message.content.html.as_deref(), Copy::text);
    if message.content.attachments.is_empty() {
        copy.null();
    } else {
        copy.jsonb(&message.content.attachments)
            .map_err(StoreError::other)?;
    }
    if message.priority == Priority::Normal {
        copy.null();
    } else {
        copy.text(message.priority.name());
    }
    if message.tags.is_empty() {
        copy.null();
    } else {
        copy.texts(&message.tags);
    }
    copy.maybe(message.platform_message_id.as_deref(), Copy::text);
    copy.maybe(message.in_reply_to.as_deref(), Copy::text);
    copy.maybe(
        message.language.as_ref().map(|l| l.code.as_str()),
        Copy::text,
    );
    match analysis(line) {
        Some(analysis) => copy.jsonb(&analysis).map_err(StoreError::other)?,
        None => copy.null(),
    }
    if message.metadata.is_empty() {
        copy.null();
    } else {
        copy.jsonb(&message.metadata).map_err(StoreError::other)?;
    }
    copy.maybe(line.cause.as_ref(), |copy, id: &MessageId| copy.uuid(id.0));
    if line.trace.is_empty() {
        copy.null();
    } else {
        copy.bytea(&rmp_serde::to_vec_named(line.trace).map_err(StoreError::other)?);
    }
    copy.time(message.created_at);
    copy.time(line.received_at);
    copy.maybe(message.edited_at.as_ref(), |copy, at: &Timestamp| {
        copy.time(*at)
    });
    Ok(())
}

fn analysis(line: &Line<'_>) -> Option<Analysis> {
    let message = line.message;
    let nothing = message.language.is_none()
        && message.sentiment.is_none()
        && message.intent.is_none()
        && message.topics.is_empty()
        && message.category.is_none()
        && message.routing.is_empty();
    (!nothing).then(|| Analysis {
        language: message.language.clone(),
        sentiment: message.sentiment.clone(),
        intent: message.intent.clone(),
        topics: message.topics.clone(),
        category: message.category.clone(),
        routing: message.routing.clone(),
    })
}

/// Replaces contents by newer ones; in the inbox too, where the message is the newest of its conversation.
async fn edit(connection: &mut PgConnection, edits: &[Line<'_>]) -> Result<u64, StoreError> {
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
        .map(|line| summary::preview(line.message))
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
               where m.id = e.id and m.tenant_id = e.tenant_id and (m.edited_at is null or m.edited_at < e.edited_at)
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

fn json<T: serde::Serialize>(value: Option<T>) -> Result<Option<Value>, StoreError> {
    let Some(value) = value else {
        return Ok(None);
    };
    let mut value = serde_json::to_value(value).map_err(StoreError::other)?;
    clean_json(&mut value);
    Ok(Some(value))
}
