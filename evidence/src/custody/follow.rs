//! Which entry follows: by its place and hash, and by what was done before.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Act, Draft, Entry, Head, Recheck};
use crate::canonical::CanonicalError;
use crate::digest::Digest;
use crate::names::is_text;

/// Why an entry does not follow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Step {
    /// Its sequence is not the next.
    #[error("its sequence is {got}, not {expected}")]
    Sequence {
        /// The next.
        expected: u64,
        /// What it says.
        got: u64,
    },
    /// It has another hash of the entry before: one of the two was changed.
    #[error(
        "its hash of the entry before is another: one of the two was changed, or one between them is gone"
    )]
    Previous,
    /// It is of a time before the entry before.
    #[error("it was done before the entry before it")]
    Time,
    /// A text of it is empty, too long, or hides something.
    #[error("a text of it is empty, longer than 1024 bytes, or has control characters")]
    Text,
    /// It names no item, or one twice.
    #[error("it names no item, or one twice")]
    Items,
    /// It names an item that the snapshot does not have.
    #[error("it names an item that the snapshot does not have")]
    UnknownItem,
    /// The act can't be done with an item after what was done before.
    #[error("with `{item}` this can't be done: {why}")]
    Act {
        /// Which item.
        item: String,
        /// Why.
        why: &'static str,
    },
    /// It has no bytes.
    #[error(transparent)]
    Form(#[from] CanonicalError),
}

/// The first entry of a chain that does not follow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// An entry does not follow.
    #[error("entry {index} of the chain does not follow: {step}")]
    Entry {
        /// Where it stands, from 0.
        index: usize,
        /// Why.
        step: Step,
    },
    /// The chain does not pass through a head that was known.
    #[error("the chain does not have the entry {0} that was known of it: it was cut or is another")]
    Head(u64),
}

/// What was done with an item so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Done {
    acquired: bool,
    deleted: bool,
    holds: BTreeSet<String>,
    shares: BTreeSet<String>,
}

/// A chain up to some entry: what may follow, and the one way to make what follows. It can be kept, so
/// that the next entry is made without reading all before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chain {
    head: Head,
    last: Option<Timestamp>,
    items: BTreeMap<String, Done>,
}

/// Checks a chain from its start. `items` are the names in the manifest, and `known` are heads that
/// somebody was told of it.
///
/// # Errors
///
/// The first entry that does not follow, or a known head that is not the chain's.
pub fn verify<'a>(
    manifest: &Digest,
    items: impl IntoIterator<Item = &'a str>,
    entries: &[Entry],
    known: &[Head],
) -> Result<Head, Broken> {
    let mut chain = Chain::new(manifest, items);
    let mut unseen: BTreeMap<u64, Vec<Digest>> = BTreeMap::new();
    for head in known {
        unseen.entry(head.sequence).or_default().push(head.hash);
    }
    let mut pass = |head: Head| match unseen.remove(&head.sequence) {
        Some(hashes) if hashes.iter().any(|hash| *hash != head.hash) => {
            Err(Broken::Head(head.sequence))
        }
        _ => Ok(()),
    };
    pass(chain.head())?;
    for (index, entry) in entries.iter().enumerate() {
        let broken = |step| Broken::Entry { index, step };
        chain.follow(entry).map_err(broken)?;
        pass(chain.head())?;
    }
    match unseen.keys().next() {
        Some(sequence) => Err(Broken::Head(*sequence)),
        None => Ok(chain.head()),
    }
}

