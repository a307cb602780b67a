//! Whether tenants, sources and credentials are in good standing: asked of the database at most
//! every [`FRESH`], forgotten at once when this process changes something, and never assumed.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use super::permit::Permit;
use super::principal::Principal;
use super::scope::TenantScope;
use crate::clock::Env;
use crate::error::Result;
use crate::ids::{CredentialId, SourceId, TenantId};

/// How old an answer may be. With the streams' own check every 2 s, a change made by another
/// replica ends an open stream within 4 s and a bit.
pub(crate) const FRESH: SignedDuration = SignedDuration::from_secs(2);

/// Past this many remembered answers of a kind, stale ones are dropped.
const CAPACITY: usize = 65_536;

/// How a tenant stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TenantStatus {
    /// Served.
    Active,
    /// Refused everywhere; ingest for it is still stored.
    Suspended,
}

/// How a source stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SourceStatus {
    /// Accepted.
    Active,
    /// Known and shut out.
    Disabled,
}

/// What the register says about a credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CredentialRecord {
    /// Who holds it.
    pub(crate) principal: Principal,
    /// Whether it was revoked.
    pub(crate) revoked: bool,
}

/// Where standing is looked up, and where entries of staff are written; the database does both.
/// `None` stands for what does not exist or was deleted.
#[async_trait]
pub(crate) trait StandingSource: Send + Sync + 'static {
    async fn tenant(&self, tenant: &TenantId) -> Result<Option<TenantStatus>>;
    async fn source(&self, source: &SourceId) -> Result<Option<SourceStatus>>;
    async fn credential(&self, credential: &CredentialId) -> Result<Option<CredentialRecord>>;

    /// Writes to the tenant's own log that the scope's principal entered, for what
    /// (`scope.entered()`) and to do what (`permit.action()`). Durable before it returns.
    async fn record_entry(&self, scope: &TenantScope, permit: &Permit) -> Result<()>;
}

/// The cached answers of a [`StandingSource`].
pub(crate) struct Standing {
    env: Env,
    source: Arc<dyn StandingSource>,
    tenants: Memory<TenantId, TenantStatus>,
    sources: Memory<SourceId, SourceStatus>,
    credentials: Memory<CredentialId, Arc<CredentialRecord>>,
}

impl Standing {
    pub(crate) fn new(env: Env, source: Arc<dyn StandingSource>) -> Self {
        Self {
            env,
            source,
            tenants: Memory::new(),
            sources: Memory::new(),
            credentials: Memory::new(),
        }
    }

    pub(crate) fn register(&self) -> &dyn StandingSource {
        &*self.source
    }

    pub(crate) async fn tenant(&self, id: &TenantId) -> Result<Option<TenantStatus>> {
        let asked = match self.tenants.get(id, self.env.now()) {
            Ok(known) => return Ok(known),
            Err(asked) => asked,
        };
        let answer = self.source.tenant(id).await?;
        self.tenants.put(id, answer, asked);
        Ok(answer)
    }

    pub(crate) async fn source(&self, id: &SourceId) -> Result<Option<SourceStatus>> {
        let asked = match self.sources.get(id, self.env.now()) {
            Ok(known) => return Ok(known),
            Err(asked) => asked,
        };
        let answer = self.source.source(id).await?;
        self.sources.put(id, answer, asked);
        Ok(answer)
    }

    pub(crate) async fn credential(
        &self,
        id: &CredentialId,
    ) -> Result<Option<Arc<CredentialRecord>>> {
        let asked = match self.credentials.get(id, self.env.now()) {
            Ok(known) => return Ok(known),
            Err(asked) => asked,
        };
        let answer = self.source.credential(id).await?.map(Arc::new);
        self.credentials.put(id, answer.clone(), asked);
        Ok(answer)
    }

    /// Forgets everything. Changes of standing are rare, and what is forgotten costs a look-up.
    pub(crate) fn forget(&self) {
        self.tenants.forget();
        self.sources.forget();
        self.credentials.forget();
    }
}

/// When a question was asked, and how often everything had been forgotten before.
#[derive(Clone, Copy)]
struct Asked {
    at: Timestamp,
    generation: u64,
}

/// Answers and when they were asked for.
struct Memory<K, V> {
    answers: Mutex<HashMap<K, (Option<V>, Timestamp)>>,
    generation: AtomicU64,
}

impl<K: Clone + Eq + Hash, V: Clone> Memory<K, V> {
    fn new() -> Self {
        Self {
            answers: Mutex::new(HashMap::new()),
            generation: AtomicU64::new(0),
        }
    }

    /// A fresh answer, or what [`Memory::put`] needs to remember one.
    fn get(&self, key: &K, now: Timestamp) -> Result<Option<V>, Asked> {
        // Read before the question is asked: an answer that was on its way while something
        // changed must not be remembered.
        let generation = self.generation.load(Ordering::SeqCst);
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        match answers.get(key) {
            Some((answer, at)) if is_fresh(*at, now) => Ok(answer.clone()),
            _ => Err(Asked {
                at: now,
                generation,
            }),
        }
    }

    fn put(&self, key: &K, answer: Option<V>, asked: Asked) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if self.generation.load(Ordering::SeqCst) != asked.generation {
            return;
        }
        if answers.len() >= CAPACITY {
            answers.retain(|_, (_, at)| is_fresh(*at, asked.at));
            if answers.len() >= CAPACITY {
                answers.clear();
            }
        }
        answers.insert(key.clone(), (answer, asked.at));
    }

    fn forget(&self) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        self.generation.fetch_add(1, Ordering::SeqCst);
        answers.clear();
    }
}

/// A clock that was set back makes an answer stale rather than young.
fn is_fresh(at: Timestamp, now: Timestamp) -> bool {
    let age = now.duration_since(at);
    !age.is_negative() && age < FRESH
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn answers_are_fresh_for_two_seconds() {
        let memory: Memory<u8, u8> = Memory::new();
        let asked = memory.get(&1, at(10)).unwrap_err();
        memory.put(&1, Some(7), asked);
        assert_eq!(memory.get(&1, at(10)).ok(), Some(Some(7)));
        assert_eq!(memory.get(&1, at(11)).ok(), Some(Some(7)));
        assert!(memory.get(&1, at(12)).is_err());
        assert!(memory.get(&1, at(9)).is_err());
    }

    #[test]
    fn an_answer_on_its_way_during_a_change_is_not_remembered() {
        let memory: Memory<u8, u8> = Memory::new();
        let asked = memory.get(&1, at(10)).unwrap_err();
        memory.forget();
        memory.put(&1, Some(7), asked);
        assert!(memory.get(&1, at(10)).is_err());
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let memory: Memory<usize, u8> = Memory::new();
        for key in 0..CAPACITY + 10 {
            let asked = memory.get(&key, at(10)).unwrap_err();
            memory.put(&key, Some(0), asked);
        }
        assert!(memory.answers.lock().unwrap().len() <= CAPACITY);
    }
}
