//! What is bounded, what is refused, and what must be the same each time.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::json;

use super::{Event, World, scope};
use crate::answer::{Edge, Graph, MOST_ROWS, Node, Outcome, Rows};
use crate::question::{
    Around, Beacons, Changes, Compare, Direction, Human, Indicators, MOST_INDICATORS, Pivot,
    RoleChain, Rule, Same, Seen, Start, Subject, Timeline, Volume,
};
use crate::{
    Answer, Cell, ColumnKind, Kind, PlanError, Question, RemarkReason, Row, Scope, Window, method,
    plan, plan_version,
};

fn window(since: i64, until: i64) -> Window {
    Window {
        since: super::world::at(since).parse().unwrap(),
        until: super::world::at(until).parse().unwrap(),
    }
}

/// A question of each kind that has a plan.
fn questions(text: &str) -> Vec<Question> {
    vec![
        Question::Timeline(Timeline {
            around: Around::Time(super::world::at(10).parse().unwrap()),
            before_seconds: 3_600,
            after_seconds: 3_600,
            same: BTreeSet::new(),
        }),
        Question::Pivot(Pivot {
            subject: Subject::Actor(text.into()),
        }),
        Question::Pivot(Pivot {
            subject: Subject::AccessKey(text.into()),
        }),
        Question::Pivot(Pivot {
            subject: Subject::Resource(format!("i-{text}")),
        }),
        Question::RoleChain(RoleChain {
            start: Start::Actor(format!("arn:aws:iam::1:user/{text}")),
            direction: Direction::Both,
            hops: 3,
        }),
        Question::RoleChain(RoleChain {
            start: Start::Role(format!("arn:aws:iam::1:role/{text}")),
            direction: Direction::Both,
            hops: 3,
        }),
        Question::Indicators(Indicators::List {
            text: format!("name {text}\nhttps://example.com/{text}\n192.0.2.0/24"),
        }),
        Question::Seen(Seen {
            subjects: vec![
                Subject::UserAgent(text.into()),
                Subject::Region(text.into()),
                Subject::Account(text.into()),
            ],
        }),
        Question::Volume(Volume::default()),
        Question::Changes(Changes::default()),
        Question::Beacons(Beacons::default()),
        Question::Compare(Compare {
            baseline: window(0, 10),
            window: window(10, 20),
        }),
    ]
}

fn invalid(question: &Question) -> String {
    question.validate().unwrap_err().to_string()
}

#[test]
fn what_is_wrong_is_said_with_its_field() {
    let pivot = |subject| Question::Pivot(Pivot { subject });
    let list = |text: String| Question::Indicators(Indicators::List { text });
    for (question, words) in [
        (
            pivot(Subject::Actor(String::new())),
            "pivot.subject.actor must not be empty",
        ),
        (pivot(Subject::Actor("x".repeat(1_025))), "at most 1024"),
        (pivot(Subject::Address("10.0.0".into())), "is no address"),
        (pivot(Subject::Region("r".into())), "must be an actor"),
        (list("\n# nothing\n".into()), "must name one at least"),
        (
            list("192.0.2.1\n".repeat(MOST_INDICATORS + 1)),
            "more than 10000 lines",
        ),
        (list("ab".into()), "line 1 is \"ab\""),
        (
            Question::RoleChain(RoleChain {
                start: Start::Actor("x".into()),
                direction: Direction::Both,
                hops: 9,
            }),
            "role_chain.hops must be 1 to 8",
        ),
        (
            Question::Compare(Compare {
                baseline: window(0, 10),
                window: window(9, 20),
            }),
            "must not overlap",
        ),
        (
            Question::Beacons(Beacons {
                minimum_score: f64::NAN,
                ..Beacons::default()
            }),
            "must be 0 to 1",
        ),
        (
            Question::Timeline(Timeline {
                around: Around::Event("x".into()),
                before_seconds: 1,
                after_seconds: 1,
                same: BTreeSet::from([Same::Actor]),
            }),
            "32 hexadecimal digits",
        ),
        (
            Question::Rule(Rule {
                texts: vec![" ".into()],
            }),
            "rule.texts[0] must not be empty",
        ),
        (
            Question::Rule(Rule { texts: Vec::new() }),
            "rule.texts must have 1 to 100",
        ),
        (
            Question::Human(Human {
                text: "x".repeat(8_001),
            }),
            "human.text must have 1 to 8000",
        ),
    ] {
        let said = invalid(&question);
        assert!(said.contains(words), "{said}");
    }
    let backwards = Scope {
        until: "2025-01-01T00:00:00Z".parse().unwrap(),
        ..scope()
    };
    let question = Question::Volume(Volume::default());
    assert!(matches!(
        plan(&question, &backwards),
        Err(PlanError::Invalid(_))
    ));
    let rule = Question::Rule(Rule {
        texts: vec!["title: x".into()],
    });
    assert!(matches!(
        plan(&rule, &scope()),
        Err(PlanError::Elsewhere(Kind::Rule))
    ));
}

