//! Between messages and commands; and from disclosed events to the wire, the only way out.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use cordon_kernel::db::{nanos, timestamp};
use cordon_kernel::facade::Kernel;
use cordon_kernel::{Disclosed, Error, EventName, Name, Result, TenantId};
use cordon_lake::schema::{Column, Columns};
use cordon_lake::{Events, Position, filled};
use cordon_proto::events as wire;
use cordon_views::render::write_ocsf;
use cordon_views::{Reason, SourceType, Withheld};
use jiff::SignedDuration;
use prost::Message as _;
use prost_types::Timestamp;

use super::ingest::{Batch, Receipt, Unreadable};

/// How much of an event is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum View {
    /// Translated to OCSF.
    Ocsf,
    /// The source's bytes or the tenant's view of them.
    Raw,
    /// The columns.
    Columns,
}

impl View {
    /// The view of a request.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` for a number that is none.
    pub(crate) fn from_wire(view: i32) -> Result<Self> {
        match wire::EventView::try_from(view) {
            Ok(wire::EventView::Unspecified | wire::EventView::Ocsf) => Ok(Self::Ocsf),
            Ok(wire::EventView::Raw) => Ok(Self::Raw),
            Ok(wire::EventView::Columns) => Ok(Self::Columns),
            Err(_) => Err(Error::invalid("view", "expected OCSF, RAW or COLUMNS")),
        }
    }
}

impl View {
    /// What is read of each event for this view. The others are empty then.
    pub(crate) fn columns(self) -> Columns {
        match self {
            // Rendering takes these from the source's bytes.
            Self::Ocsf | Self::Raw => Columns::all_but(&[
                Column::Actor,
                Column::CredentialUid,
                Column::SrcIp,
                Column::DstIp,
                Column::Resources,
            ]),
            Self::Columns => Columns::all_but(&[Column::Raw]),
        }
    }
}

/// How often what was withheld, in the events of one answer.
#[derive(Debug, Default)]
pub(super) struct Tally(BTreeMap<Reason, i64>);

impl Tally {
    fn note(&mut self, withheld: &[Withheld]) {
        for reason in Reason::ALL {
            if withheld.iter().any(|gap| gap.reason == reason) {
                *self.0.entry(reason).or_default() += 1;
            }
        }
    }

    /// As an answer's summary says it.
    #[must_use]
    pub(super) fn wire(&self) -> Vec<wire::WithheldCount> {
        self.0
            .iter()
            .map(|(reason, count)| wire::WithheldCount {
                reason: reason.as_str().into(),
                event_count: *count,
            })
            .collect()
    }
}

/// Events as a tenant may see them, for the wire. What is withheld is added to `tally`.
///
/// # Errors
/// `INTERNAL` when the batch is not whole.
pub(super) fn events(
    tenant: &TenantId,
    batch: Disclosed<RecordBatch>,
    view: View,
    tally: &mut Tally,
) -> Result<Vec<wire::Event>> {
    let batch = filled(&batch.into_wire())?;
    let events = Events::new(&batch)?;
    let mut out = Vec::with_capacity(events.len());
    for at in 0..events.len() {
        let withheld = events.withheld(at);
        tally.note(&withheld);
        let row = events.row(at, &withheld);
        let mut event = wire::Event {
            name: Name::Event(tenant.clone(), EventName::from_bytes(events.name(at))).to_string(),
            sequence: i64::try_from(events.seq(at)).unwrap_or(i64::MAX),
            ..wire::Event::default()
        };
        match view {
            View::Ocsf => write_ocsf(&row, &mut event.ocsf_json),
            View::Raw => {
                event.raw = row.raw.as_bytes().to_vec().into();
                event.raw_context = row.raw_context.unwrap_or_default().to_owned();
            }
            View::Columns => event.columns = Some(columns(&events, at, &row)),
        }
        out.push(event);
    }
    Ok(out)
}

/// Events as a tenant may see them, where nobody asks what was withheld.
///
/// # Errors
/// `INTERNAL` when the batch is not whole.
pub(crate) fn wire_events(
    tenant: &TenantId,
    batch: Disclosed<RecordBatch>,
    view: View,
) -> Result<Vec<wire::Event>> {
    events(tenant, batch, view, &mut Tally::default())
}

/// Most bytes of one message's events; a single larger event goes alone.
const MESSAGE_BYTES: usize = 1 << 20;

