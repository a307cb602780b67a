//! The configuration file, `cordon.toml`. Every setting has a default that is right for one
//! machine; a setting that is not known is refused, so that a misspelt one can't be ignored.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use cordon_kernel::Env;
use cordon_kernel::db::DbConfig;
use secrecy::SecretBox;
use serde::Deserialize;

use crate::providers::courier::Courier;
use crate::transport::Limits;

mod analyses;
mod attachments;
mod database;
mod egress;
mod evidence;
mod jobs;
mod mail;
mod notices;
mod objects;
mod reports;
mod secret;
pub use analyses::Analyses;
pub use attachments::Attachments;
pub use database::{Database, Owner, Passwords};
pub use egress::Egress;
pub use evidence::{Driver, Evidence, Hypervisor};
pub use jobs::Jobs;
pub use mail::{Login, Mail, MailSecurity};
pub use notices::Notices;
pub use objects::{Objects, S3};
pub use reports::Reports;
pub use secret::SecretFrom;

/// All settings.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// `ADDRESS:PORT` to listen on.
    pub listen: String,
    /// What this server is called among those on its database; unset means the host's name and
    /// the address it listens on.
    pub name: Option<String>,
    /// Folder for all that has no path of its own.
    pub data_dir: PathBuf,
    /// Names and addresses that the server's certificate is for.
    pub server_names: Vec<String>,
    /// The database.
    pub database: Database,
    /// The objects: sealed segments.
    pub objects: Objects,
    /// The key service.
    pub keys: Keys,
    /// Files of incidents.
    pub attachments: Attachments,
    /// What answers to questions may use.
    pub analyses: Analyses,
    /// How much evidence a tenant may keep.
    pub evidence: Evidence,
    /// The hypervisors that this server reaches.
    pub hypervisors: Vec<Hypervisor>,
    /// Background work.
    pub jobs: Jobs,
    /// The way out, to places that tenants name.
    pub egress: Egress,
    /// The relay that mail goes to; unset: no mail is sent.
    pub mail: Option<Mail>,
    /// How often notices are tried.
    pub notices: Notices,
    /// Where final reports of months are put.
    pub reports: Reports,
    /// What callers may use.
    pub limits: LimitSettings,
    /// The log on standard error.
    pub log: Log,
}

/// The key service: a token behind PKCS#11, or a file, sealed under a secret that should not lie
/// beside it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Keys {
    /// The sealed key file; unset means `keys.sealed` in the data folder.
    pub file: Option<PathBuf>,
    /// Where its secret comes from: `{ credential = NAME }` (systemd), `{ fd = N }`,
    /// `{ env = NAME }` or `{ file = PATH }`; unset means `keys.secret` in the data folder, which
    /// `check` warns about.
    pub secret: Option<SecretFrom>,
    /// A token instead of the file.
    pub pkcs11: Option<Pkcs11>,
}

/// A hardware security module, or what speaks like one.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pkcs11 {
    /// Its maker's shared library.
    pub module: PathBuf,
    /// The token's label.
    pub token: String,
    /// Where the user PIN comes from; as `keys.secret`.
    pub pin: SecretFrom,
    /// How many keys are made in it; unset means as many as it takes.
    pub keys: Option<usize>,
    /// The file of the list of destroyed keys; unset means `keys.destroyed` in the data folder.
    pub destroyed: Option<PathBuf>,
    /// Tokens that take the keys that those before them have no room for.
    #[serde(default)]
    pub more: Vec<MoreRoom>,
}

impl Pkcs11 {
    fn validate(&self) -> anyhow::Result<()> {
        let first = (&self.module, &self.token);
        let more = self.more.iter();
        let more = more.map(|more| (more.module.as_ref().unwrap_or(&self.module), &more.token));
        let mut seen = std::collections::BTreeSet::new();
        for token in std::iter::once(first).chain(more) {
            if !seen.insert(token) {
                bail!("keys.pkcs11.more: the token {:?} is named twice", token.1);
            }
        }
        Ok(())
    }
}

/// A further token.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MoreRoom {
    /// Its maker's shared library; unset means the first token's.
    pub module: Option<PathBuf>,
    /// The token's label.
    pub token: String,
    /// Where the user PIN comes from; as `keys.secret`.
    pub pin: SecretFrom,
    /// How many keys are made in it; unset means as many as it takes.
    pub keys: Option<usize>,
}

/// What callers may use; see [`Limits`] for the meanings and defaults.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs, reason = "the fields are those of Limits")]
pub struct LimitSettings {
    pub connections: Option<usize>,
    pub connections_per_address: Option<usize>,
    pub streams_per_connection: Option<u32>,
    pub calls_per_caller: Option<usize>,
    pub handshake_seconds: Option<u64>,
    pub call_seconds: Option<u64>,
    pub connection_age_seconds: Option<u64>,
    pub grace_seconds: Option<u64>,
}

