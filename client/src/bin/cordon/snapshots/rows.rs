//! Snapshots and holds as rows and as JSON.

use cordon_client::snapshots::{Snapshot, SnapshotHold, SnapshotItem};
use serde_json::{Value, json};

use super::size::human_or_none;
use super::words::{fit, kind, mode, state};
use crate::incidents::show::moment;
use crate::output::Row;
use crate::show::{or_null, short, time_json};

impl Row for Snapshot {
    const HEAD: &'static [&'static str] = &[
        "state", "instance", "items", "stored", "asked", "by", "purpose", "id",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            state(self.state).text(),
            short(&self.instance),
            match self.items.len() {
                0 => String::new(),
                count => count.to_string(),
            },
            human_or_none(self.stored_bytes),
            moment(self.create_time.as_ref()),
            self.created_by.clone(),
            self.purpose.clone(),
            short(&self.name),
        ]
    }

    fn json(&self) -> Value {
        let progress = self.progress.as_ref().map(|progress| {
            json!({
                "item": or_null(progress.item.clone()),
                "read_bytes": progress.read_bytes,
                "total_bytes": progress.total_bytes,
                "bytes_per_second": progress.bytes_per_second,
                "remaining_seconds": progress.remaining.as_ref().map(|left| left.seconds),
                "attempt": progress.attempt,
            })
        });
        let failure = self.failure.as_ref();
        json!({
            "name": self.name,
            "instance": self.instance,
            "incident": or_null(self.incident.clone()),
            "purpose": self.purpose,
            "memory": self.memory,
            "disks": self.disks,
            "disk_names": self.disk_names,
            "network": self.network,
            "consistency": fit(self.consistency).json(),
            "max_bytes_per_second": self.max_bytes_per_second,
            "state": state(self.state).json(),
            "progress": progress,
            "failure": failure.map(|of| json!({ "reason": of.reason, "message": of.message })),
            "items": self.items.iter().map(item).collect::<Vec<_>>(),
            "stored_bytes": self.stored_bytes,
            "manifest_sha256": or_null(self.manifest_sha256.clone()),
            "created_by": or_null(self.created_by.clone()),
            "create_time": time_json(self.create_time.as_ref()),
            "update_time": time_json(self.update_time.as_ref()),
            "etag": self.etag,
        })
    }
}

fn item(item: &SnapshotItem) -> Value {
    json!({
        "item": item.item,
        "kind": kind(item.kind).json(),
        "size_bytes": item.size_bytes,
        "data_bytes": item.data_bytes,
        "unreadable_bytes": item.unreadable_bytes,
        "sha256": item.sha256,
        "blake3": item.blake3,
        "block_bytes": item.block_bytes,
    })
}

/// The same where it comes again whenever it has changed.
#[derive(Debug)]
pub(super) struct Followed(pub(super) Snapshot);

impl Row for Followed {
    const HEAD: &'static [&'static str] = &["changed", "state", "read", "of", "a second", "item"];

    fn cells(&self) -> Vec<String> {
        let progress = self.0.progress.clone().unwrap_or_default();
        vec![
            moment(self.0.update_time.as_ref()),
            state(self.0.state).text(),
            human_or_none(progress.read_bytes),
            human_or_none(progress.total_bytes),
            human_or_none(progress.bytes_per_second),
            progress.item,
        ]
    }

    fn json(&self) -> Value {
        self.0.json()
    }
}

impl Row for SnapshotHold {
    const HEAD: &'static [&'static str] = &[
        "mode", "until", "placed", "by", "party", "released", "reason", "name",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            mode(self.mode).text(),
            match &self.until_time {
                None => "released".to_owned(),
                time => moment(time.as_ref()),
            },
            moment(self.create_time.as_ref()),
            self.created_by.clone(),
            self.party.clone(),
            moment(self.release_time.as_ref()),
            self.reason.clone(),
            self.name.clone(),
        ]
    }

    fn json(&self) -> Value {
        json!({
            "name": self.name,
            "reason": self.reason,
            "mode": mode(self.mode).json(),
            "until_time": time_json(self.until_time.as_ref()),
            "created_by": or_null(self.created_by.clone()),
            "party": or_null(self.party.clone()),
            "create_time": time_json(self.create_time.as_ref()),
            "release_time": time_json(self.release_time.as_ref()),
        })
    }
}
