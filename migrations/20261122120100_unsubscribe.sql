-- What somebody leaves with one click: the lists that a campaign was for, or everything that goes to many. A campaign that
-- does not say it is as its tenant says.
alter table tenants
    add column unsubscribe text not null default 'everything',
    add constraint tenants_unsubscribe_check check (unsubscribe in ('list', 'everything'));
alter table campaigns
    add column unsubscribe text,
    add constraint campaigns_unsubscribe_check check (unsubscribe in ('list', 'everything'));