#[test]
fn a_question_is_read_as_it_was_written() {
    for question in questions("it's \"x\"") {
        let text = question.canonical();
        assert_eq!(Question::from_canonical(&text).unwrap(), question);
        assert!(text.contains(&format!("\"kind\":\"{}\"", question.kind())));
    }
    for text in [
        "{}",
        "{\"kind\":\"pivot\"}",
        "{\"kind\":\"volume\",\"more\":1}",
        "[]",
    ] {
        assert!(Question::from_canonical(text).is_err(), "{text}");
    }
    let mut two = scope();
    two.accounts = vec!["b".into(), "a".into(), "b".into()];
    let mut one = scope();
    one.accounts = vec!["a".into(), "b".into()];
    assert_eq!(one.canonical(), two.canonical());
    for kind in Kind::ALL {
        assert!(!method(kind).is_empty() && plan_version(kind) > 0);
    }
}

#[test]
fn ten_thousand_indicators_are_one_scan() {
    let lines: Vec<String> = (0..MOST_INDICATORS).map(|n| format!("{n:064x}")).collect();
    let question = Question::Indicators(Indicators::List {
        text: lines.join("\n"),
    });
    let made = plan(&question, &scope()).unwrap();
    assert_eq!(made.scans.len(), 1);
    assert_eq!(made.scans[0].filter, None);
    let world = World::of([Event::new(0, "s3", "PutObject", "ann")
        .with("requestParameters", json!({"sum": lines[77]}))]);
    let answer = world.ask(&question);
    assert_eq!(answer.table("indicators").unwrap().rows.len(), 1);
    assert_eq!(
        answer.table("not_found").unwrap().rows.len(),
        MOST_INDICATORS - 1
    );
}

#[test]
fn the_widest_filters_are_still_filters() {
    let many = |stem: &str| -> Vec<String> {
        (0..100)
            .map(|n| format!("{stem}_{n}'{}", "x".repeat(60)))
            .collect()
    };
    let scope = Scope {
        accounts: many("account"),
        resources: many("resource"),
        source_types: Vec::new(),
        ..scope()
    };
    let lines: Vec<String> = (0..150)
        .map(|n| format!("10.{n}.0.0/16\nname '{n}"))
        .collect();
    let mut asked = questions("x'_%\\");
    asked.push(Question::Indicators(Indicators::List {
        text: lines.join("\n"),
    }));
    asked.push(Question::Indicators(Indicators::List {
        text: lines[..90].join("\n"),
    }));
    for question in asked {
        let mut made = plan(&question, &scope).unwrap();
        let mut scans = std::mem::take(&mut made.scans);
        // A walk that finds many roles at once.
        for at in 0..2_000 {
            let role = format!("arn:aws:iam::1:role/{at}'_%{}", "_".repeat(60));
            let raw = json!({"requestParameters": {"roleArn": role, "roleSessionName": "s"},
                "responseElements": {"credentials": {"accessKeyId": format!("ASIA'_{at:0>200}")}}});
            let raw = raw.to_string();
            let mut name = [0; 16];
            name[..4].copy_from_slice(&u32::to_be_bytes(at));
            let row = Row {
                name,
                raw: &raw,
                operation: "AssumeRole",
                source_type: "aws.cloudtrail",
                actor: "a",
                status: "Success",
                ..Row::default()
            };
            let _ = made.state.take(0, &row);
        }
        scans.extend(made.state.next_scans());
        for scan in scans {
            if let Some(filter) = &scan.filter {
                super::filter::Filter::parse(filter);
            }
        }
    }
}

