//! Attachments against a kernel on a temporary database and objects in a temporary folder.

use std::sync::Arc;

use cordon_kernel::db::jobs::{Lane, REENCRYPT};
use cordon_kernel::{AuditEntry, TenantId};
use cordon_lake::object::Objects;
use cordon_lake::{Lake, LakeConfig, Reencrypted};
use cordon_proto::incidents as wire;
use cordon_proto::incidents::attachments_service_server::AttachmentsService as _;
use cordon_proto::incidents::incidents_service_server::IncidentsService as _;
use futures::StreamExt as _;
use jiff::SignedDuration;
use ring::digest;
use tokio::sync::Barrier;
use tonic::{Request, Status};
use wire::attachment::State;
use wire::timeline_entry::What;

use super::rpc::AttachmentsRpc;
use super::upload::Messages;
use crate::config::Attachments;
use crate::rooms::incidents::IncidentsRpc;
use crate::rooms::tenants::tests::{Actor, World, call, reason};
use crate::transport::Caller;

const PART: usize = 4 << 20;

/// What a sender sends, and how it ends: with the end of the stream, or in the midst of it.
struct Script {
    messages: std::vec::IntoIter<Result<wire::UploadAttachmentRequest, Status>>,
    /// Whom it waits for once the stream is open, before it sends of the file.
    beside: Option<Arc<Barrier>>,
}

impl Messages for Script {
    async fn next(&mut self) -> Result<Option<wire::UploadAttachmentRequest>, Status> {
        let message = self.messages.next().transpose()?;
        let content = message.as_ref().is_some_and(|said| said.name.is_empty());
        if content && let Some(beside) = self.beside.take() {
            beside.wait().await;
        }
        Ok(message)
    }
}

struct Room {
    world: World,
    incidents: IncidentsRpc,
    files: AttachmentsRpc,
    objects: Objects,
    responder: Actor,
    colleague: Actor,
    reader: Actor,
    stranger: Actor,
    analyst: Actor,
    incident: String,
    folder: tempfile::TempDir,
}

fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n % 251) as u8).collect()
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA256, bytes))
}

fn limits() -> Attachments {
    Attachments {
        max_bytes: 16 << 20,
        max_incident_bytes: 40 << 20,
        max_tenant_bytes: 1 << 30,
        max_unfinished_bytes: 32 << 20,
    }
}

impl Room {
    async fn new() -> Self {
        let world = World::new().await;
        world.tenant("acme").await;
        world.tenant("globex").await;
        let folder = tempfile::tempdir().unwrap();
        let objects = Objects::local(folder.path()).unwrap();
        let kernel = || Arc::clone(&world.kernel);
        let mut room = Self {
            incidents: IncidentsRpc::new(kernel()),
            files: AttachmentsRpc::new(kernel(), objects.clone(), limits()),
            objects,
            responder: world.member("tenants/acme", "responder").await,
            colleague: world.member("tenants/acme", "responder").await,
            reader: world.member("tenants/acme", "reader").await,
            stranger: world.member("tenants/globex", "admin").await,
            analyst: world.member("", "analyst").await.entering(),
            incident: String::new(),
            folder,
            world,
        };
        let new = wire::CreateIncidentRequest {
            parent: "tenants/acme".into(),
            incident: Some(wire::Incident {
                title: "Keys in a public repository".into(),
                severity: wire::Severity::Sev2.into(),
                ..Default::default()
            }),
            ..Default::default()
        };
        let made = call!(room, &room.responder, incidents.create_incident(new));
        room.incident = made.unwrap().incident.unwrap().name;
        room
    }

    async fn request<T>(&self, actor: &Actor, message: T) -> Result<Request<T>, Status> {
        self.world.request(actor, message).await
    }

    async fn announce_as(
        &self,
        actor: &Actor,
        size: usize,
        sha256: &str,
    ) -> Result<wire::Attachment, Status> {
        let request = wire::CreateAttachmentRequest {
            parent: self.incident.clone(),
            attachment: Some(wire::Attachment {
                file_name: "memory.raw".into(),
                size_bytes: i64::try_from(size).unwrap(),
                sha256: sha256.into(),
                ..Default::default()
            }),
            ..Default::default()
        };
        let made = call!(self, actor, files.create_attachment(request));
        Ok(made?.attachment.unwrap())
    }

