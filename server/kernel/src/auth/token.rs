//! Tokens: JWTs of at most 15 minutes, bound to the certificate on the connection (RFC 8705),
//! signed with Ed25519 by keys that can be rotated while both old and new ones hold.
//!
//! This file makes tokens and keeps the keys; [`verify`] checks what comes back.

pub mod keys;
pub mod verify;

use std::sync::{Arc, PoisonError, RwLock};

use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, Header};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::credential::CertThumbprint;
use super::principal::Principal;
use crate::clock::Env;
use crate::disclose::{Public, sealed::Sealed};
use crate::error::{Error, Result};

pub use keys::{PublishedKey, StoredKey, VerificationKey};
pub use verify::{TokenVerifier, TrustedIssuer};

use keys::TokenKey;

/// Longest life of a token.
pub const MAX_LIFETIME: SignedDuration = SignedDuration::from_mins(15);
/// How far clocks may differ.
pub const LEEWAY: SignedDuration = SignedDuration::from_secs(60);

/// Who issues tokens and for whom they are meant (`iss` and `aud`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenConfig {
    /// The issuer: this installation.
    pub issuer: String,
    /// The audience: this installation's API.
    pub audience: String,
}

impl Default for TokenConfig {
    fn default() -> Self {
        Self {
            issuer: "cordon".to_owned(),
            audience: "cordon".to_owned(),
        }
    }
}

/// A token, as given out.
#[derive(Debug)]
pub struct IssuedToken {
    /// The JWT, to be sent as a bearer token.
    pub token: SecretString,
    /// When it ends.
    pub expires: Timestamp,
}

/// What happens to tokens of the former key when keys are rotated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overlap {
    /// They are good until they end: the usual rotation.
    Keep,
    /// They are void at once: the former key is no longer trusted.
    Void,
}

/// The keys that tokens and statements verify against, with their history, newest first.
#[derive(Debug)]
pub struct SigningKeySet(Vec<PublishedKey>);

impl SigningKeySet {
    /// The keys, newest first.
    #[must_use]
    pub fn keys(&self) -> &[PublishedKey] {
        &self.0
    }
}

impl Sealed for SigningKeySet {}
impl Public for SigningKeySet {}

/// What a token says. No other claim is accepted, and none may be missing.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Claims {
    iss: String,
    aud: String,
    /// The principal's name for people.
    sub: String,
    exp: i64,
    nbf: i64,
    iat: i64,
    jti: String,
    cnf: Confirmation,
    /// The credential's id.
    cid: String,
    home: String,
    role: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Confirmation {
    #[serde(rename = "x5t#S256")]
    thumbprint: String,
}

/// The keys, oldest first, as shared by an issuer and its verifiers.
#[derive(Clone)]
pub(crate) struct SharedKeys(Arc<RwLock<Arc<Vec<TokenKey>>>>);

impl SharedKeys {
    fn new(keys: Vec<TokenKey>) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(keys))))
    }

    fn get(&self) -> Arc<Vec<TokenKey>> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn set(&self, keys: Vec<TokenKey>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
    }
}

/// Makes tokens. Only the [`Gate`](super::Gate) can have one made.
pub struct TokenIssuer {
    env: Env,
    config: TokenConfig,
    keys: SharedKeys,
}

impl std::fmt::Debug for TokenIssuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TokenIssuer({})", self.config.issuer)
    }
}

impl TokenIssuer {
    /// An issuer with one new key.
    ///
    /// # Errors
    /// `INTERNAL` when no key can be made.
    pub(crate) fn generate(env: Env, config: TokenConfig) -> Result<Self> {
        let key = TokenKey::generate(&env)?;
        Ok(Self {
            env,
            config,
            keys: SharedKeys::new(vec![key]),
        })
    }

    /// An issuer with the keys that [`TokenIssuer::stored`] once gave.
    ///
    /// # Errors
    /// `INTERNAL` when a key can't be read or none of them signs.
    pub(crate) fn load(env: Env, config: TokenConfig, stored: Vec<StoredKey>) -> Result<Self> {
        Ok(Self {
            env,
            config,
            keys: SharedKeys::new(read(stored)?),
        })
    }

    /// All keys with their secrets, oldest first, for the kernel to seal and store.
    pub(crate) fn stored(&self) -> Vec<StoredKey> {
        self.keys.get().iter().map(TokenKey::stored).collect()
    }

