//! What each kind of channel refuses, and why, through the API. The database is down here: what passes the checks is a 503.

use schemas::ChannelKind;
use serde_json::{Value, json};

use crate::rig::{Answer, Rig, token};

const KEY: &str = include_str!("../../../platform/src/gmail/key.pem");

async fn create(rig: &Rig, kind: ChannelKind, credentials: &Value, settings: &Value) -> Answer {
    let body = json!({"type": kind, "name": "x", "credentials": credentials, "config": {"settings": settings}});
    rig.post("/api/v1/channels", &token("admin"), body.to_string())
        .await
}

/// Credentials and settings of a kind that are all wrong, and what is said of each, by its place.
#[expect(clippy::too_many_lines, reason = "a table")]
fn wrong() -> Vec<(ChannelKind, Value, Value, Value)> {
    let too_long = "x".repeat(5000);
    vec![
        (
            ChannelKind::Telegram,
            json!({"bot_token": "no-token", "secret_token": "with space", "botToken": "1:a"}),
            json!({"receive": "pull", "max_connections": 0, "api_base": "https://me:hunter2@example.org"}),
            json!({
                "/credentials/bot_token": "digits, then `:`", "/credentials/secret_token": "letters, digits, `_` and `-`",
                "/credentials/botToken": "did you mean `bot_token`?", "/config/settings/receive": "`webhook` or `poll`",
                "/config/settings/max_connections": "from 1 to 100", "/config/settings/api_base": "without user, password",
            }),
        ),
        (
            ChannelKind::WhatsApp,
            json!({"app_secret": " hunter2", "verify_token": "", "access_token": "two words", "phone_number_id": "+49 30 123456"}),
            json!({"waba_id": "mine", "graph_version": "24", "api_base": "graph.facebook.com"}),
            json!({
                "/credentials/app_secret": "without blanks at its ends", "/credentials/verify_token": "one line",
                "/credentials/access_token": "without blanks", "/credentials/phone_number_id": "digits",
                "/config/settings/waba_id": "digits", "/config/settings/graph_version": "`v`, then",
                "/config/settings/api_base": "`https://` or `http://`",
            }),
        ),
        (
            ChannelKind::Slack,
            json!({"signing_secret": 7, "bot_token": "xoxb-1\n"}),
            json!({"api_base": "ftp://slack.com", "reply_in_thread": "yes", "bot_token": "xoxb-hunter2"}),
            json!({
                "/credentials/signing_secret": "one line", "/credentials/bot_token": "without blanks",
                "/config/settings/api_base": "`https://`", "/config/settings/reply_in_thread": "`true` or `false`",
                "/config/settings/bot_token": "goes into `credentials`",
            }),
        ),
        (
            ChannelKind::Discord,
            json!({"public_key": "zz", "bot_token": "a b", "application_id": "mine"}),
            json!({"api_base": "https://discord.com/api?x=1", "ephemeral": 1, "receive": "poll",
                "intents": ["guilds", "spying"], "gateway_url": "https://gateway.discord.gg"}),
            json!({
                "/credentials/public_key": "64 hexadecimal digits", "/credentials/bot_token": "without blanks",
                "/credentials/application_id": "digits", "/config/settings/api_base": "query",
                "/config/settings/ephemeral": "`true` or `false`", "/config/settings/receive": "`webhook` or `gateway`",
                "/config/settings/intents/1": "`guilds`", "/config/settings/gateway_url": "`wss://`",
            }),
        ),
        (
            ChannelKind::Email,
            json!({
                "signing_secret": "short", "from": "nobody",
                "smtp": {"host": "https://mail.example.org", "port": 0, "tls": "ssl", "pasword": "hunter2", "ca_pem": "zz"},
                "imap": {"port": 70_000, "mailbox": "", "oauth": {"client_id": "a"}},
                "sendgrid_public_key": "a b", "mailgun_signing_key": "", "postmark_secret": "short", "dkim_private_key": " ",
                "dkim_selector": "https://example.org", "dkim_domain": 5,
            }),
            json!({"poll_interval_s": 1, "idle": "no", "after_fetch": "burn", "backlog": -1, "plus_address": 0, "allow_plain_login": "x",
                "return_path": "bounces", "sns_topic_arn": "my topic", "concurrency_per_domain": 0}),
            json!({
                "/credentials/signing_secret": "16 to 4096 bytes", "/credentials/from": "Name <local@domain>",
                "/credentials/smtp/host": "without protocol", "/credentials/smtp/port": "from 1 to 65535",
                "/credentials/smtp/tls": "`none`, `starttls` or `implicit`", "/credentials/smtp/pasword": "did you mean `password`?",
                "/credentials/smtp/ca_pem": "BEGIN CERTIFICATE", "/credentials/imap/port": "65535",
                "/credentials/imap/mailbox": "1 to 255", "/credentials/imap/host": "This is missing",
                "/credentials/imap/username": "This is missing", "/credentials/imap/oauth/refresh_token": "This is missing",
                "/config/settings/poll_interval_s": "from 5 to 1500", "/config/settings/idle": "`true`",
                "/config/settings/after_fetch": "`keep`", "/config/settings/backlog": "from 0 to 1000",
                "/config/settings/plus_address": "`true`", "/config/settings/allow_plain_login": "`true`",
                "/config/settings/return_path": "local@domain", "/config/settings/concurrency_per_domain": "from 1 to 256",
                "/credentials/sendgrid_public_key": "public key on P-256", "/credentials/mailgun_signing_key": "without blanks",
                "/credentials/postmark_secret": "16 to 4096 bytes", "/config/settings/sns_topic_arn": "`:sns:`",
                "/credentials/dkim_private_key": "`tidings dkim` makes one", "/credentials/dkim_selector": "without protocol",
                "/credentials/dkim_domain": "without protocol",
            }),
        ),
        (
            ChannelKind::Gmail,
            json!({"client_id": "", "client_secret": "a b", "refresh_token": null, "from": "Support <support>"}),
            json!({
                "api_base": "x", "token_url": "https://a:hunter2@oauth2.googleapis.com/token", "label": "", "poll_interval_s": 4,
                "topic": "my-topic", "push_service_account": "push", "push_audience": "", "plus_address": "x",
            }),
            json!({
                "/credentials/client_id": "without blanks", "/credentials/client_secret": "without blanks",
                "/credentials/refresh_token": "without blanks", "/credentials/from": "Name <",
                "/config/settings/api_base": "`https://`", "/config/settings/token_url": "without user",
                "/config/settings/label": "1 to 225", "/config/settings/poll_interval_s": "from 5 to 3600",
                "/config/settings/topic": "`projects/`", "/config/settings/push_service_account": "local@domain",
                "/config/settings/push_audience": "one line", "/config/settings/plus_address": "`true`",
            }),
        ),
        (
            ChannelKind::Twilio,
            json!({"account_sid": "SK12", "auth_token": "a b", "api_key": "AC12", "api_secret": ""}),
            json!({
                "from": "+49", "numbers": ["+4930123456", "x\ny"], "messaging_service_sid": "AC1", "status_callback": "/hook",
                "voice": {"greeting": "", "language": "english please", "max_length_s": 0, "record": "yes", "shout": true},
                "api_base": 1,
            }),
            json!({
                "/credentials/account_sid": "`AC`, then", "/credentials/auth_token": "without blanks",
                "/credentials/api_key": "`SK`, then", "/credentials/api_secret": "without blanks",
                "/config/settings/from": "7 to 15 digits", "/config/settings/numbers/1": "a name of at most 64",
                "/config/settings/messaging_service_sid": "`MG`", "/config/settings/status_callback": "`https://`",
                "/config/settings/voice/greeting": "1 to 4096", "/config/settings/voice/language": "language tag",
                "/config/settings/voice/max_length_s": "from 1 to 14400", "/config/settings/voice/record": "`true`",
                "/config/settings/voice/shout": "no such part", "/config/settings/api_base": "`https://`",
            }),
        ),
        (
            ChannelKind::Vonage,
            json!({
                "signature_secret": "", "application_id": "mine", "api_key": too_long, "api_secret": "a\0b",
                "private_key": KEY.replace("-----END PRIVATE KEY-----", ""),
            }),
            json!({"from": 49, "numbers": "31687654321", "channel": "fax", "signature_method": "rot13",
                   "voice": "hello", "api_base": "https://api.nexmo.com#x"}),
            json!({
                "/credentials/signature_secret": "one line", "/credentials/application_id": "UUID",
                "/credentials/api_key": "one line", "/credentials/api_secret": "one line",
                "/credentials/private_key": "an RSA private key as PEM", "/config/settings/from": "a number",
                "/config/settings/numbers": "a list", "/config/settings/channel": "`sms`",
                "/config/settings/signature_method": "`md5hash`", "/config/settings/voice": "an object",
                "/config/settings/api_base": "fragment",
            }),
        ),
        (
            ChannelKind::MessageBird,
            json!({"signing_key": [], "access_key": "a b"}),
            json!({"from": "?", "numbers": [1], "report_url": "x", "api_base": "x", "conversations_base": "https://"}),
            json!({
                "/credentials/signing_key": "one line", "/credentials/access_key": "without blanks",
                "/config/settings/from": "a number", "/config/settings/numbers/0": "a number",
                "/config/settings/report_url": "`https://`", "/config/settings/api_base": "`https://`",
                "/config/settings/conversations_base": "`https://`",
            }),
        ),
        (
            ChannelKind::Messenger,
            json!({"app_secret": "", "verify_token": "a\nb", "access_token": "a b"}),
            json!({"page_id": "my page", "message_tag": "human agent", "graph_version": "latest", "api_base": ""}),
            json!({
                "/credentials/app_secret": "one line", "/credentials/verify_token": "one line",
                "/credentials/access_token": "without blanks", "/config/settings/page_id": "digits",
                "/config/settings/message_tag": "capital letters", "/config/settings/graph_version": "`v`",
                "/config/settings/api_base": "`https://`",
            }),
        ),
        (
            ChannelKind::Instagram,
            json!({"app_secret": {}, "verify_token": 1, "access_token": ""}),
            json!({"login": "google", "account_id": "@me", "message_tag": "x", "graph_version": "v1", "api_base": "//x"}),
            json!({
                "/credentials/app_secret": "one line", "/credentials/verify_token": "one line",
                "/credentials/access_token": "without blanks", "/config/settings/login": "`instagram` or `facebook`",
                "/config/settings/account_id": "digits", "/config/settings/message_tag": "capital letters",
                "/config/settings/graph_version": "`.`", "/config/settings/api_base": "`https://`",
            }),
        ),
        (
            ChannelKind::Line,
            json!({"channel_secret": "", "access_token": "a b"}),
            json!({"api_base": "line"}),
            json!({
                "/credentials/channel_secret": "one line", "/credentials/access_token": "without blanks",
                "/config/settings/api_base": "`https://`",
            }),
        ),
        (
            ChannelKind::Viber,
            json!({"auth_token": "a\r\nb"}),
            json!({"sender_name": "A name of more than 28 characters", "api_base": "viber"}),
            json!({
                "/credentials/auth_token": "without blanks", "/config/settings/sender_name": "1 to 28",
                "/config/settings/api_base": "`https://`",
            }),
        ),
        (
            ChannelKind::Webchat,
            json!({"secret": "hunter2"}),
            json!({"origins": ["https://shop.example.com/path", "shop.example.com", "*"], "greeting": ""}),
            json!({
                "/credentials/secret": "It takes none", "/config/settings/origins/0": "an origin",
                "/config/settings/origins/1": "an origin", "/config/settings/origins/2": "an origin",
                "/config/settings/greeting": "1 to 2000",
            }),
        ),
        (
            ChannelKind::Generic,
            json!({"signing_secret": "short", "url": "file:///etc/passwd"}),
            json!({"url": "https://example.org"}),
            json!({
                "/credentials/signing_secret": "16 to 4096", "/credentials/url": "`https://`",
                "/config/settings/url": "goes into `credentials`",
            }),
        ),
        (
            ChannelKind::Sandbox,
            json!({"token": "hunter2"}),
            json!({
                "rateLimit": {"per_second": -1}, "chatRateLimit": 0, "concurrency": 0, "on_unknown": "guess",
                "allow_private": "yes", "colour": "red",
            }),
            json!({
                "/credentials/token": "It takes none", "/config/settings/rateLimit": "above zero",
                "/config/settings/chatRateLimit": "above zero", "/config/settings/concurrency": "from 1 to 256",
                "/config/settings/on_unknown": "`hold` or `resend`", "/config/settings/allow_private": "`true`",
                "/config/settings/colour": "notes go into `metadata`",
            }),
        ),
    ]
}

