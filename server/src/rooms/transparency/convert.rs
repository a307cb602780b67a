//! Between messages and entries of a log.

use cordon_kernel::db::nanos;
use cordon_kernel::{Disclosed, Error, Name, Result, TenantId};
use cordon_proto::transparency as wire;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::store::LogEntry;

/// Entries of a page when the caller does not say.
const DEFAULT_SIZE: u32 = 100;
/// Most entries of a page.
const MAX_SIZE: u32 = 1_000;

/// Which part of which log a caller asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Query {
    /// `None` for the provider's own log.
    pub(super) tenant: Option<TenantId>,
    /// First moment, in nanoseconds since 1970.
    pub(super) from: i64,
    /// First moment after.
    pub(super) to: i64,
    pub(super) size: u32,
    pub(super) token: String,
}

pub(super) fn query(request: wire::ListAuditEntriesRequest) -> Result<Query> {
    let tenant = match request.parent.as_str() {
        "" => None,
        parent => Some(Name::parse_tenant("parent", parent)?),
    };
    let size = match u32::try_from(request.page_size) {
        Err(_) => return Err(Error::invalid("page_size", "expected 0 to 1,000")),
        Ok(0) => DEFAULT_SIZE,
        Ok(size) => size.min(MAX_SIZE),
    };
    Ok(Query {
        tenant,
        from: time("start_time", request.start_time)?.unwrap_or(i64::MIN),
        to: time("end_time", request.end_time)?.unwrap_or(i64::MAX),
        size,
        token: request.page_token,
    })
}

fn time(field: &str, time: Option<prost_types::Timestamp>) -> Result<Option<i64>> {
    let Some(time) = time else { return Ok(None) };
    match Timestamp::new(time.seconds, time.nanos) {
        // What the tables can't keep lies before or after all entries, as it should.
        Ok(at) if (0..1_000_000_000).contains(&time.nanos) => Ok(Some(nanos(at))),
        _ => Err(Error::invalid(
            field,
            "expected a time, in seconds and nanoseconds since 1970",
        )),
    }
}

/// The message that shows it.
pub(super) fn encode(entry: Disclosed<LogEntry>) -> wire::AuditEntry {
    let entry = entry.into_wire();
    let record = entry.record;
    let mut details: Map<String, Value> = record
        .details
        .into_iter()
        .map(|(key, value)| (key, Value::String(value)))
        .collect();
    // What the message has no field for.
    let mut add = |key: &str, value: Option<String>| {
        if let Some(value) = value {
            details.insert(key.to_owned(), Value::String(value));
        }
    };
    add(
        "outcome",
        (record.outcome != "OK").then_some(record.outcome),
    );
    add("approval", record.actor.approval);
    let system = record.actor.role == "system";
    add("credential", (!system).then_some(record.actor.credential));
    wire::AuditEntry {
        sequence: i64::try_from(record.seq).unwrap_or(i64::MAX),
        time: Some(prost_types::Timestamp {
            seconds: nanos(record.time).div_euclid(1_000_000_000),
            nanos: i32::try_from(nanos(record.time).rem_euclid(1_000_000_000)).unwrap_or(0),
        }),
        actor: record.actor.subject,
        staff: record.actor.home == "provider" && !system,
        role: record.actor.role,
        action: record.action,
        resource: record.resource.unwrap_or_default(),
        justification: record.actor.justification.unwrap_or_default(),
        reference: record.actor.reference.unwrap_or_default(),
        details_json: Value::Object(details).to_string(),
        hash: entry.hash,
        previous_hash: entry.previous_hash,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_checked() {
        let ask = |parent: &str, page_size| {
            query(wire::ListAuditEntriesRequest {
                parent: parent.into(),
                page_size,
                ..Default::default()
            })
        };
        assert_eq!(ask("tenants/acme", 0).unwrap().size, 100);
        assert_eq!(ask("tenants/acme", 5_000).unwrap().size, 1_000);
        assert_eq!(ask("", 7).unwrap().tenant, None);
        assert!(ask("tenants/acme", -1).is_err());
        assert!(ask("sources/trail", 0).is_err());
    }

    #[test]
    fn times_are_checked_and_clamped() {
        let at = |seconds, nanos| {
            time(
                "start_time",
                Some(prost_types::Timestamp { seconds, nanos }),
            )
        };
        assert_eq!(at(-1, 999_999_999).unwrap(), Some(-1));
        assert_eq!(at(-62_135_596_800, 0).unwrap(), Some(i64::MIN));
        assert!(at(0, -1).is_err());
        assert!(at(i64::MAX, 0).is_err());
    }
}
