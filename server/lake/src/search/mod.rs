//! The walker: a tenant's events in order of time, from journal and segments, without
//! repetitions, as far as somebody reads them.
//!
//! Everything that may hold events of the query is a *unit* with bounds of its times. Units
//! are opened in the order of the walk and become *cursors* over the rows that pass the
//! filter; a row is due once no unopened unit can have one before it. So the newest hundred
//! events open one or two units, however many there are. Output columns are read for the
//! rows that are due, and for no others.
//!
//! Repetitions: rows in memory (journal groups and small segments) that share time and name
//! meet when they are due, and the lowest sequence number wins. Segment files repeat nothing
//! among themselves ([sealing](crate::seal) sees to that); a row in memory is looked up in
//! them by their Bloom filters. Events without a valid time, and records that give way to one
//! addressed to the tenant, are settled by the facts of the journal and of the catalogue.

#[cfg(test)]
mod ahead_tests;
mod cursor;
mod output;
mod probe;
#[cfg(test)]
mod tests;
mod walk;

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::RecordBatch;
use cordon_kernel::db::segments::Snapshot;
use cordon_kernel::{EventName, TenantScope};
use futures::Stream;

pub(crate) use cursor::{evaluate, keep, read};
pub(crate) use probe::Probe;
pub(crate) use walk::{Sources, Walk, row_groups, superseded};

use crate::error::{LakeError, Result};
use crate::filter::Filter;
use crate::lake::{Access, Lake};
use crate::schema::Columns;

/// How often a search starts over at its position because the catalogue changed, without any
/// progress in between.
const PATIENCE: u32 = 8;

/// In which order events are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// By time descending, then by name.
    #[default]
    NewestFirst,
    /// The exact reverse.
    OldestFirst,
}

/// The place of an event in the order of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Its time in nanoseconds since 1970.
    pub time_ns: i64,
    /// Its name.
    pub name: [u8; 16],
}

impl Order {
    /// Which of two events comes first.
    pub(crate) fn compare(self, left: Position, right: Position) -> Ordering {
        let newest = right
            .time_ns
            .cmp(&left.time_ns)
            .then(left.name.cmp(&right.name));
        match self {
            Self::NewestFirst => newest,
            Self::OldestFirst => newest.reverse(),
        }
    }
}

/// What to search for.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// Earliest event time, included, nanoseconds since 1970.
    pub since: Option<i64>,
    /// Latest event time, excluded, nanoseconds since 1970.
    pub until: Option<i64>,
    /// Condition, compiled for the same tenant by [`Filters::compile`](crate::filter::Filters::compile).
    pub filter: Option<Arc<Filter>>,
    /// In which order.
    pub order: Order,
    /// What to read of each event; nothing stands for time and name.
    pub columns: Columns,
    /// Most events.
    pub limit: Option<u64>,
    /// Where to go on: after this event, which is not given again.
    pub after: Option<Position>,
    /// Sequence number up to which to look, when not to the head: that of the first page.
    pub snapshot: Option<u64>,
}

impl Query {
    /// Bounds of the time, both included, and of what is left beyond `after`.
    pub(crate) fn bounds(&self, after: Option<Position>) -> (i64, i64) {
        let (mut low, mut high) = match &self.filter {
            Some(filter) => filter.pruning.time,
            None => (i64::MIN, i64::MAX),
        };
        low = low.max(self.since.unwrap_or(i64::MIN));
        if let Some(until) = self.until {
            match until.checked_sub(1) {
                Some(last) => high = high.min(last),
                None => return (1, 0),
            }
        }
        match (after, self.order) {
            (Some(after), Order::NewestFirst) => high = high.min(after.time_ns),
            (Some(after), Order::OldestFirst) => low = low.max(after.time_ns),
            (None, _) => {}
        }
        (low, high)
    }
}

/// A search under way. Nothing is read ahead of [`Search::next`], so a slow reader costs
/// nothing but what it holds.
pub struct Search<'s> {
    access: Access<'s>,
    query: Query,
    snapshot: Snapshot,
    head: u64,
    walk: Option<Walk>,
    position: Option<Position>,
    left: u64,
}

impl std::fmt::Debug for Search<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Search({:?})", self.query)
    }
}

impl Lake {
    /// Begins a search.
    ///
    /// # Errors
    /// The kernel's, when snapshot or keys can't be had.
    pub async fn search<'s>(&'s self, scope: &'s TenantScope, query: Query) -> Result<Search<'s>> {
        let access = self.access(scope).await?;
        let snapshot = self.kernel.db().snapshot(scope).await?;
        let head = query
            .snapshot
            .map_or(snapshot.head, |head| head.min(snapshot.head));
        Ok(Search {
            access,
            head,
            snapshot,
            walk: None,
            position: query.after,
            left: query.limit.unwrap_or(u64::MAX),
            query,
        })
    }
}

impl Lake {
    /// The event with that name, with these columns; `None` if there is none (any more).
    ///
    /// # Errors
    /// As for searches.
    pub async fn get(
        &self,
        scope: &TenantScope,
        name: &EventName,
        columns: Columns,
    ) -> Result<Option<RecordBatch>> {
        let filter = self.filters().compile(scope, &format!("name = '{name}'"))?;
        let query = Query {
            filter: Some(filter),
            limit: Some(1),
            columns,
            ..Query::default()
        };
        self.search(scope, query).await?.next().await
    }
}

impl Search<'_> {
    /// The state of the tenant's events that the search began with: sources and their
    /// watermarks, newest stored time.
    #[must_use]
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Sequence number up to which it looks; further pages name it in [`Query::snapshot`].
    #[must_use]
    pub fn head(&self) -> u64 {
        self.head
    }

    /// The next events, a few thousand at most; `None` at the end.
    ///
    /// # Errors
    /// [`LakeError::Filter`] when the filter fails on an event; otherwise the store's.
    pub async fn next(&mut self) -> Result<Option<RecordBatch>> {
        let mut patience = PATIENCE;
        loop {
            match self.step().await {
                Err(LakeError::Stale) if patience > 0 => {
                    // What lay ahead was sealed or merged: go on at the same place.
                    patience -= 1;
                    self.walk = None;
                    self.snapshot = self
                        .access
                        .lake
                        .kernel
                        .db()
                        .snapshot(self.access.scope)
                        .await?;
                }
                Err(error) => {
                    // What was opened ahead is gone with what failed: who goes on begins there anew.
                    self.walk = None;
                    return Err(error.lost());
                }
                found => return found,
            }
        }
    }

    async fn step(&mut self) -> Result<Option<RecordBatch>> {
        if self.left == 0 {
            return Ok(None);
        }
        let walk = match &mut self.walk {
            Some(walk) => walk,
            none => {
                let walk = Walk::begin(
                    &self.access,
                    &self.snapshot,
                    &self.query,
                    self.position,
                    self.head,
                    Sources::All,
                )
                .await?;
                none.insert(walk)
            }
        };
        let Some((batch, position)) = walk.next(&self.access, self.left).await? else {
            return Ok(None);
        };
        self.left -= batch.num_rows() as u64;
        self.position = Some(position);
        Ok(Some(batch))
    }

    /// The search as a stream of batches.
    pub fn into_stream<'a>(self) -> impl Stream<Item = Result<RecordBatch>> + 'a
    where
        Self: 'a,
    {
        futures::stream::try_unfold(self, |mut search| async move {
            Ok(search.next().await?.map(|batch| (batch, search)))
        })
    }
}
