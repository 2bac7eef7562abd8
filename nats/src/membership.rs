//! Who shares a role's lanes: the live members, and the member each lane falls to.
//!
//! A member says that it is there every second and a half on `hub.members.<role>.<worker>`, and keeps a
//! key in bucket `members` for whoever joins later and for people. One that says goodbye is gone at once. After a silence
//! of more than a beat the broker is asked whether the member's connection is still there ([`crate::presence`]); when it is
//! not the member is gone, else after six seconds. Views may differ for some seconds: the pin, not the view, decides who
//! owns a lane.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use async_nats::Subscriber;
use bytes::Bytes;
use futures::StreamExt;
use tokio::{
    sync::watch,
    task::{JoinHandle, JoinSet},
    time::{Instant, MissedTickBehavior},
};

use crate::{
    api::ApiError,
    bus::Bus,
    kv,
    link::Link,
    presence::{Presence, is_absent},
};

const BUCKET: &str = "members";
const BEAT: Duration = Duration::from_millis(1500);
const SILENCE: Duration = Duration::from_secs(6);
/// After so long a silence it is asked for.
const SUSPECT: Duration = Duration::from_millis(1800);
/// How often it is looked for silent ones.
const LOOK: Duration = Duration::from_millis(400);
/// Beats from one write of the key to the next; the bucket forgets after a minute.
const BEATS_PER_WRITE: u32 = 13;
const HERE: &[u8] = b"here";
const GONE: &[u8] = b"gone";

/// A seat in a role; dropped without [`Membership::leave`] it is as if the process died.
pub(crate) struct Membership {
    bus: Bus,
    seat: Seat,
    view: watch::Receiver<BTreeSet<String>>,
    task: JoinHandle<()>,
}

#[derive(Clone)]
struct Seat {
    worker: String,
    /// Where it is heard.
    subject: String,
    /// Where it is kept.
    key: String,
    /// What the subjects begin with by which members are asked for.
    here: String,
}

impl Membership {
    pub(crate) async fn join(bus: &Bus, role: &str, worker: &str) -> Result<Self, ApiError> {
        let client = bus.pulling().client();
        let heard = client
            .subscribe(format!("hub.members.{role}.*"))
            .await
            .map_err(|_| ApiError::Unavailable)?;
        // Those that are known from before may have died long ago: they are asked for first of all.
        let suspect = Instant::now().checked_sub(SUSPECT);
        let suspect = suspect.unwrap_or_else(Instant::now);
        let seen: HashMap<String, Instant> = bus
            .kv_keys(BUCKET, &format!("{role}.*"))
            .await?
            .into_iter()
            .filter_map(|key| Some((key.split_once('.')?.1.to_owned(), suspect)))
            .filter(|(name, _)| name != worker)
            .collect();
        let seat = Seat {
            worker: worker.to_owned(),
            subject: format!("hub.members.{role}.{worker}"),
            key: kv::subject(BUCKET, &format!("{role}.{worker}")),
            here: format!("hub.here.{role}"),
        };
        let here = Presence::begin(bus.pulling(), format!("{}.{worker}", seat.here)).await?;
        let (view, receiver) = watch::channel(members(&seen, worker));
        let sitting = sit(bus.pulling().clone(), seat.clone(), heard, seen, view);
        let task = tokio::spawn(async move {
            let _here_meanwhile = here;
            sitting.await;
        });
        Ok(Self {
            bus: bus.clone(),
            seat,
            view: receiver,
            task,
        })
    }

    pub(crate) fn view(&self) -> watch::Receiver<BTreeSet<String>> {
        self.view.clone()
    }

