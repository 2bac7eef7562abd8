//! Tags and their attributes.

use super::{Attribute, Event, RAW, Scan, State, Tag, cursor::trims};
use crate::{
    construct::{Kind, Piece},
    problem::Flaw,
};

impl Scan<'_> {
    /// The name behind so many bytes, in lower case; goes on behind it.
    fn name(&mut self, behind: usize) -> Result<String, Flaw> {
        let from = self.at + behind;
        self.at = from;
        let end = self.until(|byte| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>'));
        self.at = end;
        if self.construct().is_some() {
            return Err(Flaw::new(end, "A tag's name cannot be made of parts."));
        }
        Ok(self
            .source
            .get(from..end)
            .unwrap_or_default()
            .to_ascii_lowercase())
    }

    /// A closing tag: a name and nothing else.
    pub(super) fn end_tag(&mut self) -> Result<(), Flaw> {
        let start = self.at;
        let name = self.name(2)?;
        self.at = self.skip_blanks(self.at);
        if self.byte() != Some(b'>') {
            return Err(
                Flaw::new(start, format!("`</{name}` has more than its name."))
                    .hint("Is a `>` missing?"),
            );
        }
        self.at += 1;
        if name == "body" {
            self.document.end_of_body = Some(start);
        }
        self.push(Event::End(name));
        Ok(())
    }

    pub(super) fn tag(&mut self) -> Result<(), Flaw> {
        let start = self.at;
        let name = self.name(1)?;
        let state = State::Tag(self.number());
        // What is inside a tag leaves no events of its own.
        let before = self.document.events.len();
        let mut tag = Tag {
            name,
            attributes: Vec::new(),
            after_name: self.at,
        };
        loop {
            if let Some(piece) = self.construct() {
                if piece.kind == Kind::Expression || piece.kind == Kind::Raw {
                    return Err(Flaw::new(self.at, "A value cannot be an attribute.")
                        .hint("Values stand in text or between quotes: `title=\"{{ name }}\"`."));
                }
                if trims(piece.of(self.source)) {
                    return Err(
                        Flaw::new(self.at, "A construct inside a tag cannot trim blanks.")
                            .hint("Leave out the `-`."),
                    );
                }
                self.take(&piece, state)?;
                if self.byte() == Some(b'=') {
                    return Err(Flaw::new(self.at, "An attribute cannot be made of parts."));
                }
                continue;
            }
            match self.byte() {
                None => {
                    return Err(
                        Flaw::new(start, format!("`<{}` is never closed.", tag.name))
                            .hint("Is a `>` or a quote missing?"),
                    );
                }
                Some(b'>') => {
                    self.at += 1;
                    break;
                }
                Some(byte) if byte.is_ascii_whitespace() || byte == b'/' => self.at += 1,
                Some(b'=' | b'"' | b'\'' | b'<') => {
                    return Err(Flaw::new(self.at, "An attribute cannot begin like this.")
                        .hint("Is a quote missing before it?"));
                }
                Some(_) => {
                    let attribute = self.attribute(&tag)?;
                    tag.attributes.push(attribute);
                }
            }
        }
        let raw = RAW.contains(&tag.name.as_str()).then(|| tag.name.clone());
        self.document.events.truncate(before);
        self.push(Event::Start(tag));
        raw.map_or(Ok(()), |name| self.raw_text(&name))
    }

    fn attribute(&mut self, tag: &Tag) -> Result<Attribute, Flaw> {
        let start = self.at;
        let end =
            self.until(|byte| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>' | b'='));
        let name = self
            .source
            .get(start..end)
            .unwrap_or_default()
            .to_ascii_lowercase();
        self.at = end;
        if self.construct().is_some() {
            return Err(Flaw::new(
                end,
                "An attribute's name cannot be made of parts.",
            ));
        }
        let mut attribute = Attribute {
            name,
            range: start..end,
            value: end..end,
            quoted: false,
            varies: false,
        };
        let equal = self.skip_blanks(end);
        if self.source.as_bytes().get(equal) != Some(&b'=') {
            return Ok(attribute);
        }
        self.at = self.skip_blanks(equal + 1);
        let quote = self.byte().filter(|byte| matches!(byte, b'"' | b'\''));
        if let Some(quote) = quote {
            self.at += 1;
            let from = self.at;
            let state = State::Value(self.number());
            loop {
                if let Some(piece) = self.construct() {
                    self.held(tag, &attribute.name, &piece)?;
                    self.take(&piece, state)?;
                    attribute.varies = true;
                } else {
                    match self.byte() {
                        Some(byte) if byte == quote => break,
                        Some(_) => self.at = self.until(|byte| byte == quote),
                        None => {
                            return Err(Flaw::new(from - 1, "This quote is never closed."));
                        }
                    }
                }
            }
            attribute.value = from..self.at;
            attribute.quoted = true;
            self.at += 1;
        } else {
            let from = self.at;
            let end = self.until(|byte| byte.is_ascii_whitespace() || byte == b'>');
            self.at = end;
            if self.construct().is_some() {
                return Err(Flaw::new(
                    end,
                    format!("The value of `{}` needs quotes.", attribute.name),
                )
                .hint(format!("Write `{}=\"…\"`.", attribute.name)));
            }
            attribute.value = from..end;
        }
        attribute.range.end = self.at;
        Ok(attribute)
    }

    /// Whether a construct may stand in the value of an attribute.
    fn held(&self, tag: &Tag, name: &str, piece: &Piece) -> Result<(), Flaw> {
        let runs =
            name.starts_with("on") || name == "srcdoc" || (tag.name == "meta" && name == "content");
        if runs && piece.kind == Kind::Expression {
            return Err(
                Flaw::new(piece.range.start, format!("`{name}` cannot hold a value."))
                    .hint("It could be a script."),
            );
        }
        Ok(())
    }
}
