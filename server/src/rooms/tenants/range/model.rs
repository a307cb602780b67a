//! Which addresses are the provider's own. Pure.

use cordon_kernel::{Error, Reason, Result};
use ipnet::IpNet;
use uuid::Uuid;

/// A declared range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct AddressRange {
    pub(super) id: Uuid,
    pub(super) net: IpNet,
}

/// A decided change; only this module makes one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Change(Effect);

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Effect {
    Insert(AddressRange),
    Delete(AddressRange),
}

impl Change {
    pub(super) fn effect(&self) -> &Effect {
        &self.0
    }

    pub(super) fn into_range(self) -> AddressRange {
        match self.0 {
            Effect::Insert(range) | Effect::Delete(range) => range,
        }
    }
}

/// Decides on a new range; `same` is the declared range of the same addresses. Ranges may overlap
/// otherwise: an address in any of them is the provider's.
pub(super) fn create(same: Option<&AddressRange>, net: IpNet, id: Uuid) -> Result<Change> {
    match same {
        Some(_) => Err(Error::new(
            Reason::AlreadyExists,
            "the range is declared already",
        )),
        None => Ok(Change(Effect::Insert(AddressRange { id, net }))),
    }
}

/// Decides on the withdrawal of a range.
pub(super) fn delete(range: Option<AddressRange>) -> Result<Change> {
    range
        .map(|range| Change(Effect::Delete(range)))
        .ok_or_else(|| Error::new(Reason::NotFound, "no such address range"))
}
