//! What announced work is, and how much is told at once. Pure.

use std::collections::BTreeSet;

use cordon_release::{Day, Work};
use jiff::Timestamp;
use uuid::Uuid;

/// Most placements of one call.
pub(super) const MOST_PLACEMENTS: usize = 1_000;
/// Most hosts of one work.
pub(super) const MOST_HOSTS: usize = 5_000;

/// Work to be announced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NewWork {
    pub(super) first: Day,
    pub(super) last: Day,
    pub(super) hosts: BTreeSet<String>,
    pub(super) reference: String,
}

/// Announced work, without its hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HostWork {
    pub(super) id: Uuid,
    pub(super) announced: Timestamp,
    pub(super) first: Day,
    pub(super) last: Day,
    pub(super) hosts: u32,
    pub(super) reference: String,
    /// Whether tenants are told of it.
    pub(super) told: bool,
}

/// Announced at a moment.
pub(super) fn announce(id: Uuid, new: &NewWork, now: Timestamp) -> HostWork {
    let work = Work {
        announced: Day::of(now),
        first: new.first,
        last: new.last,
        hosts: new.hosts.clone(),
    };
    HostWork {
        id,
        announced: now,
        first: new.first,
        last: new.last,
        hosts: u32::try_from(new.hosts.len()).unwrap_or(u32::MAX),
        reference: new.reference.clone(),
        told: work.is_told(),
    }
}
