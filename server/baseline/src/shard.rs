//! A shard of subjects, and parts as bytes.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::key::Key;
use crate::model::{Limits, Part, purpose};
use crate::table::Table;

/// The version of kept bytes. Older ones are not read: what a model knows is learned again.
const VERSION: u8 = 1;
/// Version and mark, in front of what is kept.
const HEAD: usize = 17;
/// Chains of roles that are remembered.
const MOST_LINKS: usize = 64;
/// Hours for which a chain goes on: AWS's longest session.
const LINK_HOURS: u32 = 12;
/// Accounts of a chain that are remembered, and what each costs at most.
pub(crate) const MOST_ACCOUNTS: usize = 5;
pub(crate) const ACCOUNT_BYTES: usize = 40;

/// Why bytes are no part of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PartError {
    /// They were written by a version that this one doesn't know.
    #[error("version {0} of a part is unknown; only {VERSION} is read")]
    UnknownVersion(u8),
    /// They are not what was written, or were written for another part or under another key.
    #[error("a part is corrupt, or is another one or another tenant's")]
    Corrupt,
}

/// By what way a role was taken on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Link {
    accounts: Vec<String>,
    hour: u32,
}

/// The subjects of one part.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Shard {
    tables: [Table; 3],
    links: BTreeMap<u64, Link>,
}

impl Shard {
    /// What tables may cost: half for principals, a quarter each for addresses and resources, so
    /// that many of one kind take nothing from another.
    pub(crate) fn most(limits: &Limits, table: usize) -> usize {
        let links = MOST_LINKS * (MOST_ACCOUNTS * (ACCOUNT_BYTES + 1) + 16);
        let fixed = 3 * Table::PROBES_BYTES + links + HEAD + 64;
        let left = limits.most_bytes().saturating_sub(fixed);
        if table == 0 { left / 2 } else { left / 4 }
    }

    pub(crate) fn table(&mut self, at: usize) -> Option<&mut Table> {
        self.tables.get_mut(at)
    }

    /// How many subjects are followed.
    pub(crate) fn len(&self) -> usize {
        self.tables.iter().map(Table::len).sum()
    }

    /// Through which accounts a role was last taken on, if that was lately.
    pub(crate) fn chain(&self, role: u64, hour: u32) -> Option<&[String]> {
        let link = self.links.get(&role)?;
        (link.hour.abs_diff(hour) <= LINK_HOURS).then_some(&link.accounts)
    }

    /// Remembers it.
    pub(crate) fn link(&mut self, role: u64, accounts: Vec<String>, hour: u32) {
        if self.links.len() >= MOST_LINKS && !self.links.contains_key(&role) {
            let oldest = self.links.iter().min_by_key(|(_, link)| link.hour);
            if let Some(oldest) = oldest.map(|(role, _)| *role) {
                self.links.remove(&oldest);
            }
        }
        self.links.insert(role, Link { accounts, hour });
    }

    /// Whether it is as this code leaves it; counts what it costs.
    pub(crate) fn settle(&mut self) -> bool {
        let sound = self.tables.iter_mut().all(Table::settle);
        let short = |link: &Link| {
            link.accounts.len() <= MOST_ACCOUNTS
                && link
                    .accounts
                    .iter()
                    .all(|account| account.len() <= ACCOUNT_BYTES)
        };
        sound && self.links.len() <= MOST_LINKS && self.links.values().all(short)
    }
}

/// A part as bytes.
pub(crate) fn to_bytes<T: Serialize>(key: &Key, part: Part, what: &T) -> Vec<u8> {
    // Only a type that can't tell its length fails, and none of ours is one.
    let body = postcard::to_allocvec(what).unwrap_or_default();
    let mut bytes = Vec::with_capacity(HEAD + body.len());
    bytes.push(VERSION);
    bytes.extend(mark(key, part, &body));
    bytes.extend(body);
    bytes
}

/// A part of bytes.
pub(crate) fn from_bytes<T: DeserializeOwned>(
    key: &Key,
    part: Part,
    bytes: &[u8],
) -> Result<T, PartError> {
    let (version, rest) = bytes.split_first().ok_or(PartError::Corrupt)?;
    if *version != VERSION {
        return Err(PartError::UnknownVersion(*version));
    }
    let (kept, body) = rest.split_first_chunk::<16>().ok_or(PartError::Corrupt)?;
    if *kept != mark(key, part, body) {
        return Err(PartError::Corrupt);
    }
    match postcard::take_from_bytes(body) {
        Ok((what, [])) => Ok(what),
        _ => Err(PartError::Corrupt),
    }
}

fn mark(key: &Key, part: Part, body: &[u8]) -> [u8; 16] {
    key.long(purpose::BYTES, &[&[VERSION, part.number()], body])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::common::Common;

    proptest! {
        // Past the mark, which whoever has the key can make: nothing panics either.
        #[test]
        fn marked_nonsense_is_refused_or_sound(body in prop::collection::vec(any::<u8>(), 0..600)) {
            let key = Key::new([7; 16]);
            let mut bytes = vec![VERSION];
            bytes.extend(mark(&key, Part::COMMON, &body));
            bytes.extend(&body);
            if let Ok(mut shard) = from_bytes::<Shard>(&key, Part::COMMON, &bytes) {
                let _ = shard.settle();
            }
            if let Ok(common) = from_bytes::<Common>(&key, Part::COMMON, &bytes) {
                let _ = common.is_sound();
            }
        }
    }

    #[test]
    fn common_fits_a_part() {
        assert!(Common::most_bytes() <= 256 * 1024);
    }
}
