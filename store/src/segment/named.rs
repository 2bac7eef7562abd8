//! What a segment's expression names: lists and campaigns that there may not be.
//!
//! An expression is true or false of everybody also where it names nothing: nobody is on a list that there is not, and
//! `not in list "Do not write"` is true of everybody once the list has another name. So it is asked before people are
//! written to.

use schemas::TenantId;

use super::{
    Filter,
    syntax::{Condition, Expression, Named},
};
use crate::{Store, StoreError};

/// The lists and the campaigns that the filter names and this tenant has not: what they are called there.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn absent(
    store: &Store,
    tenant: TenantId,
    filter: &Filter,
) -> Result<(Vec<String>, Vec<String>), StoreError> {
    let (mut lists, mut campaigns) = (Vec::new(), Vec::new());
    name(filter.expression(), &mut lists, &mut campaigns);
    if !lists.is_empty() {
        lists = sqlx::query_scalar!(
            r#"select distinct asked.name as "name!" from unnest($2::text[]) as asked(name) where not exists (
                   select from contact_lists l where l.tenant_id = $1 and asked.name in (l.name, l.id::text))"#,
            tenant.0,
            &lists
        )
        .fetch_all(&store.pool)
        .await?;
    }
    if !campaigns.is_empty() {
        campaigns = sqlx::query_scalar!(
            r#"select distinct asked.name as "name!" from unnest($2::text[]) as asked(name) where not exists (
                   select from campaigns k where k.tenant_id = $1 and asked.name in (k.name, k.id::text))"#,
            tenant.0,
            &campaigns
        )
        .fetch_all(&store.pool)
        .await?;
    }
    Ok((lists, campaigns))
}

/// As deep as the expression is ([`super::MAX_DEPTH`]).
fn name(expression: &Expression, lists: &mut Vec<String>, campaigns: &mut Vec<String>) {
    match expression {
        Expression::All(parts) | Expression::Any(parts) => {
            for part in parts {
                name(part, lists, campaigns);
            }
        }
        Expression::Not(part) => name(part, lists, campaigns),
        Expression::Is(Condition::Member(list)) => lists.push(text(list)),
        Expression::Is(Condition::Did {
            campaign: Some(campaign),
            ..
        }) => campaigns.push(text(campaign)),
        Expression::Is(Condition::Did { campaign: None, .. } | Condition::Field(..)) => {}
    }
}

fn text(named: &Named) -> String {
    match named {
        Named::Id(id) => id.to_string(),
        Named::Name(name) => name.clone(),
    }
}
