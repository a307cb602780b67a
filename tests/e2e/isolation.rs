//! Non-interference: two random worlds that differ only in what others have and do look the same to
//! a tenant, over every method.
//!
//! Two installations have different keys and clocks, so names, pseudonyms, hashes, ids and the
//! server's own times are blanked before the comparison; everything else must be equal.

mod answers;
mod catalogue;
mod evidence;
mod questions;
mod registers;

use cordon_client::Holder;
use prost_reflect::MethodDescriptor;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::json;

use self::answers::{blank, jobs_last, signed};
use self::questions::{COUNTING, ID, RULE, asking, opening, questions, subscribing, within};
use crate::harness::{Call, Raw, World, json as to_json, methods, request, trail};

const A: &str = "aws:100000000001";
const B: &str = "aws:200000000002";
const C: &str = "aws:300000000003";
/// Nobody's who could be registered.
const OUTSIDER: &str = "aws:900000000009";

/// What is asked about each incident that initech really has, and in which field it is named.
const ABOUT_OWN: [(&str, &str); 8] = [
    ("ListComments", "parent"),
    ("ListTimelineEntries", "parent"),
    ("ListTasks", "parent"),
    ("ListContacts", "parent"),
    ("ListAttachments", "parent"),
    ("ListClocks", "parent"),
    ("ListReportingDeadlines", "parent"),
    ("GenerateIncidentReport", "name"),
];

/// What a random world is made of: what concerns initech is in both worlds, the rest in one.
struct Plan {
    concerning: Vec<String>,
    before: Others,
    after: Others,
}

/// What others have and do.
struct Others {
    /// Tenants, with what is registered for them.
    tenants: Vec<(&'static str, Vec<&'static str>)>,
    records: Vec<String>,
    broken: usize,
    source: bool,
    suspended: Option<&'static str>,
    reads: bool,
    /// Whether their events are looked at by rules.
    rules: bool,
    incidents: usize,
    /// Whether an incident of the whole provider concerns them, besides initech or by itself.
    provider_wide: bool,
    /// Whether they have the same bytes on a machine, and a snapshot of it.
    snapshots: bool,
    /// Whether they use a service, and are told something as its users, and hooli by itself.
    facts: bool,
}

const OPERATIONS: [&str; 4] = [
    "RunInstances",
    "AssumeRole",
    "GetObject",
    "ModifySnapshotAttribute",
];

fn pick<T: Copy>(dice: &mut StdRng, of: &[T]) -> T {
    of[dice.random_range(0..of.len())]
}

impl Plan {
    fn random(seed: u64) -> Self {
        let mut dice = StdRng::seed_from_u64(seed);
        let count = dice.random_range(4..12);
        let concerning = (0..count)
            .map(|n| {
                let other = pick(&mut dice, &[A, B, C, OUTSIDER]);
                let (caller, recipient) = match dice.random() {
                    true => (other, A),
                    false => (A, other),
                };
                let named = pick(&mut dice, &[A, B, C]).trim_start_matches("aws:");
                // At different times: of events at one time the order is by names, which differ
                // between installations.
                trail(&Call {
                    id: &format!("concerning-{n}"),
                    caller,
                    recipient,
                    operation: pick(&mut dice, &OPERATIONS),
                    time: &format!("2026-03-01T10:00:{n:02}Z"),
                    parameters: json!({ "by": caller, "createVolumePermission": { "add": [named] } }),
                })
            })
            .collect();
        let mut before = Others::random(&mut dice, "before");
        let mut after = Others::random(&mut dice, "after");
        // Either may be registered before or after, or not at all.
        for (tenant, account) in [("hooli", B), ("umbrella", C)] {
            before.tenants.push((tenant, Vec::new()));
            match dice.random_range(0..3) {
                0 => before.tenants.push((tenant, vec![account])),
                1 => after.tenants.push((tenant, vec![account])),
                _ => {}
            }
        }
        after.suspended = dice.random::<bool>().then_some("umbrella");
        Self {
            concerning,
            before,
            after,
        }
    }
}

