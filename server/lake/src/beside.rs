//! Work that may take long, beside the threads that answer calls.
//!
//! A customer writes the filters of its searches and rules, so that it decides what a row costs.
//! Neither that nor unpacking what was stored may keep another customer's call waiting: such work
//! goes to threads of its own, as many pieces at a time as there are processors. A piece is a row
//! group at most. Of one customer no more wait for their turn than are done at a time, so that
//! another's piece comes after a few of each and not after all.

use std::num::NonZero;
use std::sync::Arc;

use arrow::array::{BooleanArray, BooleanBufferBuilder, RecordBatch};
use arrow::buffer::BooleanBuffer;
use arrow::compute::filter_record_batch;

use crate::error::{LakeError, Result};
use crate::filter::{Condition, project};
use crate::lake::Access;

/// Work that is done where it comes up, in bytes that are gone through once: to hand it over would
/// take about as long as it does.
const AT_ONCE: usize = 64 << 10;

/// How often a byte is gone through when it is unpacked, roughly.
pub(crate) const UNPACKING: usize = 4;

/// Bytes of a value in memory, however well it is packed.
pub(crate) const VALUE: usize = 8;

/// Pieces of long work that are done at a time: as many as there are processors.
#[must_use]
pub fn places() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}

impl Access<'_> {
    /// Does work, at once if it goes through little and else beside the calls. `bytes` is how many
    /// it goes through, counted as often as it does so.
    ///
    /// # Errors
    /// Those of the work; [`LakeError::Io`] when it panics.
    pub(crate) async fn beside<T: Send + 'static>(
        &self,
        bytes: usize,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        if bytes < AT_ONCE {
            return work();
        }
        // Neither is ever closed. Who no longer waits for the work has its places kept until it is done.
        let turn = self.lake.turns(self.scope.tenant()).acquire_owned().await;
        let place = Arc::clone(self.lake.places()).acquire_owned().await;
        // Not the threads of queries: theirs wait for this.
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            drop((turn, place));
            done
        });
        done.await
            .map_err(|error| LakeError::Io(std::io::Error::other(error)))?
    }

    /// Which rows of a batch of at least the columns of the conditions fulfil all of them.
    ///
    /// # Errors
    /// As [`Condition::evaluate_within`].
    pub(crate) async fn fulfilling(
        &self,
        batch: RecordBatch,
        conditions: Vec<Condition>,
    ) -> Result<BooleanArray> {
        let bytes = conditions.iter().map(|condition| condition.cost(&batch));
        let bytes = bytes.fold(0, usize::saturating_add);
        self.beside(bytes, move || all_of(&batch, &conditions))
            .await
    }
}

