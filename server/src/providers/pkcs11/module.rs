//! A maker's module: its state is the process's, shared by all its tokens, and ends for all of them
//! at once. Everything here blocks.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

use cordon_kernel::{Error, Reason, Result};
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error as TokenError, RvError};
use cryptoki::object::ObjectHandle;
use cryptoki::session::Session;

pub(super) struct Module {
    path: PathBuf,
    /// Held for reading by whoever is in the module, for writing to close it.
    inside: RwLock<()>,
    state: Mutex<State>,
}

#[derive(Default)]
pub(super) struct State {
    module: Option<Pkcs11>,
    /// What is open of each token, by label. No session outlives the module's end: its handle
    /// would be another's then.
    pub(super) open: HashMap<String, Open>,
    /// Rises when the module is closed.
    pub(super) turn: u64,
}

/// What is open of a token.
#[derive(Default)]
pub(super) struct Open {
    /// Logged in: the login is every session's, and ends with the last of them.
    pub(super) login: Option<Session>,
    pub(super) idle: Vec<Session>,
    /// Keys by id; several when two processes made one at the same time.
    pub(super) keys: HashMap<String, Vec<ObjectHandle>>,
}

impl Module {
    pub(super) fn new(path: &Path) -> Arc<Self> {
        Arc::new(Self {
            path: path.to_owned(),
            inside: RwLock::default(),
            state: Mutex::default(),
        })
    }

    /// Whoever closes the module waits until nobody holds this, and nobody takes a handle across.
    pub(super) fn enter(&self) -> RwLockReadGuard<'_, ()> {
        self.inside.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The module, initialized.
    pub(super) fn loaded(&self, state: &mut State) -> Result<Pkcs11> {
        if let Some(module) = &state.module {
            return Ok(module.clone());
        }
        let module = Pkcs11::new(&self.path).map_err(|error| unavailable(&error))?;
        let threads = CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK);
        match module.initialize(threads) {
            Ok(()) | Err(TokenError::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
            Err(error) => return Err(unavailable(&error)),
        }
        Ok(state.module.insert(module).clone())
    }

    /// Lets go of everything, unless another thread already has since `turn`.
    pub(super) fn close(&self, turn: u64) {
        let _alone = self.inside.write().unwrap_or_else(PoisonError::into_inner);
        let mut state = self.state();
        if state.turn != turn {
            return;
        }
        let module = state.module.take();
        *state = State {
            turn: turn + 1,
            ..State::default()
        };
        // A module looks for its tokens when it is initialized.
        if let Some(module) = module
            && let Err(error) = module.finalize()
        {
            tracing::debug!(%error, "the token's module could not be closed");
        }
    }
}

pub(super) fn unavailable(error: &TokenError) -> Error {
    Error::new(Reason::Unavailable, "the key service can't be reached").with_source(error)
}
