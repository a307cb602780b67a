//! Tenants that were promised something, and what happened to them in the month.

use std::time::{Duration, Instant};

use cordon_client::time::{now, to_proto};
use cordon_client::{
    Agreement, AlwaysOpen, Calendar, CalendarOpen, Client, NewIncident, Objective, ObjectiveKind,
    Phase, Severity,
};
use futures::stream::{self, StreamExt as _};

use crate::harness::{World, production};

/// Tenants whose incidents are opened at the same time.
const TOGETHER: usize = 32;
const SEVERITIES: [Severity; 4] = [
    Severity::Sev1,
    Severity::Sev2,
    Severity::Sev3,
    Severity::Sev4,
];
const PROMISES: [ObjectiveKind; 5] = [
    ObjectiveKind::Acknowledge,
    ObjectiveKind::FirstUpdate,
    ObjectiveKind::Contain,
    ObjectiveKind::Restore,
    ObjectiveKind::Resolve,
];
const DAY: i64 = 24 * 3_600;

fn name(tenant: u32) -> String {
    format!("t{tenant:04}")
}

/// Within how long: containment is in time, of the gravest incidents all else is late by the time
/// that reports are made, and the other clocks still run.
fn seconds(kind: ObjectiveKind, severity: Severity) -> i64 {
    match (kind, severity) {
        (ObjectiveKind::Contain, _) => DAY,
        (_, Severity::Sev1) => 1,
        _ => 30 * DAY,
    }
}

/// From the beginning of the month on.
fn agreement() -> Agreement {
    let from = now().strftime("%Y-%m-01T00:00:00Z").to_string();
    let objectives = PROMISES.iter().flat_map(|&kind| {
        SEVERITIES.map(|severity| Objective {
            kind: kind.into(),
            severity: severity.into(),
            within: Some(prost_types::Duration {
                seconds: seconds(kind, severity),
                nanos: 0,
            }),
            calendar: "always".into(),
        })
    });
    Agreement {
        valid_from: Some(to_proto(from.parse().unwrap())),
        calendars: vec![Calendar {
            name: "always".into(),
            open: Some(CalendarOpen::Always(AlwaysOpen {})),
        }],
        objectives: objectives.collect(),
        ..Agreement::default()
    }
}

pub async fn tenants(world: &World, tenants: u32) {
    let begun = Instant::now();
    stream::iter(0..tenants)
        .for_each_concurrent(TOGETHER, |tenant| async move {
            let name = name(tenant);
            world.tenant(&name, &[]).await;
            let sla = world.operator.sla();
            sla.create_agreement(&name, agreement(), None)
                .await
                .unwrap();
        })
        .await;
    println!(
        "{tenants} tenants with agreements in {:.0?}",
        begun.elapsed()
    );
}

/// Opens each tenant's incidents and has them contained: three entries and five clocks each. Their
/// timers are left out, and so what those would record: keeping them takes longer than all else.
pub async fn incidents(world: &World, tenants: u32, incidents: u32) {
    let begun = Instant::now();
    suspend_timers(world).await;
    stream::iter(0..tenants)
        .for_each_concurrent(TOGETHER, |tenant| async move {
            let client = world.member(&name(tenant), "responder").await;
            for number in 0..incidents {
                handle(&client, number).await;
            }
        })
        .await;
    resume_timers(world).await;
    let took = begun.elapsed();
    println!(
        "{} incidents opened and contained in {took:.0?}: {:.0}/s",
        tenants * incidents,
        f64::from(tenants * incidents) / took.as_secs_f64(),
    );
    // Until what is promised within a second is late for the last of them, too.
    tokio::time::sleep(Duration::from_secs(2)).await;
}

async fn handle(client: &Client, number: u32) {
    let new = NewIncident {
        title: format!("Keys in a public repository, number {number}"),
        description: "Found by a customer of ours, who told us by mail.".to_owned(),
        severity: SEVERITIES[number as usize % SEVERITIES.len()],
        ..NewIncident::default()
    };
    let incidents = client.incidents();
    let made = incidents.create(new).await.unwrap();
    for phase in [Phase::Containment, Phase::Investigation] {
        let moved = incidents.move_to(&made.name, phase, "", "");
        moved.await.unwrap();
    }
}

/// Lets no more timers of incidents in.
async fn suspend_timers(world: &World) {
    let statements = match production(&world.server.data) {
        None => vec![
            "CREATE TRIGGER no_timers BEFORE INSERT ON jobs WHEN NEW.job LIKE 'clocks:%' \
             BEGIN SELECT RAISE(IGNORE); END",
        ],
        Some(_) => vec![
            "CREATE FUNCTION no_timer() RETURNS trigger LANGUAGE plpgsql AS \
             'BEGIN IF NEW.job LIKE ''clocks:%'' THEN RETURN NULL; END IF; RETURN NEW; END'",
            "CREATE TRIGGER no_timers BEFORE INSERT ON jobs FOR EACH ROW \
             EXECUTE FUNCTION no_timer()",
        ],
    };
    for statement in statements {
        world.tamper(statement).await;
    }
}

/// Lets them in again; those that were left out are not made up for.
async fn resume_timers(world: &World) {
    world
        .tamper("UPDATE incidents SET breaches = 0 WHERE breaches IS NULL")
        .await;
    world
        .tamper(match production(&world.server.data) {
            None => "DROP TRIGGER no_timers",
            Some(_) => "DROP TRIGGER no_timers ON jobs",
        })
        .await;
}
