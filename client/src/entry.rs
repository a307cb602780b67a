//! How staff say why they enter a tenant.

use std::fmt::Write as _;

use jiff::Timestamp;
use tonic::metadata::{Ascii, MetadataMap, MetadataValue};

/// Metadata key of the justification.
const JUSTIFICATION: &str = "cordon-enter-justification";
/// Metadata key of the reference.
const REFERENCE: &str = "cordon-enter-reference";
/// Metadata key of the approval.
const APPROVAL: &str = "cordon-enter-approval";
/// Metadata key of the entry's end.
const EXPIRES: &str = "cordon-enter-expires";

/// Why a member of the provider's staff enters a tenant. The tenant reads it in its log.
///
/// ```
/// use cordon_client::Entry;
/// let entry = Entry::new("customer asked why the export stopped").reference("INC-4711");
/// assert_eq!(entry.justification, "customer asked why the export stopped");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The reason, for the tenant to read.
    pub justification: String,
    /// The incident or request that it is about.
    pub reference: String,
    /// Who approved it; may be empty.
    pub approval: String,
    /// When the right to be there ends, streams too; at most 12 hours from now. `None`: with each
    /// call.
    pub expires: Option<Timestamp>,
}

impl Entry {
    /// An entry with this reason.
    #[must_use]
    pub fn new(justification: impl Into<String>) -> Self {
        Self {
            justification: justification.into(),
            reference: String::new(),
            approval: String::new(),
            expires: None,
        }
    }

    /// Names the incident or request that it is about.
    #[must_use]
    pub fn reference(mut self, reference: impl Into<String>) -> Self {
        self.reference = reference.into();
        self
    }

    /// Names who approved it.
    #[must_use]
    pub fn approval(mut self, approval: impl Into<String>) -> Self {
        self.approval = approval.into();
        self
    }

    /// Says when the right to be there ends.
    #[must_use]
    pub fn expires(mut self, time: Timestamp) -> Self {
        self.expires = Some(time);
        self
    }

    /// Puts the entry into a call's metadata.
    pub(crate) fn write(&self, metadata: &mut MetadataMap) {
        let expires = self.expires.map(|time| time.to_string());
        for (key, value) in [
            (JUSTIFICATION, self.justification.as_str()),
            (REFERENCE, &self.reference),
            (APPROVAL, &self.approval),
            (EXPIRES, expires.as_deref().unwrap_or_default()),
        ] {
            if value.is_empty() {
                continue;
            }
            if let Ok(value) = percent_encode(value).parse::<MetadataValue<Ascii>>() {
                metadata.insert(key, value);
            }
        }
    }
}

/// Metadata carries printable ASCII only: everything else, and `%` itself, becomes `%XX` of its
/// UTF-8 bytes. Spaces at the ends, which HTTP would drop, as well.
fn percent_encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let last = text.len().saturating_sub(1);
    for (at, byte) in text.bytes().enumerate() {
        let plain = byte.is_ascii_graphic() && byte != b'%';
        if plain || (byte == b' ' && at != 0 && at != last) {
            out.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_printable_ascii_is_encoded() {
        for (text, encoded) in [
            ("INC-7: asked", "INC-7: asked"),
            ("Prüfung 100%", "Pr%C3%BCfung 100%25"),
            (" a\nb ", "%20a%0Ab%20"),
            ("", ""),
        ] {
            assert_eq!(percent_encode(text), encoded);
        }
    }

    #[test]
    fn an_entry_is_a_header_for_each_thing_said() {
        let mut metadata = MetadataMap::new();
        Entry::new("because ü").write(&mut metadata);
        assert_eq!(metadata.get(JUSTIFICATION).unwrap(), "because %C3%BC");
        assert!(metadata.get(REFERENCE).is_none());
        Entry::new("x").reference("INC-1").write(&mut metadata);
        assert_eq!(metadata.get(REFERENCE).unwrap(), "INC-1");
        for key in [APPROVAL, EXPIRES] {
            assert!(metadata.get(key).is_none());
        }
        Entry::new("x")
            .approval("Jürgen")
            .expires("2026-11-24T12:00:00Z".parse().unwrap())
            .write(&mut metadata);
        assert_eq!(metadata.get(APPROVAL).unwrap(), "J%C3%BCrgen");
        assert_eq!(metadata.get(EXPIRES).unwrap(), "2026-11-24T12:00:00Z");
    }
}
