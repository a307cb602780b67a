//! What is kept: the same with and without checkpoints, bounded whatever comes, and refused when it
//! is not what was written.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod support;

use std::collections::BTreeMap;

use cordon_baseline::{Baselines, Limits, Model, Outcome, PARTS, Part, PartError};
use proptest::prelude::*;
use support::calm::{SMALL, Size, weeks};
use support::injected::attack;
use support::quiet::{AFTER, days, named, usual};
use support::{DAY, Event, HOUR, LATER, SECOND, START, empty, feed, join, model, sorted, take};

const TINY: Size = Size {
    humans: 4,
    services: 2,
    jobs: 1,
    hosts: 2,
    rate: 4.0,
};

fn attacked() -> Vec<Event> {
    let mut events = weeks(3, TINY);
    attack(3, TINY, 2, &mut events);
    sorted(events)
}

/// As the server does it: what a batch touches is read, what has changed is written, and nothing
/// stays in memory.
fn through_rows(events: &[Event], at_a_time: usize) -> (Outcome, BTreeMap<Part, Vec<u8>>) {
    let mut rows: BTreeMap<Part, Vec<u8>> = BTreeMap::new();
    let mut all = Outcome::default();
    for batch in events.chunks(at_a_time) {
        let mut baselines = Baselines::new(model(Limits::default()));
        let mut missing: Vec<Part> = Vec::new();
        for event in batch {
            missing.extend(event.see(|one| baselines.missing(std::slice::from_ref(one))));
        }
        missing.sort_unstable();
        missing.dedup();
        for part in missing {
            baselines
                .load(part, rows.get(&part).map(Vec::as_slice))
                .unwrap();
        }
        join(&mut all, take(&mut baselines, batch, LATER));
        for part in baselines.dirty() {
            rows.insert(part, baselines.to_bytes(part).unwrap());
        }
        baselines.kept();
        assert_eq!(baselines.dirty(), []);
    }
    (all, rows)
}

#[test]
fn checkpoints_change_nothing() {
    let events = attacked();
    let mut whole = empty();
    let once = feed(&mut whole, &events, 997);
    let (again, rows) = through_rows(&events, 997);
    assert!(once.anomalies.len() > 5, "{}", once.anomalies.len());
    assert_eq!(once, again);
    for (part, bytes) in rows {
        assert!(whole.to_bytes(part).unwrap() == bytes, "{part:?}");
    }
}

#[test]
fn how_many_are_taken_at_a_time_changes_nothing() {
    let events = attacked();
    let by = |n| {
        let mut anomalies = feed(&mut empty(), &events, n).anomalies;
        anomalies.sort_by_key(|anomaly| anomaly.key);
        anomalies
    };
    assert_eq!(by(50), by(7_000));
}

#[test]
fn parts_that_are_not_loaded_are_asked_for_and_nothing_is_taken() {
    let event = usual(0, AFTER);
    let mut baselines = Baselines::new(model(Limits::default()));
    let missing = event.see(|one| baselines.take(&[*one], LATER)).unwrap_err();
    assert_eq!(missing.0, event.see(|one| baselines.missing(&[*one])));
    assert!(missing.0.contains(&Part::COMMON) && missing.0.len() >= 2);
    assert_eq!(baselines.dirty(), []);
    assert_eq!(baselines.take(&[], LATER), Ok(Outcome::default()));
    assert_eq!(Part::new(PARTS), None);
}

fn sizes(baselines: &Baselines) -> Vec<usize> {
    let parts = (0..PARTS).filter_map(Part::new);
    parts
        .map(|part| baselines.to_bytes(part).unwrap().len())
        .collect()
}

#[test]
fn a_million_hostile_names_change_no_bound_and_drive_nobody_out() {
    let limits = Limits {
        bytes: 128 * 1024,
        ..Limits::default()
    };
    let mut baselines = Baselines::empty(model(limits));
    feed(&mut baselines, &days(15), 4_096);
    let before = baselines.subjects();
    let mut crowded = 0;
    // Each name comes on two days, so that all ask to be followed; they differ in all they can.
    for day in 0..2 {
        for block in 0..500_000_usize / 5_000 {
            let events: Vec<Event> = (0..5_000)
                .map(|n| {
                    let n = block * 5_000 + n;
                    let at = START + (15 + day) * DAY + (n as i64 % 80_000) * SECOND;
                    let mut event = usual(0, at);
                    event.actor = format!("hostile-{n}");
                    event.operation = format!("Operation{n}");
                    event.region = format!("region-{n}");
                    event.user_agent = "x".repeat(n % 60) + &n.to_string();
                    event.resources = vec![format!("resource-{n}")];
                    event
                })
                .collect();
            let outcome = take(&mut baselines, &events, LATER);
            assert!(outcome.anomalies.len() <= 1_000);
            crowded += outcome.crowded;
        }
    }
    assert!(crowded > 100_000, "it says that it is full: {crowded}");
    let most = sizes(&baselines).into_iter().max().unwrap();
    assert!(most <= 256 * 1024, "{most}");
    let shards = sizes(&baselines).into_iter().skip(1).max().unwrap();
    assert!(shards <= limits.bytes, "{shards}");
    assert!(baselines.subjects() >= before);
    // The robots are known as before: what is usual for them is, and what is new is new.
    let usually = named(
        (0..12)
            .map(|n| usual(n, START + 17 * DAY + n as i64 * SECOND))
            .collect(),
    );
    assert_eq!(take(&mut baselines, &usually, LATER).anomalies, []);
    let mut region = usual(7, START + 17 * DAY + HOUR);
    "ap-unused-1".clone_into(&mut region.region);
    let found = take(&mut baselines, &[region], LATER).anomalies;
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].subject.name.ends_with("role/robot-7"));
}

