//! How many clocks are computed in a second, of a log of twelve entries:
//! `cargo bench -p cordon-sla`.

#![allow(
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    reason = "a program that measures and prints"
)]

use std::collections::BTreeMap;
use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};

use cordon_sla::agreement::{Agreement, AgreementDraft};
use cordon_sla::calendar::{Calendar, CalendarDraft, LocalSpan, LocalTime, OfficeHoursDraft};
use cordon_sla::clock::{Entry, Event, Party, evaluate, next_moment};
use cordon_sla::objective::{Objective, ObjectiveKind, Severity};
use jiff::{SignedDuration, Timestamp};

fn office() -> Result<Calendar, Box<dyn Error>> {
    let span = LocalSpan {
        from: LocalTime::new(9, 0).ok_or("time")?,
        to: LocalTime::new(17, 0).ok_or("time")?,
    };
    let mut hours: [Vec<LocalSpan>; 7] = Default::default();
    hours.iter_mut().take(5).for_each(|day| day.push(span));
    let draft = OfficeHoursDraft {
        time_zone: "Europe/Berlin".into(),
        hours,
        holidays: vec!["2026-05-01".parse()?, "2026-12-25".parse()?],
    };
    Ok(Calendar::new(CalendarDraft::OfficeHours(Box::new(draft)))?)
}

fn agreement(calendar: &str) -> Result<Agreement, Box<dyn Error>> {
    let mut objectives = Vec::new();
    for kind in ObjectiveKind::ALL {
        for severity in Severity::ALL {
            objectives.push(Objective {
                kind,
                severity,
                within: SignedDuration::from_hours(6 + severity as i64),
                calendar: calendar.into(),
            });
        }
    }
    Ok(Agreement::new(AgreementDraft {
        id: "gold".into(),
        version: 1,
        valid_from: Timestamp::UNIX_EPOCH,
        valid_to: None,
        calendars: BTreeMap::from([
            ("always".into(), Calendar::AlwaysOpen),
            ("office".into(), office()?),
        ]),
        objectives,
        reclassify_grace: SignedDuration::from_mins(30),
        freshness_p99: None,
        availability: None,
        credits: Vec::new(),
        duties: Vec::new(),
        contacts: Vec::new(),
        escalations: Vec::new(),
    })?)
}

/// Twelve entries from Monday to Wednesday.
fn log() -> Result<Vec<Entry>, Box<dyn Error>> {
    let start: Timestamp = "2026-06-08T08:00:00Z".parse()?;
    let events = [
        Event::Opened {
            severity: Severity::Sev2,
        },
        Event::Acknowledged,
        Event::Updated,
        Event::Updated,
        Event::SnapshotRequested { id: "s1".into() },
        Event::HandedOver {
            to: Party::Customer,
            reason: "access".into(),
        },
        Event::HandedOver {
            to: Party::Provider,
            reason: "granted".into(),
        },
        Event::Reclassified {
            from: Severity::Sev2,
            to: Severity::Sev1,
        },
        Event::SnapshotDelivered { id: "s1".into() },
        Event::Contained,
        Event::Updated,
        Event::Restored,
    ];
    let mut log = Vec::new();
    for (sequence, event) in (1..).zip(events) {
        let at = start + SignedDuration::from_mins(i64::try_from(sequence)? * 223);
        log.push(Entry {
            sequence,
            at,
            event,
        });
    }
    Ok(log)
}

fn main() -> Result<(), Box<dyn Error>> {
    let log = log()?;
    let now: Timestamp = "2026-06-11T10:00:00Z".parse()?;
    for calendar in ["always", "office"] {
        let agreement = agreement(calendar)?;
        let (mut clocks, start) = (0_usize, Instant::now());
        while start.elapsed() < Duration::from_secs(2) {
            for _ in 0..1_000 {
                let made = evaluate(black_box(&log), |_| Some(&agreement), black_box(now));
                clocks += made.len();
                black_box(made);
            }
        }
        let seconds = start.elapsed().as_secs_f64();
        println!("{calendar}: {:.0} clocks a second", clocks as f64 / seconds);
        // While most of the clocks still run.
        let now: Timestamp = "2026-06-08T14:00:00Z".parse()?;
        let made = evaluate(&log, |_| Some(&agreement), now);
        let (mut moments, start) = (0_usize, Instant::now());
        while start.elapsed() < Duration::from_secs(1) {
            for _ in 0..1_000 {
                for clock in &made {
                    black_box(next_moment(black_box(clock), now));
                    moments += 1;
                }
            }
        }
        let seconds = start.elapsed().as_secs_f64();
        println!(
            "{calendar}: {:.0} next moments a second",
            moments as f64 / seconds
        );
    }
    let start = Instant::now();
    for _ in 0..100 {
        black_box(office()?);
    }
    println!("a calendar is made in {:?}", start.elapsed() / 100);
    Ok(())
}
