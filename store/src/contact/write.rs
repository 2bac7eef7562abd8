//! Contacts made, changed and deleted by people.

use schemas::{Consent, ContactId, TenantId, Timestamp};
use serde_json::{Map, Value};
use sqlx::{
    PgConnection,
    types::chrono::{DateTime, Utc},
};

use super::{ContactRow, MAX_ATTRIBUTES_BYTES, get};
use crate::{Store, StoreError, error::found, text::clean_json};

/// An address in its one form ([`schemas::address::canonical`]).
#[derive(Clone, Debug, PartialEq)]
pub struct AddressNew {
    pub kind: &'static str,
    pub address: String,
    /// None: as it was; unknown for a new one.
    pub consent: Option<ConsentNew>,
}

/// What is said of a consent.
#[derive(Clone, Debug, PartialEq)]
pub struct ConsentNew {
    pub state: Consent,
    /// None: now.
    pub at: Option<Timestamp>,
    pub source: Option<String>,
}

/// A contact to be made.
#[derive(Clone, Debug, Default)]
pub struct ContactNew {
    pub external_id: Option<String>,
    pub name: Option<String>,
    pub attributes: Map<String, Value>,
    pub language: Option<String>,
    pub time_zone: Option<String>,
    pub preferred_channel: Option<&'static str>,
    /// The first names the contact.
    pub addresses: Vec<AddressNew>,
    pub metadata: Option<Value>,
}

/// What to change; `None` leaves a field, `Some(None)` empties it.
#[derive(Clone, Debug, Default)]
pub struct ContactPatch {
    pub external_id: Option<Option<String>>,
    pub name: Option<Option<String>>,
    /// Those given are put in, null takes one out, the others stay.
    pub attributes: Option<Map<String, Value>>,
    pub language: Option<Option<String>>,
    pub time_zone: Option<Option<String>>,
    pub preferred_channel: Option<Option<&'static str>>,
    /// All of them; those that were there keep the consent that is not given.
    pub addresses: Option<Vec<AddressNew>>,
    pub metadata: Option<Option<Value>>,
}

/// Makes a contact.
///
/// # Errors
/// [`StoreError::Conflict`] with `contact_addresses_pkey` when an address is another contact's already, or with
/// `contacts_tenant_id_external_id_idx`; [`StoreError::Invalid`] for too many attributes.
pub async fn create(
    store: &Store,
    tenant: TenantId,
    mut new: ContactNew,
) -> Result<ContactRow, StoreError> {
    let attributes = attributes(Map::new(), std::mem::take(&mut new.attributes))?;
    let named = new.addresses.first();
    let derived = named.map(|first| ContactId::of(tenant, first.kind, &first.address));
    let id = retry!({
        let mut transaction = store.begin().await?;
        let mut id = derived.unwrap_or_else(ContactId::new);
        // The contact that had the address first is there, and has it no more.
        if !insert(&mut transaction, tenant, id, &new, &attributes).await? {
            id = ContactId::new();
            insert(&mut transaction, tenant, id, &new, &attributes).await?;
        }
        put(&mut transaction, tenant, id, &new.addresses).await?;
        transaction.commit().await?;
        Ok(id)
    })?;
    get(store, tenant, id).await
}

