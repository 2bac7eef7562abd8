//! Rows of the three kinds of file.

use std::{
    cell::Cell,
    io::{self, BufRead, BufReader, Read},
    rc::Rc,
};

use serde::Deserialize;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use super::{Example, Kind, MAX_LINE_BYTES};

/// Longest label.
const MAX_LABEL_BYTES: usize = 200;
/// Most labels of one row.
const MAX_LABELS: usize = 1_000;
/// What a reader may hold back of the file.
const BUFFER_BYTES: usize = 1 << 16;

/// Why a row could not be understood. Without a source, as [`super::DatasetError`].
#[derive(Debug, thiserror::Error)]
pub enum RowError {
    #[error("cannot be read: {0}")]
    Io(io::Error),
    #[error("longer than {MAX_LINE_BYTES} bytes")]
    TooLong,
    #[error("is not UTF-8")]
    NotUtf8,
    #[error("is no row of JSON: {0}")]
    Json(serde_json::Error),
    #[error("is no row of CSV: {0}")]
    Csv(csv::Error),
    #[error("has no tab between label and text")]
    NoTab,
    #[error("the header has no column `{0}`")]
    NoColumn(&'static str),
    #[error("has neither `label` nor `labels`")]
    NoLabel,
    #[error("has both `label` and `labels`")]
    TwoLabels,
    #[error("a label is empty")]
    EmptyLabel,
    #[error("a label is longer than {MAX_LABEL_BYTES} bytes, or holds a control character")]
    BadLabel,
    #[error("has more than {MAX_LABELS} labels")]
    TooManyLabels,
    #[error("has the label `{0}`, which is not among `annotated`")]
    NotAnnotated(String),
}

/// The rows of one file, each with the line it stands on when it is wrong. Ends after the first that is.
pub(super) enum Rows<R: Read> {
    Lines {
        kind: Kind,
        reader: BufReader<R>,
        line: u64,
    },
    Csv(Box<Csv<R>>),
    Done,
}

impl<R: Read> Rows<R> {
    pub(super) fn new(kind: Kind, reader: R) -> Self {
        match kind {
            Kind::Csv => Self::Csv(Box::new(Csv::new(reader))),
            kind => Self::Lines {
                kind,
                reader: BufReader::with_capacity(BUFFER_BYTES, reader),
                line: 0,
            },
        }
    }
}

impl<R: Read> Iterator for Rows<R> {
    type Item = Result<Example, (u64, RowError)>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = match self {
            Self::Lines { kind, reader, line } => next_line(*kind, reader, line),
            Self::Csv(csv) => csv.next_row(),
            Self::Done => None,
        };
        if !matches!(next, Some(Ok(_))) {
            *self = Self::Done;
        }
        next
    }
}

fn next_line<R: Read>(
    kind: Kind,
    reader: &mut BufReader<R>,
    number: &mut u64,
) -> Option<Result<Example, (u64, RowError)>> {
    let mut bytes = Vec::new();
    loop {
        *number += 1;
        bytes.clear();
        let most = MAX_LINE_BYTES as u64 + 1;
        match reader.by_ref().take(most).read_until(b'\n', &mut bytes) {
            Err(error) => return Some(Err((*number, RowError::Io(error)))),
            Ok(0) => return None,
            Ok(_) if bytes.len() > MAX_LINE_BYTES => {
                return Some(Err((*number, RowError::TooLong)));
            }
            Ok(_) => {}
        }
        let Ok(line) = std::str::from_utf8(&bytes) else {
            return Some(Err((*number, RowError::NotUtf8)));
        };
        let line = match number {
            1 => line.strip_prefix('\u{feff}').unwrap_or(line),
            _ => line,
        };
        let line = line.trim_end_matches(['\n', '\r']);
        if line.trim().is_empty() {
            continue;
        }
        let row = match kind {
            Kind::Tsv => of_tsv(line),
            Kind::JsonLines | Kind::Csv => of_json(line),
        };
        return Some(row.map_err(|error| (*number, error)));
    }
}

fn of_tsv(line: &str) -> Result<Example, RowError> {
    let (label, text) = line.split_once('\t').ok_or(RowError::NoTab)?;
    Ok(Example {
        text: nfc(text),
        labels: vec![checked(label)?],
        ..Example::default()
    })
}

#[derive(Deserialize)]
struct JsonRow {
    text: String,
    label: Option<String>,
    labels: Option<Vec<String>>,
    annotated: Option<Vec<String>>,
    language: Option<String>,
    lang: Option<String>,
    channel: Option<String>,
}

fn of_json(line: &str) -> Result<Example, RowError> {
    let row: JsonRow = serde_json::from_str(line).map_err(RowError::Json)?;
    example(
        &row.text,
        row.label.as_deref(),
        row.labels,
        row.annotated,
        row.language.or(row.lang),
        row.channel,
    )
}

/// Checks what a row says, whatever it was written in.
fn example(
    text: &str,
    label: Option<&str>,
    labels: Option<Vec<String>>,
    annotated: Option<Vec<String>>,
    language: Option<String>,
    channel: Option<String>,
) -> Result<Example, RowError> {
    let labels = match (label, labels) {
        (Some(label), None) => vec![checked(label)?],
        (None, Some(labels)) => checked_all(&labels)?,
        (None, None) => return Err(RowError::NoLabel),
        (Some(_), Some(_)) => return Err(RowError::TwoLabels),
    };
    let annotated = annotated.as_deref().map(checked_all).transpose()?;
    if let Some(annotated) = &annotated
        && let Some(label) = labels.iter().find(|label| !annotated.contains(label))
    {
        return Err(RowError::NotAnnotated(label.clone()));
    }
    let present = |value: Option<String>| value.filter(|value| !value.is_empty());
    Ok(Example {
        text: nfc(text),
        labels,
        annotated,
        language: present(language),
        channel: present(channel),
    })
}

