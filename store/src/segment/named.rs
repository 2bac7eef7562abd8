//! What a segment's expression names: lists and campaigns that there may not be.
//!
//! An expression is true or false of everybody also where it names nothing: nobody is on a list that there is not, and
//! `not in list "Do not write"` is true of everybody once the list has another name. So it is asked before people are
//! written to.

use schemas::TenantId;
use uuid::Uuid;

use super::{
    Filter, SegmentError, Source, compile,
    syntax::{Condition, Expression, Named},
    token::{Token, tokens},
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

/// The first list or campaign that an expression names and this tenant has not, with its place; none also of an expression that
/// cannot be read, of which [`compile`] tells.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn misnamed(
    store: &Store,
    tenant: TenantId,
    expression: &str,
) -> Result<Option<SegmentError>, StoreError> {
    let Ok(filter) = compile(expression) else {
        return Ok(None);
    };
    let (lists, campaigns) = absent(store, tenant, &filter).await?;
    Ok(first(expression, &lists, &campaigns))
}

/// The first of these names in the text of an expression: a text right behind the word `list` or `campaign`, which is where
/// the grammar has names and nothing else.
fn first(expression: &str, lists: &[String], campaigns: &[String]) -> Option<SegmentError> {
    let tokens = tokens(expression).ok()?;
    tokens.windows(2).find_map(|pair| {
        let [before, named] = pair else { return None };
        let (Token::Word(word), Token::Text(text)) = (&before.token, &named.token) else {
            return None;
        };
        let name = Uuid::try_parse(text).map_or_else(|_| text.clone(), |id| id.to_string());
        let (what, where_known) = if word.eq_ignore_ascii_case("list") && lists.contains(&name) {
            ("list", "GET /lists")
        } else if word.eq_ignore_ascii_case("campaign") && campaigns.contains(&name) {
            ("campaign", "GET /campaigns")
        } else {
            return None;
        };
        Some(Source(expression).error(
            named.at,
            named.token.to_string(),
            format!("the name or id of a {what} that there is"),
            Some(format!("`{where_known}` says which there are")),
        ))
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_is_that_of_the_name() {
        let expression =
            "attributes.list = \"VIP\"\n and not in LIST \"VIP\" or opened campaign 'Spring'";
        let vip = first(expression, &["VIP".into()], &[]).unwrap();
        assert_eq!((vip.line, vip.column), (2, 18));
        let spring = first(expression, &[], &["Spring".into()]).unwrap();
        assert_eq!((spring.line, spring.column), (2, 43));
        assert_eq!(first(expression, &["Other".into()], &[]), None);
        let id = "11111111-2222-3333-4444-55555555555A";
        let by_id = format!("in list \"{id}\"");
        assert!(first(&by_id, &[id.to_lowercase()], &[]).is_some());
    }
}
