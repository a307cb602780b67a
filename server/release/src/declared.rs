//! The declared releases: the closed list of ways in which an answer may depend on what the asker
//! may not see. `releases.golden.txt` is its print, reviewed like code.

use crate::answer::Bucket;
use crate::budget::{DAY_QUESTIONS, MONTH_QUESTIONS};
use crate::contribution::MAX_TAGS;
use crate::day::WINDOW_DAYS;
use crate::maintenance::{LEAD_DAYS, MAX_DAYS, MIN_HOSTS, Maintenance};
use crate::noise::{TRIAL_BITS, advantage_bound, epsilon};

/// A declared release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Release {
    /// How many customers have seen an indicator that the asker has seen.
    IndicatorSeenByOthers,
    /// Whether announced work touched the host under an instance of the asker's.
    HostMaintenance,
}

/// What is declared of a release, for customers and reviewers to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declaration {
    /// The release.
    pub release: Release,
    /// Name and form of each input, normalised. There are no others.
    pub inputs: Vec<(&'static str, &'static str)>,
    /// Who may ask.
    pub eligible: String,
    /// Out of what the answer is made.
    pub snapshot: String,
    /// How it is made.
    pub mechanism: String,
    /// What one answer can tell of one tenant at most.
    pub bound: String,
    /// All answers that there are.
    pub answers: Vec<&'static str>,
    /// How much one billing organisation may ask.
    pub budget: String,
    /// The test that compares inputs, mechanism and answers with this.
    pub pinned_by: &'static str,
}

impl Release {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::IndicatorSeenByOthers, Self::HostMaintenance];

    /// The name, in the golden file, in logs and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::IndicatorSeenByOthers => "IndicatorSeenByOthers",
            Self::HostMaintenance => "HostMaintenance",
        }
    }

    /// What is declared of it.
    #[must_use]
    pub fn declaration(self) -> Declaration {
        let budget = format!(
            "{DAY_QUESTIONS} new questions a day and {MONTH_QUESTIONS} a calendar month (UTC) of a \
             billing organisation, all releases together; a repeated question of one day is free"
        );
        match self {
            Self::IndicatorSeenByOthers => Declaration {
                release: self,
                inputs: vec![
                    (
                        "address",
                        "one public address; IPv4-mapped is IPv4, IPv6 is its /64",
                    ),
                    ("file.sha256", "64 hexadecimal digits, lower case"),
                    (
                        "snapshot",
                        "the last closed day, UTC; a day closes 6 hours after its end",
                    ),
                ],
                eligible: format!(
                    "a tenant whose own events of the last {WINDOW_DAYS} whole days or of today \
                     name the indicator; no address in the provider's ranges"
                ),
                snapshot: format!(
                    "counts of {WINDOW_DAYS} whole days by keyed tag; a tenant contributes an \
                     indicator once in {WINDOW_DAYS} days and {MAX_TAGS} a day at most; the asker \
                     counts"
                ),
                mechanism: format!(
                    "on each day's count two-sided geometric noise, alpha 1/{}, keyed by \
                     (indicator, day), the same for every asker; summed, then the bucket",
                    1 << TRIAL_BITS
                ),
                bound: format!(
                    "epsilon {:.4} a contribution; an attacker's advantage over guessing at most \
                     {:.4}",
                    epsilon(),
                    advantage_bound(1)
                ),
                answers: Bucket::ALL.map(Bucket::as_str).to_vec(),
                budget,
                pinned_by: "tests::golden::indicator_seen_by_others",
            },
            Self::HostMaintenance => Declaration {
                release: self,
                inputs: vec![
                    ("instance", "id of an instance, as registered"),
                    ("first, last", "whole days that are over, UTC"),
                ],
                eligible: format!(
                    "the tenant for whom the instance was registered on all days asked for, \
                     {MAX_DAYS} at most"
                ),
                snapshot: "the asker's own placements; the provider's calendar of work".into(),
                mechanism: format!(
                    "exact; only work announced {LEAD_DAYS} days ahead on {MIN_HOSTS} hosts or more"
                ),
                bound: "nothing that a neighbour does within those days changes the calendar"
                    .into(),
                answers: Maintenance::ALL.map(Maintenance::as_str).to_vec(),
                budget,
                pinned_by: "tests::golden::host_maintenance",
            },
        }
    }
}
