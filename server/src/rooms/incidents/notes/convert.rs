//! Between messages and notes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cordon_kernel::{Disclosed, Error, Name, Result, TenantId};
use cordon_proto::incidents as wire;
use ring::digest;
use uuid::Uuid;

use super::super::convert::{actor, incident_name};
use super::model::{Note, NoteKey};
use crate::rooms::fields::{Fields, wire_time};

/// Longest ciphertext, in bytes.
const MAX_CIPHERTEXT: usize = 128 << 10;
/// Most keys that a note is to.
const MAX_KEYS: usize = 256;
/// How every file begins that age writes.
const AGE: &[u8] = b"age-encryption.org/v1\n";
/// An X25519 recipient: `age1` and 58 digits of Bech32.
const RECIPIENT: usize = 62;

/// What a note says, which nobody here can read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sent {
    /// In base 64.
    pub(super) ciphertext: String,
    pub(super) keys: Vec<Uuid>,
}

/// A key's fingerprint: of the SHA-256 of its recipient the first 16 bytes, in groups. The client
/// makes its own, and compares.
pub(super) fn fingerprint(recipient: &str) -> String {
    let hash = digest::digest(&digest::SHA256, recipient.as_bytes());
    let groups = hash.as_ref().chunks(2).take(8).map(hex::encode);
    groups.collect::<Vec<_>>().join(":")
}

pub(super) fn new_key(request: wire::RegisterNoteKeyRequest) -> Result<(TenantId, String)> {
    let mut fields = Fields::default();
    let tenant = fields.named(Name::parse_tenant("parent", &request.parent));
    let recipient = request.note_key.unwrap_or_default().recipient;
    // Whether it is a point of the curve is for those to see who encrypt to it.
    let digits = |text: &str| {
        text.bytes()
            .all(|b| b"qpzry9x8gf2tvdw0s3jn54khce6mua7l".contains(&b))
    };
    let fits = recipient.len() == RECIPIENT && recipient.strip_prefix("age1").is_some_and(digits);
    if !fits {
        let rule = "expected a recipient as age writes it, age1…";
        fields.wrong("note_key.recipient", rule);
    }
    match tenant {
        Some(tenant) if fits => Ok((tenant, recipient)),
        _ => Err(fields.refuse()),
    }
}

pub(super) fn key_name(field: &str, name: &str) -> Result<(TenantId, Uuid)> {
    match Name::parse(field, name)? {
        Name::NoteKey(tenant, id) => Ok((tenant, id)),
        _ => Err(Error::invalid(
            field,
            "expected tenants/{tenant}/noteKeys/{key}",
        )),
    }
}

/// The ciphertext and keys of a note for `tenant`.
fn sent(fields: &mut Fields, tenant: Option<&TenantId>, note: &wire::Note) -> Sent {
    if !note.ciphertext.starts_with(AGE) || note.ciphertext.len() > MAX_CIPHERTEXT {
        let rule = "expected a file that age has encrypted, of at most 128 KiB";
        fields.wrong("note.ciphertext", rule);
    }
    if note.note_keys.is_empty() || note.note_keys.len() > MAX_KEYS {
        fields.wrong("note.note_keys", "expected 1 to 256 keys");
    }
    let mut keys = Vec::new();
    for name in note.note_keys.iter().take(MAX_KEYS) {
        if let Some((of, id)) = fields.named(key_name("note.note_keys", name)) {
            if tenant.is_some_and(|tenant| *tenant != of) {
                fields.wrong("note.note_keys", "expected keys of this tenant");
            }
            keys.push(id);
        }
    }
    Sent {
        ciphertext: STANDARD.encode(&note.ciphertext),
        keys,
    }
}

pub(super) fn new_note(request: wire::CreateNoteRequest) -> Result<((TenantId, Uuid), Sent)> {
    let mut fields = Fields::default();
    let note = request.note.unwrap_or_default();
    let parent = fields.named(incident_name("parent", &request.parent));
    let sent = sent(
        &mut fields,
        parent.as_ref().map(|(tenant, _)| tenant),
        &note,
    );
    match parent {
        Some(parent) => fields.finish().map(|()| (parent, sent)),
        None => Err(fields.refuse()),
    }
}

pub(super) fn changed_note(
    request: wire::UpdateNoteRequest,
) -> Result<((TenantId, Uuid, Uuid), Sent)> {
    let mut fields = Fields::default();
    let note = request.note.unwrap_or_default();
    let name = fields.named(note_name("note.name", &note.name));
    let sent = sent(&mut fields, name.as_ref().map(|(tenant, ..)| tenant), &note);
    match name {
        Some(name) => fields.finish().map(|()| (name, sent)),
        None => Err(fields.refuse()),
    }
}

fn note_name(field: &str, name: &str) -> Result<(TenantId, Uuid, Uuid)> {
    match Name::parse(field, name)? {
        Name::Note(tenant, incident, id) => Ok((tenant, incident, id)),
        _ => Err(Error::invalid(
            field,
            "expected tenants/{tenant}/incidents/{incident}/notes/{note}",
        )),
    }
}

pub(super) fn note_key(tenant: &TenantId, key: Disclosed<NoteKey>) -> wire::NoteKey {
    let key = key.into_wire();
    wire::NoteKey {
        name: Name::NoteKey(tenant.clone(), key.id).to_string(),
        fingerprint: fingerprint(&key.facts.recipient),
        recipient: key.facts.recipient,
        subject: key.facts.subject,
        credential: key.facts.credential,
        create_time: Some(wire_time(key.created)),
        revoke_time: key.revoked.map(wire_time),
    }
}

/// # Errors
/// `INTERNAL` when what is stored is damaged.
pub(super) fn note(tenant: &TenantId, note: Disclosed<Note>) -> Result<wire::Note> {
    let note = note.into_wire();
    let ciphertext = STANDARD.decode(&note.body.ciphertext);
    Ok(wire::Note {
        name: Name::Note(tenant.clone(), note.incident, note.id).to_string(),
        ciphertext: ciphertext.map_err(Error::internal)?,
        note_keys: note.body.keys,
        author: Some(actor(note.body.author)),
        create_time: Some(wire_time(note.created)),
        update_time: Some(wire_time(note.body.updated)),
    })
}
