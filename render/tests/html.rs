//! HTML as templates write it: links, styles, footers, text parts, and what is refused.

mod rig;

use rig::{ALL, NONE, compile, said};
use schemas::campaign::Tracked;
use serde_json::json;

const CLICKS: Tracked = Tracked {
    clicks: true,
    ..NONE
};

#[test]
fn links() {
    let values = json!({"id": "a b&c", "url": "https://shop.example/?x=1&y=2", "bad": "java\nscript:alert(1)"});
    for (html, expect) in [
        (
            "<a href='https://a.example/?x=1&amp;y=2'>x</a>",
            "<a href='https://hub.example/t/c/[https://a.example/?x=1&amp;y=2]'>x</a>",
        ),
        (
            "<A HREF=https://a.example/>x</a>",
            "<A HREF=\"https://hub.example/t/c/[https://a.example/]\">x</a>",
        ),
        (
            "<a class=b href=\"https://a.example/{{ id }}?q={{ id | urlencode }}\">x</a>",
            "<a class=b href=\"https://hub.example/t/c/[https://a.example/a%20b&amp;c?q=a%20b%26c]\">x</a>",
        ),
        (
            "<a href=\"{% if id %}{{ url }}{% else %}https://b.example{% endif %}\">x</a>",
            "<a href=\"https://hub.example/t/c/[https://shop.example/?x=1&amp;y=2]\">x</a>",
        ),
        ("<a href=\"{{ bad }}\">x</a>", "<a href=\"#\">x</a>"),
        ("<img src=\"{{ bad }}\">", "<img src=\"#\">"),
        (
            "<img src=\"https://a.example/{{ id }}.png\">",
            "<img src=\"https://a.example/a b&amp;c.png\">",
        ),
        (
            "<map><area href=\"https://a.example/1\"></map>",
            "<map><area href=\"https://hub.example/t/c/[https://a.example/1]\"></map>",
        ),
        (
            "<a href=\"{{ unsubscribe_url }}\">x</a>",
            "<a href=\"https://hub.example/t/p/1?a&amp;b\">x</a>",
        ),
        (
            "<a href=\"{{ url | tracked }}\">x</a>",
            "<a href=\"https://hub.example/t/c/[https://shop.example/?x=1&amp;y=2]\">x</a>",
        ),
        (
            "<!--[if mso]><a href=\"https://a.example\"><![endif]--><b>{{ id }}</b>",
            "<!--[if mso]><a href=\"https://a.example\"><![endif]--><b>a b&amp;c</b>",
        ),
    ] {
        assert_eq!(said(html, CLICKS, &values).0, expect);
    }
    for html in [
        "<a href=\"mailto:a@b.example\">x</a>",
        "<a href=\"tel:+43123\">x</a>",
        "<a href=\"#top\">x</a>",
        "<a name=\"top\">x</a>",
        "<link href=\"https://a.example/x.css\">",
    ] {
        assert_eq!(said(html, CLICKS, &values).0, html);
    }
    let off = "<a href=\"https://a.example/?{{ id }}\" data-tidings-track=\"off\">x</a>";
    let (html, _) = said(off, CLICKS, &values);
    assert_eq!(html, "<a href=\"https://a.example/?a b&amp;c\" >x</a>");
    let (html, _) = said(
        "<a href=\"https://a.example/?{{ id }}\">x</a>",
        NONE,
        &values,
    );
    assert_eq!(html, "<a href=\"https://a.example/?a b&amp;c\">x</a>");
}

#[test]
fn loops_in_tables_stay() {
    let html = "<table>{% for row in rows %}<tr><td>{{ row.name }}</td></tr>{% endfor %}</table>";
    let values = json!({"rows": [{"name": "<a>"}, {"name": "b"}]});
    let (html, text) = said(html, ALL, &values);
    assert!(
        html.starts_with("<table><tr><td>&lt;a&gt;</td></tr><tr><td>b</td></tr></table>"),
        "{html}"
    );
    assert_eq!(
        text,
        "<a>\nb\n\n--\nUnsubscribe: https://hub.example/t/p/1?a&b"
    );
}

