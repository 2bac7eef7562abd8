//! What the columns of a file are: by their headers, as people and programs write them, or as a mapping says.
//!
//! A mapping's words, which may stand in a header too: a field (`name`), a kind of address (`email`, `telegram`), the consent of
//! one (`email_consent`), an attribute by its name and how it is read (`attribute:plan`, `attribute:zip:text` or `text:zip`,
//! `number:seats`, `boolean:vip`), and `ignore`.
//!
//! Where no type is said, cells are of the type they look like, save in a column whose first cells are codes: it is text. That is
//! found out from the same bytes whenever a file is opened, so that an import that goes on elsewhere reads the same.

mod delimiter;
mod name;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet};

use schemas::Encoding;

use super::{
    record::{self, Fields, Place, Records, Step},
    text::decode,
    value::{self, Type},
};

use delimiter::{found, told};
pub use name::{attribute, header_of, meant};
use name::{guessed, plain};

/// Columns of a file.
pub const MAX_COLUMNS: usize = 1000;

/// What a column is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Column {
    Address(&'static str),
    /// Of the addresses of this kind.
    Consent(&'static str),
    Name,
    ExternalId,
    Language,
    TimeZone,
    PreferredChannel,
    Attribute(String, Type),
    Ignored,
    /// The one of this number, from 1, which nobody gave a name; nothing may stand in it.
    Nameless(usize),
}

/// The header of a file, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns {
    pub delimiter: u8,
    /// As they are written, and what they are.
    pub all: Vec<(String, Column)>,
    /// Where the first row begins.
    pub begin: Place,
    pub encoding: Encoding,
}

/// Why a header cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ColumnError {
    #[error("the file is empty")]
    Empty,
    #[error("the file is a spreadsheet; save it as CSV")]
    Spreadsheet,
    #[error(
        "the header cannot be read; it is the first line, has at most 64 KiB and no NUL, and its quotes are closed"
    )]
    Unreadable,
    #[error("there are more than 1000 columns")]
    TooMany,
    #[error(
        "no column holds addresses: call one `email` or `phone`, or say by `mapping` which one does"
    )]
    NoAddress,
    #[error("the mapping names a column `{0}` that the file does not have")]
    Unknown(String),
    #[error("the mapping says `{0}`, which is no field, no kind of address, and no attribute:…")]
    Meaning(String),
    #[error("there are two columns `{0}`; rename one of them in the file, or take it out")]
    Twice(String),
    #[error(
        "the columns `{0}` and `{1}` are the same to a contact; map one of them to something else, or to `ignore`"
    )]
    Same(String, String),
    #[error("the mapping's `{0}` may be the column `{1}` or `{2}`; write it as the header does")]
    Ambiguous(String, String, String),
    #[error("the mapping says twice what the column `{0}` is")]
    MappedTwice(String),
    #[error(
        "there is something in the column {0}, which has no name; give it one, or map `` to `ignore`"
    )]
    Nameless(usize),
    #[error(
        "the name of the column `{0}` is no name for an attribute; map it to one, or to `ignore`"
    )]
    Name(String),
}

/// Reads the header of a file from its beginning: the whole of the file, or [`super::record::MAX_BYTES`] of it and more.
///
/// # Errors
/// [`ColumnError`].
pub fn read(
    begin: &[u8],
    delimiter: Option<char>,
    encoding: Encoding,
    mapping: &BTreeMap<String, String>,
) -> Result<Columns, ColumnError> {
    if begin.starts_with(b"PK\x03\x04") {
        return Err(ColumnError::Spreadsheet);
    }
    let (told, place) = told(begin);
    let data = begin
        .get(usize::try_from(place.bytes).unwrap_or(0)..)
        .unwrap_or_default();
    let delimiter = delimiter
        .and_then(|char| u8::try_from(char).ok())
        .or(told)
        .unwrap_or_else(|| found(data));
    let mut records = Records::new(delimiter, usize::MAX, place);
    records.feed(data);
    records.finish();
    let mut fields = Fields::default();
    match records.next(&mut fields) {
        Step::Record(_) => {}
        Step::Broken(..) | Step::More => return Err(ColumnError::Unreadable),
        Step::End => return Err(ColumnError::Empty),
    }
    if fields.len() > MAX_COLUMNS {
        return Err(ColumnError::TooMany);
    }
    let mut headers = Vec::with_capacity(fields.len());
    for field in fields.iter() {
        let header = decode(field, encoding).map_err(|_| ColumnError::Unreadable)?;
        headers.push(header.trim().to_owned());
    }
    let mut all = understood(headers, mapping)?;
    let begin = records.place();
    settle(&mut all, &mut records, &mut fields)?;
    Ok(Columns {
        delimiter,
        all,
        begin,
        encoding,
    })
}

