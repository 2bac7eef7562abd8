//! A campaign's recipients as a table, in constant memory however many there are.

use axum::{
    body::Body,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures::{Stream, StreamExt, TryStreamExt, stream};
use schemas::{CampaignId, ChannelKind, TenantId, Timestamp};
use store::{
    Store, StoreError,
    campaign::recipient::{self, RecipientFilter, RecipientRow},
};

use crate::{csv, problem::ApiError};

/// Rows that are in memory at a time.
const PART: u32 = 2000;

/// The answer; its rows are read while it is sent.
pub(super) async fn table(
    store: &Store,
    tenant: TenantId,
    campaign: CampaignId,
    filter: RecipientFilter,
) -> Result<Response, ApiError> {
    let mut parts = Box::pin(parts(store.clone(), tenant, campaign, filter));
    // Read before the answer begins, so that a database that is down is answered as such.
    let first = parts.try_next().await?;
    let all = stream::iter(first.map(Ok)).chain(parts);
    let mut response = Body::from_stream(all).into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/csv; charset=utf-8; header=present"),
    );
    let name = format!("attachment; filename=\"recipients-{campaign}.csv\"");
    if let Ok(name) = HeaderValue::try_from(name) {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response)
}

/// Where a table goes on; the header is written before the first.
enum Place {
    Start,
    After(store::Cursor),
    End,
}

/// Lines of a table, one page of rows at a time.
fn parts(
    store: Store,
    tenant: TenantId,
    campaign: CampaignId,
    filter: RecipientFilter,
) -> impl Stream<Item = Result<Bytes, StoreError>> + Send {
    stream::try_unfold(Place::Start, move |place| {
        let (store, filter) = (store.clone(), filter.clone());
        async move {
            let mut lines = Vec::new();
            let cursor = match place {
                Place::Start => {
                    csv::line(&mut lines, COLUMNS);
                    None
                }
                Place::After(cursor) => Some(cursor),
                Place::End => return Ok(None),
            };
            // The answer has begun: one that takes too long ends it, and the client sees that it is cut off.
            let found = recipient::list(&store, tenant, campaign, &filter, cursor, PART)
                .await?
                .ok_or_else(|| StoreError::Invalid("the table takes too long".into()))?;
            for row in &found.items {
                write(&mut lines, row);
            }
            let next = found.next.map_or(Place::End, Place::After);
            Ok(Some((Bytes::from(lines), next)))
        }
    })
}

const COLUMNS: [&str; 13] = [
    "contact_id",
    "address",
    "channel_type",
    "channel_id",
    "status",
    "attempt",
    "sent_at",
    "delivered_at",
    "failed_at",
    "failure_class",
    "failure_reason",
    "external_message_id",
    "updated_at",
];

fn write(lines: &mut Vec<u8>, row: &RecipientRow) {
    let time = |at: Option<Timestamp>| at.map(|at| at.to_string()).unwrap_or_default();
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let fields: [String; COLUMNS.len()] = [
        row.contact_id.to_string(),
        text(&row.address),
        row.channel_type.map_or("", ChannelKind::name).to_owned(),
        row.channel_id.map(|id| id.to_string()).unwrap_or_default(),
        row.status.name().to_owned(),
        row.attempt.to_string(),
        time(row.sent_at),
        time(row.delivered_at),
        time(row.failed_at),
        text(&row.failure_class),
        text(&row.failure_reason),
        text(&row.external_message_id),
        row.updated_at.to_string(),
    ];
    csv::line(lines, fields.iter().map(String::as_str));
}
