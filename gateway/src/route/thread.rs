//! A mail's place in its thread: subject, `In-Reply-To` and `References` (RFC 5322, 3.6.4).
//!
//! It answers the newest mail that somebody wrote. While the database is away or slow it answers the one that the
//! conversation is named after, if any: mail programs put it into the thread by either.

use std::time::Duration;

use schemas::{Message, reply_token::KEY_PREFIX};
use serde_json::Value;
use store::conversation::Heard;
use tokio::time::timeout;

use super::send::Known;
use crate::{auth::Caller, hub::Hub};

/// How long the database is asked what is answered.
const ASK: Duration = Duration::from_millis(250);
/// Where a mail's `References` stand in its metadata.
const REFERENCES: &str = "references";

/// What the mail needs to stand in its thread, as far as the sender of the request left it out.
pub(super) async fn stand(hub: &Hub, caller: &Caller, known: &Known, message: &mut Message) {
    if message.in_reply_to.is_none() {
        let asked = store::conversation::heard(&hub.store, caller.tenant, message.conversation_id);
        if let Ok(Ok(Some(heard))) = timeout(ASK, asked).await {
            answer(heard, message);
        }
    }
    begun(known, message);
}

fn answer(heard: Heard, message: &mut Message) {
    let ids = match heard.thread {
        Some(Value::Array(ids)) => ids,
        _ => heard.in_reply_to.map(Value::from).into_iter().collect(),
    };
    if !ids.is_empty() && !message.metadata.contains_key(REFERENCES) {
        message.metadata.insert(REFERENCES.into(), ids.into());
    }
    message.in_reply_to = Some(heard.platform_message_id);
}

/// What is known without asking.
fn begun(known: &Known, message: &mut Message) {
    if message.subject.is_none() {
        message.subject = known.subject.as_ref().map(|subject| {
            let is_reply = subject
                .get(..3)
                .is_some_and(|start| start.eq_ignore_ascii_case("re:"));
            if is_reply {
                subject.clone()
            } else {
                format!("Re: {subject}")
            }
        });
    }
    // A thread somebody began is named after its first mail; one we begin, after the participant, and one that a reply
    // token names, after none.
    let key = &known.platform_conversation_id;
    let is_mail = *key != known.participant_id && !key.starts_with(KEY_PREFIX);
    if message.in_reply_to.is_none() && is_mail {
        message.in_reply_to = Some(key.clone());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::route::send::tests::{ID, built, known};

    #[test]
    fn a_mail_stands_in_its_thread() {
        let mut message = built(json!({"conversation_id": ID, "content": "hi"})).unwrap();
        begun(&known(), &mut message);
        assert_eq!(message.subject.as_deref(), Some("Re: Where is my parcel?"));
        assert_eq!(message.in_reply_to.as_deref(), Some("thread"));
        let mut message = built(json!({"conversation_id": ID, "content": "hi"})).unwrap();
        let by_token = Known {
            platform_conversation_id: format!("{KEY_PREFIX}abc"),
            ..known()
        };
        begun(&by_token, &mut message);
        assert_eq!(message.in_reply_to, None);
        let mut message = built(
            json!({"conversation_id": ID, "content": "hi", "subject": "Another", "in_reply_to": "m1"}),
        )
        .unwrap();
        begun(&known(), &mut message);
        assert_eq!(message.subject.as_deref(), Some("Another"));
        assert_eq!(message.in_reply_to.as_deref(), Some("m1"));
    }

    #[test]
    fn the_thread_until_then_is_named() {
        let heard = |in_reply_to: Option<&str>, thread: Option<Value>| Heard {
            platform_message_id: "third@a.b".into(),
            in_reply_to: in_reply_to.map(str::to_owned),
            thread,
        };
        let answered = |heard: Heard, metadata: Value| {
            let body = json!({"conversation_id": ID, "content": "hi", "metadata": metadata});
            let mut message = built(body).unwrap();
            answer(heard, &mut message);
            assert_eq!(message.in_reply_to.as_deref(), Some("third@a.b"));
            message.metadata.get(REFERENCES).cloned()
        };
        let both = json!(["first@a.b", "second@a.b"]);
        assert_eq!(
            answered(heard(Some("second@a.b"), Some(both.clone())), json!({})),
            Some(both)
        );
        assert_eq!(
            answered(heard(Some("second@a.b"), None), json!({})),
            Some(json!(["second@a.b"]))
        );
        assert_eq!(answered(heard(None, None), json!({})), None);
        let given = json!({"references": ["other@a.b"]});
        assert_eq!(
            answered(heard(Some("second@a.b"), None), given),
            Some(json!(["other@a.b"]))
        );
    }
}
