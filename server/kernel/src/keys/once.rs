//! Seals that each have a key of their own, so that they wear out no data key: small ones that
//! many events bring, and an original's key under every party's key in turn.
//!
//! What is sealed: four bytes of key version (big endian), nonce, ciphertext, tag. The key is
//! derived from the data key of that version and from the object's name. Nonces are random, so
//! that an object may be sealed again.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::envelope::{KeyBytes, OwnerKeys, aad, open_raw, seal_raw, subkey};
use crate::clock::Env;
use crate::error::{Error, Result};

const VERSION: usize = 4;
const LABEL: &[u8] = b"cordon sealed once\0";

fn broken(object: &str) -> Error {
    Error::internal(format!("{object} does not open under its keys"))
}

impl OwnerKeys {
    /// Seals `plain` as `object`, under a key that no other object is sealed with.
    pub(crate) fn seal_once(&self, env: &Env, object: &str, plain: &[u8]) -> Result<Vec<u8>> {
        let (version, key) = self.sealing()?;
        let key = subkey(key, LABEL, object.as_bytes())?;
        let sealed = seal_raw(&key, env.bytes(), &aad(&self.owner, object, 0), plain)?;
        let mut out = Vec::with_capacity(VERSION + sealed.len());
        out.extend_from_slice(&version.to_be_bytes());
        out.extend_from_slice(&sealed);
        Ok(out)
    }

    /// Opens what [`seal_once`](Self::seal_once) made as the same object under the same keys.
    pub(crate) fn open_once(&self, object: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let (version, body) = sealed
            .split_first_chunk::<VERSION>()
            .ok_or_else(|| broken(object))?;
        let version = u32::from_be_bytes(*version);
        let key = self.data.get(&version).ok_or_else(|| broken(object))?;
        let key = subkey(key, LABEL, object.as_bytes())?;
        open_raw(&key, &aad(&self.owner, object, 0), body).map_err(|_| broken(object))
    }
}

/// Something that all of several owners' keys open, and none of them without the others.
pub(crate) struct Shared {
    /// The key of `sealed`: innermost under the first owner's keys.
    pub(crate) wrapped_key: Vec<u8>,
    pub(crate) sealed: Vec<u8>,
}

/// Seals `plain` under a random key, and that key under every owner's in turn.
pub(crate) fn seal_shared(
    env: &Env,
    owners: &[Arc<OwnerKeys>],
    object: &str,
    plain: &[u8],
) -> Result<Shared> {
    if owners.is_empty() {
        return Err(Error::internal("sealed under nobody's keys"));
    }
    let key: KeyBytes = Zeroizing::new(env.bytes());
    let sealed = seal_raw(&key, env.bytes(), &aad("", object, 0), plain)?;
    let mut wrapped = Zeroizing::new(key.to_vec());
    for owner in owners {
        wrapped = Zeroizing::new(owner.seal_once(env, object, &wrapped)?);
    }
    Ok(Shared {
        wrapped_key: wrapped.to_vec(),
        sealed,
    })
}

/// Wraps the key of what [`seal_shared`] made anew, under each owner's newest data key. `None` when
/// it is.
pub(crate) fn rewrap_shared(
    env: &Env,
    owners: &[Arc<OwnerKeys>],
    object: &str,
    wrapped_key: &[u8],
) -> Result<Option<Vec<u8>>> {
    let mut key = Zeroizing::new(wrapped_key.to_vec());
    let mut newest = true;
    for owner in owners.iter().rev() {
        newest &= key.first_chunk() == Some(&owner.version().to_be_bytes());
        key = owner.open_once(object, &key)?;
    }
    if newest {
        return Ok(None);
    }
    for owner in owners {
        key = Zeroizing::new(owner.seal_once(env, object, &key)?);
    }
    Ok(Some(key.to_vec()))
}

/// Opens what [`seal_shared`] made with the same owners in the same order.
pub(crate) fn open_shared(
    owners: &[Arc<OwnerKeys>],
    object: &str,
    shared: &Shared,
) -> Result<Zeroizing<Vec<u8>>> {
    let mut key = Zeroizing::new(shared.wrapped_key.clone());
    for owner in owners.iter().rev() {
        key = owner.open_once(object, &key)?;
    }
    let key: KeyBytes = <[u8; 32]>::try_from(key.as_slice())
        .map(Zeroizing::new)
        .map_err(|_| broken(object))?;
    open_raw(&key, &aad("", object, 0), &shared.sealed).map_err(|_| broken(object))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn keys(owner: &str, byte: u8) -> Arc<OwnerKeys> {
        let data = BTreeMap::from([(1, Zeroizing::new([byte; 32]))]);
        Arc::new(OwnerKeys::new(owner.to_owned(), data, &[byte; 96], None).unwrap())
    }

    #[test]
    fn what_all_sealed_none_opens_alone() {
        let (env, _) = Env::fixed("2026-11-24T04:00:00Z".parse().unwrap(), 1);
        let (a, b, c) = (keys("acme", 1), keys("globex", 2), keys("hooli", 3));
        let all = [Arc::clone(&a), Arc::clone(&b), Arc::clone(&c)];
        let shared = seal_shared(&env, &all, "original/1", b"what happened").unwrap();
        assert_eq!(
            open_shared(&all, "original/1", &shared).unwrap().as_slice(),
            b"what happened"
        );
        assert!(open_shared(&all, "original/2", &shared).is_err());
        for some in [
            vec![],
            vec![a.clone()],
            vec![c.clone()],
            vec![a.clone(), b.clone()],
            vec![b.clone(), c.clone()],
            vec![a.clone(), c.clone()],
            vec![b.clone(), a.clone(), c.clone()],
            vec![a.clone(), b.clone(), keys("hooli", 4)],
        ] {
            assert!(open_shared(&some, "original/1", &shared).is_err());
        }
        assert!(seal_shared(&env, &[], "original/1", b"x").is_err());
        let again = seal_shared(&env, &all, "original/1", b"what happened").unwrap();
        assert_ne!(again.wrapped_key, shared.wrapped_key, "a key of its own");
    }

    #[test]
    fn one_seal_opens_as_what_and_whose_it_is_alone() {
        let (env, _) = Env::fixed("2026-11-24T04:00:00Z".parse().unwrap(), 1);
        let (a, b) = (keys("acme", 1), keys("globex", 2));
        let sealed = a.seal_once(&env, "one", b"plain").unwrap();
        assert_eq!(a.open_once("one", &sealed).unwrap().as_slice(), b"plain");
        assert!(a.open_once("two", &sealed).is_err());
        assert!(b.open_once("one", &sealed).is_err());
        assert!(keys("globex", 1).open_once("one", &sealed).is_err());
        for cut in 0..sealed.len() {
            assert!(a.open_once("one", &sealed[..cut]).is_err());
        }
    }
}
