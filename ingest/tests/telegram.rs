//! Telegram's secret token, and updates that are several.

#![allow(clippy::unwrap_used, reason = "a test")]

use ingest::channel::{Account, MAX_UPDATES, Malformed, Refused, Request, split, verify};
use schemas::{ChannelKind, Timestamp};
use serde_json::{Value, json};

const TOKEN: &str = "s3cret_Token-42";

fn check(token: Option<&str>) -> Result<(), Refused> {
    let find = |name: &str| {
        (name == "x-telegram-bot-api-secret-token")
            .then_some(token)
            .flatten()
    };
    let account = Account {
        kind: ChannelKind::Telegram,
        credentials: &json!({"secret_token": TOKEN}),
        settings: &Value::Null,
        public_keys: &Value::Null,
    };
    let request = Request {
        url: "https://hub.example.com/api/v1/webhooks/1",
        headers: &find,
        body: b"{}",
        now: Timestamp(0),
    };
    verify(&account, &request)
}

#[test]
fn every_changed_bit_of_the_token_is_refused() {
    assert_eq!(check(Some(TOKEN)), Ok(()));
    for bit in 0..TOKEN.len() * 8 {
        let mut token = TOKEN.as_bytes().to_vec();
        token[bit / 8] ^= 1 << (bit % 8);
        // A header that is no text is no header.
        let refused = check(std::str::from_utf8(&token).ok()).unwrap_err();
        assert!(!format!("{refused} {refused:?}").contains(TOKEN));
    }
}

#[test]
fn deletions_are_split_one_by_one() {
    let deletion = |ids: Vec<usize>| {
        let update = json!({"update_id": 9, "deleted_business_messages": {
            "business_connection_id": "Xk", "chat": {"id": 8, "type": "private"}, "message_ids": ids}});
        split(ChannelKind::Telegram, None, update.to_string().into())
    };
    let ids: Vec<String> = deletion(vec![5, 6, 7])
        .unwrap()
        .into_iter()
        .map(|update| update.platform_id)
        .collect();
    assert_eq!(ids, ["8@Xk:5", "8@Xk:6", "8@Xk:7"]);
    // Of none it is an update like any other.
    assert_eq!(deletion(vec![]).unwrap()[0].platform_id, "update:9");
    let all = deletion((0..=MAX_UPDATES).collect());
    assert!(matches!(all, Err(Malformed::TooMany)));
}
