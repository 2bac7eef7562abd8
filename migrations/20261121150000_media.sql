-- Files of messages: where they came from, and whether the hub has them. The files lie in object storage, under
-- media/<tenant>/<id>. Also the queue of those that are still to be fetched.

create table comm_media (
    -- Of a message's attachment: UUIDv5(message, place). Of an upload: drawn.
    id           uuid        not null,
    tenant_id    uuid        not null,
    channel_id   uuid,
    message_id   uuid,
    -- Among the message's attachments, from 0.
    place        integer     not null default 0,
    status       text        not null,
    name         text,
    -- As found in the file, else as its source says.
    content_type text,
    size_bytes   bigint,
    sha256       text,
    -- schemas::Attachment as the platform gave it; null for uploads.
    source       jsonb,
    -- Why there is no file; never an address.
    detail       text,
    attempt      integer     not null default 0,
    next_try_at  timestamptz,
    created_at   timestamptz not null default now(),
    updated_at   timestamptz not null default now(),
    constraint comm_media_pkey primary key (id),
    constraint comm_media_tenant_id_fkey foreign key (tenant_id) references tenants (id) on delete cascade,
    constraint comm_media_status_check check (status in ('waiting', 'stored', 'failed')),
    constraint comm_media_next_try_at_check check ((status = 'waiting') = (next_try_at is not null))
);
create index comm_media_message_id_idx on comm_media (message_id, place);
create index comm_media_next_try_at_idx on comm_media (next_try_at) where status = 'waiting';
