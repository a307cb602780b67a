//! Between messages and snapshots.

use cordon_evidence::manifest::ItemKind;
use cordon_evidence::names::is_text;
use cordon_kernel::{Disclosed, Error, Name, Result, TenantId};
use cordon_proto::evidence as wire;
use cordon_proto::evidence::snapshot::{Consistency as WireConsistency, State as WireState};
use cordon_proto::evidence::snapshot_hold::Mode as WireMode;
use cordon_proto::evidence::snapshot_item::Kind as WireKind;
use uuid::Uuid;

use super::download::Part;
use super::holds::{Hold, Mode, NewHold};
use super::model::{Consistency, Item, Snapshot, State, Wanted};
use super::service::Named;
use crate::rooms::fields::{Fields, time_of, wire_time};
use crate::rooms::tenants::Which;
use crate::rooms::words::pairs;

pairs!(State as WireState: Requested Acquiring Complete Failed Cancelled Deleted; wire_state, state_from);
pairs!(Consistency as WireConsistency: Paused Live; wire_consistency, consistency_from);
pairs!(Mode as WireMode: Governance Compliance; wire_mode, mode_from);

/// Most disks that are named.
const MOST_DISKS: usize = 64;
/// Lowest rate that can be asked for, in bytes a second.
const LOWEST_RATE: i64 = 1 << 20;
/// Most entries of a page of the chain of custody, and how many unless said otherwise.
const MOST_ENTRIES: i32 = 1_000;
const ENTRIES: i64 = 100;

/// `tenants/{tenant}/snapshots/{snapshot}`.
pub(super) fn snapshot_name(field: &str, name: &str) -> Result<Named> {
    match Name::parse(field, name)? {
        Name::Snapshot(tenant, snapshot) => Ok((tenant, snapshot)),
        _ => Err(Error::invalid(
            field,
            "expected tenants/{tenant}/snapshots/{snapshot}",
        )),
    }
}

/// `tenants/{tenant}/snapshots/{snapshot}/holds/{hold}`.
pub(super) fn hold_name(name: &str) -> Result<(TenantId, Uuid, Uuid)> {
    match Name::parse("name", name)? {
        Name::SnapshotHold(tenant, snapshot, hold) => Ok((tenant, snapshot, hold)),
        _ => Err(Error::invalid(
            "name",
            "expected tenants/{tenant}/snapshots/{snapshot}/holds/{hold}",
        )),
    }
}

/// Words of a person's for the manifest or the chain of custody.
pub(super) fn purpose(field: &str, text: &str) -> Result<String> {
    let text = text.trim();
    match is_text(text) && text.len() <= 1_000 {
        true => Ok(text.to_owned()),
        false => Err(Error::invalid(
            field,
            "expected one line of 1 to 1,000 bytes that says what for",
        )),
    }
}

/// What is asked for.
pub(super) fn wanted(
    tenant: &TenantId,
    snapshot: Option<wire::Snapshot>,
) -> Result<(Which, Wanted)> {
    let body = snapshot.unwrap_or_default();
    let mut fields = Fields::default();
    let of = fields.named(instance(tenant, &body.instance));
    let purpose = fields.named(purpose("snapshot.purpose", &body.purpose));
    if !(body.memory || body.disks || body.network) {
        fields.wrong("snapshot", "expected memory, disks or network");
    }
    let named = |name: &String| {
        (1..=128).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_graphic())
    };
    if body.disk_names.len() > MOST_DISKS || !body.disk_names.iter().all(named) {
        let rule = "expected at most 64 names of 1 to 128 printable characters";
        fields.wrong("snapshot.disk_names", rule);
    }
    if !(body.disks || body.disk_names.is_empty()) {
        fields.wrong(
            "snapshot.disk_names",
            "expected none where no disks are taken",
        );
    }
    let rate = body.max_bytes_per_second;
    if rate != 0 && rate < LOWEST_RATE {
        let rule = "expected 0 or at least 1,048,576 bytes a second";
        fields.wrong("snapshot.max_bytes_per_second", rule);
    }
    let consistency = match body.consistency {
        0 => Some(Consistency::Live),
        number => consistency_from(number),
    };
    if consistency.is_none() {
        fields.wrong("snapshot.consistency", "is not known");
    }
    let incident = fields.named(incident(tenant, &body.incident));
    match (of, purpose, consistency, incident) {
        (Some(of), Some(purpose), Some(consistency), Some(incident)) => {
            fields.finish()?;
            let wanted = Wanted {
                instance: String::new(),
                incident,
                purpose,
                memory: body.memory,
                network: body.network,
                disks: body.disks,
                disk_names: body.disk_names,
                consistency,
                rate: u64::try_from(rate).unwrap_or(0),
            };
            Ok((of, wanted))
        }
        _ => Err(refused(tenant, &body.instance, &body.incident, fields)),
    }
}

