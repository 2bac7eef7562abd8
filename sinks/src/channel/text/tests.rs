//! What people write, in each dialect, and laws of cutting.

use proptest::prelude::*;
use schemas::{Button, ButtonType, Content, Format};
use unicode_segmentation::UnicodeSegmentation;

use super::{Dialect, Limit, Unit, listed, parts};

const DIALECTS: [Dialect; 6] = [
    Dialect::Plain,
    Dialect::TelegramHtml,
    Dialect::SlackMrkdwn,
    Dialect::Discord,
    Dialect::WhatsApp,
    Dialect::Html,
];
const UNITS: [Unit; 3] = [Unit::Utf16, Unit::Chars, Unit::Bytes];

fn content(text: &str, format: Format) -> Content {
    Content {
        text: text.into(),
        format,
        ..Content::default()
    }
}

fn cut(text: &str, format: Format, dialect: Dialect, max: usize) -> Vec<String> {
    let limit = Limit {
        max,
        unit: Unit::Chars,
    };
    parts(&content(text, format), dialect, limit)
}

fn markdown(text: &str, dialect: Dialect) -> String {
    cut(text, Format::Markdown, dialect, 100_000).concat()
}

fn plain(text: &str, dialect: Dialect) -> String {
    cut(text, Format::Plain, dialect, 100_000).concat()
}

/// A text and what it is in Plain, `TelegramHtml`, `SlackMrkdwn`, Discord, WhatsApp and Html.
fn check(text: &str, expected: [&str; 6]) {
    for (dialect, expected) in DIALECTS.into_iter().zip(expected) {
        assert_eq!(markdown(text, dialect), expected, "{dialect:?} of {text:?}");
    }
}

#[test]
fn marks() {
    check(
        "**bold** *it* ~~gone~~ `x<y`",
        [
            "bold it gone x<y",
            "<b>bold</b> <i>it</i> <s>gone</s> <code>x&lt;y</code>",
            "*bold* _it_ ~gone~ `x&lt;y`",
            "**bold** *it* ~~gone~~ `x<y`",
            "*bold* _it_ ~gone~ `x<y`",
            "<p><strong>bold</strong> <em>it</em> <s>gone</s> <code>x&lt;y</code></p>",
        ],
    );
    check(
        "*a **b***",
        [
            "a b",
            "<i>a <b>b</b></i>",
            "_a *b*_",
            "*a **b***",
            "_a *b*_",
            "<p><em>a <strong>b</strong></em></p>",
        ],
    );
}

#[test]
fn marks_inside_words_get_a_border_where_they_need_one() {
    check(
        "un**believ**able",
        [
            "unbelievable",
            "un<b>believ</b>able",
            "un\u{200b}*believ*\u{200b}able",
            "un**believ**able",
            "un\u{200b}*believ*\u{200b}able",
            "<p>un<strong>believ</strong>able</p>",
        ],
    );
}

#[test]
fn links() {
    check(
        "see [the *page*](https://example.org/a_(b)?c=1&d=2).",
        [
            "see the page (https://example.org/a_(b)?c=1&d=2).",
            "see <a href=\"https://example.org/a_(b)?c=1&amp;d=2\">the <i>page</i></a>.",
            "see <https://example.org/a_(b)?c=1&amp;d=2|the page>.",
            "see [the *page*](https://example.org/a_%28b%29?c=1&d=2).",
            "see the _page_ (https://example.org/a_(b)?c=1&d=2).",
            "<p>see <a href=\"https://example.org/a_(b)?c=1&amp;d=2\">the <em>page</em></a>.</p>",
        ],
    );
    check(
        "<https://example.org/a_b>",
        [
            "https://example.org/a_b",
            "<a href=\"https://example.org/a_b\">https://example.org/a_b</a>",
            "<https://example.org/a_b|https://example.org/a_b>",
            "https://example.org/a_b",
            "https://example.org/a_b",
            "<p><a href=\"https://example.org/a_b\">https://example.org/a_b</a></p>",
        ],
    );
    // A scheme that could do anything is written out.
    check(
        "[x](javascript:alert(1))",
        [
            "x (javascript:alert(1))",
            "x (javascript:alert(1))",
            "x (javascript:alert(1))",
            "x (javascript:alert(1))",
            "x (javascript:alert(1))",
            "<p>x (javascript:alert(1))</p>",
        ],
    );
    assert_eq!(
        markdown("![cat](https://x.org/c.png)", Dialect::Plain),
        "cat (https://x.org/c.png)"
    );
    assert_eq!(
        markdown("[](https://x.org)", Dialect::WhatsApp),
        "https://x.org"
    );
}

