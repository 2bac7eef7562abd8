//! What the migration to one case makes of addresses that were kept before it.

use schemas::{Consent, ContactId};
use store::contact;
use uuid::Uuid;

use crate::rig::Bed;

const MIGRATION: &str = include_str!("../../../migrations/20261123000000_addresses.sql");

#[tokio::test(flavor = "multi_thread")]
async fn older_spellings_become_one() {
    let bed = Bed::new().await;
    let (tenant, theirs) = (bed.ours, bed.theirs);
    let person = |number: u128| ContactId(Uuid::from_u128(number));
    let (old, young, alone, strange) = (person(1), person(2), person(3), person(4));
    bed.sql(&format!(
        "insert into contacts (id, tenant_id) values ('{old}', '{tenant}'), ('{young}', '{tenant}'), ('{alone}', '{tenant}'),
             ('{strange}', '{theirs}');
         insert into contact_addresses (tenant_id, kind, address, contact_id, created_at, consent, consent_at, consent_source) values
             ('{tenant}', 'email', 'Joe@x.org', '{old}', '2026-01-01', 'given', '2026-03-01', 'form'),
             ('{tenant}', 'email', 'joe@x.org', '{young}', '2026-02-01', 'withdrawn', '2026-02-01', 'mail'),
             ('{tenant}', 'email', 'JOE@x.org', '{young}', '2026-03-01', 'unknown', null, null),
             ('{tenant}', 'phone', '+4312345678', '{young}', '2026-02-01', 'unknown', null, null),
             ('{tenant}', 'email', 'Ann@x.org', '{alone}', '2026-01-01', 'given', '2026-03-01', 'form'),
             ('{tenant}', 'telegram', 'Ann@x.org', '{alone}', '2026-01-01', 'unknown', null, null),
             ('{theirs}', 'email', 'joe@x.org', '{strange}', '2026-01-01', 'unknown', null, null)",
    ))
    .await;
    for _ in 0..2 {
        bed.sql(MIGRATION).await;
        let mut kept = Vec::new();
        for (tenant, who) in [
            (tenant, old),
            (tenant, young),
            (tenant, alone),
            (theirs, strange),
        ] {
            for row in contact::addresses(&bed.store, tenant, &[who])
                .await
                .unwrap()
            {
                kept.push((who, row.address, row.consent, row.consent_source));
            }
        }
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(
            kept,
            [
                (old, "joe@x.org".into(), Consent::Withdrawn, text("mail")),
                (young, "+4312345678".into(), Consent::Unknown, None),
                (alone, "ann@x.org".into(), Consent::Given, text("form")),
                (alone, "Ann@x.org".into(), Consent::Unknown, None),
                (strange, "joe@x.org".into(), Consent::Unknown, None),
            ]
        );
    }
}
