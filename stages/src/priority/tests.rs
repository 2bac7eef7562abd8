use proptest::prelude::*;
use serde_json::json;

use super::*;

/// A message of which nothing is known but its text.
fn facts<'a>(text: &'a str, sender: &'a Map<String, Value>) -> Facts<'a> {
    Facts {
        text,
        subject: None,
        message_type: MessageType::Text,
        language: None,
        intent: None,
        category: None,
        sentiment: None,
        emotions: &[],
        sender,
        given: Priority::Normal,
    }
}

fn builtin(text: &str) -> (Priority, Option<&'static str>) {
    Rules::builtin().decide(&facts(text, &Map::new()))
}

fn list(rules: Value) -> Vec<PriorityRule> {
    serde_json::from_value(rules).unwrap()
}

#[test]
fn the_built_in_rules_are_ones_a_tenant_could_write() {
    let rules = Rules::builtin().written();
    assert_eq!(schemas::priority::check(rules), Ok(()));
    for rule in rules {
        let intents = rule.when.intent.iter();
        let unknown: Vec<_> = intents
            .filter(|name| crate::intent::get(name).is_none())
            .collect();
        assert!(unknown.is_empty(), "{}: {unknown:?}", rule.name);
        for word in &rule.when.words {
            let said = Rules::builtin()
                .lookup
                .said(word.trim_end_matches('*'), None);
            let place = rules
                .iter()
                .position(|other| other.name == rule.name)
                .unwrap();
            assert!(said[place], "`{word}` is not found where it stands alone");
        }
    }
}

#[test]
fn urgency_is_read_in_many_languages() {
    for text in [
        "URGENT: my card does not work",
        "please call me back asap!",
        "I need this fixed as soon  as possible.",
        "Ich brauche dringend Hilfe",
        "Dringende Anfrage",
        "Das ist ein Notfall",
        "C'est une urgence",
        "répondez-moi au plus vite",
        "Es urgente, por favor",
        "necesito ayuda lo antes posible",
        "È urgentissimo, è un'emergenza",
        "preciso disso com urgencia",
        "graag zo snel mogelijk",
        "proszę o pilny kontakt",
        "срочно нужна помощь",
        "Срочный вопрос",
        "дуже терміново",
        "det är bråttom",
        "det haster meget",
        "asialla on kiire",
        "prosím, co nejdříve",
        "ACİL durum",
        "الأمر مستعجل، فورًا من فضلكم",
        "मुझे तुरंत मदद चाहिए",
        "请尽快处理",
        "至急ご連絡ください",
        "긴급합니다",
        "ขอด่วนครับ",
        "tôi cần gấp",
    ] {
        assert_eq!(
            builtin(text),
            (Priority::High, Some("in a hurry")),
            "{text}"
        );
    }
    for text in [
        "where is my order",
        "the urgency of climate policy",
        "sofortbild kamera",
        "https://example.org/urgent",
        "insurgent",
        "",
    ] {
        assert_eq!(builtin(text), (Priority::Normal, None), "{text}");
    }
}

#[test]
fn what_is_not_urgent_is_not() {
    for text in [
        "this is not urgent",
        "it isn't really urgent",
        "Not an emergency",
        "das ist kein Notfall",
        "nicht so dringend",
        "ce n'est pas une urgence",
        "no es muy urgente",
        "não é tão urgente",
        "het is niet zo dringend",
        "это не срочно",
        "acil değil",
        "यह तुरंत नहीं",
        "不紧急",
        "緊急ではありません",
    ] {
        let (priority, _) = builtin(text);
        assert!(priority <= Priority::Normal, "{text}: {priority:?}");
    }
    for text in [
        "no hurry at all",
        "es hat keine Eile",
        "rien ne presse",
        "не срочно",
        "不急",
        "acelesi yok",
    ] {
        assert_eq!(builtin(text), (Priority::Low, Some("can wait")), "{text}");
    }
    for text in [
        "not delivered, urgent!",
        "It did not arrive. Urgent",
        "no, immediately",
        "I do not know what to do, please answer asap",
    ] {
        assert_eq!(builtin(text).0, Priority::High, "{text}");
    }
}

