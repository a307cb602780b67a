//! A key service in one file: the wrapping keys, sealed as a whole under a 32-byte secret that
//! lies elsewhere (an environment variable, a file descriptor, another file).
//!
//! Layout of the file: `CORDONK1`, 32 random bytes of salt, 12 bytes of nonce, ciphertext with
//! tag. The key of one writing is HKDF-SHA256(salt, secret), so that no nonce ever meets the same
//! key twice. Beside it lies the destruction list, `<file>.destroyed`: lines of JSON, each with a
//! MAC under a key from the same secret. It is kept apart so that a key file that comes back from
//! a backup does not bring destroyed keys back: what the list names is gone, whatever the file says.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use ring::{aead, hkdf, hmac};
use secrecy::{ExposeSecret as _, SecretBox};
use zeroize::{Zeroize as _, Zeroizing};

use super::destruction::DestructionList;
use super::envelope::{open_raw, seal_raw};
use super::files::{beside, io, lock, replace};
use super::service::{DestroyedKey, KeyId, KeyService};
use crate::clock::Env;
use crate::error::{Error, Reason, Result};

const MAGIC: &[u8; 8] = b"CORDONK1";
const SALT: usize = 32;
const HEADER: usize = MAGIC.len() + SALT;

type Key = Zeroizing<[u8; 32]>;

/// The sealed key file. Copies of one file in several processes may work at the same time:
/// each change takes a lock beside the file and starts from what is on disk.
pub struct SealedFile {
    inner: Arc<Inner>,
}

struct Inner {
    env: Env,
    path: PathBuf,
    list: DestructionList,
    secret: SecretBox<[u8; 32]>,
    keys: Mutex<State>,
}

#[derive(Default)]
struct State {
    keys: BTreeMap<String, Key>,
    destroyed: Vec<DestroyedKey>,
    /// What the file looked like when this was read from it.
    stamp: Stamp,
}

/// Enough of a file's metadata to see that another process has replaced it.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Stamp(Option<(std::time::SystemTime, u64)>);

impl Stamp {
    fn of(path: &Path) -> Self {
        let meta = std::fs::metadata(path).ok();
        Self(meta.and_then(|m| Some((m.modified().ok()?, m.len()))))
    }
}

impl SealedFile {
    /// Opens the key file at `path`, or makes an empty one if there is none (the directory must
    /// exist). `FAILED_PRECONDITION` when the secret does not open it or it is damaged.
    pub async fn open(path: PathBuf, secret: SecretBox<[u8; 32]>, env: Env) -> Result<Self> {
        let inner = Arc::new(Inner {
            env,
            list: DestructionList::new(beside(&path, ".destroyed")),
            path,
            secret,
            keys: Mutex::new(State::default()),
        });
        let this = Self { inner };
        this.blocking(|inner| {
            let _lock = lock(&inner.path)?;
            let mut state = State::default();
            if inner.path.exists() {
                state = inner.load()?;
            } else {
                // A file that is missing beside a destruction list was lost, not never made;
                // the list stays in force either way.
                state.destroyed = inner.load_destroyed()?;
                inner.store(&mut state)?;
            }
            *inner.state() = state;
            Ok(())
        })
        .await?;
        Ok(this)
    }

    /// Where the file lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let inner = Arc::clone(&self.inner);
        tokio::task::spawn_blocking(move || work(&inner))
            .await
            .map_err(|e| Error::internal(format!("key file task: {e}")))?
    }

    /// The key, from memory or, when another process has changed the file, from there: what
    /// another process destroyed must not live on here.
    async fn key(&self, id: &KeyId) -> Result<Key> {
        let now = Stamp::of(&self.inner.path);
        {
            let state = self.inner.state();
            if state.stamp == now {
                return state
                    .keys
                    .get(id.as_str())
                    .cloned()
                    .ok_or_else(|| no_key(id));
            }
        }
        let id = id.clone();
        self.blocking(move |inner| {
            let loaded = inner.load()?;
            let key = loaded.keys.get(id.as_str()).cloned();
            *inner.state() = loaded;
            key.ok_or_else(|| no_key(&id))
        })
        .await
    }
}

impl Inner {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn derive(&self, salt: &[u8], info: &[u8]) -> Result<Key> {
        let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(self.secret.expose_secret());
        let mut key = Zeroizing::new([0; 32]);
        prk.expand(&[info], hkdf::HKDF_SHA256)
            .and_then(|okm| okm.fill(key.as_mut()))
            .map_err(|_| Error::internal("HKDF refused its parameters"))?;
        Ok(key)
    }

    /// The keys that are in the file, whatever the destruction list says.
    fn read(&self) -> Result<BTreeMap<String, Key>> {
        let mut bytes = Vec::new();
        File::open(&self.path)
            .and_then(|mut f| f.read_to_end(&mut bytes))
            .map_err(|e| io("read", &e))?;
        let unusable = || {
            Error::new(
                Reason::FailedPrecondition,
                "the key file is damaged, or the secret is not the one that sealed it",
            )
        };
        let (header, body) = bytes.split_at_checked(HEADER).ok_or_else(unusable)?;
        let salt = header.strip_prefix(MAGIC).ok_or_else(unusable)?;
        let key = self.derive(salt, b"cordon key file")?;
        let plain = open_raw(&key, header, body).map_err(|_| unusable())?;
        decode(&plain).ok_or_else(unusable)
    }

    fn load(&self) -> Result<State> {
        // Taken before reading: a change in between is then seen as one.
        let stamp = Stamp::of(&self.path);
        let mut keys = self.read()?;
        let destroyed = self.load_destroyed()?;
        for gone in &destroyed {
            keys.remove(gone.id.as_str());
        }
        Ok(State {
            keys,
            destroyed,
            stamp,
        })
    }

