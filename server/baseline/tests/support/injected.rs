//! Attacks that are put into the fifth week.

use std::net::IpAddr;

use cordon_baseline::AnomalyKind;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::calm::{Size, call, flow, host, human, operation, service};
use super::{ACCOUNT, DAY, Event, HOUR, MINUTE, SECOND, START, address, zipf};

/// An attack: what kind it should be found as.
#[derive(Debug, Clone, Copy)]
pub struct Attack {
    pub kind: AnomalyKind,
}

/// Puts `each` attacks of each kind into a tenant's fifth week, on its own principals and machines.
pub fn attack(seed: u64, size: Size, each: usize, events: &mut Vec<Event>) -> Vec<Attack> {
    let mut rng = StdRng::seed_from_u64(seed ^ 0xa77a_c4ed);
    let mut attacks = Vec::new();
    for kind in AnomalyKind::ALL {
        for n in 0..each {
            let id = attacks.len();
            let day = START + rng.random_range(28..34) * DAY;
            let mut made = one(&mut rng, size, kind, (n, id), day, events);
            made.iter_mut().for_each(|event| event.attack = Some(id));
            events.append(&mut made);
            attacks.push(Attack { kind });
        }
    }
    attacks
}

/// A few usual calls of somebody who was there before, as an attacker with their keys makes them.
fn usual(rng: &mut StdRng, by: &str, at: i64, many: i64, events: &[Event]) -> Vec<Event> {
    let theirs: Vec<&Event> = events
        .iter()
        .filter(|event| event.actor.starts_with(by) && event.time_ns < START + 27 * DAY)
        .collect();
    (0..many)
        .map(|n| {
            let mut event = theirs[rng.random_range(0..theirs.len())].clone();
            event.time_ns = at + n * 20 * SECOND;
            event.attack = None;
            event
        })
        .collect()
}

fn one(
    rng: &mut StdRng,
    size: Size,
    kind: AnomalyKind,
    (n, id): (usize, usize),
    day: i64,
    events: &[Event],
) -> Vec<Event> {
    // Services are what keys are stolen of most often; every third time it is a person's.
    let of_person = n % 3 == 2;
    let victim = match of_person {
        true => human(rng.random_range(0..size.humans.min(9))),
        false => {
            let session = service(rng.random_range(0..size.services), 0);
            session.rsplit_once('/').unwrap().0.to_owned() + "/"
        }
    };
    let at = day + rng.random_range(0..23) * HOUR + rng.random_range(0..50) * MINUTE;
    match kind {
        AnomalyKind::FirstSeenOperation => {
            let many = 1 + rng.random_range(0..4);
            let mut made = usual(rng, &victim, at, many, events);
            for (n, event) in made.iter_mut().enumerate() {
                "identity.example.com".clone_into(&mut event.service);
                event.operation = format!("CreateBackdoor{}", id * 10 + n);
            }
            made
        }
        AnomalyKind::FirstSeenRegion => {
            let mut made = usual(rng, &victim, at, 4, events);
            for event in &mut made {
                event.region = format!("ap-unused-{id}");
            }
            made
        }
        AnomalyKind::FirstSeenNetwork => {
            let mut made = usual(rng, &victim, at, 4, events);
            for event in &mut made {
                event.src_ip = Some(address(0xe000 + id as u32, 7));
            }
            made
        }
        AnomalyKind::FirstSeenUserAgent => {
            let mut made = usual(rng, &victim, at, 4, events);
            for event in &mut made {
                event.user_agent = format!("looter{}x/0.1", ["a", "b", "c", "d"][id % 4]);
            }
            made
        }
        AnomalyKind::Volume => volume(rng, &victim, n, day, events),
        AnomalyKind::FanOut => {
            let source = host(rng.random_range(0..size.hosts.min(5)));
            let many = [60, 250, 1_500][n % 3];
            let target = |n: u32| IpAddr::from([10, 2, (n / 200) as u8, (n % 200) as u8 + 1]);
            (0..many)
                .map(|n| {
                    let at = at + i64::from(n) * SECOND;
                    flow(at, source, 41_000 + n as u16, (target(n), 22), 60)
                })
                .collect()
        }
        AnomalyKind::Beaconing => {
            let source = host(rng.random_range(0..size.hosts.min(5)));
            let gap = [60, 300, 900][n % 3];
            let jitter = [0.0, 0.15, 0.25][(n + 1) % 3];
            let target = (address(0xf000 + id as u32, 1), 443);
            let mut at = day + rng.random_range(0..8) * HOUR;
            (0..40)
                .map(|n| {
                    let away = 1.0 + jitter * (2.0 * rng.random::<f64>() - 1.0);
                    at += (gap as f64 * away * SECOND as f64) as i64;
                    flow(at, source, 42_000 + n, target, 900)
                })
                .collect()
        }
        AnomalyKind::RoleChain => {
            let mut made = usual(rng, &victim, at, 1, events);
            let other = format!("9{id:011}");
            let role = format!("arn:aws:iam::{other}:role/organization-access");
            for event in &mut made {
                "AssumeRole".clone_into(&mut event.operation);
                event.role = Some((role.clone(), other.clone()));
            }
            made
        }
    }
}

fn volume(rng: &mut StdRng, victim: &str, n: usize, day: i64, events: &[Event]) -> Vec<Event> {
    let night = day + 3 * HOUR + rng.random_range(0..20) * MINUTE;
    match n % 4 {
        // Much of what is usual, at an unusual hour: for a service eight times what it has then.
        0 => {
            let hour = night.div_euclid(HOUR);
            let same = |event: &&Event| {
                let of = event.time_ns.div_euclid(HOUR);
                event.actor.starts_with(victim) && (hour - of) % 168 == 0 && of < hour
            };
            let weeks = events.iter().filter(same).count() as i64 / 4;
            let mut made = usual(rng, victim, night, 60 + 8 * weeks, events);
            for (n, event) in (0_i64..).zip(&mut made) {
                event.time_ns = night + n * SECOND / 2;
            }
            made
        }
        // What is asked is refused.
        1 => {
            let mut made = usual(rng, victim, night, 50, events);
            made.iter_mut().for_each(|event| event.failed = true);
            made
        }
        // Few events that carry very much.
        2 => {
            let bucket = format!("arn:aws:s3:::bucket-{}", rng.random_range(0..3));
            let mut made = usual(rng, victim, night, 25, events);
            for event in &mut made {
                event.bytes = Some(80 * 1_048_576);
                event.resources = vec![bucket.clone()];
            }
            made
        }
        // By somebody who works by day.
        _ => {
            let by = human(zipf(rng, 4));
            let mut made = usual(rng, &by, night, 400, events);
            for (n, event) in (0_i64..).zip(&mut made) {
                event.time_ns = night + n * 2 * SECOND;
            }
            made
        }
    }
}

/// Kept apart from what a calm tenant may come to use.
pub fn never_calm() -> Event {
    let mut event = call(START, format!("arn:aws:iam::{ACCOUNT}:user/nobody"), 0);
    (event.service, event.operation) = operation(5_000);
    event.src_ip = Some(address(9, 9));
    event
}
