//! The room against a kernel and a lake in a temporary folder: everything but the network is real.

mod baselines;
mod context;
mod correlations;
mod findings;
mod provider_rules;
mod rules;

use std::sync::Arc;

use cordon_kernel::Action;
use cordon_kernel::db::jobs::{DETECT, JobClaim, JobRunner, Lane};
use cordon_lake::{Lake, LakeConfig, SealMode};
use cordon_proto::detection as wire;
use cordon_proto::detection::findings_service_server::FindingsService as _;
use cordon_proto::detection::provider_rules_service_server::ProviderRulesService as _;
use cordon_proto::detection::rules_service_server::RulesService as _;
use cordon_proto::events::EventView;
use cordon_views::SourceType;
use jiff::SignedDuration;
use serde_json::{Value, json};
use tokio_stream::StreamExt as _;
use tonic::{Request, Status};

use super::sweep::sweep_beyond;
use super::{FindingsRpc, ProviderRulesRpc, RuleSets, RulesRpc, look};
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
    provider: ProviderRulesRpc,
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
            provider: ProviderRulesRpc::new(kernel(), Arc::clone(&lake)),
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
        self.found_of(&self.responder, "acme").await
    }

    async fn found_of(&self, actor: &Actor, tenant: &str) -> Vec<wire::Finding> {
        let request = wire::ListFindingsRequest {
            parent: format!("tenants/{tenant}"),
            ..Default::default()
        };
        let found = call!(self, actor, findings.list_findings(request));
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
