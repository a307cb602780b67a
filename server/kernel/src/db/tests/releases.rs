//! What answers across tenants rest on: each tenant counts once, a closed day stays as it is, a
//! budget is its organisation's, and what no answer reaches back to is gone.

use std::sync::Arc;

use cordon_release::{Bucket, DAY_QUESTIONS, Day, Evidence, Indicator, Refused};
use jiff::{SignedDuration, Timestamp};

use super::super::jobs::{CONTRIBUTE, JobClaim, JobRunner, Lane};
use super::super::testing::*;
use crate::error::Reason;

const LEASE: SignedDuration = SignedDuration::from_mins(10);
/// The day after the clock's first.
const FIRST: i32 = 20_782;

fn midnight(day: i32) -> Timestamp {
    Day::from_number(day).minus(1).end()
}

fn address(n: u32) -> Indicator {
    Indicator::parse_address(&format!("203.0.113.{n}")).unwrap()
}

async fn at(world: &World, day: i32, hours: i64) {
    let hours = SignedDuration::from_hours(hours);
    world.clock.set(midnight(day).checked_add(hours).unwrap());
    let runner = JobRunner::new();
    world.db.keep_release_days(&runner).await.unwrap();
}

async fn append(world: &World, id: &str, tenants: &[&str]) {
    let blocks = tenants.iter().map(|tenant| block(tenant, 1, id)).collect();
    world.append("trail", vec![batch(id, blocks)]).await;
}

/// The claims of all contributions that are due.
async fn claims(world: &World) -> Vec<JobClaim> {
    let runner = JobRunner::new();
    let mut claimed = Vec::new();
    loop {
        let more = world.db.claim_jobs(&runner, Lane::Bulk, LEASE, 100).await;
        let more = more.unwrap();
        if more.is_empty() {
            break;
        }
        claimed.extend(more);
    }
    claimed.retain(|claim| claim.job() == CONTRIBUTE);
    claimed.sort_by(|a, b| a.tenant().cmp(b.tenant()));
    claimed
}

/// Contributes an indicator; `None` if there is nothing to be contributed to.
async fn contribute(world: &World, claim: &JobClaim, seen: Indicator) -> Option<bool> {
    let begun = world.db.begin_contribution(claim).await.unwrap()?;
    assert!(begun.after() < begun.until());
    let mut collector = begun.collector();
    collector.see(&seen);
    let contribution = collector.finish();
    let done = world.db.contribute(claim, &contribution, begun.until());
    Some(done.await.unwrap())
}

async fn ask(world: &World, tenant: &str, seen: Indicator) -> Result<Bucket, Refused> {
    let evidence = Evidence {
        indicator: seen,
        seen: Day::of(world.env.now()),
    };
    let scope = scope(tenant);
    let answered = world.db.answer_indicator(&scope, seen, Some(evidence));
    answered.await.unwrap().map(|answer| answer.value())
}

async fn counted(world: &World, day: i32) -> Vec<String> {
    let sql = format!("SELECT tenants FROM release_counts WHERE day = {day} ORDER BY tenants");
    world.ask(&sql).await
}

#[tokio::test]
async fn a_tenant_counts_once_whichever_server_counts() {
    let world = World::new().await;
    world.create(&["acme", "globex", "idle"]).await;
    at(&world, FIRST, 12).await;
    append(&world, "b1", &["acme", "globex"]).await;
    at(&world, FIRST + 1, 0).await;
    assert!(claims(&world).await.len() < 3, "spread over three hours");
    at(&world, FIRST + 1, 3).await;
    append(&world, "b2", &["acme"]).await;
    let [acme, globex, idle] = <[JobClaim; 3]>::try_from({
        world.clock.advance(LEASE);
        claims(&world).await
    })
    .unwrap();
    // What came in after midnight is of the next day.
    let begun = world.db.begin_contribution(&acme).await.unwrap().unwrap();
    assert_eq!((begun.after(), begun.until()), (0, 1));
    assert_eq!(contribute(&world, &acme, address(1)).await, Some(true));
    assert_eq!(contribute(&world, &acme, address(1)).await, None);
    assert_eq!(contribute(&world, &idle, address(1)).await, None);
    assert_eq!(counted(&world, FIRST).await, ["1"]);

    // One that began before another had its claim, and ends after it.
    let late = world.db.begin_contribution(&globex).await.unwrap().unwrap();
    world.clock.advance(LEASE);
    let [_, again, _] = <[JobClaim; 3]>::try_from(claims(&world).await).unwrap();
    assert_eq!(contribute(&world, &again, address(1)).await, Some(true));
    let mut collector = late.collector();
    collector.see(&address(1));
    let contribution = collector.finish();
    let refused = world.db.contribute(&globex, &contribution, late.until());
    assert_eq!(refused.await.unwrap_err().reason(), Reason::EtagMismatch);
    // Who holds the claim and comes twice adds nothing either.
    let twice = world.db.contribute(&again, &contribution, late.until());
    assert!(!twice.await.unwrap());
    assert_eq!(counted(&world, FIRST).await, ["2"]);

    // Within the week it is remembered, and counts no more.
    at(&world, FIRST + 2, 3).await;
    let claims = claims(&world).await;
    assert_eq!(contribute(&world, &claims[0], address(1)).await, Some(true));
    assert_eq!(counted(&world, FIRST + 1).await, [""; 0]);
}

