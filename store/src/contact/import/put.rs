//! The statements that write a batch, each for all of its contacts at once.

use std::collections::HashSet;

use schemas::{ContactId, ListId, Membership, OptIn, TenantId};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    super::MAX_ATTRIBUTES_BYTES,
    batch::{Address, Entry, Outcome, Refused},
    plan::{Known, Named},
};
use crate::{StoreError, column::Name};

/// Makes contacts. One whose id is there already, and has lost the address it is named after, gets another id.
pub(super) async fn create(
    connection: &mut PgConnection,
    tenant: TenantId,
    new: &mut Vec<Named<'_>>,
) -> Result<(), StoreError> {
    // Neighbours in the indexes are written one after the other.
    new.sort_unstable_by_key(|named| named.id);
    let made = insert(connection, tenant, new).await?;
    if made.len() == new.len() {
        return Ok(());
    }
    let made: HashSet<Uuid> = made.into_iter().collect();
    let (done, mut again): (Vec<_>, Vec<_>) =
        new.drain(..).partition(|named| made.contains(&named.id.0));
    for named in &mut again {
        named.id = ContactId::new();
    }
    insert(connection, tenant, &again).await?;
    new.extend(done);
    new.extend(again);
    Ok(())
}

async fn insert(
    connection: &mut PgConnection,
    tenant: TenantId,
    new: &[Named<'_>],
) -> Result<Vec<Uuid>, StoreError> {
    if new.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<Uuid> = new.iter().map(|named| named.id.0).collect();
    let external = texts(new, |entry| given(&entry.external_id));
    let names = texts(new, |entry| given(&entry.name));
    let languages = texts(new, |entry| given(&entry.language));
    let zones = texts(new, |entry| given(&entry.time_zone));
    let preferred = texts(new, |entry| entry.preferred_channel.flatten());
    let attributes: Vec<Option<String>> = new
        .iter()
        .map(|named| put_in(named.entry).map(|map| Value::Object(map).to_string()))
        .collect();
    Ok(sqlx::query_scalar!(
        "insert into contacts (id, tenant_id, external_id, name, attributes, language, time_zone, preferred_channel)
         select i.id, $1, i.external_id, i.name, coalesce(i.attributes::jsonb, '{}'), i.language, i.time_zone, i.preferred
         from unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[])
             as i (id, external_id, name, attributes, language, time_zone, preferred)
         on conflict (id) do nothing returning id",
        tenant.0,
        &ids,
        &external as &[Option<&str>],
        &names as &[Option<&str>],
        &attributes as &[Option<String>],
        &languages as &[Option<&str>],
        &zones as &[Option<&str>],
        &preferred as &[Option<&str>]
    )
    .fetch_all(connection)
    .await?)
}

pub(super) fn given(field: &Option<Option<String>>) -> Option<&str> {
    field.as_ref()?.as_deref()
}

fn texts<'a>(
    all: &'a [Named<'a>],
    of: impl Fn(&'a Entry) -> Option<&'a str>,
) -> Vec<Option<&'a str>> {
    all.iter().map(|named| of(named.entry)).collect()
}

/// Attributes without those that are to be taken out; none where there are none.
fn put_in(entry: &Entry) -> Option<serde_json::Map<String, Value>> {
    let mut map = entry.attributes.clone();
    map.retain(|_, value| !value.is_null());
    (!map.is_empty()).then_some(map)
}

