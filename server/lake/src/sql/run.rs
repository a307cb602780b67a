//! Planning a query and running it within its limits.

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use cordon_kernel::TenantScope;
use datafusion::error::DataFusionError;
use datafusion::physical_plan::execute_stream;
use datafusion::sql::parser::Statement;
use futures::StreamExt as _;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::check::{first_line, parse};
use super::plan::plan;
use super::spill::Spills;
use super::table::Reading;
use super::{Over, SqlLimits};
use crate::error::{LakeError, Result};
use crate::lake::Lake;

/// Batches that wait for whoever reads the answer.
const AHEAD: usize = 2;

/// A query under way. Dropping it ends it.
pub struct Running {
    schema: SchemaRef,
    batches: mpsc::Receiver<Sent>,
    work: Work,
    reading: Arc<Reading>,
    spilled: Arc<AtomicU64>,
    until: Instant,
    limits: SqlLimits,
    rows: u64,
    /// All rows were given.
    ended: bool,
}

/// What the computing hands over.
enum Sent {
    Batch(Result<RecordBatch, DataFusionError>),
    /// There are no more. A channel that closes without it is no end: who was to send has died.
    End,
}

/// A task that ends with whoever waits for it.
struct Work(AbortHandle);

impl Drop for Work {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Running({:?})", self.reading)
    }
}

impl Lake {
    /// Plans a query over the tenant's events and begins it.
    ///
    /// # Errors
    /// [`LakeError::Query`] for what is no query over the table `events`;
    /// [`LakeError::Exhausted`] for one that can't be planned in time.
    pub async fn sql(
        self: &Arc<Self>,
        scope: &Arc<TenantScope>,
        text: &str,
        over: Over,
        limits: SqlLimits,
    ) -> Result<Running> {
        let until = Instant::now() + limits.time;
        let text = text.to_owned();
        let parsed = self.computing().spawn_blocking(move || parse(&text));
        let statement = parsed.await.map_err(|_| died())??;
        let cipher = self.access(scope).await?.cipher;
        let spills = Spills::new(cipher, &limits, self.spilled());
        let spilled = spills.used();
        let reading = Arc::new(Reading {
            lake: Arc::clone(self),
            scope: Arc::clone(scope),
            over,
            io: Handle::current(),
            rows: AtomicU64::new(0),
            failed: std::sync::Mutex::new(None),
        });
        // Planning can take long too: it is done where it delays nobody.
        let (planned, schema) = oneshot::channel();
        let (to, batches) = mpsc::channel(AHEAD);
        let job = Job {
            statement,
            reading: Arc::clone(&reading),
            limits: limits.clone(),
        };
        let work = self.computing().spawn(job.run(spills, planned, to));
        let work = Work(work.abort_handle());
        let schema = match tokio::time::timeout_at(until, schema).await {
            Err(_) => return Err(too_long(&limits)),
            Ok(Err(_)) => return Err(died()),
            Ok(Ok(schema)) => schema?,
        };
        Ok(Running {
            schema,
            batches,
            work,
            reading,
            spilled,
            until,
            limits,
            rows: 0,
            ended: false,
        })
    }
}

/// What is to be planned and computed.
struct Job {
    statement: Statement,
    reading: Arc<Reading>,
    limits: SqlLimits,
}

impl Job {
    async fn run(
        self,
        spills: Spills,
        planned: oneshot::Sender<Result<SchemaRef>>,
        to: mpsc::Sender<Sent>,
    ) {
        let plan = plan(self.statement, &self.reading, spills, &self.limits).await;
        let (plan, context) = match plan {
            Ok(made) => (made.plan, made.context),
            // Nobody listens any more: nobody needs to know. So below.
            Err(error) => return drop(planned.send(Err(error))),
        };
        if planned.send(Ok(plan.schema())).is_err() {
            return;
        }
        match execute_stream(plan, context) {
            Ok(mut stream) => {
                while let Some(batch) = stream.next().await {
                    if to.send(Sent::Batch(batch)).await.is_err() {
                        return;
                    }
                }
                drop(to.send(Sent::End).await);
            }
            Err(error) => drop(to.send(Sent::Batch(Err(error))).await),
        }
    }
}

fn too_long(limits: &SqlLimits) -> LakeError {
    LakeError::Exhausted(format!(
        "the query took longer than {} s: name a shorter time, more conditions or fewer joins",
        limits.time.as_secs()
    ))
}

/// Whoever was to compute ended without a word: a panic, or the process is going down.
fn died() -> LakeError {
    let text = "the computing of a query ended before its answer did";
    LakeError::DataFusion(DataFusionError::Internal(text.into()))
}

impl Running {
    /// The columns of the answer.
    #[must_use]
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Rows of the tenant's that were read so far.
    #[must_use]
    pub fn scanned(&self) -> u64 {
        self.reading.rows.load(Ordering::Relaxed)
    }

