//! What may become of a source. Pure.

use cordon_kernel::{Error, Reason, Result, SourceId};
use cordon_views::SourceType;
use jiff::Timestamp;

/// A registered source of events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Source {
    pub(super) id: SourceId,
    pub(super) display_name: String,
    pub(super) source_type: SourceType,
    /// Withdrawn: what it sent stays, its id is not given out again.
    pub(super) withdrawn: bool,
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
}

impl Source {
    /// Refuses what can't be done for a source that was withdrawn.
    pub(in super::super) fn exists(&self) -> Result<()> {
        if self.withdrawn {
            return Err(Error::new(
                Reason::FailedPrecondition,
                "the source was withdrawn",
            ));
        }
        Ok(())
    }
}

/// A source as an answer shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct SourceLine {
    pub(super) id: SourceId,
    /// `None` where the reader is no staff.
    pub(super) register: Option<Source>,
    /// Up to when it has delivered everything, in nanoseconds since 1970.
    pub(super) watermark: Option<i64>,
}

/// A source to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct NewSource {
    pub(super) id: SourceId,
    pub(super) display_name: String,
    pub(super) source_type: SourceType,
}

/// A decided change; only this module makes one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Change(Effect);

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Effect {
    Insert(Source),
    Withdraw(Source),
}

impl Change {
    pub(super) fn effect(&self) -> &Effect {
        &self.0
    }

    pub(super) fn into_source(self) -> Source {
        match self.0 {
            Effect::Insert(source) | Effect::Withdraw(source) => source,
        }
    }
}

/// Decides on a new source; `holder` is the source that has or had the id.
pub(super) fn create(holder: Option<&Source>, new: NewSource, now: Timestamp) -> Result<Change> {
    match holder {
        Some(Source {
            withdrawn: true, ..
        }) => Err(Error::new(
            Reason::AlreadyExists,
            "the source id was used by a source that was withdrawn: choose another",
        )),
        Some(_) => Err(Error::new(Reason::AlreadyExists, "the source id is taken")),
        None => Ok(Change(Effect::Insert(Source {
            id: new.id,
            display_name: new.display_name,
            source_type: new.source_type,
            withdrawn: false,
            created: now,
            updated: now,
        }))),
    }
}

/// Decides on the withdrawal of a source.
pub(super) fn delete(source: Option<Source>, now: Timestamp) -> Result<Change> {
    match source {
        None
        | Some(Source {
            withdrawn: true, ..
        }) => Err(Error::new(Reason::NotFound, "no such source")),
        Some(source) => Ok(Change(Effect::Withdraw(Source {
            withdrawn: true,
            updated: now,
            ..source
        }))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_given_out_once() {
        let new = NewSource {
            id: "trail".parse().unwrap(),
            display_name: "Trail".into(),
            source_type: SourceType::AwsCloudTrail,
        };
        let now = Timestamp::UNIX_EPOCH;
        let source = create(None, new.clone(), now).unwrap().into_source();
        assert!(create(Some(&source), new.clone(), now).is_err());
        let gone = delete(Some(source), now).unwrap().into_source();
        assert!(gone.exists().is_err());
        assert_eq!(
            create(Some(&gone), new, now).unwrap_err().reason(),
            Reason::AlreadyExists
        );
        assert_eq!(
            delete(Some(gone), now).unwrap_err().reason(),
            Reason::NotFound
        );
        assert_eq!(delete(None, now).unwrap_err().reason(), Reason::NotFound);
    }
}
