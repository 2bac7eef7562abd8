-- Projections: what the streams say, as rows. Written by the projectors in batches; all of it can be made anew.
--
-- There are no foreign keys here. Each would cost a look-up a row on the hottest path, and the projector joins
-- comm_channels anyway before it inserts, so a message without a channel of its tenant does not get in.

create table contacts (
    id         uuid        not null,
    tenant_id  uuid        not null,
    name       text,
    metadata   jsonb,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint contacts_pkey primary key (id)
);
create index contacts_tenant_id_idx on contacts (tenant_id, id);

-- One contact has one or more addresses; an address belongs to one contact.
create table contact_addresses (
    tenant_id  uuid        not null,
    kind       text        not null,
    address    text        not null,
    contact_id uuid        not null,
    created_at timestamptz not null default now(),
    constraint contact_addresses_pkey primary key (tenant_id, kind, address),
    -- Longer ones would not fit an index page.
    constraint contact_addresses_address_check check (address <> '' and octet_length(address) <= 1024)
);
create index contact_addresses_contact_id_idx on contact_addresses (contact_id);

-- The id is derived from (channel_id, platform_conversation_id), so the primary key is the uniqueness of both.
create table comm_conversations (
    id                       uuid        not null,
    tenant_id                uuid        not null,
    channel_id               uuid        not null,
    platform_conversation_id text        not null,
    participant_id           text        not null default '',
    participant_name         text,
    contact_id               uuid,
    subject                  text,
    status                   text        not null default 'active',
    priority                 text        not null default 'normal',
    tags                     text[]      not null default '{}',
    unread_count             integer     not null default 0,
    message_count            bigint      not null default 0,
    -- Place of the newest message; see schemas::partition::position.
    last_position            bigint      not null default 0,
    -- The same in steps of 2^36 (134 s): what the inbox's index sorts by. An update within a step leaves the index
    -- alone, so it is HOT; the few rows of a step are sorted when they are read.
    last_step                bigint      not null generated always as (last_position >> 36) stored,
    last_message_at          timestamptz,
    last_message_preview     text,
    assigned_agent_id        text,
    metadata                 jsonb,
    created_at               timestamptz not null default now(),
    updated_at               timestamptz not null default now(),
    constraint comm_conversations_pkey primary key (id),
    constraint comm_conversations_status_check check (status in ('active', 'archived', 'closed')),
    constraint comm_conversations_priority_check check (priority in ('low', 'normal', 'high', 'urgent'))
) with (fillfactor = 60); -- each batch rewrites the rows it touches: leave room for HOT updates
-- The inbox, newest first. Filters (channel, status, agent) read along this index.
create index comm_conversations_tenant_id_last_step_idx on comm_conversations (tenant_id, last_step desc);

-- Written once; an edit is the one exception. What became of an outbound message stands in deliveries.
create table comm_messages (
    id                  uuid        not null,
    tenant_id           uuid        not null,
    channel_id          uuid        not null,
    conversation_id     uuid        not null,
    -- Order within the conversation; see schemas::partition::position.
    position            bigint      not null,
    direction           text        not null,
    message_type        text        not null,
    sender_id           text        not null,
    sender_type         text        not null,
    sender_name         text,
    recipient_id        text        not null,
    recipient_name      text,
    subject             text,
    content             text        not null,
    content_html        text,
    -- Null rather than an empty value, here and below.
    attachments         jsonb,
    priority            text,
    tags                text[],
    platform_message_id text,
    in_reply_to         text,
    language            text,
    -- {"language", "sentiment", "intent", "routing"}, each as in schemas::Message
    analysis            jsonb,
    metadata            jsonb,
    -- The automatic reply's cause.
    cause_id            uuid,
    -- Vec<schemas::Hop> as MessagePack with named fields.
    journey             bytea,
    created_at          timestamptz not null,
    received_at         timestamptz not null,
    edited_at           timestamptz,
    constraint comm_messages_pkey primary key (id)
);
create index comm_messages_conversation_id_position_idx on comm_messages (conversation_id, position);
create index comm_messages_channel_id_position_idx on comm_messages (channel_id, position);

-- Per channel and day (UTC).
create table comm_analytics (
    tenant_id          uuid   not null,
    channel_id         uuid   not null,
    day                date   not null,
    messages_received  bigint not null default 0,
    messages_sent      bigint not null default 0,
    messages_delivered bigint not null default 0,
    messages_read      bigint not null default 0,
    messages_failed    bigint not null default 0,
    messages_dropped   bigint not null default 0,
    constraint comm_analytics_pkey primary key (tenant_id, channel_id, day)
) with (fillfactor = 50);

-- The API's own list of what happened to a message.
create table tracking_events (
    id              uuid        not null,
    tenant_id       uuid        not null,
    channel_id      uuid        not null,
    conversation_id uuid        not null,
    message_id      uuid        not null,
    context         text        not null,
    event_type      text        not null,
    at              timestamptz not null,
    provider_id     text,
    detail          text,
    constraint tracking_events_pkey primary key (id)
);
create index tracking_events_message_id_idx on tracking_events (message_id);
