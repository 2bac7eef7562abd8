mod model;

use std::collections::{BTreeMap, HashMap};

use schemas::{
    Backend, EntityPattern, Language, Message, MessageType, Priority, PriorityChange,
    PriorityCondition, PriorityRule, Snapshot, TenantId, TenantSnapshot, Understanding,
};
use uuid::Uuid;

use self::model::{Mentioned, builtin};
use super::*;
use crate::model::{Models, Prediction};

const TENANT: TenantId = TenantId(Uuid::from_u128(0xa1));
const OTHER: TenantId = TenantId(Uuid::from_u128(0xa2));

fn stage() -> Classify {
    Classify {
        builtin,
        ..Classify::default()
    }
}

fn cx(understanding: Understanding, models: Models) -> Cx {
    let tenant = TenantSnapshot {
        understanding,
        ..TenantSnapshot::default()
    };
    Cx {
        snapshot: Arc::new(Snapshot {
            tenants: HashMap::from([(TENANT, Arc::new(tenant))]),
        }),
        models: Arc::new(models),
    }
}

fn choose(task: Task, model: Mentioned) -> (Models, Arc<Mentioned>) {
    let model = Arc::new(model);
    let mut models = Models::default();
    models.choose(TENANT, task, Arc::clone(&model) as Arc<dyn Classifier>);
    (models, model)
}

/// A message of a tenant, as `normalize` leaves it.
fn envelope(tenant: TenantId, text: &str) -> Envelope {
    let raw = crate::normalize::tests::sandbox(text);
    match crate::normalize::Normalize.apply(&Cx::default(), raw) {
        Outcome::Next(envelope) => Envelope {
            tenant,
            ..*envelope
        },
        end => panic!("{end:?}"),
    }
}

fn classify(cx: &Cx, envelope: Envelope) -> Message {
    match stage().apply(cx, envelope) {
        Outcome::Next(envelope) => envelope.message().unwrap().clone(),
        end => panic!("{end:?}"),
    }
}

#[test]
fn the_built_in_models_answer_for_everybody() {
    for tenant in [TENANT, OTHER] {
        let message = classify(&Cx::default(), envelope(tenant, "Write to ann@example.org"));
        let intent = message.intent.unwrap();
        assert_eq!(intent.name, "greeting");
        assert_eq!(intent.confidence, 0.875);
        assert_eq!(intent.category.as_deref(), Some("smalltalk"));
        assert_eq!(intent.queue, None);
        assert_eq!(intent.model, "builtin-intent");
        assert_eq!(intent.entities.len(), 1);
        assert_eq!(intent.entities[0].value, "ann@example.org");
        assert_eq!(message.category.as_deref(), Some("smalltalk"));
        let sentiment = message.sentiment.unwrap();
        assert_eq!((sentiment.score, sentiment.confidence), (0.75, 0.875));
        assert_eq!(sentiment.labels, [""; 0]);
        assert_eq!(sentiment.model, "builtin-sentiment");
    }
}

#[test]
fn a_tenants_own_model_answers_for_that_tenant_alone() {
    let (models, _) = choose(
        Task::Intent,
        Mentioned::new("mine", &["refund_request", "rent"]),
    );
    let cx = cx(Understanding::default(), models);
    let of = |tenant, text| {
        let intent = classify(&cx, envelope(tenant, text)).intent.unwrap();
        (
            intent.name,
            intent.confidence,
            intent.category,
            intent.model,
        )
    };
    let (name, confidence, category, model) = of(TENANT, "rent a boat");
    assert_eq!(
        (&*name, confidence, category, &*model),
        ("rent", 0.75, None, "mine")
    );
    // Out of the model's scope, and as sure as its best label is unlikely.
    let (name, confidence, category, model) = of(TENANT, "buy a boat");
    assert_eq!(
        (&*name, confidence, &*model),
        ("out_of_scope", 0.875, "mine")
    );
    assert_eq!(category.as_deref(), Some("other"));
    assert_eq!(of(OTHER, "rent a boat").3, "builtin-intent");
}

#[test]
fn where_a_model_cannot_answer_the_built_in_one_does() {
    let (models, _) = choose(Task::Intent, Mentioned::new("mine", &["rent"]));
    let cx = cx(Understanding::default(), models);
    let message = classify(&cx, envelope(TENANT, "rent a boat?"));
    assert_eq!(message.intent.unwrap().model, "builtin-intent");
    let (models, _) = choose(Task::Topic, Mentioned::new("mine", &["boats"]));
    let cx = self::cx(Understanding::default(), models);
    let message = classify(&cx, envelope(TENANT, "boats?"));
    // There is no built-in one for topics, and the category is the intent's.
    assert_eq!(message.category.as_deref(), Some("smalltalk"));
}

