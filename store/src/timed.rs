//! Queries of which nobody knows how long they take: they are ended when they take too long.

use std::time::Duration;

use sqlx::{Postgres, Transaction};

use crate::{Store, StoreError};

/// What sorting and hashing may take: a million ids fit, and few such queries run at a time.
const WORK_MEM: &str = "64MB";

/// A transaction whose statements may take so long each. It is for reading: dropped, it is rolled back.
pub(crate) async fn begin(
    store: &Store,
    limit: Duration,
) -> Result<Transaction<'static, Postgres>, StoreError> {
    let mut transaction = store.begin().await?;
    sqlx::query!(
        r#"select set_config('statement_timeout', $1, true) as "timeout", set_config('work_mem', $2, true) as "memory""#,
        limit.as_millis().to_string(),
        WORK_MEM
    )
    .fetch_one(&mut *transaction)
    .await?;
    Ok(transaction)
}

/// None for what was ended since it took too long.
pub(crate) fn within<T>(done: Result<T, sqlx::Error>) -> Result<Option<T>, StoreError> {
    match done {
        Ok(value) => Ok(Some(value)),
        // query_canceled: https://www.postgresql.org/docs/current/errcodes-appendix.html
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("57014") => Ok(None),
        Err(error) => Err(error.into()),
    }
}
