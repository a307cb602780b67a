//! Things worth keeping, up to a weight; the longest unused goes first.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A bounded map from keys to values that are cheap to clone. Every key begins with the tenant.
pub struct Cache<K, V> {
    budget: usize,
    inner: Mutex<Inner<K, V>>,
}

struct Inner<K, V> {
    map: HashMap<K, Kept<V>>,
    /// Keys by last use.
    order: BTreeMap<u64, K>,
    uses: u64,
    weight: usize,
}

struct Kept<V> {
    value: V,
    weight: usize,
    used: u64,
}

impl<K, V> std::fmt::Debug for Cache<K, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Cache({} bytes)", self.budget)
    }
}

impl<K: Clone + Eq + Hash, V: Clone> Cache<K, V> {
    /// One that holds values up to a weight.
    #[must_use]
    pub fn new(budget: usize) -> Self {
        Self {
            budget,
            inner: Mutex::new(Inner {
                map: HashMap::new(),
                order: BTreeMap::new(),
                uses: 0,
                weight: 0,
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner<K, V>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is kept under the key.
    pub fn get(&self, key: &K) -> Option<V> {
        let mut inner = self.lock();
        let inner = &mut *inner;
        let kept = inner.map.get_mut(key)?;
        inner.uses += 1;
        if let Some(key) = inner.order.remove(&kept.used) {
            inner.order.insert(inner.uses, key);
        }
        kept.used = inner.uses;
        Some(kept.value.clone())
    }

    /// What is kept under the key; what `make` makes, if nothing is.
    pub(crate) fn get_or_put(&self, key: &K, weight: usize, make: impl FnOnce() -> V) -> V {
        if let Some(value) = self.get(key) {
            return value;
        }
        let mut inner = self.lock();
        if let Some(kept) = inner.map.get(key) {
            return kept.value.clone();
        }
        let value = make();
        self.put_locked(&mut inner, key.clone(), value.clone(), weight);
        value
    }

    /// Keeps the value unless it alone is beyond the budget.
    pub fn put(&self, key: K, value: V, weight: usize) {
        self.put_locked(&mut self.lock(), key, value, weight);
    }

    fn put_locked(&self, inner: &mut Inner<K, V>, key: K, value: V, weight: usize) {
        inner.remove(&key);
        if weight > self.budget {
            return;
        }
        inner.uses += 1;
        inner.weight += weight;
        let used = inner.uses;
        inner.order.insert(used, key.clone());
        inner.map.insert(
            key,
            Kept {
                value,
                weight,
                used,
            },
        );
        while inner.weight > self.budget {
            let Some((_, oldest)) = inner.order.pop_first() else {
                break;
            };
            inner.remove(&oldest);
        }
    }

    /// Forgets what is kept under the key.
    pub fn remove(&self, key: &K) {
        self.lock().remove(key);
    }

    /// Forgets every key that the condition does not hold for.
    pub(crate) fn retain(&self, keep: impl Fn(&K) -> bool) {
        let mut inner = self.lock();
        let gone: Vec<K> = inner.map.keys().filter(|key| !keep(key)).cloned().collect();
        gone.iter().for_each(|key| inner.remove(key));
    }

    /// What it holds now.
    pub(crate) fn weight(&self) -> usize {
        self.lock().weight
    }
}

impl<K: Eq + Hash, V> Inner<K, V> {
    fn remove(&mut self, key: &K) {
        if let Some(kept) = self.map.remove(key) {
            self.order.remove(&kept.used);
            self.weight -= kept.weight;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_unused_goes_first() {
        let cache = Cache::new(10);
        cache.put("a", 1, 4);
        cache.put("b", 2, 4);
        assert_eq!(cache.get(&"a"), Some(1));
        cache.put("c", 3, 4);
        assert_eq!(cache.get(&"b"), None);
        assert_eq!((cache.get(&"a"), cache.get(&"c")), (Some(1), Some(3)));
        assert_eq!(cache.weight(), 8);
    }

    #[test]
    fn the_budget_holds() {
        let cache = Cache::new(10);
        cache.put("a", 1, 11);
        assert_eq!(cache.get(&"a"), None);
        cache.put("a", 1, 3);
        cache.put("a", 2, 5);
        assert_eq!((cache.get(&"a"), cache.weight()), (Some(2), 5));
        cache.retain(|key| *key != "a");
        assert_eq!((cache.get(&"a"), cache.weight()), (None, 0));
    }
}
