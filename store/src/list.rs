//! Lists of contacts, and how contacts stand to them.
//!
//! Invariants: on a list with double opt-in one is a member once one has confirmed it; who unsubscribed comes back by its
//! own wish alone, or where a caller says so in so many words. A confirmation is asked for [`MAX_ASKED`] times at most, a
//! day apart ([`ask()`]).

mod ask;
mod member;

use std::time::Duration;

use schemas::{ListId, OptIn, TenantId, Timestamp};
use uuid::Uuid;

use crate::{
    Cursor, Page, Store, StoreError,
    column::{Id, Name},
    error::found,
    page, timed,
};

pub use ask::{Asked, MAX_ASKED, ask};
pub use member::{
    Added, MAX_MEMBERS, Members, MembershipRow, add, confirm, of_contact, remove, unsubscribe,
};

/// How long counting members may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A row of `contact_lists`.
#[derive(Clone, Debug, PartialEq)]
pub struct ListRow {
    pub id: ListId,
    pub tenant_id: TenantId,
    pub name: String,
    pub description: Option<String>,
    pub opt_in: OptIn,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// How many contacts stand to a list in which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListCounts {
    pub list: Uuid,
    pub confirmed: i64,
    pub unconfirmed: i64,
    pub unsubscribed: i64,
}

/// A list to be made.
#[derive(Clone, Debug)]
pub struct ListNew {
    pub name: String,
    pub description: Option<String>,
    pub opt_in: OptIn,
}

/// What to change; `None` leaves a field, `Some(None)` empties it.
#[derive(Clone, Debug, Default)]
pub struct ListPatch {
    pub name: Option<String>,
    pub description: Option<Option<String>>,
    pub opt_in: Option<OptIn>,
}

/// Makes a list.
///
/// # Errors
/// [`StoreError::Conflict`] when the name is taken.
pub async fn create(store: &Store, tenant: TenantId, new: &ListNew) -> Result<ListRow, StoreError> {
    Ok(sqlx::query_as!(
        ListRow,
        r#"insert into contact_lists (tenant_id, name, description, opt_in) values ($1, $2, $3, $4)
           returning id as "id: Id", tenant_id as "tenant_id: Id", name, description, opt_in as "opt_in: Name<OptIn>",
               created_at, updated_at"#,
        tenant.0,
        new.name,
        new.description,
        new.opt_in.name()
    )
    .fetch_one(&store.pool)
    .await?)
}

/// Lists by id.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn list(
    store: &Store,
    tenant: TenantId,
    cursor: Option<Cursor>,
    limit: u32,
) -> Result<Page<ListRow>, StoreError> {
    let (limit, rows) = page::bounded(limit);
    let items = sqlx::query_as!(
        ListRow,
        r#"select id as "id: Id", tenant_id as "tenant_id: Id", name, description, opt_in as "opt_in: Name<OptIn>",
               created_at, updated_at
           from contact_lists where tenant_id = $1 and id > $2 order by id limit $3"#,
        tenant.0,
        cursor.unwrap_or(page::START).id,
        rows
    )
    .fetch_all(&store.pool)
    .await?;
    Ok(Page::of(items, limit, |row| Cursor {
        position: 0,
        id: row.id.0,
    }))
}

/// One list.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn get(store: &Store, tenant: TenantId, id: ListId) -> Result<ListRow, StoreError> {
    Ok(sqlx::query_as!(
        ListRow,
        r#"select id as "id: Id", tenant_id as "tenant_id: Id", name, description, opt_in as "opt_in: Name<OptIn>",
               created_at, updated_at
           from contact_lists where tenant_id = $1 and id = $2"#,
        tenant.0,
        id.0
    )
    .fetch_one(&store.pool)
    .await?)
}

/// Members of lists, by how they stand; none when counting took longer than five seconds. A list that nobody stands to is
/// not among them.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn counts(
    store: &Store,
    tenant: TenantId,
    lists: &[ListId],
) -> Result<Option<Vec<ListCounts>>, StoreError> {
    let lists: Vec<Uuid> = lists.iter().map(|list| list.0).collect();
    let mut transaction = timed::begin(store, TIMEOUT).await?;
    let counted = sqlx::query_as!(
        ListCounts,
        r#"select m.list_id as list, count(*) filter (where m.status = 'confirmed') as "confirmed!",
               count(*) filter (where m.status = 'unconfirmed') as "unconfirmed!",
               count(*) filter (where m.status = 'unsubscribed') as "unsubscribed!"
           from contact_list_members m where m.list_id in (
               select id from contact_lists where tenant_id = $1 and id = any($2))
           group by m.list_id"#,
        tenant.0,
        &lists
    )
    .fetch_all(&mut *transaction)
    .await;
    timed::within(counted)
}

/// Changes what the patch gives. Who is a member stays one, whatever becomes of `opt_in`.
///
/// # Errors
/// [`StoreError::NotFound`], [`StoreError::Conflict`].
pub async fn update(
    store: &Store,
    tenant: TenantId,
    id: ListId,
    patch: &ListPatch,
) -> Result<ListRow, StoreError> {
    Ok(sqlx::query_as!(
        ListRow,
        r#"update contact_lists set
               name = coalesce($3, name),
               description = case when $4 then $5 else description end,
               opt_in = coalesce($6, opt_in),
               updated_at = now()
           where tenant_id = $1 and id = $2
           returning id as "id: Id", tenant_id as "tenant_id: Id", name, description, opt_in as "opt_in: Name<OptIn>",
               created_at, updated_at"#,
        tenant.0,
        id.0,
        patch.name,
        patch.description.is_some(),
        patch.description.clone().flatten(),
        patch.opt_in.map(OptIn::name)
    )
    .fetch_one(&store.pool)
    .await?)
}

/// Deletes a list; its contacts stay.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn delete(store: &Store, tenant: TenantId, id: ListId) -> Result<(), StoreError> {
    let done = sqlx::query!(
        "delete from contact_lists where tenant_id = $1 and id = $2",
        tenant.0,
        id.0
    )
    .execute(&store.pool)
    .await?;
    found(done.rows_affected())
}
