//! The body of a mail (RFC 2045, 2046): its words, what stands within the page, and the files beside them.

use lettre::message::{
    Attachment as Enclosure, Body, MessageBuilder, MultiPart, MultiPartBuilder, SinglePart,
    header::ContentType,
};
use schemas::{ButtonType, Content, Format, Message};

use super::{
    super::{
        Failure,
        text::{self, Dialect, Limit, Unit},
    },
    address::one_line,
    file::{self, Files},
};

/// Longest text; the hub takes less.
const WHOLE: Limit = Limit {
    max: 4 * 1024 * 1024,
    unit: Unit::Bytes,
};

/// The words in the forms there are, what stands within the page, and the files: each layer only where it is needed.
pub(super) fn body(
    builder: MessageBuilder,
    message: &Message,
    files: Files,
) -> Result<lettre::Message, Failure> {
    let content = with_lists(&message.content, &files);
    let plain = match content.format {
        // As it stands: nothing to take out, and no limit to cut at.
        Format::Plain => content.text.clone(),
        Format::Markdown => text::parts(&content, Dialect::Plain, WHOLE).join("\n"),
    };
    let given = content.html.as_deref().filter(|html| !html.is_empty());
    let page = match given {
        Some(html) => Some(html.to_owned()),
        None if content.format == Format::Plain => None,
        None => Some(text::parts(&content, Dialect::Html, WHOLE).join("\n")),
    }
    .filter(|page| !page.trim().is_empty());
    let (within, beside): (Vec<_>, Vec<_>) = files
        .enclosed
        .into_iter()
        .partition(|file| file.content_id.is_some() && page.is_some());
    if plain.trim().is_empty() && page.is_none() && beside.is_empty() {
        return Err(Failure::message("empty", "neither text, HTML nor files"));
    }
    let failed = |error: lettre::error::Error| Failure::message("mail", error.to_string());
    let single = |file: file::File| -> SinglePart {
        let kind = ContentType::parse(&one_line(&file.content_type)).unwrap_or_else(|_| octets());
        let enclosure = match file.content_id {
            Some(id) => Enclosure::new_inline_with_name(id, file.name),
            None => Enclosure::new(file.name),
        };
        enclosure.body(Body::new(file.bytes.to_vec()), kind)
    };
    let words = match (plain.trim().is_empty(), page) {
        (_, None) => Words::One(SinglePart::plain(plain)),
        (true, Some(page)) => Words::One(SinglePart::html(page)),
        (false, Some(page)) => Words::Several(MultiPart::alternative_plain_html(plain, page)),
    };
    let words = if within.is_empty() {
        words
    } else {
        let related = words.begin(MultiPart::related());
        Words::Several(
            within
                .into_iter()
                .map(single)
                .fold(related, MultiPart::singlepart),
        )
    };
    if beside.is_empty() {
        return match words {
            Words::One(part) => builder.singlepart(part),
            Words::Several(parts) => builder.multipart(parts),
        }
        .map_err(failed);
    }
    let mixed = words.begin(MultiPart::mixed());
    let mixed = beside
        .into_iter()
        .map(single)
        .fold(mixed, MultiPart::singlepart);
    builder.multipart(mixed).map_err(failed)
}

enum Words {
    One(SinglePart),
    Several(MultiPart),
}

impl Words {
    /// The first part of a larger body.
    fn begin(self, larger: MultiPartBuilder) -> MultiPart {
        match self {
            Self::One(part) => larger.singlepart(part),
            Self::Several(parts) => larger.multipart(parts),
        }
    }
}

fn octets() -> ContentType {
    ContentType::parse("application/octet-stream").unwrap_or(ContentType::TEXT_PLAIN)
}

/// The content with its buttons, and links to what is too large, listed below the words.
fn with_lists(content: &Content, files: &Files) -> Content {
    let mut content = content.clone();
    let links = files
        .linked
        .iter()
        .map(|(name, url)| format!("{name}: {url}"));
    let lists: Vec<String> = std::iter::once(text::listed(&content.buttons))
        .chain(links)
        .filter(|list| !list.is_empty())
        .collect();
    if lists.is_empty() {
        return content;
    }
    if let Some(page) = content.html.as_mut().filter(|page| !page.is_empty()) {
        let mut item = |title: &str, url: Option<&str>| {
            let (title, url) = (escaped(title), url.map(escaped));
            page.push_str(&match url {
                Some(url) => format!("<p><a href=\"{url}\">{title}</a></p>"),
                None => format!("<p>{title}</p>"),
            });
        };
        for button in &content.buttons {
            let url = button
                .url
                .as_deref()
                .filter(|_| button.kind == ButtonType::Url);
            item(&button.title, url);
        }
        for (name, url) in &files.linked {
            item(name, Some(url));
        }
    }
    content.text = format!("{}\n\n{}", content.text, lists.join("\n"));
    content
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
