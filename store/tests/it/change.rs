//! Edits and deletions, in every order.

use schemas::{Envelope, MessageType, PartyType};
use serde_json::json;
use store::{
    conversation::{self, Standing},
    message::{self, MessageRow},
    project,
};

use crate::rig::{Bed, at};

fn inner(envelope: &mut Envelope) -> &mut schemas::Message {
    match &mut envelope.body {
        schemas::Body::Message(message) => message,
        schemas::Body::Raw(_) => unreachable!("the rig makes messages"),
    }
}

/// The original, two edits and, as the fourth, a deletion.
fn versions(bed: &Bed, conversation: &str) -> [Envelope; 4] {
    let original = {
        let mut envelope = bed.inbound(conversation, 1);
        let message = inner(&mut envelope);
        message.message_type = MessageType::Image;
        message
            .metadata
            .insert("raw".into(), json!({"text": "secret"}));
        envelope
    };
    let edit = |second: i64, text: &str| {
        let mut envelope = bed.inbound(conversation, 1);
        envelope.position = second;
        let message = inner(&mut envelope);
        message.content.text = text.into();
        message.message_type = MessageType::Image;
        message.edited_at = Some(at(second));
        envelope
    };
    let deletion = {
        let mut envelope = bed.inbound(conversation, 1);
        envelope.position = 9;
        let message = inner(&mut envelope);
        message.content = schemas::Content::default();
        message.deleted_at = Some(at(9));
        envelope
    };
    [original, edit(5, "first"), edit(6, "second"), deletion]
}

fn orders<const N: usize>() -> Vec<Vec<usize>> {
    let mut orders = vec![Vec::new()];
    for _ in 0..N {
        orders = orders
            .into_iter()
            .flat_map(|order: Vec<usize>| {
                (0..N)
                    .filter(|next| !order.contains(next))
                    .map(|next| {
                        let mut longer = order.clone();
                        longer.push(next);
                        longer
                    })
                    .collect::<Vec<_>>()
            })
            .collect();
    }
    orders
}

async fn row(bed: &Bed, envelope: &Envelope) -> MessageRow {
    message::get(&bed.store, bed.ours, envelope.message)
        .await
        .unwrap()
}

#[tokio::test]
async fn the_newest_edit_stands_in_whatever_order_they_come() {
    let bed = Bed::new().await;
    for (number, order) in orders::<3>().into_iter().enumerate() {
        for together in [false, true] {
            let versions = versions(&bed, &format!("e{number}{together}"));
            let batch: Vec<Envelope> = order.iter().map(|at| versions[*at].clone()).collect();
            for part in batch.chunks(if together { 3 } else { 1 }) {
                for _ in 0..2 {
                    project::conversations(&bed.store, part).await.unwrap();
                }
            }
            let row = row(&bed, &versions[0]).await;
            assert_eq!(row.content, "second", "{order:?}");
            assert_eq!(row.edited_at, Some(at(6)));
        }
    }
}

#[tokio::test]
async fn what_was_taken_back_stays_away_in_whatever_order_it_comes() {
    let bed = Bed::new().await;
    for (number, order) in orders::<4>().into_iter().enumerate() {
        for together in [false, true] {
            let versions = versions(&bed, &format!("d{number}{together}"));
            let batch: Vec<Envelope> = order.iter().map(|at| versions[*at].clone()).collect();
            for part in batch.chunks(if together { 4 } else { 1 }) {
                for _ in 0..2 {
                    project::conversations(&bed.store, part).await.unwrap();
                }
            }
            let row = row(&bed, &versions[0]).await;
            assert_eq!(row.deleted_at, Some(at(9)), "{order:?}");
            assert_eq!((row.content.as_str(), row.content_html), ("", None));
            assert_eq!((row.metadata, row.subject), (None, None));
            assert!(row.attachments.is_empty() && row.language.is_none());
        }
    }
}

#[tokio::test]
async fn a_deletion_keeps_the_type_and_shows_in_the_inbox() {
    let bed = Bed::new().await;
    let versions = versions(&bed, "c");
    project::conversations(&bed.store, &versions[..1])
        .await
        .unwrap();
    let done = project::conversations(&bed.store, &versions[3..])
        .await
        .unwrap();
    assert_eq!((done.inserted, done.edited), (0, 1));
    assert_eq!(
        row(&bed, &versions[0]).await.message_type,
        MessageType::Image
    );
    let inbox = conversation::get(&bed.store, bed.ours, versions[0].conversation)
        .await
        .unwrap();
    assert_eq!(inbox.last_message_preview.as_deref(), Some("[deleted]"));
    assert_eq!(inbox.message_count, 1);
}

#[tokio::test]
async fn a_conversation_knows_which_of_our_addresses_was_written_to_last() {
    let bed = Bed::new().await;
    let to = |number: i64, address: &str, second: i64| {
        let mut envelope = bed.inbound("c", number);
        envelope.received_at = at(100);
        let message = inner(&mut envelope);
        message.recipient.id = address.into();
        message.recipient.kind = PartyType::Bot;
        message.created_at = at(second);
        envelope
    };
    let standing = async || {
        let id = bed.inbound("c", 1).conversation;
        conversation::standing(&bed.store, bed.ours, id)
            .await
            .unwrap()
    };
    project::conversations(&bed.store, &[to(2, "+1555", 20)])
        .await
        .unwrap();
    // An older one that comes late does not count, nor does a clock that is ahead.
    project::conversations(&bed.store, &[to(1, "+1444", 10)])
        .await
        .unwrap();
    let expected = Standing {
        own_address: Some("+1555".into()),
        last_inbound_at: Some(at(20)),
    };
    assert_eq!(standing().await, expected);
    project::conversations(&bed.store, &[to(3, "+1666", 9_999)])
        .await
        .unwrap();
    let now = standing().await;
    assert_eq!(now.own_address.as_deref(), Some("+1666"));
    assert_eq!(now.last_inbound_at, Some(at(100)));
    // What the channel itself is called says nothing, and what we send neither.
    let channel = bed.channel.id.to_string();
    project::conversations(&bed.store, &[to(4, &channel, 50)])
        .await
        .unwrap();
    let (outbound, position) = bed.outbound("c", 77);
    project::outbound(&bed.store, &[(outbound, position)])
        .await
        .unwrap();
    assert_eq!(standing().await, now);
}