impl Others {
    fn random(dice: &mut StdRng, when: &str) -> Self {
        let count = dice.random_range(0..60);
        let records = (0..count).map(|n| {
            trail(&Call {
                id: &format!("{when}-{n}"),
                caller: pick(dice, &[B, C, OUTSIDER]),
                recipient: pick(dice, &[B, C]),
                operation: pick(dice, &OPERATIONS),
                time: &format!("2026-03-01T{:02}:30:00Z", dice.random_range(0..24)),
                parameters: serde_json::Value::Null,
            })
        });
        Self {
            records: records.collect(),
            tenants: Vec::new(),
            broken: dice.random_range(0..3),
            source: dice.random(),
            suspended: None,
            reads: dice.random(),
            rules: dice.random(),
            incidents: dice.random_range(0..3),
            provider_wide: dice.random(),
            facts: dice.random(),
            snapshots: dice.random(),
        }
    }

    async fn act(&self, world: &World, when: &str) {
        let tenants = world.operator.tenants();
        for (tenant, accounts) in &self.tenants {
            if accounts.is_empty() {
                world.tenant(tenant, &[]).await;
            }
            for account in accounts {
                world.account(tenant, account).await;
            }
        }
        if self.source {
            let id = format!("other-{when}");
            tenants
                .create_source(&id, "aws.cloudtrail", "Other")
                .await
                .unwrap();
        }
        if !self.records.is_empty() {
            let id = format!("others-{when}");
            world.send("aws.cloudtrail", &id, &self.records).await;
        }
        for n in 0..self.broken {
            let id = format!("broken-{when}-{n}");
            let record = "not json".to_owned();
            world.send("aws.cloudtrail", &id, &[record]).await;
        }
        if self.reads {
            let other = world.member("hooli", "reader").await;
            crate::harness::raw(&other, "status = 'Success'").await;
        }
        if self.rules {
            watched(world, "hooli").await;
            tuned(world, "hooli").await;
            learning(world, "hooli").await;
        }
        if self.incidents > 0 {
            let other = world.issue(Holder::Tenant("hooli".into()), "admin");
            let other = Raw::member(&other.await).await;
            let all = methods();
            let create = all.iter().find(|method| method.name() == "CreateIncident");
            let create = create.unwrap();
            let subscribe = all.iter().find(|one| one.name() == "CreateSubscription");
            let subscribe = subscribe.unwrap();
            let subscribed = request(subscribe, &subscribing("tenants/hooli"));
            other.call(subscribe, subscribed).await.unwrap();
            let announce = all
                .iter()
                .find(|method| method.name() == "CreateAttachment");
            let announce = announce.unwrap();
            for _ in 0..self.incidents {
                let opened = other.call(create, request(create, &opening("tenants/hooli")));
                let opened = opened.await.unwrap();
                let opened: serde_json::Value =
                    serde_json::from_str(&to_json(create, &opened[0])).unwrap();
                let file = json!({
                    "parent": opened["incident"]["name"],
                    "attachment": { "fileName": "x", "sha256": "0".repeat(64) },
                });
                let announced = other.call(announce, request(announce, &file.to_string()));
                announced.await.unwrap();
            }
        }
        if self.provider_wide {
            let analyst = staff(world).await;
            let opened = provider_wide(&analyst, &["tenants/hooli"]).await;
            notice(&analyst, &opened, "theirs alone").await;
        }
        if self.snapshots {
            evidence::theirs(world).await;
        }
        if self.facts {
            catalogue::theirs(world, when).await;
        }
        if let Some(tenant) = self.suspended {
            tenants.suspend_tenant(tenant, "a test", "").await.unwrap();
        }
    }
}

/// Somebody of the staff who says why tenants are entered.
async fn staff(world: &World) -> Raw {
    let mut analyst = Raw::member(&world.issue(Holder::Staff, "analyst").await).await;
    analyst.enter("works on a fault of ours", "INC-1");
    analyst
}

async fn does(raw: &Raw, method: &str, body: serde_json::Value) -> serde_json::Value {
    let all = methods();
    let method = all.iter().find(|found| found.name() == method).unwrap();
    let answer = raw.call(method, request(method, &body.to_string())).await;
    serde_json::from_str(&to_json(method, &answer.unwrap()[0])).unwrap()
}

/// Has a tenant's events looked at by rules.
async fn watched(world: &World, tenant: &str) {
    let admin = Raw::member(&world.issue(Holder::Tenant(tenant.into()), "admin").await).await;
    for text in [RULE, COUNTING] {
        let body = json!({ "parent": format!("tenants/{tenant}"), "rule": { "text": text } });
        does(&admin, "CreateRule", body).await;
    }
}

