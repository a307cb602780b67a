//! `cordon-server check`: everything that can be known to be wrong before serving.

use std::fmt;
use std::path::Path;

use cordon_kernel::Env;
use cordon_kernel::db::Db;
use cordon_kernel::db::servers::ServerSeen;

use super::keys;
use crate::config::{Config, SecretFrom};
use crate::providers::objects;
use crate::transport;

/// What was looked at.
#[derive(Debug, Default)]
pub struct Report {
    lines: Vec<(Found, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Good,
    Warning,
    Wrong,
}

impl Report {
    pub(super) fn good(&mut self, what: impl Into<String>) {
        self.lines.push((Found::Good, what.into()));
    }

    pub(super) fn warn(&mut self, what: impl Into<String>) {
        self.lines.push((Found::Warning, what.into()));
    }

    pub(super) fn wrong(&mut self, what: impl Into<String>) {
        self.lines.push((Found::Wrong, what.into()));
    }

    /// Whether nothing is wrong; warnings don't count.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.lines.iter().all(|(found, _)| *found != Found::Wrong)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (found, line) in &self.lines {
            let word = match found {
                Found::Good => "ok     ",
                Found::Warning => "warning",
                Found::Wrong => "WRONG  ",
            };
            writeln!(f, "{word}  {line}")?;
        }
        Ok(())
    }
}

/// Looks at the configuration and at all that it names. Changes nothing but for files that the
/// database itself makes when it is opened.
pub async fn check(path: &Path, env: &Env) -> Report {
    let mut report = Report::default();
    let config = match Config::load(path) {
        Ok(config) => config,
        Err(error) => {
            report.wrong(format!("{error:#}"));
            return report;
        }
    };
    report.good(format!("configuration {}", path.display()));
    match transport::bind(&config.listen).await {
        Ok(_) => report.good(format!("address {} is free", config.listen)),
        Err(error) => report.wrong(format!("{error:#}")),
    }
    check_secret(&config, &mut report);
    check_courier(&config, &mut report).await;
    check_objects(&config, env, &mut report).await;
    check_stores(&config, env, &mut report).await;
    report
}

fn check_secret(config: &Config, report: &mut Report) {
    if config.keys.pkcs11.is_none()
        && let SecretFrom::File(path) = config.key_secret_from()
    {
        let beside = path.parent().map(Path::to_path_buf)
            == config.key_file().parent().map(Path::to_path_buf);
        if beside {
            report.warn(
                "keys.secret lies beside the key file that it opens: whoever copies the folder has both; \
                 use { credential = NAME }, { fd = N } or { env = NAME }",
            );
        }
    }
}

async fn check_courier(config: &Config, report: &mut Report) {
    let courier = match config.courier() {
        Ok(courier) => courier,
        Err(error) => return report.wrong(format!("{error:#}")),
    };
    if cordon_courier::guard::system_authorities() == 0 && config.egress.ca.is_none() {
        report.warn(
            "egress: this machine trusts no certificate authority, so that no webhook is reached: \
             install ca-certificates or set egress.ca",
        );
    }
    for net in &config.egress.allow {
        report.warn(format!(
            "egress.allow: every tenant's webhooks reach {net}: keep it to receivers that are meant for them"
        ));
    }
    match (&courier.mailer, &config.mail) {
        (Some(mailer), Some(mail)) => match mailer.probe().await {
            Ok(()) => report.good(format!("mail: {} takes letters", mail.place())),
            Err(failure) => report.wrong(format!("mail: {}: {failure}", mail.place())),
        },
        _ => report.good("mail: none is sent"),
    }
}

async fn check_objects(config: &Config, env: &Env, report: &mut Report) {
    let place = objects::place(config);
    if config.objects.s3.is_none() && !config.objects_path().is_dir() {
        return report.wrong(format!(
            "objects: {place} is not there: a first start makes it (cordon-server serve)"
        ));
    }
    let probed = match objects::open(config) {
        Ok(objects) => objects.probe(env).await.map_err(anyhow::Error::new),
        Err(error) => Err(error),
    };
    match probed {
        Ok(()) => report.good(format!("objects: {place} can be written")),
        Err(error) => report.wrong(format!("objects: {place}: {error:#}")),
    }
}

async fn check_stores(config: &Config, env: &Env, report: &mut Report) {
    if config.keys.pkcs11.is_none() && !config.key_file().exists() {
        return report.wrong(format!(
            "there is no key file {}: a first start makes it (cordon-server serve)",
            config.key_file().display()
        ));
    }
    let keys = match keys::open(config, env).await {
        Ok(keys) => keys,
        Err(error) => return report.wrong(format!("{error:#}")),
    };
    report.good(format!("{} opens", keys::place(config)));
    let db = match config.db(false) {
        Ok(db) => db,
        Err(error) => return report.wrong(format!("{error:#}")),
    };
    match Db::open(&db, env.clone(), keys).await {
        Ok(db) => {
            report.good(format!(
                "database {} has a schema that this program serves",
                config.database_url()
            ));
            match db.servers().await {
                Ok(servers) => servers.iter().for_each(|server| report.good(seen(server))),
                Err(error) => report.wrong(format!("the list of servers: {error}")),
            }
            db.close().await;
        }
        Err(error) => report.wrong(format!("database {}: {error}", config.database_url())),
    }
}

/// A server that stands on the database, too.
fn seen(server: &ServerSeen) -> String {
    format!(
        "server {}: version {} for schema {}, since {:.0}, last seen {:.0}",
        server.name, server.program, server.schema_version, server.started, server.seen
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn check_names_what_is_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cordon.toml");
        assert!(!check(&path, &Env::system()).await.is_good());
        std::fs::write(
            &path,
            format!(
                "listen = '127.0.0.1:0'\ndata_dir = '{}'\n",
                folder.path().display()
            ),
        )
        .unwrap();
        let report = check(&path, &Env::system()).await;
        let text = report.to_string();
        assert!(!report.is_good(), "{text}");
        assert!(
            text.contains("WRONG    objects") && text.contains("keys.secret"),
            "{text}"
        );
    }
}
