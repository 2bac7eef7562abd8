//! People, and the addresses they are known by: those who wrote (made by the projector), and those who were told of
//! (typed in, imported).
//!
//! Invariants: an address belongs to one contact of its tenant; addresses come here in their one form
//! ([`schemas::address`]), and a contact is named after its first one, so that one who writes and one who is imported are
//! one ([`ContactId::of`]). What is deleted leaves the ledgers alone.

mod audience;
mod choice;
pub mod export;
pub mod import;
mod search;
mod write;

use schemas::{Consent, ContactId, TenantId, Timestamp};
use serde_json::Value;

use crate::{
    Store, StoreError,
    column::{Id, MaybeTime, Name},
};

pub use audience::{AudienceCount, AudienceQuery, count};
pub use choice::Choice;
pub use search::{ContactFilter, list};
pub use write::{AddressNew, ConsentNew, ContactNew, ContactPatch, create, delete, update};

/// Addresses of a contact.
pub const MAX_ADDRESSES: usize = 32;
/// Attributes of a contact as JSON, in bytes.
pub const MAX_ATTRIBUTES_BYTES: usize = 32 * 1024;

/// A row of `contacts`.
#[derive(Clone, Debug, PartialEq)]
pub struct ContactRow {
    pub id: ContactId,
    pub tenant_id: TenantId,
    /// Order of the list, and of audiences.
    pub seq: i64,
    pub external_id: Option<String>,
    pub name: Option<String>,
    /// An object.
    pub attributes: Value,
    /// BCP 47.
    pub language: Option<String>,
    /// IANA.
    pub time_zone: Option<String>,
    /// As `ChannelKind::address_kind` says.
    pub preferred_channel: Option<String>,
    pub metadata: Option<Value>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// A row of `contact_addresses`.
#[derive(Clone, Debug, PartialEq)]
pub struct AddressRow {
    /// As `ChannelKind::address_kind` says.
    pub kind: String,
    pub address: String,
    pub contact_id: ContactId,
    pub consent: Consent,
    pub consent_at: Option<Timestamp>,
    pub consent_source: Option<String>,
    pub created_at: Timestamp,
}

/// One contact.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn get(store: &Store, tenant: TenantId, id: ContactId) -> Result<ContactRow, StoreError> {
    Ok(sqlx::query_as!(
        ContactRow,
        r#"select id as "id: Id", tenant_id as "tenant_id: Id", seq, external_id, name, attributes, language, time_zone,
               preferred_channel, metadata, created_at, updated_at
           from contacts where tenant_id = $1 and id = $2"#,
        tenant.0,
        id.0
    )
    .fetch_one(&store.pool)
    .await?)
}

/// The addresses of contacts, those of one after those of the other.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn addresses(
    store: &Store,
    tenant: TenantId,
    ids: &[ContactId],
) -> Result<Vec<AddressRow>, StoreError> {
    let ids: Vec<_> = ids.iter().map(|id| id.0).collect();
    Ok(sqlx::query_as!(
        AddressRow,
        r#"select kind, address, contact_id as "contact_id: Id", consent as "consent: Name<Consent>",
               consent_at as "consent_at!: MaybeTime", consent_source, created_at
           from contact_addresses where tenant_id = $1 and contact_id = any($2) order by contact_id, kind, address"#,
        tenant.0,
        &ids
    )
    .fetch_all(&store.pool)
    .await?)
}
