//! The room against a kernel and a lake in a temporary folder: everything but the network is real.

use std::sync::Arc;

use cordon_kernel::Action;
use cordon_kernel::db::jobs::{DETECT, JobClaim, JobRunner, Lane};
use cordon_lake::{Lake, LakeConfig, SealMode};
use cordon_proto::detection as wire;
use cordon_proto::detection::findings_service_server::FindingsService as _;
use cordon_proto::detection::rules_service_server::RulesService as _;
use cordon_proto::events::EventView;
use cordon_views::SourceType;
use jiff::SignedDuration;
use serde_json::{Value, json};
use tokio_stream::StreamExt as _;
use tonic::{Request, Status};

use super::{FindingsRpc, RuleSets, RulesRpc, look};
use crate::rooms::events::{Directory, Ingest};
use crate::rooms::tenants::tests::{Actor, World, call, fields, reason};
use crate::transport::Caller;

struct Room {
    world: World,
    lake: Arc<Lake>,
    ingest: Ingest,
    runner: JobRunner,
    sets: RuleSets,
    rules: RulesRpc,
    findings: FindingsRpc,
    responder: Actor,
    batches: u32,
    _folder: tempfile::TempDir,
}

/// Turns logging off.
const STOPPED: &str = "title: Logging stopped\nid: 11111111-2222-4333-8444-555555555555\n\
    author: An author\nlogsource:\n    product: aws\n    service: cloudtrail\ndetection:\n    \
    stop:\n        eventSource: cloudtrail.amazonaws.com\n        eventName: [StopLogging, DeleteTrail]\n    \
    condition: stop\nlevel: high\ntags:\n    - attack.t1562.008\n    - attack.defense-impairment\n";

/// Three failures from one address.
const FAILURES: &str = "title: Many failures\nname: many\ncorrelation:\n    type: event_count\n    \
    rules: [failure]\n    group-by: [sourceIPAddress]\n    timespan: 5m\n    condition:\n        \
    gte: 3\nlevel: medium\n---\ntitle: A failure\nname: failure\nlogsource:\n    product: aws\n    \
    service: cloudtrail\ndetection:\n    denied:\n        errorCode: AccessDenied\n    condition: denied\n";

impl Room {
    async fn new() -> Self {
        let world = World::new().await;
        for (tenant, account) in [("acme", "aws:111111111111"), ("globex", "aws:222222222222")] {
            world.tenant(tenant).await;
            world.account(tenant, account).await;
        }
        world.source("trail").await;
        let folder = tempfile::tempdir().unwrap();
        let objects = cordon_lake::object::Objects::local(folder.path()).unwrap();
        let kernel = || Arc::clone(&world.kernel);
        let lake = Lake::new(kernel(), objects, LakeConfig::default()).unwrap();
        let lake = Arc::new(lake);
        Self {
            ingest: Ingest::new(kernel(), Arc::new(Directory::default())),
            runner: world.kernel.job_runner().unwrap(),
            sets: RuleSets::default(),
            rules: RulesRpc::new(kernel(), Arc::clone(&lake)),
            findings: FindingsRpc::new(kernel()),
            responder: world.member("tenants/acme", "responder").await,
            batches: 0,
            _folder: folder,
            lake,
            world,
        }
    }

    async fn request<T>(&self, actor: &Actor, message: T) -> Result<Request<T>, Status> {
        self.world.request(actor, message).await
    }

    async fn create(&self, text: &str) -> Result<wire::Rule, Status> {
        let request = wire::CreateRuleRequest {
            parent: "tenants/acme".into(),
            rule: Some(wire::Rule {
                text: text.into(),
                ..Default::default()
            }),
            ..Default::default()
        };
        let made = call!(self, &self.responder, rules.create_rule(request))?;
        Ok(made.rule.unwrap())
    }

    async fn change(&self, rule: wire::Rule, paths: &[&str]) -> Result<wire::Rule, Status> {
        let request = wire::UpdateRuleRequest {
            rule: Some(rule),
            update_mask: Some(prost_types::FieldMask {
                paths: paths.iter().map(|&path| path.to_owned()).collect(),
            }),
            ..Default::default()
        };
        let changed = call!(self, &self.responder, rules.update_rule(request))?;
        Ok(changed.rule.unwrap())
    }

