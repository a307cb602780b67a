//! What is done with a snapshot once it is there.

use cordon_evidence::custody::{Entry, Head, verify};

use super::*;
use crate::rooms::evidence::fsck;

const MIB: usize = 1 << 20;

async fn held(
    room: &Room,
    actor: &Actor,
    hold: wire::SnapshotHold,
    of: &str,
) -> Result<String, Status> {
    let request = wire::HoldSnapshotRequest {
        parent: of.into(),
        hold: Some(hold),
        request_id: String::new(),
    };
    let made = call!(room, actor, snapshots.hold_snapshot(request))?;
    Ok(made.hold.unwrap().name)
}

async fn release(room: &Room, actor: &Actor, name: &str) -> Result<(), Status> {
    let request = wire::ReleaseSnapshotHoldRequest {
        name: name.into(),
        reason: "the trial is over".into(),
    };
    let done = call!(room, actor, snapshots.release_snapshot_hold(request));
    done.map(drop)
}

fn hold(mode: wire::snapshot_hold::Mode, until: Option<i64>) -> wire::SnapshotHold {
    wire::SnapshotHold {
        reason: "a trial".into(),
        mode: mode.into(),
        until_time: until.map(|seconds| prost_types::Timestamp { seconds, nanos: 0 }),
        ..Default::default()
    }
}

#[tokio::test]
async fn every_act_is_in_the_chain_and_the_chain_verifies() {
    let room = Room::new().await;
    room.disk("i-acme", "vda", &noise(3 * MIB, 1));
    let taken = room.taken().await;
    room.item(&room.responder, &taken.name, "vda.raw", (0, 0))
        .await
        .unwrap();
    let own = held(
        &room,
        &room.responder,
        hold(wire::snapshot_hold::Mode::Governance, None),
        &taken.name,
    );
    let own = own.await.unwrap();
    release(&room, &room.responder, &own).await.unwrap();
    let deleted = room.delete(&room.admin, &taken.name).await.unwrap();
    assert_eq!(deleted.snapshot.unwrap().state(), State::Deleted);
    let chain = room.chain(&taken.name).await;
    let acts: Vec<_> = chain
        .iter()
        .map(|entry| entry["act"]["kind"].as_str().unwrap())
        .collect();
    assert_eq!(acts, ["acquired", "read", "held", "released", "deleted"]);
    assert_eq!(chain[0]["by"]["party"], "provider");
    assert_eq!(chain[1]["by"]["party"], "acme");
    assert_eq!(chain[1]["purpose"], "a look");
    let request = wire::ListCustodyEntriesRequest {
        name: taken.name.clone(),
        first_sequence: 2,
        page_size: 2,
    };
    let page = call!(
        room,
        &room.responder,
        snapshots.list_custody_entries(request)
    )
    .unwrap();
    assert_eq!((page.entries.len(), page.next_sequence), (2, 4));
    let entries: Vec<Entry> = chain
        .iter()
        .map(|entry| serde_json::from_value(entry.clone()).unwrap())
        .collect();
    let digest = taken.manifest_sha256.parse().unwrap();
    let head = verify(&digest, ["vda.raw"], &entries, &[]).unwrap();
    assert_eq!(head.sequence, 5);
    // What the server signs of its end is that end.
    let signed = statement(&page.head_envelope);
    let signed: Head = serde_json::from_value(signed["predicate"]["head"].clone()).unwrap();
    assert_eq!(signed, head);
    // What is left after the destruction says what was destroyed.
    let certificate = statement(&deleted.certificate);
    assert_eq!(
        certificate["predicate"]["items"][0]["sha256"],
        taken.items[0].sha256
    );
    assert_eq!(certificate["predicate"]["custody"]["sequence"], 5);
    assert_eq!(room.manifest(&taken.name).await.items.len(), 1);
    assert_eq!(room.objects_of("acme"), 0);
    // Called again, it says the same.
    let again = room.delete(&room.admin, &taken.name).await.unwrap();
    let again = statement(&again.certificate);
    assert_eq!(
        again["predicate"]["keyDestroyed"],
        certificate["predicate"]["keyDestroyed"]
    );
    assert_eq!(room.chain(&taken.name).await.len(), 5);
}

fn statement(envelope: &[u8]) -> Value {
    use base64::Engine as _;
    let envelope: Value = serde_json::from_slice(envelope).unwrap();
    let payload = envelope["payload"].as_str().unwrap();
    let payload = base64::engine::general_purpose::STANDARD.decode(payload);
    serde_json::from_slice(&payload.unwrap()).unwrap()
}

