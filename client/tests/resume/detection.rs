//! What the client asks about rules and findings, and what it does when that goes wrong on the way.

use std::collections::HashSet;

use cordon_client::{
    DetectionPolicyChanges, Entry, FindingFilter, FindingStatus, Level, NewRule, Reason,
    RuleChanges, RuleHit, RuleTest, View,
};
use cordon_proto::detection as wire;
use cordon_proto::detection::test_rule_response::Result as Part;
use cordon_proto::events::{Event, EventColumns};
use futures::{StreamExt as _, TryStreamExt as _};
use tonic::{Code, Status};

use super::fake::Fake;
use super::fake::detection::{ID, end, finding};
use super::incidents::{asked, marks};
use super::refusal;

pub(crate) fn rule() -> String {
    format!("tenants/acme/rules/{ID}")
}

pub(crate) fn found() -> String {
    format!("tenants/acme/findings/{ID}")
}

fn new(text: &str) -> NewRule {
    NewRule::from(text.to_owned())
}

pub(crate) fn hit(ids: &[&str], group: &[&str]) -> Result<wire::TestRuleResponse, Status> {
    let event = |id: &&str| Event {
        name: format!("tenants/acme/events/{id}"),
        ocsf_json: format!("{{ \"id\":\"{id}\" }}"),
        columns: Some(EventColumns {
            operation: "Stop\u{1b}[2J".to_owned(),
            actor: "example".to_owned(),
            ..EventColumns::default()
        }),
        ..Event::default()
    };
    let hit = wire::RuleHit {
        events: ids.iter().map(event).collect(),
        group: group.iter().map(|value| (*value).to_owned()).collect(),
    };
    Ok(wire::TestRuleResponse {
        result: Some(Part::Hit(hit)),
    })
}

#[tokio::test]
async fn each_call_says_what_is_meant() {
    let fake = Fake::start().await;
    let client = fake.client().await;
    let rules = client.rules();
    let text = "title: Trail stopped";
    let disabled = NewRule {
        disabled: true,
        ..new(text)
    };
    let made = rules.create(disabled).await.unwrap();
    assert_eq!(made.name, rule());
    assert_eq!(rules.get(ID).await.unwrap().name, rule());
    assert_eq!(
        rules.by_title("deleted").await.unwrap().title,
        "Trail deleted"
    );
    let changes = RuleChanges {
        enabled: Some(false),
        ..RuleChanges::default()
    };
    rules.update(ID, changes, "e1").await.unwrap();
    assert_eq!(rules.versions(&rule()).await.unwrap().len(), 2);
    rules.delete(ID, "e1").await.unwrap();
    let name = rule();
    assert_eq!(
        asked(&fake.script),
        [
            "create_rule tenants/acme \"title: Trail stopped\" true".to_owned(),
            format!("get_rule {name}"),
            "list_rules tenants/acme 100 ".to_owned(),
            "list_rules tenants/acme 100 two".to_owned(),
            format!("update_rule {name} [\"enabled\"] \"\" false [] false \"e1\""),
            format!("versions {name}"),
            format!("delete_rule {name} \"e1\""),
        ]
    );

    let findings = client.findings();
    findings.get(ID).await.unwrap();
    let filter = FindingFilter {
        statuses: vec![FindingStatus::New, FindingStatus::InProgress],
        min_level: Some(Level::High),
    };
    let all: Vec<_> = findings.list(filter).try_collect().await.unwrap();
    assert_eq!(
        all.iter().map(|one| one.sequence).collect::<Vec<_>>(),
        [4, 3]
    );
    let set = findings.update(ID, FindingStatus::Resolved, "rotated", "e1");
    assert_eq!(set.await.unwrap().status(), FindingStatus::Resolved);
    let name = found();
    assert_eq!(
        asked(&fake.script),
        [
            format!("get_finding {name}"),
            "list_findings tenants/acme [1, 2] 4 100 ".to_owned(),
            "list_findings tenants/acme [1, 2] 4 100 two".to_owned(),
            format!("update_finding {name} FINDING_STATUS_RESOLVED \"rotated\" \"e1\""),
        ]
    );
}

