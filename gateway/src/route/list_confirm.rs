//! Asking people whether they want to be on a list: an ordinary message through the tenant's e-mail channel, with a signed
//! link to the page that confirms it.
//!
//! Invariant: that somebody is asked is noted before the mail is queued (`store::list::ask`), so that a crash in between
//! asks once too few.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use futures::{StreamExt as _, stream::FuturesUnordered};
use schemas::{
    CampaignId, ChannelId, ChannelKind, ChannelStatus, ContactId, Priority, TrackingToken,
    tracking_token::{PURPOSE, Purpose},
};
use serde_json::json;
use store::{
    conversation::ConversationNew,
    list::{Asked, ListRow},
};

use super::send::queue;
use crate::{auth::Caller, hub::Hub, problem::ApiError};

/// Asked in one call.
const MOST: usize = 1000;
/// Mails on their way to the broker at once.
const AT_ONCE: usize = 16;

/// What is asked by.
pub(super) struct Post {
    channel: ChannelId,
    /// Where the hub is reached, without a slash at its end.
    base: String,
}

/// How far asking came.
#[derive(Default)]
pub(super) struct Confirmations {
    pub(super) sent: u64,
    pub(super) has_more: bool,
}

/// The tenant's oldest active e-mail channel, or else its oldest active sandbox.
pub(super) async fn post(hub: &Hub, caller: &Caller) -> Result<Post, ApiError> {
    let base = hub.settings.public_url.as_deref().unwrap_or_default();
    let base = base.trim_end_matches('/').to_owned();
    if base.is_empty() {
        return Err(ApiError::conflict(
            "The hub does not know its own address, so a link to confirm by would lead nowhere. Set gateway.public_url.",
        ));
    }
    let filter = store::channel::ChannelFilter {
        status: Some(ChannelStatus::Active),
        ..Default::default()
    };
    let channels = store::channel::list(&hub.store, caller.tenant, filter).await?;
    channels
        .into_iter()
        .filter(|row| {
            matches!(
                row.kind,
                ChannelKind::Email | ChannelKind::Gmail | ChannelKind::Sandbox
            )
        })
        .min_by_key(|row| (row.kind == ChannelKind::Sandbox, row.created_at, row.id))
        .map(|row| Post {
            channel: row.id,
            base,
        })
        .ok_or_else(|| {
            ApiError::conflict("There is no active e-mail channel to ask by. Add one, or make the list's opt_in single.")
        })
}

/// Asks those of the contacts who may be asked (again).
pub(super) async fn ask(
    hub: &Arc<Hub>,
    caller: &Caller,
    list: &ListRow,
    post: &Post,
    contacts: &[ContactId],
) -> Result<Confirmations, ApiError> {
    let mut sent = 0;
    let mut left = contacts;
    // Most of those who are unconfirmed may have been asked already: go on until a call's worth is sent.
    while sent < MOST && !left.is_empty() {
        let (now, later) = left.split_at(left.len().min(MOST - sent));
        left = later;
        let asked = store::list::ask(&hub.store, caller.tenant, list.id, now).await?;
        let mut sending = FuturesUnordered::new();
        for who in &asked {
            if sending.len() >= AT_ONCE
                && let Some(done) = sending.next().await
            {
                done?;
                sent += 1;
            }
            sending.push(send(hub, caller, list, post, who));
        }
        while let Some(done) = sending.next().await {
            done?;
            sent += 1;
        }
    }
    Ok(Confirmations {
        sent: sent as u64,
        has_more: !left.is_empty(),
    })
}

