//! GuardDuty findings as Detection Finding.

use serde_json::{Map, Value};

use super::raw::Text;
use super::writer::Writer;
use super::{Base, VIEW_KEY, account_words, endpoint_key, observable, schema, view_note};
use crate::guardduty::{End, Ends, Finding};
use crate::ocsf_native::json::time_of_text;
use crate::row::EventRowRef;

/// Text fields of a finding that have a place elsewhere, as exported findings write them.
const MAPPED: [&str; 9] = [
    "id",
    "accountId",
    "region",
    "partition",
    "schemaVersion",
    "title",
    "description",
    "type",
    "arn",
];

/// Times of a finding and their names in `finding_info`.
const TIMES: [(&str, &str); 4] = [
    ("createdAt", "created_time"),
    ("updatedAt", "modified_time"),
    ("service.eventFirstSeen", "first_seen_time"),
    ("service.eventLastSeen", "last_seen_time"),
];

/// Where findings have the name of what they are about, and whether it is an id.
const RESOURCES: [(&str, bool); 8] = [
    ("resource.instanceDetails.instanceId", true),
    ("resource.eksClusterDetails.arn", true),
    ("resource.ecsClusterDetails.arn", true),
    ("resource.lambdaDetails.functionArn", true),
    ("resource.rdsDbInstanceDetails.dbInstanceArn", true),
    ("resource.containerDetails.id", true),
    ("resource.accessKeyDetails.accessKeyId", true),
    ("resource.accessKeyDetails.userName", false),
];

/// Writes the event; `None` if the view is no JSON object.
pub(super) fn write(row: &EventRowRef<'_>, out: &mut String) -> Option<()> {
    let record: Value = serde_json::from_str(row.raw).ok()?;
    record.as_object()?;
    let finding = Finding::of(&record);
    let said = |path: &str| finding.text(path).map(Text::Bare);
    let mut event = Writer::new(out);
    let event = &mut event;
    Base {
        product: "GuardDuty",
        feature: said("service.featureName"),
        version: said("schemaVersion"),
        profiles: &["cloud", "datetime", "security_control"],
        event_code: said("type"),
        original_time: ["updatedAt", "createdAt", "service.eventLastSeen"]
            .into_iter()
            .find_map(said),
        ..Base::default()
    }
    .write(event, row);
    event.record("message", said("title"));
    let cloud = event.open("cloud");
    event.text("provider", "AWS");
    event.text_if("region", row.region);
    if !row.account.is_empty() {
        let account = event.open("account");
        event.text("uid", row.account);
        account_words(event);
        event.close(account);
    }
    event.record("cloud_partition", said("partition"));
    event.close(cloud);
    event.truth("is_alert", true);
    let archived = finding.at("service.archived").and_then(Value::as_bool);
    let (status_id, status) = if archived == Some(true) {
        (5, "Archived")
    } else {
        (1, "New")
    };
    event.number("status_id", status_id);
    event.text("status", status);
    if let Some(count) = finding.at("service.count").and_then(Value::as_i64) {
        event.number("count", count);
    }
    let info = event.open("finding_info");
    if !event.record("uid", said("id")) {
        event.text("uid", row.event_id);
    }
    event.record("title", said("title"));
    event.record("desc", said("description"));
    let types = event.open_list("types");
    if let Some(kind) = finding.text("type") {
        event.item(kind);
    }
    event.close_list(types);
    event.record("uid_alt", said("arn"));
    for (path, key) in TIMES {
        event.time(key, finding.text(path).and_then(time_of_text));
    }
    event.close(info);
    let names = resources(event, &finding);
    evidence(event, &finding);
    observables(event, &finding, &names);
    let unmapped = event.open("unmapped");
    for (key, value) in rest_of(record) {
        event.value(&key, &value);
    }
    view_note(event, row);
    event.close(unmapped);
    event.finish();
    Some(())
}

/// Writes what the finding is about and gives back its ids. The details go along whole, as
/// each kind has its own.
fn resources(event: &mut Writer<'_>, finding: &Finding<'_>) -> Vec<String> {
    let Some(all @ Value::Object(_)) = finding.at("resource") else {
        return Vec::new();
    };
    let kind = finding.text("resource.resourceType");
    let (role_id, role) = match finding.text("service.resourceRole") {
        Some("TARGET") => (1, "Target"),
        Some("ACTOR") => (2, "Actor"),
        Some(other) => (schema::OTHER, other),
        None => (0, "Unknown"),
    };
    let mut names: Vec<(bool, &str)> = RESOURCES
        .into_iter()
        .find_map(|(path, id)| Some((id, finding.text(path)?)))
        .into_iter()
        .collect();
    for bucket in finding.each("resource.s3BucketDetails") {
        let name = bucket.text("arn").or_else(|| bucket.text("name"));
        names.extend(name.map(|name| (true, name)));
    }
    if names.is_empty() {
        // The schema wants it named by something.
        names.push((false, kind.unwrap_or("Unknown")));
    }
    let resources = event.open_list("resources");
    for (at, (id, name)) in names.iter().enumerate() {
        let resource = event.open_item();
        event.text(if *id { "uid" } else { "name" }, name);
        event.text_if("type", kind.unwrap_or_default());
        event.number("role_id", role_id);
        event.text("role", role);
        if at == 0 {
            event.value("data", all);
        }
        event.close(resource);
    }
    event.close_list(resources);
    names
        .into_iter()
        .filter(|(id, _)| *id)
        .map(|(_, name)| name.to_owned())
        .collect()
}

