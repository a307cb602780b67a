//! Who became whom.

use cordon_views::SourceType;
use serde_json::{Value, json};

use super::kinds::{texts, user};
use super::world::at;
use super::{Event, World};
use crate::answer::Outcome;
use crate::question::{Direction, RoleChain, Start};
use crate::{Answer, Question};

/// Ann makes a key for Bob, Bob assumes a role, the role assumes another in another account.
fn chain() -> World {
    let assume = |seconds, user: &str, account: &str, role: &str, key: &str| {
        Event::new(seconds, "sts", "AssumeRole", user)
            .with(
                "requestParameters",
                json!({"roleArn": format!("arn:aws:iam::{account}:role/{role}"), "roleSessionName": "s"}),
            )
            .with(
                "responseElements",
                json!({
                    "credentials": {"accessKeyId": key, "expiration": "later"},
                    "assumedRoleUser": {"arn": format!("arn:aws:sts::{account}:assumed-role/{role}/s")},
                }),
            )
    };
    let first = "arn:aws:sts::111122223333:assumed-role/first/s";
    World::of([
        Event::new(0, "iam", "CreateAccessKey", "ann")
            .with("requestParameters", json!({"userName": "bob"}))
            .with(
                "responseElements",
                json!({"accessKey": {"userName": "bob", "accessKeyId": "AKIAEXAMPLEBOB000001"}}),
            ),
        assume(10, "bob", "111122223333", "first", "ASIAEXAMPLEFIRST0001")
            .with("userIdentity.accessKeyId", json!("AKIAEXAMPLEBOB000001")),
        assume(20, "x", "444455556666", "second", "ASIAEXAMPLESECOND001")
            .with("userIdentity.arn", json!(first))
            .with("userIdentity.accessKeyId", json!("ASIAEXAMPLEFIRST0001")),
        Event::new(25, "sts", "AssumeRole", "x")
            .with("userIdentity.arn", json!(first))
            .with("userIdentity.accessKeyId", json!("ASIAEXAMPLEFIRST0001"))
            .with("errorCode", json!("AccessDenied"))
            .with(
                "errorMessage",
                json!("User: x is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::111122223333:role/admin"),
            ),
        // Somebody else, of no concern.
        assume(30, "eve", "111122223333", "other", "ASIAEXAMPLEOTHER0001"),
    ])
}

fn ask_chain(world: &World, start: Start, direction: Direction, hops: u32) -> Answer {
    world.ask(&Question::RoleChain(RoleChain {
        start,
        direction,
        hops,
    }))
}

#[test]
fn a_chain_is_followed_forward_to_its_end() {
    let answer = ask_chain(&chain(), Start::Actor(user("ann")), Direction::Forward, 4);
    let graph = answer.graph.as_ref().unwrap();
    let ids: Vec<(i32, &str)> = graph
        .nodes
        .iter()
        .map(|node| (node.hop, node.id.as_str()))
        .collect();
    assert_eq!(
        ids,
        [
            (0, "arn:aws:iam::111122223333:user/ann"),
            (1, "arn:aws:iam::111122223333:user/bob"),
            (2, "arn:aws:sts::111122223333:assumed-role/first/s"),
            (3, "arn:aws:iam::111122223333:role/admin"),
            (3, "arn:aws:sts::444455556666:assumed-role/second/s"),
        ]
    );
    let outcomes: Vec<Outcome> = graph.edges.iter().map(|edge| edge.outcome).collect();
    let (used, given, refused) = (Outcome::Used, Outcome::Given, Outcome::Refused);
    assert_eq!(outcomes, [used, used, refused, given]);
    assert_eq!(
        texts(&answer, "credentials", "uses"),
        ["1", "2", "0"],
        "{:?}",
        answer.table("credentials")
    );
    let near = ask_chain(&chain(), Start::Actor(user("ann")), Direction::Forward, 1);
    assert_eq!(near.graph.unwrap().nodes.len(), 2);
    assert!(
        near.remarks
            .iter()
            .any(|remark| remark.message.contains("may be more"))
    );
}

#[test]
fn a_walk_that_ended_by_itself_is_told_from_one_that_was_ended() {
    for (hops, more) in [(2, true), (3, true), (4, false), (5, false)] {
        let answer = ask_chain(
            &chain(),
            Start::Actor(user("ann")),
            Direction::Forward,
            hops,
        );
        let mut said = answer.remarks.iter().map(|remark| &remark.message);
        assert_eq!(
            said.any(|message| message.contains("may be more")),
            more,
            "{hops}"
        );
    }
}

