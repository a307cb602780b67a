//! VPC flow log lines as Network Activity.

use serde_json::{Map, Value};

use super::{Observables, Product, Put, base, cloud, endpoint, finish, put_time, schema};
use crate::row::EventRowRef;
use crate::view::WITHHELD_KEY;
use crate::vpcflow::{Field, Line, is_given};

/// Seconds to nanoseconds, where that is a time.
fn seconds(text: Option<&str>) -> Option<i64> {
    let seconds: i64 = text?.parse().ok()?;
    (seconds > 0).then_some(())?;
    seconds.checked_mul(1_000_000_000)
}

/// What a field may be put to: given, and not withheld.
fn shown(value: &str) -> bool {
    is_given(value) && !value.starts_with(WITHHELD_KEY)
}

pub(super) fn render(row: &EventRowRef<'_>) -> Option<Map<String, Value>> {
    let line = Line::parse(row.raw, row.raw_context).ok()?;
    let get = |field: Field| line.get(field).filter(|value| shown(value));
    let number = |field: Field| get(field).and_then(|text| text.parse::<i64>().ok());

    let product = Product {
        name: "Amazon VPC",
        feature: "Flowlogs",
        version: get(Field::Version).unwrap_or_default(),
    };
    let mut event = base(row, product, &["cloud", "security_control", "datetime"]);
    if let Some(Value::Object(metadata)) = event.get_mut("metadata") {
        metadata.put_some("original_time", get(Field::Start));
    }
    let (start, end) = (seconds(get(Field::Start)), seconds(get(Field::End)));
    put_time(&mut event, "start_time", start);
    put_time(&mut event, "end_time", end);
    if let (Some(start), Some(end)) = (start, end)
        && end >= start
    {
        event.put("duration", (end - start) / 1_000_000);
    }
    event.put_some("status_code", get(Field::LogStatus));
    let decision = match get(Field::Action) {
        Some("ACCEPT") => Some((1, "Allowed", 1, "Allowed")),
        Some("REJECT") => Some((2, "Denied", 2, "Blocked")),
        Some(other) => Some((schema::OTHER, other, schema::OTHER, other)),
        None => None,
    };
    if let Some((action_id, action, disposition_id, disposition)) = decision {
        event.put("action_id", action_id);
        event.put("action", action);
        event.put("disposition_id", disposition_id);
        event.put("disposition", disposition);
    }
    let mut cloud = cloud(row.account, row.region);
    cloud.put_some("zone", get(Field::AzId));
    event.put("cloud", cloud);

    // Which end the interface is, where the line says so.
    let at_source = match get(Field::FlowDirection) {
        Some("egress") => Some(true),
        Some("ingress") => Some(false),
        _ => None,
    };
    let mut source = end_of(
        &get,
        Field::SrcAddr,
        Field::SrcPort,
        Field::PktSrcAwsService,
    );
    let mut target = end_of(
        &get,
        Field::DstAddr,
        Field::DstPort,
        Field::PktDstAwsService,
    );
    let mut interface = Map::with_capacity(4);
    interface.put_some("interface_uid", get(Field::InterfaceId));
    interface.put_some("instance_uid", get(Field::InstanceId));
    interface.put_some("subnet_uid", get(Field::SubnetId));
    interface.put_some("vpc_uid", get(Field::VpcId));
    let mut observables = Observables::default();
    let instance_at = match at_source {
        Some(true) => {
            source.append(&mut interface);
            "src_endpoint.instance_uid"
        }
        Some(false) => {
            target.append(&mut interface);
            "dst_endpoint.instance_uid"
        }
        // A line without traffic has no ends, and the schema wants one.
        None if source.is_empty() && target.is_empty() => {
            target.append(&mut interface);
            "dst_endpoint.instance_uid"
        }
        None => "network_observation_point.instance_uid",
    };
    observables.add("src_endpoint.ip", schema::IP_ADDRESS, text(&source, "ip"));
    observables.add("dst_endpoint.ip", schema::IP_ADDRESS, text(&target, "ip"));
    observables.add(instance_at, schema::RESOURCE_UID, get(Field::InstanceId));
    if source.is_empty() && target.is_empty() {
        target.put("name", "Unknown");
    }
    event.put_full("src_endpoint", source);
    event.put_full("dst_endpoint", target);
    // Flow logs tell the direction of the packets, not who began.
    event.put("is_src_dst_assignment_known", false);
    let (point_id, point) = match at_source {
        Some(true) => (1, "Source"),
        Some(false) => (2, "Destination"),
        None => (0, "Unknown"),
    };
    event.put("observation_point_id", point_id);
    event.put("observation_point", point);
    event.put_full("network_observation_point", interface);

    let mut connection = Map::with_capacity(10);
    let (direction_id, direction) = match at_source {
        Some(true) => (2, "Outbound"),
        Some(false) => (1, "Inbound"),
        None => (0, "Unknown"),
    };
    connection.put("direction_id", direction_id);
    connection.put("direction", direction);
    if let Some(protocol) = number(Field::Protocol) {
        connection.put("protocol_num", protocol);
        let name = u8::try_from(protocol).ok().and_then(schema::protocol);
        connection.put_some("protocol_name", name);
    }
    match get(Field::Type) {
        Some("IPv4") => {
            connection.put("protocol_ver", "IPv4");
            connection.put("protocol_ver_id", 4);
        }
        Some("IPv6") => {
            connection.put("protocol_ver", "IPv6");
            connection.put("protocol_ver_id", 6);
        }
        Some(other) => {
            connection.put("protocol_ver", other);
            connection.put("protocol_ver_id", schema::OTHER);
        }
        None => {}
    }
    if let Some(flags) = number(Field::TcpFlags) {
        connection.put("tcp_flags", flags);
    }
    let path = number(Field::TrafficPath).and_then(|path| u8::try_from(path).ok());
    if let Some((boundary_id, boundary)) = path.and_then(schema::boundary) {
        connection.put("boundary_id", boundary_id);
        connection.put("boundary", boundary);
    }
    event.put("connection_info", connection);

    let mut traffic = Map::with_capacity(2);
    if let Some(packets) = number(Field::Packets) {
        traffic.put("packets", packets);
    }
    if let Some(bytes) = number(Field::Bytes) {
        traffic.put("bytes", bytes);
    }
    event.put_full("traffic", traffic);
    if !observables.0.is_empty() {
        event.put("observables", observables.0);
    }
    let unmapped = unmapped(&line, row);
    Some(finish(event, unmapped, row))
}

