-- How large a message was that left as SMS: operators bill by segment. Null for everything else.

alter table deliveries
    add column sms_encoding text,
    add column sms_segments smallint,
    add constraint deliveries_sms_check check ((sms_encoding is null) = (sms_segments is null)
        and sms_encoding in ('gsm7', 'ucs2') and sms_segments > 0);