#[test]
fn all_calls_with_the_keys_are_looked_at() {
    let scope = super::scope();
    let chain = RoleChain {
        start: Start::AccessKey("AKIAEXAMPLEBOB000001".into()),
        direction: Direction::Both,
        hops: 2,
    };
    let mut plan = crate::plan(&Question::RoleChain(chain), &scope).unwrap();
    let mut scans = std::mem::take(&mut plan.scans);
    for _ in 0..crate::plan::MOST_ROUNDS {
        if scans.iter().any(|scan| !scan.columns.contains(&"raw")) {
            break;
        }
        scans = plan.state.next_scans();
    }
    // No event was found, so that the start is the one key.
    let limits: Vec<u64> = scans.iter().map(|scan| scan.limit).collect();
    assert_eq!(limits, [crate::plan::MOST_SCANNED]);
}

#[test]
fn a_chain_is_followed_backward_from_session_role_and_key() {
    let session = "arn:aws:sts::444455556666:assumed-role/second/s".to_owned();
    let role = "arn:aws:iam::444455556666:role/second".to_owned();
    for start in [
        Start::Actor(session),
        Start::Role(role),
        Start::AccessKey("ASIAEXAMPLESECOND001".into()),
    ] {
        let answer = ask_chain(&chain(), start.clone(), Direction::Backward, 4);
        let graph = answer.graph.unwrap();
        let first = &graph.nodes[0];
        assert_eq!(
            (first.hop, first.id.as_str()),
            (-3, user("ann").as_str()),
            "{start:?}"
        );
        let before = graph.nodes.iter().filter(|node| node.hop < 0).count();
        assert_eq!(before, 3, "{start:?}");
        assert!(graph.nodes.iter().all(|node| !node.id.contains("eve")));
    }
}

const ROBOT: &str = "robot@example.iam.gserviceaccount.com";

/// An entry of Google's audit log.
fn gcp(seconds: i64, service: &str, method: &str, authentication: &Value) -> Value {
    json!({
        "insertId": format!("{seconds}-{method}"), "timestamp": at(seconds),
        "logName": "projects/example/logs/cloudaudit.googleapis.com%2Factivity",
        "resource": {"type": "gcs_bucket", "labels": {"project_id": "example"}},
        "protoPayload": {
            "@type": "type.googleapis.com/google.cloud.audit.AuditLog",
            "serviceName": format!("{service}.googleapis.com"), "methodName": method,
            "authenticationInfo": authentication,
        },
    })
}

/// Who called, and by whose delegation.
fn delegation(actor: &str, by: &str) -> Value {
    json!({
        "principalEmail": actor,
        "serviceAccountDelegationInfo": [{"firstPartyPrincipal": {"principalEmail": by}}],
    })
}

#[test]
fn delegation_of_service_accounts_is_a_chain() {
    let mut world = World::default();
    let authentication = json!({"principalEmail": "ann@example.com"});
    let mut given = gcp(5, "iamcredentials", "GenerateAccessToken", &authentication);
    given["protoPayload"]["request"] =
        json!({"name": format!("projects/-/serviceAccounts/{ROBOT}")});
    world.add(SourceType::GcpAudit, &given.to_string(), None);
    let authentication = delegation("deep@example.iam.gserviceaccount.com", ROBOT);
    let delegated = gcp(9, "storage", "storage.buckets.list", &authentication);
    world.add(SourceType::GcpAudit, &delegated.to_string(), None);
    assert_eq!(world.rows.len(), 2);
    let start = Start::Actor("ann@example.com".into());
    let answer = ask_chain(&world, start, Direction::Both, 3);
    let kinds = texts(&answer, "identities", "kind");
    assert_eq!(kinds, ["user", "service_account", "service_account"]);
    assert_eq!(
        texts(&answer, "steps", "operation"),
        ["GenerateAccessToken", "delegation"]
    );
}

/// The steps of an answer: from, to, by which operation.
fn steps(answer: &Answer) -> Vec<(String, String, String)> {
    let part = |name| texts(answer, "steps", name);
    let ends = part("from").into_iter().zip(part("to"));
    ends.zip(part("operation"))
        .map(|((from, to), operation)| (from, to, operation))
        .collect()
}

#[test]
fn people_delegate_too() {
    let mut world = World::default();
    let authentication = delegation(ROBOT, "ann@example.com");
    let entry = gcp(5, "storage", "storage.buckets.list", &authentication);
    world.add(SourceType::GcpAudit, &entry.to_string(), None);
    let start = Start::Actor("ann@example.com".into());
    let answer = ask_chain(&world, start, Direction::Forward, 2);
    assert_eq!(
        steps(&answer),
        [("ann@example.com".into(), ROBOT.into(), "delegation".into())]
    );
}

