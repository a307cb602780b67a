//! What comes in, and what is kept in step.

use cordon_proto::incidents as wire;
use cordon_proto::incidents::exchange_service_server::ExchangeService as _;
use cordon_proto::incidents::incidents_service_server::IncidentsService as _;
use wire::import_result::Outcome;
use wire::incident::State;
use wire::timeline_entry::What;
use wire::{CloseCode, Phase, Severity, Tlp};

use super::super::tests::{Room, note};
use super::ExchangeRpc;
use crate::rooms::tenants::tests::{Actor, call, fields, reason};

struct Desk {
    room: Room,
    exchange: ExchangeRpc,
    runner: cordon_kernel::db::jobs::JobRunner,
}

impl Desk {
    async fn new() -> Self {
        Self::of(Room::new().await)
    }

    fn of(room: Room) -> Self {
        let exchange = ExchangeRpc::new(room.world.kernel.clone());
        let runner = room.world.kernel.job_runner().unwrap();
        Self {
            room,
            exchange,
            runner,
        }
    }

    async fn request<T>(
        &self,
        actor: &Actor,
        message: T,
    ) -> Result<tonic::Request<T>, tonic::Status> {
        self.room.request(actor, message).await
    }

    async fn import(&self, incidents: Vec<wire::ForeignIncident>) -> Vec<wire::ImportResult> {
        let request = bring(incidents);
        let told = call!(
            self,
            &self.room.responder,
            exchange.import_incidents(request)
        );
        told.unwrap().results
    }

    async fn get(&self, name: &str) -> wire::Incident {
        let get = wire::GetIncidentRequest { name: name.into() };
        let room = &self.room;
        let found = call!(room, &room.reader, incidents.get_incident(get));
        found.unwrap().incident.unwrap()
    }

    async fn clocks(&self, name: &str) -> usize {
        let kernel = &self.room.world.kernel;
        let acme = "acme".parse().unwrap();
        let (scope, _) = kernel.maintenance_scope(&self.runner, &acme, "test");
        let cipher = kernel.cipher(&scope).await.unwrap();
        let mut read = kernel.db().tenant_read(&scope).await.unwrap();
        let (_, id) = super::super::incident_name("name", name).unwrap();
        let log = super::super::clock_log(read.conn(), &cipher, id).await;
        log.unwrap().entries.len()
    }

    /// All that was changed behind a cursor, by number, and the next one.
    async fn changed(&self, after: i64, page_size: i32) -> (Vec<i64>, i64) {
        let mut list = wire::ListIncidentsRequest {
            parent: "tenants/acme".into(),
            changed_after: Some(after),
            page_size,
            ..Default::default()
        };
        let (room, mut seen) = (&self.room, Vec::new());
        loop {
            let page = call!(room, &room.reader, incidents.list_incidents(list.clone()));
            let page = page.unwrap();
            seen.extend(page.incidents.iter().map(|incident| incident.number));
            if page.next_page_token.is_empty() {
                return (seen, page.cursor.unwrap());
            }
            list.page_token = page.next_page_token;
        }
    }
}

fn bring(incidents: Vec<wire::ForeignIncident>) -> wire::ImportIncidentsRequest {
    wire::ImportIncidentsRequest {
        parent: "tenants/acme".into(),
        incidents,
    }
}

fn at(seconds: i64) -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp { seconds, nanos: 0 })
}

fn foreign(id: &str) -> wire::ForeignIncident {
    wire::ForeignIncident {
        external_id: id.into(),
        title: "Keys in a public repository".into(),
        severity: Severity::Sev2.into(),
        create_time: at(1_600_000_000),
        ..Default::default()
    }
}

fn closed(id: &str) -> wire::ForeignIncident {
    wire::ForeignIncident {
        state: State::Closed.into(),
        close_code: CloseCode::Resolved.into(),
        tlp: Tlp::AmberStrict.into(),
        reporter: "jane of old".into(),
        close_time: at(1_600_009_000),
        clean_state_criteria: vec!["all keys revoked".into()],
        comments: (0..30)
            .map(|n| wire::ForeignComment {
                author: format!("person {n}"),
                create_time: at(1_600_000_100 + n),
                text: format!("said {n}"),
            })
            .collect(),
        ..foreign(id)
    }
}

fn outcomes(told: &[wire::ImportResult]) -> Vec<Outcome> {
    told.iter().map(wire::ImportResult::outcome).collect()
}

