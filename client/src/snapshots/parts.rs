//! What is said when a snapshot or a hold is asked for.

use cordon_proto::evidence as wire;
use jiff::Timestamp;

use super::{Consistency, Mode, Snapshot, SnapshotHold};
use crate::client::Client;
use crate::error::{Error, Result};
use crate::time::to_proto;

/// A snapshot to be taken.
///
/// ```
/// use cordon_client::snapshots::{Consistency, NewSnapshot};
/// let new = NewSnapshot {
///     memory: true,
///     consistency: Consistency::Paused,
///     ..NewSnapshot::new("i-0123", "Ransom note on the file server")
/// };
/// # let _ = new;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSnapshot {
    /// The instance: its id, or its full name, `tenants/{tenant}/resources/{resource}`.
    pub instance: String,
    /// What for, in words: one line of at most 1,000 bytes. The manifest and the chain of custody
    /// have it.
    pub purpose: String,
    /// The full name or id of the incident that it is for.
    pub incident: Option<String>,
    /// Whether memory is to be taken.
    pub memory: bool,
    /// Which disks are to be taken, by name; all for an empty list, and none for `None`.
    pub disks: Option<Vec<String>>,
    /// Whether the state of the network is to be taken.
    pub network: bool,
    /// How the parts are to fit together.
    pub consistency: Consistency,
    /// The highest rate at which it is read, in bytes a second; the server's own limit for `None`.
    pub max_bytes_per_second: Option<u64>,
}

impl NewSnapshot {
    /// All disks of an instance, while it runs.
    #[must_use]
    pub fn new(instance: impl Into<String>, purpose: impl Into<String>) -> Self {
        Self {
            instance: instance.into(),
            purpose: purpose.into(),
            incident: None,
            memory: false,
            disks: Some(Vec::new()),
            network: false,
            consistency: Consistency::Live,
            max_bytes_per_second: None,
        }
    }

    /// The request without its id.
    pub(super) fn request(self, client: &Client) -> Result<wire::CreateSnapshotRequest> {
        if !self.memory && self.disks.is_none() && !self.network {
            return Err(Error::invalid(
                "snapshot",
                "expected memory, disks or network",
            ));
        }
        let incident = match self.incident {
            None => String::new(),
            Some(incident) => client.incidents().name(&incident)?,
        };
        let rate = self.max_bytes_per_second.unwrap_or(0);
        let rate = i64::try_from(rate)
            .map_err(|_| Error::invalid("snapshot.max_bytes_per_second", "it is too large"))?;
        let snapshot = Snapshot {
            instance: self.instance,
            incident,
            purpose: self.purpose,
            memory: self.memory,
            disks: self.disks.is_some(),
            disk_names: self.disks.unwrap_or_default(),
            network: self.network,
            consistency: self.consistency.into(),
            max_bytes_per_second: rate,
            ..Snapshot::default()
        };
        Ok(wire::CreateSnapshotRequest {
            parent: client.parent()?,
            snapshot: Some(snapshot),
            request_id: String::new(),
        })
    }
}

/// A hold to be placed on a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewHold {
    /// Why, in words: one line of at most 1,000 bytes.
    pub reason: String,
    /// How strong it is.
    pub mode: Mode,
    /// Until when it holds; until it is released for `None`. Compliance mode needs one.
    pub until: Option<Timestamp>,
}

impl NewHold {
    /// A hold that lasts until it is released.
    #[must_use]
    pub fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            mode: Mode::Governance,
            until: None,
        }
    }

    /// The same as the wire has it.
    pub(super) fn hold(self) -> Result<SnapshotHold> {
        if self.mode == Mode::Compliance && self.until.is_none() {
            return Err(Error::invalid(
                "hold.until_time",
                "a hold in compliance mode needs a time until which it holds: nobody can end it before",
            ));
        }
        Ok(SnapshotHold {
            reason: self.reason,
            mode: self.mode.into(),
            until_time: self.until.map(to_proto),
            ..SnapshotHold::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hold_that_nobody_can_end_has_a_time() {
        let hold = NewHold::new("lawsuit");
        assert_eq!(hold.clone().hold().unwrap().until_time, None);
        let strong = NewHold {
            mode: Mode::Compliance,
            ..hold.clone()
        };
        let error = strong.clone().hold().unwrap_err();
        assert_eq!(error.violations()[0].field, "hold.until_time");
        let until = NewHold {
            until: Some(Timestamp::UNIX_EPOCH),
            ..strong
        };
        assert!(until.hold().unwrap().until_time.is_some());
    }
}
