use schemas::{ChannelKind, Timestamp};
use serde_json::json;

use super::*;
use crate::channel::{Request, split, verify};

const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:mail";
const HOST: &str = "https://sns.eu-west-1.amazonaws.com";
// Made with `openssl dgst -sha1 -sign` and `-sha256`.
const NOTIFICATION_1: &str = "YBxEyzn+AuxeWSM0Erwlr8IAyzw/6O/N8mBybqRpW2VGxkuJOn39A7EdCzl2QSIGJWgc8n/fgg5qgt9kv3NEbiJceL1EspDzU3UaYYGnOaloDEeSjoqvoye6Qbb3Gwl8tu4K0bbnBgS2EI1SUu9hDcQuwBgGsgHKYjphm9yRQaQYJxhq4WaofA6r/Ikmc7JAMAjcfciZGoG/VUHTmmSnaMNFaKyKxdWbQhbcvy2OrI8GgDbGRtaQleg5cXRDeikWahwpjeiGPyQPpJdW+psUMRHsAY37pe8oms7zLww3osyHb9L6w+sDNSDIMcYog/fM795n91NO+eJd6v1AVPrFWg==";
const NOTIFICATION_2: &str = "Gbx/oWRS6nu1neVfP0ZcKHtaXqJ4YdRpgt5L7TU4Kgj94U7iKb6uK09IknC+lcs37bh3Sc9yiB7A+5BbHJ88ckNuY9IseOhN6zgJfJhNw3ii/tJ04YaWC9Xko6Egue/pmXoCbLP6mBgCjLc1/+2EbycsRzSjAavrw+FvQHoOK40tHK3Gfo5xAXgivjyT1o9+rxHUQnGRfnVSz78VBi26bpkww9/5tmTJYtovT0rdpKwNwX56in6fK2VznVZqoM/3xsj99GdquS93BXKZnVUW5Hbm6wejiEZ/FtprpFhDZvqXXasTRSDX/JhuS+MQkeBJzrcjl1RUGEp0gFV72Wt9SQ==";
const CONFIRMATION_1: &str = "a5hrMDWqO6E0tdBNQmIvZCoZVewnmpMOHSXdVkafS3a9X/xEqrRq866i+3FlXSN0Q0dg46225OF+cUo3xkOOksMlkaGdKhNEZgEPi0dITrPQUpvK5Qa1xIXKWu8cQbGN/iKZNm2Vd0tRViB9H3hKUEnwJw2ABO5m8yMed6Ox48axCMd554+asx1DEWGYvrDk47jQaqSnvw1jaA7EM2YUdl2pSOmCN/+WNiYYeznTSGm5UqYoSJP7RihY4pjWcxmKXW5aVuISiXRGyOHnMsO23/mViJ7hhdqUG6zz1Hw+Cr3xAD9YQJdRIENeWTUx533JDK+/gMncpyE8CpPJbP82hQ==";

fn certificate_url() -> String {
    format!("{HOST}{}", platform::ses::CERTIFICATE_PATH)
}

fn notification() -> Value {
    json!({
        "Type": "Notification",
        "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
        "TopicArn": TOPIC,
        "Subject": "Amazon SES Email Event Notification",
        "Message": "{\"eventType\":\"Send\"}",
        "Timestamp": "2025-01-08T10:30:00.000Z",
        "SignatureVersion": "1",
        "Signature": NOTIFICATION_1,
        "SigningCertURL": certificate_url(),
        "UnsubscribeURL": format!("{HOST}/?Action=Unsubscribe"),
    })
}

fn subscription() -> Value {
    json!({
        "Type": "SubscriptionConfirmation",
        "MessageId": "165545c9-2a5c-472c-8df2-7ff2be2b3b1b",
        "Token": "2336412f37",
        "TopicArn": TOPIC,
        "Message": "You have chosen to subscribe.\nTo confirm, visit the SubscribeURL.",
        "SubscribeURL": format!("{HOST}/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=2336412f37"),
        "Timestamp": "2025-01-08T10:30:00.000Z",
        "SignatureVersion": "1",
        "Signature": CONFIRMATION_1,
        "SigningCertURL": certificate_url(),
    })
}

fn with(mut body: Value, changes: Value) -> Value {
    body.as_object_mut()
        .unwrap()
        .extend(changes.as_object().unwrap().clone());
    body
}

