//! What is acquired is what was there, and the guest goes on.

use std::fs;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cordon_hypervisor::{
    AcquisitionId, Consistency, DiskSource, DiskState, Hypervisor as _, MemoryMoment, MemorySource,
    Request, RunState, Step, walk,
};
use futures::StreamExt as _;

use crate::machine::{DISK, Guest, MEMORY, SECRET};

pub(crate) fn id(text: &str) -> AcquisitionId {
    AcquisitionId::new(text).unwrap()
}

pub(crate) fn request(consistency: Consistency, memory: bool) -> Request {
    Request {
        consistency,
        memory,
        network: true,
        disks: None,
    }
}

/// All of a disk.
pub(crate) async fn pull(disk: &Arc<dyn DiskSource>) -> Vec<u8> {
    let mut steps = Box::pin(walk(Arc::clone(disk), 1 << 20, 4));
    let mut bytes = Vec::new();
    while let Some(step) = steps.next().await {
        match step.unwrap() {
            Step::Data { offset, piece } => {
                assert_eq!(offset, bytes.len() as u64);
                assert!(piece.unreadable.is_empty());
                bytes.extend_from_slice(&piece.bytes);
            }
            Step::Zeros(extent) => bytes.resize(usize::try_from(extent.end()).unwrap(), 0),
        }
    }
    bytes
}

/// All of memory, whether the secret is in it, and how long it took to come.
pub(crate) async fn dump(mut memory: Box<dyn MemorySource>) -> (Vec<u8>, bool, Duration) {
    let began = Instant::now();
    let mut bytes = Vec::new();
    while let Some(chunk) = memory.next().await.unwrap() {
        bytes.extend_from_slice(&chunk);
    }
    let took = began.elapsed();
    let found = memchr::memmem::find(&bytes, SECRET.as_bytes()).is_some();
    (bytes, found, took)
}

/// The counter that the guest writes to a disk.
fn counter(disk: &[u8]) -> u64 {
    let text = std::str::from_utf8(&disk[..511]).unwrap();
    text.trim_matches(['\0', ' ', '\n']).parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn live_disks_are_of_one_moment_and_the_guest_goes_on() {
    let Some(guest) = Guest::boot() else { return };
    let driver = guest.driver();
    let told = driver.describe("guest").await.unwrap();
    assert_eq!((told.state, told.memory), (RunState::Running, MEMORY << 20));
    let names: Vec<_> = told
        .disks
        .iter()
        .map(|disk| (disk.name.as_str(), disk.size))
        .collect();
    assert_eq!(names, [("vd0", DISK), ("vd1", DISK), ("vd2", DISK)]);

    let asked = request(Consistency::Live, false);
    let acquisition = driver.begin(&id("live"), "guest", &asked).await.unwrap();
    let reached = acquisition.reached().clone();
    assert_eq!((reached.disks, reached.memory), (DiskState::PowerCut, None));
    assert!(reached.moment.is_some(), "{reached:?}");
    let pause = reached.pause.unwrap();
    eprintln!("pause for three disks: {pause:?}");
    assert!(pause < Duration::from_secs(1), "{pause:?}");
    guest.goes_on();
    let began = Instant::now();
    let mut disks = Vec::new();
    for disk in acquisition.disks() {
        disks.push(pull(disk).await);
    }
    let took = began.elapsed();
    eprintln!(
        "pulled {} MiB in {took:?} while the guest wrote",
        (3 * DISK) >> 20
    );
    // The guest writes to the second before the third, never the other way.
    let (second, third) = (counter(&disks[1]), counter(&disks[2]));
    assert!(second == third || second == third + 1, "{second} {third}");
    assert!(guest.ticks() > second);
    // Read once more after the guest has gone on, it is the same.
    guest.goes_on();
    for (disk, before) in acquisition.disks().iter().zip(&disks) {
        assert!(pull(disk).await == *before);
    }
    let finished = acquisition.finish().await.unwrap();
    assert_eq!(finished.pause, pause);
    guest.goes_on();
    // Its journal played, the file system is whole.
    let image = guest.folder.path().join("pulled");
    fs::write(&image, &disks[0]).unwrap();
    let fsck = |how: &str| {
        let output = Command::new("e2fsck")
            .args(["-f", how])
            .arg(&image)
            .output()
            .unwrap();
        (
            output.status.code().unwrap(),
            String::from_utf8_lossy(&output.stdout).into_owned(),
        )
    };
    let (code, text) = fsck("-p");
    assert!(code <= 1, "{code}: {text}");
    let (code, text) = fsck("-n");
    assert_eq!(code, 0, "{text}");
    // Nothing is left, so that the same can be done again.
    assert_eq!(driver.cleanup("guest").await.unwrap().acquisitions, 0);
    assert_eq!(
        fs::read_dir(guest.folder.path().join("private"))
            .unwrap()
            .count(),
        0
    );
    let again = driver.begin(&id("live"), "guest", &asked).await.unwrap();
    again.finish().await.unwrap();
    guest.goes_on();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paused_disks_equal_a_paused_copy_and_memory_holds_the_secret() {
    let Some(guest) = Guest::boot() else { return };
    let driver = guest.driver();
    let asked = request(Consistency::Paused, true);
    let mut acquisition = driver.begin(&id("paused"), "guest", &asked).await.unwrap();
    let reached = acquisition.reached();
    assert_eq!(reached.memory, Some(MemoryMoment::Same));
    assert_eq!(reached.pause, None);
    // Nobody has read the memory yet.
    guest.stands_still();
    let copies: Vec<_> = (0..3).map(|disk| guest.copy(disk)).collect();
    let memory = acquisition.memory().unwrap();
    assert_eq!(memory.expected(), MEMORY << 20);
    let (bytes, found, took) = dump(memory).await;
    eprintln!("dumped {} MiB in {took:?}", bytes.len() >> 20);
    assert!(found, "the secret is not in the dump");
    assert!(bytes.starts_with(b"\x7fELF") && bytes.len() as u64 >= MEMORY << 20);
    guest.goes_on();
    for (disk, copy) in acquisition.disks().iter().zip(&copies) {
        assert!(pull(disk).await == *copy, "{}", disk.name());
    }
    let network = acquisition.network().unwrap();
    assert!(network.missing.contains(&"packets"));
    let finished = acquisition.finish().await.unwrap();
    eprintln!(
        "pause with memory, of which the test took 2.3 s and a copy: {:?}",
        finished.pause
    );
    guest.goes_on();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn live_memory_holds_the_secret_too() {
    let Some(guest) = Guest::boot() else { return };
    let driver = guest.driver();
    let asked = Request {
        disks: Some(Vec::new()),
        ..request(Consistency::Live, true)
    };
    let mut acquisition = driver.begin(&id("memory"), "guest", &asked).await.unwrap();
    assert_eq!(acquisition.reached().memory, Some(MemoryMoment::Later));
    let (bytes, found, took) = dump(acquisition.memory().unwrap()).await;
    assert!(found && acquisition.memory().is_none() && acquisition.disks().is_empty());
    let finished = acquisition.finish().await.unwrap();
    eprintln!("{} MiB in {took:?}, pauses {finished:?}", bytes.len() >> 20);
    assert!(finished.memory_pause.unwrap() < Duration::from_secs(20));
    guest.goes_on();
}