    /// Stores records, one batch.
    async fn send(&mut self, records: Vec<Value>) {
        let request = self.request(&self.world.operator, ()).await.unwrap();
        let source = "trail".parse().unwrap();
        let (scope, _) = Caller::of(&request)
            .unwrap()
            .ingest_scope(&self.world.kernel, &source, Action::IngestEvents)
            .await
            .unwrap();
        self.batches += 1;
        let batch = crate::rooms::events::testing::batch(
            format!("b{}", self.batches),
            SourceType::AwsCloudTrail,
            records
                .into_iter()
                .map(|record| record.to_string().into())
                .collect(),
        );
        let stored = self.ingest.store(&scope, batch).await.unwrap();
        assert_eq!(stored.rejected, 0);
    }

    async fn claim(&self) -> Option<JobClaim> {
        // What comes in within a moment is looked at together.
        self.world.clock.advance(SignedDuration::from_secs(1));
        let lease = SignedDuration::from_secs(30);
        let db = self.world.kernel.db();
        let claimed = db.claim_jobs(&self.runner, Lane::Detection, lease, 1).await;
        claimed.unwrap().pop()
    }

    /// Looks at what came in until nothing is left.
    async fn look(&self) {
        for _ in 0..100 {
            let Some(claim) = self.claim().await else {
                return;
            };
            assert_eq!(claim.job(), DETECT);
            let db = self.world.kernel.db();
            match look(&self.world.kernel, &self.lake, &self.sets, &claim)
                .await
                .unwrap()
            {
                None => db.job_done(claim).await.unwrap(),
                Some(due) => {
                    db.job_next(claim, due).await.unwrap();
                    let wait = due.duration_since(self.world.kernel.env().now());
                    self.world.clock.advance(wait.max(SignedDuration::ZERO));
                }
            }
        }
        panic!("there is always more to look at");
    }

    async fn found(&self) -> Vec<wire::Finding> {
        let request = wire::ListFindingsRequest {
            parent: "tenants/acme".into(),
            ..Default::default()
        };
        let found = call!(self, &self.responder, findings.list_findings(request));
        found.unwrap().findings
    }

    async fn test(
        &self,
        request: wire::TestRuleRequest,
    ) -> Result<(Vec<wire::RuleHit>, wire::RuleTestSummary), Status> {
        let request = wire::TestRuleRequest {
            parent: "tenants/acme".into(),
            view: EventView::Columns.into(),
            ..request
        };
        let mut feed = call!(self, &self.responder, rules.test_rule(request))?;
        let (mut hits, mut end) = (Vec::new(), None);
        while let Some(part) = feed.next().await {
            match part?.result.unwrap() {
                wire::test_rule_response::Result::Hit(hit) => hits.push(hit),
                wire::test_rule_response::Result::Summary(summary) => end = Some(summary),
            }
        }
        Ok((hits, end.unwrap()))
    }
}

/// A call at a second of New Year's Eve's last hour.
fn record(id: u32, second: u32, operation: &str) -> Value {
    json!({
        "eventVersion": "1.08",
        "userIdentity": {
            "type": "IAMUser", "accountId": "111111111111", "userName": "ana",
            "arn": "arn:aws:iam::111111111111:user/ana",
        },
        "eventTime": format!("2025-12-31T23:{:02}:{:02}Z", second / 60, second % 60),
        "eventSource": "cloudtrail.amazonaws.com",
        "eventName": operation,
        "awsRegion": "eu-central-1",
        "sourceIPAddress": "198.51.100.7",
        "eventID": format!("e{id}"),
        "recipientAccountId": "111111111111",
    })
}

fn with(mut record: Value, key: &str, value: &str) -> Value {
    record[key] = json!(value);
    record
}

