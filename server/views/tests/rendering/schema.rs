//! Rendered events against the compiled OCSF schema.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use cordon_views::{SourceType, split};
use serde_json::{Map, Value};

use crate::world::{World, data, published_cloudtrail, read, render, unwrapped};
use crate::{findings, native, snapshots};

/// Deprecated attributes that are used all the same, since everybody's rules look there.
const DEPRECATED_BUT_USED: [&str; 1] = ["credential_uid"];

/// Profiles whose attributes are not asked for unless an event says that it has them.
const OPTIONAL_PROFILES: [&str; 12] = [
    "osint",
    "host",
    "incident",
    "network_proxy",
    "load_balancer",
    "trace",
    "ai_operation",
    "container",
    "linux_users",
    "macos_users",
    "data_classification",
    "security_control",
];

/// The compiled schema, and the constraints as the source form has them: the compiled form
/// takes an ancestor's for the object's own.
pub struct Schema {
    compiled: Value,
    constraints: BTreeMap<String, Vec<String>>,
}

impl Schema {
    pub fn load(data: &Path) -> Self {
        let folder = data.join("ocsf-schema-1.8.0");
        let compiled: Value =
            serde_json::from_slice(&read(&folder.join("compiled/ocsf-1.8.0.json.gz"))).unwrap();
        let mut constraints = BTreeMap::new();
        for name in compiled["objects"].as_object().unwrap().keys() {
            let mut at = Some(name.clone());
            while let Some(object) = at {
                let path = folder.join(format!("objects/{object}.json"));
                if !path.exists() {
                    break;
                }
                let source: Value = serde_json::from_slice(&read(&path)).unwrap();
                if let Some(any) = source["constraints"]["at_least_one"].as_array() {
                    let any = any
                        .iter()
                        .map(|one| one.as_str().unwrap().to_owned())
                        .collect();
                    constraints.insert(name.clone(), any);
                    break;
                }
                at = source["extends"].as_str().map(str::to_owned);
            }
        }
        Self {
            compiled,
            constraints,
        }
    }

