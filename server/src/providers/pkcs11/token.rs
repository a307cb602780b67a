//! One token, by way of its module: sessions, and how to come back to it after it was gone.
//! Everything here blocks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cordon_kernel::{Error, Reason, Result};
use cryptoki::context::Pkcs11;
use cryptoki::error::{Error as TokenError, RvError};
use cryptoki::object::ObjectHandle;
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use secrecy::SecretString;

use super::module::{Module, State, unavailable};

/// Sessions that are kept for the next call; a token gives out few.
const KEPT: usize = 8;

pub(super) type Done<T> = std::result::Result<T, TokenError>;

pub(super) struct Token {
    module: Arc<Module>,
    label: String,
    pin: SecretString,
    /// How many keys it takes; unset means that it says so itself.
    pub(super) room: Option<usize>,
    /// The token has refused the PIN. It counts attempts, and locks itself after a few.
    refused: AtomicBool,
}

impl Token {
    pub(super) fn new(
        module: Arc<Module>,
        label: String,
        pin: SecretString,
        room: Option<usize>,
    ) -> Self {
        Self {
            module,
            label,
            pin,
            room,
            refused: AtomicBool::new(false),
        }
    }

    /// The keys of that id that are remembered.
    pub(super) fn remembered(&self, id: &str) -> Option<Vec<ObjectHandle>> {
        let state = self.module.state();
        state.open.get(&self.label)?.keys.get(id).cloned()
    }

    pub(super) fn remember(&self, id: &str, keys: &[ObjectHandle]) {
        let mut state = self.module.state();
        if let Some(open) = state.open.get_mut(&self.label) {
            open.keys.insert(id.to_owned(), keys.to_owned());
        }
    }

    pub(super) fn forget(&self, id: &str) {
        let mut state = self.module.state();
        if let Some(open) = state.open.get_mut(&self.label) {
            open.keys.remove(id);
        }
    }

    /// Lets go of the module, as when the token went away.
    pub(super) fn let_go(&self) {
        let turn = self.module.state().turn;
        self.module.close(turn);
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
            self.module.close(turn);
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
        let _inside = self.module.enter();
        let mut state = self.module.state();
        let turn = state.turn;
        let idle = state.open.get_mut(&self.label);
        let session = match idle.and_then(|open| open.idle.pop()) {
            Some(session) => session,
            None => self.open(&mut state).map_err(|error| (error, turn))?,
        };
        drop(state);
        match work(&session) {
            Ok(done) => {
                let mut state = self.module.state();
                let open = state.open.entry(self.label.clone()).or_default();
                if open.idle.len() < KEPT {
                    open.idle.push(session);
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
        let module = self.module.loaded(state)?;
        let slot = self.slot(&module)?;
        let open = || {
            module
                .open_rw_session(slot)
                .map_err(|error| unavailable(&error))
        };
        let own = state.open.entry(self.label.clone()).or_default();
        if own.login.is_none() {
            let session = open()?;
            self.login(&module, slot, &session)?;
            own.login = Some(session);
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
                Error::new(Reason::Unavailable, "the key service can't be reached")
                    .with_source(format!("no token has the label {:?}", self.label))
            })
    }

    fn login(&self, module: &Pkcs11, slot: Slot, session: &Session) -> Result<()> {
        let no = |why: &'static str| {
            // That there are tokens is the operator's to know.
            let error = Error::new(Reason::FailedPrecondition, "the key service can't be used");
            Err(error.with_source(format!("the token {:?}: {why}", self.label)))
        };
        if self.refused.load(Ordering::Relaxed) {
            return no("it has refused the PIN, which is not tried again before a restart");
        }
        let info = module
            .get_token_info(slot)
            .map_err(|error| unavailable(&error))?;
        if info.user_pin_locked() {
            return no("its user PIN is locked");
        }
        if info.user_pin_final_try() {
            return no(
                "one wrong PIN more would lock the token: log in with the right one by its maker's tool",
            );
        }
        match session.login(UserType::User, Some(&self.pin)) {
            Ok(()) | Err(TokenError::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(()),
            Err(TokenError::Pkcs11(RvError::PinIncorrect | RvError::PinLenRange, _)) => {
                self.refused.store(true, Ordering::Relaxed);
                no("it refuses the PIN")
            }
            Err(error) => Err(unavailable(&error)),
        }
    }
}
