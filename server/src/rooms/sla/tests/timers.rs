//! Warnings and breaches: once each, at their time, whoever looks.

use cordon_kernel::db::jobs::{JobClaim, JobRunner, Lane};
use inc::timeline_entry::What;
use jiff::Timestamp;
use tokio_stream::StreamExt as _;

use super::*;
use crate::rooms::sla::look_at_clocks;

const LEASE: SignedDuration = SignedDuration::from_mins(1);

impl Room {
    /// Claims what is due.
    async fn due(&self, runner: &JobRunner) -> Vec<JobClaim> {
        let db = self.world.kernel.db();
        db.claim_jobs(runner, Lane::Prompt, LEASE, 100)
            .await
            .unwrap()
    }

    /// Does what is due, as the server does, until nothing is; the latest time that was asked for.
    async fn work(&self, runner: &JobRunner) -> Option<Timestamp> {
        let mut latest = None;
        for _ in 0..10 {
            let claims = self.due(runner).await;
            if claims.is_empty() {
                return latest;
            }
            let kernel = &self.world.kernel;
            for claim in claims {
                let about = claim.job().split_once(':').map_or("", |(_, about)| about);
                match look_at_clocks(kernel, &claim, about).await.unwrap() {
                    Some(next) => {
                        latest = latest.max(Some(next));
                        kernel.db().job_again(claim, next).await.unwrap();
                    }
                    None => kernel.db().job_done(claim).await.unwrap(),
                }
            }
        }
        panic!("due work that does not end");
    }

    /// What was recorded about clocks, in order.
    async fn recorded(&self, incident: &str) -> Vec<String> {
        let request = inc::ListTimelineEntriesRequest {
            parent: incident.into(),
            ..Default::default()
        };
        let listed = call!(
            self,
            &self.responder,
            incidents.list_timeline_entries(request)
        );
        let entries = listed.unwrap().timeline_entries.into_iter();
        let said = entries.filter_map(|entry| match entry.what? {
            What::ClockWarned(warned) => {
                let clock = warned.clock?;
                Some(format!("{:?} {}", clock.objective(), warned.percent))
            }
            What::ClockBreached(breached) => {
                Some(format!("{:?} breached", breached.clock?.objective()))
            }
            _ => None,
        });
        said.collect()
    }

    async fn queued(&self) -> inc::QueuedIncident {
        let request = inc::ListIncidentQueueRequest::default();
        let operator = self.world.with_token(&self.world.operator).await;
        let queue = call!(self, &operator, incidents.list_incident_queue(request));
        queue.unwrap().incidents.remove(0)
    }

    async fn opened(&self) -> String {
        let made = call!(self, &self.responder, incidents.create_incident(opening()));
        made.unwrap().incident.unwrap().name
    }
}

async fn room() -> (Room, JobRunner) {
    let room = Room::new().await;
    room.world
        .clock
        .set("2026-01-02T09:00:00Z".parse().unwrap());
    let room = room.later(SignedDuration::ZERO).await;
    let runner = room.world.kernel.job_runner().unwrap();
    (room, runner)
}

#[tokio::test]
async fn warnings_and_breaches_are_recorded_once_at_their_time() {
    let (room, runner) = room().await;
    room.agree(agreement("2026-01-01T00:00:00Z"), "")
        .await
        .unwrap();
    let name = room.opened().await;
    room.work(&runner).await;
    assert_eq!(room.recorded(&name).await, [""; 0]);
    let queued = room.queued().await;
    assert_eq!(queued.due_time, time("2026-01-02T09:15:00Z"));
    assert_eq!(queued.due_objective(), ObjectiveKind::Acknowledge);

    // Half of fifteen minutes.
    let room = room.later(SignedDuration::from_secs(449)).await;
    assert!(room.due(&runner).await.is_empty(), "nothing is due before");
    let room = room.later(SignedDuration::from_secs(1)).await;
    room.work(&runner).await;
    assert_eq!(room.recorded(&name).await, ["Acknowledge 50"]);
    // Nobody looked at three quarters; at nine tenths the higher one is said.
    let room = room.later(SignedDuration::from_secs(420)).await;
    room.work(&runner).await;
    room.work(&runner).await;
    let said = ["Acknowledge 50", "Acknowledge 90"];
    assert_eq!(room.recorded(&name).await, said);
    assert_eq!(room.queued().await.breaches, 0);
    // The due moment is in time; a nanosecond later is not.
    let room = room.later(SignedDuration::from_secs(30)).await;
    assert!(room.due(&runner).await.is_empty());
    let room = room.later(SignedDuration::from_nanos(1)).await;
    room.work(&runner).await;
    let said = ["Acknowledge 50", "Acknowledge 90", "Acknowledge breached"];
    assert_eq!(room.recorded(&name).await, said);
    let queued = room.queued().await;
    assert_eq!(queued.breaches, 1);
    assert_eq!(queued.due_objective(), ObjectiveKind::Resolve);

    // Closed: nothing is due any more.
    let close = inc::CloseIncidentRequest {
        name: name.clone(),
        code: inc::CloseCode::FalsePositive.into(),
        reason: "a test of ours".into(),
        ..Default::default()
    };
    call!(room, &room.responder, incidents.close_incident(close)).unwrap();
    room.work(&runner).await;
    let room = room.later(SignedDuration::from_hours(24 * 30)).await;
    room.work(&runner).await;
    assert_eq!(room.recorded(&name).await.len(), 3);
}

