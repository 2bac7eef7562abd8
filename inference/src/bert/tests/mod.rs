//! On small models that the tests make themselves.

mod made;

use serde_json::{Value, json};
use tch::Tensor;
use tempfile::TempDir;

use self::made::Geometry;
use super::*;
use crate::{Backends, Settings};
use schemas::Backend;

const LONG: &str =
    "the day was good, the day was good, the night was very long and the morning was longer";

const TINY: Geometry = Geometry {
    width: 32,
    layers: 2,
    heads: 2,
    vocabulary: 200,
    positions: 64,
};

fn card(architecture: &str, extra: Value) -> Value {
    let mut card = json!({
        "id": format!("tiny-{architecture}"), "architecture": architecture, "kind": "one-of-many",
        "task": "sentiment", "labels": ["bad", "good", "neither"], "max_length": 32,
    });
    for (key, value) in extra.as_object().unwrap() {
        card[key] = value.clone();
    }
    card
}

fn untouched(_: &str, _: &mut Tensor) {}

fn made(card: &Value, tune: impl Fn(&str, &mut Tensor)) -> TempDir {
    let dir = TempDir::new().unwrap();
    made::folder(dir.path(), card, TINY, 7, tune);
    dir
}

fn settings(dir: &Path) -> BertSettings {
    let mut settings: BertSettings = serde_json::from_value(json!({"dir": dir})).unwrap();
    settings.timeout_ms = 60_000;
    settings
}

fn classifier_of(dir: &Path) -> Arc<dyn Classifier> {
    match open(&settings(dir)).unwrap() {
        Opened::Classifier(_, model) => model,
        Opened::Tagger(_) => panic!("a tagger"),
    }
}

fn ask(model: &dyn Classifier, texts: &[&str]) -> Vec<Vec<f32>> {
    let documents: Vec<_> = texts.iter().map(|text| Document::new(text, None)).collect();
    model
        .classify(&documents.iter().collect::<Vec<_>>())
        .into_iter()
        .map(|prediction| prediction.unwrap().probabilities)
        .collect()
}

fn distance(one: &[f32], other: &[f32]) -> f32 {
    assert_eq!(one.len(), other.len());
    let apart = one.iter().zip(other).map(|(a, b)| (a - b).abs());
    apart.fold(0.0, f32::max)
}

fn refusal(dir: &Path) -> String {
    let error = open(&settings(dir)).err().unwrap();
    let mut words = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        words = format!("{words}: {cause}");
        source = cause.source();
    }
    words
}

#[test]
fn a_text_is_answered_the_same_alone_and_beside_a_longer_one() {
    for architecture in ["bert", "distilbert", "roberta", "xlm-roberta"] {
        let dir = made(&card(architecture, json!({})), untouched);
        let model = classifier_of(dir.path());
        assert_eq!(model.id(), format!("bert:tiny-{architecture}"));
        let alone = ask(model.as_ref(), &["the day"]).remove(0);
        let beside = ask(model.as_ref(), &[LONG, "the day", "", "a", LONG]);
        assert!(distance(&alone, &beside[1]) < 1e-5, "{architecture}");
        assert!(distance(&beside[0], &beside[4]) < 1e-5, "{architecture}");
        assert!(
            distance(&alone, &beside[0]) > 1e-4,
            "{architecture} does not read"
        );
        assert!((alone.iter().sum::<f32>() - 1.0).abs() < 1e-5);
    }
}

#[test]
fn a_folder_is_what_its_card_says_or_refused() {
    let good = card("bert", json!({}));
    let files = ["config.json", "model.safetensors", "vocab.txt"];
    let dir = made(&good, untouched);
    let path = |name: &str| dir.path().join(name);
    // Another byte anywhere.
    for name in files {
        let whole = std::fs::read(path(name)).unwrap();
        let mut other = whole.clone();
        *other.last_mut().unwrap() ^= 1;
        std::fs::write(path(name), other).unwrap();
        assert_eq!(
            refusal(dir.path()),
            format!("{name} has another SHA-256 than model.json says")
        );
        std::fs::write(path(name), whole).unwrap();
    }
    made::seal(dir.path(), &good, &files[..2]);
    assert_eq!(refusal(dir.path()), "model.json names no vocab.txt");
    for (key, value, words) in [
        ("id", json!("../x"), "id must be"),
        ("labels", json!([]), "labels must be"),
        (
            "labels",
            json!(["a", "b"]),
            "classifier.bias has another shape",
        ),
        ("max_length", json!(100), "64 tokens"),
        ("architecture", json!("gpt"), "unknown variant `gpt`"),
        (
            "architecture",
            json!("distilbert"),
            "config.json fits no such model",
        ),
        ("kind", json!("zero-shot"), "zero_shot is missing"),
        (
            "kind",
            json!("tags"),
            "a task belongs to every kind but tags",
        ),
        ("temperature", json!(0), "temperature"),
        ("thresholds", json!([0.1]), "as many thresholds as labels"),
        ("surprise", json!(1), "unknown field `surprise`"),
    ] {
        let mut wrong = good.clone();
        wrong[key] = value;
        made::seal(dir.path(), &wrong, &files);
        let words_found = refusal(dir.path());
        assert!(words_found.contains(words), "{key}: {words_found}");
    }
    std::fs::write(path("model.safetensors"), "not weights").unwrap();
    made::seal(dir.path(), &good, &files);
    assert!(refusal(dir.path()).starts_with("the weights cannot be read"));
    std::fs::remove_file(path("vocab.txt")).unwrap();
    assert!(refusal(dir.path()).starts_with("vocab.txt cannot be read"));
}