/// The log.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// A `tracing` filter, e.g. `info,cordon_server=debug`; the environment's `CORDON_LOG` goes
    /// before it.
    pub filter: String,
    /// `text` or `json`.
    pub format: LogFormat,
}

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            filter: "warn,cordon_server=info".into(),
            format: LogFormat::Text,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:7443".into(),
            name: None,
            data_dir: "cordon-data".into(),
            server_names: vec!["localhost".into(), "127.0.0.1".into(), "::1".into()],
            database: Database::default(),
            objects: Objects::default(),
            keys: Keys::default(),
            attachments: Attachments::default(),
            analyses: Analyses::default(),
            evidence: Evidence::default(),
            hypervisors: Vec::new(),
            jobs: Jobs::default(),
            egress: Egress::default(),
            mail: None,
            notices: Notices::default(),
            reports: Reports::default(),
            limits: LimitSettings::default(),
            log: Log::default(),
        }
    }
}

impl Config {
    /// Reads the file.
    ///
    /// # Errors
    /// When it can't be read or a setting is wrong; says which and where.
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("can't read the configuration {}", path.display()))?;
        let config: Self = toml::from_str(&text)
            .with_context(|| format!("the configuration {} is wrong", path.display()))?;
        config
            .validate()
            .with_context(|| format!("the configuration {} is wrong", path.display()))?;
        Ok(config)
    }

    /// Whether the settings make sense together; touches nothing.
    ///
    /// # Errors
    /// Names the setting that is wrong.
    pub fn validate(&self) -> anyhow::Result<()> {
        if self.listen.parse::<SocketAddr>().is_err() {
            bail!(
                "listen: expected ADDRESS:PORT such as 127.0.0.1:7443, not {:?}",
                self.listen
            );
        }
        if self
            .name
            .as_ref()
            .is_some_and(|name| name.trim().is_empty())
        {
            bail!("name: expected what the server is called, or no such setting");
        }
        if self.server_names.is_empty() {
            bail!(
                "server_names: at least one name or address is needed for the server's certificate"
            );
        }
        if self.keys.pkcs11.is_some() && (self.keys.file.is_some() || self.keys.secret.is_some()) {
            bail!("keys: either pkcs11 or a key file, not both");
        }
        if let Some(pkcs11) = &self.keys.pkcs11 {
            pkcs11.validate()?;
        }
        self.database.validate(&self.data_dir)?;
        self.objects.validate()?;
        self.reports.validate()?;
        self.jobs.validate()?;
        self.egress.validate()?;
        if let Some(mail) = &self.mail {
            mail.validate()?;
        }
        self.notices.validate()?;
        self.attachments.validate()?;
        self.analyses.validate()?;
        self.evidence.validate()?;
        evidence::validate(&self.hypervisors)?;
        Ok(())
    }

    /// What the server is called that listens on `address`.
    #[must_use]
    pub fn name(&self, address: SocketAddr) -> String {
        self.name.clone().unwrap_or_else(|| {
            let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
            format!("{} {address}", host.trim()).trim().to_owned()
        })
    }

    /// The database's URL.
    #[must_use]
    pub fn database_url(&self) -> String {
        self.database.url(&self.data_dir)
    }

    /// The kernel's settings for the database; with `migrate` those for changing its schema too.
    ///
    /// # Errors
    /// When a password can't be read.
    pub fn db(&self, migrate: bool) -> anyhow::Result<DbConfig> {
        let mut db = self.database.settings(&self.data_dir, migrate)?;
        if let Some(rows) = self.objects.seal_rows {
            db.seal.rows = rows;
        }
        if let Some(blocks) = self.objects.seal_blocks {
            db.seal.blocks = blocks;
        }
        if let Some(hours) = self.objects.seal_hours {
            db.seal.age = jiff::SignedDuration::from_hours(hours);
        }
        Ok(db)
    }

    /// What notices are sent with.
    ///
    /// # Errors
    /// When a certificate authority or a password can't be read; never says what was read.
    pub fn courier(&self) -> anyhow::Result<Courier> {
        Ok(Courier {
            guard: self.egress.guard()?,
            mailer: self.mail.as_ref().map(Mail::mailer).transpose()?,
            pace: self.notices.pace(),
        })
    }

    /// The folder of the objects.
    #[must_use]
    pub fn objects_path(&self) -> PathBuf {
        self.objects
            .path
            .clone()
            .unwrap_or_else(|| self.data_dir.join("objects"))
    }

    /// The sealed key file.
    #[must_use]
    pub fn key_file(&self) -> PathBuf {
        self.keys
            .file
            .clone()
            .unwrap_or_else(|| self.data_dir.join("keys.sealed"))
    }

    /// Where the key file's secret comes from.
    #[must_use]
    pub fn key_secret_from(&self) -> SecretFrom {
        self.keys
            .secret
            .clone()
            .unwrap_or_else(|| SecretFrom::File(self.data_dir.join("keys.secret")))
    }

    /// The key file's secret.
    ///
    /// # Errors
    /// When it can't be read or is not 32 bytes.
    pub fn key_secret(&self) -> anyhow::Result<SecretBox<[u8; 32]>> {
        self.key_secret_from().read().context("keys.secret")
    }

    /// Makes the data folder, and a key secret where the default place has none yet.
    ///
    /// # Errors
    /// When they can't be written.
    pub fn prepare(&self, env: &Env) -> anyhow::Result<()> {
        private_folder(&self.data_dir)?;
        if self.keys.pkcs11.is_some() && (self.keys.file.is_some() || self.keys.secret.is_some()) {
            bail!("keys: either pkcs11 or a key file, not both");
        }
        if self.objects.s3.is_none() {
            private_folder(&self.objects_path())?;
        }
        let by_file = self.keys.pkcs11.is_none();
        if by_file && self.keys.secret.is_none() && !self.key_file().exists() {
            let path = self.data_dir.join("keys.secret");
            if !path.exists() {
                secret::write_new(&path, env)?;
            }
        }
        Ok(())
    }

    /// The transport's limits.
    #[must_use]
    pub fn transport_limits(&self) -> Limits {
        let mut limits = Limits::default();
        let set = &self.limits;
        let seconds = |to: &mut Duration, from: Option<u64>| {
            if let Some(seconds) = from {
                *to = Duration::from_secs(seconds);
            }
        };
        limits.connections = set.connections.unwrap_or(limits.connections);
        limits.connections_per_address = set
            .connections_per_address
            .unwrap_or(limits.connections_per_address);
        limits.calls_per_caller = set.calls_per_caller.unwrap_or(limits.calls_per_caller);
        limits.streams_per_connection = set
            .streams_per_connection
            .unwrap_or(limits.streams_per_connection);
        seconds(&mut limits.handshake, set.handshake_seconds);
        seconds(&mut limits.call, set.call_seconds);
        seconds(&mut limits.connection_age, set.connection_age_seconds);
        seconds(&mut limits.grace, set.grace_seconds);
        limits
    }
}

