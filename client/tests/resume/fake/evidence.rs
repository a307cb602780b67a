//! The fake's forensic snapshots: one, with the items that a test puts into it.

use std::collections::VecDeque;

use cordon_evidence::content::Content;
use cordon_evidence::custody::{Act, Chain, Draft, Recheck};
use cordon_evidence::geometry::{BlockSize, Geometry};
use cordon_evidence::hasher::{Hasher, Run};
use cordon_evidence::list::{BlockList, head};
use cordon_evidence::manifest::{
    self, Clock, Consistency, Item, ItemKind, Level, Machine, Manifest, Method, PREDICATE_TYPE,
    Person, VERSION,
};
use cordon_evidence::record::Kind;
use cordon_proto::evidence as wire;
use cordon_proto::evidence::snapshot::State;
use cordon_proto::evidence::snapshots_service_server::SnapshotsService;
use futures::{StreamExt as _, stream};
use serde_json::json;
use tonic::{Code, Request, Response, Status};

use super::incidents::TIME;
use super::{Answers, Service};
use crate::refusal;
use crate::statements::seal;

type Answer<T> = Result<Response<T>, Status>;

/// The id of each snapshot and hold.
pub(crate) const ID: &str = "0190f1a2-3b4c-7d5e-8f90-a1b2c3d4e5f9";
/// The length of a block.
pub(crate) const BLOCK: usize = 64 << 10;

pub(crate) fn name() -> String {
    format!("tenants/acme/snapshots/{ID}")
}

/// An item as it was taken.
#[derive(Debug, Clone)]
pub(crate) struct Taken {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) content: Content,
    pub(crate) list: Vec<u8>,
}

impl Taken {
    /// By its blocks: `d` for data, `_` for a hole; with so many bytes of data behind them.
    pub(crate) fn new(name: &str, blocks: &str, behind: usize) -> Self {
        let mut bytes = Vec::new();
        for (at, kind) in blocks.bytes().enumerate() {
            let at = u8::try_from(at % 251).unwrap();
            bytes.extend((0..BLOCK).map(|i| match kind {
                b'd' => (i % 253) as u8 ^ at | 1,
                _ => 0,
            }));
        }
        bytes.extend(vec![7; behind]);
        let geometry = Geometry::new(bytes.len() as u64, BlockSize::MIN).unwrap();
        let mut hasher = Hasher::new(geometry);
        let mut list = head(&geometry).to_vec();
        let mut run = Run::Data(&bytes);
        while let Some(block) = hasher.take(&mut run).unwrap() {
            list.extend_from_slice(&block.record.to_bytes());
        }
        let content = hasher.finish().unwrap();
        Self {
            name: name.to_owned(),
            bytes,
            content,
            list,
        }
    }

    pub(crate) fn list(&self) -> BlockList {
        BlockList::open(self.list.clone(), &self.content).unwrap()
    }
}

/// What the fake has of its snapshot, and what it is to do.
#[derive(Default)]
pub(crate) struct Evidence {
    pub(crate) items: Vec<Taken>,
    /// Behind how many messages the next calls break off; `usize::MAX` for not at all.
    pub(crate) breaks: VecDeque<usize>,
    /// Which of the next calls are refused: there are too many.
    pub(crate) refusals: VecDeque<bool>,
    /// The byte of which a bit is flipped on the way.
    pub(crate) flipped: Option<usize>,
    /// The block that is damaged in the store.
    pub(crate) damaged: Option<u64>,
    /// What was asked for: offset and length.
    pub(crate) calls: Vec<(i64, i64)>,
    /// The blocks whose bytes were sent.
    pub(crate) sent: Vec<u64>,
    /// Whether there is an entry more behind each look at the chain.
    pub(crate) busy: bool,
    chain: Option<Chain>,
    entries: Vec<Vec<u8>>,
}

impl Evidence {
    /// A snapshot of these items.
    pub(crate) fn of(items: Vec<Taken>) -> Self {
        let mut evidence = Self {
            items,
            ..Self::default()
        };
        let bytes = evidence.manifest();
        let names = evidence.items.iter().map(|item| &*item.name);
        evidence.chain = Some(Chain::new(&manifest::digest(&bytes), names));
        evidence.enter(Act::Acquired {}, "taken", None);
        evidence
    }

