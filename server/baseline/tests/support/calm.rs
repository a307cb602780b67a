//! Who is there in a calm tenant, and what they do.

use std::net::IpAddr;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::{ACCOUNT, DAY, Event, HOUR, MINUTE, SECOND, START, address, poisson, zipf};

/// How large a tenant is.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    pub humans: usize,
    pub services: usize,
    pub jobs: usize,
    pub hosts: usize,
    /// Events an hour of a service, about.
    pub rate: f64,
}

pub const SMALL: Size = Size {
    humans: 5,
    services: 3,
    jobs: 2,
    hosts: 4,
    rate: 15.0,
};
pub const MIDDLE: Size = Size {
    humans: 15,
    services: 8,
    jobs: 4,
    hosts: 10,
    rate: 40.0,
};
pub const LARGE: Size = Size {
    humans: 60,
    services: 25,
    jobs: 10,
    hosts: 30,
    rate: 40.0,
};

pub const REGIONS: [&str; 3] = ["eu-north-7", "eu-south-8", "us-mid-9"];
pub const DAYS: i64 = 35;
/// A Wednesday on which nobody works.
const HOLIDAY: i64 = 16;

/// The operations that anybody may come to use, the frequent ones first.
pub fn operation(n: usize) -> (String, String) {
    let services = ["objects", "compute", "queues", "tables", "keys", "logs"];
    let verbs = [
        "Get", "List", "Describe", "Put", "Update", "Create", "Delete", "Tag",
    ];
    let service = services[n % services.len()];
    let verb = verbs[(n / services.len()) % verbs.len()];
    (
        format!("{service}.example.com"),
        format!("{verb}Thing{}", n / 48),
    )
}

pub fn human(n: usize) -> String {
    format!("arn:aws:iam::{ACCOUNT}:user/person-{n}")
}

pub fn service(n: usize, session: u64) -> String {
    format!("arn:aws:sts::{ACCOUNT}:assumed-role/service-{n}/i-{session:08x}")
}

pub fn job(n: usize) -> String {
    format!("arn:aws:sts::{ACCOUNT}:assumed-role/job-{n}/nightly")
}

pub fn host(n: usize) -> IpAddr {
    IpAddr::from([10, 0, (n / 200) as u8, (n % 200) as u8 + 10])
}

pub fn call(time_ns: i64, actor: String, of: usize) -> Event {
    let (service, operation) = operation(of);
    Event {
        time_ns,
        account: ACCOUNT.to_owned(),
        region: REGIONS[0].to_owned(),
        service,
        operation,
        actor,
        ..Event::default()
    }
}

pub fn flow(time_ns: i64, source: IpAddr, port: u16, target: (IpAddr, u16), bytes: u64) -> Event {
    Event {
        time_ns,
        account: ACCOUNT.to_owned(),
        region: REGIONS[0].to_owned(),
        service: "vpc".to_owned(),
        operation: "ACCEPT".to_owned(),
        src_ip: Some(source),
        src_port: Some(port),
        dst_ip: Some(target.0),
        dst_port: Some(target.1),
        bytes: Some(bytes),
        ..Event::default()
    }
}

fn is_off(day: i64) -> bool {
    day % 7 >= 5 || day == HOLIDAY
}

/// Five weeks of a tenant, in the order of time.
pub fn weeks(seed: u64, size: Size) -> Vec<Event> {
    let mut events = Vec::new();
    for n in 0..size.humans {
        person(&mut events, rng(seed, 1, n), n, size.humans);
    }
    for n in 0..size.services {
        running(&mut events, rng(seed, 2, n), n, size.rate);
    }
    for n in 0..size.jobs {
        nightly(&mut events, rng(seed, 3, n), n, size.rate);
    }
    deployer(&mut events, rng(seed, 4, 0));
    for n in 0..size.hosts {
        machine(&mut events, rng(seed, 5, n), n);
    }
    events
}

fn rng(seed: u64, what: u64, n: usize) -> StdRng {
    StdRng::seed_from_u64(seed << 32 | what << 24 | n as u64)
}