#[tokio::test]
async fn every_kind_says_all_that_is_wrong_and_repeats_nothing() {
    let rig = Rig::start().await;
    let table = wrong();
    for kind in ChannelKind::ALL {
        assert!(table.iter().any(|(of, ..)| *of == kind), "{kind}");
    }
    for (kind, credentials, settings, expected) in &table {
        let answer = create(&rig, *kind, credentials, settings).await;
        let problem = answer.problem(422);
        assert!(!answer.text.contains("hunter2"), "{}", answer.text);
        let said: Vec<(&str, &str)> = problem["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|error| {
                (
                    error["pointer"].as_str().unwrap(),
                    error["detail"].as_str().unwrap(),
                )
            })
            .collect();
        let expected = expected.as_object().unwrap();
        for (place, part) in expected {
            let detail = said.iter().find(|(said, _)| said == place);
            assert!(
                detail.is_some_and(|(_, detail)| detail.contains(part.as_str().unwrap())),
                "{kind} {place}: {part} is not in {detail:?}"
            );
        }
        assert_eq!(said.len(), expected.len(), "{kind}: {said:?}");
        // Every field of the kind has its line here.
        let known = schemas::platform::of(*kind);
        for (within, fields) in [
            ("/credentials", known.credentials),
            ("/config/settings", known.settings),
        ] {
            for field in fields {
                let place = format!("{within}/{}", field.name);
                assert!(
                    expected.keys().any(|said| said.starts_with(&place)),
                    "{kind}: nothing wrong is tried at {place}"
                );
            }
        }
    }
}

