//! `[attachments]`.

use anyhow::bail;
use serde::Deserialize;

/// Longest attachment that can be allowed: it is hashed within one call.
const LONGEST: u64 = 4 << 30;

/// How much of files a tenant may keep with its incidents, in bytes.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Attachments {
    /// Longest attachment; at most 4 GiB.
    pub max_bytes: u64,
    /// Most of all attachments of an incident, those that are still being sent too.
    pub max_incident_bytes: u64,
    /// Most of all attachments of a tenant.
    pub max_tenant_bytes: u64,
    /// Most of all that a tenant has announced and not finished.
    pub max_unfinished_bytes: u64,
}

impl Default for Attachments {
    fn default() -> Self {
        Self {
            max_bytes: 256 << 20,
            max_incident_bytes: 2 << 30,
            max_tenant_bytes: 1 << 40,
            max_unfinished_bytes: 1 << 30,
        }
    }
}

impl Attachments {
    pub(super) fn validate(&self) -> anyhow::Result<()> {
        if !(1..=LONGEST).contains(&self.max_bytes) {
            bail!("attachments.max_bytes: from 1 to {LONGEST}");
        }
        let most = i64::MAX.unsigned_abs();
        for (name, bytes) in [
            ("max_incident_bytes", self.max_incident_bytes),
            ("max_tenant_bytes", self.max_tenant_bytes),
            ("max_unfinished_bytes", self.max_unfinished_bytes),
        ] {
            if bytes < self.max_bytes || bytes > most {
                bail!("attachments.{name}: at least max_bytes, at most {most}");
            }
        }
        Ok(())
    }
}
