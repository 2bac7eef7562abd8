//! What a tenant's settings of understanding may say, and what labels its models may have.
//!
//! Invariant: settings that pass cost a message a bounded amount of work. Deliberately absent: whether the models they
//! name are there; the database knows.

use std::collections::HashSet;

use gateway::SettingRefused;
use schemas::{Backend, Priority, Task, Understanding};
use stages::{
    entity::Patterns,
    language::{UND, iso},
    model::OUT_OF_SCOPE,
};

const MAX_LANGUAGES: usize = 200;
const MAX_WORDS: usize = 5000;
const MAX_WORD_BYTES: usize = 64;
/// The mood of a word, as in VADER.
const MOOD: std::ops::RangeInclusive<f32> = -4.0..=4.0;
const MAX_PATTERNS: usize = 32;

/// # Errors
/// The first thing that cannot be.
pub(super) fn settings(settings: &Understanding) -> Result<(), SettingRefused> {
    languages(&settings.languages)?;
    if let Some(region) = &settings.region {
        let fits = region.len() == 2 && region.bytes().all(|byte| byte.is_ascii_uppercase());
        ensure(fits, "/region", || {
            "A region is a country's two capital letters, such as DE.".to_owned()
        })?;
    }
    for (task, backend) in &settings.models {
        let only = match backend {
            Backend::Whatlang => Some(Task::Language),
            Backend::Vader => Some(Task::Sentiment),
            _ => None,
        };
        ensure(
            only.is_none_or(|only| only == *task),
            &format!("/models/{}", task.name()),
            || format!("`{backend}` does not answer this task."),
        )?;
    }
    lexicon(settings)?;
    patterns(settings)?;
    schemas::priority::check(&settings.priority).map_err(|(index, wrong)| SettingRefused {
        pointer: format!("/priority/{index}"),
        detail: format!("{wrong}."),
    })
}

fn languages(codes: &[String]) -> Result<(), SettingRefused> {
    ensure(codes.len() <= MAX_LANGUAGES, "/languages", || {
        format!("There may be {MAX_LANGUAGES} languages.")
    })?;
    let mut seen = HashSet::new();
    for (index, code) in codes.iter().enumerate() {
        let pointer = format!("/languages/{index}");
        let fits = iso::iso639_3(code).is_some() && code != UND;
        ensure(fits, &pointer, || {
            "Not a code of a language this version knows: ISO 639-1, such as de, or ISO 639-3."
                .to_owned()
        })?;
        ensure(seen.insert(iso::canonical(code)), &pointer, || {
            "This language stands here twice.".to_owned()
        })?;
    }
    Ok(())
}

fn lexicon(settings: &Understanding) -> Result<(), SettingRefused> {
    ensure(settings.lexicon.len() <= MAX_WORDS, "/lexicon", || {
        format!("There may be {MAX_WORDS} words.")
    })?;
    for (word, mood) in &settings.lexicon {
        let fits = !word.trim().is_empty()
            && word.len() <= MAX_WORD_BYTES
            && !word.contains(char::is_control);
        let pointer = format!("/lexicon/{}", word.replace('~', "~0").replace('/', "~1"));
        ensure(fits && MOOD.contains(mood), &pointer, || {
            format!("A word has 1 to {MAX_WORD_BYTES} bytes, and its mood is from -4 to 4.")
        })?;
    }
    Ok(())
}

fn patterns(settings: &Understanding) -> Result<(), SettingRefused> {
    ensure(settings.patterns.len() <= MAX_PATTERNS, "/patterns", || {
        format!("There may be {MAX_PATTERNS} patterns.")
    })?;
    let (_, refused) = Patterns::compile(&settings.patterns);
    match refused.into_iter().next() {
        None => Ok(()),
        Some((index, wrong)) => Err(SettingRefused {
            pointer: format!("/patterns/{index}"),
            detail: format!("{wrong}."),
        }),
    }
}

fn ensure(
    fits: bool,
    pointer: &str,
    detail: impl FnOnce() -> String,
) -> Result<(), SettingRefused> {
    if fits {
        return Ok(());
    }
    Err(SettingRefused {
        pointer: pointer.to_owned(),
        detail: detail(),
    })
}

