//! A row of a file as a contact, or what is wrong with it.

mod merge;
#[cfg(test)]
mod tests;

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
        for (kind, states) in &consents {
            let of_kind = entry.addresses.iter().filter(|one| one.kind == *kind);
            if states.len() > 1 && states.len() != of_kind.count() {
                let mut columns = self.columns.all.iter();
                let header = columns.find(|(_, column)| *column == Column::Consent(kind));
                return Err(wrong(
                    header.map(|(header, _)| header),
                    "there are not as many consents as addresses; one is for all of them",
                ));
            }
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
