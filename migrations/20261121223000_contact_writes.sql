-- Contacts come by the million: what was asked for each of their rows is asked once for all rows of a statement.

-- contacts_pkey finds a contact, and contacts_tenant_id_seq_idx those of a tenant.
drop index contacts_tenant_id_idx;

-- A foreign key looks its list up for every member: half of the work of writing one. The same promise, by statement. No
-- member changes its list.
alter table contact_list_members drop constraint contact_list_members_list_id_fkey;

create function contact_list_members_list() returns trigger language plpgsql as $$
declare
    there bigint;
begin
    -- Held, as a foreign key does it: a list that is being deleted is waited for.
    perform from contact_lists where id in (select list_id from fresh) for key share;
    get diagnostics there = row_count;
    if there < (select count(distinct list_id) from fresh) then
        raise exception 'a member is of no list' using
            errcode = 'foreign_key_violation', table = 'contact_list_members', constraint = 'contact_list_members_list_id_fkey';
    end if;
    return null;
end
$$;
create trigger contact_list_members_list after insert on contact_list_members
    referencing new table as fresh for each statement execute function contact_list_members_list();

create function contact_lists_members() returns trigger language plpgsql as $$
begin
    delete from contact_list_members where list_id in (select id from gone);
    return null;
end
$$;
create trigger contact_lists_members after delete on contact_lists
    referencing old table as gone for each statement execute function contact_lists_members();
