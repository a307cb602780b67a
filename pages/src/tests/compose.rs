//! Reports from what is known.

use cordon_proto::incidents::attachment::State as AttachmentState;
use cordon_proto::incidents::comment::Revision as CommentRevision;
use cordon_proto::incidents::incident::State as IncidentState;
use cordon_proto::incidents::task::State as TaskState;
use cordon_proto::incidents::timeline_entry as wire;
use cordon_proto::incidents::{
    Actor, Attachment, CleanStateCriterion, CloseCode, Comment, Incident, Origin, Party, Phase,
    Responsible, Severity, SignOff, Task, TimelineEntry, Tlp,
};
use cordon_proto::sla::clock::State as ClockState;
use cordon_proto::sla::{
    Clock, ObjectiveKind, ReportingDeadline, ReportingDuty, ReportingStage, Stretch,
};
use cordon_sla::clock;
use jiff::{SignedDuration, Timestamp};
use wire::What as TimelineWhat;

use super::{keys, signed};
use crate::incident as page;
use crate::incident::Story;
use crate::incident_report;

const NAME: &str = "tenants/acme/incidents/01934f5e-7c1a-7abc-8def-0123456789ab";

fn time(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + seconds).unwrap()
}

fn at(seconds: i64) -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp {
        seconds: 1_700_000_000 + seconds,
        nanos: 0,
    })
}

fn span(seconds: i64) -> Option<prost_types::Duration> {
    Some(prost_types::Duration { seconds, nanos: 0 })
}

fn by(subject: &str, party: Party) -> Option<Actor> {
    Some(Actor {
        subject: subject.to_owned(),
        party: party.into(),
    })
}

fn ada() -> Option<Actor> {
    by("ada", Party::Customer)
}

fn ben() -> Option<Actor> {
    by("ben", Party::Provider)
}

fn person(actor: Option<Actor>) -> page::Person {
    let actor = actor.unwrap();
    page::Person {
        party: match actor.party() {
            Party::Customer => clock::Party::Customer,
            _ => clock::Party::Provider,
        },
        name: actor.subject,
    }
}

/// Entries a minute apart, from 0 on.
fn timeline(all: Vec<(Option<Actor>, &str, TimelineWhat)>) -> Vec<TimelineEntry> {
    (0..)
        .zip(all)
        .map(|(place, (actor, reason, what))| TimelineEntry {
            name: format!("{NAME}/timelineEntries/{}", place + 7),
            sequence: place + 7,
            time: at(place * 60),
            actor,
            reason: reason.to_owned(),
            what: Some(what),
            exercise: false,
        })
        .collect()
}

fn moved(from: Phase, to: Phase) -> TimelineWhat {
    TimelineWhat::Moved(wire::Moved {
        from: from.into(),
        to: to.into(),
    })
}

fn handed(to: Party) -> TimelineWhat {
    TimelineWhat::HandedOver(wire::HandedOver { to: to.into() })
}

fn closed() -> TimelineWhat {
    TimelineWhat::Closed(wire::Closed {
        code: CloseCode::Resolved.into(),
    })
}

fn reopened() -> TimelineWhat {
    TimelineWhat::Reopened(wire::Reopened {})
}

fn task(title: &str, state: TaskState, responsible: Responsible) -> Task {
    Task {
        kind: "isolate machine".to_owned(),
        title: title.to_owned(),
        state: state.into(),
        responsible: responsible.into(),
        accountable: Party::Provider.into(),
        informed: vec![Party::Customer.into(), Party::Provider.into()],
        ..Task::default()
    }
}

fn file(name: &str, state: AttachmentState) -> Attachment {
    Attachment {
        file_name: name.to_owned(),
        media_type: "text/plain".to_owned(),
        size_bytes: 7,
        sha256: "00ff".to_owned(),
        state: state.into(),
        actor: ada(),
        attach_time: at(90),
        ..Attachment::default()
    }
}

