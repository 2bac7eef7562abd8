//! The words of blocks (<https://docs.slack.dev/reference/block-kit/blocks/>), for messages whose `text` is empty.
//!
//! Deliberately absent: looks. Depth and length are bounded by the update's own size and [`MAX_DEPTH`].

use serde_json::Value;

use super::{
    super::look::{first, list, text},
    text::readable,
};

/// Lists within lists that are followed.
const MAX_DEPTH: usize = 8;

/// The words of all blocks, a line each.
pub(super) fn words(blocks: &[Value]) -> String {
    let mut out = String::new();
    for block in blocks {
        let line = match text(block, "/type") {
            Some("rich_text") => rich(list(block, "/elements"), 0),
            Some("context" | "context_actions") => list(block, "/elements")
                .iter()
                .filter_map(plain)
                .collect::<Vec<_>>()
                .join(" "),
            Some("section") => section(block),
            Some("image" | "video") => first(block, &["/title/text", "/alt_text"])
                .unwrap_or_default()
                .to_owned(),
            Some("header" | "markdown" | "input") => plain(block).unwrap_or_default(),
            _ => String::new(),
        };
        let line = line.trim_matches('\n');
        if !line.is_empty() {
            if !out.is_empty() {
                out.push('\n');
            }
            out.push_str(line);
        }
    }
    out
}

fn section(block: &Value) -> String {
    let fields = list(block, "/fields").iter().filter_map(plain);
    plain(block)
        .into_iter()
        .chain(fields)
        .collect::<Vec<_>>()
        .join("\n")
}

/// A text object, or what holds one.
fn plain(value: &Value) -> Option<String> {
    let kind = first(value, &["/text/type", "/type"]);
    let words = first(value, &["/text/text", "/text", "/label/text"])?;
    Some(match kind {
        Some("plain_text") => words.to_owned(),
        _ => readable(words).0,
    })
}

/// The elements of a rich text.
pub(super) fn rich(elements: &[Value], depth: usize) -> String {
    let mut out = String::new();
    if depth > MAX_DEPTH {
        return out;
    }
    for element in elements {
        match text(element, "/type") {
            Some("rich_text_list") => bullets(element, depth, &mut out),
            Some("rich_text_section" | "rich_text_quote" | "rich_text_preformatted") => {
                start_line(&mut out);
                out.push_str(&rich(list(element, "/elements"), depth + 1));
            }
            _ => inline(element, &mut out),
        }
    }
    out
}

fn bullets(element: &Value, depth: usize, out: &mut String) {
    let number = |name: &str| {
        let number = element.get(name).and_then(Value::as_u64).unwrap_or(0);
        usize::try_from(number).unwrap_or(0)
    };
    let ordered = text(element, "/style") == Some("ordered");
    for (at, item) in list(element, "/elements").iter().enumerate() {
        start_line(out);
        out.push_str(&"  ".repeat(number("indent").min(MAX_DEPTH)));
        if ordered {
            let place = number("offset").saturating_add(at).saturating_add(1);
            out.push_str(&format!("{place}. "));
        } else {
            out.push_str("• ");
        }
        out.push_str(&rich(list(item, "/elements"), depth + 1));
    }
}

fn start_line(out: &mut String) {
    if !out.is_empty() && !out.ends_with('\n') {
        out.push('\n');
    }
}

fn inline(element: &Value, out: &mut String) {
    let word = |name: &str| {
        element
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    match word("type") {
        "text" => out.push_str(word("text")),
        "link" => out.push_str(first(element, &["/text", "/url"]).unwrap_or_default()),
        "user" => out.extend(["@", word("user_id")]),
        "usergroup" => out.extend(["@", word("usergroup_id")]),
        "broadcast" => out.extend(["@", word("range")]),
        "channel" => out.extend(["#", word("channel_id")]),
        "team" => out.push_str(word("team_id")),
        "date" => out.push_str(word("fallback")),
        "color" => out.push_str(word("value")),
        "emoji" => match emoji(word("unicode")) {
            Some(emoji) => out.push_str(&emoji),
            None => out.extend([":", word("name"), ":"]),
        },
        _ => {}
    }
}

/// An emoji by its code points in hex, joined by `-`.
fn emoji(unicode: &str) -> Option<String> {
    let point = |hex: &str| char::from_u32(u32::from_str_radix(hex, 16).ok()?);
    unicode.split('-').map(point).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rich_text_reads_as_it_is_shown() {
        let blocks = json!([
            {"type": "rich_text", "elements": [
                {"type": "rich_text_section", "elements": [
                    {"type": "text", "text": "Hi ", "style": {"bold": true}},
                    {"type": "user", "user_id": "U1"},
                    {"type": "text", "text": " see "},
                    {"type": "link", "url": "https://x.example", "text": "this"},
                    {"type": "emoji", "name": "wave", "unicode": "1f44b"},
                    {"type": "emoji", "name": "party"}]},
                {"type": "rich_text_list", "style": "ordered", "elements": [
                    {"type": "rich_text_section", "elements": [{"type": "text", "text": "one"}]},
                    {"type": "rich_text_section", "elements": [{"type": "text", "text": "two"}]}]},
                {"type": "rich_text_list", "style": "bullet", "indent": 1, "elements": [
                    {"type": "rich_text_section", "elements": [{"type": "text", "text": "in"}]}]},
                {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": "let x;"}]}]},
            {"type": "divider"},
            {"type": "section", "text": {"type": "mrkdwn", "text": "a &amp; b"},
                "fields": [{"type": "plain_text", "text": "c &amp; d"}]},
            {"type": "context", "elements": [{"type": "mrkdwn", "text": "e"}, {"type": "image", "alt_text": "i"}]}
        ]);
        assert_eq!(
            words(blocks.as_array().unwrap()),
            "Hi @U1 see this👋:party:\n1. one\n2. two\n  • in\nlet x;\na & b\nc &amp; d\ne"
        );
    }

    #[test]
    fn depth_is_bounded() {
        let mut element = json!({"type": "text", "text": "deep"});
        for _ in 0..40 {
            element = json!({"type": "rich_text_section", "elements": [element]});
        }
        assert_eq!(rich(&[element], 0), "");
    }
}
