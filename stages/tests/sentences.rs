//! The sentences that models are trained on: well formed, within the taxonomy, and no text in both halves.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test reads its files"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;
use stages::intent;

/// Lower-case text to where it stands and its label, for each language.
type Seen = BTreeMap<String, BTreeMap<String, (String, String)>>;

fn folder(task: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("models/data")
        .join(task)
}

/// Reads every `<language>.tsv` and `<language>.dev.tsv`; how many rows each file has for each label.
fn read(task: &str) -> BTreeMap<String, BTreeMap<String, usize>> {
    let mut counts: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
    let mut seen = Seen::new();
    for entry in fs::read_dir(folder(task)).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let Some(stem) = name.strip_suffix(".tsv") else {
            continue;
        };
        let language = stem.strip_suffix(".dev").unwrap_or(stem);
        let texts = seen.entry(language.to_owned()).or_default();
        for (number, line) in fs::read_to_string(&path).unwrap().lines().enumerate() {
            let place = format!("{name}:{}", number + 1);
            let (label, text) = line
                .split_once('\t')
                .unwrap_or_else(|| panic!("{place}: no tab"));
            assert!(
                !text.is_empty() && text.trim() == text && !text.contains('\t'),
                "{place}: {text:?}"
            );
            let row = (place.clone(), label.to_owned());
            if let Some(before) = texts.insert(text.to_lowercase(), row) {
                panic!("{place}: {text:?} is also {before:?}");
            }
            *counts
                .entry(stem.to_owned())
                .or_default()
                .entry(label.to_owned())
                .or_default() += 1;
        }
    }
    counts
}

fn check(task: &str, labels: &BTreeSet<&str>, at_least: usize) {
    let counts = read(task);
    assert!(counts.len() >= 2, "{task}");
    for (stem, rows) in &counts {
        let found: BTreeSet<&str> = rows.keys().map(String::as_str).collect();
        assert_eq!(&found, labels, "{task}/{stem}.tsv");
        let (language, least) = match stem.strip_suffix(".dev") {
            Some(language) => (language, 1),
            None => (stem.as_str(), at_least),
        };
        let few: Vec<_> = rows.iter().filter(|(_, rows)| **rows < least).collect();
        assert!(few.is_empty(), "{task}/{stem}.tsv has few of {few:?}");
        assert!(
            counts.contains_key(language) && counts.contains_key(&format!("{language}.dev")),
            "{task}: {language} has but one half"
        );
    }
}

#[test]
fn every_language_has_every_intent() {
    let names = intent::all().iter().map(|intent| intent.name).collect();
    check("intent", &names, 10);
}

#[test]
fn every_language_has_every_mood() {
    check(
        "sentiment",
        &BTreeSet::from(["negative", "neutral", "positive"]),
        9,
    );
}

#[test]
fn labels_of_other_data_become_known_intents() {
    let mapping: Value =
        serde_json::from_slice(&fs::read(folder("intent").join("mapping.json")).unwrap()).unwrap();
    let mut known = 0;
    for (name, set) in mapping["sets"].as_object().unwrap() {
        let labels = set["labels"].as_object().into_iter().flatten();
        let rules = set["rules"].as_array().into_iter().flatten();
        for value in labels
            .map(|(_, value)| value)
            .chain(rules.map(|rule| &rule["intent"]))
        {
            match value {
                Value::Null => {}
                Value::String(intent) => {
                    assert!(intent::get(intent).is_some(), "{name}: {intent}");
                    known += 1;
                }
                other => panic!("{name}: {other}"),
            }
        }
    }
    assert!(known > 100, "{known}");
}
