//! Profiles: what a caller needs to be let in, in one file.

mod endpoints;

use std::fmt;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

pub(crate) use self::endpoints::Address;
use crate::error::{Error, Reason, Result};

/// Where the servers are, who they must be, and who calls.
///
/// A profile is a TOML file that only its owner may read, since it holds the private key:
///
/// ```toml
/// endpoint = "https://cordon.example.net:7443"
/// tenant = "acme"
/// role = "reader"
/// subject = "jane@acme.example"
/// ca = """
/// -----BEGIN CERTIFICATE-----
/// …"""
/// certificate = "…"
/// key = "…"
/// ```
///
/// An installation of several servers is named by all of them, up to 64:
///
/// ```toml
/// endpoints = ["https://a.example.net:7443", "https://b.example.net:7443"]
/// ```
///
/// Calls are then spread over those that can be reached, and go on at another when one fails. A
/// profile of one endpoint is written as `endpoint`, which older clients read as well.
///
/// ```
/// # use cordon_client::Profile;
/// # fn main() -> cordon_client::Result<()> {
/// let profile = Profile::parse(r#"
///     endpoint = "127.0.0.1:7443"
///     tenant = "acme"
///     role = "reader"
///     subject = "jane"
///     ca = "…"
///     certificate = "…"
///     key = "…"
/// "#)?;
/// assert_eq!(profile.endpoints, ["https://127.0.0.1:7443"]);
/// assert!(!format!("{profile:?}").contains("key"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Profile {
    /// Where the servers listen, each as `https://host:port`; at least one, at most 64. All are
    /// of one installation.
    pub endpoints: Vec<String>,
    /// The name that every server's certificate must have; if none, each must have the name of
    /// the host that it is called at.
    pub server_name: Option<String>,
    /// The tenant that the credential belongs to, without `tenants/`; none for staff and sources.
    pub tenant: Option<String>,
    /// The source that the credential belongs to, without `sources/`; none for people.
    pub source: Option<String>,
    /// The credential's role, as in `reader`. For information: the server knows better.
    pub role: String,
    /// Who the credential was issued to.
    pub subject: String,
    /// Certificates of the authorities that the server's certificate is checked against, PEM.
    pub ca: String,
    /// The credential's certificate, with intermediates if any, PEM.
    pub certificate: String,
    /// The private key that belongs to the certificate, PKCS #8 in PEM.
    pub key: SecretString,
}

/// Names the profile without its certificates, and never its key.
impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Profile")
            .field("endpoints", &self.endpoints)
            .field("tenant", &self.tenant)
            .field("source", &self.source)
            .field("role", &self.role)
            .field("subject", &self.subject)
            .finish_non_exhaustive()
    }
}

/// The file's form. Keys that a newer version wrote are passed over.
#[derive(Serialize)]
struct Stored<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoints: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'a str>,
    role: &'a str,
    subject: &'a str,
    ca: &'a str,
    certificate: &'a str,
    key: &'a str,
}

/// The same with values of its own, for reading: TOML's escapes can't be borrowed.
#[derive(Deserialize)]
struct Loaded {
    endpoint: Option<String>,
    #[serde(default)]
    endpoints: Vec<String>,
    server_name: Option<String>,
    tenant: Option<String>,
    source: Option<String>,
    #[serde(default)]
    role: String,
    #[serde(default)]
    subject: String,
    ca: String,
    certificate: String,
    key: SecretString,
}

/// From when to when a certificate holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// First moment.
    pub not_before: Timestamp,
    /// Last moment.
    pub not_after: Timestamp,
}

impl Validity {
    /// Whether less than a third of the time is left, so that the certificate should be renewed.
    #[must_use]
    pub fn renewal_due(&self, now: Timestamp) -> bool {
        let whole = self.not_after.duration_since(self.not_before);
        self.not_after.duration_since(now) < whole / 3
    }
}

