//! From a data directory that the last version has kept (tests/upgrade) to this one.

mod answers;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use cordon_fixtures::{Database, Postgres};
use serde_json::Value;
use tempfile::TempDir;

use self::answers::{TENANTS, answers, credentials_of};
use crate::harness::{Call, Log, Server, World, binary, database_settings, raw, trail};

/// The kept installation, put in place.
struct Kept {
    folder: TempDir,
    config: PathBuf,
    /// What it was left by the version that made it.
    answers: Value,
    /// Its database, where that is a server.
    _postgres: Option<Postgres>,
}

impl Kept {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let (name, postgres) = match Database::of_this_run() {
            Database::Sqlite => ("sqlite", None),
            Database::Postgres => ("postgres", Some(Postgres::start())),
        };
        let archive = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("upgrade/{name}.tar.gz"));
        let unpacked = Command::new("tar")
            .arg("-xzf")
            .arg(archive)
            .arg("-C")
            .arg(folder.path())
            .status();
        assert!(unpacked.unwrap().success());
        let answers = std::fs::read(folder.path().join("answers.json")).unwrap();
        let mut settings = format!("listen = \"127.0.0.1:0\"\ndata_dir = {data:?}\n\n");
        if let Some(postgres) = &postgres {
            let roles = [
                "cordon_app",
                "cordon_ingest",
                "cordon_provider",
                "cordon_kernel",
            ];
            postgres.restore(&folder.path().join("dump.sql"), &roles);
            settings += &database_settings(postgres, &data);
        }
        let config = folder.path().join("cordon.toml");
        std::fs::write(&config, settings).unwrap();
        Self {
            folder,
            config,
            answers: serde_json::from_slice(&answers).unwrap(),
            _postgres: postgres,
        }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(binary("cordon-server"));
        command.arg(name).arg("--config").arg(&self.config);
        command
    }

    fn run(&self, name: &str) -> Output {
        let done = self.command(name).output().unwrap();
        let told = String::from_utf8_lossy(&done.stdout);
        let error = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{name}: {told}{error}");
        done
    }

    /// Serves, with an operator of its own: the kept one was revoked before it was put away.
    async fn serve(&self) -> World {
        let profiles = self.data().join("profiles");
        std::fs::create_dir(&profiles).unwrap();
        let made = self
            .command("operator")
            .args([
                "--subject",
                "someone",
                "--endpoint",
                "https://127.0.0.1:7443",
                "--out",
            ])
            .arg(profiles.join("operator.toml"))
            .status();
        assert!(made.unwrap().success());
        let serve = tokio::process::Command::from(self.command("serve"));
        let server = Server::run(serve, &self.data(), Log::default()).await;
        World {
            folder: tempfile::tempdir().unwrap(),
            operator: server.client("operator").await,
            server,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_version_before_has_kept_is_there_byte_for_byte() {
    let kept = Kept::new();
    let early = kept.command("serve").output().unwrap();
    let told = String::from_utf8_lossy(&early.stderr);
    assert!(!early.status.success() && told.contains("migrat"), "{told}");
    for command in ["migrate", "check", "fsck"] {
        kept.run(command);
    }
    let again = kept.run("migrate").stdout;
    assert!(again.starts_with(b"0 migrations"));

    let world = kept.serve().await;
    let now = answers(&world).await;
    let then = &kept.answers;
    assert_eq!(now["dead_letters"], then["dead_letters"]);
    let mut some = false;
    for tenant in TENANTS {
        let (now, then) = (&now["tenants"][tenant], &then["tenants"][tenant]);
        assert!(!list(then, "events").is_empty());
        assert_eq!(now["counts"], then["counts"], "{tenant}");
        for part in ["events", "originals"] {
            let (now, then) = (list(now, part), list(then, part));
            assert_eq!(now.len(), then.len(), "{part} of {tenant}");
            for (now, then) in now.iter().zip(then) {
                assert!(
                    now == then,
                    "{part} of {tenant}: {} was {}",
                    cut(now),
                    cut(then)
                );
            }
        }
        let credentials = credentials_of(list(now, "events"));
        assert_eq!(now["credentials"], credentials, "{tenant}");
        some |= credentials != serde_json::json!({});
        // The log has grown since.
        let (now, then) = (list(now, "log"), list(then, "log"));
        assert!(now.len() > then.len());
        assert_eq!(now[..then.len()], *then, "{tenant}");
    }

    assert!(some, "no event has a credential");

    // And it goes on from there.
    let account = "aws:444400004444";
    world.account("initech", account).await;
    let record = trail(&Call::own("after", account));
    let outcome = world.send("aws.cloudtrail", "after", &[record]).await;
    assert_eq!((outcome.accepted, outcome.unattributed), (1, 0));
    let reader = world.member("initech", "reader").await;
    assert_eq!(raw(&reader, "event_id = 'event-after'").await.len(), 1);
    world.tenant("new", &["aws:555500005555"]).await;
    world.server.stop().await;
    kept.run("fsck");
}

fn list<'a>(of: &'a Value, part: &str) -> &'a Vec<Value> {
    of[part].as_array().unwrap()
}

/// As much of it as a message needs.
fn cut(value: &Value) -> String {
    value.to_string().chars().take(2_000).collect()
}
