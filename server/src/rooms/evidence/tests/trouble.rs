//! Machines that die, servers that die, and work that is called off.

use std::sync::atomic::Ordering;
use std::time::Duration;

use cordon_hypervisor::Error as Source;
use tokio::sync::Semaphore;

use super::machine::{Machine, Script};
use super::*;

const MIB: usize = 1 << 20;

fn machine(script: Script) -> Machine {
    Machine(Arc::new(script))
}

fn disks(mib: usize) -> Vec<(String, Vec<u8>)> {
    vec![("vda".to_owned(), noise(mib * MIB, 5))]
}

#[tokio::test]
async fn what_was_read_of_a_machine_that_died_is_kept() {
    let room = Room::new().await;
    let machine = machine(Script {
        disks: disks(8),
        memory: Some(noise(MIB, 6)),
        reads: Some(4),
        ..Script::default()
    });
    let mut asking = Room::asking("acme", "i-acme");
    asking.snapshot.as_mut().unwrap().memory = true;
    let asked = room.create(asking).await.unwrap();
    room.take_all(&machine.hypervisors()).await;
    let taken = room.get(&asked.name).await;
    assert_eq!(taken.state(), State::Failed);
    assert_eq!(taken.failure.unwrap().reason, "INSTANCE_GONE");
    let [memory, disk] = &*taken.items else {
        panic!("{:?}", taken.items)
    };
    assert_eq!(memory.unreadable_bytes, 0);
    assert_eq!(disk.unreadable_bytes, (4 * MIB) as i64);
    let read = room.item(&room.responder, &asked.name, "vda.raw", (0, 0));
    let read = read.await.unwrap();
    assert!(read[..4 * MIB] == disks(8)[0].1[..4 * MIB]);
    assert!(read[4 * MIB..] == vec![0; 4 * MIB]);
    assert_eq!(machine.0.finished.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn memory_that_breaks_off_is_missing_and_not_half_there() {
    let room = Room::new().await;
    let machine = machine(Script {
        disks: disks(2),
        memory: Some(noise(MIB, 6)),
        memory_breaks: true,
        ..Script::default()
    });
    let mut asking = Room::asking("acme", "i-acme");
    asking.snapshot.as_mut().unwrap().memory = true;
    let asked = room.create(asking).await.unwrap();
    room.take_all(&machine.hypervisors()).await;
    let taken = room.get(&asked.name).await;
    assert_eq!(taken.state(), State::Failed);
    let names: Vec<_> = taken.items.iter().map(|item| item.item.as_str()).collect();
    assert_eq!(names, ["vda.raw"]);
    let manifest = room.manifest(&asked.name).await;
    assert_eq!(manifest.missing.len(), 1);
    assert_eq!(manifest.missing[0].source, "the memory of the instance");
}

#[tokio::test]
async fn a_machine_that_gives_nothing_leaves_nothing() {
    let room = Room::new().await;
    for (refusal, told) in [
        (Source::Unsupported("it"), "NOT_SUPPORTED"),
        (Source::NotAllowed("a file"), "NOT_ALLOWED"),
        (Source::TimedOut("the monitor"), "HYPERVISOR"),
        (
            Source::Refused {
                command: "stop",
                text: "/etc/shadow".to_owned(),
            },
            "HYPERVISOR",
        ),
    ] {
        let machine = machine(Script {
            disks: disks(1),
            refusals: std::sync::Mutex::new([refusal].into()),
            ..Script::default()
        });
        let asked = room.create(Room::asking("acme", "i-acme")).await.unwrap();
        room.take_all(&machine.hypervisors()).await;
        let failed = room.get(&asked.name).await;
        assert_eq!(failed.state(), State::Failed);
        let failure = failed.failure.unwrap();
        assert_eq!(failure.reason, told);
        assert!(!failure.message.contains("shadow"), "{}", failure.message);
        let request = wire::GetManifestRequest {
            name: asked.name.clone(),
        };
        let none = call!(room, &room.responder, snapshots.get_manifest(request));
        assert_eq!(reason(none), "FAILED_PRECONDITION");
        let deleted = room.delete(&room.admin, &asked.name).await;
        assert_eq!(reason(deleted), "FAILED_PRECONDITION");
    }
    assert_eq!(room.objects_of("acme"), 0);
}

#[tokio::test]
async fn a_busy_machine_is_waited_for_and_one_that_nobody_has_is_not() {
    let room = Room::new().await;
    let busy = machine(Script {
        disks: disks(1),
        refusals: std::sync::Mutex::new([Source::Busy("another")].into()),
        ..Script::default()
    });
    let asked = room.create(Room::asking("acme", "i-acme")).await.unwrap();
    let claim = room.claim().await.unwrap();
    let again = room.work(&claim, &busy.hypervisors()).await.unwrap();
    let again = again.expect("it is tried again");
    room.world.kernel.db().job_next(claim, again).await.unwrap();
    assert_eq!(room.get(&asked.name).await.state(), State::Requested);
    room.world.clock.advance(SignedDuration::from_secs(10));
    room.take_all(&busy.hypervisors()).await;
    assert_eq!(room.get(&asked.name).await.state(), State::Complete);

    // This server reaches no hypervisor that has it: another one may.
    let nowhere = Hypervisors::default();
    let asked = room.create(Room::asking("acme", "i-acme")).await.unwrap();
    let claim = room.claim().await.unwrap();
    let again = room.work(&claim, &nowhere).await.unwrap().unwrap();
    room.world.kernel.db().job_next(claim, again).await.unwrap();
    assert_eq!(room.get(&asked.name).await.state(), State::Requested);
    room.world.clock.advance(SignedDuration::from_mins(3));
    room.take_all(&nowhere).await;
    let failed = room.get(&asked.name).await;
    assert_eq!(failed.failure.unwrap().reason, "INSTANCE_NOT_FOUND");
}

#[tokio::test]
async fn another_server_takes_over_once_and_stores_nothing_twice() {
    let room = Room::new().await;
    let leave = Arc::new(Semaphore::new(160));
    let machine = machine(Script {
        disks: disks(200),
        leave: Some(Arc::clone(&leave)),
        ..Script::default()
    });
    let hypervisors = machine.hypervisors();
    let asked = room.create(Room::asking("acme", "i-acme")).await.unwrap();
    let first = room.claim().await.unwrap();
    // It dies when it has stored a piece and waits for the machine.
    let dying = room.work(&first, &hypervisors);
    let dying = tokio::time::timeout(Duration::from_secs(120), async {
        tokio::select! {
            ended = dying => panic!("{ended:?}"),
            () = async {
                while room.get(&asked.name).await.stored_bytes == 0 {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            } => {}
        }
    });
    dying.await.unwrap();
    assert_eq!(machine.0.dropped.load(Ordering::Relaxed), 1, "let go of");
    let noted = room.get(&asked.name).await;
    assert_eq!(noted.state(), State::Acquiring);
    leave.add_permits(1_000);
    room.world.clock.advance(SignedDuration::from_secs(60));
    let second = room.claim().await.expect("the claim has lapsed");
    room.work(&second, &hypervisors).await.unwrap();
    let taken = room.get(&asked.name).await;
    assert_eq!(taken.state(), State::Complete);
    assert_eq!(taken.progress.unwrap().attempt, 2);
    assert_eq!(machine.0.cleaned.load(Ordering::Relaxed), 1);
    assert_eq!(taken.items[0].sha256, sha256(&disks(200)[0].1));
    // What the first had noted was not stored again: in all it is as much as the disk has, and a little.
    let most = (200 * MIB + 8 * MIB) as i64;
    assert!(noted.stored_bytes > (100 * MIB) as i64);
    assert!(taken.stored_bytes < most, "{}", taken.stored_bytes);
    // The first comes back, and finds that it is not its work any more.
    let late = room.work(&first, &hypervisors).await;
    assert!(matches!(late, Ok(None)), "{late:?}");
    assert_eq!(room.chain(&asked.name).await.len(), 1, "acquired once");
}

#[tokio::test]
async fn a_server_that_was_held_up_destroys_nothing_of_what_another_has_taken() {
    let room = Room::new().await;
    let stuck = machine(Script {
        disks: disks(2),
        leave: Some(Arc::new(Semaphore::new(0))),
        ..Script::default()
    });
    let free = machine(Script {
        disks: disks(2),
        ..Script::default()
    });
    let (stuck_at, free_at) = (stuck.hypervisors(), free.hypervisors());
    let asked = room.create(Room::asking("acme", "i-acme")).await.unwrap();
    let first = room.claim().await.unwrap();
    let late = room.work(&first, &stuck_at);
    let other = async {
        while room.get(&asked.name).await.progress.unwrap().attempt < 1 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        room.world.clock.advance(SignedDuration::from_secs(60));
        let second = room.claim().await.expect("the claim has lapsed");
        room.work(&second, &free_at).await.unwrap();
    };
    let both = async { tokio::join!(late, other) };
    let (late, ()) = tokio::time::timeout(Duration::from_secs(60), both)
        .await
        .unwrap();
    assert!(matches!(late, Ok(None)), "{late:?}");
    assert_eq!(stuck.0.dropped.load(Ordering::Relaxed), 1, "let go of");
    assert_eq!(room.get(&asked.name).await.state(), State::Complete);
    let read = room.item(&room.responder, &asked.name, "vda.raw", (0, 0));
    assert!(read.await.unwrap() == disks(2)[0].1);
}

#[tokio::test]
async fn what_is_called_off_is_let_go_of_and_destroyed() {
    let room = Room::new().await;
    let leave = Arc::new(Semaphore::new(3));
    let machine = machine(Script {
        disks: disks(8),
        memory: Some(noise(MIB, 6)),
        leave: Some(leave),
        ..Script::default()
    });
    let mut asking = Room::asking("acme", "i-acme");
    asking.snapshot.as_mut().unwrap().memory = true;
    let asked = room.create(asking).await.unwrap();
    let claim = room.claim().await.unwrap();
    let hypervisors = machine.hypervisors();
    let working = room.work(&claim, &hypervisors);
    let cancelling = async {
        // Its memory is stored, and its disk is waited for.
        while room.get(&asked.name).await.stored_bytes == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let request = wire::CancelSnapshotRequest {
            name: asked.name.clone(),
        };
        let after = call!(room, &room.responder, snapshots.cancel_snapshot(request));
        assert_eq!(after.unwrap().snapshot.unwrap().state(), State::Cancelled);
    };
    let both = async { tokio::join!(working, cancelling) };
    let (worked, ()) = tokio::time::timeout(Duration::from_secs(60), both)
        .await
        .unwrap();
    assert_eq!(worked.unwrap(), None);
    assert_eq!(machine.0.dropped.load(Ordering::Relaxed), 1);
    assert_eq!(room.objects_of("acme"), 0);
    let request = wire::CancelSnapshotRequest {
        name: asked.name.clone(),
    };
    let again = call!(room, &room.responder, snapshots.cancel_snapshot(request));
    assert_eq!(reason(again), "FAILED_PRECONDITION");
}

#[tokio::test]
async fn a_snapshot_that_kills_its_servers_is_given_up() {
    let room = Room::new().await;
    let machine = machine(Script {
        disks: disks(2),
        leave: Some(Arc::new(Semaphore::new(0))),
        ..Script::default()
    });
    let hypervisors = machine.hypervisors();
    let asked = room.create(Room::asking("acme", "i-acme")).await.unwrap();
    for attempt in 1..=5 {
        let claim = room.claim().await.unwrap();
        let begun = async {
            while room.get(&asked.name).await.progress.unwrap().attempt < attempt {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::select! {
            ended = room.work(&claim, &hypervisors) => panic!("{ended:?}"),
            () = begun => {}
        }
        room.world.clock.advance(SignedDuration::from_secs(60));
    }
    room.take_all(&hypervisors).await;
    let failed = room.get(&asked.name).await;
    assert_eq!(failed.state(), State::Failed);
    assert_eq!(failed.failure.unwrap().reason, "SERVER");
    assert_eq!(machine.0.dropped.load(Ordering::Relaxed), 5);
}
