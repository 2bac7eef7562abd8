use std::collections::HashMap;

use proptest::prelude::*;
use schemas::{
    Body, ChannelId, ChannelKind, Content, Context, ConversationId, Direction, MessageId, Party,
    Priority, Routing, Snapshot, Spoken, TenantId, TenantSnapshot, Timestamp, Understanding,
};
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::model::{Models, Prediction};

const TENANT: TenantId = TenantId(Uuid::from_u128(1));

fn envelope(text: &str, spoken: &[(&str, u32)]) -> Envelope {
    let message = Message {
        id: MessageId(Uuid::nil()),
        conversation_id: ConversationId(Uuid::nil()),
        channel_id: ChannelId(Uuid::nil()),
        message_type: MessageType::Text,
        direction: Direction::Inbound,
        content: Content {
            text: text.to_owned(),
            ..Content::default()
        },
        sender: Party::default(),
        recipient: Party::default(),
        priority: Priority::default(),
        tags: Vec::new(),
        platform_message_id: None,
        platform_conversation_id: String::new(),
        in_reply_to: None,
        subject: None,
        language: None,
        sentiment: None,
        intent: None,
        topics: Vec::new(),
        category: None,
        routing: Routing::default(),
        created_at: Timestamp(1),
        edited_at: None,
        deleted_at: None,
        metadata: serde_json::Map::new(),
    };
    let spoken = spoken.iter().map(|(code, messages)| Spoken {
        code: (*code).to_owned(),
        messages: *messages,
    });
    Envelope {
        tenant: TENANT,
        channel: message.channel_id,
        kind: ChannelKind::Sandbox,
        message: message.id,
        conversation: message.conversation_id,
        conversation_key: String::new(),
        received_at: Timestamp(1),
        position: 0,
        body: Body::Message(Box::new(message)),
        context: Context {
            spoken: spoken.collect(),
        },
        replies: Vec::new(),
        events: Vec::new(),
        trace: Vec::new(),
    }
}

/// A tenant with these settings.
fn cx(understanding: serde_json::Value) -> Cx {
    let tenant = TenantSnapshot {
        understanding: serde_json::from_value::<Understanding>(understanding).unwrap(),
        ..TenantSnapshot::default()
    };
    Cx {
        snapshot: Arc::new(Snapshot {
            tenants: HashMap::from([(TENANT, Arc::new(tenant))]),
        }),
        models: Arc::default(),
    }
}

fn apply(stage: &DetectLanguage, cx: &Cx, envelope: Envelope) -> Option<Language> {
    match stage.apply(cx, envelope) {
        Outcome::Next(envelope) => envelope.message().unwrap().language.clone(),
        other => panic!("{other:?}"),
    }
}

fn detect(text: &str) -> Option<String> {
    let found = apply(
        &DetectLanguage::default(),
        &Cx::default(),
        envelope(text, &[]),
    );
    found.map(|language| language.code)
}

#[test]
fn sentences_are_recognized() {
    for (code, text) in [
        (
            "en",
            "Hello, could you please tell me when my order will arrive at the office?",
        ),
        (
            "de",
            "Guten Morgen, ich habe eine Frage zu meiner Bestellung von letzter Woche.",
        ),
        (
            "fr",
            "Bonjour, je voudrais savoir quand ma commande sera livrée, merci beaucoup.",
        ),
        (
            "es",
            "Hola, quisiera saber cuándo va a llegar mi pedido a la oficina, muchas gracias.",
        ),
        (
            "ru",
            "Здравствуйте, когда придёт мой заказ? Я жду его уже две недели.",
        ),
        ("fr", "Bonjour, où est ma commande ?"),
        ("en", "Hello, where is my order?"),
        ("de", "wo ist meine bestellung"),
        ("es", "hola, dónde está mi pedido"),
        ("it", "buongiorno, dove si trova il mio ordine?"),
        ("pt", "olá, onde está o meu pedido?"),
        ("nl", "waar is mijn bestelling gebleven"),
        ("pl", "gdzie jest moje zamówienie"),
        ("sv", "var är min beställning"),
        ("ru", "где мой заказ"),
        ("uk", "де моє замовлення"),
        ("vi", "đơn hàng của tôi ở đâu"),
        ("ja", "こんにちは、注文はいつ届きますか"),
        ("ja", "経済産業省発表"),
        ("zh", "我的订单什么时候到"),
        ("th", "สวัสดีครับ ผมอยากทราบสถานะคำสั่งซื้อ"),
        ("el", "Πού είναι η παραγγελία μου;"),
        ("ko", "주문이 언제 와요?"),
        ("he", "איפה ההזמנה שלי? אני מחכה כבר שבוע"),
        ("ar", "أين طلبي؟ أنتظر منذ أسبوع"),
        ("fa", "سفارش من کجاست؟ یک هفته است منتظرم"),
        ("hi", "मेरा ऑर्डर कहाँ है? मैं एक हफ्ते से इंतज़ार कर रहा हूँ"),
        ("am", "ትዕዛዜ የት አለ?"),
        ("th", "iPhone 15 Pro มีของไหมครับ"),
    ] {
        assert_eq!(detect(text).as_deref(), Some(code), "{text}");
    }
}