    pub(crate) fn manifest(&self) -> Vec<u8> {
        let at = |second: i64| jiff::Timestamp::from_second(1_700_000_000 + second).unwrap();
        let person = |name: &str, party: &str| Person {
            name: name.to_owned(),
            party: party.to_owned(),
        };
        let item = |taken: &Taken| Item {
            name: taken.name.clone(),
            kind: ItemKind::Disk,
            source: "vda".to_owned(),
            reached: Level::Paused,
            began: at(1),
            ended: at(8),
            content: taken.content.clone(),
        };
        let manifest = Manifest {
            version: VERSION,
            snapshot: name(),
            machine: Machine {
                id: "i-0123".to_owned(),
                host: None,
            },
            purpose: "ransom note".to_owned(),
            incident: None,
            asked_by: person("jane", "acme"),
            approved_by: Vec::new(),
            taken_by: person("evidence", "provider"),
            began: at(0),
            ended: at(9),
            clock: Clock {
                source: "ntp".to_owned(),
                error: None,
            },
            method: Method {
                driver: "fake".to_owned(),
                steps: Vec::new(),
            },
            tools: Vec::new(),
            consistency: Consistency {
                asked: Level::Paused,
                reached: Level::Paused,
                shortfall: None,
            },
            items: self.items.iter().map(item).collect(),
            missing: Vec::new(),
        };
        manifest.to_bytes().unwrap()
    }

    /// What was signed of the snapshot.
    pub(crate) fn envelope(&self) -> Vec<u8> {
        sealed_manifest(&self.manifest())
    }

    fn enter(&mut self, act: Act, purpose: &str, item: Option<&str>) {
        let items = match item {
            Some(item) => vec![item.to_owned()],
            None => self.items.iter().map(|item| item.name.clone()).collect(),
        };
        let chain = self.chain.as_mut().unwrap();
        let entry = chain.append(Draft {
            at: jiff::Timestamp::from_second(1_700_000_100).unwrap(),
            act,
            by: Person {
                name: "jane".to_owned(),
                party: "acme".to_owned(),
            },
            purpose: purpose.to_owned(),
            items,
            recheck: Recheck::NotDone {},
        });
        self.entries.push(entry.unwrap().to_bytes().unwrap());
    }

    fn head(&self) -> Vec<u8> {
        let head = self.chain.as_ref().unwrap().head();
        signed(
            &head.hash.to_string(),
            "urn:cordon:custody-head:v1",
            &json!({
                "head": head,
                "manifestSha256": manifest::digest(&self.manifest()).to_string(),
                "signed": "2023-11-14T22:15:00Z",
            })
            .to_string(),
        )
    }

    fn item(&self, name: &str) -> Result<&Taken, Status> {
        let found = self.items.iter().find(|item| item.name == name);
        found.ok_or_else(|| refusal(Code::NotFound, "NOT_FOUND"))
    }

    /// The messages of a range.
    fn serve(
        &mut self,
        asked: &wire::DownloadItemRequest,
    ) -> Result<Vec<Result<wire::DownloadItemResponse, Status>>, Status> {
        if self.refusals.pop_front() == Some(true) {
            return Err(refusal(Code::ResourceExhausted, "QUOTA_EXCEEDED"));
        }
        let taken = self.item(&asked.item)?.clone();
        let (list, geometry) = (taken.list(), taken.content.geometry().unwrap());
        let end = match asked.length {
            0 => taken.bytes.len() as i64,
            length => asked.offset + length,
        };
        let whole = |at: i64| at % BLOCK as i64 == 0 || at == taken.bytes.len() as i64;
        assert!(whole(asked.offset) && whole(end) && asked.offset < end);
        self.calls.push((asked.offset, asked.length));
        let most = self.breaks.pop_front().unwrap_or(usize::MAX);
        let mut messages = Vec::new();
        let mut zeros: Option<(i64, i64)> = None;
        let first = asked.offset as u64 / BLOCK as u64;
        let behind = (end as u64).div_ceil(BLOCK as u64);
        let message = |offset: usize, content: &[u8]| {
            Ok(wire::DownloadItemResponse {
                offset: offset as i64,
                content: content.to_vec(),
                zeros: 0,
            })
        };
        let pass = |(offset, zeros)| {
            Ok(wire::DownloadItemResponse {
                offset,
                content: Vec::new(),
                zeros,
            })
        };
        for index in first..behind {
            let start = geometry.offset(index) as usize;
            let length = geometry.length(index) as usize;
            if list.record(index).unwrap().kind == Kind::Hole {
                zeros.get_or_insert((start as i64, 0)).1 += length as i64;
                continue;
            }
            messages.extend(zeros.take().map(pass));
            if self.damaged == Some(index) {
                messages.push(Err(refusal(Code::DataLoss, "EVIDENCE_DAMAGED")));
                break;
            }
            let mut block = taken.bytes[start..start + length].to_vec();
            if let Some(at) = self
                .flipped
                .filter(|at| (start..start + length).contains(at))
            {
                block[at - start] ^= 4;
            }
            // Every second one in two messages.
            let cut = if index % 2 == 0 { length } else { length / 3 };
            messages.push(message(start, &block[..cut]));
            if cut < length {
                messages.push(message(start + cut, &block[cut..]));
            }
            if messages.len() <= most {
                self.sent.push(index);
            }
        }
        messages.extend(zeros.take().map(pass));
        if messages.len() > most {
            messages.truncate(most);
            messages.push(Err(Status::unavailable("going down")));
        }
        self.enter(Act::Read {}, &asked.purpose, Some(&asked.item));
        Ok(messages)
    }
}

