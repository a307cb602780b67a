#![allow(clippy::unwrap_used)]

use serde_json::json;

use super::*;

fn of(event_type: &str, payload: Value) -> (i32, i32, crate::row::Status) {
    let record = json!({"event_type": event_type, "payload": payload});
    let notification = Notification::of(&record);
    let (class, activity) = classes::class(&notification);
    (class, activity, status(&notification))
}

#[test]
fn what_nova_did_and_how_far_it_is() {
    use crate::row::Status::{Failure, Success, Unknown};
    let nova = json!({"nova_object.data": {"fault": null}});
    for (event_type, activity, status) in [
        ("instance.create.start", 1, Unknown),
        ("instance.create.end", 1, Success),
        ("instance.create.error", 1, Failure),
        ("keypair.import.end", 1, Success),
        ("instance.soft_delete.end", 4, Success),
        ("instance.exists", 2, Success),
        ("instance.live_migration_post.end", 3, Success),
        ("aggregate.cache_images.progress", 3, Unknown),
        ("compute.exception", 3, Failure),
        ("instance.lock", 3, Success),
    ] {
        let seen = of(event_type, nova.clone());
        assert_eq!(seen, (6003, activity, status), "{event_type}");
    }
    let fault = json!({"nova_object.data": {"fault": {"nova_object.data": {}}}});
    assert_eq!(of("instance.create.end", fault).2, Failure);
    // Of a service that is not known here nothing is guessed.
    assert_eq!(of("volume.create.end", json!({})), (6003, 1, Unknown));
    assert_eq!(of("volume.frob", json!({})), (6003, 99, Unknown));
    assert_eq!(of("", Value::Null), (6003, 99, Unknown));
}

#[test]
fn what_keystone_did_and_how_it_ended() {
    use crate::row::Status::{Failure, Other, Success, Unknown};
    let user = json!({"user": "u"});
    for (event_type, payload, class, activity, status) in [
        (
            "authenticate",
            json!({"outcome": "failure"}),
            3002,
            1,
            Failure,
        ),
        (
            "user.created",
            json!({"outcome": "success"}),
            3001,
            1,
            Success,
        ),
        (
            "user.updated",
            json!({"outcome": "pending"}),
            3001,
            99,
            Unknown,
        ),
        ("user.deleted", json!({"outcome": "odd"}), 3001, 6, Other),
        ("role_assignment.created", user.clone(), 3001, 7, Unknown),
        ("role_assignment.deleted", user, 3001, 8, Unknown),
        (
            "role_assignment.created",
            json!({"group": "g"}),
            6003,
            1,
            Unknown,
        ),
        ("project.deleted", json!({}), 6003, 4, Unknown),
        ("project.updated", json!({}), 6003, 3, Unknown),
    ] {
        let seen = of(&format!("identity.{event_type}"), payload);
        assert_eq!(seen, (class, activity, status), "{event_type}");
    }
}

#[test]
fn a_publishers_name_has_a_machine_in_it() {
    assert_eq!(
        machine("nova-compute:cmp-1.example.com"),
        Some("cmp-1.example.com")
    );
    assert_eq!(
        machine("identity.ctl-1.example.com"),
        Some("ctl-1.example.com")
    );
    assert_eq!((machine("nova-api"), machine("nova-api:")), (None, None));
}

#[test]
fn times_are_read_as_both_services_write_them() {
    let at = |record: Value| time(&Notification::of(&record));
    let ns = 1_774_631_377_318_895_000;
    for text in [
        "2026-03-27 17:09:37.318895",
        "2026-03-27T17:09:37.318895",
        "2026-03-27T17:09:37.318895Z",
    ] {
        assert_eq!(at(json!({"timestamp": text})), Some(ns), "{text}");
    }
    for text in [
        "2026-03-27T17:09:37.318895+0000",
        "2026-03-27T19:09:37.318895+02:00",
    ] {
        let record = json!({"timestamp": "2020-01-01T00:00:00Z", "payload": {"eventTime": text}});
        assert_eq!(at(record), Some(ns), "{text}: the event's own time");
    }
    assert_eq!(at(json!({"timestamp": 5})), None);
}
