//! From what rules select of a batch to what is to be told: one thing to look at for each actor,
//! account and hour, however many events it is; and what correlations count. Pure.

use std::collections::{BTreeMap, HashMap};

use arrow::array::RecordBatch;
use cordon_kernel::Result;
use cordon_lake::{Events, filled, first_at};
use cordon_sigma::{Correlation, Field, Hit, Window};
use cordon_views::EventRowRef;
use uuid::Uuid;

use super::compiled::{Ready, RuleSet};
use super::explained::Judged;
use crate::rooms::context::Context;

/// Most events of a finding that it names.
pub(super) const MOST_EVENTS: usize = 100;
/// Most findings that one rule makes of one batch; what is beyond them is one more, so that nobody
/// can make a flood by many names.
const MOST_DRAFTS: usize = 200;
/// Most that all rules together make of one batch, besides one more for each rule.
const MOST_OF_ALL: usize = 1_000;
/// An hour in nanoseconds: how long events of one actor are one thing.
const HOUR: i64 = 3_600_000_000_000;
/// Longest value that is told, in characters.
const LONGEST: usize = 256;

/// What is told of the event that a finding begins with.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct About {
    pub(super) actor: String,
    pub(super) account: String,
    pub(super) source_address: String,
    pub(super) operation: String,
}

impl About {
    fn of(row: &EventRowRef<'_>) -> Self {
        let cut = |text: &str| text.chars().take(LONGEST).collect::<String>();
        Self {
            actor: cut(row.actor),
            account: cut(row.account),
            source_address: row.src_ip.map_or_else(String::new, |ip| ip.to_string()),
            operation: cut(row.operation),
        }
    }
}

/// What a rule found in a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Draft {
    /// The rule, by its place in the set.
    pub(super) rule: usize,
    /// What two drafts share that are one finding, besides the rule.
    pub(super) key: String,
    /// Event time of the first and the last event, nanoseconds since 1970.
    pub(super) times: (i64, i64),
    /// How many events.
    pub(super) count: u64,
    /// Names of the first of them.
    pub(super) events: Vec<[u8; 16]>,
    pub(super) about: About,
    /// The fields by which a correlation groups, and their values.
    pub(super) group: Vec<(String, String)>,
    /// What the tenant's context says of all its events.
    pub(super) judged: Judged,
}

impl Draft {
    /// Takes in another for which there is no room.
    fn join(&mut self, other: &Self) {
        let (from, to) = other.times;
        self.times = (self.times.0.min(from), self.times.1.max(to));
        self.count += other.count;
        let room = MOST_EVENTS.saturating_sub(self.events.len());
        self.events.extend(other.events.iter().take(room));
        self.judged.join(&other.judged);
    }

    fn add(&mut self, time: i64, name: [u8; 16], judged: &Judged) {
        self.judged.join(judged);
        self.times = (self.times.0.min(time), self.times.1.max(time));
        self.count += 1;
        if self.events.len() < MOST_EVENTS {
            self.events.push(name);
        }
    }
}

/// The drafts of what was selected, in the order of the rules. `windows` has what the correlations
/// among them remember, and is changed by what they take in. `context` is what the tenant has told of
/// its own, if anything.
pub(super) fn drafts(
    set: &RuleSet,
    context: Option<&Context>,
    batch: &RecordBatch,
    selected: &[(usize, usize, Vec<u32>)],
    windows: &mut HashMap<Uuid, Window>,
) -> Result<Vec<Draft>> {
    let batch = filled(batch)?;
    let events = Events::new(&batch)?;
    let mut by_rule: BTreeMap<usize, Vec<(u32, usize)>> = BTreeMap::new();
    for (rule, selection, rows) in selected {
        let hits = by_rule.entry(*rule).or_default();
        hits.extend(rows.iter().map(|row| (*row, *selection)));
    }
    let mut all = Vec::new();
    for (at, mut hits) in by_rule {
        let Some(Ready { rule, sigma, .. }) = set.rules.get(at) else {
            continue;
        };
        // As they came.
        hits.sort_unstable();
        let room = MOST_DRAFTS.min(MOST_OF_ALL.saturating_sub(all.len()));
        match &sigma.correlation {
            None => all.extend(singles(at, (&events, context), &hits, room)),
            Some(correlation) => {
                let window = windows.entry(rule.id).or_default();
                let mut made: Vec<Draft> = Vec::new();
                for (row, selection) in hits {
                    let place = (row as usize, selection);
                    let found = counted(correlation, window, (&events, context), place);
                    for draft in found {
                        match made.get_mut(room) {
                            Some(others) => others.join(&draft),
                            None => made.push(Draft { rule: at, ..draft }),
                        }
                    }
                }
                window.prune(correlation);
                all.extend(made);
            }
        }
    }
    Ok(all)
}