/// Events in portions that each fit well into a message.
pub(crate) fn portions(events: Vec<wire::Event>) -> Vec<Vec<wire::Event>> {
    let mut portions = vec![Vec::new()];
    let mut bytes = 0;
    for event in events {
        let size = event.encoded_len();
        if bytes > 0 && bytes + size > MESSAGE_BYTES {
            portions.push(Vec::new());
            bytes = 0;
        }
        bytes += size;
        if let Some(portion) = portions.last_mut() {
            portion.push(event);
        }
    }
    portions
}

/// The place of a batch's last event in the order of time.
///
/// # Errors
/// `INTERNAL` when the batch is not whole.
pub(super) fn last(batch: &RecordBatch) -> Result<Option<Position>> {
    let batch = filled(batch)?;
    let events = Events::new(&batch)?;
    Ok(events.len().checked_sub(1).map(|at| Position {
        time_ns: events.time_ns(at),
        name: events.name(at),
    }))
}

/// A batch for a file of columns; what is withheld is added to `tally`.
///
/// # Errors
/// `INTERNAL` when the batch is not whole.
pub(super) fn tallied(batch: Disclosed<RecordBatch>, tally: &mut Tally) -> Result<RecordBatch> {
    let batch = batch.into_wire();
    let events = Events::new(&batch)?;
    (0..events.len()).for_each(|at| tally.note(&events.withheld(at)));
    Ok(batch)
}

fn columns(
    events: &Events<'_>,
    at: usize,
    row: &cordon_views::EventRowRef<'_>,
) -> wire::EventColumns {
    let address = |ip: Option<std::net::IpAddr>| ip.map(|ip| ip.to_string()).unwrap_or_default();
    wire::EventColumns {
        time: Some(to_time(row.time_ns)),
        observed_time: Some(to_time(row.observed_ns)),
        stored_time: Some(to_time(events.stored_ns(at))),
        time_quality: if row.time_invalid { "invalid" } else { "valid" }.into(),
        class_uid: row.class_uid,
        activity_id: row.activity_id,
        severity_id: row.severity_id,
        status: row.status.as_str().into(),
        account: row.account.into(),
        region: row.region.into(),
        service: row.service.into(),
        operation: row.operation.into(),
        actor: row.actor.into(),
        src_ip: address(row.src_ip),
        src_port: row.src_port.map_or(0, i32::from),
        dst_ip: address(row.dst_ip),
        dst_port: row.dst_port.map_or(0, i32::from),
        resources: events.resources(at),
        source: events.source(at).into(),
        source_type: row.source_type.as_str().into(),
        event_id: row.event_id.into(),
        shared: row.shared,
        credential_uid: row.credential_uid.into(),
    }
}

/// Nanoseconds since 1970 for the wire.
#[must_use]
pub(super) fn to_time(nanos: i64) -> Timestamp {
    Timestamp {
        seconds: nanos.div_euclid(1_000_000_000),
        nanos: i32::try_from(nanos.rem_euclid(1_000_000_000)).unwrap_or(0),
    }
}

/// A time of a request in nanoseconds since 1970; what lies beyond 1677 or 2262 becomes the end
/// of that range.
///
/// # Errors
/// `INVALID_ARGUMENT` when it is no time at all.
pub(super) fn from_time(field: &str, time: Option<&Timestamp>) -> Result<Option<i64>> {
    let Some(time) = time else { return Ok(None) };
    if !(0..1_000_000_000).contains(&time.nanos) {
        return Err(Error::invalid(field, "nanos lies outside 0 to 999,999,999"));
    }
    let nanos = i128::from(time.seconds) * 1_000_000_000 + i128::from(time.nanos);
    let clamped = nanos.clamp(i128::from(i64::MIN), i128::from(i64::MAX));
    Ok(i64::try_from(clamped).ok())
}

/// A time range of a request: from the first, up to and without the second.
///
/// # Errors
/// `INVALID_ARGUMENT` when a time is none or the range ends before it begins.
pub(crate) fn range(
    start: Option<&Timestamp>,
    end: Option<&Timestamp>,
) -> Result<(Option<i64>, Option<i64>)> {
    let (start, end) = (from_time("start_time", start)?, from_time("end_time", end)?);
    if let (Some(start), Some(end)) = (start, end)
        && start > end
    {
        return Err(Error::invalid("end_time", "lies before start_time"));
    }
    Ok((start, end))
}

/// How far a source's clock may be ahead of this one.
const SKEW: SignedDuration = SignedDuration::from_mins(5);

