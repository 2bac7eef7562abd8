//! The words of a mail: which parts are its text, and what they say.

use mail_parser::{Message as Mail, MessagePart, MimeHeaders, PartType};

use super::{charset, flowed, uuencode};
use crate::{
    normalize::{MAX_HTML_BYTES, MAX_TEXT_BYTES, html},
    text::prefix,
};

/// What stands in a mail for people to read.
#[derive(Default)]
pub(super) struct Words {
    /// With `\n` line ends, and the marks of [`html`] where it was made from a page.
    pub(super) text: String,
    /// The page.
    pub(super) html: Option<String>,
    /// The page's text, with marks, when `text` is not made from it.
    pub(super) page: Option<String>,
    /// Files that stand within the text: the part's place, its own place in there, name and size.
    pub(super) enclosed: Vec<(u32, usize, String, usize)>,
    /// The part that was taken for a file, because it or what surrounds it is broken, and is the text.
    pub(super) rescued: Option<u32>,
}

impl Words {
    pub(super) fn of(mail: &Mail<'_>) -> Self {
        let mut words = Self::default();
        let mut plain = false;
        for id in &mail.text_body {
            let Some(part) = mail.part(*id) else { continue };
            let text = match &part.body {
                PartType::Text(_) => {
                    let text = words.plain(*id, mail, part);
                    plain |= !text.trim().is_empty();
                    text
                }
                PartType::Html(_) => html::to_marked_text(&charset::text(mail, part)),
                _ => continue,
            };
            let text = text.trim();
            if !words.text.is_empty() && !text.is_empty() {
                words.text.push_str("\n\n");
            }
            words.text.push_str(text);
            if words.text.len() > MAX_TEXT_BYTES {
                break;
            }
        }
        let page = mail.html_body.iter().find_map(|id| {
            let part = mail.part(*id)?;
            matches!(part.body, PartType::Html(_)).then(|| charset::text(mail, part))
        });
        if let Some(page) = page {
            if words.text.is_empty() {
                words.text = html::to_marked_text(&page);
            } else if plain {
                words.page = Some(html::to_marked_text(&page));
            }
            words.html = Some(prefix(&page, MAX_HTML_BYTES + 1).to_owned());
        }
        if words.text.is_empty() && words.html.is_none() {
            words.rescue(mail);
        }
        words
    }

    /// Takes the first part whose MIME is broken, where there is no other text: a boundary that never comes or never
    /// closes, an encoding that is none.
    fn rescue(&mut self, mail: &Mail<'_>) {
        let broken = mail.attachments.iter().find_map(|id| {
            let part = mail.part(*id)?;
            let given = part.content_type();
            let ctype = given.map_or("text", |given| given.ctype());
            let is_file = part
                .content_disposition()
                .is_some_and(|disposition| disposition.is_attachment());
            let is_words = match ctype {
                "multipart" => true,
                "text" => part.is_encoding_problem,
                _ => false,
            };
            (matches!(part.body, PartType::Text(_)) && is_words && !is_file).then_some((*id, part))
        });
        let Some((id, part)) = broken else { return };
        let text = charset::text(mail, part);
        let is_page = part
            .content_type()
            .and_then(|given| given.subtype())
            .is_some_and(|subtype| subtype.eq_ignore_ascii_case("html"));
        if is_page {
            self.text = html::to_marked_text(&text);
            self.html = Some(prefix(&text, MAX_HTML_BYTES + 1).to_owned());
        } else {
            let text = prefix(&text, MAX_TEXT_BYTES * 2);
            text.replace("\r\n", "\n").trim().clone_into(&mut self.text);
        }
        self.rescued = Some(id);
    }

    /// The text of a plain part, its files taken out.
    fn plain(&mut self, id: u32, mail: &Mail<'_>, part: &MessagePart<'_>) -> String {
        let text = charset::text(mail, part);
        let text = prefix(&text, MAX_TEXT_BYTES * 2);
        let says = |name: &str, value: &str| {
            part.content_type()
                .and_then(|given| given.attribute(name))
                .is_some_and(|given| given.eq_ignore_ascii_case(value))
        };
        if says("format", "flowed") {
            return flowed::unfold(text, says("delsp", "yes"));
        }
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        if !text.contains("begin ") {
            return text;
        }
        let (kept, files) = uuencode::split(&text);
        let named = files.into_iter().enumerate();
        self.enclosed
            .extend(named.map(|(at, file)| (id, at, file.name, file.bytes.len())));
        kept
    }
}
