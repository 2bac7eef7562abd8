//! A contact as the API answers it.

use std::collections::HashMap;

use schemas::{Consent, ContactId, ListId, Membership, Timestamp};
use serde::Serialize;
use serde_json::{Map, Value};
use store::{
    contact::{AddressRow, ContactRow},
    list::MembershipRow,
};
use utoipa::ToSchema;

use crate::{auth::Caller, hub::Hub, problem::ApiError};

/// Somebody who can be written to.
#[derive(Serialize, ToSchema)]
pub(crate) struct ContactOut {
    pub(super) id: ContactId,
    /// The name of the contact in your own books.
    external_id: Option<String>,
    name: Option<String>,
    #[schema(value_type = Object)]
    attributes: Map<String, Value>,
    /// BCP 47.
    #[schema(example = "de-AT")]
    language: Option<String>,
    /// IANA.
    #[schema(example = "Europe/Vienna")]
    time_zone: Option<String>,
    /// The kind of address it wants to be written to at.
    #[schema(example = "email")]
    preferred_channel: Option<String>,
    addresses: Vec<AddressOut>,
    #[schema(value_type = Object)]
    metadata: Map<String, Value>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// Where it can be written to.
#[derive(Serialize, ToSchema)]
pub(crate) struct AddressOut {
    /// `email`, `phone`, or the type of the channel.
    #[schema(example = "email")]
    kind: String,
    address: String,
    consent: Consent,
    consent_at: Option<Timestamp>,
    consent_source: Option<String>,
    created_at: Timestamp,
}

/// A list that a contact stands to.
#[derive(Serialize, ToSchema)]
pub(crate) struct MembershipOut {
    list_id: ListId,
    name: String,
    description: Option<String>,
    status: Membership,
    updated_at: Timestamp,
}

impl From<AddressRow> for AddressOut {
    fn from(row: AddressRow) -> Self {
        Self {
            kind: row.kind,
            address: row.address,
            consent: row.consent,
            consent_at: row.consent_at,
            consent_source: row.consent_source,
            created_at: row.created_at,
        }
    }
}

impl From<MembershipRow> for MembershipOut {
    fn from(row: MembershipRow) -> Self {
        Self {
            list_id: row.list_id,
            name: row.name,
            description: row.description,
            status: row.status,
            updated_at: row.updated_at,
        }
    }
}

impl ContactOut {
    pub(super) fn of(row: ContactRow, addresses: Vec<AddressOut>) -> Self {
        Self {
            id: row.id,
            external_id: row.external_id,
            name: row.name,
            attributes: super::map(Some(row.attributes)),
            language: row.language,
            time_zone: row.time_zone,
            preferred_channel: row.preferred_channel,
            addresses,
            metadata: super::map(row.metadata),
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// Contacts with their addresses.
pub(super) async fn with_addresses(
    hub: &Hub,
    caller: &Caller,
    rows: Vec<ContactRow>,
) -> Result<Vec<ContactOut>, ApiError> {
    let ids: Vec<ContactId> = rows.iter().map(|row| row.id).collect();
    let mut of: HashMap<ContactId, Vec<AddressOut>> = HashMap::new();
    for row in store::contact::addresses(&hub.store, caller.tenant, &ids).await? {
        of.entry(row.contact_id).or_default().push(row.into());
    }
    let contacts = rows.into_iter().map(|row| {
        let addresses = of.remove(&row.id).unwrap_or_default();
        ContactOut::of(row, addresses)
    });
    Ok(contacts.collect())
}

/// One of them.
pub(super) async fn whole(
    hub: &Hub,
    caller: &Caller,
    row: ContactRow,
) -> Result<ContactOut, ApiError> {
    with_addresses(hub, caller, vec![row])
        .await?
        .pop()
        .ok_or_else(|| ApiError::not_found("contact"))
}
