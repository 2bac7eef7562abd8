use ring::signature::{ED25519, KeyPair, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use schemas::ChannelKind;
use serde_json::{Value, json};

use super::*;
use crate::channel::tests::account;

/// The keys of the examples in RFC 8463, appendix A.
const PUBLIC: &str = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
const SECRET: &str = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";
const RSA: &str = include_str!("dkim/rsa.pem");

fn ed25519() -> String {
    let mut der = vec![
        0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04,
        0x20,
    ];
    der.extend(STANDARD.decode(SECRET).unwrap());
    let base64 = STANDARD.encode(der);
    format!("-----BEGIN PRIVATE KEY-----\n{base64}\n-----END PRIVATE KEY-----\n")
}

fn signer(credentials: Value) -> Result<Option<Signer>, Misconfigured> {
    let config = json!({});
    Signer::of(
        &account(ChannelKind::Email, &config, &credentials),
        "example.com",
    )
}

fn with(key: &str) -> Signer {
    signer(json!({"dkim_selector": "tidings", "dkim_private_key": key}))
        .unwrap()
        .unwrap()
}

fn public_key(signer: &Signer) -> Vec<u8> {
    match &signer.key {
        Key::Rsa(key) => key.public_key().as_ref().to_vec(),
        Key::Ed25519(key) => key.public_key().as_ref().to_vec(),
    }
}

/// Whether the first signature of a mail is good, by what RFC 6376 (6.1.3) asks of verifiers.
fn is_good(mail: &[u8], public: &[u8]) -> bool {
    let (head, body) = parts(mail);
    let fields = fields(head);
    let own = fields
        .iter()
        .find(|(name, _)| name == "dkim-signature")
        .unwrap()
        .1;
    let text = std::str::from_utf8(own).unwrap();
    let (_, value) = text.split_once(':').unwrap();
    let tag = |name: &str| {
        value
            .split(';')
            .find_map(|tag| {
                let (known, value) = tag.split_once('=')?;
                (known.trim() == name).then(|| value.split_whitespace().collect::<String>())
            })
            .unwrap()
    };
    if STANDARD.encode(Sha256::digest(relaxed_body(body))) != tag("bh") {
        return false;
    }
    let place = text.rfind("b=").unwrap();
    let names = tag("h").to_ascii_lowercase();
    let others: Vec<(String, &[u8])> = fields
        .iter()
        .filter(|(_, field)| *field != own)
        .cloned()
        .collect();
    let unsigned = format!("{}b=", text.get(..place).unwrap());
    let signed = signed_bytes(&others, names.split(':'), unsigned.as_bytes());
    let signature = STANDARD.decode(tag("b")).unwrap();
    match tag("a").as_str() {
        "rsa-sha256" => UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public)
            .verify(&signed, &signature)
            .is_ok(),
        "ed25519-sha256" => UnparsedPublicKey::new(&ED25519, public)
            .verify(&Sha256::digest(&signed), &signature)
            .is_ok(),
        other => panic!("{other}"),
    }
}

/// That a mail is signed by this signer.
pub(in super::super) fn assert_signed(signer: &Signer, mail: &[u8]) {
    assert!(is_good(mail, &public_key(signer)));
    if let Some(path) = std::env::var_os("TIDINGS_KEEP_SIGNED") {
        std::fs::write(path, mail).unwrap();
    }
}

/// RFC 8463, appendix A.3: signed by somebody else, so it holds our reading of RFC 6376 to account.
#[test]
fn the_example_of_the_standard_is_good() {
    let mail = "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\n d=football.example.com; i=@football.example.com;\n q=dns/txt; s=brisbane; t=1528637909; h=from : to :\n subject : date : message-id : from : subject : date;\n bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\n b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus\n Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==\nFrom: Joe SixPack <joe@football.example.com>\nTo: Suzie Q <suzie@shopping.example.net>\nSubject: Is dinner ready?\nDate: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\nMessage-ID: <20030712040037.46341.5F8J@football.example.com>\n\nHi.\n\nWe lost the game.  Are you hungry yet?\n\nJoe.\n";
    let mail = mail.replace('\n', "\r\n");
    let public = STANDARD.decode(PUBLIC).unwrap();
    assert!(is_good(mail.as_bytes(), &public));
    let forged = mail.replace("dinner", "supper");
    assert!(!is_good(forged.as_bytes(), &public));
}

