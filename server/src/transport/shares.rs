//! Fair shares: how much one caller may have of what all callers share, whatever others have.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

/// Counts what each key holds, up to a limit for each.
#[derive(Debug)]
pub(crate) struct Shares<K> {
    most: usize,
    /// Keys that hold something.
    held: Mutex<HashMap<K, usize>>,
}

/// One of a key's places, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Share<K: Eq + Hash> {
    shares: Arc<Shares<K>>,
    key: K,
}

impl<K: Eq + Hash + Clone> Shares<K> {
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            held: Mutex::default(),
        })
    }

    /// A place for this key; `None` when it holds as many as it may.
    pub(crate) fn take(self: &Arc<Self>, key: &K) -> Option<Share<K>> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let count = held.get(key).copied().unwrap_or(0);
        if count >= self.most {
            return None;
        }
        held.insert(key.clone(), count + 1);
        Some(Share {
            shares: Arc::clone(self),
            key: key.clone(),
        })
    }
}

impl<K: Eq + Hash> Drop for Share<K> {
    fn drop(&mut self) {
        let mut held = self
            .shares
            .held
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match held.get_mut(&self.key) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                held.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_own_places_and_gives_them_back() {
        let shares = Shares::new(2);
        let (first, second) = (shares.take(&"acme"), shares.take(&"acme"));
        assert!(first.is_some() && second.is_some());
        assert!(shares.take(&"acme").is_none());
        let other = shares.take(&"globex");
        assert!(other.is_some(), "what one holds is not missing to another");
        drop(first);
        assert!(shares.take(&"acme").is_some());
        drop((second, other));
        assert!(shares.held.lock().unwrap().is_empty(), "nothing is kept");
    }
}
