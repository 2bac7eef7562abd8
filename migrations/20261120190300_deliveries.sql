-- The ledger: where each outbound message stands. Not a projection: this is what keeps a message from being sent
-- twice. See store/src/delivery.rs for the laws.

create table deliveries (
    message_id      uuid        not null,
    tenant_id       uuid        not null,
    channel_id      uuid        not null,
    conversation_id uuid        not null,
    -- 'queued' here means: tried, and to be tried again from next_try_at on.
    state           text        not null,
    -- schemas::DeliveryState::rank; a state only rises, except on the paths of a retry.
    rank            smallint    not null,
    owner           text,
    lease_until     timestamptz,
    -- Rises with each claim; what an earlier claimant still writes is told by it.
    attempt         integer     not null default 1,
    provider_id     text,
    error_class     text,
    detail          text,
    next_try_at     timestamptz,
    created_at      timestamptz not null default now(),
    updated_at      timestamptz not null default now(),
    sent_at         timestamptz,
    delivered_at    timestamptz,
    read_at         timestamptz,
    constraint deliveries_pkey primary key (message_id),
    constraint deliveries_state_check check (state in
        ('queued', 'claimed', 'sending', 'unknown', 'failed', 'sent', 'bounced', 'delivered', 'read')),
    constraint deliveries_owner_check check ((state in ('claimed', 'sending')) = (owner is not null and lease_until is not null))
) with (fillfactor = 60); -- claimed, sending, sent, delivered: four versions of a row, kept on its page (HOT)
-- Neither column ever changes, so updates stay HOT. An index on the state would end that.
create index deliveries_tenant_id_created_at_idx on deliveries (tenant_id, created_at);

-- What a sandbox channel "sent".
create table sandbox_outbox (
    seq                      bigint      not null generated always as identity,
    message_id               uuid        not null,
    tenant_id                uuid        not null,
    channel_id               uuid        not null,
    platform_conversation_id text        not null,
    recipient_id             text        not null,
    subject                  text,
    content                  text        not null,
    content_html             text,
    attachments              jsonb,
    sent_at                  timestamptz not null default now(),
    constraint sandbox_outbox_pkey primary key (message_id)
);
create index sandbox_outbox_channel_id_seq_idx on sandbox_outbox (channel_id, seq);
