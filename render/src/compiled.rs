//! Templates that were checked and made ready.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use minijinja::{Environment, Value};
use schemas::{
    ChannelKind, PlatformTemplate,
    campaign::{Tracked, Wording},
    invisible::is_blank,
};

use crate::{
    approved::{Approved, lacking},
    engine, grammar, html, page,
    problem::{Flaw, Part, Problem, RenderError},
    ready::ready,
    recipient::{Links, Recipient},
    words::{self, Words},
};

/// What is compiled.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// One of them without a language, for everybody whose language has none.
    pub wordings: &'a [Wording],
    pub tracked: Tracked,
    /// What a name is for whoever has no such attribute.
    pub defaults: &'a BTreeMap<String, String>,
}

/// What one recipient gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    pub subject: Option<String>,
    pub text: String,
    pub html: Option<String>,
    /// The approved message that is sent instead of all that, where there is one.
    pub platform: Option<PlatformTemplate>,
}

/// Templates ready to be filled in; shared by reference.
#[derive(Debug)]
pub struct Compiled {
    engine: Environment<'static>,
    wordings: Vec<Spoken>,
    variables: BTreeSet<String>,
    required: BTreeSet<String>,
    defaults: BTreeMap<String, String>,
}

/// A wording: which parts there are, and which names they read.
#[derive(Debug, Default)]
struct Spoken {
    language: Option<String>,
    subject: Option<String>,
    text: Option<String>,
    /// Whether the text was made of the HTML.
    made: bool,
    html: Option<String>,
    /// Sorted; without what follows a dot.
    names: Arc<[Box<str>]>,
    /// With what follows a dot.
    variables: BTreeSet<String>,
    /// What channels of its platform send instead.
    approved: Option<Approved>,
}

impl Spoken {
    const fn has_words(&self) -> bool {
        self.text.is_some() || self.html.is_some()
    }

    const fn is_approved(&self) -> bool {
        self.approved.is_some()
    }
}

impl Compiled {
    /// Checks and compiles.
    ///
    /// # Errors
    /// Everything that is wrong with any wording, in their order.
    pub fn new(source: Source<'_>) -> Result<Self, Vec<Problem>> {
        let mut compiled = Self {
            engine: engine::engine(),
            wordings: Vec::with_capacity(source.wordings.len()),
            variables: BTreeSet::new(),
            required: BTreeSet::new(),
            defaults: source.defaults.clone(),
        };
        let mut problems = Vec::new();
        for wording in source.wordings {
            compiled.add(wording, source.tracked, &mut problems);
        }
        lacking(source.wordings, &mut problems);
        if problems.is_empty() {
            Ok(compiled)
        } else {
            Err(problems)
        }
    }

    /// The attributes that are read, in all wordings; what is read of an attribute follows a dot (`order.total`).
    /// Without built-in names, but with `name` and `email`, which may be attributes.
    #[must_use]
    pub fn variables(&self) -> &BTreeSet<String> {
        &self.variables
    }

    /// Those of [`Self::variables`] that every contact needs: without a default of the campaign or the template, and
    /// never asked for with `if`.
    #[must_use]
    pub fn required(&self) -> &BTreeSet<String> {
        &self.required
    }

    /// Those of [`Self::variables`] in its wording for which a recipient has no value and the campaign no default.
    #[must_use]
    pub fn missing(&self, recipient: &Recipient<'_>) -> Vec<String> {
        let language = recipient.language;
        let words = self.wording(language, Spoken::has_words);
        let words = words.map(|wording| &wording.variables);
        let approved = self.approved(language).map(|approved| &approved.variables);
        let names: BTreeSet<String> = words
            .into_iter()
            .chain(approved)
            .flat_map(|variables| missing(variables, recipient, &self.defaults))
            .collect();
        names.into_iter().collect()
    }

    /// Whether there is something to say by channels that no approved message is for.
    #[must_use]
    pub fn has_words(&self) -> bool {
        self.wordings.iter().any(Spoken::has_words)
    }

