//! What an expression means, said without SQL: docs/segments.md as a program.

use schemas::Timestamp;
use serde_json::Value;
use sqlx::types::chrono::{DateTime, NaiveDate};
use store::segment::syntax::{
    Column, Condition, Deed, Expression, Field, Named, Order, Since, Span, Test,
};
use uuid::Uuid;

/// A contact and all that can be asked of it.
#[derive(Clone, Debug)]
pub(super) struct Person {
    pub(super) id: Uuid,
    pub(super) name: Option<String>,
    pub(super) external_id: Option<String>,
    pub(super) language: Option<String>,
    pub(super) time_zone: Option<String>,
    pub(super) preferred_channel: Option<String>,
    pub(super) attributes: Value,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
    /// Kind, address, consent.
    pub(super) addresses: Vec<(&'static str, String, &'static str)>,
    /// Places in [`super::LISTS`], and the status there.
    pub(super) lists: Vec<(usize, &'static str)>,
    /// Places in [`super::CAMPAIGNS`].
    pub(super) events: Vec<Event>,
    pub(super) messages: Vec<(usize, &'static str, Option<Timestamp>)>,
}

#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) campaign: usize,
    pub(super) kind: &'static str,
    pub(super) verdict: Option<&'static str>,
    pub(super) at: Timestamp,
}

pub(super) fn is(expression: &Expression, person: &Person, now: Timestamp) -> bool {
    match expression {
        Expression::All(parts) => parts.iter().all(|part| is(part, person, now)),
        Expression::Any(parts) => parts.iter().any(|part| is(part, person, now)),
        Expression::Not(inner) => !is(inner, person, now),
        Expression::Is(Condition::Field(field, test)) => asked(field, test, person, now),
        Expression::Is(Condition::Member(list)) => person.lists.iter().any(|(place, status)| {
            *status == "confirmed" && super::LISTS.get(*place).is_some_and(|one| named(list, one))
        }),
        Expression::Is(Condition::Did {
            deed,
            campaign,
            within,
        }) => did(*deed, campaign.as_ref(), *within, person, now),
    }
}

fn named(named: &Named, (id, name): &(u128, &str)) -> bool {
    match named {
        Named::Id(wanted) => wanted.as_u128() == *id,
        Named::Name(wanted) => wanted == name,
    }
}

fn did(
    deed: Deed,
    campaign: Option<&Named>,
    within: Option<Span>,
    person: &Person,
    now: Timestamp,
) -> bool {
    let of = |place: usize| campaign.is_none_or(|wanted| named(wanted, &super::CAMPAIGNS[place]));
    let recent = |at: Timestamp| within.is_none_or(|span| at > span.before(now));
    let kind = match deed {
        Deed::Received => {
            return person.messages.iter().any(|(place, status, sent_at)| {
                of(*place)
                    && matches!(*status, "SENT" | "DELIVERED" | "READ")
                    && (within.is_none() || sent_at.is_some_and(recent))
            });
        }
        Deed::Opened => "OPEN",
        Deed::Clicked => "CLICK",
        Deed::Bounced => "BOUNCE",
        Deed::Unsubscribed => "UNSUBSCRIBE",
        Deed::Complained => "COMPLAINT",
    };
    person.events.iter().any(|event| {
        event.kind == kind
            && event.verdict != Some("machine")
            && of(event.campaign)
            && recent(event.at)
    })
}

fn asked(field: &Field, test: &Test, person: &Person, now: Timestamp) -> bool {
    match field {
        Field::Column(column) => {
            let value = match column {
                Column::Name => &person.name,
                Column::ExternalId => &person.external_id,
                Column::Language => &person.language,
                Column::TimeZone => &person.time_zone,
                Column::PreferredChannel => &person.preferred_channel,
            };
            text(value.as_deref(), test)
        }
        Field::Since(since) => {
            let at = match since {
                Since::Created => person.created_at,
                Since::Updated => person.updated_at,
            };
            moment(Some(at), test, now)
        }
        Field::Address(kind) => any(person, *kind, test, |one| &one.1),
        Field::Consent(kind) => any(person, *kind, test, |one| one.2),
        Field::Attribute(path) => attribute(at(&person.attributes, path), test, now),
    }
}

fn any<'a>(
    person: &'a Person,
    kind: Option<&str>,
    test: &Test,
    of: impl Fn(&'a (&'static str, String, &'static str)) -> &'a str,
) -> bool {
    let mut fitting = person
        .addresses
        .iter()
        .filter(|one| kind.is_none_or(|kind| one.0 == kind));
    match test {
        Test::IsNull => fitting.next().is_none(),
        test => fitting.any(|one| text(Some(of(one)), test)),
    }
}

fn text(value: Option<&str>, test: &Test) -> bool {
    let Some(value) = value else {
        return matches!(test, Test::IsNull);
    };
    let lower = value.to_ascii_lowercase();
    match test {
        Test::OneOf(values) => values.iter().any(|one| one == value),
        Test::Contains(part) => lower.contains(&part.to_ascii_lowercase()),
        Test::StartsWith(part) => lower.starts_with(&part.to_ascii_lowercase()),
        Test::EndsWith(part) => lower.ends_with(&part.to_ascii_lowercase()),
        _ => false,
    }
}

fn moment(at: Option<Timestamp>, test: &Test, now: Timestamp) -> bool {
    match (at, test) {
        (None, test) => matches!(test, Test::IsNull),
        (Some(at), Test::Moment(order, than)) => ordered(at.cmp(&than.at(now)), *order),
        (Some(at), Test::InLast(span)) => at > span.before(now) && at <= now,
        _ => false,
    }
}

fn ordered(is: std::cmp::Ordering, order: Order) -> bool {
    match order {
        Order::Less => is.is_lt(),
        Order::AtMost => is.is_le(),
        Order::More => is.is_gt(),
        Order::AtLeast => is.is_ge(),
    }
}

fn at<'a>(attributes: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(attributes, |value, key| match value {
        Value::Array(items) => items.get(key.parse::<usize>().ok()?),
        value => value.get(key),
    })
}

