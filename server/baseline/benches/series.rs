//! What is found of attacks put into five weeks of made-up tenants, what else is told, and what it
//! costs: `cargo bench -p cordon-baseline [-- [TENANTS [SEED]] [wrong] [limits]]`. `wrong` prints the
//! false alarms, `limits` what other limits would have found.

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

use cordon_baseline::{AnomalyKind, Baselines, Limits, PARTS, Part};
use support::calm::{LARGE, MIDDLE, SMALL, weeks};
use support::injected::{Attack, attack};
use support::measured::{Judged, false_alarms, judged, scores};
use support::{feed, model, sorted};

/// So much less is needed while it is measured what other limits would have found.
const LESS: f32 = 6.0;

/// What came of all tenants at some limits.
#[derive(Default)]
struct Run {
    judged: Vec<Judged>,
    attacks: Vec<Vec<Attack>>,
}

fn run((per_size, first): (u64, u64), more_bits: f32, wrong: bool) -> Run {
    let mut run = Run::default();
    for (size, name) in [(SMALL, "small"), (MIDDLE, "middle"), (LARGE, "large")] {
        let (mut count, mut spent, mut bytes) = (0, Duration::ZERO, 0);
        let (mut subjects, mut crowded) = (0, 0);
        for n in 0..per_size {
            let seed = 1_000 * size.humans as u64 + first + n;
            let mut events = weeks(seed, size);
            let made = attack(seed, size, 4, &mut events);
            let events = sorted(events);
            let limits = Limits {
                more_bits,
                ..Limits::default()
            };
            let mut baselines = Baselines::empty(model(limits));
            let begun = Instant::now();
            let outcome = feed(&mut baselines, &events, 4_096);
            spent += begun.elapsed();
            count += events.len();
            let parts = (0..PARTS).filter_map(Part::new);
            let sizes = parts.map(|part| baselines.to_bytes(part).unwrap().len());
            bytes += sizes.sum::<usize>();
            subjects += baselines.subjects();
            crowded += outcome.crowded;
            let of = judged(run.attacks.len(), &events, &outcome.anomalies);
            if wrong {
                let pairs = of.iter().zip(&outcome.anomalies);
                for (one, told) in pairs.filter(|(one, _)| one.attack.is_none()) {
                    println!(
                        "{name} week {}: {:?}, {:.1} of {:.1} bits, {}: {} {}",
                        one.week,
                        one.kind,
                        told.score,
                        told.limit,
                        told.subject.name,
                        told.expected.sentence,
                        told.seen.sentence
                    );
                }
            }
            let of = of.into_iter().map(|mut one| {
                one.over += more_bits;
                one
            });
            run.judged.extend(of);
            run.attacks.push(made);
        }
        println!(
            "| {name}, {per_size} of them | {count} | {:.0} | {:.0} KiB each | {} each | {crowded} |",
            count as f64 / spent.as_secs_f64(),
            bytes as f64 / 1024.0 / per_size as f64,
            subjects / per_size as usize,
        );
    }
    run
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let mut numbers = words.iter().filter_map(|word| word.parse().ok());
    // The limits were chosen on seeds below these.
    let tenants = (numbers.next().unwrap_or(4), numbers.next().unwrap_or(1_100));
    println!("| tenant | events | events/s | state | subjects | crowded |");
    println!("| --- | --- | --- | --- | --- | --- |");
    let Run { judged, attacks } = run(tenants, 0.0, words.iter().any(|word| word == "wrong"));
    println!();
    println!(
        "{:.2} false alarms for each tenant and judged week",
        false_alarms(&judged, attacks.len(), 0.0)
    );
    println!();
    println!("| kind | attacks | found | found as any kind | recall | precision | false alarms |");
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    for (kind, score) in scores(&attacks, &judged, 0.0) {
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
    if !words.iter().any(|word| word == "limits") {
        return;
    }
    // What other limits would have found. Hours are told when they reach the limit and when that
    // has doubled, so that for hours these figures are a little low.
    println!();
    let Run { judged, attacks } = run(tenants, -LESS, false);
    println!();
    println!("| kind: found, false alarms | -4 bits | -3 | -2 | -1 | 0 | +1 | +2 |");
    println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
    let at = (-4..=2_i8).map(|more| scores(&attacks, &judged, f32::from(more)));
    let at: Vec<_> = at.collect();
    for kind in AnomalyKind::ALL {
        let cells = at
            .iter()
            .map(|scores| format!("{}, {}", scores[&kind].found, scores[&kind].wrong));
        println!(
            "| {} | {} |",
            kind.as_str(),
            cells.collect::<Vec<_>>().join(" | ")
        );
    }
}
