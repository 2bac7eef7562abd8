//! Whom something is for: those on any of some lists, and whoever any of some segments chooses.

use schemas::{ListId, TenantId, Timestamp};
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use crate::segment::Filter;

/// Lists and segments, together. Neither is nobody.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    pub lists: Vec<ListId>,
    pub segments: Vec<Filter>,
    /// What the segments' "ago" is reckoned from.
    pub now: Timestamp,
}

impl Choice {
    /// Adds a boolean expression about `c`, a row of `contacts` of this tenant: whether it is chosen.
    pub fn push(&self, query: &mut QueryBuilder<Postgres>, tenant: TenantId) {
        let mut word = "(";
        if !self.lists.is_empty() {
            let lists: Vec<Uuid> = self.lists.iter().map(|list| list.0).collect();
            // A contact is on lists of its own tenant alone. The ids stand here bare, so that the planner sees which they are.
            query.push(word).push(
                "exists (select from contact_list_members m where m.contact_id = c.id and m.status = 'confirmed'
                     and m.list_id = any(",
            );
            query.push_bind(lists).push("))");
            word = " or ";
        }
        for segment in &self.segments {
            query.push(word);
            segment.push(query, tenant, self.now);
            word = " or ";
        }
        query.push(if word == "(" { "false" } else { ")" });
    }
}
