//! `[objects]`.

use std::path::PathBuf;

use anyhow::bail;
use serde::Deserialize;

use super::SecretFrom;

/// The objects: sealed segments.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Objects {
    /// A local folder; unset means `objects` in the data folder.
    pub path: Option<PathBuf>,
    /// A bucket instead of the folder.
    pub s3: Option<S3>,
    /// Rows at which a tenant's journal is sealed into a segment.
    pub seal_rows: Option<u64>,
    /// Blocks, one a batch, at which it is sealed with fewer rows.
    pub seal_blocks: Option<u64>,
    /// Hours after which it is sealed even with fewer.
    pub seal_hours: Option<i64>,
}

/// A bucket of an S3-compatible store.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct S3 {
    /// Its name.
    pub bucket: String,
    /// Its region; stores that have none take any.
    #[serde(default = "any_region")]
    pub region: String,
    /// `https://…` of a store that is not Amazon's; `http://` for this machine alone.
    pub endpoint: Option<String>,
    /// Where the access key comes from; as `keys.secret`. Unset with `secret_key` means what the
    /// environment or the machine's role gives.
    pub access_key: Option<SecretFrom>,
    /// Where its secret comes from.
    pub secret_key: Option<SecretFrom>,
}

fn any_region() -> String {
    "us-east-1".into()
}

impl Objects {
    pub(super) fn validate(&self) -> anyhow::Result<()> {
        if self.seal_rows == Some(0)
            || self.seal_blocks == Some(0)
            || self.seal_hours.is_some_and(|hours| hours < 1)
        {
            bail!("objects.seal_rows, objects.seal_blocks and objects.seal_hours: at least 1");
        }
        let Some(s3) = &self.s3 else { return Ok(()) };
        if self.path.is_some() {
            bail!("objects: either path or s3");
        }
        s3.validate("objects")
    }
}

impl S3 {
    /// Whether it fits together; `section` is where it stands.
    pub(super) fn validate(&self, section: &str) -> anyhow::Result<()> {
        if self.bucket.is_empty() {
            bail!("{section}.s3.bucket: expected a name");
        }
        if self.access_key.is_some() != self.secret_key.is_some() {
            bail!("{section}.s3: access_key and secret_key go together");
        }
        if let Some(endpoint) = &self.endpoint
            && !endpoint.starts_with("https://")
            && !self.is_on_this_machine()
        {
            bail!("{section}.s3.endpoint: expected https://HOST; http is for this machine alone");
        }
        Ok(())
    }

    /// Whether the endpoint is reached in plain over the loopback interface.
    #[must_use]
    pub fn is_on_this_machine(&self) -> bool {
        let host = self
            .endpoint
            .as_deref()
            .and_then(|endpoint| endpoint.strip_prefix("http://"))
            .map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
        // Nothing may stand before the host that could make another one of it.
        let host = host.filter(|host| !host.contains('@'));
        let name = host.map(|host| match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
            _ => host,
        });
        matches!(name, Some("127.0.0.1" | "localhost" | "[::1]"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_this_machine() {
        let at = |endpoint: &str| {
            let s3: S3 = toml::from_str(&format!("bucket = 'b'\nendpoint = {endpoint:?}")).unwrap();
            let objects = Objects {
                s3: Some(s3),
                ..Objects::default()
            };
            objects.validate().is_ok()
        };
        for good in [
            "https://s3.example",
            "http://127.0.0.1:9000",
            "http://localhost",
            "http://[::1]:9000/",
        ] {
            assert!(at(good), "{good}");
        }
        for bad in [
            "s3.example",
            "http://s3.example",
            "http://127.0.0.1.example",
            "http://127.0.0.1@s3.example",
            "http://localhost:80@s3.example/",
            "http://s3.example/127.0.0.1",
            "file:///tmp",
        ] {
            assert!(!at(bad), "{bad}");
        }
    }
}