/// A condition is asked only of the rows that fulfil those before it.
fn all_of(batch: &RecordBatch, conditions: &[Condition]) -> Result<BooleanArray> {
    let mut hits = BooleanBuffer::new_set(batch.num_rows());
    for condition in conditions {
        let asked = hits.count_set_bits();
        if asked == 0 {
            break;
        }
        if asked == batch.num_rows() {
            hits = condition.evaluate_within(batch)?.values().clone();
            continue;
        }
        let rows = project(batch, condition.columns)?;
        let rows = filter_record_batch(&rows, &BooleanArray::new(hits.clone(), None))?;
        let answers = condition.evaluate(&rows)?;
        let mut kept = BooleanBufferBuilder::new(batch.num_rows());
        kept.append_n(batch.num_rows(), false);
        for (row, answer) in hits.set_indices().zip(answers.values()) {
            kept.set_bit(row, answer);
        }
        hits = kept.finish();
    }
    Ok(BooleanArray::new(hits, None))
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::sync::Mutex;
    use std::time::Duration;

    use cordon_views::EventRow;
    use futures::future::join_all;

    use super::*;
    use crate::SealMode;
    use crate::count::CountQuery;
    use crate::lake::Lake;
    use crate::schema::Columns;
    use crate::search::Query;
    use crate::testing::{ACME, OTHER, World, event};

    /// Goes through every event and finds none.
    const COSTLY: &str = "raw ~ 'nobody[0-9]+$' OR raw LIKE '%nothing%'";
    const LONG: Duration = Duration::from_millis(300);

    /// The work waits while others have all places, and is done once they leave.
    async fn is_beside<T>(
        lake: &Lake,
        what: &str,
        mut work: Pin<Box<impl Future<Output = Result<T>>>>,
    ) {
        let all = u32::try_from(lake.places().available_permits()).unwrap();
        let held = lake.places().acquire_many(all).await.unwrap();
        let early = tokio::time::timeout(LONG, &mut work).await;
        assert!(early.is_err(), "{what} is done where calls are answered");
        drop(held);
        work.await.unwrap();
    }

    /// On one thread, which others' calls would wait for.
    #[tokio::test]
    async fn what_a_customer_makes_costly_keeps_no_call_waiting() {
        let world = World::new().await;
        let rows: Vec<EventRow> = (0..2_000).map(|id| event(id, id as i64)).collect();
        world.append_all(ACME, &rows, 1_000).await;
        let scope = world.scope(ACME);
        let filter = world.lake.filters().compile(&scope, COSTLY).unwrap();
        let query = |costly: bool| Query {
            filter: costly.then(|| filter.clone()),
            ..Query::default()
        };
        let search = async |lake: &Lake, costly: bool| {
            let mut search = lake.search(&scope, query(costly)).await?;
            while search.next().await?.is_some() {}
            Ok(())
        };
        let count = async |lake: &Lake| {
            let query = CountQuery {
                filter: Some(filter.clone()),
                ..CountQuery::default()
            };
            lake.count(&scope, &query).await
        };

        let lake = world.cold();
        is_beside(
            &lake,
            "unpacking the journal",
            Box::pin(search(&lake, false)),
        )
        .await;
        // Everything is unpacked now.
        is_beside(
            &lake,
            "searching the journal",
            Box::pin(search(&lake, true)),
        )
        .await;
        let tail = lake.tail(&scope, 0, Some(&filter), Columns::NONE);
        is_beside(&lake, "following the journal", Box::pin(tail)).await;
        is_beside(&lake, "counting the journal", Box::pin(count(&lake))).await;

        world.lake.seal(&scope, None, SealMode::All).await.unwrap();
        let lake = world.cold();
        is_beside(&lake, "searching a segment", Box::pin(search(&lake, true))).await;
        is_beside(&lake, "counting a segment", Box::pin(count(&lake))).await;
        let lake = world.cold();
        let tail = lake.tail(&scope, 0, Some(&filter), Columns::NONE);
        is_beside(&lake, "following through a segment", Box::pin(tail)).await;
    }

    #[tokio::test]
    async fn little_is_done_at_once() {
        let world = World::new().await;
        let scope = world.scope(ACME);
        let access = world.lake.access(&scope).await.unwrap();
        let all = u32::try_from(world.lake.places().available_permits()).unwrap();
        let _held = world.lake.places().acquire_many(all).await.unwrap();
        let done = tokio::time::timeout(LONG, access.beside(AT_ONCE - 1, || Ok(7))).await;
        assert_eq!(done.unwrap().unwrap(), 7);
    }

    /// A piece that says whose it is when it is done. It takes long beside what the test's one thread
    /// needs to hand over the next, or one customer's would be handed over many at once.
    async fn piece(
        access: &Access<'_>,
        whose: &'static str,
        done: &Arc<Mutex<Vec<&'static str>>>,
    ) -> Result<()> {
        let done = Arc::clone(done);
        let work = move || {
            std::thread::sleep(Duration::from_millis(10));
            done.lock().unwrap().push(whose);
            Ok(())
        };
        access.beside(AT_ONCE, work).await
    }

    #[tokio::test]
    async fn of_one_customer_few_wait_before_anothers_turn() {
        let world = World::new().await;
        let (acme, other) = (world.scope(ACME), world.scope(OTHER));
        let acme = world.lake.access(&acme).await.unwrap();
        let other = world.lake.access(&other).await.unwrap();
        let all = u32::try_from(world.lake.places().available_permits()).unwrap();
        let held = world.lake.places().acquire_many(all).await.unwrap();
        let done = Arc::new(Mutex::new(Vec::new()));
        // A hundred pieces of one come first, and then one of another.
        let flood = join_all((0..100).map(|_| piece(&acme, ACME, &done)));
        let late = piece(&other, OTHER, &done);
        let free = async {
            tokio::time::sleep(LONG).await;
            drop(held);
        };
        let (flood, late, ()) = tokio::join!(biased; flood, late, free);
        late.unwrap();
        assert!(flood.into_iter().all(|done| done.is_ok()));
        let place = done
            .lock()
            .unwrap()
            .iter()
            .position(|whose| *whose == OTHER);
        assert!(place.unwrap() <= 2 * places(), "{place:?}");
    }
}
