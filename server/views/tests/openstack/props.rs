//! What must hold for every notification and every world: no view has another's names, and
//! who else is registered changes no byte.

use cordon_views::{Attributed, render::write_ocsf};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{World, all_of};
use crate::{see, world};

/// Projects, their tenants where they have one, and a word that only their names have.
const PROJECTS: [(&str, &str, &str); 4] = [
    ("10000000000000000000000000000001", "alpha", "annabel"),
    ("20000000000000000000000000000002", "beta", "bertrand"),
    ("30000000000000000000000000000003", "gamma", "cassandra"),
    ("40000000000000000000000000000004", "", "dorothea"),
];
const MACHINES: [&str; 3] = ["cmp-zulu", "cmp-yankee", "cmp-xray"];

fn registered(have: [bool; 3]) -> World {
    let projects: Vec<(&str, &str)> = PROJECTS
        .iter()
        .zip(have)
        .filter(|(_, have)| *have)
        .map(|((project, tenant, _), _)| (*project, *tenant))
        .collect();
    world(&projects)
}

fn project() -> impl Strategy<Value = usize> {
    0..PROJECTS.len()
}

/// Text in which any project or machine may be named.
fn gossip() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        project().prop_map(|at| PROJECTS[at].2.to_owned()),
        project().prop_map(|at| PROJECTS[at].0.to_owned()),
        prop::sample::select(MACHINES.to_vec()).prop_map(str::to_owned),
        "[a-z]{1,6}",
    ];
    prop::collection::vec(word, 1..5).prop_map(|words| words.join(" "))
}

prop_compose! {
    fn instance_event()(
        owner in project(), caller in prop::option::of(project()), context in any::<bool>(),
        host in 0..3_usize, node in 0..3_usize, talk in gossip(), other in gossip(),
    ) -> Value {
        let name = |at: usize| PROJECTS[at].2;
        let mut record = json!({
            "message_id": "m-1", "priority": "INFO", "timestamp": "2026-03-01T10:00:00Z",
            "event_type": "instance.update",
            "publisher_id": format!("nova-compute:{}", MACHINES[host]),
            "payload": {"nova_object.name": "InstanceUpdatePayload", "nova_object.data": {
                "tenant_id": PROJECTS[owner].0, "user_id": format!("user-{}", name(owner)),
                "uuid": format!("uuid-{}", name(owner)), "display_name": format!("vm-{}", name(owner)),
                "host": MACHINES[host], "node": MACHINES[node], "hosts": MACHINES,
                "fault": {"nova_object.data": {"exception": "Odd", "exception_message": other, "traceback": other}},
                "flavor": {"nova_object.data": {"projects": PROJECTS.map(|one| one.0), "name": "m1"}},
                "unknown_field": other, "state": "active"
            }}
        });
        let data = &mut record["payload"]["nova_object.data"];
        if let Some(caller) = caller {
            data["action_initiator_project"] = PROJECTS[caller].0.into();
            data["action_initiator_user"] = format!("admin-{}", name(caller)).into();
            if context {
                record["_context_project_id"] = PROJECTS[caller].0.into();
                record["_context_user_name"] = format!("name-{}", name(caller)).into();
                record["_context_service_catalog"] = json!([talk]);
            }
        }
        record
    }
}

prop_compose! {
    fn identity_event()(
        owner in project(), caller in project(), noun in prop::sample::select(vec!["project", "role_assignment", "user"]),
        host in 0..3_usize, other in gossip(),
    ) -> Value {
        let name = |at: usize| PROJECTS[at].2;
        let mut payload = json!({
            "initiator": {"id": format!("admin-{}", name(caller)), "username": format!("name-{}", name(caller)),
                "project_id": PROJECTS[caller].0, "host": {"address": "198.51.100.7"}},
            "target": {"id": format!("target-{}", name(caller))},
            "outcome": "success", "observer": {"id": MACHINES[host]}, "surprise": other
        });
        match noun {
            "project" => {
                payload["resource_info"] = PROJECTS[owner].0.into();
                payload["target"]["id"] = PROJECTS[owner].0.into();
            }
            "role_assignment" => payload["project"] = PROJECTS[owner].0.into(),
            _ => payload["resource_info"] = format!("user-{}", name(caller)).into(),
        }
        json!({"event_type": format!("identity.{noun}.created"), "message_id": "m-2",
            "publisher_id": format!("identity.{}", MACHINES[host]), "payload": payload})
    }
}

fn event() -> impl Strategy<Value = Value> {
    prop_oneof![instance_event(), identity_event()]
}

fn rendered(seen: &Attributed<String>) -> Vec<(String, String)> {
    let all = seen.views.iter().map(|(tenant, row)| {
        let mut text = all_of(row);
        write_ocsf(&row.as_ref(), &mut text);
        (tenant.clone(), text)
    });
    all.collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn no_view_has_anothers_names_or_the_providers(record in event()) {
        let seen = see(&registered([true; 3]), &record.to_string()).unwrap();
        for (tenant, text) in rendered(&seen) {
            for (project, other, name) in PROJECTS {
                if other != tenant {
                    prop_assert!(!text.contains(project), "{} sees {}: {}", tenant, project, text);
                    prop_assert!(!text.contains(name), "{} sees {}: {}", tenant, name, text);
                }
            }
            for machine in MACHINES {
                prop_assert!(!text.contains(machine), "{} sees {}: {}", tenant, machine, text);
            }
        }
    }

    #[test]
    fn who_else_is_registered_changes_no_byte(record in event(), have in any::<[bool; 3]>(), flip in 0..3_usize) {
        let text = record.to_string();
        let mut with = have;
        with[flip] = !have[flip];
        let (before, after) = (see(&registered(have), &text).unwrap(), see(&registered(with), &text).unwrap());
        let others = |seen: &Attributed<String>| -> Vec<(String, String)> {
            rendered(seen).into_iter().filter(|(tenant, _)| tenant != PROJECTS[flip].1).collect()
        };
        prop_assert_eq!(others(&before), others(&after));
    }

    #[test]
    fn any_json_in_any_field_is_read(record in event(), key in "[a-z_.]{0,12}", odd in prop_oneof![
        Just(json!(null)), Just(json!([])), Just(json!({})), Just(json!([[1, {"host": "cmp-zulu"}]])), Just(json!(7)), Just(json!({"nova_object.data": ["cmp-zulu"]}))
    ], at in 0..4_usize) {
        let mut record = record;
        match at {
            0 => record["payload"] = odd,
            1 => record["publisher_id"] = odd,
            2 => record["payload"]["nova_object.data"] = odd,
            _ => record[key] = odd,
        }
        let seen = see(&registered([true; 3]), &record.to_string()).unwrap();
        for (tenant, text) in rendered(&seen) {
            prop_assert!(!text.contains("cmp-zulu") , "{} {}", tenant, text);
        }
    }
}