#[test]
fn blocks() {
    check(
        "# Title\nfirst\nsecond\n\n- a\n- b\n  1. c\n\n> said\n> twice\n\nend",
        [
            "Title\n\nfirst\nsecond\n\n- a\n- b\n  1. c\n\n> said\n> twice\n\nend",
            "<b>Title</b>\n\nfirst\nsecond\n\n• a\n• b\n  1. c\n\n<blockquote>said\ntwice</blockquote>\n\nend",
            "*Title*\n\nfirst\nsecond\n\n• a\n• b\n  1. c\n\n> said\n> twice\n\nend",
            "**Title**\n\nfirst\nsecond\n\n- a\n- b\n  1. c\n\n> said\n> twice\n\nend",
            "*Title*\n\nfirst\nsecond\n\n- a\n- b\n  1. c\n\n> said\n> twice\n\nend",
            "<p><strong>Title</strong></p>\n<p>first<br>\nsecond</p>\n<ul><li>a</li>\n<li>b\n<ol><li value=\"1\">c</li></ol></li></ul>\n\
             <blockquote><p>said<br>\ntwice</p></blockquote>\n<p>end</p>",
        ],
    );
}

#[test]
fn code_blocks() {
    check(
        "run\n```rust\nlet a = &b;\n\n*c*\n```\ndone",
        [
            "run\n\nlet a = &b;\n\n*c*\n\ndone",
            "run\n\n<pre><code class=\"language-rust\">let a = &amp;b;\n\n*c*</code></pre>\n\ndone",
            "run\n\n```\nlet a = &amp;b;\n\n*c*\n```\n\ndone",
            "run\n\n```rust\nlet a = &b;\n\n*c*\n```\n\ndone",
            "run\n\n```\nlet a = &b;\n\n*c*\n```\n\ndone",
            "<p>run</p>\n<pre><code class=\"language-rust\">let a = &amp;b;\n\n*c*</code></pre>\n<p>done</p>",
        ],
    );
}

#[test]
fn what_the_subset_lacks_is_text() {
    assert_eq!(
        markdown(
            "<b>x</b>\n\n| a | b |\n|---|---|\n| 1 | 2 |",
            Dialect::TelegramHtml
        ),
        "&lt;b&gt;x&lt;/b&gt;\n\n| a | b |\n|---|---|\n| 1 | 2 |"
    );
    assert_eq!(
        markdown("<div>\n<p>x</p>\n</div>", Dialect::Plain),
        "<div>\n<p>x</p>\n</div>"
    );
    assert_eq!(markdown("a\n\n---\n\nb", Dialect::Plain), "a\n\n———\n\nb");
    assert_eq!(markdown("1. \n2. b", Dialect::Plain), "1. \n2. b");
    assert_eq!(
        markdown(r"\*no\* 2 \< 3", Dialect::Discord),
        r"\*no\* 2 \< 3"
    );
}

