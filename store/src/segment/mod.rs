//! Segments: contacts chosen by an expression; docs/segments.md is its reference.
//!
//! [`compile`] reads one ([`SegmentError`] says where it cannot), and [`Filter::push`] adds it to a query. The text of the
//! expression is what is stored: a campaign keeps it, and a row that was written by another version is read again.
//!
//! Invariants: an expression is true or false of every contact, never unknown; no part of its text becomes SQL; reading is
//! pure, and bounded. Deliberately absent: regular expressions and arithmetic, which have no bound on what they cost, and
//! segments within segments.

mod count;
mod error;
mod literal;
mod named;
mod parse;
mod row;
mod sql;
pub mod syntax;
mod token;

use schemas::{TenantId, Timestamp};
use sqlx::{Postgres, QueryBuilder};

pub use count::{COUNT_TIMEOUT, count, matching};
pub use error::SegmentError;
pub use named::{absent, misnamed};
pub use row::{SegmentNew, SegmentPatch, SegmentRow, create, delete, get, list, update};

use self::{error::Source, sql::Writer, syntax::Expression};

/// Longest expression, in characters.
pub const MAX_CHARS: usize = 10_000;
/// Conditions of an expression.
pub const MAX_CONDITIONS: usize = 200;
/// Values of `in (…)`.
pub const MAX_ITEMS: usize = 1000;
/// Parentheses and `not` within each other.
pub const MAX_DEPTH: usize = 32;

/// An expression that can be asked of contacts.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter(Expression);

/// Reads an expression.
///
/// # Errors
/// Where it cannot be read.
pub fn compile(expression: &str) -> Result<Filter, SegmentError> {
    parse::parse(expression).map(Filter)
}

impl Filter {
    /// Adds a boolean expression about `c`, a row of `contacts` of this tenant. `now` is what "ago" and "last" are reckoned
    /// from.
    pub fn push(&self, query: &mut QueryBuilder<Postgres>, tenant: TenantId, now: Timestamp) {
        query.push("(");
        Writer { query, tenant, now }.expression(&self.0);
        query.push(")");
    }

    /// What was read.
    #[must_use]
    pub fn expression(&self) -> &Expression {
        &self.0
    }
}

#[cfg(test)]
mod tests;
