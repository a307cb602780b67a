//! The id of an acquisition, which is in the name of everything that is made for it.

use crate::Error;

/// Longest id. QEMU's nodes have names of at most 31 bytes.
const MAX: usize = 16;

/// The id of an acquisition: small letters and digits, at most 16.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AcquisitionId(String);

impl AcquisitionId {
    /// Takes an id. Two acquisitions must not have the same.
    ///
    /// # Errors
    /// [`Error::Invalid`].
    pub fn new(id: &str) -> Result<Self, Error> {
        let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        match (1..=MAX).contains(&id.len()) && id.bytes().all(good) {
            true => Ok(Self(id.to_owned())),
            false => Err(Error::Invalid("the id of an acquisition")),
        }
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for AcquisitionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