#[test]
fn plain_text_is_read_as_it_stands() {
    let text = "a *b* <c> & _d_\n\n\n  # e\n> f";
    for (dialect, expected) in DIALECTS.into_iter().zip([
        text,
        "a *b* &lt;c&gt; &amp; _d_\n\n\n  # e\n&gt; f",
        "a *b* &lt;c&gt; &amp; _d_\n\n\n  # e\n&gt; f",
        "a \\*b\\* \\<c> & \\_d\\_\n\n\n  \\# e\n\\> f",
        text,
        "<p>a *b* &lt;c&gt; &amp; _d_<br>\n<br>\n<br>\n  # e<br>\n&gt; f</p>",
    ]) {
        assert_eq!(plain(text, dialect), expected, "{dialect:?}");
    }
    assert_eq!(
        plain("https://x.org/a_b_c (d_e)", Dialect::Discord),
        "https://x.org/a_b_c (d\\_e)"
    );
    for dialect in DIALECTS {
        assert_eq!(cut("", Format::Plain, dialect, 100), Vec::<String>::new());
        assert_eq!(
            cut(" \n\n ", Format::Markdown, dialect, 100),
            Vec::<String>::new()
        );
    }
}

#[test]
fn marks_are_closed_and_opened_again() {
    let cut = |text, dialect, max| cut(text, Format::Markdown, dialect, max);
    assert_eq!(
        cut("**one two three**", Dialect::TelegramHtml, 18),
        ["<b>one two</b>", "<b>three</b>"]
    );
    assert_eq!(
        cut("> one two three\n> four", Dialect::SlackMrkdwn, 16),
        ["> one two three", "> four"]
    );
    assert_eq!(
        cut("```rs\nlet a = 1;\nlet b = 2;\n```", Dialect::Discord, 24),
        ["```rs\nlet a = 1;\n```", "```rs\nlet b = 2;\n```"]
    );
    assert_eq!(
        cut("- one two three four", Dialect::Discord, 16),
        ["- one two three", "  four"]
    );
}

#[test]
fn a_part_ends_at_the_widest_border_that_fills_half_of_it() {
    let cut = |text, max| cut(text, Format::Plain, Dialect::Plain, max);
    assert_eq!(
        cut("one two\nthree\n\nfour five six", 24),
        ["one two\nthree", "four five six"]
    );
    assert_eq!(
        cut("one two three\nfour five six", 24),
        ["one two three", "four five six"]
    );
    assert_eq!(
        cut("one\n\ntwo three four five six", 20),
        ["one\n\ntwo three four", "five six"]
    );
    assert_eq!(
        cut("one twothreefourfivesixseven", 16),
        ["one", "twothreefourfive", "sixseven"]
    );
    assert_eq!(
        cut("数学は美しい。数学は美しい", 9),
        ["数学は美しい。数学", "は美しい"]
    );
    assert_eq!(cut("👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧", 12), ["👩‍👩‍👧👩‍👩‍👧", "👩‍👩‍👧👩‍👩‍👧"]);
    // Longer than a part, so it cannot stay whole.
    assert_eq!(cut(&format!("e{}", "\u{301}".repeat(29)), 20).len(), 2);
}

#[test]
fn buttons_are_lines() {
    let buttons = [
        Button {
            title: "Yes".into(),
            ..Button::default()
        },
        Button {
            kind: ButtonType::Url,
            title: "Track it".into(),
            url: Some("https://x.org/1".into()),
            ..Button::default()
        },
    ];
    assert_eq!(listed(&buttons), "- Yes\n- Track it: https://x.org/1");
    assert_eq!(listed(&[]), "");
}

/// The text of what looks like HTML, and whether its elements nest.
fn elements(html: &str) -> (String, bool) {
    let (mut text, mut open, mut nested) = (String::new(), Vec::new(), true);
    let mut rest = html;
    while let Some((before, after)) = rest.split_once('<') {
        text.push_str(before);
        let Some((tag, after)) = after.split_once('>') else {
            return (text, false);
        };
        match tag.strip_prefix('/') {
            Some(name) => nested &= open.pop() == Some(name),
            None if tag == "br" => {}
            None => open.extend(tag.split(' ').next()),
        }
        rest = after;
    }
    text.push_str(rest);
    let text = text
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&");
    (text, nested && open.is_empty())
}

fn squeezed(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_whitespace() && *c != '\u{200b}')
        .collect()
}

