-- How messages are understood: each tenant's settings, its own models, and the labels people give messages.

-- One row a revision; the highest one holds. Earlier ones are what a rollback goes back to.
create table comm_understanding (
    tenant_id  uuid        not null,
    revision   bigint      not null,
    -- schemas::Understanding
    settings   jsonb       not null,
    created_at timestamptz not null default now(),
    created_by text        not null,
    constraint comm_understanding_pkey primary key (tenant_id, revision),
    constraint comm_understanding_tenant_id_fkey foreign key (tenant_id) references tenants (id) on delete cascade,
    constraint comm_understanding_settings_check check (jsonb_typeof(settings) = 'object')
);
create trigger comm_understanding_bump_config after insert or update or delete on comm_understanding
    for each statement execute function bump_config_version();

-- The files themselves lie in object storage, under models/<tenant>/<id>.tdm.
create table comm_models (
    tenant_id  uuid        not null,
    -- The task and the first digits of the file's SHA-256, so the same file is the same model.
    id         text        not null,
    task       text        not null,
    name       text        not null,
    size_bytes bigint      not null,
    sha256     text        not null,
    labels     text[]      not null,
    -- What the trainer measured, as it stands in the file.
    metrics    jsonb       not null,
    -- Markdown, for people.
    card       text        not null,
    created_at timestamptz not null default now(),
    created_by text        not null,
    constraint comm_models_pkey primary key (tenant_id, id),
    constraint comm_models_tenant_id_fkey foreign key (tenant_id) references tenants (id) on delete cascade,
    constraint comm_models_id_check check (id ~ '^[a-z]+-[0-9a-f]{12}$'),
    constraint comm_models_task_check check (task in ('language', 'sentiment', 'emotion', 'intent', 'topic', 'priority')),
    constraint comm_models_name_check check (name <> '' and length(name) <= 255),
    constraint comm_models_sha256_check check (sha256 ~ '^[0-9a-f]{64}$')
);

-- What people say a message is. No foreign key to the message: its row is a projection, this is not.
create table comm_message_labels (
    tenant_id  uuid        not null,
    message_id uuid        not null,
    task       text        not null,
    -- As in the audit log: key:<id> or jwt:<sub>.
    author     text        not null,
    labels     text[]      not null,
    note       text,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint comm_message_labels_pkey primary key (message_id, task, author),
    constraint comm_message_labels_tenant_id_fkey foreign key (tenant_id) references tenants (id) on delete cascade,
    constraint comm_message_labels_task_check
        check (task in ('language', 'sentiment', 'emotion', 'intent', 'topic', 'priority')),
    constraint comm_message_labels_labels_check check (cardinality(labels) between 1 and 20)
);
-- The export goes along it, message by message.
create index comm_message_labels_tenant_id_task_message_id_idx on comm_message_labels (tenant_id, task, message_id);