/// Makes those of the attributes texts that have a code in what there is of the file, up to [`super::record::MAX_BYTES`]; there
/// nothing may stand in a column without a name.
fn settle(
    all: &mut [(String, Column)],
    records: &mut Records,
    fields: &mut Fields,
) -> Result<(), ColumnError> {
    let from = records.place().bytes;
    loop {
        match records.next(fields) {
            Step::Record(_) => {}
            Step::Broken(..) => continue,
            Step::More | Step::End => return Ok(()),
        }
        if records.place().bytes - from > record::MAX_BYTES as u64 {
            return Ok(());
        }
        for ((_, column), field) in all.iter_mut().zip(fields.iter()) {
            match column {
                Column::Attribute(_, as_type @ Type::Auto)
                    if std::str::from_utf8(field).is_ok_and(|cell| value::is_code(cell.trim())) =>
                {
                    *as_type = Type::Text;
                }
                Column::Nameless(number) if !field.trim_ascii().is_empty() => {
                    return Err(ColumnError::Nameless(*number));
                }
                _ => {}
            }
        }
    }
}

fn understood(
    headers: Vec<String>,
    mapping: &BTreeMap<String, String>,
) -> Result<Vec<(String, Column)>, ColumnError> {
    let mut seen: HashSet<String> = HashSet::new();
    for header in headers.iter().filter(|header| !header.is_empty()) {
        // Words of a mapping (`attribute:Plan`) are told apart by case.
        let name = match header.contains(':') {
            true => header.clone(),
            false => header.to_lowercase(),
        };
        if !seen.insert(name) {
            return Err(ColumnError::Twice(shown(header)));
        }
    }
    let mut mapped = mapped(&headers, mapping)?;
    let mut taken: HashMap<Column, String> = HashMap::new();
    let mut all = Vec::with_capacity(headers.len());
    for (place, header) in headers.into_iter().enumerate() {
        let column = match mapped.remove(&place) {
            Some(column) => column,
            None if header.is_empty() => Column::Nameless(place + 1),
            None => guessed(&header, |column| taken.contains_key(column))?,
        };
        let key = match &column {
            Column::Attribute(name, _) => Column::Attribute(name.clone(), Type::Auto),
            other => other.clone(),
        };
        let is_single = !matches!(column, Column::Address(_) | Column::Ignored);
        if is_single && let Some(other) = taken.insert(key, shown(&header)) {
            return Err(ColumnError::Same(other, shown(&header)));
        }
        all.push((header, column));
    }
    if !all
        .iter()
        .any(|(_, column)| matches!(column, Column::Address(_)))
    {
        return Err(ColumnError::NoAddress);
    }
    Ok(all)
}

/// What a mapping says that columns are, by their places. A word is the column that is written so, or else the one that has
/// its letters; an empty one is every column without a name.
fn mapped(
    headers: &[String],
    mapping: &BTreeMap<String, String>,
) -> Result<HashMap<usize, Column>, ColumnError> {
    let mut mapped = HashMap::new();
    for (word, meaning) in mapping {
        let column = meant(meaning).ok_or_else(|| ColumnError::Meaning(shown(meaning)))?;
        let places = |is_it: &dyn Fn(&String) -> bool| -> Vec<usize> {
            let all = headers.iter().enumerate();
            all.filter(|(_, header)| is_it(header))
                .map(|(place, _)| place)
                .collect()
        };
        let written = places(&|header| header == word.trim());
        let letters = plain(word);
        let found = match written.is_empty() {
            true => places(&|header| !letters.is_empty() && plain(header) == letters),
            false => written,
        };
        let name = |place: &usize| {
            headers
                .get(*place)
                .map_or_else(String::new, |name| shown(name))
        };
        match found.as_slice() {
            [] => return Err(ColumnError::Unknown(shown(word))),
            [first, other, ..] if !word.trim().is_empty() => {
                return Err(ColumnError::Ambiguous(
                    shown(word),
                    name(first),
                    name(other),
                ));
            }
            _ => {}
        }
        for place in found {
            if mapped.insert(place, column.clone()).is_some() {
                return Err(ColumnError::MappedTwice(name(&place)));
            }
        }
    }
    Ok(mapped)
}

/// A header as it is repeated to people.
fn shown(header: &str) -> String {
    header
        .chars()
        .filter(|char| !char.is_control())
        .take(64)
        .collect()
}
