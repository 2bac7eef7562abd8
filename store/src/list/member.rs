//! Members: put on lists and taken off, many at a time, and what one says for oneself.

use schemas::{ContactId, ListId, Membership, OptIn, TenantId, Timestamp};
use sqlx::{PgConnection, QueryBuilder};
use uuid::Uuid;

use crate::{
    Store, StoreError,
    column::{Id, Name},
    error::found,
    segment::Filter,
    timed,
};

/// Contacts that one call puts on a list or takes off it.
pub const MAX_MEMBERS: usize = 10_000;
/// How long a segment's contacts are looked for.
const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(10);
/// How a consent that was confirmed by mail begins its source.
const DOUBLE_OPT_IN: &str = "double-opt-in";

/// Whom it is about; up to [`MAX_MEMBERS`].
#[derive(Clone, Debug)]
pub enum Members {
    Contacts(Vec<ContactId>),
    /// Of one kind, in their one form.
    Addresses(&'static str, Vec<String>),
    /// The first [`MAX_MEMBERS`] that do not stand so to the list yet.
    Segment(Box<Filter>, Timestamp),
}

/// What became of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Added {
    /// Put on the list, or asked to confirm that.
    pub added: u64,
    /// Stood to it already.
    pub present: u64,
    /// Of these, who unsubscribed, and was let be.
    pub unsubscribed: u64,
    /// Ids and addresses that no contact has.
    pub unknown: u64,
    /// The segment has more: ask again.
    pub has_more: bool,
    /// Who is unconfirmed, new or not: whom [`super::ask()`] may be about.
    pub unconfirmed: Vec<ContactId>,
}

/// A list that a contact stands to.
#[derive(Clone, Debug, PartialEq)]
pub struct MembershipRow {
    pub list_id: ListId,
    pub name: String,
    pub description: Option<String>,
    pub status: Membership,
    pub updated_at: Timestamp,
}

/// Puts contacts on a list. Who unsubscribed comes back only where `resubscribe` says so; on a list with double opt-in it
/// has to confirm that.
///
/// # Errors
/// [`StoreError::NotFound`] for a list that is not there; [`StoreError::Invalid`] for too many, or a segment that takes too
/// long.
pub async fn add(
    store: &Store,
    tenant: TenantId,
    list: ListId,
    members: &Members,
    resubscribe: bool,
) -> Result<Added, StoreError> {
    let (ids, unknown, has_more) = resolve(store, tenant, list, members, true).await?;
    retry!({
        let mut transaction = store.begin().await?;
        // Held, so that it is not deleted, nor its opt-in changed, in between.
        let opt_in: OptIn = sqlx::query_scalar!(
            r#"select opt_in as "opt_in: Name<OptIn>" from contact_lists where tenant_id = $1 and id = $2 for share"#,
            tenant.0,
            list.0
        )
        .fetch_one(&mut *transaction)
        .await?
        .into();
        let status = match opt_in {
            OptIn::Single => Membership::Confirmed,
            OptIn::Double => Membership::Unconfirmed,
        };
        let added = sqlx::query_scalar!(
            "insert into contact_list_members as m (list_id, contact_id, status)
             select $1, id, $3 from unnest($2::uuid[]) as i (id) order by id
             on conflict (list_id, contact_id) do update set status = excluded.status, asked = 0, updated_at = now()
                 where $4 and m.status = 'unsubscribed'
             returning contact_id",
            list.0,
            &ids,
            status.name(),
            resubscribe
        )
        .fetch_all(&mut *transaction)
        .await?;
        let standing = standing(&mut transaction, list, &ids).await?;
        transaction.commit().await?;
        let of = |wanted| standing.iter().filter(move |(_, status)| *status == wanted);
        Ok(Added {
            added: added.len() as u64,
            present: (standing.len() - added.len()) as u64,
            unsubscribed: of(Membership::Unsubscribed).count() as u64,
            unknown,
            has_more,
            unconfirmed: of(Membership::Unconfirmed).map(|(id, _)| *id).collect(),
        })
    })
}

async fn standing(
    connection: &mut PgConnection,
    list: ListId,
    ids: &[Uuid],
) -> Result<Vec<(ContactId, Membership)>, StoreError> {
    Ok(sqlx::query!(
        r#"select contact_id as "contact_id: Id", status as "status: Name<Membership>"
           from contact_list_members where list_id = $1 and contact_id = any($2)"#,
        list.0,
        ids
    )
    .fetch_all(connection)
    .await?
    .into_iter()
    .map(|row| (row.contact_id.into(), row.status.into()))
    .collect())
}

/// Takes contacts off a list, as if they had never been on it: how many.
///
/// # Errors
/// As [`add`].
pub async fn remove(
    store: &Store,
    tenant: TenantId,
    list: ListId,
    members: &Members,
) -> Result<(u64, bool), StoreError> {
    super::get(store, tenant, list).await?;
    let (ids, _, has_more) = resolve(store, tenant, list, members, false).await?;
    let done = sqlx::query!(
        "delete from contact_list_members m using contact_lists l
         where l.tenant_id = $1 and l.id = $2 and m.list_id = l.id and m.contact_id = any($3)",
        tenant.0,
        list.0,
        &ids
    )
    .execute(&store.pool)
    .await?;
    Ok((done.rows_affected(), has_more))
}

