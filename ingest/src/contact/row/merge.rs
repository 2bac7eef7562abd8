//! Rows about one contact, as if they had come one after the other.

use std::mem;

use schemas::{Consent, OnConflict};
use store::contact::import::{Address, Entry};

/// Puts what a later row says of the same contact into what an earlier one said.
pub fn merge(into: &mut Entry, later: Entry, on_conflict: OnConflict) {
    into.rows += later.rows;
    if on_conflict == OnConflict::Skip {
        return;
    }
    let put = |before: &mut Option<Option<String>>, after: Option<Option<String>>| {
        if after.is_some() {
            *before = after;
        }
    };
    put(&mut into.external_id, later.external_id);
    put(&mut into.name, later.name);
    put(&mut into.language, later.language);
    put(&mut into.time_zone, later.time_zone);
    if later.preferred_channel.is_some() {
        into.preferred_channel = later.preferred_channel;
    }
    into.attributes.extend(later.attributes);
    for mut address in later.addresses {
        let same = |one: &&mut Address| one.kind == address.kind && one.address == address.address;
        match into.addresses.iter_mut().find(same) {
            Some(known) => {
                let after = mem::take(&mut address.consent);
                // Nothing takes a withdrawal back.
                if known.consent != Some(Consent::Withdrawn) && after.is_some() {
                    known.consent = after;
                }
            }
            None => into.addresses.push(address),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{super::tests::read, *};

    #[test]
    fn a_later_row_of_the_same_contact_wins() {
        let header = "email,name,plan,seats";
        let first = || read(header, "a@b.example,Ann,free,1", OnConflict::Update).unwrap();
        let later = || read(header, "a@b.example;c@b.example,,pro,", OnConflict::Update).unwrap();
        let mut entry = first();
        merge(&mut entry, later(), OnConflict::Update);
        assert_eq!((entry.rows, entry.addresses.len()), (2, 2));
        assert_eq!(entry.name, Some(Some("Ann".into())));
        assert_eq!(
            Value::Object(entry.attributes),
            json!({"plan": "pro", "seats": 1})
        );
        let mut entry = first();
        merge(&mut entry, later(), OnConflict::Skip);
        assert_eq!((entry.rows, entry.addresses.len()), (2, 1));
        assert_eq!(entry.attributes.get("plan"), Some(&json!("free")));
    }
}