/// A manifest's bytes, as they are signed.
pub(crate) fn sealed_manifest(bytes: &[u8]) -> Vec<u8> {
    let digest = manifest::digest(bytes).to_string();
    signed(&digest, PREDICATE_TYPE, std::str::from_utf8(bytes).unwrap())
}

/// A statement about the snapshot, its predicate byte for byte as it is given.
fn signed(sha256: &str, kind: &str, predicate: &str) -> Vec<u8> {
    let statement = format!(
        "{{\"_type\":\"https://in-toto.io/Statement/v1\",\"subject\":[{{\"name\":\"{}\",\
         \"digest\":{{\"sha256\":\"{sha256}\"}}}}],\"predicateType\":\"{kind}\",\
         \"predicate\":{predicate}}}",
        name()
    );
    seal(&statement).to_string().into_bytes()
}

/// A snapshot as it is in a state.
pub(crate) fn snapshot(name: &str, state: State, read: i64) -> wire::Snapshot {
    let complete = state == State::Complete;
    wire::Snapshot {
        name: name.to_owned(),
        instance: "i-0123".to_owned(),
        purpose: "Ransom\u{1b}[2J note".to_owned(),
        disks: true,
        consistency: wire::snapshot::Consistency::Live.into(),
        state: state.into(),
        progress: Some(wire::AcquisitionProgress {
            item: "vda.raw".to_owned(),
            read_bytes: read,
            total_bytes: 100,
            attempt: 1,
            ..wire::AcquisitionProgress::default()
        }),
        failure: (state == State::Failed).then(|| wire::SnapshotFailure {
            reason: "INSTANCE_GONE".to_owned(),
            message: "the instance moved to another host: ask again".to_owned(),
        }),
        items: match complete {
            true => vec![wire::SnapshotItem {
                item: "vda.raw".to_owned(),
                kind: 1,
                size_bytes: 100,
                data_bytes: 60,
                ..wire::SnapshotItem::default()
            }],
            false => Vec::new(),
        },
        created_by: "jane".to_owned(),
        create_time: TIME,
        update_time: TIME,
        etag: "e1".to_owned(),
        ..wire::Snapshot::default()
    }
}

/// What a stream of a followed snapshot says.
pub(crate) fn change(state: State, read: i64) -> Result<wire::WatchSnapshotResponse, Status> {
    let snapshot = Some(snapshot(&name(), state, read));
    Ok(wire::WatchSnapshotResponse { snapshot })
}

fn hold(parent: &str, said: wire::SnapshotHold) -> wire::SnapshotHold {
    wire::SnapshotHold {
        name: format!("{parent}/holds/{ID}"),
        created_by: "jane".to_owned(),
        party: "acme".to_owned(),
        create_time: TIME,
        ..said
    }
}

#[tonic::async_trait]
impl SnapshotsService for Service {
    type WatchSnapshotStream = Answers<wire::WatchSnapshotResponse>;
    type DownloadBlockListStream = Answers<wire::DownloadBlockListResponse>;
    type DownloadItemStream = Answers<wire::DownloadItemResponse>;

