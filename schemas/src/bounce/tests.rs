use proptest::prelude::*;

use super::*;

/// Of the words alone, as a server says them in session or a report quotes them.
fn of(words: &str) -> (&'static str, &'static str) {
    let status = status_within(words);
    let verdict = judge(&Said {
        status: status.as_deref(),
        reply: reply(words),
        words,
        is_final: true,
        ..Said::default()
    });
    (verdict.class.name(), verdict.reason)
}

fn at(host: &str, words: &str) -> (&'static str, &'static str) {
    let status = status_within(words);
    let verdict = judge(&Said {
        status: status.as_deref(),
        reply: reply(words),
        words,
        host: Some(host),
        is_final: true,
        ..Said::default()
    });
    (verdict.class.name(), verdict.reason)
}

#[test]
fn precise_codes_are_believed() {
    for (words, expected) in [
        (
            "550 5.1.1 <bob@example.org> unknown",
            ("hard", "unknown-user"),
        ),
        ("550 5.1.1 refused", ("hard", "unknown-user")),
        ("550 5.1.2 bad destination", ("hard", "unknown-host")),
        ("556 5.1.10 refused", ("hard", "no-mail-host")),
        ("551 5.1.6 gone elsewhere", ("hard", "moved")),
        (
            "550 5.4.310 DNS domain bad.example does not exist",
            ("hard", "unknown-host"),
        ),
        ("552 5.2.2 full", ("soft", "mailbox-full")),
        ("550 5.2.1 not taken", ("soft", "suspended")),
        ("552 5.3.4 no", ("soft", "too-large")),
        ("550 5.7.26 no", ("block", "authentication")),
        ("550 5.7.25 no", ("block", "reverse-dns")),
        ("550 5.7.509 no", ("block", "authentication")),
        ("550 5.7.1 no", ("block", "policy")),
        ("550 5.6.0 no", ("block", "content")),
    ] {
        assert_eq!(of(words), expected, "{words}");
    }
}

#[test]
fn words_contradict_codes_where_they_are_plain() {
    for (words, expected) in [
        ("550 5.1.1 mailbox full", ("soft", "mailbox-full")),
        ("550 5.1.1 account disabled", ("soft", "suspended")),
        ("550 5.1.1 relaying denied", ("block", "relaying")),
        (
            "554 5.7.1 Client host blocked using rbl.example",
            ("block", "blocked"),
        ),
        (
            "550 5.0.0 sender address rejected: no such user",
            ("block", "sender-rejected"),
        ),
        (
            "550 5.1.1 User unknown, says spamwall.example",
            ("hard", "unknown-user"),
        ),
        (
            "550 5.1.1 User unknown; our policy: https://p.example/policy violation",
            ("hard", "unknown-user"),
        ),
    ] {
        assert_eq!(of(words), expected, "{words}");
    }
}

#[test]
fn an_unknown_user_needs_a_code_or_the_recipients_step() {
    assert_eq!(of("550 User unknown"), ("block", "filtered"));
    assert_eq!(of("550 5.7.1 User unknown"), ("block", "filtered"));
    assert_eq!(
        of("550 User unknown (in reply to RCPT TO command)"),
        ("hard", "unknown-user")
    );
    assert_eq!(
        of("550 User unknown (in reply to end of DATA command)"),
        ("block", "filtered")
    );
    let in_session = |step| {
        judge(&Said {
            reply: Some(550),
            words: "No such user here",
            step: Some(step),
            is_final: true,
            ..Said::default()
        })
        .class
    };
    assert_eq!(in_session(Step::Recipient), Class::Hard);
    assert_eq!(in_session(Step::Content), Class::Block);
    assert_eq!(in_session(Step::Sender), Class::Block);
}

#[test]
fn languages_are_read() {
    for words in [
        "550 Benutzer unbekannt",
        "550 Der Empfänger bob existiert nicht",
        "550 Utilisateur inconnu",
        "550 L'adresse du destinataire n'existe pas",
        "550 El usuario bob no existe",
        "550 Utente sconosciuto",
        "550 O destinatário não existe",
        "550 Gebruiker bob onbekend",
        "550 Użytkownik nie istnieje",
        "550 Пользователь не найден",
        "550 Kullanıcı bulunamadı",
        "550 用户不存在",
        "550 宛先のアドレスは存在しません",
        "550 사용자가 존재하지 않습니다",
    ] {
        let said = format!("{words} (in reply to RCPT TO command)");
        assert_eq!(of(&said), ("hard", "unknown-user"), "{words}");
    }
    for words in [
        "552 Postfach voll",
        "552 邮箱已满",
        "552 Почтовый ящик переполнен",
        "552 boîte aux lettres pleine",
    ] {
        assert_eq!(of(words), ("soft", "mailbox-full"), "{words}");
    }
}