/// Whether a model with these labels can answer the task at all: moods and priorities are read by the names of their
/// labels, and with other names would never be told.
///
/// # Errors
/// What is missing, for people.
pub(super) fn labels(task: Task, labels: &[String]) -> Result<(), String> {
    let has = |name: &str| labels.iter().any(|label| label.eq_ignore_ascii_case(name));
    let known = |label: &String| {
        label.parse::<Priority>().is_ok() || OUT_OF_SCOPE.contains(&label.as_str())
    };
    match task {
        Task::Sentiment if !has("positive") || !has("negative") => Err(
            "a model for sentiment needs the labels positive and negative, and may have neutral"
                .to_owned(),
        ),
        Task::Priority => match labels.iter().find(|label| !known(label)) {
            Some(label) => Err(format!(
                "a model for priority has the labels low, normal, high and urgent; {label} is none of them"
            )),
            None => Ok(()),
        },
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn refused(value: Value) -> String {
        let given: Understanding = serde_json::from_value(value.clone()).unwrap();
        settings(&given).map_or_else(|refused| refused.pointer, |()| panic!("{value} passes"))
    }

    #[test]
    fn what_makes_sense_passes() {
        let given = json!({
            "languages": ["de", "en", "ceb"], "region": "DE",
            "models": {"language": "whatlang", "sentiment": "vader", "intent": "off", "topic": "bert:mine"},
            "lexicon": {"lieferverzug": -2.5}, "patterns": [{"kind": "order", "regex": "A-\\d+"}]
        });
        settings(&serde_json::from_value(given).unwrap()).unwrap();
        settings(&Understanding::default()).unwrap();
    }

    #[test]
    fn the_documentation_says_the_same_limits() {
        let page = include_str!("../../docs/models-in-the-hub.md");
        for limit in [
            format!("empty: all of them | {MAX_LANGUAGES} |"),
            format!("{MAX_WORDS} words of {MAX_WORD_BYTES} bytes"),
            format!("in RE2 syntax | {MAX_PATTERNS} of 512 bytes |"),
            format!(
                "in place of the built-in ones | {} |",
                schemas::priority::MAX_RULES
            ),
            format!("the last {} are kept", store::understanding::KEPT),
            format!("A tenant has at most {}.", store::model::MAX_MODELS),
        ] {
            assert!(page.contains(&limit), "{limit} is not in the page");
        }
    }

    #[test]
    fn what_does_not_is_refused_by_its_place() {
        let many: Vec<Value> = (0..33)
            .map(|_| json!({"kind": "x", "regex": "x"}))
            .collect();
        for (value, pointer) in [
            (json!({"languages": ["de", "German"]}), "/languages/1"),
            (json!({"languages": ["und"]}), "/languages/0"),
            (json!({"languages": ["de", "deu"]}), "/languages/1"),
            (json!({"languages": ["xx"]}), "/languages/0"),
            (json!({"region": "Germany"}), "/region"),
            (json!({"models": {"intent": "vader"}}), "/models/intent"),
            (
                json!({"models": {"sentiment": "whatlang"}}),
                "/models/sentiment",
            ),
            (json!({"lexicon": {"bad": -4.5}}), "/lexicon/bad"),
            (json!({"lexicon": {"good": 1, "a/b": 9}}), "/lexicon/a~1b"),
            (json!({"lexicon": {" ": 1}}), "/lexicon/ "),
            (
                json!({"patterns": [{"kind": "Order No", "regex": "x"}]}),
                "/patterns/0",
            ),
            (json!({"patterns": many}), "/patterns"),
            (
                json!({"priority": [{"name": "", "then": {"set": "urgent"}}]}),
                "/priority/0",
            ),
        ] {
            assert_eq!(refused(value), pointer);
        }
    }

    #[test]
    fn moods_and_priorities_have_names_of_their_own() {
        let fits = |task, names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            labels(task, &names).is_ok()
        };
        assert!(fits(Task::Sentiment, &["negative", "positive"]));
        assert!(fits(
            Task::Sentiment,
            &["mixed", "negative", "neutral", "positive"]
        ));
        assert!(fits(Task::Sentiment, &["Negative", "POSITIVE"]));
        assert!(!fits(Task::Sentiment, &["neg", "pos"]));
        assert!(!fits(Task::Sentiment, &["neutral", "positive"]));
        assert!(fits(Task::Priority, &["normal", "oos", "urgent"]));
        assert!(!fits(Task::Priority, &["mega", "normal"]));
        assert!(fits(Task::Intent, &["mega", "normal"]));
    }
}