fn deadline(start: i64, due: Option<prost_types::Timestamp>) -> ReportingDeadline {
    ReportingDeadline {
        duty: ReportingDuty::GdprProcessor.into(),
        stage: ReportingStage::ControllerNotification.into(),
        law: "GDPR".to_owned(),
        article: "Art. 33(2)".to_owned(),
        start_time: at(start),
        due_time: due,
        submit_time: at(200),
        ..ReportingDeadline::default()
    }
}

/// A whole story, with one text for everything that people write.
fn story(text: &str) -> Story {
    let timeline = timeline(vec![
        (
            ada(),
            "",
            TimelineWhat::Opened(wire::Opened {
                severity: Severity::Sev2.into(),
                phase: Phase::Identification.into(),
            }),
        ),
        (ben(), "", TimelineWhat::Acknowledged(wire::Acknowledged {})),
        (ben(), "", moved(Phase::Identification, Phase::Containment)),
        (ben(), text, handed(Party::Customer)),
        (ada(), "the test account", handed(Party::Provider)),
        (ben(), "", moved(Phase::Containment, Phase::FollowUp)),
        (ben(), "", closed()),
        (ada(), "again", reopened()),
        (ben(), "", closed()),
        (
            ada(),
            "",
            TimelineWhat::TaskAdded(wire::TaskAdded {
                task: "t".to_owned(),
                title: text.to_owned(),
            }),
        ),
        (
            ben(),
            "",
            TimelineWhat::Commented(wire::Commented {
                comment: format!("{NAME}/comments/1"),
            }),
        ),
    ]);
    let incident = Incident {
        name: NAME.to_owned(),
        number: 3,
        title: text.to_owned(),
        description: text.to_owned(),
        severity: Severity::Sev2.into(),
        phase: Phase::FollowUp.into(),
        state: IncidentState::Closed.into(),
        tlp: Tlp::AmberStrict.into(),
        clean_state_criteria: vec![CleanStateCriterion {
            text: text.to_owned(),
            customer: Some(SignOff {
                subject: text.to_owned(),
                time: at(280),
            }),
            provider: None,
        }],
        opened_by: ada(),
        create_time: at(0),
        update_time: at(480),
        acknowledge_time: at(60),
        close_time: at(480),
        close_code: CloseCode::Resolved.into(),
        ..Incident::default()
    };
    let comment = Comment {
        name: format!("{NAME}/comments/1"),
        text: text.to_owned(),
        author: ben(),
        create_time: at(70),
        update_time: at(80),
        revisions: vec![CommentRevision {
            text: text.to_owned(),
            create_time: at(70),
        }],
        ..Comment::default()
    };
    let brought = Comment {
        author: ada(),
        revisions: vec![],
        origin: Some(Origin {
            author: text.to_owned(),
            create_time: at(-100),
            ..Origin::default()
        }),
        ..comment.clone()
    };
    let clock = Clock {
        kind: ObjectiveKind::SubsequentUpdate.into(),
        interval: 2,
        severity: Severity::Sev2.into(),
        state: ClockState::Breached.into(),
        start_time: at(0),
        due_time: at(120),
        stop_time: at(180),
        allowed: span(120),
        spent: span(150),
        paused: span(30),
        stretches: vec![Stretch {
            party: Party::Customer.into(),
            start_time: at(30),
            end_time: at(60),
            open: span(30),
        }],
        timeline_entries: vec![format!("{NAME}/timelineEntries/7")],
        ..Clock::default()
    };
    Story {
        incident,
        comments: vec![comment, brought],
        timeline,
        clocks: vec![clock],
        deadlines: vec![deadline(10, None)],
        tasks: vec![
            task(text, TaskState::Done, Responsible::Shared),
            task("", TaskState::Open, Responsible::Provider),
            task("dropped", TaskState::Cancelled, Responsible::Customer),
            Task {
                kind: page::LESSON.to_owned(),
                ..task(
                    "rotate the keys of tests, too",
                    TaskState::Open,
                    Responsible::Customer,
                )
            },
        ],
        attachments: vec![
            file(text, AttachmentState::Attached),
            file("half", AttachmentState::Uploading),
        ],
        as_of: time(600),
    }
}

