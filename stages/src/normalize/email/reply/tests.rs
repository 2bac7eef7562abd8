use super::*;

fn own(text: &str) -> String {
    own_text(text, Some("Re: order"), true).unwrap_or_else(|| text.to_owned())
}

#[test]
fn quoted_tails_are_cut() {
    for tail in [
        // English
        "On Wed, Jan 8, 2025 at 10:30 AM Ann <ann@example.org> wrote:\n> hello\n>\n> bye",
        "On Wed, Jan 8, 2025 at 10:30 AM Ann Example\n<ann@example.org> wrote:\n\n> hello",
        "On 8 Jan 2025, at 10:30, Ann <ann@example.org> wrote:\nunmarked, as Apple Mail may leave it",
        "On Wednesday, January 8, 2025 at 10:30:00 AM GMT+1, Ann <ann@example.org> wrote:  \n\n Hello",
        "Ann Example wrote on 08/01/2025 10:30:\n> hello",
        "At 2025-01-08 10:30:00, \"Ann\" <ann@example.org> wrote:\n>hello",
        "-----Original Message-----\nFrom: Ann\nhello",
        "-------- Original message --------\nFrom: Ann\nDate: 1/8/25",
        "-----Ann Example/ACME wrote: -----\nTo: Bob",
        "________________________________\nFrom: Ann <ann@example.org>\nSent: Wednesday\nTo: Bob\n\nhello",
        "*From:* Ann <ann@example.org>\n*Sent:* Wednesday\n*To:* Bob\n\nhello",
        "From: Ann\nDate: Wednesday\nTo: Bob\nSubject: order\n\nhello",
        "##- Please type your reply above this line -##\n\nTicket 5",
        // German
        "Am 08.01.2025 um 10:30 schrieb Ann <ann@example.org>:\n> hallo",
        "Am Mi., 8. Jan. 2025 um 10:30 Uhr schrieb Ann <\nann@example.org>:\n\n> hallo",
        "Am Mittwoch, 8. Januar 2025 um 10:30:00 MEZ hat Ann <ann@example.org> Folgendes geschrieben:\n\n\n hallo",
        "-----Ursprüngliche Nachricht-----\nVon: Ann\nhallo",
        "Von: Ann <ann@example.org>\nGesendet: Mittwoch\nAn: Bob\n\nhallo",
        "Gesendet: Mittwoch, 08. Januar 2025 um 10:30 Uhr\nVon: Ann\nAn: bob@example.org\nBetreff: x",
        // Romance
        "Le mer. 8 janv. 2025 à 10:30, Ann <ann@example.org> a écrit :\n> bonjour",
        "De : Ann <ann@example.org>\nEnvoyé : mercredi 8 janvier 2025\nÀ : Bob\nObjet : x",
        "-------- Message d'origine --------\nDe : Ann",
        "El mié, 8 ene 2025 a las 10:30, Ann (<ann@example.org>) escribió:\n> hola",
        "De: Ann <ann@example.org>\nEnviado el: miércoles\nPara: Bob\nAsunto: x",
        "Il giorno mer 8 gen 2025 alle ore 10:30 Ann <ann@example.org> ha scritto:\n> ciao",
        "Da: Ann\nInviato: mercoledì\nA: Bob\nOggetto: x",
        "Em qua., 8 de jan. de 2025 às 10:30, Ann <ann@example.org> escreveu:\n> olá",
        "De: Ann\nEnviada em: quarta-feira\nPara: Bob\nAssunto: x",
        "În mie., 8 ian. 2025 la 10:30, Ann <ann@example.org> a scris:\n> salut",
        "El dc., 8 de gen. 2025, 10:30, Ann <ann@example.org> va escriure:\n> hola",
        // Germanic and Nordic
        "Op wo 8 jan 2025 om 10:30 schreef Ann <ann@example.org>:\n> hallo",
        "Van: Ann\nVerzonden: woensdag\nAan: Bob\nOnderwerp: x",
        "Den ons 8 jan. 2025 kl 10:30 skrev Ann <ann@example.org>:\n> hej",
        "Från: Ann\nSkickat: onsdag\nTill: Bob\nÄmne: x",
        "Den ons. 8. jan. 2025 kl. 10.30 skrev Ann <\nann@example.org>:\n\n> hej",
        "Fra: Ann\nSendt: onsdag\nTil: Bob\nEmne: x",
        "ons. 8. jan. 2025 kl. 10:30 skrev Ann <ann@example.org>:\n> hei",
        "ke 8. tammik. 2025 klo 10.30 Ann (ann@example.org) kirjoitti:\n> moi",
        "Lähettäjä: Ann\nLähetetty: keskiviikko\nVastaanottaja: Bob\nAihe: x",
        // Slavic, Hungarian
        "śr., 8 sty 2025 o 10:30 Ann <ann@example.org> napisał(a):\n> cześć",
        "W dniu 8.01.2025 o 10:30, Ann pisze:\n> cześć",
        "Od: Ann\nWysłano: środa\nDo: Bob\nTemat: x",
        "st 8. 1. 2025 v 10:30 odesílatel Ann <ann@example.org> napsal:\n> ahoj",
        "Od: Ann\nOdesláno: středa\nKomu: Bob\nPředmět: x",
        "ср, 8 янв. 2025 г. в 10:30, Ann <ann@example.org>:\n\n> привет",
        "8 января 2025 г., 10:30, \"Ann\" <ann@example.org> написал:\n> привет",
        "От: Ann\nОтправлено: среда\nКому: Bob\nТема: x",
        "ср, 8 січ. 2025 р. о 10:30 Ann <ann@example.org> пише:\n> привіт",
        "Від: Ann\nНадіслано: середа\nКому: Bob\nТема: x",
        "Ann <ann@example.org> ezt írta (időpont: 2025. jan. 8., Sze, 10:30):\n> szia",
        // Elsewhere
        "Ann <ann@example.org>, 8 Oca 2025 Çar, 10:30 tarihinde şunu yazdı:\n> selam",
        "Kimden: Ann\nGönderildi: Çarşamba\nKime: Bob\nKonu: x",
        "Στις Τετ 8 Ιαν 2025 στις 10:30 π.μ., ο χρήστης Ann <ann@example.org> έγραψε:\n> γεια",
        "\u{202b}בתאריך יום ד׳, 8 בינו׳ 2025 ב-10:30 מאת \u{202a}Ann\u{202c}\u{200f} <\u{202a}ann@example.org\u{202c}\u{200f}>:\u{202c}\n\n> שלום",
        "في الأربعاء، ٨ يناير ٢٠٢٥ في ١٠:٣٠ ص تمت كتابة ما يلي بواسطة Ann <ann@example.org>:\n> مرحبا",
        "من: Ann\nتم الإرسال: الأربعاء\nإلى: Bob\nالموضوع: x",
        "बुध, 8 जन॰ 2025 को 10:30 am बजे को Ann <ann@example.org> ने लिखा:\n> नमस्ते",
        "Pada tanggal Rab, 8 Jan 2025 pukul 10.30 Ann <ann@example.org> menulis:\n> halo",
        "Vào Th 4, 8 thg 1, 2025 vào lúc 10:30 Ann <ann@example.org> đã viết:\n> chào",
        "2025年1月8日(水) 10:30 Ann <ann@example.org>:\n> こんにちは",
        "差出人: Ann\n送信日時: 2025年1月8日\n宛先: Bob\n件名: x",
        "-----元のメッセージ-----\n差出人: Ann",
        "Ann <ann@example.org> 于2025年1月8日周三 10:30写道：\n> 你好",
        "------------------ 原始邮件 ------------------\n发件人: \"Ann\"",
        "发件人: Ann\n发送时间: 2025年1月8日\n收件人: Bob\n主题: x",
        "寄件者: Ann\n寄件日期: 2025年1月8日\n收件者: Bob\n主旨: x",
        "2025년 1월 8일 (수) 오전 10:30, Ann <ann@example.org>님이 작성:\n> 안녕",
        "보낸 사람: Ann\n보낸 날짜: 2025년\n받는 사람: Bob\n제목: x",
        // Without an introduction
        "> hello\n> bye",
    ] {
        let text = format!("Yes, please.\n\n{tail}");
        assert_eq!(own(&text), "Yes, please.", "{tail}");
    }
}

