//! Contacts, page by page.

use std::time::Duration;

use schemas::{ContactId, ListId, Membership, TenantId, Timestamp};
use sqlx::{
    Postgres, QueryBuilder, Row,
    postgres::PgRow,
    types::chrono::{DateTime, Utc},
};
use uuid::Uuid;

use super::ContactRow;
use crate::{Cursor, Page, Store, StoreError, page, segment::Filter, timed};

/// How long a page may take: a name or a segment that few have is looked for among all.
const TIMEOUT: Duration = Duration::from_secs(10);
/// What [`read`] reads, of `c`.
pub(super) const COLUMNS: &str =
    "select c.id, c.tenant_id, c.seq, c.external_id, c.name, c.attributes, c.language, c.time_zone,
         c.preferred_channel, c.metadata, c.created_at, c.updated_at";

/// Which contacts; all that is given must hold.
#[derive(Clone, Debug, Default)]
pub struct ContactFilter {
    /// Kinds and addresses in their one form: whoever has one of them.
    pub addresses: Option<Vec<(&'static str, String)>>,
    /// Part of the name, without regard to the case of A to Z.
    pub name: Option<String>,
    pub external_id: Option<String>,
    /// Those who stand so to the list.
    pub list: Option<(ListId, Membership)>,
    /// Those it chooses at that time.
    pub segment: Option<(Filter, Timestamp)>,
}

impl ContactFilter {
    pub(super) fn push(&self, query: &mut QueryBuilder<Postgres>, tenant: TenantId) {
        if let Some(addresses) = &self.addresses {
            let (kinds, texts): (Vec<&str>, Vec<&str>) = addresses
                .iter()
                .map(|(kind, address)| (*kind, address.as_str()))
                .unzip();
            query.push(" and c.id in (select a.contact_id from contact_addresses a join unnest(");
            query.push_bind(kinds).push("::text[], ").push_bind(texts);
            query.push("::text[]) as i (kind, address) using (kind, address) where a.tenant_id = ");
            query.push_bind(tenant.0).push(")");
        }
        if let Some(name) = &self.name {
            // As its index has it: parts of three characters and more are found by that.
            query.push(" and lower(c.name collate \"C\") like ");
            query.push_bind(anywhere(&name.to_ascii_lowercase()));
        }
        if let Some(external_id) = &self.external_id {
            query
                .push(" and c.external_id = ")
                .push_bind(external_id.clone());
        }
        if let Some((list, membership)) = &self.list {
            query.push(" and exists (select from contact_list_members m join contact_lists l on l.id = m.list_id");
            query
                .push(" where m.contact_id = c.id and m.list_id = ")
                .push_bind(list.0);
            query.push(" and m.status = ").push_bind(membership.name());
            query
                .push(" and l.tenant_id = ")
                .push_bind(tenant.0)
                .push(")");
        }
        if let Some((segment, now)) = &self.segment {
            query.push(" and ");
            segment.push(query, tenant, *now);
        }
    }
}

/// A pattern of `like` for what has the text in it.
fn anywhere(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    for char in text.chars() {
        if matches!(char, '\\' | '%' | '_') {
            pattern.push('\\');
        }
        pattern.push(char);
    }
    pattern.push('%');
    pattern
}

/// Contacts, the newest first; none when looking took longer than ten seconds.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn list(
    store: &Store,
    tenant: TenantId,
    filter: &ContactFilter,
    cursor: Option<Cursor>,
    limit: u32,
) -> Result<Option<Page<ContactRow>>, StoreError> {
    let (limit, rows) = page::bounded(limit);
    let mut query = QueryBuilder::new(COLUMNS);
    query.push(" from contacts c where c.tenant_id = ");
    query.push_bind(tenant.0).push(" and c.seq < ");
    query.push_bind(cursor.unwrap_or(page::END).position);
    filter.push(&mut query, tenant);
    query.push(" order by c.seq desc limit ").push_bind(rows);
    let mut transaction = timed::begin(store, TIMEOUT).await?;
    let found = query
        .build()
        .persistent(false)
        .fetch_all(&mut *transaction)
        .await;
    let Some(found) = timed::within(found)? else {
        return Ok(None);
    };
    let items: Vec<ContactRow> = found.iter().map(read).collect::<Result<_, _>>()?;
    Ok(Some(Page::of(items, limit, |row| Cursor {
        position: row.seq,
        id: Uuid::nil(),
    })))
}

pub(super) fn read(row: &PgRow) -> Result<ContactRow, sqlx::Error> {
    let time = |name| row.try_get::<DateTime<Utc>, _>(name).map(Timestamp::from);
    Ok(ContactRow {
        id: ContactId(row.try_get("id")?),
        tenant_id: TenantId(row.try_get("tenant_id")?),
        seq: row.try_get("seq")?,
        external_id: row.try_get("external_id")?,
        name: row.try_get("name")?,
        attributes: row.try_get("attributes")?,
        language: row.try_get("language")?,
        time_zone: row.try_get("time_zone")?,
        preferred_channel: row.try_get("preferred_channel")?,
        metadata: row.try_get("metadata")?,
        created_at: time("created_at")?,
        updated_at: time("updated_at")?,
    })
}
