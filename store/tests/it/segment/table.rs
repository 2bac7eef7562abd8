//! The rows of people who were drawn.

use schemas::{TenantId, Timestamp};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{CAMPAIGNS, LISTS, reference::Person};

pub(super) async fn tables(connection: &mut PgConnection, tenant: TenantId, shift: u128) {
    for (id, name) in LISTS {
        sqlx::query("insert into contact_lists (id, tenant_id, name) values ($1, $2, $3)")
            .bind(Uuid::from_u128(id + shift))
            .bind(tenant.0)
            .bind(name)
            .execute(&mut *connection)
            .await
            .unwrap();
    }
    for (id, name) in CAMPAIGNS {
        sqlx::query("insert into campaigns (id, tenant_id, name, type, created_by) values ($1, $2, $3, 'EMAIL', 't')")
            .bind(Uuid::from_u128(id + shift))
            .bind(tenant.0)
            .bind(name)
            .execute(&mut *connection)
            .await
            .unwrap();
    }
}

pub(super) async fn put(
    connection: &mut PgConnection,
    tenant: TenantId,
    shift: u128,
    person: &Person,
) {
    let time = Timestamp::to_datetime;
    sqlx::query(
        "insert into contacts (id, tenant_id, name, external_id, language, time_zone, preferred_channel, attributes,
             created_at, updated_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(person.id)
    .bind(tenant.0)
    .bind(&person.name)
    .bind(&person.external_id)
    .bind(&person.language)
    .bind(&person.time_zone)
    .bind(&person.preferred_channel)
    .bind(&person.attributes)
    .bind(time(person.created_at))
    .bind(time(person.updated_at))
    .execute(&mut *connection)
    .await
    .unwrap();
    for (kind, address, consent) in &person.addresses {
        sqlx::query("insert into contact_addresses (tenant_id, kind, address, contact_id, consent) values ($1, $2, $3, $4, $5)")
            .bind(tenant.0)
            .bind(kind)
            .bind(address)
            .bind(person.id)
            .bind(consent)
            .execute(&mut *connection)
            .await
            .unwrap();
    }
    for (place, status) in &person.lists {
        sqlx::query(
            "insert into contact_list_members (list_id, contact_id, status) values ($1, $2, $3)",
        )
        .bind(Uuid::from_u128(LISTS[*place].0 + shift))
        .bind(person.id)
        .bind(status)
        .execute(&mut *connection)
        .await
        .unwrap();
    }
    for event in &person.events {
        sqlx::query(
            "insert into campaign_events (id, tenant_id, campaign_id, message_id, contact_id, event_type, verdict, at)
             values (gen_random_uuid(), $1, $2, gen_random_uuid(), $3, $4, $5, $6)",
        )
        .bind(tenant.0)
        .bind(Uuid::from_u128(CAMPAIGNS[event.campaign].0 + shift))
        .bind(person.id)
        .bind(event.kind)
        .bind(event.verdict)
        .bind(time(event.at))
        .execute(&mut *connection)
        .await
        .unwrap();
    }
    for (place, status, sent_at) in &person.messages {
        sqlx::query(
            "insert into campaign_messages (id, tenant_id, campaign_id, contact_id, status, sent_at)
             values (gen_random_uuid(), $1, $2, $3, $4, $5)",
        )
        .bind(tenant.0)
        .bind(Uuid::from_u128(CAMPAIGNS[*place].0 + shift))
        .bind(person.id)
        .bind(status)
        .bind(sent_at.map(time))
        .execute(&mut *connection)
        .await
        .unwrap();
    }
}