#[test]
fn a_report_tells_the_whole_story_and_nothing_else() {
    let report = page::report(&story("words")).unwrap();
    assert_eq!(
        (report.tenant.as_str(), report.incident.as_str()),
        ("acme", "01934f5e-7c1a-7abc-8def-0123456789ab")
    );
    assert_eq!(report.number, 3);
    assert_eq!((report.tlp, report.drill), (page::Tlp::AmberStrict, false));
    assert_eq!((report.opened, report.opened_by), (time(0), person(ada())));
    assert_eq!(report.acknowledged, Some(time(60)));
    assert_eq!(report.closed, Some(time(480)));
    assert_eq!(report.code, Some(page::CloseCode::Resolved));
    assert_eq!(report.as_of, time(600));

    let spans: Vec<_> = report
        .phases
        .iter()
        .map(|span| (span.phase, span.from, span.to.unwrap()))
        .collect();
    assert_eq!(
        spans,
        [
            (page::Phase::Identification, time(0), time(120)),
            (page::Phase::Containment, time(120), time(300)),
            (page::Phase::FollowUp, time(300), time(360)),
            // It was closed in between.
            (page::Phase::FollowUp, time(420), time(480)),
        ]
    );
    let told: Vec<_> = report
        .timeline
        .iter()
        .map(|entry| (entry.sequence, entry.what.as_str(), entry.reason.as_str()))
        .collect();
    assert_eq!(told.len(), 11);
    assert_eq!(told[0], (7, "opened as sev2, in identification", ""));
    assert_eq!(told[3], (10, "handed over to the customer", "words"));
    assert_eq!(told[9].1, "added a task: words");
    assert_eq!(told[10].1, "said: words");
    assert_eq!(
        report.hand_overs[1],
        page::HandOver {
            time: time(240),
            by: person(ada()),
            to: clock::Party::Provider,
            reason: "the test account".to_owned(),
        }
    );
    assert_eq!(report.hand_overs.len(), 2);

    let one = &report.clocks[0];
    assert_eq!(
        (one.what.as_str(), one.state),
        ("subsequent update 2", clock::State::Breached)
    );
    assert_eq!(
        (one.allowed, one.spent, one.paused),
        (
            SignedDuration::from_secs(120),
            SignedDuration::from_secs(150),
            SignedDuration::from_secs(30)
        )
    );
    assert_eq!(one.entries, [7]);
    assert_eq!(one.stretches[0].party, clock::Party::Customer);
    assert_eq!(
        report.deadlines,
        [page::Deadline {
            law: "GDPR, Art. 33(2)".to_owned(),
            duty: "gdpr processor: controller notification".to_owned(),
            started: Some(time(10)),
            due: None,
            done: Some(time(200)),
        }]
    );

    let duties: Vec<_> = report
        .responsibilities
        .iter()
        .map(|duty| {
            [
                &*duty.task,
                &*duty.responsible,
                &*duty.accountable,
                &*duty.consulted,
                &*duty.informed,
            ]
        })
        .collect();
    assert_eq!(
        duties,
        [
            ["words", "both sides", "provider", "", "customer, provider"],
            [
                "isolate machine",
                "provider",
                "provider",
                "",
                "customer, provider"
            ],
        ]
    );
    let criterion = &report.criteria[0];
    assert_eq!(criterion.customer.as_ref().unwrap().time, time(280));
    assert_eq!(criterion.provider, None);
    assert_eq!(
        report.evidence,
        [page::Evidence {
            name: "words".to_owned(),
            kind: "attached file, text/plain".to_owned(),
            acquired: time(90),
            bytes: 7,
            sha256: "00ff".to_owned(),
            custody: vec![page::CustodyStep {
                time: time(90),
                by: "ada".to_owned(),
                what: "attached it to the incident".to_owned(),
            }],
        }]
    );
    let said: Vec<_> = report
        .comments
        .iter()
        .map(|comment| (comment.author.name.as_str(), comment.revisions.len()))
        .collect();
    assert_eq!(
        said,
        [
            ("ben", 1),
            (
                "said elsewhere by words, 2023-11-14T22:11:40Z; brought in by ada",
                0
            )
        ]
    );
    assert!(report.actions.is_empty() && report.key_deletions.is_empty());
    assert_eq!(
        report.lessons,
        [page::Lesson {
            text: "rotate the keys of tests, too".to_owned(),
            owner: "customer".to_owned(),
            done: None,
        }]
    );
}

