//! The documented message, signed: one as JSON or MessagePack, or several as a JSON array.

use bytes::Bytes;
use schemas::ChannelKind;
use serde_json::value::RawValue;

use super::{Account, MAX_UPDATES, Malformed, Refused, Request, Update, signature};

const JSON: &str = "application/json";
const MESSAGEPACK: &str = "application/msgpack";

pub(super) fn verify(account: &Account<'_>, request: &Request<'_, '_>) -> Result<(), Refused> {
    signature::verify(account.secret("signing_secret")?, request)
}

/// What the bytes are is told by the bytes; a content type that says otherwise is not believed.
pub(super) fn split(
    kind: ChannelKind,
    _content_type: Option<&str>,
    body: Bytes,
) -> Result<Vec<Update>, Malformed> {
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
    match first {
        Some(b'[') => batch(kind, &body),
        Some(b'{') | None => Ok(vec![Update::of(kind, JSON, body)?]),
        Some(_) => Ok(vec![Update::of(kind, MESSAGEPACK, body)?]),
    }
}

fn batch(kind: ChannelKind, body: &Bytes) -> Result<Vec<Update>, Malformed> {
    let items: Vec<&RawValue> = serde_json::from_slice(body).map_err(|error| Malformed::Batch {
        line: error.line(),
        column: error.column(),
    })?;
    if items.len() > MAX_UPDATES {
        return Err(Malformed::TooMany);
    }
    if items.is_empty() {
        return Err(Malformed::Batch { line: 1, column: 1 });
    }
    items
        .into_iter()
        .enumerate()
        .map(|(index, item)| {
            Update::of(kind, JSON, body.slice_ref(item.get().as_bytes()))
                .map_err(|source| Malformed::Item { index, source })
        })
        .collect()
}
