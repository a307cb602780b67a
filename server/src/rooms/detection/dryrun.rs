//! What a rule would have found: the same filters and windows over what is past, and nothing is
//! kept or told.

use std::sync::Arc;

use arrow::array::RecordBatch;
use cordon_kernel::audit::AuditEntry;
use cordon_kernel::facade::Kernel;
use cordon_kernel::{Action, Disclosed, Error, Name, Result, TenantId, TenantScope};
use cordon_lake::rules::{Rules, columns_of};
use cordon_lake::schema::{Column, Columns};
use cordon_lake::{Events, Lake, Order, Query, filled};
use cordon_proto::detection as wire;
use cordon_sigma::Window;
use uuid::Uuid;

use super::compiled::{Compiled, compile, selections, told};
use super::drafts::{MOST_EVENTS, counted};
use super::rules;
use crate::rooms::events;
use crate::transport::{Caller, Feed, Feeder};

/// Most hits of one answer.
const MOST: i32 = 10_000;
/// Most of a correlation's, each of which has many events.
const MOST_GROUPS: u64 = 1_000;
/// Most events that a correlation is tried on; a shorter time has fewer.
const MOST_LOOKED: usize = 5_000_000;
/// Hits of one answer when the caller names no number.
const USUAL: i32 = 100;

/// What is tried: a text, or a rule that is stored.
#[derive(Debug)]
enum What {
    Text(String),
    Stored(Uuid),
}

/// A test, decoded.
#[derive(Debug)]
pub(super) struct Trial {
    tenant: TenantId,
    what: What,
    range: (Option<i64>, Option<i64>),
    limit: u64,
    view: events::View,
}

impl Trial {
    /// Reads the request.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` that names the field; `PERMISSION_DENIED` for another tenant's rule.
    pub(super) fn from_wire(request: wire::TestRuleRequest) -> Result<Self> {
        let tenant = Name::parse_tenant("parent", &request.parent)?;
        let what = match request.rule {
            Some(wire::test_rule_request::Rule::Text(text)) => What::Text(text),
            Some(wire::test_rule_request::Rule::Name(name)) => {
                let (of, rule) = rules::rule_name("name", &name)?;
                if of != tenant {
                    return Err(Error::permission_denied());
                }
                What::Stored(rule)
            }
            None => {
                return Err(Error::invalid(
                    "text",
                    "expected a Sigma rule, or a rule's name",
                ));
            }
        };
        let limit = match request.max_hits {
            0 => USUAL,
            n if n < 0 => {
                return Err(Error::invalid(
                    "max_hits",
                    "expected a number that is not negative",
                ));
            }
            n => n.min(MOST),
        };
        Ok(Self {
            tenant,
            what,
            range: events::range(request.start_time.as_ref(), request.end_time.as_ref())?,
            limit: u64::try_from(limit).unwrap_or(0),
            view: events::View::from_wire(request.view)?,
        })
    }
}

/// Answers a test.
///
/// # Errors
/// `PERMISSION_DENIED`, `INVALID_RULE`, `NOT_FOUND` before anything is sent; what fails later closes
/// the answer.
pub(super) async fn test(
    kernel: &Arc<Kernel>,
    lake: &Arc<Lake>,
    caller: Caller,
    trial: Trial,
) -> Result<Feed<wire::TestRuleResponse>> {
    let (scope, permit) = caller
        .tenant_scope(kernel, &trial.tenant, Action::TestRule)
        .await?;
    let (text, exceptions, about) = match &trial.what {
        What::Text(text) => (text.clone(), Vec::new(), Name::Tenant(trial.tenant.clone())),
        What::Stored(id) => {
            let cipher = kernel.cipher(&scope).await?;
            let mut read = kernel.db().tenant_read(&scope).await?;
            let rule = rules::find(read.conn(), &cipher, *id).await?;
            let rule = rule.ok_or_else(rules::no_such_rule)?;
            let about = Name::Rule(trial.tenant.clone(), *id);
            (rule.text, rule.exceptions, about)
        }
    };
    let compiled = compile(lake, &scope, &text, &exceptions)?;
    let entry = AuditEntry::new(&permit)
        .resource(about)
        .detail("limit", trial.limit);
    kernel.db().audit_read(&scope, entry).await?;
    let scope = Arc::new(scope);
    let work = Run {
        lake: Arc::clone(lake),
        scope: Arc::clone(&scope),
        compiled,
        exceptions,
        trial,
        sent: 0,
    };
    Ok(Feed::spawn(Arc::clone(kernel), caller, scope, |feeder| {
        work.run(feeder)
    }))
}

struct Run {
    lake: Arc<Lake>,
    scope: Arc<TenantScope>,
    compiled: Compiled,
    exceptions: Vec<String>,
    trial: Trial,
    sent: u64,
}