/// Has what is usual learned from a tenant's events.
async fn learning(world: &World, tenant: &str) {
    let admin = Raw::member(&world.issue(Holder::Tenant(tenant.into()), "admin").await).await;
    let body = json!({ "name": format!("tenants/{tenant}/baselines"), "enabled": true });
    let told = does(&admin, "UpdateBaselines", body).await;
    assert_eq!(told["baselines"]["enabled"], true);
}

/// Publishes a rule for all tenants.
async fn published(world: &World) {
    let operator = Raw::member(&world.issue(Holder::Staff, "operator").await).await;
    let body = json!({ "providerRule": { "text": RULE } });
    does(&operator, "CreateProviderRule", body).await;
}

/// Has the provider's rules work otherwise for a tenant, and incidents opened of what they find.
async fn tuned(world: &World, tenant: &str) {
    let admin = Raw::member(&world.issue(Holder::Tenant(tenant.into()), "admin").await).await;
    let parent = json!({ "parent": format!("tenants/{tenant}") });
    let rules = does(&admin, "ListRules", parent).await;
    let rules = rules["rules"].as_array().unwrap();
    let rule = rules
        .iter()
        .find(|rule| rule["origin"] == "ORIGIN_PROVIDER");
    let exceptions = json!(["region = 'nowhere'"]);
    let rule = json!({ "name": rule.unwrap()["name"], "exceptions": exceptions });
    let body = json!({ "rule": rule, "updateMask": "exceptions" });
    does(&admin, "UpdateRule", body).await;
    let policy = json!({
        "name": format!("tenants/{tenant}/detectionPolicy"),
        "enabled": true,
        "minLevel": "LEVEL_LOW",
    });
    let body = json!({ "detectionPolicy": policy, "updateMask": "enabled,minLevel" });
    does(&admin, "UpdateDetectionPolicy", body).await;
}

/// Opens an incident of the whole provider that concerns these tenants; its name.
async fn provider_wide(analyst: &Raw, tenants: &[&str]) -> serde_json::Value {
    let body = json!({ "title": "A storage fault", "severity": "SEVERITY_SEV1" });
    let body = json!({ "providerIncident": body, "tenants": tenants });
    let opened = does(analyst, "CreateProviderIncident", body).await;
    opened["providerIncident"]["name"].clone()
}

async fn notice(analyst: &Raw, name: &serde_json::Value, text: &str) {
    let body = json!({ "name": name, "text": text });
    does(analyst, "PostProviderNotice", body).await;
}

/// All that a role of initech's can observe, method by method.
async fn observe(world: &World, role: &str) -> Vec<(String, String)> {
    let raw = Raw::member(&world.issue(Holder::Tenant("initech".into()), role).await).await;
    let mut questions = questions();
    questions.extend(catalogue::questions());
    questions.extend(registers::questions());
    questions.extend(evidence::questions());
    let mut seen = Vec::new();
    let mut ask = |method: &MethodDescriptor,
                   question: &str,
                   answer: Result<Vec<bytes::Bytes>, tonic::Status>| {
        let said = match answer {
            Ok(answers) => answers
                .iter()
                .map(|answer| jobs_last(method, to_json(method, answer)) + &signed(method, answer))
                .collect::<Vec<_>>()
                .join("\n"),
            Err(status) => format!(
                "{:?} {} {}",
                status.code(),
                status.message(),
                String::from_utf8_lossy(status.details())
            ),
        };
        seen.push((
            format!("{role} {} {question}", method.full_name()),
            blank(&said),
        ));
    };
    for method in methods() {
        let all = questions
            .get(method.name())
            .unwrap_or_else(|| panic!("{} takes no part", method.full_name()));
        for question in all {
            let answer = raw.call(&method, request(&method, question)).await;
            ask(&method, question, answer);
        }
        // The server looks at its clocks, and answers what this role may ask, when the machine lets
        // it: before what is read next.
        let wait = match method.name() {
            "CreateIncident" | "CreateSnapshot" => 3,
            "CreateAnalysis" if role != "reader" => 5,
            _ => 0,
        };
        tokio::time::sleep(std::time::Duration::from_secs(wait)).await;
    }
    let own = does(
        &raw,
        "ListIncidents",
        json!({ "parent": "tenants/initech" }),
    )
    .await;
    let own: Vec<String> = own["incidents"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|incident| incident["name"].as_str().unwrap().to_owned())
        .collect();
    // Questions about one of them, whose ends stand in its timeline.
    for (at, incident) in own.iter().enumerate().take(1) {
        for question in [
            // The one first that the server does not answer, whenever it can.
            json!({ "human": { "text": "What happened?" } }),
            json!({ "sql": { "query": "SELECT count(*) AS n FROM events" } }),
        ] {
            let mut analysis = asking("initech", question);
            analysis["incident"] = incident.as_str().into();
            let method = method_named("CreateAnalysis");
            let question = json!({ "parent": "tenants/initech", "analysis": analysis }).to_string();
            let answer = raw.call(&method, request(&method, &question)).await;
            ask(&method, &format!("within incident {at}"), answer);
        }
    }
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    for (at, name) in answers_of_own(&raw).await.iter().enumerate() {
        for format in ["FORMAT_JSON", "FORMAT_HTML", "FORMAT_STATEMENT"] {
            let method = method_named("DownloadAnalysisResult");
            let question = json!({ "name": name, "format": format }).to_string();
            let answer = raw.call(&method, request(&method, &question)).await;
            ask(&method, &format!("answer {at} as {format}"), answer);
        }
    }
    for (at, name) in own.iter().enumerate() {
        for method in methods() {
            let asked = ABOUT_OWN.iter().find(|(asked, _)| *asked == method.name());
            if let Some((_, field)) = asked {
                let question = json!({ *field: name }).to_string();
                let answer = raw.call(&method, request(&method, &question)).await;
                ask(&method, &format!("about incident {at}"), answer);
            }
        }
    }
    seen
}

