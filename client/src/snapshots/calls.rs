//! Snapshots that are asked for, and what becomes of them.

use cordon_proto::evidence as wire;
use cordon_proto::evidence::snapshots_service_client::SnapshotsServiceClient;
use futures::TryStreamExt as _;

use super::{CHANGE, NewHold, NewSnapshot, Snapshot, SnapshotHold, SnapshotWatch, State};
use crate::client::{Call, Client, call, configured};
use crate::error::{Error, Reason, Result};
use crate::incidents::{LONG_PAGE, pages, present, too_many};
use crate::paging::Paged;
use crate::retry::unique_id;
use crate::servers::Servers;

/// Forensic snapshots of one tenant's instances; from [`Client::snapshots`].
///
/// A snapshot is named by its full name, `tenants/{tenant}/snapshots/{snapshot}`, and one of the
/// client's tenant by its id alone.
#[derive(Debug, Clone)]
pub struct Snapshots {
    pub(super) client: Client,
}

/// Whether nothing more will become of it by itself.
#[must_use]
pub fn has_ended(snapshot: &Snapshot) -> bool {
    matches!(
        snapshot.state(),
        State::Complete | State::Failed | State::Cancelled | State::Deleted
    )
}

/// The snapshot, if it was taken.
///
/// # Errors
///
/// Why there is none: the failure's own reason when it could not be taken, as in `INSTANCE_GONE`,
/// `FAILED_PRECONDITION` when it was called off, was destroyed, or is not taken yet.
pub fn taken(snapshot: &Snapshot) -> Result<&Snapshot> {
    let said = match snapshot.state() {
        State::Complete => return Ok(snapshot),
        State::Failed => {
            let failure = snapshot.failure.clone().unwrap_or_default();
            return Err(match failure.reason.as_str() {
                "" => Error::new(
                    Reason::Internal,
                    "it could not be taken, and nobody says why",
                ),
                reason => Error::new(Reason::from_text(reason), failure.message),
            });
        }
        State::Cancelled => "the snapshot was called off",
        State::Deleted => "the snapshot was destroyed",
        State::Unspecified | State::Requested | State::Acquiring => "it is not taken yet",
    };
    Err(Error::new(Reason::FailedPrecondition, said))
}