#[test]
fn weights_are_neither_missing_nor_stretched() {
    let good = card("bert", json!({}));
    let files = ["config.json", "model.safetensors", "vocab.txt"];
    let dir = made(&good, untouched);
    let weights = dir.path().join("model.safetensors");
    let whole = Tensor::read_safetensors(&weights).unwrap();
    let save = |tensors: &[(String, Tensor)]| {
        Tensor::write_safetensors(tensors, &weights).unwrap();
        made::seal(dir.path(), &good, &files);
    };
    save(&whole[1..]);
    assert_eq!(
        refusal(dir.path()),
        format!("the weights lack {}", whole[0].0)
    );
    let one_number = |(name, tensor): &(String, Tensor)| match name.as_str() {
        "classifier.bias" => (name.clone(), Tensor::from_slice(&[1.0_f32])),
        _ => (name.clone(), tensor.shallow_clone()),
    };
    save(&whole.iter().map(one_number).collect::<Vec<_>>());
    assert_eq!(
        refusal(dir.path()),
        "classifier.bias has another shape in the weights"
    );
}

#[test]
fn many_labels_may_hold_at_once() {
    let dir = made(
        &card(
            "distilbert",
            json!({"kind": "many-of-many", "task": "emotion", "thresholds": [0.5, 0.4, 0.3], "scope_threshold": 1.0}),
        ),
        |name, weight| match name {
            "classifier.weight" => drop(weight.zero_()),
            "classifier.bias" => weight.copy_(&Tensor::from_slice(&[4.0_f32, -4.0, 3.0])),
            _ => {}
        },
    );
    let (task, model) = open_dir(dir.path()).unwrap();
    assert_eq!(task, Task::Emotion);
    assert_eq!(model.thresholds(), Some(&[0.5, 0.4, 0.3][..]));
    let found = model.classify(&[&Document::new("the day", None)]);
    let prediction = found[0].as_ref().unwrap();
    assert!(
        distance(
            &prediction.probabilities,
            &[0.982_013_8, 0.017_986_2, 0.952_574_1]
        ) < 1e-6
    );
    assert!(!prediction.in_scope);
}

#[test]
fn zero_shot_asks_about_each_label() {
    let zero_shot = |labels: Value, extra: Value| {
        let mut question = json!({"outputs": 3, "entailment": 2});
        for (key, value) in extra.as_object().unwrap() {
            question[key] = value.clone();
        }
        let card = card(
            "bert",
            json!({"kind": "zero-shot", "task": "topic", "labels": labels, "zero_shot": question}),
        );
        let dir = made(&card, untouched);
        let model = classifier_of(dir.path());
        ask(model.as_ref(), &["the day", LONG, LONG])
    };
    let found = zero_shot(json!(["good_day", "bad", "night"]), json!({}));
    assert!((found[0].iter().sum::<f32>() - 1.0).abs() < 1e-5);
    assert!(distance(&found[1], &found[2]) < 1e-5);
    assert!(
        distance(&found[0], &found[1]) > 1e-5,
        "the text does not matter"
    );
    assert!(
        (found[0][0] - found[0][1]).abs() > 1e-5,
        "the label does not matter"
    );
    // The same labels in another order: the same answers in that order.
    let turned = zero_shot(json!(["night", "good_day", "bad"]), json!({}));
    let back = [turned[0][1], turned[0][2], turned[0][0]];
    assert!(distance(&found[0], &back) < 1e-5);
    // The template's sentence, spelled out.
    let sentences =
        ["good day", "bad", "night"].map(|label| format!("This text is about {label}."));
    let spelled = zero_shot(json!(["a", "b", "c"]), json!({"hypotheses": sentences}));
    assert!(distance(&found[0], &spelled[0]) < 1e-5);
    // With a contradiction each label stands for itself.
    let apart = zero_shot(json!(["bad", "night"]), json!({"contradiction": 0}));
    let alone = zero_shot(json!(["night"]), json!({"contradiction": 0}));
    assert!((apart[0][1] - alone[0][0]).abs() < 1e-5);
}

