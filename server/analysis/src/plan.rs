//! From a question to scans of the lake and to what takes their rows.
//!
//! The server runs a plan so: it reads the scans of a round in their order and gives each row
//! to [`Accumulate::take`] with the place of its scan in the round; then it asks
//! [`Accumulate::next_scans`] and goes on with these, until there are none; then it asks for the
//! answer. All scans of all rounds are read from one snapshot, so that the same question over
//! the same snapshot gives the same bytes.

use std::ops::ControlFlow;

use crate::answer::{Answer, Remark, RemarkReason};
use crate::question::{Invalid, Kind, Question, Scope};
use crate::row::Row;
use crate::{beacons, changes, compare, indicator, pivot, role_chain, seen, timeline, volume};

/// Most rounds of scans of any plan.
pub const MOST_ROUNDS: usize = 20;
/// Most scans of one round.
pub const MOST_SCANS: usize = 2 * crate::question::MOST_SUBJECTS;
/// Most rows that one scan is read for. What would come after is not looked at, and the answer
/// says so.
pub const MOST_SCANNED: u64 = 10_000_000;

/// In which order a scan gives its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// By time descending, then by name.
    NewestFirst,
    /// The exact reverse.
    OldestFirst,
}

/// Rows that are to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    /// Condition in the filter language; none takes every event.
    pub filter: Option<String>,
    /// Earliest event time, included, nanoseconds since 1970.
    pub since: i64,
    /// Latest event time, excluded, nanoseconds since 1970.
    pub until: i64,
    /// In which order.
    pub order: Order,
    /// Most rows.
    pub limit: u64,
    /// Names of the columns that are read of each row. `raw_context` may be among them, which
    /// filters do not know.
    pub columns: Vec<&'static str>,
}

/// What takes the rows of a plan's scans.
pub trait Accumulate: Send {
    /// Takes a row of a scan, named by its place in the round, counted from 0. A break says
    /// that this scan need not be read further.
    fn take(&mut self, scan: usize, row: &Row<'_>) -> ControlFlow<()>;

    /// The scans of the next round, once those of a round were read; none when all is known.
    fn next_scans(&mut self) -> Vec<Scan> {
        Vec::new()
    }

    /// Says that a scan of the round was not read to its end, for a reason of the server's: a
    /// deadline, or a share of the machine that is used up. The answer then says so.
    fn stopped(&mut self, _scan: usize) {}

    /// What is to be said.
    fn finish(self: Box<Self>) -> Answer;
}

/// Says in the answer that scans were not read to their end.
struct Watched {
    state: Box<dyn Accumulate + Send>,
    limits: Vec<u64>,
    rows: Vec<u64>,
    stopped: u64,
}

impl Watched {
    fn new(scans: &[Scan], state: Box<dyn Accumulate + Send>) -> Self {
        let mut watched = Self {
            state,
            limits: Vec::new(),
            rows: Vec::new(),
            stopped: 0,
        };
        watched.round(scans);
        watched
    }

    fn round(&mut self, scans: &[Scan]) {
        self.limits = scans.iter().map(|scan| scan.limit).collect();
        self.rows = vec![0; scans.len()];
    }
}

impl Accumulate for Watched {
    fn take(&mut self, scan: usize, row: &Row<'_>) -> ControlFlow<()> {
        if let Some(rows) = self.rows.get_mut(scan) {
            *rows += 1;
            // Smaller limits are the plan's own business.
            if *rows == MOST_SCANNED && self.limits.get(scan) == Some(&MOST_SCANNED) {
                self.stopped += 1;
            }
        }
        self.state.take(scan, row)
    }

    fn next_scans(&mut self) -> Vec<Scan> {
        let scans = self.state.next_scans();
        self.round(&scans);
        scans
    }

    fn stopped(&mut self, scan: usize) {
        self.stopped += 1;
        self.state.stopped(scan);
    }

    fn finish(self: Box<Self>) -> Answer {
        let mut answer = self.state.finish();
        if self.stopped > 0 {
            answer.remarks.push(Remark::new(
                RemarkReason::Stopped,
                "Not all events of the scope were looked at: there were too many, or it took too \
                 long. Figures are lower bounds. Narrow the time, the accounts or the resources.",
            ));
        }
        answer
    }
}

/// How a question is answered.
pub struct Plan {
    /// The scans of the first round.
    pub scans: Vec<Scan>,
    /// What takes their rows.
    pub state: Box<dyn Accumulate + Send>,
}

impl std::fmt::Debug for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plan")
            .field("scans", &self.scans)
            .finish_non_exhaustive()
    }
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The question or the scope is not valid.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// Questions of this kind are answered elsewhere: rules and SQL by the lake, across tenants by the
    /// kernel, others by people.
    #[error("questions of the kind {0} are answered elsewhere and have no plan")]
    Elsewhere(Kind),
}