#[test]
fn what_is_off_stays_unanswered() {
    let everything = Task::ALL.iter().map(|task| (*task, Backend::Off));
    let settings = Understanding {
        models: everything.collect(),
        ..Understanding::default()
    };
    let (models, model) = choose(Task::Intent, Mentioned::new("mine", &["rent"]));
    let text = "URGENT: the blue lamp caught fire, the blue lamp caught fire";
    let message = classify(&cx(settings, models), envelope(TENANT, text));
    assert_eq!(message.intent, None);
    assert_eq!(message.sentiment, None);
    assert_eq!(message.category, None);
    assert_eq!(message.topics, [""; 0]);
    assert_eq!(message.priority, Priority::Normal);
    assert!(model.asked.lock().unwrap().is_empty());
}

#[test]
fn the_lexicon_answers_with_the_tenants_own_words() {
    let settings = Understanding {
        models: BTreeMap::from([(Task::Sentiment, Backend::Vader)]),
        lexicon: BTreeMap::from([("lieferverzug".to_owned(), -3.0)]),
        ..Understanding::default()
    };
    let cx = cx(settings, Models::default());
    let of = |tenant| {
        classify(&cx, envelope(tenant, "Lieferverzug!"))
            .sentiment
            .unwrap()
    };
    assert_eq!(of(TENANT).model, "vader");
    assert!(of(TENANT).score < -0.2, "{:?}", of(TENANT));
    assert_eq!(of(OTHER).model, "builtin-sentiment");
}

#[test]
fn emotions_are_those_over_their_threshold_the_likeliest_first() {
    let labels = ["anger", "joy", "neutral", "fear"];
    let (mut models, _) = choose(Task::Emotion, Mentioned::many("feels", &labels, 0.5));
    let of = |models: Models, text: &str| {
        let cx = cx(Understanding::default(), models);
        classify(&cx, envelope(TENANT, text)).sentiment.unwrap()
    };
    let sentiment = of(models.clone(), "joy and anger, neutral");
    assert_eq!(sentiment.labels, ["anger", "joy"]);
    assert_eq!(sentiment.model, "builtin-sentiment+feels");
    assert_eq!(of(models.clone(), "nothing").labels, [""; 0]);
    // One of many: the best, when in scope.
    let one = Mentioned::new("feels", &["anger", "joy"]);
    models.choose(TENANT, Task::Emotion, Arc::new(one));
    assert_eq!(of(models.clone(), "what joy").labels, ["joy"]);
    // One word is none.
    assert_eq!(of(models, "joy").labels, [""; 0]);
}

#[test]
fn a_topic_model_gives_the_category() {
    let (models, _) = choose(Task::Topic, Mentioned::new("mine", &["boats", "cars"]));
    let cx = cx(Understanding::default(), models);
    let of = |text| classify(&cx, envelope(TENANT, text)).category;
    assert_eq!(of("all cars").as_deref(), Some("cars"));
    assert_eq!(of("all planes").as_deref(), Some("smalltalk"));
}

#[test]
fn priority_is_by_rules_that_are_named() {
    let set = |name: &str, when, to| PriorityRule {
        name: name.into(),
        when,
        then: PriorityChange::Set(to),
    };
    let greeted = PriorityCondition {
        intent: vec!["greeting".into()],
        ..PriorityCondition::default()
    };
    let settings = Understanding {
        priority: vec![set("politeness pays", greeted, Priority::High)],
        ..Understanding::default()
    };
    let cx = cx(settings, Models::default());
    let message = classify(&cx, envelope(TENANT, "good morning"));
    assert_eq!(message.priority, Priority::High);
    assert_eq!(message.metadata["priority_rule"], "politeness pays");

    let mut given = envelope(TENANT, "good morning");
    given.message_mut().unwrap().priority = Priority::Low;
    let message = classify(&cx, given);
    assert_eq!(message.priority, Priority::Low);
    assert!(!message.metadata.contains_key("priority_rule"));
}

