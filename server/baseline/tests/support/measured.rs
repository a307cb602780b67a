//! Which attacks were found, and what else was told.

use std::collections::{BTreeMap, BTreeSet};

use cordon_baseline::{Anomaly, AnomalyKind};

use super::injected::Attack;
use super::{DAY, Event, START};

/// One anomaly, and whether an attack is behind it.
#[derive(Debug, Clone)]
pub struct Judged {
    pub tenant: usize,
    pub kind: AnomalyKind,
    /// Bits over what was needed.
    pub over: f32,
    pub attack: Option<usize>,
    pub week: i64,
}

/// Says of each anomaly which attack is behind it.
pub fn judged(tenant: usize, events: &[Event], anomalies: &[Anomaly]) -> Vec<Judged> {
    let attacks: BTreeMap<[u8; 16], usize> = events
        .iter()
        .filter_map(|event| Some((event.name, event.attack?)))
        .collect();
    anomalies
        .iter()
        .map(|anomaly| Judged {
            tenant,
            kind: anomaly.kind,
            over: anomaly.score - anomaly.limit,
            attack: anomaly
                .events
                .iter()
                .find_map(|name| attacks.get(name).copied()),
            week: (anomaly.times.0 - START).div_euclid(7 * DAY),
        })
        .collect()
}

/// Of one kind: attacks, how many of them were found as this kind, and how many as any; true and
/// false alarms of this kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Score {
    pub attacks: usize,
    pub found: usize,
    pub found_as_any: usize,
    pub right: usize,
    pub wrong: usize,
}

/// The scores of all kinds where so many bits more are needed.
pub fn scores(
    attacks: &[Vec<Attack>],
    judged: &[Judged],
    more: f32,
) -> BTreeMap<AnomalyKind, Score> {
    let told: Vec<&Judged> = judged.iter().filter(|one| one.over >= more).collect();
    let kind_of = |one: &Judged| Some(attacks[one.tenant][one.attack?].kind);
    let mut scores = BTreeMap::new();
    for kind in AnomalyKind::ALL {
        let all = attacks
            .iter()
            .flatten()
            .filter(|attack| attack.kind == kind);
        let of: Vec<_> = told
            .iter()
            .filter(|one| kind_of(one) == Some(kind))
            .collect();
        let any: BTreeSet<_> = of.iter().map(|one| (one.tenant, one.attack)).collect();
        let same = of.iter().filter(|one| one.kind == kind);
        let same: BTreeSet<_> = same.map(|one| (one.tenant, one.attack)).collect();
        let as_kind = told.iter().copied().filter(|one| one.kind == kind);
        let (right, wrong): (Vec<&Judged>, Vec<&Judged>) =
            as_kind.partition(|one| one.attack.is_some());
        scores.insert(
            kind,
            Score {
                attacks: all.count(),
                found: same.len(),
                found_as_any: any.len(),
                right: right.len(),
                wrong: wrong.len(),
            },
        );
    }
    scores
}

/// False alarms for each tenant and judged week, which are the four after the first.
pub fn false_alarms(judged: &[Judged], tenants: usize, more: f32) -> f64 {
    let wrong = judged
        .iter()
        .filter(|one| one.attack.is_none() && one.over >= more);
    wrong.count() as f64 / (tenants as f64 * 4.0)
}
