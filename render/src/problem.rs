//! What is wrong with a template, and why a message could not be made of one.

use std::fmt;

use serde::Serialize;

/// A part of a wording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    Subject,
    Text,
    Html,
    /// An approved message of a platform.
    #[serde(rename = "platform_template")]
    Platform,
}

impl Part {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Subject => "subject",
            Self::Text => "text",
            Self::Html => "html",
            Self::Platform => "platform_template",
        }
    }
}

/// Why a template cannot be used, in words for whoever wrote it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Problem {
    /// Of which variant; none: of the one without a language.
    pub language: Option<String>,
    pub part: Part,
    /// Of an approved message: where in it, a JSON pointer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    pub reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(language) = &self.language {
            write!(f, "{language}, ")?;
        }
        let Self {
            line,
            column,
            reason,
            ..
        } = self;
        write!(
            f,
            "{}{}, line {line}, column {column}: {reason}",
            self.part.name(),
            self.place.as_deref().unwrap_or_default()
        )?;
        match &self.hint {
            Some(hint) => write!(f, " {hint}"),
            None => Ok(()),
        }
    }
}

/// A problem at a byte of a source; [`Flaw::placed`] says where that is for a reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Flaw {
    pub(crate) at: usize,
    pub(crate) reason: String,
    pub(crate) hint: Option<String>,
}

impl Flaw {
    pub(crate) fn new(at: usize, reason: impl Into<String>) -> Self {
        Self {
            at,
            reason: reason.into(),
            hint: None,
        }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn placed(self, source: &str, language: Option<&str>, part: Part) -> Problem {
        let before = source.get(..self.at.min(source.len())).unwrap_or(source);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let column = before
            .rsplit('\n')
            .next()
            .unwrap_or_default()
            .chars()
            .count()
            + 1;
        Problem {
            language: language.map(str::to_owned),
            part,
            place: None,
            line: u32::try_from(line).unwrap_or(u32::MAX),
            column: u32::try_from(column).unwrap_or(u32::MAX),
            reason: self.reason,
            hint: self.hint,
        }
    }
}

/// Why a recipient gets no message. Trying again changes nothing. Names of variables are said, values never.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// The template reads names for which the contact has no value and the campaign no default.
    #[error("no value for {}", .0.join(", "))]
    Missing(Vec<String>),
    #[error("the {} is longer than {max_bytes} bytes", .part.name())]
    TooLong { part: Part, max_bytes: usize },
    /// A loop over too much.
    #[error("the {} takes too many steps", .0.name())]
    TooMuch(Part),
    /// What the template does with a value cannot be done, e.g. a date of what is none.
    #[error("line {line} of the {}: {reason}", .part.name())]
    Failed {
        part: Part,
        line: u32,
        reason: String,
    },
    /// A variable of an approved message is not as its platform takes it.
    #[error("{place} of the platform template {reason}")]
    Variable {
        /// A JSON pointer.
        place: String,
        reason: &'static str,
    },
    #[error("the message is empty")]
    Empty,
    /// What the template of a mail's subject makes of the contact has nothing that anybody would see.
    #[error("the subject is empty")]
    NoSubject,
}
