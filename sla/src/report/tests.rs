//! Reports that are built and computed again.

use jiff::SignedDuration;
use proptest::prelude::*;
use serde_json::Value;

use super::super::agreement::tests::draft;
use super::super::agreement::{Agreement, CreditBasis, CreditTerm, in_force};
use super::super::clock::props::{BOTH, agreements, logs};
use super::super::clock::{Entry, Event, Party};
use super::super::decided::tests::{at, log, opened};
use super::super::decided::{Outcome, decided};
use super::super::objective::ObjectiveKind::{Acknowledge, Resolve};
use super::super::objective::Severity::{Sev1, Sev2};
use super::*;

const NOW: &str = "2026-11-02T06:00:00Z";

fn october() -> Period {
    "2026-10".parse().unwrap()
}

/// Two versions, the second from the middle of October; the first promised more.
pub(crate) fn versions() -> [Agreement; 2] {
    let term = |basis, below, credit| CreditTerm {
        basis,
        below: BasisPoints(below),
        credit: BasisPoints(credit),
    };
    let middle = at("2026-10-15T00:00:00Z");
    let first = AgreementDraft {
        valid_to: Some(middle),
        ..draft(&[
            (Acknowledge, Sev1, 30, "always"),
            (Resolve, Sev1, 600, "always"),
            (Resolve, Sev2, 1_200, "always"),
        ])
    };
    let second = AgreementDraft {
        version: 2,
        valid_from: middle,
        valid_to: Some(at("2027-01-01T00:00:00Z")),
        availability: Some(BasisPoints(9_990)),
        credits: vec![
            term(CreditBasis::Objective(Resolve), 9_000, 500),
            term(CreditBasis::Objective(Resolve), 6_000, 1_500),
            term(CreditBasis::Availability, 9_990, 1_000),
        ],
        ..draft(&[
            (Acknowledge, Sev1, 60, "always"),
            (Resolve, Sev1, 900, "always"),
            (Resolve, Sev2, 1_800, "always"),
        ])
    };
    [first, second].map(|draft| Agreement::new(draft).unwrap())
}

fn own(incident: &str, entries: Vec<Entry>) -> Log {
    Log {
        incident: incident.to_owned(),
        number: incident.strip_prefix('i').and_then(|n| n.parse().ok()),
        entries,
    }
}

/// Three incidents: one in time, one too late after a wait for the customer, one of September.
pub(crate) fn incidents() -> Vec<Log> {
    let to = |to| Event::HandedOver {
        to,
        reason: "a question".into(),
    };
    let numbered = |mut entries: Vec<Entry>, from: u64| {
        entries.iter_mut().for_each(|entry| entry.sequence += from);
        entries
    };
    let first = log(&[
        ("2026-10-02T08:00:00Z", opened()),
        ("2026-10-02T08:10:00Z", Event::Acknowledged),
        ("2026-10-02T12:00:00Z", Event::Resolved),
    ]);
    let second = log(&[
        ("2026-10-20T08:00:00Z", opened()),
        ("2026-10-20T09:30:00Z", Event::Acknowledged),
        ("2026-10-20T10:00:00Z", to(Party::Customer)),
        ("2026-10-21T10:00:00Z", to(Party::Provider)),
        ("2026-10-22T08:00:00Z", Event::Resolved),
    ]);
    let third = log(&[
        ("2026-09-29T08:00:00Z", Event::Opened { severity: Sev2 }),
        ("2026-09-30T10:00:00Z", Event::Resolved),
    ]);
    vec![
        own("i1", first),
        own("i2", numbered(second, 10)),
        own("i3", numbered(third, 20)),
    ]
}

