//! What is asked of snapshots, and what others have of the same bytes: a machine of initech's has the
//! same disk as one of hooli's, of which hooli may have had a snapshot taken before.

use std::path::PathBuf;

use cordon_client::{Holder, Resource};
use serde_json::{Value, json};

use super::{ID, does, within};
use crate::harness::{Raw, World};

/// What tenant `initech` asks, method by method.
pub(super) fn questions() -> Vec<(&'static str, Vec<String>)> {
    let of = |tenant: &str| format!("tenants/{tenant}/snapshots/{ID}");
    let both = |more: Value| {
        within(|tenant| {
            let mut body = more.clone();
            body["name"] = json!(of(tenant));
            body
        })
    };
    let mut created: Vec<String> = ["i-initech", "i-hooli", "i-nobody"]
        .map(|instance| asking("initech", instance).to_string())
        .into();
    created.push(asking("hooli", "i-hooli").to_string());
    created.push(asking("initech", &format!("tenants/hooli/resources/{ID}")).to_string());
    vec![
        ("CreateSnapshot", created),
        ("GetSnapshot", both(json!({}))),
        (
            "ListSnapshots",
            within(|of| json!({ "parent": format!("tenants/{of}") })),
        ),
        ("WatchSnapshot", both(json!({}))),
        ("CancelSnapshot", both(json!({}))),
        ("GetManifest", both(json!({}))),
        ("DownloadBlockList", both(json!({ "item": "vda.raw" }))),
        (
            "DownloadItem",
            both(json!({ "item": "vda.raw", "purpose": "x" })),
        ),
        ("ListCustodyEntries", both(json!({}))),
        (
            "HoldSnapshot",
            within(|tenant| json!({ "parent": of(tenant), "hold": { "reason": "x" } })),
        ),
        (
            "ListSnapshotHolds",
            within(|tenant| json!({ "parent": of(tenant) })),
        ),
        (
            "ReleaseSnapshotHold",
            within(|tenant| json!({ "name": format!("{}/holds/{ID}", of(tenant)), "reason": "x" })),
        ),
        ("DeleteSnapshot", both(json!({ "purpose": "x" }))),
    ]
}

fn asking(tenant: &str, instance: &str) -> Value {
    let snapshot = json!({ "instance": instance, "purpose": "x", "disks": true, "network": true });
    json!({ "parent": format!("tenants/{tenant}"), "snapshot": snapshot })
}

/// A disk with something on it.
fn disk() -> Vec<u8> {
    let mut bytes: Vec<u8> = (0_u32..1 << 19)
        .flat_map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes())
        .collect();
    bytes.resize(5 << 20, 0);
    bytes
}

/// Gives a tenant a machine, which a hypervisor that the server reaches has.
async fn machine(world: &World, tenant: &str, instance: &str) {
    let folder: PathBuf = world.server.data.join("machines").join(instance);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("vda.raw"), disk()).unwrap();
    let registered = Resource {
        kind: "instance".into(),
        identifier: instance.into(),
        ..Resource::default()
    };
    let admin = world.operator.tenants();
    admin.import_resources(tenant, &[registered]).await.unwrap();
}

/// What initech has, in both worlds.
pub(super) async fn ours(world: &World) {
    machine(world, "initech", "i-initech").await;
}

/// What hooli has, and has taken of it.
pub(super) async fn theirs(world: &World) {
    machine(world, "hooli", "i-hooli").await;
    let member = world
        .issue(Holder::Tenant("hooli".into()), "responder")
        .await;
    let raw = Raw::member(&member).await;
    let taken = does(&raw, "CreateSnapshot", asking("hooli", "i-hooli")).await;
    let name = taken["snapshot"]["name"].clone();
    for _ in 0..200 {
        let now = does(&raw, "GetSnapshot", json!({ "name": name })).await;
        if now["snapshot"]["state"] == "STATE_COMPLETE" {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("hooli's snapshot is not taken");
}
