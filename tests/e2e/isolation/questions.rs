//! What a tenant asks.

use std::collections::BTreeMap;

use serde_json::json;

/// What tenant `initech` asks, method by method. A method that is not here fails the test.
pub(super) fn questions() -> BTreeMap<&'static str, Vec<String>> {
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
        ("CountEvents", vec![parent(), json!({ "parent": "tenants/initech", "groupBy": ["actor", "shared", "account"] }).to_string(), json!({ "parent": "tenants/initech", "groupBy": ["credential_uid"] }).to_string(), filtered("shared")]),
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
        ("UpdateBaselines", within(|of| json!({ "name": format!("tenants/{of}/baselines"), "enabled": true }))),
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
            .chain(automatic().into_iter().flat_map(|(question, until)| within(move |of| {
                let mut analysis = asking(of, question.clone());
                analysis["scope"]["endTime"] = until.into();
                json!({ "parent": format!("tenants/{of}"), "analysis": analysis })
            })))
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

pub(super) const ID: &str = "01920000-0000-7000-8000-000000000001";

fn both_analyses(more: serde_json::Value) -> Vec<String> {
    within(|of| {
        let mut body = more.clone();
        body["name"] = json!(format!("tenants/{of}/analyses/{ID}"));
        body
    })
}

/// A question over all events up to a time that is the same in all worlds.
pub(super) fn asking(of: &str, question: serde_json::Value) -> serde_json::Value {
    json!({
        "question": question,
        "scope": { "endTime": "2026-12-01T00:00:00Z" },
        "purpose": format!("what {of} has"),
        "consent": ["DATA_KIND_EVENTS"],
    })
}

/// What the server answers by plans of its own, and up to when events are asked about. Where lanes or
/// values are in the order of names, which differ between installations, that is up to the first
/// event that concerns initech: others have theirs before it.
fn automatic() -> [(serde_json::Value, &'static str); 8] {
    let (midnight, first) = ("2026-03-01T00:00:00Z", "2026-03-01T10:00:00Z");
    let (second, all) = ("2026-03-01T10:00:01Z", "2026-12-01T00:00:00Z");
    let actor = "arn:aws:iam::100000000001:user/user-of-100000000001";
    let window = |from: &str, to: &str| json!({ "startTime": from, "endTime": to });
    [
        (
            json!({ "timeline": { "time": first, "before": "36000s", "after": "1s" } }),
            second,
        ),
        (
            json!({ "compare": { "baseline": window(midnight, first), "window": window(first, second) } }),
            second,
        ),
        (json!({ "roleChain": { "actor": actor } }), all),
        (
            json!({ "indicators": { "list": "198.51.100.9\n192.0.2.0/24\n" } }),
            all,
        ),
        (
            json!({ "seen": { "subjects": [{ "operation": "AssumeRole" }, { "account": "aws:200000000002" }] } }),
            all,
        ),
        (json!({ "volume": {} }), all),
        (json!({ "changes": {} }), all),
        (json!({ "beacons": { "minimumConnections": 4 } }), all),
    ]
}

/// A rule that takes events of initech's and of others'.
pub(super) const RULE: &str = "title: Roles and copies\nlogsource:\n    product: aws\n    service: cloudtrail\n\
    detection:\n    s:\n        eventName: [AssumeRole, ModifySnapshotAttribute, GetObject]\n    \
    condition: s\n";

/// One that counts them.
pub(super) const COUNTING: &str = "title: Several calls\ncorrelation:\n    type: event_count\n    rules: [call]\n    \
    group-by: [recipientAccountId]\n    timespan: 1h\n    condition:\n        gte: 2\n---\n\
    title: A call\nname: call\nlogsource:\n    product: aws\n    service: cloudtrail\n\
    detection:\n    s:\n        awsRegion|contains: '-'\n    condition: s\n";

/// An incident of a tenant's that is not there; those that are have ids of their own.
pub(super) fn incident(tenant: &str) -> String {
    format!("tenants/{tenant}/incidents/{ID}")
}

pub(super) fn opening(tenant: &str) -> String {
    let body = json!({ "title": "Keys in a public repository", "severity": "SEVERITY_SEV2" });
    json!({ "parent": tenant, "incident": body }).to_string()
}

pub(super) fn subscribing(tenant: &str) -> String {
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
pub(super) fn within(request: impl Fn(&str) -> serde_json::Value) -> Vec<String> {
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