    async fn announce(&self, content: &[u8]) -> wire::Attachment {
        let hash = sha256(content);
        let announced = self.announce_as(&self.responder, content.len(), &hash);
        announced.await.unwrap()
    }

    /// Sends `content` from `offset` on, and then ends the stream, or has it break: how far the
    /// server came.
    async fn send(
        &self,
        actor: &Actor,
        name: &str,
        offset: usize,
        content: &[u8],
        breaks: bool,
    ) -> Result<usize, Status> {
        self.send_beside(actor, name, offset, content, breaks, None)
            .await
    }

    async fn send_beside(
        &self,
        actor: &Actor,
        name: &str,
        offset: usize,
        content: &[u8],
        breaks: bool,
        beside: Option<Arc<Barrier>>,
    ) -> Result<usize, Status> {
        let mut script = vec![Ok(wire::UploadAttachmentRequest {
            name: name.into(),
            offset: i64::try_from(offset).unwrap(),
            content: Vec::new(),
        })];
        script.extend(content.chunks(1 << 20).map(|piece| {
            Ok(wire::UploadAttachmentRequest {
                content: piece.to_vec(),
                ..Default::default()
            })
        }));
        if breaks {
            script.push(Err(Status::cancelled("the connection is gone")));
        }
        let request = self.request(actor, ()).await?;
        let caller = Caller::of(&request)?;
        let script = Script {
            messages: script.into_iter(),
            beside,
        };
        let mut feed = self.files.0.upload(caller, script).await?;
        let mut last = 0;
        while let Some(answer) = feed.next().await {
            match answer {
                Ok(answer) => last = usize::try_from(answer.committed_bytes).unwrap(),
                Err(_) if breaks => break,
                Err(error) => return Err(error),
            }
        }
        Ok(last)
    }

    async fn get(&self, actor: &Actor, name: &str) -> Result<wire::Attachment, Status> {
        let request = wire::GetAttachmentRequest { name: name.into() };
        let found = call!(self, actor, files.get_attachment(request));
        Ok(found?.attachment.unwrap())
    }

    async fn finish(&self, actor: &Actor, name: &str) -> Result<wire::Attachment, Status> {
        let request = wire::FinishAttachmentRequest {
            name: name.into(),
            ..Default::default()
        };
        let done = call!(self, actor, files.finish_attachment(request));
        Ok(done?.attachment.unwrap())
    }

    async fn list(&self, actor: &Actor) -> Vec<wire::Attachment> {
        let request = wire::ListAttachmentsRequest {
            parent: self.incident.clone(),
            ..Default::default()
        };
        let listed = call!(self, actor, files.list_attachments(request));
        listed.unwrap().attachments
    }

    async fn fetch(&self, actor: &Actor, name: &str, offset: i64) -> Result<Vec<u8>, Status> {
        let request = wire::DownloadAttachmentRequest {
            name: name.into(),
            offset,
        };
        let mut feed = call!(self, actor, files.download_attachment(request))?;
        let mut all = Vec::new();
        while let Some(piece) = feed.next().await {
            let piece = piece?;
            assert_eq!(piece.offset, offset + i64::try_from(all.len()).unwrap());
            all.extend(piece.content);
        }
        Ok(all)
    }

    async fn attach(&self, content: &[u8]) -> wire::Attachment {
        let announced = self.announce(content).await;
        let sent = self.send(&self.responder, &announced.name, 0, content, false);
        assert_eq!(sent.await.unwrap(), content.len());
        self.finish(&self.responder, &announced.name).await.unwrap()
    }

    async fn timeline(&self) -> Vec<wire::TimelineEntry> {
        let request = wire::ListTimelineEntriesRequest {
            parent: self.incident.clone(),
            ..Default::default()
        };
        let listed = call!(self, &self.reader, incidents.list_timeline_entries(request));
        listed.unwrap().timeline_entries
    }

    /// The files in which parts lie.
    fn parts(&self) -> Vec<std::path::PathBuf> {
        let Ok(files) = std::fs::read_dir(self.folder.path().join("t/acme/att")) else {
            return Vec::new();
        };
        files.map(|file| file.unwrap().path()).collect()
    }
}

