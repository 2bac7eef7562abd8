//! Templates that were checked and made ready.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use minijinja::{Environment, Value};
use schemas::campaign::{Tracked, Wording};

use crate::{
    construct, engine,
    grammar::{self, Reads},
    html, page,
    problem::{Flaw, Part, Problem, RenderError},
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
        if !source
            .wordings
            .iter()
            .any(|wording| wording.language.is_none())
        {
            let flaw = Flaw::new(0, "There is no wording without a language.")
                .hint("It is what contacts of any other language get.");
            problems.push(flaw.placed("", None, Part::Text));
        }
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
        self.wording(recipient.language)
            .map(|wording| missing(wording, recipient, &self.defaults))
            .unwrap_or_default()
    }

    /// What a recipient gets.
    ///
    /// # Errors
    /// [`RenderError`]: this recipient cannot be written to; the next one may.
    pub fn render(
        &self,
        recipient: &Recipient<'_>,
        links: &dyn Links,
    ) -> Result<Rendered, RenderError> {
        let wording = self.wording(recipient.language).ok_or(RenderError::Empty)?;
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
            })
        };
        match parts() {
            Err(RenderError::Missing(_)) => {
                let mut names = missing(wording, recipient, &self.defaults);
                if names.iter().any(|name| self.required.contains(name)) {
                    names.retain(|name| self.required.contains(name));
                }
                Err(RenderError::Missing(names))
            }
            Ok(said) if said.text.is_empty() && said.html.is_none() => Err(RenderError::Empty),
            said => said,
        }
    }

    /// The wording of a language, of its primary language, or the one without.
    fn wording(&self, language: Option<&str>) -> Option<&Spoken> {
        let of = |language: Option<&str>| {
            self.wordings
                .iter()
                .find(|wording| match (wording.language.as_deref(), language) {
                    (Some(has), Some(wants)) => has.eq_ignore_ascii_case(wants),
                    (None, None) => true,
                    _ => false,
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
        if wording.text.trim().is_empty()
            && wording
                .html
                .as_deref()
                .is_none_or(|html| html.trim().is_empty())
        {
            problems.push(Flaw::new(0, "There is no text.").placed("", language, Part::Text));
        }
        spoken.made = wording.text.trim().is_empty();
        spoken.subject = subject.map(|(name, _)| name);
        spoken.html = html.map(|(name, _)| name);
        spoken.text = text.map(|(name, _)| name);
        let names: BTreeSet<Box<str>> = spoken
            .variables
            .iter()
            .map(|name| root(name).into())
            .collect();
        spoken.names = names.into_iter().collect();
        let read = spoken
            .variables
            .iter()
            .filter(|name| !words::is_built_in(root(name)) || *name == "email");
        for name in read {
            self.variables.insert(name.clone());
            let provided = optional.contains(name)
                || optional.contains(root(name))
                || self.defaults.contains_key(root(name));
            if !provided {
                self.required.insert(name.clone());
            }
        }
        self.wordings.push(spoken);
    }
}

/// A part that is in the engine.
struct Ready {
    variables: BTreeSet<String>,
    optional: BTreeSet<String>,
    /// Of HTML: the source of a text part made of it.
    text: Option<String>,
}

/// Checks a part and puts it into the engine.
fn ready(
    engine: &mut Environment<'static>,
    name: &str,
    source: &str,
    part: Part,
    tracked: Tracked,
    footer: Option<Option<&str>>,
) -> Result<Ready, Vec<Flaw>> {
    if let Some(at) = source.bytes().position(|byte| !page::is_plain(byte)) {
        return Err(vec![Flaw::new(at, "There is a control character here.")]);
    }
    let pieces = construct::cut(source).map_err(|flaw| vec![flaw])?;
    let Reads { optional } = grammar::check(source, &pieces)?;
    engine
        .add_template_owned(name.to_owned(), source.to_owned())
        .map_err(|error| vec![syntax(&error, source)])?;
    let variables: BTreeSet<String> = engine
        .get_template(name)
        .map(|template| template.undeclared_variables(true))
        .unwrap_or_default()
        .into_iter()
        .collect();
    let names_a_way_out =
        variables.contains("unsubscribe_url") || variables.contains("preferences_url");
    let footer = footer.filter(|_| !names_a_way_out);
    let mut text = None;
    let changed = match part {
        Part::Html => {
            let document = html::scan(source, &pieces)?;
            text = Some(html::plain(source, &pieces, &document));
            Some(html::ready(source, &pieces, &document, tracked, footer)?)
        }
        Part::Text => footer.map(|language| source.to_owned() + &html::plain_footer(language)),
        Part::Subject => None,
    };
    if let Some(changed) = changed {
        engine
            .add_template_owned(name.to_owned(), changed)
            .map_err(|error| vec![syntax(&error, source)])?;
    }
    Ok(Ready {
        variables,
        optional,
        text,
    })
}

/// What the engine's own compiler says.
fn syntax(error: &minijinja::Error, source: &str) -> Flaw {
    let line = error.line().unwrap_or(1);
    let begin: usize = source
        .split_inclusive('\n')
        .take(line.saturating_sub(1))
        .map(str::len)
        .sum();
    let at = error.range().map_or(begin, |range| range.start);
    let detail = error.detail().unwrap_or("it cannot be read");
    Flaw::new(at, format!("This is no template: {detail}."))
}

fn missing(
    wording: &Spoken,
    recipient: &Recipient<'_>,
    defaults: &BTreeMap<String, String>,
) -> Vec<String> {
    wording
        .variables
        .iter()
        .filter(|name| !words::has(root(name), recipient, defaults))
        .cloned()
        .collect()
}

fn root(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

fn one_line(subject: &str) -> String {
    subject.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
#[path = "compiled_tests.rs"]
mod tests;
