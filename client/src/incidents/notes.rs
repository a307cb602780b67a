//! Notes of a tenant's responders among themselves, and of the provider's staff.

use cordon_proto::incidents::notes_service_client::NotesServiceClient;
use cordon_proto::incidents::provider_notes_service_client::ProviderNotesServiceClient;
use cordon_proto::incidents::{
    CreateNoteRequest, CreateProviderNoteRequest, ListNoteKeysRequest, ListNotesRequest,
    ListProviderNotesRequest, RegisterNoteKeyRequest, RevokeNoteKeyRequest, UpdateNoteRequest,
};
use futures::TryStreamExt as _;

use super::{Incidents, LONG_PAGE, Note, NoteKey, ProviderNote, pages, present, too_many};
use crate::client::{Call, Client, call, configured};
use crate::error::{Error, Reason, Result};
use crate::notes::{Identity, Keys, Recipient};
use crate::paging::{PAGE_SIZE, Paged};
use crate::retry::unique_id;
use crate::servers::Servers;

/// Notes in a page: each may be as long as they get.
const NOTES: i32 = 50;

/// A note, opened.
#[derive(Debug)]
pub struct ReadNote {
    /// As the server has it.
    pub note: Note,
    /// What it says; or why it can't be read, as when it was not encrypted to the key at hand.
    pub text: Result<String>,
}

/// Calls of `NotesService`.
#[derive(Clone)]
struct Own {
    client: Client,
}

impl Own {
    fn rpc(&self) -> NotesServiceClient<Servers> {
        configured!(NotesServiceClient::new(self.client.servers()))
    }
}

/// Calls of `ProviderNotesService`.
#[derive(Clone)]
struct Staff {
    client: Client,
}

impl Staff {
    fn rpc(&self) -> ProviderNotesServiceClient<Servers> {
        configured!(ProviderNotesServiceClient::new(self.client.servers()))
    }
}

/// Under what a text is sealed with the incident that it is about: a server that shows it with
/// another one is noticed.
fn bound(incident: &str, text: &str) -> String {
    format!("about: {incident}\n\n{text}")
}

fn open(identity: &Identity, note: &Note) -> Result<String> {
    let plain = identity.decrypt(&note.ciphertext)?;
    let plain = String::from_utf8(plain)
        .map_err(|_| Error::new(Reason::InvalidArgument, "the note is no text"))?;
    let incident = note.name.split("/notes/").next().unwrap_or_default();
    let text = plain.strip_prefix(&bound(incident, ""));
    text.map(str::to_owned).ok_or_else(|| {
        Error::new(
            Reason::BadSignature,
            "the note was written about another incident: somebody put it here",
        )
    })
}

impl Incidents {
    fn own_notes(&self) -> Own {
        Own {
            client: self.client.clone(),
        }
    }

    /// Registers one's own public key, so that others can encrypt notes to it.
    ///
    /// # Errors
    ///
    /// `ALREADY_EXISTS` when it is someone else's, or revoked.
    pub async fn register_note_key(&self, recipient: &Recipient) -> Result<NoteKey> {
        let message = RegisterNoteKeyRequest {
            parent: self.client.parent()?,
            note_key: Some(NoteKey {
                recipient: recipient.to_string(),
                ..NoteKey::default()
            }),
        };
        let own = self.own_notes();
        present(call!(own, Call::SAFE, register_note_key(message))?.note_key)
    }

    /// The tenant's keys, revoked ones too.
    #[must_use]
    pub fn note_keys(&self) -> Paged<NoteKey> {
        let request = self.client.parent().map(|parent| ListNoteKeysRequest {
            parent,
            ..ListNoteKeysRequest::default()
        });
        let own = self.own_notes();
        pages!(
            own,
            Call::SAFE,
            list_note_keys(request),
            note_keys by PAGE_SIZE
        )
    }

    /// Revokes a key: one's own, or as an admin anyone's. Takes the full name.
    ///
    /// # Errors
    ///
    /// `NOT_FOUND` when there is none of that name, `PERMISSION_DENIED` when it is someone else's.
    pub async fn revoke_note_key(&self, name: &str) -> Result<NoteKey> {
        let message = RevokeNoteKeyRequest {
            name: name.to_owned(),
        };
        let own = self.own_notes();
        present(call!(own, Call::SAFE, revoke_note_key(message))?.note_key)
    }

