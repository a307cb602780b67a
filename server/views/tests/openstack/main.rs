//! OpenStack notifications that concern one, two or no projects.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr
)]

mod props;
#[path = "../support/openstack.rs"]
mod published;
mod real;
#[path = "../support/mod.rs"]
mod support;

use cordon_views::{Attributed, EventRow, Reason, Reject, SourceType, Status, attribute};
use serde_json::{Value, json};
use support::{Keys, OBSERVED, World, all_of, row_of};

/// Projects: the owner's, and that of another customer's administrator.
const A: &str = "aaaa1111aaaa1111aaaa1111aaaa1111";
const B: &str = "bbbb2222bbbb2222bbbb2222bbbb2222";

/// A world in which these projects are registered.
fn world(projects: &[(&str, &str)]) -> World {
    let mut world = World::default().range("198.51.100.0/24");
    for (project, tenant) in projects {
        let id = format!("openstack:{project}");
        world.accounts.insert(id, (*tenant).to_owned());
    }
    world
}

fn both() -> World {
    world(&[(A, "alpha"), (B, "beta")])
}

fn see(world: &World, record: &str) -> Result<Attributed<String>, Reject> {
    attribute(
        SourceType::OpenStackNotification,
        record.as_bytes(),
        None,
        OBSERVED,
        world,
        &Keys,
    )
}

fn view(row: &EventRow) -> Value {
    serde_json::from_str(&row.raw).unwrap()
}

/// A live migration, as the bus has it; every value is made up.
fn migration() -> Value {
    json!({
        "message_id": "5f0c3c2e-3f64-4c34-8c0e-8f0b7c1b0a01",
        "event_type": "instance.live_migration_post.end",
        "publisher_id": "nova-compute:cmp-17.example.net",
        "priority": "INFO",
        "timestamp": "2026-03-01 10:00:00.123456",
        "payload": {
            "nova_object.name": "InstanceActionPayload",
            "nova_object.namespace": "nova",
            "nova_object.version": "1.9",
            "nova_object.data": {
                "tenant_id": A, "user_id": "user-of-alpha-0001",
                "uuid": "0f0f0f0f-1111-4222-8333-444444444444",
                "display_name": "ledger", "host_name": "ledger-1",
                "host": "cmp-17.example.net", "node": "node-17.example.net",
                "instance_name": "instance-0000abcd",
                "availability_zone": "zone-1", "state": "active",
                "ip_addresses": [{"nova_object.data": {"address": "192.0.2.10"}}],
                "metadata": {"cost.centre": "4711"},
                "flavor": {"nova_object.data": {"name": "m1.small", "projects": [B]}},
                "request_id": "req-77777777-8888-4999-8aaa-bbbbbbbbbbbb",
                "action_initiator_user": "admin-of-beta-0002",
                "action_initiator_project": B,
                "fault": {"nova_object.name": "ExceptionPayload", "nova_object.data": {
                    "exception": "MigrationError",
                    "exception_message": "cmp-18.example.net refused",
                    "traceback": "File \"nova/compute/manager.py\" on cmp-18.example.net"
                }}
            }
        },
        "_context_user_id": "admin-of-beta-0002", "_context_user_name": "bertha",
        "_context_project_id": B, "_context_project_name": "beta-prod",
        "_context_remote_address": "198.51.100.9",
        "_context_auth_token": "gAAAAAB-token", "_context_is_admin": true,
        "_context_request_id": "req-77777777-8888-4999-8aaa-bbbbbbbbbbbb",
        "_context_new_in_some_release": "cmp-99.example.net"
    })
}

#[test]
fn the_owner_sees_its_instance_and_who_did_it_as_a_stranger() {
    let seen = see(&both(), &migration().to_string()).unwrap();
    assert!(seen.unknown_parties.is_empty());
    let row = row_of(&seen, "alpha").unwrap();
    assert!(row.shared);
    assert_eq!(row.account, A);
    assert_eq!(
        (row.class_uid, row.activity_id, row.severity_id),
        (6003, 3, 1)
    );
    assert_eq!(row.status, Status::Failure, "it has a fault");
    assert_eq!(row.time_ns, 1_772_359_200_123_456_000);
    assert_eq!(row.operation, "instance.live_migration_post.end");
    assert_eq!(row.service, "compute");
    assert_eq!(row.event_id, "5f0c3c2e-3f64-4c34-8c0e-8f0b7c1b0a01");
    assert_eq!(row.resources, ["0f0f0f0f-1111-4222-8333-444444444444"]);
    assert!(row.actor.starts_with("prin~"), "{}", row.actor);
    assert_eq!(
        row.src_ip, None,
        "an address of the provider's that is beta's"
    );
    let view = view(row);
    let data = &view["payload"]["nova_object.data"];
    let before = &migration()["payload"]["nova_object.data"];
    for key in [
        "tenant_id",
        "user_id",
        "uuid",
        "display_name",
        "ip_addresses",
        "metadata",
        "state",
    ] {
        assert_eq!(data[key], before[key], "{key}");
    }
    assert!(
        data["action_initiator_project"]
            .as_str()
            .unwrap()
            .starts_with("acct~")
    );
    assert_eq!(
        data["action_initiator_project"],
        view["_context_project_id"]
    );
    for foreign in [
        B,
        "admin-of-beta",
        "bertha",
        "beta-prod",
        "198.51.100.9",
        "gAAAAAB",
    ] {
        assert!(!all_of(row).contains(foreign), "{foreign}");
    }
}