    async fn create_snapshot(
        &self,
        request: Request<wire::CreateSnapshotRequest>,
    ) -> Answer<wire::CreateSnapshotResponse> {
        let asked = self.incident(
            "create_snapshot",
            request,
            |asked| &asked.request_id,
            |asked| {
                let said = asked.snapshot.clone().unwrap();
                format!(
                    "{} {} {:?} {:?} {} {} {:?} {} {:?} {}",
                    asked.parent,
                    said.instance,
                    said.incident,
                    said.purpose,
                    said.memory,
                    said.disks,
                    said.disk_names,
                    said.network,
                    said.consistency(),
                    said.max_bytes_per_second
                )
            },
        )?;
        let name = format!("{}/snapshots/{ID}", asked.parent);
        let snapshot = Some(snapshot(&name, State::Requested, 0));
        Ok(Response::new(wire::CreateSnapshotResponse { snapshot }))
    }

    async fn get_snapshot(
        &self,
        request: Request<wire::GetSnapshotRequest>,
    ) -> Answer<wire::GetSnapshotResponse> {
        let asked = self.incident("get_snapshot", request, |_| "", |asked| asked.name.clone())?;
        let snapshot = Some(snapshot(&asked.name, State::Complete, 100));
        Ok(Response::new(wire::GetSnapshotResponse { snapshot }))
    }

    async fn list_snapshots(
        &self,
        request: Request<wire::ListSnapshotsRequest>,
    ) -> Answer<wire::ListSnapshotsResponse> {
        let asked = self.incident(
            "list_snapshots",
            request,
            |_| "",
            |asked| format!("{} {} {}", asked.parent, asked.page_size, asked.page_token),
        )?;
        // Two pages, of a snapshot each.
        let (state, next) = match asked.page_token.as_str() {
            "" => (State::Acquiring, "two"),
            _ => (State::Complete, ""),
        };
        let name = format!("{}/snapshots/{ID}", asked.parent);
        Ok(Response::new(wire::ListSnapshotsResponse {
            snapshots: vec![snapshot(&name, state, 7)],
            next_page_token: next.to_owned(),
        }))
    }

    async fn watch_snapshot(
        &self,
        request: Request<wire::WatchSnapshotRequest>,
    ) -> Answer<Self::WatchSnapshotStream> {
        self.incident("watch", request, |_| "", |asked| asked.name.clone())?;
        let answers = self.0.snapshot_watches.lock().unwrap().pop_front();
        let answers = answers.unwrap_or_else(|| vec![change(State::Complete, 100)]);
        Ok(Response::new(stream::iter(answers).boxed()))
    }

    async fn cancel_snapshot(
        &self,
        request: Request<wire::CancelSnapshotRequest>,
    ) -> Answer<wire::CancelSnapshotResponse> {
        let asked = self.incident("cancel", request, |_| "", |asked| asked.name.clone())?;
        let snapshot = Some(snapshot(&asked.name, State::Cancelled, 7));
        Ok(Response::new(wire::CancelSnapshotResponse { snapshot }))
    }

    async fn get_manifest(
        &self,
        request: Request<wire::GetManifestRequest>,
    ) -> Answer<wire::GetManifestResponse> {
        self.incident("manifest", request, |_| "", |asked| asked.name.clone())?;
        let other = self.0.manifest.lock().unwrap().clone();
        let envelope = other.unwrap_or_else(|| self.0.evidence.lock().unwrap().envelope());
        Ok(Response::new(wire::GetManifestResponse { envelope }))
    }

    async fn download_block_list(
        &self,
        request: Request<wire::DownloadBlockListRequest>,
    ) -> Answer<Self::DownloadBlockListStream> {
        let asked = self.incident(
            "block_list",
            request,
            |_| "",
            |asked| format!("{} {}", asked.name, asked.item),
        )?;
        let evidence = self.0.evidence.lock().unwrap();
        let list = &evidence.item(&asked.item)?.list;
        let parts: Vec<_> = list
            .chunks(1_000)
            .map(|part| {
                let content = part.to_vec();
                Ok(wire::DownloadBlockListResponse { content })
            })
            .collect();
        Ok(Response::new(stream::iter(parts).boxed()))
    }

