//! Rules ready to look at events, kept for each tenant as long as they do not change.

use std::sync::Arc;

use arrow::array::RecordBatch;
use cordon_kernel::{Error, Reason, Result, TenantId, TenantScope};
use cordon_lake::filter::Filter;
use cordon_lake::rules::{Rules, Selected};
use cordon_lake::schema::{Column, Columns};
use cordon_lake::{Cache, FilterError, Lake, LakeError};
use cordon_sigma::{Anchors, Rule as Sigma};
use uuid::Uuid;

use super::convert::refused;
use super::rules::Rule;

/// Most bytes of rules' texts whose compiled form is kept.
const KEPT: usize = 32 << 20;

/// A rule that was understood, with its filters.
#[derive(Debug, Clone)]
pub(super) struct Compiled {
    pub(super) sigma: Sigma,
    /// In the order of the rule's selections.
    pub(super) filters: Vec<Arc<Filter>>,
}

/// Understands a rule's text for a tenant, with its exceptions.
///
/// # Errors
/// `INVALID_RULE` with the place of the mistake; `INVALID_FILTER` for an exception.
pub(super) fn compile(
    lake: &Lake,
    scope: &TenantScope,
    text: &str,
    exceptions: &[String],
) -> Result<Compiled> {
    let sigma = cordon_sigma::compile(text).map_err(|error| refused(&error))?;
    for (at, exception) in exceptions.iter().enumerate() {
        lake.filters()
            .compile(scope, exception)
            .map_err(|error| of_exception(at, error))?;
    }
    let filters = sigma
        .selections
        .iter()
        .map(|selection| {
            let text = excepting(&selection.filter, exceptions);
            lake.filters().compile(scope, &text).map_err(too_large)
        })
        .collect::<Result<_>>()?;
    Ok(Compiled { sigma, filters })
}

/// The filter, and none of the exceptions.
fn excepting(filter: &str, exceptions: &[String]) -> String {
    exceptions
        .iter()
        .fold(filter.to_owned(), |filter, exception| {
            format!("{filter} AND ({exception}) IS NOT TRUE")
        })
}

fn of_exception(at: usize, error: LakeError) -> Error {
    match error {
        LakeError::Filter(FilterError {
            message,
            line,
            column,
        }) => {
            let text = format!("line {line}, column {column}: {message}");
            Error::new(
                Reason::InvalidFilter,
                format!("exception {}: {text}", at + 1),
            )
            .with_violation(format!("rule.exceptions[{at}]"), text)
        }
        error => error.into(),
    }
}

/// What passes as a rule and not as a filter has become too large.
fn too_large(error: LakeError) -> Error {
    match error {
        LakeError::Filter(error) => Error::new(
            Reason::InvalidRule,
            format!(
                "the filter that the rule becomes can't be used: {}",
                error.message
            ),
        )
        .with_violation("rule.text", error.message),
        error => error.into(),
    }
}

/// A tenant's rules, ready.
#[derive(Debug)]
pub(super) struct RuleSet {
    pub(super) rules: Vec<Ready>,
    /// Rule and selection of each of the filters.
    places: Vec<(usize, usize)>,
    filters: Rules,
}

/// One rule of a set.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) rule: Rule,
    pub(super) sigma: Sigma,
}

impl RuleSet {
    fn new(lake: &Lake, scope: &TenantScope, rules: Vec<Rule>) -> Result<Self> {
        let mut ready = Vec::with_capacity(rules.len());
        let (mut places, mut filters) = (Vec::new(), Vec::new());
        for rule in rules {
            let compiled = match compile(lake, scope, &rule.text, &rule.exceptions) {
                Ok(compiled) => compiled,
                // It was accepted by an earlier version of this program; lists say so too.
                Err(error) => {
                    tracing::warn!(tenant = %scope.tenant(), rule = %rule.id, %error, "a rule can't be used");
                    continue;
                }
            };
            let selections = &compiled.sigma.selections;
            for (at, (filter, selection)) in compiled.filters.iter().zip(selections).enumerate() {
                places.push((ready.len(), at));
                filters.push((Arc::clone(filter), selection.anchors.clone()));
            }
            ready.push(Ready {
                rule,
                sigma: compiled.sigma,
            });
        }
        Ok(Self {
            rules: ready,
            places,
            filters: Rules::new(filters)?,
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The columns that are looked at, and those that findings tell of.
    pub(super) fn columns(&self) -> Columns {
        self.filters.columns().union(told())
    }

    /// Which selections of which rules take which rows: rule, selection, rows ascending.
    pub(super) fn select(&self, batch: &RecordBatch) -> Result<Vec<(usize, usize, Vec<u32>)>> {
        let mut all = Vec::new();
        for Selected { rule: at, rows } in self.filters.select(batch)? {
            let Some((rule, selection)) = self.places.get(at).copied() else {
                continue;
            };
            match rows {
                Ok(rows) => all.push((rule, selection, rows)),
                // One rule's trouble with an event is not the next rule's.
                Err(error) => {
                    let rule = self.rules.get(rule).map(|ready| ready.rule.id);
                    tracing::warn!(?rule, %error, "a rule fails on an event");
                }
            }
        }
        Ok(all)
    }
}

/// What a finding tells of an event, and what groups are made of.
pub(super) fn told() -> Columns {
    Columns::of(&[
        Column::Time,
        Column::Name,
        Column::Account,
        Column::Region,
        Column::Service,
        Column::Operation,
        Column::Actor,
        Column::SrcIp,
        Column::Raw,
    ])
}

/// For one selection alone, whatever it asks for.
pub(super) fn anyway(filters: &[Arc<Filter>]) -> Result<Rules> {
    let all = filters
        .iter()
        .map(|filter| (Arc::clone(filter), Anchors::Any));
    Ok(Rules::new(all)?)
}

/// Which texts of which rules are in a set.
pub(super) type Edition = Vec<(Uuid, String)>;

/// Sets of rules by tenant. Share it as `Arc<RuleSets>`.
pub struct RuleSets {
    kept: Cache<TenantId, (Edition, Arc<RuleSet>)>,
}

impl Default for RuleSets {
    fn default() -> Self {
        Self {
            kept: Cache::new(KEPT),
        }
    }
}

impl std::fmt::Debug for RuleSets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RuleSets")
    }
}

impl RuleSets {
    /// The set of this edition, if it is the one that is kept.
    pub(super) fn kept(&self, tenant: &TenantId, edition: &Edition) -> Option<Arc<RuleSet>> {
        let (of, set) = self.kept.get(tenant)?;
        (of == *edition).then_some(set)
    }

    /// Makes the set of an edition, and keeps it.
    pub(super) fn make(
        &self,
        lake: &Lake,
        scope: &TenantScope,
        edition: Edition,
        rules: Vec<Rule>,
    ) -> Result<Arc<RuleSet>> {
        let bytes = rules.iter().map(|rule| 8 * rule.text.len() + 4_096).sum();
        let set = Arc::new(RuleSet::new(lake, scope, rules)?);
        let kept = (edition, Arc::clone(&set));
        self.kept.put(scope.tenant().clone(), kept, bytes);
        Ok(set)
    }

    /// Forgets what is kept for a tenant: to be called when it is deleted.
    pub fn forget(&self, tenant: &TenantId) {
        self.kept.remove(tenant);
    }
}
