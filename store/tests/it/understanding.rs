//! Settings, models and labels: what holds, what may go, and whose it is.

use schemas::{Backend, MessageId, Task, Timestamp, Understanding};
use serde_json::json;
use store::{
    StoreError,
    label::{self, LabelNew},
    model::{self, ModelNew},
    project, snapshot, understanding,
};

use crate::rig::Bed;

fn model_new(id: &str) -> ModelNew {
    ModelNew {
        id: id.into(),
        task: Task::Intent,
        name: "mine".into(),
        size_bytes: 7,
        sha256: "0".repeat(64),
        labels: vec!["refund".into(), "other".into()],
        metrics: json!({"accuracy": 0.9}),
        card: "# mine".into(),
    }
}

fn using(backend: &Backend) -> Understanding {
    let mut settings = Understanding::default();
    settings.models.insert(Task::Intent, backend.clone());
    settings
}

async fn write(bed: &Bed, settings: &Understanding) -> Result<i64, StoreError> {
    let mut held = understanding::hold(&bed.store, bed.ours).await?;
    let row = held.write(settings, "test").await?;
    held.commit().await?;
    Ok(row.revision)
}

async fn before(bed: &Bed) -> Option<Backend> {
    let mut held = understanding::hold(&bed.store, bed.ours).await.unwrap();
    held.before(Task::Intent).await.unwrap()
}

#[tokio::test]
async fn the_newest_settings_hold_and_reach_the_workers() {
    let bed = Bed::new().await;
    assert_eq!(
        understanding::current(&bed.store, bed.ours).await.unwrap(),
        None
    );
    let version = snapshot::version(&bed.store).await.unwrap();
    let off = using(&Backend::Off);
    assert_eq!(write(&bed, &Understanding::default()).await.unwrap(), 1);
    assert_eq!(write(&bed, &off).await.unwrap(), 2);
    let current = understanding::current(&bed.store, bed.ours)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((current.revision, &current.settings), (2, &off));
    assert!(snapshot::version(&bed.store).await.unwrap() > version);
    let (loaded, _) = snapshot::load(&bed.store).await.unwrap();
    assert_eq!(loaded.tenants[&bed.ours].understanding, off);
    assert_eq!(
        loaded.tenants[&bed.theirs].understanding,
        Understanding::default()
    );

    // Dropped, not committed: nothing happened, and nobody waits.
    let mut held = understanding::hold(&bed.store, bed.ours).await.unwrap();
    held.write(&Understanding::default(), "test").await.unwrap();
    drop(held);
    assert_eq!(write(&bed, &off).await.unwrap(), 3);

    // What no version of ours wrote stops nobody else.
    bed.sql(&format!(
        r#"insert into comm_understanding (tenant_id, revision, settings, created_by)
           values ('{}', 1, '{{"from": "the future"}}', 'sql')"#,
        bed.theirs
    ))
    .await;
    let (loaded, _) = snapshot::load(&bed.store).await.unwrap();
    assert_eq!(
        loaded.tenants[&bed.theirs].understanding,
        Understanding::default()
    );
    assert_eq!(loaded.tenants[&bed.ours].understanding, off);
}

#[tokio::test]
async fn a_bounded_number_of_revisions_is_kept() {
    let bed = Bed::new().await;
    let mut last = 0;
    for _ in 0..understanding::KEPT + 3 {
        last = write(&bed, &using(&Backend::Off)).await.unwrap();
    }
    assert_eq!(last, understanding::KEPT + 3);
    let kept = bed
        .sql("delete from comm_understanding where revision > 0")
        .await;
    assert_eq!(i64::try_from(kept).unwrap(), understanding::KEPT);
}

#[tokio::test]
async fn what_was_before_is_known() {
    let bed = Bed::new().await;
    assert_eq!(before(&bed).await, None);
    write(&bed, &Understanding::default()).await.unwrap();
    assert_eq!(before(&bed).await, None, "it was never another");
    write(&bed, &using(&Backend::Off)).await.unwrap();
    assert_eq!(before(&bed).await, Some(Backend::Builtin));
    let bert = Backend::Bert("x".into());
    write(&bed, &using(&bert)).await.unwrap();
    let mut other = using(&bert);
    other.languages.push("de".into());
    write(&bed, &other).await.unwrap();
    assert_eq!(before(&bed).await, Some(Backend::Off));

    // The first revision already named another one.
    let bed = Bed::new().await;
    write(&bed, &using(&Backend::Off)).await.unwrap();
    assert_eq!(before(&bed).await, Some(Backend::Builtin));
}