#[test]
fn a_model_can_take_the_place_of_the_rules() {
    let (models, _) = choose(
        Task::Priority,
        Mentioned::new("mine", &["urgent", "low", "soon"]),
    );
    let cx = cx(Understanding::default(), models);
    let of = |text| classify(&cx, envelope(TENANT, text)).priority;
    assert_eq!(of("urgent"), Priority::Urgent);
    assert_eq!(of("low"), Priority::Low);
    // A label that is no priority, and no label: the rules.
    assert_eq!(of("soon"), Priority::Normal);
    assert_eq!(of("the lamp caught fire"), Priority::Urgent);
}

#[test]
fn patterns_and_region_are_the_tenants() {
    let settings = Understanding {
        patterns: vec![EntityPattern {
            kind: "booking".into(),
            regex: r"\bBK-\d{4}\b".into(),
        }],
        ..Understanding::default()
    };
    let cx = cx(settings, Models::default());
    let entities = |tenant| {
        let message = classify(&cx, envelope(tenant, "About BK-1234, please"));
        let entities = message.intent.unwrap().entities.into_iter();
        entities
            .map(|entity| (entity.kind, entity.value))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        entities(TENANT),
        [("booking".to_owned(), "BK-1234".to_owned())]
    );
    assert!(entities(OTHER).is_empty());
}

#[test]
fn without_the_senders_words_nothing_is_understood() {
    let mut command = envelope(TENANT, "/start shop");
    command.message_mut().unwrap().message_type = MessageType::Command;
    for envelope in [command, envelope(TENANT, " \n ")] {
        let message = classify(&Cx::default(), envelope);
        assert_eq!((message.intent, message.sentiment), (None, None));
        assert_eq!((message.topics.len(), message.category), (0, None));
    }
}

#[test]
fn models_see_the_language_and_the_batch_and_answers_reach_their_own() {
    let (models, model) = choose(Task::Intent, Mentioned::new("mine", &["rent", "buy"]));
    let cx = cx(Understanding::default(), models);
    let mut german = envelope(TENANT, "buy");
    german.message_mut().unwrap().language = Some(Language {
        code: "de".into(),
        iso639_3: "deu".into(),
        confidence: 1.0,
        model: "x".into(),
    });
    let batch = vec![
        envelope(TENANT, "rent"),
        crate::normalize::tests::sandbox("still raw"),
        envelope(OTHER, "buy"),
        german,
        envelope(TENANT, "why?"),
        envelope(TENANT, ""),
    ];
    let alone: Vec<Outcome> = batch
        .iter()
        .map(|envelope| stage().apply(&cx, envelope.clone()))
        .collect();
    model.asked.lock().unwrap().clear();
    let together = stage().apply_all(&cx, batch);
    assert_eq!(together, alone);
    assert_eq!(*model.asked.lock().unwrap(), [["rent", "buy", "why?"]]);
    let said: Vec<String> = together
        .iter()
        .map(|outcome| match outcome {
            Outcome::Next(envelope) => match &envelope.message().unwrap().intent {
                Some(intent) => format!("{} by {}", intent.name, intent.model),
                None => "nothing".into(),
            },
            Outcome::Dead(reason) => reason.code.clone(),
            Outcome::Track(_) => "track".into(),
            Outcome::Drop(reason) => reason.code.clone(),
        })
        .collect();
    assert_eq!(
        said,
        [
            "rent by mine",
            "not-normalized",
            "greeting by builtin-intent",
            "buy by mine",
            "greeting by builtin-intent",
            "nothing",
        ]
    );
}

/// Whatever a service says, what is written down are numbers within their bounds.
#[test]
fn numbers_that_are_none_do_no_harm() {
    struct Broken;
    impl Classifier for Broken {
        fn id(&self) -> &str {
            "broken"
        }
        fn labels(&self) -> &[String] {
            &[]
        }
        fn thresholds(&self) -> Option<&[f32]> {
            Some(&[])
        }
        fn classify(&self, _: &[&Document<'_>]) -> Vec<Option<Prediction>> {
            vec![Some(Prediction {
                probabilities: vec![f32::NAN, f32::INFINITY, -7.0],
                in_scope: true,
                scope_score: f32::NAN,
            })]
        }
    }
    let mut models = Models::default();
    for task in Task::ALL {
        models.choose(TENANT, *task, Arc::new(Broken));
    }
    let message = classify(
        &cx(Understanding::default(), models),
        envelope(TENANT, "hello"),
    );
    assert_eq!(message.intent, None);
    let sentiment = message.sentiment.unwrap();
    assert_eq!((sentiment.score, sentiment.confidence), (0.0, 0.0));
    assert_eq!(message.priority, Priority::Normal);
}