#[test]
fn the_caller_sees_its_call_and_nothing_of_the_instance() {
    let seen = see(&both(), &migration().to_string()).unwrap();
    let row = row_of(&seen, "beta").unwrap();
    assert_eq!(row.actor, "admin-of-beta-0002");
    assert_eq!(
        row.src_ip,
        Some("198.51.100.9".parse().unwrap()),
        "its own call"
    );
    assert!(row.account.starts_with("acct~"));
    let view = view(row);
    assert_eq!(
        view["_context_remote_address"], "198.51.100.9",
        "what it sent is its own"
    );
    assert_eq!(view["_context_user_name"], "bertha");
    let data = &view["payload"]["nova_object.data"];
    assert!(data["uuid"].as_str().unwrap().starts_with("res~"));
    assert_eq!(data["state"], "active");
    assert_eq!(data["metadata"]["cordon:withheld"], "FOREIGN_CONTENT");
    for foreign in [
        A,
        "user-of-alpha",
        "ledger",
        "0f0f0f0f",
        "192.0.2.10",
        "4711",
        "gAAAAAB",
    ] {
        assert!(!all_of(row).contains(foreign), "{foreign}");
    }
}

#[test]
fn nobody_sees_the_providers_machines() {
    let seen = see(&both(), &migration().to_string()).unwrap();
    for (tenant, row) in &seen.views {
        for machine in [
            "cmp-",
            "node-17",
            "instance-0000abcd",
            "manager.py",
            "compute:",
        ] {
            assert!(!all_of(row).contains(machine), "{tenant}: {machine}");
        }
        let view = view(row);
        let data = &view["payload"]["nova_object.data"];
        // One machine is one, by whichever name the record calls it.
        assert!(data["host"].as_str().unwrap().starts_with("host~"));
        assert_eq!(data["host"], view["publisher_id"]);
        assert_ne!(data["host"], data["node"]);
        let fault = &data["fault"]["nova_object.data"];
        assert_eq!(fault["exception"], "MigrationError");
        assert_eq!(fault["traceback"]["cordon:withheld"], "FOREIGN_CONTENT");
        // What nobody has reviewed is nobody's.
        let withheld = |path: &str| {
            let one = row.withheld.iter().find(|one| one.path == path);
            one.map(|one| one.reason)
        };
        assert_eq!(
            withheld("_context_new_in_some_release"),
            Some(Reason::NotReviewed)
        );
        assert_eq!(withheld("_context_auth_token"), Some(Reason::Secret));
    }
    let faces: Vec<Value> = seen
        .views
        .iter()
        .map(|(_, row)| view(row)["publisher_id"].clone())
        .collect();
    assert_ne!(faces[0], faces[1], "and two customers can't compare");
}

#[test]
fn a_sole_party_sees_no_machine_either() {
    let mut record = migration();
    for key in ["action_initiator_project", "action_initiator_user"] {
        record["payload"]["nova_object.data"][key] = Value::Null;
    }
    let record = record.as_object_mut().unwrap();
    record.retain(|key, _| !key.starts_with("_context"));
    let mut world = both();
    // That something of the viewer's is called like the machine changes nothing.
    for name in ["cmp-17.example.net", "nova-compute:cmp-17.example.net"] {
        world.resources.insert(name.to_owned(), "alpha".to_owned());
    }
    let seen = see(&world, &Value::from(record.clone()).to_string()).unwrap();
    assert_eq!(seen.views.len(), 1);
    let row = row_of(&seen, "alpha").unwrap();
    assert!(row.shared, "with the provider");
    assert!(!all_of(row).contains("cmp-17") && !all_of(row).contains("node-17"));

    // What names no machine is as it was sent.
    let plain = json!({
        "event_type": "server_group.create", "payload": {
            "nova_object.name": "ServerGroupPayload",
            "nova_object.data": {"project_id": A, "user_id": "u", "uuid": "g-1", "name": "web"}
        }
    });
    let text = serde_json::to_string_pretty(&plain).unwrap();
    let seen = see(&world, &text).unwrap();
    let row = row_of(&seen, "alpha").unwrap();
    assert!(!row.shared && row.withheld.is_empty());
    assert_eq!(row.raw, text);
    assert!(row.time_invalid);
    assert_eq!(row.time_ns, OBSERVED);
}

