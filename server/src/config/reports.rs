//! `[reports]`.

use std::path::PathBuf;

use anyhow::bail;
use serde::Deserialize;

use super::S3;

/// Where final reports of months are put, besides being kept in the database: as they are, for
/// people and programs of the provider. Unset: nowhere.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Reports {
    /// A local folder.
    pub path: Option<PathBuf>,
    /// A bucket instead of the folder; a path in it is `{tenant}/{month}/{file}`, so that it should
    /// have nothing else in it.
    pub s3: Option<S3>,
}

impl Reports {
    pub(super) fn validate(&self) -> anyhow::Result<()> {
        if self.path.is_some() && self.s3.is_some() {
            bail!("reports: either path or s3");
        }
        self.s3.as_ref().map_or(Ok(()), |s3| s3.validate("reports"))
    }
}
