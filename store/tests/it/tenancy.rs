//! No tenant sees, changes or deletes what is another's.

use schemas::{DeliveryState, RuleId, TemplateId, Timestamp};
use serde_json::json;
use store::{
    StoreError, analytics, api_key, audit,
    bot_command::{self, BotCommandNew, BotCommandPatch},
    channel::{self, ChannelFilter, ChannelPatch},
    contact,
    conversation::{self, ConversationFilter, ConversationPatch},
    delivery,
    message::{self, MessageFilter},
    project,
    rule::{self, RuleNew, RulePatch},
    sandbox::{self, SandboxSent},
    stats,
    template::{self, TemplateFilter, TemplateNew, TemplatePatch},
    tenant,
};

use crate::rig::{Bed, at};

fn not_found<T: std::fmt::Debug>(result: Result<T, StoreError>) {
    assert!(matches!(result, Err(StoreError::NotFound)), "{result:?}");
}

fn conflict<T: std::fmt::Debug>(result: Result<T, StoreError>) {
    assert!(
        matches!(result, Err(StoreError::Conflict { .. })),
        "{result:?}"
    );
}

fn rule_new(channel: schemas::ChannelId) -> RuleNew {
    RuleNew {
        channel_id: channel,
        name: "r".into(),
        trigger_type: "any".into(),
        trigger_value: None,
        response_text: "hi".into(),
        priority: 1,
        is_active: true,
    }
}

fn command_new(channel: schemas::ChannelId) -> BotCommandNew {
    BotCommandNew {
        channel_id: channel,
        command: "/start".into(),
        description: None,
        response_text: "hi".into(),
        is_active: true,
    }
}

fn template_new(channel: Option<schemas::ChannelId>) -> TemplateNew {
    TemplateNew {
        channel_id: channel,
        name: "t".into(),
        content: "c".into(),
        is_active: true,
        ..TemplateNew::default()
    }
}

#[tokio::test]
async fn channels() {
    let bed = Bed::new().await;
    let (store, theirs, id) = (&bed.store, bed.theirs, bed.channel.id);
    not_found(channel::get(store, theirs, id).await);
    not_found(channel::credentials(store, theirs, id).await);
    not_found(channel::set_health(store, theirs, id, "healthy").await);
    let patch = ChannelPatch {
        name: Some("mine".into()),
        ..ChannelPatch::default()
    };
    not_found(channel::update(store, theirs, id, patch.clone()).await);
    not_found(channel::delete(store, theirs, id).await);
    let list = channel::list(store, theirs, ChannelFilter::default())
        .await
        .unwrap();
    assert_eq!(list, std::slice::from_ref(&bed.their_channel));
    assert_eq!(
        channel::get(store, bed.ours, id).await.unwrap(),
        bed.channel
    );
    let row = channel::update(store, bed.ours, id, patch).await.unwrap();
    assert_eq!(row.name, "mine");
    channel::set_health(store, bed.ours, id, "healthy")
        .await
        .unwrap();
    let bad = channel::set_health(store, bed.ours, id, "splendid").await;
    assert!(matches!(bad, Err(StoreError::Invalid(_))));
    channel::delete(store, bed.ours, id).await.unwrap();
    not_found(channel::delete(store, bed.ours, id).await);
}

