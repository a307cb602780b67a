//! Reports to draw.

use cordon_sla::agreement::{Agreement, AgreementDraft, CreditBasis, CreditTerm};
use cordon_sla::calendar::{Calendar, CalendarDraft, LocalSpan, LocalTime, OfficeHoursDraft};
use cordon_sla::clock::{self, Entry, Event, Party, State, Subject, evaluate};
use cordon_sla::decided::decided;
use cordon_sla::objective::{BasisPoints, Objective, ObjectiveKind, Severity};
use cordon_sla::report::{Availability, Builder, ClockLines, Freshness, Gap, Month, Report, line};
use jiff::{SignedDuration, Timestamp};

use crate::incident::{
    Action, Clock, CloseCode, Comment, Criterion, CustodyStep, Deadline, Evidence, HandOver,
    Happening, IncidentReport, KeyDeletion, Lesson, Person, Phase, PhaseSpan, Responsibility,
    Revision, SignOff, Stretch, Tlp, Work,
};

/// Texts that would do something if they could.
pub(super) const HOSTILE: [&str; 8] = [
    "<script>document.title='pwned'</script>",
    "\"><img src=x onerror=\"document.title='pwned'\">",
    "</title></style></svg></table><b>",
    "'\"&lt;&amp;<!--",
    "a\u{0}b\u{1b}[2J\u{7}\u{85}\u{9b}c\rd",
    "\u{202e}desrever\u{2066}\u{200b}\u{feff}\u{2028}",
    "{{constructor}} ${7*7} ]]> %3Cscript%3E",
    "javascript&#58;alert(1) onload=x",
];

pub(super) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn agreement() -> Agreement {
    let time = |hour| LocalTime::new(hour, 0).unwrap();
    let span = LocalSpan {
        from: time(9),
        to: time(17),
    };
    let mut hours: [Vec<LocalSpan>; 7] = Default::default();
    hours.iter_mut().take(5).for_each(|day| day.push(span));
    let office = Calendar::new(CalendarDraft::OfficeHours(Box::new(OfficeHoursDraft {
        time_zone: "Europe/Berlin".into(),
        hours,
        holidays: vec!["2026-12-25".parse().unwrap()],
    })));
    use ObjectiveKind as K;
    let minutes: [(K, [i64; 4]); 6] = [
        (K::Acknowledge, [15, 30, 60, 240]),
        (K::FirstUpdate, [60, 120, 240, 480]),
        (K::SubsequentUpdate, [240, 480, 960, 1_920]),
        (K::Contain, [240, 480, 1_440, 2_880]),
        (K::Restore, [720, 1_440, 2_880, 5_760]),
        (K::Resolve, [1_440, 2_880, 5_760, 7_200]),
    ];
    let mut objectives = Vec::new();
    for (kind, within) in minutes {
        for (severity, within) in Severity::ALL.into_iter().zip(within) {
            objectives.push(Objective {
                kind,
                severity,
                within: SignedDuration::from_mins(within),
                calendar: if severity < Severity::Sev3 {
                    "always"
                } else {
                    "office"
                }
                .into(),
            });
        }
    }
    let term = |basis, below, credit| CreditTerm {
        basis,
        below: BasisPoints(below),
        credit: BasisPoints(credit),
    };
    Agreement::new(AgreementDraft {
        id: "acme".into(),
        version: 3,
        valid_from: at("2026-01-01T00:00:00Z"),
        valid_to: None,
        calendars: [
            ("always".to_owned(), Calendar::AlwaysOpen),
            ("office".to_owned(), office.unwrap()),
        ]
        .into(),
        objectives,
        reclassify_grace: SignedDuration::from_mins(30),
        freshness_p99: Some(SignedDuration::from_secs(10)),
        availability: Some(BasisPoints(9_990)),
        credits: vec![
            term(CreditBasis::Objective(K::Acknowledge), 9_500, 200),
            term(CreditBasis::Objective(K::Restore), 9_700, 500),
            term(CreditBasis::Objective(K::Restore), 9_000, 1_000),
            term(CreditBasis::Availability, 9_990, 1_000),
        ],
        duties: Vec::new(),
        contacts: Vec::new(),
        escalations: Vec::new(),
    })
    .unwrap()
}

