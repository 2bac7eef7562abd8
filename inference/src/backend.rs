//! The backends of the settings, by name.
//!
//! Invariant: a backend that cannot be opened ends the start, by name; one that fails later answers nothing.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use schemas::{Backend, Task};
use serde::Deserialize;
use stages::model::Classifier;

use crate::external::{self, External};

/// `[inference]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    #[serde(default)]
    pub external: BTreeMap<String, external::Settings>,
    #[serde(default)]
    pub bert: BTreeMap<String, BertSettings>,
}

/// `[inference.bert.NAME]`. Understood by every build, so that one without transformers can say that it has none.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BertSettings {
    /// The model's folder, with its `model.json`.
    pub dir: PathBuf,
    #[serde(default)]
    pub device: Device,
    /// Threads that compute one batch. More than one pays on an idle machine only.
    #[serde(default = "default_threads")]
    pub threads: u16,
    /// Texts in one batch.
    #[serde(default = "default_batch")]
    pub max_batch: usize,
    /// How long texts wait for their answers in all.
    #[serde(default = "default_timeout_ms")]
    pub timeout_ms: u64,
}

/// Where a transformer computes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Device {
    #[default]
    Cpu,
    /// The first graphics card. Where there is none, the start ends.
    Cuda,
}

fn default_threads() -> u16 {
    1
}
fn default_batch() -> usize {
    16
}
fn default_timeout_ms() -> u64 {
    2000
}

/// Why a backend of the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("inference: `{0}` is no name: letters, digits, `-`, `_` and `.`, at most 100")]
    Name(String),
    #[error("inference.external.{0}")]
    External(String, #[source] external::Misconfigured),
    #[error("inference.bert.{0}: this build has no transformers; build with the feature `bert`")]
    NoTransformers(String),
}

/// Every backend of the settings, ready to answer.
#[derive(Default)]
pub struct Backends {
    external: BTreeMap<String, (Task, Arc<dyn Classifier>)>,
}

impl Backends {
    /// Opens every backend that the settings name.
    ///
    /// # Errors
    /// The first that cannot be opened, by name.
    pub fn open(settings: &Settings) -> Result<Self, OpenError> {
        let mut backends = Self::default();
        for (name, settings) in &settings.external {
            if format!("external:{name}").parse::<Backend>().is_err() {
                return Err(OpenError::Name(name.clone()));
            }
            let model = External::open(name, settings)
                .map_err(|error| OpenError::External(name.clone(), error))?;
            backends
                .external
                .insert(name.clone(), (settings.task, Arc::new(model)));
        }
        if let Some(name) = settings.bert.keys().next() {
            return Err(OpenError::NoTransformers(name.clone()));
        }
        Ok(backends)
    }

    /// The backend's model for a task; none where the settings do not name it, or name it for another task.
    #[must_use]
    pub fn get(&self, backend: &Backend, task: Task) -> Option<Arc<dyn Classifier>> {
        let (for_task, model) = match backend {
            Backend::External(name) => self.external.get(name)?,
            _ => return None,
        };
        (*for_task == task).then(|| Arc::clone(model))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(name: &str) -> Settings {
        let external = external::Settings {
            url: "http://127.0.0.1:9/".into(),
            task: Task::Intent,
            labels: vec!["a".into()],
            ..serde_json::from_str(r#"{"url": "", "task": "intent", "labels": []}"#).unwrap()
        };
        Settings {
            external: BTreeMap::from([(name.to_owned(), external)]),
            ..Settings::default()
        }
    }

    #[test]
    fn a_backend_answers_its_own_task_only() {
        let backends = Backends::open(&settings("mine")).unwrap();
        let mine = Backend::External("mine".into());
        assert_eq!(
            backends.get(&mine, Task::Intent).unwrap().id(),
            "external:mine"
        );
        assert!(backends.get(&mine, Task::Topic).is_none());
        let others = [
            Backend::Builtin,
            Backend::Bert("mine".into()),
            Backend::External("other".into()),
        ];
        for other in others {
            assert!(backends.get(&other, Task::Intent).is_none(), "{other}");
        }
    }

    #[test]
    fn what_cannot_be_opened_is_refused_by_name() {
        let mut wrong = settings("mine");
        wrong.external.get_mut("mine").unwrap().labels.clear();
        let refused = Backends::open(&wrong).err().unwrap();
        assert_eq!(refused.to_string(), "inference.external.mine");
        assert!(matches!(
            Backends::open(&settings("a b")),
            Err(OpenError::Name(_))
        ));
    }
}
