//! Every kind on a few rows.

use std::collections::BTreeSet;

use serde_json::json;

use super::world::at;
use super::{Event, World, scope};
use crate::question::{
    Around, Beacons, Changes, Compare, Indicators, Pivot, Same, Seen, Subject, Timeline, Volume,
};
use crate::{Answer, Cell, Question, RemarkReason, Window};

/// The cells of a column.
pub(super) fn column(answer: &Answer, table: &str, name: &str) -> Vec<Cell> {
    let table = answer.table(table).unwrap();
    let place = table.columns.iter().position(|column| column.name == name);
    let place = place.unwrap_or_else(|| panic!("{} has no {name}", table.name));
    table.rows.iter().map(|row| row[place].clone()).collect()
}

pub(super) fn texts(answer: &Answer, table: &str, name: &str) -> Vec<String> {
    let text = |cell| match cell {
        Cell::Text(text) => text,
        Cell::Empty => String::new(),
        Cell::Integer(number) => number.to_string(),
        Cell::Float(number) => number.to_string(),
    };
    column(answer, table, name).into_iter().map(text).collect()
}

fn reasons(answer: &Answer) -> BTreeSet<String> {
    let reasons = answer
        .remarks
        .iter()
        .map(|remark| format!("{:?}", remark.reason));
    reasons.collect()
}

pub(super) fn user(name: &str) -> String {
    format!("arn:aws:iam::111122223333:user/{name}")
}

fn four() -> World {
    World::of([
        Event::new(0, "s3", "ListBuckets", "ann"),
        Event::new(60, "iam", "ListUsers", "bob"),
        Event::new(120, "ec2", "DescribeInstances", "ann"),
        Event::new(9_000, "s3", "ListBuckets", "ann"),
    ])
}

#[test]
fn a_timeline_is_what_is_near() {
    let world = four();
    let question = Question::Timeline(Timeline {
        around: Around::Time(at(60).parse().unwrap()),
        before_seconds: 60,
        after_seconds: 60,
        same: BTreeSet::new(),
    });
    let answer = world.ask(&question);
    let operations = ["ListBuckets", "ListUsers", "DescribeInstances"];
    assert_eq!(texts(&answer, "events", "operation"), operations);
    assert_eq!(answer.timeline.unwrap().around, Some(at(60)));
}

#[test]
fn a_timeline_around_an_event_tells_what_shares_with_it() {
    let world = four();
    let middle = world
        .rows
        .iter()
        .find(|row| row.operation == "DescribeInstances");
    let ask = |same: &[Same]| {
        world.ask(&Question::Timeline(Timeline {
            around: Around::Event(hex::encode(middle.unwrap().name)),
            before_seconds: 3_600,
            after_seconds: 3_600,
            same: same.iter().copied().collect(),
        }))
    };
    let answer = ask(&[Same::Actor]);
    assert_eq!(
        texts(&answer, "events", "operation"),
        ["ListBuckets", "DescribeInstances"]
    );
    assert_eq!(ask(&[Same::Actor, Same::Address]).events, 3);
    let alone = ask(&[Same::Resources]);
    assert_eq!(texts(&alone, "events", "operation"), ["DescribeInstances"]);
    assert!(reasons(&alone).contains("Silent"));
    let nobody = world.ask(&Question::Timeline(Timeline {
        around: Around::Event("0".repeat(32)),
        before_seconds: 1,
        after_seconds: 1,
        same: BTreeSet::new(),
    }));
    assert!(reasons(&nobody).contains("NotFound"));
}

#[test]
fn a_pivot_counts_all_that_names_the_subject() {
    let world = four();
    let ask = |subject| world.ask(&Question::Pivot(Pivot { subject }));
    let answer = ask(Subject::Actor(user("ann")));
    assert_eq!(answer.events, 3);
    assert_eq!(
        texts(&answer, "operations", "operation"),
        ["ListBuckets", "DescribeInstances"]
    );
    assert_eq!(texts(&answer, "operations", "count"), ["2", "1"]);
    assert_eq!(
        texts(&answer, "user_agents", "user_agent"),
        ["example-agent/1.0"]
    );
    let key = format!("AKIA{:0>16}", "BOB");
    assert_eq!(ask(Subject::AccessKey(key)).events, 1);
    assert_eq!(ask(Subject::Address("192.0.2.0/28".into())).events, 4);
    assert_eq!(ask(Subject::Address("192.0.2.11".into())).events, 0);
    let none = ask(Subject::Resource("i-0123".into()));
    assert!(reasons(&none).contains("NotFound"));
}

