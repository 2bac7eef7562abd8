//! What is known of contacts and lists besides their names.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{ImportId, TenantId, message::names};

/// How far the import of a file of contacts is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportProgress {
    pub tenant: TenantId,
    pub id: ImportId,
    pub status: ImportStatus,
    /// Of the file.
    pub bytes: i64,
    /// Whose rows are in the database.
    pub bytes_done: i64,
    /// `rows = created + updated + skipped + rejected`.
    pub rows: i64,
    pub created: i64,
    pub updated: i64,
    pub skipped: i64,
    pub rejected: i64,
}

names! {
    /// Whether the person behind an address agreed to be written to there.
    Consent {
        /// Nobody said; campaigns are sent.
        Unknown = "unknown",
        /// Asked, and not answered yet; no campaigns.
        Pending = "pending",
        /// Agreed.
        Given = "given",
        /// Agreed no more; no campaigns.
        Withdrawn = "withdrawn",
    } default Unknown
}

impl Consent {
    /// Whether a campaign may go to such an address.
    #[must_use]
    pub const fn allows(self) -> bool {
        matches!(self, Self::Unknown | Self::Given)
    }
}

names! {
    /// How contacts come to be on a list.
    OptIn {
        /// At once.
        Single = "single",
        /// Once they confirmed it.
        Double = "double",
    } default Single
}
names! {
    /// How a contact stands to a list.
    Membership {
        /// On a list with double opt-in, and asked to confirm it.
        Unconfirmed = "unconfirmed",
        /// On the list.
        Confirmed = "confirmed",
        /// Not on it any more, by its own wish.
        Unsubscribed = "unsubscribed",
    } default Confirmed
}
names! {
    /// What a file says about a contact that is there already.
    OnConflict {
        /// What its row gives is put in; where it gives nothing, what is known stays.
        Update = "update",
        /// Nothing: the contact stays as it is.
        Skip = "skip",
        /// What its row gives is put in, and what it leaves empty is emptied.
        Overwrite = "overwrite",
    } default Update
}
names! {
    /// How far the import of a file is.
    ImportStatus {
        /// It is being sent; nothing was promised yet.
        Receiving = "receiving",
        /// It was taken, and is read in, now or once a worker is there.
        Running = "running",
        Completed = "completed",
        /// It ended before the file's end; `detail` says why.
        Failed = "failed",
        /// Somebody ended it.
        Cancelled = "cancelled",
    } default Running
}
names! {
    /// How the bytes of a file are letters. UTF-16 is known by itself.
    Encoding {
        /// UTF-8, and Windows-1252 where a record is not.
        Auto = "auto",
        /// What is not UTF-8 is refused.
        Utf8 = "utf-8",
        /// As Excel of western Europe writes; ISO 8859-1 is part of it.
        Windows1252 = "windows-1252",
    } default Auto
}
