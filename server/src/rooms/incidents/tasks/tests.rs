//! The part of the room against a kernel on a temporary database, with an agreement that says who
//! does what.

use std::sync::Arc;

use cordon_proto::incidents as wire;
use cordon_proto::incidents::incidents_service_server::IncidentsService as _;
use cordon_proto::incidents::tasks_service_server::TasksService as _;
use jiff::SignedDuration;
use tonic::{Request, Status};
use wire::task::State;
use wire::timeline_entry::What;
use wire::{Party, Phase, Responsible, Severity};

use super::super::IncidentsRpc;
use super::TasksRpc;
use crate::rooms::tenants::tests::{Actor, World, call, fields, reason};

struct Room {
    world: World,
    incidents: IncidentsRpc,
    tasks: TasksRpc,
    responder: Actor,
    reader: Actor,
    stranger: Actor,
    analyst: Actor,
}

impl Room {
    async fn new() -> Self {
        let world = World::new().await;
        world.tenant("acme").await;
        world.tenant("globex").await;
        Self {
            incidents: IncidentsRpc::new(Arc::clone(&world.kernel)),
            tasks: TasksRpc::new(Arc::clone(&world.kernel)),
            responder: world.member("tenants/acme", "responder").await,
            reader: world.member("tenants/acme", "reader").await,
            stranger: world.member("tenants/globex", "admin").await,
            analyst: world.member("", "analyst").await.entering(),
            world,
        }
    }

    async fn request<T>(&self, actor: &Actor, message: T) -> Result<Request<T>, Status> {
        self.world.request(actor, message).await
    }

    /// An agreement for acme, written as its room does. The room above this one makes them, and is
    /// not used from here.
    async fn agree(&self, version: i64, from: &str, responsible: &str) {
        let hours = r#"{"office_hours":{"time_zone":"Europe/Berlin","hours":[[{"from":"09:00","to":"17:00"}],[],[],[],[],[],[]],"holidays":[]}}"#;
        let duty = |task: &str, phase: &str, who: &str| {
            format!(
                r#"{{"task":"{task}","asks":"do: {task}","responsible":"{who}","accountable":"customer","consulted":["customer"],"informed":["provider"],"phases":["{phase}"]}}"#
            )
        };
        let duties = [
            duty("assess", "identification", "shared"),
            duty("isolate machine", "containment", responsible),
            duty("collect evidence", "containment", "provider"),
        ];
        let contact = |id: &str, party: &str, hours: &str| {
            format!(
                r#"{{"id":"{id}","party":"{party}","name":"{id}","role":"","mail":"{id}@example.org","phone":"","hours":"{hours}"}}"#
            )
        };
        let step = |secs: i64, contact: &str| {
            format!(
                r#"{{"party":"provider","severities":[],"after":"PT{secs}S","hours":"always","contact":"{contact}"}}"#
            )
        };
        let document = format!(
            r#"{{"id":"acme","version":{version},"valid_from":"{from}","valid_to":null,"calendars":{{"always":"always_open","mondays":{hours}}},"objectives":[],"reclassify_grace":"PT0S","freshness_p99":null,"availability":null,"credits":[],"duties":[{}],"contacts":[{},{}],"escalations":[{},{}]}}"#,
            duties.join(","),
            contact("office", "provider", "mondays"),
            contact("desk", "provider", "always"),
            step(1_800, "desk"),
            step(60, "office"),
        );
        let from: jiff::Timestamp = from.parse().unwrap();
        let kernel = &self.world.kernel;
        let operator = self.world.request(&self.world.operator, ()).await.unwrap();
        let caller = crate::transport::Caller::of(&operator).unwrap();
        let (scope, permit) = caller
            .provider_scope(kernel, cordon_kernel::Action::CreateAgreement)
            .await
            .unwrap();
        let mut tx = kernel.db().provider_tx(&scope, &permit).await.unwrap();
        sqlx::query(
            "UPDATE sla_agreements SET valid_to = $1 WHERE tenant_id = 'acme' AND valid_to IS NULL",
        )
        .bind(cordon_kernel::db::nanos(from))
        .execute(tx.conn())
        .await
        .unwrap();
        sqlx::query(
            "INSERT INTO sla_agreements (tenant_id, version, valid_from, valid_to, created_time, \
                    document) VALUES ('acme', $1, $2, NULL, 0, $3)",
        )
        .bind(version)
        .bind(cordon_kernel::db::nanos(from))
        .bind(document)
        .execute(tx.conn())
        .await
        .unwrap();
        let entry = cordon_kernel::AuditEntry::new(&permit);
        tx.commit(entry).await.unwrap();
    }

