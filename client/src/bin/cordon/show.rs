//! Messages of the wire as rows and as JSON.

use cordon_client::time::from_proto;
use cordon_client::{
    Account, AddressRange, AuditEntry, Credential, Event, EventColumns, Resource, Source, Tenant,
    TenantState,
};
use serde_json::{Map, Value, json};

use crate::output::Row;

/// A time as text; empty when there is none.
pub(crate) fn time(time: Option<&prost_types::Timestamp>) -> String {
    let Some(time) = time else {
        return String::new();
    };
    match from_proto(time) {
        Some(time) => time.to_string(),
        None => format!("{}.{:09} s since 1970", time.seconds, time.nanos),
    }
}

/// A time as JSON.
pub(crate) fn time_json(value: Option<&prost_types::Timestamp>) -> Value {
    or_null(time(value))
}

/// A text as JSON: what is not known is `null`.
pub(crate) fn or_null(text: String) -> Value {
    if text.is_empty() {
        Value::Null
    } else {
        Value::String(text)
    }
}

/// The last part of a name: what tells it from its neighbours.
pub(crate) fn short(name: &str) -> String {
    name.rsplit('/').next().unwrap_or(name).to_owned()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Row for Tenant {
    const HEAD: &'static [&'static str] = &[
        "tenant",
        "state",
        "display name",
        "region",
        "created",
        "keys destroyed",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            short(&self.name),
            state(self).to_lowercase().replace('_', " "),
            self.display_name.clone(),
            self.home_region.clone(),
            time(self.create_time.as_ref()),
            time(self.purge_time.as_ref()),
        ]
    }

    fn json(&self) -> Value {
        json!({
            "name": self.name,
            "display_name": self.display_name,
            "state": state(self),
            "parent": or_null(self.parent.clone()),
            "home_region": or_null(self.home_region.clone()),
            "billing_organisation": or_null(self.billing_organisation.clone()),
            "create_time": time_json(self.create_time.as_ref()),
            "update_time": time_json(self.update_time.as_ref()),
            "purge_time": time_json(self.purge_time.as_ref()),
            "etag": self.etag,
        })
    }
}

fn state(tenant: &Tenant) -> &'static str {
    match tenant.state() {
        TenantState::Active => "ACTIVE",
        TenantState::Suspended => "SUSPENDED",
        TenantState::PendingDeletion => "PENDING_DELETION",
        TenantState::Deleted => "DELETED",
        TenantState::Unspecified => "UNSPECIFIED",
    }
}

impl Row for Account {
    const HEAD: &'static [&'static str] = &["account", "from", "to"];

    fn cells(&self) -> Vec<String> {
        vec![
            short(&self.name),
            time(self.start_time.as_ref()),
            time(self.end_time.as_ref()),
        ]
    }

    fn json(&self) -> Value {
        json!({
            "name": self.name,
            "start_time": time_json(self.start_time.as_ref()),
            "end_time": time_json(self.end_time.as_ref()),
        })
    }
}

impl Row for Resource {
    const HEAD: &'static [&'static str] = &["resource", "kind", "identifier", "from", "to"];

    fn cells(&self) -> Vec<String> {
        vec![
            short(&self.name),
            self.kind.clone(),
            self.identifier.clone(),
            time(self.start_time.as_ref()),
            time(self.end_time.as_ref()),
        ]
    }

    fn json(&self) -> Value {
        json!({
            "name": self.name,
            "kind": self.kind,
            "identifier": self.identifier,
            "start_time": time_json(self.start_time.as_ref()),
            "end_time": time_json(self.end_time.as_ref()),
        })
    }
}

impl Row for AddressRange {
    const HEAD: &'static [&'static str] = &["range", "cidr"];

    fn cells(&self) -> Vec<String> {
        vec![short(&self.name), self.cidr.clone()]
    }

    fn json(&self) -> Value {
        json!({ "name": self.name, "cidr": self.cidr })
    }
}

impl Row for Source {
    const HEAD: &'static [&'static str] = &["source", "type", "display name", "delivered until"];

    fn cells(&self) -> Vec<String> {
        vec![
            short(&self.name),
            self.source_type.clone(),
            self.display_name.clone(),
            time(self.watermark.as_ref()),
        ]
    }

    fn json(&self) -> Value {
        json!({
            "name": self.name,
            "display_name": self.display_name,
            "source_type": self.source_type,
            "watermark": time_json(self.watermark.as_ref()),
        })
    }
}

