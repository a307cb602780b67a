use std::time::Duration;

use jiff::Timestamp;

use super::*;
use crate::error::{Error, Result};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn window(start: &str, end: &str) -> Window {
    Window {
        start: at(start),
        end: at(end),
    }
}

fn asked(question: Question) -> Result<wire::Analysis> {
    let event = |id: &str| Ok::<_, Error>(format!("tenants/acme/events/{id}"));
    Ok(wire::Analysis {
        question: Some(question.into_wire(event)?),
        ..wire::Analysis::default()
    })
}

fn day(of: &str) -> Window {
    window(&format!("{of}T00:00:00Z"), &format!("{of}T12:00:00Z"))
}

#[test]
fn a_question_comes_back_as_it_was_asked() {
    let text = |text: &str| text.to_owned();
    let subjects = vec![
        Subject::Actor(text("a")),
        Subject::AccessKey(text("k")),
        Subject::Address(text("192.0.2.0/24")),
        Subject::Resource(text("r")),
        Subject::Operation(text("o")),
        Subject::Region(text("g")),
        Subject::UserAgent(text("u")),
        Subject::Account(text("c")),
    ];
    let kinds = [
        Question::from(TimelineQuestion::around_time(at("2026-11-24T12:00:00.5Z"))),
        Question::Pivot(Subject::Address(text("198.51.100.7"))),
        Question::RoleChain(RoleChain {
            direction: Direction::Backward,
            hops: Some(8),
            ..RoleChain::from(Start::Role(text("arn:aws:iam::123456789012:role/example")))
        }),
        Question::RoleChain(RoleChain::from(Start::AccessKey(text("k")))),
        Question::Indicators(Indicators::Stix(vec![text("[a:b = 'c']")])),
        Question::Indicators(Indicators::List(text("# ours\n192.0.2.1\n"))),
        Question::Seen(subjects),
        Question::Volume { minimum_bytes: 7 },
        Question::Changes(Changes::default()),
        Question::Changes(Changes {
            window: Some(day("2026-11-24")),
            actor: Some(text("a")),
        }),
        Question::Beacons(Beacons::default()),
        Question::Beacons(Beacons {
            minimum_connections: Some(4),
            minimum_score: Some(0.5),
        }),
        Question::Compare {
            baseline: day("2026-11-23"),
            window: day("2026-11-24"),
        },
        Question::Rules(vec![text("title: a")]),
        Question::Sql(text("SELECT 1")),
        Question::SeenByOthers(SharedIndicator::Address(text("203.0.113.9"))),
        Question::SeenByOthers(SharedIndicator::FileSha256(text("ab"))),
        Question::Human(text("Who was it?")),
    ];
    for question in kinds {
        let analysis = asked(question.clone()).unwrap();
        assert_eq!(Question::of(&analysis), Some(question));
    }
    // An event gets its full name, and a part of a second is a second.
    let around = TimelineQuestion::around_event("00")
        .before(Duration::from_millis(1_500))
        .after(Duration::ZERO)
        .same([Same::Actor, Same::Account, Same::Address, Same::Resources]);
    let Some(Question::Timeline(read)) = Question::of(&asked(around.into()).unwrap()) else {
        panic!("it is a timeline");
    };
    assert_eq!(*read.what(), Around::Event(text("tenants/acme/events/00")));
    assert_eq!(read.lengths(), (Duration::from_secs(2), Duration::ZERO));
    assert_eq!(read.in_common().len(), 4);
}

#[test]
fn what_can_not_be_asked_is_told_by_its_field() {
    let day_long = Duration::from_secs(24 * 3600);
    let long = "x".repeat((64 << 10) + 1);
    let time = || TimelineQuestion::around_time(Timestamp::UNIX_EPOCH);
    let chain = |hops| RoleChain {
        hops: Some(hops),
        ..RoleChain::from(Start::Actor("a".to_owned()))
    };
    let actor = || Subject::Actor("a".to_owned());
    let score = |score| Beacons {
        minimum_score: Some(score),
        ..Beacons::default()
    };
    for (question, field) in [
        (time().same([Same::Actor]).into(), "timeline.same"),
        (time().before(day_long * 32).into(), "timeline.before"),
        (time().after(day_long * 32).into(), "timeline.after"),
        (
            time().before(Duration::ZERO).after(Duration::ZERO).into(),
            "timeline.after",
        ),
        (
            Question::Pivot(Subject::Region("r".to_owned())),
            "pivot.subject",
        ),
        (
            Question::Pivot(Subject::Actor(String::new())),
            "pivot.subject.actor",
        ),
        (Question::RoleChain(chain(0)), "role_chain.hops"),
        (Question::RoleChain(chain(9)), "role_chain.hops"),
        (Question::Seen(Vec::new()), "seen.subjects"),
        (Question::Seen(vec![actor(); 21]), "seen.subjects"),
        (
            Question::Seen(vec![actor(), Subject::Account("x".repeat(1025))]),
            "seen.subjects[1].account",
        ),
        (
            Question::Indicators(Indicators::List("# nothing\n\n".to_owned())),
            "indicators.list",
        ),
        (
            Question::Indicators(Indicators::List("a\n".repeat(10_001))),
            "indicators.list",
        ),
        (
            Question::Indicators(Indicators::Stix(vec![String::new(); 1_001])),
            "indicators.stix_patterns",
        ),
        (
            Question::Volume {
                minimum_bytes: u64::MAX,
            },
            "volume.minimum_bytes",
        ),
        (
            Question::Changes(Changes {
                window: Some(window("2026-11-24T12:00:00Z", "2026-11-24T12:00:00Z")),
                actor: None,
            }),
            "changes.window",
        ),
        (Question::Beacons(score(0.0)), "beacons.minimum_score"),
        (Question::Beacons(score(f64::NAN)), "beacons.minimum_score"),
        (
            Question::Compare {
                baseline: day("2026-11-24"),
                window: day("2026-11-24"),
            },
            "compare.window",
        ),
        (Question::Rules(Vec::new()), "rule.texts"),
        (Question::Rules(vec!["a".to_owned(); 101]), "rule.texts"),
        (
            Question::Rules(vec!["a".to_owned(), long.clone()]),
            "rule.texts[1]",
        ),
        (Question::Sql(long), "sql.query"),
        (Question::Human(" \n".to_owned()), "human.text"),
    ] {
        let error = asked(question).unwrap_err();
        let violation = &error.violations()[0];
        assert_eq!(violation.field, format!("analysis.question.{field}"));
    }
}

#[test]
fn what_is_no_question_is_none() {
    let of = |kind| {
        Question::of(&wire::Analysis {
            question: Some(wire::Question { kind }),
            ..wire::Analysis::default()
        })
    };
    assert_eq!(Question::of(&wire::Analysis::default()), None);
    assert_eq!(of(None), None);
    let odd = wire::TimelineQuestion {
        around: Some(wire::timeline_question::Around::Event("e".to_owned())),
        // Of a newer server.
        same: vec![99],
        ..wire::TimelineQuestion::default()
    };
    assert_eq!(of(Some(Kind::Timeline(odd))), None);
    let negative = wire::VolumeQuestion { minimum_bytes: -1 };
    assert_eq!(of(Some(Kind::Volume(negative))), None);
    let empty = wire::CompareQuestion::default();
    assert_eq!(of(Some(Kind::Compare(empty))), None);
}
