//! Projections: written once, whatever is repeated and however many write.

use schemas::{
    Attachment, ConversationStatus, Direction, Envelope, Language, MessageType, Priority,
    TrackContext, TrackEvent, TrackKind,
};
use serde_json::json;
use store::{
    StoreError, analytics, channel, contact, conversation,
    conversation::{ConversationFilter, ConversationNew},
    delivery, message,
    message::MessageFilter,
    project,
    project::Projected,
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
async fn a_message_is_read_as_it_was_written() {
    let bed = Bed::new().await;
    let mut envelope = bed.inbound("alice", 5);
    {
        let message = envelope.message_mut().unwrap();
        message.content.text = "Grüße\0, 👩‍👩‍👧".into();
        message.content.html = Some("<b>Grüße</b>".into());
        message.content.attachments = vec![Attachment {
            kind: "image".into(),
            name: Some("a\0b.png".into()),
            ..Attachment::default()
        }];
        message.tags = vec!["vip".into(), "billing".into()];
        message.priority = Priority::High;
        message.language = Some(Language {
            code: "de".into(),
            iso639_3: String::new(),
            confidence: 0.5,
            model: "whatlang".into(),
        });
        message.routing.rules = vec!["r1".into()];
        message.routing.assign = Some("anna".into());
        message.metadata.insert("k".into(), json!("v\0"));
        message.subject = Some("Hello".into());
        message.in_reply_to = Some("x1".into());
    }
    project::conversations(&bed.store, &[envelope.clone()])
        .await
        .unwrap();

    let row = message::get(&bed.store, bed.ours, envelope.message)
        .await
        .unwrap();
    let written = envelope.message().unwrap();
    assert_eq!(row.content, "Grüße, 👩‍👩‍👧");
    assert_eq!(row.content_html, written.content.html);
    assert_eq!(row.attachments[0].name.as_deref(), Some("ab.png"));
    assert_eq!(row.tags, written.tags);
    assert_eq!(row.priority, Priority::High);
    assert_eq!(row.language, written.language);
    assert_eq!(row.routing, written.routing);
    assert_eq!(row.metadata, Some(json!({"k": "v"})));
    assert_eq!(row.subject, written.subject);
    assert_eq!(row.in_reply_to, written.in_reply_to);
    assert_eq!(row.sender_id, "alice");
    assert_eq!(row.sender_name, written.sender.name);
    assert_eq!(row.platform_message_id, written.platform_message_id);
    assert_eq!((row.created_at, row.received_at), (at(5), at(5)));
    assert_eq!((row.direction, row.delivery), (Direction::Inbound, None));
    let journey = message::journey(&bed.store, bed.ours, envelope.message)
        .await
        .unwrap();
    assert_eq!(journey, envelope.trace);

    let row = conversation::get(&bed.store, bed.ours, envelope.conversation)
        .await
        .unwrap();
    assert_eq!(row.last_message_preview.as_deref(), Some("Grüße, 👩‍👩‍👧"));
    assert_eq!(row.last_message_at, Some(at(5)));
    assert_eq!(row.participant_name, written.sender.name);
    assert_eq!(
        (row.tags, row.priority),
        (written.tags.clone(), Priority::High)
    );
    assert_eq!(row.assigned_agent_id.as_deref(), Some("anna"));
    assert_eq!((row.unread_count, row.message_count), (1, 1));
    assert_eq!(row.channel_name, "one");

    let known = contact::get(&bed.store, bed.ours, row.contact_id.unwrap())
        .await
        .unwrap();
    assert_eq!(known.name, written.sender.name);
    let addresses = contact::addresses(&bed.store, bed.ours, &[known.id])
        .await
        .unwrap();
    assert_eq!(addresses.len(), 1);
    assert_eq!(
        (&*addresses[0].kind, &*addresses[0].address),
        ("sandbox", "alice")
    );
}

#[tokio::test]
async fn the_newest_message_decides_and_an_inbound_one_reopens() {
    let bed = Bed::new().await;
    let id = bed.inbound("bob", 10).conversation;
    project::conversations(&bed.store, &[bed.inbound("bob", 10)])
        .await
        .unwrap();
    conversation::close(&bed.store, bed.ours, id).await.unwrap();
    conversation::mark_read(&bed.store, bed.ours, id)
        .await
        .unwrap();

    // An outbound message neither reopens nor is unread.
    project::outbound(&bed.store, &[bed.outbound("bob", 11)])
        .await
        .unwrap();
    let row = conversation::get(&bed.store, bed.ours, id).await.unwrap();
    assert_eq!(
        (row.status, row.unread_count),
        (ConversationStatus::Closed, 0)
    );
    assert_eq!(row.last_message_preview.as_deref(), Some("text 11"));

    // An older one that comes late counts, but does not show.
    let mut late = bed.inbound("bob", 3);
    late.message_mut().unwrap().tags = vec!["late".into()];
    let mut image = bed.inbound("bob", 12);
    image.message_mut().unwrap().content.text = String::new();
    image.message_mut().unwrap().message_type = MessageType::Image;
    image.message_mut().unwrap().tags = vec!["late".into(), "seen".into()];
    project::conversations(&bed.store, &[late]).await.unwrap();
    let row = conversation::get(&bed.store, bed.ours, id).await.unwrap();
    assert_eq!(
        (row.status, row.unread_count),
        (ConversationStatus::Active, 1)
    );
    assert_eq!(row.last_message_preview.as_deref(), Some("text 11"));
    project::conversations(&bed.store, &[image]).await.unwrap();
    let row = conversation::get(&bed.store, bed.ours, id).await.unwrap();
    assert_eq!(row.last_message_preview.as_deref(), Some("[image]"));
    assert_eq!(row.tags, ["late", "seen"]);
    assert_eq!((row.message_count, row.last_position), (4, 12));
    let channel = channel::get(&bed.store, bed.ours, bed.channel.id)
        .await
        .unwrap();
    assert_eq!(
        (channel.total_messages_received, channel.total_messages_sent),
        (3, 1)
    );
    let stats = stats::hub(&bed.store, bed.ours).await.unwrap();
    assert_eq!(
        (
            stats.total_messages,
            stats.unread_messages,
            stats.total_channels
        ),
        (4, 2, 1)
    );
    assert_eq!(
        (stats.total_conversations, stats.active_conversations),
        (1, 1)
    );
}

#[tokio::test]
async fn a_conversation_made_first_is_the_one_the_messages_join() {
    let bed = Bed::new().await;
    let new = ConversationNew {
        platform_conversation_id: "carol".into(),
        subject: Some("Offer".into()),
        ..ConversationNew::default()
    };
    let (made, fresh) = conversation::create(&bed.store, bed.ours, bed.channel.id, new.clone())
        .await
        .unwrap();
    assert!(fresh);
    let (again, fresh) = conversation::create(&bed.store, bed.ours, bed.channel.id, new.clone())
        .await
        .unwrap();
    assert_eq!((again, fresh), (made.clone(), false));
    let foreign = conversation::create(&bed.store, bed.ours, bed.their_channel.id, new).await;
    assert!(matches!(foreign, Err(StoreError::NotFound)));

    let envelope = bed.inbound("carol", 1);
    assert_eq!(envelope.conversation, made.id);
    project::conversations(&bed.store, &[envelope])
        .await
        .unwrap();
    let row = conversation::get(&bed.store, bed.ours, made.id)
        .await
        .unwrap();
    assert_eq!(
        (row.message_count, row.subject.as_deref()),
        (1, Some("Offer"))
    );
    // Its place was later than the message's, yet this is its first message.
    assert_eq!(row.last_message_preview.as_deref(), Some("text 1"));
    assert!(row.contact_id.is_some());
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

#[tokio::test]
async fn tracking_raises_the_ledger_and_counts_once() {
    let bed = Bed::new().await;
    let (outbound, position) = bed.outbound("bob", 1);
    project::outbound(&bed.store, &[(outbound.clone(), position)])
        .await
        .unwrap();
    let id = outbound.message.id;
    assert_eq!(
        message::get(&bed.store, bed.ours, id)
            .await
            .unwrap()
            .delivery,
        None
    );
    let claim = delivery::Claim {
        kind: schemas::ChannelKind::Sandbox,
        recipient: "",
        message: id,
        tenant: bed.ours,
        channel: bed.channel.id,
        conversation: outbound.message.conversation_id,
    };
    let lease = std::time::Duration::from_secs(60);
    delivery::claim(&bed.store, &[claim], "w", lease)
        .await
        .unwrap();

    let event = |kind: TrackKind, seconds: i64| TrackEvent {
        id: TrackEvent::derive_id(id, kind, ""),
        tenant: bed.ours,
        channel: bed.channel.id,
        conversation: outbound.message.conversation_id,
        message: id,
        context: TrackContext::Message,
        kind,
        at: at(seconds),
        provider_id: None,
        detail: None,
        about: schemas::About::Message,
    };
    let mut foreign = event(TrackKind::Read, 9);
    foreign.tenant = bed.theirs;
    foreign.id = TrackEvent::derive_id(id, TrackKind::Read, "forged");
    project::track(&bed.store, &[foreign]).await.unwrap();
    let events = [
        event(TrackKind::Delivered, 3),
        event(TrackKind::Sent, 2),
        event(TrackKind::Failed, 5),
    ];
    let done = project::track(&bed.store, &events).await.unwrap();
    assert_eq!(done.inserted, 3);
    let again = project::track(&bed.store, &events).await.unwrap();
    assert_eq!(again.inserted, 0);
    let row = message::get(&bed.store, bed.ours, id)
        .await
        .unwrap()
        .delivery
        .unwrap();
    assert_eq!(row.state, schemas::DeliveryState::Delivered);
    assert_eq!(
        (row.sent_at, row.delivered_at, row.read_at),
        (Some(at(2)), Some(at(3)), None)
    );
    let day = at(0).to_datetime().date_naive();
    let days = analytics::list(&bed.store, bed.ours, None, day, day)
        .await
        .unwrap();
    assert_eq!(days.len(), 1);
    assert_eq!(
        (
            days[0].messages_sent,
            days[0].messages_delivered,
            days[0].messages_read
        ),
        (1, 1, 0)
    );
}