    /// What a recipient gets by a channel of this kind: the approved message, where it is one for such a channel, else
    /// the words; a mail whose subject has a template gets none without words in it. A sandbox that has no words says which approved message it would be.
    ///
    /// # Errors
    /// [`RenderError`]: this recipient cannot be written to; the next one may.
    pub fn render_for(
        &self,
        kind: ChannelKind,
        recipient: &Recipient<'_>,
        links: &dyn Links,
    ) -> Result<Rendered, RenderError> {
        let shown = kind == ChannelKind::Sandbox && !self.has_words();
        let approved = self.approved(recipient.language);
        let Some(approved) = approved.filter(|approved| shown || approved.fits(kind)) else {
            let said = self.render(recipient, links)?;
            let is_mail = kind.address_kind() == ChannelKind::Email.address_kind();
            return match &said.subject {
                Some(subject) if is_mail && is_blank(subject) => Err(RenderError::NoSubject),
                _ => Ok(said),
            };
        };
        let filled = self.filled(approved, recipient, links)?;
        Ok(Rendered {
            subject: None,
            text: if shown {
                filled.summary()
            } else {
                String::new()
            },
            html: None,
            platform: Some(filled),
        })
    }

    /// The approved message that a recipient gets by channels of its platform; none where there is none.
    #[must_use]
    pub fn platform(
        &self,
        recipient: &Recipient<'_>,
        links: &dyn Links,
    ) -> Option<Result<PlatformTemplate, RenderError>> {
        let approved = self.approved(recipient.language)?;
        Some(self.filled(approved, recipient, links))
    }

    fn approved(&self, language: Option<&str>) -> Option<&Approved> {
        self.wording(language, Spoken::is_approved)?
            .approved
            .as_ref()
    }

    fn filled(
        &self,
        approved: &Approved,
        recipient: &Recipient<'_>,
        links: &dyn Links,
    ) -> Result<PlatformTemplate, RenderError> {
        approved
            .fill(&self.engine, recipient, &self.defaults, links)
            .map_err(|error| self.named(error, &approved.variables, recipient))
    }

    /// The words that a recipient gets.
    ///
    /// # Errors
    /// [`RenderError`]: this recipient cannot be written to; the next one may.
    pub fn render(
        &self,
        recipient: &Recipient<'_>,
        links: &dyn Links,
    ) -> Result<Rendered, RenderError> {
        let wording = self
            .wording(recipient.language, Spoken::has_words)
            .ok_or(RenderError::Empty)?;
        let words = Words::new(
            &wording.names,
            &wording.variables,
            recipient,
            &self.defaults,
            links,
        );
        let words = Value::from_object(words);
        let say = |name: &str, part: Part| -> Result<String, RenderError> {
            let template = self
                .engine
                .get_template(name)
                .map_err(|_| RenderError::Empty)?;
            let said = engine::say(&template, part, words.clone())?;
            Ok(page::addressed(said, part == Part::Html, links))
        };
        let parts = || -> Result<Rendered, RenderError> {
            let subject = wording
                .subject
                .as_deref()
                .map(|name| say(name, Part::Subject));
            let html = wording.html.as_deref().map(|name| say(name, Part::Html));
            let text = wording.text.as_deref().map(|name| say(name, Part::Text));
            let text = text.transpose()?.unwrap_or_default();
            Ok(Rendered {
                subject: subject.transpose()?.map(|subject| one_line(&subject)),
                text: if wording.made {
                    html::tidy(&text)
                } else {
                    text.trim().to_owned()
                },
                html: html.transpose()?,
                platform: None,
            })
        };
        match parts() {
            Err(error) => Err(self.named(error, &wording.variables, recipient)),
            Ok(said) if said.text.is_empty() && said.html.is_none() => Err(RenderError::Empty),
            said => said,
        }
    }

    /// The error, with the names that are missing.
    fn named(
        &self,
        error: RenderError,
        variables: &BTreeSet<String>,
        recipient: &Recipient<'_>,
    ) -> RenderError {
        if !matches!(error, RenderError::Missing(_)) {
            return error;
        }
        let mut names = missing(variables, recipient, &self.defaults);
        if names.iter().any(|name| self.required.contains(name)) {
            names.retain(|name| self.required.contains(name));
        }
        RenderError::Missing(names)
    }

