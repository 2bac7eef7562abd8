//! The one error of this crate, classed where it arises so that callers never read its text.

/// What can go wrong with a query.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Transient: the database cannot be reached, is starting, stopping or full of clients, or a lock
    /// was lost again and again. Nothing was written.
    #[error("the database is unavailable")]
    Unavailable(#[source] sqlx::Error),
    /// Permanent: no such row for this tenant.
    #[error("not found")]
    NotFound,
    /// Permanent: it exists already, or something it refers to does not.
    #[error("conflicts with {constraint}")]
    Conflict { constraint: String },
    /// Permanent: the database or this crate refuses the value; the text says which rule, never the value.
    #[error("invalid: {0}")]
    Invalid(String),
    /// Permanent, and a defect or a damaged database.
    #[error("the database refused a query")]
    Other(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl StoreError {
    /// Whether the same call may work later.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }

    pub(crate) fn other(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Other(Box::new(error))
    }

    /// Whether a lock was lost to another transaction (deadlock, serialization): try again at once.
    pub(crate) fn lost_race(&self) -> bool {
        let Self::Unavailable(sqlx::Error::Database(error)) = self else {
            return false;
        };
        matches!(error.code().as_deref(), Some("40P01" | "40001"))
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::RowNotFound => Self::NotFound,
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => Self::Unavailable(error),
            sqlx::Error::Database(database) => {
                let code = database.code().unwrap_or_default().into_owned();
                let constraint = database.constraint().unwrap_or_default().to_owned();
                match code.as_str() {
                    "23505" | "23503" | "23P01" => Self::Conflict { constraint },
                    "23514" | "23502" => Self::Invalid(constraint),
                    // Lost races, limits, shutdown, connection and system trouble, read-only (a standby).
                    "40P01" | "40001" | "25006" | "55P03" | "57014" => Self::Unavailable(error),
                    code if ["08", "53", "57", "58"]
                        .iter()
                        .any(|class| code.starts_with(class)) =>
                    {
                        Self::Unavailable(error)
                    }
                    code if code.starts_with("22") => Self::Invalid(format!("data ({code})")),
                    _ => Self::other(error),
                }
            }
            _ => Self::other(error),
        }
    }
}

impl From<sqlx::migrate::MigrateError> for StoreError {
    fn from(error: sqlx::migrate::MigrateError) -> Self {
        match error {
            sqlx::migrate::MigrateError::Execute(error)
            | sqlx::migrate::MigrateError::ExecuteMigration(error, _) => error.into(),
            other => Self::other(other),
        }
    }
}

/// `NotFound` when a statement touched no row.
pub(crate) fn found(rows: u64) -> Result<(), StoreError> {
    if rows == 0 {
        Err(StoreError::NotFound)
    } else {
        Ok(())
    }
}
