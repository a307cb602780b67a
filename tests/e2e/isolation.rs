//! Non-interference: two random worlds that differ only in what others have and do look the same to
//! a tenant, over every method.
//!
//! Two installations have different keys and clocks, so names, pseudonyms, hashes, ids and the
//! server's own times are blanked before the comparison; everything else must be equal.

mod answers;
mod catalogue;
mod registers;

use std::collections::BTreeMap;

use cordon_client::Holder;
use prost_reflect::MethodDescriptor;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::json;

use self::answers::{blank, jobs_last, signed};
use crate::harness::{Call, Raw, World, json as to_json, methods, request, trail};

const A: &str = "aws:100000000001";
const B: &str = "aws:200000000002";
const C: &str = "aws:300000000003";
/// Nobody's who could be registered.
const OUTSIDER: &str = "aws:900000000009";

/// What tenant `initech` asks, method by method. A method that is not here fails the test.
fn questions() -> BTreeMap<&'static str, Vec<String>> {
    let parent = || json!({ "parent": "tenants/initech" }).to_string();
    let nothing = || "{}".to_owned();
    let filtered =
        |filter: &str| json!({ "parent": "tenants/initech", "filter": filter }).to_string();
    BTreeMap::from([
        ("IngestEvents", vec![json!({ "source": "sources/aws-cloudtrail", "sourceType": "aws.cloudtrail", "batchId": "x" }).to_string()]),
        ("ReportWatermark", vec![json!({ "source": "sources/aws-cloudtrail" }).to_string()]),
        (
            "SearchEvents",
            ["", "shared", "status = 'Failure'", "actor LIKE '%hooli%' OR raw LIKE '%200000000002%'", "nonsense"]
                .into_iter()
                .flat_map(|filter| {
                    ["EVENT_VIEW_OCSF", "EVENT_VIEW_RAW", "EVENT_VIEW_COLUMNS"].map(|view| {
                        json!({ "parent": "tenants/initech", "filter": filter, "view": view, "pageSize": 1000 }).to_string()
                    })
                })
                .collect(),
        ),
        ("WatchEvents", vec![json!({ "parent": "tenants/initech", "cursor": "0", "view": "EVENT_VIEW_COLUMNS" }).to_string()]),
        ("GetEvent", vec![json!({ "name": format!("tenants/initech/events/{}", "0".repeat(32)) }).to_string()]),
        ("ExplainEvent", vec![json!({ "name": format!("tenants/hooli/events/{}", "0".repeat(32)) }).to_string()]),
        ("GetEventOriginal", vec![json!({ "name": format!("tenants/initech/events/{}", "0".repeat(32)) }).to_string()]),
        ("ExportEvents", vec![json!({ "parent": "tenants/initech", "format": "EXPORT_FORMAT_NDJSON" }).to_string()]),
        ("CountEvents", vec![parent(), json!({ "parent": "tenants/initech", "groupBy": ["actor", "shared", "account"] }).to_string(), filtered("shared")]),
        ("ListDeadLetters", vec![json!({ "parent": "sources/aws-cloudtrail" }).to_string()]),
        ("ReplayDeadLetters", vec![json!({ "parent": "sources/aws-cloudtrail" }).to_string()]),
        ("CreateIncident", vec![opening("tenants/initech"), opening("tenants/hooli")]),
        ("ImportIncidents", ["initech", "hooli"].map(|of| {
            let foreign = json!({ "externalId": format!("tenants/hooli/incidents/{ID}"), "title": "x", "severity": "SEVERITY_SEV2" });
            json!({ "parent": format!("tenants/{of}"), "incidents": [foreign] }).to_string()
        }).into()),
        ("GetIncident", both_incidents(json!({}))),
        ("ListIncidents", vec![parent(), json!({ "parent": "tenants/initech", "states": ["STATE_OPEN"], "pageSize": 1 }).to_string(), json!({ "parent": "tenants/initech", "changedAfter": "0" }).to_string(), json!({ "parent": "tenants/initech", "number": "1" }).to_string(), json!({ "parent": "tenants/hooli" }).to_string()]),
        ("UpdateIncident", ["initech", "hooli"].map(|of| json!({ "incident": { "name": incident(of), "title": "x" }, "updateMask": "title" }).to_string()).into()),
        ("AcknowledgeIncident", both_incidents(json!({}))),
        ("MoveIncident", both_incidents(json!({ "phase": "PHASE_CONTAINMENT" }))),
        ("ReclassifyIncident", both_incidents(json!({ "severity": "SEVERITY_SEV1", "reason": "x" }))),
        ("HandOverIncident", both_incidents(json!({ "to": "PARTY_PROVIDER", "reason": "x" }))),
        ("SetCleanStateCriteria", both_incidents(json!({ "criteria": ["x"] }))),
        ("SignOffCleanState", both_incidents(json!({ "etag": "x" }))),
        ("CloseIncident", both_incidents(json!({ "code": "CLOSE_CODE_ACCEPTED", "reason": "x" }))),
        ("ReopenIncident", both_incidents(json!({ "reason": "x" }))),
        ("CreateComment", ["initech", "hooli"].map(|of| json!({ "parent": incident(of), "comment": { "text": "x" } }).to_string()).into()),
        ("UpdateComment", ["initech", "hooli"].map(|of| json!({ "comment": { "name": format!("{}/comments/{ID}", incident(of)), "text": "x" } }).to_string()).into()),
        ("ListComments", ["initech", "hooli"].map(|of| json!({ "parent": incident(of) }).to_string()).into()),
        ("ListTimelineEntries", [incident("initech"), incident("hooli"), "tenants/initech/incidents/-".into(), "tenants/hooli/incidents/-".into()].map(|of| json!({ "parent": of }).to_string()).into()),
        ("WatchIncidents", vec![json!({ "parent": "tenants/initech", "cursor": "0" }).to_string(), json!({ "parent": "tenants/hooli" }).to_string()]),
        ("ListIncidentQueue", vec![nothing()]),
        ("CreateRule", within(|of| json!({ "parent": format!("tenants/{of}"), "rule": { "text": RULE }, "disabled": true }))),
        ("GetRule", within(|of| json!({ "name": format!("tenants/{of}/rules/{ID}") }))),
        ("ListRules", within(|of| json!({ "parent": format!("tenants/{of}") }))),
        ("UpdateRule", within(|of| json!({ "rule": { "name": format!("tenants/{of}/rules/{ID}"), "enabled": true }, "updateMask": "enabled" }))),
        ("DeleteRule", within(|of| json!({ "name": format!("tenants/{of}/rules/{ID}") }))),
        ("ListRuleVersions", within(|of| json!({ "parent": format!("tenants/{of}/rules/{ID}") }))),
        ("TestRule", ["tenants/initech", "tenants/hooli"].into_iter().flat_map(|parent| [
            json!({ "parent": parent, "text": RULE, "view": "EVENT_VIEW_COLUMNS" }).to_string(),
            json!({ "parent": parent, "text": COUNTING, "view": "EVENT_VIEW_RAW" }).to_string(),
            json!({ "parent": parent, "name": format!("tenants/hooli/rules/{ID}") }).to_string(),
        ]).collect()),
        ("CreateProviderRule", vec![json!({ "providerRule": { "text": RULE } }).to_string()]),
        ("GetProviderRule", vec![json!({ "name": format!("providerRules/{ID}") }).to_string()]),
        ("ListProviderRules", vec![nothing()]),
        ("UpdateProviderRule", vec![json!({ "providerRule": { "name": format!("providerRules/{ID}"), "enabled": true }, "updateMask": "enabled" }).to_string()]),
        ("DeleteProviderRule", vec![json!({ "name": format!("providerRules/{ID}") }).to_string()]),
        ("GetDetectionPolicy", within(|of| json!({ "name": format!("tenants/{of}/detectionPolicy") }))),
        ("UpdateDetectionPolicy", within(|of| json!({ "detectionPolicy": { "name": format!("tenants/{of}/detectionPolicy"), "minLevel": "LEVEL_CRITICAL", "rules": [format!("tenants/hooli/rules/{ID}")] }, "updateMask": "minLevel" }))
            .into_iter()
            .chain(within(|of| json!({ "detectionPolicy": { "name": format!("tenants/{of}/detectionPolicy"), "minLevel": "LEVEL_CRITICAL" }, "updateMask": "minLevel" })))
            .collect()),
        ("GetBaselines", within(|of| json!({ "name": format!("tenants/{of}/baselines") }))),
        ("UpdateBaselines", within(|of| json!({ "name": format!("tenants/{of}/baselines"), "enabled": true, "etag": "none" }))),
        ("CreateContextEntry", within(|of| json!({ "parent": format!("tenants/{of}"), "contextEntry": { "displayName": "x", "trustedNetwork": { "cidrs": ["192.0.2.77/32"] } } }))),
        ("GetContextEntry", within(|of| json!({ "name": format!("tenants/{of}/contextEntries/{ID}") }))),
        ("ListContextEntries", within(|of| json!({ "parent": format!("tenants/{of}") }))),
        ("UpdateContextEntry", within(|of| json!({ "contextEntry": { "name": format!("tenants/{of}/contextEntries/{ID}"), "note": "x" }, "updateMask": "note" }))),
        ("DeleteContextEntry", within(|of| json!({ "name": format!("tenants/{of}/contextEntries/{ID}") }))),
        ("ImportAssets", within(|of| json!({ "parent": format!("tenants/{of}"), "contextEntries": [{ "displayName": "x", "asset": { "identifiers": ["arn:aws:s3:::of-nobody"], "crownJewel": true } }] }))),
        ("GetFinding", within(|of| json!({ "name": format!("tenants/{of}/findings/{ID}") }))),
        ("ListFindings", within(|of| json!({ "parent": format!("tenants/{of}") }))),
        ("UpdateFinding", within(|of| json!({ "name": format!("tenants/{of}/findings/{ID}"), "status": "FINDING_STATUS_RESOLVED" }))),
        ("WatchFindings", within(|of| json!({ "parent": format!("tenants/{of}"), "cursor": "0" }))),
        ("CreateAnalysis", within(|of| json!({ "parent": format!("tenants/{of}"), "analysis": asking(of, json!({ "sql": { "query": "SELECT operation, shared, status, count(*) AS n, count(DISTINCT actor) AS actors FROM events GROUP BY operation, shared, status ORDER BY operation, shared, status" } })) }))
            .into_iter()
            .chain(within(|of| json!({ "parent": format!("tenants/{of}"), "analysis": asking(of, json!({ "rule": { "texts": [RULE, COUNTING] } })) })))
            .chain(within(|of| json!({ "parent": format!("tenants/{of}"), "analysis": asking(of, json!({ "pivot": { "subject": { "resource": "snap-0shared" } } })) })))
            .chain(within(|of| json!({ "parent": format!("tenants/{of}"), "analysis": asking(of, json!({ "seenByOthers": { "address": "198.51.100.9" } })) })))
            .chain(within(|of| json!({ "parent": format!("tenants/{of}"), "analysis": asking(of, json!({ "hostMaintenance": { "instance": "i-1", "firstDay": "2026-02-01", "lastDay": "2026-02-02" } })) })))
            .chain(within(|of| json!({ "parent": format!("tenants/{of}"), "analysis": asking(of, json!({ "human": { "text": "What happened?" } })) })))
            .collect()),
        ("GetAnalysis", both_analyses(json!({}))),
        ("ListAnalyses", within(|of| json!({ "parent": format!("tenants/{of}") }))),
        ("WatchAnalysis", both_analyses(json!({}))),
        ("CancelAnalysis", both_analyses(json!({}))),
        ("ReplyToAnalysis", both_analyses(json!({ "text": "x" }))),
        ("RerunAnalysis", both_analyses(json!({}))),
        ("DownloadAnalysisResult", both_analyses(json!({ "format": "FORMAT_JSON" }))),
        ("ListAnalysisQueue", vec![nothing()]),
        ("ClaimAnalysis", both_analyses(json!({}))),
        ("AskBackAnalysis", both_analyses(json!({ "text": "x" }))),
        ("DeclineAnalysis", both_analyses(json!({ "text": "x" }))),
        ("SubmitAnalysisResult", both_analyses(json!({ "findings": "x", "method": "x" }))),
        ("ReturnAnalysisResult", both_analyses(json!({ "text": "x" }))),
        ("ReleaseAnalysisResult", both_analyses(json!({}))),
        ("CreateTask", both_parents(json!({ "task": { "title": "x", "responsible": "RESPONSIBLE_SHARED" } }))),
        ("GetTask", both_tasks(json!({}))),
        ("ListTasks", both_parents(json!({}))),
        ("HandOverTask", both_tasks(json!({ "to": "RESPONSIBLE_CUSTOMER", "reason": "x" }))),
        ("CompleteTask", both_tasks(json!({}))),
        ("CancelTask", both_tasks(json!({ "reason": "x" }))),
        ("ReopenTask", both_tasks(json!({ "reason": "x" }))),
        ("ListContacts", both_parents(json!({}))),
        ("CreateProviderIncident", vec![json!({ "providerIncident": { "title": "x", "severity": "SEVERITY_SEV2" }, "tenants": ["tenants/hooli"] }).to_string()]),
        ("AddProviderIncidentTenants", vec![json!({ "name": of_provider(), "tenants": ["tenants/hooli"] }).to_string()]),
        ("PostProviderNotice", vec![json!({ "name": of_provider(), "text": "x" }).to_string()]),
        ("CloseProviderIncident", vec![json!({ "name": of_provider(), "code": "CLOSE_CODE_ACCEPTED", "reason": "x" }).to_string()]),
        ("ResumeProviderIncident", vec![json!({ "name": of_provider() }).to_string()]),
        ("GetProviderIncident", vec![json!({ "name": of_provider() }).to_string()]),
        ("ListProviderIncidents", vec![nothing()]),
        ("CreateAttachment", within(|of| json!({ "parent": incident(of), "attachment": { "fileName": "x", "sha256": "0".repeat(64) } }))),
        ("UploadAttachment", within(|of| json!({ "name": format!("{}/attachments/{ID}", incident(of)), "content": "eA==" }))),
        ("FinishAttachment", within(|of| json!({ "name": format!("{}/attachments/{ID}", incident(of)) }))),
        ("GetAttachment", within(|of| json!({ "name": format!("{}/attachments/{ID}", incident(of)) }))),
        ("ListAttachments", within(|of| json!({ "parent": incident(of) }))),
        ("DownloadAttachment", within(|of| json!({ "name": format!("{}/attachments/{ID}", incident(of)) }))),
        ("RegisterNoteKey", within(|of| json!({ "parent": format!("tenants/{of}"), "noteKey": { "recipient": format!("age1{}", "q".repeat(58)) } }))),
        ("ListNoteKeys", within(|of| json!({ "parent": format!("tenants/{of}") }))),
        ("RevokeNoteKey", within(|of| json!({ "name": format!("tenants/{of}/noteKeys/{ID}") }))),
        ("CreateNote", within(|of| json!({ "parent": incident(of), "note": { "ciphertext": "YWdlLWVuY3J5cHRpb24ub3JnL3YxCg==", "noteKeys": [format!("tenants/{of}/noteKeys/{ID}")] } }))),
        ("UpdateNote", within(|of| json!({ "note": { "name": format!("{}/notes/{ID}", incident(of)), "ciphertext": "YWdlLWVuY3J5cHRpb24ub3JnL3YxCg==", "noteKeys": [format!("tenants/{of}/noteKeys/{ID}")] } }))),
        ("ListNotes", within(|of| json!({ "parent": incident(of) }))),
        ("CreateProviderNote", within(|of| json!({ "parent": incident(of), "providerNote": { "text": "x" } }))),
        ("ListProviderNotes", within(|of| json!({ "parent": incident(of) }))),
        ("CreateLink", within(|of| json!({ "parent": incident(of), "link": { "resource": format!("tenants/{of}/events/{}", "0".repeat(32)) } }))),
        ("DeleteLink", within(|of| json!({ "name": format!("{}/links/{ID}", incident(of)) }))),
        ("ListLinks", within(|of| json!({ "parent": incident(of) }))),
        ("CreateAgreement", vec![json!({ "parent": "tenants/initech", "agreement": { "validFrom": "2026-01-01T00:00:00Z" } }).to_string()]),
        ("ListAgreements", vec![parent(), json!({ "parent": "tenants/hooli" }).to_string()]),
        ("ListClocks", ["initech", "hooli"].map(|of| json!({ "parent": incident(of) }).to_string()).into()),
        ("RecordReportingFact", ["initech", "hooli"].map(|of| json!({ "parent": incident(of), "fact": { "awarenessTime": "2026-03-01T10:00:00Z" } }).to_string()).into()),
        ("ListReportingDeadlines", ["initech", "hooli"].map(|of| json!({ "parent": incident(of) }).to_string()).into()),
        ("GenerateIncidentReport", both_incidents(json!({}))),
        ("WatchClocks", vec![json!({ "parent": "tenants/initech", "cursor": "0" }).to_string(), json!({ "parent": "tenants/hooli" }).to_string()]),
        // A month before anything was measured: what the service measures of itself is time, and
        // time is nothing that two worlds have in common.
        ("GenerateReport", ["initech", "hooli"].map(|of| json!({ "parent": format!("tenants/{of}"), "period": "2026-02" }).to_string()).into()),
        ("ExportReports", vec![json!({ "period": "2026-02" }).to_string()]),
        ("CreateSubscription", vec![subscribing("tenants/initech"), subscribing("tenants/hooli")]),
        ("GetSubscription", both_subscriptions("name")),
        ("ListSubscriptions", vec![parent(), json!({ "parent": "tenants/hooli" }).to_string()]),
        ("PauseSubscription", both_subscriptions("name")),
        ("ResumeSubscription", both_subscriptions("name")),
        ("RotateSigningSecret", both_subscriptions("name")),
        ("DeleteSubscription", both_subscriptions("name")),
        ("ListDeliveries", both_subscriptions("parent")),
        ("RetryDelivery", ["initech", "hooli"].map(|of| json!({ "name": format!("tenants/{of}/subscriptions/{ID}/deliveries/1") }).to_string()).into()),
        ("ListNoticeBacklogs", vec![nothing()]),
        ("ListAuditEntries", vec![json!({ "parent": "tenants/initech", "pageSize": 1000 }).to_string(), json!({ "parent": "tenants/hooli" }).to_string()]),
    ])
}

