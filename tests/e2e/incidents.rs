//! The story of an incident, from its opening to what was learned, between a customer and staff; and
//! of what another customer sees of it: nothing.

use cordon_client::exchange::Audience;
use cordon_client::statement::PublicKeys;
use cordon_client::{Holder, Reason, read_incident_report};
use serde_json::{Value, json};

use crate::harness::{Raw, World, methods, request};

/// Somebody who calls methods by their names.
struct Caller {
    raw: Raw,
}

impl Caller {
    async fn member(world: &World, tenant: &str, role: &str) -> Self {
        let profile = world.issue(Holder::Tenant(tenant.into()), role).await;
        Self {
            raw: Raw::member(&profile).await,
        }
    }

    /// Of the staff; whoever comes `within` a tenant says why.
    async fn staff(world: &World, role: &str, within: bool) -> Self {
        let profile = world.issue(Holder::Staff, role).await;
        let mut raw = Raw::member(&profile).await;
        if within {
            raw.enter("works on the incident", "INC-1");
        }
        Self { raw }
    }

    async fn all(&self, method: &str, body: &Value) -> Result<Vec<Value>, tonic::Status> {
        let all = methods();
        let method = all.iter().find(|found| found.name() == method).unwrap();
        let answers = self
            .raw
            .call(method, request(method, &body.to_string()))
            .await?;
        Ok(answers
            .iter()
            .map(|answer| serde_json::from_str(&crate::harness::json(method, answer)).unwrap())
            .collect())
    }

    async fn tries(&self, method: &str, body: Value) -> Result<Value, tonic::Status> {
        self.all(method, &body).await.map(|mut all| all.remove(0))
    }

    async fn does(&self, method: &str, body: Value) -> Value {
        match self.tries(method, body).await {
            Ok(answer) => answer,
            Err(status) => panic!("{method}: {status:?}"),
        }
    }
}