#[tokio::test]
async fn a_call_is_repeated_under_its_id_or_not_at_all() {
    let fake = Fake::start().await;
    let client = fake.client().await;
    let rules = client.rules();
    let busy = || {
        let busy = [Status::unavailable("busy"), Status::unavailable("busy")];
        *fake.script.incident_failures.lock().unwrap() = busy.into();
    };
    busy();
    rules.create(new("title: a")).await.unwrap();
    let first = marks(&fake.script);
    assert_eq!(first.len(), 3);
    assert_eq!(first.iter().collect::<HashSet<_>>().len(), 1);

    busy();
    let changes = RuleChanges {
        enabled: Some(true),
        ..RuleChanges::default()
    };
    rules.update(ID, changes, "").await.unwrap();
    let second = marks(&fake.script);
    assert_eq!(second.len(), 3);
    assert_eq!(second.iter().collect::<HashSet<_>>().len(), 1);
    assert_ne!(first[0], second[0]);

    asked(&fake.script);
    busy();
    rules.delete(ID, "").await.unwrap();
    busy();
    let findings = client.findings();
    let set = findings.update(ID, FindingStatus::New, "", "");
    set.await.unwrap();
    assert_eq!(asked(&fake.script).len(), 6);
    let marks = marks(&fake.script);
    assert_eq!(marks.len(), 6);
    assert_eq!(marks.iter().collect::<HashSet<_>>().len(), 2);

    // The provider's rules and the policy likewise.
    busy();
    let provider = client.provider_rules();
    let published = provider.publish("title: a".to_owned(), true).await.unwrap();
    assert_eq!(
        (published.text.as_str(), published.enabled),
        ("title: a", false)
    );
    busy();
    let name = published.name.clone();
    provider
        .update(&name, None, Some(true), "e1")
        .await
        .unwrap();
    busy();
    provider.withdraw(ID, "e1").await.unwrap();
    let listed: Vec<_> = provider
        .list()
        .map(|rule| rule.unwrap().name)
        .collect()
        .await;
    assert_eq!(listed, std::slice::from_ref(&name));
    assert_eq!(provider.get(ID).await.unwrap().name, name);
    busy();
    let changes = DetectionPolicyChanges {
        enabled: Some(true),
        min_level: Some(Some(Level::High)),
        ..DetectionPolicyChanges::default()
    };
    let policy = client
        .detection_policy()
        .update(changes, "e1")
        .await
        .unwrap();
    assert_eq!(
        (policy.enabled, policy.min_level),
        (true, Level::High.into())
    );
    assert_eq!(
        client.detection_policy().get().await.unwrap().name,
        policy.name
    );
    let mut calls = asked(&fake.script);
    calls.dedup();
    assert_eq!(
        calls,
        [
            "create_provider_rule true".to_owned(),
            format!("update_provider_rule {name} [\"enabled\"] \"e1\""),
            format!("delete_provider_rule {name} \"e1\""),
            "list_provider_rules 100 ".to_owned(),
            format!("get_provider_rule {name}"),
            "update_policy tenants/acme/detectionPolicy [\"enabled\", \"min_level\"] \"e1\""
                .to_owned(),
            "get_policy tenants/acme/detectionPolicy".to_owned(),
        ]
    );
}

#[tokio::test]
async fn findings_are_followed_without_loss_or_doubling() {
    let fake = Fake::start().await;
    let chunk = |sequences: &[i64], cursor| {
        Ok(wire::WatchFindingsResponse {
            findings: sequences.iter().copied().map(finding).collect(),
            cursor,
        })
    };
    fake.script.finding_watches.lock().unwrap().extend([
        vec![
            // Where now is.
            chunk(&[], 10),
            chunk(&[11, 12], 12),
            Err(Status::unavailable("going down")),
        ],
        vec![Err(refusal(Code::Unauthenticated, "UNAUTHENTICATED"))],
        // The server drains.
        vec![],
        // A heartbeat.
        vec![chunk(&[], 12), chunk(&[15], 15)],
        vec![
            chunk(&[16], 16),
            Err(refusal(Code::PermissionDenied, "PERMISSION_DENIED")),
        ],
    ]);
    let client = fake.client().await;
    let mut new = client.findings().watch(None);
    assert_eq!(new.cursor(), None);
    let mut seen = Vec::new();
    let error = loop {
        match new.try_next().await {
            Ok(Some(finding)) => seen.push((finding.sequence, new.cursor())),
            Ok(None) => panic!("a watch does not end"),
            Err(error) => break error,
        }
    };
    assert_eq!(
        seen,
        [
            (11, Some(11)),
            (12, Some(12)),
            (15, Some(15)),
            (16, Some(16))
        ]
    );
    assert_eq!(*error.reason(), Reason::PermissionDenied);
    let cursors = ["None", "Some(12)", "Some(12)", "Some(12)", "Some(15)"];
    let cursors = cursors.map(|cursor| format!("watch_findings tenants/acme {cursor}"));
    assert_eq!(asked(&fake.script), cursors);
}