    /// Says goodbye, so the others take over at once.
    pub(crate) async fn leave(self) -> Result<(), ApiError> {
        self.task.abort();
        let gone = Bytes::from_static(GONE);
        self.bus.notify(&self.seat.subject, gone).await?;
        let wait = Duration::from_secs(2);
        let key = self.seat.key.clone();
        let store = self
            .bus
            .pulling()
            .store(key, Some(kv::removal()), Bytes::new(), wait);
        store.await.map(drop)
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Says that the member is there, and keeps the view of the others. Ends with the connection.
async fn sit(
    link: Link,
    seat: Seat,
    mut heard: Subscriber,
    mut seen: HashMap<String, Instant>,
    view: watch::Sender<BTreeSet<String>>,
) {
    let mut beat = tokio::time::interval(BEAT);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut beats = 0_u32;
    let mut look = tokio::time::interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let client = link.client();
    let mut asked: JoinSet<(String, Instant, bool)> = JoinSet::new();
    loop {
        tokio::select! {
            _ = look.tick(), if asked.is_empty() => {
                for (name, at) in seen.iter().filter(|(_, at)| at.elapsed() >= SUSPECT) {
                    let (link, name, at) = (link.clone(), name.clone(), *at);
                    let subject = format!("{}.{name}", seat.here);
                    asked.spawn(async move { (name, at, is_absent(&link, subject).await) });
                }
            }
            Some(answer) = asked.join_next() => {
                // Who was heard meanwhile is there.
                if let Ok((name, at, true)) = answer
                    && seen.get(&name) == Some(&at)
                {
                    seen.remove(&name);
                }
            }
            _ = beat.tick() => {
                let here = Bytes::from_static(HERE);
                let mut said = client.publish(seat.subject.clone(), here.clone()).await;
                if said.is_ok() && beats.is_multiple_of(BEATS_PER_WRITE) {
                    said = client.publish(seat.key.clone(), here).await;
                }
                if said.is_err() {
                    return;
                }
                beats = beats.wrapping_add(1);
                seen.retain(|_, at| at.elapsed() < SILENCE);
            }
            message = heard.next() => {
                let Some(message) = message else { return };
                match message.subject.rsplit('.').next() {
                    Some(name) if message.payload == GONE => drop(seen.remove(name)),
                    Some(name) if name != seat.worker => {
                        seen.insert(name.to_owned(), Instant::now());
                    }
                    _ => {}
                }
            }
        }
        let now = members(&seen, &seat.worker);
        view.send_if_modified(|view| {
            let changed = *view != now;
            if changed {
                *view = now;
            }
            changed
        });
    }
}

fn members(seen: &HashMap<String, Instant>, me: &str) -> BTreeSet<String> {
    seen.keys().cloned().chain([me.to_owned()]).collect()
}

/// The member a lane falls to: the highest of the members' scores for it (rendezvous hashing,
/// Thaler and Ravishankar 1998). A member's coming or going moves only its own lanes.
pub(crate) fn owner<'a>(members: &'a BTreeSet<String>, lane: &str) -> Option<&'a str> {
    members
        .iter()
        .map(String::as_str)
        .max_by_key(|member| (score(member, lane), *member))
}

/// FNV-1a 64 of both names, its bits mixed (the finalizer of MurmurHash3).
fn score(member: &str, lane: &str) -> u64 {
    let bytes = member.bytes().chain([0]).chain(lane.bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leaving_member_moves_only_its_own_lanes() {
        let all: BTreeSet<String> = ["a", "b", "c"].map(str::to_owned).into();
        let two: BTreeSet<String> = ["a", "b"].map(str::to_owned).into();
        let lanes: Vec<String> = (0..320).map(|p| format!("normalize-{p}")).collect();
        let mut share = HashMap::new();
        for lane in &lanes {
            let before = owner(&all, lane).unwrap();
            *share.entry(before).or_insert(0) += 1;
            if before != "c" {
                assert_eq!(owner(&two, lane), Some(before));
            }
        }
        assert!(
            share.values().all(|count| (70..150).contains(count)),
            "{share:?}"
        );
        assert_eq!(owner(&BTreeSet::new(), "x"), None);
    }
}
