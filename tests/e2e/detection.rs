//! Rules: what they find in what comes in, in the past, and in a real attack.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use cordon_client::{
    Asset, Client, ContextAbout, ContextKind, ExplanationKind, Finding, FindingFilter, Level,
    NewRule, PlannedWork, Reason, RuleChanges, RuleOrigin, RuleTest, View,
};
use futures::StreamExt as _;
use serde_json::json;

use crate::harness::{Call, World, shared_data, trail};

const A: &str = "aws:100000000001";
const B: &str = "aws:200000000002";
/// For a machine that has other things to do.
const DEADLINE: Duration = Duration::from_secs(60);

/// Copies of disks that are given to somebody else, or that somebody else makes use of. Taking a
/// permission away is no such thing.
pub const EXFILTRATION: &str = "title: A snapshot or image is shared with another account
logsource:
    product: aws
    service: cloudtrail
detection:
    share:
        eventName: [ModifySnapshotAttribute, ModifyImageAttribute]
    removed:
        - requestParameters.createVolumePermission.remove|exists: true
        - requestParameters.launchPermission.remove|exists: true
    used:
        eventName: [SharedSnapshotVolumeCreated, SharedSnapshotCopyInitiated]
    condition: (share and not removed) or used
level: high
tags:
    - attack.exfiltration
    - attack.t1537
";

