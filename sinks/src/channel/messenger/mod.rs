//! Messenger and Instagram: the Send API
//! (<https://developers.facebook.com/documentation/business-messaging/messenger-platform/send-messages>,
//! <https://developers.facebook.com/docs/instagram-platform/instagram-api-with-instagram-login/messaging-api>).
//!
//! `message.platform_conversation_id` is a person's scoped id, a `user_ref`, or `comment:<id>`: what answers a comment goes
//! to its author in private. A message to Messenger carries our mark, by which its echo is known. Neither platform takes an
//! idempotency key, so a call that was written and not answered is `Unknown`, and so is a message of which only the first
//! parts left.
//!
//! Outside 24 hours from the person's last message only a message with a tag is taken (`metadata.message_tag`, or the
//! channel's setting): `window-closed`. Deliberately absent: uploads, personas, one-time notifications.

mod request;

use async_trait::async_trait;
use schemas::Outbound;
use serde_json::{Value, json};

use self::request::Style;
use super::{
    Account, Failure, Misconfigured, SendOutcome, Sender, Settings, TestReport,
    meta::{self, Graph, report},
};

/// What is asked for when an app is subscribed to a page.
const PAGE_FIELDS: &str = "messages,messaging_postbacks,messaging_optins,messaging_referrals,messaging_handovers,message_deliveries,message_reads,message_echoes,message_reactions,message_edits,standby,feed";
const INSTAGRAM_FIELDS: &str = "messages,messaging_postbacks,messaging_referral,messaging_seen,message_reactions,messaging_handover,standby,comments,live_comments";

pub(super) struct Messenger {
    graph: Graph,
    /// The page or account that sends; `me` is the token's own.
    node: String,
    style: Style,
    /// Fields of the node that say who it is.
    who: &'static str,
    subscribed: &'static str,
}

impl Messenger {
    pub(super) fn new(account: &Account<'_>, settings: &Settings) -> Result<Self, Misconfigured> {
        Ok(Self {
            graph: Graph::new(account, settings, meta::FACEBOOK)?,
            node: node(account, "page_id")?,
            style: Style::messenger(account.setting_text("message_tag")),
            who: "id,name",
            subscribed: PAGE_FIELDS,
        })
    }

    /// Through Instagram's own login, or with `login` = `facebook` through the page the account belongs to.
    pub(super) fn instagram(
        account: &Account<'_>,
        settings: &Settings,
    ) -> Result<Self, Misconfigured> {
        let facebook = match account.setting_text("login") {
            Some("facebook") => true,
            Some("instagram") | None => false,
            Some(_) => {
                return Err(Misconfigured::Invalid {
                    name: "login",
                    problem: "is neither `instagram` nor `facebook`",
                });
            }
        };
        let (base, who, subscribed) = if facebook {
            (meta::FACEBOOK, "id,name", PAGE_FIELDS)
        } else {
            (meta::INSTAGRAM, "user_id,username", INSTAGRAM_FIELDS)
        };
        Ok(Self {
            graph: Graph::new(account, settings, base)?,
            node: node(account, "account_id")?,
            style: Style::instagram(account.setting_text("message_tag")),
            who,
            subscribed,
        })
    }

    async fn send_one(&self, outbound: &Outbound) -> SendOutcome {
        let calls = match request::calls(&outbound.message, &self.style) {
            Ok(calls) => calls,
            Err(failure) => return SendOutcome::Permanent(failure),
        };
        let total = calls.len();
        let edge = format!("{}/messages", self.node);
        let mut provider_ids = Vec::new();
        for (done, call) in calls.iter().enumerate() {
            match self.graph.post(&edge, call).await {
                Ok(answer) => {
                    let id = answer.get("message_id").and_then(Value::as_str);
                    provider_ids.extend(id.map(str::to_owned));
                }
                Err(outcome) if done == 0 => return outcome,
                Err(_) => {
                    return SendOutcome::Unknown(Failure::message(
                        "partial",
                        format!("{done} of {total} parts left"),
                    ));
                }
            }
        }
        SendOutcome::Accepted { provider_ids }
    }
}

fn node(account: &Account<'_>, name: &'static str) -> Result<String, Misconfigured> {
    let given = account.setting_text(name).unwrap_or("me");
    meta::id(name, given).map(str::to_owned)
}

#[async_trait]
impl Sender for Messenger {
    async fn send(&self, batch: &[&Outbound]) -> Vec<SendOutcome> {
        let mut outcomes = Vec::with_capacity(batch.len());
        for outbound in batch {
            outcomes.push(self.send_one(outbound).await);
        }
        outcomes
    }

    fn is_idempotent(&self) -> bool {
        false
    }

    /// Where events are sent to is set for the app and not for a page; what can be done is to subscribe the app.
    async fn test(&self, webhook_url: Option<&str>) -> TestReport {
        let node = format!("{}?fields={}", self.node, self.who);
        let who = match self.graph.get(&node).await {
            Ok(who) => who,
            Err(outcome) => return report(&outcome),
        };
        let text = |name: &str| who.get(name).and_then(Value::as_str);
        let account = text("username")
            .map(|name| format!("@{name}"))
            .or_else(|| text("name").map(str::to_owned));
        if webhook_url.is_none() {
            return TestReport::passed(account, "the token works");
        }
        let edge = format!(
            "{}/subscribed_apps?subscribed_fields={}",
            self.node, self.subscribed
        );
        match self.graph.post(&edge, &json!({})).await {
            Ok(_) => TestReport::passed(account, "the token works and the app is subscribed"),
            Err(outcome) => report(&outcome),
        }
    }

    async fn typing(&self, conversation: &str, _: Option<&str>) -> Result<(), Failure> {
        let body = json!({
            "recipient": request::recipient(conversation)?, "sender_action": "typing_on",
        });
        let edge = format!("{}/messages", self.node);
        match self.graph.post(&edge, &body).await {
            Ok(_) | Err(SendOutcome::Accepted { .. }) => Ok(()),
            Err(
                SendOutcome::RetryAfter { failure, .. }
                | SendOutcome::Permanent(failure)
                | SendOutcome::Unknown(failure),
            ) => Err(failure),
        }
    }
}