#[tokio::test]
async fn a_hold_keeps_it_whoever_placed_it() {
    use wire::snapshot_hold::Mode;
    let room = Room::new().await;
    room.disk("i-acme", "vda", &noise(MIB, 1));
    let taken = room.taken().await;
    let staff = room.world.member("", "analyst").await.entering();
    let soon = room.world.kernel.env().now().as_second() + 3_600;
    let own = held(
        &room,
        &room.responder,
        hold(Mode::Governance, None),
        &taken.name,
    );
    let own = own.await.unwrap();
    let theirs = held(
        &room,
        &staff,
        hold(Mode::Compliance, Some(soon)),
        &taken.name,
    );
    let theirs = theirs.await.unwrap();
    let endless = held(&room, &staff, hold(Mode::Compliance, None), &taken.name).await;
    assert_eq!(fields(endless), ["hold.until_time"]);
    let past = held(&room, &staff, hold(Mode::Governance, Some(5)), &taken.name).await;
    assert_eq!(fields(past), ["hold.until_time"]);
    assert_eq!(
        reason(room.delete(&room.admin, &taken.name).await),
        "FAILED_PRECONDITION"
    );
    // Each side ends its own.
    assert_eq!(
        reason(release(&room, &room.responder, &theirs).await),
        "PERMISSION_DENIED"
    );
    assert_eq!(
        reason(release(&room, &staff, &own).await),
        "PERMISSION_DENIED"
    );
    assert_eq!(
        reason(release(&room, &staff, &theirs).await),
        "FAILED_PRECONDITION"
    );
    release(&room, &room.responder, &own).await.unwrap();
    assert_eq!(
        reason(release(&room, &room.responder, &own).await),
        "FAILED_PRECONDITION"
    );
    assert_eq!(
        reason(room.delete(&room.admin, &taken.name).await),
        "FAILED_PRECONDITION"
    );
    let request = wire::ListSnapshotHoldsRequest {
        parent: taken.name.clone(),
    };
    let all = call!(
        room,
        &room.responder,
        snapshots.list_snapshot_holds(request)
    )
    .unwrap();
    let parties: Vec<_> = all.holds.iter().map(|hold| hold.party.as_str()).collect();
    assert_eq!(parties, ["acme", "provider"]);
    // Its time comes, and nobody has to end it.
    room.world.clock.advance(SignedDuration::from_hours(2));
    let admin = room.world.with_token(&room.admin).await;
    room.delete(&admin, &taken.name).await.unwrap();
    let responder = room.world.with_token(&room.responder).await;
    let request = wire::ListCustodyEntriesRequest {
        name: taken.name.clone(),
        ..Default::default()
    };
    let told = call!(room, &responder, snapshots.list_custody_entries(request)).unwrap();
    assert_eq!(
        told.entries.len(),
        6,
        "acquired, held twice, released twice, deleted"
    );
}

#[tokio::test]
async fn who_may_not_delete_does_not() {
    let room = Room::new().await;
    room.disk("i-acme", "vda", &noise(MIB, 1));
    let taken = room.taken().await;
    assert_eq!(
        reason(room.delete(&room.responder, &taken.name).await),
        "PERMISSION_DENIED"
    );
    let globex = room.world.member("tenants/globex", "admin").await;
    assert_eq!(
        reason(room.delete(&globex, &taken.name).await),
        "PERMISSION_DENIED"
    );
    let operator = &room.world.operator;
    let kept = room.world.hold(operator, "tenants/acme").await;
    assert_eq!(
        reason(room.delete(&room.admin, &taken.name).await),
        "FAILED_PRECONDITION"
    );
    room.world.release(operator, &kept).await;
    room.delete(&room.admin, &taken.name).await.unwrap();
}

#[tokio::test]
async fn damage_is_named_and_goes_into_the_chain() {
    let room = Room::new().await;
    room.disk("i-acme", "vda", &noise(3 * MIB, 1));
    let taken = room.taken().await;
    // The largest object is the pack.
    let folder = room.folder.path().join("objects/t/acme/evd");
    let pack = files(&folder)
        .into_iter()
        .max_by_key(|file| std::fs::metadata(file).unwrap().len())
        .unwrap();
    let mut bytes = std::fs::read(&pack).unwrap();
    bytes[MIB + MIB / 2] ^= 1;
    std::fs::write(&pack, bytes).unwrap();
    let damaged = room
        .item(&room.responder, &taken.name, "vda.raw", (0, 0))
        .await;
    let status = damaged.unwrap_err();
    assert_eq!(status.code(), tonic::Code::DataLoss);
    assert_eq!(reason(Err::<(), _>(status)), "EVIDENCE_DAMAGED");
    let chain = room.chain(&taken.name).await;
    let last = chain.last().unwrap();
    assert_eq!(last["recheck"]["result"], "differs");
    assert_eq!(last["recheck"]["block"], 1);
    assert_eq!(last["recheck"]["offset"], MIB);
    let (scope, _) =
        room.world
            .kernel
            .maintenance_scope(&room.runner, &"acme".parse().unwrap(), "fsck");
    let scope = Arc::new(scope);
    let found = fsck(&room.world.kernel, &room.objects, &scope);
    let found = found.await.unwrap();
    assert_eq!((found.snapshots, found.custody_entries), (1, 3));
    let [fault] = &*found.faults else {
        panic!("{:?}", found.faults)
    };
    assert!(fault.ends_with("vda.raw: block 1, from byte 1048576 on, is not what was acquired"));
    // What is not damaged can be read.
    let range = (2 * MIB as i64, MIB as i64);
    let rest = room
        .item(&room.responder, &taken.name, "vda.raw", range)
        .await;
    assert!(rest.unwrap() == noise(3 * MIB, 1)[2 * MIB..]);
}
