//! The features of a text.

/// What models see of a text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Features {}

impl Features {
    #[must_use]
    pub fn of(_text: &str) -> Self {
        Self {}
    }
}
