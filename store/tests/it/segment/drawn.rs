//! People and expressions that are drawn.

use proptest::prelude::*;
use schemas::Timestamp;
use serde_json::{Number, Value, json};
use store::segment::syntax::{
    Column, Condition, Deed, Expression, Field, Moment, Named, Order, Since, Span, Test, Unit,
};
use uuid::Uuid;

use super::{
    CAMPAIGNS, LISTS,
    reference::{Event, Person},
};
use crate::rig::at;

const KINDS: [&str; 3] = ["email", "phone", "telegram"];
const CONSENTS: [&str; 4] = ["unknown", "pending", "given", "withdrawn"];
const STATUSES: [&str; 3] = ["unconfirmed", "confirmed", "unsubscribed"];
const EVENTS: [&str; 5] = ["OPEN", "CLICK", "BOUNCE", "UNSUBSCRIBE", "COMPLAINT"];
const SENT: [&str; 5] = ["PENDING", "SENT", "DELIVERED", "READ", "FAILED"];
const TEXTS: [&str; 8] = [
    "Ann",
    "ann b",
    "Ärger",
    "a'b\"c\\",
    "%_",
    "$1",
    "2026-01-31",
    "x",
];
const LANGUAGES: [&str; 3] = ["de", "de-AT", "fr"];
const ZONES: [&str; 2] = ["Europe/Vienna", "UTC"];
const MOMENTS: [&str; 10] = [
    "2025-01-08",
    "2025-01-31",
    "2025-02-29",
    "2024-02-29",
    "2025-04-31",
    "2025-13-01",
    "2025-01-08T10:30:00Z",
    "2025-01-08T10:30:00.25+02:00",
    "2025-01-08T25:00:00Z",
    "8 January",
];
const KEYS: [&str; 4] = ["plan", "seats", "a b", "since"];

/// Seconds around the moment that the tests call now.
fn second() -> impl Strategy<Value = Timestamp> {
    (-3_000_000i64..3_000_000).prop_map(at)
}

fn one_of<T: Copy + std::fmt::Debug + 'static>(all: &'static [T]) -> impl Strategy<Value = T> {
    (0..all.len()).prop_map(move |place| all[place])
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        one_of(&TEXTS).prop_map(|text| json!(text)),
        one_of(&MOMENTS).prop_map(|text| json!(text)),
        (-3i64..4).prop_map(|number| json!(number)),
        (-3i64..4).prop_map(|number| json!(number as f64 / 2.0)),
        any::<bool>().prop_map(|yes| json!(yes)),
        Just(Value::Null),
        prop::collection::vec(one_of(&TEXTS), 0..3).prop_map(|texts| json!(texts)),
        one_of(&TEXTS).prop_map(|text| json!({"plan": text, "0": 1})),
    ]
}

pub(super) fn person() -> impl Strategy<Value = Person> {
    let texts = (
        prop::option::of(one_of(&TEXTS)),
        prop::option::of(one_of(&TEXTS)),
        prop::option::of(one_of(&LANGUAGES)),
        prop::option::of(one_of(&ZONES)),
        prop::option::of(one_of(&KINDS)),
    );
    let rest = (
        prop::collection::btree_map(one_of(&KEYS), value(), 0..4),
        second(),
        second(),
        prop::collection::vec((one_of(&KINDS), one_of(&TEXTS), one_of(&CONSENTS)), 0..3),
        prop::collection::btree_map(0..LISTS.len(), one_of(&STATUSES), 0..3),
        prop::collection::vec(
            (
                0..3usize,
                one_of(&EVENTS),
                prop::option::of(one_of(&["human", "machine"])),
                second(),
            ),
            0..3,
        ),
        prop::collection::btree_map(0..3usize, (one_of(&SENT), prop::option::of(second())), 0..3),
    );
    (any::<u128>(), texts, rest).prop_map(|(id, texts, rest)| Person {
        id: Uuid::from_u128(id),
        name: texts.0.map(str::to_owned),
        external_id: texts.1.map(|text| format!("{text}-{id:x}")),
        language: texts.2.map(str::to_owned),
        time_zone: texts.3.map(str::to_owned),
        preferred_channel: texts.4.map(str::to_owned),
        attributes: json!(rest.0),
        created_at: rest.1,
        updated_at: rest.2,
        addresses: rest
            .3
            .into_iter()
            .enumerate()
            .map(|(n, (kind, text, consent))| (kind, format!("{text}{n}{id:x}@{text}"), consent))
            .collect(),
        lists: rest.4.into_iter().collect(),
        events: rest
            .5
            .into_iter()
            .map(|(campaign, kind, verdict, at)| Event {
                campaign,
                kind,
                verdict,
                at,
            })
            .collect(),
        messages: rest
            .6
            .into_iter()
            .map(|(campaign, (status, at))| (campaign, status, at))
            .collect(),
    })
}