fn acme() -> TenantId {
    "acme".parse().unwrap()
}

#[tokio::test]
async fn a_file_that_broke_off_goes_on_and_is_seen_when_it_is_whole() {
    let room = Room::new().await;
    let content = bytes(2 * PART + 12_345);
    let announced = room.announce(&content).await;
    assert_eq!(announced.state(), State::Uploading);
    let name = announced.name.as_str();

    // One part is whole, and half of the next one is lost.
    let half = &content[..PART + PART / 2];
    let came = room.send(&room.responder, name, 0, half, true).await;
    assert_eq!(came.unwrap(), PART);
    let stored = room.get(&room.responder, name).await.unwrap();
    assert_eq!(stored.committed_bytes, i64::try_from(PART).unwrap());
    // It is nobody else's yet.
    for other in [&room.reader, &room.colleague, &room.analyst] {
        assert_eq!(reason(room.get(other, name).await), "NOT_FOUND");
        assert_eq!(reason(room.fetch(other, name, 0).await), "NOT_FOUND");
        assert!(room.list(other).await.is_empty());
    }
    let intruding = room.send(&room.colleague, name, PART, &content[PART..], false);
    assert_eq!(reason(intruding.await), "NOT_FOUND");
    let early = room.finish(&room.responder, name).await;
    assert_eq!(reason(early), "FAILED_PRECONDITION");
    let elsewhere = room.send(&room.responder, name, 0, &content, false).await;
    assert_eq!(reason(elsewhere), "FAILED_PRECONDITION");
    assert_eq!(room.timeline().await.len(), 1, "only that it was opened");

    let rest = room.send(&room.responder, name, PART, &content[PART..], false);
    assert_eq!(rest.await.unwrap(), content.len());
    assert_eq!(reason(room.fetch(&room.reader, name, 0).await), "NOT_FOUND");
    let done = room.finish(&room.responder, name).await.unwrap();
    assert_eq!(done.state(), State::Attached);
    assert_eq!(done.sha256, sha256(&content));
    // The answer to whoever did not hear the first one.
    assert_eq!(room.finish(&room.responder, name).await.unwrap(), done);
    let late = room.send(&room.responder, name, content.len(), b"", false);
    assert_eq!(reason(late.await), "FAILED_PRECONDITION");

    for actor in [&room.reader, &room.colleague, &room.analyst] {
        assert_eq!(room.list(actor).await, std::slice::from_ref(&done));
        assert_eq!(room.fetch(actor, name, 0).await.unwrap(), content);
    }
    let from = PART + 777;
    let end = room.fetch(&room.reader, name, i64::try_from(from).unwrap());
    assert_eq!(end.await.unwrap(), content[from..]);
    let all = i64::try_from(content.len()).unwrap();
    assert!(
        room.fetch(&room.reader, name, all)
            .await
            .unwrap()
            .is_empty()
    );
    let beyond = room.fetch(&room.reader, name, all + 1).await;
    assert_eq!(reason(beyond), "INVALID_ARGUMENT");

    let timeline = room.timeline().await;
    assert_eq!(timeline.len(), 2);
    let Some(What::Attached(said)) = &timeline[1].what else {
        panic!("{:?}", timeline[1]);
    };
    assert_eq!((said.attachment.as_str(), said.size_bytes), (name, all));
    assert_eq!(
        (&said.sha256, said.file_name.as_str()),
        (&done.sha256, "memory.raw")
    );

    // At rest there is nothing of it to be read.
    let parts = room.parts();
    assert_eq!(parts.len(), 3);
    for part in parts {
        let sealed = std::fs::read(part).unwrap();
        assert!(!sealed.windows(64).any(|window| window == &content[..64]));
    }
}

