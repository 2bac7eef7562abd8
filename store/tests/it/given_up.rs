//! Callers that are given up in the middle: no connection goes on with a transaction that nobody knows of.

use std::{
    task::{Context, Waker},
    time::Duration,
};

use schemas::{CampaignId, ChannelKind, campaign::Chunk};
use store::campaign::ledger;
use tokio::time::Instant;

use crate::rig::Bed;

const OPEN: &str = "select from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid() and state like 'idle in transaction%'";

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_nobody_waits_for_is_not_left_open() {
    let bed = Bed::new().await;
    let chunk = Chunk {
        tenant: bed.ours,
        campaign: CampaignId::new(),
        channel: bed.channel.id,
        kind: ChannelKind::Sandbox,
        number: 0,
    };
    let keep = || ledger::keep(&bed.store, &chunk, "me", Duration::from_secs(60));
    keep().await.unwrap();
    let mut context = Context::from_waker(Waker::noop());
    let mut given_up = 0;
    for turns in (0..2000).step_by(10) {
        let mut kept = Box::pin(keep());
        let mut is_over = false;
        for _ in 0..turns {
            is_over = is_over || kept.as_mut().poll(&mut context).is_ready();
            if is_over {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(kept);
        if is_over {
            continue;
        }
        given_up += 1;
        // The connection comes back to the pool beside us.
        let began = Instant::now();
        let mut ticks = tokio::time::interval(Duration::from_millis(5));
        while bed.sql(OPEN).await > 0 {
            assert!(
                began.elapsed() < Duration::from_secs(3),
                "left open after {turns}"
            );
            ticks.tick().await;
        }
    }
    assert!(given_up > 20, "{given_up}");
}
