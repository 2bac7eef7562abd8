//! Frames: one to [`MAX_ITEMS`] items in one broker message.
//!
//! Layout: `0xC1 'T' 0x01`, the number of items (u16, little endian), then for each item its length
//! (u32, little endian) and its bytes. `0xC1` never begins MessagePack or JSON, so a payload that
//! does not begin with the three marker bytes is a single bare item.
//!
//! Invariant: order and ids belong to the items, never to the frame.

use bytes::{BufMut, Bytes, BytesMut};

/// Items a frame may hold.
pub const MAX_ITEMS: usize = 512;
/// Bytes a frame of more than one item may hold.
pub const MAX_BYTES: usize = 512 * 1024;

const MARK: [u8; 3] = [0xC1, b'T', 1];

/// A frame whose lengths do not add up.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a frame: its lengths do not add up")]
pub struct Malformed;

/// Packs items into one payload. At most [`MAX_ITEMS`] may be given.
#[must_use]
pub fn encode<T: AsRef<[u8]>>(items: &[T]) -> Bytes {
    debug_assert!(items.len() <= MAX_ITEMS);
    let size: usize = items.iter().map(|item| item.as_ref().len() + 4).sum();
    let mut out = BytesMut::with_capacity(size + 5);
    out.put_slice(&MARK);
    out.put_u16_le(u16::try_from(items.len()).unwrap_or(u16::MAX));
    for item in items {
        let item = item.as_ref();
        out.put_u32_le(u32::try_from(item.len()).unwrap_or(u32::MAX));
        out.put_slice(item);
    }
    out.freeze()
}

/// Unpacks a payload without copying; a payload without the marker is one bare item.
///
/// # Errors
/// [`Malformed`] when the marker is there and the rest is not a frame.
pub fn decode(payload: Bytes) -> Result<Vec<Bytes>, Malformed> {
    if !payload.starts_with(&MARK) {
        return Ok(vec![payload]);
    }
    let count: [u8; 2] = payload
        .get(3..5)
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or(Malformed)?;
    let count = usize::from(u16::from_le_bytes(count));
    let mut items = Vec::with_capacity(count.min(MAX_ITEMS));
    let mut at = 5;
    for _ in 0..count {
        let length: [u8; 4] = payload
            .get(at..at + 4)
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or(Malformed)?;
        let length = usize::try_from(u32::from_le_bytes(length)).map_err(|_| Malformed)?;
        at += 4;
        let end = at.checked_add(length).ok_or(Malformed)?;
        if end > payload.len() {
            return Err(Malformed);
        }
        items.push(payload.slice(at..end));
        at = end;
    }
    if at == payload.len() {
        Ok(items)
    } else {
        Err(Malformed)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn golden_bytes() {
        let frame = encode(&[&b"ab"[..], &b""[..]]);
        assert_eq!(
            frame.as_ref(),
            b"\xC1T\x01\x02\x00\x02\x00\x00\x00ab\x00\x00\x00\x00"
        );
    }

    #[test]
    fn bare_payload_is_one_item() {
        let payload = Bytes::from_static(b"{\"id\":1}");
        assert_eq!(decode(payload.clone()).unwrap(), vec![payload]);
    }

    proptest! {
        #[test]
        fn round_trip(items in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..20)) {
            let back = decode(encode(&items)).unwrap();
            prop_assert_eq!(back.iter().map(|b| b.to_vec()).collect::<Vec<_>>(), items);
        }

        #[test]
        fn never_panics(mut bytes in proptest::collection::vec(any::<u8>(), 0..60), cut in 0usize..60) {
            bytes.splice(0..0, MARK);
            bytes.truncate(cut.max(3));
            // Whatever it says, an item never holds more than was there.
            let size = bytes.len();
            if let Ok(items) = decode(Bytes::from(bytes)) {
                prop_assert!(items.iter().map(|item| item.len()).sum::<usize>() <= size);
            }
        }
    }
}
