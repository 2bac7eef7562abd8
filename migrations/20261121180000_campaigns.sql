-- Campaigns: whom they are for, what they say, and what became of each of them.

-- What an address on a channel of this type is called: schemas::ChannelKind::address_kind. All who deliver to telephones
-- deliver to the same ones.
create function address_kind(channel_type text) returns text language sql immutable parallel safe as $$
    select case
        when channel_type = 'gmail' then 'email'
        when channel_type in ('twilio', 'vonage', 'messagebird') then 'phone'
        else channel_type
    end
$$;
update comm_suppressions s set kind = address_kind(kind) where kind <> address_kind(kind) and not exists (
    select from comm_suppressions o where o.tenant_id = s.tenant_id and o.kind = address_kind(s.kind) and o.address = s.address
        and o.reason = s.reason and o.channel_id is not distinct from s.channel_id);
update contact_addresses a set kind = address_kind(kind) where kind <> address_kind(kind) and not exists (
    select from contact_addresses o where o.tenant_id = a.tenant_id and o.kind = address_kind(a.kind) and o.address = a.address);

-- Contacts that are written to in numbers. Those that wrote first have no attributes yet.
alter table contacts
    -- The order in which an audience is paged, and what its upper bound is a value of.
    add column seq               bigint not null generated always as identity,
    -- The name of the contact in the tenant's own books.
    add column external_id       text,
    add column attributes        jsonb  not null default '{}',
    -- BCP 47, as in comm_messages.
    add column language          text,
    -- IANA, e.g. "Europe/Vienna".
    add column time_zone         text,
    -- The kind of address it wants to be written to at.
    add column preferred_channel text,
    add constraint contacts_attributes_check check (jsonb_typeof(attributes) = 'object'),
    add constraint contacts_external_id_check check (external_id <> '' and length(external_id) <= 255);
create unique index contacts_tenant_id_seq_idx on contacts (tenant_id, seq);
create unique index contacts_tenant_id_external_id_idx on contacts (tenant_id, external_id) where external_id is not null;

-- Whether the person behind an address has agreed to be written to there, when, and by what.
alter table contact_addresses
    add column consent        text not null default 'unknown',
    add column consent_at     timestamptz,
    add column consent_source text,
    add constraint contact_addresses_consent_check check (consent in ('unknown', 'pending', 'given', 'withdrawn')),
    add constraint contact_addresses_consent_source_check check (length(consent_source) <= 255);

create table contact_lists (
    id          uuid        not null default gen_random_uuid(),
    tenant_id   uuid        not null,
    name        text        not null,
    description text,
    -- 'double': a contact counts once it has confirmed.
    opt_in      text        not null default 'single',
    created_at  timestamptz not null default now(),
    updated_at  timestamptz not null default now(),
    constraint contact_lists_pkey primary key (id),
    constraint contact_lists_tenant_id_id_key unique (tenant_id, id),
    constraint contact_lists_tenant_id_name_key unique (tenant_id, name),
    constraint contact_lists_tenant_id_fkey foreign key (tenant_id) references tenants (id) on delete cascade,
    constraint contact_lists_name_check check (name <> '' and length(name) <= 255),
    constraint contact_lists_opt_in_check check (opt_in in ('single', 'double'))
);

-- No foreign key to contacts, as with all that is written a million at a time.
create table contact_list_members (
    list_id    uuid        not null,
    contact_id uuid        not null,
    status     text        not null default 'confirmed',
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint contact_list_members_pkey primary key (list_id, contact_id),
    constraint contact_list_members_list_id_fkey foreign key (list_id) references contact_lists (id) on delete cascade,
    constraint contact_list_members_status_check check (status in ('unconfirmed', 'confirmed', 'unsubscribed'))
) with (fillfactor = 90);
create index contact_list_members_contact_id_idx on contact_list_members (contact_id);

