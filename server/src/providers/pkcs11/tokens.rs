//! The tokens that hold the keys between them. A key is in one of them, the first that had room
//! when it was made; the first of all also has the key for the destruction list's MACs, and the
//! list's lines. Everything here blocks.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use cordon_kernel::{Error, Reason, Result};
use zeroize::Zeroizing;

use super::operations::Failed;
use super::token::Token;

pub(super) struct Tokens {
    pub(super) first: Token,
    more: Vec<Token>,
    /// In which of them a key was last found, so that the others are not asked, nor needed.
    places: Mutex<HashMap<String, usize>>,
}

impl Tokens {
    pub(super) fn new(first: Token, more: Vec<Token>) -> Self {
        Self {
            first,
            more,
            places: Mutex::default(),
        }
    }

    fn all(&self) -> impl Iterator<Item = &Token> {
        std::iter::once(&self.first).chain(&self.more)
    }

    /// All of them, beginning with the one where the key was last found.
    fn likely(&self, id: &str) -> Vec<(usize, &Token)> {
        let last = self.places().get(id).copied();
        let mut tokens: Vec<_> = self.all().enumerate().collect();
        tokens.sort_by_key(|(at, _)| Some(*at) != last);
        tokens
    }

    fn places(&self) -> std::sync::MutexGuard<'_, HashMap<String, usize>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fails when one of them can't be reached.
    pub(super) fn reach(&self) -> Result<()> {
        self.count("").map(drop)
    }

    /// Lets go of the modules: they look at their tokens anew when they are next asked.
    pub(super) fn look_afresh(&self) {
        for token in self.all() {
            token.let_go();
        }
    }

    /// Makes the key in the first token that has room, unless one of them has it.
    pub(super) fn create(&self, id: &str) -> Result<()> {
        if self.count(id)? > 0 {
            return Ok(());
        }
        for token in self.all() {
            if token.create(id)? {
                return Ok(());
            }
        }
        Err(Error::new(
            Reason::FailedPrecondition,
            "no token has room for another key: add one (keys.pkcs11.more)",
        ))
    }

    /// Encrypts under the key; `None` when no token has it.
    pub(super) fn encrypt(
        &self,
        id: &str,
        iv: [u8; 12],
        aad: &[u8],
        plain: &[u8],
    ) -> Result<Option<Vec<u8>>> {
        self.search(id, |token| token.encrypt(id, iv, aad, plain))
    }

    /// Decrypts under the key; `None` when no token has it.
    pub(super) fn decrypt(
        &self,
        id: &str,
        iv: [u8; 12],
        aad: &[u8],
        sealed: &[u8],
    ) -> std::result::Result<Option<Zeroizing<Vec<u8>>>, Failed> {
        let mut refused = false;
        let opened = self.search(id, |token| match token.decrypt(id, iv, aad, sealed) {
            // Another server may have made one of that id in another token.
            Err(Failed::Refused) => {
                refused = true;
                Ok(None)
            }
            Err(Failed::Error(error)) => Err(error),
            Ok(opened) => Ok(opened),
        })?;
        match opened {
            None if refused => Err(Failed::Refused),
            opened => Ok(opened),
        }
    }

    /// The first that a token finds. One that is away is an error only when no other has it.
    fn search<T>(
        &self,
        id: &str,
        mut ask: impl FnMut(&Token) -> Result<Option<T>>,
    ) -> Result<Option<T>> {
        let mut away = None;
        for (at, token) in self.likely(id) {
            match ask(token) {
                Ok(Some(found)) => {
                    self.places().insert(id.to_owned(), at);
                    return Ok(Some(found));
                }
                Ok(None) => {}
                Err(error) => away = Some(error),
            }
        }
        away.map_or(Ok(None), Err)
    }

    /// Destroys every key of that id, in all of them; how many there were.
    pub(super) fn destroy(&self, id: &str) -> Result<usize> {
        let mut gone = 0;
        for token in self.all() {
            gone += token.destroy(id)?;
        }
        self.places().remove(id);
        Ok(gone)
    }

    /// How many keys of that id there are, by the tokens' own account.
    pub(super) fn count(&self, id: &str) -> Result<usize> {
        self.all().map(|token| token.count(id)).sum()
    }
}
