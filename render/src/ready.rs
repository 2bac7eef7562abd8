//! A part's source, checked and put into the engine.

use std::collections::BTreeSet;

use minijinja::Environment;
use schemas::campaign::Tracked;

use crate::{
    construct,
    grammar::{self, Reads},
    html, page,
    problem::{Flaw, Part},
};

/// A part that is in the engine.
pub(crate) struct Ready {
    pub(crate) variables: BTreeSet<String>,
    pub(crate) optional: BTreeSet<String>,
    /// Of HTML: the source of a text part made of it.
    pub(crate) text: Option<String>,
}

/// Checks a part and puts it into the engine.
pub(crate) fn ready(
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
        Part::Subject | Part::Platform => None,
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
