//! GuardDuty findings as Detection Finding.

use serde_json::{Map, Value};

use super::{Observables, Product, Put, base, cloud, endpoint, finish, put_time, schema};
use crate::guardduty::{End, Ends, Finding};
use crate::ocsf_native::json::time_of_text;
use crate::row::EventRowRef;

/// Fields of a finding that have a place elsewhere, as exported findings write them.
const MAPPED: [&str; 9] = [
    "id",
    "accountId",
    "region",
    "partition",
    "schemaVersion",
    "title",
    "description",
    "type",
    "resource",
];

/// Times of a finding and their names in `finding_info`.
const TIMES: [(&str, &str); 4] = [
    ("createdAt", "created_time"),
    ("updatedAt", "modified_time"),
    ("service.eventFirstSeen", "first_seen_time"),
    ("service.eventLastSeen", "last_seen_time"),
];

pub(super) fn render(row: &EventRowRef<'_>) -> Option<Map<String, Value>> {
    let record: Value = serde_json::from_str(row.raw).ok()?;
    record.as_object()?;
    let finding = Finding::of(&record);
    let product = Product {
        name: "GuardDuty",
        feature: finding.text("service.featureName").unwrap_or_default(),
        version: finding.text("schemaVersion").unwrap_or_default(),
    };
    let mut event = base(row, product, &["cloud", "datetime", "security_control"]);
    if let Some(Value::Object(metadata)) = event.get_mut("metadata") {
        metadata.put_some("event_code", finding.text("type"));
        let original = ["updatedAt", "createdAt", "service.eventLastSeen"];
        metadata.put_some(
            "original_time",
            original.into_iter().find_map(|at| finding.text(at)),
        );
    }
    event.put_some("message", finding.text("title"));
    let mut cloud = cloud(row.account, row.region);
    cloud.put_some("cloud_partition", finding.text("partition"));
    event.put("cloud", cloud);
    event.put("is_alert", true);
    let archived = finding.at("service.archived").and_then(Value::as_bool);
    let (status_id, status) = if archived == Some(true) {
        (5, "Archived")
    } else {
        (1, "New")
    };
    event.put("status_id", status_id);
    event.put("status", status);
    if let Some(count) = finding.at("service.count").and_then(Value::as_i64) {
        event.put("count", count);
    }

    let mut info = Map::with_capacity(12);
    info.put("uid", finding.text("id").unwrap_or(row.event_id));
    info.put_some("title", finding.text("title"));
    info.put_some("desc", finding.text("description"));
    if let Some(kind) = finding.text("type") {
        info.put("types", vec![Value::from(kind)]);
    }
    info.put_some("uid_alt", finding.text("arn"));
    for (path, key) in TIMES {
        put_time(&mut info, key, finding.text(path).and_then(time_of_text));
    }
    event.put("finding_info", info);

    let mut observables = Observables::default();
    let resources = resources(&finding, &mut observables);
    if !resources.is_empty() {
        event.put("resources", resources);
    }
    if let Some(evidence) = evidence(&finding, &mut observables) {
        event.put("evidences", vec![Value::Object(evidence)]);
    }
    if !observables.0.is_empty() {
        event.put("observables", observables.0);
    }
    Some(finish(event, unmapped(record), row))
}

/// What the finding is about. The details go along whole, as each kind has its own.
fn resources(finding: &Finding<'_>, observables: &mut Observables) -> Vec<Value> {
    let Some(Value::Object(all)) = finding.at("resource") else {
        return Vec::new();
    };
    let kind = finding.text("resource.resourceType");
    let (role_id, role) = match finding.text("service.resourceRole") {
        Some("TARGET") => (1, "Target"),
        Some("ACTOR") => (2, "Actor"),
        Some(other) => (schema::OTHER, other),
        None => (0, "Unknown"),
    };
    let mut names: Vec<(&str, String)> = Vec::new();
    for (path, what) in [
        ("resource.instanceDetails.instanceId", "uid"),
        ("resource.eksClusterDetails.arn", "uid"),
        ("resource.ecsClusterDetails.arn", "uid"),
        ("resource.lambdaDetails.functionArn", "uid"),
        ("resource.rdsDbInstanceDetails.dbInstanceArn", "uid"),
        ("resource.containerDetails.id", "uid"),
        ("resource.accessKeyDetails.accessKeyId", "uid"),
        ("resource.accessKeyDetails.userName", "name"),
    ] {
        if let Some(name) = finding.text(path)
            && names.is_empty()
        {
            names.push((what, name.to_owned()));
        }
    }
    for bucket in finding.each("resource.s3BucketDetails") {
        if let Some(name) = bucket.text("arn").or_else(|| bucket.text("name")) {
            names.push(("uid", name.to_owned()));
        }
    }
    if names.is_empty() {
        // The schema wants it named by something.
        names.push(("name", kind.unwrap_or("Unknown").to_owned()));
    }
    let mut out = Vec::with_capacity(names.len());
    for (at, (key, name)) in names.into_iter().enumerate() {
        if key == "uid" {
            observables.add("resources.uid", schema::RESOURCE_UID, Some(&name));
        }
        let mut resource = Map::with_capacity(5);
        resource.put(key, name);
        resource.put_some("type", kind);
        resource.put("role_id", role_id);
        resource.put("role", role);
        if at == 0 {
            resource.put("data", all.clone());
        }
        out.push(Value::Object(resource));
    }
    out
}

