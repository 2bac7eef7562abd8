-- Rows of a campaign are written over twice while they are sent: with room on their pages that touches no index.
alter table campaign_messages set (fillfactor = 60);