/// A report with its lines, as the server makes it.
pub(crate) fn made(
    logs: &[Log],
    agreements: &[Agreement],
    period: Period,
    now: Timestamp,
    measured: bool,
) -> (Report, Vec<Vec<u8>>) {
    let of_month = |period: Period, builder: &mut Builder<'_>| {
        let mut clocks = Vec::new();
        for log in logs {
            clocks.extend(decided(
                &log.entries,
                |at| in_force(agreements, at),
                &log.incident,
                log.number.unwrap_or_default(),
                period,
                now,
            ));
        }
        clocks.iter().for_each(|clock| builder.add(clock));
        clocks
    };
    let mut earlier = Vec::new();
    let mut month = period;
    for _ in 0..3 {
        month = month.previous().unwrap();
        let mut builder = Builder::new("acme", month, now, agreements);
        of_month(month, &mut builder);
        earlier.push(Month::from(&builder.finish(None, None, Vec::new(), None)));
    }
    let mut builder = Builder::new("acme", period, now, agreements);
    let mut digest = ClockLines::default();
    let mut lines = Vec::new();
    for clock in of_month(period, &mut builder) {
        let mut line = line(&clock).unwrap();
        digest.take(&line);
        line.pop();
        lines.push(line);
    }
    let gap = Gap {
        from: at("2026-10-09T01:00:00Z"),
        to: at("2026-10-09T02:40:00Z"),
    };
    let availability = measured.then(|| Availability::measured(44_640, 44_540, vec![gap]));
    let freshness = measured.then(|| Freshness {
        count: 12_345,
        p50: SignedDuration::from_millis(800),
        p99: SignedDuration::from_secs(7),
    });
    let report = builder.finish(availability, freshness, earlier, Some(digest.finish()));
    (report, lines)
}

fn sample() -> (Report, Vec<Vec<u8>>) {
    made(&incidents(), &versions(), october(), at(NOW), true)
}

fn differences(
    report: &Report,
    lines: &[Vec<u8>],
    logs: Vec<Log>,
    agreements: &[Agreement],
) -> Vec<String> {
    let came = recompute(report, lines, logs, agreements);
    came.differences.iter().map(ToString::to_string).collect()
}

#[test]
fn a_report_says_what_was_attained_and_what_is_owed() {
    let (report, lines) = sample();
    assert!(report.complete);
    assert_eq!(report.as_of, at("2026-11-01T00:00:00Z"));
    let line = |kind, severity| {
        let mut lines = report.lines.iter();
        let found = lines.find(|line| (line.kind, line.severity) == (kind, severity));
        &found.unwrap().figures
    };
    let acknowledge = line(Acknowledge, Sev1);
    assert_eq!((acknowledge.met, acknowledge.breached), (1, 1));
    assert_eq!(acknowledge.attained, Some(BasisPoints(5_000)));
    assert_eq!(acknowledge.p50, Some(SignedDuration::from_mins(10)));
    assert_eq!(acknowledge.p99, Some(SignedDuration::from_mins(90)));
    // Of two days a day was the customer's.
    let resolve = line(Resolve, Sev1);
    assert_eq!((resolve.met, resolve.breached), (1, 1));
    assert_eq!(
        resolve.breaches_took.provider,
        SignedDuration::from_hours(24)
    );
    assert_eq!(
        resolve.breaches_took.customer,
        SignedDuration::from_hours(24)
    );
    assert_eq!((report.overall.met, report.overall.breached), (2, 2));
    // What was breached in September counts there.
    assert_eq!(report.lines.len(), 2);
    assert_eq!(report.earlier.len(), 3);
    assert_eq!(report.earlier[2].period.to_string(), "2026-09");
    assert_eq!(report.earlier[2].sums(), (0, 1));
    // 50 % of what was to be resolved, and 99.77 % of the time.
    assert_eq!(report.credits.agreement, Some(2));
    let owed = report.credits.owed.iter().map(|owed| owed.term.credit.0);
    assert_eq!(owed.collect::<Vec<_>>(), [1_500, 1_000]);
    assert_eq!(report.credits.total, BasisPoints(2_500));
    let named = report.breaches.iter();
    let named: Vec<_> = named.map(|clock| (clock.number, clock.kind)).collect();
    assert_eq!(named, [(2, Acknowledge), (2, Resolve)]);
    assert_eq!(report.clocks.as_ref().unwrap().count, 4);
    assert_eq!(lines.len(), 4);
}

