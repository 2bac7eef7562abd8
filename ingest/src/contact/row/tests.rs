//! Rows as they come, and what they are taken for.

use std::collections::BTreeMap;

use schemas::Encoding;
use serde_json::json;

use super::*;
use crate::contact::{
    column,
    record::{Place, Records, Step},
};

pub(super) fn read(header: &str, row: &str, on_conflict: OnConflict) -> Result<Entry, ImportError> {
    let columns = column::read(header.as_bytes(), None, Encoding::Utf8, &BTreeMap::new()).unwrap();
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
            "email,email_consent",
            "a@b.example;c@b.example;d@b.example,given;given",
            Some("email_consent"),
            "there are not as many consents as addresses",
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
