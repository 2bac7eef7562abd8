//! What happens now, for those who are connected: the sockets of agents and of visitors of web chats.
//!
//! One subscription a process listens to what the streams say again (`live.>`) and to signals that nobody keeps (typing,
//! presence), and tells it to every socket, which picks its own.
//!
//! Invariants: a socket that reads too slowly misses events and is told so; it never slows others down. With no socket
//! nothing is decoded. Deliberately absent: a memory. Who was away reads the API.

pub(crate) mod agent;
pub(crate) mod campaign;
mod signal;
pub(crate) mod socket;
pub(crate) mod visitor;

use std::{sync::Arc, time::Duration};

use futures::StreamExt as _;
use schemas::{
    Envelope, ImportProgress, Message, TenantId, TrackEvent, campaign::CampaignEvent, frame,
    subject,
};
use tokio::{
    sync::{Semaphore, broadcast},
    time::MissedTickBehavior,
};
use tokio_util::sync::CancellationToken;

use self::campaign::{Progress, Watched};
pub(crate) use self::signal::{Signal, Signalled};
use crate::hub::Hub;

/// Events a socket may be behind.
const BEHIND: usize = 4096;
/// Sockets of one process.
const MAX_SOCKETS: usize = 10_000;
const CONVERSATIONS: &str = "live.conv.>";
const TRACKING: &str = "live.track.>";
/// What [`subject::IMPORTS_PROGRESS`] begins with.
const IMPORTS: &str = "import.progress.";

/// Something that happened.
#[derive(Clone, Debug)]
pub(crate) enum Happened {
    /// A message came in, or was changed.
    Received(TenantId, Arc<Message>),
    Tracked(Arc<TrackEvent>),
    Signalled(Arc<Signalled>),
    /// A campaign that somebody watches came on.
    Campaign(Progress),
    /// The import of a file of contacts came on.
    Imported(Arc<ImportProgress>),
}

/// Tells sockets what happens.
pub(crate) struct Feed {
    sender: broadcast::Sender<Happened>,
    /// One for each socket that may yet be opened.
    pub(crate) room: Arc<Semaphore>,
    pub(crate) watched: Arc<Watched>,
}

impl Default for Feed {
    fn default() -> Self {
        Self {
            sender: broadcast::Sender::new(BEHIND),
            room: Arc::new(Semaphore::new(MAX_SOCKETS)),
            watched: Arc::default(),
        }
    }
}

impl Feed {
    pub(crate) fn listen(&self) -> broadcast::Receiver<Happened> {
        self.sender.subscribe()
    }

    fn tell(&self, happened: Happened) {
        // Nobody is listening: that is no error.
        self.sender.send(happened).ok();
    }

    fn tell_progress(&self) {
        for progress in self.watched.take() {
            self.tell(Happened::Campaign(progress));
        }
    }

    fn heard(&self, subject: &str, payload: bytes::Bytes) {
        if self.sender.receiver_count() == 0 {
            return;
        }
        if subject.starts_with(signal::PREFIX) {
            if let Ok(signalled) = serde_json::from_slice(&payload) {
                self.tell(Happened::Signalled(Arc::new(signalled)));
            }
            return;
        }
        if self.watched.heard(subject, &payload) {
            return;
        }
        if subject.starts_with(IMPORTS) {
            if let Ok(progress) = serde_json::from_slice(&payload) {
                self.tell(Happened::Imported(Arc::new(progress)));
            }
            return;
        }
        for item in frame::decode(payload).unwrap_or_default() {
            if CampaignEvent::is(&item) {
                if !self.watched.is_idle()
                    && let Ok(event) = CampaignEvent::decode(&item)
                {
                    self.watched.happened(&event);
                }
            } else if Envelope::is_envelope(&item) {
                if let Ok(Envelope {
                    tenant,
                    body: schemas::Body::Message(message),
                    ..
                }) = Envelope::decode(&item)
                {
                    self.tell(Happened::Received(tenant, Arc::from(message)));
                }
            } else if let Ok(event) = TrackEvent::decode(&item) {
                self.tell(Happened::Tracked(Arc::new(event)));
            }
        }
    }
}

/// Listens until `stop`.
pub(crate) async fn watch(hub: Arc<Hub>, stop: CancellationToken) {
    loop {
        let subjects = [
            CONVERSATIONS,
            TRACKING,
            signal::ALL,
            subject::IMPORTS_PROGRESS,
        ];
        let opened = futures::future::try_join_all(subjects.map(|subject| hub.bus.listen(subject)));
        match opened.await {
            Ok(streams) => {
                let mut notices = futures::stream::select_all(streams);
                let mut ticks = tokio::time::interval(campaign::EVERY);
                ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
                loop {
                    tokio::select! {
                        () = stop.cancelled() => return,
                        _ = ticks.tick() => hub.live.tell_progress(),
                        notice = notices.next() => match notice {
                            Some(notice) => hub.live.heard(&notice.subject, notice.payload),
                            None => break,
                        },
                    }
                }
            }
            Err(error) => tracing::debug!(%error, "nothing can be heard now"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(Duration::from_millis(500)) => {}
        }
    }
}
