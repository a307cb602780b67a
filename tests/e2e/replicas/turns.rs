//! Servers that are killed, paused and replaced in turn while sources send and analysts watch.

use std::time::Duration;

use super::Installed;
use super::load::{Load, NO_ANSWER};

/// Sealing all the time, and claims that lapse within a pause.
const BUSY: &str = "[limits]\ngrace_seconds = 2\n\
     [objects]\nseal_rows = 1000\n\
     [jobs]\nlease_seconds = 2\n";

async fn a_while(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

/// How many sealings each server has finished.
fn sealed(installed: &Installed) -> Vec<usize> {
    let sealed = |server| installed.replicas.said(server, "journal sealed");
    (0..3).map(sealed).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_killed_and_paused_in_turn_lose_and_double_nothing() {
    let Some(mut installed) = Installed::with(BUSY).await else {
        return;
    };
    let load = Load::begin(&installed, Duration::from_secs(3));
    for round in 0..6 {
        let server = round % 3;
        a_while(2).await;
        if round % 2 == 0 {
            installed.replicas.kill(server).await;
            a_while(1).await;
            installed.replicas.restart(server).await;
        } else {
            installed.replicas.pause(server);
            a_while(4).await;
            installed.replicas.resume(server);
        }
    }
    let report = load.end().await;
    let sealed = sealed(&installed);
    println!(
        "{} events of each tenant acknowledged; failures that sources saw: {:?}; sealings by server: {sealed:?}",
        report.acknowledged[0].len(),
        report.failures,
    );
    report.verify(&installed).await;
    let sealing = sealed.iter().filter(|count| **count > 0).count();
    assert!(sealing > 1, "background work was one server's: {sealed:?}");
    installed.replicas.fsck();
    for server in 0..3 {
        installed.replicas.stop(server).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_replaced_in_turn_lose_nothing_and_are_only_unavailable() {
    let Some(mut installed) = Installed::with(BUSY).await else {
        return;
    };
    let load = Load::begin(&installed, Duration::from_secs(20));
    for server in 0..3 {
        a_while(2).await;
        installed.replicas.stop(server).await;
        installed.replicas.restart(server).await;
    }
    a_while(1).await;
    let report = load.end().await;
    println!(
        "{} events of each tenant acknowledged; failures that sources saw: {:?}",
        report.acknowledged[0].len(),
        report.failures,
    );
    report.verify(&installed).await;
    for reason in report.failures.keys() {
        assert_eq!(reason, "UNAVAILABLE", "{:?}", report.failures);
    }
    assert!(!report.failures.contains_key(NO_ANSWER));
    installed.replicas.fsck();
}
