//! Wrapping keys in PKCS#11 tokens: hardware security modules, or SoftHSM. Each tenant has an
//! AES-256 key in one of them that never leaves it; wrapping is AES-GCM inside the token, with the key's
//! name and the context as associated data.
//!
//! The list of destroyed keys is in a file and in the token: the file outlives a restored backup
//! of the token, the token tells the servers on other machines and outlives a lost file.
//!
//! What is wrapped: one byte of format (1), 12 bytes of initialization vector, ciphertext, tag.

mod module;
mod operations;
mod token;
mod tokens;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use cordon_kernel::keys::destruction::{read_line, write_line};
use cordon_kernel::keys::{DestroyedKey, DestructionList, KeyId, KeyService};
use cordon_kernel::{Env, Error, Reason, Result};
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use zeroize::Zeroizing;

use module::Module;
use operations::Failed;
use token::Token;
use tokens::Tokens;

const FORMAT: u8 = 1;
const IV: usize = 12;
/// How often a token is looked for at the start, and how long after each time: some modules don't
/// see one that another process writes to at that moment.
const ATTEMPTS: u32 = 10;
const PAUSE: Duration = Duration::from_millis(200);
/// How often a token is looked at afresh at most: everybody waits for it meanwhile.
const AFRESH: SignedDuration = SignedDuration::from_secs(1);
/// How often file and token are made to agree, as long as anything is wrapped: readiness does.
const AGREE: SignedDuration = SignedDuration::from_secs(60);

/// Where the tokens are, and the list of what was destroyed in them.
#[derive(Debug)]
pub struct Pkcs11Config {
    /// The first token.
    pub token: TokenConfig,
    /// Those that take keys when the ones before them have no room.
    pub more: Vec<TokenConfig>,
    /// The file of the destruction list; apart from the tokens' backups.
    pub destroyed: PathBuf,
}

/// Where a token is.
#[derive(Debug)]
pub struct TokenConfig {
    /// The module: a shared library that the token's maker gives.
    pub module: PathBuf,
    /// The token's label.
    pub label: String,
    /// The user PIN.
    pub pin: SecretString,
    /// How many keys are made in it; unset means as many as it takes.
    pub keys: Option<usize>,
}

/// A key service in tokens. One a process and module: the module's state is the process's.
pub struct Pkcs11Keys {
    inner: Arc<Inner>,
}

struct Inner {
    env: Env,
    tokens: Tokens,
    list: DestructionList,
    destroyed: Mutex<Destroyed>,
    /// When file and token last agreed.
    agreed: Mutex<Option<Timestamp>>,
    /// How often the tokens were looked at afresh, and when last.
    afresh: Mutex<(u64, Option<Timestamp>)>,
}

/// The list as last read, and what the file looked like then.
#[derive(Default)]
struct Destroyed {
    stamp: Option<(std::time::SystemTime, u64)>,
    list: Vec<DestroyedKey>,
}