/// The account with these settings, which knows the certificate's key.
fn asked<T>(settings: &Value, ask: impl FnOnce(&Account<'_>) -> T) -> T {
    let key = rsa_key(platform::ses::CERTIFICATE.as_bytes()).unwrap();
    let keys = json!({certificate_url(): STANDARD.encode(key)});
    ask(&Account {
        kind: ChannelKind::Email,
        credentials: &json!({"signing_secret": "0123456789abcdef"}),
        settings,
        public_keys: &keys,
    })
}

fn verified(body: &Value) -> Result<(), Refused> {
    let bytes = body.to_string();
    asked(&json!({"sns_topic_arn": TOPIC}), |account| {
        verify(
            account,
            &Request {
                url: "https://hub.example/webhooks/1",
                headers: &|_| None,
                body: bytes.as_bytes(),
                now: Timestamp::from_seconds(1_736_332_200),
            },
        )
    })
}

#[test]
fn both_versions_of_the_signature_are_taken() {
    assert_eq!(verified(&notification()), Ok(()));
    let second = json!({"SignatureVersion": "2", "Signature": NOTIFICATION_2});
    assert_eq!(verified(&with(notification(), second)), Ok(()));
    assert_eq!(verified(&subscription()), Ok(()));
    let fake: Value = serde_json::from_str(&platform::ses::confirmation("1")).unwrap();
    assert_eq!(verified(&fake), Ok(()));
}

#[test]
fn whatever_is_changed_is_refused() {
    for (body, names) in [
        (
            notification(),
            vec!["Message", "MessageId", "Subject", "Timestamp", "Signature"],
        ),
        (
            subscription(),
            vec!["Message", "MessageId", "SubscribeURL", "Timestamp", "Token"],
        ),
    ] {
        for name in names {
            let text = body[name].as_str().unwrap();
            // Another letter in the middle, of those that stand for other bits in base64.
            let flipped: String = text
                .char_indices()
                .map(|(at, letter)| match (at == text.len() / 2, letter) {
                    (false, letter) => letter,
                    (true, 'A') => 'Q',
                    (true, _) => 'A',
                })
                .collect();
            let changed = with(body.clone(), json!({name: flipped}));
            assert_eq!(verified(&changed), Err(Refused::Mismatch), "{name}");
        }
    }
    // The signature is another's under the other version, and a subject that was there is gone.
    let second = json!({"SignatureVersion": "2"});
    assert_eq!(
        verified(&with(notification(), second)),
        Err(Refused::Mismatch)
    );
    let bare = json!({"Subject": null});
    assert_eq!(
        verified(&with(notification(), bare)),
        Err(Refused::Mismatch)
    );
    let third = json!({"SignatureVersion": "3"});
    assert_eq!(
        verified(&with(notification(), third)),
        Err(Refused::Form("SignatureVersion"))
    );
    let other = json!({"TopicArn": "arn:aws:sns:eu-west-1:123456789012:other"});
    assert_eq!(
        verified(&with(notification(), other)),
        Err(Refused::Mismatch)
    );
    let gone = json!({"Type": "UnsubscribeConfirmation"});
    assert_eq!(
        verified(&with(notification(), gone)),
        Err(Refused::Mismatch)
    );
}

#[test]
fn without_a_topic_or_a_key_nothing_is_taken() {
    let body = notification().to_string();
    let notice = Notice::of(body.as_bytes()).unwrap();
    for settings in [Value::Null, json!({}), json!({"sns_topic_arn": ""})] {
        let refused = asked(&settings, |account| notice.verify(account));
        assert_eq!(refused, Err(Refused::NoSecret));
        assert_eq!(
            asked(&settings, |account| certificate(account, body.as_bytes())),
            None
        );
    }
    let unknown = json!({"SigningCertURL": format!("{HOST}/SimpleNotificationService-0.pem")});
    assert_eq!(
        verified(&with(notification(), unknown)),
        Err(Refused::Mismatch)
    );
}

#[test]
fn only_the_topics_own_host_is_asked_for_certificates() {
    let settings = json!({"sns_topic_arn": TOPIC});
    let at = |url: &str| {
        let body = with(notification(), json!({"SigningCertURL": url})).to_string();
        asked(&settings, |account| certificate(account, body.as_bytes()))
    };
    assert_eq!(
        at(&certificate_url()).map(String::from),
        Some(certificate_url())
    );
    for url in [
        "http://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0.pem",
        "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0.pem",
        "https://sns.eu-west-1.amazonaws.com.evil.example/SimpleNotificationService-0.pem",
        "https://evil.example/sns.eu-west-1.amazonaws.com/SimpleNotificationService-0.pem",
        "https://sns.eu-west-1.amazonaws.com@evil.example/SimpleNotificationService-0.pem",
        "https://a:b@sns.eu-west-1.amazonaws.com/SimpleNotificationService-0.pem",
        "https://sns.eu-west-1.amazonaws.com:8443/SimpleNotificationService-0.pem",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0.pem?Action=GetTopic",
        "https://sns.eu-west-1.amazonaws.com/?Action=x&y=/SimpleNotificationService-0.pem",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-../x.pem",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-.pem",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0.pem#a",
        "sns.eu-west-1.amazonaws.com",
    ] {
        assert_eq!(at(url), None, "{url}");
    }
    // Of another topic nothing is fetched at all.
    let other = json!({"TopicArn": "arn:aws:sns:eu-west-1:9:other"});
    let body = with(notification(), other).to_string();
    assert_eq!(
        asked(&settings, |account| certificate(account, body.as_bytes())),
        None
    );
}

#[test]
fn topics_live_in_their_regions() {
    assert_eq!(home(TOPIC).as_deref(), Some("sns.eu-west-1.amazonaws.com"));
    assert_eq!(
        home("arn:aws-cn:sns:cn-north-1:1:x").as_deref(),
        Some("sns.cn-north-1.amazonaws.com.cn")
    );
    for odd in [
        "",
        "arn",
        "arn:aws:sqs:eu-west-1:1:x",
        "arn:evil:sns:eu-west-1:1:x",
        "arn:aws:sns::1:x",
        "arn:aws:sns:evil.example/:1:x",
    ] {
        assert_eq!(home(odd), None, "{odd}");
    }
}

#[test]
fn a_confirmation_confirms_the_topic_and_nothing_else() {
    let settings = json!({"sns_topic_arn": TOPIC});
    let wants = |body: &Value| {
        let body = body.to_string();
        asked(&settings, |account| confirmation(account, body.as_bytes()))
    };
    let url = wants(&subscription()).unwrap();
    assert_eq!(url.host_str(), Some("sns.eu-west-1.amazonaws.com"));
    assert_eq!(wants(&notification()), None);
    for query in [
        "/?Action=Publish&TopicArn=arn:aws:sns:eu-west-1:123456789012:mail&Token=1",
        "/?Action=ConfirmSubscription&TopicArn=arn:aws:sns:eu-west-1:1:other&Token=1",
        "/?Action=ConfirmSubscription&Action=Publish&TopicArn=arn:aws:sns:eu-west-1:123456789012:mail",
        "/x?Action=ConfirmSubscription&TopicArn=arn:aws:sns:eu-west-1:123456789012:mail",
    ] {
        let body = with(
            subscription(),
            json!({"SubscribeURL": format!("{HOST}{query}")}),
        );
        assert_eq!(wants(&body), None, "{query}");
    }
    let elsewhere = json!({"SubscribeURL": format!("https://evil.example/?Action=ConfirmSubscription&TopicArn={TOPIC}")});
    assert_eq!(wants(&with(subscription(), elsewhere)), None);
}

#[test]
fn a_notification_holds_one_event_or_none() {
    let updates = |body: &Value| {
        let body = body.to_string().into();
        split(ChannelKind::Email, Some("text/plain; charset=UTF-8"), body).unwrap()
    };
    let one = updates(&notification());
    assert_eq!(one.len(), 1);
    assert_eq!(&one[0].bytes[..], b"{\"ses\":{\"eventType\":\"Send\"}}");
    // SES tries a topic with words for people.
    for message in ["Successfully validated SNS topic.", "\"text\"", "[]", ""] {
        let body = with(notification(), json!({"Message": message}));
        assert!(updates(&body).is_empty(), "{message}");
    }
    assert!(updates(&subscription()).is_empty());
    // Whose event it is does not change with what else stands in the body.
    let more = json!({"RecordType": "SpamComplaint", "Email": "bob@example.org"});
    let two_faced = updates(&with(notification(), more));
    assert!(two_faced[0].bytes.starts_with(b"{\"ses\":"));
}

#[test]
fn a_certificate_gives_its_rsa_key() {
    let key = rsa_key(platform::ses::CERTIFICATE.as_bytes()).unwrap();
    // RSAPublicKey: a sequence of a modulus of 2048 bits and 65537.
    assert!(key.starts_with(&[0x30, 0x82]) && key.ends_with(&[0x02, 0x03, 1, 0, 1]));
    let pem = platform::ses::CERTIFICATE;
    let half: String = pem.lines().take(8).collect::<Vec<_>>().join("\n");
    for odd in ["", "no certificate", &half, &pem.replace("MII", "MIQ")] {
        assert_eq!(rsa_key(odd.as_bytes()), None, "{odd}");
    }
    assert_eq!(element(&[0x30, 2, 1, 2], 0x30), Some(&[1, 2][..]));
    assert_eq!(element(&[0x30, 0x81, 1, 9], 0x30), Some(&[9][..]));
    for odd in [
        &[][..],
        &[0x30],
        &[0x30, 3, 1, 2],
        &[0x31, 0],
        &[0x30, 0x82, 1],
        &[0x30, 0xff, 1],
    ] {
        assert_eq!(element(odd, 0x30), None);
    }
}
