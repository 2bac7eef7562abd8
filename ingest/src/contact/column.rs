//! What the columns of a file are: by their headers, as people and programs write them, or as a mapping says.
//!
//! A mapping's words, which may stand in a header too: a field (`name`), a kind of address (`email`, `telegram`), the consent of
//! one (`email_consent`), an attribute by its name and how it is read (`attribute:plan`, `attribute:zip:text` or `text:zip`,
//! `number:seats`, `boolean:vip`), and `ignore`.
//!
//! Where no type is said, cells are of the type they look like, save in a column whose first cells are codes: it is text. That is
//! found out from the same bytes whenever a file is opened, so that an import that goes on elsewhere reads the same.

mod name;

use std::collections::{BTreeMap, HashSet};

use schemas::Encoding;

use super::{
    record::{self, Fields, Place, Records, Step},
    text::decode,
    value::{self, Type},
};

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
        "the header cannot be read; it is the first line, has at most 64 KiB, and its quotes are closed"
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
    #[error("the column `{0}` stands there twice")]
    Twice(String),
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
        let header = decode(field, encoding).ok_or(ColumnError::Unreadable)?;
        headers.push(header.trim().to_owned());
    }
    let mut all = understood(headers, mapping)?;
    let begin = records.place();
    settle(&mut all, &mut records, &mut fields);
    Ok(Columns {
        delimiter,
        all,
        begin,
        encoding,
    })
}

/// Makes those of the attributes texts that have a code in what there is of the file, up to [`super::record::MAX_BYTES`].
fn settle(all: &mut [(String, Column)], records: &mut Records, fields: &mut Fields) {
    let from = records.place().bytes;
    loop {
        match records.next(fields) {
            Step::Record(_) => {}
            Step::Broken(..) => continue,
            Step::More | Step::End => return,
        }
        if records.place().bytes - from > record::MAX_BYTES as u64 {
            return;
        }
        for ((_, column), field) in all.iter_mut().zip(fields.iter()) {
            if let Column::Attribute(_, as_type @ Type::Auto) = column
                && std::str::from_utf8(field).is_ok_and(|cell| value::is_code(cell.trim()))
            {
                *as_type = Type::Text;
            }
        }
    }
}

/// The delimiter that a first line `sep=;` tells, as Excel writes it, and where the header begins.
fn told(begin: &[u8]) -> (Option<u8>, Place) {
    let tells = begin
        .get(..4)
        .is_some_and(|start| start.eq_ignore_ascii_case(b"sep="));
    let (Some(&delimiter), Some(end)) = (begin.get(4), begin.get(5)) else {
        return (None, Place::START);
    };
    let length = match (end, begin.get(6)) {
        (b'\r', Some(b'\n')) => 7,
        (b'\r' | b'\n', _) => 6,
        _ => return (None, Place::START),
    };
    match tells {
        true => (
            Some(delimiter),
            Place {
                bytes: length,
                line: 2,
            },
        ),
        false => (None, Place::START),
    }
}

/// What stands most often outside quotes in the first line: `,`, `;`, tab or `|`.
fn found(data: &[u8]) -> u8 {
    let mut counts = [(b',', 0u32), (b';', 0), (b'\t', 0), (b'|', 0)];
    let mut is_quoted = false;
    for byte in data {
        match byte {
            b'"' => is_quoted = !is_quoted,
            b'\n' | b'\r' if !is_quoted => break,
            byte if !is_quoted => {
                for (delimiter, count) in &mut counts {
                    *count += u32::from(delimiter == byte);
                }
            }
            _ => {}
        }
    }
    // Of equals the first.
    let mut best = (b',', 0);
    for (delimiter, count) in counts {
        if count > best.1 {
            best = (delimiter, count);
        }
    }
    best.0
}

fn understood(
    headers: Vec<String>,
    mapping: &BTreeMap<String, String>,
) -> Result<Vec<(String, Column)>, ColumnError> {
    let mut mapped: BTreeMap<String, (&String, Column)> = BTreeMap::new();
    for (header, meaning) in mapping {
        let column = meant(meaning).ok_or_else(|| ColumnError::Meaning(shown(meaning)))?;
        mapped.insert(plain(header), (header, column));
    }
    let mut taken: HashSet<Column> = HashSet::new();
    let mut all = Vec::with_capacity(headers.len());
    for header in headers {
        let column = match mapped.remove(&plain(&header)) {
            Some((_, column)) => column,
            None => guessed(&header, &taken)?,
        };
        let single = !matches!(column, Column::Address(_) | Column::Ignored);
        let key = match &column {
            Column::Attribute(name, _) => Column::Attribute(name.clone(), Type::Auto),
            other => other.clone(),
        };
        if single && !taken.insert(key) {
            return Err(ColumnError::Twice(shown(&header)));
        }
        all.push((header, column));
    }
    if let Some((header, _)) = mapped.into_values().next() {
        return Err(ColumnError::Unknown(shown(header)));
    }
    if !all
        .iter()
        .any(|(_, column)| matches!(column, Column::Address(_)))
    {
        return Err(ColumnError::NoAddress);
    }
    Ok(all)
}

