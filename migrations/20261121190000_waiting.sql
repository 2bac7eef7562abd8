-- Who is next, in chats that are sent to faster than their platform allows. Only messages that wait for their chat's
-- rate have a row, from when they are first put off until a sender is done with them; their content waits with the
-- broker. So that whoever sends for the channel next, after a crash too, knows the order.

create table deliveries_waiting (
    message_id uuid        not null,
    tenant_id  uuid        not null,
    channel_id uuid        not null,
    -- What the messages of one limit have in common: a chat, a group, or a number we send from.
    chat       text        not null,
    -- schemas::partition::position of when it was accepted: the order in its chat.
    position   bigint      not null,
    -- When the broker brings it back.
    due_at     timestamptz not null,
    constraint deliveries_waiting_pkey primary key (channel_id, message_id),
    constraint deliveries_waiting_channel_id_fkey foreign key (tenant_id, channel_id)
        references comm_channels (tenant_id, id) on delete cascade
);
