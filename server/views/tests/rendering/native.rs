//! Events that came as OCSF: one party, two parties, and what rendering leaves out.

use cordon_views::{Reason, SourceType, Status};
use serde_json::{Value, json};

use crate::world::{OBSERVED, World, render};

/// A call by acme's user on a bucket of bolt's; every value is made up.
pub fn call() -> Value {
    json!({
        "metadata": {
            "uid": "e-1", "version": "1.4.0", "correlation_uid": "both-1",
            "product": {"name": "Gateway", "vendor_name": "CSP"},
            "log_name": "bolt-trail"
        },
        "time": 1_709_291_100_123_i64,
        "class_uid": 6003, "category_uid": 6, "activity_id": 2, "type_uid": 600302,
        "severity_id": 1, "status_id": 2, "status_code": "AccessDenied",
        "status_detail": "111111111111 may not read ledger",
        "actor": {
            "user": {
                "uid": "arn:aws:iam::111111111111:user/anna", "name": "anna", "type": "IAMUser",
                "credential_uid": "AKIAEXAMPLEEXAMPLE11",
                "account": {"uid": "111111111111"}
            },
            "session": {"is_mfa": true, "credential_uid": "AKIAEXAMPLEEXAMPLE11"}
        },
        "api": {
            "operation": "GetObject", "service": {"name": "s3.amazonaws.com"},
            "request": {"uid": "r-1", "data": {"bucket": "ledger", "key": "2024.csv"}},
            "response": {"error": "AccessDenied", "data": {"hint": "ask bolt"}}
        },
        "http_request": {"user_agent": "curl/8"},
        "src_endpoint": {"ip": "198.51.100.7", "instance_uid": "i-anna"},
        "cloud": {"provider": "CSP", "region": "eu-1", "account": {"uid": "222222222222"}, "zone": "z9"},
        "resources": [{"uid": "arn:aws:s3:::ledger", "name": "ledger", "type": "bucket",
                       "owner": {"account": {"uid": "222222222222"}}, "criticality": "high"}],
        "unmapped": {"internal": "bolt only"}
    })
}

fn world() -> World {
    World::new()
        .account("111111111111", "acme")
        .account("222222222222", "bolt")
        .address("198.51.100.7", "acme")
        .range("198.51.100.0", "198.51.100.255")
}

#[test]
fn an_event_of_one_account_is_as_it_came() {
    let mut event = call();
    event["actor"]["user"]["account"]["uid"] = json!("222222222222");
    let text = event.to_string();
    let seen = world()
        .see(SourceType::Ocsf, text.as_bytes(), None)
        .unwrap();
    let (tenant, row) = &seen.views[0];
    assert_eq!((seen.views.len(), *tenant), (1, "bolt"));
    assert_eq!(row.raw, text);
    assert!(!row.shared && row.addressed);
    assert_eq!(
        (row.class_uid, row.activity_id, row.severity_id),
        (6003, 2, 1)
    );
    assert_eq!(row.status, Status::Failure);
    assert_eq!(row.time_ns, 1_709_291_100_123_000_000);
    assert_eq!(row.service, "s3.amazonaws.com");
    assert_eq!(row.operation, "GetObject");
    assert_eq!(row.account, "222222222222");
    assert_eq!(row.actor, "arn:aws:iam::111111111111:user/anna");
    assert_eq!(row.credential_uid, "AKIAEXAMPLEEXAMPLE11");
    assert_eq!(
        cordon_views::credential_uid(SourceType::Ocsf, &row.raw),
        row.credential_uid
    );
    assert_eq!(row.resources, ["arn:aws:s3:::ledger"]);
    assert_eq!(render(row), event, "nothing to add");
}

