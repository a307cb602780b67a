//! Rules over what is past, many at once: for the room of analyses. Nothing is kept or told.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use cordon_kernel::{Result, TenantScope};
use cordon_lake::rules::Rules;
use cordon_lake::schema::Columns;
use cordon_lake::{Events, Lake, filled};
use cordon_sigma::{Correlation, Level, Window};

use super::compiled::{compile, told};
use super::drafts::counted;

/// Something that a rule found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hit {
    /// The rule, by its place.
    pub(crate) rule: usize,
    /// Event time of the last event, nanoseconds since 1970.
    pub(crate) time_ns: i64,
    /// The last event's name.
    pub(crate) name: [u8; 16],
    /// How many events it is: one, or what a correlation counted.
    pub(crate) events: u64,
    pub(crate) actor: String,
    pub(crate) account: String,
    pub(crate) source_address: String,
    pub(crate) operation: String,
}

struct Hunted {
    title: String,
    level: &'static str,
    correlation: Option<(Correlation, Window)>,
    /// Events on which its filter failed.
    failed: bool,
}

/// Rules, ready to be held against events from the oldest to the newest.
pub(crate) struct Hunt {
    rules: Vec<Hunted>,
    filters: Arc<Filters>,
}

/// What of a hunt is the same for all events: several batches can be looked at side by side.
pub(crate) struct Filters {
    /// Rule and selection of each of the filters.
    places: Vec<(usize, usize)>,
    rules: Rules,
}

/// What rules take of a batch.
#[derive(Default)]
pub(crate) struct Selected {
    /// By rules the rows with the selections that take them, ascending.
    by_rule: BTreeMap<usize, Vec<(u32, usize)>>,
    /// Rules whose filters fail on some event.
    failed: Vec<usize>,
}

impl Filters {
    /// What the rules take of a batch.
    ///
    /// # Errors
    /// The batch lacks a column.
    pub(crate) fn select(&self, batch: &RecordBatch) -> Result<Selected> {
        let mut all = Selected::default();
        for selected in self.rules.select(batch)? {
            let Some((rule, selection)) = self.places.get(selected.rule).copied() else {
                continue;
            };
            match selected.rows {
                Ok(rows) => {
                    let rows = rows.into_iter().map(|row| (row, selection));
                    all.by_rule.entry(rule).or_default().extend(rows);
                }
                // One rule's trouble with an event is not the next rule's.
                Err(_) => all.failed.push(rule),
            }
        }
        for rows in all.by_rule.values_mut() {
            rows.sort_unstable();
        }
        Ok(all)
    }
}

impl Hunt {
    /// # Errors
    /// `INVALID_RULE` with the place of the mistake, and which of the texts it is in.
    pub(crate) fn new(lake: &Lake, scope: &TenantScope, texts: &[String]) -> Result<Self> {
        let (mut rules, mut places, mut filters) = (Vec::new(), Vec::new(), Vec::new());
        for (at, text) in texts.iter().enumerate() {
            let compiled = compile(lake, scope, text, &[])
                .map_err(|error| error.with_metadata("rule", (at + 1).to_string()))?;
            let anchors = compiled.sigma.selections.iter();
            for (selection, (filter, of)) in compiled.filters.iter().zip(anchors).enumerate() {
                places.push((at, selection));
                filters.push((filter.clone(), of.anchors.clone()));
            }
            rules.push(Hunted {
                title: compiled.sigma.title.clone(),
                level: word(compiled.sigma.level),
                correlation: compiled
                    .sigma
                    .correlation
                    .clone()
                    .map(|counts| (counts, Window::default())),
                failed: false,
            });
        }
        Ok(Self {
            rules,
            filters: Arc::new(Filters {
                places,
                rules: Rules::new(filters)?,
            }),
        })
    }

    /// The columns that batches must have.
    pub(crate) fn columns(&self) -> Columns {
        self.filters.rules.columns().union(told())
    }

    /// What looks at batches.
    pub(crate) fn filters(&self) -> Arc<Filters> {
        Arc::clone(&self.filters)
    }

    /// The rules by title and level, and whether one failed on some event.
    pub(crate) fn rules(&self) -> impl Iterator<Item = (&str, &'static str, bool)> {
        self.rules
            .iter()
            .map(|rule| (rule.title.as_str(), rule.level, rule.failed))
    }

    /// What they find in the next events, of which they take these.
    ///
    /// # Errors
    /// The batch lacks a column.
    pub(crate) fn take(&mut self, batch: &RecordBatch, selected: Selected) -> Result<Vec<Hit>> {
        for rule in selected.failed {
            if let Some(rule) = self.rules.get_mut(rule) {
                rule.failed = true;
            }
        }
        if selected.by_rule.is_empty() {
            return Ok(Vec::new());
        }
        let batch = filled(batch)?;
        let events = Events::new(&batch)?;
        let mut hits = Vec::new();
        for (at, rows) in selected.by_rule {
            let Some(rule) = self.rules.get_mut(at) else {
                continue;
            };
            match &mut rule.correlation {
                None => hits.extend(rows.iter().map(|(row, _)| one(at, &events, *row as usize))),
                Some((counts, window)) => {
                    for (row, selection) in rows {
                        let place = (row as usize, selection);
                        for draft in counted(counts, window, (&events, None), place) {
                            let last = one(at, &events, row as usize);
                            hits.push(Hit {
                                events: draft.count,
                                ..last
                            });
                        }
                    }
                    window.prune(counts);
                }
            }
        }
        Ok(hits)
    }
}

const fn word(level: Level) -> &'static str {
    match level {
        Level::Informational => "informational",
        Level::Low => "low",
        Level::Medium => "medium",
        Level::High => "high",
        Level::Critical => "critical",
    }
}

fn one(rule: usize, events: &Events<'_>, row: usize) -> Hit {
    let event = events.row(row, &[]);
    Hit {
        rule,
        time_ns: events.time_ns(row),
        name: events.name(row),
        events: 1,
        actor: event.actor.to_owned(),
        account: event.account.to_owned(),
        source_address: event.src_ip.map_or_else(String::new, |ip| ip.to_string()),
        operation: event.operation.to_owned(),
    }
}