fn singles(
    rule: usize,
    (events, context): (&Events<'_>, Option<&Context>),
    hits: &[(u32, usize)],
    room: usize,
) -> Vec<Draft> {
    let mut drafts: Vec<Draft> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for (row, _) in hits {
        let row = *row as usize;
        let (time, name) = (events.time_ns(row), events.name(row));
        let about = About::of(&events.row(row, &[]));
        let judged = Judged::of(context, events, row);
        let hour = time.div_euclid(HOUR);
        let account = &about.account;
        let mut key = format!("{hour}/{}:{account}{}", account.len(), about.actor);
        if places.len() >= room && !places.contains_key(&key) {
            key = "others".to_owned();
        }
        match places.get(&key).and_then(|at| drafts.get_mut(*at)) {
            Some(draft) => draft.add(time, name, &judged),
            None => {
                places.insert(key.clone(), drafts.len());
                drafts.push(Draft {
                    rule,
                    key,
                    times: (time, time),
                    count: 1,
                    events: vec![name],
                    about,
                    group: Vec::new(),
                    judged,
                });
            }
        }
    }
    drafts
}

/// What the correlation says to one more event that one of its selections took.
pub(super) fn counted(
    correlation: &Correlation,
    window: &mut Window,
    (events, context): (&Events<'_>, Option<&Context>),
    (row, selection): (usize, usize),
) -> Vec<Draft> {
    let event = events.row(row, &[]);
    let judged = Judged::of(context, events, row);
    let mut drafts = Vec::new();
    for (at, of) in correlation.selections.iter().enumerate() {
        if *of != selection {
            continue;
        }
        let fields = correlation.group_by.get(at).map_or(&[][..], Vec::as_slice);
        let group: Vec<String> = fields
            .iter()
            .map(|field| value(&event, field).unwrap_or_default())
            .collect();
        let counts = correlation.value.get(at);
        let hit = Hit {
            time: events.time_ns(row),
            name: events.name(row),
            selection: u16::try_from(at).unwrap_or(u16::MAX),
            value: counts.and_then(|field| value(&event, field)),
            notes: judged.notes(),
        };
        let Some(found) = window.take(correlation, &group, hit) else {
            continue;
        };
        let (Some(first), Some(last)) = (found.first(), found.last()) else {
            continue;
        };
        // The event itself is known, the others are remembered.
        let mut together = judged.clone();
        for hit in found.iter().filter(|hit| hit.name != events.name(row)) {
            together.join(&Judged::remembered(context, hit));
        }
        let names = correlation.group_names.iter().cloned();
        drafts.push(Draft {
            rule: 0,
            key: format!("{}/{group:?}", hex::encode(last.name)),
            times: (first.time, last.time),
            count: found.len() as u64,
            events: found.iter().take(MOST_EVENTS).map(|hit| hit.name).collect(),
            about: About::of(&event),
            group: names.zip(group).collect(),
            judged: together,
        });
    }
    drafts
}

/// A field's value in an event, as text; what is not there has none.
fn value(event: &EventRowRef<'_>, field: &Field) -> Option<String> {
    let text = match field {
        Field::Path(path) => first_at(event.raw, path)?,
        Field::Column("operation") => event.operation.to_owned(),
        Field::Column("service") => event.service.to_owned(),
        Field::Column("region") => event.region.to_owned(),
        Field::Column(_) => return None,
    };
    Some(text.chars().take(LONGEST).collect())
}