fn end_of<'a>(
    get: &impl Fn(Field) -> Option<&'a str>,
    address: Field,
    port: Field,
    service: Field,
) -> Map<String, Value> {
    let mut end = get(address).and_then(endpoint).unwrap_or_default();
    let port = get(port).and_then(|port| port.parse::<u16>().ok());
    // An end without an address tells nothing by its port.
    if let Some(port) = port
        && !end.is_empty()
    {
        end.put("port", port);
    }
    end.put_some("svc_name", get(service));
    end
}

fn text<'m>(map: &'m Map<String, Value>, key: &str) -> Option<&'m str> {
    map.get(key)?.as_str()
}

/// The fields that the mapping has no place for, or whose values do not fit it, by the
/// names that the header has for them.
fn unmapped(line: &Line<'_>, row: &EventRowRef<'_>) -> Map<String, Value> {
    let mut unmapped = Map::new();
    for ((field, _, value), name) in line.fields().zip(line.layout.names()) {
        if !shown(value) {
            continue;
        }
        let number = value.parse::<i64>().is_ok();
        let mapped = match field {
            Some(
                Field::Version
                | Field::AccountId
                | Field::InterfaceId
                | Field::SrcAddr
                | Field::DstAddr
                | Field::Action
                | Field::LogStatus
                | Field::VpcId
                | Field::SubnetId
                | Field::InstanceId
                | Field::Type
                | Field::Region
                | Field::AzId
                | Field::PktSrcAwsService
                | Field::PktDstAwsService
                | Field::Start,
            ) => true,
            Some(Field::FlowDirection) => matches!(value, "ingress" | "egress"),
            Some(Field::Protocol | Field::Packets | Field::Bytes | Field::TcpFlags) => number,
            Some(Field::End) => seconds(Some(value)).is_some(),
            Some(Field::SrcPort) => row.src_port.is_some() && line.get(Field::SrcAddr).is_some(),
            Some(Field::DstPort) => row.dst_port.is_some() && line.get(Field::DstAddr).is_some(),
            Some(Field::TrafficPath) => value.parse().ok().and_then(schema::boundary).is_some(),
            // The packet's own end, where nothing stood between, is the one above.
            Some(Field::PktSrcAddr) => line.get(Field::SrcAddr) == Some(value),
            Some(Field::PktDstAddr) => line.get(Field::DstAddr) == Some(value),
            _ => false,
        };
        if !mapped {
            unmapped.put(name, value);
        }
    }
    unmapped
}
