//! What a tenant's campaigns may send, and who sends them now.

use schemas::{TenantId, campaign::Limits};
use store::limit;
use uuid::Uuid;

use crate::rig::Bed;

#[tokio::test]
async fn limits_are_a_tenants_own() {
    let bed = Bed::new().await;
    let stranger = TenantId(Uuid::nil());
    assert!(limit::get(&bed.store, bed.ours).await.unwrap().is_empty());
    let limits = Limits {
        per_second: Some(20.0),
        domains: [("*".to_owned(), 0.5)].into(),
        ..Limits::default()
    };
    for given in [Limits::default(), limits.clone()] {
        limit::set(&bed.store, bed.ours, &given).await.unwrap();
        assert_eq!(limit::get(&bed.store, bed.ours).await.unwrap(), given);
    }
    let both = [bed.ours, bed.theirs, stranger];
    let found = limit::of(&bed.store, &both).await.unwrap();
    assert_eq!(found, [(bed.ours, limits)]);
    // Limits that limit nothing are none.
    limit::set(&bed.store, bed.ours, &Limits::default())
        .await
        .unwrap();
    assert!(limit::of(&bed.store, &both).await.unwrap().is_empty());
    assert!(
        limit::set(&bed.store, stranger, &Limits::default())
            .await
            .is_err()
    );
}

#[tokio::test]
async fn who_sends_is_known_to_the_others_until_they_leave() {
    let bed = Bed::new().await;
    let says = async |tenant, owner: &str, by: &[&str]| {
        let by: Vec<String> = by.iter().map(|name| (*name).to_owned()).collect();
        limit::present(&bed.store, tenant, owner, &by)
            .await
            .unwrap()
    };
    let none: Vec<Vec<String>> = Vec::new();
    assert_eq!(says(bed.ours, "one", &["twilio"]).await, none);
    assert_eq!(says(bed.ours, "other", &["a.example"]).await, [["twilio"]]);
    assert_eq!(says(bed.ours, "one", &[]).await, [["a.example"]]);
    assert_eq!(says(bed.ours, "other", &[]).await, [[""; 0]]);
    // Who was not seen for six seconds is gone.
    let old =
        "update bulk_senders set seen_at = now() - interval '6 seconds' where owner = 'other'";
    assert_eq!(bed.sql(old).await, 1);
    assert_eq!(says(bed.ours, "one", &[]).await, none);
    assert_eq!(says(bed.ours, "other", &[]).await, [[""; 0]]);
    // Of another tenant it says nothing.
    assert_eq!(says(bed.theirs, "one", &[]).await, none);
    limit::absent(&bed.store, bed.ours, "other").await.unwrap();
    assert_eq!(says(bed.ours, "one", &[]).await, none);
}
