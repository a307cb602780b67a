//! From events to what the model is told of them. Pure.

use std::collections::{HashMap, HashSet};

use arrow::array::RecordBatch;
use cordon_baseline::{
    Anomaly, Baselines, MissingParts, Observation, Outcome, Part, RoleAssumption, Status,
};
use cordon_kernel::Result;
use cordon_lake::schema::{Column, Columns};
use cordon_lake::{Events, filled, first_at};
use cordon_views::{SourceType, Status as Told};

use super::super::explained::Judged;
use crate::rooms::context::Context;

/// Where records name the program that asked.
const AGENTS: [&str; 2] = [
    "userAgent",
    "protoPayload.requestMetadata.callerSuppliedUserAgent",
];
/// Operations that take on a role, and where they name it.
const ROLES: [&str; 3] = [
    "AssumeRole",
    "AssumeRoleWithSAML",
    "AssumeRoleWithWebIdentity",
];
const ROLE: &str = "requestParameters.roleArn";

/// The columns that are looked at.
pub(super) fn columns() -> Columns {
    Columns::of(&[
        Column::Time,
        Column::Name,
        Column::ObservedTime,
        Column::TimeQuality,
        Column::SourceType,
        Column::Account,
        Column::Region,
        Column::Service,
        Column::Operation,
        Column::Actor,
        Column::Status,
        Column::SrcIp,
        Column::SrcPort,
        Column::DstIp,
        Column::DstPort,
        Column::Resources,
        Column::Raw,
        Column::RawContext,
    ])
}

/// What an event has beside its columns.
struct Beside {
    agent: String,
    role: Option<String>,
    bytes: Option<u64>,
    resources: Vec<String>,
}

/// Has the model take a batch; or says which of its parts it needs first, and has then taken nothing.
pub(super) fn take(
    model: &mut Baselines,
    batch: &RecordBatch,
) -> Result<std::result::Result<Outcome, Vec<Part>>> {
    let batch = filled(batch)?;
    let events = Events::new(&batch)?;
    let mut besides = Vec::with_capacity(events.len());
    let mut observed_ns = i64::MIN;
    for at in 0..events.len() {
        let event = events.row(at, &[]);
        observed_ns = observed_ns.max(event.observed_ns);
        let flow = event.source_type == SourceType::AwsVpcFlow;
        let json = !flow && !event.actor.is_empty();
        let agent = json
            .then(|| AGENTS.iter().find_map(|path| first_at(event.raw, path)))
            .flatten();
        let role = (json && ROLES.contains(&event.operation))
            .then(|| first_at(event.raw, ROLE))
            .flatten();
        besides.push(Beside {
            agent: agent.unwrap_or_default(),
            role,
            bytes: flow
                .then(|| flow_bytes(event.raw, event.raw_context.unwrap_or_default()))
                .flatten(),
            resources: events.resources(at),
        });
    }
    let resources: Vec<Vec<&str>> = besides
        .iter()
        .map(|beside| beside.resources.iter().map(String::as_str).collect())
        .collect();
    let observations: Vec<Observation<'_>> = besides
        .iter()
        .zip(&resources)
        .enumerate()
        .map(|(at, (beside, resources))| {
            let event = events.row(at, &[]);
            Observation {
                time_ns: event.time_ns,
                name: events.name(at),
                source_type: event.source_type.as_str(),
                account: event.account,
                region: event.region,
                service: event.service,
                operation: event.operation,
                actor: event.actor,
                status: match event.status {
                    Told::Success => Status::Success,
                    Told::Failure => Status::Failure,
                    Told::Other => Status::Other,
                    Told::Unknown => Status::Unknown,
                },
                src_ip: event.src_ip,
                src_port: event.src_port,
                dst_ip: event.dst_ip,
                dst_port: event.dst_port,
                resources,
                user_agent: &beside.agent,
                bytes: beside.bytes,
                role: beside.role.as_deref().map(|role| RoleAssumption {
                    role,
                    ..RoleAssumption::default()
                }),
            }
        })
        .collect();
    Ok(model
        .take(&observations, observed_ns)
        .map_err(|MissingParts(parts)| parts))
}

/// What the tenant's context says of each of the anomalies that a batch brought.
pub(super) fn judged(
    context: Option<&Context>,
    batch: &RecordBatch,
    anomalies: &[Anomaly],
) -> Result<Vec<Judged>> {
    if context.is_none() || anomalies.is_empty() {
        return Ok(vec![Judged::default(); anomalies.len()]);
    }
    let names: HashSet<[u8; 16]> = anomalies
        .iter()
        .flat_map(|anomaly| anomaly.events.iter().copied())
        .collect();
    let batch = filled(batch)?;
    let events = Events::new(&batch)?;
    let named = (0..events.len()).filter(|row| names.contains(&events.name(*row)));
    let named: HashMap<[u8; 16], Judged> = named
        .map(|row| (events.name(row), Judged::of(context, &events, row)))
        .collect();
    let judged = anomalies.iter();
    Ok(judged
        .map(|anomaly| Judged::anomaly(context, &named, anomaly))
        .collect())
}

/// The bytes of a flow, by the names of its fields, or by their places in the default format.
fn flow_bytes(line: &str, header: &str) -> Option<u64> {
    let usual = 9;
    let place = match header.split_whitespace().position(|name| name == "bytes") {
        Some(place) => place,
        None if header.trim().is_empty() => usual,
        None => return None,
    };
    line.split_whitespace().nth(place)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::flow_bytes;

    #[test]
    fn bytes_of_a_flow_are_found_by_its_header_or_by_the_usual_place() {
        let line = "2 111122223333 eni-1 192.0.2.1 192.0.2.2 50000 443 6 12 3400 1 2 ACCEPT OK";
        assert_eq!(flow_bytes(line, ""), Some(3_400));
        assert_eq!(flow_bytes("ACCEPT 77 x", "action bytes other"), Some(77));
        assert_eq!(flow_bytes("ACCEPT 77 x", "action packets other"), None);
        assert_eq!(flow_bytes("- - - -", ""), None);
    }
}
