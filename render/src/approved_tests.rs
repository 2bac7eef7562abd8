use schemas::PlatformTemplate;
use serde_json::{Map, Value, json};

use super::*;
use crate::{CampaignFacts, Compiled, Source, compiled::tests::Marked};

fn template(given: Value) -> PlatformTemplate {
    serde_json::from_value(given).unwrap()
}

fn wording(language: Option<&str>, text: &str, platform: Option<Value>) -> Wording {
    Wording {
        language: language.map(str::to_owned),
        text: text.into(),
        platform: platform.map(template),
        ..Wording::default()
    }
}

fn compiled(wordings: &[Wording]) -> Result<Compiled, Vec<Problem>> {
    Compiled::new(Source {
        wordings,
        tracked: Tracked {
            opens: true,
            clicks: true,
            unsubscribe: true,
        },
        defaults: &BTreeMap::from([("city".to_owned(), "Graz".to_owned())]),
    })
}

fn to<'a>(language: Option<&'a str>, attributes: &'a Map<String, Value>) -> Recipient<'a> {
    Recipient {
        contact: schemas::ContactId(uuid::Uuid::nil()),
        name: None,
        address: "15550100",
        language,
        time_zone: None,
        attributes,
        campaign: CampaignFacts {
            id: schemas::CampaignId(uuid::Uuid::nil()),
            name: "Spring",
        },
    }
}

fn sale(language: &str, variables: Value) -> Value {
    json!({"name": "sale", "language": language, "variables": variables})
}

/// What a text that is filled in with a value becomes.
fn one(source: &str, value: &str) -> Result<String, RenderError> {
    let compiled = compiled(&[wording(None, "", Some(sale("en", json!([source]))))]).unwrap();
    let attributes = Map::from_iter([("x".to_owned(), Value::from(value))]);
    let said = compiled.render_for(ChannelKind::WhatsApp, &to(None, &attributes), &Marked)?;
    Ok(said.platform.unwrap().variables.remove(0))
}

#[test]
fn every_part_is_filled_in_as_plain_text() {
    let given = json!({
        "name": "sale", "language": "en_US",
        "header": {"type": "image", "value": "https://shop.example/{{ pic | urlencode }}.png"},
        "variables": ["{{ name_ }} & <Co>", "in {{ city }}", "plain"],
        "buttons": [{"type": "url", "value": "{{ code }}"}, {"type": "quick_reply", "value": "more-{{ code }}"}],
    });
    let compiled = compiled(&[wording(None, "", Some(given))]).unwrap();
    assert_eq!(
        compiled.required().iter().collect::<Vec<_>>(),
        ["code", "name_", "pic"]
    );
    let attributes = json!({"name_": "<Ada>", "pic": "a b", "code": 7});
    let attributes = attributes.as_object().unwrap();
    let said = compiled
        .render_for(ChannelKind::WhatsApp, &to(None, attributes), &Marked)
        .unwrap();
    assert_eq!(
        (said.text.as_str(), &said.html, &said.subject),
        ("", &None, &None)
    );
    assert_eq!(
        json!(said.platform),
        json!({
            "name": "sale", "language": "en_US",
            "header": {"type": "image", "value": "https://shop.example/a%20b.png"},
            "variables": ["<Ada> & <Co>", "in Graz", "plain"],
            "buttons": [{"type": "url", "value": "7"}, {"type": "quick_reply", "value": "more-7"}],
        })
    );
    let little = Map::from_iter([("pic".to_owned(), Value::from("a"))]);
    let missing = compiled.render_for(ChannelKind::WhatsApp, &to(None, &little), &Marked);
    let names = ["code", "name_"].map(str::to_owned).to_vec();
    assert_eq!(missing, Err(RenderError::Missing(names)));
}

