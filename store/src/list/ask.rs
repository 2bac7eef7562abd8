//! Whom to ask to confirm a list. It is noted before anything is sent, so that a crash asks once too few and not once too
//! often.

use schemas::{ContactId, ListId, TenantId};

use crate::{Store, StoreError, column::Id};

/// How often somebody is asked to confirm a list.
pub const MAX_ASKED: i16 = 3;

/// Somebody to be asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    pub contact: ContactId,
    /// Of e-mail.
    pub address: String,
    pub name: Option<String>,
    pub language: Option<String>,
    /// For the how-manieth time, from 1.
    pub time: i16,
}

/// Those of the contacts who are unconfirmed, have an e-mail address that they did not withdraw, were not asked within a
/// day and fewer than [`MAX_ASKED`] times: from now on, asked once more.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn ask(
    store: &Store,
    tenant: TenantId,
    list: ListId,
    contacts: &[ContactId],
) -> Result<Vec<Asked>, StoreError> {
    let ids: Vec<_> = contacts.iter().map(|id| id.0).collect();
    Ok(sqlx::query_as!(
        Asked,
        r#"update contact_list_members m set asked = m.asked + 1, asked_at = now(), updated_at = now()
           from contact_lists l, contacts c, lateral (
               select address from contact_addresses
               where tenant_id = $1 and contact_id = c.id and kind = 'email' and consent <> 'withdrawn'
               order by created_at, address limit 1
           ) a
           where l.tenant_id = $1 and l.id = $2 and m.list_id = l.id and m.contact_id = any($3)
             and m.status = 'unconfirmed' and m.asked < $4 and (m.asked_at is null or m.asked_at < now() - interval '1 day')
             and c.tenant_id = $1 and c.id = m.contact_id
           returning m.contact_id as "contact: Id", a.address, c.name, c.language, m.asked as time"#,
        tenant.0,
        list.0,
        &ids,
        MAX_ASKED
    )
    .fetch_all(&store.pool)
    .await?)
}
