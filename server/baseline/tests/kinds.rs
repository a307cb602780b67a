//! Each kind is found in a tenant that was quiet for five weeks, and what is like it and harmless
//! is not.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod support;

use std::sync::LazyLock;

use cordon_baseline::{Anomaly, AnomalyKind, Baselines, Basis, Level, SubjectKind, Value};
use support::calm::{flow, host};
use support::quiet::{AFTER, assume, days, named, robot, usual};
use support::{DAY, Event, HOUR, LATER, MINUTE, SECOND, address, empty, feed, take};

static QUIET: LazyLock<Baselines> = LazyLock::new(|| {
    let mut baselines = empty();
    let outcome = feed(&mut baselines, &days(35), 4_096);
    assert_eq!(outcome.anomalies, []);
    assert_eq!(
        (outcome.crowded, outcome.unusable, outcome.untold),
        (0, 0, 0)
    );
    baselines
});

fn found(events: Vec<Event>) -> Vec<Anomaly> {
    let mut baselines = QUIET.clone();
    take(&mut baselines, &named(events), LATER).anomalies
}

fn only(events: Vec<Event>, kind: AnomalyKind) -> Anomaly {
    let found = found(events);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0].kind, kind, "{found:#?}");
    assert!(found[0].score >= found[0].limit);
    found[0].clone()
}

fn with(n: usize, at: i64, change: impl FnOnce(&mut Event)) -> Event {
    let mut event = usual(n, at);
    change(&mut event);
    event
}

#[test]
fn an_operation_that_nobody_uses() {
    let new = with(3, AFTER + HOUR, |event| {
        "identity.example.com".clone_into(&mut event.service);
        "CreateAccessKey".clone_into(&mut event.operation);
    });
    let anomaly = only(vec![new], AnomalyKind::FirstSeenOperation);
    assert_eq!(anomaly.subject.kind, SubjectKind::Principal);
    assert_eq!(
        anomaly.subject.name,
        "arn:aws:iam::111122223333:role/robot-3"
    );
    assert_eq!(anomaly.subject.account, "111122223333");
    assert_eq!(anomaly.techniques, ["T1078.004"]);
    assert_eq!(
        anomaly.basis,
        Basis::FirstSeen {
            days: 34,
            events: 2_449
        }
    );
    assert_eq!(
        anomaly.expected.sentence,
        "In 34 days and 2,449 events it had 2 operations, most often compute.example.com GetThing0 \
         and objects.example.com GetThing0; lately 0.0 new ones came in seven active days. Of 12 \
         principals of the tenant, none had this one."
    );
    assert_eq!(
        anomaly.seen.sentence,
        "It used the operation identity.example.com CreateAccessKey for the first time."
    );
    assert_eq!(anomaly.expected.fact("others"), Some(&Value::Count(0)));
    assert_eq!(anomaly.events.len(), 1);
    assert_eq!(anomaly.level(), Level::Low);
}

#[test]
fn several_new_operations_of_a_day_are_one_finding_and_graver() {
    let new = |n: i64| {
        with(3, AFTER + n * MINUTE, |event| {
            event.operation = format!("Attach{n}")
        })
    };
    let one = only(vec![new(0)], AnomalyKind::FirstSeenOperation);
    let four = only((0..4).map(new).collect(), AnomalyKind::FirstSeenOperation);
    assert_eq!(four.key, one.key);
    assert_eq!(four.events.len(), 4);
    assert_eq!(four.times, (AFTER, AFTER + 3 * MINUTE));
    assert!(four.level() > one.level());
    assert!(
        four.seen
            .sentence
            .ends_with("By then 4 operations were new on that day.")
    );
}

#[test]
fn an_operation_that_most_others_use_is_calm() {
    // Robots 0, 3, 6 and 9 use what robot 1 doesn't.
    let calm = with(1, AFTER + HOUR, |event| {
        let theirs = usual(3, AFTER);
        event.operation = theirs.operation;
        event.service = theirs.service;
    });
    assert_eq!(found(vec![calm]), []);
}

#[test]
fn who_is_new_is_judged_by_what_is_new_to_all() {
    let new = |n: i64, unheard: bool| {
        with(0, AFTER + n * 10 * MINUTE, |event| {
            event.actor = "arn:aws:iam::111122223333:user/new".to_owned();
            if unheard {
                event.operation = format!("Attach{n}");
            }
        })
    };
    assert_eq!(found((0..50).map(|n| new(n, false)).collect()), []);
    let anomaly = only(
        (0..3).map(|n| new(n, true)).collect(),
        AnomalyKind::FirstSeenOperation,
    );
    assert_eq!(anomaly.subject.kind, SubjectKind::Tenant);
    assert_eq!(anomaly.subject.name, "arn:aws:iam::111122223333:user/new");
    assert!(
        anomaly
            .expected
            .sentence
            .contains("nobody of the tenant had this operation")
    );
}

