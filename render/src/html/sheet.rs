//! Style sheets written into the elements they speak of, because mail programs drop sheets.
//!
//! What an element's own `style` says comes after and wins, but for what is `!important`. A sheet keeps the rules that
//! cannot be written into elements, and all of them where classes are made by constructs. A sheet with constructs
//! in it, one for other media, and one with `data-tidings-inline="off"` stays as it is.

use std::ops::Range;

use super::{
    Edit,
    css::{self, Declaration, Element, Selector, Weight},
    scan::{Document, Event, Tag},
    text::VOID,
};
use crate::page;

/// Comparisons of an element with a part of a selector, and bytes of declarations that are written into elements, all in
/// all; what is left then stays in the sheets.
const WORK: u64 = 20_000_000;
/// Elements that are known around another one.
const MAX_DEPTH: usize = 200;
/// Elements whose end may be left out, and that end where the next of them begins.
const SIBLINGS: [&str; 8] = ["dd", "dt", "li", "option", "p", "td", "th", "tr"];
const HEADLESS: [&str; 7] = ["base", "head", "link", "meta", "script", "style", "title"];

struct Sheet {
    range: Range<usize>,
    rules: Vec<css::Rule>,
}

/// The edits that inline every sheet.
pub(super) fn inline(source: &str, document: &Document) -> Vec<Edit> {
    let mut sheets = sheets(source, document);
    if sheets.is_empty() {
        return Vec::new();
    }
    let (edits, is_whole) = styled(source, document, &sheets);
    if is_whole {
        edits
            .into_iter()
            .chain(sheets.iter_mut().map(|sheet| rest_of(source, sheet)))
            .collect()
    } else {
        edits
    }
}

fn sheets(source: &str, document: &Document) -> Vec<Sheet> {
    let mut sheets = Vec::new();
    let mut events = document.events.iter().peekable();
    while let Some(event) = events.next() {
        let Event::Start(tag) = event else { continue };
        if tag.name != "style" {
            continue;
        }
        let value = |name: &str| {
            tag.attribute(name)
                .and_then(|attribute| source.get(attribute.value.clone()))
                .unwrap_or_default()
                .to_ascii_lowercase()
        };
        let is_ours = matches!(value("media").as_str(), "" | "all" | "screen")
            && value("data-tidings-inline") != "off";
        let mut range: Option<Range<usize>> = None;
        let mut varies = false;
        while let Some(event) =
            events.next_if(|event| !matches!(event, Event::Start(_) | Event::End(_)))
        {
            match event {
                Event::RawText(part) => {
                    let start = range.map_or(part.start, |range| range.start);
                    range = Some(start..part.end);
                }
                _ => varies = true,
            }
        }
        if let (Some(range), true, false) = (range, is_ours, varies) {
            let rules = css::rules(source.get(range.clone()).unwrap_or_default());
            sheets.push(Sheet { range, rules });
        }
    }
    sheets
}

/// The edits of elements, and whether the sheets' rules need not stay.
fn styled(source: &str, document: &Document, sheets: &[Sheet]) -> (Vec<Edit>, bool) {
    let mut edits = Vec::new();
    let mut tree = Tree {
        open: Vec::new(),
        blocks: Vec::new(),
        work: WORK,
    };
    let mut is_whole = true;
    for event in &document.events {
        match event {
            Event::Start(tag) => {
                is_whole &= !tag.attributes.iter().any(|attribute| {
                    attribute.varies && matches!(attribute.name.as_str(), "class" | "id")
                });
                tree.start(element(source, tag));
                let declarations = tree.declarations(sheets);
                if !declarations.is_empty() {
                    edits.push(styled_tag(source, tag, &declarations));
                }
                if VOID.contains(&tag.name.as_str()) {
                    tree.open.pop();
                }
            }
            Event::End(name) => tree.end(name),
            Event::Block(range) => tree.block(source.get(range.clone()).unwrap_or_default()),
            Event::Text(_) | Event::RawText(_) | Event::Expression(_) => {}
        }
    }
    (edits, is_whole && tree.work > 0)
}

fn element<'a>(source: &'a str, tag: &'a Tag) -> Element<'a> {
    // Of what is made by constructs, what stands before them counts.
    let value = |name: &str| {
        let attribute = tag.attribute(name)?;
        let value = source.get(attribute.value.clone())?;
        Some(if attribute.varies {
            let fixed = value.split('{').next().unwrap_or_default();
            fixed
                .rfind(char::is_whitespace)
                .and_then(|end| fixed.get(..end))
                .unwrap_or_default()
        } else {
            value
        })
    };
    Element {
        name: &tag.name,
        id: value("id").map(str::trim),
        classes: value("class")
            .unwrap_or_default()
            .split_whitespace()
            .collect(),
        attributes: tag
            .attributes
            .iter()
            .filter(|attribute| !attribute.varies)
            .filter_map(|attribute| {
                Some((
                    attribute.name.as_str(),
                    source.get(attribute.value.clone())?,
                ))
            })
            .collect(),
    }
}

/// The elements that are open.
struct Tree<'a> {
    open: Vec<std::rc::Rc<Element<'a>>>,
    /// What was open where a block began.
    blocks: Vec<Vec<std::rc::Rc<Element<'a>>>>,
    work: u64,
}

impl<'a> Tree<'a> {
    fn start(&mut self, element: Element<'a>) {
        if SIBLINGS.contains(&element.name)
            && self
                .open
                .last()
                .is_some_and(|last| last.name == element.name)
        {
            self.open.pop();
        }
        if self.open.len() >= MAX_DEPTH {
            self.open.pop();
        }
        self.open.push(std::rc::Rc::new(element));
    }

