//! How tenants want their messages understood: `comm_understanding`, one row a revision.
//!
//! Invariants: a revision is never changed, and the highest one holds. A tenant's settings and its models change only
//! while the tenant is [held](hold), so settings never name a model that is gone.
//!
//! Deliberately absent: whether settings make sense (patterns that compile, languages that exist); whoever takes them
//! from outside checks that.

use schemas::{Backend, Task, TenantId, Timestamp, Understanding};
use serde_json::Value;
use sqlx::{Postgres, Transaction};

use crate::{Store, StoreError};

/// Revisions that are kept of a tenant; older ones are forgotten.
pub const KEPT: i64 = 100;

/// A row of `comm_understanding`.
#[derive(Clone, Debug, PartialEq)]
pub struct UnderstandingRow {
    /// 1 for the first.
    pub revision: i64,
    pub settings: Understanding,
    pub created_at: Timestamp,
    /// E.g. `key:<id>`.
    pub created_by: String,
}

/// What holds for a tenant; none where nothing was ever set.
///
/// # Errors
/// [`StoreError::Unavailable`]; [`StoreError::Other`] for settings this version cannot read.
pub async fn current(
    store: &Store,
    tenant: TenantId,
) -> Result<Option<UnderstandingRow>, StoreError> {
    let row = sqlx::query!(
        "select revision, settings, created_at, created_by from comm_understanding
         where tenant_id = $1 order by revision desc limit 1",
        tenant.0
    )
    .fetch_optional(&store.pool)
    .await?;
    row.map(|row| {
        Ok(UnderstandingRow {
            revision: row.revision,
            settings: read(row.settings)?,
            created_at: row.created_at.into(),
            created_by: row.created_by,
        })
    })
    .transpose()
}

/// A tenant whose settings and models nobody else changes until this is committed or dropped. Dropped, nothing was
/// changed.
#[derive(Debug)]
pub struct Held {
    pub(crate) transaction: Transaction<'static, Postgres>,
    pub(crate) tenant: TenantId,
}

/// Holds a tenant; waits for whoever holds it.
///
/// # Errors
/// [`StoreError::NotFound`] without such a tenant.
pub async fn hold(store: &Store, tenant: TenantId) -> Result<Held, StoreError> {
    let mut transaction = store.begin().await?;
    sqlx::query_scalar!(
        "select true from tenants where id = $1 for no key update",
        tenant.0
    )
    .fetch_one(&mut *transaction)
    .await?;
    Ok(Held {
        transaction,
        tenant,
    })
}

impl Held {
    /// What holds for the tenant.
    ///
    /// # Errors
    /// As [`current`].
    pub async fn settings(&mut self) -> Result<Understanding, StoreError> {
        let settings = sqlx::query_scalar!(
            "select settings from comm_understanding where tenant_id = $1 order by revision desc limit 1",
            self.tenant.0
        )
        .fetch_optional(&mut *self.transaction)
        .await?;
        settings.map_or_else(|| Ok(Understanding::default()), read)
    }

    /// Makes the next revision, which holds from the commit on.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] where the settings name a model that the tenant does not have, or has for another task.
    pub async fn write(
        &mut self,
        settings: &Understanding,
        by: &str,
    ) -> Result<UnderstandingRow, StoreError> {
        for (task, backend) in &settings.models {
            if let Backend::Model(id) = backend {
                let has = self.model_task(id).await?;
                if has != Some(*task) {
                    return Err(StoreError::Invalid("comm_understanding_model".into()));
                }
            }
        }
        let json = serde_json::to_value(settings).map_err(StoreError::other)?;
        let made = sqlx::query!(
            "insert into comm_understanding (tenant_id, revision, settings, created_by)
             select $1, coalesce(max(revision), 0) + 1, $2, $3 from comm_understanding where tenant_id = $1
             returning revision, created_at",
            self.tenant.0,
            json,
            by
        )
        .fetch_one(&mut *self.transaction)
        .await?;
        sqlx::query!(
            "delete from comm_understanding where tenant_id = $1 and revision <= $2",
            self.tenant.0,
            made.revision - KEPT
        )
        .execute(&mut *self.transaction)
        .await?;
        Ok(UnderstandingRow {
            revision: made.revision,
            settings: settings.clone(),
            created_at: made.created_at.into(),
            created_by: by.to_owned(),
        })
    }

    /// What answered a task before what answers it now did; none where that is not known any more, or was never
    /// another.
    ///
    /// # Errors
    /// As [`current`].
    pub async fn before(&mut self, task: Task) -> Result<Option<Backend>, StoreError> {
        // A task that is not named is answered by the built-in model.
        let earlier = sqlx::query_scalar!(
            r#"with named as (
                   select revision, coalesce(settings #>> array['models', $2], 'builtin') as backend
                   from comm_understanding where tenant_id = $1
               ), latest as (select backend from named order by revision desc limit 1)
               select named.backend as "backend!" from named, latest where named.backend <> latest.backend
               order by named.revision desc limit 1"#,
            self.tenant.0,
            task.name()
        )
        .fetch_optional(&mut *self.transaction)
        .await?;
        if let Some(backend) = earlier {
            return backend.parse().map(Some).map_err(StoreError::other);
        }
        // Before the first revision it was the built-in model, too.
        let first = self.settings().await?.models.remove(&task);
        let kept_all = sqlx::query_scalar!(
            r#"select coalesce(min(revision), 1) as "first!" from comm_understanding where tenant_id = $1"#,
            self.tenant.0
        )
        .fetch_one(&mut *self.transaction)
        .await?
            == 1;
        Ok(first
            .filter(|backend| kept_all && *backend != Backend::Builtin)
            .map(|_| Backend::Builtin))
    }

    /// Lets all that was done be seen.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]: it is not known whether it was done.
    pub async fn commit(self) -> Result<(), StoreError> {
        Ok(self.transaction.commit().await?)
    }
}

/// Settings out of their column.
fn read(settings: Value) -> Result<Understanding, StoreError> {
    serde_json::from_value(settings).map_err(StoreError::other)
}