/// An incident's log, slow or quick by its number.
fn log(number: u64, start: Timestamp) -> Vec<Entry> {
    let severity = Severity::ALL[usize::try_from(number % 7 / 2).unwrap()];
    let grave = i64::try_from(1 + (severity as u64)).unwrap();
    let pace = |step: u64, minutes: i64| {
        let slow = if (number * 31 + step * 17).is_multiple_of(23) {
            9
        } else {
            1
        };
        SignedDuration::from_mins(
            minutes * grave * slow + i64::try_from((number * 13 + step * 7) % 11).unwrap(),
        )
    };
    let to = |to| Event::HandedOver {
        to,
        reason: "access to the host".into(),
    };
    let steps = [
        (Event::Opened { severity }, 0),
        (Event::Acknowledged, 7),
        (Event::Updated, 20),
        (Event::Contained, 60),
        (to(Party::Customer), 10),
        (to(Party::Provider), 200),
        (Event::Updated, 30),
        (Event::Restored, 200),
        (Event::Updated, 60),
        (Event::Resolved, 120),
    ];
    let mut at = start;
    (0..)
        .zip(steps)
        .map(|(step, (event, minutes)): (u64, _)| {
            at += pace(step, minutes);
            Entry {
                sequence: number * 20 + step,
                at,
                event,
            }
        })
        .collect()
}

fn of_month(month: &str, incidents: u64, agreement: &[Agreement], earlier: Vec<Month>) -> Report {
    let period: cordon_sla::period::Period = month.parse().unwrap();
    let now = at("2026-11-03T00:00:00Z");
    let mut builder = Builder::new("acme", period, now, agreement);
    let mut lines = ClockLines::default();
    for number in 1..=incidents {
        let start = period.from()
            + SignedDuration::from_mins(i64::try_from(number * 44_000 / incidents.max(1)).unwrap());
        let id = format!("0190a0a0-0000-7000-8000-{number:012x}");
        let seed = number + u64::from(month.as_bytes()[6]) * 3;
        for clock in decided(
            &log(seed, start),
            |_| agreement.first(),
            &id,
            number,
            period,
            now,
        ) {
            builder.add(&clock);
            lines.take(&line(&clock).unwrap());
        }
    }
    let gap = |from, to| Gap {
        from: at(from),
        to: at(to),
    };
    let gaps = vec![
        gap("2026-10-09T01:00:00Z", "2026-10-09T02:10:00Z"),
        gap("2026-10-24T13:05:00Z", "2026-10-24T13:16:00Z"),
    ];
    builder.finish(
        Some(Availability::measured(44_640, 44_559, gaps)),
        Some(Freshness {
            count: 1_234_567,
            p50: SignedDuration::from_millis(800),
            p99: SignedDuration::from_millis(6_400),
        }),
        earlier,
        Some(lines.finish()),
    )
}

/// A month of that many incidents, with those before.
pub(crate) fn report(month: &str, incidents: u64) -> Report {
    let agreement = [agreement()];
    let months = [
        "2026-01", "2026-02", "2026-03", "2026-04", "2026-06", "2026-07", "2026-08", "2026-09",
    ];
    let earlier = months
        .iter()
        .map(|month| Month::from(&of_month(month, incidents / 3 + 5, &agreement, Vec::new())));
    of_month(month, incidents, &agreement, earlier.collect())
}

pub(super) fn reports(count: u64) -> impl Iterator<Item = Report> {
    (0..count).map(|number| {
        let mut report = report("2026-10", number * 3 % 40 + 2);
        report.tenant = format!("tenant-{number:03}");
        report
    })
}

fn person(name: &str, party: Party) -> Person {
    Person {
        name: name.to_owned(),
        party,
    }
}

