-- Channels and what is configured on them.

create table comm_channels (
    id                      uuid        not null default gen_random_uuid(),
    tenant_id               uuid        not null,
    type                    text        not null,
    name                    text        not null,
    provider                text,
    config                  jsonb       not null default '{}',
    -- "v1:<key id>:<base64 of nonce and ciphertext>"; see store/src/keyring.rs
    credentials_encrypted   text,
    credentials_key_id      text,
    status                  text        not null default 'active',
    -- Agents may be people or programs, so this is a name and not a uuid.
    assigned_agent_id       text,
    total_messages_received bigint      not null default 0,
    total_messages_sent     bigint      not null default 0,
    auto_response_enabled   boolean     not null default false,
    health                  text        not null default 'unknown',
    last_check_at           timestamptz,
    metadata                jsonb,
    created_at              timestamptz not null default now(),
    updated_at              timestamptz not null default now(),
    constraint comm_channels_pkey primary key (id),
    -- Target of the foreign keys that keep a channel's things in the channel's tenant.
    constraint comm_channels_tenant_id_id_key unique (tenant_id, id),
    constraint comm_channels_tenant_id_fkey foreign key (tenant_id) references tenants (id) on delete cascade,
    constraint comm_channels_type_check check (type in ('telegram', 'email', 'generic', 'sandbox')),
    constraint comm_channels_name_check check (name <> '' and length(name) <= 255),
    constraint comm_channels_status_check check (status in ('active', 'inactive', 'error')),
    constraint comm_channels_health_check check (health in ('unknown', 'healthy', 'degraded', 'unhealthy')),
    constraint comm_channels_config_check check (jsonb_typeof(config) = 'object'),
    constraint comm_channels_credentials_check check ((credentials_encrypted is null) = (credentials_key_id is null))
) with (fillfactor = 50); -- the totals change with every batch: leave room for HOT updates

alter table api_keys add constraint api_keys_channel_id_fkey
    foreign key (tenant_id, channel_id) references comm_channels (tenant_id, id) on delete cascade;

-- Totals and health are not configuration.
create trigger comm_channels_bump_config
    after insert or delete or update of type, name, provider, config, credentials_encrypted, status, assigned_agent_id, auto_response_enabled
    on comm_channels for each statement execute function bump_config_version();

-- Rows that name a channel alone belong to the channel's tenant.
create function fill_tenant_from_channel() returns trigger language plpgsql as $$
begin
    if new.tenant_id is null and new.channel_id is not null then
        select c.tenant_id into new.tenant_id from comm_channels c where c.id = new.channel_id;
    end if;
    return new;
end
$$;

create table comm_templates (
    id           uuid        not null default gen_random_uuid(),
    tenant_id    uuid        not null,
    -- Null: for every channel of the tenant.
    channel_id   uuid,
    name         text        not null,
    description  text,
    subject      text,
    content      text        not null,
    html_content text,
    category     text,
    variables    text[]      not null default '{}',
    is_active    boolean     not null default true,
    metadata     jsonb,
    created_at   timestamptz not null default now(),
    updated_at   timestamptz not null default now(),
    constraint comm_templates_pkey primary key (id),
    constraint comm_templates_tenant_id_fkey foreign key (tenant_id) references tenants (id) on delete cascade,
    constraint comm_templates_channel_id_fkey foreign key (tenant_id, channel_id)
        references comm_channels (tenant_id, id) on delete cascade,
    constraint comm_templates_name_check check (name <> '' and length(name) <= 255)
);
create index comm_templates_tenant_id_idx on comm_templates (tenant_id, channel_id);
create trigger comm_templates_fill_tenant before insert on comm_templates
    for each row execute function fill_tenant_from_channel();
create trigger comm_templates_bump_config after insert or update or delete on comm_templates
    for each statement execute function bump_config_version();

create table comm_auto_response_rules (
    id            uuid        not null default gen_random_uuid(),
    tenant_id     uuid        not null,
    channel_id    uuid        not null,
    name          text        not null,
    trigger_type  text        not null,
    trigger_value text,
    response_text text        not null,
    priority      integer     not null default 0,
    is_active     boolean     not null default true,
    created_at    timestamptz not null default now(),
    updated_at    timestamptz not null default now(),
    constraint comm_auto_response_rules_pkey primary key (id),
    -- A rule's name is part of the identity of the replies it causes.
    constraint comm_auto_response_rules_channel_id_name_key unique (channel_id, name),
    constraint comm_auto_response_rules_tenant_id_fkey foreign key (tenant_id) references tenants (id) on delete cascade,
    constraint comm_auto_response_rules_channel_id_fkey foreign key (tenant_id, channel_id)
        references comm_channels (tenant_id, id) on delete cascade,
    constraint comm_auto_response_rules_name_check check (name <> '' and length(name) <= 255),
    constraint comm_auto_response_rules_trigger_type_check
        check (trigger_type in ('keyword', 'regex', 'language', 'intent', 'command', 'any')),
    constraint comm_auto_response_rules_trigger_value_check
        check (trigger_type = 'any' or coalesce(trigger_value, '') <> '')
);
create index comm_auto_response_rules_tenant_id_idx on comm_auto_response_rules (tenant_id);
create trigger comm_auto_response_rules_fill_tenant before insert on comm_auto_response_rules
    for each row execute function fill_tenant_from_channel();
create trigger comm_auto_response_rules_bump_config after insert or update or delete on comm_auto_response_rules
    for each statement execute function bump_config_version();

create table comm_bot_commands (
    id            uuid        not null default gen_random_uuid(),
    tenant_id     uuid        not null,
    channel_id    uuid        not null,
    -- With its slash, e.g. "/start".
    command       text        not null,
    description   text,
    response_text text        not null,
    is_active     boolean     not null default true,
    created_at    timestamptz not null default now(),
    updated_at    timestamptz not null default now(),
    constraint comm_bot_commands_pkey primary key (id),
    constraint comm_bot_commands_channel_id_command_key unique (channel_id, command),
    constraint comm_bot_commands_tenant_id_fkey foreign key (tenant_id) references tenants (id) on delete cascade,
    constraint comm_bot_commands_channel_id_fkey foreign key (tenant_id, channel_id)
        references comm_channels (tenant_id, id) on delete cascade,
    constraint comm_bot_commands_command_check check (command ~ '^/[A-Za-z0-9_]{1,64}$')
);
create index comm_bot_commands_tenant_id_idx on comm_bot_commands (tenant_id);
create trigger comm_bot_commands_fill_tenant before insert on comm_bot_commands
    for each row execute function fill_tenant_from_channel();
create trigger comm_bot_commands_bump_config after insert or update or delete on comm_bot_commands
    for each statement execute function bump_config_version();