impl Profile {
    /// Reads a profile from a file.
    ///
    /// # Errors
    ///
    /// `IO` when the file can't be read, `INVALID_PROFILE` when it is no profile.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path)
            .map_err(|error| Error::new(Reason::Io, format!("{}: {error}", path.display())))?;
        let text = SecretString::from(text);
        Self::parse(text.expose_secret()).map_err(|error| {
            Error::new(
                error.reason().clone(),
                format!("{}: {}", path.display(), error.message()),
            )
        })
    }

    /// Reads a profile from its text.
    ///
    /// # Errors
    ///
    /// `INVALID_PROFILE` when a key is missing or a value can't be used.
    pub fn parse(text: &str) -> Result<Self> {
        // The parser's own message quotes the file, key included: only its gist is kept.
        let loaded: Loaded = toml::from_str(text).map_err(|error| invalid(error.message()))?;
        let plain = |value: Option<String>, collection: &str| {
            value
                .map(|value| value.strip_prefix(collection).unwrap_or(&value).to_owned())
                .filter(|value| !value.is_empty())
        };
        Ok(Self {
            endpoints: endpoints::normal(loaded.endpoint.iter().chain(&loaded.endpoints))?,
            server_name: loaded.server_name.filter(|name| !name.is_empty()),
            tenant: plain(loaded.tenant, "tenants/"),
            source: plain(loaded.source, "sources/"),
            role: loaded.role,
            subject: loaded.subject,
            ca: loaded.ca,
            certificate: loaded.certificate,
            key: loaded.key,
        })
    }

    /// The profile as TOML, its key included.
    ///
    /// # Errors
    ///
    /// `INVALID_PROFILE` when a value can't be written as TOML.
    pub fn to_toml(&self) -> Result<SecretString> {
        let (endpoint, endpoints) = match self.endpoints.as_slice() {
            [only] => (Some(only.as_str()), None),
            several => (None, Some(several)),
        };
        toml::to_string_pretty(&Stored {
            endpoint,
            endpoints,
            server_name: self.server_name.as_deref(),
            tenant: self.tenant.as_deref(),
            source: self.source.as_deref(),
            role: &self.role,
            subject: &self.subject,
            ca: &self.ca,
            certificate: &self.certificate,
            key: self.key.expose_secret(),
        })
        .map(SecretString::from)
        .map_err(|_| invalid("the profile can't be written as TOML"))
    }

    /// Writes the profile to a file that only its owner may read, in one step: whoever reads it
    /// meanwhile finds the old one or the new one.
    ///
    /// # Errors
    ///
    /// `IO` when the file can't be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let text = self.to_toml()?;
        write_private(path, text.expose_secret().as_bytes())
            .map_err(|error| Error::new(Reason::Io, format!("{}: {error}", path.display())))
    }

    /// From when to when the profile's certificate holds.
    ///
    /// # Errors
    ///
    /// `INVALID_PROFILE` when the certificate can't be read.
    pub fn validity(&self) -> Result<Validity> {
        let chain = self.chain()?;
        let leaf = chain
            .first()
            .ok_or_else(|| invalid("certificate: holds none"))?;
        let (_, certificate) = x509_parser::parse_x509_certificate(leaf)
            .map_err(|error| invalid(format!("certificate: {error}")))?;
        let time = |time: x509_parser::time::ASN1Time| {
            Timestamp::from_second(time.timestamp())
                .map_err(|error| invalid(format!("certificate: {error}")))
        };
        Ok(Validity {
            not_before: time(certificate.validity().not_before)?,
            not_after: time(certificate.validity().not_after)?,
        })
    }

    pub(crate) fn authorities(&self) -> Result<Vec<CertificateDer<'static>>> {
        certificates("ca", &self.ca)
    }

    pub(crate) fn chain(&self) -> Result<Vec<CertificateDer<'static>>> {
        certificates("certificate", &self.certificate)
    }

    pub(crate) fn private_key(&self) -> Result<PrivateKeyDer<'static>> {
        PrivateKeyDer::from_pem_slice(self.key.expose_secret().as_bytes())
            .map_err(|_| invalid("key: no private key in PEM"))
    }
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(Reason::InvalidProfile, message)
}

fn certificates(key: &str, pem: &str) -> Result<Vec<CertificateDer<'static>>> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(invalid(format!("{key}: no certificate in PEM"))),
    }
}

/// Writes a file beside the target, readable by its owner alone from the first byte on, and
/// moves it into place.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let beside = beside(path)?;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let written = options.open(&beside).and_then(|mut file| {
        file.write_all(content)?;
        file.sync_all()?;
        std::fs::rename(&beside, path)
    });
    if written.is_err() {
        // Nothing more can be done about a left-over than to try.
        let _ = std::fs::remove_file(&beside);
    }
    written
}

/// A name for the unfinished file, in the same folder.
fn beside(path: &Path) -> std::io::Result<PathBuf> {
    let name = path
        .file_name()
        .ok_or(std::io::ErrorKind::InvalidFilename)?;
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{}.new", std::process::id()));
    Ok(path.with_file_name(hidden))
}

#[cfg(test)]
pub(crate) mod tests;