#[test]
fn what_stands_below_a_quotation_is_kept() {
    for text in [
        "On 8 Jan 2025 Ann <a@b.c> wrote:\n> one?\n>\n> two?\n\nMy answer is below.",
        "> one?\n> two?\n\nMy answer is below.",
        "Am 08.01.2025 um 10:30 schrieb Ann:\n\n> eins?\n\nMy answer is below.\n\n-- \nBob",
    ] {
        assert_eq!(own(text), "My answer is below.", "{text}");
    }
}

#[test]
fn own_words_are_kept() {
    for text in [
        "On 8 Jan 2025 Ann <a@b.c> wrote:\n> one?\nyes\n> two?\nno",
        "Hello,\n\nOn 8 Jan 2025 Ann <a@b.c> wrote:\n> one?\nyes\n> two?\nno",
        "On reflection he never wrote:\nnothing at all",
        "> only a quotation",
        "no quotation",
        "Prices:\n1. 20 EUR\n2. 30 EUR\nDates: 2025:\nall free",
        "From: here to there it is 5 km.\nTo: you",
        "Call me at 10:30 or write to ann@example.org about this:\nthe red one",
        "-- \nAnn",
        "Sent from my iPhone",
    ] {
        assert_eq!(own(text), text);
    }
    let forward = "See below\n\n-----Original Message-----\nFrom: Ann";
    assert_eq!(own_text(forward, Some("Fwd: order"), true), None);
    assert_eq!(own_text(forward, Some("order"), false), None);
    let inside = "Look:\n\n---------- Forwarded message ---------\nFrom: Ann\nhello";
    assert_eq!(own_text(inside, Some("order"), false), None);
}

