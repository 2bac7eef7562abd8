//! Tenants' own models: `comm_models`. The files lie in object storage, under [`object_key`].
//!
//! Invariants: a model's id is derived from its file, so it never changes; models come and go only while the tenant is
//! [held](crate::understanding::hold), which is when the file is written or removed, too.

use schemas::{Backend, Task, TenantId, Timestamp};
use serde_json::Value;

use crate::{
    Store, StoreError,
    column::{Id, Name},
    error::found,
    understanding::Held,
};

/// Most models of a tenant.
pub const MAX_MODELS: i64 = 100;

/// A row of `comm_models` without its card.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelRow {
    pub tenant_id: TenantId,
    /// `<task>-<first 12 hex digits of sha256>`.
    pub id: String,
    pub task: Task,
    pub name: String,
    pub size_bytes: i64,
    /// Of the file, in hex.
    pub sha256: String,
    pub labels: Vec<String>,
    pub metrics: Value,
    pub created_at: Timestamp,
    pub created_by: String,
}

/// A model to be kept.
#[derive(Clone, Debug)]
pub struct ModelNew {
    pub id: String,
    pub task: Task,
    pub name: String,
    pub size_bytes: i64,
    pub sha256: String,
    pub labels: Vec<String>,
    pub metrics: Value,
    pub card: String,
}

/// Where a model's file lies in object storage.
#[must_use]
pub fn object_key(tenant: TenantId, id: &str) -> String {
    format!("models/{tenant}/{id}.tdm")
}

/// Models of a tenant, the newest first.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn list(
    store: &Store,
    tenant: TenantId,
    task: Option<Task>,
) -> Result<Vec<ModelRow>, StoreError> {
    Ok(sqlx::query_as!(
        ModelRow,
        r#"select tenant_id as "tenant_id: Id", id, task as "task: Name<Task>", name, size_bytes, sha256, labels, metrics,
               created_at, created_by
           from comm_models where tenant_id = $1 and ($2::text is null or task = $2)
           order by created_at desc, id"#,
        tenant.0,
        task.map(Task::name)
    )
    .fetch_all(&store.pool)
    .await?)
}

/// One model.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn get(store: &Store, tenant: TenantId, id: &str) -> Result<ModelRow, StoreError> {
    Ok(sqlx::query_as!(
        ModelRow,
        r#"select tenant_id as "tenant_id: Id", id, task as "task: Name<Task>", name, size_bytes, sha256, labels, metrics,
               created_at, created_by
           from comm_models where tenant_id = $1 and id = $2"#,
        tenant.0,
        id
    )
    .fetch_one(&store.pool)
    .await?)
}

/// A model's card.
///
/// # Errors
/// [`StoreError::NotFound`].
pub async fn card(store: &Store, tenant: TenantId, id: &str) -> Result<String, StoreError> {
    Ok(sqlx::query_scalar!(
        "select card from comm_models where tenant_id = $1 and id = $2",
        tenant.0,
        id
    )
    .fetch_one(&store.pool)
    .await?)
}

impl Held {
    /// What a model is for; none without such a model.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn model_task(&mut self, id: &str) -> Result<Option<Task>, StoreError> {
        let row = sqlx::query!(
            r#"select task as "task: Name<Task>" from comm_models where tenant_id = $1 and id = $2"#,
            self.tenant.0,
            id
        )
        .fetch_optional(&mut *self.transaction)
        .await?;
        Ok(row.map(|row| row.task.into()))
    }

    /// Keeps a model. One that is there already stays as it is: the answer says whether it is new.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] with the constraint `comm_models_count` for one more than [`MAX_MODELS`],
    /// [`StoreError::Invalid`] for a bad name.
    pub async fn add_model(&mut self, new: &ModelNew, by: &str) -> Result<bool, StoreError> {
        let others = sqlx::query_scalar!(
            r#"select count(*) as "count!" from comm_models where tenant_id = $1 and id <> $2"#,
            self.tenant.0,
            new.id
        )
        .fetch_one(&mut *self.transaction)
        .await?;
        if others >= MAX_MODELS {
            return Err(StoreError::Conflict {
                constraint: "comm_models_count".into(),
            });
        }
        let done = sqlx::query!(
            "insert into comm_models (tenant_id, id, task, name, size_bytes, sha256, labels, metrics, card, created_by)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict on constraint comm_models_pkey do nothing",
            self.tenant.0,
            new.id,
            new.task.name(),
            new.name,
            new.size_bytes,
            new.sha256,
            &new.labels,
            new.metrics,
            new.card,
            by
        )
        .execute(&mut *self.transaction)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Forgets a model.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Conflict`] with the constraint `comm_models_in_use` while the settings
    /// name it.
    pub async fn remove_model(&mut self, id: &str) -> Result<(), StoreError> {
        let named = Backend::Model(id.to_owned());
        if self
            .settings()
            .await?
            .models
            .values()
            .any(|backend| *backend == named)
        {
            return Err(StoreError::Conflict {
                constraint: "comm_models_in_use".into(),
            });
        }
        let done = sqlx::query!(
            "delete from comm_models where tenant_id = $1 and id = $2",
            self.tenant.0,
            id
        )
        .execute(&mut *self.transaction)
        .await?;
        found(done.rows_affected())
    }
}
