//! Rules ready to look at events, kept for each tenant as long as they do not change.

use std::sync::Arc;

use arrow::array::RecordBatch;
use cordon_kernel::{Error, Reason, Result, TenantId, TenantScope};
use cordon_lake::filter::Filter;
use cordon_lake::rules::{Rules, Selected, columns_of};
use cordon_lake::schema::{Column, Columns};
use cordon_lake::{Cache, FilterError, Lake, LakeError};
use cordon_sigma::Rule as Sigma;
use uuid::Uuid;

use super::convert::refused;
use super::rules::{Origin, Rule};
use crate::rooms::context::Contexts;

/// Most bytes of rules' texts whose compiled form is kept.
const KEPT: usize = 64 << 20;
/// Bytes that a regular expression is taken for.
const REGEX: usize = 64 << 10;

/// A rule that was understood, with its filters.
#[derive(Debug, Clone)]
pub(super) struct Compiled {
    pub(super) sigma: Arc<Sigma>,
    /// In the order of the rule's selections, without the exceptions.
    pub(super) filters: Vec<Arc<Filter>>,
    pub(super) exceptions: Vec<Arc<Filter>>,
}

impl Compiled {
    /// How many regular expressions it holds in memory.
    pub(super) fn regexes(&self) -> usize {
        let all = self.filters.iter().map(|filter| filter.regexes());
        all.sum::<usize>() + self.exception_regexes()
    }

    /// How many of them are its exceptions'.
    pub(super) fn exception_regexes(&self) -> usize {
        let all = self.exceptions.iter().map(|filter| filter.regexes());
        all.sum()
    }

    /// One filter for a search: the first selection, and none of the exceptions.
    ///
    /// # Errors
    /// Together they are too large.
    pub(super) fn one(
        &self,
        lake: &Lake,
        scope: &TenantScope,
        exceptions: &[String],
    ) -> Result<Option<Arc<Filter>>> {
        let Some(selection) = self.sigma.selections.first() else {
            return Ok(None);
        };
        let text = excepting(&selection.filter, exceptions);
        let filter = lake.filters().compile(scope, &text).map_err(too_large)?;
        Ok(Some(filter))
    }
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
    compile_as(lake, scope, Arc::new(sigma), exceptions)
}

/// Understands a rule's text for nobody; how many regular expressions it holds in memory.
///
/// # Errors
/// `INVALID_RULE` with the place of the mistake.
pub(super) fn check(lake: &Lake, text: &str) -> Result<usize> {
    let sigma = cordon_sigma::compile(text).map_err(|error| refused(&error))?;
    let selections = sigma.selections.iter();
    let regexes = selections.map(|selection| {
        let compiled = lake.filters().check(&selection.filter);
        Ok(compiled.map_err(too_large)?.regexes())
    });
    regexes.sum()
}

fn compile_as(
    lake: &Lake,
    scope: &TenantScope,
    sigma: Arc<Sigma>,
    exceptions: &[String],
) -> Result<Compiled> {
    let exceptions = exceptions
        .iter()
        .enumerate()
        .map(|(at, exception)| {
            let compiled = lake.filters().compile(scope, exception);
            compiled.map_err(|error| of_exception(at, error))
        })
        .collect::<Result<_>>()?;
    let filters = sigma
        .selections
        .iter()
        .map(|selection| {
            let compiled = lake.filters().compile(scope, &selection.filter);
            compiled.map_err(too_large)
        })
        .collect::<Result<_>>()?;
    Ok(Compiled {
        sigma,
        filters,
        exceptions,
    })
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
    /// How many regular expressions there are.
    regexes: usize,
}

/// One rule of a set.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) rule: Rule,
    pub(super) sigma: Arc<Sigma>,
    exceptions: Vec<Arc<Filter>>,
}

