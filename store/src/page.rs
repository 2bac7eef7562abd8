//! Keyset pages: no offsets, so a page costs the same wherever it is and nothing is seen twice while
//! rows are added.

use std::{fmt, str::FromStr};

use uuid::Uuid;

/// Most rows a page may have; a larger limit is cut to it.
pub(crate) const MAX_LIMIT: u32 = 500;

/// Where the next page begins. Opaque to clients: `Display` and `FromStr` are its text form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub position: i64,
    pub id: Uuid,
}

/// Before the first row of a list that begins with the lowest position.
pub(crate) const START: Cursor = Cursor {
    position: i64::MIN,
    id: Uuid::nil(),
};
/// Before the first row of a list that begins with the highest position.
pub(crate) const END: Cursor = Cursor {
    position: i64::MAX,
    id: Uuid::max(),
};

/// A part of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Absent on the last page.
    pub next: Option<Cursor>,
}

/// Text that is no cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor of this API")]
pub struct NotACursor;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}-{}", self.position, self.id.simple())
    }
}

impl FromStr for Cursor {
    type Err = NotACursor;

    fn from_str(text: &str) -> Result<Self, NotACursor> {
        let (position, id) = text.split_once('-').ok_or(NotACursor)?;
        let position = u64::from_str_radix(position, 16).map_err(|_| NotACursor)?;
        Ok(Self {
            position: position.cast_signed(),
            id: Uuid::try_parse(id).map_err(|_| NotACursor)?,
        })
    }
}

impl<T> Page<T> {
    /// Makes a page of `limit` from one row more than that.
    pub(crate) fn of(mut items: Vec<T>, limit: u32, place: impl Fn(&T) -> Cursor) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let next = if items.len() > limit {
            items.truncate(limit);
            items.last().map(place)
        } else {
            None
        };
        Self { items, next }
    }
}

/// The limit to apply, and one row more to know whether there is a next page.
pub(crate) fn bounded(limit: u32) -> (u32, i64) {
    let limit = limit.clamp(1, MAX_LIMIT);
    (limit, i64::from(limit) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursor_round_trip() {
        for position in [0, 1, -1, i64::MIN, i64::MAX] {
            let cursor = Cursor {
                position,
                id: Uuid::from_u128(7),
            };
            assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }
        for text in ["", "-", "x-y", "1-", "1-2-3"] {
            assert_eq!(text.parse::<Cursor>(), Err(NotACursor));
        }
    }
}
