//! Certificates: the server's own authority, which issues them to servers and clients, and the
//! reading of a client's certificate.
//!
//! Keys are ECDSA on P-256, which every TLS stack speaks (Ed25519 certificates are refused by
//! BoringSSL, and with it by most gRPC clients). Signatures are deterministic (RFC 6979), so that
//! with injected randomness the same request makes the same certificate.

use jiff::{SignedDuration, Timestamp};
use p256::SecretKey;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{DerSignature, SigningKey};
use p256::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, LineEnding};
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertificateSigningRequestParams,
    DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyUsagePurpose,
    PublicKeyData, SanType, SerialNumber, SubjectPublicKeyInfo,
};
use secrecy::{ExposeSecret as _, SecretString};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::X509Certificate;

use super::action::Action;
use super::credential::CertThumbprint;
use super::permit::Permit;
use super::principal::Principal;
use crate::clock::Env;
use crate::error::{Error, Result};
use crate::ids::CredentialId;

/// How long a client's certificate is valid.
pub const CLIENT_VALIDITY: SignedDuration = SignedDuration::from_hours(90 * 24);
/// How long a server's certificate is valid.
pub const SERVER_VALIDITY: SignedDuration = SignedDuration::from_hours(90 * 24);
/// How long the authority's own certificate is valid: ten years.
pub const AUTHORITY_VALIDITY: SignedDuration = SignedDuration::from_hours(3_652 * 24);

/// Certificates begin a little in the past, for peers whose clock is behind.
const BACKDATED: SignedDuration = SignedDuration::from_secs(60);
/// In the subject alternative name of a client's certificate, before the credential's id.
const CREDENTIAL_URI: &str = "urn:cordon:credential:";
/// Longest common name (X.520 `ub-common-name`), in characters.
const MAX_COMMON_NAME: usize = 64;

/// Where the public key of a new client certificate comes from.
#[derive(Debug, Clone, Copy)]
pub enum ClientKey<'a> {
    /// The authority makes the pair and hands out the private key, once.
    Generate,
    /// From a certificate signing request (PKCS #10, PEM), which proves possession of the key.
    /// Nothing else is taken from it.
    Request(&'a str),
    /// The key of the certificate (DER) that the caller presents on this very connection.
    Same(&'a [u8]),
}

/// A certificate for a client, as issued.
#[derive(Debug)]
pub struct ClientCertificate {
    /// The certificate, PEM.
    pub certificate_pem: String,
    /// The private key (PKCS #8, PEM), when the authority made it. Not kept anywhere else.
    pub key_pem: Option<SecretString>,
    /// The certificate's thumbprint.
    pub thumbprint: CertThumbprint,
    /// When it ends.
    pub not_after: Timestamp,
}

/// A certificate with its private key, as issued to a server.
#[derive(Debug)]
pub struct ServerCertificate {
    /// The certificate, PEM.
    pub certificate_pem: String,
    /// The private key (PKCS #8, PEM).
    pub key_pem: SecretString,
    /// When it ends.
    pub not_after: Timestamp,
}

/// What a client's certificate says, once it is known to be ours and in force.
#[derive(Debug)]
pub(crate) struct PeerCertificate {
    credential: CredentialId,
    thumbprint: CertThumbprint,
    not_after: Timestamp,
}

impl PeerCertificate {
    pub(crate) fn credential(&self) -> &CredentialId {
        &self.credential
    }

    pub(crate) fn thumbprint(&self) -> &CertThumbprint {
        &self.thumbprint
    }

    pub(crate) fn not_after(&self) -> Timestamp {
        self.not_after
    }
}

/// The server's own certificate authority.
pub struct Authority {
    env: Env,
    issuer: Issuer<'static, P256Key>,
    certificate_pem: String,
    certificate_der: Vec<u8>,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Authority")
    }
}