    /// The wording of a language, of its primary language, or the one without; the first of them that `has` it.
    fn wording(&self, language: Option<&str>, has: impl Fn(&Spoken) -> bool) -> Option<&Spoken> {
        let of = |language: Option<&str>| {
            let wordings = self.wordings.iter();
            wordings.filter(|wording| has(wording)).find(|wording| {
                match (wording.language.as_deref(), language) {
                    (Some(has), Some(wants)) => has.eq_ignore_ascii_case(wants),
                    (None, None) => true,
                    _ => false,
                }
            })
        };
        let primary = language.and_then(|language| language.split(['-', '_']).next());
        language
            .and_then(|language| of(Some(language)))
            .or_else(|| primary.and_then(|language| of(Some(language))))
            .or_else(|| of(None))
    }

    fn add(&mut self, wording: &Wording, tracked: Tracked, problems: &mut Vec<Problem>) {
        let language = wording.language.as_deref();
        let number = self.wordings.len();
        let is_mail = wording.subject.is_some() || wording.html.is_some();
        let footer = (tracked.unsubscribe && is_mail).then_some(language);
        let mut spoken = Spoken {
            language: wording.language.clone(),
            ..Spoken::default()
        };
        let mut optional = BTreeSet::new();
        let mut prepare = |part: Part, source: &str| -> Option<(String, Option<String>)> {
            let name = format!("{number}.{}", part.name());
            let made = ready(&mut self.engine, &name, source, part, tracked, footer);
            match made {
                Ok(ready) => {
                    spoken.variables.extend(ready.variables);
                    optional.extend(ready.optional);
                    Some((name, ready.text))
                }
                Err(flaws) => {
                    let placed = flaws
                        .into_iter()
                        .take(grammar::MAX_FLAWS)
                        .map(|flaw| flaw.placed(source, language, part));
                    problems.extend(placed);
                    None
                }
            }
        };
        let subject = wording
            .subject
            .as_deref()
            .filter(|subject| !subject.trim().is_empty());
        let subject = subject.and_then(|source| prepare(Part::Subject, source));
        let html = wording
            .html
            .as_deref()
            .filter(|html| !html.trim().is_empty());
        let html = html.and_then(|source| prepare(Part::Html, source));
        let text = match &html {
            _ if !wording.text.trim().is_empty() => prepare(Part::Text, wording.text.trim_end()),
            Some((_, Some(made))) => prepare(Part::Text, &format!("{made}\n")),
            _ => None,
        };
        if !wording.has_words() && wording.platform.is_none() {
            problems.push(Flaw::new(0, "There is no text.").placed("", language, Part::Text));
        }
        spoken.made = wording.text.trim().is_empty();
        spoken.subject = subject.map(|(name, _)| name);
        spoken.html = html.map(|(name, _)| name);
        spoken.text = text.map(|(name, _)| name);
        let names: BTreeSet<Box<str>> = spoken
            .variables
            .iter()
            .map(|name| words::root(name).into())
            .collect();
        spoken.names = names.into_iter().collect();
        self.reads(&spoken.variables, &optional);
        if let Some(template) = &wording.platform {
            match Approved::new(&mut self.engine, number, template, language) {
                Ok(approved) => {
                    self.reads(&approved.variables, &approved.optional);
                    spoken.approved = Some(approved);
                }
                Err(wrong) => problems.extend(wrong),
            }
        }
        self.wordings.push(spoken);
    }

    /// Notes what is read, and what of it every contact must have.
    fn reads(&mut self, variables: &BTreeSet<String>, optional: &BTreeSet<String>) {
        let read = variables
            .iter()
            .filter(|name| !words::is_built_in(words::root(name)) || *name == "email");
        for name in read {
            self.variables.insert(name.clone());
            let provided = optional.contains(name)
                || optional.contains(words::root(name))
                || self.defaults.contains_key(words::root(name));
            if !provided {
                self.required.insert(name.clone());
            }
        }
    }
}

fn missing(
    variables: &BTreeSet<String>,
    recipient: &Recipient<'_>,
    defaults: &BTreeMap<String, String>,
) -> Vec<String> {
    variables
        .iter()
        .filter(|name| !words::has(words::root(name), recipient, defaults))
        .cloned()
        .collect()
}

fn one_line(subject: &str) -> String {
    subject.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
#[path = "compiled_tests.rs"]
pub(crate) mod tests;
