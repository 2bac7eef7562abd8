use stages::model::Document;

use super::*;

/// Answers with what the text says: `label p, label p, …[ | score]`; nothing to an empty text.
struct Scripted {
    labels: Vec<String>,
    thresholds: Option<Vec<f32>>,
}

impl Classifier for Scripted {
    fn id(&self) -> &str {
        "scripted"
    }

    fn labels(&self) -> &[String] {
        &self.labels
    }

    fn thresholds(&self) -> Option<&[f32]> {
        self.thresholds.as_deref()
    }

    fn classify(&self, documents: &[&Document<'_>]) -> Vec<Option<Prediction>> {
        let answer = |document: &&Document<'_>| {
            let (labels, score) = document
                .text
                .split_once('|')
                .unwrap_or((document.text, "1"));
            let score = score.trim().parse().unwrap();
            let mut probabilities = vec![0.0; self.labels.len()];
            for pair in labels.split(',').filter(|pair| !pair.trim().is_empty()) {
                let (label, probability) = pair.trim().split_once(' ').unwrap();
                let place = self.labels.iter().position(|known| known == label).unwrap();
                probabilities[place] = probability.trim().parse().unwrap();
            }
            (!document.text.is_empty()).then_some(Prediction {
                probabilities,
                in_scope: score >= 0.5,
                scope_score: score,
            })
        };
        documents.iter().map(answer).collect()
    }
}

fn model(labels: &[&str], thresholds: Option<&[f32]>) -> Scripted {
    Scripted {
        labels: labels.iter().map(|&label| label.into()).collect(),
        thresholds: thresholds.map(<[f32]>::to_vec),
    }
}

fn example(text: &str, labels: &[&str]) -> Example {
    Example {
        text: text.into(),
        labels: labels.iter().map(|&label| label.into()).collect(),
        ..Example::default()
    }
}

fn near(value: f64, expected: f64) {
    assert!((value - expected).abs() < 1e-6, "{value} is not {expected}");
}

#[test]
fn one_of_many() {
    let examples = [
        example("a 0.8, b 0.2", &["a"]),
        example("a 0.6, b 0.4", &["a"]),
        example("b 0.9, a 0.1", &["a"]),
        example("b 1.0", &["b"]),
        example("", &["b"]),
        example("c 0.7, b 0.3", &["d"]),
    ];
    let found = measure(
        &model(&["a", "b", "c"], None),
        &examples,
        &Options::default(),
    );
    assert_eq!((found.n, found.unanswered, found.many), (6, 1, false));
    let quality = &found.quality;
    near(quality.accuracy, 3.0 / 6.0);
    // a: 2 of 2 predicted and of 3 given; b: 1 of 2 predicted and of 2 given; d: nothing. c does not occur.
    near(quality.macro_f1, (4.0 / 5.0 + 2.0 / 4.0 + 0.0) / 3.0);
    near(quality.average_recall, (2.0 / 3.0 + 1.0 / 2.0 + 0.0) / 3.0);
    // Bins of one text each: .2, .4, .9, 0, .7 off.
    near(quality.ece15.unwrap(), (0.2 + 0.4 + 0.9 + 0.0 + 0.7) / 5.0);
    let brier = [0.08, 0.32, 0.81 + 0.81, 0.0, 0.49 + 0.09 + 1.0];
    near(quality.brier.unwrap(), brier.iter().sum::<f64>() / 5.0);
    // All six, as nine tenths are rounded up.
    near(quality.accuracy_at_90.unwrap(), 0.5);
    assert_eq!(quality.micro_f1, None);
    let interval = quality.macro_f1_interval.unwrap();
    assert!(interval.low < quality.macro_f1 && quality.macro_f1 < interval.high);
    let c = found
        .labels
        .iter()
        .find(|label| label.label == "c")
        .unwrap();
    assert_eq!((c.n, c.predicted), (0, 1));
    assert!(found.scope.is_none() && found.speed.unwrap().texts_per_s > 0.0);
}

#[test]
fn the_least_sure_tenth_can_be_left_to_people() {
    let mut examples = vec![example("a 0.9, b 0.1", &["a"]); 9];
    examples.push(example("a 0.5, b 0.5", &["b"]));
    let found = measure(&model(&["a", "b"], None), &examples, &Options::default());
    near(found.quality.accuracy, 0.9);
    near(found.quality.accuracy_at_90.unwrap(), 1.0);
}

