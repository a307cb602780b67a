//! What is taken, and what it is held to.

use cordon_evidence::check::check;
use cordon_evidence::manifest::{ItemKind, Level};

use super::machine::{Machine, Script};
use super::*;

const MIB: usize = 1 << 20;

/// Some blocks of data, holes, and an end that is no whole block.
fn disk(seed: u8) -> Vec<u8> {
    let mut bytes = noise(3 * MIB, seed);
    bytes.extend(vec![0; 2 * MIB]);
    bytes.extend(noise(MIB + 4_096, seed.wrapping_add(1)));
    bytes
}

#[tokio::test]
async fn a_snapshot_of_images_is_what_the_images_were() {
    let room = Room::new().await;
    let disks = [("vda", disk(1)), ("vdb", disk(9))];
    for (name, bytes) in &disks {
        room.disk("i-acme", name, bytes);
    }
    let taken = room.taken().await;
    assert_eq!(taken.state(), State::Complete);
    assert_eq!(taken.items.len(), 2);
    let manifest = room.manifest(&taken.name).await;
    assert_eq!(manifest.snapshot, taken.name);
    assert_eq!(manifest.machine.id, "i-acme");
    assert_eq!(manifest.consistency.reached, Level::Paused);
    for ((name, bytes), item) in disks.iter().zip(&taken.items) {
        assert_eq!(item.item, format!("{name}.raw"));
        assert_eq!(item.sha256, sha256(bytes), "as another program has it");
        assert_eq!(item.size_bytes, bytes.len() as i64);
        assert_eq!(item.data_bytes, (4 * MIB + 4_096) as i64);
        // Offline: what was downloaded against the manifest and the list that its root fixes.
        let content = &manifest.item(&item.item).unwrap().content;
        let list = room.list(&taken.name, &item.item).await.unwrap();
        let list = BlockList::open(list, content).unwrap();
        let whole = room.item(&room.responder, &taken.name, &item.item, (0, 0));
        let whole = whole.await.unwrap();
        assert!(whole == *bytes);
        check(&*whole, content, &list).unwrap();
        for (from, to) in [(0, MIB), (2 * MIB, 4 * MIB), (6 * MIB, bytes.len())] {
            let range = (from as i64, (to - from) as i64);
            let part = room.item(&room.responder, &taken.name, &item.item, range);
            assert!(part.await.unwrap() == bytes[from..to], "{from} to {to}");
        }
        for range in [(1, 0), (0, 5), (0, i64::MAX), (-1, 0), (8 << 20, 0)] {
            let part = room.item(&room.responder, &taken.name, &item.item, range);
            assert_eq!(reason(part.await), "INVALID_ARGUMENT", "{range:?}");
        }
    }
    let none = room.item(&room.responder, &taken.name, "vdc.raw", (0, 0));
    assert_eq!(reason(none.await), "NOT_FOUND");
}

#[tokio::test]
async fn memory_comes_first_and_is_of_its_own_moment() {
    let room = Room::new().await;
    let memory = noise(MIB + 77, 3);
    let machine = Machine(Arc::new(Script {
        disks: vec![("disk0".to_owned(), disk(1)), ("../x".to_owned(), disk(2))],
        memory: Some(memory.clone()),
        ..Script::default()
    }));
    let mut asking = Room::asking("acme", "i-acme");
    let wanted = asking.snapshot.as_mut().unwrap();
    (wanted.memory, wanted.network) = (true, true);
    let asked = room.create(asking).await.unwrap();
    room.take_all(&machine.hypervisors()).await;
    let taken = room.get(&asked.name).await;
    assert_eq!(taken.state(), State::Complete, "{:?}", taken.failure);
    let names: Vec<_> = taken.items.iter().map(|item| item.item.as_str()).collect();
    // A name that would lead out of a folder becomes another one.
    assert_eq!(
        names,
        ["memory.elf", "network.json", "disk0.raw", "disk-1.raw"]
    );
    let whole = room.item(&room.responder, &taken.name, "memory.elf", (0, 0));
    assert!(whole.await.unwrap() == memory);
    let manifest = room.manifest(&taken.name).await;
    let reached: Vec<_> = manifest.items.iter().map(|item| item.reached).collect();
    assert_eq!(
        reached,
        [Level::Live, Level::Live, Level::Paused, Level::Paused]
    );
    assert_eq!(manifest.items[3].source, "the disk ../x of the instance");
    assert_eq!(manifest.items[0].kind, ItemKind::Memory);
    assert!(
        manifest
            .method
            .steps
            .contains(&"no agent answered".to_owned())
    );
    assert_eq!(
        machine
            .0
            .finished
            .load(std::sync::atomic::Ordering::Relaxed),
        1
    );
}

