//! A channel that is fetched has one reader, and its cursor moves by that one alone.

use std::time::Duration;

use schemas::ChannelId;
use serde_json::{Value, json};
use store::{
    StoreError, channel,
    cursor::{self, Claim},
};

use crate::rig::Bed;

const LEASE: Duration = Duration::from_secs(60);

fn claim(bed: &Bed, owner: &str) -> Claim {
    Claim {
        tenant: bed.ours,
        channel: bed.channel.id,
        name: "main",
        owner: owner.into(),
    }
}

#[tokio::test]
async fn one_reader_at_a_time() {
    let bed = Bed::new().await;
    let (one, two) = (claim(&bed, "one"), claim(&bed, "two"));
    let take = async |claim| cursor::claim(&bed.store, claim, LEASE).await.unwrap();

    assert_eq!(take(&one).await, Some(Value::Null));
    assert_eq!(take(&two).await, None);
    assert_eq!(take(&one).await, Some(Value::Null), "renewed");
    let seven = json!({"uid": 7});
    assert!(cursor::save(&bed.store, &one, &seven).await.unwrap());
    assert!(!cursor::save(&bed.store, &two, &json!(8)).await.unwrap());

    // Only the owner lets go.
    cursor::release(&bed.store, &two).await.unwrap();
    assert_eq!(take(&two).await, None);
    cursor::release(&bed.store, &one).await.unwrap();
    assert_eq!(take(&two).await, Some(seven.clone()));
    assert!(!cursor::save(&bed.store, &one, &json!(9)).await.unwrap());

    // A lease that ran out is anybody's.
    bed.sql("update comm_channel_cursors set lease_until = now() - interval '1 second'")
        .await;
    assert_eq!(take(&one).await, Some(seven));
    assert_eq!(take(&two).await, None);
}

#[tokio::test]
async fn many_ask_at_once_and_one_gets_it() {
    let bed = Bed::new().await;
    let claims: Vec<Claim> = (0..8).map(|n| claim(&bed, &format!("w{n}"))).collect();
    let mut asked = tokio::task::JoinSet::new();
    for claim in claims {
        let store = bed.store.clone();
        asked.spawn(async move { cursor::claim(&store, &claim, LEASE).await.unwrap() });
    }
    let got: Vec<_> = asked.join_all().await;
    assert_eq!(got.iter().flatten().count(), 1, "{got:?}");
}

#[tokio::test]
async fn trouble_is_told_to_its_tenant() {
    let bed = Bed::new().await;
    let own = claim(&bed, "one");
    cursor::claim(&bed.store, &own, LEASE).await.unwrap();
    cursor::set_trouble(&bed.store, &own, Some("the login was refused"))
        .await
        .unwrap();
    let told = async |tenant| {
        cursor::troubles(&bed.store, tenant, None)
            .await
            .unwrap()
            .remove(&bed.channel.id)
    };
    assert_eq!(
        told(bed.ours).await.as_deref(),
        Some("the login was refused")
    );
    assert_eq!(told(bed.theirs).await, None);
    cursor::set_trouble(&bed.store, &own, None).await.unwrap();
    assert_eq!(told(bed.ours).await, None);
}

#[tokio::test]
async fn a_cursor_is_its_channels() {
    let bed = Bed::new().await;
    let foreign = Claim {
        tenant: bed.theirs,
        ..claim(&bed, "one")
    };
    let refused = cursor::claim(&bed.store, &foreign, LEASE).await;
    assert!(
        matches!(refused, Err(StoreError::Conflict { .. })),
        "{refused:?}"
    );
    let unknown = Claim {
        channel: ChannelId::new(),
        ..claim(&bed, "one")
    };
    let refused = cursor::claim(&bed.store, &unknown, LEASE).await;
    assert!(
        matches!(refused, Err(StoreError::Conflict { .. })),
        "{refused:?}"
    );

    let own = claim(&bed, "one");
    cursor::claim(&bed.store, &own, LEASE).await.unwrap();
    channel::delete(&bed.store, bed.ours, bed.channel.id)
        .await
        .unwrap();
    assert!(!cursor::save(&bed.store, &own, &json!(1)).await.unwrap());
}