#[test]
fn texts_out_of_scope_count_for_scope_alone() {
    let mut examples = vec![example("a 0.9, b 0.1 | 0.9", &["a"]); 9];
    examples.push(example("b 0.6, a 0.4 | 0.2", &["b"]));
    examples.push(example("a 0.9, b 0.1 | 0.3", &["oos"]));
    examples.push(example("a 0.5, b 0.4 | 0.6", &["out_of_scope"]));
    examples.push(example("a 0.5, b 0.4 | 0.1", &["NO_NODES_DETECTED"]));
    examples.push(example("a 0.5, b 0.4 | 0.95", &["oos"]));
    let found = measure(&model(&["a", "b"], None), &examples, &Options::default());
    assert_eq!((found.n, found.quality.n), (14, 10));
    near(found.quality.accuracy, 1.0);
    near(found.quality.in_scope, 0.9);
    let scope = found.scope.unwrap();
    assert_eq!(scope.n, 4);
    near(scope.recall, 0.5);
    near(scope.in_scope_accuracy, 0.9);
    near(scope.accuracy, 11.0 / 14.0);
    near(scope.recall_at_90_correct.unwrap(), 0.75);
    near(scope.recall_at_90_answered.unwrap(), 0.75);
    near(scope.auroc.unwrap(), (9.0 * 3.0 + 1.0) / 40.0);
}

#[test]
fn a_model_may_say_out_of_scope_by_a_label() {
    let examples = [
        example("oos 0.9, a 0.1", &["oos"]),
        example("oos 0.2, a 0.8", &["a"]),
    ];
    let found = measure(&model(&["a", "oos"], None), &examples, &Options::default());
    let scope = found.scope.unwrap();
    near(scope.recall, 1.0);
    near(scope.in_scope_accuracy, 1.0);
}

#[test]
fn many_of_many_counts_what_was_judged() {
    let mut partly = example("joy 0.9, fear 0.8", &["joy"]);
    partly.annotated = Some(vec!["joy".into(), "anger".into()]);
    let examples = [
        partly,
        example("joy 0.6, anger 0.7", &["joy", "anger"]),
        example("joy 0.2, fear 0.4", &["fear"]),
        example("anger 0.1", &[]),
    ];
    let emotions = model(&["anger", "fear", "joy"], Some(&[0.5, 0.5, 0.5]));
    let found = measure(&emotions, &examples, &Options::default());
    assert!(found.many);
    near(found.quality.accuracy, 3.0 / 4.0);
    // anger 1/1/1, joy 2/2/2, fear given once and never predicted where it was judged.
    near(found.quality.macro_f1, 2.0 / 3.0);
    near(found.quality.micro_f1.unwrap(), 2.0 * 3.0 / (4.0 + 3.0));
    // Eleven pairs: three of each text but two of the first.
    let squares = [0.01, 0.0, 0.16, 0.09, 0.0, 0.04, 0.36, 0.0, 0.01, 0.0, 0.0];
    near(
        found.quality.brier.unwrap(),
        squares.iter().sum::<f64>() / 11.0,
    );
    assert_eq!(found.quality.accuracy_at_90, None);
}

#[test]
fn slices_and_the_mean_over_languages() {
    let spoken = |text: &str, label: &str, language: &str| Example {
        language: Some(language.into()),
        ..example(text, &[label])
    };
    let examples = [
        spoken("a 0.9", "a", "de"),
        spoken("a 0.9", "a", "de"),
        spoken("b 0.9, a 0.01, c 0.0", "a", "de"),
        spoken("a 0.9, b 0.1", "b", "en"),
    ];
    let found = measure(
        &model(&["a", "b", "c"], None),
        &examples,
        &Options::default(),
    );
    let mean = found.language_mean.unwrap();
    assert_eq!(mean.languages, 2);
    near(mean.accuracy, (2.0 / 3.0) / 2.0);
    near(mean.macro_f1, 0.8 / 2.0);
    let lengths: Vec<_> = found.slices["length"]
        .iter()
        .map(|slice| (&*slice.name, slice.quality.n))
        .collect();
    assert_eq!(
        lengths,
        [("1-2 words", 2), ("3-5 words", 1), ("6-20 words", 1)]
    );
    assert!(!found.slices.contains_key("channel"));
}

#[test]
fn without_probabilities_nothing_judges_them() {
    let options = Options {
        probabilities: false,
        batch: 3,
        ..Options::default()
    };
    let examples = vec![example("a 1", &["a"]); 5];
    let found = measure(&model(&["a"], None), &examples, &options);
    assert_eq!((found.quality.ece15, found.quality.brier), (None, None));
    assert_eq!(found.quality.accuracy_at_90, None);
    let json = serde_json::to_value(&found).unwrap();
    assert!(json["quality"].get("ece15").is_none());
}

#[test]
fn nothing_is_measured_on_nothing() {
    let found = measure(&model(&["a"], None), &[], &Options::default());
    near(found.quality.accuracy, 0.0);
    assert!(found.speed.is_none() && found.quality.accuracy_interval.is_none());
}

#[test]
fn codes_of_one_language_are_one_label() {
    let options = Options {
        names: Names::Language,
        ..Options::default()
    };
    let examples = [
        example("zh 0.9, de 0.1", &["cmn"]),
        example("de 0.8, zh 0.2", &["deu"]),
    ];
    let found = measure(&model(&["de", "zh"], None), &examples, &options);
    near(found.quality.accuracy, 1.0);
    let verbatim = measure(&model(&["de", "zh"], None), &examples, &Options::default());
    near(verbatim.quality.accuracy, 0.0);
}