fn span() -> impl Strategy<Value = Span> {
    let unit = one_of(&[Unit::Hours, Unit::Days, Unit::Weeks]);
    (1u32..40, unit).prop_map(|(count, unit)| Span { count, unit })
}

fn order() -> impl Strategy<Value = Order> {
    one_of(&[Order::Less, Order::AtMost, Order::More, Order::AtLeast])
}

fn when() -> impl Strategy<Value = Test> {
    let moment = prop_oneof![
        second().prop_map(Moment::At),
        span().prop_map(Moment::Ago),
        Just(Moment::Now),
    ];
    prop_oneof![
        (order(), moment).prop_map(|(order, moment)| Test::Moment(order, moment)),
        span().prop_map(Test::InLast),
    ]
}

/// Of a text that is one of these.
fn said(texts: &'static [&'static str]) -> impl Strategy<Value = Test> {
    let part = || one_of(&["a", "A", "nn", "x", "%", "ä", "\"c", "@", "20", "$1"]);
    prop_oneof![
        3 => prop::collection::vec(one_of(texts).prop_map(|text| json!(text)), 1..4).prop_map(Test::OneOf),
        1 => Just(Test::IsNull),
        1 => part().prop_map(|text| Test::Contains(text.to_owned())),
        1 => part().prop_map(|text| Test::StartsWith(text.to_owned())),
        1 => part().prop_map(|text| Test::EndsWith(text.to_owned())),
    ]
}

fn attribute() -> impl Strategy<Value = Condition> {
    let scalar = value().prop_filter("a literal", |value| {
        matches!(value, Value::String(_) | Value::Number(_) | Value::Bool(_))
    });
    let number = (-7i64..8).prop_map(|n| Number::from_f64(n as f64 / 2.0).unwrap());
    let number = number.prop_map(|n| match n.as_f64() {
        Some(whole) if whole.fract() == 0.0 => Number::from(whole as i64),
        _ => n,
    });
    let test = prop_oneof![
        2 => prop::collection::vec(scalar, 1..4).prop_map(Test::OneOf),
        2 => said(&TEXTS),
        1 => when(),
        1 => (order(), number).prop_map(|(order, number)| Test::Number(order, number)),
    ];
    let path = prop_oneof![
        3 => one_of(&KEYS).prop_map(|key| vec![key.to_owned()]),
        1 => (one_of(&KEYS), one_of(&["plan", "0", "1"])).prop_map(|(a, b)| vec![a.to_owned(), b.to_owned()]),
    ];
    (path, test).prop_map(|(path, test)| Condition::Field(Field::Attribute(path), test))
}

fn named(all: &'static [(u128, &'static str)]) -> impl Strategy<Value = Named> {
    prop_oneof![
        one_of(all).prop_map(|(id, _)| Named::Id(Uuid::from_u128(id))),
        one_of(all).prop_map(|(_, name)| Named::Name(name.to_owned())),
        Just(Named::Name("nothing".into())),
    ]
}

fn condition() -> impl Strategy<Value = Condition> {
    let of = |column, texts| {
        said(texts).prop_map(move |test| Condition::Field(Field::Column(column), test))
    };
    let kind = || prop::option::of(one_of(&KINDS));
    let deed = one_of(&[
        Deed::Received,
        Deed::Opened,
        Deed::Clicked,
        Deed::Bounced,
        Deed::Unsubscribed,
        Deed::Complained,
    ]);
    prop_oneof![
        2 => of(Column::Name, &TEXTS),
        1 => of(Column::ExternalId, &TEXTS),
        1 => of(Column::Language, &LANGUAGES),
        1 => of(Column::TimeZone, &ZONES),
        1 => of(Column::PreferredChannel, &KINDS),
        1 => (one_of(&[Since::Created, Since::Updated]), when())
            .prop_map(|(since, test)| Condition::Field(Field::Since(since), test)),
        1 => (kind(), said(&["Ann", "x"])).prop_map(|(kind, test)| Condition::Field(Field::Address(kind), test)),
        1 => (kind(), said(&CONSENTS)).prop_map(|(kind, test)| Condition::Field(Field::Consent(kind), test)),
        6 => attribute(),
        2 => named(&LISTS).prop_map(Condition::Member),
        3 => (deed, prop::option::of(named(&CAMPAIGNS)), prop::option::of(span()))
            .prop_map(|(deed, campaign, within)| Condition::Did { deed, campaign, within }),
    ]
}

pub(super) fn expression() -> impl Strategy<Value = Expression> {
    condition()
        .prop_map(Expression::Is)
        .prop_recursive(4, 12, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 2..4).prop_map(Expression::All),
                prop::collection::vec(inner.clone(), 2..4).prop_map(Expression::Any),
                inner.prop_map(|inner| Expression::Not(Box::new(inner))),
            ]
        })
}