/// A name in another tenant's namespace is refused as such, whatever else is wrong.
fn refused(tenant: &TenantId, instance: &str, incident: &str, fields: Fields) -> Error {
    let other = |text: &str| {
        let name = Name::parse("name", text).ok();
        name.is_some_and(|name| name.tenant().is_some_and(|of| of != tenant))
    };
    match other(instance) || other(incident) {
        true => Error::permission_denied(),
        false => fields.refuse(),
    }
}

fn instance(tenant: &TenantId, text: &str) -> Result<Which> {
    let field = "snapshot.instance";
    if text.contains('/') {
        return match Name::parse(field, text)? {
            Name::Resource(of, id) if of == *tenant => Ok(Which::Resource(id)),
            _ => Err(Error::invalid(
                field,
                "expected tenants/{tenant}/resources/{resource} or the instance's id",
            )),
        };
    }
    match (1..=256).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        true => Ok(Which::Identifier(text.to_owned())),
        false => Err(Error::invalid(
            field,
            "expected the instance's id, 1 to 256 printable characters",
        )),
    }
}

fn incident(tenant: &TenantId, text: &str) -> Result<Option<String>> {
    let field = "snapshot.incident";
    match text {
        "" => Ok(None),
        text => match Name::parse(field, text)? {
            Name::Incident(of, _) if of == *tenant => Ok(Some(text.to_owned())),
            _ => Err(Error::invalid(
                field,
                "expected tenants/{tenant}/incidents/{incident}",
            )),
        },
    }
}