impl Authority {
    /// Makes a new authority called `name`, valid for [`AUTHORITY_VALIDITY`].
    ///
    /// # Errors
    /// `INTERNAL` when a key or certificate can't be made.
    pub fn create(env: Env, name: &str) -> Result<Self> {
        let key = P256Key::generate(&env)?;
        let (mut params, _) = params(&env, name, AUTHORITY_VALIDITY)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key).map_err(Error::internal)?;
        Ok(Self {
            env,
            issuer: Issuer::new(params, key),
            certificate_pem: certificate.pem(),
            certificate_der: certificate.der().to_vec(),
        })
    }

    /// Loads an authority from its certificate and private key (PKCS #8), both PEM.
    ///
    /// # Errors
    /// `INTERNAL` when either can't be read, is no authority's, or they do not belong together.
    pub fn load(env: Env, certificate_pem: &str, key_pem: &SecretString) -> Result<Self> {
        let key = P256Key::from_pem(key_pem)?;
        let (_, pem) = x509_parser::pem::parse_x509_pem(certificate_pem.as_bytes())
            .map_err(|e| Error::internal(format!("authority certificate: {e}")))?;
        let certificate = pem
            .parse_x509()
            .map_err(|e| Error::internal(format!("authority certificate: {e}")))?;
        if certificate.public_key().subject_public_key.data != key.der_bytes() {
            return Err(Error::internal("authority: key and certificate differ"));
        }
        if !certificate.is_ca() {
            return Err(Error::internal(
                "authority: the certificate is no authority's",
            ));
        }
        let der = pem.contents.clone();
        let issuer = Issuer::from_ca_cert_der(&der.as_slice().into(), key)
            .map_err(|e| Error::internal(format!("authority certificate: {e}")))?;
        Ok(Self {
            env,
            issuer,
            certificate_pem: certificate_pem.to_owned(),
            certificate_der: der,
        })
    }

    /// The authority's certificate, PEM: what clients and servers trust.
    #[must_use]
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// The authority's certificate, DER.
    #[must_use]
    pub fn certificate_der(&self) -> &[u8] {
        &self.certificate_der
    }

    /// The private key (PKCS #8, PEM), for the kernel to seal and store.
    ///
    /// # Errors
    /// `INTERNAL` when it can't be encoded.
    pub(crate) fn key_pem(&self) -> Result<SecretString> {
        self.issuer.key().to_pem()
    }

    /// Issues a server certificate for DNS names and IP addresses, valid for
    /// [`SERVER_VALIDITY`]. It can't be used as a client's.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` for no names or one that is none; `INTERNAL` when signing fails.
    pub fn issue_server(&self, names: &[String]) -> Result<ServerCertificate> {
        let Some(first) = names.first() else {
            return Err(Error::invalid(
                "names",
                "expected at least one name or address",
            ));
        };
        let (mut params, not_after) = params(&self.env, first, SERVER_VALIDITY)?;
        params.subject_alt_names = CertificateParams::new(names)
            .map_err(|_| Error::invalid("names", "expected DNS names and IP addresses"))?
            .subject_alt_names;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let key = P256Key::generate(&self.env)?;
        let certificate = self.sign(&params, &key)?;
        Ok(ServerCertificate {
            certificate_pem: certificate.pem(),
            key_pem: key.to_pem()?,
            not_after,
        })
    }

    /// Issues a client certificate that stands for `principal`'s credential, valid for
    /// [`CLIENT_VALIDITY`]. The permit has to be one to issue, or to renew that very
    /// credential, or to make the first operator.
    ///
    /// # Errors
    /// `PERMISSION_DENIED` for a permit to anything else, or of another tenant;
    /// `INVALID_ARGUMENT` for a request that can't be read or does not prove its key;
    /// `INTERNAL` when signing fails.
    pub fn issue_client(
        &self,
        permit: &Permit,
        principal: &Principal,
        key: ClientKey<'_>,
    ) -> Result<ClientCertificate> {
        let issues = matches!(
            permit.action(),
            Action::IssueCredential | Action::RenewCredential | Action::Bootstrap
        );
        if !issues || !permit.covers_principal(principal) {
            return Err(Error::permission_denied());
        }
        let (mut params, not_after) = params(&self.env, principal.subject(), CLIENT_VALIDITY)?;
        params
            .distinguished_name
            .push(DnType::OrganizationName, principal.home().to_string());
        let uri = format!("{CREDENTIAL_URI}{}", principal.credential());
        params.subject_alt_names = vec![SanType::URI(uri.try_into().map_err(Error::internal)?)];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;

        let (certificate, key_pem) = match key {
            ClientKey::Generate => {
                let key = P256Key::generate(&self.env)?;
                (self.sign(&params, &key)?, Some(key.to_pem()?))
            }
            ClientKey::Request(pem) => {
                // Checks the request's own signature, which proves possession of the key.
                let request = CertificateSigningRequestParams::from_pem(pem).map_err(|_| {
                    Error::invalid(
                        "certificate_request",
                        "expected a PKCS #10 request in PEM, signed by its key",
                    )
                })?;
                (self.sign(&params, &request.public_key)?, None)
            }
            ClientKey::Same(der) => {
                let (_, old) = x509_parser::parse_x509_certificate(der)
                    .map_err(|_| Error::unauthenticated("unreadable certificate"))?;
                let public = SubjectPublicKeyInfo::from_der(old.public_key().raw)
                    .map_err(|_| Error::unauthenticated("unreadable public key"))?;
                (self.sign(&params, &public)?, None)
            }
        };
        Ok(ClientCertificate {
            thumbprint: CertThumbprint::of(certificate.der()),
            certificate_pem: certificate.pem(),
            key_pem,
            not_after,
        })
    }

    /// Reads a client's certificate. TLS has verified the chain already; this does it once more,
    /// because the rest of the server trusts the answer.
    ///
    /// # Errors
    /// `UNAUTHENTICATED`, always in the same words.
    pub(crate) fn identify(&self, der: &[u8], now: Timestamp) -> Result<PeerCertificate> {
        self.read(der, now).map_err(Error::unauthenticated)
    }

    fn read(&self, der: &[u8], now: Timestamp) -> Result<PeerCertificate, &'static str> {
        let (rest, certificate) =
            x509_parser::parse_x509_certificate(der).map_err(|_| "unreadable certificate")?;
        if !rest.is_empty() {
            return Err("bytes after the certificate");
        }
        let (_, authority) = x509_parser::parse_x509_certificate(&self.certificate_der)
            .map_err(|_| "unreadable authority")?;
        if certificate.issuer().as_raw() != authority.subject().as_raw() {
            return Err("certificate of another issuer");
        }
        // RFC 5280, 4.1.1.2: the unsigned naming of the algorithm equals the signed one.
        if certificate.signature_algorithm != certificate.tbs_certificate.signature
            || certificate.signature_value.unused_bits != 0
        {
            return Err("certificate not signed by our authority");
        }
        certificate
            .verify_signature(Some(authority.public_key()))
            .map_err(|_| "certificate not signed by our authority")?;

        let time = |t: x509_parser::time::ASN1Time| Timestamp::from_second(t.timestamp());
        let not_before = time(certificate.validity().not_before).map_err(|_| "no validity")?;
        let not_after = time(certificate.validity().not_after).map_err(|_| "no validity")?;
        if now < not_before || now >= not_after {
            return Err("certificate not in force");
        }
        match certificate.extended_key_usage() {
            Ok(Some(usage)) if usage.value.client_auth => {}
            _ => return Err("no client's certificate"),
        }
        Ok(PeerCertificate {
            credential: credential_of(&certificate)?,
            thumbprint: CertThumbprint::of(der),
            not_after,
        })
    }

    fn sign(&self, params: &CertificateParams, key: &impl PublicKeyData) -> Result<Certificate> {
        params.signed_by(key, &self.issuer).map_err(Error::internal)
    }
}