#[test]
fn providers_have_ways_of_their_own() {
    for (host, words, expected) in [
        (
            "shop-example.mail.protection.outlook.com",
            "550 5.4.1 [bob@shop.example]: Recipient address rejected: Access denied",
            ("hard", "unknown-user"),
        ),
        (
            "mx.hotmail.com",
            "550 Requested action not taken: mailbox unavailable",
            ("hard", "unknown-user"),
        ),
        (
            "mta5.am0.yahoodns.net",
            "554 delivery error: dd This user doesn't have a yahoo.com account (bob@yahoo.com)",
            ("hard", "unknown-user"),
        ),
        (
            "mta5.am0.yahoodns.net",
            "421 4.7.0 [TSS04] Messages temporarily deferred",
            ("block", "reputation"),
        ),
        (
            "inbound-smtp.eu-west-1.amazonaws.com",
            "550 5.1.1 Mailbox does not exist",
            ("block", "filtered"),
        ),
        (
            "mx3.qq.com",
            "550 Mailbox not found",
            ("hard", "unknown-user"),
        ),
        (
            "mxs.mail.ru",
            "550 Message was not accepted -- invalid mailbox",
            ("hard", "unknown-user"),
        ),
        (
            "smtp.laposte.net",
            "550 5.5.0 Adresse destinataire invalide. LPN007_416",
            ("hard", "unknown-user"),
        ),
        (
            "smtp.laposte.net",
            "550 5.5.0 Service refuse. LPN001_108",
            ("block", "blocked"),
        ),
        (
            "mx00.gmx.net",
            "550 Requested action not taken: mailbox unavailable For explanation visit https://p.example/error-messages?ip=192.0.2.1&c=bip",
            ("block", "policy"),
        ),
        (
            "eu-smtp-inbound-1.mimecast.com",
            "550 Invalid Recipient",
            ("hard", "unknown-user"),
        ),
    ] {
        assert_eq!(at(host, words), expected, "{host}: {words}");
    }
    // The same words elsewhere prove nothing.
    assert_eq!(at("mx.example.org", "550 Mailbox not found").0, "block");
}

#[test]
fn a_quoted_server_is_heard() {
    assert_eq!(
        of(
            "5.1.0 - Unknown address error 550-'5.7.1 <bob@example.org>... Access denied' (delivery attempts: 0)"
        ),
        ("block", "policy")
    );
    assert_eq!(
        of("5.1.0 - Unknown address error 550-'No such user here' (delivery attempts: 0)"),
        ("hard", "unknown-user")
    );
}

#[test]
fn transcripts_tell_what_was_refused() {
    let judged = |command: &str| {
        let text = format!(
            "The following addresses had permanent fatal errors\n<bob@example.org>\n\n>>> {command}\n<<< 550 User unknown\n"
        );
        judge(&Said {
            reply: Some(550),
            words: "550 User unknown",
            text: &text,
            recipient: Some("bob@example.org"),
            is_final: true,
            ..Said::default()
        })
    };
    assert_eq!(judged("RCPT To:<bob@example.org>").class, Class::Hard);
    assert_eq!(judged("DATA"), verdict(Class::Block, "filtered"));
    assert_eq!(
        judged("MAIL From:<a@b.example>"),
        verdict(Class::Block, "filtered")
    );
}

#[test]
fn what_is_tried_again_is_not_final() {
    let judged = |words: &str, is_final| {
        let status = status_within(words);
        judge(&Said {
            status: status.as_deref(),
            reply: reply(words),
            words,
            is_final,
            ..Said::default()
        })
    };
    assert_eq!(
        judged("450 4.1.1 user unknown, perhaps", true).class,
        Class::Soft
    );
    assert_eq!(judged("550 5.1.1 user unknown", false).class, Class::Soft);
    assert_eq!(
        judged("450 4.1.1 User unknown in virtual alias table", true).class,
        Class::Hard
    );
    assert_eq!(
        judged("4.4.7 delivery time expired", true),
        verdict(Class::Soft, "expired")
    );
}

#[test]
fn a_program_knows_no_addresses() {
    let verdict = judge(&Said {
        status: Some("5.1.1"),
        words: "procmail: no such user",
        is_program: true,
        is_final: true,
        ..Said::default()
    });
    assert_eq!(verdict, super::verdict(Class::Soft, "program"));
}

#[test]
fn a_servers_own_category_helps() {
    let hint = Verdict::of_category("bad-mailbox");
    let verdict = judge(&Said {
        status: Some("5.2.1"),
        words: "550 5.2.1 User unknown",
        hint,
        is_final: true,
        ..Said::default()
    });
    assert_eq!(verdict.class, Class::Hard);
    assert_eq!(Verdict::of_category("surprise"), None);
}

#[test]
fn codes_are_found_where_they_stand() {
    assert_eq!(
        status("5.1.1 (bad destination mailbox address)").as_deref(),
        Some("5.1.1")
    );
    assert_eq!(status("9.1.1"), None);
    assert_eq!(
        status_within("550-5.0.0 no\n550 5.1.1 user").as_deref(),
        Some("5.1.1")
    );
    assert_eq!(status_within("from 192.0.2.15 at 5.1.1.1"), None);
    assert_eq!(reply("smtp; 550 5.1.1 no"), Some(550));
    assert_eq!(reply("at 12:550"), None);
}

#[test]
fn a_detail_tells_its_class() {
    for class in [Class::Hard, Class::Block, Class::Soft] {
        let detail = verdict(class, "x").detail(Some("5.1.1"));
        assert_eq!(Class::of_detail(&detail), Some(class));
    }
    assert_eq!(verdict(Class::Hard, "moved").detail(None), "hard: moved");
    assert_eq!(Class::of_detail("5.1.1: unknown-user"), None);
}

proptest! {
    #[test]
    fn any_words_have_a_verdict(words in any::<String>(), text in any::<String>(), recipient in any::<String>()) {
        let verdict = judge(&Said {
            words: &words,
            text: &text,
            recipient: Some(&recipient),
            is_final: true,
            ..Said::default()
        });
        prop_assert!(!verdict.reason.is_empty());
        prop_assert_eq!(of(&words), of(&words));
    }
}
