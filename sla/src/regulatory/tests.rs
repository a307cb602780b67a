//! The deadlines of the law, by its letter.

use super::super::calendar::tests::{at, office};
use super::*;

const ALL: &[Duty] = &[
    Duty::Nis2,
    Duty::Dora,
    Duty::GdprController,
    Duty::GdprProcessor,
];

fn submitted(duty: Duty, report: Report, time: &str) -> Submission {
    let at = at(time);
    Submission { duty, report, at }
}

fn of<'t>(facts: &RegulatoryFacts<'_>, duty: Duty, report: Report, now: &str) -> Countdown<'t> {
    let all = countdowns(facts, RULES, at(now));
    let mut found = all
        .into_iter()
        .filter(|c| (c.rule.duty, c.rule.report) == (duty, report));
    let countdown = found.next().unwrap();
    assert_eq!(found.next(), None);
    countdown
}

fn due(facts: &RegulatoryFacts<'_>, duty: Duty, report: Report) -> Option<String> {
    let countdown = of(facts, duty, report, "2030-01-01T00:00:00Z");
    countdown.deadline().map(|at| at.to_string())
}

#[test]
fn hours_run_from_awareness() {
    let facts = RegulatoryFacts {
        duties: ALL,
        awareness: Some(at("2026-03-28T13:30:00Z")),
        ..RegulatoryFacts::default()
    };
    let due = |duty, report| due(&facts, duty, report);
    // Across a change to summer time, which hours don't care about.
    assert_eq!(
        due(Duty::Nis2, Report::EarlyWarning).unwrap(),
        "2026-03-29T13:30:00Z"
    );
    let third = Some("2026-03-31T13:30:00Z".to_owned());
    assert_eq!(due(Duty::Nis2, Report::IncidentNotification), third);
    assert_eq!(due(Duty::GdprController, Report::BreachNotification), third);
    assert_eq!(due(Duty::Nis2, Report::FinalReport), None);
    assert_eq!(
        due(Duty::GdprProcessor, Report::ControllerNotification),
        None
    );
    let state = |duty, report| of(&facts, duty, report, "2026-03-31T13:30:00Z").progress;
    assert_eq!(state(Duty::Nis2, Report::EarlyWarning), Progress::Missed);
    assert_eq!(
        state(Duty::Nis2, Report::IncidentNotification),
        Progress::Running
    );
    assert_eq!(state(Duty::Nis2, Report::FinalReport), Progress::Waiting);
    assert_eq!(
        state(Duty::Dora, Report::InitialNotification),
        Progress::Waiting
    );
    assert_eq!(
        state(Duty::GdprProcessor, Report::ControllerNotification),
        Progress::Elapsing
    );
}

#[test]
fn the_last_moment_is_in_time() {
    let judged = |time| {
        let submissions = [submitted(Duty::Nis2, Report::EarlyWarning, time)];
        let facts = RegulatoryFacts {
            duties: &[Duty::Nis2],
            awareness: Some(at("2026-03-10T10:00:00Z")),
            submissions: &submissions,
            ..RegulatoryFacts::default()
        };
        let now = "2026-03-12T00:00:00Z";
        let countdown = of(&facts, Duty::Nis2, Report::EarlyWarning, now);
        (countdown.progress, countdown.left.unwrap().as_secs())
    };
    assert_eq!(judged("2026-03-11T10:00:00Z"), (Progress::Met, 0));
    assert_eq!(judged("2026-03-11T10:00:01Z"), (Progress::Missed, -1));
    assert_eq!(
        judged("2026-03-13T00:00:00Z"),
        (Progress::Missed, -14 * 3600),
        "not yet known"
    );
}

#[test]
fn a_month_ends_with_the_month_that_has_no_such_day() {
    let cases = [
        ("2026-01-31T22:15:00Z", "2026-02-28T22:15:00Z"),
        ("2028-01-31T22:15:00Z", "2028-02-29T22:15:00Z"),
        ("2028-01-29T22:15:00Z", "2028-02-29T22:15:00Z"),
        ("2026-03-31T22:15:00Z", "2026-04-30T22:15:00Z"),
        ("2026-12-05T22:15:00Z", "2027-01-05T22:15:00Z"),
    ];
    for (notified, expected) in cases {
        let again = submitted(
            Duty::Nis2,
            Report::IncidentNotification,
            "2029-01-01T00:00:00Z",
        );
        let first = submitted(Duty::Nis2, Report::IncidentNotification, notified);
        let facts = RegulatoryFacts {
            duties: &[Duty::Nis2],
            awareness: Some(at("2026-01-01T00:00:00Z")),
            submissions: &[again, first],
            ..RegulatoryFacts::default()
        };
        assert_eq!(
            due(&facts, Duty::Nis2, Report::FinalReport).unwrap(),
            expected
        );
    }
}

#[test]
fn the_initial_notification_has_two_limits() {
    let cases = [
        ("2026-03-10T12:00:00Z", "2026-03-10T16:00:00Z"),
        // At most a day from awareness.
        ("2026-03-11T08:00:00Z", "2026-03-11T10:00:00Z"),
        ("2026-03-11T10:00:00Z", "2026-03-11T10:00:00Z"),
        // Classified as major only later.
        ("2026-03-11T10:00:01Z", "2026-03-11T14:00:01Z"),
    ];
    for (classified, expected) in cases {
        let facts = RegulatoryFacts {
            duties: &[Duty::Dora],
            awareness: Some(at("2026-03-10T10:00:00Z")),
            classification: Some(at(classified)),
            ..RegulatoryFacts::default()
        };
        assert_eq!(
            due(&facts, Duty::Dora, Report::InitialNotification).unwrap(),
            expected
        );
    }
}

