//! API keys: made once, shown once, kept as SHA-256.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chacha20poly1305::{
    XChaCha20Poly1305,
    aead::{Generate, Key},
};
use schemas::{ApiKeyId, ChannelId, Secret, TenantId, Timestamp};
use sha2::{Digest, Sha256};

use crate::{
    Store, StoreError,
    column::{Id, MaybeId, MaybeTime},
};

/// What every key begins with, so that a scanner for leaked secrets can know one.
pub const TOKEN_PREFIX: &str = "tdk_";

/// A row of `api_keys`, without the hash.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiKeyRow {
    pub id: ApiKeyId,
    pub tenant_id: TenantId,
    pub name: String,
    /// `admin`, `agent`, `viewer` or `adapter`.
    pub role: String,
    /// The one channel of an adapter's key.
    pub channel_id: Option<ChannelId>,
    pub created_at: Timestamp,
    pub revoked_at: Option<Timestamp>,
}

/// Makes a key. The token is in no other place than the answer.
///
/// # Errors
/// [`StoreError::Invalid`] for an unknown role, or a channel without the role adapter or the other
/// way round; [`StoreError::Conflict`] for a channel that is not the tenant's.
pub async fn create(
    store: &Store,
    tenant: TenantId,
    name: &str,
    role: &str,
    channel: Option<ChannelId>,
) -> Result<(ApiKeyRow, Secret), StoreError> {
    // 256 random bits; the type is merely the one at hand.
    let random = Key::<XChaCha20Poly1305>::generate();
    let token = format!("{TOKEN_PREFIX}{}", URL_SAFE_NO_PAD.encode(random));
    let row = sqlx::query_as!(
        ApiKeyRow,
        r#"insert into api_keys (tenant_id, name, role, channel_id, token_hash)
           values ($1, $2, $3, $4, $5)
           returning id as "id: Id", tenant_id as "tenant_id: Id", name, role, channel_id as "channel_id!: MaybeId",
                     created_at, revoked_at as "revoked_at!: MaybeTime""#,
        tenant.0,
        name,
        role,
        channel.map(|channel| channel.0),
        hash(&token)
    )
    .fetch_one(&store.pool)
    .await?;
    Ok((row, Secret::new(token)))
}

/// The key with this token, unless it was revoked. The lookup by hash leaks nothing by its timing.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn find_by_token(store: &Store, token: &str) -> Result<Option<ApiKeyRow>, StoreError> {
    if !token.starts_with(TOKEN_PREFIX) || token.len() > 128 {
        return Ok(None);
    }
    Ok(sqlx::query_as!(
        ApiKeyRow,
        r#"select id as "id: Id", tenant_id as "tenant_id: Id", name, role, channel_id as "channel_id!: MaybeId",
                  created_at, revoked_at as "revoked_at!: MaybeTime"
           from api_keys where token_hash = $1 and revoked_at is null"#,
        hash(token)
    )
    .fetch_optional(&store.pool)
    .await?)
}

/// All keys of a tenant, revoked ones too, oldest first.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn list(store: &Store, tenant: TenantId) -> Result<Vec<ApiKeyRow>, StoreError> {
    Ok(sqlx::query_as!(
        ApiKeyRow,
        r#"select id as "id: Id", tenant_id as "tenant_id: Id", name, role, channel_id as "channel_id!: MaybeId",
                  created_at, revoked_at as "revoked_at!: MaybeTime"
           from api_keys where tenant_id = $1 order by created_at, id"#,
        tenant.0
    )
    .fetch_all(&store.pool)
    .await?)
}

/// Ends a key. Ending it again changes nothing.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn revoke(store: &Store, tenant: TenantId, id: ApiKeyId) -> Result<(), StoreError> {
    let done = sqlx::query!(
        "update api_keys set revoked_at = coalesce(revoked_at, now()) where tenant_id = $1 and id = $2",
        tenant.0,
        id.0
    )
    .execute(&store.pool)
    .await?;
    crate::error::found(done.rows_affected())
}

fn hash(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}