#[tokio::test]
async fn what_a_rule_is_after_becomes_one_finding() {
    let mut room = Room::new().await;
    let rule = room.create(STOPPED).await.unwrap();
    assert_eq!((rule.title.as_str(), rule.version), ("Logging stopped", 1));
    assert_eq!(rule.techniques, ["T1562.008"]);
    assert_eq!(rule.author, "An author");
    assert_eq!(rule.filters.len(), 1);
    room.send(vec![
        record(1, 0, "StopLogging"),
        record(2, 1, "DescribeTrails"),
    ])
    .await;
    room.look().await;
    room.send(vec![
        record(3, 5, "DeleteTrail"),
        record(3, 5, "DeleteTrail"),
    ])
    .await;
    room.look().await;
    // The same event once more, in another batch.
    room.send(vec![record(1, 0, "StopLogging")]).await;
    room.look().await;
    let found = room.found().await;
    let [finding] = found.as_slice() else {
        panic!("{found:?}");
    };
    assert_eq!((finding.count, finding.events.len()), (2, 2));
    assert_eq!(finding.rule, rule.name);
    assert_eq!(finding.actor, "arn:aws:iam::111111111111:user/ana");
    assert_eq!(finding.source_address, "198.51.100.7");
    assert_eq!(finding.operation, "StopLogging");
    assert_eq!(finding.status(), wire::FindingStatus::New);
    assert_eq!(finding.level(), wire::Level::High);
    let span = (
        finding.start_time.unwrap().seconds,
        finding.end_time.unwrap().seconds,
    );
    assert_eq!(span.1 - span.0, 5);
    // Nobody else has any.
    let globex = room.world.member("tenants/globex", "reader").await;
    let request = wire::ListFindingsRequest {
        parent: "tenants/globex".into(),
        ..Default::default()
    };
    let others = call!(room, &globex, findings.list_findings(request));
    assert_eq!(others.unwrap().findings, []);
}

#[tokio::test]
async fn what_was_kept_is_not_found_again_and_what_was_not_is() {
    let mut room = Room::new().await;
    room.create(STOPPED).await.unwrap();
    room.send(vec![record(1, 0, "StopLogging")]).await;
    let lost = room.claim().await.unwrap();
    // The server that has the claim hangs; another takes over when its lease is over.
    room.world.clock.advance(SignedDuration::from_secs(31));
    let second = room.claim().await.unwrap();
    look(&room.world.kernel, &room.lake, &room.sets, &second)
        .await
        .unwrap();
    let late = look(&room.world.kernel, &room.lake, &room.sets, &lost).await;
    // Everything was looked at, so that there is nothing left to keep.
    assert_eq!(late.unwrap(), None);
    room.send(vec![record(2, 1, "StopLogging")]).await;
    let late = look(&room.world.kernel, &room.lake, &room.sets, &lost).await;
    assert_eq!(late.unwrap_err().reason().as_str(), "ETAG_MISMATCH");
    room.world
        .kernel
        .db()
        .job_next(second, room.world.kernel.env().now())
        .await
        .unwrap();
    room.look().await;
    let found = room.found().await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].count, 2);
}

#[tokio::test]
async fn counting_goes_on_where_it_stood() {
    let mut room = Room::new().await;
    room.create(FAILURES).await.unwrap();
    let denied = |id, second, from: &str| {
        let record = with(record(id, second, "ListUsers"), "errorCode", "AccessDenied");
        with(record, "sourceIPAddress", from)
    };
    for (id, second, from) in [
        (1, 0, "198.51.100.7"),
        (2, 10, "198.51.100.8"),
        (3, 20, "198.51.100.7"),
    ] {
        room.send(vec![denied(id, second, from)]).await;
        room.look().await;
        // A server that begins anew knows what the one before remembered.
        room.sets = RuleSets::default();
    }
    assert_eq!(room.found().await, []);
    room.send(vec![
        denied(4, 200, "198.51.100.7"),
        denied(5, 201, "198.51.100.7"),
    ])
    .await;
    room.look().await;
    let found = room.found().await;
    let [finding] = found.as_slice() else {
        panic!("{found:?}");
    };
    assert_eq!(finding.count, 3);
    assert_eq!(finding.group[0].field, "sourceIPAddress");
    assert_eq!(finding.group[0].value, "198.51.100.7");

    let (hits, summary) = room
        .test(wire::TestRuleRequest {
            rule: Some(wire::test_rule_request::Rule::Text(FAILURES.into())),
            ..Default::default()
        })
        .await
        .unwrap();
    assert_eq!((hits.len(), summary.hit_count, summary.cut), (1, 1, false));
    assert_eq!(hits[0].group, ["198.51.100.7"]);
    let names: Vec<&str> = hits[0]
        .events
        .iter()
        .map(|event| event.name.as_str())
        .collect();
    assert_eq!(names, finding.events);
}