    /// What comes later stands later.
    fn tick(&self) {
        self.world.clock.advance(SignedDuration::from_millis(1));
    }

    async fn open(&self) -> wire::Incident {
        self.tick();
        let request = wire::CreateIncidentRequest {
            parent: "tenants/acme".into(),
            incident: Some(wire::Incident {
                title: "Keys".into(),
                severity: Severity::Sev2.into(),
                ..Default::default()
            }),
            ..Default::default()
        };
        let made = call!(self, &self.responder, incidents.create_incident(request));
        made.unwrap().incident.unwrap()
    }

    async fn move_to(&self, name: &str, phase: Phase) {
        self.tick();
        let request = wire::MoveIncidentRequest {
            name: name.into(),
            phase: phase.into(),
            reason: "x".into(),
            ..Default::default()
        };
        call!(self, &self.analyst, incidents.move_incident(request)).unwrap();
    }

    async fn list(&self, incident: &str) -> Vec<wire::Task> {
        let request = wire::ListTasksRequest {
            parent: incident.into(),
            ..Default::default()
        };
        let listed = call!(self, &self.reader, tasks.list_tasks(request));
        listed.unwrap().tasks
    }

    async fn get(&self, name: &str) -> wire::Task {
        let request = wire::GetTaskRequest { name: name.into() };
        let found = call!(self, &self.reader, tasks.get_task(request));
        found.unwrap().task.unwrap()
    }

    async fn hand_over(
        &self,
        actor: &Actor,
        name: &str,
        to: Responsible,
    ) -> Result<wire::Task, Status> {
        let request = wire::HandOverTaskRequest {
            name: name.into(),
            to: to.into(),
            reason: "which machine is it?".into(),
            ..Default::default()
        };
        let handed = call!(self, actor, tasks.hand_over_task(request));
        handed.map(|handed| handed.task.unwrap())
    }

    async fn complete(&self, actor: &Actor, name: &str) -> Result<wire::Task, Status> {
        let request = wire::CompleteTaskRequest {
            name: name.into(),
            outcome: "isolated at 10:04".into(),
            ..Default::default()
        };
        let done = call!(self, actor, tasks.complete_task(request));
        done.map(|done| done.task.unwrap())
    }

    async fn timeline(&self, incident: &str) -> Vec<wire::TimelineEntry> {
        let request = wire::ListTimelineEntriesRequest {
            parent: incident.into(),
            ..Default::default()
        };
        let listed = call!(self, &self.reader, incidents.list_timeline_entries(request));
        listed.unwrap().timeline_entries
    }
}

fn add(incident: &str, kind: &str, responsible: Responsible) -> wire::CreateTaskRequest {
    wire::CreateTaskRequest {
        parent: incident.into(),
        task: Some(wire::Task {
            kind: kind.into(),
            title: "Isolate web-1".into(),
            responsible: responsible.into(),
            ..Default::default()
        }),
        request_id: "r-1".into(),
    }
}