impl Row for Credential {
    const HEAD: &'static [&'static str] = &["name", "subject", "role", "state", "issued", "ends"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.name.clone(),
            self.subject.clone(),
            self.role.clone(),
            if self.revoke_time.is_some() {
                "revoked"
            } else {
                "good"
            }
            .to_owned(),
            time(self.create_time.as_ref()),
            time(self.revoke_time.as_ref().or(self.expire_time.as_ref())),
        ]
    }

    fn json(&self) -> Value {
        json!({
            "name": self.name,
            "subject": self.subject,
            "role": self.role,
            "create_time": time_json(self.create_time.as_ref()),
            "expire_time": time_json(self.expire_time.as_ref()),
            "revoke_time": time_json(self.revoke_time.as_ref()),
        })
    }
}

impl Row for AuditEntry {
    const HEAD: &'static [&'static str] = &[
        "seq",
        "time",
        "actor",
        "role",
        "action",
        "resource",
        "justification",
    ];

    fn cells(&self) -> Vec<String> {
        let role = if self.staff {
            format!("{} (staff)", self.role)
        } else {
            self.role.clone()
        };
        let mut why = self.justification.clone();
        if !self.reference.is_empty() {
            why = format!("{why} [{}]", self.reference);
        }
        vec![
            self.sequence.to_string(),
            time(self.time.as_ref()),
            self.actor.clone(),
            role,
            self.action.clone(),
            self.resource.clone(),
            why,
        ]
    }

    fn json(&self) -> Value {
        json!({
            "sequence": self.sequence,
            "time": time_json(self.time.as_ref()),
            "actor": self.actor,
            "role": self.role,
            "staff": self.staff,
            "action": self.action,
            "resource": self.resource,
            "justification": or_null(self.justification.clone()),
            "reference": or_null(self.reference.clone()),
            "details": serde_json::from_str(&self.details_json).unwrap_or(Value::Null),
            "hash": hex(&self.hash),
            "previous_hash": hex(&self.previous_hash),
        })
    }
}

/// An event in the columns view.
#[derive(Debug)]
pub(crate) struct Columns(pub(crate) Event);

impl Row for Columns {
    const HEAD: &'static [&'static str] = &[
        "time",
        "class",
        "status",
        "operation",
        "actor",
        "src_ip",
        "resources",
        "shared",
        "id",
    ];

    fn cells(&self) -> Vec<String> {
        let columns = self.0.columns.clone().unwrap_or_default();
        vec![
            time(columns.time.as_ref()),
            class(columns.class_uid),
            columns.status,
            columns.operation,
            columns.actor,
            columns.src_ip,
            columns.resources.join(" "),
            if columns.shared { "shared" } else { "" }.to_owned(),
            short(&self.0.name),
        ]
    }

    /// By the names of the filter language; what is not known is `null`.
    fn json(&self) -> Value {
        let columns = self.0.columns.clone().unwrap_or_default();
        let mut object = Map::new();
        object.insert("name".to_owned(), short(&self.0.name).into());
        object.insert("seq".to_owned(), self.0.sequence.into());
        object.extend(columns_json(columns));
        Value::Object(object)
    }
}