#[tokio::test]
async fn exceptions_mutes_and_switches_hold() {
    let mut room = Room::new().await;
    let mut rule = room.create(STOPPED).await.unwrap();
    rule.exceptions = vec!["actor LIKE '%/ana'".into(), "region = 'nowhere'".into()];
    let rule = room.change(rule, &["exceptions"]).await.unwrap();
    assert_eq!(rule.version, 1);
    room.send(vec![record(1, 0, "StopLogging")]).await;
    room.look().await;
    assert_eq!(room.found().await, []);

    let mut muted = rule.clone();
    muted.exceptions.clear();
    let until = room.world.kernel.env().now() + SignedDuration::from_hours(1);
    muted.muted_until = Some(crate::rooms::fields::wire_time(until));
    let rule = room
        .change(muted, &["exceptions", "muted_until"])
        .await
        .unwrap();
    room.send(vec![record(2, 1, "StopLogging")]).await;
    room.look().await;
    let found = room.found().await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].status(), wire::FindingStatus::Suppressed);

    let mut off = rule.clone();
    off.enabled = false;
    let off = room.change(off, &["enabled"]).await.unwrap();
    room.send(vec![record(3, 2, "StopLogging")]).await;
    room.look().await;
    assert_eq!(room.found().await[0].count, 1);

    // What came while it was off is not looked at by it later.
    let on = room
        .change(
            wire::Rule {
                enabled: true,
                ..off
            },
            &["enabled"],
        )
        .await
        .unwrap();
    room.send(vec![record(4, 3, "StopLogging")]).await;
    room.look().await;
    assert_eq!(room.found().await[0].count, 2);

    let stale = wire::Rule {
        enabled: false,
        etag: rule.etag.clone(),
        ..on.clone()
    };
    assert_eq!(
        reason(room.change(stale, &["enabled"]).await),
        "ETAG_MISMATCH"
    );
    let text = STOPPED.replace("DeleteTrail", "PutEventSelectors");
    let newer = room
        .change(wire::Rule { text, ..on }, &["text"])
        .await
        .unwrap();
    assert_eq!(newer.version, 2);
    let request = wire::ListRuleVersionsRequest {
        parent: newer.name.clone(),
    };
    let versions = call!(room, &room.responder, rules.list_rule_versions(request))
        .unwrap()
        .versions;
    assert_eq!(
        versions.iter().map(|one| one.version).collect::<Vec<_>>(),
        [2, 1]
    );
    assert_eq!(versions[1].text, STOPPED);
    let request = wire::DeleteRuleRequest {
        name: newer.name.clone(),
        ..Default::default()
    };
    call!(room, &room.responder, rules.delete_rule(request)).unwrap();
    let request = wire::GetRuleRequest { name: newer.name };
    assert_eq!(
        reason(call!(room, &room.responder, rules.get_rule(request))),
        "NOT_FOUND"
    );
    // What it found stays.
    assert_eq!(room.found().await.len(), 1);
}

#[tokio::test]
async fn what_cannot_be_a_rule_is_refused_with_its_place() {
    let room = Room::new().await;
    let error = room
        .create(&STOPPED.replace("eventName:", "eventName|contian:"))
        .await
        .unwrap_err();
    assert_eq!(
        crate::rooms::tenants::tests::reason_of(&error),
        "INVALID_RULE"
    );
    assert!(
        error.message().starts_with("line 10, column 18:"),
        "{}",
        error.message()
    );
    let answer = room.create(&"x".repeat(100_000)).await;
    assert_eq!(reason(answer), "INVALID_RULE");
    assert_eq!(fields(room.create(" ").await), ["rule.text"]);
    // A rule that becomes too large a filter.
    let many: Vec<String> = (0..1_200).map(|n| format!("        f{n}: x")).collect();
    let text = STOPPED.replace(
        "        eventName: [StopLogging, DeleteTrail]",
        &many.join("\n"),
    );
    let error = room.create(&text).await.unwrap_err();
    assert!(error.message().contains("operators"), "{}", error.message());
    let rule = room.create(STOPPED).await.unwrap();
    let bad = wire::Rule {
        exceptions: vec!["actor ==".into()],
        ..rule
    };
    let error = room.change(bad, &["exceptions"]).await.unwrap_err();
    assert_eq!(
        crate::rooms::tenants::tests::reason_of(&error),
        "INVALID_FILTER"
    );
    let reader = room.world.member("tenants/acme", "reader").await;
    let request = wire::CreateRuleRequest {
        parent: "tenants/acme".into(),
        rule: Some(wire::Rule {
            text: STOPPED.into(),
            ..Default::default()
        }),
        ..Default::default()
    };
    let answer = call!(room, &reader, rules.create_rule(request));
    assert_eq!(reason(answer), "PERMISSION_DENIED");
}

