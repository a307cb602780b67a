//! Who does what, through the client; and incidents of the whole provider that a `kill -9` breaks off.

use std::time::Duration;

use cordon_client::time::to_proto;
use cordon_client::{
    Agreement, Client, CloseCode, Comment, Contact, Duty, Entry, Holder, Incident, IncidentFilter,
    NewIncident, NewTask, Party, Phase, ProviderIncident, Reason, Responsible, Severity, Task,
    TaskState, TimelineWhat,
};
use futures::TryStreamExt as _;
use serde_json::{Value, json};

use crate::harness::{Raw, Server, World, at, connect, json as to_json, methods, request};

fn entry() -> Entry {
    Entry::new("works on a fault of ours").reference("INC-1")
}

async fn analyst(world: &World) -> Client {
    let profile = world.issue(Holder::Staff, "analyst").await;
    connect(profile).await.entering(entry())
}

fn agreement() -> Agreement {
    let duty = |task: &str, responsible: Responsible, phase: Phase| Duty {
        task: task.into(),
        asks: format!("please: {task}"),
        responsible: responsible.into(),
        accountable: Party::Customer.into(),
        phases: vec![phase.into()],
        ..Duty::default()
    };
    Agreement {
        valid_from: Some(to_proto("2026-01-01T00:00:00Z".parse().unwrap())),
        calendars: vec![cordon_client::Calendar {
            name: "always".into(),
            open: Some(cordon_client::CalendarOpen::Always(
                cordon_client::AlwaysOpen {},
            )),
        }],
        duties: vec![
            duty("assess", Responsible::Shared, Phase::Identification),
            duty("isolate", Responsible::Provider, Phase::Containment),
        ],
        contacts: vec![Contact {
            id: "desk".into(),
            party: Party::Provider.into(),
            name: "Security desk".into(),
            phone: "+49 30 000000".into(),
            hours: "always".into(),
            ..Contact::default()
        }],
        escalations: vec![cordon_client::Escalation {
            party: Party::Provider.into(),
            hours: "always".into(),
            contact: "desk".into(),
            ..cordon_client::Escalation::default()
        }],
        ..Agreement::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_sides_see_whose_task_it_is() {
    let world = World::new().await;
    world.tenant("initech", &[]).await;
    let made = world
        .operator
        .sla()
        .create_agreement("initech", agreement(), None)
        .await
        .unwrap();
    assert_eq!(made.duties, agreement().duties);
    assert_eq!(made.contacts, agreement().contacts);
    assert_eq!(made.escalations.len(), 1);

    let customer = world.member("initech", "responder").await;
    let staff = analyst(&world).await;
    let new = NewIncident {
        title: "Keys in a public repository".into(),
        severity: Severity::Sev1,
        ..NewIncident::default()
    };
    let incident = customer.incidents().create(new).await.unwrap();
    let moved = staff.incidents();
    let moved = moved.move_to(&incident.name, Phase::Containment, "", "");
    moved.await.unwrap();
    let open = [TaskState::Open];
    let tasks: Vec<Task> = customer
        .tasks()
        .list(&incident.name, &open)
        .try_collect()
        .await
        .unwrap();
    let titles: Vec<_> = tasks.iter().map(|task| task.title.as_str()).collect();
    assert_eq!(titles, ["assess", "isolate"]);

    // It is the provider's until that hands it over, and both read so.
    let isolate = &tasks[1].name;
    let early = customer.tasks().complete(isolate, "", "").await;
    assert_eq!(*early.unwrap_err().reason(), Reason::FailedPrecondition);
    let reason = "which machine is it?";
    let tasks = staff.tasks();
    let handed = tasks.hand_over(isolate, Responsible::Customer, reason, "");
    let handed = handed.await.unwrap();
    assert_eq!(customer.tasks().get(isolate).await.unwrap(), handed);
    assert_eq!(handed.pending_action.unwrap().text, reason);
    let own_tasks = customer.tasks();
    let done = own_tasks.complete(isolate, "web-1, isolated", "");
    assert_eq!(done.await.unwrap().state(), TaskState::Done);
    let free = NewTask {
        title: "Tell the works council".into(),
        responsible: Some(Responsible::Customer),
        ..NewTask::default()
    };
    customer.tasks().add(&incident.name, free).await.unwrap();
    let timeline: Vec<_> = staff
        .incidents()
        .timeline(&incident.name)
        .try_collect()
        .await
        .unwrap();
    let handed = timeline
        .iter()
        .find(|entry| matches!(&entry.what, Some(TimelineWhat::TaskHandedOver(_))));
    assert_eq!(handed.unwrap().reason, reason);

    let contacts = customer.tasks().contacts(&incident.name).await.unwrap();
    assert!(contacts.contacts[0].on_duty);
    assert!(contacts.escalation_steps[0].reached);
    assert_eq!(contacts.agreement, made.name);
}

async fn own(client: &Client) -> Vec<Incident> {
    let incidents = client.incidents();
    let all = incidents.list(IncidentFilter::default()).try_collect();
    all.await.unwrap()
}

async fn said(client: &Client, name: &str) -> Vec<Comment> {
    client
        .incidents()
        .comments(name)
        .try_collect()
        .await
        .unwrap()
}

/// Somebody of the staff below the client, so that a call can be repeated under its own name.
async fn raw_staff(server: &Server, profile: &cordon_client::Profile) -> Raw {
    let mut raw = Raw::member(&at(profile, &server.address)).await;
    raw.enter("works on a fault of ours", "INC-1");
    raw
}

async fn does(raw: &Raw, method: &str, body: &Value) -> Result<Value, tonic::Status> {
    let all = methods();
    let method = all.iter().find(|found| found.name() == method).unwrap();
    let answer = raw.call(method, request(method, &body.to_string())).await?;
    Ok(serde_json::from_str(&to_json(method, &answer[0])).unwrap())
}

/// How often the server ends in the midst.
const KILLS: u64 = 6;
const TENANTS: usize = 24;

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_in_the_midst_leaves_no_tenant_without_and_none_with_two() {
    let world = World::new().await;
    let tenants: Vec<String> = (0..TENANTS).map(|n| format!("customer-{n}")).collect();
    let mut members = Vec::new();
    for tenant in &tenants {
        world.tenant(tenant, &[]).await;
        members.push(world.issue(Holder::Tenant(tenant.clone()), "reader").await);
    }
    let profile = world.issue(Holder::Staff, "analyst").await;
    let World {
        folder, mut server, ..
    } = world;
    let data = folder.path().join("data");
    let named: Vec<String> = tenants.iter().map(|id| format!("tenants/{id}")).collect();
    let open = json!({
        "providerIncident": { "title": "A storage fault", "severity": "SEVERITY_SEV1" },
        "tenants": named,
        "requestId": "open",
    });
    let mut calls = vec![("CreateProviderIncident", open)];
    let mut midway = 0;
    for round in 0..KILLS {
        let (method, body) = calls.last().unwrap().clone();
        let raw = raw_staff(&server, &profile).await;
        let calling = tokio::spawn(async move { does(&raw, method, &body).await });
        tokio::time::sleep(Duration::from_millis(6 + 9 * round)).await;
        server.kill().await;
        let answered = matches!(calling.await, Ok(Ok(_)));
        server = Server::start(&data).await;
        // The same call once more finishes it.
        let raw = raw_staff(&server, &profile).await;
        let (method, body) = calls.last().unwrap();
        let list = does(&raw, "ListProviderIncidents", &json!({}))
            .await
            .unwrap();
        if let Some(name) = list["providerIncidents"][0]["name"].as_str() {
            let name = json!({ "name": name });
            let half = does(&raw, "GetProviderIncident", &name);
            let half = half.await.unwrap();
            let children = half["providerIncident"]["children"].as_array().unwrap();
            let left = children.iter().filter(|child| child["complete"] != true);
            midway += usize::from(!answered && left.count() > 0);
        }
        let whole = does(&raw, method, body).await.unwrap();
        let whole = &whole["providerIncident"];
        let children = whole["children"].as_array().unwrap();
        assert_eq!(children.len(), TENANTS);
        assert!(children.iter().all(|child| child["complete"] == true));
        let text = format!("notice {round}");
        let notice = json!({ "name": whole["name"], "text": text, "requestId": text });
        calls.push(("PostProviderNotice", notice));
    }
    assert!(midway > 0, "no kill came in the midst");
    // The last notice was made up and never sent.
    let expected: Vec<String> = (0..KILLS - 1)
        .map(|round| format!("notice {round}"))
        .collect();
    for member in &members {
        let client = connect(at(member, &server.address)).await;
        let incidents = own(&client).await;
        assert_eq!(incidents.len(), 1);
        assert_eq!(incidents[0].number, 1);
        let texts: Vec<String> = said(&client, &incidents[0].name)
            .await
            .into_iter()
            .map(|comment| comment.text)
            .collect();
        assert_eq!(texts, expected);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incident_of_the_provider_through_the_client() {
    let world = World::new().await;
    for tenant in ["initech", "hooli", "umbrella"] {
        world.tenant(tenant, &[]).await;
    }
    let staff = analyst(&world).await;
    let incidents = staff.provider_incidents();
    let new = NewIncident {
        title: "A storage fault".into(),
        severity: Severity::Sev1,
        ..NewIncident::default()
    };
    let suspended = world.operator.tenants();
    suspended
        .suspend_tenant("hooli", "a test", "")
        .await
        .unwrap();
    let two = ["initech".to_owned(), "hooli".to_owned()];
    let opened = incidents.create(new, &two).await.unwrap();
    let complete = |whole: &ProviderIncident| -> Vec<bool> {
        whole.children.iter().map(|child| child.complete).collect()
    };
    // By tenant: hooli can't be entered now.
    assert_eq!(complete(&opened), [false, true]);
    suspended.resume_tenant("hooli", "").await.unwrap();
    let whole = incidents.notice(&opened.name, "half of it is back").await;
    assert_eq!(complete(&whole.unwrap()), [true, true]);
    let later = ["umbrella".to_owned()];
    let whole = incidents.add_tenants(&opened.name, &later).await.unwrap();
    assert_eq!(complete(&whole), [true; 3]);

    let member = world.member("umbrella", "admin").await;
    let child = own(&member).await.remove(0);
    assert!(child.provider_wide);
    let notices = said(&member, &child.name).await;
    assert!(notices[0].common);
    let code = CloseCode::Accepted;
    let closed = incidents.close(&opened.name, code, "all of it is back");
    let closed = closed.await.unwrap();
    assert_eq!(incidents.get(&opened.name).await.unwrap(), closed);
    let all: Vec<_> = incidents.list().try_collect().await.unwrap();
    assert_eq!(all.len(), 1);
    let child = own(&member).await.remove(0);
    assert_eq!(child.close_code(), code);
    let log: Vec<_> = member.audit().list(None, None).try_collect().await.unwrap();
    let log = format!("{log:?}");
    for foreign in ["initech", "hooli", "providerIncident", "ProviderIncident"] {
        assert!(!log.contains(foreign), "{foreign}: {log}");
    }
}
