-- Files of contacts: kept in the object storage until they are read in, by whichever worker, from where the last one was.

alter table contact_imports
    -- The file's, as its sender calls it.
    add column name        text,
    -- store::contact::import::Options
    add column options     jsonb   not null default '{}',
    -- Of `bytes`, those whose rows are in the database: the next worker begins here.
    add column bytes_done  bigint  not null default 0,
    -- The line that begins there; 0: the header is still to be read.
    add column line        bigint  not null default 0,
    -- Rows about contacts that were there and were let be.
    add column skipped     bigint  not null default 0,
    -- The file is in the object storage.
    add column has_file    boolean not null default true,
    -- Who receives it, or reads it in, now.
    add column owner       text,
    add column lease_until timestamptz,
    add constraint contact_imports_name_check check (name <> '' and length(name) <= 255),
    drop constraint contact_imports_status_check,
    -- 'receiving': the sender is still sending; nothing was promised yet.
    add constraint contact_imports_status_check
        check (status in ('receiving', 'running', 'completed', 'failed', 'cancelled'));
create index contact_imports_open_idx on contact_imports (created_at) where status in ('receiving', 'running') or has_file;