const ID: &str = "01920000-0000-7000-8000-000000000001";

fn both_analyses(more: serde_json::Value) -> Vec<String> {
    within(|of| {
        let mut body = more.clone();
        body["name"] = json!(format!("tenants/{of}/analyses/{ID}"));
        body
    })
}

/// A question over all events up to a time that is the same in all worlds.
fn asking(of: &str, question: serde_json::Value) -> serde_json::Value {
    json!({
        "question": question,
        "scope": { "endTime": "2026-12-01T00:00:00Z" },
        "purpose": format!("what {of} has"),
        "consent": ["DATA_KIND_EVENTS"],
    })
}

/// A rule that takes events of initech's and of others'.
const RULE: &str = "title: Roles and copies\nlogsource:\n    product: aws\n    service: cloudtrail\n\
    detection:\n    s:\n        eventName: [AssumeRole, ModifySnapshotAttribute, GetObject]\n    \
    condition: s\n";

/// One that counts them.
const COUNTING: &str = "title: Several calls\ncorrelation:\n    type: event_count\n    rules: [call]\n    \
    group-by: [recipientAccountId]\n    timespan: 1h\n    condition:\n        gte: 2\n---\n\
    title: A call\nname: call\nlogsource:\n    product: aws\n    service: cloudtrail\n\
    detection:\n    s:\n        awsRegion|contains: '-'\n    condition: s\n";