#[tokio::test]
async fn a_closed_day_takes_nothing_and_the_next_takes_what_came_too_late() {
    let world = World::new().await;
    world.create(&["acme"]).await;
    at(&world, FIRST, 12).await;
    append(&world, "b1", &["acme"]).await;
    at(&world, FIRST + 1, 5).await;
    let [claim] = <[JobClaim; 1]>::try_from(claims(&world).await).unwrap();
    let begun = world.db.begin_contribution(&claim).await.unwrap().unwrap();
    let mut collector = begun.collector();
    collector.see(&address(1));
    let contribution = collector.finish();
    at(&world, FIRST + 1, 6).await;
    let done = world.db.contribute(&claim, &contribution, begun.until());
    assert!(!done.await.unwrap());
    assert_eq!(contribute(&world, &claim, address(1)).await, None);
    assert_eq!(counted(&world, FIRST).await, [""; 0]);
    at(&world, FIRST + 2, 3).await;
    let [claim] = <[JobClaim; 1]>::try_from(claims(&world).await).unwrap();
    assert_eq!(contribute(&world, &claim, address(1)).await, Some(true));
    assert_eq!(counted(&world, FIRST + 1).await, ["1"]);
}

/// Thirty tenants have seen the first address on the third day, one the second.
async fn week() -> World {
    let world = World::new().await;
    let names: Vec<String> = (0..30).map(|n| format!("t{n:02}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    world.create(&names).await;
    for day in 0..8 {
        at(&world, FIRST + day, 4).await;
        for claim in claims(&world).await {
            contribute(&world, &claim, address(1)).await;
        }
        if day == 2 {
            append(&world, "b1", &names).await;
        }
        at(&world, FIRST + day, 7).await;
    }
    world
}

#[tokio::test]
async fn seven_closed_days_answer_and_are_then_forgotten() {
    let world = World::new().await;
    world.create(&["acme"]).await;
    for day in 0..7 {
        at(&world, FIRST + day, 7).await;
        assert_eq!(
            ask(&world, "acme", address(1)).await,
            Err(Refused::SnapshotIncomplete)
        );
    }
    assert_eq!(world.count("release_questions").await, 0, "free of charge");
    drop(world);
    let world = week().await;
    // The seventh day is over and not closed yet before six.
    assert_eq!(
        ask(&world, "t00", address(1)).await,
        Ok(Bucket::MoreThanTwenty)
    );
    let one = ask(&world, "t00", address(2)).await.unwrap();
    assert!(one < Bucket::MoreThanTwenty);
    assert_eq!(
        ask(&world, "t01", address(2)).await,
        Ok(one),
        "the same for all"
    );
    let scope = scope("t02");
    let unseen = world.db.answer_indicator(&scope, address(1), None).await;
    assert_eq!(unseen.unwrap().unwrap_err(), Refused::NotSeen);
    assert_eq!(counted(&world, FIRST + 2).await, ["30"]);
    // What nobody runs for is made up for, without an answer that would lack days.
    at(&world, FIRST + 9, 7).await;
    assert_eq!(
        counted(&world, FIRST + 2).await,
        ["30"],
        "a snapshot reaches it"
    );
    at(&world, FIRST + 10, 7).await;
    assert_eq!(counted(&world, FIRST + 2).await, [""; 0]);
    let days = world.ask("SELECT day FROM release_days ORDER BY day").await;
    let wanted: Vec<String> = (3..10).map(|day| (FIRST + day).to_string()).collect();
    assert_eq!(days, wanted);
    assert_eq!(
        ask(&world, "t00", address(1)).await,
        Ok(Bucket::FewerThanFive)
    );
}

#[tokio::test]
async fn a_budget_is_its_organisations() {
    let world = week().await;
    for tenant in ["t00", "t01"] {
        let sql = format!(
            "UPDATE tenants SET billing_organisation = 'umbrella' WHERE tenant_id = '{tenant}'"
        );
        world.tamper(&sql).await;
    }
    // Asked at one time, no more than the day's questions are answered.
    let world = Arc::new(world);
    let asked: Vec<_> = (0..14)
        .map(|n| {
            let (world, tenant) = (Arc::clone(&world), ["t00", "t01"][n as usize % 2]);
            tokio::spawn(async move { ask(&world, tenant, address(10 + n)).await })
        })
        .collect();
    let mut answers = Vec::new();
    for asked in asked {
        answers.push(asked.await.unwrap());
    }
    let refused = answers.iter().filter(|answer| answer.is_err()).count();
    assert_eq!(answers.len() - refused, usize::from(DAY_QUESTIONS));
    assert!(matches!(
        ask(&world, "t01", address(99)).await,
        Err(Refused::BudgetSpent { span: "day", .. })
    ));
    // What was answered stays answered, for whoever is of the organisation.
    let first = (0..14).find(|n| answers[*n as usize].is_ok()).unwrap();
    for tenant in ["t00", "t01"] {
        let again = ask(&world, tenant, address(10 + first)).await;
        assert_eq!(again, answers[first as usize]);
    }
    // Others have theirs, and tomorrow there is more.
    assert!(ask(&world, "t02", address(99)).await.is_ok());
    at(&world, FIRST + 8, 5).await;
    assert!(ask(&world, "t01", address(99)).await.is_err());
    at(&world, FIRST + 8, 6).await;
    assert!(ask(&world, "t01", address(99)).await.is_ok());
}
