//! Who waits for the rate of its chat.

use schemas::{MessageId, Timestamp};
use store::{
    StoreError, channel,
    delivery::{self, Waiting},
};

use crate::rig::{Bed, at};

const ALL: u32 = 100;

fn one(chat: &str, position: i64, due_at: Timestamp) -> Waiting {
    Waiting {
        message: MessageId::new(),
        chat: chat.into(),
        position,
        due_at,
    }
}

async fn line(bed: &Bed) -> Vec<Waiting> {
    delivery::waiting(&bed.store, bed.ours, bed.channel.id, ALL)
        .await
        .unwrap()
}

#[tokio::test]
async fn who_waits_keeps_its_position_until_it_leaves() {
    let bed = Bed::new().await;
    let (store, ours, channel) = (&bed.store, bed.ours, bed.channel.id);
    let (second, first) = (one("a", 20, at(20)), one("b", 10, at(30)));
    let both = [second.clone(), first.clone()];
    delivery::wait(store, ours, channel, &both).await.unwrap();
    assert_eq!(line(&bed).await, [first.clone(), second.clone()]);
    let oldest = delivery::waiting(store, ours, channel, 1).await.unwrap();
    assert_eq!(oldest, std::slice::from_ref(&first));

    // Put off again, it is due later and stands where it stood.
    let later = Waiting {
        position: 99,
        due_at: at(40),
        ..first.clone()
    };
    delivery::wait(store, ours, channel, &[later])
        .await
        .unwrap();
    let first = Waiting {
        due_at: at(40),
        ..first
    };
    assert_eq!(line(&bed).await, [first.clone(), second.clone()]);

    let gone = [first.message, MessageId::new()];
    delivery::leave(store, ours, channel, &gone).await.unwrap();
    delivery::leave(store, ours, channel, &gone).await.unwrap();
    assert_eq!(line(&bed).await, [second]);
}

#[tokio::test]
async fn a_line_is_its_tenants_and_its_channels() {
    let bed = Bed::new().await;
    let (store, channel) = (&bed.store, bed.channel.id);
    let mine = one("a", 1, at(1));
    delivery::wait(store, bed.ours, channel, std::slice::from_ref(&mine))
        .await
        .unwrap();
    let theirs = delivery::waiting(store, bed.theirs, channel, ALL).await;
    assert_eq!(theirs.unwrap(), []);
    delivery::leave(store, bed.theirs, channel, &[mine.message])
        .await
        .unwrap();
    assert_eq!(line(&bed).await, std::slice::from_ref(&mine));
    let forged = delivery::wait(store, bed.theirs, channel, &[one("a", 2, at(2))]).await;
    assert!(
        matches!(forged, Err(StoreError::Conflict { .. })),
        "{forged:?}"
    );

    channel::delete(store, bed.ours, channel).await.unwrap();
    assert_eq!(line(&bed).await, []);
}