#[tokio::test]
async fn import_states_the_past_and_forges_nothing() {
    let desk = Desk::new().await;
    let told = desk.import(vec![closed("CASE-1")]).await;
    assert_eq!(outcomes(&told), [Outcome::Imported]);
    let name = told[0].incident.clone();
    let incident = desk.get(&name).await;
    assert_eq!(
        (incident.state(), incident.phase(), incident.close_code()),
        (State::Closed, Phase::FollowUp, CloseCode::Resolved)
    );
    assert_eq!(incident.pending_party, 0);
    // The times are those of here; what they were there is stated.
    assert!(incident.create_time.unwrap().seconds > 1_600_009_000);
    assert_eq!(incident.close_time, incident.create_time);
    let origin = incident.origin.unwrap();
    assert_eq!(origin.external_id, "CASE-1");
    assert_eq!(origin.author, "jane of old");
    assert_eq!(
        (origin.create_time, origin.close_time),
        (at(1_600_000_000), at(1_600_009_000))
    );
    assert!(incident.clean_state_criteria[0].customer.is_none());
    let timeline = desk.room.timeline(&name).await;
    assert_eq!(timeline.len(), 1);
    assert_eq!(timeline[0].time, incident.create_time);
    let Some(What::Imported(imported)) = &timeline[0].what else {
        panic!("{timeline:?}");
    };
    assert_eq!(imported.comments, 30);
    assert_eq!(
        imported.origin.as_ref().unwrap().create_time,
        at(1_600_000_000)
    );

    // What was said comes in the order in which it was said, from whoever brought it.
    let list = wire::ListCommentsRequest {
        parent: name.clone(),
        page_size: 7,
        ..Default::default()
    };
    let said = desk.comments(list).await;
    let texts: Vec<_> = said.iter().map(|comment| comment.text.clone()).collect();
    assert_eq!(
        texts,
        (0..30).map(|n| format!("said {n}")).collect::<Vec<_>>()
    );
    assert_eq!(said[3].author, timeline[0].actor);
    assert_eq!(said[3].origin.as_ref().unwrap().author, "person 3");

    // No clock runs, whatever is done with it from now on.
    assert_eq!(desk.clocks(&name).await, 0);
    let reopen = wire::ReopenIncidentRequest {
        name: name.clone(),
        reason: "again".into(),
        ..Default::default()
    };
    let room = &desk.room;
    call!(room, &room.responder, incidents.reopen_incident(reopen)).unwrap();
    call!(
        room,
        &room.analyst,
        incidents.acknowledge_incident(note(&name))
    )
    .unwrap();
    assert!(desk.get(&name).await.origin.is_some());
    let kernel_log = desk.log(&name).await;
    assert!(cordon_sla::clock::evaluate(&kernel_log, |_| None, jiff::Timestamp::MAX).is_empty());
    assert!(
        !kernel_log
            .iter()
            .any(|entry| matches!(entry.event, cordon_sla::clock::Event::Opened { .. }))
    );
}

impl Desk {
    async fn comments(&self, mut list: wire::ListCommentsRequest) -> Vec<wire::Comment> {
        let (room, mut said) = (&self.room, Vec::new());
        loop {
            let page = call!(room, &room.reader, incidents.list_comments(list.clone()));
            let page = page.unwrap();
            said.extend(page.comments);
            if page.next_page_token.is_empty() {
                return said;
            }
            list.page_token = page.next_page_token;
        }
    }

    async fn log(&self, name: &str) -> Vec<cordon_sla::clock::Entry> {
        let kernel = &self.room.world.kernel;
        let acme = "acme".parse().unwrap();
        let (scope, _) = kernel.maintenance_scope(&self.runner, &acme, "test");
        let cipher = kernel.cipher(&scope).await.unwrap();
        let mut read = kernel.db().tenant_read(&scope).await.unwrap();
        let (_, id) = super::super::incident_name("name", name).unwrap();
        super::super::clock_log(read.conn(), &cipher, id)
            .await
            .unwrap()
            .entries
    }
}