/// A tagger whose every word gets the same label.
fn tags(label: usize) -> Vec<(String, String)> {
    let text = "  Zoë was  näxt the Öl, day!";
    let card = json!({
        "id": "names", "architecture": "bert", "kind": "tags", "labels": ["O", "B-PER", "I-PER"], "max_length": 32,
        "lower_case": true,
    });
    let dir = made(&card, |name, weight| match name {
        "classifier.weight" => drop(weight.zero_()),
        "classifier.bias" => {
            let bias: Vec<f32> = (0..3)
                .map(|place| if place == label { 9.0 } else { 0.0 })
                .collect();
            weight.copy_(&Tensor::from_slice(&bias));
        }
        _ => {}
    });
    let Opened::Tagger(model) = open(&settings(dir.path())).unwrap() else {
        panic!("no tagger");
    };
    assert_eq!(model.id(), "bert:names");
    let refused = open_dir(dir.path()).err().unwrap();
    assert_eq!(refused.to_string(), "it finds names, and decides nothing");
    let (document, other) = (Document::new(text, None), Document::new(LONG, None));
    let found = model.tag(&[&other, &document]).remove(1).unwrap();
    assert!(found.iter().all(|span| span.probability > 0.99));
    let named = |span: &Span| {
        (
            span.kind.clone(),
            text.get(span.start..span.end).unwrap().to_owned(),
        )
    };
    found.iter().map(named).collect()
}

#[test]
fn names_stand_where_the_text_has_them() {
    let words = ["Zoë", "was", "näxt", "the", "Öl", ",", "day", "!"];
    let each: Vec<_> = words.map(|word| ("PER".to_owned(), word.to_owned())).into();
    assert_eq!(tags(1), each);
    let one = vec![("PER".to_owned(), "Zoë was  näxt the Öl, day!".to_owned())];
    assert_eq!(tags(2), one);
    assert_eq!(tags(0), []);
}

#[test]
fn a_full_desk_answers_none_at_once_and_the_others_are_answered() {
    let dir = made(&card("distilbert", json!({})), untouched);
    let folder = Folder::open(dir.path()).unwrap();
    let settings = settings(dir.path());
    let model = load(&folder, Choice::of(&folder.card), &settings).unwrap();
    let (desk, questions) = Desk::new("test".to_owned(), 2, Duration::from_secs(60));
    let desk = Arc::new(desk);
    let asked = Arc::clone(&desk);
    std::thread::scope(|scope| {
        let first = scope.spawn(move || {
            let (a, b) = (
                Document::new("the day", None),
                Document::new("was good", None),
            );
            asked.ask(&[&a, &b])
        });
        while questions.len() < 2 {
            std::thread::yield_now();
        }
        // Nobody has taken them yet.
        assert_eq!(desk.ask(&[&Document::new("a", None)]), [None]);
        scope.spawn(move || {
            let waiting = tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .build()
                .unwrap();
            worker::run(&model, questions, &waiting, 1, 16, "test");
        });
        assert!(first.join().unwrap().iter().all(Option::is_some));
        drop(desk);
    });
}

#[test]
fn what_nobody_waits_for_is_not_computed_and_strange_texts_harm_nobody() {
    let dir = made(&card("bert", json!({})), untouched);
    let mut hurried = settings(dir.path());
    hurried.timeout_ms = 0;
    let Opened::Classifier(_, model) = open(&hurried).unwrap() else {
        panic!("no classifier");
    };
    assert_eq!(model.classify(&[&Document::new("the day", None)]), [None]);
    let model = classifier_of(dir.path());
    let huge = "x".repeat(1 << 20);
    let strange = [
        "",
        " ",
        "\0\u{1}",
        "[SEP][CLS]",
        "\u{202e}\u{feff}",
        "漢字",
        &huge,
        "🦀".repeat(5000).as_str(),
    ]
    .map(str::to_owned);
    let texts: Vec<&str> = strange.iter().map(String::as_str).collect();
    assert_eq!(ask(model.as_ref(), &texts).len(), texts.len());
}

#[test]
fn a_folder_with_another_model_takes_over_and_a_broken_one_does_not() {
    let dir = made(&card("distilbert", json!({"id": "old"})), untouched);
    let settings = Settings {
        bert: [("mood".to_owned(), settings(dir.path()))].into(),
        ..Settings::default()
    };
    let backends = Backends::open(&settings).unwrap();
    let mood = || {
        backends
            .get(&Backend::Bert("mood".into()), Task::Sentiment)
            .unwrap()
    };
    assert!(
        backends
            .get(&Backend::Bert("mood".into()), Task::Topic)
            .is_none()
    );
    assert!(backends.tagger(&Backend::Bert("mood".into())).is_none());
    let old = mood();
    let before = ask(old.as_ref(), &["the day"]);
    assert!(!backends.refresh());
    let new = card("bert", json!({"id": "new"}));
    made::folder(dir.path(), &new, TINY, 8, untouched);
    assert!(backends.refresh());
    assert_eq!(mood().id(), "bert:new");
    let after = ask(mood().as_ref(), &["the day"]);
    assert!(distance(&before[0], &after[0]) > 1e-5);
    // Who still holds the old one is answered by it.
    assert_eq!(
        (old.id(), ask(old.as_ref(), &["the day"])),
        ("bert:old", before)
    );
    std::fs::write(dir.path().join("model.json"), "{}").unwrap();
    assert!(!backends.refresh());
    assert_eq!(ask(mood().as_ref(), &["the day"]), after);
}
