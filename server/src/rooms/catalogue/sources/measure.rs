//! What is measured of a tenant's sources, from its own events and from the heartbeats of the sources
//! that deliver to it. No other tenant's traffic moves any of it.

use std::collections::{BTreeMap, BTreeSet};

use cordon_attack::SourceType;
use cordon_kernel::db::segments::{Snapshot, SourceProgress};
use cordon_kernel::db::{nanos, timestamp};
use cordon_kernel::{Result, SourceId, TenantScope};
use cordon_lake::count::CountQuery;
use cordon_lake::schema::{Column, Columns};
use cordon_lake::{Events, Lake, Query, filled};
use jiff::{SignedDuration, Timestamp};

/// Events by which the lag of a kind of records is measured, the newest.
const SAMPLE: u64 = 5_000;
/// Sources of a tenant that are looked up one by one because nothing came of them of late.
const LOOKED_UP: usize = 64;

/// What there is of each kind of records.
pub(super) struct Seen {
    /// Since when it was looked, in nanoseconds since 1970.
    pub(super) since: i64,
    types: BTreeMap<SourceType, (u64, BTreeSet<SourceId>)>,
    /// The classes of the events that came as OCSF.
    pub(super) ocsf_classes: BTreeSet<u32>,
    snapshot: Snapshot,
}

/// How late a kind of records came, and when it came last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lag {
    pub(super) p50: SignedDuration,
    pub(super) p95: SignedDuration,
    /// Of how many events.
    pub(super) events: usize,
    pub(super) last_event: Timestamp,
}

/// The moment so long before another, in nanoseconds since 1970.
pub(super) fn before(now: Timestamp, within: SignedDuration) -> i64 {
    now.checked_sub(within).map_or(i64::MIN, nanos)
}

/// Counts a tenant's events since a moment of event time by kind, source and class.
///
/// # Errors
/// `UNAVAILABLE` when database or objects can't be reached.
pub(super) async fn seen(lake: &Lake, scope: &TenantScope, since: i64) -> Result<Seen> {
    let query = CountQuery {
        since: Some(since),
        by: vec![Column::SourceType, Column::Source, Column::ClassUid],
        ..CountQuery::default()
    };
    let counted = lake.count(scope, &query).await?;
    let mut types: BTreeMap<SourceType, (u64, BTreeSet<SourceId>)> = BTreeMap::new();
    let mut ocsf_classes = BTreeSet::new();
    for group in counted.counts {
        let [Some(kind), source, class] = group.values.as_slice() else {
            continue;
        };
        // A kind of records that the table of ATT&CK does not know yet tells of nothing there.
        let Ok(kind) = kind.parse::<SourceType>() else {
            continue;
        };
        let (events, sources) = types.entry(kind).or_default();
        *events = events.saturating_add(group.count);
        sources.extend(source.as_ref().and_then(|source| source.parse().ok()));
        if kind == SourceType::Ocsf {
            ocsf_classes.extend(class.as_ref().and_then(|class| class.parse::<u32>().ok()));
        }
    }
    Ok(Seen {
        since,
        types,
        ocsf_classes,
        snapshot: counted.snapshot,
    })
}

impl Seen {
    /// How many events there are of a kind.
    pub(super) fn events(&self, kind: SourceType) -> u64 {
        self.types.get(&kind).map_or(0, |(events, _)| *events)
    }

    /// How far the tenant's sources have come, by the kind of their records.
    ///
    /// # Errors
    /// `UNAVAILABLE` when database or objects can't be reached.
    pub(super) async fn progress(
        &self,
        lake: &Lake,
        scope: &TenantScope,
    ) -> Result<BTreeMap<SourceType, Vec<SourceProgress>>> {
        let mut by_kind: BTreeMap<SourceType, Vec<SourceProgress>> = BTreeMap::new();
        let mut room = LOOKED_UP;
        for progress in &self.snapshot.sources {
            let of = self.types.iter();
            let mut kinds: Vec<SourceType> = of
                .filter(|(_, (_, sources))| sources.contains(&progress.source))
                .map(|(kind, _)| *kind)
                .collect();
            if kinds.is_empty() && room > 0 {
                room -= 1;
                kinds.extend(kind_of(lake, scope, &progress.source).await?);
            }
            for kind in kinds {
                by_kind.entry(kind).or_default().push(progress.clone());
            }
        }
        Ok(by_kind)
    }
}

/// The kind of records that a source sent the tenant, by the newest of them.
async fn kind_of(
    lake: &Lake,
    scope: &TenantScope,
    source: &SourceId,
) -> Result<Option<SourceType>> {
    let filter = format!("source = '{source}'");
    let query = Query {
        filter: Some(lake.filters().compile(scope, &filter)?),
        columns: Columns::of(&[Column::SourceType]),
        limit: Some(1),
        ..Query::default()
    };
    let found = lake.search(scope, query).await?.next().await?;
    let Some(batch) = found.filter(|batch| batch.num_rows() > 0) else {
        return Ok(None);
    };
    let batch = filled(&batch)?;
    let events = Events::new(&batch)?;
    Ok(events.row(0, &[]).source_type.as_str().parse().ok())
}

/// How late the tenant's newest events of a kind came since a moment of event time; none without any
/// whose time is valid.
///
/// # Errors
/// `UNAVAILABLE` when database or objects can't be reached.
pub(super) async fn lag(
    lake: &Lake,
    scope: &TenantScope,
    kind: SourceType,
    since: i64,
) -> Result<Option<Lag>> {
    let filter = format!("source_type = '{kind}' AND time_quality = 'valid'");
    let query = Query {
        since: Some(since),
        filter: Some(lake.filters().compile(scope, &filter)?),
        columns: Columns::of(&[Column::Time, Column::StoredTime]),
        limit: Some(SAMPLE),
        ..Query::default()
    };
    let mut search = lake.search(scope, query).await?;
    let mut lags = Vec::new();
    let mut last = i64::MIN;
    while let Some(batch) = search.next().await? {
        let batch = filled(&batch)?;
        let events = Events::new(&batch)?;
        for row in 0..batch.num_rows() {
            let (time, stored) = (events.time_ns(row), events.stored_ns(row));
            last = last.max(time);
            // A source whose clock is ahead is not early.
            lags.push(stored.saturating_sub(time).max(0));
        }
    }
    lags.sort_unstable();
    let at = |percent| quantile(&lags, percent).map(SignedDuration::from_nanos);
    Ok(at(50).zip(at(95)).map(|(p50, p95)| Lag {
        p50,
        p95,
        events: lags.len(),
        last_event: timestamp(last),
    }))
}

/// The smallest of sorted values that so many of a hundred do not exceed.
fn quantile(sorted: &[i64], percent: usize) -> Option<i64> {
    let rank = sorted.len().saturating_mul(percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_occur() {
        assert_eq!(quantile(&[], 50), None);
        assert_eq!((quantile(&[7], 50), quantile(&[7], 95)), (Some(7), Some(7)));
        let hundred: Vec<i64> = (1..=100).collect();
        assert_eq!(quantile(&hundred, 50), Some(50));
        assert_eq!(quantile(&hundred, 95), Some(95));
        assert_eq!(quantile(&[1, 2, 3], 95), Some(3));
    }
}
