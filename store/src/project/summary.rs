//! What follows from new messages: contacts, conversations ([`conversation`]), totals and analytics. Each conversation
//! and channel of a batch is written once, however many messages it has there.

use std::collections::{BTreeMap, HashMap};

use schemas::{ContactId, Direction, PartyType, address};
use sqlx::{PgConnection, types::chrono::NaiveDate};
use uuid::Uuid;

use super::{Line, conversation, heard::heard};
use crate::{StoreError, suppression, text};

/// Longest address that is kept with a contact, in bytes; see `contact_addresses_address_check`.
pub(super) const ADDRESS_BYTES: usize = 1024;

pub(super) async fn write(
    connection: &mut PgConnection,
    new: &[Line<'_>],
) -> Result<(), StoreError> {
    let known = known(connection, new).await?;
    contacts(connection, new, &known).await?;
    suppression::heard_from(connection, &heard(new)).await?;
    conversation::write(connection, new).await?;
    channels(connection, new).await
}

/// Those of the batch's conversations whose contact is known, with whom they are, and whether by name.
async fn known(
    connection: &mut PgConnection,
    new: &[Line<'_>],
) -> Result<HashMap<Uuid, (String, bool)>, StoreError> {
    let mut ids: Vec<Uuid> = new
        .iter()
        .map(|line| line.message.conversation_id.0)
        .collect();
    ids.sort_unstable();
    ids.dedup();
    Ok(sqlx::query!(
        r#"select id, participant_id, participant_name is not null as "named!"
           from comm_conversations where id = any($1) and contact_id is not null"#,
        &ids
    )
    .fetch_all(connection)
    .await?
    .into_iter()
    .map(|record| (record.id, (record.participant_id, record.named)))
    .collect())
}

/// Makes the contacts of senders seen for the first time. Most messages come from somebody whose
/// conversation knows its contact already; those cost nothing here.
async fn contacts(
    connection: &mut PgConnection,
    new: &[Line<'_>],
    known: &HashMap<Uuid, (String, bool)>,
) -> Result<(), StoreError> {
    // (tenant, kind, address) → the contact it would be, and the name last given
    let mut seen: BTreeMap<(Uuid, &str, String), (Uuid, Option<String>)> = BTreeMap::new();
    for line in new {
        let sender = &line.message.sender;
        let fits = !sender.id.is_empty() && sender.id.len() <= ADDRESS_BYTES;
        let met = known
            .get(&line.message.conversation_id.0)
            .is_some_and(|(id, named)| *id == sender.id && (*named || sender.name.is_none()));
        if met {
            continue;
        }
        if line.message.direction == Direction::Inbound && sender.kind == PartyType::User && fits {
            let kind = line.kind.address_kind();
            let address = address::identity(kind, &text::clean(&sender.id));
            let id = ContactId::of(line.tenant, kind, &address);
            let entry = seen
                .entry((line.tenant.0, kind, address))
                .or_insert((id.0, None));
            if let Some(name) = &sender.name {
                entry.1 = Some(text::clean(name).into_owned());
            }
        }
    }
    seen.retain(|(_, _, address), _| !address.is_empty());
    if seen.is_empty() {
        return Ok(());
    }
    let mut tenants = Vec::with_capacity(seen.len());
    let mut kinds = Vec::with_capacity(seen.len());
    let mut addresses = Vec::with_capacity(seen.len());
    let mut ids = Vec::with_capacity(seen.len());
    let mut names = Vec::with_capacity(seen.len());
    for ((tenant, kind, address), (id, name)) in seen {
        tenants.push(tenant);
        kinds.push(kind.to_owned());
        addresses.push(address);
        ids.push(id);
        names.push(name);
    }
    // An address that is there already may belong to another contact (people get merged), so a contact
    // is made only for a new address. A contact without a name takes the first that is given.
    sqlx::query!(
        "with input as (
             select i.tenant_id, i.kind, i.address, i.contact_id, i.name, i.place
             from unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::text[]) with ordinality
                  as i (tenant_id, kind, address, contact_id, name, place)
         ), added as (
             insert into contact_addresses (tenant_id, kind, address, contact_id)
             select tenant_id, kind, address, contact_id from input order by place
             on conflict (tenant_id, kind, address) do nothing
             returning contact_id
         ), made as (
             insert into contacts (id, tenant_id, name)
             select i.contact_id, i.tenant_id, i.name from input i join added using (contact_id) order by i.place
             on conflict (id) do nothing
         )
         update contacts c set name = i.name, updated_at = now()
         from input i join contact_addresses a using (tenant_id, kind, address)
         where c.id = a.contact_id and c.name is null and i.name is not null",
        &tenants,
        &kinds,
        &addresses,
        &ids,
        &names as &[Option<String>]
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Totals of the channels and their days. The rows of a channel are shared by all writers, so they come last
/// and are held only for the commit.
async fn channels(connection: &mut PgConnection, new: &[Line<'_>]) -> Result<(), StoreError> {
    let mut days: BTreeMap<(Uuid, Uuid, NaiveDate), (i64, i64)> = BTreeMap::new();
    for line in new {
        let day = line.received_at.to_datetime().date_naive();
        let (received, sent) = days
            .entry((line.channel.0, line.tenant.0, day))
            .or_default();
        match line.message.direction {
            Direction::Inbound => *received += 1,
            Direction::Outbound => *sent += 1,
        }
    }
    let channels: Vec<Uuid> = days.keys().map(|(channel, _, _)| *channel).collect();
    let tenants: Vec<Uuid> = days.keys().map(|(_, tenant, _)| *tenant).collect();
    let dates: Vec<NaiveDate> = days.keys().map(|(_, _, day)| *day).collect();
    let received: Vec<i64> = days.values().map(|(received, _)| *received).collect();
    let sent: Vec<i64> = days.values().map(|(_, sent)| *sent).collect();
    sqlx::query!(
        "with input as (
             select i.channel_id, i.tenant_id, i.day, i.received, i.sent
             from unnest($1::uuid[], $2::uuid[], $3::date[], $4::bigint[], $5::bigint[])
                  as i (channel_id, tenant_id, day, received, sent)
         ), locked as (
             select c.id from comm_channels c where c.id = any($1) order by c.id for no key update
         ), totals as (
             select i.channel_id, sum(i.received)::bigint as received, sum(i.sent)::bigint as sent
             from input i join locked l on l.id = i.channel_id group by i.channel_id
         ), counted as (
             update comm_channels c set
                 total_messages_received = c.total_messages_received + t.received,
                 total_messages_sent = c.total_messages_sent + t.sent
             from totals t where c.id = t.channel_id
         )
         insert into comm_analytics as a (tenant_id, channel_id, day, messages_received, messages_sent)
         select i.tenant_id, i.channel_id, i.day, i.received, i.sent
         from input i join totals t on t.channel_id = i.channel_id
         order by i.channel_id, i.day
         on conflict (tenant_id, channel_id, day) do update set
             messages_received = a.messages_received + excluded.messages_received,
             messages_sent = a.messages_sent + excluded.messages_sent",
        &channels,
        &tenants,
        &dates,
        &received,
        &sent
    )
    .execute(connection)
    .await?;
    Ok(())
}
