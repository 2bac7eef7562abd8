//! A model's folder: `model.json` says what it is and what each of its files must be.
//!
//! Invariants: nothing is read that `model.json` does not name, and nothing used whose SHA-256 is another. Weights are
//! `.safetensors` only: the other formats go through a deserialiser that runs what it reads.
//!
//! Deliberately absent: any download.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use schemas::{Backend, Task};
use serde::{Deserialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

pub(super) const CARD: &str = "model.json";
pub(super) const CONFIG: &str = "config.json";
pub(super) const WEIGHTS: &str = "model.safetensors";
/// No model.json or config.json is larger.
const MAX_JSON_BYTES: u64 = 1 << 20;
const MAX_LABELS: usize = 1000;

/// `model.json`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Card {
    /// Stands in every message the model decided about, as `bert:<id>`.
    pub(super) id: String,
    pub(super) architecture: Architecture,
    pub(super) kind: Kind,
    /// What it decides; absent for `tags`.
    pub(super) task: Option<Task>,
    /// In the order of the outputs; for zero-shot the labels to choose from.
    pub(super) labels: Vec<String>,
    /// Tokens of a text, the special ones included; the rest is not looked at.
    pub(super) max_length: usize,
    #[serde(default)]
    pub(super) lower_case: bool,
    /// Divides the outputs before they become probabilities.
    #[serde(default = "one")]
    pub(super) temperature: f32,
    /// For many of many: the probability from which each label holds; 0.5 where absent.
    #[serde(default)]
    pub(super) thresholds: Vec<f32>,
    /// A text whose best label is less probable is out of scope.
    pub(super) scope_threshold: Option<f32>,
    pub(super) zero_shot: Option<ZeroShot>,
    /// File name to SHA-256, in hexadecimal.
    files: BTreeMap<String, String>,
}