/// A snapshot for whoever has read it.
pub(super) fn snapshot(tenant: &TenantId, read: Disclosed<Snapshot>) -> wire::Snapshot {
    let read = read.into_wire();
    let wanted = &read.wanted;
    wire::Snapshot {
        name: Name::Snapshot(tenant.clone(), read.id).to_string(),
        instance: wanted.instance.clone(),
        incident: wanted.incident.clone().unwrap_or_default(),
        purpose: wanted.purpose.clone(),
        memory: wanted.memory,
        disks: wanted.disks,
        disk_names: wanted.disk_names.clone(),
        network: wanted.network,
        consistency: wire_consistency(wanted.consistency),
        state: wire_state(read.state),
        progress: Some(progress(&read)),
        failure: read.failure.as_ref().map(|failure| wire::SnapshotFailure {
            reason: failure.reason.clone(),
            message: failure.message.clone(),
        }),
        items: read.items.iter().map(item).collect(),
        created_by: read.by.name.clone(),
        create_time: Some(wire_time(read.created)),
        update_time: Some(wire_time(read.updated)),
        etag: read.etag.clone(),
        stored_bytes: signed(read.stored),
        manifest_sha256: read.manifest.clone().unwrap_or_default(),
        max_bytes_per_second: signed(wanted.rate),
    }
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn progress(of: &Snapshot) -> wire::AcquisitionProgress {
    let at = &of.progress;
    let left = at.total.saturating_sub(at.read);
    let remaining = (at.rate > 0 && !of.state.ended()).then(|| prost_types::Duration {
        seconds: signed(left.div_ceil(at.rate)),
        nanos: 0,
    });
    wire::AcquisitionProgress {
        item: at.item.clone(),
        read_bytes: signed(at.read),
        total_bytes: signed(at.total),
        bytes_per_second: signed(at.rate),
        remaining,
        attempt: i32::try_from(of.attempt).unwrap_or(i32::MAX),
    }
}

fn item(of: &Item) -> wire::SnapshotItem {
    let kind = match of.kind {
        ItemKind::Disk => WireKind::Disk,
        ItemKind::Memory => WireKind::Memory,
        ItemKind::Network => WireKind::Network,
    };
    wire::SnapshotItem {
        item: of.name.clone(),
        kind: kind.into(),
        size_bytes: signed(of.size),
        data_bytes: signed(of.data),
        unreadable_bytes: signed(of.unreadable),
        sha256: of.sha256.to_string(),
        blake3: of.blake3.to_string(),
        block_bytes: i32::try_from(of.block_size.bytes()).unwrap_or(i32::MAX),
    }
}

/// Which part of an item is wanted.
pub(super) fn part(request: wire::DownloadItemRequest) -> Result<Part> {
    let unsigned = |field: &str, number: i64| {
        u64::try_from(number).map_err(|_| Error::invalid(field, "expected no negative number"))
    };
    Ok(Part {
        offset: unsigned("offset", request.offset)?,
        length: unsigned("length", request.length)?,
        purpose: purpose("purpose", &request.purpose)?,
        item: request.item,
    })
}

/// From which entry on, and how many.
pub(super) fn entries(first: i64, size: i32) -> Result<(u64, i64)> {
    if !(0..=MOST_ENTRIES).contains(&size) {
        return Err(Error::invalid("page_size", "expected 0 to 1,000"));
    }
    let first = u64::try_from(first)
        .map_err(|_| Error::invalid("first_sequence", "expected no negative number"))?;
    let limit = if size == 0 { ENTRIES } else { i64::from(size) };
    Ok((first.max(1), limit))
}

/// What is to hold.
pub(super) fn new_hold(hold: Option<wire::SnapshotHold>) -> Result<NewHold> {
    let body = hold.unwrap_or_default();
    let mut fields = Fields::default();
    let mode = match body.mode {
        0 => Some(Mode::Governance),
        number => mode_from(number),
    };
    if mode.is_none() {
        fields.wrong("hold.mode", "is not known");
    }
    let until = body.until_time.as_ref().map(time_of);
    if until == Some(None) {
        fields.wrong("hold.until_time", "expected a time from 1678 to 2262");
    }
    if mode == Some(Mode::Compliance) && until.is_none() {
        let rule = "expected a time: nobody could ever end a hold in compliance mode without one";
        fields.wrong("hold.until_time", rule);
    }
    let reason = fields.named(purpose("hold.reason", &body.reason));
    match (mode, reason) {
        (Some(mode), Some(reason)) => {
            fields.finish()?;
            Ok(NewHold {
                mode,
                until: until.flatten(),
                reason,
            })
        }
        _ => Err(fields.refuse()),
    }
}

/// A hold for whoever has read it.
pub(super) fn hold(tenant: &TenantId, read: Disclosed<Hold>) -> wire::SnapshotHold {
    let read = read.into_wire();
    wire::SnapshotHold {
        name: Name::SnapshotHold(tenant.clone(), read.snapshot, read.id).to_string(),
        reason: read.reason,
        mode: wire_mode(read.mode),
        until_time: read.until.map(wire_time),
        created_by: read.by,
        party: read.party,
        create_time: Some(wire_time(read.created)),
        release_time: read.released.map(wire_time),
    }
}