impl Snapshots {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }

    pub(super) fn rpc(&self) -> SnapshotsServiceClient<Servers> {
        configured!(SnapshotsServiceClient::new(self.client.servers()))
    }

    /// The full name of a snapshot: takes the full name, and the id of a snapshot of the client's
    /// tenant.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` for an id alone when the client has no tenant.
    pub fn name(&self, name: &str) -> Result<String> {
        if name.starts_with("tenants/") {
            return Ok(name.to_owned());
        }
        let id = name.strip_prefix("snapshots/").unwrap_or(name);
        Ok(format!("{}/snapshots/{id}", self.client.parent()?))
    }

    /// Has a snapshot taken. The call is marked with an id of its own, so that it is repeated after
    /// a lost connection and the snapshot is still taken once.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` says what is wrong with it, `NOT_FOUND` when there is no such instance,
    /// `QUOTA_EXCEEDED` when as many are open as a tenant can have.
    pub async fn create(&self, new: NewSnapshot) -> Result<Snapshot> {
        let message = wire::CreateSnapshotRequest {
            request_id: unique_id(),
            ..new.request(&self.client)?
        };
        // The message is large, and would be on the stack of whoever asks.
        let call = Box::pin(async { call!(self, Call::ENTERING, create_snapshot(message)) });
        present(call.await?.snapshot)
    }

    /// One snapshot, without its bytes.
    ///
    /// # Errors
    ///
    /// `NOT_FOUND` when there is none of that name.
    pub async fn get(&self, name: &str) -> Result<Snapshot> {
        let message = wire::GetSnapshotRequest {
            name: self.name(name)?,
        };
        present(call!(self, Call::ENTERING, get_snapshot(message))?.snapshot)
    }

    /// The tenant's snapshots, newest first.
    #[must_use]
    pub fn list(&self) -> Paged<Snapshot> {
        let request = self
            .client
            .parent()
            .map(|parent| wire::ListSnapshotsRequest {
                parent,
                ..wire::ListSnapshotsRequest::default()
            });
        pages!(
            self,
            Call::ENTERING,
            list_snapshots(request),
            snapshots by LONG_PAGE
        )
    }

    /// Follows one snapshot: as it is now, and again whenever it has changed, until it was taken or
    /// could not be.
    ///
    /// A connection that is lost is taken up again; what was handed out does not come twice.
    #[must_use]
    pub fn watch(&self, name: &str) -> SnapshotWatch {
        SnapshotWatch::new(self.clone(), name)
    }

    /// Waits until a snapshot has ended, however long that takes. [`taken`] says whether it was
    /// taken.
    ///
    /// # Errors
    ///
    /// `NOT_FOUND` when there is none of that name.
    pub async fn wait(&self, name: &str) -> Result<Snapshot> {
        let mut changes = self.watch(name);
        let mut last = None;
        while let Some(snapshot) = changes.try_next().await? {
            last = Some(snapshot);
        }
        present(last)
    }

    /// Calls a snapshot off while it is taken: the instance is let go, and what was stored is
    /// destroyed. A call that is lost on the way is not repeated by itself.
    ///
    /// # Errors
    ///
    /// `FAILED_PRECONDITION` when it has ended.
    pub async fn cancel(&self, name: &str) -> Result<Snapshot> {
        let message = wire::CancelSnapshotRequest {
            name: self.name(name)?,
        };
        present(call!(self, CHANGE, cancel_snapshot(message))?.snapshot)
    }

    /// Keeps a snapshot from being deleted. Marked as [`Self::create`] is.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` says what is wrong with it, `FAILED_PRECONDITION` when there is nothing
    /// to keep.
    pub async fn hold(&self, name: &str, new: NewHold) -> Result<SnapshotHold> {
        let message = wire::HoldSnapshotRequest {
            parent: self.name(name)?,
            hold: Some(new.hold()?),
            request_id: unique_id(),
        };
        present(call!(self, Call::ENTERING, hold_snapshot(message))?.hold)
    }

    /// What keeps a snapshot from being deleted, or did; oldest first.
    ///
    /// # Errors
    ///
    /// `NOT_FOUND` when there is no snapshot of that name.
    pub async fn holds(&self, name: &str) -> Result<Vec<SnapshotHold>> {
        let message = wire::ListSnapshotHoldsRequest {
            parent: self.name(name)?,
        };
        Ok(call!(self, Call::ENTERING, list_snapshot_holds(message))?.holds)
    }

    /// Ends a hold; takes its full name. A call that is lost on the way is not repeated by itself.
    ///
    /// # Errors
    ///
    /// `PERMISSION_DENIED` when it is the other side's, `FAILED_PRECONDITION` when it is one in
    /// compliance mode whose time has not come, or was released.
    pub async fn release_hold(&self, hold: &str, reason: &str) -> Result<SnapshotHold> {
        let message = wire::ReleaseSnapshotHoldRequest {
            name: hold.to_owned(),
            reason: reason.to_owned(),
        };
        present(call!(self, CHANGE, release_snapshot_hold(message))?.hold)
    }

    /// Destroys a snapshot: its key inside the key service, then its bytes. Gives what the server
    /// signs of that: an in-toto statement in a DSSE envelope, which
    /// [`statement::verify`](crate::statement::verify) checks. For one that was destroyed before, a
    /// certificate is made again.
    ///
    /// # Errors
    ///
    /// `FAILED_PRECONDITION` when something holds it, or it is being taken.
    pub async fn delete(&self, name: &str, purpose: &str) -> Result<(Snapshot, Vec<u8>)> {
        let message = wire::DeleteSnapshotRequest {
            name: self.name(name)?,
            purpose: purpose.to_owned(),
        };
        // Done twice it is done once.
        let how = Call::ENTERING.long();
        let answer = call!(self, how, delete_snapshot(message))?;
        Ok((present(answer.snapshot)?, answer.certificate))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshots::SnapshotFailure;

    #[test]
    fn why_nothing_was_taken_is_a_reason() {
        let of = |state: State, failure: Option<&str>| Snapshot {
            state: state.into(),
            failure: failure.map(|reason| SnapshotFailure {
                reason: reason.to_owned(),
                message: "it moved".to_owned(),
            }),
            ..Snapshot::default()
        };
        assert!(taken(&of(State::Complete, None)).is_ok());
        for (snapshot, reason, said) in [
            (
                of(State::Failed, Some("INSTANCE_GONE")),
                "INSTANCE_GONE",
                "it moved",
            ),
            (of(State::Failed, None), "INTERNAL", "nobody says why"),
            (
                of(State::Cancelled, None),
                "FAILED_PRECONDITION",
                "called off",
            ),
            (of(State::Deleted, None), "FAILED_PRECONDITION", "destroyed"),
            (
                of(State::Acquiring, None),
                "FAILED_PRECONDITION",
                "not taken yet",
            ),
        ] {
            let error = taken(&snapshot).unwrap_err();
            assert_eq!(error.reason().as_str(), reason);
            assert!(error.message().contains(said), "{error}");
        }
        assert!(has_ended(&of(State::Failed, None)));
        assert!(!has_ended(&of(State::Acquiring, None)));
        let newer = Snapshot {
            state: 99,
            ..Snapshot::default()
        };
        assert!(!has_ended(&newer));
    }
}
