//! What the server signs: an in-toto statement (v1) in a DSSE envelope, under the key that signs
//! tokens too, whose history `GetSigningKeys` publishes. A token and an envelope can't be taken
//! for each other: what is signed of an envelope begins with `DSSEv1`, of a token with base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use crate::auth::token::TokenIssuer;
use crate::error::{Error, Result};

/// The envelope's payload type.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";

/// What a statement is about: a name, and the SHA-256 of what it stood for.
#[derive(Debug, Serialize)]
pub(crate) struct Subject {
    pub(crate) name: String,
    pub(crate) digest: Digest,
}

#[derive(Debug, Serialize)]
pub(crate) struct Digest {
    /// In hexadecimal digits.
    pub(crate) sha256: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Statement<'a, P> {
    #[serde(rename = "_type")]
    kind: &'static str,
    subject: &'a [Subject],
    predicate_type: &'a str,
    predicate: &'a P,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    payload_type: &'static str,
    payload: String,
    signatures: [Signature; 1],
}

#[derive(Serialize)]
struct Signature {
    keyid: String,
    sig: String,
}

/// Signs a statement; the answer is the envelope, JSON.
pub(crate) fn sign<P: Serialize>(
    issuer: &TokenIssuer,
    subject: &[Subject],
    predicate_type: &str,
    predicate: &P,
) -> Result<Vec<u8>> {
    let statement = Statement {
        kind: STATEMENT_TYPE,
        subject,
        predicate_type,
        predicate,
    };
    let payload = serde_json::to_vec(&statement).map_err(Error::internal)?;
    let (keyid, sig) = issuer.sign_statement(&pre_authentication(PAYLOAD_TYPE, &payload))?;
    let envelope = Envelope {
        payload_type: PAYLOAD_TYPE,
        payload: STANDARD.encode(&payload),
        signatures: [Signature {
            keyid,
            sig: STANDARD.encode(sig),
        }],
    };
    serde_json::to_vec(&envelope).map_err(Error::internal)
}

/// What is signed of an envelope (DSSE's PAE): type and body, each after its length.
fn pre_authentication(kind: &str, body: &[u8]) -> Vec<u8> {
    let mut out = format!("DSSEv1 {} {kind} {} ", kind.len(), body.len()).into_bytes();
    out.extend_from_slice(body);
    out
}

#[cfg(test)]
mod tests {
    use ring::signature::{ED25519, UnparsedPublicKey};

    use super::*;
    use crate::auth::token::TokenConfig;
    use crate::clock::Env;

    #[test]
    fn what_is_signed_is_the_envelopes_type_and_body() {
        // The protocol's own example.
        assert_eq!(
            pre_authentication("http://example.com/HelloWorld", b"hello world"),
            b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
        );
    }

    #[test]
    fn an_envelope_verifies_under_the_published_key_and_no_other_bytes_do() {
        let (env, _) = Env::fixed("2026-11-24T04:00:00Z".parse().unwrap(), 1);
        let issuer = TokenIssuer::generate(env, TokenConfig::default()).unwrap();
        let subject = [Subject {
            name: "tenants/acme".into(),
            digest: Digest {
                sha256: "00".repeat(32),
            },
        }];
        let envelope = sign(&issuer, &subject, "urn:x", &serde_json::json!({"a": 1})).unwrap();
        let envelope: serde_json::Value = serde_json::from_slice(&envelope).unwrap();
        let key = issuer.published().keys()[0].clone();
        assert_eq!(envelope["signatures"][0]["keyid"], key.kid);
        let part = |text: &serde_json::Value| STANDARD.decode(text.as_str().unwrap()).unwrap();
        let payload = part(&envelope["payload"]);
        let sig = part(&envelope["signatures"][0]["sig"]);
        let public = UnparsedPublicKey::new(&ED25519, key.public_key);
        let kind = envelope["payloadType"].as_str().unwrap();
        let signed = pre_authentication(kind, &payload);
        public.verify(&signed, &sig).unwrap();
        assert!(public.verify(&payload, &sig).is_err());
        let statement: serde_json::Value = serde_json::from_slice(&payload).unwrap();
        assert_eq!(statement["_type"], STATEMENT_TYPE);
        assert_eq!(statement["predicateType"], "urn:x");
        assert_eq!(statement["subject"][0]["name"], "tenants/acme");
    }
}