impl Run {
    async fn run(mut self, feeder: Feeder<wire::TestRuleResponse>) -> Result<()> {
        let cut = match self.compiled.sigma.correlation {
            None => self.single(&feeder).await?,
            Some(_) => self.correlation(&feeder).await?,
        };
        let selections = self.compiled.sigma.selections.iter();
        let summary = wire::RuleTestSummary {
            hit_count: i64::try_from(self.sent).unwrap_or(i64::MAX),
            cut,
            filters: selections
                .map(|selection| selection.filter.clone())
                .collect(),
        };
        let result = Some(wire::test_rule_response::Result::Summary(summary));
        feeder.send(wire::TestRuleResponse { result }).await
    }

    /// A search with the rule's filter; whether there may be more.
    async fn single(&mut self, feeder: &Feeder<wire::TestRuleResponse>) -> Result<bool> {
        let filter = self
            .compiled
            .one(&self.lake, &self.scope, &self.exceptions)?;
        let limit = self.trial.limit;
        let query = Query {
            filter,
            columns: self.trial.view.columns(),
            limit: Some(limit),
            ..self.query(Order::NewestFirst)
        };
        let mut found = self.lake.search(&self.scope, query).await?;
        while let Some(batch) = found.next().await? {
            let part = Disclosed::own(&self.scope, batch);
            for event in events::wire_events(self.scope.tenant(), part, self.trial.view)? {
                self.sent += 1;
                send(feeder, vec![event], Vec::new()).await?;
            }
        }
        Ok(self.sent >= limit)
    }

    /// All that the correlation counts, oldest first, through a window of its own; whether the limit
    /// was reached.
    async fn correlation(&mut self, feeder: &Feeder<wire::TestRuleResponse>) -> Result<bool> {
        let Some(correlation) = self.compiled.sigma.correlation.clone() else {
            return Ok(false);
        };
        let rules = selections(&self.compiled)?;
        let view = self.trial.view.columns();
        let query = Query {
            columns: self
                .compiled
                .exceptions
                .iter()
                .fold(rules.columns(), |columns, filter| {
                    columns.union(columns_of(filter))
                })
                .union(told())
                .union(view),
            ..self.query(Order::OldestFirst)
        };
        let mut window = Window::default();
        let lake = Arc::clone(&self.lake);
        let scope = Arc::clone(&self.scope);
        let mut found = lake.search(&scope, query).await?;
        let limit = self.trial.limit.min(MOST_GROUPS);
        let mut looked = 0;
        while let Some(batch) = found.next().await? {
            looked += batch.num_rows();
            if looked > MOST_LOOKED {
                return Ok(true);
            }
            let mut hits: Vec<(u32, usize)> = Vec::new();
            for selected in rules.select(&batch)? {
                let mut rows = selected.rows?;
                for exception in &self.compiled.exceptions {
                    let excepted = Rules::taken(exception, &batch, &rows)?;
                    rows.retain(|row| excepted.binary_search(row).is_err());
                }
                hits.extend(rows.into_iter().map(|row| (row, selected.rule)));
            }
            hits.sort_unstable();
            let whole = filled(&batch)?;
            let read = Events::new(&whole)?;
            for (row, selection) in hits {
                tokio::task::consume_budget().await;
                for draft in counted(
                    &correlation,
                    &mut window,
                    (&read, None),
                    (row as usize, selection),
                ) {
                    let group = draft.group.into_iter().map(|(_, value)| value).collect();
                    let events = self.named(&draft.events).await?;
                    self.sent += 1;
                    send(feeder, events, group).await?;
                    if self.sent >= limit {
                        return Ok(true);
                    }
                }
            }
        }
        Ok(false)
    }

    /// The events with these names, for the wire.
    async fn named(&self, names: &[[u8; 16]]) -> Result<Vec<cordon_proto::events::Event>> {
        let mut events = Vec::with_capacity(names.len().min(MOST_EVENTS));
        for name in names.iter().take(MOST_EVENTS) {
            let name = cordon_kernel::EventName::from_bytes(*name);
            let columns = self.trial.view.columns();
            let found: Option<RecordBatch> = self.lake.get(&self.scope, &name, columns).await?;
            if let Some(batch) = found {
                let part = Disclosed::own(&self.scope, batch);
                events.extend(events::wire_events(
                    self.scope.tenant(),
                    part,
                    self.trial.view,
                )?);
            }
        }
        Ok(events)
    }

    fn query(&self, order: Order) -> Query {
        Query {
            since: self.trial.range.0,
            until: self.trial.range.1,
            filter: None,
            order,
            columns: Columns::of(&[Column::Name]),
            limit: None,
            after: None,
            snapshot: None,
        }
    }
}

async fn send(
    feeder: &Feeder<wire::TestRuleResponse>,
    events: Vec<cordon_proto::events::Event>,
    group: Vec<String>,
) -> Result<()> {
    let hit = wire::RuleHit { events, group };
    let result = Some(wire::test_rule_response::Result::Hit(hit));
    feeder.send(wire::TestRuleResponse { result }).await
}
