use serde_json::{Map, json};

use super::*;
use crate::recipient::CampaignFacts;

pub(crate) struct Marked;

impl Links for Marked {
    fn click(&self, url: &str) -> String {
        format!("https://t.example/c?{url}")
    }

    fn pixel(&self) -> String {
        "https://t.example/o".into()
    }

    fn preferences(&self) -> String {
        "https://t.example/p".into()
    }
}

fn tracked() -> Tracked {
    Tracked {
        opens: false,
        clicks: true,
        unsubscribe: false,
    }
}

fn wording(language: Option<&str>, text: &str) -> Wording {
    Wording {
        language: language.map(str::to_owned),
        subject: None,
        text: text.into(),
        ..Wording::default()
    }
}

fn recipient(attributes: &Map<String, serde_json::Value>) -> Recipient<'_> {
    Recipient {
        contact: schemas::ContactId(uuid::Uuid::nil()),
        name: Some("Ada"),
        address: "ada@example.com",
        language: None,
        time_zone: None,
        attributes,
        campaign: CampaignFacts {
            id: schemas::CampaignId(uuid::Uuid::nil()),
            name: "Spring",
        },
    }
}

fn compiled(wordings: &[Wording], defaults: &[(&str, &str)]) -> Result<Compiled, Vec<Problem>> {
    let defaults = defaults
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    Compiled::new(Source {
        wordings,
        tracked: tracked(),
        defaults: &defaults,
    })
}

fn said(text: &str, attributes: serde_json::Value) -> Result<String, RenderError> {
    let attributes = attributes.as_object().unwrap().clone();
    let compiled = compiled(&[wording(None, text)], &[("city", "town")]).unwrap();
    compiled
        .render(&recipient(&attributes), &Marked)
        .map(|rendered| rendered.text)
}

#[test]
fn words_of_a_text() {
    for (text, attributes, expect) in [
        (
            "Hi {{ name }} of {{ email }}",
            json!({}),
            "Hi Ada of ada@example.com",
        ),
        (
            "{{ first | d('you') }}{{ city }}",
            json!({"first": ""}),
            "youtown",
        ),
        ("{{ city }}", json!({"city": null}), "town"),
        ("{{ city }}", json!({"city": "Graz"}), "Graz"),
        (
            "{% if firm %}{{ firm }}{% else %}-{% endif %}",
            json!({}),
            "-",
        ),
        (
            "{{ order.total | round(1) }}",
            json!({"order": {"total": 1.26}}),
            "1.3",
        ),
        (
            "{{ due | date('%d.%m.%Y') }}",
            json!({"due": "2026-02-01T10:00:00Z"}),
            "01.02.2026",
        ),
        (
            "{{ due | date }}",
            json!({"due": "2026-02-01"}),
            "1 February 2026",
        ),
        ("{{ attributes['a b'] }}", json!({"a b": 3}), "3"),
        (
            "{{ tags | join(', ') | upper }}",
            json!({"tags": ["a", 1]}),
            "A, 1",
        ),
        (
            "{{ o.t | default('no') }}{{ p.a.b | d('!') }}{% if o %}?{% endif %}",
            json!({}),
            "no!",
        ),
        (
            "{{ q | urlencode }}",
            json!({"q": "a b/ü"}),
            "a%20b%2F%C3%BC",
        ),
        (
            "{{ campaign.name }} {{ contact.name }}",
            json!({}),
            "Spring Ada",
        ),
        (
            "{{ u | tracked }} {{ m | tracked }}",
            json!({"u": "https://a.b/?x=1&y", "m": "x&y"}),
            "https://t.example/c?https://a.b/?x=1&y x&y",
        ),
        ("{{ unsubscribe_url }}", json!({}), "https://t.example/p"),
        ("{{ x }}", json!({"x": "a\u{1}b\u{2}\u{0}c"}), "abc"),
        (
            "{{ x | truncate(4) }}",
            json!({"x": "Grüße an alle"}),
            "Grü…",
        ),
        ("{{ x | replace('a', 'bb') }}", json!({"x": "aha"}), "bbhbb"),
    ] {
        assert_eq!(said(text, attributes).as_deref(), Ok(expect), "{text}");
    }
}

