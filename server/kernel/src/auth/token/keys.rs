//! The keys behind tokens: our own pairs, with their history, and others' public keys.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use ring::digest::{SHA256, digest};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use zeroize::Zeroizing;

use crate::clock::Env;
use crate::error::{Error, Result};

/// PKCS #8 version 1 of an Ed25519 key (RFC 8410): all but the 32 bytes of the seed.
const PKCS8_ED25519: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];
/// SubjectPublicKeyInfo of an Ed25519 key (RFC 8410): all but the 32 bytes of the key.
const SPKI_ED25519: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];
/// Shortest modulus of an RSA key, in bytes: 2,048 bits.
const MIN_RSA_MODULUS: usize = 256;

/// A signing key as it is stored, sealed: the secret with its history.
#[derive(Clone)]
pub struct StoredKey {
    /// The private key, PKCS #8 (DER).
    pub pkcs8: Zeroizing<Vec<u8>>,
    /// When it began to sign.
    pub created: Timestamp,
    /// When it stopped signing; `None` while it signs.
    pub retired: Option<Timestamp>,
    /// Until when its tokens are accepted; `None` while it signs.
    pub accepted_until: Option<Timestamp>,
}

impl std::fmt::Debug for StoredKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredKey")
            .field("created", &self.created)
            .field("retired", &self.retired)
            .finish_non_exhaustive()
    }
}

/// A public key of the server, as published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedKey {
    /// The key's id: its JWK thumbprint (RFC 7638).
    pub kid: String,
    /// Always `EdDSA`.
    pub algorithm: &'static str,
    /// The 32 bytes of the Ed25519 key.
    pub public_key: [u8; 32],
    /// When it began to sign.
    pub created: Timestamp,
    /// When it stopped signing; `None` while it signs.
    pub retired: Option<Timestamp>,
}

impl PublishedKey {
    /// The key as SubjectPublicKeyInfo, PEM.
    #[must_use]
    pub fn public_key_pem(&self) -> String {
        let der = [SPKI_ED25519.as_slice(), self.public_key.as_slice()].concat();
        // 44 bytes are 60 characters: one line.
        format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
            STANDARD.encode(der)
        )
    }
}

/// One of our own key pairs.
#[derive(Clone)]
pub(crate) struct TokenKey {
    kid: String,
    encoding: EncodingKey,
    check: VerificationKey,
    public: [u8; 32],
    stored: StoredKey,
}

impl TokenKey {
    pub(super) fn generate(env: &Env) -> Result<Self> {
        let seed = Zeroizing::new(env.bytes::<32>());
        let mut pkcs8 = Zeroizing::new(Vec::with_capacity(48));
        pkcs8.extend_from_slice(&PKCS8_ED25519);
        pkcs8.extend_from_slice(&*seed);
        Self::load(StoredKey {
            pkcs8,
            created: env.now(),
            retired: None,
            accepted_until: None,
        })
    }

    pub(super) fn load(stored: StoredKey) -> Result<Self> {
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&stored.pkcs8)
            .map_err(|e| Error::internal(format!("signing key: {e}")))?;
        let public: [u8; 32] = pair
            .public_key()
            .as_ref()
            .try_into()
            .map_err(|_| Error::internal("signing key: no Ed25519 key"))?;
        let kid = thumbprint(&public);
        Ok(Self {
            encoding: EncodingKey::from_ed_der(&stored.pkcs8),
            check: VerificationKey {
                kid: kid.clone(),
                algorithm: Algorithm::EdDSA,
                key: DecodingKey::from_ed_der(&public),
            },
            kid,
            public,
            stored,
        })
    }

    pub(super) fn kid(&self) -> &str {
        &self.kid
    }

    pub(super) fn sign(&self, bytes: &[u8]) -> Result<Vec<u8>> {
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&self.stored.pkcs8)
            .map_err(|e| Error::internal(format!("signing key: {e}")))?;
        Ok(pair.sign(bytes).as_ref().to_vec())
    }

    /// Orders keys oldest first: by when they began to sign, and then by when they stopped.
    pub(super) fn age(&self) -> (Timestamp, Timestamp) {
        (
            self.stored.created,
            self.stored.retired.unwrap_or(Timestamp::MAX),
        )
    }

    pub(super) fn signs(&self) -> bool {
        self.stored.retired.is_none()
    }

    pub(super) fn accepted(&self, now: Timestamp) -> bool {
        self.stored.accepted_until.is_none_or(|until| now < until)
    }

    /// Stops signing at `now`. Of two moments until which its tokens are accepted the earlier
    /// one holds.
    pub(super) fn retire(&mut self, now: Timestamp, accepted_until: Timestamp) {
        self.stored.retired.get_or_insert(now);
        let until = self.stored.accepted_until.get_or_insert(accepted_until);
        *until = (*until).min(accepted_until);
    }

    pub(super) fn encoding(&self) -> &EncodingKey {
        &self.encoding
    }

    pub(super) fn check(&self) -> &VerificationKey {
        &self.check
    }

    pub(super) fn stored(&self) -> StoredKey {
        self.stored.clone()
    }

    pub(super) fn published(&self) -> PublishedKey {
        PublishedKey {
            kid: self.kid.clone(),
            algorithm: "EdDSA",
            public_key: self.public,
            created: self.stored.created,
            retired: self.stored.retired,
        }
    }
}

