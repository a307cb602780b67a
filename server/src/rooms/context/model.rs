//! What a tenant tells of its own, and how it changes. Pure.

use std::net::IpAddr;

use cordon_kernel::{Error, Reason, Result};
use ipnet::IpNet;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::rooms::uuid_text;

/// What an entry is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ContextKind {
    Asset,
    PlannedWork,
    TrustedNetwork,
}

impl ContextKind {
    /// As it is stored.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Asset => "asset",
            Self::PlannedWork => "planned_work",
            Self::TrustedNetwork => "trusted_network",
        }
    }

    /// Most of a tenant's, and what to do beyond.
    pub(super) const fn most(self) -> (i64, &'static str) {
        match self {
            Self::Asset => (
                10_000,
                "a tenant tells at most 10,000 assets: take some back, or tell networks and what \
                 others lie below",
            ),
            Self::PlannedWork => (
                200,
                "a tenant tells at most 200 planned works: take back those that are over",
            ),
            Self::TrustedNetwork => (
                200,
                "a tenant tells at most 200 trusted networks: put several CIDRs in one",
            ),
        }
    }
}

/// Something that the tenant has.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Asset {
    pub(super) identifiers: Vec<String>,
    pub(super) role: String,
    pub(super) operating_system: String,
    pub(super) owner_contact: String,
    pub(super) crown_jewel: bool,
}

/// Something that the tenant is going to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PlannedWork {
    pub(super) start: Timestamp,
    /// First moment after.
    pub(super) end: Timestamp,
    pub(super) principals: Vec<String>,
    pub(super) operations: Vec<String>,
    pub(super) resources: Vec<String>,
    pub(super) reference: String,
}

/// From where the tenant's own come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TrustedNetwork {
    /// In CIDR notation, each as it is spelt once.
    pub(super) cidrs: Vec<String>,
    pub(super) expires: Option<Timestamp>,
}

/// What is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum About {
    Asset(Asset),
    PlannedWork(PlannedWork),
    TrustedNetwork(TrustedNetwork),
}

impl About {
    pub(super) const fn kind(&self) -> ContextKind {
        match self {
            Self::Asset(_) => ContextKind::Asset,
            Self::PlannedWork(_) => ContextKind::PlannedWork,
            Self::TrustedNetwork(_) => ContextKind::TrustedNetwork,
        }
    }

    pub(super) const fn crown_jewel(&self) -> bool {
        matches!(self, Self::Asset(asset) if asset.crown_jewel)
    }
}

/// An entry as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    #[serde(with = "uuid_text")]
    pub(super) id: Uuid,
    pub(super) display_name: String,
    pub(super) note: String,
    pub(super) about: About,
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
    /// Who changed it last.
    pub(super) by: String,
    pub(super) etag: String,
}

/// What a new entry says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NewEntry {
    pub(super) display_name: String,
    pub(super) note: String,
    pub(super) about: About,
}

/// What is to be changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Patch {
    pub(super) display_name: Option<String>,
    pub(super) note: Option<String>,
    pub(super) about: Option<About>,
}

/// When, by whom, and what it is called afterwards.
#[derive(Debug, Clone)]
pub(super) struct Mark {
    pub(super) now: Timestamp,
    pub(super) by: String,
    pub(super) etag: String,
}

/// A decided change.
#[derive(Debug)]
pub(super) struct Change(Entry);

impl Change {
    /// The entry afterwards.
    pub(super) fn entry(&self) -> &Entry {
        &self.0
    }
}

pub(super) fn create(id: Uuid, new: NewEntry, mark: Mark) -> Change {
    Change(Entry {
        id,
        display_name: new.display_name,
        note: new.note,
        about: new.about,
        created: mark.now,
        updated: mark.now,
        by: mark.by,
        etag: mark.etag,
    })
}

/// The entry with what is to be changed.
///
/// # Errors
/// `INVALID_ARGUMENT` when it would be about something of another kind.
pub(super) fn update(before: Entry, patch: Patch, mark: Mark) -> Result<Change> {
    let mut entry = before;
    if let Some(about) = patch.about {
        if about.kind() != entry.about.kind() {
            return Err(Error::invalid(
                "update_mask",
                "an entry does not change its kind: take it back and tell another",
            ));
        }
        entry.about = about;
    }
    entry.display_name = patch.display_name.unwrap_or(entry.display_name);
    entry.note = patch.note.unwrap_or(entry.note);
    // On whichever server's clock: not before its last change.
    entry.updated = mark.now.max(entry.updated);
    entry.by = mark.by;
    entry.etag = mark.etag;
    Ok(Change(entry))
}

/// What an import does with an asset whose display name is taken: nothing if it says the same.
pub(super) fn replace(before: Entry, new: NewEntry, mark: Mark) -> Result<Option<Change>> {
    if before.note == new.note && before.about == new.about {
        return Ok(None);
    }
    let patch = Patch {
        display_name: None,
        note: Some(new.note),
        about: Some(new.about),
    };
    update(before, patch, mark).map(Some)
}

/// # Errors
/// `ETAG_MISMATCH` when the entry is not what the caller has read.
pub(super) fn require(entry: &Entry, expected: &str) -> Result<()> {
    if expected.is_empty() || expected == entry.etag {
        return Ok(());
    }
    Err(Error::new(
        Reason::EtagMismatch,
        "the entry was changed meanwhile: read it again",
    ))
}

/// An address or a network, if the text is one.
pub(super) fn network(text: &str) -> Option<IpNet> {
    let net = match text.parse::<IpAddr>() {
        Ok(address) => IpNet::from(address.to_canonical()),
        Err(_) => text.parse::<IpNet>().ok()?,
    };
    Some(net.trunc())
}
