//! The egress guard. A tenant names a place; the guard says whether anything is sent there, and to
//! which address. The name is resolved once, the address that was looked at is the address that is
//! connected to, and nothing else on the way is followed: no redirect, no proxy.

pub mod address;
mod connect;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use url::{Host, Url};

use crate::Failure;
pub use connect::Stream;

/// Longest URL, in bytes.
pub const MAX_URL: usize = 2_048;
/// Most addresses of a name that are tried.
const MAX_TRIED: usize = 4;

/// What the provider says about the way out.
#[derive(Debug, Clone)]
pub struct GuardConfig {
    /// Addresses that are let through though they are not public: receivers within the provider's
    /// own network.
    pub allow: Vec<IpNet>,
    /// Whether `http://` is taken too. It is only for addresses in `allow`.
    pub plain_http: bool,
    /// Certificate authorities that are trusted besides the system's.
    pub authorities: Vec<CertificateDer<'static>>,
    /// How long one attempt to connect may take.
    pub connect: Duration,
    /// How long all of it may take, from the name to the answer.
    pub total: Duration,
    /// Names that are not asked of DNS.
    pub names: BTreeMap<String, Vec<IpAddr>>,
}

impl Default for GuardConfig {
    fn default() -> Self {
        Self {
            allow: Vec::new(),
            plain_http: false,
            authorities: Vec::new(),
            connect: Duration::from_secs(5),
            total: Duration::from_secs(10),
            names: BTreeMap::new(),
        }
    }
}

/// Lets out what may go out.
#[derive(Debug, Clone)]
pub struct Guard {
    config: Arc<GuardConfig>,
    tls: Arc<rustls::ClientConfig>,
}

/// A place that is named well. That it may be reached is known only once its name is resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    url: Url,
    port: u16,
}

impl Destination {
    /// The place without what may be a secret: scheme, host and port, as in `https://example.com`.
    #[must_use]
    pub fn origin(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// The host, as a certificate names it.
    fn host(&self) -> String {
        match self.url.host() {
            Some(Host::Domain(name)) => name.to_owned(),
            Some(Host::Ipv4(ip)) => ip.to_string(),
            Some(Host::Ipv6(ip)) => ip.to_string(),
            None => String::new(),
        }
    }

    /// `HOST[:PORT]`, for the header.
    pub(crate) fn authority(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        match self.url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }

    /// Path and query.
    pub(crate) fn path(&self) -> String {
        match self.url.query() {
            Some(query) => format!("{}?{query}", self.url.path()),
            None => self.url.path().to_owned(),
        }
    }
}

impl Guard {
    /// A guard with the system's certificate authorities and those of the configuration.
    ///
    /// # Errors
    /// When a configured authority is none.
    pub fn new(config: GuardConfig) -> Result<Self, rustls::Error> {
        let tls = rustls::ClientConfig::builder_with_provider(Arc::new(
            rustls::crypto::ring::default_provider(),
        ))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots(&config.authorities)?)
        .with_no_client_auth();
        Ok(Self {
            config: Arc::new(config),
            tls: Arc::new(tls),
        })
    }

    /// How long a delivery may take.
    #[must_use]
    pub fn total(&self) -> Duration {
        self.config.total
    }

    /// Reads a URL that a tenant supplied. Addresses that are written out are looked at here
    /// already; those of a name when something is sent.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn destination(&self, text: &str) -> Result<Destination, &'static str> {
        if text.len() > MAX_URL {
            return Err("expected at most 2,048 bytes");
        }
        let url = Url::parse(text).map_err(|_| "expected a URL as in https://example.com/hook")?;
        match url.scheme() {
            "https" => {}
            "http" if self.config.plain_http => {}
            _ => return Err("expected https://"),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("expected no user and no password before the host");
        }
        if url.fragment().is_some() {
            return Err("expected no fragment");
        }
        let port = match url.port_or_known_default() {
            None | Some(0) => return Err("expected a port from 1 on"),
            Some(port) => port,
        };
        let ip = match url.host() {
            None => return Err("expected a host"),
            Some(Host::Domain(_)) => None,
            Some(Host::Ipv4(ip)) => Some(IpAddr::V4(ip)),
            Some(Host::Ipv6(ip)) => Some(IpAddr::V6(ip)),
        };
        let destination = Destination { url, port };
        if ip.is_some_and(|ip| !self.lets_through(&destination, ip)) {
            return Err("expected a public address");
        }
        Ok(destination)
    }

    fn is_allowed(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        self.config.allow.iter().any(|net| net.contains(&ip))
    }

    fn lets_through(&self, to: &Destination, ip: IpAddr) -> bool {
        self.is_allowed(ip) || (to.is_https() && address::is_public(ip))
    }

    /// The addresses of a place. One that is not let through rules out all: a name that leads
    /// inside as well as outside is no accident.
    ///
    /// # Errors
    /// [`Failure::Unresolved`] and [`Failure::Address`].
    pub async fn addresses(&self, to: &Destination) -> Result<Vec<SocketAddr>, Failure> {
        let host = to.host();
        let known = self.config.names.get(host.trim_end_matches('.'));
        let found: Vec<SocketAddr> = match (known, host.parse::<IpAddr>()) {
            (Some(ips), _) => ips.iter().map(|ip| SocketAddr::new(*ip, to.port)).collect(),
            (None, Ok(ip)) => vec![SocketAddr::new(ip, to.port)],
            (None, Err(_)) => tokio::net::lookup_host((host.as_str(), to.port))
                .await
                .map_err(|_| Failure::Unresolved)?
                .collect(),
        };
        if found.is_empty() {
            return Err(Failure::Unresolved);
        }
        match found.iter().all(|at| self.lets_through(to, at.ip())) {
            true => Ok(found.into_iter().take(MAX_TRIED).collect()),
            false => Err(Failure::Address),
        }
    }
}

/// The system's certificate authorities, and these.
pub(crate) fn roots(more: &[CertificateDer<'static>]) -> Result<RootCertStore, rustls::Error> {
    let mut roots = RootCertStore::empty();
    // One that can't be read is not trusted; that none can be is told by `check`.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    for authority in more {
        roots.add(authority.clone())?;
    }
    Ok(roots)
}

/// How many certificate authorities the system has.
#[must_use]
pub fn system_authorities() -> usize {
    rustls_native_certs::load_native_certs().certs.len()
}
