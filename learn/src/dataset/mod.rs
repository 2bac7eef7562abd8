//! Labelled texts, read from files.
//!
//! | file | a row |
//! |---|---|
//! | `.jsonl` | `{"text": …, "label": …}` or `{"text": …, "labels": […]}`; if wanted `annotated` (the labels that were judged at all), `language` or `lang`, `channel`; other keys are ignored |
//! | `.csv` | a header with `text` and `label` or `labels` (separated by `\|` or `;`); if wanted `annotated`, `language` or `lang`, `channel` |
//! | `.tsv` | `label<TAB>text`, no header, no quoting |
//!
//! Each may be compressed (`.gz`); `-` is JSON lines on standard input.
//!
//! Invariants: texts and labels are in Unicode normal form C; a row that cannot be understood is an error that names the
//! file, the line and the reason, never a row less; rows keep their order. Bounded: [`MAX_LINE_BYTES`], [`MAX_ROWS`],
//! [`MAX_TEXT_BYTES`]. Deliberately absent: guessing of formats, and judging the data (`inspect`).

pub mod language;
mod row;
mod source;

use std::io::Read;

pub use row::RowError;
use row::Rows;
use source::Source;

/// Longest row.
pub const MAX_LINE_BYTES: usize = 1 << 20;
/// Most rows in all files of one [`read`].
pub const MAX_ROWS: usize = 5_000_000;
/// Most bytes of all texts of one [`read`].
pub const MAX_TEXT_BYTES: usize = 4 << 30;

/// A text and what it was labelled with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Example {
    pub text: String,
    /// In the order of the file, each once. Exactly one for one-of-many data; any number for many-of-many.
    pub labels: Vec<String>,
    /// The labels that were judged at all, where only some were: of the others nothing is known. None: all were.
    pub annotated: Option<Vec<String>>,
    /// As the file has it.
    pub language: Option<String>,
    /// As the file has it.
    pub channel: Option<String>,
}

impl Example {
    /// Whether it was judged if this text has the label.
    #[must_use]
    pub fn judged(&self, label: &str) -> bool {
        self.annotated
            .as_ref()
            .is_none_or(|annotated| annotated.iter().any(|known| known == label))
    }
}

/// Where examples came from.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct DataFile {
    /// As it was given; `-` is standard input.
    pub name: String,
    /// Of the file as it lies there, in hexadecimal.
    pub sha256: String,
    pub size_bytes: u64,
    pub rows: usize,
}

/// Examples, and the files they came from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dataset {
    pub examples: Vec<Example>,
    /// In the order of reading; their rows follow one another in `examples`.
    pub files: Vec<DataFile>,
}

impl Dataset {
    /// Whether some text has no label or several, so that only many-of-many fits.
    #[must_use]
    pub fn is_many(&self) -> bool {
        self.examples
            .iter()
            .any(|example| example.labels.len() != 1)
    }

    /// The file that a row is in, and its place among that file's rows, counted from 1.
    #[must_use]
    pub fn locate(&self, row: usize) -> Option<(&DataFile, usize)> {
        let mut before = 0;
        for file in &self.files {
            if row < before + file.rows {
                return Some((file, row - before + 1));
            }
            before += file.rows;
        }
        None
    }
}

/// Why data could not be read. Says the whole reason itself: there is no source to follow, which would say it again.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    #[error("no file of examples was named")]
    NoFile,
    #[error("{file}: is none of .jsonl, .csv, .tsv (each also .gz); rename it or convert it")]
    Kind { file: String },
    #[error("{file}: cannot be read: {wrong}")]
    Io { file: String, wrong: std::io::Error },
    #[error("{file}:{line}: {wrong}")]
    Row {
        file: String,
        /// Counted from 1.
        line: u64,
        wrong: RowError,
    },
    #[error("{file}: more than {MAX_ROWS} rows; train on a sample")]
    TooManyRows { file: String },
    #[error("{file}: more than {MAX_TEXT_BYTES} bytes of text; train on a sample")]
    TooMuchText { file: String },
    #[error("{file}: has no row")]
    Empty { file: String },
}

/// Reads one file, or several separated by commas, one after the other.
///
/// # Errors
/// The first file that cannot be read, or row that cannot be understood.
pub fn read(files: &str) -> Result<Dataset, DatasetError> {
    let mut dataset = Dataset::default();
    let mut text_bytes = 0;
    for name in files
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
    {
        let kind = Kind::of(name)?;
        let io = |wrong| DatasetError::Io {
            file: name.to_owned(),
            wrong,
        };
        let source = Source::open(name).map_err(io)?;
        read_source(name, kind, source, &mut dataset, &mut text_bytes)?;
    }
    if dataset.files.is_empty() {
        return Err(DatasetError::NoFile);
    }
    Ok(dataset)
}

/// Reads examples from bytes in memory, such as an export of corrections.
///
/// # Errors
/// The first row that cannot be understood.
pub fn parse(name: &str, kind: Kind, bytes: &[u8]) -> Result<Dataset, DatasetError> {
    let mut dataset = Dataset::default();
    let source = Source::of(Box::new(std::io::Cursor::new(bytes.to_vec())), false);
    read_source(name, kind, source, &mut dataset, &mut 0)?;
    Ok(dataset)
}

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    JsonLines,
    Csv,
    Tsv,
}

impl Kind {
    fn of(name: &str) -> Result<Self, DatasetError> {
        let plain = name.strip_suffix(".gz").unwrap_or(name);
        match plain.rsplit_once('.') {
            _ if name == source::STDIN => Ok(Self::JsonLines),
            Some((_, "jsonl" | "ndjson")) => Ok(Self::JsonLines),
            Some((_, "csv")) => Ok(Self::Csv),
            Some((_, "tsv")) => Ok(Self::Tsv),
            _ => Err(DatasetError::Kind {
                file: name.to_owned(),
            }),
        }
    }
}

fn read_source(
    name: &str,
    kind: Kind,
    mut source: Source,
    dataset: &mut Dataset,
    text_bytes: &mut usize,
) -> Result<(), DatasetError> {
    let file = || name.to_owned();
    let before = dataset.examples.len();
    for row in Rows::new(kind, source.by_ref()) {
        let example = row.map_err(|(line, wrong)| match wrong {
            RowError::Io(wrong) => DatasetError::Io {
                file: file(),
                wrong,
            },
            wrong => DatasetError::Row {
                file: file(),
                line,
                wrong,
            },
        })?;
        *text_bytes += example.text.len();
        if dataset.examples.len() == MAX_ROWS {
            return Err(DatasetError::TooManyRows { file: file() });
        }
        if *text_bytes > MAX_TEXT_BYTES {
            return Err(DatasetError::TooMuchText { file: file() });
        }
        dataset.examples.push(example);
    }
    let rows = dataset.examples.len() - before;
    if rows == 0 {
        return Err(DatasetError::Empty { file: file() });
    }
    let (sha256, size_bytes) = source.finish().map_err(|wrong| DatasetError::Io {
        file: file(),
        wrong,
    })?;
    dataset.files.push(DataFile {
        name: file(),
        sha256,
        size_bytes,
        rows,
    });
    Ok(())
}

#[cfg(test)]
mod tests;
