//! Names in a text, where a model finds them.

use stages::model::Document;

/// A name in a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// As the model calls it, such as `PER`.
    pub kind: String,
    /// Byte offsets into the text.
    pub start: usize,
    pub end: usize,
    /// 0 to 1: the mean over its words.
    pub probability: f32,
}

/// A model that finds names.
pub trait Tagger: Send + Sync {
    /// What stands in a message as its model.
    fn id(&self) -> &str;

    /// One answer for each text, in order: its names from left to right, or none where the model could not answer.
    fn tag(&self, documents: &[&Document<'_>]) -> Vec<Option<Vec<Span>>>;
}
