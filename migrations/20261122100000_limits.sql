-- How much campaigns of a tenant may send in a second.
create table tenant_limits (
    tenant_id uuid not null,
    limits jsonb not null,
    constraint tenant_limits_pkey primary key (tenant_id),
    constraint tenant_limits_tenant_id_fkey foreign key (tenant_id) references tenants (id) on delete cascade,
    constraint tenant_limits_limits_check check (jsonb_typeof(limits) = 'object')
);

-- Who sends campaigns of tenants with limits now, and by which providers: they share the rates. A sender that was not seen
-- for some seconds has no share any more, so nothing here need outlive the database.
create unlogged table bulk_senders (
    tenant_id uuid not null,
    owner text not null,
    providers text[] not null,
    seen_at timestamptz not null default now(),
    constraint bulk_senders_pkey primary key (tenant_id, owner),
    constraint bulk_senders_tenant_id_fkey foreign key (tenant_id) references tenants (id) on delete cascade
);
