//! A page of the audience as rows and chunks. Pure.

use std::collections::BTreeMap;

use schemas::{ChannelId, Timestamp, campaign::CHUNK};
use store::campaign::{
    audience::Reachable,
    expand::{NewChunk, Recipient, Running, Stretch},
};

use super::place::ways;

/// Where the page begins, and what it ends with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) from: i64,
    pub(super) next_chunk: i32,
    /// A page that is not full is the last.
    pub(super) is_last: bool,
}

/// What is to be written for a page. Those of a chunk share a channel, and the time from which they may be sent to.
pub(super) fn stretch(
    campaign: &Running,
    page: &[Reachable],
    bounds: Bounds,
    now: Timestamp,
) -> Stretch {
    let mut recipients = Vec::with_capacity(page.len());
    let mut chunks: Vec<NewChunk> = Vec::with_capacity(page.len() / CHUNK + 1);
    // The chunk that is being filled, by channel and time.
    let mut filling: BTreeMap<(ChannelId, Option<Timestamp>), usize> = BTreeMap::new();
    for contact in page {
        let (way, fallbacks) = match ways(&campaign.plan, contact) {
            Ok(found) => found,
            Err(why) => {
                recipients.push(Recipient {
                    contact: contact.contact,
                    place: Err(why),
                    fallbacks: Vec::new(),
                });
                continue;
            }
        };
        let due_at = campaign.pace.opens(contact.time_zone.as_deref(), now);
        let key = (way.channel, due_at);
        let at = filling
            .get(&key)
            .copied()
            .filter(|at| chunks.get(*at).is_some_and(|chunk| chunk.size < CHUNK));
        let at = at.unwrap_or_else(|| {
            let offset = i32::try_from(chunks.len()).unwrap_or(i32::MAX);
            chunks.push(NewChunk {
                number: bounds.next_chunk.saturating_add(offset),
                channel: way.channel,
                size: 0,
                due_at,
            });
            filling.insert(key, chunks.len() - 1);
            chunks.len() - 1
        });
        let Some(chunk) = chunks.get_mut(at) else {
            continue;
        };
        chunk.size += 1;
        recipients.push(Recipient {
            contact: contact.contact,
            place: Ok((chunk.number, way)),
            fallbacks,
        });
    }
    let to = if bounds.is_last {
        campaign.audience_to
    } else {
        page.last().map_or(bounds.from, |last| last.seq)
    };
    Stretch {
        from: bounds.from,
        to,
        is_last: bounds.is_last,
        recipients,
        chunks,
    }
}
