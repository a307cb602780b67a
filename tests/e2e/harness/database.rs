//! The database behind a server: its own file, or a PostgreSQL of the test's.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use cordon_fixtures::{Database, Postgres};

/// By data folder, so that a server that is started again finds its database. They end with the
/// process.
static RUNNING: Mutex<Option<HashMap<PathBuf, Arc<Postgres>>>> = Mutex::new(None);

/// The configuration file for a server on this folder; `None` when the defaults do.
pub fn config(data: &Path) -> Option<PathBuf> {
    let path = data.with_extension("toml");
    if Database::of_this_run() == Database::Sqlite {
        return None;
    }
    let mut running = RUNNING.lock().unwrap();
    running
        .get_or_insert_default()
        .entry(data.to_owned())
        .or_insert_with(|| {
            let postgres = Postgres::start();
            std::fs::write(&path, settings(&postgres, data)).unwrap();
            Arc::new(postgres)
        });
    Some(path)
}

fn settings(postgres: &Postgres, data: &Path) -> String {
    let mut text = format!("[database]\nurl = {:?}\n\n", postgres.url());
    let password = |role: &str| {
        let file = data.with_extension(role);
        std::fs::write(&file, postgres.password(role)).unwrap();
        format!("{{ file = {file:?} }}")
    };
    writeln!(text, "[database.owner]\nname = {:?}", Postgres::OWNER).unwrap();
    writeln!(text, "password = {}\n", password(Postgres::OWNER)).unwrap();
    writeln!(text, "[database.passwords]").unwrap();
    for role in ["app", "ingest", "provider", "kernel"] {
        let password = password(&format!("cordon_{role}"));
        writeln!(text, "{role} = {password}").unwrap();
    }
    text
}