fn method_named(name: &str) -> MethodDescriptor {
    let mut all = methods().into_iter();
    all.find(|method| method.name() == name).unwrap()
}

/// What initech has asked that is answered, oldest first.
async fn answers_of_own(raw: &Raw) -> Vec<String> {
    let own = json!({ "parent": "tenants/initech", "pageSize": 1000 });
    let own = does(raw, "ListAnalyses", own).await;
    let mut names: Vec<String> = own["analyses"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|one| one["state"] == "STATE_RELEASED")
        .map(|one| one["name"].as_str().unwrap().to_owned())
        .collect();
    names.sort_unstable();
    names
}

/// Worlds that are tried; `CORDON_TEST_WORLDS` asks for more.
const WORLDS: u64 = 3;

#[tokio::test(flavor = "multi_thread")]
async fn what_others_have_and_do_changes_nothing() {
    let worlds = std::env::var("CORDON_TEST_WORLDS");
    let worlds = worlds.map_or(WORLDS, |text| text.parse().unwrap());
    for seed in 1..=worlds {
        let plan = Plan::random(seed);
        let (alone, among) = (World::new().await, World::new().await);
        for world in [&alone, &among] {
            published(world).await;
        }
        plan.before.act(&among, "before").await;
        for world in [&alone, &among] {
            world.tenant("initech", &[A]).await;
            watched(world, "initech").await;
            catalogue::ours(world).await;
            evidence::ours(world).await;
            let sent = world
                .send("aws.cloudtrail", "concerning", &plan.concerning)
                .await;
            assert_eq!(sent.accepted, plan.concerning.len() as u64);
            learning(world, "initech").await;
        }
        // Events are looked at when the machine lets it: before anything is read.
        tokio::time::sleep(std::time::Duration::from_secs(4)).await;
        // One that concerns initech, in one world alone and in the other among others: opened with
        // them, and with one who comes later.
        let (mut lone, mut many) = (vec!["tenants/initech"], vec!["tenants/initech"]);
        if plan.before.provider_wide {
            many.extend(["tenants/hooli", "tenants/umbrella"]);
        }
        for (world, concerned) in [(&alone, &mut lone), (&among, &mut many)] {
            let analyst = staff(world).await;
            let opened = provider_wide(&analyst, concerned).await;
            // When the server looks at its clocks is the machine's doing: let it come first.
            tokio::time::sleep(std::time::Duration::from_secs(3)).await;
            notice(&analyst, &opened, "half of it is back").await;
            if concerned.len() == 1 && std::ptr::eq(world, &among) {
                let body = json!({ "name": opened, "tenants": ["tenants/hooli"] });
                does(&analyst, "AddProviderIncidentTenants", body).await;
            }
            notice(&analyst, &opened, "all of it is back").await;
        }
        plan.after.act(&among, "after").await;
        for role in ["reader", "responder", "admin"] {
            let (one, two) = (observe(&alone, role).await, observe(&among, role).await);
            assert_eq!(one.len(), two.len());
            for (one, two) in one.iter().zip(&two) {
                assert_eq!(one, two, "world {seed}");
            }
        }
    }
}
