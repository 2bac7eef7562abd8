-- Who uses the hub. Every other table carries tenant_id.

create table tenants (
    id         uuid        not null default gen_random_uuid(),
    name       text        not null,
    created_at timestamptz not null default now(),
    constraint tenants_pkey primary key (id),
    constraint tenants_name_key unique (name),
    constraint tenants_name_check check (name <> '' and length(name) <= 255)
);

-- Only the SHA-256 of a key is kept: a key is 256 random bits, so nothing slower is needed.
create table api_keys (
    id         uuid        not null default gen_random_uuid(),
    tenant_id  uuid        not null,
    name       text        not null,
    role       text        not null,
    channel_id uuid,
    token_hash bytea       not null,
    created_at timestamptz not null default now(),
    revoked_at timestamptz,
    constraint api_keys_pkey primary key (id),
    constraint api_keys_token_hash_key unique (token_hash),
    constraint api_keys_tenant_id_fkey foreign key (tenant_id) references tenants (id) on delete cascade,
    constraint api_keys_name_check check (name <> '' and length(name) <= 255),
    constraint api_keys_role_check check (role in ('admin', 'agent', 'viewer', 'adapter')),
    constraint api_keys_adapter_check check ((role = 'adapter') = (channel_id is not null))
);
create index api_keys_tenant_id_idx on api_keys (tenant_id);

create table audit_log (
    id         bigint      not null generated always as identity,
    tenant_id  uuid        not null,
    actor      text        not null,
    action     text        not null,
    object     text        not null,
    detail     jsonb,
    created_at timestamptz not null default now(),
    constraint audit_log_pkey primary key (id)
);
create index audit_log_tenant_id_id_idx on audit_log (tenant_id, id);

-- One row: how often the configuration changed. Workers reload when it moves, also after a change made in SQL.
create table config_version (
    only_row boolean not null default true,
    version  bigint  not null,
    constraint config_version_pkey primary key (only_row),
    constraint config_version_only_row_check check (only_row)
);
insert into config_version (version) values (1);

create function bump_config_version() returns trigger language plpgsql as $$
begin
    update config_version set version = version + 1;
    return null;
end
$$;

create trigger api_keys_bump_config after insert or update or delete on api_keys
    for each statement execute function bump_config_version();