    /// The keys of the tenant's to which notes and files are encrypted: those that are registered,
    /// not revoked, and trusted on this machine. With each its full name.
    ///
    /// # Errors
    ///
    /// `FAILED_PRECONDITION` when there is none.
    pub async fn trusted_keys(&self, keys: &Keys) -> Result<(Vec<Recipient>, Vec<String>)> {
        let all: Vec<_> = self.note_keys().try_collect().await?;
        let (mut to, mut names) = (Vec::new(), Vec::new());
        for key in all.iter().filter(|key| key.revoke_time.is_none()) {
            let Ok(recipient) = key.recipient.parse() else {
                continue;
            };
            if keys.trusts(&recipient) {
                to.push(recipient);
                names.push(key.name.clone());
            }
        }
        if to.is_empty() {
            return Err(Error::new(
                Reason::FailedPrecondition,
                "there is no registered key that this profile trusts, its own neither",
            ));
        }
        Ok((to, names))
    }

    /// Encrypts to all trusted keys of the tenant: the ciphertext, and the names of the keys.
    async fn encrypted(
        &self,
        keys: &Keys,
        incident: &str,
        text: &str,
    ) -> Result<(Vec<u8>, Vec<String>)> {
        let (to, names) = self.trusted_keys(keys).await?;
        let plain = bound(incident, text);
        Ok((crate::notes::encrypt(&to, plain.as_bytes())?, names))
    }

    /// Writes a note that is encrypted to all keys of the tenant that are trusted on this machine.
    ///
    /// # Errors
    ///
    /// `FAILED_PRECONDITION` when there is no such key.
    pub async fn write_note(&self, keys: &Keys, name: &str, text: &str) -> Result<Note> {
        let parent = self.name(name)?;
        let (ciphertext, note_keys) = self.encrypted(keys, &parent, text).await?;
        let message = CreateNoteRequest {
            parent,
            note: Some(Note {
                ciphertext,
                note_keys,
                ..Note::default()
            }),
            request_id: unique_id(),
        };
        let own = self.own_notes();
        present(call!(own, Call::SAFE, create_note(message))?.note)
    }

    /// Encrypts one's own note anew, to all keys that are trusted now.
    ///
    /// # Errors
    ///
    /// `PERMISSION_DENIED` when somebody else wrote it, or it can't be read.
    pub async fn share_note(&self, keys: &Keys, note: &Note) -> Result<Note> {
        let own_key = keys
            .own()
            .ok_or_else(|| Error::new(Reason::FailedPrecondition, "this profile has no key"))?;
        let text = open(own_key, note)?;
        let incident = note.name.split("/notes/").next().unwrap_or_default();
        let (ciphertext, note_keys) = self.encrypted(keys, incident, &text).await?;
        let message = UpdateNoteRequest {
            note: Some(Note {
                name: note.name.clone(),
                ciphertext,
                note_keys,
                ..Note::default()
            }),
            request_id: unique_id(),
        };
        let own = self.own_notes();
        present(call!(own, Call::SAFE, update_note(message))?.note)
    }

    /// An incident's notes as the server has them, oldest first.
    #[must_use]
    pub fn sealed_notes(&self, name: &str) -> Paged<Note> {
        let request = self.name(name).map(|parent| ListNotesRequest {
            parent,
            ..ListNotesRequest::default()
        });
        let own = self.own_notes();
        pages!(own, Call::SAFE, list_notes(request), notes by NOTES)
    }

    /// An incident's notes, opened, oldest first.
    ///
    /// # Errors
    ///
    /// `NOT_FOUND` when there is no such incident.
    pub async fn notes(&self, identity: &Identity, name: &str) -> Result<Vec<ReadNote>> {
        let notes: Vec<Note> = self.sealed_notes(name).try_collect().await?;
        let opened = notes.into_iter().map(|note| ReadNote {
            text: open(identity, &note),
            note,
        });
        Ok(opened.collect())
    }

    /// For staff: writes a note that the tenant knows nothing of. Enters no tenant.
    ///
    /// # Errors
    ///
    /// `NOT_FOUND` when there is no such incident.
    pub async fn write_provider_note(&self, name: &str, text: &str) -> Result<ProviderNote> {
        let message = CreateProviderNoteRequest {
            parent: self.name(name)?,
            provider_note: Some(ProviderNote {
                text: text.to_owned(),
                ..ProviderNote::default()
            }),
        };
        let staff = Staff {
            client: self.client.clone(),
        };
        // It has no id: sent twice, it would be written twice.
        present(call!(staff, Call::ONCE, create_provider_note(message))?.provider_note)
    }

    /// For staff: notes about an incident, oldest first.
    #[must_use]
    pub fn provider_notes(&self, name: &str) -> Paged<ProviderNote> {
        let request = self.name(name).map(|parent| ListProviderNotesRequest {
            parent,
            ..ListProviderNotesRequest::default()
        });
        let staff = Staff {
            client: self.client.clone(),
        };
        pages!(
            staff,
            Call::SAFE,
            list_provider_notes(request),
            provider_notes by LONG_PAGE
        )
    }
}
