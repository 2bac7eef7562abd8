//! The models that come with tidings: files of `models/`, in the binary.
//!
//! A task without a file has no built-in model, and stays unanswered where a tenant has none of its own.

use std::sync::LazyLock;

use bytes::Bytes;
use schemas::Task;

use super::linear::Linear;

/// A new built-in model is its file and one line here.
const FILES: &[(Task, &[u8])] = &[
    (Task::Language, include_bytes!("../../models/language.tdm")),
    (Task::Intent, include_bytes!("../../models/intent.tdm")),
    (
        Task::Sentiment,
        include_bytes!("../../models/sentiment.tdm"),
    ),
    (Task::Emotion, include_bytes!("../../models/emotion.tdm")),
];

static MODELS: LazyLock<Vec<Linear>> = LazyLock::new(|| {
    let files = FILES.iter().copied();
    // That every file loads is a test.
    files
        .filter_map(|(_, file)| Linear::load(Bytes::from_static(file)).ok())
        .collect()
});

/// The built-in model for a task; read when first asked for.
#[must_use]
pub fn get(task: Task) -> Option<&'static Linear> {
    MODELS.iter().find(|model| model.task() == task)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_a_model_for_its_task() {
        for (task, file) in FILES {
            let model = Linear::load(Bytes::from_static(file));
            assert_eq!(model.unwrap().task(), *task);
            assert_eq!(get(*task).unwrap().task(), *task);
        }
        assert_eq!(MODELS.len(), FILES.len());
    }
}
