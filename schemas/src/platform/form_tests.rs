use serde_json::json;

use super::*;

#[track_caller]
fn check(form: Form, good: &[Value], bad: &[Value]) {
    for value in good {
        assert!(form.fits(value), "{form:?} takes {value}");
    }
    for value in bad {
        assert!(!form.fits(value), "{form:?} refuses {value}");
    }
}

#[test]
fn texts_are_what_they_are_for() {
    let long = "x".repeat(MAX_BYTES + 1);
    check(
        Form::Text,
        &[json!("a b"), json!("ü")],
        &[
            json!(""),
            json!(" a"),
            json!("a\n"),
            json!("a\0b"),
            json!(long),
            json!(1),
            json!(null),
        ],
    );
    check(
        Form::Line(3),
        &[json!("äöü")],
        &[json!("abcd"), json!("a\nb"), json!("")],
    );
    check(
        Form::Words(5),
        &[json!("a\nb")],
        &[json!("  "), json!("abcdef"), json!("a\0")],
    );
    check(
        Form::Secret(4),
        &[json!("abcd")],
        &[json!("abc"), json!("abcd ")],
    );
    check(
        Form::Password,
        &[json!(" a b ")],
        &[json!(""), json!("a\nb")],
    );
    check(
        Form::Token,
        &[json!("a+/=:")],
        &[json!("a b"), json!("a\n"), json!("ü"), json!("")],
    );
}

#[test]
fn addresses_lead_somewhere_and_hold_no_secret() {
    check(
        Form::Url,
        &[
            json!("https://x"),
            json!("http://127.0.0.1:80/a?b=c"),
            json!("HTTPS://Example.org"),
            json!("https://[::1]/"),
        ],
        &[
            json!("https://user:password@example.org/"),
            json!("https://user@example.org/"),
            json!("file:///etc/passwd"),
            json!("https://"),
            json!("https:example.org"),
            json!("example.org"),
            json!("https://a b.org"),
            json!("https://example.org/#x"),
            json!("https://exa\nmple.org"),
            json!(""),
        ],
    );
    check(
        Form::Base,
        &[json!("https://x/api")],
        &[json!("https://x/api?a=1")],
    );
    check(
        Form::Socket,
        &[
            json!("wss://gateway.discord.gg"),
            json!("ws://127.0.0.1:80/?v=10"),
        ],
        &[
            json!("https://gateway.discord.gg"),
            json!("wss://a:b@c"),
            json!("wss://"),
        ],
    );
    check(
        Form::Origin,
        &[
            json!("https://shop.example.com"),
            json!("https://shop.example.com/"),
            json!("http://localhost:8080"),
            json!("https://xn--mnchen-3ya.example"),
        ],
        &[
            json!("shop.example.com"),
            json!("https://shop.example.com/path"),
            json!("https://shop.example.com:443"),
            json!("https://*.example.com"),
            json!("*"),
            json!("null"),
            json!("https://münchen.example"),
        ],
    );
    check(
        Form::Host,
        &[
            json!("localhost"),
            json!("mail.example.org"),
            json!("192.0.2.1"),
            json!("::1"),
            json!("müller.example"),
        ],
        &[
            json!("https://mail.example.org"),
            json!("mail.example.org:25"),
            json!("a b"),
            json!("a..b"),
            json!("-a.b"),
            json!("192.0.2.300"),
            json!("a/b"),
            json!(""),
        ],
    );
}

#[test]
fn people_and_numbers_can_be_written_to() {
    check(
        Form::Email,
        &[
            json!("a.b+c@example.org"),
            json!("ü@müller.example"),
            json!("a@[192.0.2.1]"),
            json!("a@localhost"),
        ],
        &[
            json!("a"),
            json!("@b"),
            json!("a@"),
            json!("a b@c.d"),
            json!("a..b@c.d"),
            json!("a@b@c"),
            json!("Name <a@b.c>"),
        ],
    );
    check(
        Form::Mailbox,
        &[
            json!("a@b.c"),
            json!("Support <a@b.c>"),
            json!("\"A, B\" <a@b.c>"),
        ],
        &[
            json!("Support"),
            json!("Support <a>"),
            json!("a@b.c\n"),
            json!("<a@b.c> x"),
        ],
    );
    check(
        Form::Sender,
        &[
            json!("+4930123456"),
            json!("+49 30 123456"),
            json!("31687654321"),
            json!("12345"),
            json!("Tidings"),
            json!("whatsapp:+15550100200"),
            json!("rcs:agent_1"),
            json!("messenger:1234567890123456"),
            json!("aaaaaaaa-bbbb-4ccc-8ddd-0123456789ab"),
        ],
        &[
            json!("+49"),
            json!("+49 nobody"),
            json!("12"),
            json!(""),
            json!("whatsapp:+1"),
            json!("a\nb"),
            json!(49),
            json!("$%"),
        ],
    );
    check(
        Form::Language,
        &[json!("en"), json!("en-US"), json!("zh-Hans-CN")],
        &[json!("english language"), json!("e"), json!("en_US")],
    );
}

#[test]
fn rates_are_above_zero() {
    check(
        Form::Rate,
        &[
            json!(null),
            json!(0.5),
            json!(1_000_000),
            json!({"per_second": 1}),
            json!({"per_second": 1, "burst": 3}),
        ],
        &[
            json!(0),
            json!(-1),
            json!(1_000_001),
            json!("5"),
            json!(true),
            json!([]),
            json!({}),
            json!({"per_second": 0}),
            json!({"per_second": -1}),
            json!({"per_second": 1, "burst": 0}),
            json!({"per_second": 1, "burst": 1.5}),
            json!({"per_second": 1, "bursts": 2}),
            json!({"burst": 2}),
        ],
    );
    check(
        Form::Number(1, 3),
        &[json!(1), json!(3)],
        &[json!(0), json!(4), json!(1.5), json!("1"), json!(-1)],
    );
    check(Form::Flag, &[json!(true)], &[json!("true"), json!(1)]);
    check(
        Form::OneOf(&["a", "b"]),
        &[json!("a")],
        &[json!("c"), json!("A"), json!(1)],
    );
    check(
        Form::Uuid,
        &[json!("aaaaaaaa-bbbb-4ccc-8ddd-0123456789ab")],
        &[json!("aaaaaaaabbbb4ccc8ddd0123456789ab"), json!("x")],
    );
}

#[test]
fn what_is_wanted_reads_as_a_sentence() {
    assert_eq!(Form::OneOf(&["a", "b", "c"]).wanted(), "`a`, `b` or `c`");
    assert_eq!(
        Form::List(&Form::Flag).wanted(),
        "a list of at most 1000, each `true` or `false`"
    );
}