    fn end(&mut self, name: &str) {
        if let Some(at) = self.open.iter().rposition(|element| element.name == name) {
            self.open.truncate(at);
        }
    }

    /// A branch begins where the one before it began.
    fn block(&mut self, block: &str) {
        let name = block.trim_start_matches(['{', '%', '-', '+', ' ', '\t', '\r', '\n']);
        if name.starts_with("if") || name.starts_with("for") {
            if self.blocks.len() < 64 {
                self.blocks.push(self.open.clone());
            }
        } else if name.starts_with("el") {
            if let Some(open) = self.blocks.last() {
                self.open.clone_from(open);
            }
        } else if name.starts_with("end") {
            self.blocks.pop();
        }
    }

    /// What the sheets say of the innermost element, the weaker before the stronger.
    fn declarations(&mut self, sheets: &[Sheet]) -> Vec<Declaration> {
        let Some(element) = self.open.last().cloned() else {
            return Vec::new();
        };
        if HEADLESS.contains(&element.name) || self.work == 0 {
            return Vec::new();
        }
        let mut said: Vec<(Weight, &[Declaration])> = Vec::new();
        for rule in sheets.iter().flat_map(|sheet| &sheet.rules) {
            let strongest = rule
                .selectors
                .iter()
                .filter(|selector| self.fits(selector, &element))
                .map(|selector| selector.weight)
                .max();
            if let Some(weight) = strongest {
                said.push((weight, &rule.declarations));
            }
        }
        // Stable: of two that weigh the same, the later one wins.
        said.sort_by_key(|(weight, _)| *weight);
        let mut declarations: Vec<Declaration> = Vec::new();
        for declaration in said.iter().flat_map(|(_, declarations)| *declarations) {
            let cost = declarations.len() + declaration.value.len() + 16;
            self.work = self
                .work
                .saturating_sub(u64::try_from(cost).unwrap_or(u64::MAX));
            if self.work == 0 {
                return Vec::new();
            }
            let stronger = declarations
                .iter()
                .position(|known| known.property == declaration.property);
            match stronger {
                Some(at)
                    if declarations
                        .get(at)
                        .is_some_and(|known| known.important && !declaration.important) => {}
                Some(at) => {
                    declarations.remove(at);
                    declarations.push(declaration.clone());
                }
                None => declarations.push(declaration.clone()),
            }
        }
        declarations
    }

    /// Whether a selector means the innermost element.
    fn fits(&mut self, selector: &Selector, element: &Element<'_>) -> bool {
        let Some((last, _)) = selector.parts.split_last() else {
            return false;
        };
        self.work = self.work.saturating_sub(1);
        if self.work == 0 || !last.fits(element) {
            return false;
        }
        if selector.parts.len() == 1 {
            return true;
        }
        // Which first parts fit a way down that ends at the element before (`here`), or anywhere above (`above`).
        let (mut here, mut above) = (0_u32, 0_u32);
        let mut reached = 0_u32;
        for element in &self.open {
            reached = 0;
            for (index, part) in selector.parts.iter().enumerate() {
                self.work = self.work.saturating_sub(1);
                let led = match index.checked_sub(1) {
                    None => true,
                    Some(before) => {
                        let from = if part.is_child { here } else { above };
                        from & (1 << before) != 0
                    }
                };
                if led && part.fits(element) {
                    reached |= 1 << index;
                }
            }
            here = reached;
            above |= reached;
        }
        reached & (1 << (selector.parts.len() - 1)) != 0
    }
}

/// An element with declarations put before its own.
fn styled_tag(source: &str, tag: &Tag, declarations: &[Declaration]) -> Edit {
    let css = |is_important: bool| {
        let mut css = String::new();
        for declaration in declarations
            .iter()
            .filter(|declaration| declaration.important == is_important)
        {
            if !css.is_empty() {
                css.push(';');
            }
            css.push_str(&declaration.property);
            css.push(':');
            page::escape(&mut css, &declaration.value);
            if is_important {
                css.push_str(" !important");
            }
        }
        css
    };
    let (normal, important) = (css(false), css(true));
    let own = tag.attribute("style");
    let said = own
        .and_then(|own| source.get(own.value.clone()))
        .map(|said| said.trim().trim_end_matches(';'))
        .unwrap_or_default();
    let parts: Vec<&str> = [normal.as_str(), said, important.as_str()]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect();
    let value = parts.join(";");
    match own {
        Some(own) if own.quoted => Edit::new(
            own.value.clone(),
            // Its quotes stay: what is put in has none of its own.
            value,
        ),
        Some(own) => Edit::new(own.range.clone(), format!("style=\"{value}\"")),
        None => Edit::new(
            tag.after_name..tag.after_name,
            format!(" style=\"{value}\""),
        ),
    }
}

/// A sheet without the rules that were written into elements.
fn rest_of(source: &str, sheet: &mut Sheet) -> Edit {
    let text = source.get(sheet.range.clone()).unwrap_or_default();
    let mut rest = String::new();
    let mut at = 0;
    for rule in sheet.rules.iter().filter(|rule| rule.whole) {
        rest.push_str(text.get(at..rule.range.start).unwrap_or_default());
        at = rule.range.end;
    }
    rest.push_str(text.get(at..).unwrap_or_default());
    let rest = if rest.trim().is_empty() {
        String::new()
    } else {
        rest
    };
    Edit::new(sheet.range.clone(), rest)
}
