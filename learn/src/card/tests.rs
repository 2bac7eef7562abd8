use stages::model::Prediction;

use super::*;
use crate::{
    dataset::{Kind, parse},
    inspect::inspect,
    measure::{Answers, Options, score},
};

fn card(licences: &[Licence]) -> String {
    let data = parse(
        "folder/mine.csv",
        Kind::Csv,
        b"text,label\nwhere is it,status\nI am a | secret,com<plaint\n",
    )
    .unwrap();
    let labels = ["com<plaint".to_owned(), "status".to_owned()];
    let prediction = Prediction {
        probabilities: vec![0.25, 0.75],
        in_scope: true,
        scope_score: 0.75,
    };
    let answers = Answers {
        labels: &labels,
        thresholds: None,
        predictions: &[Some(prediction.clone()), Some(prediction)],
    };
    Card {
        task: Task::Intent,
        model: "intent-0123456789ab",
        size_bytes: 1_234_567,
        command: "tidings train --task intent --data folder/mine.csv -o m.tdm",
        data: &data,
        dev: None,
        licences,
        notes: &["A note.".to_owned()],
        choices: &[("seed".to_owned(), "1".to_owned())],
        inspection: &inspect(&data.examples),
        leakage: None,
        measures: &score(&answers, &data.examples, &Options::default()),
        suspects: &[Suspect {
            row: 1,
            given: "com<plaint".into(),
            given_probability: 0.25,
            suggested: "status".into(),
            suggested_probability: 0.75,
        }],
    }
    .to_string()
}

#[test]
fn a_card_says_what_the_model_is_made_of_and_no_text() {
    let licences = [
        Licence {
            file: Some("mine.csv".into()),
            terms: "CC BY 4.0".into(),
        },
        Licence {
            file: Some("ine.csv".into()),
            terms: "other".into(),
        },
    ];
    let card = card(&licences);
    for part in [
        "# intent-0123456789ab\n",
        "one of its labels holds. It is one file of 1.23 MB; its name",
        "A note.",
        "| mine.csv | 2 | training | CC BY 4.0 | `",
        "| com\\<plaint | 1 |",
        "| seed | 1 |",
        "| accuracy | 0.5000 (0.0945 to 0.9055) |",
        "| calibration error (ECE15) | 0.2500 |",
        "| mine.csv 2 | com\\<plaint 0.25 | status 0.75 |",
    ] {
        assert!(card.contains(part), "{part} is not in\n{card}");
    }
    assert!(!card.contains("secret"), "{card}");
}

#[test]
fn terms_nobody_stated_are_not_stated() {
    assert!(card(&[]).contains("| mine.csv | 2 | training | not stated |"));
}
