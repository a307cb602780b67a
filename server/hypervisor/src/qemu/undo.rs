//! Taking back everything that an acquisition did inside QEMU. It looks at what is there instead of
//! remembering what was done, so that it is the same for an acquisition that ends well, one that
//! failed halfway, the watchdog, and whoever finds what a dead acquirer left; and doing it twice is
//! doing it once.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::agent;
use super::names::{self, Kind};
use super::note::{self, Note, Pause};
use crate::qmp::Qmp;
use crate::{AcquisitionId, Cleaned, Error};

/// How often, and at which distance, something is tried that QEMU still uses: an export that a client
/// is leaving, a dump that is failing.
const TRIES: u32 = 100;
const DISTANCE: Duration = Duration::from_millis(50);

/// Undoes one acquisition, or all that are found; the guest's agent is at `agent`, if it has one.
///
/// Goes on when a step fails, because the next ones may matter more, and tells the first failure.
pub(crate) async fn undo(
    qmp: &mut Qmp,
    only: Option<&AcquisitionId>,
    agent: Option<&Path>,
) -> Result<Cleaned, Error> {
    let wanted = |id: &AcquisitionId| only.is_none_or(|only| only == id);
    let mut left = note::left(qmp).await?;
    left.retain(|left| wanted(&left.id));
    let mut cleaned = Cleaned::default();
    let mut failed = Ok(());

    // The customer's machine comes first.
    for (id, pause) in left.iter().filter_map(|left| Some((&left.id, left.pause?))) {
        match resume(qmp).await {
            Ok(resumed) => {
                cleaned.resumed |= resumed;
                failed = failed.and(thaw(qmp, id, pause, agent).await);
            }
            Err(error) => failed = failed.and(Err(error)),
        }
    }
    let nodes = nodes(qmp, &wanted).await?;
    failed = failed.and(close_exports(qmp, &wanted, !nodes.is_empty()).await);
    failed = failed.and(remove(qmp, &nodes, Kind::Snapshot).await);
    for left in &left {
        let note = left.note.clone().unwrap_or_default();
        failed = failed.and(reconnect(qmp, &left.id, &note).await);
    }
    failed = failed.and(remove(qmp, &nodes, Kind::Filter).await);
    failed = failed.and(remove(qmp, &nodes, Kind::Store).await);
    failed = failed.and(close_files(qmp, &wanted).await);
    failed?;
    // Only now: whoever comes after a failure needs the note.
    for left in &left {
        if left.note.is_some() {
            Note::remove(qmp, &left.id).await?;
        }
        cleaned.acquisitions = cleaned.acquisitions.saturating_add(1);
    }
    Ok(cleaned)
}

/// Has the agent thaw what it was asked to freeze, once the guest runs, and takes the note of it away.
pub(crate) async fn thaw(
    qmp: &mut Qmp,
    id: &AcquisitionId,
    pause: Pause,
    agent: Option<&Path>,
) -> Result<(), Error> {
    if let (true, Some(agent)) = (pause.frozen, agent) {
        // An agent that does not answer is the guest's own affair; the rest must not wait for it.
        if let Err(error) = agent::thaw(agent).await {
            tracing::warn!(acquisition = %id, %error, "the guest's agent did not thaw");
        }
    }
    Pause::remove(qmp, id).await
}

/// Lets a machine go on that was paused. Whether it was.
pub(crate) async fn resume(qmp: &mut Qmp) -> Result<bool, Error> {
    for _ in 0..TRIES {
        let status = qmp.execute("query-status", json!({})).await?;
        // Whatever else it stands still for is not our doing.
        if status.get("status").and_then(Value::as_str) != Some("paused") {
            return Ok(false);
        }
        match qmp.execute("cont", json!({})).await {
            Ok(_) => return Ok(true),
            // A dump whose reader is gone fails, but not at once.
            Err(Error::Refused { .. }) => tokio::time::sleep(DISTANCE).await,
            Err(error) => return Err(error),
        }
    }
    Err(Error::TimedOut("cont"))
}

/// Nodes of ours that are there.
async fn nodes(
    qmp: &mut Qmp,
    wanted: &impl Fn(&AcquisitionId) -> bool,
) -> Result<Vec<(String, Kind)>, Error> {
    let all = qmp
        .execute("query-named-block-nodes", json!({ "flat": true }))
        .await?;
    let all = all.as_array().ok_or(Error::Protocol("a list of nodes"))?;
    let ours = all.iter().filter_map(|node| {
        let name = node.get("node-name")?.as_str()?;
        let (id, kind) = names::node_of(name)?;
        wanted(&id).then(|| (name.to_owned(), kind))
    });
    Ok(ours.collect())
}

