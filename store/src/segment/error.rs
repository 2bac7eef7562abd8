//! What is wrong with an expression, and where.

use std::fmt;

/// An expression that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentError {
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    pub found: String,
    pub expected: String,
    pub hint: Option<String>,
    /// The line, and below it a caret where it is wrong.
    pub excerpt: String,
}

impl std::error::Error for SegmentError {}

impl fmt::Display for SegmentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            line,
            column,
            found,
            expected,
            ..
        } = self;
        write!(
            f,
            "line {line}, column {column}: {found} where {expected} should be"
        )?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

/// The text an expression is written in.
#[derive(Clone, Copy)]
pub(super) struct Source<'a>(pub(super) &'a str);

/// Characters of a line that are shown before and behind the place that is wrong.
const AROUND: usize = 60;

impl Source<'_> {
    /// `at` in bytes.
    pub(super) fn error(
        self,
        at: usize,
        found: String,
        expected: impl Into<String>,
        hint: Option<String>,
    ) -> SegmentError {
        let (before, behind) = self.0.split_at_checked(at).unwrap_or((self.0, ""));
        let start = before.rsplit('\n').next().unwrap_or_default();
        let column = start.chars().count() + 1;
        let cut = column.saturating_sub(AROUND + 1);
        let shown = |text: &str, skip: usize, count: usize| -> String {
            text.chars()
                .skip(skip)
                .take(count)
                .map(|c| if c.is_control() { ' ' } else { c })
                .collect()
        };
        let end = behind.split('\n').next().unwrap_or_default();
        SegmentError {
            line: before.matches('\n').count() + 1,
            column,
            found,
            expected: expected.into(),
            hint,
            excerpt: format!(
                "{}{}\n{}^",
                shown(start, cut, AROUND),
                shown(end, 0, AROUND),
                " ".repeat(column - 1 - cut)
            ),
        }
    }
}
