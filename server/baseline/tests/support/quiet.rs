//! A tenant in which nothing ever happens: twelve robots that do the same each hour, and six
//! machines.

use std::net::IpAddr;

use super::calm::{call, flow, host};
use super::{ACCOUNT, DAY, Event, HOUR, MINUTE, SECOND, START, address};

pub fn robot(n: usize) -> String {
    format!("arn:aws:sts::{ACCOUNT}:assumed-role/robot-{n}/i-{n:04}")
}

/// A usual call of a robot.
pub fn usual(n: usize, at: i64) -> Event {
    let mut event = call(at, robot(n), n % 3 + (at / (20 * MINUTE)) as usize % 2);
    event.src_ip = Some(address((n % 2) as u32, 5));
    event.user_agent = "robot/1.4 sdk/2.0".to_owned();
    event.resources = vec![format!("arn:aws:s3:::bucket-{}", n % 3)];
    event.bytes = Some(10_000);
    event
}

/// So many days of it, in the order of time.
pub fn days(days: i64) -> Vec<Event> {
    let mut events = Vec::new();
    let mut port = 40_000;
    for hour in 0..days * 24 {
        let base = START + hour * HOUR;
        for n in 0..12 {
            for third in 0..3 {
                events.push(usual(
                    n,
                    base + third * 20 * MINUTE + n as i64 * 61 * SECOND,
                ));
            }
        }
        // The deployer goes to one other account, every workday.
        if hour % 24 == 9 && hour / 24 % 7 < 5 {
            events.push(assume(&robot(0), "222233334444", base + MINUTE));
        }
        for n in 0..6 {
            for fifth in 0..5_i64 {
                port = if port > 60_000 { 40_000 } else { port + 1 };
                // At no beat: the minutes depend on the hour.
                let minute = (hour * 7 + fifth * fifth * 11 + n) % 60;
                let target = (IpAddr::from([203, 0, 113, fifth as u8 + 1]), 443);
                let at = base + minute * MINUTE + fifth * SECOND;
                events.push(flow(at, host(n as usize), port, target, 9_000));
            }
        }
    }
    super::sorted(events)
}

/// Takes on a role of another account.
pub fn assume(actor: &str, other: &str, at: i64) -> Event {
    let mut event = usual(0, at);
    actor.clone_into(&mut event.actor);
    "sts.example.com".clone_into(&mut event.service);
    "AssumeRole".clone_into(&mut event.operation);
    let role = format!("arn:aws:iam::{other}:role/operations");
    event.role = Some((role, other.to_owned()));
    event
}

/// A day after five weeks of it: a Monday.
pub const AFTER: i64 = START + 35 * DAY;

/// Names that no event of the past has.
pub fn named(mut events: Vec<Event>) -> Vec<Event> {
    events.sort_by_key(|event| event.time_ns);
    for (n, event) in (1_u128 << 64..).zip(&mut events) {
        event.name = n.to_le_bytes();
    }
    events
}