#[test]
fn an_open_incident_and_a_drill_are_told_as_such() {
    let mut story = story("words");
    story.timeline.truncate(3);
    story.incident.state = IncidentState::Open.into();
    story.incident.exercise = true;
    // What an earlier closing left would be no closing.
    let report = page::report(&story).unwrap();
    assert!(report.drill);
    assert_eq!((report.closed, report.code), (None, None));
    assert_eq!(report.phases.last().unwrap().to, None);
    let html = incident_report(&report, signed(&keys()));
    assert!(html.contains("EXERCISE EXERCISE EXERCISE"));
    assert!(html.contains("TLP:AMBER+STRICT"));
}

#[test]
fn of_what_was_brought_in_only_the_time_here_is_known() {
    let brought = |state: IncidentState| {
        TimelineWhat::Imported(wire::Imported {
            severity: Severity::Sev3.into(),
            phase: Phase::Recovery.into(),
            state: state.into(),
            ..wire::Imported::default()
        })
    };
    let spans = |entries: Vec<TimelineWhat>| {
        let mut story = story("words");
        story.timeline = timeline(entries.into_iter().map(|what| (ada(), "", what)).collect());
        let report = page::report(&story).unwrap();
        let spans = report.phases.into_iter();
        spans
            .map(|span| (span.phase, span.from, span.to))
            .collect::<Vec<_>>()
    };
    let recovery = page::Phase::Recovery;
    assert_eq!(
        spans(vec![brought(IncidentState::Open)]),
        [(recovery, time(0), None)]
    );
    assert_eq!(spans(vec![brought(IncidentState::Closed)]), []);
    assert_eq!(
        spans(vec![brought(IncidentState::Closed), reopened(), closed()]),
        [(recovery, time(60), Some(time(120)))]
    );
}

#[test]
fn hostile_texts_stay_texts() {
    let hostile = "</td><script>alert(1)</script>\" onload=x &amp; \u{202e}gnp\u{1b}[2J\0";
    let report = page::report(&story(hostile)).unwrap();
    let html = incident_report(&report, signed(&keys()));
    assert!(!html.contains("<script>alert") && !html.contains("</td><script"));
    assert!(!html.contains(['\u{202e}', '\u{1b}', '\0']));
    assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    let json = serde_json::to_string(&report).unwrap();
    assert!(!json.contains(['\u{1b}', '\0']));
    let read: page::IncidentReport = serde_json::from_str(&json).unwrap();
    assert_eq!(read, report);
    assert_eq!(read.title, hostile);
}

#[test]
fn what_can_not_be_read_makes_no_report() {
    type Breaks = fn(&mut Story);
    let broken: [(&str, Breaks); 14] = [
        ("kind of entry 9", |story| story.timeline[2].what = None),
        ("time of an entry", |story| story.timeline[1].time = None),
        ("did something", |story| story.timeline[1].actor = None),
        ("side", |story| {
            story.timeline[1].actor = by("x", Party::Unspecified)
        }),
        ("marking", |story| story.incident.tlp = 99),
        ("severity", |story| story.incident.severity = 99),
        ("phase", |story| story.incident.phase = 0),
        ("time of closing", |story| story.incident.close_time = None),
        ("number", |story| story.incident.number = -1),
        ("name of the incident", |story| {
            story.incident.name = "incidents/1".to_owned()
        }),
        ("time that is allowed", |story| {
            story.clocks[0].allowed = None
        }),
        ("state of a clock", |story| story.clocks[0].state = 99),
        ("kind of a deadline", |story| story.deadlines[0].stage = 99),
        ("time of an attachment", |story| {
            story.attachments[0].attach_time = None
        }),
    ];
    for (said, breaks) in broken {
        let mut story = story("words");
        breaks(&mut story);
        let failure = page::report(&story).unwrap_err().to_string();
        assert!(failure.contains(said), "{said}: {failure}");
    }
}
