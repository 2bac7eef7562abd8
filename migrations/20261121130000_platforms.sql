-- More platforms.

alter table comm_channels drop constraint comm_channels_type_check;
alter table comm_channels add constraint comm_channels_type_check check (type in
    ('telegram', 'whatsapp', 'slack', 'discord', 'email', 'gmail', 'twilio', 'vonage', 'messagebird', 'messenger',
     'instagram', 'line', 'viber', 'webchat', 'generic', 'sandbox'));
