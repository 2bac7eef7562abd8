//! A campaign's mail is signed: by a key that `tidings dkim` made, as the DNS record says that it printed with it.

use std::process::Stdio;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::signature::{ED25519, UnparsedPublicKey};
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::process::Command;

use super::{audience, draft, post::Post, reached, tell};
use crate::rig::Hub;

/// A field as it is hashed (RFC 6376, 3.4.2), without the line end.
fn relaxed(field: &str) -> String {
    let (name, value) = field.split_once(':').unwrap();
    let words: Vec<&str> = value.split_ascii_whitespace().collect();
    format!("{}:{}", name.trim().to_lowercase(), words.join(" "))
}

/// A body as it is hashed (RFC 6376, 3.4.4).
fn body(text: &str) -> String {
    let line = |line: &str| {
        let mut out = String::new();
        for (place, word) in line.split([' ', '\t']).enumerate() {
            let is_next = place > 0 && !out.ends_with(' ');
            out.push_str(if is_next { " " } else { "" });
            out.push_str(word);
        }
        out.trim_end().to_owned()
    };
    let lines: Vec<String> = text.lines().map(line).collect();
    let end = lines.iter().rposition(|line| !line.is_empty());
    let kept = lines.get(..end.map_or(0, |end| end + 1)).unwrap();
    kept.iter().map(|line| format!("{line}\r\n")).collect()
}

/// Fields with their folds.
fn fields(head: &str) -> Vec<String> {
    let mut fields: Vec<String> = Vec::new();
    for line in head.lines() {
        match fields.last_mut() {
            Some(field) if line.starts_with([' ', '\t']) => {
                field.push('\n');
                field.push_str(line);
            }
            _ => fields.push(line.to_owned()),
        }
    }
    fields
}

/// The value of a tag, without blanks.
fn tag(list: &str, name: &str) -> String {
    let value = list.split(';').find_map(|tag| {
        let (known, value) = tag.split_once('=')?;
        (known.trim() == name).then(|| value.split_whitespace().collect())
    });
    value.unwrap_or_else(|| panic!("no {name}= in {list}"))
}

/// What a verifier asks (RFC 6376, 6.1.3; RFC 8463), given the record that the DNS would answer.
fn verify(mail: &str, record: &str) -> Result<(), &'static str> {
    let (head, text) = mail.split_once("\n\n").unwrap();
    let mut fields = fields(head);
    let place = fields
        .iter()
        .position(|field| field.starts_with("DKIM-Signature:"))
        .ok_or("it is not signed")?;
    let own = fields.remove(place);
    let (_, list) = own.split_once(':').unwrap();
    assert_eq!(
        (tag(list, "v"), tag(list, "c")),
        ("1".into(), "relaxed/relaxed".into())
    );
    assert_eq!(tag(list, "a"), "ed25519-sha256");
    assert_eq!(
        (tag(record, "v"), tag(record, "k")),
        ("DKIM1".into(), "ed25519".into())
    );
    if STANDARD.encode(Sha256::digest(body(text))) != tag(list, "bh") {
        return Err("the body was changed");
    }
    let mut signed = String::new();
    for name in tag(list, "h").split(':') {
        let is = |field: &String| field.split(':').next().unwrap().eq_ignore_ascii_case(name);
        // One that is named once more than it is there must not be added.
        if let Some(place) = fields.iter().rposition(is) {
            signed.push_str(&relaxed(&fields.remove(place)));
            signed.push_str("\r\n");
        }
    }
    let (unsigned, _) = own.split_at(own.rfind("b=").unwrap() + 2);
    signed.push_str(&relaxed(unsigned));
    let key = STANDARD.decode(tag(record, "p")).unwrap();
    let signature = STANDARD.decode(tag(list, "b")).unwrap();
    UnparsedPublicKey::new(&ED25519, key)
        .verify(&Sha256::digest(signed), &signature)
        .map_err(|_| "the signature is another's")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_is_signed_as_the_dns_says() {
    let hub = Hub::start().await;
    let post = Post::start().await;
    let out = hub.dir().join("dkim.pem");
    let made = Command::new(env!("CARGO_BIN_EXE_tidings"))
        .args(["dkim", "--domain", "example.com", "--selector", "s2026"])
        .args([
            "--algorithm",
            "ed25519",
            "--return-path",
            "bounces@example.com",
            "--out",
        ])
        .arg(&out)
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    assert!(made.status.success());
    let page = String::from_utf8(made.stdout).unwrap();
    let (_, record) = page
        .lines()
        .find_map(|line| line.split_once("s2026._domainkey.example.com. 3600 IN TXT "))
        .unwrap();
    let record = record.replace("\" \"", "").replace('"', "");
    // The channel is made of what was printed.
    let key = std::fs::read_to_string(&out).unwrap();
    let printed = page.lines().find(|line| line.contains("dkim_private_key"));
    let printed = printed.unwrap().trim_start_matches([';', ' ']);
    let whole = format!(
        "{{{}}}",
        printed.replace(&format!("all of {}", out.display()), "null")
    );
    let mut credentials: serde_json::Value = serde_json::from_str(&whole).unwrap();
    credentials["dkim_private_key"] = json!(key);
    let printed = page.lines().find(|line| line.contains("\"return_path\""));
    let settings = format!("{{{}}}", printed.unwrap().trim_start_matches([';', ' ']));
    let settings: serde_json::Value = serde_json::from_str(&settings).unwrap();
    let mut channel = post.channel();
    channel["credentials"]
        .as_object_mut()
        .unwrap()
        .extend(credentials.as_object().unwrap().clone());
    channel["config"] = json!({"settings": settings});
    let channel = hub.channel("email", channel).await;
    let (list, _) = audience(&hub, 2, |number| {
        json!({"name": "Zoë", "addresses": [{"kind": "email", "address": format!("zoe{number}@example.org")}]})
    })
    .await;
    let campaign = draft(
        &hub,
        json!({
            "type": "EMAIL", "subject_line": "Für {{ name }}, a subject that is so long that it has to go on in the next line",
            "content": "<p>Hello   {{ name }}</p>\n.\n<p>.</p>\n\n\n", "contact_list_ids": [list], "channel_ids": [channel]
        }),
    )
    .await;
    tell(&hub, &campaign, "start").await;
    reached(&hub, &campaign, "COMPLETED").await;
    let mails = post.mails();
    assert_eq!(mails.len(), 2);
    for mail in &mails {
        let text = &mail.text;
        assert_eq!(verify(text, &record), Ok(()), "{text}");
        let list = mail.header("DKIM-Signature").unwrap();
        assert_eq!(
            (tag(&list, "d"), tag(&list, "s")),
            ("example.com".into(), "s2026".into())
        );
        for name in ["from", "to", "subject", "date", "message-id", "feedback-id"] {
            let names = tag(&list, "h").to_lowercase();
            assert!(
                names.split(':').any(|named| named == name),
                "{name} is not among {names}"
            );
        }
        // Nothing of it may be changed, and nobody else's key fits.
        let forged = text.replacen("From: ", "From: Eve <eve@example.com>\nX-Was: ", 1);
        assert_eq!(verify(&forged, &record), Err("the signature is another's"));
        let forged = text.replacen("Hello", "Hallo", 1);
        assert_eq!(verify(&forged, &record), Err("the body was changed"));
        let other = format!("v=DKIM1; k=ed25519; p={}", STANDARD.encode([7; 32]));
        assert_eq!(verify(text, &other), Err("the signature is another's"));
    }
    hub.done().await;
}