const MAIL: &[u8] = b"From: Desk <desk@example.com>\r\nTo: bob@example.org\r\nSubject: a subject that is\r\n  folded \t here\r\nDate: Thu, 1 Jan 1970 00:00:00 +0000\r\nMessage-ID: <1@example.com>\r\nList-Unsubscribe: <https://example.com/u/1>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\nFeedback-ID: c:t\r\nX-Other: x\r\n\r\nwords  with \t blanks \r\n\xc3\xa9 8 bit\r\n\r\n\r\n";

#[test]
fn both_kinds_of_keys_sign() {
    for key in [RSA.to_owned(), ed25519()] {
        let signer = with(&key);
        let signed = signer.sign(MAIL, 7).unwrap();
        assert_eq!(signed, signer.sign(MAIL, 7).unwrap(), "the same every time");
        assert!(signed.ends_with(MAIL));
        assert!(is_good(&signed, &public_key(&signer)));
        let longest = signed.split(|byte| *byte == b'\n').map(<[u8]>::len).max();
        assert!(longest.unwrap() <= 80, "{longest:?}");
        let head = String::from_utf8_lossy(&signed).into_owned();
        assert!(head.contains("d=example.com; s=tidings;"));
    }
}

#[test]
fn what_is_changed_is_found() {
    let signer = with(&ed25519());
    let signed = signer.sign(MAIL, 7).unwrap();
    let public = public_key(&signer);
    let replaced = |from: &str, to: &str| {
        let text: Vec<u8> = signed.clone();
        let place = text
            .windows(from.len())
            .position(|window| window == from.as_bytes())
            .unwrap();
        [
            text.get(..place).unwrap(),
            to.as_bytes(),
            text.get(place + from.len()..).unwrap(),
        ]
        .concat()
    };
    for (from, to) in [
        ("words", "wards"),
        ("/u/1>", "/u/2>"),
        ("One-Click", "Two-Click"),
        ("desk@example.com", "eve@example.com"),
        ("a subject", "no subject"),
        ("c:t", "c:u"),
        // Another one of what is sealed.
        ("X-Other: x", "From: eve@example.org"),
        ("X-Other: x", "Subject: more"),
        ("X-Other: x", "Reply-To: eve@example.org"),
        ("t=7", "t=8"),
    ] {
        assert!(!is_good(&replaced(from, to), &public), "{from}");
    }
    // Blanks, folds and what is not signed may change on the way.
    for (from, to) in [
        ("words  with", "words with"),
        ("X-Other: x", "X-Other: y"),
        (
            "Subject: a subject that is\r\n  folded",
            "subject:a subject that is folded",
        ),
    ] {
        assert!(is_good(&replaced(from, to), &public), "{from}");
    }
}

#[test]
fn heads_and_bodies_are_canonical() {
    let field = |text: &str| {
        let mut out = Vec::new();
        relaxed_field(text.as_bytes(), &mut out);
        String::from_utf8(out).unwrap()
    };
    // RFC 6376, 3.4.5.
    assert_eq!(field("A: X\r\n"), "a:X");
    assert_eq!(field("B : Y\t\r\n\tZ  \r\n"), "b:Y Z");
    assert_eq!(relaxed_body(b" C \r\nD \t E\r\n\r\n\r\n"), b" C\r\nD E\r\n");
    for empty in ["", "\r\n", " \r\n\r\n"] {
        assert_eq!(relaxed_body(empty.as_bytes()), b"");
    }
    assert_eq!(relaxed_body(b"no end"), b"no end\r\n");
}

#[test]
fn keys_are_checked_when_a_channel_is_made() {
    assert!(signer(json!({})).unwrap().is_none());
    let key = ed25519();
    for credentials in [
        json!({"dkim_private_key": key}),
        json!({"dkim_private_key": key, "dkim_selector": "a b"}),
        json!({"dkim_private_key": key, "dkim_selector": "s", "dkim_domain": "a;b"}),
        json!({"dkim_private_key": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", "dkim_selector": "s"}),
        json!({"dkim_private_key": "secret", "dkim_selector": "s"}),
    ] {
        assert!(signer(credentials).is_err());
    }
}
