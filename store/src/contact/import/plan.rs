//! Which contacts the entries of a batch are about.
//!
//! The first of its addresses that somebody has finds an entry's contact, or else its `external_id`; what is nobody's is a
//! new contact.

use std::collections::{HashMap, HashSet};

use schemas::{Consent, ContactId, OnConflict, TenantId};
use sqlx::PgConnection;
use uuid::Uuid;

use super::batch::{Address, Entry, Outcome};
use crate::{
    StoreError,
    column::{Id, Name},
};

/// An entry and its contact.
pub(super) struct Named<'a> {
    pub(super) id: ContactId,
    pub(super) entry: &'a Entry,
}

/// An entry about a contact that is there.
pub(super) struct Known<'a> {
    pub(super) named: Named<'a>,
    /// It stays as it is.
    pub(super) is_skipped: bool,
    /// Those that are to be written: its own whose consent does not change are not.
    pub(super) addresses: Vec<&'a Address>,
}

/// What is to be done at once.
pub(super) struct Round<'a> {
    pub(super) new: Vec<Named<'a>>,
    pub(super) known: Vec<Known<'a>>,
    /// Entries about contacts that others of this round are about.
    pub(super) later: Vec<&'a Entry>,
}

/// By kind, then by address.
type Owners = HashMap<String, HashMap<String, (ContactId, Consent)>>;

/// Where `look` is false nobody is looked up, and all entries are taken for new contacts.
pub(super) async fn of<'a>(
    connection: &mut PgConnection,
    tenant: TenantId,
    entries: Vec<&'a Entry>,
    on_conflict: OnConflict,
    look: bool,
    outcome: &mut Outcome,
) -> Result<Round<'a>, StoreError> {
    let (owners, external) = match look {
        true => (
            owners(connection, tenant, &entries).await?,
            external(connection, tenant, &entries).await?,
        ),
        false => (Owners::new(), HashMap::new()),
    };
    let mut round = Round {
        new: Vec::with_capacity(entries.len()),
        known: Vec::new(),
        later: Vec::new(),
    };
    let mut taken = HashSet::new();
    for entry in entries {
        let owner = |address: &Address| owners.get(address.kind)?.get(&address.address);
        let by_address = entry.addresses.iter().find_map(owner).map(|(id, _)| *id);
        let wanted = entry.external_id.as_ref().and_then(Option::as_ref);
        let by_external = wanted.and_then(|wanted| external.get(wanted).copied());
        let Some(id) = by_address.or(by_external) else {
            let Some(first) = entry.addresses.first() else {
                outcome.reject(entry, "there is no address");
                continue;
            };
            let id = ContactId::of(tenant, first.kind, &first.address);
            round.new.push(Named { id, entry });
            continue;
        };
        let foreign = |address: &Address| owner(address).is_some_and(|(other, _)| *other != id);
        let is_skipped = on_conflict == OnConflict::Skip;
        if !is_skipped && entry.addresses.iter().any(foreign) {
            outcome.reject(entry, "its addresses are those of several contacts");
            continue;
        }
        if !is_skipped && by_external.is_some_and(|other| other != id) {
            outcome.reject(entry, "its external_id is another contact's");
            continue;
        }
        if !taken.insert(id) {
            round.later.push(entry);
            continue;
        }
        let said = |address: &&Address| match owner(address) {
            None => true,
            Some((_, before)) => address.consent.is_some_and(|now| changes(*before, now)),
        };
        round.known.push(Known {
            named: Named { id, entry },
            is_skipped,
            addresses: match is_skipped {
                true => Vec::new(),
                false => entry.addresses.iter().filter(said).collect(),
            },
        });
    }
    Ok(round)
}

/// Whether a file may change a consent: it tells nothing by `unknown`, and a withdrawal is taken back by nobody but the person.
fn changes(before: Consent, now: Consent) -> bool {
    match (before, now) {
        (_, Consent::Unknown) | (Consent::Withdrawn, _) | (Consent::Given, Consent::Pending) => {
            false
        }
        (before, now) => before != now,
    }
}

/// Whose the addresses are, and their consents.
async fn owners(
    connection: &mut PgConnection,
    tenant: TenantId,
    entries: &[&Entry],
) -> Result<Owners, StoreError> {
    let addresses = entries.iter().flat_map(|entry| &entry.addresses);
    let mut keys: Vec<(&str, &str)> = addresses
        .map(|one| (one.kind, one.address.as_str()))
        .collect();
    // Neighbours in the index are looked up one after the other.
    keys.sort_unstable();
    let (kinds, texts): (Vec<&str>, Vec<&str>) = keys.into_iter().unzip();
    let rows = sqlx::query!(
        r#"select a.kind, a.address, a.contact_id as "contact_id: Id", a.consent as "consent: Name<Consent>"
           from unnest($2::text[], $3::text[]) as i (kind, address)
           join contact_addresses a on a.tenant_id = $1 and a.kind = i.kind and a.address = i.address"#,
        tenant.0,
        &kinds as &[&str],
        &texts as &[&str]
    )
    .fetch_all(connection)
    .await?;
    let mut owners = Owners::new();
    for row in rows {
        let of_kind = owners.entry(row.kind).or_default();
        of_kind.insert(row.address, (row.contact_id.into(), row.consent.into()));
    }
    Ok(owners)
}

/// Whose the external ids are.
async fn external(
    connection: &mut PgConnection,
    tenant: TenantId,
    entries: &[&Entry],
) -> Result<HashMap<String, ContactId>, StoreError> {
    let mut wanted: Vec<&str> = entries
        .iter()
        .filter_map(|entry| entry.external_id.as_ref()?.as_deref())
        .collect();
    wanted.sort_unstable();
    if wanted.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = sqlx::query!(
        r#"select c.external_id as "external_id!", c.id
           from unnest($2::text[]) as i (external_id)
           join contacts c on c.tenant_id = $1 and c.external_id = i.external_id"#,
        tenant.0,
        &wanted as &[&str]
    )
    .fetch_all(connection)
    .await?;
    let pair = |(external, id): (String, Uuid)| (external, ContactId(id));
    Ok(rows
        .into_iter()
        .map(|row| pair((row.external_id, row.id)))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_takes_no_withdrawal_back() {
        use Consent::{Given, Pending, Unknown, Withdrawn};
        for (before, now, done) in [
            (Unknown, Given, true),
            (Pending, Given, true),
            (Given, Withdrawn, true),
            (Unknown, Withdrawn, true),
            (Withdrawn, Given, false),
            (Withdrawn, Pending, false),
            (Given, Unknown, false),
            (Given, Pending, false),
            (Given, Given, false),
        ] {
            assert_eq!(changes(before, now), done, "{before:?} {now:?}");
        }
    }
}
