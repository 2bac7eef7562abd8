//! Telling Twilio where what is sent to the channel's numbers shall go
//! (<https://www.twilio.com/docs/phone-numbers/api/incomingphonenumber-resource>).
//!
//! Only numbers of telephones can be told; senders of WhatsApp and RCS, short codes and messaging services are set in
//! Twilio's console, and the report says so.

use serde_json::Value;
use url::form_urlencoded::byte_serialize;

use super::{super::SendOutcome, Twilio};

impl Twilio {
    /// What was done, in words.
    pub(super) async fn register(&self, webhook_url: &str) -> Result<String, SendOutcome> {
        let (mut set, mut left) = (0, 0);
        for number in self.origin.pool.numbers() {
            let sid = if number.starts_with('+') {
                self.sid_of(number).await?
            } else {
                None
            };
            let Some(sid) = sid else {
                left += 1;
                continue;
            };
            let mut form = vec![
                ("SmsUrl", webhook_url.to_owned()),
                ("SmsMethod", "POST".to_owned()),
            ];
            if self.voice {
                form.push(("VoiceUrl", webhook_url.to_owned()));
                form.push(("VoiceMethod", "POST".to_owned()));
                form.push(("StatusCallback", webhook_url.to_owned()));
            }
            let path = format!("/IncomingPhoneNumbers/{sid}.json");
            self.call(&path, Some(&form)).await?;
            set += 1;
        }
        let mut done = format!("the account can be used; the webhook is set for {set} numbers");
        if left > 0 || set == 0 {
            done += ", for other senders set it in Twilio's console";
        }
        Ok(done)
    }

    async fn sid_of(&self, number: &str) -> Result<Option<String>, SendOutcome> {
        let number: String = byte_serialize(number.as_bytes()).collect();
        let path = format!("/IncomingPhoneNumbers.json?PhoneNumber={number}");
        let found = self.call(&path, None).await?;
        let sid = found
            .pointer("/incoming_phone_numbers/0/sid")
            .and_then(Value::as_str)
            .filter(|sid| sid.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        Ok(sid.map(str::to_owned))
    }
}
