//! Approved messages of a platform whose variables are filled in for each recipient.
//!
//! Invariant: what is filled in is as the platform takes it, or an error that names the variable. A variable may not be
//! empty, and has neither line breaks nor tabs nor more than four blanks in a row; WhatsApp refuses the message otherwise
//! (<https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes>, 132007 and 132018).
//! What the template itself gets wrong is a [`Problem`] before anybody is written to.
//!
//! Deliberately absent: how long the whole may be, for which its approved text would have to be known.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use minijinja::{Environment, Value};
use schemas::{
    ChannelKind, PlatformTemplate, TemplateHeaderType,
    campaign::{Tracked, Wording},
};

use crate::{
    engine, page,
    problem::{Flaw, Part, Problem, RenderError},
    ready::ready,
    recipient::{Links, Recipient},
    words::{self, Words},
};

/// Blanks in a row that are too many.
const BLANKS: &str = "     ";

/// An approved message, ready to be filled in.
#[derive(Debug)]
pub(crate) struct Approved {
    template: PlatformTemplate,
    texts: Vec<Text>,
    /// Sorted; without what follows a dot.
    names: Arc<[Box<str>]>,
    /// With what follows a dot.
    pub(crate) variables: BTreeSet<String>,
    pub(crate) optional: BTreeSet<String>,
}

/// One of its texts.
#[derive(Debug)]
struct Text {
    /// A JSON pointer.
    place: String,
    is_address: bool,
    /// What it is called in the engine; none where there is nothing to fill in.
    name: Option<String>,
}

impl Approved {
    /// Checks every text and puts it into the engine, which knows it by `number`.
    pub(crate) fn new(
        engine: &mut Environment<'static>,
        number: usize,
        template: &PlatformTemplate,
        language: Option<&str>,
    ) -> Result<Self, Vec<Problem>> {
        let mut approved = Self {
            template: template.clone(),
            texts: Vec::new(),
            names: Arc::default(),
            variables: BTreeSet::new(),
            optional: BTreeSet::new(),
        };
        let untracked = Tracked {
            opens: false,
            clicks: false,
            unsubscribe: false,
        };
        let has_file = template
            .header
            .as_ref()
            .is_some_and(|header| header.kind != TemplateHeaderType::Text);
        let mut problems = Vec::new();
        for (at, (place, source)) in template.texts().into_iter().enumerate() {
            let is_address = has_file && place == "/header/value";
            let is_filled = ["{{", "{%", "{#"].iter().any(|open| source.contains(open));
            let name = format!("{number}.{}.{at}", Part::Platform.name());
            let checked = if is_filled {
                ready(engine, &name, source, Part::Platform, untracked, None).map(|ready| {
                    approved.variables.extend(ready.variables);
                    approved.optional.extend(ready.optional);
                })
            } else {
                wrong(source, is_address).map_or(Ok(()), |wrong| {
                    Err(vec![Flaw::new(0, format!("This {wrong}."))])
                })
            };
            for flaw in checked.err().into_iter().flatten() {
                let mut problem = flaw.placed(source, language, Part::Platform);
                problem.place = Some(place.clone());
                problems.push(problem);
            }
            approved.texts.push(Text {
                place,
                is_address,
                name: is_filled.then_some(name),
            });
        }
        let names = approved.variables.iter();
        let names: BTreeSet<Box<str>> = names.map(|name| words::root(name).into()).collect();
        approved.names = names.into_iter().collect();
        if problems.is_empty() {
            Ok(approved)
        } else {
            Err(problems)
        }
    }

    /// Whether a channel of this kind sends it.
    pub(crate) fn fits(&self, kind: ChannelKind) -> bool {
        self.template.fits(kind)
    }

    /// What a recipient gets. [`RenderError::Missing`] names nothing yet.
    pub(crate) fn fill(
        &self,
        engine: &Environment<'static>,
        recipient: &Recipient<'_>,
        defaults: &BTreeMap<String, String>,
        links: &dyn Links,
    ) -> Result<PlatformTemplate, RenderError> {
        let words = Words::new(&self.names, &self.variables, recipient, defaults, links);
        let words = Value::from_object(words);
        let mut texts = self.texts.iter();
        self.template.filled(&mut |source| {
            let Some((text, name)) = texts
                .next()
                .and_then(|text| Some((text, text.name.as_ref()?)))
            else {
                return Ok(source.to_owned());
            };
            let template = engine.get_template(name).map_err(|_| RenderError::Empty)?;
            let said = engine::say(&template, Part::Platform, words.clone())?;
            let said = page::addressed(said, false, links).trim().to_owned();
            match wrong(&said, text.is_address) {
                None => Ok(said),
                Some(reason) => Err(RenderError::Variable {
                    place: text.place.clone(),
                    reason,
                }),
            }
        })
    }
}

/// That contacts of any language get something: words, where there are any, and an approved message, where there is one.
pub(crate) fn lacking(wordings: &[Wording], problems: &mut Vec<Problem>) {
    let mut lacks = |part: Part, reason: &str| {
        let flaw = Flaw::new(0, reason).hint("It is what contacts of any other language get.");
        problems.push(flaw.placed("", None, part));
    };
    let Some(main) = wordings.iter().find(|wording| wording.language.is_none()) else {
        return lacks(Part::Text, "There is no wording without a language.");
    };
    if main.platform.is_some() && !main.has_words() && wordings.iter().any(Wording::has_words) {
        lacks(Part::Text, "There is no text without a language.");
    }
    if main.platform.is_none() && wordings.iter().any(|wording| wording.platform.is_some()) {
        lacks(
            Part::Platform,
            "There is no platform template without a language.",
        );
    }
}

/// Why a platform would not take a text.
fn wrong(text: &str, is_address: bool) -> Option<&'static str> {
    if text.trim().is_empty() {
        return Some("is empty, which the platform does not take");
    }
    if text.contains(['\n', '\r', '\t']) || text.contains(BLANKS) {
        return Some(
            "has a line break, a tab or more than four blanks in a row, which the platform does not take",
        );
    }
    let is_web = || {
        ["https://", "http://"]
            .iter()
            .any(|scheme| text.len() > scheme.len() && text.starts_with(scheme))
            && !text.contains(char::is_whitespace)
    };
    (is_address && !is_web()).then_some("is no address of a file (https://…)")
}

#[cfg(test)]
#[path = "approved_tests.rs"]
mod tests;
