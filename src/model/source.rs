//! Which model is meant: a file, one that is built in, a transformer's folder, or a service.

use std::{fs, path::Path, str::FromStr, sync::Arc};

use anyhow::{Context, bail};
use learn::baseline::Whatlang;
use schemas::Task;
use stages::{
    language::{self, Native},
    model::{Classifier, Document, Prediction, builtin, linear::Linear},
    sentiment::Vader,
};

/// The largest model file that is read.
const MAX_FILE_BYTES: u64 = stages::model::tdm::MAX_BYTES as u64;

/// Texts that are handed at once to a model that shares its work between them.
const SIDE_BY_SIDE: usize = 32;

/// How a model is named on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    File(String),
    Builtin(Builtin),
    Bert(String),
    External(String),
}

/// What tidings brings along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Builtin {
    Task(Task),
    Whatlang,
    Vader,
}

impl Builtin {
    const NAMES: [(&'static str, Self); 6] = [
        ("language", Self::Task(Task::Language)),
        ("sentiment", Self::Task(Task::Sentiment)),
        ("emotion", Self::Task(Task::Emotion)),
        ("intent", Self::Task(Task::Intent)),
        ("whatlang", Self::Whatlang),
        ("vader", Self::Vader),
    ];
}

impl FromStr for Source {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> anyhow::Result<Self> {
        match name.split_once(':') {
            Some(("builtin", builtin)) => {
                let known = Builtin::NAMES.iter().find(|(known, _)| *known == builtin);
                let Some((_, builtin)) = known else {
                    let names: Vec<&str> = Builtin::NAMES.iter().map(|(name, _)| *name).collect();
                    bail!(
                        "`{name}` is not built in; built in are {}",
                        names.join(", ")
                    );
                };
                Ok(Self::Builtin(*builtin))
            }
            Some(("bert", folder)) => Ok(Self::Bert(folder.to_owned())),
            Some(("external", url)) => Ok(Self::External(url.to_owned())),
            _ if name.ends_with(".tdm") => Ok(Self::File(name.to_owned())),
            _ => bail!(
                "`{name}` names no model; give a file ending in .tdm, builtin:NAME, bert:DIR or external:URL"
            ),
        }
    }
}

/// A model, ready to answer.
pub(super) struct Opened {
    /// As on the command line.
    pub(super) name: String,
    pub(super) task: Task,
    pub(super) model: Arc<dyn Classifier>,
    pub(super) size_bytes: Option<u64>,
    /// Whether what it gives are probabilities.
    pub(super) probabilities: bool,
    /// Texts it wants at once to show its speed.
    pub(super) batch: usize,
}

/// What is known besides the model's name.
#[derive(Clone, Debug, Default)]
pub(super) struct Hints {
    pub(super) task: Option<Task>,
    /// The labels of the data; what a service is told that it may answer.
    pub(super) labels: Vec<String>,
    pub(super) many: bool,
}

impl Source {
    /// The task, where the name alone says it.
    pub(super) fn task(&self) -> Option<Task> {
        match self {
            Self::Builtin(Builtin::Task(task)) => Some(*task),
            Self::Builtin(Builtin::Whatlang) => Some(Task::Language),
            Self::Builtin(Builtin::Vader) => Some(Task::Sentiment),
            Self::File(_) | Self::Bert(_) | Self::External(_) => None,
        }
    }
}

pub(super) fn open(name: &str, hints: &Hints) -> anyhow::Result<Opened> {
    let source: Source = name.parse()?;
    let native = |task: Task, model: Arc<dyn Classifier>, size_bytes: Option<usize>| Opened {
        name: name.to_owned(),
        task,
        model,
        size_bytes: size_bytes.and_then(|size| u64::try_from(size).ok()),
        probabilities: true,
        batch: 1,
    };
    let opened = match &source {
        Source::File(path) => {
            let model = load(path)?;
            let (task, size) = (model.task(), model.size_bytes());
            let model: Arc<dyn Classifier> = match task {
                // As in the hub, what a script says goes before what a model of languages says.
                Task::Language => Arc::new(Native::over(Box::leak(Box::new(model)))),
                _ => Arc::new(model),
            };
            native(task, model, Some(size))
        }
        Source::Builtin(Builtin::Task(task)) => {
            let model = match task {
                Task::Language => language::native().map(|model| model as &dyn Classifier),
                task => builtin::get(*task).map(|model| model as &dyn Classifier),
            };
            let size = builtin::get(*task).map(Linear::size_bytes);
            let Some(model) = model else {
                bail!(
                    "{name}: no model is built in for {}; train one",
                    task.name()
                );
            };
            native(*task, Arc::new(BuiltIn(model)), size)
        }
        Source::Builtin(Builtin::Whatlang) => Opened {
            probabilities: false,
            ..native(Task::Language, Arc::new(Whatlang::default()), None)
        },
        Source::Builtin(Builtin::Vader) => Opened {
            probabilities: false,
            ..native(Task::Sentiment, Arc::new(Vader::default()), None)
        },
        Source::Bert(folder) => {
            let opened = inference::open_dir(Path::new(folder));
            let (task, model) = opened.with_context(|| name.to_owned())?;
            Opened {
                batch: SIDE_BY_SIDE,
                ..native(task, model, None)
            }
        }
        Source::External(url) => {
            let Some(task) = hints.task else {
                bail!("{name}: say what it answers with --task");
            };
            if hints.labels.is_empty() {
                bail!(
                    "{name}: its labels are those of the data, so it can be evaluated but not asked alone"
                );
            }
            let model = inference::external::open_url(url, task, hints.labels.clone(), hints.many)
                .with_context(|| name.to_owned())?;
            Opened {
                batch: SIDE_BY_SIDE,
                ..native(task, model, None)
            }
        }
    };
    if let Some(task) = hints.task.filter(|task| *task != opened.task) {
        bail!(
            "{name} is a model for {}, not for {}",
            opened.task.name(),
            task.name()
        );
    }
    Ok(opened)
}

/// A model file.
pub(super) fn load(path: &str) -> anyhow::Result<Linear> {
    let size = fs::metadata(path).with_context(|| path.to_owned())?.len();
    if size > MAX_FILE_BYTES {
        bail!("{path}: is no model: longer than {MAX_FILE_BYTES} bytes");
    }
    let bytes = fs::read(path).with_context(|| path.to_owned())?;
    Linear::load(bytes.into()).with_context(|| format!("{path}: cannot be used"))
}

/// A model that lives as long as the program.
struct BuiltIn(&'static dyn Classifier);

impl Classifier for BuiltIn {
    fn id(&self) -> &str {
        self.0.id()
    }

    fn labels(&self) -> &[String] {
        self.0.labels()
    }

    fn thresholds(&self) -> Option<&[f32]> {
        self.0.thresholds()
    }

    fn classify(&self, documents: &[&Document<'_>]) -> Vec<Option<Prediction>> {
        self.0.classify(documents)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_apart() {
        let parsed = |name: &str| name.parse::<Source>().map_err(|error| error.to_string());
        assert_eq!(parsed("a:b/m.tdm"), Ok(Source::File("a:b/m.tdm".into())));
        assert_eq!(parsed("builtin:vader"), Ok(Source::Builtin(Builtin::Vader)));
        assert_eq!(
            parsed("external:http://localhost:1/x"),
            Ok(Source::External("http://localhost:1/x".into()))
        );
        assert!(
            parsed("builtin:magic")
                .unwrap_err()
                .contains("built in are language, ")
        );
        assert!(
            parsed("model.bin")
                .unwrap_err()
                .contains("give a file ending in .tdm")
        );
    }

    #[test]
    fn what_cannot_be_opened_says_why() {
        let refused = |name: &str, hints: Hints| format!("{:#}", open(name, &hints).err().unwrap());
        assert!(refused("absent.tdm", Hints::default()).contains("absent.tdm: No such file"));
        assert!(refused("external:http://localhost:1/", Hints::default()).contains("--task"));
        assert!(refused("bert:absent", Hints::default()).starts_with("bert:absent: "));
        let hints = Hints {
            task: Some(Task::Intent),
            ..Hints::default()
        };
        assert_eq!(
            refused("builtin:whatlang", hints),
            "builtin:whatlang is a model for language, not for intent"
        );
    }
}
