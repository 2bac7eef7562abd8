//! Callers that are given up in the middle: no connection goes on with a transaction that nobody knows of, or with the
//! answer to what was asked before.

use std::{
    task::{Context, Waker},
    time::Duration,
};

use schemas::{CampaignId, ChannelKind, campaign::Chunk};
use store::{Keyring, Store, campaign::ledger, project, snapshot};
use tokio::time::Instant;

use crate::rig::Bed;

const OPEN: &str = "select from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid() and state like 'idle in transaction%'";
/// How often it is given up, at as many places.
const TIMES: usize = 200;
/// So many turns of the runtime lie between two of the places.
const TURNS: usize = 10;

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
    give_up(&bed, async |store, _| {
        let keeping = ledger::keep(&store, &chunk, "me", Duration::from_secs(60));
        keeping.await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_nobody_waits_for_leave_no_answer_behind() {
    let bed = Bed::new().await;
    give_up(&bed, async |store, time| {
        let number = i64::try_from(time).unwrap();
        let envelopes = [bed.inbound("given up", number)];
        project::conversations(&store, &envelopes).await.unwrap();
    })
    .await;
}

/// Begins `work` again and again on one connection, gives it up at another place each time, and looks at the connection.
async fn give_up(bed: &Bed, work: impl AsyncFn(Store, usize)) {
    let store = Store::connect(&bed.url, 1, Keyring::ephemeral()).unwrap();
    let (expected, mut given_up) = (snapshot::version(&store).await.unwrap(), 0);
    work(store.clone(), TIMES).await;
    let mut context = Context::from_waker(Waker::noop());
    for time in 0..TIMES {
        let mut working = Box::pin(work(store.clone(), time));
        let mut is_over = false;
        for _ in 0..time * TURNS {
            is_over = working.as_mut().poll(&mut context).is_ready();
            if is_over {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(working);
        given_up += usize::from(!is_over);
        // The connection comes back to the pool beside us.
        for _ in 0..3 {
            let version = snapshot::version(&store).await;
            assert_eq!(version.unwrap(), expected, "given up at {time}");
        }
        let began = Instant::now();
        let mut ticks = tokio::time::interval(Duration::from_millis(5));
        while bed.sql(OPEN).await > 0 {
            let waited = began.elapsed();
            assert!(waited < Duration::from_secs(3), "left open at {time}");
            ticks.tick().await;
        }
    }
    assert!(given_up > 20, "{given_up}");
}
