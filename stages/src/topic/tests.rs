use proptest::prelude::*;

use super::*;

fn check(language: &str, text: &str, expected: &[&str]) {
    let given = phrases(text, Some(language), MAX_PHRASES);
    assert_eq!(given, expected, "{language}: {text}");
}

#[test]
fn what_customers_write_about() {
    for (language, text, expected) in [
        ("en", "Hello, where is my order?", &["order"][..]),
        (
            "en",
            "I sent it back two weeks ago and still have no refund",
            &["refund"],
        ),
        (
            "en",
            "My coffee machine arrived broken, I want a refund. The coffee machine was a gift for my mother.",
            &["coffee machine", "refund", "gift", "mother"],
        ),
        (
            "en",
            "Hi Anna, your app crashes every time I open the shopping cart on my iPhone. I already tried PayPal.",
            &["iPhone", "PayPal", "shopping cart", "app crashes"],
        ),
        (
            "en",
            "Can I still change the delivery address of my order?",
            &["delivery address", "order"],
        ),
        (
            "de",
            "Guten Tag, meine Bestellung ist noch nicht angekommen und der Kundendienst antwortet nicht.",
            &["Bestellung", "Kundendienst"],
        ),
        (
            "de",
            "Die kaputte Lampe möchte ich zurückgeben",
            &["kaputte Lampe"],
        ),
        (
            "de",
            "ich hab mein passwort vergessen und komme nicht mehr in mein konto",
            &["passwort", "konto"],
        ),
        (
            "fr",
            "Bonjour, je n'ai toujours pas reçu ma carte de crédit",
            &["carte de crédit"],
        ),
        (
            "es",
            "Hola, no funciona el código de descuento para los zapatos deportivos, ¿me ayudan?",
            &["código de descuento", "zapatos deportivos"],
        ),
        (
            "it",
            "Buongiorno, vorrei cambiare l'indirizzo di consegna del mio ordine",
            &["indirizzo di consegna", "ordine"],
        ),
        ("it", "Qual è il numero d'ordine?", &["numero d'ordine"]),
        (
            "pt",
            "Olá, o aplicativo trava quando abro o carrinho de compras",
            &["carrinho de compras", "aplicativo"],
        ),
        (
            "nl",
            "Hallo, mijn pakket is nog steeds niet bezorgd terwijl de bezorgdienst zegt van wel",
            &["pakket", "bezorgdienst"],
        ),
        (
            "pl",
            "Dzień dobry, kurier nie dostarczył mojej paczki, proszę o zwrot pieniędzy",
            &["zwrot pieniędzy", "kurier", "paczki"],
        ),
        (
            "ru",
            "Здравствуйте, курьер потерял мою посылку, хочу вернуть деньги за кроссовки",
            &["вернуть деньги", "курьер", "посылку", "кроссовки"],
        ),
        (
            "uk",
            "Добрий день, мобільний додаток не відкриває кошик покупок",
            &["мобільний додаток", "кошик покупок"],
        ),
        (
            "sv",
            "Hej, min faktura är fel och jag vill ändra leveransadressen",
            &["faktura", "leveransadressen"],
        ),
        (
            "da",
            "Hej, jeg har ikke modtaget min ordrebekræftelse på kaffemaskinen",
            &["ordrebekræftelse", "kaffemaskinen"],
        ),
        (
            "nb",
            "Hei, jeg vil si opp abonnementet mitt, nettbutikken virker ikke",
            &["abonnementet", "nettbutikken"],
        ),
        (
            "fi",
            "Hei, tilaukseni ei ole saapunut ja seurantakoodi ei toimi",
            &["tilaukseni", "seurantakoodi"],
        ),
        (
            "cs",
            "Dobrý den, nefunguje mi slevový kód na dětské boty",
            &["slevový kód", "dětské boty"],
        ),
        (
            "tr",
            "Merhaba, kargo firması paketimi teslim etmedi, para iadesi istiyorum",
            &["kargo firması paketimi", "para iadesi"],
        ),
        (
            "ar",
            "مرحبا، لم تصل شحنة الأحذية وأريد استرداد المبلغ",
            &["شحنة الأحذية", "استرداد المبلغ"],
        ),
        (
            "hi",
            "नमस्ते, मेरा पार्सल नहीं आया और मुझे रिफंड चाहिए",
            &["पार्सल", "रिफंड"],
        ),
    ] {
        check(language, text, expected);
    }
}

#[test]
fn greetings_have_no_topic() {
    for (language, text) in [
        ("en", "Hello!"),
        ("en", "thanks a lot"),
        ("en", "good morning, how are you?"),
        ("de", "Guten Morgen"),
        ("de", "Vielen Dank und liebe Grüße"),
        ("fr", "Bonjour, merci beaucoup !"),
        ("es", "¡Hola, buenos días!"),
        ("it", "Grazie mille, buona giornata"),
        ("pt", "Oi, boa tarde"),
        ("nl", "Hallo, goedemiddag"),
        ("ru", "Привет, спасибо большое"),
        ("tr", "Merhaba, iyi günler"),
        ("en", "👍👍 ok"),
        ("en", ""),
    ] {
        check(language, text, &[]);
        assert!(phrases(text, None, 5).is_empty(), "of no language: {text}");
    }
}

