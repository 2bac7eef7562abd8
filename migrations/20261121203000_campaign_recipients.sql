-- Those of a campaign's recipients who are in no chunk, because nothing is sent to them: a list of recipients ends with
-- them, page by page. Small: nobody else is in it, and they hardly ever change.
create index campaign_messages_unplaced_idx on campaign_messages (campaign_id, id) where chunk is null;
