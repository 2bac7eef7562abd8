//! A tenant's settings, compiled.

use schemas::{Backend, Task, Understanding};

use crate::{entity::Patterns, priority::Rules, sentiment::Vader};

/// How a tenant wants its messages understood.
#[derive(Default)]
pub(super) struct Tenant {
    pub(super) region: Option<String>,
    pub(super) patterns: Patterns,
    /// None: the built-in ones.
    priority: Option<Rules>,
    /// With the tenant's own words.
    pub(super) vader: Vader,
    off: Vec<Task>,
    pub(super) asks_vader: bool,
}

impl Tenant {
    pub(super) fn compile(settings: &Understanding) -> Self {
        let backend = |task: Task| settings.models.get(&task);
        let (patterns, _) = Patterns::compile(&settings.patterns);
        Self {
            region: settings.region.clone(),
            patterns,
            priority: (!settings.priority.is_empty()).then(|| Rules::new(&settings.priority)),
            vader: Vader::with(&settings.lexicon),
            off: Task::ALL
                .iter()
                .copied()
                .filter(|task| backend(*task) == Some(&Backend::Off))
                .collect(),
            asks_vader: backend(Task::Sentiment) == Some(&Backend::Vader),
        }
    }

    /// Whether the tenant wants the task unanswered.
    pub(super) fn is_off(&self, task: Task) -> bool {
        self.off.contains(&task)
    }

    pub(super) fn priority(&self) -> &Rules {
        self.priority.as_ref().unwrap_or_else(|| Rules::builtin())
    }
}