/// RFC 7638 over the members that an Ed25519 key requires (RFC 8037).
fn thumbprint(public: &[u8; 32]) -> String {
    let x = URL_SAFE_NO_PAD.encode(public);
    let jwk = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
    URL_SAFE_NO_PAD.encode(digest(&SHA256, jwk.as_bytes()))
}

/// A public key that checks tokens: Ed25519, ECDSA on P-256 or RSA of at least 2,048 bits. The
/// algorithm is the key's; what a token claims has to agree with it.
#[derive(Clone, Debug)]
pub struct VerificationKey {
    kid: String,
    algorithm: Algorithm,
    key: DecodingKey,
}

impl VerificationKey {
    /// Reads a JWK (RFC 7517).
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` when it has no `kid`, is of another kind, is too short, or says that
    /// it is for something else than checking signatures.
    pub fn from_jwk(json: &str) -> Result<Self> {
        let bad = |what: &str| Error::invalid("jwk", what);
        let jwk: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(json).map_err(|_| bad("expected a JSON object"))?;
        let text = |key: &str| jwk.get(key).and_then(serde_json::Value::as_str);
        let bytes = |key: &str| text(key).and_then(|t| URL_SAFE_NO_PAD.decode(t).ok());

        let kid = text("kid")
            .filter(|kid| !kid.is_empty())
            .ok_or_else(|| bad("expected a kid"))?;
        if text("use").is_some_and(|u| u != "sig") {
            return Err(bad("the key is not for signatures"));
        }
        let (algorithm, name, key) = match (text("kty"), text("crv")) {
            (Some("OKP"), Some("Ed25519")) => {
                let x = bytes("x").filter(|x| x.len() == 32);
                let x = x.ok_or_else(|| bad("expected 32 bytes of x"))?;
                (Algorithm::EdDSA, "EdDSA", DecodingKey::from_ed_der(&x))
            }
            (Some("EC"), Some("P-256")) => {
                let (x, y) = (bytes("x"), bytes("y"));
                let (Some(x), Some(y)) = (x, y) else {
                    return Err(bad("expected x and y"));
                };
                if x.len() != 32 || y.len() != 32 {
                    return Err(bad("expected 32 bytes of x and of y"));
                }
                let point = [&[4], x.as_slice(), y.as_slice()].concat();
                if p256::PublicKey::from_sec1_bytes(&point).is_err() {
                    return Err(bad("expected a point of the curve"));
                }
                (Algorithm::ES256, "ES256", DecodingKey::from_ec_der(&point))
            }
            (Some("RSA"), None) => {
                let (Some(n), Some(e)) = (bytes("n"), bytes("e")) else {
                    return Err(bad("expected n and e"));
                };
                let strong = n.len() >= MIN_RSA_MODULUS && n.first().is_some_and(|b| *b >= 0x80);
                if !strong {
                    return Err(bad("expected at least 2,048 bits of n"));
                }
                let key = DecodingKey::from_rsa_raw_components(&n, &e);
                (Algorithm::RS256, "RS256", key)
            }
            _ => return Err(bad("expected an Ed25519, P-256 or RSA key")),
        };
        if text("alg").is_some_and(|alg| alg != name) {
            return Err(bad("the key is for another algorithm"));
        }
        Ok(Self {
            kid: kid.to_owned(),
            algorithm,
            key,
        })
    }

    /// The key's id.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    pub(super) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    pub(super) fn key(&self) -> &DecodingKey {
        &self.key
    }
}