#[test]
fn who_gets_nothing() {
    assert_eq!(
        said("{{ first }} {{ order.total }} {{ city }}", json!({})),
        Err(RenderError::Missing(vec![
            "first".into(),
            "order.total".into()
        ]))
    );
    assert_eq!(said(" {{ x }} ", json!({"x": ""})), Err(RenderError::Empty));
    let long = said(
        "{% for a in x %}{{ y }}{% endfor %}",
        json!({"x": vec![1; 999], "y": "y".repeat(999)}),
    );
    assert!(
        matches!(
            long,
            Err(RenderError::TooLong {
                part: Part::Text,
                ..
            })
        ),
        "{long:?}"
    );
    let loops =
        "{% for a in x %}{% for b in x %}{% for c in x %}{% endfor %}{% endfor %}{% endfor %}";
    assert_eq!(
        said(loops, json!({"x": vec![1; 99]})),
        Err(RenderError::TooMuch(Part::Text))
    );
    let failed = said("a\n{{ due | date }}", json!({"due": "secret"})).unwrap_err();
    assert_eq!(
        failed.to_string(),
        "line 2 of the text: `date` needs a date such as 2026-01-31 or 2026-01-31T12:00:00Z"
    );
}

#[test]
fn languages() {
    let wordings = [
        wording(Some("de"), "de"),
        wording(None, "none"),
        wording(Some("pt-BR"), "pt-BR"),
    ];
    let compiled = compiled(&wordings, &[]).unwrap();
    let attributes = Map::new();
    for (language, expect) in [
        (Some("de"), "de"),
        (Some("DE-at"), "de"),
        (Some("pt-br"), "pt-BR"),
        (Some("pt"), "none"),
        (Some(""), "none"),
        (None, "none"),
    ] {
        let to = Recipient {
            language,
            ..recipient(&attributes)
        };
        assert_eq!(
            compiled.render(&to, &Marked).unwrap().text,
            expect,
            "{language:?}"
        );
    }
}

#[test]
fn what_is_read() {
    let text = "{{ a }}{{ b.c }}{{ d | d('') }}{% if e %}{{ e }}{% endif %}{{ city }}{{ name }}{{ email }}\
        {{ contact.id }}{{ unsubscribe_url }}{% set s = f %}{{ s }}{% for g in h %}{{ g }}{{ loop.index }}{% endfor %}";
    let compiled = compiled(&[wording(None, text)], &[("city", "x")]).unwrap();
    let all: Vec<_> = compiled.variables().iter().map(String::as_str).collect();
    assert_eq!(
        all,
        ["a", "b.c", "city", "d", "e", "email", "f", "h", "name"]
    );
    let required: Vec<_> = compiled.required().iter().map(String::as_str).collect();
    assert_eq!(required, ["a", "b.c", "email", "f", "h", "name"]);
    let attributes = json!({"a": 1, "b": {"c": 2}}).as_object().unwrap().clone();
    assert_eq!(
        compiled.missing(&recipient(&attributes)),
        ["d", "e", "f", "h"]
    );
}

#[test]
fn problems_have_a_place() {
    let found = compiled(&[wording(Some("de"), "Hallo\n  {{ x | safe }} {{ y(")], &[]).unwrap_err();
    assert_eq!((found[0].line, found[0].column), (2, 18), "{found:?}");
    assert_eq!(found[1].reason, "There is no wording without a language.");
    let found = compiled(&[wording(None, "ä {{ x | safe }}\n{{ range(2) }}")], &[]).unwrap_err();
    assert_eq!((found[0].line, found[0].column), (1, 10));
    assert_eq!((found[1].line, found[1].column), (2, 4));
    let found = compiled(&[wording(None, "a\n{% if x %}")], &[]).unwrap_err();
    assert_eq!((found[0].line, found.len()), (2, 1), "{found:?}");
}

#[test]
fn a_mail_whose_subject_comes_out_empty_is_none() {
    let none = Map::new();
    let with = |subject: &str| {
        let wording = Wording {
            subject: Some(subject.into()),
            ..wording(None, "Hello")
        };
        compiled(&[wording], &[]).unwrap()
    };
    for subject in [
        "{{ \"\" }}",
        " {{ nick | default(\"\") }} ",
        "{{ nick | default(\"\u{200b}\") }}",
    ] {
        let compiled = with(subject);
        let said = |kind| compiled.render_for(kind, &recipient(&none), &Marked);
        for mail in [ChannelKind::Email, ChannelKind::Gmail] {
            assert_eq!(said(mail), Err(RenderError::NoSubject), "{subject}");
        }
        assert!(said(ChannelKind::Telegram).is_ok(), "{subject}");
    }
    let said = with("{{ name }}").render_for(ChannelKind::Email, &recipient(&none), &Marked);
    assert_eq!(said.unwrap().subject.as_deref(), Some("Ada"));
}
