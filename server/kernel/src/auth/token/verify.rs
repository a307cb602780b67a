//! Checking tokens. What the JWT library lets through by default is closed here: missing claims,
//! a future `nbf`, endless lifetimes, unknown and critical headers, and any say of the token in
//! its own algorithm.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use jsonwebtoken::Validation;
use jsonwebtoken::errors::ErrorKind;
use serde::Deserialize;

use super::keys::VerificationKey;
use super::{Claims, LEEWAY, MAX_LIFETIME, SharedKeys, TokenConfig};
use crate::auth::credential::{CertThumbprint, Proof, VerifiedCredential};
use crate::auth::principal::{Home, Principal};
use crate::error::{Error, Result};
use crate::ids::TenantId;

/// Longest token that is looked at, in bytes. Ours have about 700.
const MAX_LENGTH: usize = 8 * 1024;

/// An issuer of a tenant's own, for that tenant's people and nobody else. Its tokens carry the
/// same claims as ours, certificate binding included.
#[derive(Debug, Clone)]
pub struct TrustedIssuer {
    /// The one tenant that it may vouch for.
    pub tenant: TenantId,
    /// Its `iss`.
    pub issuer: String,
    /// Its keys.
    pub keys: Vec<VerificationKey>,
}

/// Why a token was refused. For the log: the caller is told the same for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    TooLong,
    Malformed,
    Header,
    UnknownKey,
    RetiredKey,
    Algorithm,
    Signature,
    Claims,
    Issuer,
    Audience,
    Expired,
    NotYet,
    Lifetime,
    NoCertificate,
    OtherCertificate,
    Principal,
    ForeignHome,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "token: longer than 8 KiB",
            Self::Malformed => "token: not three parts of base64url",
            Self::Header => "token: header has unknown, critical, repeated or missing parts",
            Self::UnknownKey => "token: unknown kid",
            Self::RetiredKey => "token: the key is no longer accepted",
            Self::Algorithm => "token: alg is not the key's",
            Self::Signature => "token: the signature does not verify",
            Self::Claims => "token: claims are missing, repeated, unknown or of the wrong type",
            Self::Issuer => "token: wrong issuer",
            Self::Audience => "token: wrong audience",
            Self::Expired => "token: expired",
            Self::NotYet => "token: not valid yet",
            Self::Lifetime => "token: lives too long, or ends before it begins",
            Self::NoCertificate => "token: the connection has no client certificate",
            Self::OtherCertificate => "token: bound to another certificate",
            Self::Principal => "token: no principal that can be",
            Self::ForeignHome => "token: the issuer may not vouch for that home",
        })
    }
}

/// The header of a token. `crit`, `jku`, `jwk`, `x5u` and whatever else could steer how it is
/// read are unknown fields, and so refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenHeader {
    alg: String,
    kid: String,
    #[serde(default)]
    typ: Option<String>,
}

/// Checks tokens against our own keys and those of trusted issuers.
pub struct TokenVerifier {
    config: TokenConfig,
    keys: SharedKeys,
    trusted: Vec<TrustedIssuer>,
}

impl fmt::Debug for TokenVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenVerifier({})", self.config.issuer)
    }
}

impl TokenVerifier {
    pub(super) fn new(config: TokenConfig, keys: SharedKeys, trusted: Vec<TrustedIssuer>) -> Self {
        Self {
            config,
            keys,
            trusted,
        }
    }

    /// Checks a token against the certificate on the connection.
    ///
    /// # Errors
    /// `UNAUTHENTICATED`, in the same words whatever is wrong; the log has the cause.
    pub fn verify(
        &self,
        token: &str,
        presented: Option<&CertThumbprint>,
        now: Timestamp,
    ) -> Result<VerifiedCredential> {
        self.check(token, presented, now)
            .map_err(Error::unauthenticated)
    }

    /// Whether the token names a key that is not known: another replica may have made it since.
    pub(crate) fn names_unknown_key(&self, token: &str) -> bool {
        token.len() <= MAX_LENGTH
            && header(token).is_ok_and(|header| {
                let own = self.keys.get();
                let mut trusted = self.trusted.iter().flat_map(|trusted| &trusted.keys);
                !own.iter().any(|key| key.kid() == header.kid)
                    && !trusted.any(|key| key.kid() == header.kid)
            })
    }