/// Makes a folder that only its owner can enter.
pub(crate) fn private_folder(path: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .with_context(|| format!("can't make the folder {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_valid() {
        Config::default().validate().unwrap();
        let empty: Config = toml::from_str("").unwrap();
        assert_eq!(empty.listen, "127.0.0.1:7443");
    }

    #[test]
    fn a_misspelt_setting_is_refused() {
        let error = toml::from_str::<Config>("[database]\nulr = 'x'\n")
            .unwrap_err()
            .to_string();
        assert!(error.contains("ulr"), "{error}");
    }

    #[test]
    fn wrong_settings_are_named() {
        for (text, named) in [
            ("listen = 'here'", "listen"),
            ("name = ' '", "name"),
            ("server_names = []", "server_names"),
            ("[database]\nurl = 'mysql://x'", "database.url"),
            ("[database]\nurl = 'postgres://'", "database.url"),
            (
                "[database]\nurl = 'postgres://me:secret@db/cordon'",
                "names a user or password",
            ),
            (
                "[database.owner]\nname = 'cordon_owner'",
                "database.owner are for PostgreSQL",
            ),
            ("[objects]\nseal_rows = 0", "seal_rows"),
            ("[jobs]\nlease_seconds = 0", "lease_seconds"),
            ("[egress]\ntotal_seconds = 0", "egress"),
            ("[notices]\nat_once = 0", "at_once"),
            (
                "[notices]\nfirst_retry_seconds = 9\nlongest_retry_seconds = 8",
                "longest_retry",
            ),
            (
                "[mail]\nhost = 'mail.example'\nsecurity = 'none'\nfrom = 'a@b.example'",
                "this machine alone",
            ),
            (
                "[mail]\nhost = 'localhost'\nsecurity = 'none'\nfrom = 'a@b.example'\n\
                 [mail.login]\nuser = 'u'\npassword = { env = 'P' }",
                "in plain",
            ),
            (
                "[keys]\nfile = 'x'\n[keys.pkcs11]\nmodule = 'm'\ntoken = 't'\npin = { env = 'P' }",
                "either pkcs11",
            ),
            (
                "[keys.pkcs11]\nmodule = 'm'\ntoken = 't'\npin = { env = 'P' }\n\
                 [[keys.pkcs11.more]]\ntoken = 't'\npin = { env = 'P' }",
                "named twice",
            ),
        ] {
            let error = toml::from_str::<Config>(text)
                .unwrap()
                .validate()
                .unwrap_err()
                .to_string();
            assert!(error.contains(named), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