#[test]
fn a_text_without_words_has_no_language() {
    for text in [
        "",
        "👍👍👍👍👍",
        "12 345 678",
        "https://example.org/a/long/path/of/letters",
        "anna@example.org @anna #sale /start",
    ] {
        assert_eq!(detect(text), None, "{text}");
    }
}

#[test]
fn what_could_be_several_languages_is_none_of_them() {
    for text in ["ok", "ok ok", "ok super cool", "la de en", "ꦲꦏ꧀ꦱꦫ"] {
        assert_eq!(detect(text).as_deref(), Some(UND), "{text}");
    }
}

#[test]
fn both_codes_and_the_model_are_given() {
    let stage = DetectLanguage::default();
    let apply = |text| apply(&stage, &Cx::default(), envelope(text, &[])).unwrap();
    let found = apply("我的订单什么时候到，我已经等了一个星期");
    assert_eq!((&*found.code, &*found.iso639_3), ("zh", "zho"));
    assert_eq!(found.model, native().unwrap().id());
    assert!((0.9..=1.0).contains(&found.confidence));
    let unsure = apply("ok");
    assert_eq!((&*unsure.code, &*unsure.iso639_3), (UND, UND));
    assert!(unsure.confidence < 0.6);
}

#[test]
fn commands_and_events_are_nobodys_language() {
    for message_type in [
        MessageType::Command,
        MessageType::Callback,
        MessageType::Event,
    ] {
        let mut envelope = envelope("where is my order please", &[]);
        envelope.message_mut().unwrap().message_type = message_type;
        assert_eq!(
            apply(&DetectLanguage::default(), &Cx::default(), envelope),
            None
        );
    }
}

#[test]
fn only_the_tenants_languages_are_answered() {
    let stage = DetectLanguage::default();
    let found = |languages: &[&str], text: &str| {
        apply(
            &stage,
            &cx(json!({ "languages": languages })),
            envelope(text, &[]),
        )
        .unwrap()
    };
    // Danish or Norwegian: what is not allowed takes no probability from what is.
    let text = "hvor er pakken min";
    for code in ["da", "nb"] {
        let alone = found(&[code, "en"], text);
        assert_eq!(alone.code, code);
        assert!(alone.confidence > 0.9, "{code} {}", alone.confidence);
    }
    // Any code of the language will do.
    assert_eq!(found(&["deu", "eng"], "Wo ist es").code, "de");
    // None of them is written like this.
    let foreign = found(&["de", "en"], "Где мой заказ? Я жду уже две недели.");
    assert_eq!((&*foreign.code, foreign.confidence), (UND, 0.0));
    assert_eq!(found(&["de", "zh"], "経済産業省").code, "zh");
    assert_eq!(found(&["de"], "Πού είναι").code, UND);
}

#[test]
fn earlier_messages_decide_short_ones_alone() {
    let stage = DetectLanguage::default();
    let found = |text: &str, spoken: &[(&str, u32)]| {
        apply(&stage, &Cx::default(), envelope(text, spoken)).unwrap()
    };
    assert_eq!(found("ok", &[]).code, UND);
    assert_eq!(found("tak", &[("da", 6)]).code, "da");
    assert_eq!(found("tak", &[("pl", 6)]).code, "pl");
    // Sure is sure.
    assert_eq!(found("Danke schön", &[("en", 3)]).code, "de");
    assert_eq!(found("了解", &[]).code, "zh");
    assert_eq!(found("了解", &[("ja", 6)]).code, "ja");
    let long = "Wo ist meine Bestellung geblieben?";
    assert_eq!(found(long, &[("nl", 50)]), found(long, &[]));
}

#[test]
fn the_settings_say_who_answers() {
    let text = "Wann kommt meine Bestellung an? Ich warte schon seit zwei Wochen.";
    let by = |usual: Backend, understanding: serde_json::Value| {
        let found = apply(
            &DetectLanguage::by(usual),
            &cx(understanding),
            envelope(text, &[]),
        );
        found.map(|language| (language.code, language.iso639_3, language.model))
    };
    let native = native().unwrap().id();
    let german = |model: &str| Some(("de".to_owned(), "deu".to_owned(), model.to_owned()));
    let own = |backend: &str| json!({"models": {"language": backend}});
    assert_eq!(by(Backend::Builtin, json!({})), german(native));
    assert_eq!(by(Backend::Whatlang, json!({})), german("whatlang"));
    assert_eq!(by(Backend::Off, json!({})), None);
    // A tenant's word counts more than the hub's.
    assert_eq!(by(Backend::Builtin, own("whatlang")), german("whatlang"));
    assert_eq!(by(Backend::Whatlang, own("builtin")), german(native));
    assert_eq!(by(Backend::Builtin, own("off")), None);
    // The tenant's own model is not there.
    assert_eq!(by(Backend::Builtin, own("model:x")), german(native));
    assert_eq!(by(Backend::Whatlang, own("external:x")), german("whatlang"));
}