/// The plan of a question over a scope.
///
/// # Errors
///
/// [`PlanError`] when question or scope are not valid, or the lake answers it.
pub fn plan(question: &Question, scope: &Scope) -> Result<Plan, PlanError> {
    question.validate()?;
    scope.validate()?;
    let Plan { scans, state } = match question {
        Question::Timeline(asked) => timeline::plan(asked, scope),
        Question::Pivot(asked) => pivot::plan(asked, scope),
        Question::RoleChain(asked) => role_chain::plan(asked, scope),
        Question::Indicators(asked) => indicator::plan(asked, scope)?,
        Question::Seen(asked) => seen::plan(asked, scope),
        Question::Volume(asked) => volume::plan(asked, scope),
        Question::Changes(asked) => changes::plan(asked, scope),
        Question::Beacons(asked) => beacons::plan(asked, scope),
        Question::Compare(asked) => compare::plan(asked, scope),
        Question::Rule(_)
        | Question::Sql(_)
        | Question::SeenByOthers(_)
        | Question::HostMaintenance(_)
        | Question::Human(_) => {
            return Err(PlanError::Elsewhere(question.kind()));
        }
    };
    let state = Box::new(Watched::new(&scans, state));
    Ok(Plan { scans, state })
}

/// The version of the plan of this kind. It changes when the same events would give another
/// answer, so that an answer that is computed again is held against one of the same version.
#[must_use]
pub const fn plan_version(kind: Kind) -> u32 {
    match kind {
        Kind::Timeline => timeline::PLAN_VERSION,
        Kind::Pivot => pivot::PLAN_VERSION,
        Kind::RoleChain => role_chain::PLAN_VERSION,
        Kind::Indicators => indicator::PLAN_VERSION,
        Kind::Seen => seen::PLAN_VERSION,
        Kind::Volume => volume::PLAN_VERSION,
        Kind::Changes => changes::PLAN_VERSION,
        Kind::Beacons => beacons::PLAN_VERSION,
        Kind::Compare => compare::PLAN_VERSION,
        Kind::Rule | Kind::SeenByOthers | Kind::HostMaintenance | Kind::Human => 1,
        // 2: numbers with all their digits. 3: a column more.
        Kind::Sql => 3,
    }
}

/// How questions of this kind are answered and what the answer can't say: shown with it.
#[must_use]
pub const fn method(kind: Kind) -> &'static str {
    match kind {
        Kind::Timeline => timeline::METHOD,
        Kind::Pivot => pivot::METHOD,
        Kind::RoleChain => role_chain::METHOD,
        Kind::Indicators => indicator::METHOD,
        Kind::Seen => seen::METHOD,
        Kind::Volume => volume::METHOD,
        Kind::Changes => changes::METHOD,
        Kind::Beacons => beacons::METHOD,
        Kind::Compare => compare::METHOD,
        Kind::Rule => {
            "The rules become filters in the filter language and every event of the scope is held \
             against them, oldest first. Fields that a rule names and a record does not have match \
             nothing."
        }
        Kind::Human => "Analysts of the provider answered, by the method that they name.",
        Kind::SeenByOthers => {
            "A declared release: the number of customers by whom it was seen, yourself among them, \
             counted over seven whole days with noise that is drawn once, told as one of three \
             sizes. About one answer in three near a size's edge is the size beside it. It is a hint \
             to look on, and no finding."
        }
        Kind::HostMaintenance => {
            "A declared release: of your own registrations, where the provider says your instance was, \
             and work on 20 hosts or more that was announced seven days ahead. Work that was not is \
             not told of, by a yes or by an unknown: what else is done to a host tells of neighbours."
        }
        Kind::Sql => {
            "The statement runs over your events alone, in the lake. What it says is what it was \
             written to say."
        }
    }
}

/// A scan of the whole scope with this condition besides.
pub(crate) fn scan(
    scope: &Scope,
    filter: Option<String>,
    order: Order,
    columns: &[&'static str],
) -> Scan {
    let (since, until) = scope.ns();
    Scan {
        filter: crate::sql::all([scope.filter(), filter]),
        since,
        until,
        order,
        limit: MOST_SCANNED,
        columns: columns.to_vec(),
    }
}
