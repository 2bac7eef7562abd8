//! Segments: SQL chooses whom the reference chooses.

mod reference;

use std::collections::BTreeSet;

use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, TestRunner},
};
use schemas::{Membership, OptIn, TenantId, Timestamp};
use serde_json::{Number, Value, json};
use sqlx::{Connection, PgConnection, QueryBuilder};
use store::{
    StoreError,
    contact::{self, AddressNew, AudienceQuery, Choice, ContactFilter, ContactNew, ContactPatch},
    list::{self, ListNew, Members},
    segment::{
        compile, count,
        syntax::{
            Column, Condition, Deed, Expression, Field, Moment, Named, Order, Since, Span, Test,
            Unit,
        },
    },
};
use uuid::Uuid;

use self::reference::{Event, Person, is};
use crate::rig::{Bed, at};

const LISTS: [(u128, &str); 3] = [(11, "News"), (12, "Über \"uns\""), (13, "it's; drop")];
const CAMPAIGNS: [(u128, &str); 3] = [(21, "Spring"), (22, "Spring"), (23, "Autumn")];
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

fn person() -> impl Strategy<Value = Person> {
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

fn expression() -> impl Strategy<Value = Expression> {
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

async fn tables(connection: &mut PgConnection, tenant: TenantId, shift: u128) {
    for (id, name) in LISTS {
        sqlx::query("insert into contact_lists (id, tenant_id, name) values ($1, $2, $3)")
            .bind(Uuid::from_u128(id + shift))
            .bind(tenant.0)
            .bind(name)
            .execute(&mut *connection)
            .await
            .unwrap();
    }
    for (id, name) in CAMPAIGNS {
        sqlx::query("insert into campaigns (id, tenant_id, name, type, created_by) values ($1, $2, $3, 'EMAIL', 't')")
            .bind(Uuid::from_u128(id + shift))
            .bind(tenant.0)
            .bind(name)
            .execute(&mut *connection)
            .await
            .unwrap();
    }
}

async fn put(connection: &mut PgConnection, tenant: TenantId, shift: u128, person: &Person) {
    let time = Timestamp::to_datetime;
    sqlx::query(
        "insert into contacts (id, tenant_id, name, external_id, language, time_zone, preferred_channel, attributes,
             created_at, updated_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(person.id)
    .bind(tenant.0)
    .bind(&person.name)
    .bind(&person.external_id)
    .bind(&person.language)
    .bind(&person.time_zone)
    .bind(&person.preferred_channel)
    .bind(&person.attributes)
    .bind(time(person.created_at))
    .bind(time(person.updated_at))
    .execute(&mut *connection)
    .await
    .unwrap();
    for (kind, address, consent) in &person.addresses {
        sqlx::query("insert into contact_addresses (tenant_id, kind, address, contact_id, consent) values ($1, $2, $3, $4, $5)")
            .bind(tenant.0)
            .bind(kind)
            .bind(address)
            .bind(person.id)
            .bind(consent)
            .execute(&mut *connection)
            .await
            .unwrap();
    }
    for (place, status) in &person.lists {
        sqlx::query(
            "insert into contact_list_members (list_id, contact_id, status) values ($1, $2, $3)",
        )
        .bind(Uuid::from_u128(LISTS[*place].0 + shift))
        .bind(person.id)
        .bind(status)
        .execute(&mut *connection)
        .await
        .unwrap();
    }
    for event in &person.events {
        sqlx::query(
            "insert into campaign_events (id, tenant_id, campaign_id, message_id, contact_id, event_type, verdict, at)
             values (gen_random_uuid(), $1, $2, gen_random_uuid(), $3, $4, $5, $6)",
        )
        .bind(tenant.0)
        .bind(Uuid::from_u128(CAMPAIGNS[event.campaign].0 + shift))
        .bind(person.id)
        .bind(event.kind)
        .bind(event.verdict)
        .bind(time(event.at))
        .execute(&mut *connection)
        .await
        .unwrap();
    }
    for (place, status, sent_at) in &person.messages {
        sqlx::query(
            "insert into campaign_messages (id, tenant_id, campaign_id, contact_id, status, sent_at)
             values (gen_random_uuid(), $1, $2, $3, $4, $5)",
        )
        .bind(tenant.0)
        .bind(Uuid::from_u128(CAMPAIGNS[*place].0 + shift))
        .bind(person.id)
        .bind(status)
        .bind(sent_at.map(time))
        .execute(&mut *connection)
        .await
        .unwrap();
    }
}

#[tokio::test]
async fn sql_chooses_whom_the_reference_chooses() {
    let bed = Bed::new().await;
    let now = at(0);
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        proptest::test_runner::TestRng::deterministic_rng(
            proptest::test_runner::RngAlgorithm::ChaCha,
        ),
    );
    let mut draw = |count: usize| -> Vec<Person> {
        (0..count)
            .map(|_| person().new_tree(&mut runner).unwrap().current())
            .collect()
    };
    let (people, others) = (draw(120), draw(30));
    let mut connection = PgConnection::connect(&bed.url).await.unwrap();
    // Not the session's time zone, nor its day.
    sqlx::query("set timezone = 'America/St_Johns'")
        .execute(&mut connection)
        .await
        .unwrap();
    tables(&mut connection, bed.ours, 0).await;
    tables(&mut connection, bed.theirs, 100).await;
    for person in &people {
        put(&mut connection, bed.ours, 0, person).await;
    }
    for person in &others {
        put(&mut connection, bed.theirs, 100, person).await;
    }
    let (mut some, mut all) = (0, 0);
    for _ in 0..1500 {
        let expression = expression().new_tree(&mut runner).unwrap().current();
        let text = expression.to_string();
        let filter = compile(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(filter.expression(), &expression, "{text}");
        let mut query = QueryBuilder::new("select c.id from contacts c where c.tenant_id = ");
        query.push_bind(bed.ours.0).push(" and ");
        filter.push(&mut query, bed.ours, now);
        let chosen: Vec<Uuid> = query
            .build_query_scalar()
            .fetch_all(&mut connection)
            .await
            .unwrap_or_else(|error| panic!("{text}: {error}"));
        let chosen: BTreeSet<Uuid> = chosen.into_iter().collect();
        let wanted: BTreeSet<Uuid> = people
            .iter()
            .filter(|person| is(&expression, person, now))
            .map(|person| person.id)
            .collect();
        assert_eq!(chosen, wanted, "{text}");
        all += 1;
        some += i32::from(!wanted.is_empty() && wanted.len() < people.len());
    }
    assert!(
        some * 2 > all,
        "{some} of {all} expressions tell people apart"
    );
}

fn mail(address: &str) -> AddressNew {
    AddressNew {
        kind: "email",
        address: address.to_owned(),
        consent: None,
    }
}

async fn contact(bed: &Bed, address: &str) -> contact::ContactRow {
    let new = ContactNew {
        addresses: vec![mail(address)],
        ..ContactNew::default()
    };
    contact::create(&bed.store, bed.ours, new).await.unwrap()
}

async fn news(bed: &Bed, tenant: TenantId, opt_in: OptIn) -> list::ListRow {
    let new = ListNew {
        name: "News".into(),
        description: None,
        opt_in,
    };
    list::create(&bed.store, tenant, &new).await.unwrap()
}

#[tokio::test]
async fn an_address_is_one_contacts() {
    let bed = Bed::new().await;
    let ann = contact(&bed, "ann@a.example").await;
    assert_eq!(
        ann.id,
        schemas::ContactId::of(bed.ours, "email", "ann@a.example")
    );
    let bob = contact(&bed, "bob@a.example").await;
    let patch = ContactPatch {
        addresses: Some(vec![mail("bob@b.example"), mail("ann@a.example")]),
        ..ContactPatch::default()
    };
    let refused = contact::update(&bed.store, bed.ours, bob.id, &patch).await;
    assert!(
        matches!(refused, Err(StoreError::Conflict { constraint }) if constraint == "contact_addresses_pkey")
    );
    let kept = contact::addresses(&bed.store, bed.ours, &[bob.id])
        .await
        .unwrap();
    assert_eq!(kept.len(), 1);

    // An address that was given up is free, and its next owner another contact.
    let patch = ContactPatch {
        addresses: Some(vec![mail("ann@b.example")]),
        ..ContactPatch::default()
    };
    contact::update(&bed.store, bed.ours, ann.id, &patch)
        .await
        .unwrap();
    let other = contact(&bed, "ann@a.example").await;
    assert_ne!(other.id, ann.id);

    let refused = contact::update(&bed.store, bed.theirs, ann.id, &patch).await;
    assert!(matches!(refused, Err(StoreError::NotFound)));
    let refused = contact::delete(&bed.store, bed.theirs, ann.id).await;
    assert!(matches!(refused, Err(StoreError::NotFound)));
}

#[tokio::test]
async fn who_unsubscribed_stays_away() {
    let bed = Bed::new().await;
    let ann = contact(&bed, "ann@a.example").await.id;
    let bob = contact(&bed, "bob@a.example").await.id;
    let list = news(&bed, bed.ours, OptIn::Double).await.id;
    let both = Members::Contacts(vec![ann, bob]);
    let added = list::add(&bed.store, bed.ours, list, &both, false)
        .await
        .unwrap();
    assert_eq!((added.added, added.unconfirmed.len()), (2, 2));
    let asked = list::ask(&bed.store, bed.ours, list, &[ann, bob])
        .await
        .unwrap();
    assert_eq!(asked.len(), 2);
    // Not within a day.
    assert_eq!(
        list::ask(&bed.store, bed.ours, list, &[ann, bob])
            .await
            .unwrap(),
        []
    );
    for time in [2, 3] {
        bed.sql("update contact_list_members set asked_at = asked_at - interval '25 hours'")
            .await;
        let asked = list::ask(&bed.store, bed.ours, list, &[ann]).await.unwrap();
        assert_eq!(asked[0].time, time);
    }
    bed.sql("update contact_list_members set asked_at = asked_at - interval '25 hours'")
        .await;
    assert_eq!(
        list::ask(&bed.store, bed.ours, list, &[ann]).await.unwrap(),
        []
    );

    assert_eq!(
        list::confirm(&bed.store, bed.ours, list, ann)
            .await
            .unwrap(),
        "News"
    );
    assert_eq!(
        list::confirm(&bed.store, bed.ours, list, ann)
            .await
            .unwrap(),
        "News"
    );
    let addresses = contact::addresses(&bed.store, bed.ours, &[ann])
        .await
        .unwrap();
    assert_eq!(addresses[0].consent, schemas::Consent::Given);
    let elsewhere = list::confirm(&bed.store, bed.theirs, list, bob).await;
    assert!(matches!(elsewhere, Err(StoreError::NotFound)));
    list::unsubscribe(&bed.store, bed.ours, list, ann)
        .await
        .unwrap();
    let late = list::confirm(&bed.store, bed.ours, list, ann).await;
    assert!(matches!(late, Err(StoreError::NotFound)));
    let again = list::add(&bed.store, bed.ours, list, &both, false)
        .await
        .unwrap();
    assert_eq!((again.added, again.present, again.unsubscribed), (0, 2, 1));
    assert_eq!(again.unconfirmed, [bob]);
    let again = list::add(&bed.store, bed.ours, list, &both, true)
        .await
        .unwrap();
    assert_eq!((again.added, again.unsubscribed), (1, 0));
    let counts = list::counts(&bed.store, bed.ours, &[list])
        .await
        .unwrap()
        .unwrap();
    assert_eq!((counts[0].confirmed, counts[0].unconfirmed), (0, 2));
    assert_eq!(
        list::counts(&bed.store, bed.theirs, &[list]).await.unwrap(),
        Some(vec![])
    );
    let refused = list::add(&bed.store, bed.theirs, list, &both, false).await;
    assert!(matches!(refused, Err(StoreError::NotFound)));
}

#[tokio::test]
async fn an_audience_adds_up() {
    let bed = Bed::new().await;
    let list = news(&bed, bed.ours, OptIn::Single).await.id;
    let theirs = news(&bed, bed.theirs, OptIn::Single).await.id;
    let mut ids = Vec::new();
    for number in 0..10 {
        ids.push(contact(&bed, &format!("A{number}@a.example")).await.id);
    }
    let bare = contact::create(&bed.store, bed.ours, ContactNew::default())
        .await
        .unwrap()
        .id;
    ids.push(bare);
    let all = Members::Contacts(ids);
    assert_eq!(
        list::add(&bed.store, bed.ours, list, &all, false)
            .await
            .unwrap()
            .added,
        11
    );
    bed.sql("update contact_addresses set consent = 'withdrawn' where address like 'A1@%'")
        .await;
    bed.sql("update contact_addresses set consent = 'given' where address like 'A2@%'")
        .await;
    bed.sql("insert into contact_addresses (tenant_id, kind, address, contact_id)
             select tenant_id, 'phone', '+43', contact_id from contact_addresses where address like 'A1@%'").await;
    for (address, expires) in [
        ("a3@a.example", "null"),
        ("a4@a.example", "now() - interval '1 second'"),
    ] {
        bed.sql(&format!(
            "insert into comm_suppressions (tenant_id, kind, address, reason, scope, expires_at)
             select id, 'email', '{address}', 'manual', 'marketing', {expires} from tenants"
        ))
        .await;
    }
    let count = async |lists, segments: &[&str], kinds: &[&'static str]| {
        let asked = AudienceQuery {
            choice: Choice {
                lists,
                segments: segments.iter().map(|text| compile(text).unwrap()).collect(),
                now: at(0),
            },
            kinds: kinds.to_vec(),
            channels: Vec::new(),
        };
        contact::count(&bed.store, bed.ours, &asked)
            .await
            .unwrap()
            .unwrap()
    };
    let mails = count(vec![list], &[], &["email"]).await;
    assert_eq!(
        (
            mails.contacts,
            mails.reachable,
            mails.suppressed,
            mails.without_consent,
            mails.without_address
        ),
        (11, 8, 1, 1, 1)
    );
    let any = count(vec![list], &["name is null"], &["email", "phone"]).await;
    assert_eq!(
        (any.contacts, any.reachable, any.without_consent),
        (11, 9, 0)
    );
    assert_eq!(
        any.reachable_by,
        [("email".to_owned(), 8), ("phone".to_owned(), 1)].into()
    );
    let some = count(
        vec![],
        &["email starts with 'a1'", "email starts with 'A2'"],
        &["email"],
    )
    .await;
    assert_eq!((some.contacts, some.reachable), (2, 1));
    assert_eq!(count(vec![theirs], &[], &["email"]).await.contacts, 0);
    assert_eq!(count(vec![], &[], &["email"]).await.contacts, 0);
}

#[tokio::test]
async fn what_takes_too_long_is_ended() {
    let bed = Bed::new().await;
    contact(&bed, "ann@a.example").await;
    // Whoever looks waits for this.
    bed.sql("create or replace function contact_attribute_moment(value text) returns timestamptz language sql volatile as $$
             select now() from pg_sleep(60) $$").await;
    let filter = compile("attributes.since before now").unwrap();
    let counted = count(&bed.store, bed.ours, &filter, at(0)).await.unwrap();
    assert_eq!(counted, None);
}

#[tokio::test]
async fn contacts_are_found() {
    let bed = Bed::new().await;
    let ann = contact(&bed, "ann@a.example").await.id;
    contact(&bed, "bob@a.example").await;
    let list = news(&bed, bed.ours, OptIn::Single).await.id;
    let members = Members::Addresses(
        "email",
        vec!["ann@a.example".into(), "none@a.example".into()],
    );
    let added = list::add(&bed.store, bed.ours, list, &members, false)
        .await
        .unwrap();
    assert_eq!((added.added, added.unknown), (1, 1));
    let patch = ContactPatch {
        name: Some(Some("Ann Smith".into())),
        external_id: Some(Some("7".into())),
        ..ContactPatch::default()
    };
    contact::update(&bed.store, bed.ours, ann, &patch)
        .await
        .unwrap();
    let found = async |tenant, filter: ContactFilter| {
        let page = contact::list(&bed.store, tenant, &filter, None, 10).await;
        let ids = page.unwrap().unwrap().items.into_iter().map(|row| row.id);
        ids.collect::<Vec<_>>()
    };
    let filters = || {
        [
            ContactFilter {
                addresses: Some(vec![
                    ("email", "ann@a.example".into()),
                    ("phone", "+43".into()),
                ]),
                ..ContactFilter::default()
            },
            ContactFilter {
                name: Some("SMITH".into()),
                ..ContactFilter::default()
            },
            ContactFilter {
                external_id: Some("7".into()),
                ..ContactFilter::default()
            },
            ContactFilter {
                list: Some((list, Membership::Confirmed)),
                ..ContactFilter::default()
            },
            ContactFilter {
                segment: Some((compile("in list 'News'").unwrap(), at(0))),
                ..ContactFilter::default()
            },
        ]
    };
    for filter in filters() {
        assert_eq!(found(bed.ours, filter.clone()).await, [ann], "{filter:?}");
        assert_eq!(found(bed.theirs, filter).await, []);
    }
    contact::delete(&bed.store, bed.ours, ann).await.unwrap();
    for filter in filters() {
        assert_eq!(found(bed.ours, filter).await, []);
    }
    let counts = list::counts(&bed.store, bed.ours, &[list])
        .await
        .unwrap()
        .unwrap();
    assert_eq!(counts, []);
}