#[test]
fn a_pivot_on_an_instance_takes_its_sessions_along() {
    let session = "arn:aws:sts::111122223333:assumed-role/web/i-0abc";
    let world = World::of([
        Event::new(0, "ec2", "StopInstances", "ann").with(
            "requestParameters",
            json!({"instancesSet": {"items": [{"instanceId": "i-0abc"}]}}),
        ),
        Event::new(1, "s3", "GetObject", "x").with("userIdentity.arn", json!(session)),
    ]);
    let subject = Subject::Resource("i-0abc".into());
    assert_eq!(world.ask(&Question::Pivot(Pivot { subject })).events, 2);
}

#[test]
fn indicators_of_every_form_are_found() {
    let world = World::of([
        Event::new(0, "s3", "GetObject", "ann").with("sourceIPAddress", json!("198.51.100.7")),
        Event::new(1, "lambda", "UpdateFunctionCode20150331v2", "ann").with(
            "requestParameters",
            json!({
                "functionName": "payer",
                "note": "see https://evil.example/Path?a=1",
                "sum": "D41D8CD98F00B204E9800998ECF8427E",
            }),
        ),
        Event::new(2, "iam", "ListUsers", "mallory"),
        Event::new(3, "ssm", "SendCommand", "ann").with(
            "requestParameters",
            json!({"commands": ["curl notevil.example evil.example.org"]}),
        ),
    ]);
    let ask = |text: &str| {
        let answer = world.ask(&Question::Indicators(Indicators::List {
            text: text.into(),
        }));
        texts(&answer, "indicators", "count")
    };
    for (line, hits) in [
        ("198.51.100.7", 1),
        ("198.51.100.0/24", 1),
        ("192.0.2.0/24", 3),
        ("203.0.113.1", 0),
        ("d41d8cd98f00b204e9800998ecf8427e", 1),
        ("d41d8cd98f00b204e9800998ecf8427f", 0),
        ("https://EVIL.example/Path?a=1", 1),
        ("https://evil.example/path?a=1", 0),
        ("https://evil.example/Path", 0),
        ("evil.example", 1),
        ("notevil.example", 1),
        ("evil.example.org", 1),
        ("payer", 1),
        ("pay", 0),
        ("arn:aws:iam::111122223333:user/mallory", 1),
    ] {
        let found = ask(line);
        let wanted: Vec<String> = (hits > 0).then(|| hits.to_string()).into_iter().collect();
        assert_eq!(found, wanted, "{line}");
    }
    let stix = |pattern: &str| {
        let patterns = vec![pattern.to_owned()];
        let answer = world.ask(&Question::Indicators(Indicators::Stix { patterns }));
        texts(&answer, "hits", "operation")
    };
    assert_eq!(
        stix("[user-account:account_login = 'MALLORY']"),
        ["ListUsers"]
    );
    assert_eq!(
        stix("[domain-name:value = 'evil.example' AND user-account:user_id = 'ann']"),
        ["UpdateFunctionCode20150331v2"]
    );
    assert!(
        stix("[domain-name:value = 'evil.example' AND user-account:user_id = 'bob']").is_empty()
    );
    assert_eq!(
        stix(
            "[ipv4-addr:value ISSUBSET '198.51.100.0/24' OR user-account:user_id IN ('mallory', 'x1')]"
        ),
        ["ListUsers", "GetObject"]
    );
}

#[test]
fn first_and_last_are_the_ends() {
    let world = four();
    let answer = world.ask(&Question::Seen(Seen {
        subjects: vec![
            Subject::Actor(user("ann")),
            Subject::UserAgent("example-agent/1.0".into()),
            Subject::Operation("DeleteTrail".into()),
        ],
    }));
    assert_eq!(
        texts(&answer, "seen", "time"),
        [at(0), at(9_000), at(0), at(9_000)]
    );
    assert!(reasons(&answer).contains("NotFound"));
}