#[tokio::test]
async fn a_phase_begins_with_the_tasks_that_the_agreement_has_for_it() {
    let room = Room::new().await;
    room.agree(1, "2025-12-01T00:00:00Z", "provider").await;
    let incident = room.open().await;
    let titles = |tasks: &[wire::Task]| -> Vec<String> {
        tasks.iter().map(|task| task.title.clone()).collect()
    };
    assert_eq!(titles(&room.list(&incident.name).await), ["assess"]);
    room.move_to(&incident.name, Phase::Containment).await;
    let tasks = room.list(&incident.name).await;
    assert_eq!(
        titles(&tasks),
        ["assess", "isolate machine", "collect evidence"]
    );
    let isolate = &tasks[1];
    assert_eq!(isolate.phase(), Phase::Containment);
    assert_eq!(isolate.responsible(), Responsible::Provider);
    assert_eq!(isolate.accountable(), Party::Customer);
    let pending = isolate.pending_action.clone().unwrap();
    assert_eq!(pending.text, "do: isolate machine");
    assert_eq!(pending.responsible(), Responsible::Provider);

    // Gone back to, a phase begins again; what is still to be done is not doubled.
    room.complete(&room.analyst, &isolate.name).await.unwrap();
    room.move_to(&incident.name, Phase::Identification).await;
    room.move_to(&incident.name, Phase::Containment).await;
    let tasks = room.list(&incident.name).await;
    let expected = [
        "assess",
        "isolate machine",
        "collect evidence",
        "isolate machine",
    ];
    assert_eq!(titles(&tasks), expected);
    assert_eq!(tasks[1].state(), State::Done);
    assert_eq!(tasks[3].state(), State::Open);

    // All of it stands in the timeline.
    let added = room
        .timeline(&incident.name)
        .await
        .into_iter()
        .filter(|entry| matches!(&entry.what, Some(What::TaskAdded(_))));
    assert_eq!(added.count(), 4);
}

#[tokio::test]
async fn whose_a_task_is_goes_by_hand_overs_and_else_by_the_agreement_in_force_now() {
    let room = Room::new().await;
    room.agree(1, "2025-12-01T00:00:00Z", "provider").await;
    room.agree(2, "2026-01-01T02:00:00Z", "customer").await;
    let incident = room.open().await;
    room.move_to(&incident.name, Phase::Containment).await;
    let tasks = room.list(&incident.name).await;
    let (isolate, collect) = (&tasks[1].name, &tasks[2].name);

    // Only who has it hands it over, and both sides see it.
    let other = room.hand_over(&room.responder, collect, Responsible::Customer);
    assert_eq!(reason(other.await), "FAILED_PRECONDITION");
    let handed = room.hand_over(&room.analyst, collect, Responsible::Customer);
    let handed = handed.await.unwrap();
    assert_eq!(handed.responsible(), Responsible::Customer);
    let pending = handed.pending_action.unwrap();
    assert_eq!(pending.text, "which machine is it?");
    let timeline = room.timeline(&incident.name).await;
    let last = timeline.last().unwrap();
    assert_eq!(last.reason, "which machine is it?");
    let Some(What::TaskHandedOver(what)) = &last.what else {
        panic!("{last:?}");
    };
    assert_eq!((what.to_customer, what.to_provider), (true, false));
    let other = room.complete(&room.analyst, collect).await;
    assert_eq!(reason(other), "FAILED_PRECONDITION");
    // To whom has it already: nothing happens.
    let again = room.hand_over(&room.responder, collect, Responsible::Customer);
    again.await.unwrap();
    assert_eq!(room.timeline(&incident.name).await.len(), timeline.len());

    // When another agreement comes into force, so do its rows; a hand-over stays.
    assert_eq!(room.get(isolate).await.responsible(), Responsible::Provider);
    room.world.clock.advance(SignedDuration::from_hours(3));
    let room = Room {
        reader: room.world.with_token(&room.reader).await,
        responder: room.world.with_token(&room.responder).await,
        analyst: room.world.with_token(&room.analyst).await,
        ..room
    };
    assert_eq!(room.get(isolate).await.responsible(), Responsible::Customer);
    assert_eq!(room.get(collect).await.responsible(), Responsible::Customer);
    let other = room.complete(&room.analyst, isolate).await;
    assert_eq!(reason(other), "FAILED_PRECONDITION");
    let done = room.complete(&room.responder, isolate).await.unwrap();
    assert_eq!(done.outcome, "isolated at 10:04");
    assert_eq!((done.state(), done.pending_action), (State::Done, None));
    let reopen = wire::ReopenTaskRequest {
        name: isolate.clone(),
        reason: "it still answers".into(),
        ..Default::default()
    };
    let again = call!(room, &room.analyst, tasks.reopen_task(reopen));
    let again = again.unwrap().task.unwrap();
    assert_eq!(again.pending_action.unwrap().text, "it still answers");
}