#[test]
fn dora_reports_follow_each_other_and_wait_for_working_days() {
    let bank = office("Europe/Berlin", &["2026-04-03", "2026-04-06"]);
    let submissions = [
        submitted(
            Duty::Dora,
            Report::InitialNotification,
            "2026-03-31T10:00:00Z",
        ),
        submitted(
            Duty::Dora,
            Report::IntermediateReport,
            "2026-04-02T10:00:00Z",
        ),
        submitted(
            Duty::Dora,
            Report::IntermediateReport,
            "2026-04-09T10:00:00Z",
        ),
        submitted(Duty::Dora, Report::FinalReport, "2026-05-11T09:00:00Z"),
        submitted(
            Duty::Dora,
            Report::IntermediateReport,
            "2026-06-09T10:00:00Z",
        ),
    ];
    let mut facts = RegulatoryFacts {
        duties: &[Duty::Dora],
        awareness: Some(at("2026-03-31T08:00:00Z")),
        classification: Some(at("2026-03-31T09:00:00Z")),
        submissions: &submissions,
        ..RegulatoryFacts::default()
    };
    let due = |facts: &_, report| due(facts, Duty::Dora, report).unwrap();
    // Good Friday, and a Saturday in May.
    assert_eq!(
        due(&facts, Report::IntermediateReport),
        "2026-04-03T10:00:00Z"
    );
    assert_eq!(due(&facts, Report::FinalReport), "2026-05-09T10:00:00Z");
    facts.bank_holidays = Some(&bank);
    assert_eq!(
        due(&facts, Report::IntermediateReport),
        "2026-04-07T10:00:00Z"
    );
    assert_eq!(due(&facts, Report::FinalReport), "2026-05-11T10:00:00Z");
    let last = of(
        &facts,
        Duty::Dora,
        Report::FinalReport,
        "2030-01-01T00:00:00Z",
    );
    assert_eq!(
        (last.progress, last.left.unwrap().as_hours()),
        (Progress::Met, 1)
    );
    facts.left_out_of_relief = true;
    assert_eq!(
        due(&facts, Report::IntermediateReport),
        "2026-04-03T10:00:00Z"
    );
    assert_eq!(due(&facts, Report::FinalReport), "2026-05-11T10:00:00Z");
    // As it stood before the second intermediate report: due on a Saturday as well.
    let then = of(
        &facts,
        Duty::Dora,
        Report::FinalReport,
        "2026-04-05T00:00:00Z",
    );
    assert_eq!(then.due, Some(at("2026-05-02T10:00:00Z")));
    assert_eq!(then.relieved, Some(at("2026-05-04T10:00:00Z")));
    assert_eq!(then.progress, Progress::Running);
}

#[test]
fn a_processor_is_held_to_the_agreement_only() {
    let submissions = [submitted(
        Duty::GdprProcessor,
        Report::ControllerNotification,
        "2026-03-10T20:00:00Z",
    )];
    let mut facts = RegulatoryFacts {
        duties: ALL,
        awareness: Some(at("2026-03-10T10:00:00Z")),
        submissions: &submissions,
        ..RegulatoryFacts::default()
    };
    let judged = |facts: &RegulatoryFacts<'_>, now| {
        let c = of(
            facts,
            Duty::GdprProcessor,
            Report::ControllerNotification,
            now,
        );
        (
            c.progress,
            c.internal,
            c.elapsed.unwrap().as_hours(),
            c.left.map(|left| left.as_hours()),
        )
    };
    let (before, after) = ("2026-03-10T19:00:00Z", "2026-03-11T00:00:00Z");
    assert_eq!(judged(&facts, before), (Progress::Elapsing, false, 9, None));
    assert_eq!(
        judged(&facts, after),
        (Progress::Submitted, false, 10, None)
    );
    facts.internal_target = Some(SignedDuration::from_hours(8));
    assert_eq!(
        judged(&facts, before),
        (Progress::Missed, true, 9, Some(-1))
    );
    assert_eq!(
        judged(&facts, after),
        (Progress::Missed, true, 10, Some(-2))
    );
    let early = of(&facts, Duty::Nis2, Report::EarlyWarning, before);
    assert_eq!(
        (early.internal, early.left),
        (false, Some(SignedDuration::from_hours(15)))
    );
}

#[test]
fn the_version_of_the_day_of_awareness_applies() {
    let [early, ..] = RULES else { unreachable!() };
    let newer = Rule {
        since: "2027-01-01".parse().unwrap(),
        term: Term::Hours(12),
        ..*early
    };
    let table = [*early, newer];
    let hours = |awareness: &str| -> Vec<i64> {
        let facts = RegulatoryFacts {
            duties: &[Duty::Nis2],
            awareness: Some(at(awareness)),
            ..RegulatoryFacts::default()
        };
        let all = countdowns(&facts, &table, at("2027-06-01T00:00:00Z"));
        let terms = all
            .iter()
            .map(|c| c.due.unwrap().duration_since(c.started.unwrap()));
        terms.map(|term| term.as_hours()).collect()
    };
    assert_eq!(hours("2024-10-17T23:59:59Z"), Vec::<i64>::new());
    assert_eq!(hours("2024-10-18T00:00:00Z"), [24]);
    assert_eq!(hours("2026-12-31T23:59:59Z"), [24]);
    assert_eq!(hours("2027-01-01T00:00:00Z"), [12]);
}