fn checked_all(labels: &[String]) -> Result<Vec<String>, RowError> {
    if labels.len() > MAX_LABELS {
        return Err(RowError::TooManyLabels);
    }
    let mut all = Vec::with_capacity(labels.len());
    for label in labels {
        let label = checked(label)?;
        if !all.contains(&label) {
            all.push(label);
        }
    }
    Ok(all)
}

fn checked(label: &str) -> Result<String, RowError> {
    let label = label.trim();
    if label.is_empty() {
        return Err(RowError::EmptyLabel);
    }
    if label.len() > MAX_LABEL_BYTES || label.chars().any(char::is_control) {
        return Err(RowError::BadLabel);
    }
    Ok(nfc(label))
}

fn nfc(text: &str) -> String {
    match is_nfc_quick(text.chars()) {
        IsNormalized::Yes => text.to_owned(),
        IsNormalized::No | IsNormalized::Maybe => text.nfc().collect(),
    }
}

/// The columns of a file of CSV.
struct Columns {
    text: usize,
    label: Option<usize>,
    labels: Option<usize>,
    annotated: Option<usize>,
    language: Option<usize>,
    channel: Option<usize>,
}

impl Columns {
    fn of(header: &csv::StringRecord) -> Result<Self, RowError> {
        let place = |names: &[&str]| {
            let called = |column: &str| {
                names
                    .iter()
                    .any(|name| column.trim().eq_ignore_ascii_case(name))
            };
            header.iter().position(called)
        };
        let columns = Self {
            text: place(&["text"]).ok_or(RowError::NoColumn("text"))?,
            label: place(&["label"]),
            labels: place(&["labels"]),
            annotated: place(&["annotated"]),
            language: place(&["language", "lang"]),
            channel: place(&["channel"]),
        };
        match (columns.label, columns.labels) {
            (None, None) => Err(RowError::NoColumn("label")),
            (Some(_), Some(_)) => Err(RowError::TwoLabels),
            _ => Ok(columns),
        }
    }
}

pub(super) struct Csv<R: Read> {
    reader: csv::Reader<Metered<R>>,
    columns: Option<Columns>,
    allowance: Rc<Cell<usize>>,
}

impl<R: Read> Csv<R> {
    fn new(inner: R) -> Self {
        let allowance = Rc::new(Cell::new(0));
        let metered = Metered {
            inner,
            allowance: Rc::clone(&allowance),
        };
        Self {
            reader: csv::ReaderBuilder::new()
                .buffer_capacity(BUFFER_BYTES)
                .from_reader(metered),
            columns: None,
            allowance,
        }
    }

    fn next_row(&mut self) -> Option<Result<Example, (u64, RowError)>> {
        self.allowance.set(MAX_LINE_BYTES + BUFFER_BYTES);
        if self.columns.is_none() {
            let columns = self.reader.headers().map_err(of_csv).and_then(Columns::of);
            match columns {
                Ok(columns) => self.columns = Some(columns),
                Err(error) => return Some(Err((1, error))),
            }
            self.allowance.set(MAX_LINE_BYTES + BUFFER_BYTES);
        }
        let mut record = csv::StringRecord::new();
        match self.reader.read_record(&mut record) {
            Ok(false) => None,
            Ok(true) => {
                let line = record.position().map_or(0, csv::Position::line);
                let row = self
                    .columns
                    .as_ref()
                    .map(|columns| of_record(&record, columns))?;
                Some(row.map_err(|error| (line, error)))
            }
            Err(error) => {
                let line = error
                    .position()
                    .map_or_else(|| self.reader.position().line(), csv::Position::line);
                Some(Err((line, of_csv(error))))
            }
        }
    }
}

fn of_record(record: &csv::StringRecord, columns: &Columns) -> Result<Example, RowError> {
    let field = |place: Option<usize>| place.and_then(|place| record.get(place));
    let list = |value: &str| -> Vec<String> {
        value
            .split(['|', ';'])
            .filter(|part| !part.trim().is_empty())
            .map(str::to_owned)
            .collect()
    };
    let annotated = field(columns.annotated).filter(|value| !value.trim().is_empty());
    example(
        record.get(columns.text).unwrap_or_default(),
        field(columns.label),
        field(columns.labels).map(list),
        annotated.map(list),
        field(columns.language).map(str::to_owned),
        field(columns.channel).map(str::to_owned),
    )
}

fn of_csv(error: csv::Error) -> RowError {
    if !error.is_io_error() {
        return match error.kind() {
            csv::ErrorKind::Utf8 { .. } => RowError::NotUtf8,
            _ => RowError::Csv(error),
        };
    }
    match error.into_kind() {
        csv::ErrorKind::Io(error) if error.kind() == io::ErrorKind::FileTooLarge => {
            RowError::TooLong
        }
        csv::ErrorKind::Io(error) => RowError::Io(error),
        _ => RowError::TooLong,
    }
}

/// Refuses to read on when a row has had its share: a quote that is never closed would swallow the file.
struct Metered<R> {
    inner: R,
    allowance: Rc<Cell<usize>>,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.allowance.get() == 0 {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let read = self.inner.read(buffer)?;
        self.allowance
            .set(self.allowance.get().saturating_sub(read));
        Ok(read)
    }
}
