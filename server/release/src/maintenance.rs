//! Whether the host under a customer's instance was worked on.
//!
//! What is released is a function of the asker's own placements and of the provider's calendar of
//! work. The calendar must tell nothing of the neighbours on a host, and much that a provider does
//! to a host does: it moves an instance that is attacked, copies the memory of one that is
//! examined, restarts a host that somebody wore out. So only work counts that was announced
//! [`LEAD_DAYS`] ahead, which no incident of a neighbour in between can have caused, and that took
//! in [`MIN_HOSTS`] hosts at least, so that two customers who compare their answers do not learn
//! that they share one. Other work is not there: neither as a yes nor as an unknown.

use std::collections::BTreeSet;

use crate::answer::Answer;
use crate::budget::Paid;
use crate::day::Day;
use crate::declared::Release;
use crate::eligible::{Eligible, Question, sealed};
use crate::error::Refused;

/// How many days before it begins work must have been announced to be told of.
pub const LEAD_DAYS: u16 = 7;

/// How many hosts work must take in to be told of.
pub const MIN_HOSTS: usize = 20;

/// Most days that one question covers.
pub const MAX_DAYS: u16 = 31;

/// Most bytes of an instance's id.
const MAX_INSTANCE: usize = 256;

/// The question: an instance of the asker's, and whole days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceDays {
    instance: String,
    first: Day,
    last: Day,
}

impl InstanceDays {
    /// Both days belong to it.
    ///
    /// # Errors
    /// [`Refused::Days`] for no day or more than [`MAX_DAYS`], [`Refused::Malformed`] for an id
    /// that no resource has.
    pub fn new(instance: &str, first: Day, last: Day) -> Result<Self, Refused> {
        let fits = (1..=MAX_INSTANCE).contains(&instance.len())
            && instance.bytes().all(|byte| byte.is_ascii_graphic());
        if !fits {
            return Err(Refused::Malformed(
                "expected the id of an instance as it is registered, without spaces",
            ));
        }
        if last < first || last >= first.plus(MAX_DAYS) {
            return Err(Refused::Days);
        }
        Ok(Self {
            instance: instance.to_owned(),
            first,
            last,
        })
    }

    /// The instance's id, as registered.
    #[must_use]
    pub fn instance(&self) -> &str {
        &self.instance
    }

    fn days(&self) -> impl Iterator<Item = Day> {
        let (first, last) = (self.first, self.last);
        (0..MAX_DAYS)
            .map(move |at| first.plus(at))
            .take_while(move |day| *day <= last)
    }
}

impl sealed::Sealed for InstanceDays {}

impl Question for InstanceDays {
    const RELEASE: Release = Release::HostMaintenance;

    fn canonical(&self) -> String {
        format!("instance {} {} {}", self.instance, self.first, self.last)
    }
}

/// Days during the whole of which an instance was registered for the asker, by its own registrations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ownership {
    /// The instance's id, as registered.
    pub instance: String,
    /// The first of these days.
    pub first: Day,
    /// The last of these days; for an instance that is still the asker's, any later one.
    pub last: Day,
}

impl Eligible<InstanceDays> {
    /// Lets the question pass if its days are over and the instance was the asker's on all of them.
    ///
    /// # Errors
    /// [`Refused::Days`] for days after the snapshot's, [`Refused::NotOwned`].
    pub fn check(
        question: InstanceDays,
        snapshot: Day,
        owned: &[Ownership],
    ) -> Result<Self, Refused> {
        if question.last > snapshot {
            return Err(Refused::Days);
        }
        let own = |day: Day| {
            owned
                .iter()
                .any(|of| of.instance == question.instance && of.first <= day && day <= of.last)
        };
        if question.days().all(own) {
            Ok(Self::new(question, snapshot))
        } else {
            Err(Refused::NotOwned)
        }
    }
}

/// Where the instance was: by the provider's facts, read in the asker's own scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stay {
    /// The provider's name of the host. Goes into no answer.
    pub host: String,
    /// The first day that it was there at any time.
    pub first: Day,
    /// The last day that it was there at any time.
    pub last: Day,
}

/// Work on hosts, as the provider's calendar announced it. What is called off stays in it, and what
/// is moved is entered once more: calling off and moving may have a neighbour's reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    /// The day on which it was entered with these hosts and days.
    pub announced: Day,
    /// The first day of it.
    pub first: Day,
    /// The last day of it.
    pub last: Day,
    /// The hosts that it takes in.
    pub hosts: BTreeSet<String>,
}

impl Work {
    /// Whether it may be told of: announced [`LEAD_DAYS`] ahead, on [`MIN_HOSTS`] hosts.
    #[must_use]
    pub fn is_told(&self) -> bool {
        self.announced.plus(LEAD_DAYS) <= self.first && self.hosts.len() >= MIN_HOSTS
    }
}

/// Whether announced work touched a host while the instance was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Maintenance {
    /// On one day at least there was announced work on a host that the instance was on.
    AnnouncedWork,
    /// There was none. Work of which nothing is told may have been.
    NoAnnouncedWork,
    /// On some day it is not known where the instance was, and on the others there was none.
    Unknown,
}

impl Maintenance {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::AnnouncedWork, Self::NoAnnouncedWork, Self::Unknown];

    /// The word for it, in the golden file and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AnnouncedWork => "announced-work",
            Self::NoAnnouncedWork => "no-announced-work",
            Self::Unknown => "unknown",
        }
    }
}

impl Paid<InstanceDays> {
    /// The answer, by where the instance was and by the provider's calendar.
    #[must_use]
    pub fn answer(self, stays: &[Stay], calendar: &[Work]) -> Answer<Maintenance> {
        let (question, snapshot) = self.into_parts();
        let meets = |work: &Work, stay: &Stay| {
            let from = work.first.max(stay.first).max(question.first);
            let to = work.last.min(stay.last).min(question.last);
            from <= to && work.hosts.contains(&stay.host)
        };
        let told = calendar.iter().filter(|work| work.is_told());
        let mut placed = question.days().map(|day| {
            stays
                .iter()
                .any(|stay| stay.first <= day && day <= stay.last)
        });
        let value = if told
            .into_iter()
            .any(|work| stays.iter().any(|stay| meets(work, stay)))
        {
            Maintenance::AnnouncedWork
        } else if placed.all(|known| known) {
            Maintenance::NoAnnouncedWork
        } else {
            Maintenance::Unknown
        };
        Answer::new(Release::HostMaintenance, snapshot, value)
    }
}