/// A header as it is repeated to people.
fn shown(header: &str) -> String {
    header
        .chars()
        .filter(|char| !char.is_control())
        .take(64)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn columns(header: &str, mapping: &[(&str, &str)]) -> Result<Columns, ColumnError> {
        let mapping = mapping
            .iter()
            .map(|(from, to)| ((*from).to_owned(), (*to).to_owned()));
        read(header.as_bytes(), None, Encoding::Auto, &mapping.collect())
    }

    fn attr(name: &str) -> Column {
        Column::Attribute(name.into(), Type::Auto)
    }

    #[test]
    fn headers_are_known_by_many_names() {
        for (header, column) in [
            ("email", Column::Address("email")),
            ("E-Mail-Adresse", Column::Address("email")),
            ("Correo electrónico", Column::Address("email")),
            ("Téléphone", Column::Address("phone")),
            ("Mobile Phone", Column::Address("phone")),
            ("telegram", Column::Address("telegram")),
            ("Line", attr("line")),
            ("email_consent", Column::Consent("email")),
            ("Full Name", Column::Name),
            (
                "First name",
                Column::Attribute("first_name".into(), Type::Text),
            ),
            (
                "Nachname",
                Column::Attribute("last_name".into(), Type::Text),
            ),
            ("Time zone", Column::TimeZone),
            ("Favourite  Colour!", attr("favourite_colour")),
            ("Größe", attr("größe")),
            ("2024", attr("_2024")),
            (
                "number:Seats",
                Column::Attribute("Seats".into(), Type::Number),
            ),
            ("attribute:My Key", attr("My Key")),
            ("contact_id", Column::Ignored),
        ] {
            let read = columns(&format!("{header},email\n"), &[]).unwrap();
            assert_eq!(
                read.all.first().map(|(_, column)| column),
                Some(&column),
                "{header}"
            );
        }
    }

    #[test]
    fn a_mapping_wins_and_must_fit() {
        let read = columns(
            "Kunde;Mail;Tel\n",
            &[("KUNDE", "external_id"), ("tel", "ignore")],
        )
        .unwrap();
        let kinds: Vec<Column> = read.all.into_iter().map(|(_, column)| column).collect();
        assert_eq!(
            kinds,
            [
                Column::ExternalId,
                Column::Address("email"),
                Column::Ignored
            ]
        );
        for (header, mapping, error) in [
            ("a,b\n", vec![], ColumnError::NoAddress),
            (
                "email,b\n",
                vec![("c", "name")],
                ColumnError::Unknown("c".into()),
            ),
            (
                "email,b\n",
                vec![("b", "pigeon")],
                ColumnError::Meaning("pigeon".into()),
            ),
            ("email,a,A\n", vec![], ColumnError::Twice("A".into())),
            ("email,!\n", vec![], ColumnError::Name("!".into())),
            ("", vec![], ColumnError::Empty),
            ("\"email\n", vec![], ColumnError::Unreadable),
            ("PK\u{3}\u{4}…", vec![], ColumnError::Spreadsheet),
        ] {
            assert_eq!(columns(header, &mapping), Err(error), "{header}");
        }
        // The second of a kind is an attribute, or another address.
        let twice = columns("name,Full name,email,Mail,\n", &[]).unwrap();
        assert_eq!(
            twice.all.get(1).map(|(_, column)| column),
            Some(&attr("full_name"))
        );
        assert_eq!(
            twice.all.get(3).map(|(_, column)| column),
            Some(&Column::Address("email"))
        );
    }

    #[test]
    fn a_column_of_codes_is_text() {
        let header = "email,area,n,attribute:k,number:m,PLZ,attribute:seats:number,attribute:a:b\n";
        let kinds = |file: &str| -> Vec<Type> {
            let read = columns(file, &[]).unwrap();
            let types = read.all.into_iter().filter_map(|(_, column)| match column {
                Column::Attribute(_, as_type) => Some(as_type),
                _ => None,
            });
            types.collect()
        };
        use Type::{Auto, Number, Text};
        assert_eq!(
            kinds(header),
            [Auto, Auto, Auto, Number, Text, Number, Auto]
        );
        let rows =
            "a@b.example,1,5,1,1,1,1,1\nbroken,\"\nb@b.example,\"0123\",-0.5,+4930,007,1,007,'01\n";
        let file = format!("{header}{rows}");
        assert_eq!(kinds(&file), [Text, Auto, Text, Number, Text, Number, Auto]);
        let far = format!(
            "{header}{}{rows}",
            "a@b.example,1\n".repeat(record::MAX_BYTES / 14)
        );
        assert_eq!(kinds(&far), kinds(header));
    }

    #[test]
    fn delimiters_are_found() {
        for (header, delimiter, begin) in [
            ("email,a;b\n", b',', 10),
            ("email;\"a,b,c\";d\n", b';', 16),
            ("email\ta\n", b'\t', 8),
            ("email|a\n", b'|', 8),
            ("email\n", b',', 6),
            ("sep=;\r\nemail;a,b,c\r\n", b';', 20),
        ] {
            let read = columns(header, &[]).unwrap();
            assert_eq!(
                (read.delimiter, read.begin.bytes),
                (delimiter, begin),
                "{header}"
            );
        }
    }
}
