//! One import: its file in ranges, its rows in batches. The next batch is read while the database writes the last ones.

use bytes::Bytes;
use nats::Bus;
use schemas::{ImportId, ImportProgress, TenantId, subject};
use store::{
    Store,
    contact::import::{self as rows, Batch, Claimed, ImportError},
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{
    Files,
    column::{self, Columns},
    gather::Gather,
    pace::Pace,
    record::{self, Fields, Place, RecordError, Records, Step},
    row::Reader,
    write::write,
};

/// Bytes that are read of the file at a time.
const RANGE: usize = 1024 * 1024;
/// Rows after which others get their turn: writing, which must not let the database wait, and other tasks.
const TURN: u32 = 64;

/// Why an import is not done.
#[derive(Debug)]
pub(super) enum Ended {
    /// It is not this worker's any more.
    Gone,
    /// Nobody could go on; for people.
    Failed(String),
    /// The database or the object storage is away, or this process stops.
    Later,
}

pub(super) async fn import(
    bus: &Bus,
    store: &Store,
    files: &dyn Files,
    owner: &str,
    claimed: &Claimed,
    stop: &CancellationToken,
) -> Result<(), Ended> {
    let columns = header(files, claimed).await?;
    // Two are written, and one is gathered in its place or waits there.
    let (sender, batches) = mpsc::channel(1);
    let pace = Pace::default();
    let (read, wrote) = tokio::join!(
        read(files, claimed, &columns, &pace, sender),
        write(bus, store, owner, claimed, &pace, batches, stop)
    );
    // Where writing ended, reading merely noticed.
    wrote?;
    read
}

async fn header(files: &dyn Files, claimed: &Claimed) -> Result<Columns, Ended> {
    let begin = range(files, claimed, 0, record::MAX_BYTES + 1024).await?;
    let options = &claimed.options;
    column::read(
        &begin,
        options.delimiter,
        options.encoding,
        &options.mapping,
    )
    .map_err(|error| Ended::Failed(format!("{error}.")))
}

async fn range(
    files: &dyn Files,
    claimed: &Claimed,
    from: u64,
    most: usize,
) -> Result<Bytes, Ended> {
    match files.read(claimed.tenant, claimed.id, from, most).await {
        Ok(Some(bytes)) => Ok(bytes),
        Ok(None) => Err(Ended::Failed(
            "The file is not in the object storage any more. Send it again.".into(),
        )),
        Err(_) => Err(Ended::Later),
    }
}

/// Reads the file to its end, and hands batches on.
async fn read(
    files: &dyn Files,
    claimed: &Claimed,
    columns: &Columns,
    pace: &Pace,
    batches: mpsc::Sender<Batch>,
) -> Result<(), Ended> {
    let begin = match claimed.line {
        0 => columns.begin,
        line => Place {
            bytes: claimed.bytes_done,
            line,
        },
    };
    let reader = Reader {
        columns,
        on_conflict: claimed.options.on_conflict,
        consent: claimed.options.consent,
    };
    let mut records = Records::new(columns.delimiter, columns.all.len(), begin);
    let mut fields = Fields::default();
    let mut gather = Gather::new(claimed, begin);
    let mut from = begin.bytes;
    let mut rows = 0u32;
    let mut place = batches.reserve().await.map_err(|_| Ended::Gone)?;
    loop {
        match records.next(&mut fields) {
            Step::Record(line) => match reader.read(line, &fields) {
                Ok(entry) => gather.add(entry),
                Err(error) => gather.reject(error),
            },
            Step::Broken(line, field, error) => {
                // That one is no column's fault.
                let column = columns
                    .all
                    .get(field)
                    .filter(|_| error != RecordError::TooLong);
                let column = column.map(|(header, _)| header.clone());
                gather.reject(ImportError {
                    line,
                    column,
                    reason: error.to_string(),
                });
            }
            Step::More if from >= claimed.bytes => records.finish(),
            Step::More => {
                let bytes = range(files, claimed, from, RANGE).await?;
                if bytes.is_empty() {
                    return Err(Ended::Failed(
                        "The file is shorter than it was when it came. Send it again.".into(),
                    ));
                }
                from += bytes.len() as u64;
                records.feed(&bytes);
            }
            Step::End => {
                place.send(gather.take(records.place(), true));
                return Ok(());
            }
        }
        if gather.is_full(pace.rows(), records.place()) {
            place.send(gather.take(records.place(), false));
            place = batches.reserve().await.map_err(|_| Ended::Gone)?;
        }
        rows = rows.wrapping_add(1);
        if rows.is_multiple_of(TURN) {
            tokio::task::yield_now().await;
        }
    }
}

/// Tells those who listen how far an import is. Who does not hear it reads the API.
pub(super) async fn tell(bus: &Bus, store: &Store, tenant: TenantId, id: ImportId) {
    let Ok(row) = rows::get(store, tenant, id).await else {
        return;
    };
    let progress = ImportProgress {
        tenant,
        id,
        status: row.status,
        bytes: row.bytes,
        bytes_done: row.bytes_done,
        rows: row.rows,
        created: row.created,
        updated: row.updated,
        skipped: row.skipped,
        rejected: row.rejected,
    };
    let Ok(payload) = serde_json::to_vec(&progress) else {
        return;
    };
    let subject = subject::import_progress(tenant);
    if let Err(error) = bus.notify(&subject, Bytes::from(payload)).await {
        tracing::debug!(%error, "the progress of an import was not told");
    }
}