#[tokio::test]
async fn import_twice_is_once_and_each_is_told() {
    let desk = Desk::new().await;
    let bad = wire::ForeignIncident {
        title: "two\nlines".into(),
        description: "bell \u{7}".into(),
        severity: 0,
        state: State::Closed.into(),
        comments: vec![wire::ForeignComment::default()],
        ..foreign("CASE-2")
    };
    let early = wire::ForeignIncident {
        phase: Phase::Containment.into(),
        ..closed("CASE-3")
    };
    let html = wire::ForeignIncident {
        title: "<script>alert(1)</script>\u{202e}txt".into(),
        ..foreign("CASE-4")
    };
    let all = vec![foreign("CASE-1"), bad, early, html, foreign("CASE-1")];
    let told = desk.import(all.clone()).await;
    use Outcome::{Differs, Imported, Known, Refused};
    assert_eq!(
        outcomes(&told),
        [Imported, Refused, Refused, Imported, Known]
    );
    let wrong: Vec<_> = told[1]
        .violations
        .iter()
        .map(|v| v.field.as_str())
        .collect();
    assert_eq!(
        wrong,
        [
            "title",
            "description",
            "severity",
            "close_code",
            "comments[0].text"
        ]
    );
    assert_eq!(told[2].violations[0].field, "phase");
    assert_eq!(told[4].incident, told[0].incident);
    assert_eq!(
        desk.get(&told[3].incident).await.title,
        "<script>alert(1)</script>\u{202e}txt",
        "kept as it is: whoever shows it escapes it"
    );
    let again = desk.import(all).await;
    assert_eq!(outcomes(&again), [Known, Refused, Refused, Known, Known]);
    let other = wire::ForeignIncident {
        title: "Other".into(),
        ..foreign("CASE-1")
    };
    let told = desk.import(vec![other]).await;
    assert_eq!(outcomes(&told), [Differs]);
    assert_ne!(desk.get(&told[0].incident).await.title, "Other");

    // What is from here is here, and what has a stranger's name is a new one.
    let own = desk.room.open("own").await.name;
    let told = desk.import(vec![foreign(&own)]).await;
    assert_eq!(outcomes(&told), [Known]);
    assert_eq!(told[0].incident, own);
    let theirs = own.replace("acme", "globex");
    let told = desk.import(vec![foreign(&theirs)]).await;
    assert_eq!(outcomes(&told), [Imported]);

    // The same id is another incident of another tenant.
    let theirs = wire::ImportIncidentsRequest {
        parent: "tenants/globex".into(),
        ..bring(vec![foreign("CASE-1")])
    };
    let stranger = &desk.room.stranger;
    let told = call!(desk, stranger, exchange.import_incidents(theirs));
    let told = told.unwrap().results;
    assert_eq!(outcomes(&told), [Imported]);
    let ours = desk.import(vec![foreign("CASE-1")]).await;
    let id = |name: &str| name.rsplit('/').next().unwrap().to_owned();
    assert_ne!(id(&told[0].incident), id(&ours[0].incident));
}

#[tokio::test]
async fn import_is_for_those_who_handle_incidents() {
    let desk = Desk::new().await;
    for actor in [&desk.room.reader, &desk.room.stranger] {
        let refused = call!(
            desk,
            actor,
            exchange.import_incidents(bring(vec![foreign("x")]))
        );
        assert_eq!(reason(refused), "PERMISSION_DENIED");
    }
    let none = call!(
        desk,
        &desk.room.responder,
        exchange.import_incidents(bring(vec![]))
    );
    assert_eq!(fields(none), ["incidents"]);
    let many = (0..101).map(|n| foreign(&n.to_string())).collect();
    let many = call!(
        desk,
        &desk.room.responder,
        exchange.import_incidents(bring(many))
    );
    assert_eq!(fields(many), ["incidents"]);
    // What was brought in counts in no service level.
    let theirs = call!(
        desk,
        &desk.room.analyst,
        exchange.import_incidents(bring(vec![foreign("x")]))
    );
    assert_eq!(reason(theirs), "PERMISSION_DENIED");
}