    /// Writes the whole file: beside, flushed, renamed over, directory flushed.
    fn store(&self, state: &mut State) -> Result<()> {
        let plain = encode(&state.keys)?;
        let salt = self.env.bytes::<SALT>();
        let mut bytes = Vec::with_capacity(HEADER + plain.len() + 32);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&salt);
        let key = self.derive(&salt, b"cordon key file")?;
        let body = seal_raw(&key, self.env.bytes(), &bytes, &plain)?;
        bytes.extend_from_slice(&body);

        replace(&self.path, &bytes, "write")?;
        state.stamp = Stamp::of(&self.path);
        Ok(())
    }

    fn mac_key(&self) -> Result<hmac::Key> {
        let key = self.derive(b"cordon destruction list", b"mac")?;
        Ok(hmac::Key::new(hmac::HMAC_SHA256, key.as_slice()))
    }

    fn load_destroyed(&self) -> Result<Vec<DestroyedKey>> {
        let key = self.mac_key()?;
        self.list
            .load(|content, mac| Ok(hmac::verify(&key, content, mac).is_ok()))
    }

    fn append_destroyed(&self, gone: &DestroyedKey) -> Result<()> {
        let key = self.mac_key()?;
        self.list.append(gone, |content| {
            Ok(hmac::sign(&key, content).as_ref().to_vec())
        })
    }
}

/// What is inside the seal: for each key the length of its id (one byte), the id, 32 bytes.
fn encode(keys: &BTreeMap<String, Key>) -> Result<Zeroizing<Vec<u8>>> {
    // With room for all from the start: growing would leave copies behind that nobody wipes.
    let size = keys.keys().map(|id| id.len() + 33).sum();
    let mut out = Zeroizing::new(Vec::with_capacity(size));
    for (id, key) in keys {
        out.push(u8::try_from(id.len()).map_err(|_| Error::internal("a key id is too long"))?);
        out.extend_from_slice(id.as_bytes());
        out.extend_from_slice(key.as_slice());
    }
    Ok(out)
}

fn decode(mut plain: &[u8]) -> Option<BTreeMap<String, Key>> {
    let mut keys = BTreeMap::new();
    while let Some((len, rest)) = plain.split_first() {
        let (id, rest) = rest.split_at_checked(usize::from(*len))?;
        let (key, rest) = rest.split_at_checked(32)?;
        let id = std::str::from_utf8(id).ok()?.to_owned();
        keys.insert(id, Zeroizing::new(<[u8; 32]>::try_from(key).ok()?));
        plain = rest;
    }
    Some(keys)
}

#[async_trait]
impl KeyService for SealedFile {
    fn kind(&self) -> &'static str {
        "sealed-file"
    }

    async fn create_wrapping_key(&self, id: &KeyId) -> Result<()> {
        let id = id.clone();
        self.blocking(move |inner| {
            let _lock = lock(&inner.path)?;
            let mut state = inner.load()?;
            if state.destroyed.iter().any(|gone| gone.id == id) {
                return Err(Error::new(
                    Reason::FailedPrecondition,
                    format!("the wrapping key {id} was destroyed and is never made again"),
                ));
            }
            if !state.keys.contains_key(id.as_str()) {
                let mut bytes = inner.env.bytes::<32>();
                state
                    .keys
                    .insert(id.as_str().to_owned(), Zeroizing::new(bytes));
                bytes.zeroize();
                inner.store(&mut state)?;
            }
            *inner.state() = state;
            Ok(())
        })
        .await
    }

    async fn wrap(&self, id: &KeyId, context: &str, plain: &[u8]) -> Result<Vec<u8>> {
        let key = self.key(id).await?;
        seal_raw(
            &key,
            self.inner.env.bytes(),
            &wrap_context(id, context),
            plain,
        )
    }

    async fn unwrap(
        &self,
        id: &KeyId,
        context: &str,
        wrapped: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>> {
        let key = self.key(id).await?;
        open_raw(&key, &wrap_context(id, context), wrapped).map_err(|_| {
            Error::internal(format!("a wrapped key of {id} does not open ({context})"))
        })
    }

    async fn destroy(&self, id: &KeyId) -> Result<()> {
        let id = id.clone();
        self.blocking(move |inner| {
            let _lock = lock(&inner.path)?;
            let mut state = inner.load()?;
            if !state.destroyed.iter().any(|gone| gone.id == id) {
                let gone = DestroyedKey {
                    id: id.clone(),
                    time: inner.env.now(),
                };
                // The list first: if the process dies in between, loading the file drops the key.
                inner.append_destroyed(&gone)?;
                state.destroyed.push(gone);
            }
            state.keys.remove(id.as_str());
            inner.store(&mut state)?;
            *inner.state() = state;
            Ok(())
        })
        .await
    }

    async fn has_wrapping_key(&self, id: &KeyId) -> Result<bool> {
        let id = id.clone();
        self.blocking(move |inner| Ok(inner.read()?.contains_key(id.as_str())))
            .await
    }

    async fn list_destroyed(&self) -> Result<Vec<DestroyedKey>> {
        Ok(self.inner.state().destroyed.clone())
    }
}

fn no_key(id: &KeyId) -> Error {
    Error::new(Reason::NotFound, format!("no wrapping key {id}"))
}

fn wrap_context(id: &KeyId, context: &str) -> Vec<u8> {
    format!("cordon wrap\0{id}\0{context}").into_bytes()
}

// The nonce's length is part of the file format.
const _: () = assert!(aead::NONCE_LEN == 12);

#[cfg(test)]
mod tests;
