//! The room against a kernel, a store and machines in temporary folders: everything but the network is
//! real.

mod acquired;
mod custody;
mod machine;
mod trouble;

use std::path::Path;
use std::sync::Arc;

use cordon_evidence::list::BlockList;
use cordon_evidence::manifest::Manifest;
use cordon_kernel::db::jobs::{JobClaim, JobRunner, Lane};
use cordon_lake::object::Objects;
use cordon_proto::evidence as wire;
use cordon_proto::evidence::snapshot::State;
use cordon_proto::evidence::snapshots_service_server::SnapshotsService as _;
use jiff::SignedDuration;
use serde_json::Value;
use tokio_stream::StreamExt as _;
use tonic::{Request, Status};

use super::service::Service;
use super::{SnapshotsRpc, take};
use crate::config::{Driver, Evidence, Hypervisor as Settings};
use crate::providers::hypervisors::Hypervisors;
use crate::rooms::tenants::tests::{Actor, World, call, fields, reason};

struct Room {
    world: World,
    objects: Objects,
    hypervisors: Hypervisors,
    runner: JobRunner,
    snapshots: SnapshotsRpc,
    responder: Actor,
    admin: Actor,
    folder: tempfile::TempDir,
}

impl Room {
    async fn new() -> Self {
        let world = World::new().await;
        for tenant in ["acme", "globex"] {
            world.tenant(tenant).await;
        }
        world.instance("acme", "i-acme").await;
        world.instance("globex", "i-globex").await;
        let folder = tempfile::tempdir().unwrap();
        let objects = Objects::local(folder.path().join("objects")).unwrap();
        let hypervisors = Hypervisors::open(&[Settings {
            name: "store-1".to_owned(),
            instances: folder.path().join("machines"),
            private: folder.path().join("private"),
            max_bytes_per_second: 0,
            driver: Driver::Images {
                shared: Vec::new(),
                qemu_nbd: "qemu-nbd".into(),
            },
        }]);
        let kernel = Arc::clone(&world.kernel);
        Self {
            runner: world.kernel.job_runner().unwrap(),
            snapshots: SnapshotsRpc(Service::new(kernel, objects.clone(), Evidence::default())),
            responder: world.member("tenants/acme", "responder").await,
            admin: world.member("tenants/acme", "admin").await,
            hypervisors: hypervisors.unwrap(),
            objects,
            folder,
            world,
        }
    }

    async fn request<T>(&self, actor: &Actor, message: T) -> Result<Request<T>, Status> {
        self.world.request(actor, message).await
    }