#[tokio::test]
async fn who_lost_the_claim_records_nothing() {
    let (room, runner) = room().await;
    room.agree(agreement("2026-01-01T00:00:00Z"), "")
        .await
        .unwrap();
    room.work(&runner).await;
    let name = room.opened().await;
    let room = room.later(SignedDuration::from_mins(8)).await;
    let slow = room.due(&runner).await.pop().unwrap();
    let room = room.later(LEASE).await;
    let quick = room.due(&runner).await.pop().unwrap();
    let about = name.rsplit('/').next().unwrap();
    let kernel = &room.world.kernel;
    let refused = look_at_clocks(kernel, &slow, about).await.unwrap_err();
    assert_eq!(refused.reason(), cordon_kernel::Reason::EtagMismatch);
    assert_eq!(room.recorded(&name).await, [""; 0]);
    look_at_clocks(kernel, &quick, about).await.unwrap();
    look_at_clocks(kernel, &quick, about).await.unwrap();
    assert_eq!(room.recorded(&name).await, ["Acknowledge 50"]);
}

#[tokio::test]
async fn what_was_opened_before_the_agreement_is_looked_at_when_it_comes() {
    let (room, runner) = room().await;
    let name = room.opened().await;
    room.work(&runner).await;
    assert_eq!(room.queued().await.due_time, None);
    room.agree(agreement("2026-01-01T00:00:00Z"), "")
        .await
        .unwrap();
    room.work(&runner).await;
    let queued = room.queued().await;
    assert_eq!(queued.name, name);
    assert_eq!(queued.due_time, time("2026-01-02T09:15:00Z"));
}

#[tokio::test]
async fn a_watch_shows_open_clocks_first_and_then_each_that_moves() {
    let (room, runner) = room().await;
    room.agree(agreement("2026-01-01T00:00:00Z"), "")
        .await
        .unwrap();
    let (first, second) = (room.opened().await, room.opened().await);
    let ask = |cursor| wire::WatchClocksRequest {
        parent: "tenants/acme".into(),
        cursor,
    };
    let watch = call!(room, &room.responder, sla.watch_clocks(ask(None)));
    let mut watch = watch.unwrap();
    let all = watch.next().await.unwrap().unwrap();
    let names: Vec<&str> = all
        .incidents
        .iter()
        .map(|of| of.incident.as_str())
        .collect();
    assert_eq!(names, [first.as_str(), second.as_str()]);
    assert_eq!(all.incidents[0].clocks.len(), 2);
    assert_eq!(all.incidents[0].clocks, room.clocks(&first).await);
    let alive = watch.next().await.unwrap().unwrap();
    assert_eq!((alive.incidents.len(), alive.cursor), (0, 2));

    let note = inc::AcknowledgeIncidentRequest {
        name: second.clone(),
        ..Default::default()
    };
    call!(room, &room.analyst, incidents.acknowledge_incident(note)).unwrap();
    let moved = watch.next().await.unwrap().unwrap();
    assert_eq!((moved.incidents.len(), moved.cursor), (1, 3));
    assert_eq!(moved.incidents[0].incident, second);
    assert_eq!(moved.incidents[0].clocks[0].state(), State::Met);
    drop(watch);

    // A warning moves them, too; and who comes back with the cursor has missed nothing.
    let room = room.later(SignedDuration::from_mins(8)).await;
    room.work(&runner).await;
    let watch = call!(room, &room.responder, sla.watch_clocks(ask(Some(3))));
    let mut watch = watch.unwrap();
    let alive = watch.next().await.unwrap().unwrap();
    assert_eq!((alive.incidents.len(), alive.cursor), (0, 3));
    let again = watch.next().await.unwrap().unwrap();
    assert_eq!(again.incidents.len(), 1);
    assert_eq!(again.incidents[0].incident, first);
    let beyond = call!(room, &room.responder, sla.watch_clocks(ask(Some(99))));
    assert_eq!(fields(beyond.map(drop)), ["cursor"]);
    let stranger = room.world.member("tenants/globex", "admin").await;
    let refused = call!(room, &stranger, sla.watch_clocks(ask(None)));
    assert_eq!(reason(refused.map(drop)), "PERMISSION_DENIED");
}
