//! Contacts nobody had before, by COPY: a third of the work of an `insert`.
//!
//! COPY knows no `on conflict`. What it runs into (somebody who is known after all, an id that is there and has lost the address it
//! is named after, an address that somebody else wrote in between) ends the transaction, and the batch is written in a slower
//! [`Way`](super::batch::Way).

use schemas::{ContactId, ListId, Membership, TenantId, Timestamp};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use sqlx::{PgConnection, postgres::PgCopyIn};

use super::{batch::Address, plan::Named, put::given};
use crate::{StoreError, project::copy::Copy};

const CONTACTS: &str = "copy contacts (id, tenant_id, external_id, name, attributes, language, time_zone, preferred_channel) \
                        from stdin (format binary)";
const ADDRESSES: &str = "copy contact_addresses (tenant_id, kind, address, contact_id, consent, consent_at, consent_source) \
                         from stdin (format binary)";
const MEMBERS: &str =
    "copy contact_list_members (list_id, contact_id, status) from stdin (format binary)";
/// Bytes that are sent at a time; then other tasks get their turn.
const PIECE: usize = 128 * 1024;

/// Writes contacts, their addresses and memberships.
///
/// # Errors
/// [`StoreError::Conflict`] when something of them is there; the transaction has failed then.
pub(super) async fn write(
    connection: &mut PgConnection,
    tenant: TenantId,
    new: &mut [Named<'_>],
    lists: &[(ListId, Membership)],
    source: Option<&str>,
    now: Timestamp,
) -> Result<(), StoreError> {
    if new.is_empty() {
        return Ok(());
    }
    // Neighbours in the indexes are written one after the other.
    new.sort_unstable_by_key(|named| named.id);
    let mut table = Table::begin(connection, CONTACTS, 8).await?;
    for named in new.iter() {
        let (entry, row) = (named.entry, table.row());
        row.uuid(named.id.0);
        row.uuid(tenant.0);
        row.maybe(given(&entry.external_id), Copy::text);
        row.maybe(given(&entry.name), Copy::text);
        row.jsonb(&Kept(&entry.attributes))
            .map_err(StoreError::other)?;
        row.maybe(given(&entry.language), Copy::text);
        row.maybe(given(&entry.time_zone), Copy::text);
        row.maybe(entry.preferred_channel.flatten(), Copy::text);
        table.pass().await?;
    }
    table.end().await?;

    let mut addresses: Vec<(&Address, ContactId)> = new
        .iter()
        .flat_map(|named| named.entry.addresses.iter().map(|one| (one, named.id)))
        .collect();
    addresses.sort_unstable_by_key(|(address, _)| (address.kind, &address.address));
    let mut table = Table::begin(connection, ADDRESSES, 7).await?;
    for (address, contact) in addresses {
        let row = table.row();
        row.uuid(tenant.0);
        row.text(address.kind);
        row.text(&address.address);
        row.uuid(contact.0);
        row.text(address.consent.unwrap_or_default().name());
        match address.consent {
            Some(_) => row.time(now),
            None => row.null(),
        }
        row.maybe(source.filter(|_| address.consent.is_some()), Copy::text);
        table.pass().await?;
    }
    table.end().await?;

    let mut table = Table::begin(connection, MEMBERS, 3).await?;
    for (list, status) in lists {
        for named in new.iter() {
            let row = table.row();
            row.uuid(list.0);
            row.uuid(named.id.0);
            row.text(status.name());
            table.pass().await?;
        }
    }
    table.end().await
}

/// A table that rows are on their way to.
struct Table<'c> {
    into: PgCopyIn<&'c mut PgConnection>,
    copy: Copy,
}

impl<'c> Table<'c> {
    async fn begin(
        connection: &'c mut PgConnection,
        statement: &'static str,
        columns: i16,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            into: connection.copy_in_raw(statement).await?,
            copy: Copy::new(columns, PIECE + PIECE / 4),
        })
    }

    /// Begins a row.
    fn row(&mut self) -> &mut Copy {
        self.copy.row();
        &mut self.copy
    }

    /// Ends a row.
    async fn pass(&mut self) -> Result<(), StoreError> {
        if self.copy.len() >= PIECE {
            self.into.send(self.copy.take()).await?;
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    async fn end(mut self) -> Result<(), StoreError> {
        self.into.send(self.copy.finish()).await?;
        self.into.finish().await?;
        Ok(())
    }
}

/// Attributes without those that are to be taken out.
struct Kept<'a>(&'a Map<String, Value>);

impl Serialize for Kept<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().filter(|(_, value)| !value.is_null()))
    }
}
