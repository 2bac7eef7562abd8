//! What a word means that stands over a column or in a mapping.

use schemas::address;
use unicode_normalization::UnicodeNormalization;

use super::{super::value::Type, Column, ColumnError, shown};

/// Longest name of an attribute, in bytes.
const MAX_NAME: usize = 255;

/// What a word of a mapping means.
#[must_use]
pub fn meant(word: &str) -> Option<Column> {
    let word = word.trim();
    if let Some((kind, name)) = word.split_once(':') {
        let (name, as_type) = match kind {
            // `attribute:zip:text` is `text:zip`.
            "attribute" => match name
                .rsplit_once(':')
                .map(|(name, word)| (name, typed(word)))
            {
                Some((name, Some(as_type))) => (name, as_type),
                Some((_, None)) | None => (name, Type::Auto),
            },
            kind => (name, typed(kind)?),
        };
        let named = (1..=MAX_NAME).contains(&name.len()) && !name.contains('\0');
        return named.then(|| Column::Attribute(name.to_owned(), as_type));
    }
    Some(match word {
        "name" => Column::Name,
        "external_id" => Column::ExternalId,
        "language" => Column::Language,
        "time_zone" => Column::TimeZone,
        "preferred_channel" => Column::PreferredChannel,
        "ignore" => Column::Ignored,
        word => match word.strip_suffix("_consent") {
            Some(kind) => Column::Consent(address::kind(kind)?),
            None => Column::Address(address::kind(word)?),
        },
    })
}

fn typed(word: &str) -> Option<Type> {
    Some(match word {
        "auto" => Type::Auto,
        "text" => Type::Text,
        "number" => Type::Number,
        "boolean" => Type::Boolean,
        _ => return None,
    })
}

/// What a header most likely means. A field is the first column that looks like it; all that is unknown is an attribute.
pub(super) fn guessed(
    header: &str,
    is_taken: impl Fn(&Column) -> bool,
) -> Result<Column, ColumnError> {
    let known = match header {
        // What an export adds for people.
        "contact_id" | "created_at" | "updated_at" => Some(Column::Ignored),
        header => meant(header).or_else(|| usual(&plain(header))),
    };
    let free = |column: &Column| {
        matches!(column, Column::Address(_) | Column::Ignored) || !is_taken(column)
    };
    if let Some(column) = known.filter(free) {
        return Ok(column);
    }
    let name = attribute(header);
    let as_type = match is_code(&plain(header)) {
        true => Type::Text,
        false => Type::Auto,
    };
    match name.is_empty() || name.len() > MAX_NAME {
        true => Err(ColumnError::Name(shown(header))),
        false => Ok(Column::Attribute(name, as_type)),
    }
}

/// A header in letters and digits alone, without case and accents.
pub(super) fn plain(header: &str) -> String {
    header
        .nfd()
        .filter(|char| char.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

/// The name of an attribute: `Favourite colour` is `favourite_colour`.
#[must_use]
pub fn attribute(header: &str) -> String {
    let mut name = String::with_capacity(header.len());
    for char in header.nfc() {
        if char.is_alphanumeric() {
            name.extend(char.to_lowercase());
        } else if !name.ends_with('_') && !name.is_empty() {
            name.push('_');
        }
    }
    name.truncate(name.trim_end_matches('_').len());
    // Templates read no name that begins with a digit.
    if name.starts_with(|char: char| char.is_numeric()) {
        name.insert(0, '_');
    }
    name
}

/// A header that is understood as this attribute.
#[must_use]
pub fn header_of(attribute: &str) -> String {
    match guessed(attribute, |_| false) {
        // A code's column is text, and the attribute may be something else.
        Ok(Column::Attribute(name, _)) if name == attribute && !is_code(&plain(attribute)) => name,
        _ => match meant(&format!("attribute:{attribute}")) {
            Some(Column::Attribute(name, Type::Auto)) if name == attribute => {
                format!("attribute:{attribute}")
            }
            _ => format!("attribute:{attribute}:auto"),
        },
    }
}

/// What digits of are names, not quantities: postal codes, numbers that one calls, accounts.
fn is_code(plain: &str) -> bool {
    matches!(
        plain,
        "zip"
            | "zipcode"
            | "postcode"
            | "postalcode"
            | "plz"
            | "postleitzahl"
            | "codepostal"
            | "codigopostal"
            | "fax"
            | "faxnumber"
            | "faxnummer"
            | "customernumber"
            | "kundennummer"
            | "accountnumber"
            | "kontonummer"
            | "membernumber"
            | "mitgliedsnummer"
    )
}

/// Names that people and programs give to columns, in English, German, French and Spanish.
fn usual(plain: &str) -> Option<Column> {
    Some(match plain {
        "email" | "emails" | "mail" | "emailaddress" | "mailaddress" | "emailadresse"
        | "mailadresse" | "adresseemail" | "adressemail" | "courriel" | "correo"
        | "correoelectronico" | "email1value" | "primaryemail" | "emailid" => {
            Column::Address("email")
        }
        "phone" | "phonenumber" | "telephone" | "telephonenumber" | "tel" | "mobile"
        | "mobilephone" | "mobilenumber" | "cell" | "cellphone" | "sms" | "telefon"
        | "telefonnummer" | "telefonnr" | "handy" | "handynummer" | "mobil" | "mobiltelefon"
        | "mobilnummer" | "portable" | "telefono" | "movil" | "phone1value" | "primaryphone" => {
            Column::Address("phone")
        }
        "whatsapp" | "whatsappnumber" | "whatsappnummer" => Column::Address("whatsapp"),
        "name" | "fullname" | "displayname" | "contactname" | "vollername" | "nomcomplet"
        | "nombrecompleto" => Column::Name,
        "externalid" => Column::ExternalId,
        "language" | "lang" | "locale" | "sprache" | "langue" | "idioma" => Column::Language,
        "timezone" | "tz" | "zeitzone" | "fuseauhoraire" | "zonahoraria" => Column::TimeZone,
        "preferredchannel" => Column::PreferredChannel,
        "firstname" | "givenname" | "forename" | "vorname" | "prenom" => {
            Column::Attribute("first_name".into(), Type::Text)
        }
        "lastname" | "surname" | "familyname" | "nachname" | "familienname" | "apellido"
        | "apellidos" => Column::Attribute("last_name".into(), Type::Text),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::{super::tests::columns, *};

    #[test]
    fn an_attribute_has_a_header() {
        for (name, header) in [
            ("plan", "plan"),
            ("first_name", "first_name"),
            ("Plan", "attribute:Plan"),
            ("email", "attribute:email"),
            ("mail", "attribute:mail"),
            ("contact_id", "attribute:contact_id"),
            ("a:b", "attribute:a:b"),
            ("a:text", "attribute:a:text:auto"),
            ("auto", "auto"),
            ("zip", "attribute:zip"),
        ] {
            assert_eq!(header_of(name), header);
            let read = columns(&format!("{header},email\n"), &[]).unwrap();
            let meant = read.all.first().map(|(_, column)| column);
            assert!(
                matches!(meant, Some(Column::Attribute(read, _)) if read == name),
                "{name}"
            );
        }
    }
}
