//! Rows for `copy … from stdin (format binary)`: the fastest way in. Layout: PostgreSQL manual, "COPY",
//! "Binary Format"; values are in the binary form of their types.

use schemas::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::{StoreError, Transaction, to_its_end};

const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";
/// From 1970-01-01, our epoch, to 2000-01-01, that of Postgres, in microseconds.
const EPOCH_US: i64 = 946_684_800_000_000;
/// The type `text` in `pg_type`.
const TEXT_OID: i32 = 25;

/// Copies rows in, wholly also where the caller is given up meanwhile: the driver does not count the answer to a COPY, and on a
/// connection given back before it came all that is asked would get the answer to what was asked before. Gives back the
/// transaction, and how many rows there were.
///
/// # Errors
/// [`StoreError::Conflict`] when a row is there already; the transaction is undone then.
pub(super) async fn copy_in(
    mut transaction: Transaction,
    statement: &'static str,
    rows: Vec<u8>,
) -> Result<(Transaction, u64), StoreError> {
    to_its_end(async move {
        let mut copy = transaction.copy_in_raw(statement).await?;
        copy.send(rows).await?;
        let count = copy.finish().await?;
        Ok((transaction, count))
    })
    .await
}

/// A whole COPY, being written.
pub(crate) struct Copy {
    bytes: Vec<u8>,
    columns: i16,
}

impl Copy {
    pub(crate) fn new(columns: i16, capacity: usize) -> Self {
        let mut bytes = Vec::with_capacity(capacity);
        bytes.extend_from_slice(SIGNATURE);
        bytes.extend_from_slice(&[0; 8]);
        Self { bytes, columns }
    }

    /// Begins a row; as many values must follow as there are columns.
    pub(crate) fn row(&mut self) {
        self.bytes.extend_from_slice(&self.columns.to_be_bytes());
    }

    pub(crate) fn null(&mut self) {
        self.bytes.extend_from_slice(&(-1_i32).to_be_bytes());
    }

    pub(crate) fn uuid(&mut self, id: Uuid) {
        self.sized(|bytes| bytes.extend_from_slice(id.as_bytes()));
    }

    pub(crate) fn bigint(&mut self, value: i64) {
        self.sized(|bytes| bytes.extend_from_slice(&value.to_be_bytes()));
    }

    pub(crate) fn time(&mut self, at: Timestamp) {
        self.bigint(at.0.saturating_sub(EPOCH_US));
    }

    /// Text; NUL, which Postgres refuses, is left out.
    pub(crate) fn text(&mut self, text: &str) {
        self.sized(|bytes| put_text(bytes, text));
    }

    pub(crate) fn texts(&mut self, texts: &[String]) {
        self.sized(|bytes| {
            let count = i32::try_from(texts.len()).unwrap_or(i32::MAX);
            // One dimension, no nulls, of text, this long, counted from 1.
            for number in [1, 0, TEXT_OID, count, 1] {
                bytes.extend_from_slice(&number.to_be_bytes());
            }
            for text in texts {
                sized(bytes, |bytes| put_text(bytes, text));
            }
        });
    }

    pub(crate) fn bytea(&mut self, value: &[u8]) {
        self.sized(|bytes| bytes.extend_from_slice(value));
    }

    pub(crate) fn jsonb<T: Serialize>(&mut self, value: &T) -> Result<(), serde_json::Error> {
        let mut text = serde_json::to_string(value)?;
        if text.contains("\\u0000") {
            let mut value = serde_json::to_value(value)?;
            crate::text::clean_json(&mut value);
            text = value.to_string();
        }
        self.sized(|bytes| {
            bytes.push(1);
            bytes.extend_from_slice(text.as_bytes());
        });
        Ok(())
    }

    pub(crate) fn maybe<T: ?Sized>(&mut self, value: Option<&T>, put: impl FnOnce(&mut Self, &T)) {
        match value {
            Some(value) => put(self, value),
            None => self.null(),
        }
    }

    /// Bytes that were written and not yet taken.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// What was written so far, to be sent; the rest follows. Between rows.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        let capacity = self.bytes.capacity();
        std::mem::replace(&mut self.bytes, Vec::with_capacity(capacity))
    }

    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.bytes.extend_from_slice(&(-1_i16).to_be_bytes());
        self.bytes
    }

    fn sized(&mut self, put: impl FnOnce(&mut Vec<u8>)) {
        sized(&mut self.bytes, put);
    }
}

/// Appends a value behind its length.
fn sized(bytes: &mut Vec<u8>, put: impl FnOnce(&mut Vec<u8>)) {
    let at = bytes.len();
    bytes.extend_from_slice(&[0; 4]);
    put(bytes);
    let length = i32::try_from(bytes.len() - at - 4).unwrap_or(i32::MAX);
    if let Some(place) = bytes.get_mut(at..at + 4) {
        place.copy_from_slice(&length.to_be_bytes());
    }
}

fn put_text(bytes: &mut Vec<u8>, text: &str) {
    if text.contains('\0') {
        bytes.extend(text.bytes().filter(|byte| *byte != 0));
    } else {
        bytes.extend_from_slice(text.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_bytes() {
        let mut copy = Copy::new(3, 0);
        copy.row();
        copy.text("a\0b");
        copy.null();
        copy.time(Timestamp(EPOCH_US + 1));
        let mut expected = b"PGCOPY\n\xff\r\n\0".to_vec();
        expected.extend([0; 8]);
        expected.extend([0, 3, 0, 0, 0, 2, b'a', b'b', 255, 255, 255, 255]);
        expected.extend([0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 1, 255, 255]);
        assert_eq!(copy.finish(), expected);
    }
}
