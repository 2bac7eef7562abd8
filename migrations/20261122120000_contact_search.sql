-- Contacts by a part of their name, without looking at all of them: by trigrams, within a tenant.
--
-- Both extensions come with PostgreSQL's own contrib, which Debian's package and the official image have, and a database's
-- owner may make them (they are trusted since PostgreSQL 13). Where they are missing the search is what it was: slow.
do $$
begin
    create extension if not exists pg_trgm;
    create extension if not exists btree_gin;
    create index contacts_name_idx on contacts using gin (tenant_id, lower(name collate "C") gin_trgm_ops);
exception
    when undefined_file or feature_not_supported or insufficient_privilege then
        raise warning 'contacts are looked for by name without an index: %', sqlerrm;
end
$$;