#[test]
fn footer_and_pixel() {
    let pixel = "<img src=\"https://hub.example/t/o/1\" width=\"1\" height=\"1\" alt=\"\" style=\"display:block;border:0\">";
    let (html, _) = said("<body><p>x</p></body></html>", ALL, &json!({}));
    let footer = html
        .find("href=\"https://hub.example/t/p/1?a&amp;b\"")
        .unwrap();
    let shown = html.find(pixel).unwrap();
    assert!(
        footer < shown && html.ends_with(&format!("{pixel}</body></html>")),
        "{html}"
    );
    let (html, text) = said(
        "<p>x <a href=\"{{ preferences_url }}\">no more</a></p>",
        ALL,
        &json!({}),
    );
    assert_eq!(html.matches("hub.example/t/p").count(), 1);
    assert_eq!(text, "x no more (https://hub.example/t/p/1?a&b)");
}

#[test]
fn styles() {
    let sheet = "<style>p{color:red;margin:0}.big{font-size:2em}p.big{color:blue}td > a{x:1}\
        @media (max-width:9px){p{color:green}}a:hover{color:red}h1,h2:hover{y:2}#i{color:black!important}</style>";
    for (html, expect) in [
        ("<p>x</p>", "<p style=\"color:red;margin:0\">x</p>"),
        (
            "<p class='a big' title=x>x</p>",
            "<p style=\"margin:0;font-size:2em;color:blue\" class='a big' title=x>x</p>",
        ),
        (
            "<p style='color:{{ c }};'>x</p>",
            "<p style='color:red;margin:0;color:teal'>x</p>",
        ),
        (
            "<p id=i style=color:pink>x</p>",
            "<p id=i style=\"margin:0;color:pink;color:black !important\">x</p>",
        ),
        (
            "<td><a href=x>x</a><b><a>y</a></b></td>",
            "<td><a style=\"x:1\" href=x>x</a><b><a>y</a></b></td>",
        ),
        (
            "{% if c %}<td>{% else %}<th>{% endif %}<a>x</a>",
            "<td><a>x</a>",
        ),
        ("<h1/>", "<h1 style=\"y:2\"/>"),
    ] {
        let (made, _) = said(&format!("{sheet}{html}"), NONE, &json!({"c": "teal"}));
        assert_eq!(
            made,
            format!(
                "<style>@media (max-width:9px){{p{{color:green}}}}a:hover{{color:red}}h1,h2:hover{{y:2}}</style>{expect}"
            )
        );
    }
    for kept in [
        "<style media=\"print\">p{color:red}</style><p>x</p>",
        "<style>p{color:{{ c }}}</style><p>x</p>",
    ] {
        let (made, _) = said(kept, NONE, &json!({"c": "teal"}));
        assert_eq!(made, kept.replace("{{ c }}", "teal"));
    }
    let dynamic = "<style>p{color:red}</style><p class=\"{{ c }}\">x</p>";
    let (made, _) = said(dynamic, NONE, &json!({"c": "teal"}));
    assert!(
        made.starts_with("<style>p{color:red}</style>") && made.contains("style=\"color:red\""),
        "{made}"
    );
}