#[tokio::test]
async fn what_is_right_passes() {
    let rig = Rig::start().await;
    let key = json!({"application_id": "aaaaaaaa-bbbb-4ccc-8ddd-0123456789ab", "private_key": KEY});
    let voice = json!({"greeting": "Hello", "language": "en-GB", "record": true, "max_length_s": 60, "beep": false});
    for (kind, credentials, settings) in [
        (
            ChannelKind::Vonage,
            key,
            json!({"voice": voice, "from": "447700900000", "channel": "whatsapp"}),
        ),
        (
            ChannelKind::Twilio,
            json!({"account_sid": "AC0123456789abcdef0123456789abcdef", "auth_token": "fedcba98765432100123456789abcdef"}),
            json!({"voice": voice, "numbers": ["+4930901820", "whatsapp:+15550100200", "Tidings"], "rateLimit": 0.5}),
        ),
        (
            ChannelKind::Discord,
            json!({"public_key": "Aa".repeat(32), "bot_token": "MTE3OTEw.fake.token", "application_id": "1179100000000000001"}),
            json!({"rate_limit": {"per_second": 5, "burst": 10}, "chatRateLimit": null}),
        ),
        (
            ChannelKind::Email,
            json!({"from": "Kundendienst <hilfe@müller.example>", "sendgrid_public_key": format!("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE{}==", "eHh4".repeat(21) + "eA"),
                   "smtp": {"host": "127.0.0.1", "port": 2525, "tls": "none"},
                   "imap": {"host": "localhost", "username": "a", "password": "b c "}}),
            json!({"poll_interval_s": 60, "sns_topic_arn": "arn:aws-us-gov:sns:us-gov-west-1:123456789012:mail_news"}),
        ),
        (
            ChannelKind::Webchat,
            json!({}),
            json!({"origins": ["https://shop.example.com", "http://localhost:3000"], "greeting": "Hello!\nHow can we help?"}),
        ),
    ] {
        create(&rig, kind, &credentials, &settings)
            .await
            .problem(503);
    }
}