#[test]
fn caller_and_owner_each_see_their_part() {
    let text = call().to_string();
    let seen = world()
        .see(SourceType::Ocsf, text.as_bytes(), None)
        .unwrap();
    let [(_, acme), (_, bolt)] = &seen.views[..] else {
        panic!("{seen:?}")
    };

    assert!(acme.shared && !acme.addressed);
    let view: Value = serde_json::from_str(&acme.raw).unwrap();
    for (own, path) in [
        ("ledger", "/api/request/data/bucket"),
        ("ask bolt", "/api/response/data/hint"),
        ("curl/8", "/http_request/user_agent"),
        ("198.51.100.7", "/src_endpoint/ip"),
        ("i-anna", "/src_endpoint/instance_uid"),
        ("111111111111 may not read ledger", "/status_detail"),
        ("anna", "/actor/user/name"),
        ("eu-1", "/cloud/region"),
        ("both-1", "/metadata/correlation_uid"),
    ] {
        assert_eq!(view.pointer(path), Some(&json!(own)), "{path}");
    }
    for foreign in [
        "222222222222",
        "z9",
        "criticality\":\"high",
        "bolt only",
        "bolt-trail",
    ] {
        assert!(!acme.raw.contains(foreign), "{foreign}: {}", acme.raw);
    }
    assert!(acme.account.starts_with("acct~"));

    assert!(bolt.shared && bolt.addressed);
    let view: Value = serde_json::from_str(&bolt.raw).unwrap();
    for (own, path) in [
        ("222222222222", "/cloud/account/uid"),
        ("z9", "/cloud/zone"),
        ("arn:aws:s3:::ledger", "/resources/0/uid"),
        ("222222222222", "/resources/0/owner/account/uid"),
        ("AccessDenied", "/status_code"),
        ("GetObject", "/api/operation"),
        ("bolt-trail", "/metadata/log_name"),
    ] {
        assert_eq!(view.pointer(path), Some(&json!(own)), "{path}");
    }
    for foreign in [
        "111111111111",
        "anna",
        "AKIA",
        "198.51.100.7",
        "curl",
        "2024.csv",
    ] {
        assert!(!bolt.raw.contains(foreign), "{foreign}: {}", bolt.raw);
        assert!(!render(bolt).to_string().contains(foreign), "{foreign}");
    }
    assert_eq!(bolt.src_ip, None);
    assert_ne!(acme.name, bolt.name);
}

#[test]
fn registrations_of_others_change_no_byte() {
    let text = call().to_string();
    let both = world()
        .see(SourceType::Ocsf, text.as_bytes(), None)
        .unwrap();
    let only = |account, tenant| {
        World::new()
            .account(account, tenant)
            .address("198.51.100.7", "acme")
            .range("198.51.100.0", "198.51.100.255")
            .see(SourceType::Ocsf, text.as_bytes(), None)
            .unwrap()
    };
    let acme = only("111111111111", "acme");
    assert_eq!(acme.views, [both.views[0].clone()]);
    assert_eq!(acme.unknown_parties, ["aws:222222222222"]);
    let bolt = only("222222222222", "bolt");
    assert_eq!(bolt.views, [both.views[1].clone()]);
    assert_eq!(bolt.unknown_parties, ["aws:111111111111"]);
}

#[test]
fn a_rendered_view_has_no_markers_where_the_schema_wants_text() {
    let row = world().row(SourceType::Ocsf, &call().to_string(), None, "bolt");
    let event = render(&row);
    assert!(event.get("http_request").is_none());
    assert!(event["src_endpoint"].get("instance_uid").is_none());
    let note = &event["unmapped"]["cordon:view"];
    assert_eq!(note["shared"], true);
    let withheld = note["withheld"].as_array().unwrap();
    assert!(
        withheld.contains(&json!({"path": "http_request", "reason": "FOREIGN_CONTENT"})),
        "{note}"
    );
    assert!(
        row.withheld
            .iter()
            .any(|one| one.reason == Reason::ForeignIdentity)
    );
}

#[test]
fn what_is_missing_or_odd_is_borne() {
    let world = world();
    for (event, time_invalid) in [
        (json!({"cloud": {"account": {"uid": "111111111111"}}}), true),
        (
            json!({"cloud": {"account": {"uid": "111111111111"}}, "metadata": 3, "unmapped": [1]}),
            true,
        ),
        (
            json!({"cloud": {"account": {"uid": "111111111111"}}, "time": "soon", "class_uid": 99_999_999_999_i64}),
            true,
        ),
        (
            json!({"cloud": {"account": {"uid": "111111111111"}}, "time": -1}),
            true,
        ),
        (
            json!({"cloud": {"account": {"uid": "111111111111"}}, "time": 9_999_999_999_999_999_i64}),
            true,
        ),
        (
            json!({"cloud": {"account": {"uid": "111111111111"}}, "time": 1, "time_dt": "2024-03-01T11:05:00.123456789Z"}),
            false,
        ),
    ] {
        let row = world.row(SourceType::Ocsf, &event.to_string(), None, "acme");
        assert_eq!(row.time_invalid, time_invalid, "{event}");
        assert!(time_invalid || row.time_ns == 1_709_291_100_123_456_789);
        assert!(!time_invalid || row.time_ns == OBSERVED);
        let rendered = render(&row);
        assert_eq!(rendered["metadata"]["uid"], row.event_id);
        if event["unmapped"].is_array() {
            assert_eq!(rendered["unmapped"]["unmapped"], event["unmapped"]);
        }
    }
    let many: Vec<Value> = (0..300)
        .map(|n| json!({"owner": {"account": {"uid": format!("{n:012}")}}}))
        .collect();
    let reject = world
        .see(
            SourceType::Ocsf,
            json!({"resources": many}).to_string().as_bytes(),
            None,
        )
        .unwrap_err();
    assert_eq!(reject.reason, "TOO_MANY_PARTIES");
}
