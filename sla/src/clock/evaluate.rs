//! From a log to clocks.

use jiff::Timestamp;

use super::super::agreement::Agreement;
use super::super::objective::{ObjectiveKind, Severity};
use super::track::{End, Start, Track};
use super::{Clock, Entry, Event, Mark, Party, Subject};

/// What an incident's opening starts.
const FROM_OPENING: [ObjectiveKind; 5] = [
    ObjectiveKind::Acknowledge,
    ObjectiveKind::FirstUpdate,
    ObjectiveKind::Contain,
    ObjectiveKind::Restore,
    ObjectiveKind::Resolve,
];

/// What it starts when it comes back.
const FROM_REOPENING: [ObjectiveKind; 3] = [
    ObjectiveKind::Contain,
    ObjectiveKind::Restore,
    ObjectiveKind::Resolve,
];

/// The clocks of an incident as of `now`, in the order of their starts and kinds. Entries
/// after `now` are not looked at. Entries may come in any order; what counts is their time
/// and sequence number. `agreement_at` says which agreement is in force at a moment.
pub fn evaluate<'a>(
    log: &[Entry],
    agreement_at: impl Fn(Timestamp) -> Option<&'a Agreement>,
    now: Timestamp,
) -> Vec<Clock<'a>> {
    let mut incident = Incident {
        agreement_at,
        severity: None,
        party: (Party::Provider, 0),
        over: false,
        intervals: 0,
        live: Vec::new(),
        done: Vec::with_capacity(log.len()),
    };
    let order = |entry: &Entry| (entry.at, entry.sequence);
    if log.is_sorted_by_key(order) {
        incident.read(log, now);
    } else {
        let mut sorted: Vec<&Entry> = log.iter().collect();
        sorted.sort_by_key(|entry| order(entry));
        incident.read(sorted, now);
    }
    let Incident { live, mut done, .. } = incident;
    done.extend(
        live.into_iter()
            .filter_map(|track| track.finish(End::Open(now))),
    );
    done.sort_by_key(|clock| (clock.started, clock.kind));
    done
}

/// An incident while its log is read.
struct Incident<'a, F> {
    agreement_at: F,
    /// And the entry that set it; none before the opening.
    severity: Option<(Severity, u64)>,
    /// Whose turn it is, and the entry that made it so.
    party: (Party, u64),
    /// Resolved or closed.
    over: bool,
    /// How many intervals between updates there were.
    intervals: u32,
    live: Vec<Track<'a>>,
    done: Vec<Clock<'a>>,
}

