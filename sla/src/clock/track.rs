//! One clock while the log is read.

use jiff::{SignedDuration, Timestamp};

use super::super::agreement::{Agreement, Target};
use super::super::objective::{ObjectiveKind, Severity};
use super::{Clock, Mark, Party, Segment, State, Subject};

/// How a clock ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// It was done.
    Done(Mark),
    /// It was called off.
    CalledOff(Mark),
    /// Not yet.
    Open(Timestamp),
}

/// What a clock needs to start.
#[derive(Debug)]
pub(super) struct Start<'a> {
    pub(super) kind: ObjectiveKind,
    pub(super) subject: Option<Subject>,
    pub(super) agreement: &'a Agreement,
    pub(super) severity: Severity,
    pub(super) severity_by: u64,
    pub(super) mark: Mark,
    pub(super) party: Party,
    /// The entry that made it the party's turn.
    pub(super) party_by: u64,
}

/// A clock that is not at its end.
#[derive(Debug)]
pub(super) struct Track<'a> {
    pub(super) kind: ObjectiveKind,
    pub(super) subject: Option<Subject>,
    agreement: &'a Agreement,
    severity: Severity,
    severity_by: u64,
    reclassified: Vec<u64>,
    /// None while the severity has no such objective.
    target: Option<&'a Target>,
    /// The latest target, and its severity.
    shown: Option<(Severity, &'a Target)>,
    started: Mark,
    party: Party,
    /// The start of the segment that is not at its end.
    since: Mark,
    segments: Vec<Segment>,
    /// From this segment on there was no target, and so no calendar.
    unmeasured: usize,
    spent: SignedDuration,
    paused: SignedDuration,
    allowed: SignedDuration,
    /// The due moment that was missed. From then on nothing is due any more.
    missed: Option<Timestamp>,
}

impl<'a> Track<'a> {
    pub(super) fn new(start: Start<'a>) -> Self {
        let target = start.agreement.target(start.kind, start.severity);
        Self {
            kind: start.kind,
            subject: start.subject,
            agreement: start.agreement,
            severity: start.severity,
            severity_by: start.severity_by,
            reclassified: Vec::new(),
            target,
            shown: target.map(|target| (start.severity, target)),
            started: start.mark,
            party: start.party,
            since: Mark {
                at: start.mark.at,
                sequence: start.party_by,
            },
            segments: Vec::new(),
            unmeasured: 0,
            spent: SignedDuration::ZERO,
            paused: SignedDuration::ZERO,
            allowed: target.map_or(SignedDuration::ZERO, |target| target.within),
            missed: None,
        }
    }

    /// When the allowed time is used up, if the turn does not change.
    fn due(&self) -> Option<Timestamp> {
        if self.missed.is_some() {
            return self.missed;
        }
        let target = self.target.filter(|_| self.party == Party::Provider)?;
        let rest = self.allowed.saturating_sub(self.spent);
        target.calendar.add_open(self.since.at, rest).ok()
    }

    /// Ends the current segment, and begins the next.
    fn cut(&mut self, at: Timestamp, by: Option<u64>) {
        let calendar = self.target.map(|target| &target.calendar);
        let from = self.since.at;
        let open = calendar.map_or(SignedDuration::ZERO, |c| c.open_between(from, at));
        if self.party == Party::Provider {
            let spent = self.spent.saturating_add(open);
            if self.missed.is_none() && spent >= self.allowed {
                self.missed = self.due().filter(|due| *due < at);
            }
        }
        self.push(Segment {
            party: self.party,
            severity: self.severity,
            from,
            to: at,
            open,
            begun_by: self.since.sequence,
            ended_by: by,
        });
        self.since = Mark {
            at,
            sequence: by.unwrap_or(self.since.sequence),
        };
    }

    fn push(&mut self, segment: Segment) {
        self.add(segment.party, segment.open);
        self.segments.push(segment);
    }

    fn add(&mut self, party: Party, open: SignedDuration) {
        let sum = match party {
            Party::Provider => &mut self.spent,
            Party::Customer => &mut self.paused,
        };
        *sum = sum.saturating_add(open);
    }

    /// The turn goes to a party, or stays with it.
    pub(super) fn hand_over(&mut self, mark: Mark, to: Party) {
        if self.party != to {
            self.cut(mark.at, Some(mark.sequence));
            self.party = to;
        }
    }

    /// The severity changes. What was spent is allowed, and the next segment begins here: so
    /// the clock is not due before the change.
    pub(super) fn reclassify(&mut self, mark: Mark, to: Severity) {
        if self.due().is_some_and(|due| due < mark.at) {
            return;
        }
        let raised = to.is_graver_than(self.severity);
        self.cut(mark.at, Some(mark.sequence));
        self.reclassified.push(mark.sequence);
        self.severity = to;
        let had = self.target;
        self.target = self.agreement.target(self.kind, to);
        let Some(target) = self.target else {
            if had.is_some() {
                self.unmeasured = self.segments.len();
            }
            return;
        };
        if had.is_none() {
            self.measure(target);
        }
        self.shown = Some((to, target));
        let grace = if raised {
            self.agreement.reclassify_grace()
        } else {
            SignedDuration::ZERO
        };
        self.allowed = target.within.max(self.spent.saturating_add(grace));
    }

    /// Counts what had no calendar by the one that the severity now brings.
    fn measure(&mut self, target: &Target) {
        let mut segments = std::mem::take(&mut self.segments);
        for segment in segments.iter_mut().skip(self.unmeasured) {
            segment.severity = self.severity;
            segment.open = target.calendar.open_between(segment.from, segment.to);
            self.add(segment.party, segment.open);
        }
        self.segments = segments;
    }

    /// The clock at its end, or as it stands; none if nothing was ever promised.
    pub(super) fn finish(mut self, end: End) -> Option<Clock<'a>> {
        let (severity, target) = self.shown?;
        let (at, stopped) = match end {
            End::Done(mark) | End::CalledOff(mark) => (mark.at, Some(mark)),
            End::Open(now) => (now, None),
        };
        let dormant = self.target.is_none();
        let due = self.due();
        if dormant {
            self.segments.truncate(self.unmeasured);
        } else {
            self.cut(at, stopped.map(|mark| mark.sequence));
        }
        let state = match end {
            _ if self.missed.is_some() => State::Breached,
            _ if dormant => State::Cancelled,
            End::Done(_) => State::Met,
            End::CalledOff(_) => State::Cancelled,
            End::Open(_) if self.party == Party::Customer => State::Paused,
            End::Open(_) => State::Running,
        };
        Some(Clock {
            kind: self.kind,
            subject: self.subject,
            severity,
            severity_by: self.severity_by,
            reclassified: self.reclassified,
            agreement: self.agreement,
            target,
            started: self.started,
            stopped,
            state,
            due: self.missed.or(due).filter(|_| state != State::Cancelled),
            allowed: self.allowed,
            spent: self.spent,
            paused: self.paused,
            segments: self.segments,
        })
    }
}
