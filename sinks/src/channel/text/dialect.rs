//! How each platform writes what we mean.
//!
//! Sources: core.telegram.org/bots/api#html-style, docs.slack.dev/messaging/formatting-message-text,
//! support.discord.com "Markdown Text 101", faq.whatsapp.com "How to format your messages".

use super::{document::Mark, nest::Kind};

/// A platform's markup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// None at all.
    Plain,
    TelegramHtml,
    SlackMrkdwn,
    Discord,
    WhatsApp,
    /// Of a mail's body, without the document around it.
    Html,
}

/// Where a character stands, as far as its spelling depends on it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place {
    pub(super) code: bool,
    /// Inside an address, which platforms find by themselves.
    pub(super) address: bool,
    pub(super) line_start: bool,
}

impl Dialect {
    /// Blocks are elements of their own, and line ends nothing.
    pub(super) fn is_html(self) -> bool {
        self == Self::Html
    }

    /// Whether a link can have a label.
    pub(super) fn has_links(self) -> bool {
        !matches!(self, Self::Plain | Self::WhatsApp)
    }

    /// Whether code blocks are fenced by lines.
    pub(super) fn has_fences(self) -> bool {
        matches!(self, Self::SlackMrkdwn | Self::Discord | Self::WhatsApp)
    }

    /// Whether quotes are elements rather than a sign before each line.
    pub(super) fn has_quote_elements(self) -> bool {
        matches!(self, Self::TelegramHtml | Self::Html)
    }

    /// Whether marks are seen only at the borders of words.
    pub(super) fn marks_whole_words(self) -> bool {
        matches!(self, Self::SlackMrkdwn | Self::WhatsApp)
    }

