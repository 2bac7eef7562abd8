//! What holds for every template and every contact.

mod rig;

use std::cell::RefCell;

use html5ever::tokenizer::{
    BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
    states::RawKind,
};
use proptest::prelude::*;
use render::Compiled;
use rig::{ALL, NONE, compile, mail, rendered, rendered_for};
use schemas::{ChannelKind, PlatformTemplate, campaign::Wording};
use serde_json::{Value, json};

/// Attributes that a browser follows or fetches.
const ADDRESSES: [&str; 6] = ["action", "background", "data", "formaction", "href", "src"];

/// What a browser sees of HTML, without texts: every tag with its attributes, and what addresses begin with.
#[derive(Default)]
struct Skeleton(RefCell<Vec<String>>);

impl TokenSink for Skeleton {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let Token::TagToken(tag) = token else {
            return TokenSinkResult::Continue;
        };
        self.0.borrow_mut().push(shape(&tag));
        match (&tag.kind, &*tag.name) {
            (TagKind::StartTag, "title" | "textarea") => TokenSinkResult::RawData(RawKind::Rcdata),
            (TagKind::StartTag, "style" | "xmp" | "iframe" | "noembed" | "noframes") => {
                TokenSinkResult::RawData(RawKind::Rawtext)
            }
            (TagKind::StartTag, "script") => TokenSinkResult::RawData(RawKind::ScriptData),
            (TagKind::StartTag, "plaintext") => TokenSinkResult::Plaintext,
            _ => TokenSinkResult::Continue,
        }
    }
}

fn shape(tag: &Tag) -> String {
    let mut shape = format!("{:?} {}", tag.kind, tag.name);
    for attribute in &tag.attrs {
        shape.push(' ');
        shape.push_str(&attribute.name.local);
        // As browsers do: without blanks before it and without line ends in it.
        let value: String = attribute
            .value
            .chars()
            .filter(|c| *c > ' ')
            .collect::<String>()
            .to_ascii_lowercase();
        let runs = value.starts_with("javascript:") || value.starts_with("vbscript:");
        if runs && ADDRESSES.contains(&&*attribute.name.local) {
            shape.push_str("=script");
        }
    }
    shape
}

fn skeleton(html: &str) -> Vec<String> {
    let tokenizer = Tokenizer::new(Skeleton::default(), TokenizerOpts::default());
    let queue = BufferQueue::default();
    queue.push_back(html.into());
    // It stops behind a script, to let it run.
    while !queue.is_empty() {
        drop(tokenizer.feed(&queue));
    }
    tokenizer.end();
    tokenizer.sink.0.into_inner()
}

/// What somebody would write into a form to break out of wherever it is shown.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "\"",
        "'",
        "<",
        ">",
        "&",
        "=",
        " ",
        "\t",
        "\n",
        "/",
        "`",
        "\\",
        "\u{0}",
        "\u{1}",
        "\u{2}",
        "-->",
        "--!>",
        "]]>",
        "<script>",
        "</script>",
        "</style>",
        "</title>",
        "<img src=x onerror=alert(1)>",
        "\" onload=\"x",
        "' style='x",
        "javascript:alert(1)",
        "java\tscript:x",
        "\u{1}javascript:x",
        "data:text/html,x",
        "vbscript:x",
        "https://a.example/?",
        "{{ x }}",
        "{% if %}",
        "{#",
        "&quot;",
        "&#34;",
        "&lt;script&gt;",
        "%22",
        "é",
        "\u{202e}",
        "a",
    ]);
    prop::collection::vec(piece, 1..8).prop_map(|pieces| pieces.concat())
}

/// Parts of templates, whole and broken.
fn template() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "<p>",
        "</p>",
        "<a href=\"{{ x }}\">",
        "<a href='https://a.example/?q={{ y }}&amp;b'>",
        "</a>",
        "<a href=https://a.example>",
        "<img alt=\"{{ x }}\" src='{{ y }}'>",
        "<td class=\"a {{ x }}\" title='{{ y }}'>",
        "{{ x }}",
        "{{- y -}}",
        "{{ x | upper }}",
        "{{ x ~ y }}",
        "{{ x | replace('a', '<b>') }}",
        "{{ '<b>' }}",
        "{{ x | urlencode }}",
        "{{ x | tracked }}",
        "{{ x | default('z') | trim }}",
        "{{ unsubscribe_url }}",
        "{{ n // 0 }}",
        "{{ n % n - -n }}",
        "{{ n + x }}",
        "{{ x[::0] }}",
        "{{ l[n:] }}",
        "{{ x | round(n) }}",
        "{{ n | int | abs }}",
        "{{ x | truncate(n) }}",
        "{{ n | date(x) }}",
        "{{ '2026-01-01' | date(x) }}",
        "{{ x is divisibleby n }}",
        "{% if x %}",
        "{% else %}",
        "{% elif y %}",
        "{% endif %}",
        "{%- endif -%}",
        "{% for i in l %}",
        "{% endfor %}",
        "{% set s = x ~ '\"' %}",
        "{{ s }}",
        "{# > #}",
        "{% raw %}",
        "{% endraw %}",
        "{% raw %}&{% endraw %}",
        "<!--",
        "-->",
        "--",
        "-",
        "->",
        "<!-",
        "<",
        "</",
        ">",
        "\"",
        "'",
        "=",
        " ",
        "/",
        "!",
        "&",
        "b",
        "script",
        "style",
        "<b ",
        "<b title=\"",
        "<b title=",
        "<b onclick=\"",
        "<style>",
        "</style>",
        "p{color:red}",
        "@media x{p{y:z}}",
        "<style>p,.a{color:red}</style>",
        "<title>",
        "</title>",
        "<script>",
        "</script>",
        "</scr",
        "<textarea>",
        "</textarea>",
        "<div style='display:none'>",
        "<div hidden style=\"a:{{ x }}\">",
        "</div>",
        "<br/>",
        "<table><tr>",
        "</table>",
        "<body>",
        "</body>",
        "<![CDATA[",
        "]]>",
        "<?x",
        "é",
        "\n",
    ]);
    prop::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat())
}

