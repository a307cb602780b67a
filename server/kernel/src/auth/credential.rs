//! What authentication yields.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;

use super::principal::Principal;

/// The SHA-256 of a certificate's DER encoding (RFC 8705, `x5t#S256`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CertThumbprint([u8; 32]);

impl CertThumbprint {
    /// The thumbprint of a certificate in DER.
    #[must_use]
    pub fn of(der: &[u8]) -> Self {
        let digest = ring::digest::digest(&ring::digest::SHA256, der);
        let mut bytes = [0; 32];
        for (to, from) in bytes.iter_mut().zip(digest.as_ref()) {
            *to = *from;
        }
        Self(bytes)
    }

    /// As written in tokens: base64url without padding.
    #[must_use]
    pub fn to_base64url(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for CertThumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CertThumbprint({})", self.to_base64url())
    }
}

/// By what a caller was authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// By its certificate alone: reaches only what concerns the credential itself.
    Certificate,
    /// By a token bound to its certificate.
    Token,
}

/// A caller whose credential was verified. Only the kernel makes one, from a certificate or a
/// token; share it by `Arc`, it can't be cloned.
#[derive(Debug)]
pub struct VerifiedCredential {
    principal: Principal,
    thumbprint: CertThumbprint,
    proof: Proof,
    expires: Timestamp,
}

impl VerifiedCredential {
    pub(crate) fn new(
        principal: Principal,
        thumbprint: CertThumbprint,
        proof: Proof,
        expires: Timestamp,
    ) -> Self {
        Self {
            principal,
            thumbprint,
            proof,
            expires,
        }
    }

    /// Who it is.
    #[must_use]
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The certificate on the connection.
    #[must_use]
    pub fn thumbprint(&self) -> &CertThumbprint {
        &self.thumbprint
    }

    /// By what the caller was authenticated.
    #[must_use]
    pub fn proof(&self) -> Proof {
        self.proof
    }

    /// When the token (or the certificate, without one) ends.
    #[must_use]
    pub fn expires(&self) -> Timestamp {
        self.expires
    }
}
