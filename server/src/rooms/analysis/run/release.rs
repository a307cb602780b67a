//! Questions across tenants: evidence out of the asker's own events, and what the kernel releases.

use std::sync::Arc;

use cordon_analysis::answer::Rows;
use cordon_analysis::question::SeenByOthers;
use cordon_analysis::{Answer, Cell, ColumnKind, Kind, Remark, RemarkReason, plan_version};
use cordon_kernel::db::timestamp;
use cordon_kernel::{Error, Reason, Result};
use cordon_lake::{Order, Query};
use cordon_release::{Bucket, Day, Evidence, Indicator, Refused, Window};

use super::super::convert::indicator;
use super::super::release::{Reader, columns};
use super::Run;
use crate::rooms::detection::computed;

/// The name of a refusal's own reason among an error's details.
pub(super) const REFUSED: &str = "refused";

impl Run<'_> {
    pub(super) async fn seen_by_others(&self, asked: &SeenByOthers, head: u64) -> Result<Answer> {
        let indicator = indicator(asked)?;
        let snapshot = Day::snapshot(self.kernel.env().now());
        let evidence = self.evidence(indicator, snapshot, head).await?;
        let db = self.kernel.db();
        let released = db
            .answer_indicator(&self.scope, indicator, evidence)
            .await?
            .map_err(refused)?;
        let window = Window::ending(released.snapshot());
        let mut rows = Rows::new(
            "customers",
            "By how many customers it was seen",
            &[
                ("indicator", ColumnKind::Text, ""),
                ("first_day", ColumnKind::Text, ""),
                ("last_day", ColumnKind::Text, ""),
                ("customers", ColumnKind::Text, ""),
            ],
        );
        rows.push([
            Cell::text(indicator.to_string()),
            Cell::text(window.first().to_string()),
            Cell::text(window.last().to_string()),
            Cell::text(released.value().as_str()),
        ]);
        let mut remarks = Vec::new();
        let table = rows.done("", &mut remarks);
        remarks.push(Remark::new(RemarkReason::Method, remark(released.value())));
        Ok(Answer {
            kind: Kind::SeenByOthers,
            plan_version: plan_version(Kind::SeenByOthers),
            events: self.work.progress().scanned,
            tables: vec![table],
            graph: None,
            timeline: None,
            remarks,
        })
    }

    /// That the asker has seen it since the window began, by its own events.
    async fn evidence(
        &self,
        indicator: Indicator,
        snapshot: Day,
        head: u64,
    ) -> Result<Option<Evidence>> {
        let first = Window::ending(snapshot).first();
        let filter = filter(&indicator, first);
        let query = Query {
            since: None,
            until: None,
            filter: Some(self.lake.filters().compile(&self.scope, &filter)?),
            order: Order::NewestFirst,
            columns: columns(),
            limit: None,
            after: None,
            snapshot: Some(head),
        };
        let mut search = self.lake.search(&self.scope, query).await?;
        while let Some(batch) = search.next().await? {
            let work = Arc::clone(&self.work);
            let seen = computed(move || {
                let mut seen = None;
                work.scanned(batch.num_rows());
                // The filter may let more through than what it stands for.
                Reader::default().read(&batch, false, |_, stored, found| {
                    if *found == indicator {
                        seen = seen.max(Some(Day::of(timestamp(stored))));
                    }
                })?;
                Ok(seen)
            })
            .await?;
            if let Some(seen) = seen.filter(|seen| *seen >= first) {
                return Ok(Some(Evidence { indicator, seen }));
            }
        }
        Ok(None)
    }
}

/// Lets through what names the indicator and was stored since a day began.
fn filter(indicator: &Indicator, first: Day) -> String {
    let canonical = indicator.to_string();
    let named = match canonical.strip_prefix("address ") {
        Some(net) => format!("(cidr_contains('{net}', src_ip) OR cidr_contains('{net}', dst_ip))"),
        None => {
            let hash = canonical.rsplit(' ').next().unwrap_or_default();
            format!("raw ILIKE '%{hash}%'")
        }
    };
    format!("stored_time >= TIMESTAMP '{first} 00:00:00' AND {named}")
}

/// What the size does not say.
fn remark(size: Bucket) -> &'static str {
    match size {
        Bucket::FewerThanFive => {
            "You are counted, and noise is added: fewer than 5 may be you alone. Sightings of the \
             days after the last day are not in it."
        }
        Bucket::FiveToTwenty | Bucket::MoreThanTwenty => {
            "You are counted, and noise is added: the size beside it is possible. Sightings of the \
             days after the last day are not in it."
        }
    }
}

/// Why there is no answer; its own reason stands beside the general one.
fn refused(refused: Refused) -> Error {
    let reason = match refused {
        Refused::Malformed(_) | Refused::NotPublic | Refused::Days => Reason::InvalidArgument,
        Refused::BudgetSpent { .. } => Reason::QuotaExceeded,
        Refused::ProviderRange
        | Refused::NotSeen
        | Refused::NotOwned
        | Refused::SnapshotIncomplete => Reason::FailedPrecondition,
    };
    Error::new(reason, refused.to_string()).with_metadata(REFUSED, refused.reason())
}
