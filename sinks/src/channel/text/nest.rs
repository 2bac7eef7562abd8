//! Blocks in blocks, and the signs that stand for them.

use std::rc::Rc;

use super::Dialect;

/// Frames and signs kept of what is nested deeper.
const MAX_DEPTH: usize = 12;
/// Blocks in blocks that are told apart at all.
const MAX_OPEN: usize = 48;

/// A block around lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    id: u32,
    pub(super) kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Paragraph,
    Quote,
    List {
        ordered: bool,
    },
    /// With its number.
    Item(Option<u64>),
    /// With its language.
    Code(Option<Rc<str>>),
}

/// The blocks around the line that is read.
pub(super) struct Nest {
    dialect: Dialect,
    open: Vec<Frame>,
    /// Open blocks beyond [`MAX_OPEN`].
    deeper: usize,
    /// [`Self::frames`], until they change.
    shared: Option<Rc<[Frame]>>,
    /// Open items whose sign was written.
    signed: Vec<u32>,
    ids: u32,
}

impl Nest {
    pub(super) fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            open: Vec::new(),
            deeper: 0,
            shared: None,
            signed: Vec::new(),
            ids: 0,
        }
    }

    pub(super) fn enter(&mut self, kind: Kind) {
        if self.open.len() >= MAX_OPEN {
            self.deeper += 1;
            return;
        }
        self.ids += 1;
        self.open.push(Frame { id: self.ids, kind });
        self.shared = None;
    }

    pub(super) fn leave(&mut self) {
        if self.deeper > 0 {
            self.deeper -= 1;
            return;
        }
        if let Some(frame) = self.open.pop()
            && self.signed.last() == Some(&frame.id)
        {
            self.signed.pop();
        }
        self.shared = None;
    }

    /// The frames as a dialect has them.
    pub(super) fn frames(&mut self) -> Rc<[Frame]> {
        if let Some(shared) = &self.shared {
            return shared.clone();
        }
        let mut quoted = false;
        let kept = self.open.iter().filter(|frame| match frame.kind {
            Kind::Quote => {
                let first = !quoted;
                quoted = true;
                self.dialect == Dialect::Html || (self.dialect == Dialect::TelegramHtml && first)
            }
            Kind::Code(_) => self.dialect != Dialect::Plain,
            Kind::Paragraph | Kind::List { .. } | Kind::Item(_) => self.dialect.is_html(),
        });
        let shared: Rc<[Frame]> = kept.take(MAX_DEPTH).cloned().collect();
        self.shared = Some(shared.clone());
        shared
    }

    /// Whether the line of an item is still to come.
    pub(super) fn signs_left(&self) -> bool {
        self.open
            .iter()
            .any(|frame| matches!(frame.kind, Kind::Item(_)) && !self.signed.contains(&frame.id))
    }

    /// What stands before a line, and before one that goes on. Code that is fenced by lines has nothing.
    pub(super) fn signs(&mut self) -> (String, String) {
        let (mut prefix, mut again) = (String::new(), String::new());
        let fenced = self.dialect.has_fences()
            && matches!(
                self.open.last(),
                Some(Frame {
                    kind: Kind::Code(_),
                    ..
                })
            );
        let (mut lists, mut quotes) = (0, 0);
        for frame in &self.open {
            match frame.kind {
                Kind::Quote if !self.dialect.has_quote_elements() => {
                    quotes += 1;
                    // Only plain text can tell one level from the next.
                    if quotes == 1 || (self.dialect == Dialect::Plain && quotes <= MAX_DEPTH) {
                        prefix.push_str("> ");
                        again.push_str("> ");
                    }
                }
                Kind::Item(number) => {
                    lists += 1;
                    let new = self.signed.last().is_none_or(|last| *last < frame.id);
                    if new {
                        self.signed.push(frame.id);
                    }
                    if lists > MAX_DEPTH || self.dialect.is_html() {
                        continue;
                    }
                    let sign = match number {
                        Some(number) => format!("{number}. "),
                        None => self.dialect.bullet().to_owned(),
                    };
                    let indent = " ".repeat(sign.chars().count());
                    prefix.push_str(if new { &sign } else { &indent });
                    again.push_str(&indent);
                }
                _ => {}
            }
        }
        if fenced {
            return (String::new(), String::new());
        }
        (prefix, again)
    }
}
