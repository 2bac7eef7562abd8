//! What the first contacts of an audience would be sent, looked at before a campaign starts.
//!
//! Deliberately absent: what templates ask for and contacts lack, of which everybody is asked (`start`); whoever is found
//! out about only later fails by name.

use render::{CampaignFacts, Compiled, Links, Recipient, RenderError};
use schemas::{ChannelKind, campaign::PlannedChannel};
use serde_json::Map;
use store::{
    Store, StoreError,
    campaign::{CampaignRow, check},
    contact::Choice,
};

use super::start::NotReady;

/// Nothing is followed.
struct Nowhere;

impl Links for Nowhere {
    fn click(&self, url: &str) -> String {
        url.to_owned()
    }

    fn pixel(&self) -> String {
        String::new()
    }

    fn preferences(&self) -> String {
        String::new()
    }
}

/// That nobody of a sample would get a mail without a subject.
pub(super) async fn subjects(
    store: &Store,
    row: &CampaignRow,
    choice: &Choice,
    channels: &[PlannedChannel],
    compiled: &Compiled,
    missing: &mut Vec<NotReady>,
) -> Result<(), StoreError> {
    let is_mail = |channel: &&PlannedChannel| {
        channel.kind.address_kind() == ChannelKind::Email.address_kind()
    };
    let Some(mail) = channels.iter().find(is_mail) else {
        return Ok(());
    };
    let kind = mail.kind.address_kind();
    let sample = check::sample(store, row.tenant_id, choice, kind).await?;
    let none = Map::new();
    let without = sample.iter().filter(|one| {
        let recipient = Recipient {
            contact: one.id,
            name: one.name.as_deref(),
            address: &one.address,
            language: one.language.as_deref(),
            time_zone: one.time_zone.as_deref(),
            attributes: one.attributes.as_object().unwrap_or(&none),
            campaign: CampaignFacts {
                id: row.id,
                name: &row.name,
            },
        };
        let said = compiled.render_for(mail.kind, &recipient, &Nowhere);
        matches!(said, Err(RenderError::NoSubject))
    });
    let without = without.count();
    if without > 0 {
        let field = if row.subject_line.is_some() {
            "subject_line"
        } else {
            "template_id"
        };
        let reason = format!(
            "Of {} contacts that were looked at, {without} would get a mail without a subject: what its template makes of \
             them is empty. Give it words that are there for everybody.",
            sample.len()
        );
        missing.push(NotReady::new(field, reason));
    }
    Ok(())
}