    /// Writes a disk of an instance.
    fn disk(&self, instance: &str, name: &str, bytes: &[u8]) {
        let folder = self.folder.path().join("machines").join(instance);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("{name}.raw")), bytes).unwrap();
    }

    fn asking(tenant: &str, instance: &str) -> wire::CreateSnapshotRequest {
        wire::CreateSnapshotRequest {
            parent: format!("tenants/{tenant}"),
            snapshot: Some(wire::Snapshot {
                instance: instance.into(),
                purpose: "who was on it".into(),
                disks: true,
                ..Default::default()
            }),
            request_id: String::new(),
        }
    }

    async fn create(&self, request: wire::CreateSnapshotRequest) -> Result<wire::Snapshot, Status> {
        let made = call!(self, &self.responder, snapshots.create_snapshot(request))?;
        Ok(made.snapshot.unwrap())
    }

    async fn get(&self, name: &str) -> wire::Snapshot {
        let request = wire::GetSnapshotRequest { name: name.into() };
        let found = call!(self, &self.responder, snapshots.get_snapshot(request));
        found.unwrap().snapshot.unwrap()
    }

    async fn claim(&self) -> Option<JobClaim> {
        let lease = SignedDuration::from_secs(30);
        let db = self.world.kernel.db();
        let claimed = db.claim_jobs(&self.runner, Lane::Evidence, lease, 1).await;
        claimed.unwrap().pop()
    }

    /// Does a claimed job with these hypervisors; when it is to be done again.
    async fn work(
        &self,
        claim: &JobClaim,
        hypervisors: &Hypervisors,
    ) -> cordon_kernel::Result<Option<jiff::Timestamp>> {
        let (_, about) = claim.job().split_once(':').unwrap();
        let kernel = &self.world.kernel;
        Box::pin(take(kernel, &self.objects, hypervisors, claim, about)).await
    }

    /// Takes what waits.
    async fn take_all(&self, hypervisors: &Hypervisors) {
        while let Some(claim) = self.claim().await {
            assert_eq!(self.work(&claim, hypervisors).await.unwrap(), None);
            self.world.kernel.db().job_done(claim).await.unwrap();
        }
    }

    /// Asks for a snapshot of all disks of acme's instance, and has it taken.
    async fn taken(&self) -> wire::Snapshot {
        let asked = self.create(Self::asking("acme", "i-acme")).await.unwrap();
        assert_eq!(asked.state(), State::Requested);
        self.take_all(&self.hypervisors).await;
        self.get(&asked.name).await
    }

    async fn manifest(&self, name: &str) -> Manifest {
        let request = wire::GetManifestRequest { name: name.into() };
        let got = call!(self, &self.responder, snapshots.get_manifest(request)).unwrap();
        manifest_of(&got.envelope).0
    }

    async fn list(&self, name: &str, item: &str) -> Result<Vec<u8>, Status> {
        let request = wire::DownloadBlockListRequest {
            name: name.into(),
            item: item.into(),
        };
        let mut feed = call!(
            self,
            &self.responder,
            snapshots.download_block_list(request)
        )?;
        let mut bytes = Vec::new();
        while let Some(part) = feed.next().await {
            bytes.extend(part?.content);
        }
        Ok(bytes)
    }

    async fn item(
        &self,
        actor: &Actor,
        name: &str,
        item: &str,
        (offset, length): (i64, i64),
    ) -> Result<Vec<u8>, Status> {
        let request = wire::DownloadItemRequest {
            name: name.into(),
            item: item.into(),
            purpose: "a look".into(),
            offset,
            length,
        };
        let mut feed = call!(self, actor, snapshots.download_item(request))?;
        let mut bytes = Vec::new();
        while let Some(part) = feed.next().await {
            let part = part?;
            assert_eq!(part.offset, offset + bytes.len() as i64);
            bytes.extend(part.content);
            bytes.resize(bytes.len() + part.zeros as usize, 0);
        }
        Ok(bytes)
    }

    /// The entries of the chain of custody.
    async fn chain(&self, name: &str) -> Vec<Value> {
        let request = wire::ListCustodyEntriesRequest {
            name: name.into(),
            ..Default::default()
        };
        let told = call!(
            self,
            &self.responder,
            snapshots.list_custody_entries(request)
        );
        let entries = told.unwrap().entries;
        let parse = |bytes: Vec<u8>| serde_json::from_slice(&bytes).unwrap();
        entries.into_iter().map(parse).collect()
    }

    async fn delete(
        &self,
        actor: &Actor,
        name: &str,
    ) -> Result<wire::DeleteSnapshotResponse, Status> {
        let request = wire::DeleteSnapshotRequest {
            name: name.into(),
            purpose: "it is over".into(),
        };
        call!(self, actor, snapshots.delete_snapshot(request))
    }

    /// How many objects of evidence lie in the store.
    fn objects_of(&self, tenant: &str) -> usize {
        let folder = self
            .folder
            .path()
            .join("objects/t")
            .join(tenant)
            .join("evd");
        files(&folder).len()
    }
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// The manifest in an envelope, and what its subject's digest is.
fn manifest_of(envelope: &[u8]) -> (Manifest, String) {
    use base64::Engine as _;
    let envelope: Value = serde_json::from_slice(envelope).unwrap();
    let payload = base64::engine::general_purpose::STANDARD
        .decode(envelope["payload"].as_str().unwrap())
        .unwrap();
    #[derive(serde::Deserialize)]
    struct Statement {
        subject: Vec<Value>,
        predicate: Box<serde_json::value::RawValue>,
    }
    let statement: Statement = serde_json::from_slice(&payload).unwrap();
    let bytes = statement.predicate.get().as_bytes();
    let digest = statement.subject[0]["digest"]["sha256"].as_str().unwrap();
    assert_eq!(
        cordon_evidence::manifest::digest(bytes).to_string(),
        digest,
        "the statement is about the manifest's bytes"
    );
    (Manifest::from_bytes(bytes).unwrap(), digest.to_owned())
}

/// Bytes that look random and are the same in every run.
fn noise(length: usize, seed: u8) -> Vec<u8> {
    let mut out = vec![0; length];
    blake3::Hasher::new()
        .update(&[seed])
        .finalize_xof()
        .fill(&mut out);
    out
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(ring::digest::digest(&ring::digest::SHA256, bytes))
}
