//! A calm tenant's five weeks, made up by a seed, and attacks put into the fifth of them.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test and the measurement use a part of it"
)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "support of tests"
)]

pub mod calm;
pub mod injected;
pub mod measured;
pub mod quiet;

use std::net::IpAddr;

use cordon_baseline::{
    Anomaly, Baselines, Limits, Model, Observation, Outcome, RoleAssumption, Status,
};
use rand::Rng;
use rand::rngs::StdRng;

/// Monday, 2 March 2026, 00:00 UTC.
pub const START: i64 = 20_514 * 86_400_000_000_000;
pub const SECOND: i64 = 1_000_000_000;
pub const MINUTE: i64 = 60 * SECOND;
pub const HOUR: i64 = 3_600 * SECOND;
pub const DAY: i64 = 24 * HOUR;
/// A time by which everything of the series was observed.
pub const LATER: i64 = START + 365 * DAY;
pub const ACCOUNT: &str = "111122223333";

/// An event that owns its words.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Event {
    pub time_ns: i64,
    pub name: [u8; 16],
    pub account: String,
    pub region: String,
    pub service: String,
    pub operation: String,
    pub actor: String,
    pub failed: bool,
    pub src_ip: Option<IpAddr>,
    pub src_port: Option<u16>,
    pub dst_ip: Option<IpAddr>,
    pub dst_port: Option<u16>,
    pub resources: Vec<String>,
    pub user_agent: String,
    pub bytes: Option<u64>,
    pub role: Option<(String, String)>,
    /// The attack that it belongs to, by its place.
    pub attack: Option<usize>,
}

impl Event {
    pub fn see<T>(&self, with: impl FnOnce(&Observation<'_>) -> T) -> T {
        let resources: Vec<&str> = self.resources.iter().map(String::as_str).collect();
        with(&self.observation(&resources))
    }

    pub fn observation<'a>(&'a self, resources: &'a [&'a str]) -> Observation<'a> {
        Observation {
            time_ns: self.time_ns,
            name: self.name,
            source_type: if self.actor.is_empty() {
                "aws.vpcflow"
            } else {
                "aws.cloudtrail"
            },
            account: &self.account,
            region: &self.region,
            service: &self.service,
            operation: &self.operation,
            actor: &self.actor,
            status: if self.failed {
                Status::Failure
            } else {
                Status::Success
            },
            src_ip: self.src_ip,
            src_port: self.src_port,
            dst_ip: self.dst_ip,
            dst_port: self.dst_port,
            resources,
            user_agent: &self.user_agent,
            bytes: self.bytes,
            role: self
                .role
                .as_ref()
                .map(|(role, account)| RoleAssumption { role, account }),
        }
    }
}

pub fn model(limits: Limits) -> Model {
    Model::new([42; 16], limits)
}

pub fn empty() -> Baselines {
    Baselines::empty(model(Limits::default()))
}

/// Takes all events, so many at a time, and joins what is found.
pub fn feed(baselines: &mut Baselines, events: &[Event], at_a_time: usize) -> Outcome {
    let mut all = Outcome::default();
    for batch in events.chunks(at_a_time) {
        join(&mut all, take(baselines, batch, LATER));
    }
    all
}

/// Takes events at once.
pub fn take(baselines: &mut Baselines, events: &[Event], observed_ns: i64) -> Outcome {
    let resources: Vec<Vec<&str>> = events
        .iter()
        .map(|event| event.resources.iter().map(String::as_str).collect())
        .collect();
    let of = events.iter().zip(&resources);
    let observations: Vec<_> = of
        .map(|(event, resources)| event.observation(resources))
        .collect();
    baselines
        .take(&observations, observed_ns)
        .expect("all parts are loaded")
}

/// Puts what came later to what came before, as whoever keeps findings does.
pub fn join(all: &mut Outcome, more: Outcome) {
    all.unusable += more.unusable;
    all.crowded += more.crowded;
    all.untold += more.untold;
    for anomaly in more.anomalies {
        match all
            .anomalies
            .iter_mut()
            .find(|known| known.key == anomaly.key)
        {
            Some(known) => known.join(anomaly),
            None => all.anomalies.push(anomaly),
        }
    }
}

/// How many were found of a kind.
pub fn count(anomalies: &[Anomaly], kind: cordon_baseline::AnomalyKind) -> usize {
    anomalies
        .iter()
        .filter(|anomaly| anomaly.kind == kind)
        .count()
}

/// Names events in the order of their times.
pub fn sorted(mut events: Vec<Event>) -> Vec<Event> {
    events.sort_by_key(|event| event.time_ns);
    for (n, event) in (1_u128..).zip(&mut events) {
        event.name = n.to_le_bytes();
    }
    events
}

/// How many come where `mean` are expected.
pub fn poisson(rng: &mut StdRng, mean: f64) -> u64 {
    if mean > 50.0 {
        let sum: f64 = (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0;
        return (mean + mean.sqrt() * sum).round().max(0.0) as u64;
    }
    let floor = (-mean).exp();
    let (mut n, mut product) = (0, rng.random::<f64>());
    while product > floor {
        n += 1;
        product *= rng.random::<f64>();
    }
    n
}

/// One of several, the first ones most often.
pub fn zipf(rng: &mut StdRng, of: usize) -> usize {
    let unit = rng.random::<f64>();
    (((of as f64 + 1.0).powf(unit)) as usize)
        .saturating_sub(1)
        .min(of - 1)
}

/// A host of one of many networks of documentation.
pub fn address(network: u32, host: u8) -> IpAddr {
    IpAddr::from([0x2001, 0xdb8, network as u16, 0, 0, 0, 0, u16::from(host)])
}
