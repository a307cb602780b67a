//! Baselines: what is unusual becomes a finding without a rule, once, whatever happens in between.

use cordon_kernel::db::jobs::LEARN;
use cordon_kernel::{Reason, Result};
use cordon_proto::context as told;
use cordon_proto::context::context_entry::About;
use cordon_proto::context::context_service_server::ContextService as _;
use cordon_proto::detection::baselines_service_server::BaselinesService as _;

use super::super::{BaselinesRpc, learn};
use super::*;
use crate::rooms::context::ContextRpc;

struct Learner {
    room: Room,
    baselines: BaselinesRpc,
}

impl Learner {
    async fn new() -> Self {
        let room = Room::new().await;
        let baselines = BaselinesRpc::new(Arc::clone(&room.world.kernel));
        Self { room, baselines }
    }

    async fn request<T>(&self, actor: &Actor, message: T) -> Result<Request<T>, Status> {
        self.room.request(actor, message).await
    }

    async fn set(&self, enabled: bool, forget: bool) -> wire::Baselines {
        let request = wire::UpdateBaselinesRequest {
            name: "tenants/acme/baselines".into(),
            enabled,
            forget,
            etag: String::new(),
        };
        let set = call!(
            self,
            &self.room.responder,
            baselines.update_baselines(request)
        );
        set.unwrap().baselines.unwrap()
    }

    async fn get(&self) -> wire::Baselines {
        let request = wire::GetBaselinesRequest {
            name: "tenants/acme/baselines".into(),
        };
        let got = call!(self, &self.room.responder, baselines.get_baselines(request));
        got.unwrap().baselines.unwrap()
    }

    async fn claim(&self) -> Option<JobClaim> {
        self.room.world.clock.advance(SignedDuration::from_secs(61));
        let lease = SignedDuration::from_secs(30);
        let db = self.room.world.kernel.db();
        let claimed = db
            .claim_jobs(&self.room.runner, Lane::Detection, lease, 1)
            .await;
        claimed.unwrap().pop()
    }

    async fn work(&self, claim: &JobClaim) -> Result<Option<jiff::Timestamp>> {
        let kernel = &self.room.world.kernel;
        match claim.job() {
            LEARN => learn(kernel, &self.room.lake, &self.room.sets, claim).await,
            DETECT => look(kernel, &self.room.lake, &self.room.sets, claim).await,
            other => panic!("{other}"),
        }
    }

    /// Looks at what came in, and learns from it, until nothing is left.
    async fn learn(&self) {
        for _ in 0..200 {
            let Some(claim) = self.claim().await else {
                return;
            };
            let db = self.room.world.kernel.db();
            match self.work(&claim).await.unwrap() {
                None => db.job_done(claim).await.unwrap(),
                Some(due) => db.job_next(claim, due).await.unwrap(),
            }
        }
        panic!("there is always more to learn");
    }

    /// Sixteen days in which somebody does the same every hour, and a colleague too.
    async fn quiet(&mut self) {
        let mut records = Vec::new();
        for hour in 0..16 * 24_u32 {
            for (who, operation) in [("ana", "ListBuckets"), ("ben", "GetObject")] {
                records.push(usual(hour, who, operation));
            }
        }
        for records in records.chunks(200) {
            self.room.send(records.to_vec()).await;
        }
    }
}

/// A call at an hour since 15 December.
fn usual(hour: u32, who: &str, operation: &str) -> Value {
    let mut record = record(hour * 10 + u32::from(who == "ben"), 0, operation);
    record["eventTime"] = json!(format!(
        "2025-12-{:02}T{:02}:07:00Z",
        15 + hour / 24,
        hour % 24
    ));
    record["userIdentity"]["userName"] = json!(who);
    record["userIdentity"]["arn"] = json!(format!("arn:aws:iam::111111111111:user/{who}"));
    record["userAgent"] = json!("aws-cli/2.15.1");
    record
}

/// What ana never did, from where she never came.
fn strange(id: u32) -> Value {
    let mut record = usual(16 * 24 - 1, "ana", "GetSecretValue");
    record["eventID"] = json!(format!("strange-{id}"));
    record["eventTime"] = json!(format!("2025-12-31T23:{:02}:00Z", 20 + id));
    record["awsRegion"] = json!("ap-south-1");
    record["sourceIPAddress"] = json!("203.0.113.9");
    record["userAgent"] = json!("python-requests/2.31");
    record
}

