//! The acquirer dies, and the watchdog lets the guest go on.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use cordon_hypervisor::qemu::Qemu;
use cordon_hypervisor::{Consistency, Hypervisor as _, RunState};

use crate::acquire::{id, request};
use crate::machine::{Guest, config};

/// Where the guest of the acquirer is that is to be killed.
const FOLDER: &str = "CORDON_TEST_GUEST";

/// The acquirer that is killed, as a process of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "started by the others"]
async fn acquirer() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let driver = Qemu::new(config(folder.as_ref())).unwrap();
    println!("\nbegins");
    let asked = request(Consistency::Paused, true);
    let acquisition = driver.begin(&id("dead"), "guest", &asked).await.unwrap();
    println!("\nholds");
    tokio::time::sleep(Duration::from_secs(600)).await;
    drop(acquisition);
}

/// Starts the acquirer and kills it some time after it said that.
fn killed(guest: &Guest, said: &str, after: Duration) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "death::acquirer", "--ignored", "--nocapture"])
        .env(FOLDER, guest.folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let found = lines
        .by_ref()
        .map_while(Result::ok)
        .any(|line| line == said);
    std::thread::sleep(after);
    child.kill().unwrap();
    child.wait().unwrap();
    drop(lines);
    assert!(found, "the acquirer did not say that it {said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acquirer_that_is_killed_leaves_no_paused_guest() {
    let Some(guest) = Guest::boot() else { return };
    let driver = guest.driver();
    // Between stop and cont, with a dump under way.
    killed(&guest, "holds", Duration::from_millis(500));
    let began = std::time::Instant::now();
    guest.goes_on();
    eprintln!(
        "goes on within {:?} of its acquirer's death",
        began.elapsed()
    );
    nothing_is_left(&guest, &driver).await;
    // At each step on the way there.
    for millis in [0, 5, 10, 20, 30, 40, 60, 90] {
        killed(&guest, "begins", Duration::from_millis(millis));
        guest.goes_on();
        nothing_is_left(&guest, &driver).await;
    }
}

/// By the watchdog alone: looking does not clean up.
async fn nothing_is_left(guest: &Guest, driver: &Qemu) {
    let limits = cordon_hypervisor::qmp::QmpLimits::default();
    for i in 0.. {
        let qmp = cordon_hypervisor::qmp::Qmp::connect(&guest.monitor(), limits).await;
        if let Ok(mut qmp) = qmp {
            let mut all = String::new();
            let path = serde_json::json!({ "path": "/objects" });
            let queries = [
                (
                    "query-named-block-nodes",
                    serde_json::json!({ "flat": true }),
                ),
                ("query-block-exports", serde_json::json!({})),
                ("qom-list", path),
                ("query-fdsets", serde_json::json!({})),
            ];
            for (query, arguments) in queries {
                all.push_str(&qmp.execute(query, arguments).await.unwrap().to_string());
            }
            if !all.contains("cordon-") {
                break;
            }
            assert!(i < 100, "left: {all}");
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(
        driver.describe("guest").await.unwrap().state,
        RunState::Running
    );
}