/// Changes contacts that are there. Those whose attributes would be too many are refused, and taken out of `known`.
pub(super) async fn update(
    connection: &mut PgConnection,
    tenant: TenantId,
    known: &mut Vec<Known<'_>>,
    outcome: &mut Outcome,
) -> Result<(), StoreError> {
    let mut all: Vec<&Known<'_>> = known.iter().filter(|known| !known.is_skipped).collect();
    if all.is_empty() {
        return Ok(());
    }
    // In one order, so that two imports do not wait for each other. Only who changes is held and written: a file that comes
    // again costs a look at each.
    all.sort_unstable_by_key(|known| known.named.id);
    let entries: Vec<&Entry> = all.iter().map(|known| known.named.entry).collect();
    let ids: Vec<Uuid> = all.iter().map(|known| known.named.id.0).collect();
    let column = |of: fn(&Entry) -> Option<Option<&str>>| -> (Vec<bool>, Vec<Option<&str>>) {
        let fields = entries.iter().map(|entry| of(entry));
        fields
            .map(|field| (field.is_some(), field.flatten()))
            .unzip()
    };
    let (has_external, external) = column(|entry| entry.external_id.as_ref().map(Option::as_deref));
    let (has_name, names) = column(|entry| entry.name.as_ref().map(Option::as_deref));
    let (has_language, languages) = column(|entry| entry.language.as_ref().map(Option::as_deref));
    let (has_zone, zones) = column(|entry| entry.time_zone.as_ref().map(Option::as_deref));
    let (has_preferred, preferred) = column(|entry| entry.preferred_channel);
    let attributes: Vec<Option<String>> = entries
        .iter()
        .map(|entry| put_in(entry).map(|map| Value::Object(map).to_string()))
        .collect();
    let emptied: Vec<Option<String>> = entries
        .iter()
        .map(|entry| {
            let names = entry.attributes.iter().filter(|(_, value)| value.is_null());
            let names: Vec<Value> = names.map(|(name, _)| Value::String(name.clone())).collect();
            (!names.is_empty()).then(|| Value::Array(names).to_string())
        })
        .collect();
    let refused: HashSet<Uuid> = sqlx::query_scalar!(
        r#"with given as (
             select * from unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
                 $10::bool[], $11::bool[], $12::bool[], $13::bool[], $14::bool[])
                 as i (id, external_id, name, language, time_zone, preferred, attributes, emptied,
                     has_external, has_name, has_language, has_zone, has_preferred)
         ), after as materialized (
             select c.id,
                 case when i.has_external then i.external_id else c.external_id end as external_id,
                 case when i.has_name then i.name else c.name end as name,
                 case when i.has_language then i.language else c.language end as language,
                 case when i.has_zone then i.time_zone else c.time_zone end as time_zone,
                 case when i.has_preferred then i.preferred else c.preferred_channel end as preferred_channel,
                 case when i.emptied is null then c.attributes || coalesce(i.attributes::jsonb, '{}')
                     else (c.attributes || coalesce(i.attributes::jsonb, '{}'))
                         - array(select jsonb_array_elements_text(i.emptied::jsonb)) end as attributes
             from given i join contacts c on c.tenant_id = $1 and c.id = i.id
             where i.has_external and c.external_id is distinct from i.external_id
                 or i.has_name and c.name is distinct from i.name
                 or i.has_language and c.language is distinct from i.language
                 or i.has_zone and c.time_zone is distinct from i.time_zone
                 or i.has_preferred and c.preferred_channel is distinct from i.preferred
                 or i.attributes is not null and c.attributes || i.attributes::jsonb <> c.attributes
                 or i.emptied is not null and c.attributes ?| array(select jsonb_array_elements_text(i.emptied::jsonb))
             order by c.id for update of c
         ), changed as (
             update contacts c set external_id = a.external_id, name = a.name, language = a.language,
                 time_zone = a.time_zone, preferred_channel = a.preferred_channel, attributes = a.attributes,
                 updated_at = now()
             from after a
             where c.tenant_id = $1 and c.id = a.id and octet_length(a.attributes::text) <= $15
         )
         select id as "id!" from after where octet_length(attributes::text) > $15"#,
        tenant.0,
        &ids,
        &external as &[Option<&str>],
        &names as &[Option<&str>],
        &languages as &[Option<&str>],
        &zones as &[Option<&str>],
        &preferred as &[Option<&str>],
        &attributes as &[Option<String>],
        &emptied as &[Option<String>],
        &has_external,
        &has_name,
        &has_language,
        &has_zone,
        &has_preferred,
        i32::try_from(MAX_ATTRIBUTES_BYTES).unwrap_or(i32::MAX)
    )
    .fetch_all(connection)
    .await?
    .into_iter()
    .collect();
    if !refused.is_empty() {
        known.retain(|known| {
            let stays = !refused.contains(&known.named.id.0);
            if !stays {
                outcome.reject(
                    known.named.entry,
                    "with what is known, its attributes are too large",
                );
            }
            stays
        });
    }
    Ok(())
}

