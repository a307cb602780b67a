//! What is looked up by address and by pattern: networks that hold an address, texts with `*`. Pure.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use ipnet::IpNet;
use uuid::Uuid;

use super::matching::MOST_OF_A_KIND;

/// Networks, by what is kept of each with the entry that names it.
pub(super) struct Networks<T> {
    nets: HashMap<IpNet, Vec<(T, Uuid)>>,
    /// The lengths of prefixes that there are, and whether of IPv4.
    lengths: BTreeSet<(bool, u8)>,
}

impl<T> Default for Networks<T> {
    fn default() -> Self {
        Self {
            nets: HashMap::new(),
            lengths: BTreeSet::new(),
        }
    }
}

impl<T> Networks<T> {
    pub(super) fn add(&mut self, net: IpNet, of: (T, Uuid)) {
        let net = net.trunc();
        self.lengths
            .insert((net.addr().is_ipv4(), net.prefix_len()));
        let at = self.nets.entry(net).or_default();
        if at.len() < MOST_OF_A_KIND && !at.iter().any(|(_, id)| *id == of.1) {
            at.push(of);
        }
    }

    /// Tells of those that hold an address, the narrowest first.
    pub(super) fn of(&self, address: IpAddr, mut tell: impl FnMut(&(T, Uuid))) {
        let address = address.to_canonical();
        for (ipv4, length) in self.lengths.iter().rev() {
            if *ipv4 != address.is_ipv4() {
                continue;
            }
            let Ok(net) = IpNet::new(address, *length) else {
                continue;
            };
            self.nets
                .get(&net.trunc())
                .into_iter()
                .flatten()
                .for_each(&mut tell);
        }
    }
}

/// A text in which `*` stands for any characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Glob {
    text: String,
}

impl Glob {
    pub(super) fn new(text: &str) -> Self {
        Self {
            text: text.to_owned(),
        }
    }

    /// Whether it is this text and has no `*`.
    pub(super) fn is(&self, text: &str) -> bool {
        !text.is_empty() && self.text == text && !self.text.contains('*')
    }

    pub(super) fn fits(&self, text: &str) -> bool {
        if text.is_empty() {
            return false;
        }
        let mut parts = self.text.split('*');
        let first = parts.next().unwrap_or_default();
        let Some(mut rest) = text.strip_prefix(first) else {
            return false;
        };
        let Some(last) = parts.next_back() else {
            return rest.is_empty();
        };
        // Each part as early as it can be: what fits later then fits too.
        for part in parts {
            match rest.split_once(part) {
                Some((_, after)) => rest = after,
                None => return false,
            }
        }
        rest.ends_with(last)
    }
}
