//! Names of what is made inside QEMU: recognisable, and with the acquisition's id.

use crate::AcquisitionId;

/// What all names begin with.
const PREFIX: &str = "cordon-";
const PAUSE: &str = "-pause";

/// Something that is made for one disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// The point in time that is read; also the name of its export.
    Snapshot,
    /// The filter that keeps what the guest is about to overwrite.
    Filter,
    /// Where it is kept.
    Store,
}

/// The name of the note, and what file descriptors are marked with.
pub(crate) fn note(id: &AcquisitionId) -> String {
    format!("{PREFIX}{id}")
}

/// The name of what says that the guest stands still because of us.
pub(crate) fn pause(id: &AcquisitionId) -> String {
    format!("{PREFIX}{id}{PAUSE}")
}

/// The name of a node; at most 31 bytes.
pub(crate) fn node(id: &AcquisitionId, kind: Kind, disk: usize) -> String {
    let letter = match kind {
        Kind::Snapshot => 's',
        Kind::Filter => 'f',
        Kind::Store => 't',
    };
    format!("{PREFIX}{id}-{letter}{disk:02}")
}

/// Whose note, or file descriptor, that is.
pub(crate) fn note_of(name: &str) -> Option<AcquisitionId> {
    AcquisitionId::new(name.strip_prefix(PREFIX)?).ok()
}

/// Whose pause that is.
pub(crate) fn pause_of(name: &str) -> Option<AcquisitionId> {
    let id = name.strip_prefix(PREFIX)?.strip_suffix(PAUSE)?;
    AcquisitionId::new(id).ok()
}

/// Whose node that is, and which.
pub(crate) fn node_of(name: &str) -> Option<(AcquisitionId, Kind)> {
    let (id, rest) = name.strip_prefix(PREFIX)?.split_once('-')?;
    let kind = match rest.chars().next()? {
        's' => Kind::Snapshot,
        'f' => Kind::Filter,
        't' => Kind::Store,
        _ => return None,
    };
    Some((AcquisitionId::new(id).ok()?, kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_enough_and_are_read_back() {
        let id = AcquisitionId::new("0123456789abcdef").unwrap();
        for kind in [Kind::Snapshot, Kind::Filter, Kind::Store] {
            let name = node(&id, kind, 63);
            assert!(name.len() <= 31, "{name}");
            assert_eq!(node_of(&name), Some((id.clone(), kind)));
            assert_eq!(note_of(&name), None);
        }
        assert_eq!(note_of(&pause(&id)), None);
        assert_eq!(pause_of(&pause(&id)), Some(id.clone()));
        assert_eq!(note_of(&note(&id)), Some(id));
        for other in [
            "disk0",
            "cordon-",
            "cordon-A-s00",
            "cordon-a-x00",
            "cordon-a-",
            "#block123",
        ] {
            assert_eq!(node_of(other), None, "{other}");
        }
        for bad in ["", "A", "a-b", "0123456789abcdefg", "\u{e9}"] {
            assert!(AcquisitionId::new(bad).is_err(), "{bad}");
        }
    }
}
