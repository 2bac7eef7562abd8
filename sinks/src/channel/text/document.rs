//! A text as lines of marked spans.
//!
//! Plain text becomes its lines, blank ones counted. Markdown is read as `CommonMark` with `~~strike~~`
//! (github.github.com/gfm), with one difference: a line end stays a line end, as people who write to people mean it.
//! What the subset does not have is text.

use std::rc::Rc;

use pulldown_cmark::{CodeBlockKind, Event, LinkType, Options, Parser, Tag, TagEnd};
use schemas::{Content, Format};

use super::{
    Dialect,
    nest::{Frame, Kind, Nest},
};

/// A line, never with an end in it.
#[derive(Debug)]
pub(super) struct Line {
    /// Empty lines before it.
    pub(super) blank: usize,
    pub(super) frames: Rc<[Frame]>,
    /// What stands before its text: signs of quotes and items, where they are signs.
    pub(super) prefix: String,
    /// The same where the line goes on in another part.
    pub(super) again: String,
    pub(super) spans: Vec<Span>,
}

#[derive(Debug)]
pub(super) struct Span {
    pub(super) text: String,
    pub(super) marks: Rc<[Mark]>,
}

/// From the outer to the inner; no kind twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Bold,
    Italic,
    Strike,
    /// Numbered, so that two beside each other stay two.
    Code(u32),
    Link(u32, Rc<str>),
}

/// Reads the text of a message. Links longer than a quarter of `max` are written out as text, which can be cut.
pub(super) fn read(content: &Content, dialect: Dialect, max: usize) -> Vec<Line> {
    let text = content.text.trim_end().trim_start_matches(['\r', '\n']);
    let mut reader = Reader::new(dialect, max / 4);
    match content.format {
        Format::Plain => reader.plain(text),
        Format::Markdown => reader.markdown(text),
    }
    reader.end_line();
    reader.lines
}

struct Reader {
    dialect: Dialect,
    longest_url: usize,
    lines: Vec<Line>,
    line: Option<Line>,
    nest: Nest,
    marks: Vec<Mark>,
    /// Whether each open mark of the source was new.
    opened: Vec<bool>,
    /// The labels so far of open links, and what they lead to, when that has to be written out.
    links: Vec<Option<(String, String)>>,
    /// Numbers of the next items of the open lists.
    numbers: Vec<Option<u64>>,
    /// Empty lines before the next one.
    blank: usize,
    ids: u32,
    verbatim: bool,
}

impl Reader {
    fn new(dialect: Dialect, longest_url: usize) -> Self {
        Self {
            dialect,
            longest_url,
            lines: Vec::new(),
            line: None,
            nest: Nest::new(dialect),
            marks: Vec::new(),
            opened: Vec::new(),
            links: Vec::new(),
            numbers: Vec::new(),
            blank: 0,
            ids: 0,
            verbatim: false,
        }
    }

    fn plain(&mut self, text: &str) {
        self.nest.enter(Kind::Paragraph);
        self.verbatim(text);
    }

    fn markdown(&mut self, text: &str) {
        for event in Parser::new_ext(text, Options::ENABLE_STRIKETHROUGH) {
            match event {
                Event::Start(tag) => self.start(tag),
                Event::End(tag) => self.end(tag),
                Event::Text(text) | Event::Html(text) if self.verbatim => self.verbatim(&text),
                Event::Text(text) | Event::InlineHtml(text) | Event::Html(text) => self.text(&text),
                Event::Code(code) => self.code(&code),
                Event::SoftBreak | Event::HardBreak => self.end_line(),
                Event::Rule => {
                    self.end_line();
                    self.text("———");
                    self.end_line();
                    self.blank = 1;
                }
                // Of extensions that are not asked for.
                _ => {}
            }
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Paragraph => self.block(Kind::Paragraph),
            Tag::Heading { .. } => {
                self.block(Kind::Paragraph);
                self.mark(Mark::Bold);
            }
            Tag::BlockQuote(_) => self.block(Kind::Quote),
            Tag::List(first) => {
                self.numbers.push(first);
                self.block(Kind::List {
                    ordered: first.is_some(),
                });
            }
            Tag::Item => {
                let number = self.numbers.last_mut().and_then(|next| {
                    let number = *next;
                    *next = next.map(|n| n.saturating_add(1));
                    number
                });
                self.block(Kind::Item(number));
            }
            Tag::CodeBlock(kind) => {
                let language = match kind {
                    CodeBlockKind::Fenced(info) => language(&info),
                    CodeBlockKind::Indented => None,
                };
                self.block(Kind::Code(language));
                self.verbatim = true;
            }
            Tag::HtmlBlock => {
                self.block(Kind::Paragraph);
                self.verbatim = true;
            }
            Tag::Emphasis => self.mark(Mark::Italic),
            Tag::Strong => self.mark(Mark::Bold),
            Tag::Strikethrough => self.mark(Mark::Strike),
            Tag::Link {
                dest_url,
                link_type,
                ..
            } => {
                // Discord takes no address as a label.
                let bare = self.dialect == Dialect::Discord
                    && matches!(link_type, LinkType::Autolink | LinkType::Email);
                self.link(&dest_url, bare);
            }
            Tag::Image { dest_url, .. } => self.link(&dest_url, false),
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph | TagEnd::BlockQuote(_) | TagEnd::CodeBlock | TagEnd::HtmlBlock => {
                self.leave();
                self.verbatim = false;
                self.blank = 1;
            }
            TagEnd::Heading(_) => {
                self.unmark();
                self.leave();
                self.blank = 1;
            }
            TagEnd::List(_) => {
                self.numbers.pop();
                self.leave();
                if self.numbers.is_empty() {
                    self.blank = 1;
                }
            }
            TagEnd::Item => {
                // An item without text has its sign all the same.
                if self.line.is_none() && self.nest.signs_left() {
                    self.text("");
                }
                self.leave();
            }
            TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough => self.unmark(),
            TagEnd::Link | TagEnd::Image => self.unlink(),
            _ => {}
        }
    }

