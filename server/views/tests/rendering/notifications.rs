//! OpenStack notifications as OCSF: against the schema, and that nothing of a view is lost.

use std::net::IpAddr;

use cordon_views::{Directory, EventRow, SourceType, attribute};
use serde_json::{Value, json};

use crate::props::lost;
use crate::published::{keystone, nova};
use crate::schema::{Schema, check};
use crate::world::{OBSERVED, Seal, data, render};

/// The project of whoever asks for something in what is its owner's.
const CALLER: &str = "0000ca11e40000ca11e40000ca11e400";

/// Everything is the owner's but what the caller is named for.
struct Sides;

impl Directory for Sides {
    type Tenant = &'static str;

    fn account(&self, id: &str, _: i64) -> Option<&'static str> {
        Some(if id.ends_with(CALLER) {
            "caller"
        } else {
            "owner"
        })
    }

    fn address(&self, _: IpAddr, _: i64) -> Option<&'static str> {
        None
    }

    fn resource(&self, _: &str, _: i64) -> Option<&'static str> {
        None
    }

    fn in_provider_range(&self, _: IpAddr) -> bool {
        true
    }
}

fn rows(record: &Value) -> Vec<EventRow> {
    let text = record.to_string();
    let source = SourceType::OpenStackNotification;
    let seen = attribute(source, text.as_bytes(), None, OBSERVED, &Sides, &Seal).unwrap();
    seen.views.into_iter().map(|(_, row)| row).collect()
}

/// The published samples as they are, and as another project would have caused them.
fn samples() -> Option<Vec<Value>> {
    let data = data()?;
    let mut records: Vec<Value> = nova(&data).into_iter().map(|(_, record)| record).collect();
    records.extend(keystone(&data).0);
    let shared: Vec<Value> = records
        .iter()
        .filter(|record| record["payload"].is_object())
        .map(|record| {
            let mut record = record.clone();
            record["_context_project_id"] = json!(CALLER);
            record["_context_user_id"] = json!("u-1");
            record["_context_remote_address"] = json!("192.0.2.77");
            record["timestamp"] = json!("2026-03-01 10:00:00.123456");
            if record["payload"]["initiator"].is_object() {
                record["payload"]["initiator"]["project_id"] = json!(CALLER);
            }
            let data = &mut record["payload"]["nova_object.data"];
            if data.is_object() {
                data["action_initiator_project"] = json!(CALLER);
            }
            record
        })
        .collect();
    records.extend(shared);
    Some(records)
}

#[test]
fn notifications_render_to_the_schema() {
    let (Some(samples), Some(data)) = (samples(), data()) else {
        return;
    };
    let schema = Schema::load(&data);
    let events: Vec<Value> = samples
        .iter()
        .flat_map(rows)
        .map(|row| render(&row))
        .collect();
    for class in [6003, 3002, 3001] {
        let mut events = events.iter();
        // Who signs in names a project only once it is in one; the samples are not.
        assert!(
            events.any(|event| event["class_uid"] == class),
            "no {class}"
        );
    }
    assert_eq!(check(&schema, "notifications", events), 371);
}

#[test]
fn notifications_lose_nothing_of_the_view() {
    let Some(samples) = samples() else { return };
    for row in samples.iter().flat_map(rows) {
        let view: Value = serde_json::from_str(&row.raw).unwrap();
        let event = render(&row);
        assert_eq!(lost(&view, &event), [""; 0], "{event}");
    }
}

#[test]
fn a_call_is_told_in_the_words_of_the_schema() {
    let record = json!({
        "message_id": "m-1", "event_type": "instance.delete.end", "priority": "INFO",
        "publisher_id": "nova-compute:cmp-1", "timestamp": "2026-03-01 10:00:00",
        "payload": {"nova_object.name": "InstanceActionPayload", "nova_object.version": "1.9",
            "nova_object.data": {
                "tenant_id": "p-1", "uuid": "i-1", "display_name": "ledger", "user_id": "u-9",
                "availability_zone": "zone-1", "request_id": "req-1",
                "action_initiator_project": "p-1", "action_initiator_user": "u-9", "fault": null
            }}
    });
    let row = rows(&record).pop().unwrap();
    let event = render(&row);
    assert_eq!(event["type_uid"], 600_304);
    assert_eq!(event["metadata"]["product"]["name"], "Nova");
    assert_eq!(event["metadata"]["product"]["vendor_name"], "OpenStack");
    assert_eq!(event["metadata"]["correlation_uid"], "req-1");
    assert_eq!(event["metadata"]["log_level"], "INFO");
    assert_eq!(event["cloud"]["provider"], "OpenStack");
    assert_eq!(event["cloud"]["account"]["uid"], "p-1");
    assert_eq!(event["cloud"]["zone"], "zone-1");
    assert_eq!(event["actor"]["user"]["uid"], "u-9");
    assert_eq!(event["api"]["operation"], "instance.delete.end");
    assert_eq!(event["api"]["service"]["name"], "compute");
    assert_eq!(event["resources"][0]["uid"], "i-1");
    assert_eq!(event["resources"][0]["name"], "ledger");
    assert_eq!(event["resources"][0]["owner"]["account"]["uid"], "p-1");
    assert_eq!(
        event["unmapped"]["cordon:view"]["withheld"][0]["path"],
        "publisher_id"
    );
    assert_eq!(event["unmapped"].as_object().unwrap().len(), 2, "{event}");
}
