//! Who reaches what.

use super::*;

#[tokio::test]
async fn anothers_incidents_are_refused_whether_or_not_they_exist() {
    let room = Room::new().await;
    let incident = room.open("one").await;
    let absent = incident.name.replace("incidents/0", "incidents/1");
    let get = |name: &str| wire::GetIncidentRequest { name: name.into() };
    let mut answers = Vec::new();
    for name in [incident.name.as_str(), absent.as_str()] {
        let refused = call!(room, &room.stranger, incidents.get_incident(get(name)));
        let refused = refused.unwrap_err();
        answers.push((refused.code(), refused.message().to_owned()));
        let moved = room.move_to(&room.stranger, name, Phase::Containment).await;
        assert_eq!(reason(moved), "PERMISSION_DENIED");
    }
    assert_eq!(answers[0], answers[1]);
    let own = call!(room, &room.reader, incidents.get_incident(get(&absent)));
    assert_eq!(reason(own), "NOT_FOUND");

    // The number of a stranger's first incident is 1.
    let theirs = wire::CreateIncidentRequest {
        parent: "tenants/globex".into(),
        ..new("theirs", "")
    };
    let theirs = call!(room, &room.stranger, incidents.create_incident(theirs));
    let theirs = theirs.unwrap().incident.unwrap();
    assert_eq!(theirs.number, 1);
    // An incident of theirs under our name is none.
    let borrowed = theirs.name.replace("globex", "acme");
    let borrowed = call!(room, &room.reader, incidents.get_incident(get(&borrowed)));
    assert_eq!(reason(borrowed), "NOT_FOUND");
}

#[tokio::test]
async fn staff_come_in_with_a_reason_and_are_seen() {
    let room = Room::new().await;
    let incident = room.open("one").await;
    let get = wire::GetIncidentRequest {
        name: incident.name,
    };
    let plain = room.world.member("", "analyst").await;
    let refused = call!(room, &plain, incidents.get_incident(get.clone()));
    assert_eq!(reason(refused), "PERMISSION_DENIED");
    for outsider in ["operator", "auditor"] {
        let outsider = room.world.member("", outsider).await.entering();
        let refused = call!(room, &outsider, incidents.get_incident(get.clone()));
        assert_eq!(reason(refused), "PERMISSION_DENIED");
    }
    call!(room, &room.analyst, incidents.get_incident(get)).unwrap();
    let acme: cordon_kernel::TenantId = "acme".parse().unwrap();
    let kernel = &room.world.kernel;
    let runner = kernel.job_runner().unwrap();
    let (scope, _) = kernel.maintenance_scope(&runner, &acme, "test");
    let log = kernel.db().audit_page(&scope, None, 10).await.unwrap();
    let read = log
        .records
        .iter()
        .find(|entry| entry.record.action == "GetIncident");
    let actor = &read.unwrap().record.actor;
    assert_eq!(actor.home, "provider");
    assert_eq!(
        actor.justification.as_deref(),
        Some("customer asked in INC-7")
    );
}