#[tokio::test]
async fn templates_rules_and_commands() {
    let bed = Bed::new().await;
    let (store, ours, theirs) = (&bed.store, bed.ours, bed.theirs);
    // Nothing of ours on a channel of theirs.
    let foreign = bed.their_channel.id;
    conflict(template::create(store, ours, template_new(Some(foreign))).await);
    conflict(rule::create(store, ours, rule_new(foreign)).await);
    conflict(bot_command::create(store, ours, command_new(foreign)).await);

    let t = template::create(store, ours, template_new(None))
        .await
        .unwrap();
    not_found(template::get(store, theirs, t.id).await);
    not_found(template::update(store, theirs, t.id, TemplatePatch::default()).await);
    not_found(template::delete(store, theirs, t.id).await);
    assert_eq!(
        template::list(store, theirs, &TemplateFilter::default())
            .await
            .unwrap(),
        []
    );
    let patch = TemplatePatch {
        category: Some(Some("common".into())),
        variables: Some(vec!["name".into()]),
        ..TemplatePatch::default()
    };
    let row = template::update(store, ours, t.id, patch).await.unwrap();
    assert_eq!((row.category.as_deref(), &*row.name), (Some("common"), "t"));
    assert_eq!(row.variables, ["name"]);
    let filter = TemplateFilter {
        channel_id: Some(bed.channel.id),
        category: Some("common".into()),
        is_active: Some(true),
    };
    assert_eq!(template::list(store, ours, &filter).await.unwrap(), [row]);
    template::delete(store, ours, t.id).await.unwrap();
    not_found(template::get(store, ours, TemplateId::new()).await);

    let r = rule::create(store, ours, rule_new(bed.channel.id))
        .await
        .unwrap();
    conflict(rule::create(store, ours, rule_new(bed.channel.id)).await);
    not_found(rule::get(store, theirs, r.id).await);
    not_found(rule::update(store, theirs, r.id, RulePatch::default()).await);
    not_found(rule::delete(store, theirs, r.id).await);
    assert_eq!(rule::list(store, theirs, None).await.unwrap(), []);
    let patch = RulePatch {
        trigger_type: Some("keyword".into()),
        ..RulePatch::default()
    };
    let bad = rule::update(store, ours, r.id, patch).await;
    assert!(
        matches!(bad, Err(StoreError::Invalid(_))),
        "a keyword rule without a keyword"
    );
    assert_eq!(
        rule::list(store, ours, Some(bed.channel.id)).await.unwrap(),
        std::slice::from_ref(&r)
    );
    rule::delete(store, ours, r.id).await.unwrap();
    not_found(rule::get(store, ours, RuleId::new()).await);

    let c = bot_command::create(store, ours, command_new(bed.channel.id))
        .await
        .unwrap();
    not_found(bot_command::get(store, theirs, c.id).await);
    not_found(bot_command::update(store, theirs, c.id, BotCommandPatch::default()).await);
    not_found(bot_command::delete(store, theirs, c.id).await);
    assert_eq!(bot_command::list(store, theirs, None).await.unwrap(), []);
    assert_eq!(
        bot_command::list(store, ours, None).await.unwrap(),
        std::slice::from_ref(&c)
    );
    bot_command::delete(store, ours, c.id).await.unwrap();
}

#[tokio::test]
async fn keys_and_audit() {
    let bed = Bed::new().await;
    let (store, ours, theirs) = (&bed.store, bed.ours, bed.theirs);
    let (key, token) = api_key::create(store, ours, "k", "admin", None)
        .await
        .unwrap();
    let found = api_key::find_by_token(store, token.expose()).await.unwrap();
    assert_eq!(found, Some(key.clone()));
    for wrong in ["", "tdk_", "tdk_x", &token.expose().replacen("tdk_", "", 1)] {
        assert_eq!(api_key::find_by_token(store, wrong).await.unwrap(), None);
    }
    not_found(api_key::revoke(store, theirs, key.id).await);
    assert_eq!(api_key::list(store, theirs).await.unwrap(), []);
    api_key::revoke(store, ours, key.id).await.unwrap();
    api_key::revoke(store, ours, key.id).await.unwrap();
    assert_eq!(
        api_key::find_by_token(store, token.expose()).await.unwrap(),
        None
    );
    assert_eq!(api_key::list(store, ours).await.unwrap().len(), 1);

    let foreign = Some(bed.their_channel.id);
    conflict(api_key::create(store, ours, "a", "adapter", foreign).await);
    for (role, channel) in [
        ("adapter", None),
        ("admin", Some(bed.channel.id)),
        ("god", None),
    ] {
        let bad = api_key::create(store, ours, "a", role, channel).await;
        assert!(matches!(bad, Err(StoreError::Invalid(_))));
    }
    let (adapter, _) = api_key::create(store, ours, "a", "adapter", Some(bed.channel.id))
        .await
        .unwrap();
    assert_eq!(adapter.channel_id, Some(bed.channel.id));

    audit::record(
        store,
        ours,
        "key:1",
        "channel.create",
        "channel:1",
        Some(&json!({"n": 1})),
    )
    .await
    .unwrap();
    assert_eq!(
        audit::list(store, theirs, None, 10).await.unwrap().items,
        []
    );
    let log = audit::list(store, ours, None, 10).await.unwrap().items;
    assert_eq!((log.len(), &*log[0].action), (1, "channel.create"));
    let tenants = tenant::list(store).await.unwrap();
    assert_eq!(
        tenants.iter().map(|t| t.id).collect::<Vec<_>>(),
        [ours, theirs]
    );
    assert_eq!(tenant::ensure_first(store, "other").await.unwrap().id, ours);
}