impl Pkcs11Keys {
    /// Opens the token and replays the destruction list: what a restored backup of the token has
    /// brought back is destroyed again.
    ///
    /// # Errors
    /// `UNAVAILABLE` when module or token can't be reached; `FAILED_PRECONDITION` when the PIN is
    /// wrong or the list has a line that this token did not write.
    pub async fn open(config: Pkcs11Config, env: Env) -> Result<Self> {
        let inner = Arc::new(Inner {
            env,
            tokens: tokens(config.token, config.more),
            list: DestructionList::new(config.destroyed),
            destroyed: Mutex::default(),
            agreed: Mutex::default(),
            afresh: Mutex::default(),
        });
        let this = Self { inner };
        let mut left = ATTEMPTS;
        loop {
            left -= 1;
            match this.blocking(Inner::begin).await {
                Ok(()) => return Ok(this),
                Err(error) if error.reason() == Reason::Unavailable && left > 0 => {
                    tracing::debug!(%error, "the token is not there yet");
                    tokio::time::sleep(PAUSE).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let inner = Arc::clone(&self.inner);
        tokio::task::spawn_blocking(move || work(&inner))
            .await
            .map_err(|cause| Error::internal(format!("a call to the token ended early: {cause}")))?
    }
}

impl Inner {
    fn begin(&self) -> Result<()> {
        self.tokens.first.require_mac_key()?;
        self.tokens.reach()?;
        let _lock = self.list.lock()?;
        for gone in self.agree()? {
            if self.tokens.destroy(gone.id.as_str())? > 0 {
                tracing::warn!(key = %gone.id, "destroyed a key that had come back");
            }
        }
        Ok(())
    }

    /// The list; read again when the file has changed.
    fn destroyed(&self) -> Result<Vec<DestroyedKey>> {
        let stamp = self.stamp();
        let mut known = self.known();
        if stamp.is_some() && known.stamp != stamp {
            let list = self
                .list
                .load(|content, mac| self.tokens.first.verify(content, mac))?;
            *known = Destroyed { stamp, list };
        }
        Ok(known.list.clone())
    }

    /// Puts into the file what only the token tells, and into the token what only the file does,
    /// and gives both. Called with the list locked.
    fn agree(&self) -> Result<Vec<DestroyedKey>> {
        let (here, there) = (self.list.lines()?, self.tokens.first.lines()?);
        for line in there.iter().filter(|line| !here.contains(line)) {
            read_line(line, |content, mac| self.tokens.first.verify(content, mac))?;
            self.list.add(line)?;
        }
        for line in here.iter().filter(|line| !there.contains(line)) {
            let gone = read_line(line, |content, mac| self.tokens.first.verify(content, mac))?;
            self.tokens.destroy(gone.id.as_str())?;
            self.keep_line(line);
        }
        *self.agreed() = Some(self.env.now());
        self.destroyed()
    }

    /// Keeps a line in the token. A token that is full keeps none: the file has it, and the key is
    /// gone all the same.
    fn keep_line(&self, line: &str) {
        if let Err(error) = self.tokens.first.keep_line(line) {
            tracing::warn!(%error, "the token does not take a line of its destruction list");
        }
    }

    /// Has file and token agree again if that was long ago: other servers destroy keys, too, and
    /// their machines may be gone when this one's list is asked for.
    fn agree_now_and_then(&self) -> Result<()> {
        let now = self.env.now();
        let due = match *self.agreed() {
            None => true,
            Some(at) => {
                let since = now.duration_since(at);
                since.is_negative() || since >= AGREE
            }
        };
        if due {
            let _lock = self.list.lock()?;
            self.agree()?;
        }
        Ok(())
    }

    fn agreed(&self) -> std::sync::MutexGuard<'_, Option<Timestamp>> {
        self.agreed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How often the tokens were looked at afresh; before something is tried.
    fn looks(&self) -> u64 {
        self.afresh().0
    }

    /// Has the modules look at their tokens anew, and says whether somebody has since `looks`: a
    /// module that shares a token with other processes may never see a key that one of them made
    /// while it made one itself (SoftHSM counts both as the same change).
    fn look_afresh(&self, looks: u64) -> bool {
        let now = self.env.now();
        let mut afresh = self.afresh();
        let (count, last) = *afresh;
        let recent = last.is_some_and(|at| {
            let since = now.duration_since(at);
            !since.is_negative() && since < AFRESH
        });
        if count == looks && !recent {
            self.tokens.look_afresh();
            *afresh = (count + 1, Some(now));
        }
        afresh.0 != looks
    }

    fn afresh(&self) -> std::sync::MutexGuard<'_, (u64, Option<Timestamp>)> {
        self.afresh.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stamp(&self) -> Option<(std::time::SystemTime, u64)> {
        let metadata = std::fs::metadata(self.list.path()).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Destroyed> {
        self.destroyed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn is_destroyed(&self, id: &KeyId) -> Result<bool> {
        Ok(self.destroyed()?.iter().any(|gone| gone.id == *id))
    }

    /// What to say when the token has no such key. Unless it was destroyed, here or by a server on
    /// another machine, it must be there: to take a key for destroyed that is only out of reach
    /// would be to give up what it opens.
    fn missing(&self, id: &KeyId) -> Result<Error> {
        let destroyed = self.is_destroyed(id)? || {
            let _lock = self.list.lock()?;
            self.agree()?.iter().any(|gone| gone.id == *id)
        };
        Ok(match destroyed {
            true => Error::new(
                Reason::NotFound,
                format!("the wrapping key {id} was destroyed"),
            ),
            // Which one, and that there are tokens, is the operator's alone.
            false => Error::new(Reason::Unavailable, "the key service can't be reached")
                .with_source(format!(
                    "the wrapping key {id} is in no token that is listed"
                )),
        })
    }
}

fn tokens(first: TokenConfig, more: Vec<TokenConfig>) -> Tokens {
    let mut modules: HashMap<PathBuf, Arc<Module>> = HashMap::new();
    let mut token = |config: TokenConfig| {
        let module = modules.entry(config.module);
        let module = module.or_insert_with_key(|path| Module::new(path));
        Token::new(Arc::clone(module), config.label, config.pin, config.keys)
    };
    let first = token(first);
    Tokens::new(first, more.into_iter().map(token).collect())
}

fn context_of(id: &KeyId, context: &str) -> Vec<u8> {
    format!("cordon wrap\0{id}\0{context}").into_bytes()
}

#[async_trait]
impl KeyService for Pkcs11Keys {
    fn kind(&self) -> &'static str {
        "pkcs11"
    }

    async fn create_wrapping_key(&self, id: &KeyId) -> Result<()> {
        let id = id.clone();
        self.blocking(move |inner| {
            let _lock = inner.list.lock()?;
            if inner.agree()?.iter().any(|gone| gone.id == id) {
                return Err(Error::new(
                    Reason::FailedPrecondition,
                    format!("the wrapping key {id} was destroyed and is never made again"),
                ));
            }
            inner.tokens.create(id.as_str())
        })
        .await
    }

    async fn wrap(&self, id: &KeyId, context: &str, plain: &[u8]) -> Result<Vec<u8>> {
        let (id, aad) = (id.clone(), context_of(id, context));
        let plain = Zeroizing::new(plain.to_vec());
        self.blocking(move |inner| {
            inner.agree_now_and_then()?;
            if inner.is_destroyed(&id)? {
                return Err(inner.missing(&id)?);
            }
            let iv: [u8; IV] = inner.env.bytes();
            let looks = inner.looks();
            let mut sealed = inner.tokens.encrypt(id.as_str(), iv, &aad, &plain)?;
            if sealed.is_none() && inner.look_afresh(looks) {
                sealed = inner.tokens.encrypt(id.as_str(), iv, &aad, &plain)?;
            }
            match sealed {
                Some(sealed) => Ok([&[FORMAT], iv.as_slice(), &sealed].concat()),
                None => Err(inner.missing(&id)?),
            }
        })
        .await
    }

    async fn unwrap(
        &self,
        id: &KeyId,
        context: &str,
        wrapped: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>> {
        let (id, aad) = (id.clone(), context_of(id, context));
        let (context, wrapped) = (context.to_owned(), wrapped.to_vec());
        self.blocking(move |inner| {
            let does_not_open =
                || Error::internal(format!("a wrapped key of {id} does not open ({context})"));
            let Some((FORMAT, rest)) = wrapped.split_first().map(|(f, rest)| (*f, rest)) else {
                return Err(does_not_open());
            };
            let (iv, sealed) = rest.split_first_chunk::<IV>().ok_or_else(does_not_open)?;
            if inner.is_destroyed(&id)? {
                return Err(inner.missing(&id)?);
            }
            let looks = inner.looks();
            let mut opened = inner.tokens.decrypt(id.as_str(), *iv, &aad, sealed);
            if matches!(opened, Ok(None) | Err(Failed::Refused)) && inner.look_afresh(looks) {
                opened = inner.tokens.decrypt(id.as_str(), *iv, &aad, sealed);
            }
            match opened {
                Ok(Some(plain)) => Ok(plain),
                Ok(None) => Err(inner.missing(&id)?),
                Err(Failed::Refused) => Err(does_not_open()),
                Err(Failed::Error(error)) => Err(error),
            }
        })
        .await
    }

    async fn destroy(&self, id: &KeyId) -> Result<()> {
        let id = id.clone();
        self.blocking(move |inner| {
            let _lock = inner.list.lock()?;
            // None is left that only another process sees.
            inner.tokens.look_afresh();
            if !inner.agree()?.iter().any(|gone| gone.id == id) {
                let gone = DestroyedKey {
                    id: id.clone(),
                    time: inner.env.now(),
                };
                // The list first: if the process dies in between, the next opening goes on.
                let line = write_line(&gone, |content| inner.tokens.first.mac(content))?;
                inner.list.add(&line)?;
                // The key before the line: it makes room.
                inner.tokens.destroy(id.as_str())?;
                inner.keep_line(&line);
            }
            inner.tokens.destroy(id.as_str())?;
            Ok(())
        })
        .await
    }

    async fn has_wrapping_key(&self, id: &KeyId) -> Result<bool> {
        let id = id.clone();
        self.blocking(move |inner| Ok(inner.tokens.count(id.as_str())? > 0))
            .await
    }

    async fn list_destroyed(&self) -> Result<Vec<DestroyedKey>> {
        self.blocking(Inner::destroyed).await
    }
}

#[cfg(test)]
mod tests;