#[test]
fn an_agreement_that_ends_later_changes_no_report() {
    let (report, _) = sample();
    let versions: Vec<_> = report
        .agreements
        .iter()
        .map(|draft| draft.version)
        .collect();
    assert_eq!(versions, [1, 2]);
    assert_eq!(
        report.agreements[0].valid_to,
        Some(at("2026-10-15T00:00:00Z"))
    );
    assert_eq!(report.agreements[1].valid_to, None);
}

#[test]
fn nobodys_name_is_in_a_report() {
    let [first, second] = versions();
    let mut draft = AgreementDraft::from(second);
    draft.contacts = vec![crate::duties::Contact {
        id: "lead".to_owned(),
        party: Party::Provider,
        name: "Ben Okri".to_owned(),
        role: String::new(),
        mail: "ben@example.net".to_owned(),
        phone: String::new(),
        hours: "always".to_owned(),
    }];
    let named = [first, Agreement::new(draft).unwrap()];
    let (report, lines) = made(&incidents(), &named, october(), at(NOW), true);
    assert!(!serde_json::to_string(&report).unwrap().contains("Okri"));
    // Who has the agreements without their people agrees all the same.
    assert_eq!(
        differences(&report, &lines, incidents(), &versions()),
        [""; 0]
    );
}

#[test]
fn a_report_is_the_same_in_any_order_and_comes_back_from_json() {
    let (report, lines) = sample();
    let versions = versions();
    let mut builder = Builder::new("acme", october(), at(NOW), &versions);
    for line in lines.iter().rev() {
        builder.add(&serde_json::from_slice(line).unwrap());
    }
    let again = builder.finish(
        report.availability.clone(),
        report.freshness,
        report.earlier.iter().rev().cloned().collect(),
        report.clocks.clone(),
    );
    assert_eq!(again, report);
    let json = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<Report>(&json).unwrap(), report);
}

#[test]
fn only_so_many_breaches_are_named_and_the_gravest_first() {
    let versions = versions();
    let mut builder = Builder::new("acme", october(), at(NOW), &versions);
    let (_, lines) = sample();
    let clocks = lines
        .iter()
        .map(|line| serde_json::from_slice(line).unwrap());
    let breached: DecidedClock = clocks
        .into_iter()
        .find(|clock: &DecidedClock| clock.state == Outcome::Breached)
        .unwrap();
    let many = u64::try_from(MAX_BREACHES).unwrap() + 7;
    for number in 0..many {
        let severity = if number == 500 { Sev1 } else { Sev2 };
        builder.add(&DecidedClock {
            number,
            severity,
            decided: breached.decided - SignedDuration::from_secs(i64::try_from(number).unwrap()),
            ..breached.clone()
        });
    }
    let report = builder.finish(None, None, Vec::new(), None);
    assert_eq!(report.breaches.len(), MAX_BREACHES);
    assert_eq!(report.breaches_left_out, 7);
    assert_eq!(report.breaches[0].number, 500);
    assert_eq!(report.breaches[1].number, many - 1);
    assert_eq!(report.overall.breached, many);
}

#[test]
fn one_own_log_gives_the_same_report() {
    let (report, lines) = sample();
    let came = recompute(&report, &lines, incidents(), &versions());
    assert_eq!(came.differences, []);
    assert!(came.agrees());
    assert_eq!(came.clocks, 4);
    assert_eq!(came.unproven, ["availability", "freshness"]);
    // Numbers may be unknown, and incidents come in any order.
    let mut logs = incidents();
    logs.reverse();
    logs.iter_mut().for_each(|log| log.number = None);
    assert!(recompute(&report, &lines, logs, &versions()).agrees());
    // Nor does a later entry make a difference.
    let mut logs = incidents();
    logs[1].entries.push(Entry {
        sequence: 99,
        at: at("2026-11-20T00:00:00Z"),
        event: Event::Reopened,
    });
    assert!(recompute(&report, &lines, logs, &versions()).agrees());
}

