//! `[database]`.

use std::path::Path;

use anyhow::{Context as _, bail};
use cordon_kernel::db::{DbConfig, RolePasswords};
use secrecy::SecretString;
use serde::Deserialize;

use super::SecretFrom;

/// The database.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Database {
    /// `sqlite:PATH`; or `postgres://HOST[:PORT]/DATABASE[?sslmode=verify-full]`, without user or
    /// password. Unset means `cordon.db` in the data folder.
    pub url: Option<String>,
    /// How PostgreSQL's serving roles log in, where they do by password.
    pub passwords: Passwords,
    /// Who migrates PostgreSQL; not needed for serving.
    pub owner: Option<Owner>,
    /// Connections for reading.
    pub readers: Option<u32>,
    /// MiB of dead letters kept per source.
    pub dead_letter_mib: Option<u64>,
}

/// Where the passwords of PostgreSQL's serving roles come from; as `keys.secret`. `migrate` gives
/// the roles these passwords.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Passwords {
    /// `cordon_app`: one tenant at a time.
    pub app: Option<SecretFrom>,
    /// `cordon_ingest`: what a flush of events writes.
    pub ingest: Option<SecretFrom>,
    /// `cordon_provider`: the provider's registers.
    pub provider: Option<SecretFrom>,
    /// `cordon_kernel`: keys, claims, quarantine, logs.
    pub kernel: Option<SecretFrom>,
}

/// The role that owns the database.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Owner {
    /// Its name.
    pub name: String,
    /// Where its password comes from, if it logs in by one.
    pub password: Option<SecretFrom>,
}

impl Database {
    /// The URL, for a data folder.
    #[must_use]
    pub fn url(&self, data_dir: &Path) -> String {
        self.url
            .clone()
            .unwrap_or_else(|| format!("sqlite:{}", data_dir.join("cordon.db").display()))
    }

    pub(super) fn validate(&self, data_dir: &Path) -> anyhow::Result<()> {
        let url = self.url(data_dir);
        let sqlite = url.strip_prefix("sqlite:");
        let postgres = url
            .strip_prefix("postgres://")
            .or_else(|| url.strip_prefix("postgresql://"));
        if sqlite.or(postgres).is_none_or(str::is_empty) {
            bail!("database.url: expected sqlite:PATH or postgres://HOST[:PORT]/DATABASE");
        }
        let names_user = postgres.is_some_and(|rest| {
            let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
            let user = |pair: &str| pair.starts_with("user=") || pair.starts_with("password=");
            place.contains('@') || query.split('&').any(user)
        });
        if names_user {
            bail!(
                "database.url names a user or password: the roles are Cordon's own, their \
                 passwords go into database.passwords"
            );
        }
        if self.readers == Some(0) {
            bail!("database.readers: at least 1");
        }
        let passwords = [
            &self.passwords.app,
            &self.passwords.ingest,
            &self.passwords.provider,
            &self.passwords.kernel,
        ];
        if postgres.is_none() && (self.owner.is_some() || passwords.iter().any(|p| p.is_some())) {
            bail!("database.passwords and database.owner are for PostgreSQL");
        }
        Ok(())
    }

    /// The kernel's settings; the owner's too for whoever migrates.
    ///
    /// # Errors
    /// When a password can't be read; never says what was read.
    pub(super) fn settings(&self, data_dir: &Path, migrate: bool) -> anyhow::Result<DbConfig> {
        let mut db = DbConfig::new(self.url(data_dir));
        let passwords = &self.passwords;
        db.roles = RolePasswords {
            owner: match &self.owner {
                Some(owner) if migrate => Some((
                    owner.name.clone(),
                    password(&owner.password, "database.owner.password")?,
                )),
                _ => None,
            },
            app: password(&passwords.app, "database.passwords.app")?,
            ingest: password(&passwords.ingest, "database.passwords.ingest")?,
            provider: password(&passwords.provider, "database.passwords.provider")?,
            kernel: password(&passwords.kernel, "database.passwords.kernel")?,
        };
        if let Some(readers) = self.readers {
            db.readers = readers;
        }
        if let Some(mib) = self.dead_letter_mib {
            db.dead_letter_bytes = mib << 20;
        }
        Ok(db)
    }
}

fn password(
    from: &Option<SecretFrom>,
    setting: &'static str,
) -> anyhow::Result<Option<SecretString>> {
    from.as_ref()
        .map(|from| from.read_text().context(setting))
        .transpose()
}