    /// Takes over the keys that another replica has stored.
    ///
    /// # Errors
    /// As [`TokenIssuer::load`]; the present keys then stay.
    pub(crate) fn replace(&self, stored: Vec<StoredKey>) -> Result<()> {
        self.keys.set(read(stored)?);
        Ok(())
    }

    /// Begins to sign with a new key. The former one stops signing; `overlap` says whether its
    /// tokens are still good until they end. To be stored before the next token is issued.
    ///
    /// # Errors
    /// `INTERNAL` when no key can be made.
    pub(crate) fn rotate(&self, overlap: Overlap) -> Result<()> {
        let now = self.env.now();
        let accepted_until = match overlap {
            Overlap::Void => now,
            Overlap::Keep => now
                .checked_add(MAX_LIFETIME + LEEWAY)
                .map_err(Error::internal)?,
        };
        let mut keys: Vec<TokenKey> = Vec::clone(&self.keys.get());
        for key in &mut keys {
            key.retire(now, accepted_until);
        }
        keys.push(TokenKey::generate(&self.env)?);
        self.keys.set(keys);
        Ok(())
    }

    /// The public keys with their history, newest first.
    #[must_use]
    pub fn published(&self) -> SigningKeySet {
        SigningKeySet(
            self.keys
                .get()
                .iter()
                .rev()
                .map(TokenKey::published)
                .collect(),
        )
    }

    /// A verifier over the same keys, which follows their rotation, and over those of `trusted`
    /// issuers.
    pub(crate) fn verifier(&self, trusted: Vec<TrustedIssuer>) -> TokenVerifier {
        TokenVerifier::new(self.config.clone(), self.keys.clone(), trusted)
    }

    /// A token for `principal`, bound to its certificate, good for `ttl` from now.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` for a `ttl` under a second or over [`MAX_LIFETIME`]; `INTERNAL` when
    /// signing fails.
    pub(crate) fn issue(
        &self,
        principal: &Principal,
        certificate: &CertThumbprint,
        ttl: SignedDuration,
    ) -> Result<IssuedToken> {
        if ttl < SignedDuration::from_secs(1) || ttl > MAX_LIFETIME {
            return Err(Error::invalid("ttl", "expected one second to 15 minutes"));
        }
        let now = self.env.now().as_second();
        let exp = now.saturating_add(ttl.as_secs());
        let claims = Claims {
            iss: self.config.issuer.clone(),
            aud: self.config.audience.clone(),
            sub: principal.subject().to_owned(),
            exp,
            nbf: now,
            iat: now,
            jti: self.env.uuid_v7().simple().to_string(),
            cnf: Confirmation {
                thumbprint: certificate.to_base64url(),
            },
            cid: principal.credential().to_string(),
            home: principal.home().to_string(),
            role: principal.role().to_string(),
        };
        let keys = self.keys.get();
        let Some(key) = keys.iter().rev().find(|key| key.signs()) else {
            return Err(Error::internal("no key signs tokens"));
        };
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(key.kid().to_owned());
        let token =
            jsonwebtoken::encode(&header, &claims, key.encoding()).map_err(Error::internal)?;
        Ok(IssuedToken {
            token: SecretString::from(token),
            expires: Timestamp::from_second(exp).map_err(Error::internal)?,
        })
    }
}

impl TokenIssuer {
    /// Signs something else than a token with the key that signs now: the key's id, and the
    /// signature (Ed25519).
    ///
    /// # Errors
    /// `INTERNAL` when the key does not sign.
    pub(crate) fn sign_statement(&self, bytes: &[u8]) -> Result<(String, Vec<u8>)> {
        let keys = self.keys.get();
        let Some(key) = keys.iter().rev().find(|key| key.signs()) else {
            return Err(Error::internal("no key signs"));
        };
        Ok((key.kid().to_owned(), key.sign(bytes)?))
    }
}

fn read(stored: Vec<StoredKey>) -> Result<Vec<TokenKey>> {
    let mut keys = stored
        .into_iter()
        .map(TokenKey::load)
        .collect::<Result<Vec<_>>>()?;
    keys.sort_by_key(TokenKey::age);
    if keys.iter().any(TokenKey::signs) {
        Ok(keys)
    } else {
        Err(Error::internal("no key signs tokens"))
    }
}

#[cfg(test)]
mod tests;
