-- E-mail addresses in lower case, as schemas::address has them. Of an address that was kept in several spellings the oldest
-- row stays, with the strictest that was said of consent, else the newest; the other contacts stay without it.
create temporary table spellings on commit drop as
    select a.tenant_id, a.address, m.form,
        row_number() over (partition by a.tenant_id, m.form order by a.created_at, a.address collate "C") as place,
        first_value(a.consent) over said as consent,
        first_value(a.consent_at) over said as consent_at,
        first_value(a.consent_source) over said as consent_source
    from (
        select distinct tenant_id, lower(address collate "C") as form from contact_addresses
        where kind = 'email' and address <> lower(address collate "C")
    ) m join contact_addresses a on a.tenant_id = m.tenant_id and a.kind = 'email' and lower(a.address collate "C") = m.form
    window said as (
        partition by a.tenant_id, m.form
        order by (a.consent = 'withdrawn') desc, a.consent_at desc nulls last, a.address collate "C"
    );
delete from contact_addresses a using spellings s
    where a.tenant_id = s.tenant_id and a.kind = 'email' and a.address = s.address and s.place > 1;
update contact_addresses a set address = s.form, consent = s.consent, consent_at = s.consent_at, consent_source = s.consent_source
    from spellings s
    where a.tenant_id = s.tenant_id and a.kind = 'email' and a.address = s.address and s.place = 1;
-- Who still waits is looked up by the address again when it is their turn; what left keeps the address it went to.
update campaign_messages set address = lower(address collate "C")
    where status in ('PENDING', 'SENDING', 'FAILED') and channel_type in ('email', 'gmail')
        and address <> lower(address collate "C");