#[tokio::test]
async fn what_surrounds_them_is_checked_with_them() {
    let rig = Rig::start().await;
    let admin = token("admin");
    let post = async |body: Value| rig.post("/api/v1/channels", &admin, body.to_string()).await;
    let nothing = post(json!({"type": "sandbox", "name": "x", "credentials": null})).await;
    let problem = nothing.problem(422);
    assert_eq!(problem["errors"][0]["pointer"], "/credentials");
    assert!(problem["detail"].as_str().unwrap().contains("Leave it out"));
    post(json!({"type": "sandbox", "name": "x"}))
        .await
        .problem(503);
    let text = post(json!({"type": "sandbox", "name": "x", "credentials": "hunter2"})).await;
    assert_eq!(text.problem(422)["errors"][0]["pointer"], "/credentials");
    assert!(!text.text.contains("hunter2"), "{}", text.text);
    let several = post(json!({"type": "telegram", "name": "", "provider": "", "credentials": {"bot_token": "x"},
        "config": {"setings": {}, "settings": {"receive": 1}, "routing": {"rules": [{"name": ""}, {"name": "r", "then": []}, {"name": "r", "then": []}]}}}))
    .await
    .problem(422);
    let places: Vec<&str> = several["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["pointer"].as_str().unwrap())
        .collect();
    assert_eq!(
        places,
        [
            "/name",
            "/provider",
            "/config/routing/rules/0/then",
            "/config/routing/rules/2/name",
            "/config/setings",
            "/config/settings/receive",
            "/credentials/bot_token",
        ]
    );
}
