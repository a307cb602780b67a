//! What is said of a failure, and what is signed of a snapshot that was taken.

use cordon_evidence::content::Content;
use cordon_evidence::custody::{Act, Chain, Draft, Entry, Recheck};
use cordon_evidence::digest::Digest;
use cordon_evidence::manifest::{
    self, Clock, Consistency, Item as ManifestItem, ItemKind, Level, Machine, Manifest, Method,
    Missing, Person, Tool,
};
use cordon_hypervisor::{DiskState, Error as Source, MemoryMoment, Reached};
use cordon_kernel::{Error, Name, Reason, Result, TenantId};
use jiff::Timestamp;

use super::super::model::{self, Failure, Snapshot};

/// An item with all that is known of it.
#[derive(Debug, Clone)]
pub(super) struct Taken {
    pub(super) name: String,
    pub(super) kind: ItemKind,
    pub(super) source: String,
    pub(super) place: u32,
    pub(super) began: Timestamp,
    pub(super) ended: Timestamp,
    pub(super) content: Content,
}

/// What came of an acquisition.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) driver: String,
    pub(super) reached: Reached,
    pub(super) began: Timestamp,
    pub(super) taken: Vec<Taken>,
    pub(super) missing: Vec<Missing>,
    pub(super) steps: Vec<String>,
    pub(super) failure: Option<Failure>,
}

/// What the tenant is told of a failure of the hypervisor or the machine. What either wrote is not
/// passed on: it may be anything.
pub(super) fn failure(error: &Source) -> Failure {
    let (reason, message) = match error {
        Source::NotFound(_) => (
            "INSTANCE_NOT_FOUND",
            "no hypervisor of the provider's knows the instance: see whether it still runs, and tell \
             the provider if it does",
        ),
        Source::Busy(_) => (
            "INSTANCE_BUSY",
            "something else had the instance all the time: ask again later",
        ),
        Source::Gone(_) => (
            "INSTANCE_GONE",
            "the instance ended or moved while it was read: ask again if it still runs",
        ),
        Source::SnapshotBroken => (
            "SNAPSHOT_BROKEN",
            "the instance wrote more meanwhile than could be set aside: ask again at a quieter time, \
             for fewer disks, or paused",
        ),
        Source::Unsupported(_) => (
            "NOT_SUPPORTED",
            "the hypervisor can't do what was asked: see the catalogue for what it can, and ask for less",
        ),
        Source::NotAllowed(_) | Source::Invalid(_) | Source::Limit(_) => (
            "NOT_ALLOWED",
            "an image of the instance refers to what it may not, or is larger or stranger than is taken: \
             tell the provider",
        ),
        Source::TimedOut(_)
        | Source::Unreachable(_)
        | Source::Protocol(_)
        | Source::Refused { .. }
        | Source::Io(..) => (
            "HYPERVISOR",
            "the hypervisor did not do what it was asked: ask again, and tell the provider if that does \
             not help",
        ),
    };
    Failure {
        reason: reason.to_owned(),
        message: message.to_owned(),
    }
}

/// What the tenant is told when the server itself is the reason.
pub(super) fn own_failure(error: &Error) -> Failure {
    match error.reason() {
        Reason::QuotaExceeded | Reason::TooLarge => Failure {
            reason: "STORE_FULL".to_owned(),
            message: error.message().to_owned(),
        },
        _ => Failure {
            reason: "SERVER".to_owned(),
            message:
                "the server could not keep it: ask again, and tell the provider if that does not \
                      help"
                    .to_owned(),
        },
    }
}

fn level(kind: ItemKind, reached: &Reached, paused: bool) -> Level {
    match kind {
        ItemKind::Disk => match reached.disks {
            DiskState::SaidFrozen => Level::Frozen,
            DiskState::AtRest | DiskState::PowerCut => Level::Paused,
        },
        ItemKind::Memory => match reached.memory {
            Some(MemoryMoment::Same) => Level::Paused,
            Some(MemoryMoment::Later) | None => Level::Live,
        },
        ItemKind::Network => match paused || reached.disks == DiskState::AtRest {
            true => Level::Paused,
            false => Level::Live,
        },
    }
}

/// The manifest of what was taken; there is something.
pub(super) fn manifest(tenant: &TenantId, of: &Snapshot, outcome: &Outcome) -> Manifest {
    let asked = match of.wanted.consistency {
        model::Consistency::Paused => Level::Paused,
        model::Consistency::Live => Level::Live,
    };
    let items: Vec<ManifestItem> = outcome
        .taken
        .iter()
        .map(|one| ManifestItem {
            name: one.name.clone(),
            kind: one.kind,
            source: one.source.clone(),
            reached: level(one.kind, &outcome.reached, asked == Level::Paused),
            began: one.began,
            ended: one.ended,
            content: one.content.clone(),
        })
        .collect();
    let reached = items.iter().map(|item| item.reached).min();
    let reached = reached.unwrap_or(Level::Live);
    let ended = items.iter().map(|item| item.ended).max();
    let mut steps = outcome.steps.clone();
    steps.extend(
        outcome
            .reached
            .remarks
            .iter()
            .map(|text| (*text).to_owned()),
    );
    steps.truncate(manifest::MAX_LIST);
    Manifest {
        version: manifest::VERSION,
        snapshot: Name::Snapshot(tenant.clone(), of.id).to_string(),
        machine: Machine {
            id: of.wanted.instance.clone(),
            host: None,
        },
        purpose: of.wanted.purpose.clone(),
        incident: of.wanted.incident.clone(),
        asked_by: of.by.clone(),
        approved_by: Vec::new(),
        taken_by: service(),
        began: outcome.began,
        ended: ended.unwrap_or(outcome.began),
        clock: Clock {
            source: "the system clock of the server".to_owned(),
            error: None,
        },
        method: Method {
            driver: outcome.driver.clone(),
            steps,
        },
        tools: vec![Tool {
            name: "cordon-server".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }],
        consistency: Consistency {
            asked,
            reached,
            shortfall: (reached < asked)
                .then(|| "part of it could only be read while the instance ran on".to_owned()),
        },
        items,
        missing: outcome.missing.clone(),
    }
}

/// Who takes snapshots.
pub(super) fn service() -> Person {
    Person {
        name: "cordon-server".to_owned(),
        party: "provider".to_owned(),
    }
}

/// The chain of custody of what was taken, with its first entry.
pub(super) fn custody(
    digest: &Digest,
    manifest: &Manifest,
    now: Timestamp,
) -> Result<(Chain, Entry)> {
    let names = manifest.items.iter().map(|item| item.name.as_str());
    let mut chain = Chain::new(digest, names.clone());
    let entry = chain.append(Draft {
        at: now.max(manifest.ended),
        act: Act::Acquired {},
        by: manifest.taken_by.clone(),
        purpose: manifest.purpose.clone(),
        items: names.map(str::to_owned).collect(),
        recheck: Recheck::NotDone {},
    });
    Ok((chain, entry.map_err(Error::internal)?))
}