create table contact_segments (
    id          uuid        not null default gen_random_uuid(),
    tenant_id   uuid        not null,
    name        text        not null,
    description text,
    -- docs/segments.md
    expression  text        not null,
    created_at  timestamptz not null default now(),
    updated_at  timestamptz not null default now(),
    constraint contact_segments_pkey primary key (id),
    constraint contact_segments_tenant_id_name_key unique (tenant_id, name),
    constraint contact_segments_tenant_id_fkey foreign key (tenant_id) references tenants (id) on delete cascade,
    constraint contact_segments_name_check check (name <> '' and length(name) <= 255),
    constraint contact_segments_expression_check check (expression <> '' and length(expression) <= 10000)
);

-- Files of contacts that were read in, and how far.
create table contact_imports (
    id          uuid        not null default gen_random_uuid(),
    tenant_id   uuid        not null,
    status      text        not null default 'running',
    bytes       bigint      not null default 0,
    rows        bigint      not null default 0,
    created     bigint      not null default 0,
    updated     bigint      not null default 0,
    rejected    bigint      not null default 0,
    -- [{"line", "column", "reason"}], the first of them
    errors      jsonb       not null default '[]',
    detail      text,
    created_by  text        not null,
    created_at  timestamptz not null default now(),
    finished_at timestamptz,
    constraint contact_imports_pkey primary key (id),
    constraint contact_imports_tenant_id_fkey foreign key (tenant_id) references tenants (id) on delete cascade,
    constraint contact_imports_status_check check (status in ('running', 'completed', 'failed'))
);
create index contact_imports_tenant_id_idx on contact_imports (tenant_id, created_at);

-- A template in another language; comm_templates has the one that is fallen back on.
create table comm_template_variants (
    template_id  uuid not null,
    language     text not null,
    subject      text,
    content      text not null,
    html_content text,
    constraint comm_template_variants_pkey primary key (template_id, language),
    constraint comm_template_variants_template_id_fkey foreign key (template_id)
        references comm_templates (id) on delete cascade
);
create trigger comm_template_variants_bump_config after insert or update or delete on comm_template_variants
    for each statement execute function bump_config_version();

create table campaigns (
    id                     uuid        not null default gen_random_uuid(),
    tenant_id              uuid        not null,
    name                   text        not null,
    description            text,
    type                   text        not null,
    status                 text        not null default 'DRAFT',
    subject_line           text,
    sender_name            text,
    sender_email           text,
    target_segments        uuid[]      not null default '{}',
    contact_list_ids       uuid[]      not null default '{}',
    -- What it is sent by, the first that reaches a contact; empty: the tenant's oldest active channel of each fitting type.
    channel_ids            uuid[]      not null default '{}',
    template_id            uuid,
    content                text,
    tracking_enabled       boolean     not null default true,
    open_tracking_enabled  boolean     not null default true,
    click_tracking_enabled boolean     not null default true,
    unsubscribe_enabled    boolean     not null default true,
    -- schemas::campaign::Pace: limits, sending window, share of failures that pauses it
    pace                   jsonb       not null default '{}',
    -- schemas::campaign::Plan: what is sent, frozen at the start
    plan                   jsonb,
    -- Why it was paused or ended, for a person.
    status_reason          text,
    scheduled_at           timestamptz,
    started_at             timestamptz,
    completed_at           timestamptz,
    -- The audience: contacts with seq in (expanded_to, audience_to] are still to be looked at.
    audience_to            bigint,
    expanded_to            bigint      not null default 0,
    is_expanded            boolean     not null default false,
    -- Rows of campaign_messages, and chunks of them, so far.
    audience               bigint      not null default 0,
    chunks                 integer     not null default 0,
    -- Who expands it now.
    owner                  text,
    lease_until            timestamptz,
    created_by             text        not null,
    metadata               jsonb,
    created_at             timestamptz not null default now(),
    updated_at             timestamptz not null default now(),
    constraint campaigns_pkey primary key (id),
    constraint campaigns_tenant_id_fkey foreign key (tenant_id) references tenants (id) on delete cascade,
    constraint campaigns_name_check check (name <> '' and length(name) <= 255),
    constraint campaigns_type_check check (type in ('EMAIL', 'SMS', 'WHATSAPP', 'MULTI_CHANNEL')),
    constraint campaigns_status_check
        check (status in ('DRAFT', 'SCHEDULED', 'RUNNING', 'PAUSED', 'COMPLETED', 'CANCELLED'))
);
create index campaigns_tenant_id_created_at_idx on campaigns (tenant_id, created_at desc);
create index campaigns_due_idx on campaigns (scheduled_at) where status = 'SCHEDULED';
create index campaigns_running_idx on campaigns (id) where status = 'RUNNING';

