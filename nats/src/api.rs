//! Requests to JetStream's API, and how they fail.
//!
//! Invariant: whoever raises an [`ApiError`] has classed it; nobody reads its text to decide.

use async_nats::client::RequestErrorKind;
use serde::Deserialize;

/// Prefix of JetStream's API subjects.
pub(crate) const PREFIX: &str = "$JS.API.";

/// JetStream error codes this crate decides on (`server/errors.json` of nats-server).
pub(crate) mod code {
    pub(crate) const CONSUMER_NOT_FOUND: u32 = 10014;
    pub(crate) const MESSAGE_NOT_FOUND: u32 = 10037;
    pub(crate) const STREAM_NOT_FOUND: u32 = 10059;
}

/// Why a request to the broker gave no result.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ApiError {
    /// No answer inside the time allowed; the request may or may not have been carried out.
    #[error("the broker did not answer in time")]
    TimedOut,
    /// Not connected, or nobody serves the subject.
    #[error("the broker is not reachable, or JetStream is not enabled")]
    Unavailable,
    /// JetStream answered with an error.
    #[error("the broker refused ({status}, {code}): {description}")]
    Refused {
        /// As in HTTP: 4xx will not get better by trying again, 5xx may.
        status: u16,
        /// JetStream's own error code.
        code: u32,
        /// JetStream's sentence.
        description: String,
    },
    /// The answer is not what the API promises.
    #[error("the broker's answer could not be read: {0}")]
    Unreadable(String),
}

impl ApiError {
    /// Whether the same request may succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::TimedOut | Self::Unavailable => true,
            Self::Refused { status, .. } => *status >= 500,
            Self::Unreadable(_) => false,
        }
    }

    pub(crate) fn is_code(&self, wanted: u32) -> bool {
        matches!(self, Self::Refused { code, .. } if *code == wanted)
    }
}

impl From<async_nats::RequestError> for ApiError {
    fn from(error: async_nats::RequestError) -> Self {
        match error.kind() {
            RequestErrorKind::TimedOut => Self::TimedOut,
            RequestErrorKind::InvalidSubject => Self::Refused {
                status: 400,
                code: 0,
                description: "not a subject".to_owned(),
            },
            RequestErrorKind::MaxPayloadExceeded => Self::Refused {
                status: 413,
                code: 0,
                description: "larger than the broker's max_payload".to_owned(),
            },
            RequestErrorKind::NoResponders | RequestErrorKind::Other => Self::Unavailable,
        }
    }
}

#[derive(Deserialize)]
struct Answer {
    error: Option<Refusal>,
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(default)]
    code: u16,
    #[serde(default)]
    err_code: u32,
    #[serde(default)]
    description: String,
}

/// Reads an answer: the result, or the error it carries.
pub(crate) fn read<T: serde::de::DeserializeOwned>(payload: &[u8]) -> Result<T, ApiError> {
    let unreadable = |error: serde_json::Error| ApiError::Unreadable(error.to_string());
    let answer: Answer = serde_json::from_slice(payload).map_err(unreadable)?;
    if let Some(refusal) = answer.error {
        return Err(ApiError::Refused {
            status: refusal.code,
            code: refusal.err_code,
            description: refusal.description,
        });
    }
    serde_json::from_slice(payload).map_err(unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_classed() {
        let refused = read::<serde_json::Value>(
            br#"{"error":{"code":404,"err_code":10014,"description":"consumer not found"}}"#,
        )
        .unwrap_err();
        assert!(refused.is_code(code::CONSUMER_NOT_FOUND));
        assert!(!refused.is_transient());
        let full = read::<serde_json::Value>(
            br#"{"error":{"code":503,"err_code":10077,"description":"maximum bytes exceeded"}}"#,
        )
        .unwrap_err();
        assert!(full.is_transient());
        assert!(read::<serde_json::Value>(b"nonsense").is_err());
    }
}