impl Chain {
    /// The chain of a manifest, with no entry yet.
    #[must_use]
    pub fn new<'a>(manifest: &Digest, items: impl IntoIterator<Item = &'a str>) -> Self {
        let items = items.into_iter();
        Self {
            head: Head::start(manifest),
            last: None,
            items: items
                .map(|name| (name.to_owned(), Done::default()))
                .collect(),
        }
    }

    /// Its end.
    #[must_use]
    pub const fn head(&self) -> Head {
        self.head
    }

    /// When its last entry was made; none if it has none.
    #[must_use]
    pub const fn last(&self) -> Option<Timestamp> {
        self.last
    }

    /// Makes the next entry.
    ///
    /// # Errors
    ///
    /// Why it would not follow. Then the chain is as it was.
    pub fn append(&mut self, draft: Draft) -> Result<Entry, Step> {
        let entry = Entry {
            sequence: self.head.sequence.saturating_add(1),
            at: draft.at,
            act: draft.act,
            by: draft.by,
            purpose: draft.purpose,
            items: draft.items,
            recheck: draft.recheck,
            previous: self.head.hash,
        };
        self.follow(&entry)?;
        Ok(entry)
    }

    /// Takes the next entry.
    ///
    /// # Errors
    ///
    /// Why it does not follow. Then the chain is as it was.
    pub fn follow(&mut self, entry: &Entry) -> Result<(), Step> {
        let expected = self.head.sequence.saturating_add(1);
        if entry.sequence != expected {
            return Err(Step::Sequence {
                expected,
                got: entry.sequence,
            });
        }
        if entry.previous != self.head.hash {
            return Err(Step::Previous);
        }
        if self.last.is_some_and(|last| entry.at < last) {
            return Err(Step::Time);
        }
        if !texts(entry).into_iter().all(is_text) {
            return Err(Step::Text);
        }
        let names: BTreeSet<&String> = entry.items.iter().collect();
        if names.is_empty() || names.len() != entry.items.len() {
            return Err(Step::Items);
        }
        if let Recheck::Differs { item, .. } = &entry.recheck
            && !names.contains(item)
        {
            return Err(Step::UnknownItem);
        }
        for name in &entry.items {
            let done = self.items.get(name).ok_or(Step::UnknownItem)?;
            done.allows(&entry.act).map_err(|why| Step::Act {
                item: name.clone(),
                why,
            })?;
        }
        let hash = entry.hash()?;
        for name in &entry.items {
            if let Some(done) = self.items.get_mut(name) {
                done.apply(&entry.act);
            }
        }
        self.last = Some(entry.at);
        self.head = Head {
            sequence: expected,
            hash,
        };
        Ok(())
    }
}

/// All texts of people in an entry.
fn texts(entry: &Entry) -> Vec<&str> {
    let mut texts = vec![&*entry.by.name, &*entry.by.party, &*entry.purpose];
    match &entry.act {
        Act::Held { hold } | Act::Released { hold } => texts.push(hold),
        Act::Shared { with } | Act::ShareRevoked { with } => texts.push(with),
        Act::Acquired {} | Act::Read {} | Act::Exported {} | Act::Examined {} | Act::Deleted {} => {
        }
    }
    texts
}

impl Done {
    fn allows(&self, act: &Act) -> Result<(), &'static str> {
        let (refused, why) = match act {
            Act::Acquired {} => (self.acquired, "it was acquired before"),
            _ if !self.acquired => (true, "it was not acquired yet"),
            // What was shared stays with whoever was told; that it ended may be entered later.
            Act::ShareRevoked { with } => (!self.shares.contains(with), "it is not shared so"),
            _ if self.deleted => (true, "it was deleted"),
            Act::Held { hold } => (self.holds.contains(hold), "it is held so already"),
            Act::Released { hold } => (!self.holds.contains(hold), "it is not held so"),
            Act::Shared { with } => (self.shares.contains(with), "it is shared so already"),
            Act::Deleted {} => (!self.holds.is_empty(), "it is held"),
            Act::Read {} | Act::Exported {} | Act::Examined {} => (false, ""),
        };
        if refused { Err(why) } else { Ok(()) }
    }

    fn apply(&mut self, act: &Act) {
        match act {
            Act::Acquired {} => self.acquired = true,
            Act::Held { hold } => {
                self.holds.insert(hold.clone());
            }
            Act::Released { hold } => {
                self.holds.remove(hold);
            }
            Act::Shared { with } => {
                self.shares.insert(with.clone());
            }
            Act::ShareRevoked { with } => {
                self.shares.remove(with);
            }
            Act::Deleted {} => self.deleted = true,
            Act::Read {} | Act::Exported {} | Act::Examined {} => {}
        }
    }
}
