//! Segments: SQL chooses whom the reference chooses.

mod drawn;
mod reference;
mod table;

use std::collections::BTreeSet;

use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::{Config, TestRunner},
};
use sqlx::{Connection, PgConnection, QueryBuilder};
use store::segment::{compile, count};
use uuid::Uuid;

use self::{
    drawn::{expression, person},
    reference::{Person, is},
    table::{put, tables},
};
use crate::{
    contact::contact,
    rig::{Bed, at},
};

const LISTS: [(u128, &str); 3] = [(11, "News"), (12, "Über \"uns\""), (13, "it's; drop")];
const CAMPAIGNS: [(u128, &str); 3] = [(21, "Spring"), (22, "Spring"), (23, "Autumn")];

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