#[test]
fn the_envelope_of_the_bus_is_taken_off() {
    let inner = migration().to_string();
    let wrapped = json!({"oslo.version": "2.0", "oslo.message": inner}).to_string();
    let (plain, bus) = (
        see(&both(), &inner).unwrap(),
        see(&both(), &wrapped).unwrap(),
    );
    assert_eq!(plain, bus, "the same event, however it came");
    for (message, code) in [
        ("{", "TRUNCATED"),
        ("[]", "NOT_AN_OBJECT"),
        ("{\"a\":1,\"a\":2}", "DUPLICATE_KEY"),
    ] {
        let wrapped = json!({"oslo.message": message}).to_string();
        assert_eq!(
            see(&both(), &wrapped).unwrap_err().reason,
            code,
            "{message}"
        );
    }
    let deep = format!("{}1{}", "{\"a\":".repeat(70), "}".repeat(70));
    let wrapped = json!({"oslo.message": deep}).to_string();
    assert_eq!(see(&both(), &wrapped).unwrap_err().reason, "TOO_DEEP");
}

#[test]
fn projects_are_openstacks_whatever_they_look_like() {
    // Nobody reaches an account of another cloud through a project's id.
    let mut world = both();
    world
        .accounts
        .insert("aws:123456789012".into(), "gamma".into());
    for id in ["123456789012", "aws:123456789012"] {
        let mut record = migration();
        record["payload"]["nova_object.data"]["tenant_id"] = id.into();
        let seen = see(&world, &record.to_string()).unwrap();
        assert!(row_of(&seen, "gamma").is_none());
        assert_eq!(seen.unknown_parties, [format!("openstack:{id}")]);
    }
}

#[test]
fn a_role_in_a_project_concerns_the_project() {
    let record = json!({
        "message_id": "m-1", "event_type": "identity.role_assignment.created",
        "publisher_id": "identity.ctl-1.example.net", "priority": "INFO",
        "payload": {
            "typeURI": "http://schemas.dmtf.org/cloud/audit/1.0/event",
            "eventTime": "2026-03-01T10:00:00.5+0000", "action": "created.role_assignment",
            "outcome": "success", "role": "role-0001", "project": A, "user": "user-0003",
            "initiator": {
                "id": "admin-of-beta-0002", "username": "bertha", "project_id": B,
                "host": {"address": "203.0.113.5", "agent": "openstacksdk/4.3"}
            },
            "observer": {"id": "observer-0009", "typeURI": "service/security"}
        }
    });
    let seen = see(&both(), &record.to_string()).unwrap();
    let alpha = row_of(&seen, "alpha").unwrap();
    assert_eq!((alpha.class_uid, alpha.activity_id), (3001, 7));
    assert_eq!(
        (alpha.status, &*alpha.service),
        (Status::Success, "identity")
    );
    assert_eq!(alpha.src_ip, Some("203.0.113.5".parse().unwrap()));
    let seen_by_alpha = view(alpha);
    assert_eq!(
        seen_by_alpha["payload"]["user"], "user-0003",
        "since then a member"
    );
    assert_eq!(
        seen_by_alpha["payload"]["initiator"]["host"]["agent"],
        "openstacksdk/4.3"
    );
    for foreign in ["admin-of-beta", "bertha", B, "ctl-1", "observer-0009"] {
        assert!(!all_of(alpha).contains(foreign), "{foreign}");
    }
    let beta = row_of(&seen, "beta").unwrap();
    assert_eq!(beta.actor, "admin-of-beta-0002");
    assert!(!all_of(beta).contains(A) && !all_of(beta).contains("ctl-1"));
}

#[test]
fn the_words_of_the_table_explain_a_view() {
    let seen = see(&both(), &migration().to_string()).unwrap();
    let row = row_of(&seen, "alpha").unwrap();
    let told = cordon_views::explain(&row.as_ref()).unwrap();
    let party = |path: &str| told.parties.iter().find(|line| line.path == path);
    assert_eq!(
        party("payload.nova_object.data.tenant_id").unwrap().value,
        A
    );
    assert!(
        party("payload.nova_object.data.action_initiator_project")
            .unwrap()
            .pseudonym
    );
    for line in &told.withheld {
        assert_eq!(
            line.why.is_none(),
            line.reason == Reason::NotReviewed,
            "{}",
            line.path
        );
    }
}