#[tokio::test]
async fn a_copy_is_kept_in_step_whatever_the_clocks_say() {
    let mut room = Room::new().await;
    // So that an hour ago certificates were good, too.
    room.world
        .clock
        .advance(jiff::SignedDuration::from_hours(2));
    room.responder = room.world.with_token(&room.responder).await;
    room.reader = room.world.with_token(&room.reader).await;
    let desk = Desk::of(room);
    let room = &desk.room;
    let mut names = Vec::new();
    for n in 0..5 {
        names.push(room.open(&format!("incident {n}")).await.name);
    }
    let (seen, cursor) = desk.changed(0, 2).await;
    assert_eq!((seen, cursor), (vec![1, 2, 3, 4, 5], 5));
    assert_eq!(desk.changed(cursor, 2).await, (vec![], 5));

    // The clock of the server that does this is an hour behind: the change has an earlier time
    // than others that were seen, and is behind the cursor all the same.
    room.world
        .clock
        .advance(jiff::SignedDuration::from_hours(-1));
    let responder = room.world.with_token(&room.responder).await;
    room.move_to(&responder, &names[1], Phase::Containment)
        .await
        .unwrap();
    let late = new_incident("late");
    call!(room, &responder, incidents.create_incident(late)).unwrap();
    room.world
        .clock
        .advance(jiff::SignedDuration::from_hours(1));
    let (seen, after) = desk.changed(cursor, 1).await;
    assert_eq!(seen, [2, 6]);

    // While pages are read, what was read and what is still to come are changed: both come as they
    // are then, and the copy has all of it.
    let mut list = wire::ListIncidentsRequest {
        parent: "tenants/acme".into(),
        changed_after: Some(0),
        page_size: 2,
        ..Default::default()
    };
    let (mut seen, mut changes) = (Vec::new(), 2);
    let last = loop {
        let page = call!(room, &room.reader, incidents.list_incidents(list.clone()));
        let page = page.unwrap();
        seen.extend(page.incidents.iter().map(|incident| incident.number));
        // From any page on nothing is missed.
        let last = page.cursor.unwrap();
        let rest = desk.changed(last, 9).await.0;
        assert_eq!(rest.is_empty(), page.next_page_token.is_empty());
        if page.next_page_token.is_empty() {
            break last;
        }
        list.page_token = page.next_page_token;
        for name in [&names[0], &names[4]].iter().filter(|_| changes > 0) {
            let say = wire::CreateCommentRequest {
                parent: (*name).clone(),
                comment: Some(wire::Comment {
                    text: "more".into(),
                    ..Default::default()
                }),
                ..Default::default()
            };
            call!(room, &room.responder, incidents.create_comment(say)).unwrap();
        }
        changes -= 1;
    };
    assert_eq!(seen, [1, 3, 4, 2, 6, 1, 5]);
    assert!(last > after);
    assert_eq!(desk.changed(last, 9).await, (vec![], last));

    // A cursor from elsewhere, a filter beside it.
    for (cursor, states) in [(99, vec![]), (-1, vec![]), (0, vec![State::Open.into()])] {
        let list = wire::ListIncidentsRequest {
            parent: "tenants/acme".into(),
            changed_after: Some(cursor),
            states,
            ..Default::default()
        };
        let refused = call!(room, &room.reader, incidents.list_incidents(list));
        assert_eq!(fields(refused), ["changed_after"]);
    }
}

fn new_incident(title: &str) -> wire::CreateIncidentRequest {
    wire::CreateIncidentRequest {
        parent: "tenants/acme".into(),
        incident: Some(wire::Incident {
            title: title.into(),
            severity: Severity::Sev3.into(),
            ..Default::default()
        }),
        ..Default::default()
    }
}

#[tokio::test]
async fn an_incident_is_found_by_number_and_what_happened_to_all_has_no_gap() {
    let desk = Desk::new().await;
    let room = &desk.room;
    for n in 0..4 {
        room.world.clock.advance(jiff::SignedDuration::from_secs(1));
        room.open(&format!("incident {n}")).await;
    }
    desk.import(vec![foreign("CASE-1")]).await;
    let listed = |number, updated_after| wire::ListIncidentsRequest {
        parent: "tenants/acme".into(),
        number,
        updated_after,
        ..Default::default()
    };
    let found = call!(
        room,
        &room.reader,
        incidents.list_incidents(listed(3, None))
    );
    let found = found.unwrap().incidents;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].title, "incident 2");
    let since = found[0].update_time;
    let later = call!(
        room,
        &room.reader,
        incidents.list_incidents(listed(0, since))
    );
    let later: Vec<_> = later.unwrap().incidents.iter().map(|i| i.number).collect();
    assert_eq!(later.iter().max(), Some(&5));
    assert!(!later.contains(&3) && later.contains(&4), "{later:?}");
    let none = call!(
        room,
        &room.reader,
        incidents.list_incidents(listed(9, None))
    );
    assert_eq!(none.unwrap().incidents, []);
    let wrong = call!(
        room,
        &room.reader,
        incidents.list_incidents(listed(-1, None))
    );
    assert_eq!(fields(wrong), ["number"]);
    let many = wire::ListIncidentsRequest {
        phases: vec![Phase::Recovery.into(); 65],
        ..listed(0, None)
    };
    let many = call!(room, &room.reader, incidents.list_incidents(many));
    assert_eq!(fields(many), ["phases"]);

    let mut list = wire::ListTimelineEntriesRequest {
        parent: "tenants/acme/incidents/-".into(),
        page_size: 2,
        ..Default::default()
    };
    let mut sequences = Vec::new();
    loop {
        let page = call!(
            room,
            &room.reader,
            incidents.list_timeline_entries(list.clone())
        );
        let page = page.unwrap();
        sequences.extend(page.timeline_entries.iter().map(|entry| entry.sequence));
        if page.next_page_token.is_empty() {
            break;
        }
        list.page_token = page.next_page_token;
    }
    assert_eq!(sequences, [1, 2, 3, 4, 5]);
    list.page_token = String::new();
    let stranger = call!(room, &room.stranger, incidents.list_timeline_entries(list));
    assert_eq!(reason(stranger), "PERMISSION_DENIED");
}
