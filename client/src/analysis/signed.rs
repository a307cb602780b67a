//! What is signed of an answer.

use ring::digest::{SHA256, digest};

use crate::error::{Error, Reason, Result};
use crate::statement::{self, PublicKeys, Statement};

/// What is signed of an answer is a statement of this type.
pub const PREDICATE_TYPE: &str = "https://cordon.example/analysis/v1";

/// What was signed of an answer: its hash, what was asked, how it was answered, and what was not
/// looked at.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SignedAnalysis {
    /// The statement, and who signed it.
    pub statement: Statement,
    /// The full name of the analysis.
    pub name: String,
    /// SHA-256 of the answer's JSON, in hexadecimal digits.
    pub sha256: String,
}

impl SignedAnalysis {
    /// Whether this is the answer that was signed: its JSON, byte for byte.
    ///
    /// # Errors
    ///
    /// `HASH_MISMATCH` when it is another one, or was changed.
    pub fn check(&self, json: &[u8]) -> Result<()> {
        let found = hex(digest(&SHA256, json).as_ref());
        match found == self.sha256 {
            true => Ok(()),
            false => Err(Error::new(
                Reason::HashMismatch,
                format!(
                    "this is not the answer of {}: its hash is {found}, and {} was signed",
                    self.name, self.sha256
                ),
            )),
        }
    }
}

/// Checks who signed the statement about an answer, and reads what it is about.
///
/// # Errors
///
/// As [`statement::verify`]; also `INVALID_STATEMENT` when what was signed is not about one
/// analysis's answer.
pub fn read_analysis(envelope: &[u8], keys: &PublicKeys) -> Result<SignedAnalysis> {
    let statement = statement::verify(envelope, keys)?;
    if statement.predicate_type != PREDICATE_TYPE {
        return Err(invalid(format!(
            "what was signed is not about an answer: it says `{}`, not `{PREDICATE_TYPE}`",
            statement.predicate_type
        )));
    }
    let subject = match statement.subjects.as_slice() {
        [subject] => subject,
        _ => return Err(invalid("it is about more than one answer")),
    };
    let parts: Vec<_> = subject.name.split('/').collect();
    if !matches!(parts.as_slice(), ["tenants", tenant, "analyses", id] if !tenant.is_empty() && !id.is_empty())
    {
        let name = &subject.name;
        return Err(invalid(format!("it is about `{name}`, not an analysis")));
    }
    let sha256 = subject.digest.get("sha256").cloned();
    let sha256 = sha256.ok_or_else(|| invalid("it does not say the answer's SHA-256"))?;
    Ok(SignedAnalysis {
        name: subject.name.clone(),
        sha256: sha256.to_ascii_lowercase(),
        statement,
    })
}

fn invalid(text: impl Into<String>) -> Error {
    Error::new(Reason::InvalidStatement, text)
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
