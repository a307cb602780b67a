//! What goes wrong ends well: the guest goes on and nothing is left.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cordon_hypervisor::image::{ImageConfig, ImageLimits, Images};
use cordon_hypervisor::nbd::NbdLimits;
use cordon_hypervisor::qemu::{Qemu, QemuConfig};
use cordon_hypervisor::{Consistency, DiskState, Error, Hypervisor as _, Request, RunState};

use crate::acquire::{id, pull, request};
use crate::machine::{Guest, config};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_does_not_read_memory_keeps_the_guest_no_longer_than_allowed() {
    let Some(guest) = Guest::boot() else { return };
    let driver = Qemu::new(QemuConfig {
        max_memory_pause: Duration::from_secs(1),
        ..config(guest.folder.path())
    });
    let driver = driver.unwrap();
    for consistency in [Consistency::Paused, Consistency::Live] {
        let asked = request(consistency, true);
        let mut acquisition = driver.begin(&id("slow"), "guest", &asked).await.unwrap();
        let mut memory = acquisition.memory().unwrap();
        memory.next().await.unwrap().unwrap();
        guest.goes_on();
        let late = async {
            loop {
                match memory.next().await {
                    Ok(chunk) => assert!(chunk.is_some(), "a part of memory looked whole"),
                    Err(error) => return error,
                }
            }
        };
        assert!(matches!(late.await, Error::TimedOut(_)));
        // The disks are good all the same.
        pull(&acquisition.disks()[1]).await;
        let finished = acquisition.finish().await.unwrap();
        eprintln!("{consistency:?}: {finished:?}");
        guest.goes_on();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_dropped_or_given_up_is_undone_and_one_acquires_at_a_time() {
    let Some(guest) = Guest::boot() else { return };
    let driver = guest.driver();
    let asked = request(Consistency::Paused, true);
    let cleaned = || async {
        for _ in 0..200 {
            // As long as the monitor is held, this is refused.
            if let Ok(cleaned) = driver.cleanup("guest").await {
                return cleaned;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the monitor is not let go");
    };
    let acquisition = driver.begin(&id("first"), "guest", &asked).await.unwrap();
    let begin = |i: usize| {
        let (driver, asked) = (&driver, &asked);
        async move {
            driver
                .begin(&id(&format!("other{i}")), "guest", asked)
                .await
        }
    };
    for refused in futures::future::join_all((0..9).map(begin)).await {
        assert!(matches!(refused, Err(Error::Busy(_))), "{refused:?}");
    }
    let disk = acquisition.disks()[0].clone();
    drop(acquisition);
    guest.goes_on();
    assert_eq!(cleaned().await.acquisitions, 0);
    assert!(disk.read_at(0, 512).await.is_err());
    // Given up after any time.
    for millis in [1, 5, 10, 20, 40, 80] {
        let given = id("given");
        let begun = driver.begin(&given, "guest", &asked);
        let _ = tokio::time::timeout(Duration::from_millis(millis), begun).await;
        assert_eq!(cleaned().await.acquisitions, 0, "{millis}");
        guest.goes_on();
    }
    // What can't be done is refused before the guest notices.
    for (disks, store) in [(Some(vec!["vd9".to_owned()]), "."), (None, "/proc")] {
        let mut config = config(guest.folder.path());
        config.store = store.into();
        let asked = Request {
            disks,
            ..asked.clone()
        };
        let begun = Qemu::new(config)
            .unwrap()
            .begin(&id("bad"), "guest", &asked)
            .await;
        assert!(begun.is_err());
        assert_eq!(cleaned().await.acquisitions, 0);
    }
    for name in ["", "..", "a/b", ".x", "nobody"] {
        assert!(driver.describe(name).await.is_err());
    }
    guest.goes_on();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_full_breaks_the_snapshot_and_not_the_guest() {
    let Some(guest) = Guest::boot() else { return };
    let Some(store) = Small::mount(guest.folder.path().join("small")) else {
        eprintln!("a_store_that_is_full_breaks_the_snapshot_and_not_the_guest: skipped, no mount");
        return;
    };
    let driver = Qemu::new(QemuConfig {
        store: store.0.clone(),
        ..config(guest.folder.path())
    });
    let driver = driver.unwrap();
    let asked = request(Consistency::Live, false);
    let acquisition = driver.begin(&id("full"), "guest", &asked).await.unwrap();
    let broken = async {
        for _ in 0..600 {
            let read = acquisition.disks()[0].read_at(0, 4 << 20).await;
            match read {
                Ok(_) => tokio::time::sleep(Duration::from_millis(100)).await,
                Err(error) => return Some(error),
            }
        }
        None
    };
    let broken = broken.await;
    assert_eq!(broken, Some(Error::SnapshotBroken));
    guest.goes_on();
    acquisition.finish().await.unwrap();
    guest.goes_on();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_that_ends_in_the_middle_is_an_error() {
    let Some(mut guest) = Guest::boot() else {
        return;
    };
    let driver = guest.driver();
    let asked = request(Consistency::Paused, true);
    let mut acquisition = driver.begin(&id("dies"), "guest", &asked).await.unwrap();
    let mut memory = acquisition.memory().unwrap();
    memory.next().await.unwrap().unwrap();
    guest.kill();
    let ended = async {
        while memory.next().await?.is_some() {}
        Ok::<(), Error>(())
    };
    assert!(ended.await.is_err());
    assert!(acquisition.disks()[0].read_at(0, 512).await.is_err());
    assert!(acquisition.finish().await.is_err());
    assert!(driver.describe("guest").await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_that_somebody_else_paused_stays_paused() {
    let Some(guest) = Guest::boot() else { return };
    let driver = guest.driver();
    let stop = || async {
        let mut qmp = qmp(&guest).await;
        qmp.execute("stop", serde_json::json!({})).await.unwrap();
    };
    stop().await;
    assert_eq!(
        driver.describe("guest").await.unwrap().state,
        RunState::Paused
    );
    let asked = request(Consistency::Paused, true);
    let mut acquisition = driver.begin(&id("rest"), "guest", &asked).await.unwrap();
    let (_, found, _) = crate::acquire::dump(acquisition.memory().unwrap()).await;
    assert!(found);
    acquisition.finish().await.unwrap();
    guest.stands_still();
    let mut qmp = qmp(&guest).await;
    qmp.execute("cont", serde_json::json!({})).await.unwrap();
    guest.goes_on();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_agents_word_is_told_as_such_and_nothing_waits_for_it() {
    let Some(guest) = Guest::boot() else { return };
    let driver = guest.driver();
    let asked = request(Consistency::Live, false);
    let agent = Agent::start(&guest);
    for (says, expected, remarks) in [
        (Says::Frozen(2), DiskState::SaidFrozen, 0),
        (Says::Frozen(0), DiskState::PowerCut, 1),
        (Says::No, DiskState::PowerCut, 1),
        (Says::Nothing, DiskState::PowerCut, 1),
    ] {
        agent.says(says);
        let acquisition = driver.begin(&id("agent"), "guest", &asked).await.unwrap();
        let reached = acquisition.reached().clone();
        assert_eq!(
            (reached.disks, reached.remarks.len()),
            (expected, remarks),
            "{says:?}"
        );
        assert!(reached.pause.unwrap() < Duration::from_secs(1), "{says:?}");
        guest.goes_on();
        acquisition.finish().await.unwrap();
        // Whatever it answered, it is told to thaw.
        let asked = agent.asked();
        let froze = asked
            .iter()
            .position(|asked| asked == "guest-fsfreeze-freeze");
        let thawed = asked
            .iter()
            .rposition(|asked| asked == "guest-fsfreeze-thaw");
        assert!(
            says == Says::Nothing || froze.unwrap() < thawed.unwrap(),
            "{says:?} {asked:?}"
        );
    }
    guest.goes_on();
}

/// What an agent answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    Frozen(u64),
    No,
    Nothing,
}

/// The guest's agent, played.
struct Agent {
    says: Arc<Mutex<Says>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Agent {
    fn start(guest: &Guest) -> Self {
        let socket = guest.folder.path().join("instances/guest/agent.sock");
        let listener = UnixListener::bind(socket).unwrap();
        let agent = Self {
            says: Arc::new(Mutex::new(Says::Nothing)),
            asked: Arc::default(),
        };
        let (says, asked) = (Arc::clone(&agent.says), Arc::clone(&agent.asked));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                for line in BufReader::new(stream.try_clone().unwrap()).split(b'\n') {
                    let Ok(line) = line else { break };
                    let line = line.strip_prefix(b"\xff").unwrap_or(&line);
                    let question: serde_json::Value = serde_json::from_slice(line).unwrap();
                    let command = question["execute"].as_str().unwrap().to_owned();
                    let answer = match (command.as_str(), *says.lock().unwrap()) {
                        (_, Says::Nothing) => continue,
                        ("guest-sync-delimited", _) => {
                            let id = &question["arguments"]["id"];
                            // What was meant for somebody before.
                            format!("{{\"return\": 7}}\n{{\"return\": {id}}}\n")
                        }
                        ("guest-fsfreeze-freeze", Says::No) => {
                            "{\"error\": {\"desc\": \"no\"}}\n".to_owned()
                        }
                        (_, Says::Frozen(count)) => format!("{{\"return\": {count}}}\n"),
                        (_, Says::No) => "{\"return\": 0}\n".to_owned(),
                    };
                    asked.lock().unwrap().push(command);
                    let _ = stream.write_all(answer.as_bytes());
                }
            }
        });
        agent
    }

    fn says(&self, says: Says) {
        *self.says.lock().unwrap() = says;
        self.asked.lock().unwrap().clear();
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_that_a_guest_writes_to_is_not_read_as_a_file() {
    let Some(guest) = Guest::boot() else { return };
    let at = guest.folder.path();
    std::fs::create_dir_all(at.join("images/guest")).unwrap();
    std::fs::hard_link(at.join("disk0.qcow2"), at.join("images/guest/vd0.qcow2")).unwrap();
    let images = Images::new(ImageConfig {
        instances: at.join("images"),
        shared: Vec::new(),
        private: at.join("private"),
        qemu_nbd: "/usr/bin/qemu-nbd".into(),
        limits: ImageLimits::default(),
        nbd: NbdLimits::default(),
    });
    let asked = request(Consistency::Live, false);
    let begun = images.unwrap().begin(&id("image"), "guest", &asked).await;
    assert!(matches!(begun, Err(Error::Refused { .. })), "{begun:?}");
}

/// A file system of half a MiB.
struct Small(PathBuf);

impl Small {
    fn mount(at: PathBuf) -> Option<Self> {
        std::fs::create_dir(&at).unwrap();
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", "size=512k", "tmpfs"])
            .arg(&at);
        let mounted = mount.stderr(Stdio::null()).status();
        mounted
            .is_ok_and(|status| status.success())
            .then_some(Self(at))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

async fn qmp(guest: &Guest) -> cordon_hypervisor::qmp::Qmp {
    let limits = cordon_hypervisor::qmp::QmpLimits::default();
    cordon_hypervisor::qmp::Qmp::connect(&guest.monitor(), limits)
        .await
        .unwrap()
}
