//! What is found of attacks put into five weeks of made-up tenants, what else is told, and what it
//! costs: `cargo bench -p cordon-baseline`.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::panic,
    reason = "a program that measures and prints"
)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use cordon_baseline::{Baselines, Limits, PARTS, Part};
use support::calm::{LARGE, MIDDLE, SMALL, weeks};
use support::injected::attack;
use support::measured::{false_alarms, judged, scores};
use support::{feed, model, sorted};

/// So much less is needed while measuring, so that it can be said what any limit would have found.
const LESS: f32 = 6.0;

fn main() {
    let per_size: u64 = std::env::args()
        .skip(1)
        .find_map(|word| word.parse().ok())
        .unwrap_or(4);
    let mut all = Vec::new();
    let mut attacks = Vec::new();
    println!("| tenant | events | events/s | state | subjects | crowded |");
    println!("| --- | --- | --- | --- | --- | --- |");
    for (size, name) in [(SMALL, "small"), (MIDDLE, "middle"), (LARGE, "large")] {
        let (mut events_in, mut spent, mut bytes, mut subjects, mut crowded) =
            (0, Duration::ZERO, 0, 0, 0);
        for n in 0..per_size {
            // The limits were chosen on seeds below these.
            let seed = 1_000 * size.humans as u64 + 500 + n;
            let mut events = weeks(seed, size);
            let made = attack(seed, size, 4, &mut events);
            let events = sorted(events);
            let limits = Limits {
                more_bits: -LESS,
                ..Limits::default()
            };
            let mut baselines = Baselines::empty(model(limits));
            let begun = Instant::now();
            let outcome = feed(&mut baselines, &events, 4_096);
            spent += begun.elapsed();
            events_in += events.len();
            let parts = (0..PARTS).filter_map(Part::new);
            bytes += parts
                .map(|part| baselines.to_bytes(part).unwrap().len())
                .sum::<usize>();
            subjects += baselines.subjects();
            crowded += outcome.crowded;
            let shift = |mut one: support::measured::Judged| {
                one.over -= LESS;
                one
            };
            let of = judged(attacks.len(), &events, &outcome.anomalies);
            if std::env::var_os("CORDON_BENCH_WRONG").is_some() {
                let pairs = of.iter().zip(&outcome.anomalies);
                for (one, anomaly) in
                    pairs.filter(|(one, _)| one.attack.is_none() && one.over >= LESS)
                {
                    println!(
                        "{name} week {}: {:?} {:.1} bits of {:.1} {}: {} {}",
                        one.week,
                        one.kind,
                        anomaly.score,
                        anomaly.limit + LESS,
                        anomaly.subject.name,
                        anomaly.expected.sentence,
                        anomaly.seen.sentence
                    );
                }
            }
            all.extend(of.into_iter().map(shift));
            attacks.push(made);
        }
        println!(
            "| {name}, {per_size} of them | {events_in} | {:.0} | {:.0} KiB each | {} each | {crowded} |",
            events_in as f64 / spent.as_secs_f64(),
            bytes as f64 / 1024.0 / per_size as f64,
            subjects / per_size as usize,
        );
    }
    let tenants = attacks.len();
    println!();
    println!("| kind | found and false alarms at -4 bits | -3 | -2 | -1 | 0 | +1 | +2 |");
    println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
    let at: Vec<_> = (-4..=2)
        .map(|more| scores(&attacks, &all, more as f32))
        .collect();
    for kind in cordon_baseline::AnomalyKind::ALL {
        let cells: Vec<String> = at
            .iter()
            .map(|scores| format!("{}, {}", scores[&kind].found, scores[&kind].wrong))
            .collect();
        println!("| {} | {} |", kind.as_str(), cells.join(" | "));
    }
    // The least limit at which there is one false alarm for each tenant and week.
    let steps = (-60..=60).map(|step| step as f32 / 10.0);
    let at_one = steps
        .clone()
        .find(|more| false_alarms(&all, tenants, *more) <= 1.0);
    for (what, more) in [
        ("at the limits as they are", 0.0),
        ("at one false alarm", at_one.unwrap_or(0.0)),
    ] {
        println!();
        println!(
            "{what} ({more:+.1} bits): {:.2} false alarms for each tenant and week",
            false_alarms(&all, tenants, more)
        );
        println!();
        println!("| kind | attacks | found | as any kind | recall | precision | false alarms |");
        println!("| --- | --- | --- | --- | --- | --- | --- |");
        for (kind, score) in scores(&attacks, &all, more) {
            println!(
                "| {} | {} | {} | {} | {:.2} | {:.2} | {} |",
                kind.as_str(),
                score.attacks,
                score.found,
                score.found_as_any,
                score.found as f64 / score.attacks.max(1) as f64,
                score.right as f64 / (score.right + score.wrong).max(1) as f64,
                score.wrong
            );
        }
    }
}