-- Up to a hundred recipients who are sent to at once: what travels on BULK, and its outbox.
create table campaign_chunks (
    campaign_id  uuid        not null,
    number       integer     not null,
    channel_id   uuid        not null,
    size         smallint    not null,
    -- 'new': to be published. 'published': in the broker. 'done': nobody in it is waited for.
    state        text        not null default 'new',
    -- Not to be published before: a sending window, or the next try of somebody in it.
    due_at       timestamptz,
    published_at timestamptz,
    -- Outcomes recorded so far, and those of them that are failures.
    tried        integer     not null default 0,
    failed       integer     not null default 0,
    constraint campaign_chunks_pkey primary key (campaign_id, number),
    constraint campaign_chunks_campaign_id_fkey foreign key (campaign_id) references campaigns (id) on delete cascade,
    constraint campaign_chunks_state_check check (state in ('new', 'published', 'done'))
) with (fillfactor = 70);
create index campaign_chunks_open_idx on campaign_chunks (campaign_id, number) where state <> 'done';

-- The ledger of campaigns: one row a recipient, from the moment the audience is known. As with deliveries, this is what
-- keeps a message from being sent twice; see store/src/campaign/ledger.rs for the laws.
create table campaign_messages (
    -- UUIDv5(campaign, contact)
    id                  uuid        not null,
    campaign_id         uuid        not null,
    tenant_id           uuid        not null,
    contact_id          uuid        not null,
    -- Null: nothing to be sent (SKIPPED, SUPPRESSED at expansion).
    chunk               integer,
    channel_id          uuid,
    -- schemas::ChannelKind
    channel_type        text,
    address             text,
    status              text        not null default 'PENDING',
    owner               text,
    lease_until         timestamptz,
    attempt             smallint    not null default 0,
    next_try_at         timestamptz,
    external_message_id text,
    failure_class       text,
    failure_reason      text,
    -- Ways left when this one fails: [{"channel", "kind", "address"}]
    fallbacks           jsonb,
    sent_at             timestamptz,
    delivered_at        timestamptz,
    failed_at           timestamptz,
    created_at          timestamptz not null default now(),
    updated_at          timestamptz not null default now(),
    constraint campaign_messages_pkey primary key (id),
    constraint campaign_messages_status_check check (status in
        ('PENDING', 'SENDING', 'UNKNOWN', 'FAILED', 'SENT', 'BOUNCED', 'DELIVERED', 'READ', 'SUPPRESSED', 'SKIPPED', 'CANCELLED'))
) with (fillfactor = 55); -- pending, sending, sent, delivered: kept on their page (HOT); no index on the status
create index campaign_messages_campaign_id_chunk_idx on campaign_messages (campaign_id, chunk);

-- What people, and machines in their name, did with what was sent: EmailTrackingEvent.
create table campaign_events (
    id          uuid        not null,
    tenant_id   uuid        not null,
    campaign_id uuid        not null,
    message_id  uuid        not null,
    contact_id  uuid        not null,
    event_type  text        not null,
    -- 'human', 'machine', or null where the question does not arise
    verdict     text,
    url         text,
    -- Only where the tenant says so.
    ip_address  text,
    user_agent  text,
    detail      text,
    at          timestamptz not null,
    constraint campaign_events_pkey primary key (id),
    constraint campaign_events_type_check
        check (event_type in ('OPEN', 'CLICK', 'BOUNCE', 'UNSUBSCRIBE', 'COMPLAINT')),
    constraint campaign_events_verdict_check check (verdict in ('human', 'machine'))
);
create index campaign_events_campaign_id_at_idx on campaign_events (campaign_id, at);
create index campaign_events_contact_id_idx on campaign_events (contact_id);

-- Whether addresses and programs of those who open and click are kept.
alter table tenants add column keeps_visitor_details boolean not null default false;
