//! What a server stands on: its own folder, or what a provider's does: PostgreSQL, a bucket and a
//! token, each of the test's own.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use cordon_fixtures::{Database, Postgres, S3, SoftHsm};

/// By data folder, so that a server that is started again finds them. They end with the process.
static RUNNING: Mutex<Option<HashMap<PathBuf, Arc<Production>>>> = Mutex::new(None);

/// The stores of an installation.
pub struct Production {
    pub postgres: Postgres,
    pub s3: S3,
    pub hsm: SoftHsm,
    /// The configuration file that names them.
    pub config: PathBuf,
}

/// What stands under a server on this folder; `None` when the defaults do.
pub fn production(data: &Path) -> Option<Arc<Production>> {
    match Database::of_this_run() {
        Database::Sqlite => None,
        Database::Postgres => Some(Production::of(data)),
    }
}

impl Production {
    /// The stores for this folder, whatever the run is for.
    pub fn of(data: &Path) -> Arc<Self> {
        let mut running = RUNNING.lock().unwrap();
        let known = running.get_or_insert_default().entry(data.to_owned());
        Arc::clone(known.or_insert_with(|| Arc::new(Self::start(data))))
    }

    /// Whether all that it takes is installed; says what is missing.
    pub fn can_be_had() -> bool {
        let missing: Vec<&str> = [
            ("PostgreSQL 15 or later", Postgres::is_installed()),
            ("SoftHSM", SoftHsm::is_installed()),
        ]
        .iter()
        .filter(|(_, there)| !there)
        .map(|(what, _)| *what)
        .collect();
        if !missing.is_empty() {
            println!("skipped: {} is not installed", missing.join(" and "));
        }
        missing.is_empty()
    }

    fn start(data: &Path) -> Self {
        let this = Self {
            postgres: Postgres::start(),
            s3: S3::start(),
            hsm: SoftHsm::new(),
            config: data.with_extension("toml"),
        };
        std::fs::write(&this.config, this.settings(data)).unwrap();
        this
    }

    /// What a server's environment needs.
    pub fn environment(&self) -> [(&'static str, PathBuf); 1] {
        [(SoftHsm::CONF, self.hsm.configuration())]
    }

    /// The configuration, but for what is each server's own.
    fn settings(&self, data: &Path) -> String {
        let secret = |name: &str, text: &str| secret(data, name, text);
        let mut text = database_settings(&self.postgres, data);
        writeln!(text, "\n[objects.s3]\nbucket = {:?}", S3::BUCKET).unwrap();
        writeln!(text, "endpoint = {:?}", self.s3.endpoint()).unwrap();
        let access = secret("access", S3::ACCESS_KEY);
        writeln!(text, "access_key = {access}").unwrap();
        let key = secret("s3", S3::SECRET_KEY);
        writeln!(text, "secret_key = {key}").unwrap();
        writeln!(text, "\n[keys.pkcs11]\nmodule = {:?}", SoftHsm::module()).unwrap();
        writeln!(text, "token = {:?}", SoftHsm::TOKEN).unwrap();
        writeln!(text, "pin = {}", secret("pin", SoftHsm::PIN)).unwrap();
        text
    }
}

/// A secret in a file beside the data folder, as a setting.
fn secret(data: &Path, name: &str, text: &str) -> String {
    let file = data.with_extension(name);
    std::fs::write(&file, text).unwrap();
    format!("{{ file = {file:?} }}")
}

/// The settings of a server on this PostgreSQL.
pub fn database_settings(postgres: &Postgres, data: &Path) -> String {
    let password = |role: &str| secret(data, role, &postgres.password(role));
    let mut text = format!("[database]\nurl = {:?}\n\n", postgres.url());
    writeln!(text, "[database.owner]\nname = {:?}", Postgres::OWNER).unwrap();
    writeln!(text, "password = {}\n", password(Postgres::OWNER)).unwrap();
    writeln!(text, "[database.passwords]").unwrap();
    for role in ["app", "ingest", "provider", "kernel"] {
        let password = password(&format!("cordon_{role}"));
        writeln!(text, "{role} = {password}").unwrap();
    }
    text
}
