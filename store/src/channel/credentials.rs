//! Credentials of channels, sealed for their row; see [`crate::Keyring`].

use schemas::{ChannelId, ChannelKind, ChannelStatus, TenantId};
use serde_json::Value;

use super::ChannelRow;
use crate::{
    Keyring, Sealed, Store, StoreError,
    column::{Id, MaybeTime, Name},
};

/// The credentials, decrypted.
///
/// # Errors
/// [`StoreError::NotFound`] without such a channel, [`StoreError::Other`] when they do not open.
pub async fn credentials(
    store: &Store,
    tenant: TenantId,
    id: ChannelId,
) -> Result<Option<Value>, StoreError> {
    let sealed = sqlx::query_scalar!(
        "select credentials_encrypted from comm_channels where tenant_id = $1 and id = $2",
        tenant.0,
        id.0
    )
    .fetch_one(&store.pool)
    .await?;
    sealed
        .map(|text| open(&store.keyring, tenant, id, &text))
        .transpose()
}

/// Every tenant's channels with their credentials, for the caches of gateway and deliver. Credentials
/// that do not open are logged and given as none, so that one channel does not stop the others.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn load_all(store: &Store) -> Result<Vec<(ChannelRow, Option<Value>)>, StoreError> {
    let mut transaction = store.begin().await?;
    sqlx::query!("set transaction isolation level repeatable read, read only")
        .execute(&mut *transaction)
        .await?;
    let rows = sqlx::query_as!(
        ChannelRow,
        r#"select id as "id: Id", tenant_id as "tenant_id: Id", type as "kind: Name<ChannelKind>", name, provider, config,
               status as "status: Name<ChannelStatus>", assigned_agent_id, total_messages_received, total_messages_sent,
               auto_response_enabled, health, last_check_at as "last_check_at!: MaybeTime",
               credentials_encrypted is not null as "has_credentials!", metadata, created_at, updated_at
           from comm_channels order by id"#
    )
    .fetch_all(&mut *transaction)
    .await?;
    let mut sealed = sqlx::query!(
        r#"select id as "id: Id", credentials_encrypted as "text!" from comm_channels where credentials_encrypted is not null"#
    )
    .map(|record| (ChannelId::from(record.id), record.text))
    .fetch_all(&mut *transaction)
    .await?
    .into_iter()
    .collect::<std::collections::HashMap<_, _>>();
    transaction.commit().await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let credentials = sealed.remove(&row.id).and_then(|text| {
                open(&store.keyring, row.tenant_id, row.id, &text)
                    .inspect_err(|_| {
                        tracing::error!(channel = %row.id, "the channel's credentials do not open with the key file");
                    })
                    .ok()
            });
            (row, credentials)
        })
        .collect())
}

/// Seals every channel's credentials with the current key; how many were not yet. One that changes
/// meanwhile keeps its new value.
///
/// # Errors
/// [`StoreError::Other`] when credentials do not open with any key of the ring.
pub async fn reseal_all(store: &Store) -> Result<u64, StoreError> {
    let current = store.keyring.current();
    let rows = sqlx::query!(
        r#"select id as "id: Id", tenant_id as "tenant_id: Id", credentials_encrypted as "text!" from comm_channels
           where credentials_encrypted is not null and credentials_key_id <> $1 order by id"#,
        current
    )
    .map(|record| (ChannelId::from(record.id), TenantId::from(record.tenant_id), record.text))
    .fetch_all(&store.pool)
    .await?;
    let mut resealed = 0;
    for (id, tenant, old) in rows {
        let aad = aad(tenant, id);
        let plain = store.keyring.open(&aad, &old).map_err(StoreError::other)?;
        let new = store.keyring.seal(&aad, &plain);
        let done = sqlx::query!(
            "update comm_channels set credentials_encrypted = $3, credentials_key_id = $4
             where tenant_id = $1 and id = $2 and credentials_encrypted = $5",
            tenant.0,
            id.0,
            new.text,
            new.key_id,
            old
        )
        .execute(&store.pool)
        .await?;
        resealed += done.rows_affected();
    }
    Ok(resealed)
}

fn aad(tenant: TenantId, channel: ChannelId) -> [u8; 32] {
    let mut aad = [0; 32];
    let (left, right) = aad.split_at_mut(16);
    left.copy_from_slice(tenant.0.as_bytes());
    right.copy_from_slice(channel.0.as_bytes());
    aad
}

pub(super) fn seal(
    keyring: &Keyring,
    tenant: TenantId,
    channel: ChannelId,
    credentials: Option<&Value>,
) -> Option<Sealed> {
    credentials.map(|value| keyring.seal(&aad(tenant, channel), value.to_string().as_bytes()))
}

fn open(
    keyring: &Keyring,
    tenant: TenantId,
    channel: ChannelId,
    text: &str,
) -> Result<Value, StoreError> {
    let plain = keyring
        .open(&aad(tenant, channel), text)
        .map_err(StoreError::other)?;
    serde_json::from_slice(&plain).map_err(StoreError::other)
}
