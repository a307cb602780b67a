//! VPC flow log lines as Network Activity.

use super::raw::Text;
use super::writer::Writer;
use super::{Base, VIEW_KEY, account_words, endpoint_key, observable, schema, view_note};
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

/// Looks up what a line says.
struct Said<'l, 'a>(&'l Line<'a>);

impl<'a> Said<'_, 'a> {
    fn get(&self, field: Field) -> Option<&'a str> {
        self.0.get(field).filter(|value| shown(value))
    }

    fn number(&self, field: Field) -> Option<i64> {
        self.get(field)?.parse().ok()
    }

    fn port(&self, field: Field) -> Option<u16> {
        self.get(field)?.parse().ok()
    }
}

/// Writes the event; `None` if the view is no line of its layout.
pub(super) fn write(row: &EventRowRef<'_>, out: &mut String) -> Option<()> {
    let line = Line::parse(row.raw, row.raw_context).ok()?;
    let said = Said(&line);
    let mut event = Writer::new(out);
    let event = &mut event;
    Base {
        product: "Amazon VPC",
        feature: Some(Text::Bare("Flowlogs")),
        version: said.get(Field::Version).map(Text::Bare),
        profiles: &["cloud", "security_control", "datetime"],
        original_time: said.get(Field::Start).map(Text::Bare),
        ..Base::default()
    }
    .write(event, row);
    let (start, end) = (
        seconds(said.get(Field::Start)),
        seconds(said.get(Field::End)),
    );
    event.time("start_time", start);
    event.time("end_time", end);
    if let (Some(start), Some(end)) = (start, end)
        && end >= start
    {
        event.number("duration", (end - start) / 1_000_000);
    }
    event.text_if(
        "status_code",
        said.get(Field::LogStatus).unwrap_or_default(),
    );
    decision(event, said.get(Field::Action));
    let cloud = event.open("cloud");
    event.text("provider", "AWS");
    event.text_if("region", row.region);
    if !row.account.is_empty() {
        let account = event.open("account");
        event.text("uid", row.account);
        account_words(event);
        event.close(account);
    }
    event.text_if("zone", said.get(Field::AzId).unwrap_or_default());
    event.close(cloud);

    // Which end the interface is, where the line says so.
    let at_source = match said.get(Field::FlowDirection) {
        Some("egress") => Some(true),
        Some("ingress") => Some(false),
        _ => None,
    };
    let instance_at = endpoints(event, &said, at_source);
    // Flow logs tell the direction of the packets, not who began.
    event.truth("is_src_dst_assignment_known", false);
    let (point_id, point) = match at_source {
        Some(true) => (1, "Source"),
        Some(false) => (2, "Destination"),
        None => (0, "Unknown"),
    };
    event.number("observation_point_id", point_id);
    event.text("observation_point", point);
    if instance_at == "network_observation_point.instance_uid" {
        let point = event.open("network_observation_point");
        interface(event, &said);
        event.close(point);
    }
    connection(event, &said, at_source);
    let traffic = event.open("traffic");
    for (key, field) in [("packets", Field::Packets), ("bytes", Field::Bytes)] {
        if let Some(count) = said.number(field) {
            event.number(key, count);
        }
    }
    event.close(traffic);
    let observables = event.open_list("observables");
    for (name, field) in [
        ("src_endpoint.ip", Field::SrcAddr),
        ("dst_endpoint.ip", Field::DstAddr),
    ] {
        let address = said.get(field).filter(|text| endpoint_key(text) == "ip");
        observable(event, name, schema::IP_ADDRESS, address);
    }
    observable(
        event,
        instance_at,
        schema::RESOURCE_UID,
        said.get(Field::InstanceId),
    );
    event.close_list(observables);
    let unmapped = event.open("unmapped");
    write_unmapped(event, &line, row);
    view_note(event, row);
    event.close(unmapped);
    event.finish();
    Some(())
}

fn decision(event: &mut Writer<'_>, action: Option<&str>) {
    let (action_id, action, disposition_id, disposition) = match action {
        Some("ACCEPT") => (1, "Allowed", 1, "Allowed"),
        Some("REJECT") => (2, "Denied", 2, "Blocked"),
        Some(other) => (schema::OTHER, other, schema::OTHER, other),
        None => return,
    };
    event.number("action_id", action_id);
    event.text("action", action);
    event.number("disposition_id", disposition_id);
    event.text("disposition", disposition);
}