impl RuleSet {
    fn new(lake: &Lake, scope: &TenantScope, rules: Vec<Rule>, texts: &Texts) -> Result<Self> {
        let mut ready = Vec::with_capacity(rules.len());
        let (mut places, mut filters) = (Vec::new(), Vec::new());
        let mut regexes = 0;
        for rule in rules {
            let understood = texts.understand(&rule);
            let compiled =
                understood.and_then(|sigma| compile_as(lake, scope, sigma, &rule.exceptions));
            let compiled = match compiled {
                Ok(compiled) => compiled,
                // It was accepted by an earlier version of this program; lists say so too.
                Err(error) => {
                    let reason = error.reason().as_str();
                    tracing::warn!(tenant = %scope.tenant(), rule = %rule.id, reason, "a rule can't be used");
                    continue;
                }
            };
            regexes += compiled.regexes();
            let selections = &compiled.sigma.selections;
            for (at, (filter, selection)) in compiled.filters.iter().zip(selections).enumerate() {
                places.push((ready.len(), at));
                filters.push((Arc::clone(filter), selection.anchors.clone()));
            }
            ready.push(Ready {
                rule,
                sigma: compiled.sigma,
                exceptions: compiled.exceptions,
            });
        }
        Ok(Self {
            rules: ready,
            places,
            filters: Rules::new(filters)?,
            regexes,
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The columns that are looked at, and those that findings tell of.
    pub(super) fn columns(&self) -> Columns {
        let exceptions = self.rules.iter().flat_map(|ready| &ready.exceptions);
        exceptions.fold(self.filters.columns().union(told()), |columns, filter| {
            columns.union(columns_of(filter))
        })
    }

    /// Which selections of which rules take which rows: rule, selection, rows ascending.
    pub(super) fn select(&self, batch: &RecordBatch) -> Result<Vec<(usize, usize, Vec<u32>)>> {
        let mut all = Vec::new();
        for Selected { rule: at, rows } in self.filters.select(batch)? {
            let Some((rule, selection)) = self.places.get(at).copied() else {
                continue;
            };
            let Some(ready) = self.rules.get(rule) else {
                continue;
            };
            let mut rows = match rows {
                Ok(rows) => rows,
                // One rule's trouble with an event is not the next rule's. What an event holds is
                // nothing for the server's log.
                Err(_) => {
                    tracing::warn!(rule = %ready.rule.id, "a rule fails on an event");
                    continue;
                }
            };
            // An exception that fails on an event does not hold for it.
            for exception in &ready.exceptions {
                let excepted = Rules::taken(exception, batch, &rows)?;
                rows.retain(|row| excepted.binary_search(row).is_err());
            }
            if !rows.is_empty() {
                all.push((rule, selection, rows));
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

/// A rule's selections by themselves.
pub(super) fn selections(of: &Compiled) -> Result<Rules> {
    let anchors = of.sigma.selections.iter().map(|one| one.anchors.clone());
    Ok(Rules::new(of.filters.iter().cloned().zip(anchors))?)
}

/// The provider's texts, understood once and not for each tenant: they are the same for all. What
/// tenants' own say is kept with nobody else's.
struct Texts(Cache<(Uuid, i64), Arc<Sigma>>);

impl Texts {
    fn understand(&self, rule: &Rule) -> Result<Arc<Sigma>> {
        let key = (rule.id, rule.version);
        let provided = rule.origin == Origin::Provider;
        if let (true, Some(sigma)) = (provided, self.0.get(&key)) {
            return Ok(sigma);
        }
        let sigma = cordon_sigma::compile(&rule.text).map_err(|error| refused(&error))?;
        let sigma = Arc::new(sigma);
        if provided {
            let weight = rule.text.len() * 4;
            self.0.put(key, Arc::clone(&sigma), weight);
        }
        Ok(sigma)
    }
}

/// Which texts of which rules are in a set.
pub(super) type Edition = Vec<(Uuid, String)>;

/// Sets of rules by tenant, and what tenants have told of their own. Share it as `Arc<RuleSets>`.
pub struct RuleSets {
    kept: Cache<TenantId, (Edition, Arc<RuleSet>)>,
    texts: Texts,
    pub(super) contexts: Contexts,
}

impl Default for RuleSets {
    fn default() -> Self {
        Self {
            kept: Cache::new(KEPT),
            texts: Texts(Cache::new(KEPT)),
            contexts: Contexts::default(),
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
        let bytes: usize = rules.iter().map(|rule| rule.text.len() + 4_096).sum();
        let set = Arc::new(RuleSet::new(lake, scope, rules, &self.texts)?);
        let bytes = (bytes + set.regexes * REGEX).min(KEPT);
        let kept = (edition, Arc::clone(&set));
        self.kept.put(scope.tenant().clone(), kept, bytes);
        Ok(set)
    }

    /// Forgets what is kept for a tenant: to be called when it is deleted.
    pub fn forget(&self, tenant: &TenantId) {
        self.kept.remove(tenant);
        self.contexts.forget(tenant);
    }
}
