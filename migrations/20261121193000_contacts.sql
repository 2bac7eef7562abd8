-- Audiences: what segments ask of contacts, and who was asked to confirm a list.

-- A moment that an attribute tells: "2026-01-31" (its beginning, UTC) or RFC 3339. What only looks like a day (29 February
-- of most years) is the day after the last; everything else is null. Never an error: one bad value would end the query
-- for everybody. Not strict, so that it is inlined.
create function contact_attribute_moment(value text) returns timestamptz language sql stable parallel safe as $$
    select case
        when value ~ '^[12][0-9]{3}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|[12][0-9]))([Tt]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?([Zz]|[+-](0[0-9]|1[0-4]):[0-5][0-9]))?$'
        then (substr(value, 1, 8) || '01' || case when length(value) = 10 then 'T00:00:00Z' else substr(value, 11) end)::timestamptz
            + make_interval(hours => 24 * (substr(value, 9, 2)::integer - 1))
    end
$$;

-- What a contact got, for segments and when it is deleted.
create index campaign_messages_contact_id_idx on campaign_messages (contact_id);

-- Lists with double opt-in: how often somebody was asked to confirm, and when last.
alter table contact_list_members
    add column asked    smallint not null default 0,
    add column asked_at timestamptz;