#[test]
fn a_region_that_nobody_uses() {
    let new = with(5, AFTER, |event| {
        "ap-unused-1".clone_into(&mut event.region)
    });
    let anomaly = only(vec![new], AnomalyKind::FirstSeenRegion);
    assert_eq!(anomaly.techniques[0], "T1535");
    assert_eq!(
        anomaly.seen.sentence,
        "It acted in the region ap-unused-1 for the first time."
    );
    let same = with(5, AFTER, |_| ());
    assert_eq!(found(vec![same]), []);
}

#[test]
fn a_network_that_nobody_comes_from() {
    let from = |ip: &str| with(4, AFTER, |event| event.src_ip = Some(ip.parse().unwrap()));
    let anomaly = only(vec![from("192.0.2.99")], AnomalyKind::FirstSeenNetwork);
    assert!(
        anomaly
            .seen
            .sentence
            .contains("came from the network 192.0.2.0/24")
    );
    // Another address of the same office, and the office of the other robots.
    assert_eq!(found(vec![from(&address(0, 77).to_string())]), []);
    assert_eq!(found(vec![from(&address(1, 5).to_string())]), []);
}

#[test]
fn a_program_that_nobody_uses() {
    let by = |agent: &str| with(4, AFTER, |event| agent.clone_into(&mut event.user_agent));
    let anomaly = only(vec![by("looter/0.1")], AnomalyKind::FirstSeenUserAgent);
    assert!(
        anomaly
            .seen
            .sentence
            .contains("used the program looter/0.1")
    );
    assert_eq!(found(vec![by("robot/1.5 sdk/2.3")]), []);
}

#[test]
fn more_than_the_hour_has() {
    let times = |n: i64| {
        (0..n)
            .map(|at| usual(2, AFTER + 3 * HOUR + at * 10 * SECOND))
            .collect()
    };
    // The bucket has much more to do as well: that is a finding of its own.
    let found_all = found(times(350));
    let of_robot = found_all
        .iter()
        .find(|one| one.subject.kind == SubjectKind::Principal);
    let anomaly = of_robot.unwrap();
    assert_eq!(anomaly.kind, AnomalyKind::Volume);
    assert_eq!(anomaly.basis, Basis::HourOfWeek { weeks: 4 });
    assert!(anomaly.events.len() > 12 && anomaly.events.len() <= 100);
    let expected = "On Mondays between 03:00 and 04:00 UTC: by this hour and its neighbours of 4 \
                    weeks, 3 events in the hour; up to ";
    assert!(
        anomaly.expected.sentence.starts_with(expected),
        "{}",
        anomaly.expected.sentence
    );
    assert!(
        anomaly
            .seen
            .sentence
            .starts_with("Between 03:00 and 04:00 UTC there were ")
    );
    assert_eq!(
        anomaly.expected.fact("median_in_hour"),
        Some(&Value::Number(3.0))
    );
    assert_eq!(found(times(20)), []);
}

#[test]
fn refused_events_and_bytes_are_counted_by_themselves() {
    let refused = |failed| {
        let at = |n: i64| AFTER + 3 * HOUR + n * 30 * SECOND;
        let events = (0..80).map(|n| with(2, at(n), |event| event.failed = failed));
        found(events.collect())
    };
    let of = |found: &[Anomaly], metric: &str| {
        let metric = Value::Text(metric.to_owned());
        let of = |one: &&Anomaly| one.seen.fact("metric") == Some(&metric);
        found.iter().filter(of).count()
    };
    assert_eq!(of(&refused(true), "failures"), 1);
    assert_eq!(of(&refused(false), "failures"), 0);
    let large = with(2, AFTER + HOUR, |event| event.bytes = Some(4 << 30));
    // The robot's and the bucket's.
    assert_eq!(of(&found(vec![large]), "bytes"), 2);
    let small = with(2, AFTER + HOUR, |event| event.bytes = Some(1 << 20));
    assert_eq!(found(vec![small]), []);
}

#[test]
fn before_four_weeks_hours_of_the_day_are_compared_and_before_one_nothing() {
    let burst = |day: i64| {
        let mut baselines = empty();
        feed(&mut baselines, &days(day), 4_096);
        let at = support::START + day * DAY + 3 * HOUR;
        let events = (0..300).map(|n| usual(2, at + n * 10 * SECOND)).collect();
        take(&mut baselines, &named(events), LATER).anomalies
    };
    assert_eq!(burst(6), []);
    let young = burst(12);
    let of_robot = young
        .iter()
        .find(|one| one.subject.kind == SubjectKind::Principal)
        .unwrap();
    let Basis::HourOfDay { days, weight } = of_robot.basis else {
        panic!("{:?}", of_robot.basis);
    };
    assert_eq!(days, 11);
    assert!(weight > 0.7);
    assert!(
        of_robot
            .expected
            .sentence
            .contains("which are no four weeks")
    );
}