    /// Before an item of a list without numbers. Not `•` in plain text: it would turn a text message to UCS-2.
    pub(super) fn bullet(self) -> &'static str {
        match self {
            Self::TelegramHtml | Self::SlackMrkdwn => "• ",
            Self::Plain | Self::Discord | Self::WhatsApp => "- ",
            Self::Html => "",
        }
    }

    /// Writes a piece of text so that it is read as it stands.
    pub(super) fn escape(self, text: &str, place: Place, out: &mut String) {
        for (at, c) in text.chars().enumerate() {
            match (self, c) {
                (Self::TelegramHtml | Self::SlackMrkdwn | Self::Html, '&') => out.push_str("&amp;"),
                (Self::TelegramHtml | Self::SlackMrkdwn | Self::Html, '<') => out.push_str("&lt;"),
                (Self::TelegramHtml | Self::SlackMrkdwn | Self::Html, '>') => out.push_str("&gt;"),
                (Self::Discord, '\\' | '*' | '_' | '~' | '`' | '|' | '<' | '[' | ']')
                    if !place.code && !place.address =>
                {
                    out.push('\\');
                    out.push(c);
                }
                (Self::Discord, '#' | '>' | '-') if place.line_start && at == 0 && !place.code => {
                    out.push('\\');
                    out.push(c);
                }
                // Three in a row would end the block.
                (Self::SlackMrkdwn | Self::Discord | Self::WhatsApp, '`') if place.code => {
                    out.push_str("`\u{200b}");
                }
                _ => out.push(c),
            }
        }
    }

    pub(super) fn open_mark(self, mark: &Mark, out: &mut String) {
        let sign = match (self, mark) {
            (Self::Plain, _) => "",
            (Self::TelegramHtml, Mark::Bold) => "<b>",
            (Self::TelegramHtml, Mark::Italic) => "<i>",
            (Self::Html, Mark::Bold) => "<strong>",
            (Self::Html, Mark::Italic) => "<em>",
            (Self::TelegramHtml | Self::Html, Mark::Strike) => "<s>",
            (Self::TelegramHtml | Self::Html, Mark::Code(_)) => "<code>",
            (Self::TelegramHtml | Self::Html, Mark::Link(_, url)) => {
                out.push_str("<a href=\"");
                self.address(url, out);
                "\">"
            }
            (Self::SlackMrkdwn, Mark::Link(_, url)) => {
                out.push('<');
                self.address(url, out);
                "|"
            }
            (Self::Discord, Mark::Link(..)) => "[",
            (Self::WhatsApp, Mark::Link(..)) => "",
            (Self::SlackMrkdwn | Self::Discord | Self::WhatsApp, mark) => self.sign(mark),
        };
        out.push_str(sign);
    }

    pub(super) fn close_mark(self, mark: &Mark, out: &mut String) {
        let sign = match (self, mark) {
            (Self::Plain, _) => "",
            (Self::TelegramHtml, Mark::Bold) => "</b>",
            (Self::TelegramHtml, Mark::Italic) => "</i>",
            (Self::Html, Mark::Bold) => "</strong>",
            (Self::Html, Mark::Italic) => "</em>",
            (Self::TelegramHtml | Self::Html, Mark::Strike) => "</s>",
            (Self::TelegramHtml | Self::Html, Mark::Code(_)) => "</code>",
            (Self::TelegramHtml | Self::Html, Mark::Link(..)) => "</a>",
            (Self::SlackMrkdwn, Mark::Link(..)) => ">",
            (Self::Discord, Mark::Link(_, url)) => {
                out.push_str("](");
                self.address(url, out);
                ")"
            }
            (Self::WhatsApp, Mark::Link(..)) => "",
            (Self::SlackMrkdwn | Self::Discord | Self::WhatsApp, mark) => self.sign(mark),
        };
        out.push_str(sign);
    }

    /// Around marked words, both sides.
    fn sign(self, mark: &Mark) -> &'static str {
        match mark {
            Mark::Bold if self == Self::Discord => "**",
            Mark::Bold => "*",
            Mark::Italic if self == Self::Discord => "*",
            Mark::Italic => "_",
            Mark::Strike if self == Self::Discord => "~~",
            Mark::Strike => "~",
            Mark::Code(_) => "`",
            Mark::Link(..) => "",
        }
    }

    /// The address of a link: what would end it is written by its number.
    pub(super) fn address(self, url: &str, out: &mut String) {
        for c in url.chars() {
            match (self, c) {
                (_, '"') => out.push_str("%22"),
                (_, '<') => out.push_str("%3C"),
                (_, '>') => out.push_str("%3E"),
                (_, '\\') => out.push_str("%5C"),
                (Self::SlackMrkdwn, '|') => out.push_str("%7C"),
                (Self::Discord, '(') => out.push_str("%28"),
                (Self::Discord, ')') => out.push_str("%29"),
                (Self::TelegramHtml | Self::SlackMrkdwn | Self::Html, '&') => out.push_str("&amp;"),
                (_, c) if c.is_whitespace() || c.is_control() => out.push_str("%20"),
                _ => out.push(c),
            }
        }
    }

    pub(super) fn open_frame(self, kind: &Kind, out: &mut String) {
        match (self, kind) {
            (Self::TelegramHtml | Self::Html, Kind::Quote) => out.push_str("<blockquote>"),
            (Self::TelegramHtml | Self::Html, Kind::Code(Some(language))) => {
                out.push_str("<pre><code class=\"language-");
                out.push_str(language);
                out.push_str("\">");
            }
            (Self::TelegramHtml | Self::Html, Kind::Code(None)) => out.push_str("<pre><code>"),
            (Self::Discord, Kind::Code(Some(language))) => {
                out.push_str("```");
                out.push_str(language);
                out.push('\n');
            }
            (_, Kind::Code(_)) if self.has_fences() => out.push_str("```\n"),
            (Self::Html, Kind::Paragraph) => out.push_str("<p>"),
            (Self::Html, Kind::List { ordered: true }) => out.push_str("<ol>"),
            (Self::Html, Kind::List { ordered: false }) => out.push_str("<ul>"),
            (Self::Html, Kind::Item(Some(number))) => {
                out.push_str(&format!("<li value=\"{number}\">"));
            }
            (Self::Html, Kind::Item(None)) => out.push_str("<li>"),
            _ => {}
        }
    }

    pub(super) fn close_frame(self, kind: &Kind, out: &mut String) {
        out.push_str(match (self, kind) {
            (Self::TelegramHtml | Self::Html, Kind::Quote) => "</blockquote>",
            (Self::TelegramHtml | Self::Html, Kind::Code(_)) => "</code></pre>",
            (_, Kind::Code(_)) if self.has_fences() => "\n```",
            (Self::Html, Kind::Paragraph) => "</p>",
            (Self::Html, Kind::List { ordered: true }) => "</ol>",
            (Self::Html, Kind::List { ordered: false }) => "</ul>",
            (Self::Html, Kind::Item(_)) => "</li>",
            _ => "",
        });
    }
}
