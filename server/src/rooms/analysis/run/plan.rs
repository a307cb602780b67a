//! Questions with a plan: its scans, round by round, through what takes their rows.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow::array::RecordBatch;
use cordon_analysis::plan::MOST_ROUNDS;
use cordon_analysis::{Accumulate, Answer, PlanError, Question, Row, Scan, Scope, plan};
use cordon_kernel::{Error, Result};
use cordon_lake::schema::{Column, Columns};
use cordon_lake::{Events, Order, Query, filled};

use super::Run;
use crate::rooms::detection::computed;

type State = Box<dyn Accumulate + Send>;

impl Run<'_> {
    pub(super) async fn plan(
        &self,
        question: &Question,
        scope: &Scope,
        head: u64,
    ) -> Result<Answer> {
        let plan = plan(question, scope).map_err(|error| match error {
            PlanError::Invalid(invalid) => Error::invalid(invalid.field, invalid.message),
            PlanError::Elsewhere(_) => Error::internal("a question without a plan"),
        })?;
        let (mut scans, mut state) = (plan.scans, plan.state);
        for _ in 0..MOST_ROUNDS {
            if scans.is_empty() {
                break;
            }
            self.work.round.fetch_add(1, Ordering::Relaxed);
            for (at, scan) in scans.iter().enumerate() {
                state = self.scan(state, at, scan, head).await?;
            }
            scans = state.next_scans();
        }
        computed(move || Ok(state.finish())).await
    }

    async fn scan(&self, state: State, at: usize, scan: &Scan, head: u64) -> Result<State> {
        let filter = match &scan.filter {
            Some(text) => Some(self.lake.filters().compile(&self.scope, text)?),
            None => None,
        };
        let named = scan.columns.iter().filter_map(|name| Column::by_name(name));
        let query = Query {
            since: Some(scan.since),
            until: Some(scan.until),
            filter,
            order: match scan.order {
                cordon_analysis::Order::NewestFirst => Order::NewestFirst,
                cordon_analysis::Order::OldestFirst => Order::OldestFirst,
            },
            columns: named.fold(Columns::of(&[Column::Time, Column::Name]), Columns::with),
            limit: Some(scan.limit),
            after: None,
            snapshot: Some(head),
        };
        let mut search = self.lake.search(&self.scope, query).await?;
        let mut state = state;
        let mut next = search.next().await?;
        while let Some(batch) = next {
            let work = Arc::clone(&self.work);
            let taking = computed(move || {
                let flow = take(&mut *state, at, &batch)?;
                work.scanned(batch.num_rows());
                Ok((state, flow))
            });
            // The next rows are read meanwhile.
            let (taken, read) = tokio::join!(taking, search.next());
            let flow;
            (state, flow) = taken?;
            if flow.is_break() {
                break;
            }
            next = read?;
        }
        Ok(state)
    }
}

/// Gives the rows of a batch over, one by one.
fn take(state: &mut dyn Accumulate, scan: usize, batch: &RecordBatch) -> Result<ControlFlow<()>> {
    let batch = filled(batch)?;
    let events = Events::new(&batch)?;
    for at in 0..events.len() {
        let event = events.row(at, &[]);
        let resources = events.resources(at);
        let resources: Vec<&str> = resources.iter().map(String::as_str).collect();
        let row = Row {
            time_ns: event.time_ns,
            observed_ns: event.observed_ns,
            name: events.name(at),
            seq: events.seq(at),
            class_uid: event.class_uid,
            activity_id: event.activity_id,
            severity_id: event.severity_id,
            status: event.status.as_str(),
            account: event.account,
            region: event.region,
            service: event.service,
            operation: event.operation,
            actor: event.actor,
            credential_uid: event.credential_uid,
            src_ip: event.src_ip,
            src_port: event.src_port,
            dst_ip: event.dst_ip,
            dst_port: event.dst_port,
            resources: &resources,
            source: events.source(at),
            source_type: event.source_type.as_str(),
            event_id: event.event_id,
            shared: event.shared,
            raw: event.raw,
            raw_context: event.raw_context.unwrap_or_default(),
        };
        if state.take(scan, &row).is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(ControlFlow::Continue(()))
}
