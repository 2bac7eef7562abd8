-- What platforms say of messages that were sent, who must not be written to, and messages that were taken back.

-- What a platform calls a message that was sent there: receipts, and answers, name it so. Written with the ledger's
-- `sent`; a message that left in parts has several. No foreign keys, as in deliveries.
create table delivery_references (
    channel_id  uuid        not null,
    provider_id text        not null,
    tenant_id   uuid        not null,
    message_id  uuid        not null,
    created_at  timestamptz not null default now(),
    constraint delivery_references_pkey primary key (channel_id, provider_id)
);

-- A receipt that came before its message's `sent` was recorded, or is about a message of somebody else, waits here
-- to be looked up again: when, and how often it was. Null: settled.
alter table tracking_events
    add column look_at timestamptz,
    add column looks   smallint not null default 0;
create index tracking_events_look_at_idx on tracking_events (look_at) where look_at is not null;

-- Whom not to write to. A row that was lifted stays: it tells that an older word about the address counts no more.
create table comm_suppressions (
    id         uuid        not null default gen_random_uuid(),
    -- Order of the list.
    seq        bigint      not null generated always as identity,
    tenant_id  uuid        not null,
    -- Null: on every channel of the kind.
    channel_id uuid,
    -- schemas::ChannelKind::address_kind
    kind       text        not null,
    address    text        not null,
    reason     text        not null,
    scope      text        not null default 'all',
    -- A reason or a code for people, never content.
    detail     text,
    created_at timestamptz not null default now(),
    -- When the last word about it was said: an older one changes nothing.
    said_at    timestamptz not null default now(),
    lifted_at  timestamptz,
    expires_at timestamptz,
    constraint comm_suppressions_pkey primary key (id),
    constraint comm_suppressions_tenant_id_fkey foreign key (tenant_id) references tenants (id) on delete cascade,
    constraint comm_suppressions_channel_id_fkey foreign key (tenant_id, channel_id)
        references comm_channels (tenant_id, id) on delete cascade,
    constraint comm_suppressions_address_key unique nulls not distinct (tenant_id, kind, address, reason, channel_id),
    constraint comm_suppressions_address_check check (address <> '' and octet_length(address) <= 1024),
    constraint comm_suppressions_reason_check
        check (reason in ('opted_out', 'blocked', 'complained', 'manual', 'bounced')),
    constraint comm_suppressions_scope_check check (scope in ('all', 'marketing')),
    constraint comm_suppressions_detail_check check (length(detail) <= 500)
);
create index comm_suppressions_tenant_id_seq_idx on comm_suppressions (tenant_id, seq);
-- What an inbound message of the address lifts; few, and asked with every batch.
create index comm_suppressions_blocked_idx on comm_suppressions (tenant_id, kind, address)
    where reason = 'blocked' and lifted_at is null;

-- When its sender took a message back; the content is gone then.
alter table comm_messages add column deleted_at timestamptz;

alter table comm_conversations
    -- Our own address there, where a channel has several: what the newest message was written to.
    add column own_address     text,
    -- When a person there last wrote; platforms limit what may be sent long after.
    add column last_inbound_at timestamptz;