/// An incident of which only what must be is known.
pub(super) fn sparse() -> IncidentReport {
    IncidentReport {
        tenant: "acme".into(),
        incident: "0190a0a0-0000-7000-8000-000000000011".into(),
        number: 17,
        as_of: at("2026-10-05T16:00:00Z"),
        tlp: Tlp::AmberStrict,
        drill: false,
        title: "Something is odd".into(),
        description: " ".into(),
        severity: Severity::Sev2,
        phase: Phase::Identification,
        opened: at("2026-10-05T08:00:00Z"),
        opened_by: person("ada", Party::Customer),
        acknowledged: None,
        closed: None,
        code: None,
        phases: vec![],
        timeline: vec![],
        clocks: vec![],
        deadlines: vec![],
        responsibilities: vec![],
        hand_overs: vec![],
        criteria: vec![],
        evidence: vec![],
        actions: vec![],
        key_deletions: vec![],
        comments: vec![],
        lessons: vec![],
    }
}

/// The story of an incident, from its opening to what was learned.
pub(super) fn incident() -> IncidentReport {
    let ada = || person("Ada Byron", Party::Customer);
    let ben = || person("Ben Okri", Party::Provider);
    let story: Vec<(&str, Person, &str, &str, Option<Event>)> = vec![
        (
            "2026-10-05T08:00:00Z",
            ada(),
            "opened as SEV2, in identification",
            "",
            Some(Event::Opened {
                severity: Severity::Sev2,
            }),
        ),
        (
            "2026-10-05T08:12:30Z",
            ben(),
            "took note",
            "",
            Some(Event::Acknowledged),
        ),
        (
            "2026-10-05T08:40:00Z",
            ben(),
            "commented",
            "",
            Some(Event::Updated),
        ),
        (
            "2026-10-05T09:05:00Z",
            ben(),
            "moved from identification to containment",
            "the key is in use from two networks",
            None,
        ),
        (
            "2026-10-05T09:10:00Z",
            ada(),
            "reclassified from SEV2 to SEV1",
            "customer data may be read",
            Some(Event::Reclassified {
                from: Severity::Sev2,
                to: Severity::Sev1,
            }),
        ),
        (
            "2026-10-05T11:20:00Z",
            ben(),
            "moved from containment to investigation",
            "",
            Some(Event::Contained),
        ),
        (
            "2026-10-05T12:00:00Z",
            ben(),
            "handed over to the customer",
            "which of these 14 sessions are yours?",
            Some(Event::HandedOver {
                to: Party::Customer,
                reason: String::new(),
            }),
        ),
        (
            "2026-10-05T19:30:00Z",
            ada(),
            "handed over to the provider",
            "three are; the rest are not",
            Some(Event::HandedOver {
                to: Party::Provider,
                reason: String::new(),
            }),
        ),
        (
            "2026-10-06T07:45:00Z",
            ben(),
            "moved from investigation to eradication",
            "",
            None,
        ),
        (
            "2026-10-06T10:00:00Z",
            ben(),
            "commented",
            "",
            Some(Event::Updated),
        ),
        (
            "2026-10-06T12:30:00Z",
            ben(),
            "moved from eradication to recovery",
            "all criteria are signed off",
            None,
        ),
        (
            "2026-10-06T21:50:00Z",
            ben(),
            "moved from recovery to follow-up",
            "",
            Some(Event::Restored),
        ),
        (
            "2026-10-07T09:00:00Z",
            ben(),
            "closed as resolved",
            "",
            Some(Event::Resolved),
        ),
    ];
    let agreement = agreement();
    let entries: Vec<Entry> = (201..)
        .zip(&story)
        .filter_map(|(sequence, (time, _, _, _, event))| {
            Some(Entry {
                sequence,
                at: at(time),
                event: event.clone()?,
            })
        })
        .collect();
    let clocks = evaluate(&entries, |_| Some(&agreement), at("2026-10-09T10:00:00Z"));
    let mut clocks: Vec<Clock> = clocks.iter().map(clock_of).collect();
    clocks[0].stretches = vec![Stretch {
        party: Party::Provider,
        from: clocks[0].started,
        to: clocks[0].stopped.unwrap(),
    }];
    clocks.push(Clock {
        what: "Deliver snapshot 0190f3".into(),
        severity: Severity::Sev1,
        state: State::Breached,
        started: at("2026-10-05T12:00:00Z"),
        due: Some(at("2026-10-05T13:00:00Z")),
        stopped: Some(at("2026-10-05T14:00:00Z")),
        allowed: SignedDuration::from_hours(1),
        spent: SignedDuration::from_hours(2),
        paused: SignedDuration::ZERO,
        stretches: vec![Stretch {
            party: Party::Provider,
            from: at("2026-10-05T12:00:00Z"),
            to: at("2026-10-05T14:00:00Z"),
        }],
        entries: vec![207, 209],
    });
    let phase = |phase, from, to: Option<&str>| PhaseSpan {
        phase,
        from: at(from),
        to: to.map(at),
    };
    let signed = |by: &str, time| {
        Some(SignOff {
            by: by.to_owned(),
            time: at(time),
        })
    };
    let custody = |time, by: &str, what: &str| CustodyStep {
        time: at(time),
        by: by.to_owned(),
        what: what.to_owned(),
    };
    let action = |time, what: &str, target: &str, state, verified: &str| Action {
        what: what.to_owned(),
        target: target.to_owned(),
        state,
        time: at(time),
        by: ben(),
        verified: verified.to_owned(),
    };
    IncidentReport {
        tlp: Tlp::Amber,
        title: "Access key of the build account used from abroad".into(),
        description: "An access key of the build account was used from a network that is not ours.\nIt listed buckets and read two objects with customer data before it was blocked.\n\nThe key had been committed to a repository in 2024 and was never rotated.".into(),
        severity: Severity::Sev1,
        phase: Phase::FollowUp,
        as_of: at("2026-10-09T10:00:00Z"),
        acknowledged: Some(at("2026-10-05T08:12:30Z")),
        closed: Some(at("2026-10-07T09:00:00Z")),
        code: Some(CloseCode::Resolved),
        phases: vec![
            phase(Phase::Identification, "2026-10-05T08:00:00Z", Some("2026-10-05T09:05:00Z")),
            phase(Phase::Containment, "2026-10-05T09:05:00Z", Some("2026-10-05T11:20:00Z")),
            phase(Phase::Investigation, "2026-10-05T11:20:00Z", Some("2026-10-06T07:45:00Z")),
            phase(Phase::Eradication, "2026-10-06T07:45:00Z", Some("2026-10-06T12:30:00Z")),
            phase(Phase::Recovery, "2026-10-06T12:30:00Z", Some("2026-10-06T21:50:00Z")),
            phase(Phase::FollowUp, "2026-10-06T21:50:00Z", None),
        ],
        timeline: (201..).zip(&story).map(|(sequence, (time, actor, what, reason, _))| Happening {
            sequence, time: at(time), actor: actor.clone(), what: (*what).to_owned(), reason: (*reason).to_owned(),
        }).collect(),
        clocks,
        deadlines: vec![
            Deadline { law: "NIS2 Art. 23".into(), duty: "early warning".into(), started: Some(at("2026-10-05T09:10:00Z")), due: Some(at("2026-10-06T09:10:00Z")), done: Some(at("2026-10-05T20:00:00Z")) },
            Deadline { law: "GDPR Art. 33".into(), duty: "notification of the authority".into(), started: Some(at("2026-10-05T09:10:00Z")), due: Some(at("2026-10-08T09:10:00Z")), done: None },
        ],
        responsibilities: vec![
            Responsibility { task: "Block credentials".into(), responsible: "provider: SOC".into(), accountable: "provider: duty manager".into(), consulted: "customer: CSIRT".into(), informed: "customer: CISO".into() },
            Responsibility { task: "Notify the authority".into(), responsible: "customer: data protection".into(), accountable: "customer: CISO".into(), consulted: "provider: SOC".into(), informed: String::new() },
        ],
        hand_overs: vec![
            HandOver { time: at("2026-10-05T12:00:00Z"), by: ben(), to: Party::Customer, reason: "which of these 14 sessions are yours?".into() },
            HandOver { time: at("2026-10-05T19:30:00Z"), by: ada(), to: Party::Provider, reason: "three are; the rest are not".into() },
        ],
        criteria: vec![
            Criterion { text: "No session of the old key is left".into(), customer: signed("Ada Byron", "2026-10-06T12:10:00Z"), provider: signed("Ben Okri", "2026-10-06T12:00:00Z") },
            Criterion { text: "All keys of the build account are newer than 2026-10-05".into(), customer: signed("Ada Byron", "2026-10-06T12:11:00Z"), provider: None },
        ],
        evidence: vec![Evidence {
            name: "build-runner-7, disk".into(), kind: "disk image, raw".into(), acquired: at("2026-10-05T13:58:00Z"), bytes: 21_474_836_480,
            sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".into(),
            custody: vec![custody("2026-10-05T13:58:00Z", "cordon (hypervisor driver)", "acquired, hashed while it was read"), custody("2026-10-05T14:20:00Z", "Ada Byron", "exported; the chain of custody goes on at the customer’s")],
        }],
        actions: vec![
            action("2026-10-05T09:15:00Z", "blocked access key", "AKIA…7Q3D", Work::Done, "refused at 09:16, from both networks"),
            action("2026-10-05T09:40:00Z", "isolated machine", "build-runner-7", Work::Undone, "no packet passed in 10 minutes"),
            action("2026-10-06T20:00:00Z", "restored machine from image", "build-runner-7", Work::Partial, ""),
        ],
        key_deletions: vec![KeyDeletion { key: "wrapping key 4 of snapshot 0190f3".into(), time: at("2026-10-07T08:00:00Z"), method: "destroyed in the key service".into(), verified: "unwrapping refused at 08:01".into() }],
        comments: vec![Comment { author: ben(), time: at("2026-10-05T08:40:00Z"), text: "We see the key from two networks, one of them in a range that you have not declared.\nIs the second one yours?".into(), revisions: vec![Revision { time: at("2026-10-05T08:40:00Z"), text: "We see the key from two networks.".into() }] }],
        lessons: vec![
            Lesson { text: "Rotate the keys of build accounts every 90 days, and refuse older ones".into(), owner: "customer: platform team".into(), done: Some(at("2026-11-30T00:00:00Z")) },
            Lesson { text: "Ask for declared networks at onboarding".into(), owner: "provider: onboarding".into(), done: None },
        ],
        ..sparse()
    }
}