/// Somebody who works by hand: sessions on workdays, now and then something new.
fn person(events: &mut Vec<Event>, mut rng: StdRng, n: usize, all: usize) {
    let mut usual: Vec<usize> = (0..rng.random_range(8..25))
        .map(|_| zipf(&mut rng, 140))
        .collect();
    let curious = rng.random_range(0.02..0.25);
    let begins = 7.0 + 3.0 * rng.random::<f64>();
    let home = 100 + n as u32;
    // One in ten is hired in the course of the series.
    let first = if n % 10 == 9 {
        rng.random_range(7..28)
    } else {
        0
    };
    let agents = ["Console/2.1 (browser)", "tool-cli/2.15.1 lang/3.11"];
    let mut region = 0;
    for day in first..DAYS {
        if is_off(day) && rng.random::<f64>() > 0.04 {
            continue;
        }
        let travels = rng.random::<f64>() < 0.015;
        let network = match rng.random::<f64>() {
            _ if travels => rng.random_range(300..500),
            at_home if at_home < 0.4 => home,
            _ => (n % 2) as u32,
        };
        if rng.random::<f64>() < 0.02 {
            region = rng.random_range(0..2);
        }
        for _ in 0..1 + poisson(&mut rng, 1.5) {
            let at =
                START + day * DAY + ((begins + 8.0 * rng.random::<f64>()) * HOUR as f64) as i64;
            let many = 3 + poisson(&mut rng, 12.0) * if rng.random::<f64>() < 0.1 { 4 } else { 1 };
            let agent = agents[usize::from(rng.random::<f64>() < 0.4)];
            for step in 0..many {
                if rng.random::<f64>() < curious / 40.0 {
                    usual.push(zipf(&mut rng, 140));
                }
                let of = usual[zipf(&mut rng, usual.len())];
                let time = at + (step as f64 * 25.0 * rng.random::<f64>() * SECOND as f64) as i64;
                let mut event = call(time, human(n), of);
                event.region = REGIONS[region].to_owned();
                event.src_ip = Some(address(network, 20 + (n % all) as u8));
                event.user_agent = agent.to_owned();
                event.failed = rng.random::<f64>() < 0.03;
                events.push(event);
            }
        }
    }
}

/// A service: day and week, growth, noise, deployments, an hour now and then with twice as much.
fn running(events: &mut Vec<Event>, mut rng: StdRng, n: usize, rate: f64) {
    let mut usual: Vec<usize> = (0..rng.random_range(2..7))
        .map(|_| zipf(&mut rng, 100))
        .collect();
    let rate = rate * (0.3 + 1.7 * rng.random::<f64>());
    let peak = 14.0 * HOUR as f64;
    let depth = rng.random_range(0.1..0.8);
    let weekend = rng.random_range(0.3..1.0);
    let growth = rng.random_range(0.0..0.012);
    let (mut version, mut session) = (1, rng.random::<u64>() >> 32);
    for day in 0..DAYS {
        if rng.random::<f64>() < 0.12 {
            version += 1;
            session = rng.random::<u64>() >> 32;
            if rng.random::<f64>() < 0.1 {
                usual.push(zipf(&mut rng, 100));
            }
        }
        let quiet = if day == HOLIDAY { 0.6 } else { 1.0 };
        let of_week = if day % 7 >= 5 { weekend } else { 1.0 };
        for hour in 0..24 {
            let phase = (hour as f64 * HOUR as f64 - peak) / DAY as f64 * std::f64::consts::TAU;
            let of_day = 1.0 + depth * phase.cos();
            let noise: f64 = (0..6).map(|_| rng.random::<f64>()).sum::<f64>() / 6.0 + 0.5;
            let burst = if rng.random::<f64>() < 0.01 { 2.0 } else { 1.0 };
            let mean =
                rate * of_day * of_week * quiet * noise * burst * (1.0 + growth * day as f64);
            for _ in 0..poisson(&mut rng, mean) {
                let of = usual[zipf(&mut rng, usual.len())];
                let time = START + day * DAY + hour * HOUR + rng.random_range(0..HOUR);
                let mut event = call(time, service(n, session), of);
                event.src_ip = Some(address(60 + (n % 4) as u32, 9));
                event.user_agent = format!("service-{n}/1.{version}.0 sdk/2.{}", version / 3);
                event.failed = rng.random::<f64>() < 0.01;
                let bucket = format!("arn:aws:s3:::bucket-{}", n % 5);
                event.resources = match rng.random::<f64>() < 0.3 {
                    true => vec![format!("{bucket}/{:x}", rng.random::<u32>()), bucket],
                    false => vec![bucket],
                };
                event.bytes = Some(rng.random_range(200..60_000));
                events.push(event);
            }
        }
    }
}

