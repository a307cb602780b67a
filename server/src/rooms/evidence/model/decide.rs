//! What becomes of a snapshot.

use cordon_evidence::manifest::Person;
use cordon_kernel::{Error, Reason, Result};
use jiff::SignedDuration;
use uuid::Uuid;

use super::{Command, Mark, Progress, Snapshot, State, Wanted};

/// A decided change.
#[derive(Debug)]
pub(in super::super) struct Change(Snapshot);

impl Change {
    /// The snapshot afterwards.
    pub(in super::super) const fn snapshot(&self) -> &Snapshot {
        &self.0
    }
}

/// A snapshot that is asked for. `key` is wrapped by the key service.
pub(in super::super) fn create(
    id: Uuid,
    wanted: Wanted,
    by: Person,
    key: &[u8],
    mark: Mark,
) -> Change {
    Change(Snapshot {
        id,
        wanted,
        state: State::Requested,
        attempt: 0,
        progress: Progress::default(),
        failure: None,
        items: Vec::new(),
        manifest: None,
        custody: None,
        key: hex::encode(key),
        by,
        stored: 0,
        created: mark.now,
        updated: mark.now,
        etag: mark.etag,
    })
}

/// The snapshot after what happens.
///
/// # Errors
/// `FAILED_PRECONDITION` when it is not in a state in which that can happen.
pub(in super::super) fn decide(before: Snapshot, command: Command, mark: Mark) -> Result<Change> {
    use Command as C;
    use State as S;
    let mut after = before;
    match (command, after.state) {
        (C::Begin, S::Requested | S::Acquiring) => {
            after.state = S::Acquiring;
            after.attempt = after.attempt.saturating_add(1);
            after.progress = Progress::default();
        }
        (C::Advance(progress), S::Acquiring) => after.progress = progress,
        (C::Finish(acquired), S::Acquiring) => {
            after.state = match acquired.failure {
                None => S::Complete,
                Some(_) => S::Failed,
            };
            after.failure = acquired.failure;
            after.items = acquired.items;
            after.manifest = Some(acquired.manifest);
            after.custody = Some(acquired.custody);
            after.progress.item = String::new();
            after.progress.rate = 0;
        }
        (C::Fail(failure), S::Requested | S::Acquiring) => {
            after.state = S::Failed;
            after.failure = Some(failure);
        }
        (C::Cancel, S::Requested | S::Acquiring) => after.state = S::Cancelled,
        (C::Note(chain), S::Complete | S::Failed) if after.custody.is_some() => {
            // What is read of it changes nothing of what it is.
            after.custody = Some(*chain);
            return Ok(Change(after));
        }
        (C::Delete(chain), S::Complete | S::Failed) if after.custody.is_some() => {
            after.custody = Some(*chain);
            after.state = S::Deleted;
        }
        (_, state) => {
            return Err(Error::new(
                Reason::FailedPrecondition,
                format!(
                    "the snapshot is {}: that is not possible now",
                    state.as_str()
                ),
            ));
        }
    }
    // Later than before, also by a clock that is behind another server's: watches go by it.
    let later = after.updated.checked_add(SignedDuration::from_nanos(1));
    after.updated = later.map_or(mark.now, |later| later.max(mark.now));
    after.etag = mark.etag;
    Ok(Change(after))
}

#[cfg(test)]
mod tests {
    use cordon_evidence::custody::Chain;
    use cordon_evidence::digest::Digest;

    use super::super::{Acquired, Consistency, Failure};
    use super::*;

    fn mark(etag: &str) -> Mark {
        Mark {
            now: "2026-11-24T00:00:00Z".parse().unwrap(),
            etag: etag.to_owned(),
        }
    }

    fn asked() -> Snapshot {
        let wanted = Wanted {
            instance: "i-1".to_owned(),
            incident: None,
            purpose: "a test".to_owned(),
            memory: true,
            network: false,
            disks: true,
            disk_names: Vec::new(),
            consistency: Consistency::Live,
            rate: 0,
        };
        let by = Person {
            name: "ada".to_owned(),
            party: "acme".to_owned(),
        };
        create(Uuid::from_u128(1), wanted, by, b"key", mark("a")).0
    }

    fn chain() -> Box<Chain> {
        Box::new(Chain::new(&Digest([7; 32]), ["vda.raw"]))
    }

    fn acquired(failure: Option<Failure>) -> Command {
        Command::Finish(Box::new(Acquired {
            items: Vec::new(),
            manifest: "00".to_owned(),
            custody: *chain(),
            failure,
        }))
    }

    fn after(before: &Snapshot, command: Command) -> Result<Snapshot> {
        decide(before.clone(), command, mark("b")).map(|change| change.0)
    }

    #[test]
    fn a_snapshot_goes_one_way() {
        let requested = asked();
        let acquiring = after(&requested, Command::Begin).unwrap();
        assert_eq!((acquiring.state, acquiring.attempt), (State::Acquiring, 1));
        // Another server, after the first has died.
        let again = after(&acquiring, Command::Begin).unwrap();
        assert_eq!((again.state, again.attempt), (State::Acquiring, 2));
        let complete = after(&again, acquired(None)).unwrap();
        assert_eq!(complete.state, State::Complete);
        let read = after(&complete, Command::Note(chain())).unwrap();
        assert_eq!(
            (read.state, &read.etag),
            (State::Complete, &complete.etag),
            "reading changes nothing of what it is"
        );
        let deleted = after(&read, Command::Delete(chain())).unwrap();
        assert_eq!(deleted.state, State::Deleted);
        for ended in [&complete, &deleted] {
            for command in [
                Command::Begin,
                Command::Cancel,
                Command::Advance(Progress::default()),
                acquired(None),
            ] {
                let refused = after(ended, command).unwrap_err();
                assert_eq!(refused.reason(), Reason::FailedPrecondition);
            }
        }
        assert!(after(&deleted, Command::Note(chain())).is_err());
        assert!(after(&deleted, Command::Delete(chain())).is_err());
    }

    #[test]
    fn what_was_taken_before_it_failed_is_kept() {
        let failure = || Failure {
            reason: "INSTANCE_GONE".to_owned(),
            message: "the instance has ended".to_owned(),
        };
        let acquiring = after(&asked(), Command::Begin).unwrap();
        let part = after(&acquiring, acquired(Some(failure()))).unwrap();
        assert_eq!(part.state, State::Failed);
        assert!(part.custody.is_some() && part.manifest.is_some());
        assert!(after(&part, Command::Note(chain())).is_ok());
        let nothing = after(&acquiring, Command::Fail(failure())).unwrap();
        assert_eq!((nothing.state, nothing.manifest), (State::Failed, None));
    }

    #[test]
    fn what_was_called_off_or_failed_whole_has_nothing_to_read() {
        let cancelled = after(&asked(), Command::Cancel).unwrap();
        assert!(after(&cancelled, Command::Note(chain())).is_err());
        assert!(after(&cancelled, Command::Delete(chain())).is_err());
        assert!(after(&asked(), acquired(None)).is_err());
    }
}
