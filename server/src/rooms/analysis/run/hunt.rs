//! Sigma rules over history.

use std::sync::Arc;

use cordon_analysis::answer::Rows;
use cordon_analysis::{Answer, Cell, ColumnKind, Kind, Remark, RemarkReason, Scope, plan_version};
use cordon_kernel::{Result, TenantScope};
use cordon_lake::{Lake, Order, Query, places};
use futures::{StreamExt as _, TryStreamExt as _};

use super::Run;
use crate::rooms::detection::Hunt;
use crate::rooms::detection::computed;

/// The rules, understood.
///
/// # Errors
/// `INVALID_RULE` with the place of the mistake.
pub(in super::super) fn compile_rules(
    lake: &Lake,
    scope: &TenantScope,
    texts: &[String],
) -> Result<Hunt> {
    Hunt::new(lake, scope, texts)
}

/// Most batches of at most 8 MiB that rules look at side by side.
const MOST_AT_ONCE: usize = 8;

/// What one rule found.
#[derive(Debug, Clone, Copy, Default)]
struct Found {
    hits: u64,
    events: u64,
    times: Option<(i64, i64)>,
}

impl Run<'_> {
    pub(super) async fn hunt(&self, texts: &[String], scope: &Scope, head: u64) -> Result<Answer> {
        let mut hunt = compile_rules(self.lake, &self.scope, texts)?;
        let filter = match scope.filter() {
            Some(text) => Some(self.lake.filters().compile(&self.scope, &text)?),
            None => None,
        };
        let (since, until) = scope.ns();
        let query = Query {
            since: Some(since),
            until: Some(until),
            filter,
            order: Order::OldestFirst,
            columns: hunt.columns(),
            limit: None,
            after: None,
            snapshot: Some(head),
        };
        let mut hits = Rows::new(
            "hits",
            "What the rules found, oldest first",
            &[
                ("time", ColumnKind::Time, ""),
                ("rule", ColumnKind::Text, ""),
                ("level", ColumnKind::Text, ""),
                ("operation", ColumnKind::Text, ""),
                ("actor", ColumnKind::Text, ""),
                ("account", ColumnKind::Text, ""),
                ("address", ColumnKind::Address, ""),
                ("events", ColumnKind::Integer, "events"),
                ("event", ColumnKind::EventName, ""),
            ],
        );
        let titles: Vec<(String, &'static str)> = hunt
            .rules()
            .map(|(title, level, _)| (title.to_owned(), level))
            .collect();
        let mut found = vec![Found::default(); titles.len()];
        let mut scanned = 0;
        let search = self.lake.search(&self.scope, query).await?;
        // Rules look at several batches side by side, and some wait, so that those after them are read
        // meanwhile. What they take is counted in order.
        let filters = hunt.filters();
        let looks = search.into_stream().map(|batch| {
            let (filters, work) = (Arc::clone(&filters), Arc::clone(&self.work));
            async move {
                let batch = batch?;
                computed(move || {
                    let selected = filters.select(&batch)?;
                    work.scanned(batch.num_rows());
                    Ok((batch, selected))
                })
                .await
            }
        });
        let mut looks = std::pin::pin!(looks.buffered((2 * places()).min(MOST_AT_ONCE)));
        while let Some((batch, selected)) = looks.try_next().await? {
            scanned += batch.num_rows() as u64;
            let (kept, taken) = computed(move || {
                let taken = hunt.take(&batch, selected)?;
                Ok((hunt, taken))
            })
            .await?;
            hunt = kept;
            for hit in taken {
                let (Some(of), Some((title, level))) =
                    (found.get_mut(hit.rule), titles.get(hit.rule))
                else {
                    continue;
                };
                of.hits += 1;
                of.events += hit.events;
                let (first, last) = of.times.unwrap_or((hit.time_ns, hit.time_ns));
                of.times = Some((first.min(hit.time_ns), last.max(hit.time_ns)));
                hits.push([
                    Cell::time(hit.time_ns),
                    Cell::text(title),
                    Cell::text(level),
                    Cell::text(&hit.operation),
                    Cell::text(&hit.actor),
                    Cell::text(&hit.account),
                    Cell::text(&hit.source_address),
                    Cell::count(hit.events),
                    Cell::event(&hit.name),
                ]);
            }
        }
        Ok(told(&hunt, &found, hits, scanned))
    }
}

fn told(hunt: &Hunt, found: &[Found], hits: Rows, scanned: u64) -> Answer {
    let mut remarks = Vec::new();
    let mut rules = Rows::new(
        "rules",
        "What each rule found",
        &[
            ("rule", ColumnKind::Text, ""),
            ("level", ColumnKind::Text, ""),
            ("hits", ColumnKind::Integer, ""),
            ("events", ColumnKind::Integer, "events"),
            ("first", ColumnKind::Time, ""),
            ("last", ColumnKind::Time, ""),
        ],
    );
    for ((title, level, failed), of) in hunt.rules().zip(found) {
        let time = |at: Option<i64>| at.map_or(Cell::Empty, Cell::time);
        rules.push([
            Cell::text(title),
            Cell::text(level),
            Cell::count(of.hits),
            Cell::count(of.events),
            time(of.times.map(|(first, _)| first)),
            time(of.times.map(|(_, last)| last)),
        ]);
        if failed {
            let message = format!("The rule {title:?} fails on some events: these it did not see.");
            remarks.push(Remark::new(RemarkReason::Silent, message));
        }
    }
    let tables = vec![
        rules.done("hold fewer rules against them", &mut remarks),
        hits.done("name a shorter time or fewer rules", &mut remarks),
    ];
    Answer {
        kind: Kind::Rule,
        plan_version: plan_version(Kind::Rule),
        events: scanned,
        tables,
        graph: None,
        timeline: None,
        remarks,
    }
}
