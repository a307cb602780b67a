//! Clocks as messages.

use cordon_kernel::{Disclosed, Name, TenantId};
use cordon_proto::sla as wire;
use cordon_sla::clock::{Clock, Subject};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::super::service::Clocks;
use super::words;
use crate::rooms::fields::wire_time;
use crate::rooms::incidents::Clocked;

/// A clock as it is shown: it rests on an agreement that is gone when the answer is.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) struct ShownClock(wire::Clock);

impl ShownClock {
    pub(in super::super) fn new(tenant: &TenantId, incident: Uuid, clock: &Clock<'_>) -> Self {
        let (request, interval) = match &clock.subject {
            None => (String::new(), 0),
            Some(Subject::Request(id)) => (id.clone(), 0),
            Some(Subject::Interval(n)) => (String::new(), i32::try_from(*n).unwrap_or(i32::MAX)),
        };
        let version = u64::from(clock.agreement.version());
        let entry = |seq| Name::TimelineEntry(tenant.clone(), incident, seq).to_string();
        let stretches = clock.segments.iter().map(|segment| wire::Stretch {
            party: words::party(segment.party),
            start_time: Some(wire_time(segment.from)),
            end_time: Some(wire_time(segment.to)),
            open: Some(duration(segment.open)),
        });
        Self(wire::Clock {
            kind: words::kind(clock.kind),
            request,
            interval,
            severity: words::severity(clock.severity),
            agreement: Name::Agreement(tenant.clone(), version).to_string(),
            state: words::state(clock.state),
            start_time: Some(wire_time(clock.started.at)),
            due_time: clock.due.map(wire_time),
            stop_time: clock.stopped.map(|mark| wire_time(mark.at)),
            allowed: Some(duration(clock.allowed)),
            spent: Some(duration(clock.spent)),
            paused: Some(duration(clock.paused)),
            left: Some(duration(clock.left())),
            stretches: stretches.collect(),
            timeline_entries: clock.entries().into_iter().map(entry).collect(),
        })
    }
}

pub(in super::super) fn clocks(clocks: Disclosed<Clocks>) -> wire::ListClocksResponse {
    let clocks = clocks.into_wire();
    wire::ListClocksResponse {
        clocks: clocks.clocks.into_iter().map(|shown| shown.0).collect(),
        as_of_time: Some(wire_time(clocks.as_of)),
    }
}

/// An incident with its clocks.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) struct IncidentClocks {
    pub(in super::super) incident: Clocked,
    pub(in super::super) clocks: Vec<ShownClock>,
}

pub(in super::super) fn watched(
    tenant: &TenantId,
    incidents: Disclosed<Vec<IncidentClocks>>,
    cursor: i64,
    as_of: Timestamp,
) -> wire::WatchClocksResponse {
    let incidents = incidents.into_wire().into_iter();
    let incidents = incidents.map(|IncidentClocks { incident, clocks }| wire::IncidentClocks {
        incident: Name::Incident(tenant.clone(), incident.id).to_string(),
        number: incident.number,
        severity: incident.severity(),
        state: incident.state(),
        clocks: clocks.into_iter().map(|shown| shown.0).collect(),
    });
    wire::WatchClocksResponse {
        incidents: incidents.collect(),
        cursor,
        as_of_time: Some(wire_time(as_of)),
    }
}

pub(super) fn duration(duration: SignedDuration) -> prost_types::Duration {
    prost_types::Duration {
        seconds: duration.as_secs(),
        nanos: duration.subsec_nanos(),
    }
}
