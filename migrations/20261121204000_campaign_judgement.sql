-- Failures of before do not pause a campaign again: since when they count, which is when it was last told to go on. Null:
-- since it started.
alter table campaigns add column judged_from timestamptz;
