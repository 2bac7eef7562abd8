//! Campaigns: their audience and the ledger of what became of each of it.
//!
//! Invariants:
//! - Every contact of the audience has one row of `campaign_messages` from the moment it was looked at ([`expand`]), and
//!   the cursor moves in the same transaction, so a crash neither loses a contact nor makes two rows of it.
//! - A row that is not `PENDING` is never claimed ([`ledger`]), but by the channel's policy for what may have left.
//! - Who waits for a campaign that was stopped is ended by steps ([`cancel`]).
//! - The outbox of chunks ([`chunk`]) is written with their rows; publishing one twice does no harm.
//!
//! Who expands a campaign holds its lease; who sends a chunk holds the rows.

pub mod answered;
pub mod audience;
pub mod cancel;
pub mod check;
pub mod chunk;
pub mod expand;
pub mod fallback;
pub mod ledger;
mod needing;
pub mod reaction;
pub mod recipient;
mod row;
pub mod status;
pub mod tally;
pub mod watch;

pub use needing::{MAX_NEEDING, Needing, needing};
pub use row::{CampaignDraft, CampaignFilter, CampaignRow, create, delete, get, list, replace};
