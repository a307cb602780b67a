//! Signed statements: what a server says that it did, checked without asking it.
//!
//! Whatever a Cordon server signs is an [in-toto] statement in a [DSSE] envelope, under a key that
//! [`Identity::signing_keys`](crate::identity::Identity::signing_keys) gives. Keep the keys apart
//! from the statements: then a statement can be checked when the server is gone.
//!
//! ```no_run
//! use cordon_client::statement::{self, PublicKeys};
//!
//! # async fn run(client: cordon_client::Client) -> cordon_client::Result<()> {
//! let keys = PublicKeys::new(&client.identity().signing_keys().await?)?;
//! std::fs::write("keys.json", keys.to_json())?;
//!
//! let certificate = client.tenants().deletion_certificate("acme").await?;
//! let keys = PublicKeys::parse(&std::fs::read("keys.json")?)?;
//! let statement = statement::verify(certificate.dsse_json.as_bytes(), &keys)?;
//! println!("{}", statement.predicate_json);
//! # Ok(())
//! # }
//! ```
//!
//! [in-toto]: https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md
//! [DSSE]: https://github.com/secure-systems-lab/dsse/blob/master/protocol.md

mod envelope;
mod keys;
mod strict;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use self::envelope::Envelope;
pub use self::keys::{MAX_KEYS_BYTES, PublicKey, PublicKeys};
use self::strict::unambiguous;
use crate::error::{Error, Reason, Result};

/// Largest envelope that is read, in bytes.
pub const MAX_ENVELOPE_BYTES: usize = 16 << 20;

/// What the `_type` of a statement must be.
const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";

/// What was signed. There is one only of what was verified: it comes from [`verify`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Statement {
    /// Who signed it; at least one.
    pub signers: Vec<PublicKey>,
    /// What it is about; at least one.
    pub subjects: Vec<Subject>,
    /// What kind of thing it says, a URI.
    pub predicate_type: String,
    /// What it says: a JSON object, byte for byte as it was signed; `null` for nothing.
    pub predicate_json: String,
    /// The whole of it, byte for byte as it was signed.
    pub json: String,
}

/// What a statement is about.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Subject {
    /// What it is called, as in `tenants/acme`.
    pub name: String,
    /// Its digests, in hexadecimal by the name of the algorithm; at least one.
    pub digest: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Signed {
    #[serde(rename = "_type")]
    kind: String,
    subject: Vec<Subject>,
    #[serde(rename = "predicateType")]
    predicate_type: String,
    predicate: Option<Box<RawValue>>,
}

/// Checks who signed an envelope, and reads what is in it.
///
/// Each signature that names one of the keys must fit, and at least one has to name one.
/// Signatures by others are passed over: they say nothing here. Whether a key was in use when
/// the statement was signed is not checked, since a statement need not say when that was; the
/// signers have the times of their keys.
///
/// # Errors
///
/// `BAD_SIGNATURE` when a signature does not fit, `UNKNOWN_KEY` when no signature names one of
/// the keys, `INVALID_STATEMENT` when it is no signed statement, or one that can be read in more
/// ways than one, `TOO_LARGE` over [`MAX_ENVELOPE_BYTES`].
pub fn verify(envelope: &[u8], keys: &PublicKeys) -> Result<Statement> {
    if envelope.len() > MAX_ENVELOPE_BYTES {
        return Err(too_large("envelope", MAX_ENVELOPE_BYTES));
    }
    let envelope = Envelope::parse(envelope)?;
    let signers = envelope.signers(keys)?;
    // Nothing of the payload is looked at before it is known whose it is.
    read(signers, envelope.payload)
}

fn read(signers: Vec<PublicKey>, payload: Vec<u8>) -> Result<Statement> {
    let wrong = |error: serde_json::Error| invalid(format!("no in-toto statement: {error}"));
    unambiguous(&payload).map_err(wrong)?;
    let signed: Signed = serde_json::from_slice(&payload).map_err(wrong)?;
    if signed.kind != STATEMENT_TYPE {
        return Err(invalid(format!(
            "its _type is `{}`, not `{STATEMENT_TYPE}`",
            signed.kind
        )));
    }
    if signed.predicate_type.is_empty() {
        return Err(invalid("its predicateType is empty"));
    }
    if signed.subject.is_empty() {
        return Err(invalid("it has no subject"));
    }
    let unnamed = |subject: &Subject| subject.name.is_empty() || subject.digest.is_empty();
    if signed.subject.iter().any(unnamed) {
        return Err(invalid("a subject has no name or no digest"));
    }
    let predicate_json = match signed.predicate {
        None => "null".to_owned(),
        Some(predicate) if predicate.get().starts_with('{') => predicate.get().to_owned(),
        Some(_) => return Err(invalid("its predicate is no object")),
    };
    Ok(Statement {
        signers,
        subjects: signed.subject,
        predicate_type: signed.predicate_type,
        predicate_json,
        json: String::from_utf8(payload).map_err(|_| invalid("it is not UTF-8"))?,
    })
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(Reason::InvalidStatement, message)
}

fn too_large(what: &str, limit: usize) -> Error {
    Error::new(
        Reason::TooLarge,
        format!("the {what} is larger than {limit} bytes"),
    )
}

#[cfg(test)]
mod tests;