fn html_of(compiled: &Compiled, x: &str, y: &str) -> Option<String> {
    let values = json!({"x": x, "y": y, "l": [1, 2], "n": 3});
    rendered(compiled, &values).ok()?.html
}

/// A stand-in as long as a value that takes the same branches; in an address it is one, as what it stands for may be.
fn tame(value: &str) -> &'static str {
    if value.trim().is_empty() { " " } else { "tame" }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    #[test]
    fn no_value_adds_an_element_or_an_attribute(
        source in template(), x in hostile(), y in hostile(), tracked in any::<bool>()
    ) {
        let tracked = if tracked { ALL } else { NONE };
        if let Ok(compiled) = compile(&source, tracked)
            && let (Some(wild), Some(plain)) = (html_of(&compiled, &x, &y), html_of(&compiled, tame(&x), tame(&y)))
        {
            prop_assert_eq!(skeleton(&wild), skeleton(&plain), "{} became {}", source, wild);
        }
    }

    #[test]
    fn anything_compiles_or_says_why(
        html in "\\PC{0,60}", parts in template(), text in template(), x in hostile(), number in any::<f64>(), n in any::<i64>()
    ) {
        for source in [html.clone(), parts.clone(), html + &parts] {
            let wording = Wording { text: text.clone(), ..mail(&source) };
            let compiled = Compiled::new(render::Source {
                wordings: &[wording, mail(&source)],
                tracked: ALL,
                defaults: &Default::default(),
            });
            match compiled {
                Ok(compiled) => {
                    let numbers = if n % 3 == 0 { json!(number) } else { json!(n >> (n & 63)) };
                    for value in [json!(x), json!(number), json!([x, [x]]), json!({"x": {"y": x}}), Value::Null] {
                        drop(rendered(&compiled, &json!({"x": value, "y": x, "l": [value], "n": numbers})));
                    }
                }
                Err(problems) => {
                    prop_assert!(!problems.is_empty());
                    prop_assert!(problems.iter().all(|problem| problem.line > 0 && problem.column > 0 && !problem.reason.is_empty()));
                }
            }
        }
    }

    #[test]
    fn an_approved_message_is_as_its_platform_takes_it(parts in template(), text in "[a-z \n{}]{0,12}", x in hostile()) {
        let sources = [parts.clone(), text.clone() + &parts, "{{ x }}".to_owned(), text];
        for source in sources {
            let platform = PlatformTemplate {
                name: "sale".into(),
                language: "en".into(),
                variables: vec![source.clone()],
                components: vec![json!({"type": "body", "parameters": [{"text": source}]})],
                ..PlatformTemplate::default()
            };
            let wording = Wording { platform: Some(platform), ..Wording::default() };
            let compiled = Compiled::new(render::Source {
                wordings: &[wording],
                tracked: ALL,
                defaults: &Default::default(),
            });
            let Ok(compiled) = compiled else { continue };
            let said = rendered_for(ChannelKind::WhatsApp, &compiled, &json!({"x": x, "y": x, "l": [x], "n": 7}));
            let Ok(said) = said else { continue };
            for (place, text) in said.platform.unwrap().texts() {
                prop_assert!(!text.trim().is_empty(), "{place} of {source}");
                prop_assert!(!text.contains(['\n', '\r', '\t']) && !text.contains("     "), "{text:?}");
            }
        }
    }

    #[test]
    fn what_has_no_constructs_stays(words in "[a-z <>/=\"']{0,80}") {
        if let Ok(compiled) = compile(&words, NONE) && let Ok(said) = rendered(&compiled, &json!({})) {
            // The engine drops one line end at the end, and there is none.
            prop_assert_eq!(said.html.unwrap_or_default(), words);
        }
    }

    #[test]
    fn a_subject_is_one_line(x in hostile()) {
        let wording = Wording { subject: Some("a {{ x }}".into()), ..mail("b") };
        let compiled = Compiled::new(render::Source {
            wordings: &[wording],
            tracked: NONE,
            defaults: &Default::default(),
        }).unwrap();
        let said = rendered(&compiled, &json!({"x": x})).unwrap();
        prop_assert!(!said.subject.unwrap().chars().any(char::is_control));
    }
}

/// More than usual: a broken one is rare among random templates, most of which do not compile.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok())
        .unwrap_or(4000)
}