#[test]
fn each_operation_that_gives_an_identity_leads_back_to_who_asked() {
    let sts = "arn:aws:sts::111122223333";
    let role = "arn:aws:iam::111122223333:role/ops";
    let session = format!("{sts}:assumed-role/ops/s");
    let federated = format!("{sts}:federated-user/fed");
    let key = json!({"accessKeyId": "ASIAEXAMPLE000000001"});
    let given = json!({"assumedRoleUser": {"arn": session}, "credentials": key});
    let bob = json!({"userName": "bob"});
    let of_role = json!({"roleArn": role, "roleSessionName": "s"});
    let nothing = Value::Null;
    let cases: [(&str, &Value, &Value, Start); 11] = [
        (
            "AssumeRole",
            &of_role,
            &given,
            Start::Actor(session.clone()),
        ),
        ("AssumeRole", &of_role, &given, Start::Role(role.into())),
        (
            "AssumeRoleWithSAML",
            &of_role,
            &given,
            Start::Actor(session.clone()),
        ),
        (
            "AssumeRoleWithSAML",
            &of_role,
            &given,
            Start::Role(role.into()),
        ),
        (
            "AssumeRoleWithWebIdentity",
            &of_role,
            &given,
            Start::Actor(session.clone()),
        ),
        (
            "AssumeRoleWithWebIdentity",
            &of_role,
            &given,
            Start::Role(role.into()),
        ),
        (
            "GetFederationToken",
            &json!({"name": "fed"}),
            &json!({"federatedUser": {"arn": federated}, "credentials": key}),
            Start::Actor(federated.clone()),
        ),
        (
            "CreateAccessKey",
            &bob,
            &json!({"accessKey": {"userName": "bob", "accessKeyId": "AKIAEXAMPLE000000002"}}),
            Start::Actor(user("bob")),
        ),
        (
            "CreateLoginProfile",
            &bob,
            &nothing,
            Start::Actor(user("bob")),
        ),
        (
            "UpdateLoginProfile",
            &bob,
            &nothing,
            Start::Actor(user("bob")),
        ),
        (
            "UpdateAssumeRolePolicy",
            &json!({"roleName": "ops"}),
            &nothing,
            Start::Role(role.into()),
        ),
    ];
    for (operation, parameters, response, start) in cases {
        let event = Event::new(5, "sts", operation, "ann")
            .with("requestParameters", parameters.clone())
            .with("responseElements", response.clone());
        let answer = ask_chain(&World::of([event]), start.clone(), Direction::Backward, 2);
        let from: Vec<String> = steps(&answer).into_iter().map(|step| step.0).collect();
        assert!(
            from.contains(&user("ann")),
            "{operation} {start:?}: {from:?}"
        );
    }
}

#[test]
fn keys_that_do_not_fit_one_condition_are_all_looked_for() {
    let mut events = Vec::new();
    for n in 0..1_800 {
        // Two for each session.
        let name = n % 900;
        let session = format!("arn:aws:sts::111122223333:assumed-role/ops/{name}");
        let key = format!("ASIAEXAMPLE{n:09}");
        let assume = Event::new(n, "sts", "AssumeRole", "ann")
            .with(
                "requestParameters",
                json!({"roleArn": "arn:aws:iam::111122223333:role/ops", "roleSessionName": name}),
            )
            .with(
                "responseElements",
                json!({"credentials": {"accessKeyId": key}, "assumedRoleUser": {"arn": session}}),
            );
        let call = Event::new(10_000 + n, "s3", "ListBuckets", "x")
            .with("userIdentity.arn", json!(session))
            .with("userIdentity.accessKeyId", json!(key));
        events.extend([assume, call]);
    }
    let world = World::of(events);
    let answer = ask_chain(&world, Start::Actor(user("ann")), Direction::Forward, 1);
    assert_eq!(texts(&answer, "credentials", "uses"), vec!["1"; 1_800]);
}

#[test]
fn what_a_writer_escaped_is_found() {
    for escaped in [r":role\/o\u0070s", r":r\u006fle/\u006fps"] {
        let event = Event::new(5, "sts", "AssumeRole", "ann").with(
            "requestParameters",
            json!({"roleArn": "arn:aws:iam::111122223333:role/ops", "roleSessionName": "s"}),
        );
        let record = event.0.to_string();
        let record = record.replace(":role/ops", escaped);
        assert!(record.contains(escaped));
        let mut world = World::default();
        world.add(SourceType::AwsCloudTrail, &record, None);
        assert!(world.rows[0].raw.contains(escaped));
        let start = Start::Role("arn:aws:iam::111122223333:role/ops".into());
        let answer = ask_chain(&world, start, Direction::Backward, 1);
        let from: Vec<String> = steps(&answer).into_iter().map(|step| step.0).collect();
        assert!(from.contains(&user("ann")), "{escaped}: {from:?}");
    }
}
