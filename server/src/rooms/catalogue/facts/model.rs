//! What a fact is and how it is stated anew. Pure.

use cordon_kernel::db::nanos;
use cordon_kernel::{Error, Reason, Result, ServiceId, TenantId};
use jiff::Timestamp;
use uuid::Uuid;

/// Most versions of a fact.
pub(super) const MAX_VERSIONS: i64 = 200;

/// What facts are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Regions,
    Technology,
    Isolation,
    LogFormats,
    ForensicCapabilities,
    Contacts,
    Maintenance,
}

impl Kind {
    pub(super) const ALL: [Self; 7] = [
        Self::Regions,
        Self::Technology,
        Self::Isolation,
        Self::LogFormats,
        Self::ForensicCapabilities,
        Self::Contacts,
        Self::Maintenance,
    ];

    /// The word in the table.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Regions => "regions",
            Self::Technology => "technology",
            Self::Isolation => "isolation",
            Self::LogFormats => "log_formats",
            Self::ForensicCapabilities => "forensic_capabilities",
            Self::Contacts => "contacts",
            Self::Maintenance => "maintenance",
        }
    }
}

/// For whom a fact is. It stays as it is, so that a fact's versions tell nobody of statements that
/// were for others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Audience {
    Everyone,
    Service(ServiceId),
    Tenant(TenantId),
}

/// What is stated, and can be stated anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Statement {
    pub(super) service: Option<ServiceId>,
    /// Empty for all.
    pub(super) region: String,
    pub(super) title: String,
    pub(super) text: String,
    /// In nanoseconds since 1970, as the end.
    pub(super) valid_from: Option<i64>,
    pub(super) valid_to: Option<i64>,
}

/// A version of a fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fact {
    pub(super) id: Uuid,
    pub(super) version: i64,
    pub(super) kind: Kind,
    pub(super) audience: Audience,
    pub(super) statement: Statement,
    /// Why it was withdrawn, if it was.
    pub(super) withdrawn: Option<String>,
    pub(super) published: Timestamp,
    /// Empty where the reader is no staff.
    pub(super) publisher: String,
    pub(super) etag: String,
}

/// How a fact stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Upcoming,
    Current,
    Expired,
    Withdrawn,
}

impl Fact {
    /// How it stands at a moment.
    pub(super) fn state(&self, at: Timestamp) -> State {
        let at = nanos(at);
        let statement = &self.statement;
        if self.withdrawn.is_some() {
            State::Withdrawn
        } else if statement.valid_to.is_some_and(|to| to <= at) {
            State::Expired
        } else if statement.valid_from.is_some_and(|from| from > at) {
            State::Upcoming
        } else {
            State::Current
        }
    }
}

/// A fact to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NewFact {
    pub(super) kind: Kind,
    pub(super) audience: Audience,
    pub(super) statement: Statement,
}

/// What is to be stated anew.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Patch {
    pub(super) service: Option<Option<ServiceId>>,
    pub(super) region: Option<String>,
    pub(super) title: Option<String>,
    pub(super) text: Option<String>,
    pub(super) valid_from: Option<Option<i64>>,
    pub(super) valid_to: Option<Option<i64>>,
}

/// Who publishes, when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) now: Timestamp,
    pub(super) by: String,
    pub(super) etag: String,
}

/// A decided version; only this module makes one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Change(Fact);

impl Change {
    pub(super) fn fact(&self) -> &Fact {
        &self.0
    }

    pub(super) fn into_fact(self) -> Fact {
        self.0
    }
}

/// Decides on a new fact.
pub(super) fn create(id: Uuid, new: NewFact, mark: Mark) -> Change {
    Change(Fact {
        id,
        version: 1,
        kind: new.kind,
        audience: new.audience,
        statement: new.statement,
        withdrawn: None,
        published: mark.now,
        publisher: mark.by,
        etag: mark.etag,
    })
}

/// Decides on a new statement of a fact.
///
/// # Errors
/// `NOT_FOUND`; `ETAG_MISMATCH`; `FAILED_PRECONDITION` for one that was withdrawn or has as many
/// versions as it can have; `INVALID_ARGUMENT` when it would end before it begins.
pub(super) fn update(
    before: Option<Fact>,
    expected: &str,
    patch: Patch,
    mark: Mark,
) -> Result<Change> {
    let before = stated(before, expected)?;
    if before.version >= MAX_VERSIONS {
        return Err(Error::new(
            Reason::FailedPrecondition,
            "the fact has 200 versions, as many as it can have: withdraw it and publish another",
        ));
    }
    let old = before.statement.clone();
    let statement = Statement {
        service: patch.service.unwrap_or(old.service),
        region: patch.region.unwrap_or(old.region),
        title: patch.title.unwrap_or(old.title),
        text: patch.text.unwrap_or(old.text),
        valid_from: patch.valid_from.unwrap_or(old.valid_from),
        valid_to: patch.valid_to.unwrap_or(old.valid_to),
    };
    require_order(&statement)?;
    Ok(next(before, statement, None, mark))
}

