//! `format=flowed` (RFC 3676): lines that end in a space go on in the next one of the same depth of quotation.

/// The text with its paragraphs as one line each; `del_sp` says that the space at a line's end is none of the text's.
pub(super) fn unfold(text: &str, del_sp: bool) -> String {
    let mut out = String::with_capacity(text.len());
    // Depth of the line that goes on.
    let mut open: Option<usize> = None;
    for (at, line) in text.split('\n').enumerate() {
        let line = line.strip_suffix('\r').unwrap_or(line);
        let words = line.trim_start_matches('>');
        let depth = line.len() - words.len();
        let words = words.strip_prefix(' ').unwrap_or(words);
        let signs = words == "-- ";
        match open {
            Some(before) if before == depth && !signs => {}
            _ => {
                if at > 0 {
                    out.push('\n');
                }
                out.extend(std::iter::repeat_n('>', depth));
                if depth > 0 && !words.is_empty() {
                    out.push(' ');
                }
            }
        }
        let soft = words.ends_with(' ') && !signs;
        open = soft.then_some(depth);
        out.push_str(match words.strip_suffix(' ') {
            Some(kept) if soft && del_sp => kept,
            _ => words,
        });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn soft_lines_become_one() {
        let text = "This is \r\none line.\r\n\r\n> a quoted \r\n> line\r\n>> deeper \r\n> back\r\n From here\r\n-- \r\nAnn";
        assert_eq!(
            unfold(text, false),
            "This is one line.\n\n> a quoted line\n>> deeper \n> back\nFrom here\n-- \nAnn"
        );
        assert_eq!(unfold("日本 \r\n語", true), "日本語");
        assert_eq!(unfold("", false), "");
    }
}
