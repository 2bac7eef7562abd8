//! Configuration: what the stages get to know, and when.

use schemas::rule::Action;
use serde_json::json;
use store::{
    channel::{self, ChannelPatch},
    project, snapshot,
    template::{self, TemplateFilter},
};

use crate::rig::Bed;

#[tokio::test]
async fn statements_that_name_the_channel_alone() {
    let bed = Bed::new().await;
    let channel = bed.channel.id;
    let before = snapshot::version(&bed.store).await.unwrap();
    bed.sql(&format!(
        "insert into comm_auto_response_rules (channel_id, name, trigger_type, trigger_value, response_text, priority, is_active)
         values ('{channel}', 'Welcome Message', 'keyword', 'hello, hi', 'Hi! Welcome.', 100, true)"
    ))
    .await;
    bed.sql(&format!(
        "insert into comm_templates (channel_id, name, content, category) values ('{channel}', 'Greeting', 'Hello!', 'common')"
    ))
    .await;
    bed.sql(&format!(
        "insert into comm_bot_commands (channel_id, command, response_text) values ('{channel}', '/start', 'Welcome')"
    ))
    .await;
    assert_eq!(snapshot::version(&bed.store).await.unwrap(), before + 3);

    let (loaded, version) = snapshot::load(&bed.store).await.unwrap();
    assert_eq!(version, before + 3);
    assert_eq!(loaded.tenants.len(), 2);
    let rules = &loaded.channel(bed.ours, channel).unwrap().rules;
    assert_eq!(rules.len(), 2);
    assert_eq!(rules[0].name, "Welcome Message");
    assert_eq!(rules[0].when.keywords, ["hello", "hi"]);
    assert_eq!(rules[0].then, [Action::Reply("Hi! Welcome.".into())]);
    assert_eq!(rules[1].when.command, ["/start"]);
    assert!(loaded.channel(bed.theirs, channel).is_none());
    assert_eq!(loaded.tenants[&bed.ours].templates.len(), 1);
    let templates = template::list(&bed.store, bed.ours, &TemplateFilter::default())
        .await
        .unwrap();
    assert_eq!(
        (&*templates[0].name, templates[0].channel_id),
        ("Greeting", Some(channel))
    );
}

#[tokio::test]
async fn rules_of_the_channel_itself() {
    let bed = Bed::new().await;
    let patch = ChannelPatch {
        config: Some(json!({"routing": {"rules": [
            {"name": "b", "priority": 1, "then": [{"tag": "x"}]},
            {"name": "a", "priority": 1, "when": {"regex": "^hi"}, "then": ["drop"]},
            {"name": "off", "is_active": false, "then": ["drop"]},
            {"name": "broken", "then": [{"fly": 1}]},
            {"name": "first", "priority": 9, "then": [{"assign": "anna"}]},
        ], "default": "none"}})),
        ..ChannelPatch::default()
    };
    channel::update(&bed.store, bed.ours, bed.channel.id, patch)
        .await
        .unwrap();
    let (loaded, _) = snapshot::load(&bed.store).await.unwrap();
    let rules = &loaded.channel(bed.ours, bed.channel.id).unwrap().rules;
    let names: Vec<_> = rules.iter().map(|rule| &*rule.name).collect();
    assert_eq!(names, ["first", "a", "b"]);
}

#[tokio::test]
async fn counters_and_health_are_not_configuration() {
    let bed = Bed::new().await;
    let before = snapshot::version(&bed.store).await.unwrap();
    project::conversations(&bed.store, &[bed.inbound("a", 1)])
        .await
        .unwrap();
    channel::set_health(&bed.store, bed.ours, bed.channel.id, "degraded")
        .await
        .unwrap();
    assert_eq!(snapshot::version(&bed.store).await.unwrap(), before);
    channel::delete(&bed.store, bed.ours, bed.channel.id)
        .await
        .unwrap();
    assert!(snapshot::version(&bed.store).await.unwrap() > before);
}