/// Up to when a source says that it has delivered everything. A watermark never goes back, so one
/// that lies ahead would be a false promise for good.
///
/// # Errors
/// `INVALID_ARGUMENT` when it is no time or lies in the future.
pub(crate) fn watermark(kernel: &Kernel, time: Option<&Timestamp>) -> Result<Option<i64>> {
    let watermark = from_time("watermark", time)?;
    let latest = kernel
        .env()
        .now()
        .checked_add(SKEW)
        .map_err(Error::internal)?;
    if watermark.is_some_and(|watermark| watermark > nanos(latest)) {
        return Err(Error::invalid(
            "watermark",
            "lies in the future; seconds and milliseconds mixed up?",
        ));
    }
    Ok(watermark)
}

/// A batch from the wire.
///
/// # Errors
/// `INVALID_ARGUMENT` for a source type that does not exist or a watermark that is no time.
pub(super) fn batch(kernel: &Kernel, request: wire::IngestEventsRequest) -> Result<Batch> {
    let source_type: SourceType = request.source_type.parse().map_err(|_| {
        let known: Vec<_> = SourceType::ALL.iter().map(|kind| kind.as_str()).collect();
        Error::invalid(
            "source_type",
            format!("expected one of {}", known.join(", ")),
        )
    })?;
    Ok(Batch {
        id: request.batch_id,
        source_type,
        context: request.context,
        records: request.records,
        lines: request.lines,
        unreadable: request
            .unreadable
            .into_iter()
            .map(|bad| Unreadable {
                line: bad.line,
                reason: code(bad.reason),
                message: bad.message,
                content: bad.content,
            })
            .collect(),
        watermark: watermark(kernel, request.watermark.as_ref())?,
    })
}

/// A sender's reason code, if it has the form of one.
fn code(reason: String) -> String {
    let good = (1..=63).contains(&reason.len())
        && reason
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    if good { reason } else { "UNREADABLE".into() }
}

/// What became of a batch, for the wire.
#[must_use]
pub(super) fn receipt(receipt: Disclosed<Receipt>) -> wire::IngestEventsResponse {
    let receipt = receipt.into_wire();
    let count = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    wire::IngestEventsResponse {
        batch_id: receipt.batch_id,
        accepted_count: count(receipt.accepted),
        duplicate_count: count(receipt.duplicates),
        rejected_count: count(receipt.rejected),
        unattributed_count: count(receipt.unattributed),
        errors: receipt
            .errors
            .into_iter()
            .map(|error| wire::RecordError {
                index: count(error.index),
                line: error.line,
                reason: error.reason,
                message: error.message,
            })
            .collect(),
        ..wire::IngestEventsResponse::default()
    }
}

/// A batch that was refused as a whole.
#[must_use]
pub(super) fn refused(batch_id: String, error: &Error) -> wire::IngestEventsResponse {
    let fields: Vec<String> = error
        .violations()
        .iter()
        .map(|v| format!("{}: {}", v.field, v.description))
        .collect();
    let message = if fields.is_empty() {
        error.message().to_owned()
    } else {
        fields.join("; ")
    };
    wire::IngestEventsResponse {
        batch_id,
        refused_reason: error.reason().as_str().into(),
        refused_message: message,
        ..wire::IngestEventsResponse::default()
    }
}

/// The end of a range of time that a completeness statement names.
#[must_use]
pub(super) fn say_time(nanos: i64) -> String {
    timestamp(nanos).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_before_1970_and_after_2262_are_kept_or_clamped() {
        let before = Timestamp {
            seconds: -1,
            nanos: 5,
        };
        assert_eq!(from_time("t", Some(&before)).unwrap(), Some(-999_999_995));
        assert_eq!(to_time(-999_999_995), before);
        let late = Timestamp {
            seconds: 253_402_300_799,
            nanos: 0,
        };
        assert_eq!(from_time("t", Some(&late)).unwrap(), Some(i64::MAX));
        assert!(
            from_time(
                "t",
                Some(&Timestamp {
                    seconds: 0,
                    nanos: -1
                })
            )
            .is_err()
        );
        assert!(range(Some(&late), Some(&before)).is_err());
    }

    #[test]
    fn a_made_up_reason_code_is_not_taken_over() {
        assert_eq!(code("TRUNCATED_INPUT".into()), "TRUNCATED_INPUT");
        assert_eq!(code("'; DROP".into()), "UNREADABLE");
    }
}