/// The credential that a certificate stands for: its one alternative name.
fn credential_of(certificate: &X509Certificate<'_>) -> Result<CredentialId, &'static str> {
    let names = match certificate.subject_alternative_name() {
        Ok(Some(extension)) => extension.value,
        _ => return Err("no alternative name"),
    };
    match names.general_names.as_slice() {
        [GeneralName::URI(uri)] => uri
            .strip_prefix(CREDENTIAL_URI)
            .and_then(|id| id.parse().ok())
            .ok_or("no credential in the alternative name"),
        _ => Err("not exactly one alternative name"),
    }
}

/// What all certificates have in common: a random serial number, the name, the validity.
fn params(
    env: &Env,
    common_name: &str,
    validity: SignedDuration,
) -> Result<(CertificateParams, Timestamp)> {
    // Whole seconds are all that a certificate can say.
    let now = Timestamp::from_second(env.now().as_second()).map_err(Error::internal)?;
    let not_before = now.checked_sub(BACKDATED).map_err(Error::internal)?;
    let not_after = now.checked_add(validity).map_err(Error::internal)?;

    let mut serial = env.bytes::<16>();
    serial[0] = (serial[0] & 0x7f) | 0x40; // positive, and always 16 bytes

    let mut params = CertificateParams::default();
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(
        DnType::CommonName,
        common_name
            .chars()
            .take(MAX_COMMON_NAME)
            .collect::<String>(),
    );
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    let date = |at: Timestamp| {
        let seconds = u64::try_from(at.as_second()).map_err(Error::internal)?;
        std::time::Duration::from_secs(seconds)
            .try_into()
            .ok()
            .and_then(|since| epoch.checked_add(since))
            .ok_or_else(|| Error::internal("a time that no certificate can say"))
    };
    params.not_before = date(not_before)?;
    params.not_after = date(not_after)?;
    Ok((params, not_after))
}

/// A private key on P-256.
struct P256Key {
    signing: SigningKey,
    public: Vec<u8>,
}

impl P256Key {
    fn generate(env: &Env) -> Result<Self> {
        // One try in 2^32 is no scalar of the curve; several in a row mean broken randomness.
        for _ in 0..8 {
            let bytes = zeroize::Zeroizing::new(env.bytes::<32>());
            if let Ok(secret) = SecretKey::from_slice(&*bytes) {
                return Ok(Self::new(&secret));
            }
        }
        Err(Error::internal("no key can be made of this randomness"))
    }

    fn new(secret: &SecretKey) -> Self {
        let signing = SigningKey::from(secret);
        let public = signing
            .verifying_key()
            .to_encoded_point(false)
            .as_bytes()
            .to_vec();
        Self { signing, public }
    }

    fn from_pem(pem: &SecretString) -> Result<Self> {
        let secret = SecretKey::from_pkcs8_pem(pem.expose_secret())
            .map_err(|e| Error::internal(format!("authority key: {e}")))?;
        Ok(Self::new(&secret))
    }

    fn to_pem(&self) -> Result<SecretString> {
        let pem = self
            .signing
            .to_pkcs8_pem(LineEnding::LF)
            .map_err(Error::internal)?;
        Ok(SecretString::from(pem.as_str().to_owned()))
    }
}

impl PublicKeyData for P256Key {
    fn der_bytes(&self) -> &[u8] {
        &self.public
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}

impl rcgen::SigningKey for P256Key {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let signature: DerSignature = self
            .signing
            .try_sign(message)
            .map_err(|_| rcgen::Error::RemoteKeyError)?;
        Ok(signature.as_bytes().to_vec())
    }
}

#[cfg(test)]
mod tests;
