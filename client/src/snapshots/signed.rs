//! What is signed of a snapshot: its manifest, and the end of its chain of custody.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cordon_evidence::custody::{self, Entry, Head};
use cordon_evidence::digest::Digest;
use cordon_evidence::manifest::{self, Item, Manifest};
use serde::Deserialize;

use crate::error::{Error, Reason, Result};
use crate::statement::{self, PublicKeys, Statement};

/// What is signed of the end of a chain of custody is a statement of this type.
pub const HEAD_PREDICATE_TYPE: &str = "urn:cordon:custody-head:v1";

/// A manifest that was signed. There is one only of what was verified: it comes from
/// [`read_manifest`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SignedManifest {
    /// The statement, and who signed it.
    pub statement: Statement,
    /// What was taken, of what, by whom, for whom, when and how.
    pub manifest: Manifest,
    /// SHA-256 of the manifest's bytes: what the chain of custody begins with.
    pub digest: Digest,
}

impl SignedManifest {
    /// An item by its name.
    ///
    /// # Errors
    ///
    /// `NOT_FOUND` when it has none of that name, with those that it has.
    pub fn item(&self, name: &str) -> Result<&Item> {
        self.manifest.item(name).ok_or_else(|| {
            let names: Vec<_> = self.manifest.items.iter().map(|item| &*item.name).collect();
            Error::new(
                Reason::NotFound,
                format!(
                    "the snapshot has no item `{name}`: it has {}",
                    names.join(", ")
                ),
            )
        })
    }

    /// Whether it is the manifest of this snapshot, by its full name.
    ///
    /// # Errors
    ///
    /// `INVALID_STATEMENT` when it is another one's.
    pub fn check_name(&self, snapshot: &str) -> Result<()> {
        match self.manifest.snapshot == snapshot {
            true => Ok(()),
            false => Err(invalid(format!(
                "the manifest is that of {}, not of {snapshot}",
                self.manifest.snapshot
            ))),
        }
    }
}

/// Checks who signed a manifest, and reads it.
///
/// # Errors
///
/// As [`statement::verify`]; also `INVALID_STATEMENT` when what was signed is no manifest, or one
/// that contradicts itself, and `HASH_MISMATCH` when it is not the one that the statement is about.
pub fn read_manifest(envelope: &[u8], keys: &PublicKeys) -> Result<SignedManifest> {
    let statement = statement::verify(envelope, keys)?;
    if statement.predicate_type != manifest::PREDICATE_TYPE {
        return Err(invalid(format!(
            "what was signed is no manifest of a snapshot: it says `{}`, not `{}`",
            statement.predicate_type,
            manifest::PREDICATE_TYPE
        )));
    }
    let [subject] = statement.subjects.as_slice() else {
        return Err(invalid("it is about more than one snapshot"));
    };
    let told = subject.digest.get("sha256");
    let told = told.ok_or_else(|| invalid("it does not say the manifest's SHA-256"))?;
    let bytes = statement.predicate_json.as_bytes();
    let digest = manifest::digest(bytes);
    if *told != digest.to_string() {
        return Err(Error::new(
            Reason::HashMismatch,
            format!("the manifest's SHA-256 is {digest}, and the statement is about {told}"),
        ));
    }
    let manifest = Manifest::from_bytes(bytes).map_err(|error| invalid(error.to_string()))?;
    if manifest.snapshot != subject.name {
        return Err(invalid(format!(
            "it is about {}, and the manifest is that of {}",
            subject.name, manifest.snapshot
        )));
    }
    Ok(SignedManifest {
        statement,
        manifest,
        digest,
    })
}

/// A chain of custody that follows from a manifest up to an end that was signed. It comes from
/// [`check_custody`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CheckedCustody {
    /// What was done, in order.
    pub entries: Vec<Entry>,
    /// The chain's end.
    pub head: Head,
    /// What was signed of it, and by whom.
    pub statement: Statement,
}

/// What is signed of a chain's end; what a newer server says beside it is passed over.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HeadOf {
    head: Head,
    manifest_sha256: Digest,
}

/// Checks a chain of custody from a manifest on, entry by entry, and that its end is what was
/// signed.
///
/// # Errors
///
/// As [`statement::verify`]; also `INVALID_STATEMENT` when what was signed is not the end of a
/// chain or an entry can't be read, `HASH_MISMATCH` when an entry does not follow from those before
/// it, or the end is not the one that was signed.
pub fn check_custody(
    manifest: &SignedManifest,
    entries: &[impl AsRef<[u8]>],
    head_envelope: &[u8],
    keys: &PublicKeys,
) -> Result<CheckedCustody> {
    let statement = statement::verify(head_envelope, keys)?;
    if statement.predicate_type != HEAD_PREDICATE_TYPE {
        return Err(invalid(format!(
            "what was signed is not the end of a chain of custody: it says `{}`, not \
             `{HEAD_PREDICATE_TYPE}`",
            statement.predicate_type
        )));
    }
    let signed: HeadOf = serde_json::from_str(&statement.predicate_json).map_err(|error| {
        invalid(format!(
            "the signed end of the chain can't be read: {error}"
        ))
    })?;
    if signed.manifest_sha256 != manifest.digest {
        return Err(mismatch(format!(
            "the signed end is that of the chain of another manifest: {}, not {}",
            signed.manifest_sha256, manifest.digest
        )));
    }
    let read = |(at, bytes): (usize, &_)| {
        let bytes: &[u8] = AsRef::as_ref(bytes);
        Entry::from_bytes(bytes)
            .map_err(|error| invalid(format!("entry {} of the chain: {error}", at + 1)))
    };
    let entries = entries.iter().enumerate().map(read);
    let entries = entries.collect::<Result<Vec<_>>>()?;
    let items = manifest.manifest.items.iter().map(|item| &*item.name);
    let head = custody::verify(&manifest.digest, items, &entries, &[])
        .map_err(|broken| mismatch(broken.to_string()))?;
    if head != signed.head {
        return Err(mismatch(match head.sequence == signed.head.sequence {
            true => "the chain's last entry is not the one that was signed".to_owned(),
            false => format!(
                "the chain has {} entries, and the end that was signed is that of {}",
                head.sequence, signed.head.sequence
            ),
        }));
    }
    Ok(CheckedCustody {
        entries,
        head,
        statement,
    })
}

/// How many entries a chain has by what was signed of its end, with the signature not looked at: for
/// what is checked later.
pub(super) fn told_sequence(head_envelope: &[u8]) -> Option<u64> {
    #[derive(Deserialize)]
    struct Envelope {
        payload: String,
    }
    #[derive(Deserialize)]
    struct Payload {
        predicate: HeadOf,
    }
    let envelope: Envelope = serde_json::from_slice(head_envelope).ok()?;
    let payload = STANDARD.decode(envelope.payload).ok()?;
    let payload: Payload = serde_json::from_slice(&payload).ok()?;
    Some(payload.predicate.head.sequence)
}

fn invalid(text: impl Into<String>) -> Error {
    Error::new(Reason::InvalidStatement, text)
}

fn mismatch(text: impl Into<String>) -> Error {
    Error::new(Reason::HashMismatch, text)
}