fn clock_of(clock: &clock::Clock<'_>) -> Clock {
    let which = match &clock.subject {
        Some(Subject::Interval(interval)) => format!(" {interval}"),
        Some(Subject::Request(request)) => format!(" {request}"),
        None => String::new(),
    };
    Clock {
        what: format!("{}{which}", crate::sla::kind(clock.kind)),
        severity: clock.severity,
        state: clock.state,
        started: clock.started.at,
        due: clock.due,
        stopped: clock.stopped.map(|mark| mark.at),
        allowed: clock.allowed,
        spent: clock.spent,
        paused: clock.paused,
        stretches: clock
            .segments
            .iter()
            .map(|s| Stretch {
                party: s.party,
                from: s.from,
                to: s.to,
            })
            .collect(),
        entries: clock.entries(),
    }
}

/// The same story with one text for everything that people write.
pub(super) fn filled(text: &str) -> IncidentReport {
    let mut value = serde_json::to_value(incident()).unwrap();
    fill(&mut value, text);
    serde_json::from_value(value).unwrap()
}

/// Texts of fields that are no times, lengths of time or closed sets of words.
fn fill(value: &mut serde_json::Value, text: &str) {
    const TEXTS: [&str; 29] = [
        "tenant",
        "incident",
        "title",
        "description",
        "name",
        "what",
        "reason",
        "law",
        "duty",
        "task",
        "responsible",
        "accountable",
        "consulted",
        "informed",
        "text",
        "by",
        "kind",
        "sha256",
        "target",
        "verified",
        "key",
        "method",
        "owner",
        "author",
        "actor",
        "opened_by",
        "note",
        "label",
        "subject",
    ];
    match value {
        serde_json::Value::Object(object) => {
            for (name, value) in object {
                if value.is_string() && TEXTS.contains(&name.as_str()) {
                    *value = text.into();
                } else {
                    fill(value, text);
                }
            }
        }
        serde_json::Value::Array(list) => list.iter_mut().for_each(|item| fill(item, text)),
        _ => {}
    }
}