fn phase(of: &Value, phase: &str) -> Value {
    json!({ "name": of["name"], "phase": phase })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incident_from_its_opening_to_what_was_learned() {
    let world = World::new().await;
    world.tenant("initech", &[]).await;
    world.tenant("hooli", &[]).await;
    let responder = Caller::member(&world, "initech", "responder").await;
    let reader = Caller::member(&world, "initech", "reader").await;
    let stranger = Caller::member(&world, "hooli", "admin").await;
    let analyst = Caller::staff(&world, "analyst", true).await;
    let operator = Caller::staff(&world, "operator", false).await;

    // What was promised.
    let promise = |kind: &str, within: &str| json!({ "kind": kind, "severity": "SEVERITY_SEV1", "within": within, "calendar": "always" });
    let agreement = json!({
        "validFrom": "2026-01-01T00:00:00Z",
        "calendars": [{ "name": "always", "always": {} }],
        "objectives": [
            promise("OBJECTIVE_KIND_ACKNOWLEDGE", "900s"),
            promise("OBJECTIVE_KIND_CONTAIN", "14400s"),
            promise("OBJECTIVE_KIND_RESOLVE", "86400s"),
        ],
    });
    let agree = json!({ "parent": "tenants/initech", "agreement": agreement });
    operator.does("CreateAgreement", agree).await;

    // The customer opens it, once, whatever becomes of the answer.
    let open = json!({
        "parent": "tenants/initech",
        "incident": {
            "title": "Keys in a public repository",
            "description": "<script>alert(1)</script>",
            "severity": "SEVERITY_SEV1",
            "tlp": "TLP_AMBER_STRICT",
        },
        "requestId": "story",
    });
    let opened = responder.does("CreateIncident", open.clone()).await;
    assert_eq!(responder.does("CreateIncident", open).await, opened);
    let incident = opened["incident"].clone();
    assert_eq!(incident["pendingParty"], "PARTY_PROVIDER");

    // Staff find it by its severity, and see no words before they enter.
    let queue = operator.does("ListIncidentQueue", json!({})).await;
    assert_eq!(queue["incidents"][0]["name"], incident["name"]);
    assert!(!queue.to_string().contains("repository"));
    let name = json!({ "name": incident["name"] });
    let outside = Caller::staff(&world, "analyst", false).await;
    let refused = outside
        .tries("GetIncident", name.clone())
        .await
        .unwrap_err();
    assert_eq!(refused.code(), tonic::Code::PermissionDenied);
    let read = analyst.does("GetIncident", name.clone()).await;
    assert_eq!(read["incident"], incident);

    analyst.does("AcknowledgeIncident", name.clone()).await;
    analyst
        .does("MoveIncident", phase(&incident, "PHASE_CONTAINMENT"))
        .await;
    let say = json!({ "parent": incident["name"], "comment": { "text": "Which account?" } });
    analyst.does("CreateComment", say).await;
    let hand = |to: &str| json!({ "name": incident["name"], "to": to, "reason": "the account" });
    analyst
        .does("HandOverIncident", hand("PARTY_CUSTOMER"))
        .await;
    let paused = json!({ "parent": incident["name"] });
    let clocks = reader.does("ListClocks", paused.clone()).await;
    let state = |clocks: &Value, kind: &str| {
        let clocks = clocks["clocks"].as_array().unwrap();
        let clock = clocks.iter().find(|clock| clock["kind"] == kind);
        clock.unwrap()["state"].as_str().unwrap().to_owned()
    };
    assert_eq!(state(&clocks, "OBJECTIVE_KIND_ACKNOWLEDGE"), "STATE_MET");
    assert_eq!(state(&clocks, "OBJECTIVE_KIND_CONTAIN"), "STATE_PAUSED");
    responder
        .does("HandOverIncident", hand("PARTY_PROVIDER"))
        .await;

    // Recovery waits for both.
    analyst
        .does("MoveIncident", phase(&incident, "PHASE_ERADICATION"))
        .await;
    let early = analyst.tries("MoveIncident", phase(&incident, "PHASE_RECOVERY"));
    assert_eq!(
        early.await.unwrap_err().code(),
        tonic::Code::FailedPrecondition
    );
    let criteria = json!({ "name": incident["name"], "criteria": ["all keys revoked"] });
    let mut set = analyst.does("SetCleanStateCriteria", criteria).await;
    for side in [&analyst, &responder] {
        let sign = json!({ "name": incident["name"], "etag": set["incident"]["etag"] });
        set = side.does("SignOffCleanState", sign).await;
    }
    for next in ["PHASE_RECOVERY", "PHASE_FOLLOW_UP"] {
        analyst.does("MoveIncident", phase(&incident, next)).await;
    }
    let close = json!({ "name": incident["name"], "code": "CLOSE_CODE_RESOLVED" });
    responder.does("CloseIncident", close).await;
    let clocks = reader.does("ListClocks", paused).await;
    for kind in ["CONTAIN", "RESOLVE"] {
        assert_eq!(
            state(&clocks, &format!("OBJECTIVE_KIND_{kind}")),
            "STATE_MET"
        );
    }

    // All of it can be followed again from the beginning, and is in the tenant's log.
    let watch = json!({ "parent": "tenants/initech", "cursor": "0" });
    let seen = reader.all("WatchIncidents", &watch).await.unwrap();
    let entries: Vec<&Value> = seen
        .iter()
        .filter_map(|message| message["timelineEntries"].as_array())
        .flatten()
        .collect();
    let listed = json!({ "parent": incident["name"] });
    let listed = reader.does("ListTimelineEntries", listed).await;
    let listed = listed["timelineEntries"].as_array().unwrap();
    assert_eq!(entries, listed.iter().collect::<Vec<_>>());
    assert_eq!(listed.len(), 13);
    let log = reader
        .does("ListAuditEntries", json!({ "parent": "tenants/initech" }))
        .await;
    let acts = log["entries"].as_array().unwrap();
    let staff = acts.iter().filter(|entry| entry["staff"] == true);
    assert!(staff.clone().count() >= 8, "{log}");
    assert!(
        !log.to_string().contains("repository"),
        "no words in the log"
    );

    // What it all comes to is signed, and checked with keys that were kept.
    let id = incident["name"].as_str().unwrap();
    let client = world.member("initech", "reader").await;
    let keys = client.identity().signing_keys().await.unwrap();
    let keys = PublicKeys::new(&keys).unwrap();
    let signed = client.incidents().report(id, &keys).await.unwrap();
    let report = &signed.report;
    assert_eq!(report.timeline.len(), 13);
    assert!(report.closed.is_some() && report.acknowledged.is_some());
    let spans = report.phases.iter().map(|span| span.phase.words());
    let spans: Vec<_> = spans.collect();
    assert_eq!(
        (spans[0], *spans.last().unwrap()),
        ("Identification", "Follow-up")
    );
    assert!(!report.hand_overs.is_empty() && !report.clocks.is_empty());
    signed.check(Audience::Organization).unwrap();
    signed.check(Audience::Public).unwrap_err();
    let other = world.member("hooli", "responder").await;
    let refused = other.incidents().report(id, &keys).await.unwrap_err();
    assert_eq!(refused.reason(), Reason::PermissionDenied);
    let envelope = String::from_utf8(signed.envelope.clone()).unwrap();
    let forged = envelope.replacen("\"payload\":\"ey", "\"payload\":\"ez", 1);
    assert_ne!(forged, envelope);
    let forged = read_incident_report(forged.as_bytes(), &keys).unwrap_err();
    assert_eq!(forged.reason(), Reason::BadSignature);

    // The other customer sees nothing of it.
    for method in ["GetIncident", "AcknowledgeIncident"] {
        let refused = stranger.tries(method, name.clone()).await.unwrap_err();
        assert_eq!(refused.code(), tonic::Code::PermissionDenied);
    }
    let own = stranger
        .does("ListIncidents", json!({ "parent": "tenants/hooli" }))
        .await;
    assert_eq!(own, json!({}));
}