/// Gives the contacts their addresses, and what is said of consents.
pub(super) async fn addresses(
    connection: &mut PgConnection,
    tenant: TenantId,
    new: &[Named<'_>],
    known: &[Known<'_>],
    source: Option<&str>,
) -> Result<(), StoreError> {
    let new = new.iter().flat_map(|named| {
        let addresses = named.entry.addresses.iter();
        addresses.map(|address| (address, named.id))
    });
    let known = known.iter().flat_map(|known| {
        let addresses = known.addresses.iter();
        addresses.map(|address| (*address, known.named.id))
    });
    let mut all: Vec<(&Address, ContactId)> = new.chain(known).collect();
    if all.is_empty() {
        return Ok(());
    }
    all.sort_unstable_by_key(|(address, _)| (address.kind, &address.address));
    let kinds: Vec<&str> = all.iter().map(|(address, _)| address.kind).collect();
    let texts: Vec<&str> = all
        .iter()
        .map(|(address, _)| address.address.as_str())
        .collect();
    let contacts: Vec<Uuid> = all.iter().map(|(_, contact)| contact.0).collect();
    let states: Vec<Option<&str>> = all
        .iter()
        .map(|(address, _)| address.consent.map(|consent| consent.name()))
        .collect();
    let done = sqlx::query!(
        "insert into contact_addresses as a (tenant_id, kind, address, contact_id, consent, consent_at, consent_source)
         select $1, i.kind, i.address, i.contact_id, coalesce(i.state, 'unknown'),
             case when i.state is not null then now() end, case when i.state is not null then $6::text end
         from unnest($2::text[], $3::text[], $4::uuid[], $5::text[]) as i (kind, address, contact_id, state)
         on conflict (tenant_id, kind, address) do update set
             consent = excluded.consent, consent_at = excluded.consent_at, consent_source = excluded.consent_source
             where a.contact_id = excluded.contact_id and excluded.consent_at is not null",
        tenant.0,
        &kinds as &[&str],
        &texts as &[&str],
        &contacts,
        &states as &[Option<&str>],
        source
    )
    .execute(connection)
    .await?;
    if done.rows_affected() < all.len() as u64 {
        return Err(StoreError::Conflict {
            constraint: "contact_addresses_pkey".into(),
        });
    }
    Ok(())
}

/// Lists, and how who is put on them stands to them. They are held, so that none is deleted, nor its opt-in changed, before
/// the transaction ends.
pub(super) async fn lists(
    connection: &mut PgConnection,
    tenant: TenantId,
    lists: &[ListId],
    is_confirmed: bool,
) -> Result<Vec<(ListId, Membership)>, Refused> {
    if lists.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<Uuid> = lists.iter().map(|list| list.0).collect();
    let held = sqlx::query!(
        r#"select id, opt_in as "opt_in: Name<OptIn>" from contact_lists
           where tenant_id = $1 and id = any($2) order by id for share"#,
        tenant.0,
        &ids
    )
    .fetch_all(connection)
    .await
    .map_err(StoreError::from)?;
    if held.len() < lists.len() {
        return Err(Refused::List);
    }
    let status = |opt_in: OptIn| match (opt_in, is_confirmed) {
        (OptIn::Double, false) => Membership::Unconfirmed,
        (OptIn::Single, _) | (OptIn::Double, true) => Membership::Confirmed,
    };
    Ok(held
        .into_iter()
        .map(|list| (ListId(list.id), status(list.opt_in.into())))
        .collect())
}

/// Puts contacts on lists. Who unsubscribed stays so.
pub(super) async fn members(
    connection: &mut PgConnection,
    tenant: TenantId,
    lists: &[(ListId, Membership)],
    contacts: &[ContactId],
    is_confirmed: bool,
) -> Result<(), StoreError> {
    if lists.is_empty() || contacts.is_empty() {
        return Ok(());
    }
    let (ids, states): (Vec<Uuid>, Vec<&str>) = lists
        .iter()
        .map(|(list, status)| (list.0, status.name()))
        .unzip();
    let mut contacts: Vec<Uuid> = contacts.iter().map(|contact| contact.0).collect();
    contacts.sort_unstable();
    contacts.dedup();
    sqlx::query!(
        "insert into contact_list_members as m (list_id, contact_id, status)
         select l.id, i.id, s.status
         from contact_lists l join unnest($2::uuid[], $3::text[]) as s (id, status) on s.id = l.id
             cross join unnest($4::uuid[]) as i (id)
         where l.tenant_id = $1 and not exists (
             select from contact_list_members o
             where o.list_id = l.id and o.contact_id = i.id and (o.status <> 'unconfirmed' or not $5))
         order by l.id, i.id
         on conflict (list_id, contact_id) do update set status = 'confirmed', updated_at = now()
             where m.status = 'unconfirmed' and $5",
        tenant.0,
        &ids,
        &states as &[&str],
        &contacts,
        is_confirmed
    )
    .execute(connection)
    .await?;
    Ok(())
}