#[test]
fn text_parts() {
    let values = json!({
        "n": "A & <B>", "u": "https://a.example/1", "items": [1, 2], "evil": " Java\tScript:alert(1)", "rest": "script:alert(1)"
    });
    for (html, expect) in [
        (
            "<html><head><title>t</title><style>p{}</style></head><body><div style='display: none'>pre<div>x</div></div><h1>Hi  {{ n }}</h1>\n<p>a<br>b &amp; c</p></body></html>",
            "Hi A & <B>\n\na\nb & c",
        ),
        (
            "<a href='{{ u }}'>Shop</a> now",
            "Shop (https://a.example/1) now",
        ),
        (
            "<a href=\"https://a.example\">https://a.example</a>",
            "https://a.example",
        ),
        (
            "<a href=\"mailto:a@b.example\">a@b.example</a>",
            "a@b.example",
        ),
        (
            "<a href=\"https://a.example\"><img alt=\"Logo\" src=x></a>",
            "Logo (https://a.example)",
        ),
        (
            "<ul>{% for i in items %}<li>{{ i }}</li>{% endfor %}</ul>{% if no %}<p>no</p>{% endif %}<p>end</p>",
            "- 1\n- 2\n\nend",
        ),
        (
            "<p>&#123;&#123; n }} &#123;% x &lbrace;</p>",
            "{{ n }} {% x &lbrace;",
        ),
        ("<td>a</td><td>b</td>", "a b"),
        // What a value makes of an address is looked at as in HTML.
        ("<a href='{{ evil }}'>Shop</a> now", "Shop now"),
        ("<a href=\"{{ evil }}\"></a>now", "now"),
        ("<a href='{{ u }}'></a>", "https://a.example/1"),
        (
            "<a href='java{{ rest }}'>x</a><a href='{{ u }}?ü'>y</a>",
            "xy (https://a.example/1?ü)",
        ),
        ("<a href='tel:{{ n }}'>x</a>", "x (tel:A & <B>)"),
    ] {
        assert_eq!(said(html, CLICKS, &values).1, expect, "{html}");
    }
}

#[test]
fn what_is_refused() {
    for (html, line, column, reason) in [
        (
            "<a href={{ u }}>x</a>",
            1,
            9,
            "The value of `href` needs quotes.",
        ),
        ("\n<p {{ u }}>", 2, 4, "A value cannot be an attribute."),
        ("<{{ u }}>", 1, 2, "A tag cannot begin with a construct."),
        ("<b{{ u }}>", 1, 3, "A tag's name cannot be made of parts."),
        (
            "<p onclick=\"{{ u }}\">",
            1,
            13,
            "`onclick` cannot hold a value.",
        ),
        (
            "<script>{{ u }}</script>",
            1,
            9,
            "A script cannot hold a value.",
        ),
        (
            "<a href=\"javascript:x\">",
            1,
            10,
            "A link cannot run a script.",
        ),
        (
            "<a href=\"java&#10;script:x\">",
            1,
            10,
            "A link cannot run a script.",
        ),
        (
            "<a href=\"data:text/html,x\">",
            1,
            10,
            "A link cannot lead to that kind of address.",
        ),
        (
            "<p {% if u %}a=\"{% endif %}\">",
            1,
            17,
            "A branch or loop ends elsewhere than it began.",
        ),
        (
            "<p title=\"{% if u %}x\">{% endif %}",
            1,
            24,
            "A branch or loop ends elsewhere than it began.",
        ),
        ("<p title=\"x", 1, 10, "This quote is never closed."),
        ("<!-- x", 1, 1, "This comment is never closed."),
        (
            "<p a{% if u %}{% endif %}=\"b\">",
            1,
            5,
            "An attribute's name cannot be made of parts.",
        ),
        (
            "<p {%- if u %}a=\"b\"{% endif %}>",
            1,
            4,
            "A construct inside a tag cannot trim blanks.",
        ),
        (
            "<!-- -{# #}-> x -->",
            1,
            7,
            "A comment's end cannot touch a construct.",
        ),
        (
            "<style>a</sty{# #}le>",
            1,
            14,
            "A tag cannot begin before a construct.",
        ),
        (
            "<p>{% raw %}<b>{% endraw %}",
            1,
            4,
            "`raw` can hold text only here, no tags and no quotes.",
        ),
        ("{{ u | safe }}", 1, 8, "There is no filter `safe`."),
    ] {
        let problems = compile(html, ALL).unwrap_err();
        let first = &problems[0];
        assert_eq!(
            (first.line, first.column, first.reason.as_str()),
            (line, column, reason),
            "{html}"
        );
    }
}
