//! Projections: written once, whatever is repeated and however many write.

mod thread;
mod track;

use schemas::Envelope;
use store::{
    StoreError, analytics, channel,
    conversation::{self, ConversationFilter},
    message::{self, MessageFilter},
    project::{self, Projected},
    stats,
};

use crate::rig::{Bed, at, inbound};

/// `conversations` conversations of `each` messages.
fn batch(bed: &Bed, conversations: i64, each: i64) -> Vec<Envelope> {
    (0..conversations * each)
        .map(|n| bed.inbound(&format!("c{}", n % conversations), n))
        .collect()
}

/// (messages, unread, received, analytics) of our tenant, each counted its own way.
async fn counted(bed: &Bed) -> (i64, i64, i64, i64) {
    let filter = ConversationFilter::default();
    let page = conversation::list(&bed.store, bed.ours, &filter, None, 500)
        .await
        .unwrap();
    let messages = page.items.iter().map(|row| row.message_count).sum();
    let unread = page
        .items
        .iter()
        .map(|row| i64::from(row.unread_count))
        .sum();
    let channel = channel::get(&bed.store, bed.ours, bed.channel.id)
        .await
        .unwrap();
    let day = at(0).to_datetime().date_naive();
    let days = analytics::list(&bed.store, bed.ours, None, day, day)
        .await
        .unwrap();
    let received = days.iter().map(|row| row.messages_received).sum();
    (messages, unread, channel.total_messages_received, received)
}

#[tokio::test]
async fn a_batch_twice_is_a_batch_once() {
    let bed = Bed::new().await;
    let batch = batch(&bed, 7, 10);
    let first = project::conversations(&bed.store, &batch).await.unwrap();
    assert_eq!(
        first,
        Projected {
            inserted: 70,
            edited: 0,
            skipped: 0
        }
    );
    let second = project::conversations(&bed.store, &batch).await.unwrap();
    assert_eq!(second, Projected::default());
    // A batch that repeats itself, partly known.
    let mut mixed = batch.clone();
    mixed.push(bed.inbound("c0", 1000));
    mixed.push(bed.inbound("c0", 1000));
    let third = project::conversations(&bed.store, &mixed).await.unwrap();
    assert_eq!(third.inserted, 1);
    assert_eq!(counted(&bed).await, (71, 71, 71, 71));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_writers_of_overlapping_batches_count_exactly() {
    let bed = Bed::new().await;
    let all = batch(&bed, 20, 40);
    let writers = [0, 1].map(|writer: usize| {
        let (store, all) = (bed.store.clone(), all.clone());
        tokio::spawn(async move {
            let mut inserted = 0;
            // Overlapping windows, the second writer from the end and backwards.
            for step in 0..8_usize {
                let step = if writer == 0 { step } else { 7 - step };
                let from = step * 90;
                let mut window = all[from..from + 170].to_vec();
                if writer == 1 {
                    window.reverse();
                }
                inserted += project::conversations(&store, &window)
                    .await
                    .unwrap()
                    .inserted;
            }
            inserted
        })
    });
    let mut inserted = 0;
    for writer in writers {
        inserted += writer.await.unwrap();
    }
    assert_eq!(inserted, 800);
    assert_eq!(counted(&bed).await, (800, 800, 800, 800));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_of_edits_in_opposite_order_do_not_lock_up() {
    let bed = Bed::new().await;
    let originals = batch(&bed, 30, 2);
    project::conversations(&bed.store, &originals)
        .await
        .unwrap();
    let writers = [0, 1].map(|writer: i64| {
        let (store, originals) = (bed.store.clone(), originals.clone());
        tokio::spawn(async move {
            for round in 0..10 {
                let mut edits = originals.clone();
                for edit in &mut edits {
                    let message = edit.message_mut().unwrap();
                    message.edited_at = Some(at(1000 + round * 2 + writer));
                    message.content.text = format!("round {round} of {writer}");
                }
                if writer == 1 {
                    edits.reverse();
                }
                project::conversations(&store, &edits).await.unwrap();
            }
        })
    });
    for writer in writers {
        writer.await.unwrap();
    }
    let page = message::list(
        &bed.store,
        bed.ours,
        MessageFilter::default(),
        None,
        500,
        true,
    )
    .await
    .unwrap();
    assert_eq!(page.items.len(), 60);
    assert!(page.items.iter().all(|row| row.content == "round 9 of 1"));
}

#[tokio::test]
async fn an_edit_replaces_the_content_if_newer() {
    let bed = Bed::new().await;
    let edited = |text: &str, seconds: i64| {
        let mut edit = bed.inbound("dave", 1);
        edit.position = 50 + seconds;
        let message = edit.message_mut().unwrap();
        message.content.text = text.into();
        message.edited_at = Some(at(seconds));
        edit
    };
    // The original and an edit in one batch, the edit first.
    let batch = [edited("second", 20), bed.inbound("dave", 1)];
    let done = project::conversations(&bed.store, &batch).await.unwrap();
    assert_eq!(
        done,
        Projected {
            inserted: 1,
            edited: 1,
            skipped: 0
        }
    );
    let older = [edited("too late", 10), edited("second", 20)];
    let done = project::conversations(&bed.store, &older).await.unwrap();
    assert_eq!(done, Projected::default());
    let newer = [
        edited("fourth", 40),
        edited("third", 30),
        bed.inbound("dave", 1),
    ];
    let done = project::conversations(&bed.store, &newer).await.unwrap();
    assert_eq!(done.edited, 1);
    let row = message::get(&bed.store, bed.ours, batch[0].message)
        .await
        .unwrap();
    assert_eq!(
        (&*row.content, row.edited_at, row.position),
        ("fourth", Some(at(40)), 1)
    );
    let row = conversation::get(&bed.store, bed.ours, batch[0].conversation)
        .await
        .unwrap();
    assert_eq!(row.last_message_preview.as_deref(), Some("fourth"));
    assert_eq!((row.message_count, row.unread_count), (1, 1));
}

#[tokio::test]
async fn a_channel_that_is_not_the_tenants_gets_nothing() {
    let bed = Bed::new().await;
    let forged = inbound(bed.ours, bed.their_channel.id, "eve", 1);
    let good = bed.inbound("alice", 1);
    let done = project::conversations(&bed.store, &[forged.clone(), good])
        .await
        .unwrap();
    assert_eq!(
        done,
        Projected {
            inserted: 1,
            edited: 0,
            skipped: 1
        }
    );
    for tenant in [bed.ours, bed.theirs] {
        let found = message::get(&bed.store, tenant, forged.message).await;
        assert!(matches!(found, Err(StoreError::NotFound)));
    }

    // A channel that goes takes its messages along, and a replay does not bring them back.
    let before = bed.inbound("alice", 1);
    channel::delete(&bed.store, bed.ours, bed.channel.id)
        .await
        .unwrap();
    let found = message::get(&bed.store, bed.ours, before.message).await;
    assert!(matches!(found, Err(StoreError::NotFound)));
    let done = project::conversations(&bed.store, &[before]).await.unwrap();
    assert_eq!(done.skipped, 1);
    assert_eq!(
        stats::hub(&bed.store, bed.ours).await.unwrap(),
        stats::StatsRow::default()
    );
}