async fn insert(
    connection: &mut PgConnection,
    tenant: TenantId,
    id: ContactId,
    new: &ContactNew,
    attributes: &Value,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "insert into contacts (id, tenant_id, external_id, name, attributes, language, time_zone, preferred_channel, metadata)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict (id) do nothing",
        id.0,
        tenant.0,
        new.external_id,
        new.name,
        attributes,
        new.language,
        new.time_zone,
        new.preferred_channel,
        new.metadata
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Gives addresses to a contact, and what is said of their consents.
async fn put(
    connection: &mut PgConnection,
    tenant: TenantId,
    id: ContactId,
    addresses: &[AddressNew],
) -> Result<(), StoreError> {
    if addresses.is_empty() {
        return Ok(());
    }
    // In one order, so that two writers do not wait for each other.
    let mut addresses: Vec<&AddressNew> = addresses.iter().collect();
    addresses.sort_by_key(|one| (one.kind, &one.address));
    let consents = || addresses.iter().map(|one| one.consent.as_ref());
    let kinds: Vec<String> = addresses.iter().map(|one| one.kind.to_owned()).collect();
    let texts: Vec<String> = addresses.iter().map(|one| one.address.clone()).collect();
    let states: Vec<Option<String>> = consents()
        .map(|one| one.map(|consent| consent.state.name().to_owned()))
        .collect();
    let times: Vec<Option<DateTime<Utc>>> = consents()
        .map(|one| {
            one.and_then(|consent| consent.at)
                .map(Timestamp::to_datetime)
        })
        .collect();
    let sources: Vec<Option<String>> = consents()
        .map(|one| one.and_then(|consent| consent.source.clone()))
        .collect();
    let done = sqlx::query!(
        "insert into contact_addresses as a (tenant_id, kind, address, contact_id, consent, consent_at, consent_source)
         select $1, kind, address, $2, coalesce(state, 'unknown'),
             case when state is not null then coalesce(at, now()) end, source
         from unnest($3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::text[])
             as i (kind, address, state, at, source)
         on conflict (tenant_id, kind, address) do update set
             consent = case when excluded.consent_at is null then a.consent else excluded.consent end,
             consent_at = coalesce(excluded.consent_at, a.consent_at),
             consent_source = case when excluded.consent_at is null then a.consent_source else excluded.consent_source end
             where a.contact_id = excluded.contact_id",
        tenant.0,
        id.0,
        &kinds,
        &texts,
        &states as &[Option<String>],
        &times as &[Option<DateTime<Utc>>],
        &sources as &[Option<String>]
    )
    .execute(connection)
    .await?;
    if done.rows_affected() < addresses.len() as u64 {
        return Err(StoreError::Conflict {
            constraint: "contact_addresses_pkey".into(),
        });
    }
    Ok(())
}

/// Changes what the patch gives.
///
/// # Errors
/// [`StoreError::NotFound`], and as [`create`].
pub async fn update(
    store: &Store,
    tenant: TenantId,
    id: ContactId,
    patch: &ContactPatch,
) -> Result<ContactRow, StoreError> {
    retry!({
        let mut transaction = store.begin().await?;
        let before = sqlx::query_scalar!(
            "select attributes from contacts where tenant_id = $1 and id = $2 for update",
            tenant.0,
            id.0
        )
        .fetch_one(&mut *transaction)
        .await?;
        let after = match (&patch.attributes, before) {
            (None, _) => None,
            (Some(given), Value::Object(before)) => Some(attributes(before, given.clone())?),
            (Some(given), _) => Some(attributes(Map::new(), given.clone())?),
        };
        sqlx::query!(
            "update contacts set
                 external_id = case when $3 then $4 else external_id end,
                 name = case when $5 then $6 else name end,
                 attributes = coalesce($7, attributes),
                 language = case when $8 then $9 else language end,
                 time_zone = case when $10 then $11 else time_zone end,
                 preferred_channel = case when $12 then $13 else preferred_channel end,
                 metadata = case when $14 then $15 else metadata end,
                 updated_at = now()
             where tenant_id = $1 and id = $2",
            tenant.0,
            id.0,
            patch.external_id.is_some(),
            patch.external_id.clone().flatten(),
            patch.name.is_some(),
            patch.name.clone().flatten(),
            after,
            patch.language.is_some(),
            patch.language.clone().flatten(),
            patch.time_zone.is_some(),
            patch.time_zone.clone().flatten(),
            patch.preferred_channel.is_some(),
            patch.preferred_channel.flatten(),
            patch.metadata.is_some(),
            patch.metadata.clone().flatten()
        )
        .execute(&mut *transaction)
        .await?;
        if let Some(addresses) = &patch.addresses {
            keep(&mut transaction, tenant, id, addresses).await?;
            put(&mut transaction, tenant, id, addresses).await?;
        }
        transaction.commit().await?;
        Ok(())
    })?;
    get(store, tenant, id).await
}

/// Takes all other addresses from a contact.
async fn keep(
    connection: &mut PgConnection,
    tenant: TenantId,
    id: ContactId,
    addresses: &[AddressNew],
) -> Result<(), StoreError> {
    let kinds: Vec<String> = addresses.iter().map(|one| one.kind.to_owned()).collect();
    let texts: Vec<String> = addresses.iter().map(|one| one.address.clone()).collect();
    sqlx::query!(
        "delete from contact_addresses a where a.tenant_id = $1 and a.contact_id = $2 and not exists (
             select from unnest($3::text[], $4::text[]) as i (kind, address)
             where i.kind = a.kind and i.address = a.address)",
        tenant.0,
        id.0,
        &kinds,
        &texts
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Deletes a contact, its addresses and its memberships, and of what it did with campaigns the programs and networks it
/// did it from. The ledger of campaigns keeps its rows, with the address each was sent to; so do conversations.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn delete(store: &Store, tenant: TenantId, id: ContactId) -> Result<(), StoreError> {
    retry!({
        let mut transaction = store.begin().await?;
        let done = sqlx::query!(
            "delete from contacts where tenant_id = $1 and id = $2",
            tenant.0,
            id.0
        )
        .execute(&mut *transaction)
        .await?;
        found(done.rows_affected())?;
        sqlx::query!(
            "delete from contact_list_members m using contact_lists l
             where m.list_id = l.id and l.tenant_id = $1 and m.contact_id = $2",
            tenant.0,
            id.0
        )
        .execute(&mut *transaction)
        .await?;
        sqlx::query!(
            "delete from contact_addresses where tenant_id = $1 and contact_id = $2",
            tenant.0,
            id.0
        )
        .execute(&mut *transaction)
        .await?;
        sqlx::query!(
            "update campaign_events set ip_address = null, user_agent = null
             where tenant_id = $1 and contact_id = $2 and (ip_address is not null or user_agent is not null)",
            tenant.0,
            id.0
        )
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    })
}

/// Attributes with others put in, and those that are null taken out.
fn attributes(
    mut before: Map<String, Value>,
    given: Map<String, Value>,
) -> Result<Value, StoreError> {
    let mut given = Value::Object(given);
    clean_json(&mut given);
    if let Value::Object(given) = given {
        before.extend(given);
    }
    before.retain(|_, value| !value.is_null());
    let all = Value::Object(before);
    if all.to_string().len() > MAX_ATTRIBUTES_BYTES {
        return Err(StoreError::Invalid(format!(
            "attributes may have {MAX_ATTRIBUTES_BYTES} bytes"
        )));
    }
    Ok(all)
}