    /// Everything that is wrong with an event, each with its path.
    pub fn problems(&self, event: &Value) -> Vec<String> {
        let mut out = Vec::new();
        let class_uid = event["class_uid"].as_i64().unwrap_or(-1);
        let classes = self.compiled["classes"].as_object().unwrap();
        let Some(class) = classes.values().find(|class| {
            // A class's own number is within its category.
            class["attributes"]["class_uid"]["enum"]
                .get(class_uid.to_string())
                .is_some()
        }) else {
            return vec![format!("no class {class_uid}")];
        };
        let profiles: BTreeSet<&str> = event["metadata"]["profiles"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let activity = event["activity_id"].as_i64().unwrap_or(-1);
        if event["type_uid"].as_i64() != Some(class_uid * 100 + activity) {
            out.push("type_uid is not class_uid * 100 + activity_id".into());
        }
        if event["category_uid"].as_i64() != Some(class_uid / 1000) {
            out.push("category_uid is not the class's".into());
        }
        for (id, name) in [
            ("activity_id", "activity_name"),
            ("class_uid", "class_name"),
            ("type_uid", "type_name"),
            ("category_uid", "category_name"),
            ("severity_id", "severity"),
            ("status_id", "status"),
        ] {
            let Some(number) = event[id].as_i64() else {
                continue;
            };
            let caption = &class["attributes"][id]["enum"][number.to_string()]["caption"];
            let said = event.get(name);
            if caption.is_string() && number != 99 && said.is_some_and(|said| said != caption) {
                out.push(format!("{name} is {} and not {caption}", event[name]));
            }
        }
        let constraint: Vec<String> = class["constraints"]["at_least_one"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|one| one.as_str().unwrap().to_owned())
            .collect();
        let map = event.as_object().unwrap();
        self.object(
            &class["attributes"],
            &constraint,
            map,
            "",
            &profiles,
            &mut out,
        );
        out
    }

    fn object(
        &self,
        attributes: &Value,
        at_least_one: &[String],
        map: &Map<String, Value>,
        path: &str,
        profiles: &BTreeSet<&str>,
        out: &mut Vec<String>,
    ) {
        let attributes = attributes.as_object().unwrap();
        for (name, attribute) in attributes {
            let off = attribute["profile"].as_str().is_some_and(|profile| {
                OPTIONAL_PROFILES.contains(&profile) && !profiles.contains(profile)
            });
            // API Activity asks for its actor whatever the profile.
            let own = path.is_empty() && name == "actor" && map["class_uid"] == 6003;
            if attribute["requirement"] == "required" && (!off || own) && !map.contains_key(name) {
                out.push(format!("{path}{name} is required"));
            }
        }
        if !at_least_one.is_empty() && !at_least_one.iter().any(|name| map.contains_key(name)) {
            out.push(format!("{path} has none of {at_least_one:?}"));
        }
        for (name, value) in map {
            let here = format!("{path}{name}");
            let Some(attribute) = attributes.get(name) else {
                out.push(format!("{here} is not in the schema"));
                continue;
            };
            if attribute
                .get("@deprecated")
                .is_some_and(|note| !note.is_null())
                && !DEPRECATED_BUT_USED.contains(&name.as_str())
            {
                out.push(format!("{here} is deprecated"));
            }
            if attribute["is_array"] == true {
                match value.as_array() {
                    Some(items) => {
                        for item in items {
                            self.value(attribute, item, &here, profiles, out);
                        }
                    }
                    None => out.push(format!("{here} is no list")),
                }
            } else {
                self.value(attribute, value, &here, profiles, out);
            }
        }
    }

    fn value(
        &self,
        attribute: &Value,
        value: &Value,
        path: &str,
        profiles: &BTreeSet<&str>,
        out: &mut Vec<String>,
    ) {
        let kind = attribute["type"].as_str().unwrap();
        if let Some(object) = self.compiled["objects"].get(kind) {
            if kind == "object" {
                if !value.is_object() {
                    out.push(format!("{path} is no object"));
                }
                return;
            }
            match value.as_object() {
                Some(map) => {
                    let none = Vec::new();
                    let constraint = self.constraints.get(kind).unwrap_or(&none);
                    let path = format!("{path}.");
                    self.object(&object["attributes"], constraint, map, &path, profiles, out);
                }
                None => out.push(format!("{path} is no {kind}")),
            }
            return;
        }
        let fits = match kind {
            "json_t" => true,
            "boolean_t" => value.is_boolean(),
            "integer_t" | "long_t" | "timestamp_t" => value.is_i64(),
            "float_t" => value.is_number(),
            "port_t" => value
                .as_i64()
                .is_some_and(|port| (0..=65535).contains(&port)),
            "ip_t" => value
                .as_str()
                .is_some_and(|ip| ip.parse::<std::net::IpAddr>().is_ok()),
            "datetime_t" => value
                .as_str()
                .is_some_and(|time| time.parse::<jiff::Timestamp>().is_ok()),
            _ => value.is_string(),
        };
        if !fits {
            out.push(format!("{path} is {value} and no {kind}"));
        }
        if let Some(known) = attribute["enum"].as_object()
            && let Some(number) = value.as_i64()
            && !known.contains_key(&number.to_string())
        {
            out.push(format!("{path} has no value {number}"));
        }
    }
}

/// All accounts are one tenant's, so that every record is seen by somebody.
pub fn everything(source: SourceType, record: &str, context: Option<&str>) -> Option<Value> {
    struct Whole;
    impl cordon_views::Directory for Whole {
        type Tenant = &'static str;
        fn account(&self, _: &str, _: i64) -> Option<&'static str> {
            Some("all")
        }
        fn address(&self, _: std::net::IpAddr, _: i64) -> Option<&'static str> {
            None
        }
        fn resource(&self, _: &str, _: i64) -> Option<&'static str> {
            None
        }
        fn in_provider_range(&self, _: std::net::IpAddr) -> bool {
            false
        }
    }
    let seen = cordon_views::attribute(
        source,
        record.as_bytes(),
        context,
        crate::world::OBSERVED,
        &Whole,
        &crate::world::Seal,
    );
    let mut views = seen
        .unwrap_or_else(|reject| panic!("{reject}: {record}"))
        .views;
    views.pop().map(|(_, row)| render(&row))
}