#[tokio::test]
async fn a_model_in_use_stays() {
    let bed = Bed::new().await;
    let id = "intent-0123456789ab";
    let named = using(&Backend::Model(id.into()));
    let refused = write(&bed, &named).await;
    assert!(
        matches!(refused, Err(StoreError::Invalid(_))),
        "{refused:?}"
    );

    let mut held = understanding::hold(&bed.store, bed.ours).await.unwrap();
    assert!(held.add_model(&model_new(id), "test").await.unwrap());
    assert!(!held.add_model(&model_new(id), "test").await.unwrap());
    held.commit().await.unwrap();
    assert_eq!(
        model::list(&bed.store, bed.ours, Some(Task::Intent))
            .await
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        model::card(&bed.store, bed.ours, id).await.unwrap(),
        "# mine"
    );
    write(&bed, &named).await.unwrap();
    // For another task it is not.
    let mut wrong = Understanding::default();
    wrong
        .models
        .insert(Task::Topic, Backend::Model(id.to_owned()));
    assert!(matches!(
        write(&bed, &wrong).await,
        Err(StoreError::Invalid(_))
    ));

    let mut held = understanding::hold(&bed.store, bed.ours).await.unwrap();
    let refused = held.remove_model(id).await;
    assert!(
        matches!(&refused, Err(StoreError::Conflict { constraint }) if constraint == "comm_models_in_use"),
        "{refused:?}"
    );
    drop(held);

    // Another tenant has nothing of it.
    assert!(
        model::list(&bed.store, bed.theirs, None)
            .await
            .unwrap()
            .is_empty()
    );
    for gone in [
        model::get(&bed.store, bed.theirs, id).await.map(drop),
        model::card(&bed.store, bed.theirs, id).await.map(drop),
    ] {
        assert!(matches!(gone, Err(StoreError::NotFound)), "{gone:?}");
    }
    let mut held = understanding::hold(&bed.store, bed.theirs).await.unwrap();
    assert!(matches!(
        held.remove_model(id).await,
        Err(StoreError::NotFound)
    ));
    assert!(held.write(&named, "test").await.is_err());
    drop(held);

    write(&bed, &Understanding::default()).await.unwrap();
    let mut held = understanding::hold(&bed.store, bed.ours).await.unwrap();
    held.remove_model(id).await.unwrap();
    held.commit().await.unwrap();
    assert!(matches!(
        model::get(&bed.store, bed.ours, id).await,
        Err(StoreError::NotFound)
    ));
}

#[tokio::test]
async fn the_number_of_models_is_bounded() {
    let bed = Bed::new().await;
    let mut held = understanding::hold(&bed.store, bed.ours).await.unwrap();
    for number in 0..model::MAX_MODELS {
        let new = model_new(&format!("intent-{number:012x}"));
        assert!(held.add_model(&new, "test").await.unwrap());
    }
    let refused = held
        .add_model(&model_new("intent-ffffffffffff"), "test")
        .await;
    assert!(
        matches!(&refused, Err(StoreError::Conflict { constraint }) if constraint == "comm_models_count"),
        "{refused:?}"
    );
}

#[tokio::test]
async fn labels_are_the_last_word() {
    let bed = Bed::new().await;
    let envelopes: Vec<_> = (1..=5).map(|number| bed.inbound("a", number)).collect();
    project::conversations(&bed.store, &envelopes)
        .await
        .unwrap();
    let ids: Vec<MessageId> = envelopes.iter().map(|envelope| envelope.message).collect();
    let say = async |tenant, id, author, label: &str| {
        let labels = [label.to_owned()];
        let new = LabelNew {
            task: Task::Intent,
            labels: &labels,
            note: None,
            author,
        };
        label::put(&bed.store, tenant, id, new).await
    };
    say(bed.ours, ids[0], "ada", "refund").await.unwrap();
    say(bed.ours, ids[0], "ada", "cancel").await.unwrap();
    say(bed.ours, ids[0], "bob", "billing").await.unwrap();
    for id in &ids[1..4] {
        say(bed.ours, *id, "ada", "refund").await.unwrap();
    }
    let of_first = label::of_message(&bed.store, bed.ours, ids[0])
        .await
        .unwrap();
    assert_eq!(of_first.len(), 2);
    assert_eq!(of_first[0].labels, ["billing"], "the newest first");
    assert_eq!(of_first[1].labels, ["cancel"]);
    assert_eq!(
        label::of_message(&bed.store, bed.ours, ids[4])
            .await
            .unwrap(),
        []
    );
    let newest = label::newest(&bed.store, bed.ours, Task::Intent, &ids)
        .await
        .unwrap();
    assert_eq!(newest.len(), 4);
    assert_eq!(newest[&ids[0]], ["billing"]);

    // Not of another tenant, and not of nothing.
    for (tenant, id) in [(bed.theirs, ids[0]), (bed.ours, MessageId::new())] {
        let refused = say(tenant, id, "eve", "x").await;
        assert!(matches!(refused, Err(StoreError::NotFound)), "{refused:?}");
        let refused = label::of_message(&bed.store, tenant, id).await;
        assert!(matches!(refused, Err(StoreError::NotFound)), "{refused:?}");
    }
    assert!(
        label::newest(&bed.store, bed.theirs, Task::Intent, &ids)
            .await
            .unwrap()
            .is_empty()
    );

    // Page by page, each message once.
    let mut after = None;
    let mut texts = Vec::new();
    loop {
        let page = label::export(&bed.store, bed.ours, Task::Intent, None, after, 2)
            .await
            .unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.message_id);
        texts.extend(page.into_iter().map(|row| {
            assert_eq!(row.channel, Some(schemas::ChannelKind::Sandbox));
            row.text
        }));
    }
    texts.sort();
    assert_eq!(texts, ["text 1", "text 2", "text 3", "text 4"]);
    let later = Some(Timestamp::now().plus(std::time::Duration::from_secs(3600)));
    for (tenant, task, since) in [
        (bed.theirs, Task::Intent, None),
        (bed.ours, Task::Topic, None),
        (bed.ours, Task::Intent, later),
    ] {
        let none = label::export(&bed.store, tenant, task, since, None, 9).await;
        assert_eq!(none.unwrap(), []);
    }
}
