-- How far channels that are fetched have been read, and which worker reads them now.

create table comm_channel_cursors (
    channel_id  uuid        not null,
    tenant_id   uuid        not null,
    -- What is read: a channel may have several things to read.
    name        text        not null,
    -- As the poller of the channel's kind understands it; null at the start.
    cursor      jsonb       not null default 'null',
    -- The worker that reads, until then. Nobody else reads or writes the cursor meanwhile.
    owner       text,
    lease_until timestamptz,
    -- Why reading does not go on, in words for the channel's people; null while it does.
    trouble     text,
    updated_at  timestamptz not null default now(),
    constraint comm_channel_cursors_pkey primary key (channel_id, name),
    constraint comm_channel_cursors_channel_id_fkey foreign key (tenant_id, channel_id)
        references comm_channels (tenant_id, id) on delete cascade,
    constraint comm_channel_cursors_name_check check (name <> '' and length(name) <= 64),
    constraint comm_channel_cursors_lease_check check ((owner is null) = (lease_until is null))
) with (fillfactor = 50); -- a lease changes every few seconds: leave room for HOT updates