#[test]
fn bytes_are_counted_by_side_and_peer() {
    let mut world = World::default();
    world.flow(0, "10.0.0.5", "203.0.113.9", 443, 1_000);
    world.flow(60, "10.0.0.5", "203.0.113.9", 443, 500);
    world.flow(61, "203.0.113.9", "10.0.0.5", 49_152, 70);
    world.flow(62, "10.0.0.5", "10.0.0.6", 5_432, 9);
    let line = "2 111122223333 eni-0example 10.0.0.5 203.0.113.9 1 22 6 1 40 1767225600 1767225660 REJECT OK";
    world.add(cordon_views::SourceType::AwsVpcFlow, line, None);
    let object = Event::new(5, "s3", "GetObject", "ann")
        .with(
            "requestParameters",
            json!({"bucketName": "ledger", "key": "x"}),
        )
        .with(
            "additionalEventData",
            json!({"bytesTransferredOut": 2048.0, "bytesTransferredIn": 0}),
        );
    world.add(
        cordon_views::SourceType::AwsCloudTrail,
        &object.0.to_string(),
        None,
    );
    let answer = world.ask(&Question::Volume(Volume::default()));
    assert_eq!(texts(&answer, "public_peers", "bytes_out"), ["1500"]);
    assert_eq!(texts(&answer, "public_peers", "bytes_in"), ["70"]);
    assert_eq!(texts(&answer, "private_peers", "peer"), ["10.0.0.6"]);
    assert_eq!(texts(&answer, "buckets", "bytes_out"), ["2048"]);
    assert!(
        answer
            .remarks
            .iter()
            .any(|remark| remark.message.contains("1 flow records were rejected"))
    );
    let large = world.ask(&Question::Volume(Volume {
        minimum_bytes: 1_501,
    }));
    assert!(large.table("public_peers").unwrap().rows.is_empty());
    let narrow = crate::Scope {
        source_types: vec!["gcp.audit".into()],
        ..scope()
    };
    assert_eq!(
        world
            .ask_over(&Question::Volume(Volume::default()), &narrow)
            .events,
        0
    );
}

#[test]
fn changes_say_what_undoes_them() {
    let ingress = json!({"groupId": "sg-1", "ipPermissions": {"items": [{"fromPort": 22}]}});
    let share = |side: &str| {
        json!({"snapshotId": "snap-1", "attributeType": "CREATE_VOLUME_PERMISSION",
            "createVolumePermission": {side: {"items": [{"userId": "444455556666"}]}}})
    };
    let policy = |text: &str| json!({"bucketName": "ledger", "bucketPolicy": {"Id": text}});
    let world = World::of([
        Event::new(0, "ec2", "AuthorizeSecurityGroupIngress", "ann")
            .with("requestParameters", ingress.clone()),
        Event::new(1, "cloudtrail", "StopLogging", "ann")
            .with("requestParameters", json!({"name": "main"})),
        Event::new(2, "ec2", "ModifySnapshotAttribute", "ann")
            .with("requestParameters", share("add")),
        Event::new(3, "s3", "PutBucketPolicy", "ann").with("requestParameters", policy("one")),
        Event::new(4, "s3", "PutBucketPolicy", "ann").with("requestParameters", policy("two")),
        Event::new(5, "iam", "CreateUser", "ann")
            .with("requestParameters", json!({"userName": "eve"})),
        Event::new(6, "ec2", "TerminateInstances", "ann"),
        Event::new(7, "iam", "TagUser", "ann"),
        Event::new(8, "cloudtrail", "StartLogging", "bob")
            .with("requestParameters", json!({"name": "main"})),
        Event::new(9, "s3", "PutObject", "ann"),
        Event::new(10, "ec2", "DescribeInstances", "ann"),
        Event::new(11, "iam", "CreateUser", "ann").with("errorCode", json!("AccessDenied")),
    ]);
    let answer = world.ask(&Question::Changes(Changes::default()));
    let rows: Vec<(String, String, String)> = texts(&answer, "changes", "operation")
        .into_iter()
        .zip(texts(&answer, "changes", "reversal"))
        .zip(texts(&answer, "changes", "inverse_operation"))
        .map(|((operation, reversal), inverse)| (operation, reversal, inverse))
        .collect();
    let row = |at: usize| {
        (
            rows[at].0.as_str(),
            rows[at].1.as_str(),
            rows[at].2.as_str(),
        )
    };
    let unknown = "previous_value_not_in_the_events";
    assert_eq!(
        row(0),
        (
            "AuthorizeSecurityGroupIngress",
            "reversible",
            "RevokeSecurityGroupIngress"
        )
    );
    assert_eq!(row(1), ("StopLogging", "reversible", "StartLogging"));
    assert_eq!(
        row(2),
        (
            "ModifySnapshotAttribute",
            "reversible",
            "ModifySnapshotAttribute"
        )
    );
    assert_eq!(row(3), ("PutBucketPolicy", unknown, "DeleteBucketPolicy"));
    assert_eq!(row(4), ("PutBucketPolicy", "reversible", "PutBucketPolicy"));
    assert_eq!(row(5), ("CreateUser", "reversible", "DeleteUser"));
    assert_eq!(row(6), ("TerminateInstances", "not_reversible", ""));
    assert_eq!(row(7), ("TagUser", "no_inverse_known", ""));
    assert_eq!(rows.len(), 9);
    let parameters = texts(&answer, "changes", "inverse_parameters");
    assert_eq!(parameters[0], ingress.to_string());
    assert_eq!(parameters[2], share("remove").to_string());
    assert_eq!(parameters[4], policy("one").to_string());
    let events = texts(&answer, "changes", "event");
    assert_eq!(texts(&answer, "changes", "undone_by")[1], events[8]);
    assert_eq!(texts(&answer, "changes", "previous_event")[4], events[3]);
    let ann = Changes {
        window: Some(Window {
            since: at(4).parse().unwrap(),
            until: at(9).parse().unwrap(),
        }),
        actor: Some(user("ann")),
    };
    let answer = world.ask(&Question::Changes(ann));
    let operations = [
        "PutBucketPolicy",
        "CreateUser",
        "TerminateInstances",
        "TagUser",
    ];
    assert_eq!(texts(&answer, "changes", "operation"), operations);
    assert_eq!(texts(&answer, "changes", "reversal")[0], "reversible");
}