#[tokio::test]
async fn a_task_of_ones_own_says_whose_it_is_unless_the_agreement_does() {
    let room = Room::new().await;
    room.agree(1, "2025-12-01T00:00:00Z", "provider").await;
    let incident = room.open().await;
    let nobody = add(&incident.name, "", Responsible::Unspecified);
    let nobody = call!(room, &room.responder, tasks.create_task(nobody));
    assert_eq!(fields(nobody), ["task.responsible"]);
    let against = add(&incident.name, "isolate machine", Responsible::Customer);
    let against = call!(room, &room.responder, tasks.create_task(against));
    assert_eq!(fields(against), ["task.responsible"]);
    let reader = add(&incident.name, "", Responsible::Shared);
    let reader = call!(room, &room.reader, tasks.create_task(reader));
    assert_eq!(reason(reader), "PERMISSION_DENIED");

    let known = add(&incident.name, "isolate machine", Responsible::Unspecified);
    let made = call!(room, &room.responder, tasks.create_task(known.clone())).unwrap();
    let again = call!(room, &room.responder, tasks.create_task(known)).unwrap();
    assert_eq!(again, made);
    let task = made.task.unwrap();
    assert_eq!(task.responsible(), Responsible::Provider);
    assert_eq!(task.title, "Isolate web-1");
    // Whoever added it may drop it, though it is the other side's.
    let cancel = wire::CancelTaskRequest {
        name: task.name.clone(),
        reason: "it was the wrong one".into(),
        etag: "stale".into(),
        ..Default::default()
    };
    let stale = call!(room, &room.responder, tasks.cancel_task(cancel.clone()));
    assert_eq!(reason(stale), "ETAG_MISMATCH");
    let cancel = wire::CancelTaskRequest {
        etag: task.etag,
        ..cancel
    };
    let gone = call!(room, &room.responder, tasks.cancel_task(cancel)).unwrap();
    assert_eq!(gone.task.unwrap().state(), State::Cancelled);

    // A stranger is refused, whether or not there is such a task.
    for name in [&task.name, &task.name.replace("tasks/0", "tasks/1")] {
        let get = wire::GetTaskRequest { name: name.clone() };
        let refused = call!(room, &room.stranger, tasks.get_task(get));
        assert_eq!(reason(refused), "PERMISSION_DENIED");
    }
    // Of a closed incident nothing is changed.
    let close = wire::CloseIncidentRequest {
        name: incident.name.clone(),
        code: wire::CloseCode::FalsePositive.into(),
        reason: "none".into(),
        ..Default::default()
    };
    call!(room, &room.responder, incidents.close_incident(close)).unwrap();
    let late = wire::CreateTaskRequest {
        request_id: String::new(),
        ..add(&incident.name, "", Responsible::Shared)
    };
    let late = call!(room, &room.responder, tasks.create_task(late));
    assert_eq!(reason(late), "FAILED_PRECONDITION");
}