#[test]
fn nothing_that_tells_who_somebody_is() {
    for (language, text, expected) in [
        (
            "en",
            "My name is Anna Schmidt, my card 4111 1111 1111 1111 was declined",
            &["card", "declined"][..],
        ),
        (
            "en",
            "Invoice to anna.schmidt@example.org or https://example.org/anna or example.org please",
            &["invoice"],
        ),
        (
            "en",
            "Call me on +49 170 1234567 about order AB-4812-XY",
            &["order"],
        ),
        (
            "en",
            "Transfer to DE89 3704 0044 0532 0130 00, BIC DEUTDEFFXXX",
            &["BIC", "transfer"],
        ),
        (
            "en",
            "Please deliver the sofa. I live at 12 Baker Street, London.",
            &["sofa"],
        ),
        (
            "en",
            "Broken zipper.\n\nKind regards,\nJane Q. Doe\nAcme Ltd",
            &["broken zipper"],
        ),
        (
            "de",
            "Hallo Frau Müller, der Akku ist defekt. Viele Grüße, Jonas Weber",
            &["Akku"],
        ),
        (
            "de",
            "Passwort: sonnenblume\nDer Login klappt nicht",
            &["Login", "Passwort"],
        ),
        (
            "fr",
            "je m'appelle Jean Dupont, ma facture manque",
            &["facture manque"],
        ),
        (
            "ru",
            "Меня зовут Анна Иванова, не работает приложение",
            &["приложение"],
        ),
    ] {
        let given = phrases(text, Some(language), MAX_PHRASES);
        let expected: Vec<&str> = expected.to_vec();
        assert_eq!(given, expected, "{language}: {text}");
    }
}

#[test]
fn case_is_kept_where_it_says_something() {
    check("en", "Refund please", &["refund"]);
    check("en", "REFUND MY MONEY NOW", &["refund", "money"]);
    check("en", "the invoice needs our VAT", &["VAT", "invoice"]);
    check(
        "en",
        "Where Is My Blue Lamp And My Red Chair",
        &["blue lamp", "red chair"],
    );
    check("de", "Rechnung fehlt", &["Rechnung"]);
    check(
        "en",
        "my PayPal account, paypal account",
        &["PayPal account"],
    );
}

#[test]
fn scripts_and_languages_without_words_of_ours() {
    for (language, text, expected) in [
        ("ja", "iPhoneの注文はいつ届きますか", &["iPhone"][..]),
        ("zh", "我的订单什么时候到", &[]),
        ("th", "สวัสดีครับ ผมอยากทราบสถานะคำสั่งซื้อ", &[]),
        ("ko", "주문을 취소하고 싶어요", &[]),
        (
            "vi",
            "Xin chào, đơn hàng Samsung Galaxy của tôi chưa đến",
            &["Samsung Galaxy"],
        ),
        (
            "ro",
            "Bună ziua, factura nu este corectă, vreau altă factura",
            &["factura"],
        ),
    ] {
        check(language, text, expected);
    }
    assert_eq!(phrases("rote Lampe kaputt", None, 5), ["rote Lampe"]);
}

#[test]
fn fewer_when_fewer_are_wanted() {
    let text = "invoice, refund, lamp, chair, table, sofa, desk";
    assert_eq!(phrases(text, Some("en"), 99).len(), MAX_PHRASES);
    assert_eq!(phrases(text, Some("en"), 2).len(), 2);
    assert!(phrases(text, Some("en"), 0).is_empty());
    // What is said again counts more.
    assert_eq!(
        phrases("lamp, chair and a table, a chair", Some("en"), 1),
        ["chair"]
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn bounded_and_without_digits_whatever_the_text(
        words in proptest::collection::vec(prop_oneof![
            3 => prop::sample::select(vec![
                "order", "Refund", "credit", "VAT", "my", "the", "of", "name", "is", "Anna", ":", ".", "\n", "12", "Street",
                "carte", "de", "crédit", "заказ", "注文", "주문", "a@b.org", "iPhone", "e\u{301}", "regards", "पार्सल", "'", "-",
            ]).prop_map(str::to_owned),
            1 => any::<String>(),
        ], 0..40),
        language in prop::option::of(prop::sample::select(vec!["en", "de", "fr", "ar", "hi", "ja", "vi", "und", ""])),
        limit in 0usize..8,
    ) {
        let text = words.join(" ");
        let given = phrases(&text, language, limit);
        prop_assert!(given.len() <= limit.min(MAX_PHRASES));
        for (place, phrase) in given.iter().enumerate() {
            prop_assert!(!phrase.is_empty() && phrase.len() <= MAX_PHRASE_BYTES);
            prop_assert!(!phrase.chars().any(|c| c.is_numeric() || c == '@' || c.is_control()), "{phrase:?}");
            prop_assert!((1..=3).contains(&phrase.split([' ', '\'']).count()), "{phrase:?}");
            prop_assert!(!given[..place].contains(phrase), "twice: {phrase:?}");
        }
        prop_assert_eq!(phrases(&text, language, limit), given);
    }
}

#[test]
fn a_long_text_is_cut() {
    let start = "order ".repeat(MAX_TEXT_BYTES / 6 + 1);
    assert_eq!(phrases(&(start + "zebra zebra"), Some("en"), 5), ["order"]);
    assert!(phrases(&"ä".repeat(100_000), Some("de"), 5).is_empty());
}