#[tokio::test]
async fn a_test_finds_what_is_past_and_keeps_nothing() {
    let mut room = Room::new().await;
    room.send((0..30).map(|id| record(id, id, "StopLogging")).collect())
        .await;
    room.look().await;
    let (scope, _) =
        room.world
            .kernel
            .maintenance_scope(&room.runner, &"acme".parse().unwrap(), "test");
    room.lake.seal(&scope, None, SealMode::All).await.unwrap();
    room.send((30..40).map(|id| record(id, id, "StopLogging")).collect())
        .await;
    let text = |max_hits| wire::TestRuleRequest {
        rule: Some(wire::test_rule_request::Rule::Text(STOPPED.into())),
        max_hits,
        ..Default::default()
    };
    let (hits, summary) = room.test(text(0)).await.unwrap();
    assert_eq!(
        (hits.len(), summary.hit_count, summary.cut),
        (40, 40, false)
    );
    assert_eq!(summary.filters.len(), 1);
    let (hits, summary) = room.test(text(7)).await.unwrap();
    assert_eq!((hits.len(), summary.cut), (7, true));
    assert_eq!(
        hits[0].events[0].columns.as_ref().unwrap().operation,
        "StopLogging"
    );
    let until = wire::TestRuleRequest {
        end_time: Some(prost_types::Timestamp {
            seconds: 1_767_222_010,
            nanos: 0,
        }),
        ..text(0)
    };
    assert_eq!(room.test(until).await.unwrap().0.len(), 10);
    assert_eq!(room.found().await, []);

    // A rule begins with what comes in from then on, and its test has its exceptions.
    let mut rule = room.create(STOPPED).await.unwrap();
    rule.exceptions = vec!["event_id = 'e3'".into()];
    let rule = room.change(rule, &["exceptions"]).await.unwrap();
    let named = wire::TestRuleRequest {
        rule: Some(wire::test_rule_request::Rule::Name(rule.name.clone())),
        ..Default::default()
    };
    assert_eq!(room.test(named).await.unwrap().0.len(), 39);
    let others = wire::TestRuleRequest {
        rule: Some(wire::test_rule_request::Rule::Name(
            rule.name.replace("acme", "globex"),
        )),
        ..Default::default()
    };
    assert_eq!(
        reason(room.test(others).await.map(drop)),
        "PERMISSION_DENIED"
    );
}

#[tokio::test]
async fn an_exception_that_fails_on_an_event_hides_nothing() {
    let mut room = Room::new().await;
    let mut rule = room.create(STOPPED).await.unwrap();
    rule.exceptions = vec!["CAST(json_get_str(raw, 'requestID') AS BIGINT) > 5".into()];
    room.change(rule, &["exceptions"]).await.unwrap();
    let named = |id, request: &str| with(record(id, id, "StopLogging"), "requestID", request);
    room.send(vec![named(1, "7"), named(2, "no number"), named(3, "3")])
        .await;
    room.look().await;
    let found = room.found().await;
    assert_eq!((found.len(), found[0].count), (1, 2), "{found:?}");
}

