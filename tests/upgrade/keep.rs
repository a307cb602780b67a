//! Makes a small installation by the programs of a released version and puts it away for the
//! versions to come; see README.md beside this.
//!
//! ```text
//! CORDON_TEST_DATABASE=sqlite cargo run --release -p cordon-tests --example keep -- PROGRAMS
//! ```

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::large_futures,
    unreachable_pub,
    dead_code,
    unused_imports,
    missing_docs,
    reason = "a program for developers, with the harness of the end-to-end tests"
)]

#[path = "../e2e/upgrade/answers.rs"]
mod answers;
#[path = "../e2e/harness/mod.rs"]
mod harness;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use cordon_client::Holder;
use cordon_fixtures::{Database, Postgres};
use futures::StreamExt as _;
use serde_json::json;

use crate::answers::answers;
use crate::harness::{Call, Log, Server, World, database_settings, trail};

/// Records that are large and pack well: few of them make a file of a segment.
const LARGE: usize = 18;
const PAD: usize = 950_000;

#[tokio::main]
async fn main() {
    let programs = std::env::args().nth(1).expect("the folder of the programs");
    let programs = PathBuf::from(programs).canonicalize().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    let data = path.join("data");
    let (name, postgres) = match Database::of_this_run() {
        Database::Sqlite => ("sqlite", None),
        Database::Postgres => ("postgres", Some(Postgres::start())),
    };
    let mut settings = format!("[objects]\nseal_rows = {LARGE}\n\n");
    if let Some(postgres) = &postgres {
        settings += &database_settings(postgres, &data);
    }
    let config = path.join("cordon.toml");
    std::fs::write(&config, settings).unwrap();
    let mut command = tokio::process::Command::new(programs.join("cordon-server"));
    command
        .args(["quickstart", "--listen", "127.0.0.1:0", "--config"])
        .arg(&config)
        .arg("--data-dir")
        .arg(&data);
    let server = Server::run(command, &data, Log::default()).await;
    let operator = server.client("operator").await;
    let world = World {
        folder,
        server,
        operator,
    };
    fill(&world).await;
    let answers = answers(&world).await;
    std::fs::write(
        path.join("answers.json"),
        serde_json::to_vec(&answers).unwrap(),
    )
    .unwrap();

    // Its key lies in no archive, and an operator of a later version can be the first one again.
    let admin = world.operator.tenants();
    let staff: Vec<_> = admin.list_credentials(&Holder::Staff).collect().await;
    let staff = staff.into_iter().map(Result::unwrap);
    let own = staff
        .into_iter()
        .find(|one| one.role == "operator")
        .unwrap();
    admin
        .revoke_credential(&own.name, "put away")
        .await
        .unwrap();
    world.server.stop().await;
    std::fs::remove_dir_all(data.join("profiles")).unwrap();
    std::fs::remove_file(data.join("sample.time")).unwrap();

    let mut parts = vec!["answers.json", "data"];
    if let Some(postgres) = &postgres {
        std::fs::write(path.join("dump.sql"), postgres.dump()).unwrap();
        parts.push("dump.sql");
    }
    let archive = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("upgrade/{name}.tar.gz"));
    let packed = Command::new("tar")
        .args(["--use-compress-program", "gzip -9n"])
        .args(["--owner=0", "--group=0", "--numeric-owner", "-cf"])
        .arg(&archive)
        .arg("-C")
        .arg(&path)
        .args(parts)
        .status();
    assert!(packed.unwrap().success());
    let size = std::fs::metadata(&archive).unwrap().len();
    println!("{}: {size} bytes", archive.display());
}

/// Beside the sample, which has events of two tenants and shared ones: a tenant with a file in the
/// object store and unsealed blocks, an event of nobody, and records that can't be read.
async fn fill(world: &World) {
    let account = "aws:100000000001";
    world.tenant("initech", &[account]).await;
    let pad = "x".repeat(PAD);
    let large: Vec<String> = (0..LARGE)
        .map(|n| {
            trail(&Call {
                id: &format!("large-{n}"),
                parameters: json!({ "pad": pad }),
                ..Call::own("", account)
            })
        })
        .collect();
    for (n, records) in large.chunks(LARGE / 3).enumerate() {
        world
            .send("aws.cloudtrail", &format!("large-{n}"), records)
            .await;
    }
    let mut waited = 0;
    while files(&world.server.data.join("objects")) == 0 {
        assert!(waited < 120, "nothing is sealed into a file");
        waited += 1;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let nobody = "aws:333300003333";
    let records = [
        trail(&Call::own("small", account)),
        trail(&Call::own("of nobody", nobody)),
        "{\"eventID\": ".to_owned(),
    ];
    let outcome = world.send("aws.cloudtrail", "small", &records).await;
    assert_eq!((outcome.unattributed, outcome.rejected), (1, 1));
    // What is being sealed comes to rest.
    tokio::time::sleep(Duration::from_secs(5)).await;
}

fn files(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let of = |path: PathBuf| if path.is_dir() { files(&path) } else { 1 };
    entries.map(|entry| of(entry.path())).sum()
}
