//! What is found of attacks on made-up tenants, by counts well below what the measurement shows
//! (`cargo bench -p cordon-baseline`, docs/benchmarks.md).

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod support;

use cordon_baseline::AnomalyKind;
use support::calm::{SMALL, weeks};
use support::injected::attack;
use support::measured::{false_alarms, judged, scores};
use support::{empty, feed, sorted};

#[test]
fn most_attacks_are_found_and_calm_weeks_are_calm() {
    let (mut all, mut attacks) = (Vec::new(), Vec::new());
    for seed in 21..23 {
        let mut events = weeks(seed, SMALL);
        let made = attack(seed, SMALL, 3, &mut events);
        let events = sorted(events);
        let outcome = feed(&mut empty(), &events, 4_096);
        assert_eq!(outcome.crowded, 0);
        all.extend(judged(attacks.len(), &events, &outcome.anomalies));
        attacks.push(made);
    }
    let scores = scores(&attacks, &all, 0.0);
    for kind in AnomalyKind::ALL {
        let score = scores[&kind];
        assert_eq!(score.attacks, 6);
        assert!(score.found_as_any >= 1, "{}: {score:?}", kind.as_str());
    }
    let found: usize = scores.values().map(|score| score.found).sum();
    assert!(found >= 30, "{found} of 48");
    let wrong = false_alarms(&all, attacks.len(), 0.0);
    assert!(
        wrong <= 2.0,
        "{wrong} false alarms for each tenant and week"
    );
}