#[tokio::test]
async fn a_test_is_taken_up_again_until_its_first_hit() {
    let fake = Fake::start().await;
    let lost = || Err(Status::unavailable("going down"));
    fake.script.rule_tests.lock().unwrap().extend([
        vec![lost()],
        // Without a summary an answer is not whole.
        vec![],
        vec![Err(refusal(Code::Unauthenticated, "UNAUTHENTICATED"))],
        vec![
            hit(&["a"], &[]),
            // Something of a newer server.
            Ok(wire::TestRuleResponse { result: None }),
            hit(&["b"], &[]),
            Ok(end(2, true)),
        ],
        vec![hit(&["a"], &[]), lost()],
        vec![hit(&["a"], &[])],
    ]);
    let client = fake.client().await;
    let rules = client.rules();
    let test = || RuleTest::of_text("title: a").max_hits(2).view(View::Raw);
    let mut hits = rules.test(test());
    let mut ids = Vec::new();
    while let Some(RuleHit { events, .. }) = hits.try_next().await.unwrap() {
        assert!(hits.summary().is_none());
        ids.extend(events.into_iter().map(|event| event.name));
    }
    assert_eq!(ids, ["tenants/acme/events/a", "tenants/acme/events/b"]);
    assert!(hits.summary().unwrap().cut);
    assert_eq!(*fake.script.tokens.lock().unwrap(), 2);

    // What comes of another call could have other hits before this one.
    for _ in 0..2 {
        let mut hits = rules.test(test());
        assert!(hits.try_next().await.unwrap().is_some());
        let error = hits.try_next().await.unwrap_err();
        assert_eq!(*error.reason(), Reason::Unavailable);
        assert!(hits.next().await.is_none());
        assert!(hits.summary().is_none());
    }
    let call = "test_rule tenants/acme Text(\"title: a\") None None 2 EVENT_VIEW_RAW";
    assert_eq!(asked(&fake.script), [call; 6]);

    let mut hits = rules.test(RuleTest::of_text("no title"));
    let error = hits.try_next().await.unwrap_err();
    assert_eq!(*error.reason(), Reason::InvalidRule);
    assert_eq!(error.metadata("line"), Some("2"));
    assert_eq!(asked(&fake.script).len(), 1);
}

#[tokio::test]
async fn staff_say_why_with_each_call() {
    let mut fake = Fake::start().await;
    fake.profile.tenant = None;
    let client = fake.client().await.entering(Entry::new("asked for help"));
    let name = format!("tenants/globex/rules/{ID}");
    client.rules().get(&name).await.unwrap();
    client.rules().delete(&name, "").await.unwrap();
    let mut hits = client.rules().test(RuleTest::of_rule(&name).of_no_event());
    assert!(hits.try_next().await.unwrap().is_none());
    let findings = client.for_tenant("globex").findings();
    let set = findings.update(ID, FindingStatus::New, "", "");
    set.await.unwrap();
    let metadata = std::mem::take(&mut *fake.script.metadata.lock().unwrap());
    let said = metadata.iter();
    assert!(
        said.clone()
            .all(|call| call.contains_key("cordon-enter-justification"))
    );
    assert_eq!(said.count(), 4);
    let calls = asked(&fake.script);
    assert_eq!(
        calls[2],
        format!("test_rule tenants/globex Name({name:?}) Some(0) Some(0) 1 EVENT_VIEW_OCSF")
    );

    let error = client.rules().get(ID).await.unwrap_err();
    assert_eq!(error.violations()[0].field, "parent");
    let error = client.findings().watch(None).try_next().await.unwrap_err();
    assert_eq!(error.violations()[0].field, "parent");
}
