//! Names become numbers under a key, so that nobody can choose names that collide, and what is
//! kept says no name by itself.

use std::hash::Hasher;

use siphasher::sip::SipHasher13;
use siphasher::sip128;

/// The key of one tenant's model.
#[derive(Clone)]
pub(crate) struct Key([u8; 16]);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")
    }
}

impl Key {
    pub(crate) const fn new(key: [u8; 16]) -> Self {
        Self(key)
    }

    /// The number of some texts, in their order, for one purpose.
    pub(crate) fn hash(&self, purpose: u8, texts: &[&[u8]]) -> u64 {
        let mut hasher = SipHasher13::new_with_key(&self.0);
        hasher.write_u8(purpose);
        for text in texts {
            hasher.write_u64(text.len() as u64);
            hasher.write(text);
        }
        hasher.finish()
    }

    /// A longer one, by which findings and kept bytes are known.
    pub(crate) fn long(&self, purpose: u8, texts: &[&[u8]]) -> [u8; 16] {
        let mut bytes = vec![purpose];
        for text in texts {
            bytes.extend_from_slice(&(text.len() as u64).to_le_bytes());
            bytes.extend_from_slice(text);
        }
        let hasher = sip128::SipHasher24::new_with_key(&self.0);
        hasher.hash(&bytes).as_bytes()
    }
}
