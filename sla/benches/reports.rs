//! A month of 100,000 incidents and 500,000 clocks, made into a report and computed again:
//! `cargo bench -p cordon-sla --bench reports`.

#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a program that measures and prints"
)]

use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

use cordon_sla::agreement::{Agreement, AgreementDraft};
use cordon_sla::calendar::Calendar;
use cordon_sla::clock::{Entry, Event, Party};
use cordon_sla::decided::decided;
use cordon_sla::objective::{Objective, ObjectiveKind, Severity};
use cordon_sla::period::Period;
use cordon_sla::report::{Builder, ClockLines, Log, line, recompute};
use jiff::{SignedDuration, Timestamp};

const INCIDENTS: u64 = 100_000;

fn agreement() -> Result<Agreement, Box<dyn Error>> {
    let mut objectives = Vec::new();
    for kind in ObjectiveKind::ALL {
        for severity in Severity::ALL {
            objectives.push(Objective {
                kind,
                severity,
                within: SignedDuration::from_hours(6 + severity as i64),
                calendar: "always".into(),
            });
        }
    }
    Ok(Agreement::new(AgreementDraft {
        id: "acme".into(),
        version: 1,
        valid_from: Timestamp::UNIX_EPOCH,
        valid_to: None,
        calendars: [("always".to_owned(), Calendar::AlwaysOpen)].into(),
        objectives,
        reclassify_grace: SignedDuration::ZERO,
        freshness_p99: None,
        availability: None,
        credits: Vec::new(),
        duties: Vec::new(),
        contacts: Vec::new(),
        escalations: Vec::new(),
    })?)
}

/// Seven entries that come to five clocks, or to six now and then.
fn log(number: u64, start: Timestamp) -> Result<Log, Box<dyn Error>> {
    let severity = match number % 4 {
        0 => Severity::Sev1,
        1 => Severity::Sev2,
        2 => Severity::Sev3,
        _ => Severity::Sev4,
    };
    let events = [
        Event::Opened { severity },
        Event::Acknowledged,
        Event::HandedOver {
            to: Party::Customer,
            reason: String::new(),
        },
        Event::HandedOver {
            to: Party::Provider,
            reason: String::new(),
        },
        Event::Contained,
        Event::Restored,
        Event::Resolved,
    ];
    let pace = i64::try_from(number * 7_919 % 5_400)? + 60;
    let begin = start + SignedDuration::from_secs(i64::try_from(number * 20)?);
    let entries = (0..).zip(events).map(|(at, event): (i32, _)| Entry {
        sequence: number * 8 + u64::try_from(at).unwrap_or_default(),
        at: begin + SignedDuration::from_secs(pace) * at,
        event,
    });
    Ok(Log {
        incident: format!("0190a0a0-0000-7000-8000-{number:012x}"),
        number: Some(number),
        entries: entries.collect(),
    })
}

fn main() -> Result<(), Box<dyn Error>> {
    let period: Period = "2026-10".parse()?;
    let now = period.to();
    let agreements = [agreement()?];
    let agreement = agreements.first();
    let logs: Vec<Log> = (1..=INCIDENTS)
        .map(|number| log(number, period.from()))
        .collect::<Result<_, _>>()?;

    let start = Instant::now();
    let mut clocks = Vec::new();
    for log in &logs {
        clocks.extend(decided(
            &log.entries,
            |_| agreement,
            &log.incident,
            log.number.unwrap_or_default(),
            period,
            now,
        ));
    }
    println!("{} clocks decided in {:?}", clocks.len(), start.elapsed());

    let start = Instant::now();
    let mut builder = Builder::new("acme", period, now, &agreements);
    clocks
        .iter()
        .for_each(|clock| builder.add(black_box(clock)));
    let counted = start.elapsed();
    let start = Instant::now();
    let (mut digest, mut lines, mut bytes) = (ClockLines::default(), Vec::new(), 0);
    for clock in &clocks {
        let mut line = line(clock)?;
        digest.take(&line);
        bytes += line.len();
        line.pop();
        lines.push(line);
    }
    println!(
        "counted in {counted:?}, written as {} MB in {:?}",
        bytes / 1_000_000,
        start.elapsed()
    );
    let start = Instant::now();
    let report = builder.finish(None, None, Vec::new(), Some(digest.finish()));
    let json = serde_json::to_string(&report)?;
    println!(
        "finished in {:?}: {} KB",
        start.elapsed(),
        json.len() / 1_000
    );

    let start = Instant::now();
    let came = recompute(&report, &lines, logs, &agreements);
    println!(
        "computed again in {:?}: agrees {}",
        start.elapsed(),
        came.agrees()
    );
    Ok(())
}