#[test]
fn what_the_platform_does_not_take_is_said_of_the_recipient() {
    assert_eq!(one("{{ x }}", "  a    b "), Ok("a    b".into()));
    for (value, part) in [
        ("", "is empty"),
        (" ", "is empty"),
        ("a\nb", "line break"),
        ("a\tb", "a tab"),
        ("a     b", "blanks"),
    ] {
        let error = one("{{ x }}", value).unwrap_err().to_string();
        assert!(
            error.starts_with("/variables/0 of the platform template"),
            "{error}"
        );
        assert!(error.contains(part), "{error}");
    }
    assert_eq!(
        one(r#"{{ x | replace("\n", ", ") }}"#, "a\nb"),
        Ok("a, b".into())
    );
    let long = one("{{ x }}{{ x }}", &"x".repeat(3000)).unwrap_err();
    assert!(
        matches!(
            long,
            RenderError::TooLong {
                part: Part::Platform,
                ..
            }
        ),
        "{long}"
    );
    let file =
        json!({"name": "sale", "language": "en", "header": {"type": "video", "value": "{{ x }}"}});
    let compiled = compiled(&[wording(None, "", Some(file))]).unwrap();
    let attributes = Map::from_iter([("x".to_owned(), Value::from("ftp://a.example"))]);
    let error = compiled
        .render_for(ChannelKind::WhatsApp, &to(None, &attributes), &Marked)
        .unwrap_err();
    assert!(error.to_string().starts_with("/header/value"), "{error}");
}

#[test]
fn what_the_author_got_wrong_is_said_before() {
    let wrong = |given: Value| {
        let problems = compiled(&[wording(None, "", Some(given))]).unwrap_err();
        problems.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(
        wrong(sale("en", json!(["ok", "a {{ x", "", "two\nlines"]))),
        [
            "platform_template/variables/1, line 1, column 3: The `{{` that opens here is never closed. Close it, or write \
             `{{ '{{' }}` where you mean the braces themselves.",
            "platform_template/variables/2, line 1, column 1: This is empty, which the platform does not take.",
            "platform_template/variables/3, line 1, column 1: This has a line break, a tab or more than four blanks in a \
             row, which the platform does not take.",
        ]
    );
    let own = json!({"name": "sale", "language": "en", "components": [
        {"type": "body", "parameters": [{"type": "text", "text": "{{ x | shout }}"}]}]});
    let said = wrong(own);
    assert!(
        said[0].starts_with("platform_template/components/0/parameters/0/text, line 1"),
        "{said:?}"
    );
}

#[test]
fn each_language_has_its_own_and_falls_back() {
    let wordings = [
        wording(None, "Hello", Some(sale("en_US", json!(["{{ city }}"])))),
        wording(Some("de"), "", Some(sale("de", json!(["in {{ city }}"])))),
        wording(Some("fr"), "Bonjour", None),
    ];
    let compiled = compiled(&wordings).unwrap();
    let attributes = Map::new();
    let by = |kind, language| {
        let said = compiled
            .render_for(kind, &to(language, &attributes), &Marked)
            .unwrap();
        (said.text, said.platform.map(|platform| platform.language))
    };
    for (language, approved, words) in [
        (None, "en_US", "Hello"),
        (Some("de-AT"), "de", "Hello"),
        (Some("fr"), "en_US", "Bonjour"),
    ] {
        assert_eq!(
            by(ChannelKind::WhatsApp, language),
            (String::new(), Some(approved.into()))
        );
        for kind in [
            ChannelKind::Email,
            ChannelKind::Twilio,
            ChannelKind::Sandbox,
        ] {
            assert_eq!(by(kind, language), (words.into(), None), "{kind}");
        }
    }
}

#[test]
fn a_sandbox_without_words_says_which_one_it_would_be() {
    let compiled = compiled(&[wording(None, "", Some(sale("de", json!(["{{ city }}"]))))]).unwrap();
    assert!(!compiled.has_words());
    let attributes = Map::new();
    let said = compiled.render_for(ChannelKind::Sandbox, &to(None, &attributes), &Marked);
    assert_eq!(said.unwrap().text, "sale (de): Graz");
    let mail = compiled.render_for(ChannelKind::Email, &to(None, &attributes), &Marked);
    assert_eq!(mail, Err(RenderError::Empty));
}

#[test]
fn other_languages_alone_are_not_enough() {
    let only_german = [
        wording(None, "Hello", None),
        wording(Some("de"), "", Some(sale("de", json!([])))),
    ];
    let problems = compiled(&only_german).unwrap_err();
    assert_eq!(problems[0].part, Part::Platform);
    let words_in_french = [
        wording(None, "", Some(sale("en", json!([])))),
        wording(Some("fr"), "Bonjour", None),
    ];
    assert_eq!(compiled(&words_in_french).unwrap_err()[0].part, Part::Text);
    let nothing = [wording(None, "", None)];
    assert_eq!(compiled(&nothing).unwrap_err().len(), 1);
}