fn connections(
    n: i64,
    gap: impl Fn(i64) -> i64,
    target: &str,
    port: impl Fn(i64) -> u16,
) -> Vec<Event> {
    let mut at = AFTER;
    (0..n)
        .map(|n| {
            at += gap(n) * SECOND;
            flow(at, host(1), port(n), (target.parse().unwrap(), 443), 500)
        })
        .collect()
}

#[test]
fn a_steady_beat_to_where_nobody_goes() {
    let next = |n: i64| 50_000 + n as u16;
    let jitter = |n: i64| 600 + n * 7 % 11 * 10;
    let anomaly = only(
        connections(60, jitter, "198.51.100.9", next),
        AnomalyKind::Beaconing,
    );
    assert_eq!(anomaly.subject.kind, SubjectKind::Address);
    assert_eq!(anomaly.subject.name, "10.0.0.11");
    assert_eq!(anomaly.level(), Level::Medium);
    assert!(anomaly.events.len() > 30);
    assert!(
        anomaly
            .seen
            .sentence
            .starts_with("It connected to 198.51.100.9 port 443 every 650 seconds"),
        "{}",
        anomaly.seen.sentence
    );
    let random = |n: i64| 1 + (n * n * 37 + n * 101) % 2_400;
    assert_eq!(found(connections(60, random, "198.51.100.9", next)), []);
    // Where it and others have gone for long, one connection told again, within the network.
    assert_eq!(found(connections(60, |_| 600, "203.0.113.2", next)), []);
    assert_eq!(
        found(connections(60, |_| 600, "198.51.100.9", |_| 50_000)),
        []
    );
    assert_eq!(found(connections(60, |_| 600, "10.9.9.9", next)), []);
}

#[test]
fn more_targets_than_the_hour_has() {
    let scan = |targets: u32| {
        let at = |n: u32| AFTER + i64::from(n % 900) * 3 * SECOND;
        (0..900)
            .map(|n| {
                let target = std::net::IpAddr::from([
                    10,
                    7,
                    (n % targets / 200) as u8,
                    (n % targets % 200) as u8,
                ]);
                flow(at(n), host(2), 41_000 + n as u16, (target, 22), 60)
            })
            .collect::<Vec<_>>()
    };
    let wide = found(scan(900));
    let anomaly = wide
        .iter()
        .find(|one| one.kind == AnomalyKind::FanOut)
        .unwrap();
    assert_eq!(anomaly.techniques, ["T1046"]);
    assert!(
        anomaly.seen.sentence.contains(" targets"),
        "{}",
        anomaly.seen.sentence
    );
    // As many connections to few targets are a volume, and no fan-out.
    let narrow = found(scan(5));
    assert!(
        narrow.iter().all(|one| one.kind == AnomalyKind::Volume),
        "{narrow:#?}"
    );
}

#[test]
fn a_way_to_another_account_that_was_never_gone() {
    let new = assume(&robot(0), "999988887777", AFTER + HOUR);
    let anomaly = only(vec![new], AnomalyKind::RoleChain);
    assert_eq!(
        anomaly.seen.sentence,
        "From account 111122223333 it took on the role arn:aws:iam::999988887777:role/operations \
         of account 999988887777 for the first time."
    );
    assert_eq!(
        found(vec![assume(&robot(0), "222233334444", AFTER + HOUR)]),
        []
    );
    let mut own = assume(&robot(0), "111122223333", AFTER + HOUR);
    own.role = Some((
        "arn:aws:iam::111122223333:role/own".to_owned(),
        String::new(),
    ));
    assert_eq!(found(vec![own]), []);
}

#[test]
fn a_chain_is_told_from_where_it_began() {
    let hop = assume(&robot(0), "222233334444", AFTER + HOUR);
    let session = "arn:aws:sts::222233334444:assumed-role/operations/x";
    let then = assume(session, "999988887777", AFTER + HOUR + MINUTE);
    let further = assume(
        "arn:aws:sts::999988887777:assumed-role/operations/x",
        "888877776666",
        AFTER + HOUR + 2 * MINUTE,
    );
    let found = found(vec![hop, then, further]);
    let chains: Vec<_> = found
        .iter()
        .filter(|one| one.kind == AnomalyKind::RoleChain)
        .collect();
    let told: Vec<&str> = chains
        .iter()
        .map(|one| one.seen.sentence.as_str())
        .collect();
    assert!(
        told.iter()
            .any(|told| told.starts_with("From account 111122223333 by 222233334444")),
        "{found:#?}"
    );
}