/// Decides on a fact's withdrawal. There is always room for that version.
///
/// # Errors
/// `NOT_FOUND`; `ETAG_MISMATCH`; `FAILED_PRECONDITION` for one that was withdrawn.
pub(super) fn withdraw(
    before: Option<Fact>,
    expected: &str,
    reason: String,
    mark: Mark,
) -> Result<Change> {
    let before = stated(before, expected)?;
    let statement = before.statement.clone();
    Ok(next(before, statement, Some(reason), mark))
}

/// # Errors
/// `INVALID_ARGUMENT` when it ends before it begins.
pub(super) fn require_order(statement: &Statement) -> Result<()> {
    match (statement.valid_from, statement.valid_to) {
        (Some(from), Some(to)) if to <= from => Err(Error::invalid(
            "fact.valid_to",
            "expected a time after valid_from",
        )),
        _ => Ok(()),
    }
}

fn stated(before: Option<Fact>, expected: &str) -> Result<Fact> {
    let before = before.ok_or_else(no_such_fact)?;
    if !expected.is_empty() && expected != before.etag {
        return Err(Error::new(
            Reason::EtagMismatch,
            "the fact was stated anew meanwhile: read it again",
        ));
    }
    if before.withdrawn.is_some() {
        return Err(Error::new(
            Reason::FailedPrecondition,
            "the fact was withdrawn: publish another",
        ));
    }
    Ok(before)
}

fn next(before: Fact, statement: Statement, withdrawn: Option<String>, mark: Mark) -> Change {
    Change(Fact {
        version: before.version + 1,
        statement,
        withdrawn,
        // What was stated on a day must not depend on which server's clock is ahead.
        published: mark.now.max(before.published),
        publisher: mark.by,
        etag: mark.etag,
        ..before
    })
}

pub(super) fn no_such_fact() -> Error {
    Error::new(Reason::NotFound, "no such fact")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(second: i64) -> Mark {
        Mark {
            now: Timestamp::from_second(second).unwrap(),
            by: "root".into(),
            etag: format!("e{second}"),
        }
    }

    fn fact() -> Fact {
        let new = NewFact {
            kind: Kind::Technology,
            audience: Audience::Everyone,
            statement: Statement {
                service: None,
                region: String::new(),
                title: "Machines run on KVM".into(),
                text: "KVM".into(),
                valid_from: None,
                valid_to: None,
            },
        };
        create(Uuid::nil(), new, mark(10)).into_fact()
    }

    #[test]
    fn what_was_stated_stays_and_a_version_follows() {
        let patch = Patch {
            text: Some("KVM 9".into()),
            ..Patch::default()
        };
        let next = update(Some(fact()), "e10", patch.clone(), mark(20)).unwrap();
        let next = next.into_fact();
        assert_eq!((next.version, next.statement.text.as_str()), (2, "KVM 9"));
        assert_eq!(next.statement.title, "Machines run on KVM");
        // A clock that is behind does not put it before what it follows.
        let late = update(Some(next.clone()), "", Patch::default(), mark(5)).unwrap();
        assert_eq!(late.fact().published, next.published);
        let refused = update(Some(next), "e10", patch, mark(30)).unwrap_err();
        assert_eq!(refused.reason(), Reason::EtagMismatch);
        let none = update(None, "", Patch::default(), mark(30)).unwrap_err();
        assert_eq!(none.reason(), Reason::NotFound);
    }

    #[test]
    fn a_withdrawn_fact_is_not_stated_again() {
        let gone = withdraw(Some(fact()), "", "moved".into(), mark(20)).unwrap();
        let gone = gone.into_fact();
        assert_eq!(gone.state(mark(20).now), State::Withdrawn);
        assert_eq!(gone.statement, fact().statement);
        let again = withdraw(Some(gone.clone()), "", String::new(), mark(30)).unwrap_err();
        assert_eq!(again.reason(), Reason::FailedPrecondition);
        let again = update(Some(gone), "", Patch::default(), mark(30)).unwrap_err();
        assert_eq!(again.reason(), Reason::FailedPrecondition);
        let full = Fact {
            version: MAX_VERSIONS,
            ..fact()
        };
        let more = update(Some(full.clone()), "", Patch::default(), mark(30)).unwrap_err();
        assert_eq!(more.reason(), Reason::FailedPrecondition);
        assert!(withdraw(Some(full), "", "x".into(), mark(30)).is_ok());
    }

    #[test]
    fn a_fact_holds_for_its_time() {
        let mut fact = fact();
        fact.statement.valid_from = Some(nanos(mark(20).now));
        fact.statement.valid_to = Some(nanos(mark(30).now));
        let states = [19, 20, 29, 30].map(|second| fact.state(mark(second).now));
        let expected = [
            State::Upcoming,
            State::Current,
            State::Current,
            State::Expired,
        ];
        assert_eq!(states, expected);
        let patch = Patch {
            valid_to: Some(fact.statement.valid_from),
            ..Patch::default()
        };
        let empty = update(Some(fact), "", patch, mark(40)).unwrap_err();
        assert_eq!(empty.violations()[0].field, "fact.valid_to");
    }
}
