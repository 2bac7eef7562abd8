-- Messages that a platform has approved beforehand, by which campaigns are sent there: schemas::PlatformTemplate, its texts
-- being templates.
alter table comm_templates add column platform_template jsonb;
alter table comm_template_variants add column platform_template jsonb;
alter table campaigns
    add column platform_template jsonb,
    -- Without one to WhatsApp: to those who wrote within the last 24 hours.
    add column free_text boolean not null default false;