    /// Bytes that lie on disk now.
    #[must_use]
    pub fn spilled(&self) -> u64 {
        self.spilled.load(Ordering::Relaxed)
    }

    /// The next rows of the answer; `None` at its end.
    ///
    /// # Errors
    /// [`LakeError::Exhausted`] when a limit is reached, with what to narrow; the store's.
    pub async fn next(&mut self) -> Result<Option<RecordBatch>> {
        if self.ended {
            return Ok(None);
        }
        let next = tokio::time::timeout_at(self.until, self.batches.recv()).await;
        let batch = match next {
            Err(_) => {
                self.work.0.abort();
                return Err(too_long(&self.limits));
            }
            Ok(None) => return Err(died()),
            Ok(Some(Sent::End)) => {
                self.ended = true;
                return Ok(None);
            }
            Ok(Some(Sent::Batch(Ok(batch)))) => batch,
            Ok(Some(Sent::Batch(Err(error)))) => return Err(self.failed(error)),
        };
        self.rows += batch.num_rows() as u64;
        if self.rows > self.limits.rows {
            self.work.0.abort();
            return Err(LakeError::Exhausted(format!(
                "the answer has more than {} rows: add LIMIT or conditions, or count and group",
                self.limits.rows
            )));
        }
        Ok(Some(batch))
    }

    /// What does not fit in memory has no room elsewhere.
    fn full(&self, error: &std::io::Error) -> LakeError {
        LakeError::Exhausted(match error.kind() {
            ErrorKind::QuotaExceeded => format!(
                "the query needs more than {} MiB of disk: name a shorter time, more conditions \
                 or fewer columns",
                self.limits.disk >> 20
            ),
            _ => "the query needs more disk than is free for queries now: name a shorter time, \
                  more conditions or fewer columns, or ask again later"
                .to_owned(),
        })
    }

    /// What the caller is told.
    fn failed(&self, error: DataFusionError) -> LakeError {
        if let Some(error) = self.reading.ended() {
            return error;
        }
        match error.find_root() {
            DataFusionError::ResourcesExhausted(_) => LakeError::Exhausted(format!(
                "the query needs more than {} MiB of memory: name a shorter time, more \
                 conditions, fewer columns or groups",
                self.limits.memory >> 20
            )),
            DataFusionError::IoError(io) if is_full(io) => self.full(io),
            DataFusionError::ArrowError(arrow, _) if io_of(arrow).is_some_and(is_full) => {
                io_of(arrow).map_or_else(died, |io| self.full(io))
            }
            DataFusionError::IoError(_) | DataFusionError::External(_) => {
                LakeError::DataFusion(error)
            }
            DataFusionError::Internal(_) => LakeError::DataFusion(error),
            _ => LakeError::Query(format!(
                "the query fails on an event: {}",
                first_line(&error)
            )),
        }
    }
}

fn is_full(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::QuotaExceeded | ErrorKind::StorageFull
    )
}

fn io_of(error: &arrow::error::ArrowError) -> Option<&std::io::Error> {
    match error {
        arrow::error::ArrowError::IoError(_, io) => Some(io),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::Schema;

    use super::super::tests::{everything, world};
    use super::*;
    use crate::testing::ACME;

    #[tokio::test]
    async fn computing_that_dies_is_no_end_of_an_answer() {
        let (world, lake) = world().await;
        let (to, batches) = mpsc::channel(AHEAD);
        let work = lake.computing().spawn(async move {
            let schema = Arc::new(Schema::empty());
            let batch = Ok(RecordBatch::new_empty(schema));
            assert!(to.send(Sent::Batch(batch)).await.is_ok());
            panic!("offset overflow");
        });
        let limits = SqlLimits::default();
        let mut running = Running {
            schema: Arc::new(Schema::empty()),
            batches,
            work: Work(work.abort_handle()),
            reading: Arc::new(Reading {
                lake: Arc::clone(&lake),
                scope: Arc::new(world.scope(ACME)),
                over: everything(),
                io: Handle::current(),
                rows: AtomicU64::new(0),
                failed: std::sync::Mutex::new(None),
            }),
            spilled: Arc::default(),
            until: Instant::now() + limits.time,
            limits,
            rows: 0,
            ended: false,
        };
        assert!(running.next().await.unwrap().is_some());
        let died = running.next().await;
        assert!(matches!(died, Err(LakeError::DataFusion(_))), "{died:?}");
        // The threads are as they were.
        let scope = Arc::new(world.scope(ACME));
        let text = "SELECT seq FROM events LIMIT 1";
        let limits = SqlLimits::default();
        let again = lake.sql(&scope, text, everything(), limits).await;
        let mut again = again.unwrap();
        assert!(again.next().await.unwrap().is_some());
        assert!(again.next().await.unwrap().is_none());
        assert!(again.next().await.unwrap().is_none());
    }
}