#[tokio::test]
async fn an_empty_file_is_one() {
    let room = Room::new().await;
    let done = room.attach(b"").await;
    assert_eq!(done.size_bytes, 0);
    assert!(
        room.fetch(&room.reader, &done.name, 0)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn what_is_longer_than_announced_or_something_else_is_refused() {
    let room = Room::new().await;
    let content = bytes(1000);
    let hash = sha256(&content);
    let announced = room.announce_as(&room.responder, 999, &hash);
    let announced = announced.await.unwrap();
    let sent = room.send(&room.responder, &announced.name, 0, &content, false);
    assert_eq!(reason(sent.await), "TOO_LARGE");
    let finished = room.finish(&room.responder, &announced.name).await;
    assert_eq!(reason(finished), "FAILED_PRECONDITION");

    // One byte is another one.
    let announced = room.announce(&content).await;
    let mut other = content.clone();
    other[500] ^= 1;
    let sent = room.send(&room.responder, &announced.name, 0, &other, false);
    assert_eq!(sent.await.unwrap(), 1000);
    assert_eq!(room.parts().len(), 1);
    let finished = room.finish(&room.responder, &announced.name).await;
    assert_eq!(reason(finished), "HASH_MISMATCH");
    assert!(room.parts().is_empty(), "thrown away");
    let gone = room.get(&room.responder, &announced.name).await;
    assert_eq!(reason(gone), "NOT_FOUND");
    assert!(room.list(&room.responder).await.is_empty());
    assert_eq!(room.timeline().await.len(), 1);
}

#[tokio::test]
async fn of_two_streams_one_goes_on() {
    let room = Room::new().await;
    let content = bytes(PART + 10);
    let announced = room.announce(&content).await;
    let name = announced.name.as_str();
    // Both are let in before either sends: who comes later is told how far the file is.
    let both = Some(Arc::new(Barrier::new(2)));
    let send = || room.send_beside(&room.responder, name, 0, &content, false, both.clone());
    let (one, two) = tokio::join!(send(), send());
    let failed: Vec<_> = [one, two].into_iter().filter(Result::is_err).collect();
    assert_eq!(failed.len(), 1, "{failed:?}");
    for failure in failed {
        assert_eq!(reason(failure), "ETAG_MISMATCH");
    }
    room.finish(&room.responder, name).await.unwrap();
    assert_eq!(room.fetch(&room.reader, name, 0).await.unwrap(), content);
    assert_eq!(room.parts().len(), 2, "the loser's part is gone");
}

#[tokio::test]
async fn others_are_refused_and_room_is_bounded() {
    let room = Room::new().await;
    let content = bytes(100);
    let done = room.attach(&content).await;
    let absent = done.name.replace("attachments/0", "attachments/1");
    for name in [&done.name, &absent] {
        assert_eq!(
            reason(room.get(&room.stranger, name).await),
            "PERMISSION_DENIED"
        );
        let fetched = room.fetch(&room.stranger, name, 0).await;
        assert_eq!(reason(fetched), "PERMISSION_DENIED");
        let sent = room.send(&room.stranger, name, 0, b"", false).await;
        assert_eq!(reason(sent), "PERMISSION_DENIED");
        let finished = room.finish(&room.stranger, name).await;
        assert_eq!(reason(finished), "PERMISSION_DENIED");
    }
    let announced = room.announce_as(&room.stranger, 1, &sha256(b"x")).await;
    assert_eq!(reason(announced), "PERMISSION_DENIED");
    let announced = room.announce_as(&room.reader, 1, &sha256(b"x")).await;
    assert_eq!(reason(announced), "PERMISSION_DENIED");
    let staff = room.world.member("", "analyst").await;
    assert_eq!(
        reason(room.get(&staff, &done.name).await),
        "PERMISSION_DENIED"
    );
    // Theirs, under our name, is none.
    let borrowed = done.name.replace("acme", "globex");
    assert_eq!(
        reason(room.get(&room.stranger, &borrowed).await),
        "NOT_FOUND"
    );

    let hash = sha256(b"x");
    let announce = |size: usize| room.announce_as(&room.responder, size, &hash);
    assert_eq!(reason(announce((16 << 20) + 1).await), "TOO_LARGE");
    announce(16 << 20).await.unwrap();
    announce(16 << 20).await.unwrap();
    assert_eq!(reason(announce(1).await), "QUOTA_EXCEEDED");
}

#[tokio::test]
async fn what_was_abandoned_is_swept_away_and_what_is_held_stays() {
    let room = Room::new().await;
    let kept = room.attach(&bytes(10)).await;
    let content = bytes(PART + 1);
    let begun = room.announce(&content).await;
    let sent = room.send(&room.responder, &begun.name, 0, &content, true);
    assert_eq!(sent.await.unwrap(), PART);
    let kernel = &room.world.kernel;
    let runner = kernel.job_runner().unwrap();
    let (scope, permit) = kernel.maintenance_scope(&runner, &acme(), "test");
    let sweep = || super::sweep(kernel, &room.objects, &scope, &permit);

    room.world.clock.advance(SignedDuration::from_hours(23));
    sweep().await.unwrap();
    assert_eq!(room.parts().len(), 2);
    room.world.clock.advance(SignedDuration::from_hours(2));
    let responder = room.world.with_token(&room.responder).await;
    let operator = room.world.with_token(&room.world.operator).await;
    let hold = room.world.hold(&operator, "tenants/acme").await;
    sweep().await.unwrap();
    assert_eq!(room.parts().len(), 2, "the tenant is to be kept");
    room.world.release(&operator, &hold).await;
    sweep().await.unwrap();
    assert_eq!(room.parts().len(), 1);
    let gone = room.get(&responder, &begun.name).await;
    assert_eq!(reason(gone), "NOT_FOUND");
    let read = room.fetch(&responder, &kept.name, 0).await;
    assert_eq!(read.unwrap(), bytes(10));

    // An object whose row was never written goes an hour later, by the store's clock.
    let path = Objects::part_path(&scope, uuid::Uuid::from_u128(7));
    let stray = bytes::Bytes::from_static(b"stray");
    room.objects.put(&scope, &path, stray).await.unwrap();
    sweep().await.unwrap();
    assert_eq!(room.parts().len(), 2);
    room.world
        .clock
        .advance(SignedDuration::from_hours(24 * 3650));
    sweep().await.unwrap();
    assert_eq!(room.parts().len(), 1);
}

#[tokio::test]
async fn files_outlive_the_data_key_that_sealed_their_keys() {
    let room = Room::new().await;
    let content = bytes(PART + 1);
    let done = room.attach(&content).await;
    let half = room.announce(&content).await;
    let sent = room.send(&room.responder, &half.name, 0, &content, true);
    assert_eq!(sent.await.unwrap(), PART);

    let kernel = &room.world.kernel;
    let runner = kernel.job_runner().unwrap();
    let (staff, permit) = kernel.maintenance_provider_scope(&runner, "test");
    let entry = AuditEntry::new(&permit);
    kernel
        .rotate_data_key(&staff, &permit, &acme(), entry)
        .await
        .unwrap();
    room.world.clock.advance(SignedDuration::from_mins(12));
    let lease = SignedDuration::from_mins(10);
    let claims = kernel
        .db()
        .claim_jobs(&runner, Lane::Bulk, lease, 10)
        .await
        .unwrap();
    let claim = claims.into_iter().find(|claim| claim.job() == REENCRYPT);
    let claim = claim.unwrap();
    let (scope, _) = kernel.job_scope(&claim);
    let config = LakeConfig::default();
    let lake = Lake::new(Arc::clone(kernel), room.objects.clone(), config).unwrap();
    let done_anew = lake.reencrypt(&scope, &claim).await.unwrap();
    assert_eq!(done_anew, Reencrypted::Done(1), "the older key is gone");

    let responder = room.world.with_token(&room.responder).await;
    let read = room.fetch(&responder, &done.name, 0).await;
    assert_eq!(read.unwrap(), content);
    let rest = room.send(&responder, &half.name, PART, &content[PART..], false);
    assert_eq!(rest.await.unwrap(), content.len());
    room.finish(&responder, &half.name).await.unwrap();
    let read = room.fetch(&responder, &half.name, 0).await;
    assert_eq!(read.unwrap(), content);
}

#[tokio::test]
async fn a_part_that_was_moved_does_not_open() {
    let room = Room::new().await;
    let content = bytes(2 * PART);
    let done = room.attach(&content).await;
    let parts = room.parts();
    let (one, two) = (std::fs::read(&parts[0]), std::fs::read(&parts[1]));
    std::fs::write(&parts[0], two.unwrap()).unwrap();
    std::fs::write(&parts[1], one.unwrap()).unwrap();
    assert_eq!(
        reason(room.fetch(&room.reader, &done.name, 0).await),
        "INTERNAL"
    );
}