#[test]
fn what_was_not_read_is_said() {
    for question in questions("x") {
        let mut made = plan(&question, &scope()).unwrap();
        made.state.stopped(0);
        let answer = made.state.finish();
        assert!(
            answer
                .remarks
                .iter()
                .any(|remark| remark.reason == RemarkReason::Stopped)
        );
    }
}

/// Rows that differ in everything.
fn flood(count: u32, mut with: impl FnMut(&Row<'_>)) {
    for at in 0..count {
        let text = format!("value-{at}");
        let mut name = [0; 16];
        name[..4].copy_from_slice(&at.to_be_bytes());
        let [_, b, c, d] = at.to_be_bytes();
        with(&Row {
            time_ns: 1_767_225_600_000_000_000 + i64::from(at) * 1_000_000_000,
            name,
            status: "Success",
            account: &text,
            region: &text,
            service: &text,
            operation: &text,
            actor: &text,
            src_ip: Some([10, b, c, d].into()),
            dst_ip: Some([192, 0, 2, d].into()),
            dst_port: Some(443),
            resources: &[&text],
            source_type: if at % 2 == 0 {
                "aws.vpcflow"
            } else {
                "aws.cloudtrail"
            },
            raw: "2 1 eni 10.0.0.1 203.0.113.1 1 443 6 1 99 0 0 ACCEPT OK",
            ..Row::default()
        });
    }
}

#[test]
fn floods_are_cut_and_said() {
    for question in questions("name") {
        let mut made = plan(&question, &scope()).unwrap();
        flood(110_000, |row| {
            let _ = made.state.take(0, row);
        });
        let _ = made.state.next_scans();
        let answer = made.state.finish();
        assert!(answer.to_json().len() < 32 << 20, "{question:?}");
        for table in &answer.tables {
            assert!(table.rows.len() <= MOST_ROWS);
        }
        let quiet = matches!(question.kind(), Kind::Seen | Kind::RoleChain);
        let said = answer
            .remarks
            .iter()
            .any(|remark| matches!(remark.reason, RemarkReason::Full | RemarkReason::Cut));
        assert!(said || quiet, "{question:?} {:?}", answer.remarks);
    }
}

#[test]
fn hostile_records_break_nothing() {
    let deep = format!("{{\"requestParameters\":{}", "[".repeat(100_000));
    let texts = [
        "",
        "null",
        "[]",
        "{\"requestParameters\":7}",
        deep.as_str(),
        "\u{0}\u{202e}'\"<",
    ];
    for question in questions("x") {
        let mut made = plan(&question, &scope()).unwrap();
        for raw in texts {
            for (source_type, operation) in [
                ("aws.cloudtrail", "AssumeRole"),
                ("aws.cloudtrail", "PutBucketPolicy"),
                ("aws.vpcflow", ""),
                ("gcp.audit", "SetIamPolicy"),
                (
                    "azure.activity",
                    "Microsoft.Authorization/roleAssignments/write",
                ),
            ] {
                for service in ["iam.amazonaws.com", "s3.amazonaws.com", ""] {
                    let row = Row {
                        raw,
                        source_type,
                        operation,
                        service,
                        time_ns: i64::MIN,
                        ..Row::default()
                    };
                    let _ = made.state.take(0, &row);
                    let _ = made.state.take(
                        usize::MAX,
                        &Row {
                            time_ns: i64::MAX,
                            ..row
                        },
                    );
                }
            }
        }
        let _ = made.state.next_scans();
        let _ = made.state.finish().to_json();
    }
}

#[test]
fn a_table_is_cut_by_bytes_and_says_so() {
    let mut rows = Rows::new("t", "T", &[("a", ColumnKind::Text, "")]);
    let long = "é".repeat(5_000);
    for _ in 0..2_000 {
        rows.push([Cell::text(&long)]);
    }
    let mut remarks = Vec::new();
    let table = rows.done("ask for less", &mut remarks);
    let cut = table.cut.unwrap();
    assert_eq!(cut.left_out + table.rows.len() as u64, 2_000);
    assert!(table.rows.len() < 1_030);
    assert!(remarks[0].message.contains("ask for less"));
    let Cell::Text(text) = &table.rows[0][0] else {
        panic!()
    };
    assert!(text.len() <= crate::answer::LONGEST_CELL && text.ends_with('…'));
}

fn hostile() -> Answer {
    let evil = "</title><script>alert(1)</script>\u{202e}\" onload=\"x".to_owned();
    let nodes = (0..400).map(|at| Node {
        id: format!("{evil}{at}"),
        kind: evil.clone(),
        hop: at / 100 - 1,
        used: 1,
    });
    let edges = (0..399).map(|at| Edge {
        from: at,
        to: at + 1,
        operation: evil.clone(),
        outcome: Outcome::Used,
        count: 1,
        first: super::world::at(0),
        last: super::world::at(0),
        event: evil.clone(),
    });
    let world = World::of([
        Event::new(0, "s3", "ListBuckets", &evil).with("eventName", json!(evil.clone()))
    ]);
    let mut answer = world.ask(&Question::Pivot(Pivot {
        subject: Subject::Address("192.0.2.0/24".into()),
    }));
    assert_eq!(answer.events, 1);
    answer.graph = Some(Graph {
        nodes: nodes.collect(),
        edges: edges.collect(),
    });
    answer
}

#[test]
fn nothing_of_an_event_becomes_markup() {
    let answer = hostile();
    for question in questions("</script><b>\u{202e}") {
        let page = crate::render::page(&question, &scope(), &answer);
        assert!(!page.contains("<script") && !page.contains("<b>") && !page.contains('\u{202e}'));
        assert!(!page.contains(" onload=\"") && !page.contains("http-equiv=\"refresh"));
        assert!(!page.contains("href=") && !page.contains("src="));
        assert_eq!(page.matches("<style").count(), 1);
        assert!(page.contains("default-src 'none'; style-src 'sha256-"));
        // Two hundred of four hundred are drawn, and the rest is said.
        assert_eq!(page.matches("<rect class=\"node").count(), 200);
        assert!(page.contains("200 identities and "));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Whatever is asked for, it is read or refused; what is read has a plan.
    #[test]
    fn indicators_are_read_or_refused(text in "\\PC{0,60}", path in "[a-z0-9:=' \\[\\]()ANDORISUBET.-]{0,60}") {
        for pattern in [text.clone(), path.clone(), format!("[{path}]"), format!("[url:value = '{text}']")] {
            let stix = Question::Indicators(Indicators::Stix { patterns: vec![pattern.clone()] });
            let list = Question::Indicators(Indicators::List { text: pattern });
            for question in [stix, list] {
                if question.validate().is_ok() {
                    prop_assert_eq!(&Question::from_canonical(&question.canonical()).unwrap(), &question);
                    let made = plan(&question, &scope()).unwrap();
                    for scan in &made.scans {
                        if let Some(filter) = &scan.filter {
                            super::filter::Filter::parse(filter);
                        }
                    }
                }
            }
        }
    }

    /// Filters are what the language takes, whatever a question brings; and the order in which
    /// rows reach the world is of no concern.
    #[test]
    fn answers_are_the_same_each_time(text in "[^\n]{3,40}", order in any::<u64>()) {
        let mut events = Vec::new();
        for second in 0..40_i64 {
            let user = ["ann", "bob", "eve"][usize::try_from(second % 3).unwrap()];
            let operation = ["AssumeRole", "CreateUser", "ListUsers"][usize::try_from(second / 3 % 3).unwrap()];
            events.push(Event::new(second / 2, "iam", operation, user));
        }
        let world = World::of(events);
        let mut shuffled = World { rows: world.rows.clone() };
        let mut state = order | 1;
        for at in (1..shuffled.rows.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let to = usize::try_from(state >> 33).unwrap() % (at + 1);
            shuffled.rows.swap(at, to);
        }
        for question in questions(&text) {
            if question.validate().is_err() {
                continue;
            }
            prop_assert_eq!(world.ask(&question).to_json(), shuffled.ask(&question).to_json());
        }
    }
}