/// Writes both ends, the interface's part with the end that it is; says where that is.
fn endpoints(event: &mut Writer<'_>, said: &Said<'_, '_>, at_source: Option<bool>) -> &'static str {
    let source = event.open("src_endpoint");
    end_of(
        event,
        said,
        (Field::SrcAddr, Field::SrcPort, Field::PktSrcAwsService),
    );
    if at_source == Some(true) {
        interface(event, said);
    }
    let has_source = event.close(source);
    let target = event.open("dst_endpoint");
    end_of(
        event,
        said,
        (Field::DstAddr, Field::DstPort, Field::PktDstAwsService),
    );
    let has_target =
        said.get(Field::DstAddr).is_some() || said.get(Field::PktDstAwsService).is_some();
    // A line without traffic has no ends, and the schema wants one.
    let no_end = at_source.is_none() && !has_source && !has_target;
    if at_source == Some(false) || no_end {
        interface(event, said);
    }
    if !event.close(target) && !has_source {
        let target = event.open("dst_endpoint");
        event.text("name", "Unknown");
        event.close(target);
    }
    match at_source {
        Some(true) => "src_endpoint.instance_uid",
        Some(false) => "dst_endpoint.instance_uid",
        None if no_end => "dst_endpoint.instance_uid",
        None => "network_observation_point.instance_uid",
    }
}

fn end_of(
    event: &mut Writer<'_>,
    said: &Said<'_, '_>,
    (address, port, service): (Field, Field, Field),
) {
    if let Some(address) = said.get(address) {
        event.text(endpoint_key(address), address);
        // An end without an address tells nothing by its port.
        if let Some(port) = said.port(port) {
            event.number("port", port);
        }
    }
    event.text_if("svc_name", said.get(service).unwrap_or_default());
}

fn interface(event: &mut Writer<'_>, said: &Said<'_, '_>) {
    for (key, field) in [
        ("interface_uid", Field::InterfaceId),
        ("instance_uid", Field::InstanceId),
        ("subnet_uid", Field::SubnetId),
        ("vpc_uid", Field::VpcId),
    ] {
        event.text_if(key, said.get(field).unwrap_or_default());
    }
}

fn connection(event: &mut Writer<'_>, said: &Said<'_, '_>, at_source: Option<bool>) {
    let connection = event.open("connection_info");
    let (direction_id, direction) = match at_source {
        Some(true) => (2, "Outbound"),
        Some(false) => (1, "Inbound"),
        None => (0, "Unknown"),
    };
    event.number("direction_id", direction_id);
    event.text("direction", direction);
    if let Some(protocol) = said.number(Field::Protocol) {
        event.number("protocol_num", protocol);
        let name = u8::try_from(protocol).ok().and_then(schema::protocol);
        event.text_if("protocol_name", name.unwrap_or_default());
    }
    if let Some(kind) = said.get(Field::Type) {
        event.text("protocol_ver", kind);
        let id = match kind {
            "IPv4" => 4,
            "IPv6" => 6,
            _ => schema::OTHER,
        };
        event.number("protocol_ver_id", id);
    }
    if let Some(flags) = said.number(Field::TcpFlags) {
        event.number("tcp_flags", flags);
    }
    let path = said
        .number(Field::TrafficPath)
        .and_then(|path| u8::try_from(path).ok());
    if let Some((boundary_id, boundary)) = path.and_then(schema::boundary) {
        event.number("boundary_id", boundary_id);
        event.text("boundary", boundary);
    }
    event.close(connection);
}

/// Writes the fields that the mapping has no place for, or whose values do not fit it, by
/// the names that the header has for them.
fn write_unmapped(event: &mut Writer<'_>, line: &Line<'_>, row: &EventRowRef<'_>) {
    for ((field, _, value), name) in line.fields().zip(line.layout.names()) {
        if shown(value) && !is_mapped(line, row, field, value) && name != VIEW_KEY {
            event.record_member(Text::Bare(name), value);
        }
    }
}

fn is_mapped(line: &Line<'_>, row: &EventRowRef<'_>, field: Option<Field>, value: &str) -> bool {
    let number = value.parse::<i64>().is_ok();
    match field {
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
    }
}