/// The tenant's contacts that are meant; how many were named that are none; whether there are more.
async fn resolve(
    store: &Store,
    tenant: TenantId,
    list: ListId,
    members: &Members,
    to_add: bool,
) -> Result<(Vec<Uuid>, u64, bool), StoreError> {
    let named = match members {
        Members::Contacts(ids) => ids.len(),
        Members::Addresses(_, addresses) => addresses.len(),
        Members::Segment(..) => 0,
    };
    if named > MAX_MEMBERS {
        return Err(StoreError::Invalid(format!(
            "{MAX_MEMBERS} contacts at a time"
        )));
    }
    match members {
        Members::Contacts(ids) => {
            let mut ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
            ids.sort_unstable();
            ids.dedup();
            let found = sqlx::query_scalar!(
                "select id from contacts where tenant_id = $1 and id = any($2)",
                tenant.0,
                &ids
            )
            .fetch_all(&store.pool)
            .await?;
            let unknown = (ids.len() - found.len()) as u64;
            Ok((found, unknown, false))
        }
        Members::Addresses(kind, addresses) => {
            let mut addresses = addresses.clone();
            addresses.sort_unstable();
            addresses.dedup();
            let mut found = sqlx::query_scalar!(
                "select contact_id from contact_addresses where tenant_id = $1 and kind = $2 and address = any($3)",
                tenant.0,
                kind,
                &addresses
            )
            .fetch_all(&store.pool)
            .await?;
            let unknown = (addresses.len() - found.len()) as u64;
            found.sort_unstable();
            found.dedup();
            Ok((found, unknown, false))
        }
        Members::Segment(filter, now) => {
            let mut query = QueryBuilder::new("select c.id from contacts c where c.tenant_id = ");
            query.push_bind(tenant.0).push(" and ");
            filter.push(&mut query, tenant, *now);
            query.push(if to_add {
                " and not exists ("
            } else {
                " and exists ("
            });
            query.push(
                "select from contact_list_members m where m.contact_id = c.id and m.list_id = ",
            );
            query.push_bind(list.0).push(") order by c.seq limit ");
            query.push_bind(i64::try_from(MAX_MEMBERS).unwrap_or(i64::MAX) + 1);
            let mut transaction = timed::begin(store, TIMEOUT).await?;
            let found = query
                .build_query_scalar::<Uuid>()
                .persistent(false)
                .fetch_all(&mut *transaction)
                .await;
            let mut found = timed::within(found)?
                .ok_or_else(|| StoreError::Invalid("the segment takes too long".into()))?;
            let has_more = found.len() > MAX_MEMBERS;
            found.truncate(MAX_MEMBERS);
            Ok((found, 0, has_more))
        }
    }
}

/// A contact confirms that it wants to be on a list: it is, and has agreed to be written to by e-mail. Said again, it is
/// true still. The list's name.
///
/// # Errors
/// [`StoreError::NotFound`] when it was never put there, or unsubscribed since.
pub async fn confirm(
    store: &Store,
    tenant: TenantId,
    list: ListId,
    contact: ContactId,
) -> Result<String, StoreError> {
    let mut transaction = store.begin().await?;
    let name = sqlx::query_scalar!(
        "update contact_list_members m set status = 'confirmed', updated_at = now()
         from contact_lists l
         where l.tenant_id = $1 and l.id = $2 and m.list_id = l.id and m.contact_id = $3 and m.status <> 'unsubscribed'
         returning l.name",
        tenant.0,
        list.0,
        contact.0
    )
    .fetch_one(&mut *transaction)
    .await?;
    sqlx::query!(
        "update contact_addresses set consent = 'given', consent_at = now(), consent_source = $3
         where tenant_id = $1 and contact_id = $2 and kind = 'email'
             and (consent in ('unknown', 'pending') or consent = 'given' and consent_source is null)",
        tenant.0,
        contact.0,
        format!("{DOUBLE_OPT_IN} list:{list}")
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(name)
}

/// A contact wants to be on a list no more. Said again, it is true still.
///
/// # Errors
/// [`StoreError::NotFound`] when it was never put there.
pub async fn unsubscribe(
    store: &Store,
    tenant: TenantId,
    list: ListId,
    contact: ContactId,
) -> Result<(), StoreError> {
    let done = sqlx::query!(
        "update contact_list_members m set status = 'unsubscribed', updated_at = now()
         from contact_lists l
         where l.tenant_id = $1 and l.id = $2 and m.list_id = l.id and m.contact_id = $3",
        tenant.0,
        list.0,
        contact.0
    )
    .execute(&store.pool)
    .await?;
    found(done.rows_affected())
}

/// The lists that a contact stands to, by name.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn of_contact(
    store: &Store,
    tenant: TenantId,
    contact: ContactId,
) -> Result<Vec<MembershipRow>, StoreError> {
    Ok(sqlx::query_as!(
        MembershipRow,
        r#"select m.list_id as "list_id: Id", l.name, l.description, m.status as "status: Name<Membership>", m.updated_at
           from contact_list_members m join contact_lists l on l.id = m.list_id
           where l.tenant_id = $1 and m.contact_id = $2 order by l.name"#,
        tenant.0,
        contact.0
    )
    .fetch_all(&store.pool)
    .await?)
}