    pub(super) fn check(
        &self,
        token: &str,
        presented: Option<&CertThumbprint>,
        now: Timestamp,
    ) -> Result<VerifiedCredential, Refusal> {
        if token.len() > MAX_LENGTH {
            return Err(Refusal::TooLong);
        }
        let header = header(token)?;
        // The key is chosen by its id, and the algorithm by the key. Our own keys come first:
        // no other issuer can take over one of their ids.
        if let Some(own) = self.keys.get().iter().find(|key| key.kid() == header.kid) {
            if !own.accepted(now) {
                return Err(Refusal::RetiredKey);
            }
            let claims = self.claims(token, &header, own.check(), &self.config.issuer)?;
            return admit(&claims, presented, now);
        }
        // Two tenants' issuers may have keys of the same id: whichever key verifies counts.
        let mut refusal = Refusal::UnknownKey;
        for trusted in &self.trusted {
            for key in trusted.keys.iter().filter(|key| key.kid() == header.kid) {
                match self.claims(token, &header, key, &trusted.issuer) {
                    Ok(claims) => {
                        let credential = admit(&claims, presented, now)?;
                        return match credential.principal().home() {
                            Home::Tenant(home) if *home == trusted.tenant => Ok(credential),
                            _ => Err(Refusal::ForeignHome),
                        };
                    }
                    Err(other) => refusal = other,
                }
            }
        }
        Err(refusal)
    }

    /// The claims, once signature, issuer and audience hold.
    fn claims(
        &self,
        token: &str,
        header: &TokenHeader,
        key: &VerificationKey,
        issuer: &str,
    ) -> Result<Claims, Refusal> {
        if header.alg != format!("{:?}", key.algorithm()) {
            return Err(Refusal::Algorithm);
        }
        let mut validation = Validation::new(key.algorithm());
        validation.set_required_spec_claims(&["exp", "nbf", "aud", "iss", "sub"]);
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[&self.config.audience]);
        // The library would ask the machine's clock; `admit` asks ours.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        match jsonwebtoken::decode::<Claims>(token, key.key(), &validation) {
            Ok(data) => Ok(data.claims),
            Err(error) => Err(match error.kind() {
                ErrorKind::InvalidSignature => Refusal::Signature,
                ErrorKind::InvalidAlgorithm => Refusal::Algorithm,
                ErrorKind::InvalidIssuer => Refusal::Issuer,
                ErrorKind::InvalidAudience => Refusal::Audience,
                ErrorKind::Json(_) | ErrorKind::MissingRequiredClaim(_) => Refusal::Claims,
                _ => Refusal::Malformed,
            }),
        }
    }
}

fn header(token: &str) -> Result<TokenHeader, Refusal> {
    let mut parts = token.split('.');
    let (Some(header), Some(_), Some(_), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(Refusal::Malformed);
    };
    let json = URL_SAFE_NO_PAD
        .decode(header)
        .map_err(|_| Refusal::Malformed)?;
    let header: TokenHeader = serde_json::from_slice(&json).map_err(|_| Refusal::Header)?;
    match header.typ.as_deref() {
        None | Some("JWT" | "at+jwt") => Ok(header),
        Some(_) => Err(Refusal::Header),
    }
}

/// Times, certificate and principal of claims whose signature, issuer and audience hold.
fn admit(
    claims: &Claims,
    presented: Option<&CertThumbprint>,
    now: Timestamp,
) -> Result<VerifiedCredential, Refusal> {
    let leeway = LEEWAY.as_secs();
    let second = now.as_second();
    if second >= claims.exp.saturating_add(leeway) {
        return Err(Refusal::Expired);
    }
    if claims.nbf > second.saturating_add(leeway) || claims.iat > second.saturating_add(leeway) {
        return Err(Refusal::NotYet);
    }
    let lifetime = claims.exp.saturating_sub(claims.nbf);
    if lifetime <= 0 || lifetime > (MAX_LIFETIME + LEEWAY).as_secs() {
        return Err(Refusal::Lifetime);
    }
    let expires = Timestamp::from_second(claims.exp).map_err(|_| Refusal::Lifetime)?;

    let presented = presented.ok_or(Refusal::NoCertificate)?;
    if presented.to_base64url() != claims.cnf.thumbprint {
        return Err(Refusal::OtherCertificate);
    }
    let principal = principal(claims).ok_or(Refusal::Principal)?;
    Ok(VerifiedCredential::new(
        principal,
        *presented,
        Proof::Token,
        expires,
    ))
}

fn principal(claims: &Claims) -> Option<Principal> {
    Principal::new(
        claims.cid.parse().ok()?,
        claims.sub.as_str(),
        claims.home.parse().ok()?,
        claims.role.parse().ok()?,
    )
    .ok()
}