/// Writes what was noticed: both ends, the call or query, who made it, and the details
/// whole.
fn evidence(event: &mut Writer<'_>, finding: &Finding<'_>) {
    let Some(data) = finding
        .at("service.action")
        .filter(|action| action.is_object())
    else {
        return;
    };
    let evidences = event.open_list("evidences");
    let evidence = event.open_item();
    let ends = Ends::of(finding);
    end_of(event, "src_endpoint", &ends.source);
    end_of(event, "dst_endpoint", &ends.destination);
    if let Some(action) = finding.action() {
        if let Some(protocol) = action.text("protocol") {
            let (direction_id, direction) = match action.text("connectionDirection") {
                Some("INBOUND") => (1, "Inbound"),
                Some("OUTBOUND") => (2, "Outbound"),
                _ => (0, "Unknown"),
            };
            let connection = event.open("connection_info");
            event.number("direction_id", direction_id);
            event.text("direction", direction);
            event.text("protocol_name", &protocol.to_ascii_lowercase());
            event.close(connection);
        }
        if let Some(operation) = action.text("api") {
            let api = event.open("api");
            event.text("operation", operation);
            let service = event.open("service");
            event.text_if("name", action.text("serviceName").unwrap_or_default());
            event.close(service);
            event.close(api);
        }
        let query = event.open("query");
        event.text_if("hostname", action.text("domain").unwrap_or_default());
        event.close(query);
    }
    let key = |name: &str| finding.text(&format!("resource.accessKeyDetails.{name}"));
    let (name, id) = (key("userName"), key("principalId"));
    if name.is_some() || id.is_some() {
        let actor = event.open("actor");
        let user = event.open("user");
        event.text_if("name", name.unwrap_or_default());
        event.text_if("uid", id.unwrap_or_default());
        event.text_if("type", key("userType").unwrap_or_default());
        event.text_if("credential_uid", key("accessKeyId").unwrap_or_default());
        event.close(user);
        event.close(actor);
    }
    event.value("data", data);
    event.close(evidence);
    event.close_list(evidences);
}

fn end_of(event: &mut Writer<'_>, key: &str, end: &End<'_>) {
    let Some(ip) = end.ip.filter(|ip| !ip.is_empty()) else {
        return;
    };
    let endpoint = event.open(key);
    event.text(endpoint_key(ip), ip);
    if let Some(port) = end.port {
        event.number("port", port);
    }
    event.close(endpoint);
}

fn observables(event: &mut Writer<'_>, finding: &Finding<'_>, resources: &[String]) {
    let observables = event.open_list("observables");
    for id in resources {
        observable(event, "resources.uid", schema::RESOURCE_UID, Some(id));
    }
    let ends = Ends::of(finding);
    for (name, ip) in [
        ("evidences.src_endpoint.ip", ends.source.ip),
        ("evidences.dst_endpoint.ip", ends.destination.ip),
    ] {
        let ip = ip.filter(|ip| endpoint_key(ip) == "ip");
        observable(event, name, schema::IP_ADDRESS, ip);
    }
    let domain = finding.action().and_then(|action| action.text("domain"));
    observable(event, "evidences.query.hostname", schema::HOSTNAME, domain);
    let user = finding.text("resource.accessKeyDetails.userName");
    observable(event, "evidences.actor.user.name", schema::USER_NAME, user);
    event.close_list(observables);
}

/// What is left of a finding. The forms that are not the exported one are left whole: what
/// is mapped of them stands twice, and nothing is lost.
fn rest_of(record: Value) -> Map<String, Value> {
    let Value::Object(mut rest) = record else {
        return Map::new();
    };
    // Whoever wrote that did not write it for this view.
    rest.shift_remove(VIEW_KEY);
    if !rest.contains_key("accountId") || rest.contains_key("detail-type") {
        return rest;
    }
    for key in MAPPED {
        if matches!(rest.get(key), Some(Value::String(_) | Value::Null)) {
            rest.shift_remove(key);
        }
    }
    if rest.get("resource").is_some_and(Value::is_object) {
        rest.shift_remove("resource");
    }
    for (path, _) in TIMES {
        let (outer, key) = path.split_once('.').unwrap_or(("", path));
        let holder = if outer.is_empty() {
            Some(&mut rest)
        } else {
            rest.get_mut(outer).and_then(Value::as_object_mut)
        };
        if let Some(holder) = holder
            && let Some(Value::String(text)) = holder.get(key)
            && time_of_text(text).is_some()
        {
            holder.shift_remove(key);
        }
    }
    if let Some(Value::Object(service)) = rest.get_mut("service") {
        if service.get("action").is_some_and(Value::is_object) {
            service.shift_remove("action");
        }
        if service.get("count").is_some_and(Value::is_i64) {
            service.shift_remove("count");
        }
        if service.get("featureName").is_some_and(Value::is_string) {
            service.shift_remove("featureName");
        }
    }
    rest
}
