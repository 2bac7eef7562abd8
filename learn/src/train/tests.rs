use stages::model::{Classifier, Document, linear::Linear};

use super::*;

fn example(text: &str, labels: &[&str]) -> Example {
    Example {
        text: text.to_owned(),
        labels: labels.iter().map(|label| (*label).to_owned()).collect(),
        ..Example::default()
    }
}

/// Three intents, each with words of its own and words of all.
fn intents() -> Vec<Example> {
    let fillers = [
        "please", "hello", "my", "can you", "i want", "today", "thanks", "now",
    ];
    let intents = [
        (
            "refund",
            ["money back", "refund", "reimburse", "return the payment"],
        ),
        (
            "order_status",
            [
                "where is the parcel",
                "delivery",
                "track the order",
                "shipping",
            ],
        ),
        ("account", ["password", "login", "sign in", "my profile"]),
    ];
    let mut examples = Vec::new();
    for before in fillers {
        for after in fillers {
            for (intent, phrases) in &intents {
                for phrase in phrases {
                    examples.push(example(&format!("{before} {phrase} {after}"), &[intent]));
                }
            }
        }
    }
    examples
}

fn options(task: Task) -> Options {
    Options {
        bits: 12,
        dim: 16,
        ..Options::for_task(task)
    }
}

fn trained(
    task: Task,
    examples: &[Example],
    dev: Option<&[Example]>,
    options: &Options,
) -> Trained {
    train(task, examples, dev, options, &mut |_| ()).unwrap()
}

fn load(trained: &Trained) -> Linear {
    Linear::load(bytes::Bytes::from(trained.bytes.clone())).unwrap()
}

#[test]
fn it_learns_what_it_is_told() {
    let trained = trained(Task::Intent, &intents(), None, &options(Task::Intent));
    let model = load(&trained);
    for (text, expected) in [
        ("i forgot the password", "account"),
        ("give me a refund", "refund"),
        ("track the order of yesterday", "order_status"),
    ] {
        let answer = model
            .classify(&[&Document::new(text, None)])
            .pop()
            .flatten()
            .unwrap();
        let (label, confidence) = answer.best().unwrap();
        assert_eq!(model.labels()[label], expected, "{text}");
        assert!(confidence > 0.8 && confidence <= 1.0, "{text} {confidence}");
    }
    let known = model
        .classify(&[&Document::new("please refund today", None)])
        .pop()
        .flatten()
        .unwrap();
    assert!(known.in_scope);
    let strange = model
        .classify(&[&Document::new("xylophone quartz", None)])
        .pop()
        .flatten()
        .unwrap();
    assert!(!strange.in_scope && strange.best().unwrap().1 < 0.9);
    assert_eq!(trained.report.judged_by, JudgedBy::OutOfFold);
    assert_eq!(trained.report.held_out.len(), intents().len());
}

#[test]
fn the_same_examples_give_the_same_bytes_on_any_number_of_threads() {
    let examples = intents();
    let with = |threads| {
        trained(
            Task::Intent,
            &examples,
            None,
            &Options {
                threads,
                ..options(Task::Intent)
            },
        )
        .bytes
    };
    assert_eq!(with(1), with(3));
    let other = Options {
        seed: 2,
        ..options(Task::Intent)
    };
    assert_ne!(
        with(1),
        trained(Task::Intent, &examples, None, &other).bytes
    );
}

#[test]
fn the_file_scores_as_training_did() {
    let examples = intents();
    let (dev, rest): (Vec<_>, Vec<_>) = examples
        .into_iter()
        .enumerate()
        .partition(|(place, _)| place % 7 == 0);
    let of = |some: Vec<(usize, Example)>| {
        some.into_iter()
            .map(|(_, example)| example)
            .collect::<Vec<_>>()
    };
    let (dev, rest) = (of(dev), of(rest));
    let trained = trained(Task::Intent, &rest, Some(&dev), &options(Task::Intent));
    let model = load(&trained);
    for judged in &trained.report.held_out {
        let document = Document::new(&dev[judged.row].text, None);
        let answer = model.classify(&[&document]).pop().flatten().unwrap();
        for (here, there) in answer.probabilities.iter().zip(&judged.probabilities) {
            assert!((here - there).abs() < 0.03, "{here} {there}");
        }
    }
}

#[test]
fn several_labels_may_hold() {
    let mut examples = Vec::new();
    for filler in [
        "the day",
        "a film",
        "my sister",
        "this town",
        "our dinner",
        "the news",
    ] {
        for again in ["", "again", "really", "so much", "at last", "as always"] {
            examples.push(example(
                &format!("{filler} makes me happy {again}"),
                &["joy"],
            ));
            examples.push(example(&format!("{filler} scares me {again}"), &["fear"]));
            examples.push(example(
                &format!("{filler} makes me happy and scares me {again}"),
                &["fear", "joy"],
            ));
            examples.push(example(&format!("{filler} is there {again}"), &[]));
        }
    }
    let model = load(&trained(
        Task::Emotion,
        &examples,
        None,
        &options(Task::Emotion),
    ));
    let thresholds = model.thresholds().unwrap().to_vec();
    let hold = |text: &str| -> Vec<String> {
        let answer = model
            .classify(&[&Document::new(text, None)])
            .pop()
            .flatten()
            .unwrap();
        let over = answer
            .probabilities
            .iter()
            .zip(&thresholds)
            .zip(model.labels());
        over.filter(|((probability, threshold), _)| probability >= threshold)
            .map(|(_, label)| label.clone())
            .collect()
    };
    assert_eq!(
        hold("the evening makes me happy and scares me"),
        ["fear", "joy"]
    );
    assert_eq!(hold("the evening makes me happy"), ["joy"]);
    assert_eq!(hold("the evening is there"), [""; 0]);
}

#[test]
fn maximum_entropy_tells_languages() {
    let words = [
        (
            "de",
            "der hund und die katze sind nicht mehr im garten weil es regnet heute",
        ),
        (
            "en",
            "the dog and the cat are not in the garden any more because it rains today",
        ),
        (
            "fr",
            "le chien et le chat ne sont plus dans le jardin car il pleut ce matin",
        ),
    ];
    let mut examples = Vec::new();
    for (language, text) in words {
        let words: Vec<&str> = text.split(' ').collect();
        examples.extend(
            (2..=4)
                .flat_map(|size| words.windows(size))
                .map(|few| example(&few.join(" "), &[language])),
        );
    }
    let options = Options {
        min_texts: 1,
        epochs: 10,
        ..options(Task::Language)
    };
    let model = load(&trained(Task::Language, &examples, None, &options));
    let answer = model
        .classify(&[&Document::new("nicht die katze", None)])
        .pop()
        .flatten()
        .unwrap();
    assert_eq!(model.labels()[answer.best().unwrap().0], "de");
}

#[test]
fn what_cannot_be_learnt_is_refused() {
    let one = [example("a", &["x"]), example("b", &["x"])];
    let refused = |examples: &[Example], dev: Option<&[Example]>| {
        train(
            Task::Intent,
            examples,
            dev,
            &options(Task::Intent),
            &mut |_| (),
        )
        .unwrap_err()
        .to_string()
    };
    assert!(refused(&one, None).contains("two labels"));
    assert!(refused(&[], None).contains("two labels"));
    let two = [example("a", &["x"]), example("b", &["y"])];
    assert!(refused(&two, Some(&[example("c", &["z"])])).contains("dev"));
    let empty = [
        example("", &["x"]),
        example("", &["y"]),
        example("🙂", &["x"]),
    ];
    let _: Linear = load(&trained(Task::Intent, &empty, None, &options(Task::Intent)));
}
