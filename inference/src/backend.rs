//! The backends of the settings, by name.
//!
//! Invariant: a backend that cannot be opened ends the start, by name; one that fails later answers nothing.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use schemas::{Backend, Task};
use serde::Deserialize;
use stages::model::Classifier;

use crate::{
    external::{self, External},
    tag::Tagger,
};

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
    #[error("inference.{0}: {1} must be from {2} to {3}")]
    Bounds(String, &'static str, u64, u64),
    #[error("inference.external.{0}")]
    External(String, #[source] external::Misconfigured),
    #[error("{0}: this build has no transformers; build with the feature `bert`")]
    NoTransformers(String),
    #[cfg(feature = "bert")]
    #[error("{0}")]
    Bert(String, #[source] crate::bert::LoadError),
}

/// A transformer's folder for a measurement: its task and its model, patient and on one thread of the processor. Blocks
/// for seconds.
///
/// # Errors
/// Whatever keeps the folder from being a model that answers; that this build has no transformers.
pub fn open_dir(dir: &Path) -> Result<(Task, Arc<dyn Classifier>), OpenError> {
    transformer::open_dir(dir, dir.display().to_string())
}

/// Every backend of the settings, ready to answer.
#[derive(Default)]
pub struct Backends {
    external: BTreeMap<String, (Task, Arc<dyn Classifier>)>,
    bert: transformer::Folders,
}

impl Backends {
    /// Opens every backend that the settings name. Transformers are loaded here: that blocks for seconds.
    ///
    /// # Errors
    /// The first that cannot be opened, by name.
    pub fn open(settings: &Settings) -> Result<Self, OpenError> {
        let mut backends = Self::default();
        for name in settings.external.keys().chain(settings.bert.keys()) {
            if format!("external:{name}").parse::<Backend>().is_err() {
                return Err(OpenError::Name(name.clone()));
            }
        }
        for (name, settings) in &settings.external {
            let model = External::open(name, settings)
                .map_err(|error| OpenError::External(name.clone(), error))?;
            backends
                .external
                .insert(name.clone(), (settings.task, Arc::new(model)));
        }
        for (name, settings) in &settings.bert {
            settings.check(name)?;
        }
        backends.bert = transformer::Folders::open(&settings.bert)?;
        Ok(backends)
    }

    /// The backend's model for a task; none where the settings do not name it, or name it for another task.
    #[must_use]
    pub fn get(&self, backend: &Backend, task: Task) -> Option<Arc<dyn Classifier>> {
        match backend {
            Backend::External(name) => {
                let (of, model) = self.external.get(name)?;
                (*of == task).then(|| Arc::clone(model))
            }
            Backend::Bert(name) => self.bert.classifier(name, task),
            _ => None,
        }
    }

    /// The backend's model that finds names; none where it is of another kind.
    #[must_use]
    pub fn tagger(&self, backend: &Backend) -> Option<Arc<dyn Tagger>> {
        match backend {
            Backend::Bert(name) => self.bert.tagger(name),
            _ => None,
        }
    }

    /// Looks whether a transformer's folder holds another model than before, and takes it: loaded, verified and tried
    /// beside the old one, which answers until then, and for those who still hold it. One that cannot be taken is said
    /// once in the log, and the old one stays. Blocks for seconds when there is something to load.
    ///
    /// Whether [`get`](Self::get) now answers otherwise.
    pub fn refresh(&self) -> bool {
        self.bert.refresh()
    }
}

impl BertSettings {
    fn check(&self, name: &str) -> Result<(), OpenError> {
        for (key, value, least, most) in [
            ("threads", u64::from(self.threads), 1, 256),
            ("max_batch", self.max_batch as u64, 1, 512),
            ("timeout_ms", self.timeout_ms, 10, 600_000),
        ] {
            if !(least..=most).contains(&value) {
                return Err(OpenError::Bounds(format!("bert.{name}"), key, least, most));
            }
        }
        Ok(())
    }
}

/// Transformers of the settings, where this build has them.
#[cfg(feature = "bert")]
mod transformer {
    use std::sync::{Mutex, PoisonError};

    use super::{Arc, BTreeMap, BertSettings, Classifier, OpenError, Path, Tagger, Task};
    use crate::bert::{self, Opened};

    pub(super) fn open_dir(
        dir: &Path,
        name: String,
    ) -> Result<(Task, Arc<dyn Classifier>), OpenError> {
        bert::open_dir(dir).map_err(|error| OpenError::Bert(name, error))
    }

    #[derive(Default)]
    pub(super) struct Folders(BTreeMap<String, Folder>);

    struct Folder {
        settings: BertSettings,
        now: Mutex<Now>,
    }

    struct Now {
        opened: Opened,
        /// Of what the folder held when it was last looked at, usable or not.
        seen: Option<String>,
    }

    impl Folders {
        pub(super) fn open(settings: &BTreeMap<String, BertSettings>) -> Result<Self, OpenError> {
            let open = |(name, settings): (&String, &BertSettings)| {
                let seen = bert::fingerprint(&settings.dir);
                let opened =
                    bert::open(settings).map_err(|error| OpenError::Bert(name.clone(), error))?;
                let folder = Folder {
                    settings: settings.clone(),
                    now: Mutex::new(Now { opened, seen }),
                };
                Ok((name.clone(), folder))
            };
            settings
                .iter()
                .map(open)
                .collect::<Result<_, _>>()
                .map(Self)
        }

        fn opened(&self, name: &str) -> Option<Opened> {
            let now = self.0.get(name)?.now.lock();
            Some(now.unwrap_or_else(PoisonError::into_inner).opened.clone())
        }

        pub(super) fn classifier(&self, name: &str, task: Task) -> Option<Arc<dyn Classifier>> {
            match self.opened(name)? {
                Opened::Classifier(of, model) if of == task => Some(model),
                _ => None,
            }
        }

        pub(super) fn tagger(&self, name: &str) -> Option<Arc<dyn Tagger>> {
            match self.opened(name)? {
                Opened::Tagger(model) => Some(model),
                Opened::Classifier(..) => None,
            }
        }

        pub(super) fn refresh(&self) -> bool {
            let mut changed = false;
            for (name, folder) in &self.0 {
                changed |= folder.refresh(name);
            }
            changed
        }
    }

    impl Folder {
        fn refresh(&self, name: &str) -> bool {
            let found = bert::fingerprint(&self.settings.dir);
            {
                let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
                if found.is_none() || now.seen == found {
                    return false;
                }
                now.seen = found;
            }
            match bert::open(&self.settings) {
                Ok(opened) => {
                    let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
                    now.opened = opened;
                    tracing::info!(backend = name, "the folder's new model has taken over");
                    true
                }
                Err(error) => {
                    let error: &dyn std::error::Error = &error;
                    tracing::error!(
                        backend = name,
                        error,
                        "the folder's new model cannot be used; the old one stays"
                    );
                    false
                }
            }
        }
    }
}

/// There are none.
#[cfg(not(feature = "bert"))]
mod transformer {
    use super::{Arc, BTreeMap, BertSettings, Classifier, OpenError, Path, Tagger, Task};

    pub(super) fn open_dir(
        _: &Path,
        name: String,
    ) -> Result<(Task, Arc<dyn Classifier>), OpenError> {
        Err(OpenError::NoTransformers(name))
    }

    #[derive(Default)]
    pub(super) struct Folders;

    impl Folders {
        pub(super) fn open(settings: &BTreeMap<String, BertSettings>) -> Result<Self, OpenError> {
            match settings.keys().next() {
                Some(name) => Err(OpenError::NoTransformers(format!("inference.bert.{name}"))),
                None => Ok(Self),
            }
        }

        pub(super) fn classifier(&self, _name: &str, _task: Task) -> Option<Arc<dyn Classifier>> {
            None
        }

        pub(super) fn tagger(&self, _name: &str) -> Option<Arc<dyn Tagger>> {
            None
        }

        pub(super) fn refresh(&self) -> bool {
            false
        }
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

    #[cfg(not(feature = "bert"))]
    #[test]
    fn a_build_without_transformers_says_so() {
        let settings: Settings =
            serde_json::from_str(r#"{"bert": {"mood": {"dir": "/models/mood"}}}"#).unwrap();
        let refused = Backends::open(&settings).err().unwrap().to_string();
        assert!(
            refused.contains("bert.mood") && refused.contains("feature `bert`"),
            "{refused}"
        );
    }

    #[test]
    fn bounds_are_refused_by_name() {
        let settings: Settings =
            serde_json::from_str(r#"{"bert": {"mood": {"dir": "/nowhere", "threads": 0}}}"#)
                .unwrap();
        let refused = Backends::open(&settings).err().unwrap().to_string();
        assert_eq!(
            refused,
            "inference.bert.mood: threads must be from 1 to 256"
        );
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
