//! The envelope that a statement is signed in: DSSE.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use ring::signature::{ED25519, UnparsedPublicKey};
use serde::Deserialize;

use super::invalid;
use super::keys::{PublicKey, PublicKeys};
use super::strict::unambiguous;
use crate::error::{Error, Reason, Result};

/// What the payload of an envelope must be.
pub(super) const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
/// Most signatures in one envelope.
const MAX_SIGNATURES: usize = 16;

/// An envelope as it came. Nobody knows yet whose it is.
#[derive(Debug)]
pub(super) struct Envelope {
    pub(super) payload: Vec<u8>,
    signatures: Vec<Signature>,
}

#[derive(Debug)]
struct Signature {
    kid: String,
    bytes: Vec<u8>,
}

#[derive(Deserialize)]
struct Stored {
    #[serde(rename = "payloadType")]
    payload_type: String,
    payload: String,
    signatures: Vec<StoredSignature>,
}

#[derive(Deserialize)]
struct StoredSignature {
    keyid: Option<String>,
    sig: String,
}

impl Envelope {
    pub(super) fn parse(json: &[u8]) -> Result<Self> {
        let wrong = |error: serde_json::Error| invalid(format!("no DSSE envelope: {error}"));
        unambiguous(json).map_err(wrong)?;
        let stored: Stored = serde_json::from_slice(json).map_err(wrong)?;
        if stored.payload_type != PAYLOAD_TYPE {
            return Err(invalid(format!(
                "its payload type is `{}`, not `{PAYLOAD_TYPE}`",
                stored.payload_type
            )));
        }
        if stored.signatures.is_empty() {
            return Err(invalid("it has no signature"));
        }
        if stored.signatures.len() > MAX_SIGNATURES {
            return Err(invalid(format!(
                "it has more than {MAX_SIGNATURES} signatures"
            )));
        }
        let signatures = stored.signatures.into_iter().map(|signature| {
            Ok(Signature {
                kid: signature.keyid.unwrap_or_default(),
                bytes: decoded("a signature", &signature.sig)?,
            })
        });
        Ok(Self {
            payload: decoded("its payload", &stored.payload)?,
            signatures: signatures.collect::<Result<_>>()?,
        })
    }

    /// Whose of `keys` signed it; at least one.
    pub(super) fn signers(&self, keys: &PublicKeys) -> Result<Vec<PublicKey>> {
        let message = pre_authentication(PAYLOAD_TYPE, &self.payload);
        let mut signers: Vec<PublicKey> = Vec::new();
        for signature in &self.signatures {
            let Some(key) = keys.get(&signature.kid) else {
                continue;
            };
            UnparsedPublicKey::new(&ED25519, key.point())
                .verify(&message, &signature.bytes)
                .map_err(|_| bad_signature(&key.kid))?;
            if !signers.contains(key) {
                signers.push(key.clone());
            }
        }
        if signers.is_empty() {
            return Err(self.unknown_key());
        }
        Ok(signers)
    }

    fn unknown_key(&self) -> Error {
        let kids: Vec<_> = self
            .signatures
            .iter()
            .map(|signature| match signature.kid.as_str() {
                "" => "a key without a name".to_owned(),
                kid => format!("`{}`", kid.chars().take(64).collect::<String>()),
            })
            .collect();
        Error::new(
            Reason::UnknownKey,
            format!(
                "signed by {}, which is none of the keys that it was checked with",
                kids.join(", ")
            ),
        )
    }
}

fn bad_signature(kid: &str) -> Error {
    Error::new(
        Reason::BadSignature,
        format!(
            "the signature by key `{kid}` does not fit: what was signed or the keys were changed"
        ),
    )
}

/// Either alphabet of base64, as DSSE has it.
fn decoded(what: &str, text: &str) -> Result<Vec<u8>> {
    STANDARD
        .decode(text)
        .or_else(|_| URL_SAFE.decode(text))
        .map_err(|_| invalid(format!("{what} is not base64")))
}

/// What is signed: lengths before texts, so that no part can pass for another.
pub(super) fn pre_authentication(kind: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {kind} {} ", kind.len(), body.len());
    [head.as_bytes(), body].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_signed_is_written_as_dsse_says() {
        assert_eq!(
            pre_authentication("http://example.com/HelloWorld", b"hello world"),
            b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
        );
        assert_eq!(pre_authentication("é", b""), "DSSEv1 2 é 0 ".as_bytes());
    }

    #[test]
    fn both_alphabets_are_read_and_nothing_sloppy() {
        assert_eq!(decoded("x", "+/8=").unwrap(), [0xfb, 0xff]);
        assert_eq!(decoded("x", "-_8=").unwrap(), [0xfb, 0xff]);
        for text in ["+_8=", "+/8", "+/9=", "+/8=\n", " "] {
            assert!(decoded("x", text).is_err(), "{text}");
        }
    }
}
