//! One lane at one worker: waiting for the pin, claiming it, handing it on.
//!
//! A tenure begins with the pin and a `CONSUMER.RESET`: messages that were out under the previous
//! owner come again, in order, before any newer one. It ends with a planned hand-over (acknowledge,
//! reset, unpin), or by losing the pin, the connection or the handler. A pin whose holder's connection is gone is taken
//! away from it. See `docs/adr/0001-takeover.md`.

use std::{sync::Arc, time::Duration};

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::{
    api::{ApiError, code},
    attempt::Record,
    bus::Bus,
    definition,
    lane::{Handler, Held, Lane, WorkerSettings},
    presence::{Presence, is_absent},
    pull::{Event, GROUP, Pulls},
    tenure::{Exit, Tenure},
};

const DEFAULT_PIN_TIMEOUT: Duration = Duration::from_secs(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How often who waits for the pin looks whether its holder is there.
const LOOK: Duration = Duration::from_millis(400);
/// A holder that was not there for so long is dead: one that is about to claim the pin, or to connect again, is quicker.
const DEAD: Duration = Duration::from_millis(700);

/// What a session works with.
pub(crate) struct Session<H> {
    pub(crate) bus: Bus,
    pub(crate) lane: Arc<Lane>,
    pub(crate) settings: Arc<WorkerSettings>,
    pub(crate) handler: Arc<H>,
}

/// What survives from one tenure of this worker to its next.
#[derive(Default)]
struct Memory {
    /// The pin we hold, as far as we know.
    pin: Option<String>,
    /// What is unacknowledged was left by ourselves without a crash.
    benign: bool,
    suspects: Option<Record>,
}

#[derive(Deserialize)]
struct Info {
    delivered: Sequences,
    ack_floor: Sequences,
    #[serde(default)]
    priority_groups: Vec<PinState>,
}

impl Info {
    /// The pin, while somebody has it.
    fn pin(&self) -> Option<&str> {
        let ours = |state: &&PinState| state.group == GROUP;
        let state = self.priority_groups.iter().find(ours)?;
        state.pinned_client_id.as_deref()
    }

    /// Messages delivered and not acknowledged.
    fn out(&self) -> u64 {
        self.delivered
            .consumer_seq
            .saturating_sub(self.ack_floor.consumer_seq)
    }
}

#[derive(Deserialize)]
struct Sequences {
    consumer_seq: u64,
    stream_seq: u64,
}

#[derive(Deserialize)]
struct PinState {
    group: String,
    pinned_client_id: Option<String>,
}

/// Where the holder of a pin is asked for.
fn holder(pin: &str) -> String {
    format!("hub.pins.{pin}")
}

impl<H: Handler> Session<H> {
    /// Serves the lane until stopped.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut memory = Memory::default();
        let mut pause = Duration::from_millis(50);
        while !stop.is_cancelled() {
            let began = Instant::now();
            let exit = match self.ensure().await {
                Ok(()) => self.tenure(&mut memory, &stop).await,
                Err(error) => Err(error),
            };
            let failed = match exit {
                Ok(Exit::Stopped) => return,
                Ok(Exit::Lost) => {
                    memory = Memory::default();
                    false
                }
                Ok(Exit::Crashed) => {
                    memory.benign = false;
                    true
                }
                Ok(Exit::Broken | Exit::Gone) => {
                    memory.benign = true;
                    true
                }
                Err(error) => {
                    tracing::warn!(lane = self.lane.durable, %error, "lane interrupted");
                    true
                }
            };
            if began.elapsed() > LONGEST_PAUSE {
                pause = Duration::from_millis(50);
            }
            if failed {
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    () = stop.cancelled() => return,
                }
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }

    fn verb(&self, verb: &str) -> String {
        format!("{verb}.{}.{}", self.lane.stream, self.lane.durable)
    }

    async fn info(&self) -> Result<Info, ApiError> {
        let verb = self.verb("CONSUMER.INFO");
        self.bus.pulling().api(&verb, &json!({})).await
    }

    /// Makes sure that the consumer exists.
    async fn ensure(&self) -> Result<(), ApiError> {
        match self.info().await {
            Err(error) if error.is_code(code::CONSUMER_NOT_FOUND) => {}
            other => return other.map(drop),
        }
        let Some(config) = definition::consumer_config(&self.lane) else {
            return Err(ApiError::Refused {
                status: 404,
                code: code::CONSUMER_NOT_FOUND,
                description: format!("no definition fits {}", self.lane.durable),
            });
        };
        let payload = json!({ "stream_name": self.lane.stream, "config": config, "action": "" });
        let verb = self.verb("CONSUMER.CREATE");
        let created = self.bus.pulling().api::<Value>(&verb, &payload).await;
        created.map(drop)
    }

    /// Waits for the pin, claims the lane and works it.
    async fn tenure(
        &self,
        memory: &mut Memory,
        stop: &CancellationToken,
    ) -> Result<Exit, ApiError> {
        // Not ours any more when the broker restarted or somebody else was pinned meanwhile.
        if let Some(pin) = memory.pin.take()
            && let Some(tenure) = self.claim(&pin, 0, memory).await?
        {
            return self.work(tenure, memory, stop).await;
        }
        loop {
            tracing::debug!(lane = self.lane.durable, "standing by");
            let mut pulls = Pulls::open(self.bus.pulling()).await?;
            let pinned = self.stand_by(&mut pulls, memory, stop).await;
            if let Ok(Standby::Exit(Exit::Stopped)) = pinned {
                if pulls.drain().await {
                    // The pin came while we were leaving.
                    self.hand_over(true).await;
                }
                return Ok(Exit::Stopped);
            }
            pulls.close().await;
            match pinned? {
                Standby::Pinned(pin, received) => {
                    if let Some(tenure) = self.claim(&pin, received, memory).await? {
                        return self.work(tenure, memory, stop).await;
                    }
                }
                Standby::Exit(exit) => return Ok(exit),
            }
        }
    }

    /// Pulls one message at a time until one comes: it carries the pin.
    async fn stand_by(
        &self,
        pulls: &mut Pulls,
        memory: &mut Memory,
        stop: &CancellationToken,
    ) -> Result<Standby, ApiError> {
        let mut connected = self.bus.pulling().connected();
        self.revive(memory).await?;
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut absent = None;
        loop {
            if pulls.waiting() == 0 {
                pulls.ask(&self.lane, None, 1, true).await?;
            }
            let overdue = pulls.overdue_at().unwrap_or_else(Instant::now);
            let event = tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(Standby::Exit(Exit::Stopped)),
                _ = connected.changed() => return Ok(Standby::Exit(Exit::Broken)),
                event = pulls.next() => event,
                () = tokio::time::sleep_until(overdue) => Event::Broken,
                _ = look.tick() => {
                    if self.is_orphaned(&mut absent).await? {
                        tracing::info!(lane = self.lane.durable, "the owner is gone");
                        self.unpin().await?;
                        self.revive(memory).await?;
                    }
                    continue;
                }
            };
            match event {
                Event::Delivered(_, Some(pin), _) => return Ok(Standby::Pinned(pin, 1)),
                Event::Delivered(_, None, _) | Event::Broken => {
                    return Ok(Standby::Exit(Exit::Broken));
                }
                Event::Gone => return Ok(Standby::Exit(Exit::Gone)),
                Event::Answered(_) => self.revive(memory).await?,
                Event::Pinned => tokio::time::sleep(Duration::from_millis(200)).await,
            }
        }
    }

    /// Whether the pin is held by somebody whose connection is gone; `absent` is since when, of which pin.
    async fn is_orphaned(&self, absent: &mut Option<(String, Instant)>) -> Result<bool, ApiError> {
        let info = self.info().await?;
        let Some(pin) = info.pin() else {
            *absent = None;
            return Ok(false);
        };
        if !is_absent(self.bus.pulling(), holder(pin)).await {
            *absent = None;
            return Ok(false);
        }
        match absent {
            Some((of, since)) if of == pin => Ok(since.elapsed() >= DEAD),
            _ => {
                *absent = Some((pin.to_owned(), Instant::now()));
                Ok(false)
            }
        }
    }

    /// Lets what was out when the last owner or the broker died come again. While nobody is pinned the
    /// broker holds it back until it is overdue, and without a message nobody gets the pin.
    async fn revive(&self, memory: &mut Memory) -> Result<(), ApiError> {
        let info = self.info().await?;
        if info.pin().is_some() || info.out() == 0 {
            return Ok(());
        }
        self.account(&info, 0, memory).await?;
        memory.benign = true;
        self.reset().await
    }

    /// Writes down that the last owner left messages unacknowledged, unless that was ourselves
    /// without a crash. `received` of them came to us.
    async fn account(
        &self,
        info: &Info,
        received: u64,
        memory: &mut Memory,
    ) -> Result<(), ApiError> {
        let out = info.out();
        if memory.benign || out <= received {
            return Ok(());
        }
        let previous = Record::load(&self.bus, &self.lane).await?;
        let (floor, delivered) = (info.ack_floor.stream_seq, info.delivered.stream_seq);
        let record = Record::after_crash(previous, floor, delivered);
        tracing::warn!(
            lane = self.lane.durable,
            crashes = record.crashes,
            out,
            "took over unacknowledged messages"
        );
        record.save(&self.bus, &self.lane).await?;
        memory.suspects = Some(record);
        Ok(())
    }

    /// Begins a tenure under `pin`; `None` when the pin is not ours. `received` messages came to us
    /// while standing by.
    async fn claim(
        &self,
        pin: &str,
        received: u64,
        memory: &mut Memory,
    ) -> Result<Option<Tenure>, ApiError> {
        // Known to the broker before the pin is asked about: it travels on the same connection.
        let presence = Presence::begin(self.bus.pulling(), holder(pin)).await?;
        let sent = Instant::now();
        let info = self.info().await?;
        if info.pin() != Some(pin) {
            tracing::debug!(lane = self.lane.durable, pin, "not ours");
            return Ok(None);
        }
        self.account(&info, received, memory).await?;
        tracing::debug!(lane = self.lane.durable, pin, "claimed");
        memory.benign = true;
        memory.pin = Some(pin.to_owned());
        let pulls = Pulls::open(self.bus.pulling()).await?;
        self.reset().await?;
        metrics::counter!("tidings_lane_claims_total", "role" => self.settings.role.clone())
            .increment(1);
        let timeout = definition::consumer_config(&self.lane)
            .and_then(|config| config["priority_timeout"].as_u64())
            .map_or(DEFAULT_PIN_TIMEOUT, Duration::from_nanos);
        Ok(Some(Tenure::new(
            self.bus.clone(),
            Arc::clone(&self.lane),
            Arc::clone(&self.settings),
            pulls,
            (pin.to_owned(), presence),
            Held::new(timeout / 2, sent),
            memory.suspects.take(),
        )))
    }

    async fn work(
        &self,
        mut tenure: Tenure,
        memory: &mut Memory,
        stop: &CancellationToken,
    ) -> Result<Exit, ApiError> {
        let exit = tenure.work(&self.handler, stop).await;
        let confirmed = tenure.settle().await;
        memory.suspects = tenure.close().await;
        if matches!(exit, Ok(Exit::Stopped)) {
            self.hand_over(confirmed).await;
        }
        exit
    }

    /// Takes the pin from whoever has it.
    async fn unpin(&self) -> Result<(), ApiError> {
        let verb = self.verb("CONSUMER.UNPIN");
        let group = json!({ "group": GROUP });
        let answer = self.bus.pulling().api::<Value>(&verb, &group).await;
        answer.map(drop)
    }

    /// Leaves the lane so that the next owner finds nothing out and no pin.
    async fn hand_over(&self, confirmed: bool) {
        if !confirmed {
            tracing::debug!(
                lane = self.lane.durable,
                "last acknowledgement not confirmed"
            );
        }
        let unpin = async {
            self.reset().await?;
            self.unpin().await
        };
        if let Err(error) = unpin.await {
            tracing::warn!(lane = self.lane.durable, %error, "the next owner waits for the pin");
        } else {
            tracing::debug!(lane = self.lane.durable, "handed over");
        }
    }

    async fn reset(&self) -> Result<(), ApiError> {
        let verb = self.verb("CONSUMER.RESET");
        let reset = self.bus.pulling().api::<Value>(&verb, &json!({})).await;
        reset.map(drop)
    }
}

enum Standby {
    Pinned(String, u64),
    Exit(Exit),
}