/// An incident of a tenant's that is not there; those that are have ids of their own.
fn incident(tenant: &str) -> String {
    format!("tenants/{tenant}/incidents/{ID}")
}

fn opening(tenant: &str) -> String {
    let body = json!({ "title": "Keys in a public repository", "severity": "SEVERITY_SEV2" });
    json!({ "parent": tenant, "incident": body }).to_string()
}

fn subscribing(tenant: &str) -> String {
    let webhook = json!({ "url": "https://receiver.invalid/" });
    let body = json!({ "webhook": webhook, "audience": "AUDIENCE_CLIENTS" });
    json!({ "parent": tenant, "subscription": body }).to_string()
}

/// Requests about a subscription of initech's and one of hooli's, which are not there.
fn both_subscriptions(field: &str) -> Vec<String> {
    let about = |of| json!({ field: format!("tenants/{of}/subscriptions/{ID}") }).to_string();
    vec![about("initech"), about("hooli")]
}

/// The same request of what is initech's and of what is hooli's.
fn within(request: impl Fn(&str) -> serde_json::Value) -> Vec<String> {
    ["initech", "hooli"]
        .map(|of| request(of).to_string())
        .into()
}

/// A request about an incident of initech's and one of hooli's.
fn both_incidents(mut request: serde_json::Value) -> Vec<String> {
    let mut about = |tenant| {
        request["name"] = incident(tenant).into();
        request.to_string()
    };
    vec![about("initech"), about("hooli")]
}

/// The same where it is below the incident.
fn both_parents(mut request: serde_json::Value) -> Vec<String> {
    let mut about = |tenant| {
        request["parent"] = incident(tenant).into();
        request.to_string()
    };
    vec![about("initech"), about("hooli")]
}

/// A request about a task of initech's and one of hooli's.
fn both_tasks(mut request: serde_json::Value) -> Vec<String> {
    let mut about = |tenant| {
        request["name"] = format!("{}/tasks/{ID}", incident(tenant)).into();
        request.to_string()
    };
    vec![about("initech"), about("hooli")]
}

/// An incident of the provider's that is not there.
fn of_provider() -> String {
    format!("providerIncidents/{ID}")
}

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
        if matches!(method.name(), "CreateIncident" | "CreateAnalysis") {
            // The server looks at its clocks, and answers, when the machine lets it: before what is
            // read next.
            tokio::time::sleep(std::time::Duration::from_secs(3)).await;
        }
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
            let sent = world
                .send("aws.cloudtrail", "concerning", &plan.concerning)
                .await;
            assert_eq!(sent.accepted, plan.concerning.len() as u64);
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