#[tokio::test]
async fn blocks_of_earlier_snapshots_are_shared_within_the_tenant_alone() {
    let room = Room::new().await;
    room.disk("i-acme", "vda", &disk(1));
    let first = room.taken().await;
    let second = room.taken().await;
    assert_eq!(second.items, first.items);
    assert!(first.stored_bytes > 4 << 20);
    assert!(second.stored_bytes < 64 << 10, "{}", second.stored_bytes);
    // The same disk of another tenant's takes as much as if nobody had it.
    room.disk("i-globex", "vda", &disk(1));
    let globex = room.world.member("tenants/globex", "responder").await;
    let request = Room::asking("globex", "i-globex");
    let asked = call!(room, &globex, snapshots.create_snapshot(request)).unwrap();
    room.take_all(&room.hypervisors).await;
    let request = wire::GetSnapshotRequest {
        name: asked.snapshot.unwrap().name,
    };
    let other = call!(room, &globex, snapshots.get_snapshot(request)).unwrap();
    let other = other.snapshot.unwrap();
    assert_eq!(other.state(), State::Complete);
    assert_eq!(other.stored_bytes, first.stored_bytes);
    // The first goes, and what the second shared with it stays.
    room.delete(&room.admin, &first.name).await.unwrap();
    let gone = room.item(&room.responder, &first.name, "vda.raw", (0, 0));
    assert_eq!(reason(gone.await), "FAILED_PRECONDITION");
    let whole = room.item(&room.responder, &second.name, "vda.raw", (0, 0));
    assert!(whole.await.unwrap() == disk(1));
    room.delete(&room.admin, &second.name).await.unwrap();
    assert_eq!(room.objects_of("acme"), 0);
    assert!(room.objects_of("globex") > 0);
}

#[tokio::test]
async fn only_the_owner_of_an_instance_has_it_taken() {
    let room = Room::new().await;
    room.disk("i-globex", "vda", &disk(1));
    // In another tenant's namespace: refused whether or not there is one.
    for instance in [
        "tenants/globex/resources/01890a5d-ac96-774b-bcce-b302099a8057",
        "tenants/nobody/resources/01890a5d-ac96-774b-bcce-b302099a8057",
    ] {
        let asked = room.create(Room::asking("acme", instance)).await;
        assert_eq!(reason(asked), "PERMISSION_DENIED");
    }
    // Another tenant's id, and one that nobody has.
    for instance in ["i-globex", "i-nobody"] {
        let asked = room.create(Room::asking("acme", instance)).await;
        assert_eq!(reason(asked), "NOT_FOUND");
    }
    let asked = room.create(Room::asking("globex", "i-globex")).await;
    assert_eq!(reason(asked), "PERMISSION_DENIED");
    let reader = room.world.member("tenants/acme", "reader").await;
    let request = Room::asking("acme", "i-acme");
    let asked = call!(room, &reader, snapshots.create_snapshot(request));
    assert_eq!(reason(asked), "PERMISSION_DENIED");
    let staff = room.world.member("", "analyst").await;
    let request = Room::asking("acme", "i-acme");
    let asked = call!(room, &staff, snapshots.create_snapshot(request.clone()));
    assert_eq!(reason(asked), "PERMISSION_DENIED", "who has not entered");
    room.disk("i-acme", "vda", &disk(1));
    let entered = staff.entering();
    let asked = call!(room, &entered, snapshots.create_snapshot(request)).unwrap();
    room.take_all(&room.hypervisors).await;
    let name = asked.snapshot.unwrap().name;
    assert_eq!(room.get(&name).await.state(), State::Complete);
    assert_eq!(room.manifest(&name).await.asked_by.party, "provider");
    // What is in a machine is its owner's alone.
    for actor in [&entered, &reader] {
        let read = room.item(actor, &name, "vda.raw", (0, 0));
        assert_eq!(reason(read.await), "PERMISSION_DENIED");
    }
}

#[tokio::test]
async fn what_is_asked_badly_is_told_at_once() {
    let room = Room::new().await;
    let mut asking = Room::asking("acme", "a b");
    let body = asking.snapshot.as_mut().unwrap();
    body.purpose = "two\nlines".into();
    body.disks = false;
    body.disk_names = vec!["vda".into()];
    body.consistency = 9;
    body.max_bytes_per_second = 5;
    body.incident = "x".into();
    let named = fields(room.create(asking).await);
    assert_eq!(
        named,
        [
            "snapshot.instance",
            "snapshot.purpose",
            "snapshot",
            "snapshot.disk_names",
            "snapshot.max_bytes_per_second",
            "snapshot.consistency",
            "snapshot.incident",
        ]
    );
    let mut asking = Room::asking("acme", "i-acme");
    let incident = "tenants/acme/incidents/01890a5d-ac96-774b-bcce-b302099a8057";
    asking.snapshot.as_mut().unwrap().incident = incident.into();
    assert_eq!(reason(room.create(asking).await), "NOT_FOUND");
    // Called twice by one name, it is taken once.
    room.disk("i-acme", "vda", &disk(1));
    let mut asking = Room::asking("acme", "i-acme");
    asking.request_id = "r1".into();
    let first = room.create(asking.clone()).await.unwrap();
    let again = room.create(asking).await.unwrap();
    assert_eq!(first.name, again.name);
    room.take_all(&room.hypervisors).await;
    let request = wire::ListSnapshotsRequest {
        parent: "tenants/acme".into(),
        ..Default::default()
    };
    let all = call!(room, &room.responder, snapshots.list_snapshots(request)).unwrap();
    assert_eq!(all.snapshots.len(), 1);
    assert_eq!(all.snapshots[0].state(), State::Complete);
}