#[test]
fn a_report_that_was_tampered_with_is_told_where() {
    let (mut report, lines) = sample();
    report.lines[0].figures.met += 1;
    report.credits.total = BasisPoints(0);
    report.availability.as_mut().unwrap().attained = Some(BasisPoints::WHOLE);
    report.earlier[2].kinds[0].breached = 0;
    report.breaches.remove(0);
    report.lines[1].figures.p99 = None;
    let said = differences(&report, &lines, incidents(), &versions());
    for (said, expected) in said.iter().zip([
        "lines[acknowledge sev1].met was reported as 2, and comes to 1",
        "lines[resolve sev1].p99 was reported as nothing, and comes to PT24H",
        "breaches[acknowledge sev1 i2 2026-10-20T08:00:00Z] was reported as nothing, and comes to {",
        "credits.total was reported as 0, and comes to 2500",
        "availability.attained was reported as 10000, and comes to 9977",
        "earlier[2026-09].kinds[resolve].breached was reported as 0, and comes to 1",
    ]) {
        assert!(said.starts_with(expected), "{said}");
    }
    assert_eq!(said.len(), 6);
}

#[test]
fn lines_that_were_tampered_with_do_not_pass() {
    let (report, lines) = sample();
    let text = |line: &[u8]| String::from_utf8(line.to_vec()).unwrap();
    let mut changed = lines.clone();
    changed[1] = text(&lines[1])
        .replace("\"spent\":\"PT4H\"", "\"spent\":\"PT3H\"")
        .into_bytes();
    assert_ne!(changed, lines);
    let said = differences(&report, &changed, incidents(), &versions());
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].starts_with("the clocks are not those that were signed: 4 with SHA-256 "));
    assert_eq!(
        said[1],
        "incident 1 (i1), resolve of 2026-10-02T08:00:00Z: spent was reported as PT3H, and comes \
         to PT4H"
    );
    let said = differences(&report, &lines[1..], incidents(), &versions());
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[1].ends_with("acknowledge of 2026-10-02T08:00:00Z: in the log, but not reported"));
    let mut twice = lines.clone();
    twice.push(lines[0].clone());
    let said = differences(&report, &twice, incidents(), &versions());
    assert!(
        said[1].ends_with("reported, but not in the log"),
        "{said:?}"
    );
    let mut broken = lines.clone();
    broken[2] = b"{}".to_vec();
    let said = differences(&report, &broken, incidents(), &versions());
    assert!(
        said[0].starts_with("line 3 is no clock: missing field `incident`"),
        "{said:?}"
    );
    let mut swapped = lines;
    swapped.swap(0, 1);
    assert_eq!(
        differences(&report, &swapped, incidents(), &versions()).len(),
        1
    );
}

#[test]
fn an_entry_that_the_log_lacks_makes_a_difference() {
    let (report, lines) = sample();
    // Without the hand-over nothing was the customer's time.
    let mut logs = incidents();
    logs[1].entries.remove(2);
    let said = differences(&report, &lines, logs, &versions());
    let has = |text: &str| said.iter().any(|said| said.contains(text));
    assert!(has(
        "resolve of 2026-10-20T08:00:00Z: spent was reported as PT24H, and comes to PT48H"
    ));
    assert!(
        has("lines[resolve sev1].breaches_took.customer was reported as PT24H"),
        "{said:?}"
    );
    // Without an incident, all that it came to.
    let mut logs = incidents();
    logs.remove(0);
    let said = differences(&report, &lines, logs, &versions());
    let missing = said
        .iter()
        .filter(|said| said.ends_with("reported, but not in the log"));
    assert_eq!(missing.count(), 2);
    // With one that was not reported, that one.
    let mut logs = incidents();
    logs.push(own("i4", incidents()[0].entries.clone()));
    let said = differences(&report, &lines, logs, &versions());
    let missing = said
        .iter()
        .filter(|said| said.ends_with("in the log, but not reported"));
    assert_eq!(missing.count(), 2);
}

