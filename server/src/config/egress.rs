//! `[egress]`.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use cordon_courier::{Guard, GuardConfig};
use ipnet::IpNet;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// Longest time for one delivery, in seconds.
const LONGEST: u64 = 60;

/// The way out, to places that tenants name. Public addresses are reached, and no others.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Egress {
    /// Networks that are reached too, though they are not public. They are open to every tenant.
    #[serde(deserialize_with = "networks")]
    pub allow: Vec<IpNet>,
    /// Whether `http://` is taken as well, within `allow` alone.
    pub plain_http: bool,
    /// Certificate authorities, in PEM, that are trusted besides the system's.
    pub ca: Option<PathBuf>,
    /// How long one attempt to connect may take.
    pub connect_seconds: u64,
    /// How long a delivery may take, from the name to the answer.
    pub total_seconds: u64,
}

impl Default for Egress {
    fn default() -> Self {
        Self {
            allow: Vec::new(),
            plain_http: false,
            ca: None,
            connect_seconds: 5,
            total_seconds: 10,
        }
    }
}

impl Egress {
    pub(super) fn validate(&self) -> anyhow::Result<()> {
        let times = [self.connect_seconds, self.total_seconds];
        if !times.iter().all(|time| (1..=LONGEST).contains(time)) {
            bail!("egress.connect_seconds and egress.total_seconds: from 1 to {LONGEST}");
        }
        Ok(())
    }

    pub(super) fn guard(&self) -> anyhow::Result<Guard> {
        let authorities = match &self.ca {
            None => Vec::new(),
            Some(path) => authorities(path).context("egress.ca")?,
        };
        let config = GuardConfig {
            allow: self.allow.clone(),
            plain_http: self.plain_http,
            authorities,
            connect: Duration::from_secs(self.connect_seconds),
            total: Duration::from_secs(self.total_seconds),
            ..GuardConfig::default()
        };
        Guard::new(config).context("egress.ca")
    }
}

fn networks<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<IpNet>, D::Error> {
    let texts = Vec::<String>::deserialize(from)?;
    let read = |text: &String| {
        let net = text.parse();
        net.map_err(|_| {
            D::Error::custom(format!(
                "expected a network as in 10.0.0.0/24, not {text:?}"
            ))
        })
    };
    texts.iter().map(read).collect()
}

/// The certificates of a PEM file.
pub(super) fn authorities(path: &std::path::Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path)
        .with_context(|| format!("can't read {}", path.display()))?
        .collect();
    let found = found.with_context(|| format!("{} is no PEM file", path.display()))?;
    if found.is_empty() {
        bail!("{} has no certificates", path.display());
    }
    Ok(found)
}
