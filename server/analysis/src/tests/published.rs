//! What the plans find in what others published. Without the data these tests say so and do
//! nothing.

use std::io::Read as _;
use std::path::Path;

use cordon_views::SourceType;
use serde_json::Value;

use super::World;
use super::world::data;
use crate::question::{Changes, Direction, Indicators, Pivot, RoleChain, Start, Subject, Volume};
use crate::{Answer, Question, Scope};

/// The records of all files of a folder.
fn cloudtrail(folder: &str) -> Option<World> {
    let folder = data()?.join(folder);
    if !folder.is_dir() {
        println!("skipped: no {}", folder.display());
        return None;
    }
    let mut world = World::default();
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().contains(".json"))
        .collect();
    files.sort();
    for file in files {
        let text = text_of(&file);
        for value in serde_json::Deserializer::from_str(&text).into_iter::<Value>() {
            let records = match value.unwrap() {
                Value::Array(records) => records,
                Value::Object(mut fields) if fields.contains_key("Records") => {
                    match fields.remove("Records") {
                        Some(Value::Array(records)) => records,
                        _ => Vec::new(),
                    }
                }
                record => vec![record],
            };
            for record in records {
                world.add(SourceType::AwsCloudTrail, &record.to_string(), None);
            }
        }
    }
    Some(world)
}

fn text_of(file: &Path) -> String {
    let bytes = std::fs::read(file).unwrap();
    if file.extension().is_some_and(|end| end == "gz") {
        let mut text = String::new();
        flate2::read::MultiGzDecoder::new(&bytes[..])
            .read_to_string(&mut text)
            .unwrap();
        text
    } else {
        String::from_utf8(bytes).unwrap()
    }
}

fn always() -> Scope {
    Scope {
        since: "1970-01-01T00:00:00Z".parse().unwrap(),
        until: "2100-01-01T00:00:00Z".parse().unwrap(),
        ..super::scope()
    }
}

fn texts(answer: &Answer, table: &str, name: &str) -> Vec<String> {
    super::kinds::texts(answer, table, name)
}

const ATTACKER: &str = "arn:aws:iam::123837392027:user/bert-jan";

#[test]
fn the_attacker_of_invictus_is_followed() {
    let Some(world) = cloudtrail("cloudtrail-invictus") else {
        return;
    };
    let subject = Subject::Actor(ATTACKER.into());
    let answer = world.ask_over(&Question::Pivot(Pivot { subject }), &always());
    assert_eq!(answer.events, 1_870);
    assert_eq!(answer.tables[0].rows.len(), 145);
    assert_eq!(
        texts(&answer, "addresses", "address"),
        ["192.168.10.20", "10.8.8.10"]
    );
    assert_eq!(texts(&answer, "addresses", "count"), ["1612", "18"]);
    assert_eq!(
        answer
            .table("events")
            .unwrap()
            .cut
            .as_ref()
            .unwrap()
            .left_out,
        870
    );
    let subject = Subject::Resource("i-0dbc91f429e48eeed".into());
    let answer = world.ask_over(&Question::Pivot(Pivot { subject }), &always());
    // What was done to the instance, and what its role's session did.
    assert_eq!(answer.events, 32);
    assert_eq!(texts(&answer, "actors", "count"), ["16", "15", "1"]);
}

#[test]
fn the_roles_of_invictus_were_assumed() {
    let Some(world) = cloudtrail("cloudtrail-invictus") else {
        return;
    };
    let ask = |start| {
        let asked = RoleChain {
            start,
            direction: Direction::Both,
            hops: 4,
        };
        world.ask_over(&Question::RoleChain(asked), &always())
    };
    let answer = ask(Start::Actor(ATTACKER.into()));
    // Five roles were refused until the policy held, and then given; each session was used.
    let mut outcomes = texts(&answer, "steps", "outcome");
    outcomes.sort();
    assert_eq!(outcomes[..5], ["refused"; 5]);
    assert_eq!(outcomes[5..], ["used"; 5]);
    assert_eq!(answer.table("credentials").unwrap().rows.len(), 10);

    // Two keys of an instance's role: one was used by the instance, one by the attacker.
    let role = "arn:aws:iam::123837392027:role/stratus-red-team-ec2-steal-credentials-role";
    let answer = ask(Start::Role(role.into()));
    assert_eq!(
        texts(&answer, "identities", "kind"),
        ["service", "role", "session"]
    );
    assert_eq!(texts(&answer, "credentials", "uses"), ["2", "13"]);
    assert_eq!(
        texts(&answer, "credentials", "addresses"),
        ["192.168.10.20", "3.225.16.109"]
    );
}

