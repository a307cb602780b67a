//! A disk that is full: of a server on one folder, SQLite and objects and all.

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use cordon_client::Reason;
use futures::stream::{self, StreamExt as _};
use tempfile::TempDir;

use super::sending::{Sending, all_there, batch, cut};
use super::site::{PATIENCE, Site};

/// A small file system of the test's own.
struct SmallDisk(TempDir);

impl SmallDisk {
    /// Mounts it; `None` where that is not allowed.
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=24m", "cordon-test"])
            .arg(folder.path())
            .output();
        if mounted.is_ok_and(|done| done.status.success()) {
            return Some(Self(folder));
        }
        println!("skipped: a file system may not be mounted here (root only)");
        None
    }

    fn filler(&self) -> PathBuf {
        self.0.path().join("filler")
    }

    /// Writes until nothing goes in any more, not even a byte.
    fn fill(&self) {
        let mut filler = File::options()
            .create(true)
            .append(true)
            .open(self.filler())
            .unwrap();
        for piece in [1 << 20, 4_096, 1] {
            while filler.write_all(&vec![0; piece]).is_ok() {}
        }
    }

    fn relieve(&self) {
        std::fs::remove_file(self.filler()).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_events_and_loses_none() {
    let Some(disk) = SmallDisk::mount() else {
        return;
    };
    let site = Site::on_folder(&disk.0.path().join("data"));
    site.found().await;
    let mut serving = site.serve().await;
    serving.ready().await;
    let reader = site.populate().await;
    let impatient = site.client(Duration::ZERO).await;
    let sending = Sending::start(
        site.client(2 * PATIENCE).await,
        5,
        Duration::from_millis(100),
    );
    sending.more(5).await;

    disk.fill();
    serving.unready("").await;
    // The log's file may have had room left.
    let others = stream::iter((1_000_000..1_001_000).map(|number| Ok(batch(number, 100).0)));
    let mut outcomes = impatient.ingest().send(&cut(), others);
    let mut acknowledged = std::collections::BTreeSet::new();
    let refusal = loop {
        match outcomes.next().await.expect("all of it is taken") {
            Ok(outcome) => {
                acknowledged.extend(batch(outcome.batch_id.parse().unwrap(), 100).1);
            }
            Err(error) => break error,
        }
    };
    assert_eq!(*refusal.reason(), Reason::Unavailable, "{refusal}");
    disk.relieve();
    serving.ready().await;
    sending.more(5).await;

    // A power cut while it is full.
    disk.fill();
    serving.unready("").await;
    serving.kill().await;
    disk.relieve();
    let serving = site.serve().await;
    serving.ready().await;
    sending.more(5).await;
    acknowledged.append(&mut sending.stop().await);
    all_there(&reader, &acknowledged).await;

    serving.terminate().await;
    let mut serving = serving;
    assert!(serving.ended().await.success());
    let checked = site.run("fsck", &[]).await;
    let said = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(checked.status.success(), "{said}");
}
