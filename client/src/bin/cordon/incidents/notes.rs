//! `cordon incidents note`, `notes`, `note-keys` and staff's own notes.

use clap::Subcommand;
use cordon_client::notes::{Keys, Recipient};
use cordon_client::{NoteKey, ProviderNote, ReadNote, Reason};
use futures::{StreamExt as _, TryStreamExt as _};
use serde_json::{Value, json};

use super::named;
use super::prose;
use super::timeline::{actor_json, who};
use super::which::{Which, which};
use crate::context::{Context, Whose};
use crate::failure::{Failure, Outcome, note};
use crate::output::Row;
use crate::show::{time, time_json};

/// What can be done with notes.
#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Write a note that the provider can't read: encrypted here, to the keys that you trust
    Note {
        /// The incident's full name, id, or number
        #[arg(value_name = "ID", value_parser = which)]
        id: Which,
        /// What; `-` for stdin
        text: String,
    },
    /// An incident's notes, opened with this profile's key
    Notes {
        /// The incident's full name, id, or number
        #[arg(value_name = "ID", value_parser = which)]
        id: Which,
    },
    /// Encrypt your own notes about an incident anew, to all keys that you trust now
    ShareNotes {
        /// The incident's full name, id, or number
        #[arg(value_name = "ID", value_parser = which)]
        id: Which,
    },
    /// Keys to which notes are encrypted
    #[command(subcommand)]
    NoteKeys(NoteKeys),
    /// For staff: write a note that the tenant knows nothing of
    StaffNote {
        /// The incident's full name
        #[arg(value_name = "ID", value_parser = which)]
        id: Which,
        /// What; `-` for stdin
        text: String,
    },
    /// For staff: notes about an incident
    StaffNotes {
        /// The incident's full name
        #[arg(value_name = "ID", value_parser = which)]
        id: Which,
    },
}

/// What can be done with keys.
#[derive(Debug, Subcommand)]
pub(super) enum NoteKeys {
    /// Make this profile's key, beside the profile, and register its public half
    Make,
    /// The tenant's keys, and which of them you trust
    List,
    /// Trust a key, after you have compared its fingerprint with its owner by another way
    Trust {
        /// The whole fingerprint
        fingerprint: String,
    },
    /// Revoke a key: your own, or as an admin anyone's
    Revoke {
        /// Its full name, as `list` has it
        name: String,
    },
}

/// A key, and whether it is trusted here.
struct Seen {
    key: NoteKey,
    /// Made here: that it belongs to the key is not the server's to say.
    fingerprint: String,
    trust: &'static str,
}

impl Seen {
    fn new(key: NoteKey, keys: &Keys) -> Self {
        let recipient = key.recipient.parse::<Recipient>().ok();
        let own = keys.own().map(|own| own.recipient());
        let trust = match recipient {
            _ if key.revoke_time.is_some() => "revoked",
            None => "unreadable",
            Some(recipient) if Some(recipient) == own => "own",
            Some(recipient) if keys.trusts(&recipient) => "trusted",
            Some(_) => "not trusted",
        };
        Self {
            fingerprint: recipient.map_or_else(String::new, |key| key.fingerprint()),
            key,
            trust,
        }
    }
}

impl Row for Seen {
    const HEAD: &'static [&'static str] = &["fingerprint", "trust", "whose", "since", "name"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.fingerprint.clone(),
            self.trust.to_owned(),
            self.key.subject.clone(),
            time(self.key.create_time.as_ref()),
            self.key.name.clone(),
        ]
    }

    fn json(&self) -> Value {
        json!({
            "name": self.key.name,
            "recipient": self.key.recipient,
            "fingerprint": self.fingerprint,
            "trust": self.trust,
            "subject": self.key.subject,
            "credential": self.key.credential,
            "create_time": time_json(self.key.create_time.as_ref()),
            "revoke_time": time_json(self.key.revoke_time.as_ref()),
        })
    }
}

impl Row for ReadNote {
    const HEAD: &'static [&'static str] = &["author", "written", "changed", "text"];

    fn cells(&self) -> Vec<String> {
        vec![
            who(self.note.author.as_ref()),
            time(self.note.create_time.as_ref()),
            time(self.note.update_time.as_ref()),
            match &self.text {
                Ok(text) => text.clone(),
                Err(error) => format!("({})", error.message()),
            },
        ]
    }

    fn json(&self) -> Value {
        json!({
            "name": self.note.name,
            "author": actor_json(self.note.author.as_ref()),
            "create_time": time_json(self.note.create_time.as_ref()),
            "update_time": time_json(self.note.update_time.as_ref()),
            "note_keys": self.note.note_keys,
            "text": self.text.as_ref().ok(),
            "error": self.text.as_ref().err().map(|error| error.message()),
        })
    }
}