#[tokio::test]
async fn conversations_messages_and_what_belongs_to_them() {
    let bed = Bed::new().await;
    let (store, ours, theirs) = (&bed.store, bed.ours, bed.theirs);
    let envelope = bed.inbound("alice", 1);
    let (id, conversation_id) = (envelope.message, envelope.conversation);
    project::conversations(store, &[envelope]).await.unwrap();

    not_found(conversation::get(store, theirs, conversation_id).await);
    not_found(conversation::mark_read(store, theirs, conversation_id).await);
    not_found(conversation::close(store, theirs, conversation_id).await);
    not_found(conversation::reopen(store, theirs, conversation_id).await);
    not_found(conversation::assign(store, theirs, conversation_id, Some("x")).await);
    let patch = ConversationPatch::default();
    not_found(conversation::update(store, theirs, conversation_id, patch).await);
    let filter = ConversationFilter::default();
    let page = conversation::list(store, theirs, &filter, None, 10)
        .await
        .unwrap();
    assert_eq!(page.items, []);
    let row = conversation::get(store, ours, conversation_id)
        .await
        .unwrap();
    assert_eq!((row.unread_count, row.assigned_agent_id), (1, None));
    let row = conversation::assign(store, ours, conversation_id, Some("anna"))
        .await
        .unwrap();
    assert_eq!(row.assigned_agent_id.as_deref(), Some("anna"));
    let row = conversation::assign(store, ours, conversation_id, None)
        .await
        .unwrap();
    assert_eq!(row.assigned_agent_id, None);

    not_found(message::get(store, theirs, id).await);
    not_found(message::journey(store, theirs, id).await);
    for filter in [
        MessageFilter::default(),
        MessageFilter {
            conversation_id: Some(conversation_id),
            ..MessageFilter::default()
        },
        MessageFilter {
            channel_id: Some(bed.channel.id),
            ..MessageFilter::default()
        },
    ] {
        for newest_first in [true, false] {
            let page = message::list(store, theirs, filter, None, 10, newest_first)
                .await
                .unwrap();
            assert_eq!(page.items, []);
            let page = message::list(store, ours, filter, None, 10, newest_first)
                .await
                .unwrap();
            assert_eq!(page.items.len(), 1);
        }
    }

    let contact = row.contact_id.unwrap();
    not_found(contact::get(store, theirs, contact).await);
    assert_eq!(
        contact::addresses(store, theirs, &[contact]).await.unwrap(),
        []
    );
    let all = contact::ContactFilter::default();
    let page = contact::list(store, theirs, &all, None, 10).await.unwrap();
    assert_eq!(page.unwrap().items, []);

    let claim = delivery::Claim {
        kind: schemas::ChannelKind::Sandbox,
        recipient: "",
        message: id,
        tenant: ours,
        channel: bed.channel.id,
        conversation: conversation_id,
    };
    let lease = std::time::Duration::from_secs(60);
    delivery::claim(store, &[claim], "w", lease).await.unwrap();
    not_found(delivery::get(store, theirs, id).await);
    let list = delivery::list(store, theirs, DeliveryState::Claimed, 10)
        .await
        .unwrap();
    assert_eq!(list, []);
    let stolen = delivery::Claim {
        tenant: theirs,
        ..claim
    };
    let claimed = delivery::claim(store, &[stolen], "w", lease).await.unwrap();
    assert!(!matches!(
        claimed[0].verdict,
        delivery::Verdict::Send { .. }
    ));
    let receipt = delivery::Receipt {
        detail: None,
        tenant: theirs,
        message: id,
        state: DeliveryState::Read,
        at: Timestamp::now(),
    };
    assert_eq!(delivery::raise(store, &[receipt]).await.unwrap(), 0);

    let sent = SandboxSent {
        message: id,
        tenant: ours,
        channel: bed.channel.id,
        platform_conversation_id: "alice".into(),
        recipient_id: "alice".into(),
        subject: None,
        content: "hi\0".into(),
        content_html: None,
        attachments: vec![schemas::Attachment::default()],
    };
    assert_eq!(
        sandbox::capture(store, std::slice::from_ref(&sent))
            .await
            .unwrap(),
        1
    );
    assert_eq!(sandbox::capture(store, &[sent]).await.unwrap(), 0);
    let id = bed.channel.id;
    assert_eq!(sandbox::list(store, theirs, id, 10).await.unwrap(), []);
    assert_eq!(
        sandbox::list(store, ours, id, 10).await.unwrap()[0].content,
        "hi"
    );

    let stats = stats::hub(store, theirs).await.unwrap();
    assert_eq!(
        (
            stats.total_messages,
            stats.total_conversations,
            stats.total_channels
        ),
        (0, 0, 1)
    );
    let day = at(0).to_datetime().date_naive();
    assert_eq!(
        analytics::list(store, theirs, None, day, day)
            .await
            .unwrap(),
        []
    );
}