    fn block(&mut self, kind: Kind) {
        self.end_line();
        self.nest.enter(kind);
    }

    fn leave(&mut self) {
        self.end_line();
        self.nest.leave();
    }

    fn mark(&mut self, mark: Mark) {
        let new = !self.marks.contains(&mark);
        self.opened.push(new);
        if new {
            self.marks.push(mark);
        }
    }

    fn unmark(&mut self) {
        if self.opened.pop() == Some(true) {
            self.marks.pop();
        }
    }

    fn link(&mut self, url: &str, bare: bool) {
        let inside = self.marks.iter().any(|mark| matches!(mark, Mark::Link(..)));
        let fits = leads(url) && url.len() <= self.longest_url;
        if fits && !bare && !inside && self.dialect.has_links() {
            self.ids += 1;
            self.mark(Mark::Link(self.ids, url.into()));
            self.links.push(None);
        } else {
            self.links.push(Some((String::new(), url.to_owned())));
        }
    }

    /// Ends a link; one without a label gets its address as one.
    fn unlink(&mut self) {
        let Some(open) = self.links.pop() else { return };
        let Some((label, url)) = open else {
            return self.unmark();
        };
        if label.is_empty() {
            self.text(&url);
        } else if label != url
            && url.strip_prefix("mailto:") != Some(label.as_str())
            && !url.is_empty()
        {
            self.text(&format!(" ({url})"));
        }
        self.label(&label);
    }

    /// Remembers what stands for the innermost link, as far as it could be its address.
    fn label(&mut self, text: &str) {
        if let Some(Some((label, url))) = self.links.last_mut()
            && label.len() <= url.len()
        {
            label.push_str(text);
        }
    }

    fn code(&mut self, code: &str) {
        // Where a sign ends it, code with that sign in it stays text.
        let signed = !matches!(
            self.dialect,
            Dialect::TelegramHtml | Dialect::Html | Dialect::Plain
        );
        if signed && code.contains('`') {
            return self.text(code);
        }
        let linked = self.marks.iter().any(|mark| matches!(mark, Mark::Link(..)));
        if linked && self.dialect != Dialect::Html {
            return self.text(code);
        }
        self.ids += 1;
        let mark = Mark::Code(self.ids);
        // Telegram takes no other mark around code.
        let marks = if self.dialect == Dialect::TelegramHtml {
            vec![mark]
        } else {
            self.marks.iter().cloned().chain([mark]).collect()
        };
        self.span(code, marks.into());
    }

    /// Text that has lines of its own.
    fn verbatim(&mut self, text: &str) {
        for (at, line) in text.split('\n').enumerate() {
            if at > 0 {
                if self.line.is_none() {
                    self.blank += 1;
                }
                self.end_line();
            }
            let line = line.trim_end_matches(['\r', ' ']);
            if !line.trim_start().is_empty() {
                self.text(line);
            }
        }
    }

    fn text(&mut self, text: &str) {
        let marks = match self
            .marks
            .iter()
            .position(|mark| matches!(mark, Mark::Link(..)))
        {
            // A label has no marks there, and those around it come first.
            Some(at) if self.dialect == Dialect::SlackMrkdwn => self.marks.iter().take(at + 1),
            _ => self.marks.iter().take(usize::MAX),
        };
        let marks = marks.cloned().collect();
        self.span(text, marks);
    }

    fn span(&mut self, text: &str, marks: Rc<[Mark]>) {
        self.label(text);
        self.begin_line();
        let Some(line) = &mut self.line else { return };
        let one_line = || text.replace(['\n', '\r'], " ");
        match line.spans.last_mut() {
            Some(last) if last.marks == marks => last.text.push_str(&one_line()),
            _ => line.spans.push(Span {
                text: one_line(),
                marks,
            }),
        }
    }

    fn begin_line(&mut self) {
        if self.line.is_some() {
            return;
        }
        let (prefix, again) = self.nest.signs();
        self.line = Some(Line {
            blank: if self.lines.is_empty() { 0 } else { self.blank },
            frames: self.nest.frames(),
            prefix,
            again,
            spans: Vec::new(),
        });
        self.blank = 0;
    }

    fn end_line(&mut self) {
        self.lines.extend(self.line.take());
    }
}

/// Whether an address may be behind a label: schemes that do no more than lead somewhere.
fn leads(url: &str) -> bool {
    let scheme = url
        .split_once(':')
        .map(|(scheme, _)| scheme.to_ascii_lowercase());
    matches!(scheme.as_deref(), Some("http" | "https" | "mailto" | "tel"))
}

/// The first word after a fence, when it looks like a language.
fn language(info: &str) -> Option<Rc<str>> {
    let word = info.split([' ', ',', '\t']).next()?;
    let fits = (1..=20).contains(&word.len())
        && word
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"+#-_".contains(&b));
    fits.then(|| word.into())
}