#[tokio::test]
async fn what_nobody_has_a_rule_for_is_found_explained_and_found_once() {
    let mut learner = Learner::new().await;
    assert!(!learner.get().await.enabled);
    learner.quiet().await;
    // From the oldest event on, though they came before.
    assert!(learner.set(true, false).await.enabled);
    learner.learn().await;
    let learned = learner.get().await;
    assert_eq!(learned.learned_sequence, learned.head_sequence);
    assert!(learned.part_count > 0 && learned.size_bytes > 0 && learned.crowded_count == 0);
    let calm = learner.room.found().await;
    assert_eq!(calm, [], "a quiet fortnight is nothing to look at");
    learner.room.send(vec![strange(1), strange(2)]).await;
    learner.learn().await;
    let found = learner.room.found().await;
    let kinds: Vec<&str> = found
        .iter()
        .map(|one| one.unusual.as_ref().unwrap().kind.as_str())
        .collect();
    assert!(kinds.contains(&"first_seen_region"), "{kinds:?}");
    for finding in &found {
        let unusual = finding.unusual.as_ref().unwrap();
        assert_eq!(finding.rule, "");
        assert!(unusual.subject.ends_with("user/ana"), "{unusual:?}");
        assert!(!unusual.expected.is_empty() && !unusual.seen.is_empty());
        assert!(unusual.surprise_bits > 0 && !finding.events.is_empty());
        let name = finding.name.clone();
        let request = wire::GetFindingRequest { name };
        let whole = call!(
            learner.room,
            &learner.room.responder,
            findings.get_finding(request)
        );
        let ocsf = whole.unwrap().finding.unwrap().ocsf_json;
        let ocsf: Value = serde_json::from_str(&ocsf).unwrap();
        assert_eq!(ocsf["finding_info"]["analytic"]["type_id"], 2);
    }
    // The same again makes no other.
    learner.room.send(vec![strange(3)]).await;
    learner.learn().await;
    assert_eq!(learner.room.found().await.len(), found.len());
}

#[tokio::test]
async fn another_server_goes_on_where_one_ended_and_both_find_the_same() {
    let mut learner = Learner::new().await;
    learner.quiet().await;
    learner.room.send(vec![strange(1)]).await;
    learner.set(true, false).await;
    let lost = learner.claim().await.unwrap();
    assert_eq!(lost.job(), LEARN);
    // The server that has the claim hangs; another takes over when its lease is over.
    learner.learn().await;
    let found = learner.room.found().await;
    assert!(!found.is_empty());
    let refused = learner.work(&lost).await;
    assert!(
        refused.is_err_and(|error| error.reason() == Reason::EtagMismatch) || {
            // There was nothing left to keep.
            learner.room.found().await == found
        }
    );
    // Begun anew it learns the same, and makes no finding twice.
    let anew = learner.set(true, true).await;
    assert_eq!((anew.learned_sequence, anew.part_count), (0, 0));
    learner.learn().await;
    assert_eq!(learner.room.found().await.len(), found.len());
    // Off, nothing is learned or found.
    learner.set(false, false).await;
    learner.room.send(vec![strange(4)]).await;
    learner.learn().await;
    let off = learner.get().await;
    assert!(off.learned_sequence < off.head_sequence && !off.enabled);
}

#[tokio::test]
async fn what_somebody_planned_to_do_is_unusual_and_less_grave() {
    let mut learner = Learner::new().await;
    learner.quiet().await;
    learner.set(true, false).await;
    learner.learn().await;
    let time = |text: &str| {
        let time: jiff::Timestamp = text.parse().unwrap();
        Some(crate::rooms::fields::wire_time(time))
    };
    let request = told::CreateContextEntryRequest {
        parent: "tenants/acme".into(),
        context_entry: Some(told::ContextEntry {
            display_name: "Migration".into(),
            about: Some(About::PlannedWork(told::PlannedWork {
                start_time: time("2025-12-31T23:00:00Z"),
                end_time: time("2026-01-01T00:00:00Z"),
                principals: vec!["*:user/ana".into()],
                ..Default::default()
            })),
            ..Default::default()
        }),
        ..Default::default()
    };
    let context = ContextRpc::new(Arc::clone(&learner.room.world.kernel));
    let request = learner.request(&learner.room.responder, request).await;
    context
        .create_context_entry(request.unwrap())
        .await
        .unwrap();
    learner.room.send(vec![strange(1), strange(2)]).await;
    learner.learn().await;
    let found = learner.room.found().await;
    assert!(!found.is_empty());
    for finding in &found {
        assert_eq!(finding.explanations.len(), 1, "{finding:?}");
        assert_eq!(finding.level, finding.rule_level - 1, "{finding:?}");
    }
    // More of it, and it is still planned.
    learner.room.send(vec![strange(3)]).await;
    learner.learn().await;
    for finding in learner.room.found().await {
        assert!(finding.level < finding.rule_level, "{finding:?}");
    }
}