#[test]
fn a_foreign_agreement_makes_a_difference() {
    let (report, lines) = sample();
    let [first, second] = versions();
    let mut foreign = AgreementDraft::from(second);
    foreign.objectives[0].within = SignedDuration::from_mins(120);
    foreign.credits.remove(2);
    let foreign = [first.clone(), Agreement::new(foreign).unwrap()];
    let said = differences(&report, &lines, incidents(), &foreign);
    let has = |text: &str| said.iter().any(|said| said.contains(text));
    assert!(has(
        "agreements[2].objectives[acknowledge sev1].within was reported as PT1H, and comes to PT2H"
    ));
    assert!(has(
        "incident 2 (i2), acknowledge of 2026-10-20T08:00:00Z: state was reported as breached"
    ));
    assert!(
        has("credits.total was reported as 2500, and comes to 1500"),
        "{said:?}"
    );
    assert!(!differences(&report, &lines, incidents(), &[first]).is_empty());
}

#[test]
fn clocks_that_start_in_one_moment_are_told_apart() {
    let start = "2026-10-20T08:00:00Z";
    let entries = log(&[
        (start, opened()),
        (start, Event::Resolved),
        (start, Event::Reopened),
        ("2026-10-20T09:00:00Z", Event::Resolved),
    ]);
    let logs = vec![own("i1", entries)];
    let (report, lines) = made(&logs, &versions(), october(), at(NOW), false);
    assert_eq!(report.overall.met, 3);
    let mut reversed = lines.clone();
    reversed.reverse();
    for lines in [lines, reversed] {
        let came = recompute(&report, &lines, logs.clone(), &versions());
        let figures = came.differences.iter();
        let clocks = figures.filter(|said| !matches!(said, Difference::Digest { .. }));
        assert_eq!(clocks.collect::<Vec<_>>(), Vec::<&Difference>::new());
    }
}

#[test]
fn a_month_that_is_not_over_is_reported_so_far() {
    let now = at("2026-10-20T23:00:00Z");
    let (report, lines) = made(&incidents(), &versions(), october(), now, false);
    assert!(!report.complete);
    assert_eq!(report.as_of, now);
    assert_eq!(report.overall.breached, 1);
    let came = recompute(&report, &lines, incidents(), &versions());
    assert_eq!(came.differences, []);
    assert!(came.unproven.is_empty());
}

#[test]
fn without_a_digest_the_figures_alone_are_compared() {
    let (mut report, _) = sample();
    report.clocks = None;
    let none: [&[u8]; 0] = [];
    assert!(recompute(&report, none, incidents(), &versions()).agrees());
    report.overall.met = 7;
    let came = recompute(&report, none, incidents(), &versions());
    let said = &came.differences[0];
    assert_eq!(
        said.to_string(),
        "overall.met was reported as 7, and comes to 2"
    );
    let json = serde_json::to_value(said).unwrap();
    assert_eq!(json["difference"], "figure");
    assert_eq!(json["own"], Value::from(2));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn whatever_the_logs_a_report_is_computed_again(
        logs in prop::collection::vec(logs(), 1..6), agreement in agreements(BOTH),
        hours in 0_i64..600,
    ) {
        let logs: Vec<_> = (1..).zip(logs).map(|(n, log): (u64, _)| own(&format!("i{n}"), log)).collect();
        let agreements = [agreement];
        let now = at("2026-06-08T08:00:00Z") + SignedDuration::from_hours(hours);
        let june = "2026-06".parse().unwrap();
        let (report, lines) = made(&logs, &agreements, june, now, true);
        let counted = report.overall.met + report.overall.breached;
        prop_assert_eq!(counted, u64::try_from(lines.len()).unwrap());
        let came = recompute(&report, &lines, logs.clone(), &agreements);
        prop_assert_eq!(came.differences, Vec::new());
        // And whichever line is left out, it is missed.
        if let Some((_, rest)) = lines.split_first() {
            prop_assert!(!recompute(&report, rest, logs, &agreements).agrees());
        }
    }
}
