//! One token, by way of its module: sessions, the keys in it, and how to come back to it after it
//! was gone. Everything here blocks.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError, RwLock};

use cordon_kernel::{Error, Reason, Result};
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error as TokenError, RvError};
use cryptoki::object::ObjectHandle;
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use secrecy::SecretString;

/// Sessions that are kept for the next call; a token gives out few.
const KEPT: usize = 8;

pub(super) type Done<T> = std::result::Result<T, TokenError>;

pub(super) struct Token {
    module: PathBuf,
    label: String,
    pin: SecretString,
    /// Held for reading by whoever is in the module, for writing to close it.
    inside: RwLock<()>,
    state: Mutex<State>,
}

#[derive(Default)]
pub(super) struct State {
    module: Option<Pkcs11>,
    /// Logged in: the login is every session's, and ends with the last of them.
    login: Option<Session>,
    idle: Vec<Session>,
    /// Keys by id; several when two processes made one at the same time.
    pub(super) keys: HashMap<String, Vec<ObjectHandle>>,
    /// Rises when the token is connected to anew.
    pub(super) turn: u64,
    /// The token has refused the PIN. It counts attempts, and locks itself after a few.
    refused: bool,
}

impl Token {
    pub(super) fn new(module: PathBuf, label: String, pin: SecretString) -> Self {
        Self {
            module,
            label,
            pin,
            inside: RwLock::default(),
            state: Mutex::default(),
        }
    }

    pub(super) fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something in a session. What fails is tried once more after connecting anew: the token
    /// may have been away, and handles don't outlive that.
    pub(super) fn with<T>(&self, work: impl Fn(&Session) -> Done<T>) -> Result<T> {
        let mut again = true;
        loop {
            let (failed, turn) = match self.attempt(&work) {
                Ok(done) => return Ok(done),
                Err(failed) => failed,
            };
            // A module looks for its tokens when it is initialized: also when none was found.
            self.disconnect(turn);
            if !again || failed.reason() != Reason::Unavailable {
                return Err(failed);
            }
            again = false;
        }
    }

    /// The error says in which turn it came.
    fn attempt<T>(
        &self,
        work: &impl Fn(&Session) -> Done<T>,
    ) -> std::result::Result<T, (Error, u64)> {
        // Whoever closes the module waits until nobody is in it, and nobody takes a handle across.
        let _inside = self.inside.read().unwrap_or_else(PoisonError::into_inner);
        let mut state = self.state();
        let turn = state.turn;
        let session = match state.idle.pop() {
            Some(session) => session,
            None => self.open(&mut state).map_err(|error| (error, turn))?,
        };
        drop(state);
        match work(&session) {
            Ok(done) => {
                let mut state = self.state();
                if state.idle.len() < KEPT {
                    state.idle.push(session);
                }
                Ok(done)
            }
            Err(error) => {
                tracing::debug!(%error, "the token refused; connecting anew");
                Err((unavailable(&error), turn))
            }
        }
    }

    fn open(&self, state: &mut State) -> Result<Session> {
        let module = match &state.module {
            Some(module) => module.clone(),
            None => {
                let module = Pkcs11::new(&self.module).map_err(|error| unavailable(&error))?;
                let threads = CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK);
                match module.initialize(threads) {
                    Ok(()) | Err(TokenError::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
                    Err(error) => return Err(unavailable(&error)),
                }
                state.module.insert(module).clone()
            }
        };
        let slot = self.slot(&module)?;
        let open = || {
            module
                .open_rw_session(slot)
                .map_err(|error| unavailable(&error))
        };
        if state.login.is_none() {
            let session = open()?;
            self.login(state, &module, slot, &session)?;
            state.login = Some(session);
        }
        open()
    }

    fn slot(&self, module: &Pkcs11) -> Result<Slot> {
        let found = || -> Done<Option<Slot>> {
            for slot in module.get_slots_with_token()? {
                if module.get_token_info(slot)?.label() == self.label {
                    return Ok(Some(slot));
                }
            }
            Ok(None)
        };
        found()
            .map_err(|error| unavailable(&error))?
            .ok_or_else(|| {
                Error::new(
                    Reason::Unavailable,
                    format!("no token has the label {:?}", self.label),
                )
            })
    }

    fn login(
        &self,
        state: &mut State,
        module: &Pkcs11,
        slot: Slot,
        session: &Session,
    ) -> Result<()> {
        let no = |why: &'static str| Err(Error::new(Reason::FailedPrecondition, why));
        if state.refused {
            return no("the token has refused the PIN; it is not tried again before a restart");
        }
        let info = module
            .get_token_info(slot)
            .map_err(|error| unavailable(&error))?;
        if info.user_pin_locked() {
            return no("the token's user PIN is locked");
        }
        if info.user_pin_final_try() {
            return no(
                "one wrong PIN more would lock the token: log in with the right one by its maker's tool",
            );
        }
        match session.login(UserType::User, Some(&self.pin)) {
            Ok(()) | Err(TokenError::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(()),
            Err(TokenError::Pkcs11(RvError::PinIncorrect | RvError::PinLenRange, _)) => {
                state.refused = true;
                no("the token refuses the PIN")
            }
            Err(error) => Err(unavailable(&error)),
        }
    }

    /// Lets go of everything, unless another thread already has since `turn`.
    pub(super) fn disconnect(&self, turn: u64) {
        let _alone = self.inside.write().unwrap_or_else(PoisonError::into_inner);
        let mut state = self.state();
        if state.turn != turn {
            return;
        }
        let module = state.module.take();
        *state = State {
            turn: turn + 1,
            refused: state.refused,
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

fn unavailable(error: &TokenError) -> Error {
    Error::new(Reason::Unavailable, "the key service can't be reached").with_source(error)
}
