//! What a message makes of its conversation, and how both are read.

use schemas::{Attachment, ConversationStatus, Direction, Language, MessageType, Priority};
use serde_json::json;
use store::{
    StoreError, channel, contact, conversation, conversation::ConversationNew, message, project,
    stats,
};

use crate::rig::{Bed, at};
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
