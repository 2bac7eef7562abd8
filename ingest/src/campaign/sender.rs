//! Whether mail servers will believe who a campaign says it is from.
//!
//! DMARC (RFC 7489, 3.1) asks that the domain of `From` is the one that signs (DKIM), or the one that bounces go to (SPF).
//! A campaign with a `sender_email` of its own may break both; what it sends is then refused or filed as junk wherever
//! that domain has a policy. That is told before it starts, and keeps nobody from starting: the relay may sign.
//!
//! Deliberately absent: the DNS, and the public suffix list. Domains are taken to belong together when they are the same, or one is
//! below the other; two siblings are warned of, though some may pass.

use schemas::{ChannelKind, TenantId, campaign::Plan};
use serde_json::Value;
use store::{Store, StoreError, channel};

/// Something that does not keep a campaign from starting, and should be known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The campaign's field.
    pub field: &'static str,
    pub reason: String,
}

/// What should be known of a campaign before it leaves.
///
/// # Errors
/// [`StoreError::Unavailable`].
pub async fn warnings(
    store: &Store,
    tenant: TenantId,
    plan: &Plan,
) -> Result<Vec<Warning>, StoreError> {
    let Some(sender) = plan.sender_email.as_deref() else {
        return Ok(Vec::new());
    };
    let mut warnings = Vec::new();
    for planned in &plan.channels {
        if !matches!(planned.kind, ChannelKind::Email | ChannelKind::Gmail) {
            continue;
        }
        let row = match channel::get(store, tenant, planned.id).await {
            Ok(row) => row,
            Err(StoreError::NotFound) => continue,
            Err(error) => return Err(error),
        };
        // What does not open is told where it is used.
        let credentials = match channel::credentials(store, tenant, planned.id).await {
            Ok(credentials) => credentials.unwrap_or_default(),
            Err(error @ StoreError::Unavailable(_)) => return Err(error),
            Err(_) => continue,
        };
        let settings = row.config.get("settings").unwrap_or(&Value::Null);
        if let Some(reason) = mistrusted(sender, &row.name, &credentials, settings) {
            warnings.push(Warning {
                field: "sender_email",
                reason,
            });
        }
    }
    Ok(warnings)
}

/// Why mail of this sender by a channel is not believed; none when it is, or nothing is known of the channel's own domain.
fn mistrusted(
    sender: &str,
    channel: &str,
    credentials: &Value,
    settings: &Value,
) -> Option<String> {
    let sender = domain(sender)?;
    let text = |from: &Value, name: &str| Some(from.get(name)?.as_str()?.to_owned());
    let own = domain(&text(credentials, "from")?)?;
    let bounces = text(settings, "return_path").and_then(|path| domain(&path));
    let bounces = bounces.unwrap_or_else(|| own.clone());
    let signs = text(credentials, "dkim_private_key").map(|_| {
        text(credentials, "dkim_domain").map_or_else(|| own.clone(), |name| name.to_lowercase())
    });
    let belongs = |other: &str| {
        let below = |a: &str, b: &str| {
            a.strip_suffix(b)
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        below(&sender, other) || below(other, &sender)
    };
    if belongs(&bounces) || signs.as_deref().is_some_and(belongs) {
        return None;
    }
    let signed = match &signs {
        Some(signs) => format!("signs as {signs}"),
        None => "does not sign".to_owned(),
    };
    Some(format!(
        "The sender is of {sender}, but the channel “{channel}” {signed}, and its bounces go to {bounces}. Where {sender} has a DMARC \
         policy such mail is refused or filed as junk, unless the relay signs as {sender}. Take an address of {}, or give a \
         channel of {sender} its own key (`tidings dkim`).",
        signs.as_deref().unwrap_or(&own)
    ))
}

/// The domain of an address, with or without a name before it.
fn domain(mailbox: &str) -> Option<String> {
    let (_, domain) = mailbox.trim().trim_end_matches('>').rsplit_once('@')?;
    (!domain.is_empty()).then(|| domain.to_lowercase())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_sender_belongs_to_who_signs_or_takes_the_bounces() {
        let plain = json!({"from": "Desk <desk@Example.com>"});
        let signed = json!({"from": "desk@example.com", "dkim_private_key": "k", "dkim_domain": "news.example.net"});
        let own = json!({"from": "desk@example.com", "dkim_private_key": "k"});
        let none = json!({});
        let elsewhere = json!({"return_path": "bounce@mail.example.org"});
        for (sender, credentials, settings, is_warned) in [
            ("news@example.com", &plain, &none, false),
            ("news@sub.example.com", &plain, &none, false),
            ("news@badexample.com", &plain, &none, true),
            ("news@example.net", &signed, &none, false),
            ("news@example.com", &signed, &none, false),
            ("news@example.com", &signed, &elsewhere, true),
            ("news@example.org", &signed, &elsewhere, false),
            ("news@other.example", &own, &none, true),
            // Nothing is known of the channel.
            ("news@other.example", &none, &none, false),
        ] {
            let found = mistrusted(sender, "Post", credentials, settings);
            assert_eq!(found.is_some(), is_warned, "{sender} {found:?}");
        }
        let why = mistrusted("a@other.example", "Post", &own, &none).unwrap();
        assert!(why.contains("signs as example.com"), "{why}");
    }
}
