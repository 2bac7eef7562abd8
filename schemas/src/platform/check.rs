//! Whether the credentials and settings that somebody gives a channel are what its platform's fields mean.
//!
//! Invariants: all that is wrong is told at once, as far as [`MAX_WRONGS`]; a wrong is told by its place and by what is wanted
//! there, never by the value. Deliberately absent: fields that are not given, as a channel may only receive or only send: what
//! it lacks, a channel test tells.

use serde_json::{Map, Value};

use super::{COMMON, Field, Form, of};
use crate::ChannelKind;

/// How much is told of what is wrong.
pub const MAX_WRONGS: usize = 50;
/// Characters of an unknown name that are repeated.
const MAX_NAME: usize = 64;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// JSON Pointer (RFC 6901) from what was checked.
    pub pointer: String,
    /// What to write there instead, for people.
    pub detail: String,
}

/// What is wrong with the credentials of a channel of this kind.
#[must_use]
pub fn credentials(kind: ChannelKind, given: &Map<String, Value>) -> Vec<Wrong> {
    let platform = of(kind);
    let mut list = List(Vec::new());
    list.object("", given, platform.credentials, &[], |name| {
        let elsewhere = platform.settings.iter().chain(COMMON);
        if is_known(elsewhere, name) {
            return "This is a setting; it goes into `config.settings`.".to_owned();
        }
        let what = format!("A {kind} channel has no such credential");
        unknown(
            &what,
            platform.credentials.iter(),
            name,
            "; notes go into `metadata`",
        )
    });
    list.0
}

/// What is wrong with the settings of a channel of this kind.
#[must_use]
pub fn settings(kind: ChannelKind, given: &Map<String, Value>) -> Vec<Wrong> {
    let platform = of(kind);
    let mut list = List(Vec::new());
    list.object("", given, platform.settings, COMMON, |name| {
        if is_known(platform.credentials.iter(), name) {
            return "This is a credential; it goes into `credentials`, where it is encrypted."
                .to_owned();
        }
        let what = format!("A {kind} channel has no such setting");
        let known = platform.settings.iter().chain(COMMON);
        unknown(&what, known, name, "; notes go into `metadata`")
    });
    list.0
}

struct List(Vec<Wrong>);

impl List {
    fn add(&mut self, pointer: String, detail: String) {
        if self.0.len() < MAX_WRONGS {
            self.0.push(Wrong { pointer, detail });
        }
    }

    /// Checks an object's parts; `stranger` says what to do with a name that is in neither list.
    fn object(
        &mut self,
        pointer: &str,
        given: &Map<String, Value>,
        fields: &[Field],
        more: &[Field],
        stranger: impl Fn(&str) -> String,
    ) {
        for (name, value) in given {
            let place = format!("{pointer}/{}", escaped(name));
            match fields.iter().chain(more).find(|field| field.is(name)) {
                Some(field) => self.value(place, field.form, value),
                None if self.0.len() < MAX_WRONGS => self.add(place, stranger(name)),
                None => return,
            }
        }
        for field in fields.iter().filter(|field| field.required) {
            if !given.contains_key(field.name) {
                let detail = format!("This is missing: {}", field.about);
                self.add(format!("{pointer}/{}", field.name), detail);
            }
        }
    }

    fn value(&mut self, pointer: String, form: Form, value: &Value) {
        match (form, value) {
            (Form::List(of), Value::Array(items)) if form.fits(value) => {
                for (place, item) in items.iter().enumerate() {
                    self.value(format!("{pointer}/{place}"), *of, item);
                }
            }
            (Form::Fields(fields), Value::Object(given)) => {
                self.object(&pointer, given, fields, &[], |name| {
                    unknown("There is no such part", fields.iter(), name, "")
                });
            }
            _ if form.fits(value) => {}
            _ => self.add(pointer, format!("This must be {}.", form.wanted())),
        }
    }
}

fn is_known<'f>(mut fields: impl Iterator<Item = &'f Field>, name: &str) -> bool {
    fields.any(|field| field.is(name))
}

/// What there is in place of an unknown name.
fn unknown<'f>(
    what: &str,
    known: impl Iterator<Item = &'f Field> + Clone,
    name: &str,
    after: &str,
) -> String {
    let names: Vec<&str> = known.map(|field| field.name).collect();
    let hint = nearest(&names, name)
        .map(|near| format!("; did you mean `{near}`?"))
        .unwrap_or_else(|| ".".to_owned());
    let list = match names.as_slice() {
        [] => "It takes none".to_owned(),
        names => format!("It takes `{}`", names.join("`, `")),
    };
    format!("{what}{hint} {list}{after}.")
}

