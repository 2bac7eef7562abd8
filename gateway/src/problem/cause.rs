//! What failed inside, as an answer.

use axum::http::StatusCode;
use nats::PublishError;
use store::StoreError;

use super::ApiError;

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(source) => {
                tracing::warn!(error = %source, "the database is unavailable");
                Self::unavailable(2)
            }
            StoreError::NotFound => Self::not_found("object"),
            StoreError::Conflict { constraint } => conflict(&constraint),
            StoreError::Invalid(rule) => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "invalid",
                format!("The database does not take this: {rule}."),
            ),
            other @ StoreError::Other(_) => Self::internal(&other),
        }
    }
}

/// A broken constraint as a sentence.
fn conflict(constraint: &str) -> ApiError {
    if constraint.ends_with("tenant_id_fkey") {
        return ApiError::forbidden("There is no such tenant. Use a token of one that exists.");
    }
    if constraint.ends_with("channel_id_fkey") {
        return ApiError::not_found("channel");
    }
    if constraint.ends_with("name_key") {
        return ApiError::conflict("The name is taken. Choose another.");
    }
    ApiError::conflict("This exists already, or something refers to it.")
}

impl From<PublishError> for ApiError {
    fn from(error: PublishError) -> Self {
        match &error {
            PublishError::Refused { code: 413, .. } => Self::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "too-large",
                "This is larger than the broker takes. Send less at a time.",
            ),
            PublishError::Refused { code: 400, .. } => Self::internal(&error),
            PublishError::Busy => Self::unavailable(1),
            _ => {
                tracing::warn!(%error, "the broker did not store a message");
                Self::unavailable(2)
            }
        }
    }
}