/// A job of each night, and a longer one on Sundays; sometimes it runs twice.
fn nightly(events: &mut Vec<Event>, mut rng: StdRng, n: usize, rate: f64) {
    let usual: Vec<usize> = (0..4).map(|_| zipf(&mut rng, 100)).collect();
    let begins = rng.random_range(0..6) * HOUR + rng.random_range(0..50) * MINUTE;
    let size = rate * (2.0 + 10.0 * rng.random::<f64>());
    for day in 0..DAYS {
        let mut mean = size * if day % 7 == 6 { 2.5 } else { 1.0 };
        if rng.random::<f64>() < 0.03 {
            mean *= 2.0;
        }
        let late = rng.random_range(0..15) * MINUTE;
        for _ in 0..poisson(&mut rng, mean) {
            let time = START + day * DAY + begins + late + rng.random_range(0..25 * MINUTE);
            let mut event = call(time, job(n), usual[zipf(&mut rng, 4)]);
            event.src_ip = Some(address(70, 9));
            event.user_agent = "job/4.0 sdk/2.1".to_owned();
            event.resources = vec![format!("arn:aws:s3:::bucket-{}", n % 5)];
            event.bytes = Some(rng.random_range(5_000..200_000));
            events.push(event);
        }
    }
}

/// What deploys: on workdays, by roles of two further accounts.
fn deployer(events: &mut Vec<Event>, mut rng: StdRng) {
    let actor = format!("arn:aws:sts::{ACCOUNT}:assumed-role/deployer/run");
    let usual: Vec<usize> = (0..30).map(|_| zipf(&mut rng, 140)).collect();
    for day in 0..DAYS {
        if is_off(day) {
            continue;
        }
        for _ in 0..1 + poisson(&mut rng, 3.0) {
            let mut at = START + day * DAY + 8 * HOUR + rng.random_range(0..9 * HOUR);
            let other = ["222233334444", "333344445555"][rng.random_range(0..2)];
            let role = format!("arn:aws:iam::{other}:role/deploy");
            let mut assume = call(at, actor.clone(), 0);
            "AssumeRole".clone_into(&mut assume.operation);
            assume.role = Some((role, other.to_owned()));
            assume.user_agent = "pipeline/7.1".to_owned();
            assume.src_ip = Some(address(71, 3));
            events.push(assume);
            let session = format!("arn:aws:sts::{other}:assumed-role/deploy/run");
            for _ in 0..20 + poisson(&mut rng, 20.0) {
                at += rng.random_range(0..20 * SECOND);
                let mut event = call(at, session.clone(), usual[zipf(&mut rng, usual.len())]);
                event.account = other.to_owned();
                event.user_agent = "pipeline/7.1".to_owned();
                event.src_ip = Some(address(71, 3));
                events.push(event);
            }
        }
    }
}

/// A machine: an agent that reports at a steady beat to where all report, a connection that
/// stays, and what its users want.
fn machine(events: &mut Vec<Event>, mut rng: StdRng, n: usize) {
    let first = if n % 6 == 5 {
        rng.random_range(7..25)
    } else {
        0
    };
    let collector = (IpAddr::from([203, 0, 113, 10]), 443);
    let database = (IpAddr::from([10, 1, 0, 5]), 5432);
    let sites: Vec<u32> = (0..30).map(|_| 200 + zipf(&mut rng, 120) as u32).collect();
    let rate = rng.random_range(4.0..20.0);
    let mut port = 40_000_u16;
    for day in first..DAYS {
        let quiet = if is_off(day) { 0.5 } else { 1.0 };
        let standing = rng.random_range(33_000..39_000);
        for hour in 0..24 {
            let base = START + day * DAY + hour * HOUR;
            for beat in 0..12 {
                port = if port > 60_000 { 40_000 } else { port + 1 };
                let at = base + beat * 300 * SECOND + rng.random_range(0..2 * SECOND);
                events.push(flow(at, host(n), port, collector, 1_500));
                if beat % 3 == 0 {
                    let at = base + beat * 300 * SECOND + 7 * SECOND;
                    events.push(flow(at, host(n), standing, database, 40_000));
                }
            }
            let work = if (7..19).contains(&hour) { 1.0 } else { 0.3 };
            for _ in 0..poisson(&mut rng, rate * work * quiet) {
                port = if port > 60_000 { 40_000 } else { port + 1 };
                let site = match rng.random::<f64>() < 0.05 {
                    true => 200 + rng.random_range(0..200),
                    false => sites[zipf(&mut rng, sites.len())],
                };
                let target = (address(site, rng.random_range(1..4)), 443);
                let at = base + rng.random_range(0..HOUR);
                let bytes = 2_000 + (40_000.0 * -(1.0 - rng.random::<f64>()).ln()) as u64;
                events.push(flow(at, host(n), port, target, bytes));
            }
        }
    }
}