/// The name that was probably meant.
fn nearest<'n>(names: &[&'n str], given: &str) -> Option<&'n str> {
    let given = plain(given);
    let far = (given.len() / 3).max(1);
    names
        .iter()
        .map(|name| (strsim::damerau_levenshtein(&plain(name), &given), *name))
        .filter(|(distance, _)| *distance <= far)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// A name without what styles of writing differ in.
fn plain(name: &str) -> String {
    name.chars()
        .take(MAX_NAME)
        .filter(|c| !matches!(c, '_' | '-' | ' '))
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

/// A name as a part of a JSON Pointer, cut short.
#[must_use]
pub fn escaped(name: &str) -> String {
    let name: String = name.chars().take(MAX_NAME).collect();
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    type Check = fn(ChannelKind, &Map<String, Value>) -> Vec<Wrong>;

    fn wrongs(check: Check, kind: ChannelKind, given: &Value) -> Vec<(String, String)> {
        let wrongs = check(kind, given.as_object().unwrap());
        wrongs
            .into_iter()
            .map(|wrong| (wrong.pointer, wrong.detail))
            .collect()
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let given = json!({"smtp": {"port": 0, "tls": "maybe", "passwort": "x"}, "from": "nobody"});
        let found = wrongs(credentials, ChannelKind::Email, &given);
        let places: Vec<&str> = found.iter().map(|(place, _)| place.as_str()).collect();
        assert_eq!(
            places,
            [
                "/from",
                "/smtp/passwort",
                "/smtp/port",
                "/smtp/tls",
                "/smtp/host"
            ]
        );
        let said = |place: &str| &found.iter().find(|(found, _)| found == place).unwrap().1;
        assert!(said("/smtp/passwort").contains("did you mean `password`?"));
        assert!(said("/smtp/host").starts_with("This is missing"));
    }

    #[test]
    fn names_are_known_or_nearly() {
        let said = |check: Check, kind, given| wrongs(check, kind, &given).remove(0).1;
        let detail = said(
            credentials,
            ChannelKind::Telegram,
            json!({"botToken": "1:a"}),
        );
        assert!(detail.contains("did you mean `bot_token`?"), "{detail}");
        let detail = said(settings, ChannelKind::Telegram, json!({"bot_token": "1:a"}));
        assert!(detail.contains("goes into `credentials`"), "{detail}");
        let detail = said(
            credentials,
            ChannelKind::Slack,
            json!({"api_base": "https://x"}),
        );
        assert!(detail.contains("goes into `config.settings`"), "{detail}");
        let detail = said(settings, ChannelKind::Sandbox, json!({"colour": "red"}));
        assert!(
            detail.contains("`metadata`") && !detail.contains("did you mean"),
            "{detail}"
        );
        let detail = said(credentials, ChannelKind::Sandbox, json!({"x": "y"}));
        assert!(detail.contains("It takes none"), "{detail}");
        assert_eq!(
            wrongs(
                settings,
                ChannelKind::Sandbox,
                &json!({"rate_limit": 5, "rateLimit": 5})
            ),
            []
        );
        let odd = wrongs(settings, ChannelKind::Sandbox, &json!({"a/b~c": 1}));
        assert_eq!(odd[0].0, "/a~1b~0c");
    }

    #[test]
    fn parts_of_lists_are_told_by_their_place() {
        let given = json!({"origins": ["https://a.example", "a.example", 7]});
        let found = wrongs(settings, ChannelKind::Webchat, &given);
        let places: Vec<&str> = found.iter().map(|(place, _)| place.as_str()).collect();
        assert_eq!(places, ["/origins/1", "/origins/2"]);
    }

    #[test]
    fn a_thousand_wrongs_are_told_as_some() {
        let many: Map<String, Value> = (0..1000).map(|n| (format!("x{n}"), json!(1))).collect();
        assert_eq!(settings(ChannelKind::Sandbox, &many).len(), MAX_WRONGS);
    }

    #[test]
    fn values_are_not_repeated() {
        for kind in ChannelKind::ALL {
            let wrong = json!("hunter2\u{0}");
            for (check, fields) in [
                (credentials as Check, of(kind).credentials),
                (settings, of(kind).settings),
            ] {
                let given = fields
                    .iter()
                    .map(|field| (field.name.to_owned(), wrong.clone()));
                let found = check(kind, &given.collect());
                assert_eq!(found.len(), fields.len(), "{kind}: {found:?}");
                assert!(found.iter().all(|wrong| !wrong.detail.contains("hunter2")));
            }
        }
    }
}