/// Says what it was made to say, and nothing about texts with `silence` in them.
struct Says(Vec<String>, Vec<f32>);

impl Classifier for Says {
    fn id(&self) -> &str {
        "language-own"
    }

    fn labels(&self) -> &[String] {
        &self.0
    }

    fn thresholds(&self) -> Option<&[f32]> {
        None
    }

    fn classify(&self, documents: &[&Document<'_>]) -> Vec<Option<Prediction>> {
        let each = documents.iter();
        each.map(|document| {
            (!document.text.contains("silence")).then(|| Prediction {
                probabilities: self.1.clone(),
                in_scope: true,
                scope_score: 1.0,
            })
        })
        .collect()
    }
}

#[test]
fn a_tenants_own_model_answers_and_the_built_in_one_where_it_cannot() {
    let stage = DetectLanguage::default();
    let found = |languages: &[&str], text: &str| {
        let mut cx =
            cx(json!({"languages": languages, "models": {"language": "model:language-own"}}));
        let labels = ["deu", "gsw", "nld"].map(str::to_owned).to_vec();
        let mut models = Models::default();
        models.choose(
            TENANT,
            Task::Language,
            Arc::new(Says(labels, vec![0.3, 0.5, 0.2])),
        );
        cx.models = Arc::new(models);
        apply(&stage, &cx, envelope(text, &[]))
    };
    let own = found(&[], "Grüezi mitenand").unwrap();
    assert_eq!(
        (&*own.code, &*own.model, own.confidence),
        ("gsw", "language-own", 0.5)
    );
    let allowed = found(&["de", "nl"], "Grüezi mitenand").unwrap();
    assert_eq!((&*allowed.code, &*allowed.iso639_3), ("de", "deu"));
    assert!((allowed.confidence - 0.6).abs() < 1e-6);
    assert_eq!(found(&["fr"], "Grüezi mitenand").unwrap().code, UND);
    let silent = found(&[], "there is silence on the other side").unwrap();
    assert_eq!(
        (&*silent.code, &*silent.model),
        ("en", native().unwrap().id())
    );
    assert_eq!(found(&[], "👍"), None);
}

#[test]
fn labels_of_the_built_in_model_are_languages_each_with_a_script() {
    let native = native().unwrap();
    assert!(native.size_bytes() <= 6_000_000, "{}", native.size_bytes());
    for label in native.labels() {
        assert!(iso::name(label).is_some(), "{label}");
        assert_eq!(iso::canonical(label), label);
        let once = native.labels().iter().filter(|other| *other == label);
        assert_eq!(once.count(), 1, "{label}");
    }
    for code in ["en", "ru", "ar", "he", "hi", "ja", "zh", "el", "th", "ka"] {
        assert!(native.labels().iter().any(|label| label == code), "{code}");
    }
}

proptest! {
    #[test]
    fn any_text_has_one_answer(
        text in prop_oneof![any::<String>(), "[a-zа-яα-ωあ-ん一-龥ก-ฮא-ת ]{0,60}"],
        languages in prop::collection::vec(
            prop::sample::select(vec!["de", "en", "ru", "ja", "zh", "el", "he", "xx"]), 0..4),
        spoken in prop::collection::vec(
            (prop::sample::select(vec!["de", "ja", "yi", "??", "und"]), any::<u32>()), 0..4),
    ) {
        let (stage, cx) = (DetectLanguage::default(), cx(json!({ "languages": languages })));
        let found = apply(&stage, &cx, envelope(&text, &spoken));
        prop_assert_eq!(&apply(&DetectLanguage::default(), &cx, envelope(&text, &spoken)), &found);
        let Some(found) = found else {
            return Ok(());
        };
        prop_assert!((0.0..=1.0).contains(&found.confidence));
        prop_assert!(
            languages.is_empty() || found.code == UND || languages.contains(&&*found.code),
            "{}", found.code
        );
        let sample = Sample::of(&text).unwrap();
        if !sample.is_short() {
            prop_assert_eq!(apply(&stage, &cx, envelope(&text, &[])), Some(found));
        }
    }

    #[test]
    fn probabilities_add_up(text in any::<String>()) {
        let document = Document::new(&text, None);
        if let Some(Some(prediction)) = native().unwrap().classify(&[&document]).pop() {
            let sum: f32 = prediction.probabilities.iter().sum();
            prop_assert!((sum - 1.0).abs() < 1e-3 || sum == 0.0, "{sum}");
        }
    }
}

#[test]
fn the_documentation_lists_every_language() {
    let documentation = include_str!("../../../docs/language.md");
    let native = native().unwrap();
    for label in native.labels() {
        let row = format!("| {} | `{label}` |", iso::name(label).unwrap());
        assert!(documentation.contains(&row), "{row}");
    }
    let rows = documentation
        .lines()
        .filter(|line| line.ends_with('|') && line.contains("` | "));
    let languages = rows.filter(|line| line.contains("| model |") || line.contains("| script |"));
    assert_eq!(languages.count(), native.labels().len());
}