async fn send(
    hub: &Hub,
    caller: &Caller,
    list: &ListRow,
    post: &Post,
    who: &Asked,
) -> Result<(), ApiError> {
    let words = Words::in_language(who.language.as_deref());
    let subject = words.subject.replace("{list}", &one_line(&list.name));
    let new = ConversationNew {
        platform_conversation_id: who.address.clone(),
        participant_id: who.address.clone(),
        participant_name: who.name.clone(),
        subject: Some(subject.clone()),
        priority: Priority::Normal,
        tags: Vec::new(),
        assigned_agent_id: None,
        metadata: None,
    };
    let (conversation, _) =
        store::conversation::create(&hub.store, caller.tenant, post.channel, new).await?;
    let content = words
        .body
        .replace("{list}", &list.name)
        .replace("{link}", &link(hub, caller, list, post, who.contact));
    let body = json!({"conversation_id": conversation.id, "subject": subject, "content": content});
    let message = serde_json::from_value(body).map_err(|error| ApiError::internal(&error))?;
    // The same asking is the same message, whatever repeats it.
    let key = format!("list-{}-{}-{}", list.id, who.contact, who.time);
    let key = HeaderValue::from_str(&key).map_err(|error| ApiError::internal(&error))?;
    let headers = HeaderMap::from_iter([(HeaderName::from_static("idempotency-key"), key)]);
    queue(hub, caller, &headers, message).await.map(drop)
}

fn link(hub: &Hub, caller: &Caller, list: &ListRow, post: &Post, contact: ContactId) -> String {
    let token = TrackingToken {
        purpose: Purpose::Confirm,
        tenant: caller.tenant,
        campaign: CampaignId(list.id.0),
        contact,
        url: String::new(),
    };
    let tag = hub.store.keyring().sign(PURPOSE, &token.signed());
    format!("{}/t/s/{}", post.base, token.text(&tag))
}

fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// What is written, by language.
struct Words {
    subject: &'static str,
    body: &'static str,
}

static ENGLISH: Words = Words {
    subject: "Please confirm your subscription to {list}",
    body: "Somebody, probably you, asked for messages of “{list}” to be sent to this address.\n\nTo confirm that, open\n{link}\n\nIf it was not you, do nothing: you will not hear from this list.",
};
static GERMAN: Words = Words {
    subject: "Bitte bestätigen: {list}",
    body: "Jemand, wahrscheinlich Sie, hat für diese Adresse Nachrichten von „{list}“ bestellt.\n\nZum Bestätigen öffnen Sie bitte\n{link}\n\nWaren Sie es nicht, brauchen Sie nichts zu tun: Sie hören dann nichts von dieser Liste.",
};
static FRENCH: Words = Words {
    subject: "Merci de confirmer votre inscription à {list}",
    body: "Quelqu’un, sans doute vous, a demandé que les messages de « {list} » soient envoyés à cette adresse.\n\nPour confirmer, ouvrez\n{link}\n\nSi ce n’était pas vous, ne faites rien : vous ne recevrez rien de cette liste.",
};
static SPANISH: Words = Words {
    subject: "Confirme su suscripción a {list}",
    body: "Alguien, probablemente usted, pidió que los mensajes de «{list}» se envíen a esta dirección.\n\nPara confirmarlo, abra\n{link}\n\nSi no fue usted, no haga nada: no recibirá nada de esta lista.",
};

impl Words {
    fn in_language(tag: Option<&str>) -> &'static Self {
        let language = tag.and_then(|tag| tag.split('-').next());
        match language {
            Some("de") => &GERMAN,
            Some("fr") => &FRENCH,
            Some("es") => &SPANISH,
            _ => &ENGLISH,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_languages_have_the_list_and_the_link() {
        for words in [&ENGLISH, &GERMAN, &FRENCH, &SPANISH] {
            assert!(words.subject.contains("{list}"));
            assert_eq!(words.body.matches("{list}").count(), 1);
            assert_eq!(words.body.matches("\n{link}\n").count(), 1);
        }
        assert!(std::ptr::eq(Words::in_language(Some("de-AT")), &GERMAN));
        assert!(std::ptr::eq(Words::in_language(Some("ja")), &ENGLISH));
        assert!(std::ptr::eq(Words::in_language(None), &ENGLISH));
    }
}
