//! What is said about clocks: by one of the servers, once, whichever of them is there.

use std::time::{Duration, Instant};

use cordon_client::identity::NewKey;
use cordon_client::time::to_proto;
use cordon_client::{
    Agreement, AlwaysOpen, Calendar, CalendarOpen, Client, Holder, NewIncident, Objective,
    ObjectiveKind, Severity, TimelineWhat,
};
use futures::TryStreamExt as _;

use super::{Installed, TENANTS};
use crate::harness::{at, connect};

/// Incidents that are opened, one after another at each server.
const INCIDENTS: usize = 9;
/// Seconds that are promised.
const WITHIN: i64 = 6;
/// For a machine that has other things to do.
const DEADLINE: Duration = Duration::from_secs(90);

fn agreement() -> Agreement {
    Agreement {
        valid_from: Some(to_proto("2026-01-01T00:00:00Z".parse().unwrap())),
        calendars: vec![Calendar {
            name: "always".into(),
            open: Some(CalendarOpen::Always(AlwaysOpen {})),
        }],
        objectives: vec![Objective {
            kind: ObjectiveKind::Acknowledge.into(),
            severity: Severity::Sev2.into(),
            within: Some(prost_types::Duration {
                seconds: WITHIN,
                nanos: 0,
            }),
            calendar: "always".into(),
        }],
        ..Agreement::default()
    }
}

/// What was said about an incident's clocks: percents, and 100 for a breach.
async fn said(client: &Client, incident: &str) -> Vec<i32> {
    let incidents = client.incidents();
    let timeline: Vec<_> = incidents.timeline(incident).try_collect().await.unwrap();
    let said = timeline.into_iter().filter_map(|entry| match entry.what? {
        TimelineWhat::ClockWarned(warned) => Some(warned.percent),
        TimelineWhat::ClockBreached(_) => Some(100),
        _ => None,
    });
    said.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_warning_and_breach_is_said_once_though_a_server_is_killed() {
    let Some(mut installed) = Installed::with("[jobs]\nlease_seconds = 2\n").await else {
        return;
    };
    let (tenant, _) = TENANTS[0];
    let operator = installed.replicas.client(0, &installed.operator).await;
    let sla = operator.sla();
    let made = sla.create_agreement(tenant, agreement(), None).await;
    made.unwrap();
    let holder = Holder::Tenant(tenant.to_owned());
    let key = NewKey::generate("jane").unwrap();
    let tenants = operator.tenants();
    let issued = tenants.issue_credential(&holder, "jane", "responder", &key.request_pem);
    let issued = issued.await.unwrap();
    let mut member = installed.operator.clone();
    member.tenant = Some(tenant.to_owned());
    member.certificate = issued.certificate_pem;
    member.key = key.key;

    let mut names = Vec::new();
    for n in 0..INCIDENTS {
        let client = connect(at(&member, installed.replicas.address(n % 3))).await;
        let new = NewIncident {
            title: "Keys in a public repository".into(),
            severity: Severity::Sev2,
            ..NewIncident::default()
        };
        names.push(client.incidents().create(new).await.unwrap().name);
    }
    installed.replicas.kill(1).await;
    let client = connect(at(&member, installed.replicas.address(2))).await;
    let begun = Instant::now();
    for name in &names {
        while said(&client, name).await.last() != Some(&100) {
            assert!(
                begun.elapsed() < DEADLINE,
                "{:?}",
                said(&client, name).await
            );
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
    // Longer than a lease: whoever held one is heard by then.
    installed.replicas.restart(1).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    for name in &names {
        let said = said(&client, name).await;
        assert!(said.windows(2).all(|two| two[0] < two[1]), "{said:?}");
        assert_eq!(said.last(), Some(&100));
    }
}