fn one() -> f32 {
    1.0
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Architecture {
    Bert,
    Distilbert,
    Roberta,
    XlmRoberta,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Kind {
    OneOfMany,
    ManyOfMany,
    /// A model of natural-language inference, asked whether each label's sentence follows from the text.
    ZeroShot,
    /// Persons, places and the like, by the scheme B-x, I-x, O.
    Tags,
}

/// How a label becomes a question, and where the answer stands.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ZeroShot {
    /// `{}` is the label, its `_` as spaces.
    #[serde(default = "template")]
    pub(super) template: String,
    /// In place of the template: one sentence for each label.
    #[serde(default)]
    pub(super) hypotheses: Vec<String>,
    /// Outputs of the model.
    pub(super) outputs: usize,
    /// The place of "follows" among them.
    pub(super) entailment: usize,
    /// The place of "contradicts". With it each label stands for itself: many of many.
    pub(super) contradiction: Option<usize>,
}

fn template() -> String {
    "This text is about {}.".to_owned()
}

/// Why a folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    #[error("{0} cannot be read")]
    Read(String, #[source] io::Error),
    #[error("{0} is not what it should be")]
    Json(&'static str, #[source] serde_json::Error),
    #[error("{CARD}: {0}")]
    Card(&'static str),
    #[error("{CARD} names no {0}")]
    Missing(&'static str),
    #[error("{0} has another SHA-256 than {CARD} says")]
    Changed(String),
}

/// A folder whose files are what its `model.json` says.
pub(super) struct Folder {
    pub(super) card: Card,
    path: PathBuf,
}

impl Architecture {
    /// The tokenizer's files.
    fn vocabulary(self) -> &'static [&'static str] {
        match self {
            Self::Bert | Self::Distilbert => &["vocab.txt"],
            Self::Roberta => &["vocab.json", "merges.txt"],
            Self::XlmRoberta => &["sentencepiece.bpe.model"],
        }
    }
}

impl Folder {
    /// Reads every file once, to check it.
    pub(super) fn open(path: &Path) -> Result<Self, FolderError> {
        let card: Card = json(path, CARD)?;
        card.check()?;
        let mut needed = vec![CONFIG, WEIGHTS];
        needed.extend(card.architecture.vocabulary());
        for name in needed {
            let expected = card.files.get(name).ok_or(FolderError::Missing(name))?;
            let found = sha256(&path.join(name))
                .map_err(|error| FolderError::Read(name.to_owned(), error))?;
            if !found.eq_ignore_ascii_case(expected) {
                return Err(FolderError::Changed(name.to_owned()));
            }
        }
        Ok(Self {
            card,
            path: path.to_owned(),
        })
    }

    pub(super) fn config<T: DeserializeOwned>(&self) -> Result<T, FolderError> {
        json(&self.path, CONFIG)
    }

    pub(super) fn weights(&self) -> PathBuf {
        self.path.join(WEIGHTS)
    }

    /// The tokenizer's files.
    pub(super) fn vocabulary(&self) -> impl Iterator<Item = PathBuf> {
        let names = self.card.architecture.vocabulary();
        names.iter().map(|name| self.path.join(name))
    }
}

impl Card {
    fn check(&self) -> Result<(), FolderError> {
        let fail = |words| Err(FolderError::Card(words));
        let labels = self.labels.len();
        if format!("bert:{}", self.id).parse::<Backend>().is_err() {
            return fail("id must be letters, digits, `-`, `_` and `.`, at most 100");
        }
        let different: BTreeSet<&String> = self.labels.iter().collect();
        if labels == 0 || labels > MAX_LABELS || different.len() != labels {
            return fail("labels must be 1 to 1000 different names");
        }
        if !(8..=8192).contains(&self.max_length) {
            return fail("max_length must be from 8 to 8192");
        }
        if !(0.01..=100.0).contains(&self.temperature) {
            return fail("temperature must be from 0.01 to 100");
        }
        let wrong = |p: &f32| !(0.0..=1.0).contains(p);
        if self.thresholds.iter().any(wrong) || self.scope_threshold.is_some_and(|p| wrong(&p)) {
            return fail("thresholds are probabilities");
        }
        if !self.thresholds.is_empty() && self.thresholds.len() != labels {
            return fail("there must be as many thresholds as labels");
        }
        if (self.kind == Kind::Tags) != self.task.is_none() {
            return fail("a task belongs to every kind but tags");
        }
        match (&self.zero_shot, self.kind) {
            (None, Kind::ZeroShot) => fail("zero_shot is missing"),
            (Some(zero_shot), Kind::ZeroShot) => zero_shot.check(labels),
            (Some(_), _) => fail("zero_shot belongs to the kind zero-shot"),
            (None, _) => Ok(()),
        }
    }

    /// How many numbers the model gives for a text, or for a token.
    pub(super) fn outputs(&self) -> usize {
        self.zero_shot
            .as_ref()
            .map_or(self.labels.len(), |zero_shot| zero_shot.outputs)
    }

    /// The sentences of a zero-shot model, one for each label; none for the other kinds.
    pub(super) fn hypotheses(&self) -> Vec<String> {
        match &self.zero_shot {
            None => Vec::new(),
            Some(zero_shot) if zero_shot.hypotheses.is_empty() => self
                .labels
                .iter()
                .map(|label| zero_shot.template.replace("{}", &label.replace('_', " ")))
                .collect(),
            Some(zero_shot) => zero_shot.hypotheses.clone(),
        }
    }
}

impl ZeroShot {
    fn check(&self, labels: usize) -> Result<(), FolderError> {
        let fail = |words| Err(FolderError::Card(words));
        if !(2..=16).contains(&self.outputs)
            || self.entailment >= self.outputs
            || self
                .contradiction
                .is_some_and(|place| place >= self.outputs || place == self.entailment)
        {
            return fail("entailment and contradiction must be two of 2 to 16 outputs");
        }
        if !self.hypotheses.is_empty() && self.hypotheses.len() != labels {
            return fail("there must be as many hypotheses as labels");
        }
        if self.hypotheses.is_empty() && !self.template.contains("{}") {
            return fail("template must contain {}");
        }
        Ok(())
    }
}

/// What changes whenever the folder's model does.
pub(super) fn fingerprint(path: &Path) -> io::Result<String> {
    sha256(&path.join(CARD))
}

fn json<T: DeserializeOwned>(path: &Path, name: &'static str) -> Result<T, FolderError> {
    let mut text = String::new();
    File::open(path.join(name))
        .and_then(|file| file.take(MAX_JSON_BYTES).read_to_string(&mut text))
        .map_err(|error| FolderError::Read(name.to_owned(), error))?;
    serde_json::from_str(&text).map_err(|error| FolderError::Json(name, error))
}

fn sha256(path: &Path) -> io::Result<String> {
    let mut digest = Sha256::new();
    let mut file = File::open(path)?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        digest.update(buffer.get(..read).unwrap_or_default());
    }
    let bytes: [u8; 32] = digest.finalize().into();
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