    async fn download_item(
        &self,
        request: Request<wire::DownloadItemRequest>,
    ) -> Answer<Self::DownloadItemStream> {
        let asked = self.incident(
            "download_item",
            request,
            |_| "",
            |asked| format!("{} {} {:?}", asked.name, asked.item, asked.purpose),
        )?;
        let messages = self.0.evidence.lock().unwrap().serve(&asked)?;
        Ok(Response::new(stream::iter(messages).boxed()))
    }

    async fn list_custody_entries(
        &self,
        request: Request<wire::ListCustodyEntriesRequest>,
    ) -> Answer<wire::ListCustodyEntriesResponse> {
        let asked = self.incident(
            "custody",
            request,
            |_| "",
            |asked| format!("{} {}", asked.name, asked.first_sequence),
        )?;
        let mut evidence = self.0.evidence.lock().unwrap();
        let (head_envelope, known) = (evidence.head(), evidence.entries.len());
        if evidence.busy {
            // Somebody reads meanwhile.
            let item = evidence.items[0].name.clone();
            evidence.enter(Act::Read {}, "meanwhile", Some(&item));
        }
        let first = usize::try_from(asked.first_sequence).unwrap() - 1;
        // Two at a time.
        let entries = evidence.entries.iter().skip(first).take(2);
        let entries: Vec<_> = entries.cloned().collect();
        let behind = first + entries.len();
        Ok(Response::new(wire::ListCustodyEntriesResponse {
            entries,
            next_sequence: match behind < known {
                true => behind as i64 + 1,
                false => 0,
            },
            head_envelope,
        }))
    }

    async fn hold_snapshot(
        &self,
        request: Request<wire::HoldSnapshotRequest>,
    ) -> Answer<wire::HoldSnapshotResponse> {
        let asked = self.incident(
            "hold",
            request,
            |asked| &asked.request_id,
            |asked| {
                let said = asked.hold.clone().unwrap();
                let timed = said.until_time.is_some();
                format!(
                    "{} {:?} {:?} {timed}",
                    asked.parent,
                    said.reason,
                    said.mode()
                )
            },
        )?;
        let hold = Some(hold(&asked.parent, asked.hold.unwrap()));
        Ok(Response::new(wire::HoldSnapshotResponse { hold }))
    }

    async fn list_snapshot_holds(
        &self,
        request: Request<wire::ListSnapshotHoldsRequest>,
    ) -> Answer<wire::ListSnapshotHoldsResponse> {
        let asked = self.incident("holds", request, |_| "", |asked| asked.parent.clone())?;
        let said = wire::SnapshotHold {
            reason: "a lawsuit\u{1b}[2J".to_owned(),
            mode: wire::snapshot_hold::Mode::Compliance.into(),
            until_time: TIME,
            ..wire::SnapshotHold::default()
        };
        let holds = vec![hold(&asked.parent, said)];
        Ok(Response::new(wire::ListSnapshotHoldsResponse { holds }))
    }

    async fn release_snapshot_hold(
        &self,
        request: Request<wire::ReleaseSnapshotHoldRequest>,
    ) -> Answer<wire::ReleaseSnapshotHoldResponse> {
        let asked = self.incident(
            "release",
            request,
            |_| "",
            |asked| format!("{} {:?}", asked.name, asked.reason),
        )?;
        let hold = Some(wire::SnapshotHold {
            name: asked.name,
            release_time: TIME,
            ..wire::SnapshotHold::default()
        });
        Ok(Response::new(wire::ReleaseSnapshotHoldResponse { hold }))
    }

    async fn delete_snapshot(
        &self,
        request: Request<wire::DeleteSnapshotRequest>,
    ) -> Answer<wire::DeleteSnapshotResponse> {
        let asked = self.incident(
            "delete",
            request,
            |_| "",
            |asked| format!("{} {:?}", asked.name, asked.purpose),
        )?;
        let certificate = json!({ "snapshot": asked.name, "objectsDeleted": 3 });
        Ok(Response::new(wire::DeleteSnapshotResponse {
            snapshot: Some(snapshot(&asked.name, State::Deleted, 100)),
            certificate: signed(
                "00ff",
                "urn:cordon:snapshot-deletion:v1",
                &certificate.to_string(),
            ),
        }))
    }
}
