//! What somebody who wants no more said, in the `detail` of an `UNSUBSCRIBE` event.

use std::{convert::Infallible, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::ListId;

/// What somebody leaves who unsubscribes with a mail program's button or the main one of the page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Unsubscribe {
    /// The lists that the campaign was for: for those who have several, each a thing of its own to its readers. Of a campaign
    /// for segments, everything.
    List,
    /// All that goes to many people.
    #[default]
    Everything,
}

impl Unsubscribe {
    /// The name on the wire and in the database.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Everything => "everything",
        }
    }
}

impl FromStr for Unsubscribe {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        match name {
            "list" => Ok(Self::List),
            "everything" => Ok(Self::Everything),
            _ => Err(()),
        }
    }
}

/// How much of it is not wanted any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// What this campaign is an example of, said by a mail program's button (RFC 8058): [`Wish::Campaign`] otherwise.
    OneClick,
    /// What the campaign or its tenant says of it ([`Unsubscribe`]).
    Campaign,
    /// One list.
    List(ListId),
    /// Any campaign.
    Everything,
}

impl fmt::Display for Wish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OneClick => f.write_str("one-click"),
            Self::Campaign => f.write_str("campaign"),
            Self::List(list) => write!(f, "list:{list}"),
            Self::Everything => f.write_str("everything"),
        }
    }
}

impl FromStr for Wish {
    type Err = Infallible;

    /// What is not understood is everything: rather one mail too few.
    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text {
            "one-click" => Self::OneClick,
            "campaign" => Self::Campaign,
            _ => text
                .strip_prefix("list:")
                .and_then(|id| id.parse().ok())
                .map_or(Self::Everything, Self::List),
        })
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn names_are_the_same_on_the_wire() {
        for what in [Unsubscribe::List, Unsubscribe::Everything] {
            assert_eq!(serde_json::to_value(what).unwrap(), what.name());
            assert_eq!(what.name().parse(), Ok(what));
        }
    }

    #[test]
    fn wishes_have_one_spelling() {
        let list = Wish::List(ListId(Uuid::from_u128(7)));
        for wish in [Wish::OneClick, Wish::Campaign, list, Wish::Everything] {
            assert_eq!(wish.to_string().parse(), Ok(wish));
        }
        assert_eq!("list:x".parse(), Ok(Wish::Everything));
        assert_eq!("".parse(), Ok(Wish::Everything));
    }
}