#[test]
fn one_principal_that_does_everything_new_is_bounded() {
    let mut baselines = empty();
    feed(&mut baselines, &days(10), 4_096);
    let base = START + 10 * DAY;
    let mut told = 0;
    for block in 0..20 {
        let events: Vec<Event> = (0..5_000_i64)
            .map(|n| {
                let n = block * 5_000 + n;
                let mut event = usual(1, base + n * SECOND / 2);
                event.operation = format!("Operation{n}");
                event.src_ip = Some(support::address(n as u32, 1));
                event
            })
            .collect();
        told += take(&mut baselines, &named(events), LATER).anomalies.len();
    }
    assert!(told > 0);
    assert!(sizes(&baselines).iter().all(|size| *size <= 256 * 1024));
}

#[test]
fn the_future_is_not_believed_and_the_past_is_taken() {
    let quiet = days(30);
    let mut baselines = empty();
    feed(&mut baselines, &quiet, 4_096);
    let now = START + 30 * DAY;
    let before = sizes(&baselines);
    let ahead: Vec<Event> = [now + HOUR, now + 400 * DAY, i64::MAX, i64::MIN, -1]
        .into_iter()
        .map(|at| usual(1, at))
        .collect();
    let outcome = take(&mut baselines, &ahead, now);
    assert_eq!(outcome.unusable, 5);
    assert_eq!(outcome.anomalies, []);
    assert_eq!(sizes(&baselines), before);
    // A source that was cut off for three days gives what it has, mixed with what comes.
    let mut late = days(31);
    late.retain(|event| event.time_ns >= START + 27 * DAY);
    let (old, new): (Vec<_>, Vec<_>) = late.into_iter().partition(|event| event.time_ns < now);
    let old = old.into_iter().rev().step_by(2);
    let mixed: Vec<Event> = new.into_iter().zip(old).flat_map(|(a, b)| [a, b]).collect();
    assert_eq!(feed(&mut baselines, &mixed, 512).anomalies, []);
    // And one of years ago is neither lost nor a harm.
    let outcome = take(&mut baselines, &[usual(1, 1_000 * DAY)], LATER);
    assert_eq!((outcome.unusable, outcome.anomalies.len()), (0, 0));
}

#[test]
fn kept_bytes_are_those_of_one_part_of_one_tenant() {
    let mut baselines = empty();
    feed(&mut baselines, &days(3), 4_096);
    let part = Part::new(9).unwrap();
    let bytes = baselines.to_bytes(part).unwrap();
    let mut other = Baselines::new(Model::new([1; 16], Limits::default()));
    assert_eq!(other.load(part, Some(&bytes)), Err(PartError::Corrupt));
    let mut same = Baselines::new(model(Limits::default()));
    assert_eq!(same.to_bytes(part), None);
    let wrong = Part::new(10).unwrap();
    assert_eq!(same.load(wrong, Some(&bytes)), Err(PartError::Corrupt));
    assert_eq!(
        same.load(Part::COMMON, Some(&bytes)),
        Err(PartError::Corrupt)
    );
    same.load(part, Some(&bytes)).unwrap();
    assert_eq!(same.to_bytes(part), Some(bytes.clone()));
    let mut newer = bytes;
    newer[0] = 2;
    assert_eq!(
        same.load(part, Some(&newer)),
        Err(PartError::UnknownVersion(2))
    );
    assert_eq!(same.load(part, Some(&[])), Err(PartError::Corrupt));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn corrupted_bytes_are_refused(at in any::<prop::sample::Index>(), bit in 0..8_u8, cut in any::<bool>()) {
        let mut baselines = empty();
        take(&mut baselines, &[usual(0, AFTER), usual(0, AFTER + DAY), usual(1, AFTER)], LATER);
        for part in baselines.dirty() {
            let mut bytes = baselines.to_bytes(part).unwrap();
            let at = at.index(bytes.len());
            match cut {
                true => bytes.truncate(at),
                false => bytes[at] ^= 1 << bit,
            }
            let mut fresh = Baselines::new(model(Limits::default()));
            prop_assert!(fresh.load(part, Some(&bytes)).is_err());
        }
    }

    #[test]
    fn any_event_is_taken(time in any::<i64>(), texts in prop::collection::vec(".{0,80}", 9), ports in any::<(Option<u16>, Option<u16>)>(), ips in any::<(Option<std::net::IpAddr>, Option<std::net::IpAddr>)>(), bytes in any::<Option<u64>>()) {
        let mut baselines = empty();
        let event = Event {
            account: texts[0].clone(),
            region: texts[1].clone(),
            service: texts[2].clone(),
            operation: texts[3].clone(),
            actor: texts[4].clone(),
            src_ip: ips.0,
            src_port: ports.0,
            dst_ip: ips.1,
            dst_port: ports.1,
            resources: vec![texts[5].clone(), texts[5].clone()],
            user_agent: texts[6].clone(),
            bytes,
            role: Some((texts[7].clone(), texts[8].clone())),
            ..Event::default()
        };
        for days in [0, 1, 2, 9, 40] {
            let time_ns = time.saturating_add(days * DAY);
            take(&mut baselines, &[Event { time_ns, ..event.clone() }], i64::MAX);
        }
    }
}

#[test]
fn a_small_tenant_is_small() {
    let mut baselines = empty();
    feed(&mut baselines, &sorted(weeks(1, SMALL)), 4_096);
    let size: usize = sizes(&baselines).iter().sum();
    assert!(size < 600 * 1024, "{size}");
}