fn columns_json(columns: EventColumns) -> Map<String, Value> {
    let port = |port: i32| if port == 0 { Value::Null } else { port.into() };
    let pairs: [(&str, Value); 23] = [
        ("time", time_json(columns.time.as_ref())),
        ("observed_time", time_json(columns.observed_time.as_ref())),
        ("stored_time", time_json(columns.stored_time.as_ref())),
        ("time_quality", or_null(columns.time_quality)),
        ("class_uid", columns.class_uid.into()),
        ("activity_id", columns.activity_id.into()),
        ("severity_id", columns.severity_id.into()),
        ("status", or_null(columns.status)),
        ("account", or_null(columns.account)),
        ("region", or_null(columns.region)),
        ("service", or_null(columns.service)),
        ("operation", or_null(columns.operation)),
        ("actor", or_null(columns.actor)),
        ("credential_uid", or_null(columns.credential_uid)),
        ("src_ip", or_null(columns.src_ip)),
        ("src_port", port(columns.src_port)),
        ("dst_ip", or_null(columns.dst_ip)),
        ("dst_port", port(columns.dst_port)),
        ("resources", columns.resources.into()),
        ("source", or_null(columns.source)),
        ("source_type", or_null(columns.source_type)),
        ("event_id", or_null(columns.event_id)),
        ("shared", columns.shared.into()),
    ];
    pairs
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// An OCSF class by its name.
fn class(uid: i32) -> String {
    match uid {
        2004 => "Detection Finding",
        3001 => "Account Change",
        3002 => "Authentication",
        3003 => "Authorize Session",
        3004 => "Entity Management",
        3005 => "User Access",
        3006 => "Group Management",
        4001 => "Network Activity",
        4002 => "HTTP Activity",
        4003 => "DNS Activity",
        6003 => "API Activity",
        6005 => "Datastore Activity",
        other => return other.to_string(),
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> Event {
        Event {
            name: "tenants/acme/events/00ff".to_owned(),
            sequence: 7,
            columns: Some(EventColumns {
                time: Some(prost_types::Timestamp {
                    seconds: 1_700_000_000,
                    nanos: 5,
                }),
                class_uid: 6003,
                status: "Failure".to_owned(),
                operation: "AssumeRole".to_owned(),
                dst_port: 443,
                resources: vec!["a".to_owned(), "b".to_owned()],
                shared: true,
                ..EventColumns::default()
            }),
            ..Event::default()
        }
    }

    #[test]
    fn columns_have_the_names_of_the_filter_language() {
        let value = Columns(event()).json();
        let keys: Vec<_> = value
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        assert_eq!(
            keys,
            [
                "name",
                "seq",
                "time",
                "observed_time",
                "stored_time",
                "time_quality",
                "class_uid",
                "activity_id",
                "severity_id",
                "status",
                "account",
                "region",
                "service",
                "operation",
                "actor",
                "credential_uid",
                "src_ip",
                "src_port",
                "dst_ip",
                "dst_port",
                "resources",
                "source",
                "source_type",
                "event_id",
                "shared"
            ]
        );
        assert_eq!(value["name"], "00ff");
        assert_eq!(value["time"], "2023-11-14T22:13:20.000000005Z");
        assert_eq!(value["observed_time"], Value::Null);
        assert_eq!(value["src_port"], Value::Null);
        assert_eq!(value["dst_port"], 443);
        assert_eq!(value["resources"], json!(["a", "b"]));
    }

    #[test]
    fn an_event_is_a_row() {
        let cells = Columns(event()).cells();
        assert_eq!(cells.len(), Columns::HEAD.len());
        assert_eq!(cells[1], "API Activity");
        assert_eq!(cells[6], "a b");
        assert_eq!(class(9999), "9999");
    }

    #[test]
    fn registers_are_rows_and_json() {
        let tenant = Tenant {
            name: "tenants/acme".to_owned(),
            state: TenantState::Suspended.into(),
            ..Tenant::default()
        };
        assert_eq!(tenant.cells()[..2], ["acme", "suspended"]);
        assert_eq!(tenant.json()["state"], "SUSPENDED");
        assert_eq!(tenant.json()["parent"], Value::Null);
        assert_eq!(tenant.json()["purge_time"], Value::Null);

        let ending = Tenant {
            state: TenantState::PendingDeletion.into(),
            purge_time: Some(prost_types::Timestamp::default()),
            ..Tenant::default()
        };
        assert_eq!(ending.cells()[1], "pending deletion");
        assert_eq!(ending.cells()[5], "1970-01-01T00:00:00Z");
        assert_eq!(ending.json()["state"], "PENDING_DELETION");

        let revoked = Credential {
            revoke_time: Some(prost_types::Timestamp::default()),
            ..Credential::default()
        };
        assert_eq!(revoked.cells()[3], "revoked");
        assert_eq!(revoked.cells()[5], "1970-01-01T00:00:00Z");

        let entry = AuditEntry {
            staff: true,
            role: "analyst".to_owned(),
            justification: "asked".to_owned(),
            reference: "INC-1".to_owned(),
            details_json: "{\"rows\":3}".to_owned(),
            hash: vec![0, 255],
            ..AuditEntry::default()
        };
        assert_eq!(entry.cells()[3], "analyst (staff)");
        assert_eq!(entry.cells()[6], "asked [INC-1]");
        assert_eq!(entry.json()["details"]["rows"], 3);
        assert_eq!(entry.json()["hash"], "00ff");
    }

    #[test]
    fn a_time_that_no_calendar_has_is_still_shown() {
        let odd = prost_types::Timestamp {
            seconds: i64::MAX,
            nanos: 1,
        };
        assert!(time(Some(&odd)).starts_with("9223372036854775807"));
    }
}