#[test]
fn what_was_understood_decides() {
    let nobody = Map::new();
    let anger = ["anger".to_owned()];
    let vip: Map<String, Value> = serde_json::from_value(json!({"vip": true})).unwrap();
    let gold: Map<String, Value> =
        serde_json::from_value(json!({"tier": "Gold", "vip": false})).unwrap();
    let plain = facts("where is it", &nobody);
    let hurry = facts("I need it immediately", &nobody);
    let rules = Rules::builtin();
    for (facts, expected) in [
        (
            Facts {
                intent: Some("spam"),
                ..hurry
            },
            (Priority::Low, Some("spam")),
        ),
        (
            Facts {
                intent: Some("fraud_report"),
                ..plain
            },
            (Priority::Urgent, Some("fraud")),
        ),
        (
            Facts {
                intent: Some("thanks"),
                ..plain
            },
            (Priority::Low, Some("nothing to answer")),
        ),
        (
            Facts {
                intent: Some("thanks"),
                ..hurry
            },
            (Priority::Normal, Some("in a hurry")),
        ),
        (
            Facts {
                intent: Some("complaint"),
                ..plain
            },
            (Priority::High, Some("complaint")),
        ),
        (
            Facts {
                intent: Some("complaint"),
                emotions: &anger,
                sentiment: Some(-0.9),
                ..plain
            },
            (Priority::High, Some("complaint")),
        ),
        (
            Facts {
                emotions: &anger,
                sentiment: Some(-0.5),
                ..hurry
            },
            (Priority::Urgent, Some("in a hurry")),
        ),
        // An emotion against the mood is a mistake of one of the two.
        (
            Facts {
                emotions: &anger,
                sentiment: Some(0.1),
                ..plain
            },
            (Priority::Normal, None),
        ),
        (
            Facts {
                sentiment: Some(-0.71),
                ..plain
            },
            (Priority::High, Some("very unhappy")),
        ),
        (
            Facts {
                sentiment: Some(-0.7),
                ..plain
            },
            (Priority::Normal, None),
        ),
        (
            Facts {
                sentiment: Some(f32::NAN),
                ..plain
            },
            (Priority::Normal, None),
        ),
        (
            Facts {
                sender: &vip,
                ..plain
            },
            (Priority::High, Some("important customer")),
        ),
        (
            Facts {
                sender: &gold,
                ..plain
            },
            (Priority::High, Some("high tier")),
        ),
        (
            Facts {
                sender: &vip,
                ..hurry
            },
            (Priority::Urgent, Some("in a hurry")),
        ),
        (
            Facts {
                message_type: MessageType::Event,
                ..hurry
            },
            (Priority::Low, Some("no person wrote it")),
        ),
        (
            Facts {
                text: "The lamp caught fire",
                ..plain
            },
            (Priority::Urgent, Some("danger")),
        ),
        (
            Facts {
                subject: Some("Urgent"),
                ..plain
            },
            (Priority::High, Some("in a hurry")),
        ),
        // What it came with is kept.
        (
            Facts {
                given: Priority::Low,
                ..hurry
            },
            (Priority::Low, None),
        ),
        (
            Facts {
                given: Priority::Urgent,
                intent: Some("spam"),
                ..plain
            },
            (Priority::Urgent, None),
        ),
    ] {
        assert_eq!(rules.decide(&facts), expected, "{facts:?}");
    }
}

#[test]
fn rules_run_in_their_order() {
    let rules = list(json!([
        {"name": "up", "when": {"words": ["lamp"]}, "then": "raise"},
        {"name": "floor", "when": {"words": ["chair"]}, "then": {"at_least": "urgent"}},
        {"name": "low", "when": {"words": ["end"]}, "then": {"set": "low"}},
        {"name": "down", "when": {"words": ["desk"]}, "then": "lower"},
        {"name": "all", "when": {"words": ["lamp"], "sender": {"age": 5, "plan": ["a", 7]}}, "then": {"set": "urgent"}},
    ]));
    let sender: Map<String, Value> =
        serde_json::from_value(json!({"age": 5.0, "plan": "A"})).unwrap();
    let nobody = Map::new();
    for (text, sender, expected) in [
        ("nothing", &nobody, (Priority::Normal, None)),
        ("a lamp", &nobody, (Priority::High, Some("up"))),
        ("lamp, desk", &nobody, (Priority::Normal, Some("down"))),
        ("lamp chair", &nobody, (Priority::Urgent, Some("floor"))),
        ("lamp end desk", &nobody, (Priority::Low, Some("low"))),
        ("desk", &nobody, (Priority::Low, Some("down"))),
        ("lamp", &sender, (Priority::Urgent, Some("all"))),
        ("desk", &sender, (Priority::Low, Some("down"))),
    ] {
        assert_eq!(decide(&rules, &facts(text, sender)), expected, "{text}");
        assert_eq!(
            Rules::new(&rules).decide(&facts(text, sender)),
            expected,
            "{text}"
        );
    }
    assert_eq!(
        decide(&[], &facts("urgent", &nobody)),
        (Priority::Normal, None)
    );
}

proptest! {
    #[test]
    fn any_rules_and_any_text(
        words in proptest::collection::vec(prop_oneof![
            prop::sample::select(vec!["*", "urgent*", "not", "急", "c'est", "a b", "@", "", "급해*"]).prop_map(str::to_owned),
            any::<String>(),
        ], 0..6),
        text in any::<String>(),
        below in prop::option::of(any::<f32>()),
        then in prop::sample::select(vec![json!("raise"), json!("lower"), json!({"set": "low"}), json!({"at_least": "high"})]),
    ) {
        let mut rules = list(json!([{"name": "a", "then": then}]));
        rules[0].when.words.clone_from(&words);
        rules[0].when.sentiment_below = below;
        let nobody = Map::new();
        let text = format!("{text} {} urgent {text}", words.join(" "));
        let facts = facts(&text, &nobody);
        let (priority, rule) = decide(&rules, &facts);
        prop_assert_eq!(priority == Priority::Normal, rule.is_none());
        let compiled = Rules::new(&rules);
        prop_assert_eq!(compiled.decide(&facts), (priority, rule));
        prop_assert!(Rules::builtin().decide(&facts).0 <= Priority::Urgent);
    }
}
