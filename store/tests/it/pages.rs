//! Pages, put together, are the whole list: no gaps, nothing twice.

use std::collections::HashSet;

use schemas::{ConversationStatus, Direction};
use store::{
    Cursor, contact, conversation,
    conversation::ConversationFilter,
    message::{self, MessageFilter},
    project,
};

use crate::rig::Bed;

/// Twelve conversations; positions come in threes of equals.
async fn filled() -> Bed {
    let bed = Bed::new().await;
    let batch: Vec<_> = (0..60)
        .map(|n| {
            let mut envelope = bed.inbound(&format!("c{}", n % 12), n);
            envelope.position = n / 3;
            envelope
        })
        .collect();
    project::conversations(&bed.store, &batch).await.unwrap();
    bed
}

#[tokio::test]
async fn messages() {
    let bed = filled().await;
    let conversation_id = Some(bed.inbound("c1", 1).conversation);
    let (sent, position) = bed.outbound("c1", 7);
    project::outbound(&bed.store, &[(sent, position)])
        .await
        .unwrap();
    let of_conversation = MessageFilter {
        conversation_id,
        ..MessageFilter::default()
    };
    let of_channel = MessageFilter {
        channel_id: Some(bed.channel.id),
        ..MessageFilter::default()
    };
    let both = MessageFilter {
        channel_id: Some(bed.channel.id),
        ..of_conversation
    };
    let outbound = MessageFilter {
        direction: Some(Direction::Outbound),
        ..MessageFilter::default()
    };
    let cases = [
        (MessageFilter::default(), 61),
        (of_channel, 61),
        (of_conversation, 6),
        (both, 6),
        (outbound, 1),
    ];
    for (filter, expected) in cases {
        for newest_first in [true, false] {
            let mut cursor: Option<Cursor> = None;
            let mut positions = Vec::new();
            let mut seen = HashSet::new();
            loop {
                let page = message::list(&bed.store, bed.ours, filter, cursor, 7, newest_first)
                    .await
                    .unwrap();
                assert!(page.items.len() <= 7);
                positions.extend(page.items.iter().map(|row| row.position));
                assert!(page.items.iter().all(|row| seen.insert(row.id)), "twice");
                // As a client hands it back.
                cursor = page.next.map(|next| next.to_string().parse().unwrap());
                if cursor.is_none() {
                    break;
                }
            }
            assert_eq!(seen.len(), expected);
            if newest_first {
                positions.reverse();
            }
            assert!(positions.is_sorted());
        }
    }
}

#[tokio::test]
async fn conversations_and_contacts() {
    let bed = filled().await;
    let mut seen = Vec::new();
    let mut cursor = None;
    loop {
        let filter = ConversationFilter::default();
        let page = conversation::list(&bed.store, bed.ours, &filter, cursor, 5)
            .await
            .unwrap();
        seen.extend(page.items.iter().map(|row| (row.last_position, row.id.0)));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), 12);
    assert!(seen.is_sorted_by(|a, b| a > b));

    let mut people = HashSet::new();
    let mut cursor = None;
    loop {
        let all = contact::ContactFilter::default();
        let page = contact::list(&bed.store, bed.ours, &all, cursor, 5)
            .await
            .unwrap()
            .unwrap();
        people.extend(page.items.into_iter().map(|row| row.id));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(people.len(), 12);
}

#[tokio::test]
async fn filters_of_conversations() {
    let bed = filled().await;
    let id = bed.inbound("c3", 0).conversation;
    conversation::assign(&bed.store, bed.ours, id, Some("anna"))
        .await
        .unwrap();
    conversation::close(&bed.store, bed.ours, id).await.unwrap();
    conversation::mark_read(&bed.store, bed.ours, id)
        .await
        .unwrap();
    let all = ConversationFilter::default();
    let cases = [
        (
            ConversationFilter {
                channel_id: Some(bed.channel.id),
                ..all.clone()
            },
            12,
        ),
        (
            ConversationFilter {
                channel_id: Some(bed.their_channel.id),
                ..all.clone()
            },
            0,
        ),
        (
            ConversationFilter {
                status: Some(ConversationStatus::Closed),
                ..all.clone()
            },
            1,
        ),
        (
            ConversationFilter {
                assigned_agent_id: Some("anna".into()),
                ..all.clone()
            },
            1,
        ),
        (
            ConversationFilter {
                unread: Some(true),
                ..all.clone()
            },
            11,
        ),
        (
            ConversationFilter {
                unread: Some(false),
                ..all.clone()
            },
            1,
        ),
        (
            ConversationFilter {
                search: Some("NAME OF C1".into()),
                ..all.clone()
            },
            3,
        ),
        (
            ConversationFilter {
                search: Some("text 5_".into()),
                ..all.clone()
            },
            0,
        ),
    ];
    for (filter, expected) in cases {
        let page = conversation::list(&bed.store, bed.ours, &filter, None, 50)
            .await
            .unwrap();
        assert_eq!(page.items.len(), expected, "{filter:?}");
    }
    let row = conversation::reopen(&bed.store, bed.ours, id)
        .await
        .unwrap();
    assert_eq!(row.status, ConversationStatus::Active);
}
