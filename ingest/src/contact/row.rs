//! A row of a file as a contact, or what is wrong with it.

mod merge;

use std::{borrow::Cow, iter};

use schemas::{Consent, OnConflict, Zone, address, language_tag};
use serde_json::{Map, Value};
use store::contact::{
    MAX_ADDRESSES, MAX_ATTRIBUTES_BYTES,
    import::{Address, Entry, ImportError},
};

use super::{
    column::{Column, Columns},
    record::Fields,
    text::decode,
    value,
};

pub use merge::merge;

/// Longest name and external id, in characters.
const MAX_TEXT: usize = 255;

/// How rows are read.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    pub columns: &'a Columns,
    pub on_conflict: OnConflict,
    /// Of addresses whose row does not say.
    pub consent: Consent,
}

/// A row while it is read.
#[derive(Default)]
struct Draft {
    entry: Entry,
    consents: Vec<(&'static str, Vec<Consent>)>,
}

impl Reader<'_> {
    /// The contact that a row is about.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn read(&self, line: u64, fields: &Fields) -> Result<Entry, ImportError> {
        let wrong = |column: Option<&String>, reason: &str| ImportError {
            line,
            column: column.filter(|header| !header.is_empty()).cloned(),
            reason: reason.to_owned(),
        };
        let mut draft = Draft::default();
        // What a row that is shorter than the header leaves out is empty.
        let cells = fields.iter().chain(iter::repeat(&[][..]));
        for ((header, column), field) in self.columns.all.iter().zip(cells) {
            let cell = decode(field, self.columns.encoding)
                .map_err(|error| wrong(Some(header), &error.to_string()))?;
            self.cell(&mut draft, column, cell.trim())
                .map_err(|reason| wrong(Some(header), &reason))?;
        }
        let Draft {
            mut entry,
            consents,
        } = draft;
        if entry.addresses.is_empty() {
            return Err(wrong(None, "there is no address"));
        }
        if entry.addresses.len() > MAX_ADDRESSES {
            return Err(wrong(None, "there are more than 32 addresses"));
        }
        self.consent(&mut entry, &consents);
        self.name(&mut entry);
        if is_large(&entry.attributes) {
            return Err(wrong(None, "its attributes are larger than 32 KiB"));
        }
        entry.line = line;
        entry.rows = 1;
        Ok(entry)
    }

    fn cell(
        &self,
        draft: &mut Draft,
        column: &Column,
        cell: &str,
    ) -> Result<(), Cow<'static, str>> {
        // What an empty cell says of a contact that is there.
        let empties = self.on_conflict == OnConflict::Overwrite;
        let entry = &mut draft.entry;
        let field = |check: fn(&str) -> Option<String>, reason: &'static str| match cell {
            "" => Ok(empties.then_some(None)),
            cell => match check(value::text(cell)) {
                Some(text) => Ok(Some(Some(text))),
                None => Err(Cow::Borrowed(reason)),
            },
        };
        match column {
            Column::Ignored => {}
            Column::Nameless(_) if cell.is_empty() => {}
            Column::Nameless(number) => {
                return Err(format!(
                    "there is something in the column {number}, which has no name"
                )
                .into());
            }
            Column::Address(kind) => addresses(entry, kind, cell)?,
            Column::Consent(kind) if !cell.is_empty() => {
                let states = cell.split(';').map(|state| state.trim().parse());
                let states: Result<Vec<Consent>, ()> = states.collect();
                let states =
                    states.map_err(|()| "a consent is unknown, pending, given or withdrawn")?;
                draft.consents.push((kind, states));
            }
            Column::Consent(_) => {}
            Column::Name => entry.name = field(short, "a name has 255 characters at most")?,
            Column::ExternalId => {
                entry.external_id = field(short, "an external id has 255 characters at most")?;
            }
            Column::Language => {
                let tag = |text: &str| language_tag::canonical(&text.replace('_', "-"));
                entry.language = field(tag, "not a language tag such as de or de-AT")?;
            }
            Column::TimeZone => {
                let zone = |text: &str| Zone::named(text).map(|zone| zone.name().to_owned());
                entry.time_zone = field(zone, "not a time zone such as Europe/Vienna")?;
            }
            Column::PreferredChannel => {
                let known = |text: &str| address::kind(&text.to_lowercase()).map(str::to_owned);
                let kind = field(known, "not a kind of address or a channel type")?;
                entry.preferred_channel = kind.map(|kind| kind.as_deref().and_then(address::kind));
            }
            Column::Attribute(name, as_type) => {
                let value = match cell {
                    "" if empties => Value::Null,
                    "" => return Ok(()),
                    cell => value::read(cell, *as_type).map_err(|error| error.to_string())?,
                };
                entry.attributes.insert(name.clone(), value);
            }
        }
        Ok(())
    }

    /// What each address' row says of its consent, or else what was said of all.
    fn consent(&self, entry: &mut Entry, consents: &[(&'static str, Vec<Consent>)]) {
        let mut places: Vec<(&'static str, usize)> = Vec::new();
        for address in &mut entry.addresses {
            let place = match places.iter_mut().find(|(kind, _)| *kind == address.kind) {
                Some((_, place)) => {
                    *place += 1;
                    *place
                }
                None => {
                    places.push((address.kind, 0));
                    0
                }
            };
            let said = consents.iter().find(|(kind, _)| *kind == address.kind);
            // One word is about all of them.
            let said = said.and_then(|(_, states)| {
                states.get(place).or(match states.as_slice() {
                    [one] => Some(one),
                    _ => None,
                })
            });
            let consent = said.copied().unwrap_or(self.consent);
            address.consent = (consent != Consent::Unknown).then_some(consent);
        }
    }

    /// Without a column for it a name is made of its parts, where the first of them is given.
    fn name(&self, entry: &mut Entry) {
        if self
            .columns
            .all
            .iter()
            .any(|(_, column)| *column == Column::Name)
        {
            return;
        }
        let is_first =
            |column: &Column| matches!(column, Column::Attribute(name, _) if name == "first_name");
        let has_first = self.columns.all.iter().any(|(_, column)| is_first(column));
        if has_first && !entry.attributes.contains_key("first_name") {
            return;
        }
        let parts = ["first_name", "last_name"].map(|part| {
            let value = entry.attributes.get(part);
            value.and_then(Value::as_str).unwrap_or_default()
        });
        let name = parts.join(" ");
        if let Some(name) = short(name.trim()).filter(|name| !name.is_empty()) {
            entry.name = Some(Some(name));
        }
    }
}

/// Whether attributes may be larger as JSON than they may be.
fn is_large(attributes: &Map<String, Value>) -> bool {
    // No letter needs more than six bytes in JSON; most rows are far from the limit even so.
    let most = |(name, value): (&String, &Value)| match value {
        Value::String(text) => (name.len() + text.len()) * 6 + 8,
        Value::Null | Value::Bool(_) | Value::Number(_) => name.len() * 6 + 40,
        Value::Array(_) | Value::Object(_) => MAX_ATTRIBUTES_BYTES,
    };
    let exact = |(name, value): (&String, &Value)| name.len() + value.to_string().len() + 4;
    attributes.iter().map(most).sum::<usize>() > MAX_ATTRIBUTES_BYTES
        && attributes.iter().map(exact).sum::<usize>() > MAX_ATTRIBUTES_BYTES
}

fn short(text: &str) -> Option<String> {
    text.chars()
        .nth(MAX_TEXT)
        .is_none()
        .then(|| text.to_owned())
}

/// One address, or several between semicolons.
fn addresses(entry: &mut Entry, kind: &'static str, cell: &str) -> Result<(), Cow<'static, str>> {
    for text in cell
        .split(';')
        .map(str::trim)
        .filter(|text| !text.is_empty())
    {
        let form =
            address::canonical(kind, value::text(text)).map_err(|error| error.to_string())?;
        let known = entry
            .addresses
            .iter()
            .any(|one| one.kind == kind && one.address == form);
        if !known {
            entry.addresses.push(Address {
                kind,
                address: form,
                consent: None,
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use schemas::Encoding;
    use serde_json::json;

    use super::*;
    use crate::contact::{
        column,
        record::{Place, Records, Step},
    };

    pub(super) fn read(
        header: &str,
        row: &str,
        on_conflict: OnConflict,
    ) -> Result<Entry, ImportError> {
        let columns =
            column::read(header.as_bytes(), None, Encoding::Utf8, &BTreeMap::new()).unwrap();
        let mut records = Records::new(
            columns.delimiter,
            columns.all.len(),
            Place { bytes: 0, line: 2 },
        );
        records.feed(row.as_bytes());
        records.finish();
        let mut fields = Fields::default();
        let Step::Record(line) = records.next(&mut fields) else {
            panic!("no record: {row}");
        };
        let consent = Consent::Given;
        Reader {
            columns: &columns,
            on_conflict,
            consent,
        }
        .read(line, &fields)
    }

    #[test]
    fn a_row_is_a_contact() {
        let header = "Vorname,Nachname,E-Mail,Phone,language,tz,preferred_channel,seats,VIP,signup,external_id,email_consent";
        let row = "Ann, Smith ,Ann@EXAMPLE.org; b@example.org,+49 (0) 30 1234567,de_at,Europe/Vienna,Twilio,3,true,2026-01-31,0007,withdrawn;";
        let entry = read(header, row.trim_end_matches(';'), OnConflict::Update).unwrap();
        assert_eq!(entry.name, Some(Some("Ann Smith".into())));
        assert_eq!(entry.external_id, Some(Some("0007".into())));
        assert_eq!(entry.language, Some(Some("de-AT".into())));
        assert_eq!(entry.preferred_channel, Some(Some("phone")));
        let addresses: Vec<_> = entry
            .addresses
            .iter()
            .map(|one| (one.kind, one.address.as_str(), one.consent))
            .collect();
        assert_eq!(
            addresses,
            [
                ("email", "ann@example.org", Some(Consent::Withdrawn)),
                ("email", "b@example.org", Some(Consent::Withdrawn)),
                ("phone", "+49301234567", Some(Consent::Given)),
            ]
        );
        assert_eq!(
            Value::Object(entry.attributes),
            json!({
            "first_name": "Ann", "last_name": "Smith", "seats": 3, "vip": true, "signup": "2026-01-31"})
        );
    }

    #[test]
    fn what_is_wrong_is_told_by_its_column() {
        for (header, row, column, reason) in [
            ("email,name", ",Ann", None, "there is no address"),
            ("E-Mail", "ann", Some("E-Mail"), "not an e-mail address"),
            (
                "email,phone",
                "a@b.example,030 1",
                Some("phone"),
                "not a telephone number with its country",
            ),
            (
                "email,language",
                "a@b.example,german!",
                Some("language"),
                "not a language tag",
            ),
            (
                "email,tz",
                "a@b.example,Vienna",
                Some("tz"),
                "not a time zone",
            ),
            (
                "email,number:seats",
                "a@b.example,many",
                Some("number:seats"),
                "not a number",
            ),
            (
                "email,email_consent",
                "a@b.example,perhaps",
                Some("email_consent"),
                "a consent is",
            ),
            (
                "email,preferred_channel",
                "a@b.example,pigeon",
                Some("preferred_channel"),
                "not a kind",
            ),
            (
                "email,name",
                "a@b.example,Ann\0",
                Some("name"),
                "a character in it cannot be kept: NUL",
            ),
            (
                "email,tags",
                r#"a@b.example,"[""a\u0000""]""#,
                Some("tags"),
                "a character in it cannot be kept: NUL",
            ),
            (
                "email,name,,",
                "a@b.example,Ann,,?",
                None,
                "there is something in the column 4, which has no name",
            ),
        ] {
            let error = read(header, row, OnConflict::Update).unwrap_err();
            assert_eq!((error.line, error.column.as_deref()), (2, column), "{row}");
            assert!(error.reason.starts_with(reason), "{row}: {}", error.reason);
        }
        let long = format!("a@b.example,{}", "x".repeat(256));
        assert!(read("email,name", &long, OnConflict::Update).is_err());
    }

    #[test]
    fn an_empty_cell_empties_where_it_is_told_to() {
        let entry = read("email,name,plan", "a@b.example,,", OnConflict::Update).unwrap();
        assert_eq!((entry.name, entry.attributes.len()), (None, 0));
        let entry = read("email,name,plan", "a@b.example,,", OnConflict::Overwrite).unwrap();
        assert_eq!(entry.name, Some(None));
        assert_eq!(Value::Object(entry.attributes), json!({"plan": null}));
        // What a shorter row leaves out is empty.
        let short = read("email,name,plan", "a@b.example", OnConflict::Overwrite).unwrap();
        assert_eq!(short.name, Some(None));
        assert_eq!(Value::Object(short.attributes), json!({"plan": null}));
    }
}