#[test]
fn the_changes_of_invictus_can_be_undone() {
    let Some(world) = cloudtrail("cloudtrail-invictus") else {
        return;
    };
    let answer = world.ask_over(&Question::Changes(Changes::default()), &always());
    let operations = texts(&answer, "changes", "operation");
    let inverses = texts(&answer, "changes", "inverse_operation");
    let mut seen = 0;
    for (operation, inverse) in operations.iter().zip(&inverses) {
        let wanted = match operation.as_str() {
            "StopLogging" => "StartLogging",
            "StartLogging" => "StopLogging",
            "CreateTrail" => "DeleteTrail",
            "RunInstances" => "TerminateInstances",
            "AttachRolePolicy" => "DetachRolePolicy",
            _ => continue,
        };
        seen += 1;
        assert_eq!(inverse, wanted);
    }
    assert_eq!(seen, 11);
    let states = [
        "reversible",
        "previous_value_not_in_the_events",
        "not_reversible",
        "no_inverse_known",
    ];
    assert_eq!(texts(&answer, "totals", "reversal"), states);
    assert_eq!(
        texts(&answer, "totals", "changes"),
        ["151", "11", "146", "22"]
    );
    // The exercise cleaned up after itself.
    assert_eq!(texts(&answer, "totals", "undone"), ["66", "5", "0", "0"]);
}

#[test]
fn what_stratus_changed_is_turned_round() {
    let Some(world) = cloudtrail("cloudtrail-stratus") else {
        return;
    };
    let answer = world.ask_over(&Question::Changes(Changes::default()), &always());
    let find = |operation: &str| {
        let operations = texts(&answer, "changes", "operation");
        let at = operations.iter().position(|one| one == operation).unwrap();
        let cell = |name| texts(&answer, "changes", name)[at].clone();
        (cell("inverse_operation"), cell("inverse_parameters"))
    };
    let (operation, parameters) = find("AuthorizeSecurityGroupIngress");
    assert_eq!(operation, "RevokeSecurityGroupIngress");
    let parameters: Value = serde_json::from_str(&parameters).unwrap();
    assert_eq!(parameters["fromPort"], 22);
    let (operation, parameters) = find("ModifySnapshotAttribute");
    assert_eq!(operation, "ModifySnapshotAttribute");
    let parameters: Value = serde_json::from_str(&parameters).unwrap();
    let permission = &parameters["createVolumePermission"];
    assert!(permission["remove"].is_object() && permission.get("add").is_none());
    let (operation, parameters) = find("StopInstances");
    assert_eq!(operation, "StartInstances");
    assert!(parameters.contains("instancesSet") && !parameters.contains("force"));
    assert_eq!(
        find("DeleteTrail"),
        ("CreateTrail".to_owned(), String::new())
    );
    assert_eq!(texts(&answer, "totals", "changes"), ["15", "3", "10", "1"]);
}

#[test]
fn a_backdoor_key_is_a_step() {
    let Some(world) = cloudtrail("cloudtrail-stratus") else {
        return;
    };
    let asked = RoleChain {
        start: Start::Actor("arn:aws:iam::946986569305:user/christophe".into()),
        direction: Direction::Forward,
        hops: 3,
    };
    let answer = world.ask_over(&Question::RoleChain(asked), &always());
    assert_eq!(texts(&answer, "steps", "operation"), ["CreateAccessKey"]);
    assert_eq!(texts(&answer, "steps", "outcome"), ["given"]);
}

#[test]
fn the_breach_of_a_bucket_is_counted_and_traced() {
    let Some(world) = cloudtrail("cloudtrail-otrf-s3-breach") else {
        return;
    };
    let answer = world.ask_over(&Question::Volume(Volume::default()), &always());
    assert_eq!(texts(&answer, "buckets", "bytes_out"), ["3726"]);
    let session = texts(&answer, "buckets", "actor").remove(0);
    let asked = RoleChain {
        start: Start::Actor(session),
        direction: Direction::Backward,
        hops: 2,
    };
    let answer = world.ask_over(&Question::RoleChain(asked), &always());
    assert_eq!(
        texts(&answer, "identities", "identity")[0],
        "ec2.amazonaws.com"
    );
    assert_eq!(texts(&answer, "credentials", "uses"), ["0", "0", "11"]);
}

#[test]
fn indicators_are_found_in_invictus() {
    let Some(world) = cloudtrail("cloudtrail-invictus") else {
        return;
    };
    let text = "3.225.16.109\n52.45.0.0/16\nstratus-red-team-leave-org-role\nexample.com\n";
    let asked = Indicators::List { text: text.into() };
    let answer = world.ask_over(&Question::Indicators(asked), &always());
    assert_eq!(texts(&answer, "indicators", "count"), ["13", "13", "8"]);
    assert_eq!(texts(&answer, "not_found", "indicator"), ["example.com"]);
}

#[test]
fn published_flow_lines_are_counted() {
    let Some(data) = data() else { return };
    let file = data.join("vpc-flow/opensearch-amazon_vpc_flow-sample.json");
    if !file.is_file() {
        println!("skipped: no {}", file.display());
        return;
    }
    let mut world = World::default();
    let docs: Vec<Value> = serde_json::from_str(&text_of(&file)).unwrap();
    for doc in docs {
        world.add(SourceType::AwsVpcFlow, doc["body"].as_str().unwrap(), None);
    }
    let answer = world.ask_over(&Question::Volume(Volume::default()), &always());
    assert_eq!(texts(&answer, "public_peers", "bytes_in"), ["44"]);
}