impl Row for ProviderNote {
    const HEAD: &'static [&'static str] = &["author", "written", "text"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.subject.clone(),
            time(self.create_time.as_ref()),
            self.text.clone(),
        ]
    }

    fn json(&self) -> Value {
        json!({
            "name": self.name,
            "subject": self.subject,
            "text": self.text,
            "create_time": time_json(self.create_time.as_ref()),
        })
    }
}

pub(super) async fn run(context: &Context, whose: &Whose, notes: Verb) -> Outcome {
    match notes {
        Verb::Note { id, text } => {
            let text = prose::read(text)?;
            let keys = own_keys(context)?;
            let (client, incident) = named(context, whose, id).await?;
            let incidents = client.incidents();
            let all: Vec<NoteKey> = incidents.note_keys().try_collect().await?;
            let written = incidents.write_note(&keys, &incident, &text).await?;
            let seen = all.into_iter().map(|key| Seen::new(key, &keys));
            for left_out in seen.filter(|key| key.trust == "not trusted") {
                note(&format!(
                    "{} can't read it: the key {} is not trusted here",
                    left_out.key.subject, left_out.fingerprint
                ));
            }
            let count = written.note_keys.len();
            context.output.done(
                &format!("noted, for {count} keys"),
                &json!({ "name": written.name, "note_keys": written.note_keys }),
            )
        }
        Verb::Notes { id } => {
            let keys = own_keys(context)?;
            let own = keys.own().ok_or_else(no_key)?;
            let (client, incident) = named(context, whose, id).await?;
            let read = client.incidents().notes(own, &incident).await?;
            let rows = futures::stream::iter(read).map(Ok);
            context.output.list(rows).await
        }
        Verb::ShareNotes { id } => {
            let keys = own_keys(context)?;
            let own = keys.own().ok_or_else(no_key)?;
            let (client, incident) = named(context, whose, id).await?;
            let me = client.identity().whoami().await?.subject;
            let incidents = client.incidents();
            let mut shared = 0;
            for read in incidents.notes(own, &incident).await? {
                let author = read.note.author.as_ref();
                let mine = author.is_some_and(|author| author.subject == me);
                if mine && read.text.is_ok() {
                    match incidents.share_note(&keys, &read.note).await {
                        Ok(_) => shared += 1,
                        // By somebody else of that name.
                        Err(error) if *error.reason() == Reason::PermissionDenied => {}
                        Err(error) => return Err(error.into()),
                    }
                }
            }
            let sentence = format!("encrypted {shared} notes anew");
            context.output.done(&sentence, &json!({ "shared": shared }))
        }
        Verb::NoteKeys(verb) => run_keys(context, whose, verb).await,
        Verb::StaffNote { id, text } => {
            let text = prose::read(text)?;
            let (client, incident) = named(context, whose, id).await?;
            let incidents = client.incidents();
            let written = incidents.write_provider_note(&incident, &text).await?;
            context.output.one(&written)
        }
        Verb::StaffNotes { id } => {
            let (client, incident) = named(context, whose, id).await?;
            let notes = client.incidents().provider_notes(&incident);
            context.output.list(notes).await
        }
    }
}

async fn run_keys(context: &Context, whose: &Whose, verb: NoteKeys) -> Outcome {
    let mut keys = own_keys(context)?;
    let incidents = context.client_of_tenant(whose).await?.incidents();
    match verb {
        NoteKeys::Make => {
            let recipient = keys.make()?.recipient();
            let key = incidents.register_note_key(&recipient).await?;
            note(&format!(
                "the private key lies in {}: without it your notes can't be read any more",
                keys.key_file().display()
            ));
            context.output.one(&Seen::new(key, &keys))
        }
        NoteKeys::List => {
            let seen = incidents.note_keys();
            let seen = seen.map_ok(|key| Seen::new(key, &keys));
            context.output.list(seen).await
        }
        NoteKeys::Trust { fingerprint } => {
            let all: Vec<NoteKey> = incidents.note_keys().try_collect().await?;
            let valid = all.iter().filter(|key| key.revoke_time.is_none());
            let mut found = valid.filter_map(|key| Some((key, key.recipient.parse().ok()?)));
            let found = found.find(|(_, key): &(_, Recipient)| {
                key.fingerprint().eq_ignore_ascii_case(fingerprint.trim())
            });
            let (key, recipient) = found.ok_or_else(|| {
                Failure::local(
                    "no key of the tenant has this fingerprint: \
                     `cordon incidents note-keys list` has them all",
                )
            })?;
            keys.trust(recipient)?;
            context.output.one(&Seen::new(key.clone(), &keys))
        }
        NoteKeys::Revoke { name } => {
            let key = incidents.revoke_note_key(&name).await?;
            context.output.one(&Seen::new(key, &keys))
        }
    }
}

pub(super) fn own_keys(context: &Context) -> Result<Keys, Failure> {
    let (profile, _) = context.profile()?;
    Ok(Keys::beside(profile)?)
}

pub(super) fn no_key() -> Failure {
    Failure::local("this profile has no key for notes: `cordon incidents note-keys make` makes one")
}
