//! Headers as they come, and what they are taken for.

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
        let read = columns(&format!("{header},courriel\n"), &[]).unwrap();
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
        (
            "email,name, name \n",
            vec![],
            ColumnError::Twice("name".into()),
        ),
        (
            "email,email\n",
            vec![("email", "email")],
            ColumnError::Twice("email".into()),
        ),
        (
            "email,a b,a-b\n",
            vec![],
            ColumnError::Same("a b".into(), "a-b".into()),
        ),
        (
            "email,a,b\n",
            vec![("a", "name"), ("b", "name")],
            ColumnError::Same("a".into(), "b".into()),
        ),
        (
            "email,a_b,ab\n",
            vec![("A B", "name")],
            ColumnError::Ambiguous("A B".into(), "a_b".into(), "ab".into()),
        ),
        (
            "email,a\n",
            vec![("A", "name"), ("a", "external_id")],
            ColumnError::MappedTwice("a".into()),
        ),
        (
            "email,,name,\na@b.example,,Ann\nb@b.example,,,x\n",
            vec![],
            ColumnError::Nameless(4),
        ),
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
    assert_eq!(
        twice.all.get(4).map(|(_, column)| column),
        Some(&Column::Nameless(5))
    );
    // A word of the mapping is the column that is written so, before one with its letters.
    let near = columns("email,a_b,ab\n", &[("ab", "name")]).unwrap();
    assert_eq!(
        near.all.get(2).map(|(_, column)| column),
        Some(&Column::Name)
    );
    let nameless = columns("email,,\na@b.example,1,2\n", &[("", "ignore")]).unwrap();
    assert_eq!(
        nameless.all.get(2).map(|(_, column)| column),
        Some(&Column::Ignored)
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
