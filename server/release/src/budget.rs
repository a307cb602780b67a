//! How much a billing organisation may ask.
//!
//! A budget belongs to whoever pays: splitting one customer into many tenants gives no more. It
//! bounds how many different facts one organisation can learn something about. It does not bound
//! what is learnt of one fact, which the noise does, whoever asks and however often.

use std::collections::BTreeSet;

use crate::day::Day;
use crate::eligible::{Eligible, Question};
use crate::error::Refused;
use crate::key::{DayKey, Fingerprint};

/// Most new questions of an organisation about the snapshot of one day.
pub const DAY_QUESTIONS: u16 = 10;

/// Most new questions of an organisation about the snapshots of one calendar month in UTC.
pub const MONTH_QUESTIONS: u16 = 100;

/// What one billing organisation has asked in one month.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Budget {
    /// Bounded by [`MONTH_QUESTIONS`], as nothing beyond it is ever added.
    asked: BTreeSet<(Day, Fingerprint)>,
}

/// What a question costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charge {
    /// It is new: this row is kept in the transaction that answers.
    New(Day, Fingerprint),
    /// The organisation has asked it of this snapshot before, and gets the same answer for nothing.
    Repeated,
}

/// A question that the budget had room for.
#[derive(Debug)]
pub struct Paid<Q> {
    question: Q,
    snapshot: Day,
    charge: Charge,
}

impl<Q> Paid<Q> {
    /// What it cost.
    #[must_use]
    pub const fn charge(&self) -> Charge {
        self.charge
    }

    pub(crate) fn into_parts(self) -> (Q, Day) {
        (self.question, self.snapshot)
    }
}

impl Budget {
    /// Out of the rows kept for the organisation. Those of other months than the snapshot's don't
    /// count when a question is charged.
    #[must_use]
    pub fn new(rows: impl IntoIterator<Item = (Day, Fingerprint)>) -> Self {
        Self {
            asked: rows.into_iter().collect(),
        }
    }

    /// The earliest day whose rows still count when a question about the snapshot of `snapshot`
    /// is charged. Rows of earlier days may go.
    #[must_use]
    pub fn counting_from(snapshot: Day) -> Day {
        snapshot.before_month().plus(1)
    }

    /// How many new questions are left: of the snapshot's day, and of its month.
    #[must_use]
    pub fn left(&self, snapshot: Day) -> (u16, u16) {
        let day = count(self.asked.iter().filter(|(day, _)| *day == snapshot));
        let month = count(
            self.asked
                .iter()
                .filter(|(day, _)| day.same_month(snapshot)),
        );
        let month = MONTH_QUESTIONS.saturating_sub(month);
        (DAY_QUESTIONS.saturating_sub(day).min(month), month)
    }

    /// Charges a question, or lets a repeated one pass.
    ///
    /// # Errors
    /// [`Refused::BudgetSpent`] with the moment from which a new question is taken;
    /// [`Refused::SnapshotIncomplete`] if the key is not of the snapshot's day.
    pub fn spend<Q: Question>(
        &mut self,
        eligible: Eligible<Q>,
        key: &DayKey,
    ) -> Result<Paid<Q>, Refused> {
        let (question, snapshot) = eligible.into_parts();
        if key.day() != snapshot {
            return Err(Refused::SnapshotIncomplete);
        }
        let fingerprint = key.fingerprint(Q::RELEASE.as_str(), &question.canonical());
        let charge = if self.asked.contains(&(snapshot, fingerprint)) {
            Charge::Repeated
        } else {
            self.room(snapshot)?;
            self.asked.insert((snapshot, fingerprint));
            Charge::New(snapshot, fingerprint)
        };
        Ok(Paid {
            question,
            snapshot,
            charge,
        })
    }

    fn room(&self, snapshot: Day) -> Result<(), Refused> {
        // A day's snapshot is asked until the next day's closes.
        let spent = |limit, span, last: Day| {
            Err(Refused::BudgetSpent {
                limit,
                span,
                until: last.plus(1).closes(),
            })
        };
        match self.left(snapshot) {
            (_, 0) => spent(MONTH_QUESTIONS, "month", snapshot.end_of_month()),
            (0, _) => spent(DAY_QUESTIONS, "day", snapshot),
            _ => Ok(()),
        }
    }
}

fn count(of: impl Iterator) -> u16 {
    u16::try_from(of.count()).unwrap_or(u16::MAX)
}