#[tokio::test]
async fn whom_to_call_goes_by_the_hour_and_by_how_long_a_move_has_waited() {
    let room = Room::new().await;
    let incident = room.open().await;
    let ask = || wire::ListContactsRequest {
        parent: incident.name.clone(),
    };
    let none = call!(room, &room.reader, tasks.list_contacts(ask())).unwrap();
    assert_eq!((none.contacts.len(), none.agreement.as_str()), (0, ""));
    room.agree(1, "2025-12-01T00:00:00Z", "provider").await;
    // 1 January 2026 is a Thursday.
    let found = call!(room, &room.reader, tasks.list_contacts(ask())).unwrap();
    let calls: Vec<_> = found
        .contacts
        .iter()
        .map(|call| {
            (
                call.contact.clone().unwrap().id,
                call.on_duty,
                call.next_time.is_some(),
            )
        })
        .collect();
    assert_eq!(
        calls,
        [("desk".into(), true, false), ("office".into(), false, true)]
    );
    let reached = |found: &wire::ListContactsResponse| -> Vec<(String, bool)> {
        let steps = found.escalation_steps.iter();
        steps
            .map(|step| (step.contact.clone().unwrap().id, step.reached))
            .collect()
    };
    assert_eq!(
        reached(&found),
        [("office".into(), false), ("desk".into(), false)]
    );
    room.world.clock.advance(SignedDuration::from_mins(5));
    let found = call!(room, &room.reader, tasks.list_contacts(ask())).unwrap();
    assert_eq!(
        reached(&found),
        [("office".into(), true), ("desk".into(), false)]
    );

    // The move goes to the customer, for whom there is no path; what is asked for is shown.
    let hand = wire::HandOverIncidentRequest {
        name: incident.name.clone(),
        to: Party::Customer.into(),
        reason: "name the account".into(),
        ..Default::default()
    };
    let handed = call!(room, &room.analyst, incidents.hand_over_incident(hand));
    let handed = handed.unwrap().incident.unwrap();
    assert_eq!(handed.pending_action, "name the account");
    let found = call!(room, &room.reader, tasks.list_contacts(ask())).unwrap();
    assert!(found.escalation_steps.is_empty());
    assert_eq!(found.pending_since_time, handed.update_time);
}

#[tokio::test]
async fn a_drill_is_marked_and_begins_in_preparation() {
    let room = Room::new().await;
    let request = wire::CreateIncidentRequest {
        parent: "tenants/acme".into(),
        incident: Some(wire::Incident {
            title: "A drill".into(),
            severity: Severity::Sev1.into(),
            exercise: true,
            ..Default::default()
        }),
        ..Default::default()
    };
    let drill = call!(room, &room.responder, incidents.create_incident(request));
    let drill = drill.unwrap().incident.unwrap();
    assert!(drill.exercise);
    assert_eq!(drill.phase(), Phase::Preparation);
    assert_eq!(drill.pending_action, "take note of the incident");
    let real = room.open().await;
    assert!(!real.exercise);
    room.move_to(&drill.name, Phase::Identification).await;
    assert!(
        room.timeline(&drill.name)
            .await
            .iter()
            .all(|entry| entry.exercise)
    );
    assert!(
        room.timeline(&real.name)
            .await
            .iter()
            .all(|entry| !entry.exercise)
    );

    let analyst = room.world.member("", "analyst").await;
    for (exercise, expected) in [
        (None, vec![&drill.name, &real.name]),
        (Some(true), vec![&drill.name]),
        (Some(false), vec![&real.name]),
    ] {
        let list = wire::ListIncidentsRequest {
            parent: "tenants/acme".into(),
            exercise,
            ..Default::default()
        };
        let listed = call!(room, &room.reader, incidents.list_incidents(list)).unwrap();
        let names: Vec<_> = listed
            .incidents
            .iter()
            .map(|incident| &incident.name)
            .collect();
        // Of one moment, in whatever order.
        let names: std::collections::BTreeSet<_> = names.into_iter().collect();
        assert_eq!(names, expected.iter().copied().collect());
        let queue = wire::ListIncidentQueueRequest {
            exercise,
            ..Default::default()
        };
        let queue = call!(room, &analyst, incidents.list_incident_queue(queue)).unwrap();
        assert_eq!(queue.incidents.len(), expected.len());
        for queued in queue.incidents {
            assert_eq!(queued.exercise, queued.name == drill.name);
        }
    }
}