fn attribute(value: Option<&Value>, test: &Test, now: Timestamp) -> bool {
    let value = value.unwrap_or(&Value::Null);
    match (test, value) {
        (Test::IsNull, value) => value.is_null(),
        (Test::OneOf(wanted), value) => wanted.iter().any(|one| equal(one, value)),
        (Test::Number(order, than), Value::Number(number)) => number
            .as_f64()
            .partial_cmp(&than.as_f64())
            .is_some_and(|is| ordered(is, *order)),
        (Test::Contains(item), Value::Array(items)) => items.iter().any(|one| one == item.as_str()),
        (Test::Contains(_) | Test::StartsWith(_) | Test::EndsWith(_), Value::String(value)) => {
            text(Some(value), test)
        }
        (Test::Moment(..) | Test::InLast(_), Value::String(value)) => {
            told(value).is_some_and(|at| moment(Some(at), test, now))
        }
        _ => false,
    }
}

fn equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        (one, other) => one == other,
    }
}

/// The moment that a text tells.
fn told(text: &str) -> Option<Timestamp> {
    let number = |from: usize, to: usize| -> Option<u32> {
        let digits = text.get(from..to)?;
        digits
            .bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| digits.parse().ok())?
    };
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let days = match month {
        2 => 29,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    let dashes = text.get(4..5)? == "-" && text.get(7..8)? == "-";
    if !dashes || !(1000..3000).contains(&year) || !(1..=days).contains(&day) {
        return None;
    }
    let first = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, 1)?;
    let rest = match text.get(10..)? {
        "" => "T00:00:00Z",
        rest => rest,
    };
    let at = DateTime::parse_from_rfc3339(&format!("{first}{rest}")).ok()?;
    let first = Timestamp::from(at.to_utc());
    Some(Timestamp(first.0 + i64::from(day - 1) * 86_400_000_000))
}