/// Markdown of what people write, and of what they should not.
fn source() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        6 => "[a-z]{1,9}",
        2 => Just("👩‍👩‍👧‍👦🇪🇺e\u{301}".to_owned()),
        1 => Just("数学は美しい".to_owned()),
        1 => Just("a<b&c>".to_owned()),
        1 => "[a-z0-9]{60,90}",
        1 => Just("[label here](https://example.org/?a=1&b=2)".to_owned()),
        1 => Just("https://example.org/a_b_c".to_owned()),
        1 => Just("`code <x>`".to_owned()),
        2 => Just("**".to_owned()),
        2 => Just("*".to_owned()),
        1 => Just("~~".to_owned()),
        1 => Just("```\n".to_owned()),
        2 => Just("\n".to_owned()),
        2 => Just("\n\n".to_owned()),
        1 => Just("\n> ".to_owned()),
        1 => Just("\n- ".to_owned()),
        1 => Just("\n  1. ".to_owned()),
        1 => Just("\n# ".to_owned()),
        1 => "\\PC{1,6}",
    ];
    let glue = prop_oneof![3 => Just(" "), 1 => Just("")];
    proptest::collection::vec((word, glue), 0..60)
        .prop_map(|words| words.into_iter().map(|(word, glue)| word + glue).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn every_part_fits(text in source(), max in 16_usize..300, markdown: bool) {
        let format = if markdown { Format::Markdown } else { Format::Plain };
        for dialect in DIALECTS {
            for unit in UNITS {
                for part in parts(&content(&text, format), dialect, Limit { max, unit }) {
                    prop_assert!(unit.count(&part) <= max, "{:?} {:?}: {:?}", dialect, unit, part);
                    prop_assert!(!part.trim().is_empty());
                }
            }
        }
    }

    #[test]
    fn no_word_is_lost_and_elements_nest(text in source(), max in 200_usize..400) {
        // The same in one part and in several, read without its markup.
        for dialect in [Dialect::TelegramHtml, Dialect::Html] {
            let read = |max| {
                let parts = cut(&text, Format::Markdown, dialect, max);
                parts.iter().map(|part| elements(part)).fold((String::new(), true), |(all, good), (text, nested)| {
                    (all + &squeezed(&text), good && nested)
                })
            };
            let (whole, nested) = read(1_000_000);
            prop_assert!(nested);
            let (cut_up, nested) = read(max);
            prop_assert!(nested, "{:?}", dialect);
            prop_assert_eq!(whole, cut_up);
        }
    }

    #[test]
    fn plain_text_stays_itself(text in source(), max in 16_usize..200) {
        let parts = cut(&text, Format::Plain, Dialect::Plain, max);
        prop_assert_eq!(squeezed(&parts.concat()), squeezed(&text));
    }

    #[test]
    fn no_character_is_cut(words in proptest::collection::vec("[a-z]{1,5}|👩‍👩‍👧‍👦|🇪🇺|e\u{301}|नि", 1..80), max in 16_usize..60) {
        let text = words.concat();
        let parts = cut(&text, Format::Plain, Dialect::Plain, max);
        let cut_up: Vec<&str> = parts.iter().flat_map(|part| part.graphemes(true)).collect();
        prop_assert_eq!(cut_up, text.graphemes(true).collect::<Vec<_>>());
    }
}

/// The largest text a message may have, of the worst there is.
#[test]
fn long_texts_take_no_longer_than_their_length() {
    for unit in [
        "word ",
        "a",
        "*",
        "**a",
        "> ",
        "- ",
        "[",
        "![](",
        "`",
        "<a",
        "> > a\n",
        "e\u{301}",
        "*a **b ~~c ",
        "\n",
        "  ",
        "&",
        "数",
    ] {
        let text = unit.repeat(65_536 / unit.len());
        for dialect in DIALECTS {
            for max in [40, 4096] {
                let started = std::time::Instant::now();
                let parts = cut(&text, Format::Markdown, dialect, max);
                let took = started.elapsed();
                assert!(
                    took.as_secs() < 5,
                    "{unit:?} {dialect:?} {max}: {took:?}, {} parts",
                    parts.len()
                );
            }
        }
    }
}
