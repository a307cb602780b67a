//! What notes and their keys are. Pure.

use cordon_kernel::{Error, Reason, Result};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::super::model::{Actor, uuid_text};

/// Most keys of a tenant that are not revoked.
const MAX_KEYS: usize = 256;
/// Most of one credential.
const MAX_OWN_KEYS: usize = 8;

/// A public key to which notes are encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NoteKey {
    pub(super) id: Uuid,
    pub(super) created: Timestamp,
    pub(super) revoked: Option<Timestamp>,
    pub(super) facts: KeyFacts,
}

/// What is sealed of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KeyFacts {
    /// As age writes it: `age1…`.
    pub(super) recipient: String,
    /// Whose.
    pub(super) subject: String,
    /// By which credential it was registered.
    pub(super) credential: String,
}

/// A note.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Note {
    #[serde(with = "uuid_text")]
    pub(super) id: Uuid,
    #[serde(with = "uuid_text")]
    pub(super) incident: Uuid,
    pub(super) created: Timestamp,
    pub(super) body: Body,
}

/// What is sealed of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Body {
    pub(super) author: Actor,
    /// By which credential.
    pub(super) credential: String,
    /// In base 64.
    pub(super) ciphertext: String,
    /// The keys to which it is encrypted, as the author says.
    pub(super) keys: Vec<String>,
    pub(super) updated: Timestamp,
}

/// What registering comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Registered {
    /// It was registered before, by the same credential.
    Before(NoteKey),
    New(NoteKey),
}

/// Registers a key for `facts.subject`.
///
/// # Errors
/// `ALREADY_EXISTS` when it is someone else's or revoked: a key is one person's, and once it is given
/// up it stays so; `QUOTA_EXCEEDED` when there are too many.
pub(super) fn register(
    there: &[NoteKey],
    facts: KeyFacts,
    id: Uuid,
    now: Timestamp,
) -> Result<Registered> {
    let same = there
        .iter()
        .find(|key| key.facts.recipient == facts.recipient);
    if let Some(same) = same {
        return match same.facts.credential == facts.credential && same.revoked.is_none() {
            true => Ok(Registered::Before(same.clone())),
            false => Err(Error::new(
                Reason::AlreadyExists,
                "this key was registered before: make a new one",
            )),
        };
    }
    let valid = || there.iter().filter(|key| key.revoked.is_none());
    let own = valid().filter(|key| key.facts.credential == facts.credential);
    if own.count() >= MAX_OWN_KEYS || valid().count() >= MAX_KEYS {
        return Err(Error::new(
            Reason::QuotaExceeded,
            "a tenant has at most 256 keys for notes, and a credential 8: revoke those that are not \
             used",
        ));
    }
    Ok(Registered::New(NoteKey {
        id,
        created: now,
        revoked: None,
        facts,
    }))
}

/// Revokes a key: one's own, or as an admin anyone's.
///
/// # Errors
/// `PERMISSION_DENIED` for anyone else's.
pub(super) fn revoke(
    key: &mut NoteKey,
    credential: &str,
    admin: bool,
    now: Timestamp,
) -> Result<()> {
    if key.facts.credential != credential && !admin {
        return Err(Error::permission_denied());
    }
    key.revoked.get_or_insert(now);
    Ok(())
}

/// Whether a note may be to these keys.
///
/// # Errors
/// `FAILED_PRECONDITION` when one is revoked, or none of the tenant's: the author's list is old.
pub(super) fn addressed(there: &[NoteKey], to: &[Uuid]) -> Result<()> {
    let valid = |id: &Uuid| {
        there
            .iter()
            .any(|key| key.id == *id && key.revoked.is_none())
    };
    match to.iter().all(valid) {
        true => Ok(()),
        false => Err(Error::new(
            Reason::FailedPrecondition,
            "the note is encrypted to a key that the tenant does not have any more: read the keys \
             anew, and encrypt it again",
        )),
    }
}

/// Puts another ciphertext in place of one's own note's.
///
/// # Errors
/// `PERMISSION_DENIED` for anyone else's.
pub(super) fn replace(
    before: Note,
    credential: &str,
    ciphertext: String,
    keys: Vec<String>,
    now: Timestamp,
) -> Result<Note> {
    if before.body.credential != credential {
        return Err(Error::permission_denied());
    }
    Ok(Note {
        body: Body {
            ciphertext,
            keys,
            updated: now,
            ..before.body
        },
        ..before
    })
}