impl<'a, F: Fn(Timestamp) -> Option<&'a Agreement>> Incident<'a, F> {
    fn read<'e>(&mut self, log: impl IntoIterator<Item = &'e Entry>, now: Timestamp) {
        for entry in log {
            if entry.at > now {
                break;
            }
            let mark = Mark {
                at: entry.at,
                sequence: entry.sequence,
            };
            self.take(mark, &entry.event);
        }
    }

    fn take(&mut self, mark: Mark, event: &Event) {
        use ObjectiveKind::{
            Acknowledge, AnswerAnalysis, Contain, DeliverSnapshot, FirstUpdate, Resolve, Restore,
            SubsequentUpdate,
        };
        let Some((severity, _)) = self.severity else {
            if let Event::Opened { severity } = event {
                self.severity = Some((*severity, mark.sequence));
                self.party = (Party::Provider, mark.sequence);
                self.live.reserve(FROM_OPENING.len() + 1);
                self.start_all(mark, &FROM_OPENING);
            }
            return;
        };
        match event {
            Event::Opened { .. } => {}
            Event::Acknowledged => self.end(&[Acknowledge], End::Done(mark)),
            Event::Updated => {
                self.end(&[FirstUpdate, SubsequentUpdate], End::Done(mark));
                if !self.over {
                    self.start_interval(mark);
                }
            }
            Event::Reclassified { to, .. } if *to == severity => {}
            Event::Reclassified { to, .. } => {
                self.severity = Some((*to, mark.sequence));
                self.live
                    .iter_mut()
                    .for_each(|track| track.reclassify(mark, *to));
            }
            Event::HandedOver { to, .. } => {
                if self.party.0 != *to {
                    self.party = (*to, mark.sequence);
                }
                let own = self.live.iter_mut().filter(|track| !is_a_request(track));
                own.for_each(|track| track.hand_over(mark, *to));
            }
            Event::Contained => self.end(&[Contain], End::Done(mark)),
            Event::Restored => self.end(&[Restore], End::Done(mark)),
            Event::SnapshotRequested { id } => self.request(mark, DeliverSnapshot, id),
            Event::AnalysisRequested { id } => self.request(mark, AnswerAnalysis, id),
            Event::SnapshotDelivered { id } => self.answer(mark, DeliverSnapshot, id),
            Event::AnalysisAnswered { id } => self.answer(mark, AnswerAnalysis, id),
            Event::RequestHandedOver { id, to } => {
                let of = self.live.iter_mut().filter(|track| is_of(track, id));
                of.for_each(|track| track.hand_over(mark, *to));
            }
            Event::RequestCalledOff { id } => {
                self.end_if(|track| is_of(track, id), End::CalledOff(mark));
            }
            Event::Resolved => {
                self.over = true;
                self.end(&[Acknowledge, Contain, Restore, Resolve], End::Done(mark));
                self.end(&[FirstUpdate, SubsequentUpdate], End::CalledOff(mark));
            }
            Event::Reopened if self.over => {
                self.over = false;
                // Whoever had it when it was closed: what is not done with is the provider's again.
                self.take(
                    mark,
                    &Event::HandedOver {
                        to: Party::Provider,
                        reason: String::new(),
                    },
                );
                self.start_all(mark, &FROM_REOPENING);
                self.start_interval(mark);
            }
            Event::Reopened => {}
            Event::Closed => {
                self.over = true;
                self.end(&ObjectiveKind::ALL, End::CalledOff(mark));
            }
        }
    }

    /// Starts a clock, if the agreement has such an objective for any severity: a later
    /// re-classification may bring it to bear.
    fn start(&mut self, mark: Mark, kind: ObjectiveKind, subject: Option<Subject>) {
        let Some((severity, severity_by)) = self.severity else {
            return;
        };
        let promised = |agreement: &&Agreement| {
            let mut severities = Severity::ALL.into_iter();
            severities.any(|severity| agreement.target(kind, severity).is_some())
        };
        let Some(agreement) = (self.agreement_at)(mark.at).filter(promised) else {
            return;
        };
        // A request is put to the provider, whosever turn the incident is.
        let (party, party_by) = match subject {
            Some(Subject::Request(_)) => (Party::Provider, mark.sequence),
            _ if self.party.0 == Party::Provider => (Party::Provider, mark.sequence),
            _ => self.party,
        };
        self.live.push(Track::new(Start {
            kind,
            subject,
            agreement,
            severity,
            severity_by,
            mark,
            party,
            party_by,
        }));
    }

    fn start_all(&mut self, mark: Mark, kinds: &[ObjectiveKind]) {
        for kind in kinds {
            self.start(mark, *kind, None);
        }
    }

    fn start_interval(&mut self, mark: Mark) {
        self.intervals = self.intervals.saturating_add(1);
        let subject = Subject::Interval(self.intervals);
        self.start(mark, ObjectiveKind::SubsequentUpdate, Some(subject));
    }

    fn is_live(&self, kind: ObjectiveKind, id: &str) -> bool {
        self.live.iter().any(|track| is_request(track, kind, id))
    }

    fn request(&mut self, mark: Mark, kind: ObjectiveKind, id: &str) {
        if !self.is_live(kind, id) {
            self.start(mark, kind, Some(Subject::Request(id.to_owned())));
        }
    }

    fn answer(&mut self, mark: Mark, kind: ObjectiveKind, id: &str) {
        self.end_if(|track| is_request(track, kind, id), End::Done(mark));
    }

    fn end(&mut self, kinds: &[ObjectiveKind], end: End) {
        self.end_if(|track| kinds.contains(&track.kind), end);
    }

    fn end_if(&mut self, ends: impl Fn(&Track<'a>) -> bool, end: End) {
        let ended = self.live.extract_if(.., |track| ends(track));
        self.done
            .extend(ended.filter_map(|track| track.finish(end)));
    }
}

fn is_a_request(track: &Track<'_>) -> bool {
    matches!(track.subject, Some(Subject::Request(_)))
}

fn is_of(track: &Track<'_>, id: &str) -> bool {
    matches!(&track.subject, Some(Subject::Request(request)) if request == id)
}

fn is_request(track: &Track<'_>, kind: ObjectiveKind, id: &str) -> bool {
    track.kind == kind && is_of(track, id)
}