#[test]
fn a_marked_quotation_is_cut_from_a_mail_that_names_no_other() {
    let text = "Yes.\n\nOn Wed, Jan 8, 2025 at 10:30 AM Ann <ann@example.org> wrote:\n> hello";
    assert_eq!(own_text(text, None, false).as_deref(), Some("Yes."));
    let unmarked = "Yes.\n\nOn 8 Jan 2025 Ann wrote:\nhello";
    assert_eq!(own_text(unmarked, None, false), None);
}

#[test]
fn footers_are_cut() {
    for footer in [
        "-- \nAnn Example\nExample Ltd\n+44 20 7946 0018",
        "--\nAnn",
        "Sent from my iPhone",
        "Get Outlook for iOS<https://aka.ms/o0ukef>",
        "Get Outlook for Android",
        "Von meinem iPhone gesendet",
        "Gesendet mit der GMX Mail App",
        "Envoyé de mon iPhone",
        "Enviado desde mi iPhone",
        "Enviado do meu iPhone",
        "Inviato da iPhone",
        "Verstuurd vanaf mijn iPhone",
        "Skickat från min iPhone",
        "Sendt fra min iPhone",
        "Lähetetty iPhonesta",
        "Wysłane z iPhone'a",
        "Odesláno z iPhonu",
        "Отправлено с iPhone",
        "Надіслано з iPhone",
        "iPhone’umdan gönderildi",
        "iPhoneから送信",
        "从我的 iPhone 发送",
        "從我的iPhone傳送",
        "나의 iPhone에서 보냄",
        "تم الإرسال من الـ iPhone",
        "נשלח מה-iPhone שלי",
        "मेरे iPhone से भेजा गया",
        "Dikirim dari iPhone saya",
        "Đã gửi từ iPhone của tôi",
        "Virus-free. www.avast.com",
        "CONFIDENTIALITY NOTICE: This e-mail is for Bob alone.\nDelete it.",
        "This email and any attachments are confidential and intended for the addressee.",
        "Diese E-Mail enthält vertrauliche Informationen.\n\nBitte löschen Sie sie.",
        "Ce message et ses pièces jointes sont confidentiels.",
        "-- \nAnn\n\nSent from my iPad",
    ] {
        let text = format!("Yes, please.\n\n{footer}");
        assert_eq!(own(&text), "Yes, please.", "{footer}");
        let fresh = own_text(&text, Some("order"), false);
        assert_eq!(fresh.as_deref(), Some("Yes, please."), "{footer}");
    }
    let both = "Yes.\n\nSent from my iPhone\n\n> On 8 Jan 2025, at 10:30, Ann wrote:\n> hello";
    assert_eq!(own(both), "Yes.");
    let list =
        "Yes.\n\nOn 8 Jan 2025 Ann <a@b.c> wrote:\n> hello\n\n-- \nThe list\nhttps://list.example";
    assert_eq!(own(list), "Yes.");
}

mod laws {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_text_keeps_words(lines in proptest::collection::vec(0usize..14, 0..12), reply: bool) {
            let known = [
                "", "hello", "> quoted", "On 8 Jan 2025 Ann <a@b.c> wrote:", "From: Ann", "Sent: today", "To: Bob", "-- ",
                "Sent from my iPhone", "-----Original Message-----", "\u{f8f1}x", "\u{f8f2}", "2025:", "Disclaimer: x",
            ];
            let text: Vec<&str> = lines.iter().filter_map(|at| known.get(*at).copied()).collect();
            let text = text.join("\n");
            if let Some(own) = own_text(&text, None, reply) {
                prop_assert!(!own.trim().is_empty());
                prop_assert!(own.len() <= text.len());
                prop_assert_eq!(unmarked(&own), own);
            }
        }

        #[test]
        fn any_characters_have_an_answer(text in any::<String>()) {
            let _own = own_text(&text, Some("Re: x"), true);
        }
    }
}
