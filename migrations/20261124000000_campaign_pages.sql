-- A row grows while it is sent, by who sends it and by what came of it, and a statement takes its chunk's rows all at once: with
-- 60 % three of ten new versions had no room on their page, and three indexes were written for each. With 35 % none has, and the
-- table takes the same room.
alter table campaign_messages set (fillfactor = 35);
