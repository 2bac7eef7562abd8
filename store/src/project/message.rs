//! Messages: which are new, in by COPY, and then what follows from the new ones.
//!
//! COPY knows no ON CONFLICT, so the ids that are there already are asked for first. A writer that is
//! overtaken between the two runs into the primary key and begins anew: then it sees the other's rows.

use std::collections::HashSet;

use schemas::{Direction, MessageId, Priority, Timestamp};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    Line, Projected, change,
    copy::{Copy, copy_in},
    summary,
};
use crate::{RETRIES, Store, StoreError, message::Analysis, text::clean};

const COPY_MESSAGES: &str = "copy comm_messages (id, tenant_id, channel_id, conversation_id, position, direction, \
    message_type, sender_id, sender_type, sender_name, recipient_id, recipient_name, subject, content, content_html, \
    attachments, priority, tags, platform_message_id, in_reply_to, language, analysis, metadata, cause_id, journey, \
    created_at, received_at, edited_at, deleted_at) from stdin (format binary)";
const COLUMNS: i16 = 29;

pub(crate) async fn write(
    store: &Store,
    mut lines: Vec<Line<'_>>,
) -> Result<Projected, StoreError> {
    if lines.is_empty() {
        return Ok(Projected::default());
    }
    // By id, so that two writers meet the same rows in the same order; of one id the original first and a deletion last.
    lines.sort_by_key(|line| {
        let message = line.message;
        let gone = message.deleted_at.is_some();
        (message.id, gone, message.edited_at, line.position)
    });
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
    let mut transaction = store.begin().await?;
    let there = existing(&mut transaction, lines).await?;
    let channels = channels(&mut transaction, lines).await?;
    let echoes = echoes(&mut transaction, lines).await?;

    let mut new: Vec<Line<'_>> = Vec::with_capacity(lines.len());
    let mut edits: Vec<Line<'_>> = Vec::new();
    let mut deletions: Vec<Line<'_>> = Vec::new();
    // Deletions of what is not there: nothing will fill these rows, and nothing counts them.
    let mut tombstones: Vec<Line<'_>> = Vec::new();
    let mut skipped = 0;
    for line in lines {
        let id = line.message.id;
        if !channels.contains(&(line.tenant.0, line.channel.0)) || echoes.contains(&id.0) {
            skipped += 1;
        } else if tombstones.last().is_some_and(|last| last.message.id == id) {
        } else if there.contains(&id.0) || new.last().is_some_and(|last| last.message.id == id) {
            if line.message.deleted_at.is_some() {
                deletions.push(*line);
            } else if line.message.edited_at.is_some() {
                // The lines are sorted, so of several edits of one message the newest stays.
                edits.pop_if(|last| last.message.id == id);
                edits.push(*line);
            }
        } else if line.message.deleted_at.is_some() {
            tombstones.push(*line);
        } else {
            new.push(*line);
        }
    }
    if !new.is_empty() || !tombstones.is_empty() {
        let rows = encode(&new, &tombstones)?;
        (transaction, _) = copy_in(transaction, COPY_MESSAGES, rows).await?;
    }
    if !new.is_empty() {
        summary::write(&mut transaction, &new).await?;
    }
    let mut edited = 0;
    if !edits.is_empty() {
        edited += change::edit(&mut transaction, &edits).await?;
    }
    if !deletions.is_empty() {
        edited += change::delete(&mut transaction, &deletions).await?;
    }
    transaction.commit().await?;
    Ok(Projected {
        inserted: (new.len() + tombstones.len()) as u64,
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

/// What a platform tells of our own account and the ledger knows as sent from here: it has its row already.
async fn echoes(
    connection: &mut PgConnection,
    lines: &[Line<'_>],
) -> Result<HashSet<Uuid>, StoreError> {
    let told: Vec<&Line<'_>> = lines
        .iter()
        .filter(|line| {
            line.message.direction == Direction::Outbound
                && line.message.platform_message_id.is_some()
        })
        .collect();
    if told.is_empty() {
        return Ok(HashSet::new());
    }
    let channels: Vec<Uuid> = told.iter().map(|line| line.channel.0).collect();
    let ids: Vec<Uuid> = told.iter().map(|line| line.message.id.0).collect();
    let names: Vec<String> = told
        .iter()
        .map(|line| {
            let name = line.message.platform_message_id.as_deref();
            clean(name.unwrap_or_default()).into_owned()
        })
        .collect();
    Ok(sqlx::query_scalar!(
        r#"select i.id as "id!" from unnest($1::uuid[], $2::uuid[], $3::text[]) as i (channel_id, id, provider_id)
           join delivery_references r on r.channel_id = i.channel_id and r.provider_id = i.provider_id
           where r.message_id <> i.id"#,
        &channels,
        &ids,
        &names
    )
    .fetch_all(connection)
    .await?
    .into_iter()
    .collect())
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

fn encode(lines: &[Line<'_>], tombstones: &[Line<'_>]) -> Result<Vec<u8>, StoreError> {
    let mut copy = Copy::new(COLUMNS, (lines.len() + tombstones.len()) * 768);
    for line in lines {
        row(&mut copy, line)?;
    }
    for line in tombstones {
        let message = change::blank(line.message);
        let bare = Line {
            message: &message,
            ..*line
        };
        row(&mut copy, &bare)?;
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
    copy.maybe(message.deleted_at.as_ref(), |copy, at: &Timestamp| {
        copy.time(*at)
    });
    Ok(())
}

pub(super) fn analysis(line: &Line<'_>) -> Option<Analysis> {
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