#[tokio::test]
async fn rules_hold_only_so_many_regular_expressions() {
    let room = Room::new().await;
    let with = |count: usize| {
        let regexes: Vec<String> = (0..count).map(|n| format!("'x{n}+'")).collect();
        STOPPED.replace(
            "        eventName: [StopLogging, DeleteTrail]",
            &format!("        userAgent|re: [{}]", regexes.join(", ")),
        )
    };
    let error = room.create(&with(65)).await.unwrap_err();
    assert!(
        error.message().contains("at most 64"),
        "{}",
        error.message()
    );
    for _ in 0..8 {
        room.create(&with(64)).await.unwrap();
    }
    assert_eq!(reason(room.create(&with(1)).await), "QUOTA_EXCEEDED");
    room.create(STOPPED).await.unwrap();
}

#[tokio::test]
async fn findings_are_followed_and_answered() {
    let mut room = Room::new().await;
    room.create(STOPPED).await.unwrap();
    let request = wire::WatchFindingsRequest {
        parent: "tenants/acme".into(),
        cursor: None,
    };
    let mut feed = call!(room, &room.responder, findings.watch_findings(request)).unwrap();
    let first = feed.next().await.unwrap().unwrap();
    assert_eq!((first.findings.len(), first.cursor), (0, 0));
    room.send(vec![record(1, 0, "StopLogging")]).await;
    room.look().await;
    let told = feed.next().await.unwrap().unwrap();
    assert_eq!(told.findings.len(), 1);
    let finding = &told.findings[0];
    assert_eq!(told.cursor, finding.sequence);

    let say = |status: wire::FindingStatus, comment: &str, etag: &str| wire::UpdateFindingRequest {
        name: finding.name.clone(),
        status: status.into(),
        comment: comment.into(),
        etag: etag.into(),
    };
    let done = say(wire::FindingStatus::Resolved, "our own test", &finding.etag);
    let answer = call!(room, &room.responder, findings.update_finding(done)).unwrap();
    let after = answer.finding.unwrap();
    assert_eq!(after.comment, "our own test");
    let stale = say(wire::FindingStatus::New, "", &finding.etag);
    let answer = call!(room, &room.responder, findings.update_finding(stale));
    assert_eq!(reason(answer), "ETAG_MISMATCH");
    let told = feed.next().await.unwrap().unwrap();
    assert_eq!(told.findings[0].status(), wire::FindingStatus::Resolved);

    // It goes on: somebody has to look again. Whoever comes back with a cursor misses nothing.
    room.send(vec![record(2, 1, "StopLogging")]).await;
    room.look().await;
    let request = wire::WatchFindingsRequest {
        parent: "tenants/acme".into(),
        cursor: Some(0),
    };
    let mut feed = call!(room, &room.responder, findings.watch_findings(request)).unwrap();
    feed.next().await.unwrap().unwrap();
    let told = feed.next().await.unwrap().unwrap();
    assert_eq!(told.findings.len(), 1);
    assert_eq!(told.findings[0].status(), wire::FindingStatus::New);
    assert_eq!(told.findings[0].count, 2);

    let event: Value = serde_json::from_str(&told.findings[0].ocsf_json).unwrap();
    assert_eq!(
        (event["class_uid"].as_i64(), event["count"].as_i64()),
        (Some(2004), Some(2))
    );
    assert_eq!(
        event["finding_info"]["attacks"][0]["sub_technique"]["uid"],
        "T1562.008"
    );
    let ahead = wire::WatchFindingsRequest {
        parent: "tenants/acme".into(),
        cursor: Some(99),
    };
    let answer = call!(room, &room.responder, findings.watch_findings(ahead));
    assert_eq!(reason(answer.map(drop)), "INVALID_ARGUMENT");
}

#[tokio::test]
async fn many_names_make_no_flood() {
    let mut room = Room::new().await;
    room.create(STOPPED).await.unwrap();
    let records = (0..1_000).map(|id| {
        let mut record = record(id, id % 60, "StopLogging");
        record["userIdentity"]["arn"] = json!(format!("arn:aws:iam::111111111111:user/u{id}"));
        record
    });
    room.send(records.collect()).await;
    room.look().await;
    let request = wire::ListFindingsRequest {
        parent: "tenants/acme".into(),
        page_size: 1_000,
        ..Default::default()
    };
    let found = call!(room, &room.responder, findings.list_findings(request))
        .unwrap()
        .findings;
    assert_eq!(found.len(), 201);
    assert_eq!(
        found.iter().map(|finding| finding.count).sum::<i64>(),
        1_000
    );
}