async fn close_exports(
    qmp: &mut Qmp,
    wanted: &impl Fn(&AcquisitionId) -> bool,
    server: bool,
) -> Result<(), Error> {
    let (ours, others) = exports(qmp, wanted).await?;
    for id in ours {
        let gone = json!({ "id": id, "mode": "hard" });
        match qmp.execute("block-export-del", gone).await {
            // One that is closing already.
            Ok(_) | Err(Error::Refused { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    // QEMU has one server for all: ours, unless somebody else's exports are in it.
    if server && others == 0 {
        match qmp.execute("nbd-server-stop", json!({})).await {
            Ok(_) | Err(Error::Refused { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Exports of ours, and how many of others.
async fn exports(
    qmp: &mut Qmp,
    wanted: &impl Fn(&AcquisitionId) -> bool,
) -> Result<(Vec<String>, usize), Error> {
    let all = qmp.execute("query-block-exports", json!({})).await?;
    let all = all.as_array().ok_or(Error::Protocol("a list of exports"))?;
    let ids = all.iter().filter_map(|export| export.get("id")?.as_str());
    let ours = |id: &&str| names::node_of(id).is_some_and(|(id, _)| wanted(&id));
    let (ours, others): (Vec<&str>, Vec<&str>) = ids.partition(ours);
    Ok((ours.into_iter().map(str::to_owned).collect(), others.len()))
}

/// Connects each device with its disk again, if a filter of this acquisition is between them.
async fn reconnect(qmp: &mut Qmp, id: &AcquisitionId, note: &Note) -> Result<(), Error> {
    let blocks = qmp.execute("query-block", json!({})).await?;
    let blocks = blocks
        .as_array()
        .ok_or(Error::Protocol("a list of disks"))?;
    let mut done = Ok(());
    for block in blocks {
        let device = block.get("qdev").and_then(Value::as_str);
        let node = block.pointer("/inserted/node-name").and_then(Value::as_str);
        let (Some(device), Some((owner, _))) = (device, node.and_then(names::node_of)) else {
            continue;
        };
        if owner != *id {
            continue;
        }
        let before = note.drives.iter().find(|(path, _)| path == device);
        let Some((_, before)) = before else {
            done = done.and(Err(Error::Protocol("a disk that the note does not know")));
            continue;
        };
        let change = json!({ "path": device, "property": "drive", "value": before });
        done = done.and(again(qmp, "qom-set", &change).await);
    }
    done
}

async fn remove(qmp: &mut Qmp, nodes: &[(String, Kind)], kind: Kind) -> Result<(), Error> {
    let mut done = Ok(());
    for (name, _) in nodes.iter().filter(|(_, of)| *of == kind) {
        let gone = json!({ "node-name": name });
        done = done.and(again(qmp, "blockdev-del", &gone).await);
    }
    done
}

/// Takes the files of ours away from QEMU, which keeps none of its own of them.
async fn close_files(qmp: &mut Qmp, wanted: &impl Fn(&AcquisitionId) -> bool) -> Result<(), Error> {
    let sets = qmp.execute("query-fdsets", json!({})).await?;
    let sets = sets.as_array().ok_or(Error::Protocol("a list of files"))?;
    let mut ours = Vec::new();
    for set in sets {
        let files = set.get("fds").and_then(Value::as_array);
        let marks = files
            .into_iter()
            .flatten()
            .filter_map(|file| file.get("opaque")?.as_str());
        let is_ours = |mark: &str| names::note_of(mark).is_some_and(|id| wanted(&id));
        if marks.into_iter().any(is_ours) {
            ours.extend(set.get("fdset-id").and_then(Value::as_i64));
        }
    }
    for id in ours {
        let gone = json!({ "fdset-id": id });
        match qmp.execute("remove-fd", gone).await {
            // Older versions keep removed ones in the list for a while.
            Ok(_) | Err(Error::Refused { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Tries until nothing uses it any more.
async fn again(qmp: &mut Qmp, command: &'static str, arguments: &Value) -> Result<(), Error> {
    let mut last = Error::TimedOut(command);
    for _ in 0..TRIES {
        match qmp.execute(command, arguments.clone()).await {
            Ok(_) => return Ok(()),
            Err(error @ Error::Refused { .. }) => last = error,
            Err(error) => return Err(error),
        }
        tokio::time::sleep(DISTANCE).await;
    }
    Err(last)
}