pub fn check(schema: &Schema, what: &str, events: impl IntoIterator<Item = Value>) -> usize {
    let mut problems: BTreeMap<String, (usize, String)> = BTreeMap::new();
    let mut count = 0;
    for event in events {
        count += 1;
        for problem in schema.problems(&event) {
            let entry = problems
                .entry(problem)
                .or_insert_with(|| (0, event.to_string()));
            entry.0 += 1;
        }
    }
    assert!(problems.is_empty(), "{what}: {problems:#?}");
    count
}

#[test]
fn cloudtrail_renders_to_the_schema() {
    let Some(data) = data() else { return };
    let schema = Schema::load(&data);
    let records = published_cloudtrail(&data);
    let events: Vec<Value> = records
        .iter()
        .filter_map(|record| everything(SourceType::AwsCloudTrail, record, None))
        .collect();
    // Records that name no account at all concern nobody, and so are not rendered.
    assert!(
        events.len() > 2_700,
        "{} of {}",
        events.len(),
        records.len()
    );
    for class in [6003, 3002, 3001] {
        assert!(
            events.iter().any(|event| event["class_uid"] == class),
            "no {class}"
        );
    }
    check(&schema, "cloudtrail", events);
}

#[test]
fn flow_logs_render_to_the_schema() {
    let Some(data) = data() else { return };
    let schema = Schema::load(&data);
    let mut events = Vec::new();
    for file in ["aws-v2-default.log", "aws-tgw-v6.log"] {
        let payload = read(&data.join("vpc-flow").join(file));
        for item in split::split(SourceType::AwsVpcFlow, &payload) {
            events.extend(everything(
                SourceType::AwsVpcFlow,
                item.record.unwrap(),
                item.context,
            ));
        }
    }
    // The guide's records have no header line; those of the default format need none.
    for line in unwrapped(&data.join("vpc-flow/aws-guide-records.jsonl"), "line") {
        let line: String = serde_json::from_str(&line).unwrap();
        if line.starts_with("2 ") {
            events.extend(everything(SourceType::AwsVpcFlow, &line, None));
        }
    }
    let samples: Value = serde_json::from_slice(&read(
        &data.join("vpc-flow/opensearch-amazon_vpc_flow-sample.json"),
    ))
    .unwrap();
    for sample in samples.as_array().unwrap() {
        events.extend(everything(
            SourceType::AwsVpcFlow,
            sample["body"].as_str().unwrap(),
            None,
        ));
    }
    assert!(check(&schema, "flows", events) >= 32);
}

#[test]
fn findings_render_to_the_schema() {
    let Some(data) = data() else { return };
    let schema = Schema::load(&data);
    let records = unwrapped(&data.join("labelled-panther/aws_guardduty.jsonl.gz"), "log");
    let events = records
        .iter()
        .filter_map(|record| everything(SourceType::AwsGuardDuty, record, None));
    assert_eq!(check(&schema, "findings", events), 6);
    let own = findings::finding().to_string();
    check(
        &schema,
        "finding",
        everything(SourceType::AwsGuardDuty, &own, None),
    );
}

#[test]
fn views_of_shared_events_render_to_the_schema() {
    let Some(data) = data() else { return };
    let schema = Schema::load(&data);
    for (name, events) in snapshots::shared() {
        check(&schema, name, events);
    }
    let world = World::new()
        .account("111111111111", "acme")
        .account("222222222222", "bolt");
    for tenant in ["acme", "bolt"] {
        let row = world.row(SourceType::Ocsf, &native::call().to_string(), None, tenant);
        let mut event = render(&row);
        // A producer's event is its own; what it left out is not ours to add.
        event["metadata"]["profiles"] = serde_json::json!(["cloud"]);
        check(&schema, tenant, [event]);
    }
}