/// All findings, once they hold so many events.
pub async fn found(client: &Client, events: i64) -> Vec<Finding> {
    let begun = Instant::now();
    loop {
        let listed = client.findings().list(FindingFilter::default());
        let found: Vec<Finding> = listed.map(Result::unwrap).collect().await;
        let sum: i64 = found.iter().map(|finding| finding.count).sum();
        if sum >= events {
            assert_eq!(sum, events, "{found:?}");
            return found;
        }
        assert!(begun.elapsed() < DEADLINE, "{sum} of {events}: {found:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_of_two_customers_finds_its_own_side() {
    let world = World::new().await;
    world.tenant("initech", &[A]).await;
    world.tenant("hooli", &[B]).await;
    let (initech, hooli) = (
        world.member("initech", "responder").await,
        world.member("hooli", "responder").await,
    );
    let rule = initech
        .rules()
        .create(NewRule::from(EXFILTRATION.to_owned()))
        .await
        .unwrap();
    hooli
        .rules()
        .create(NewRule::from(EXFILTRATION.to_owned()))
        .await
        .unwrap();
    let shared = |id: &str, caller, recipient| {
        trail(&Call {
            id,
            caller,
            recipient,
            operation: "ModifySnapshotAttribute",
            parameters: json!({ "createVolumePermission": { "add": { "items": [{ "userId": "900000000009" }] } } }),
            ..Call::own("", A)
        })
    };
    // Initech's alone, hooli's alone, and one that hooli did in initech's account.
    let records = [shared("1", A, A), shared("2", B, B), shared("3", B, A)];
    world.send("aws.cloudtrail", "three", &records).await;
    let mine = found(&initech, 2).await;
    assert_eq!(mine.len(), 2, "two actors are two things to look at");
    let actors: BTreeSet<&str> = mine.iter().map(|finding| finding.actor.as_str()).collect();
    assert!(actors.iter().any(|actor| actor.contains('~')), "{actors:?}");
    assert!(!format!("{mine:?}").contains("200000000002"));
    let theirs = found(&hooli, 2).await;
    assert!(
        theirs
            .iter()
            .all(|finding| finding.actor.contains("200000000002"))
    );
    assert!(!format!("{theirs:?}").contains("initech"));
    // Following tells the same, from wherever somebody stood.
    let mut watch = initech.findings().watch(Some(0));
    let mut told = 0;
    while told < 2 {
        let next = tokio::time::timeout(DEADLINE, watch.next()).await.unwrap();
        next.unwrap().unwrap();
        told += 1;
    }
    // The past says the same, and another tenant's rule is nobody's.
    let hits: Vec<_> = initech
        .rules()
        .test(RuleTest::of_text(EXFILTRATION))
        .collect()
        .await;
    assert_eq!(hits.len(), 2);
    let refused = hooli.rules().get(&rule.name).await.unwrap_err();
    assert_eq!(*refused.reason(), Reason::PermissionDenied);
    let finding = initech.findings().get(&mine[0].name).await.unwrap();
    let event: serde_json::Value = serde_json::from_str(&finding.ocsf_json).unwrap();
    assert_eq!(event["class_uid"], 2004);
    assert_eq!(
        event["finding_info"]["attacks"][0]["technique"]["uid"],
        "T1537"
    );
    let events = initech.events();
    events.get(&mine[0].events[0], View::Columns).await.unwrap();
}

fn unpacked(path: &Path) -> String {
    let unpacked = std::process::Command::new("gzip")
        .arg("-dc")
        .arg(path)
        .output()
        .unwrap();
    String::from_utf8(unpacked.stdout).unwrap()
}

/// Which of the published rules take how many of the real events.
fn expected(data: &Path) -> BTreeMap<String, BTreeSet<String>> {
    let table = unpacked(&data.join("sigma-expected/matches.csv.gz"));
    let mut expected: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in table
        .lines()
        .filter(|line| line.starts_with("cloudtrail-invictus,"))
    {
        let cells: Vec<&str> = line.split(',').collect();
        if cells[7] == "1" {
            let events = expected.entry(cells[5].to_owned()).or_default();
            events.insert(cells[4].to_owned());
        }
    }
    expected
}

#[tokio::test(flavor = "multi_thread")]
async fn published_rules_find_the_real_attack() {
    let Some(data) = shared_data() else { return };
    let world = World::new().await;
    world.tenant("initech", &["aws:123837392027"]).await;
    let responder = world.member("initech", "responder").await;
    let expected = expected(&data);
    let mut rules = BTreeMap::new();
    for path in expected.keys() {
        let text = std::fs::read_to_string(data.join("sigma-rules").join(path)).unwrap();
        let made = responder.rules().create(NewRule::from(text)).await.unwrap();
        rules.insert(made.name, path.clone());
    }
    let own = responder
        .rules()
        .create(NewRule::from(EXFILTRATION.to_owned()))
        .await
        .unwrap();
    for (number, file) in std::fs::read_dir(data.join("cloudtrail-invictus"))
        .unwrap()
        .enumerate()
    {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "gz") {
            continue;
        }
        let opened = std::fs::File::open(&path).unwrap();
        let cut = cordon_client::ingest::Cut::new("sources/aws-cloudtrail", "aws.cloudtrail");
        let batches = cordon_client::ingest::read(opened, &format!("file-{number}"), &cut).unwrap();
        let mut outcomes = world.operator.ingest().send(&cut, batches);
        while let Some(outcome) = outcomes.next().await {
            outcome.unwrap();
        }
    }
    let published: usize = expected.values().map(BTreeSet::len).sum();
    // What the test over the past finds is what the look at what came in has found.
    let shared: Vec<_> = responder
        .rules()
        .test(RuleTest::of_rule(&own.name))
        .collect()
        .await;
    assert_eq!(
        shared.len(),
        3,
        "an image is shared, and volumes made of a shared snapshot"
    );
    let all = i64::try_from(published + shared.len()).unwrap();
    let findings = found(&responder, all).await;
    let mut counts: BTreeMap<&str, i64> = BTreeMap::new();
    for finding in &findings {
        let path = rules.get(&finding.rule).map_or("own", String::as_str);
        *counts.entry(path).or_default() += finding.count;
    }
    for (path, events) in &expected {
        let count = counts.get(path.as_str()).copied().unwrap_or_default();
        assert_eq!(count, i64::try_from(events.len()).unwrap(), "{path}");
    }
    assert!(counts["rules/cloud/aws/cloudtrail/aws_cloudtrail_disable_logging.yml"] > 0);
    assert!(findings.len() < published, "{} findings", findings.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_of_the_providers_finds_in_each_customer_its_own() {
    let world = World::new().await;
    let rules = world.operator.provider_rules();
    let rule = rules.publish(EXFILTRATION.to_owned(), false).await.unwrap();
    world.tenant("initech", &[A]).await;
    world.tenant("hooli", &[B]).await;
    let (initech, hooli) = (
        world.member("initech", "responder").await,
        world.member("hooli", "responder").await,
    );
    let shared = |id: &str, account| {
        trail(&Call {
            operation: "ModifySnapshotAttribute",
            parameters: json!({ "createVolumePermission": { "add": {} } }),
            ..Call::own(id, account)
        })
    };
    world
        .send("aws.cloudtrail", "two", &[shared("1", A), shared("2", B)])
        .await;
    let (mine, theirs) = (found(&initech, 1).await, found(&hooli, 1).await);
    assert!(!format!("{mine:?}").contains("200000000002"));
    assert!(!format!("{theirs:?}").contains("100000000001"));

    // One of them switches it off for itself.
    let id = rule.name.replace("providerRules/", "");
    let off = RuleChanges {
        enabled: Some(false),
        ..RuleChanges::default()
    };
    let off = initech.rules().update(&id, off, "").await.unwrap();
    assert_eq!(off.origin(), RuleOrigin::Provider);
    let refused = initech.rules().delete(&id, "").await.unwrap_err();
    assert_eq!(*refused.reason(), Reason::FailedPrecondition);
    world
        .send("aws.cloudtrail", "four", &[shared("3", A), shared("4", B)])
        .await;
    found(&hooli, 2).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    found(&initech, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_customer_tells_raises_lowers_and_explains_and_is_its_own() {
    let world = World::new().await;
    world.tenant("initech", &[A]).await;
    world.tenant("hooli", &[B]).await;
    let (initech, hooli) = (
        world.member("initech", "responder").await,
        world.member("hooli", "responder").await,
    );
    for one in [&initech, &hooli] {
        let new = NewRule::from(EXFILTRATION.to_owned());
        one.rules().create(new).await.unwrap();
    }
    // The snapshot is a crown jewel of initech's; what is done to the other one is planned.
    let jewel = ContextAbout::Asset(Asset {
        identifiers: vec!["snap-0jewel".to_owned()],
        role: "payroll".to_owned(),
        crown_jewel: true,
        ..Asset::default()
    });
    let jewel = initech.context().create("Payroll", "", jewel).await;
    let jewel = jewel.unwrap();
    let time = |text: &str| Some(cordon_client::time::to_proto(text.parse().unwrap()));
    let work = ContextAbout::PlannedWork(PlannedWork {
        start_time: time("2026-03-01T09:00:00Z"),
        end_time: time("2026-03-01T13:30:00Z"),
        principals: vec![format!("arn:aws:iam::{}:user/*", &A[4..])],
        operations: vec!["ModifySnapshotAttribute".to_owned()],
        reference: "CHG-7".to_owned(),
        ..PlannedWork::default()
    });
    let planned = initech.context().create("Migration", "", work).await;
    let planned = planned.unwrap();
    let shared = |id: &str, account, snapshot: &str, time| {
        trail(&Call {
            operation: "ModifySnapshotAttribute",
            parameters: json!({ "snapshotId": snapshot, "createVolumePermission": { "add": {} } }),
            time,
            ..Call::own(id, account)
        })
    };
    // Three hours, three findings; and hooli's, of which initech's word says nothing.
    let records = [
        shared("1", A, "snap-0jewel", "2026-03-01T10:10:00Z"),
        shared("2", A, "snap-0other", "2026-03-01T12:10:00Z"),
        shared("3", A, "snap-0other", "2026-03-01T14:10:00Z"),
        shared("4", B, "snap-0jewel", "2026-03-01T12:10:00Z"),
    ];
    world.send("aws.cloudtrail", "four", &records).await;
    let mut mine = found(&initech, 3).await;
    mine.sort_by_key(|finding| finding.start_time.map(|time| time.seconds));
    let [raised, lowered, outside] = mine.as_slice() else {
        panic!("{mine:?}");
    };
    assert_eq!(
        (raised.level(), raised.rule_level()),
        (Level::Critical, Level::High)
    );
    assert_eq!(raised.explanations[0].kind(), ExplanationKind::CrownJewel);
    assert_eq!(raised.explanations[0].context_entry, jewel.name);
    assert_eq!(raised.explanations[0].matched_value, "snap-0jewel");
    assert_eq!(
        (lowered.level(), lowered.rule_level()),
        (Level::Medium, Level::High)
    );
    assert_eq!(lowered.explanations[0].context_entry, planned.name);
    assert!(lowered.explanations[0].text.contains("CHG-7"));
    assert_eq!(
        (outside.level(), outside.explanations.len()),
        (Level::High, 0)
    );
    let whole = initech.findings().get(&raised.name).await.unwrap();
    let event: serde_json::Value = serde_json::from_str(&whole.ocsf_json).unwrap();
    assert_eq!(event["severity_id"], 5);
    assert_eq!(event["enrichments"][0]["type"], "crown_jewel");

    let theirs = found(&hooli, 1).await;
    assert_eq!(
        (theirs[0].level(), theirs[0].explanations.len()),
        (Level::High, 0)
    );
    let refused = hooli.context().get(&jewel.name).await.unwrap_err();
    assert_eq!(*refused.reason(), Reason::PermissionDenied);
    let told = hooli.context().list(Some(ContextKind::Asset));
    assert_eq!(told.count().await, 0);
}