/// What was noticed: both ends, the call or query, who made it, and the details whole.
fn evidence(finding: &Finding<'_>, observables: &mut Observables) -> Option<Map<String, Value>> {
    let data = finding
        .at("service.action")
        .filter(|action| action.is_object())?;
    let mut evidence = Map::with_capacity(7);
    let ends = Ends::of(finding);
    for (key, end) in [
        ("src_endpoint", ends.source),
        ("dst_endpoint", ends.destination),
    ] {
        observables.add(&format!("evidences.{key}.ip"), schema::IP_ADDRESS, end.ip);
        evidence.put_full(key, end_of(&end));
    }
    if let Some(action) = finding.action() {
        if let Some(protocol) = action.text("protocol") {
            let (direction_id, direction) = match action.text("connectionDirection") {
                Some("INBOUND") => (1, "Inbound"),
                Some("OUTBOUND") => (2, "Outbound"),
                _ => (0, "Unknown"),
            };
            let mut connection = Map::with_capacity(3);
            connection.put("direction_id", direction_id);
            connection.put("direction", direction);
            connection.put("protocol_name", protocol.to_ascii_lowercase());
            evidence.put("connection_info", connection);
        }
        if let Some(operation) = action.text("api") {
            let mut api = Map::with_capacity(2);
            api.put("operation", operation);
            if let Some(name) = action.text("serviceName") {
                let mut service = Map::with_capacity(1);
                service.put("name", name);
                api.put("service", service);
            }
            evidence.put("api", api);
        }
        if let Some(domain) = action.text("domain") {
            observables.add("evidences.query.hostname", schema::HOSTNAME, Some(domain));
            let mut query = Map::with_capacity(1);
            query.put("hostname", domain);
            evidence.put("query", query);
        }
    }
    let mut user = Map::with_capacity(4);
    user.put_some("name", finding.text("resource.accessKeyDetails.userName"));
    user.put_some("uid", finding.text("resource.accessKeyDetails.principalId"));
    user.put_some("type", finding.text("resource.accessKeyDetails.userType"));
    user.put_some(
        "credential_uid",
        finding.text("resource.accessKeyDetails.accessKeyId"),
    );
    if user.contains_key("name") || user.contains_key("uid") {
        observables.add(
            "evidences.actor.user.name",
            schema::USER_NAME,
            user.get("name").and_then(Value::as_str),
        );
        let mut actor = Map::with_capacity(1);
        actor.put("user", user);
        evidence.put("actor", actor);
    }
    evidence.put("data", data.clone());
    Some(evidence)
}

fn end_of(end: &End<'_>) -> Map<String, Value> {
    let mut map = end.ip.and_then(endpoint).unwrap_or_default();
    if let Some(port) = end.port
        && !map.is_empty()
    {
        map.put("port", port);
    }
    map
}

/// What is left of a finding. The forms that are not the exported one are left whole: what
/// is mapped of them stands twice, and nothing is lost.
fn unmapped(record: Value) -> Map<String, Value> {
    let Value::Object(mut rest) = record else {
        return Map::new();
    };
    if !rest.contains_key("accountId") || rest.contains_key("detail-type") {
        return rest;
    }
    for key in MAPPED {
        match rest.get(key) {
            Some(Value::Object(_)) if key == "resource" => {}
            Some(Value::String(_) | Value::Null) if key != "resource" => {}
            _ => continue,
        }
        rest.shift_remove(key);
    }
    if rest.get("arn").is_some_and(Value::is_string) {
        rest.shift_remove("arn");
    }
    for (path, _) in TIMES {
        let (outer, key) = path.split_once('.').unwrap_or(("", path));
        let holder = if outer.is_empty() {
            Some(&mut rest)
        } else {
            rest.get_mut(outer).and_then(Value::as_object_mut)
        };
        if let Some(holder) = holder
            && holder
                .get(key)
                .and_then(Value::as_str)
                .is_some_and(|text| time_of_text(text).is_some())
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
