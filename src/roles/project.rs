//! Writing into Postgres what the streams hold.

use sinks::project::{Conversations, OutboundMessages, Tracking};

use super::Starting;

impl Starting<'_> {
    pub(super) fn project(&mut self) {
        let max = self.config.project.max_batch;
        let (bus, store) = (self.bus.clone(), self.store.clone());
        let conversations = Conversations::new(bus.clone(), store.clone(), self.worker.clone());
        self.run(
            "project-conv",
            max,
            nats::lanes("project-conv"),
            conversations,
        );
        let outbound = OutboundMessages::new(bus.clone(), store.clone());
        self.run("project-out", max, nats::lanes("project-out"), outbound);
        self.run(
            "project-track",
            max,
            nats::lanes("project-track"),
            Tracking::new(bus.clone(), store.clone()),
        );
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            sinks::project::look_again(bus, store, stop).await;
            Ok(())
        });
    }
}