#[test]
fn periodic_connections_stand_out() {
    let mut world = World::default();
    for step in 0..40 {
        // Every 300 seconds and a little, and somebody who comes as it happens.
        world.flow(step * 300 + step % 3, "10.0.0.5", "203.0.113.9", 443, 100);
        world.flow(step * step * 40, "10.0.0.6", "203.0.113.10", 443, 100);
    }
    let answer = world.ask(&Question::Beacons(Beacons::default()));
    assert_eq!(texts(&answer, "beacons", "source"), ["10.0.0.5"]);
    let Cell::Float(period) = column(&answer, "beacons", "period")[0] else {
        panic!()
    };
    assert!((299.0..=302.0).contains(&period), "{period}");
    let Cell::Float(score) = column(&answer, "beacons", "score")[0] else {
        panic!()
    };
    assert!(score > 0.7, "{score}");
    assert_eq!(texts(&answer, "beacons", "connections"), ["40"]);
    let strict = Beacons {
        minimum_count: 41,
        ..Beacons::default()
    };
    let answer = world.ask(&Question::Beacons(strict));
    assert!(answer.table("beacons").unwrap().rows.is_empty());
}

#[test]
fn windows_are_compared_by_rate() {
    let mut events = Vec::new();
    for second in 0..10 {
        events.push(Event::new(second, "s3", "ListBuckets", "ann"));
        events.push(Event::new(second, "kms", "ListKeys", "ann"));
        events.push(Event::new(1_000 + second * 3, "kms", "ListKeys", "ann"));
        events.push(Event::new(1_000 + second * 3 + 1, "kms", "ListKeys", "bob"));
        events.push(Event::new(1_000 + second * 3 + 2, "kms", "ListKeys", "bob"));
    }
    events.push(Event::new(1_030, "iam", "CreateUser", "bob"));
    let window = |since, until| Window {
        since: at(since).parse().unwrap(),
        until: at(until).parse().unwrap(),
    };
    let answer = World::of(events).ask(&Question::Compare(Compare {
        baseline: window(0, 100),
        window: window(1_000, 1_100),
    }));
    assert_eq!(
        texts(&answer, "operations", "change"),
        ["new", "gone", "more"]
    );
    let values = ["CreateUser", "ListBuckets", "ListKeys"];
    assert_eq!(texts(&answer, "operations", "value"), values);
    assert_eq!(texts(&answer, "operations", "ratio"), ["", "0", "3"]);
    assert_eq!(texts(&answer, "actors", "change"), ["new", "less"]);
    assert!(answer.table("regions").unwrap().rows.is_empty());
    assert_eq!(texts(&answer, "totals", "events"), ["20", "31"]);
    assert!(
        !answer
            .remarks
            .iter()
            .any(|remark| remark.reason == RemarkReason::Full)
    );
}
