use cordon_client::analysis::{
    AnalysisFailure, AnalysisMessage, AnalysisProgress, AnalysisTable, DataKind, Party, State,
};
use cordon_proto::analysis as wire;

use super::*;

const TIME: Option<prost_types::Timestamp> = Some(prost_types::Timestamp {
    seconds: 1_700_000_000,
    nanos: 5,
});

fn question(kind: wire::question::Kind) -> Option<wire::Question> {
    Some(wire::Question { kind: Some(kind) })
}

#[test]
fn an_answered_question_says_how_and_from_what() {
    let chain = wire::RoleChainQuestion {
        start: Some(wire::role_chain_question::Start::Role(
            "arn:aws:iam::123456789012:role/example".to_owned(),
        )),
        direction: 1,
        hops: 4,
    };
    let asked = Analysis {
        name: "tenants/acme/analyses/7".to_owned(),
        question: question(wire::question::Kind::RoleChain(chain)),
        scope: Some(wire::AnalysisScope {
            start_time: TIME,
            accounts: vec!["123456789012".to_owned(), "210987654321".to_owned()],
            ..wire::AnalysisScope::default()
        }),
        purpose: "Who used\u{1b}[2J the role".to_owned(),
        consent: vec![DataKind::Events.into()],
        state: State::Released.into(),
        rerun_of: "tenants/acme/analyses/6".to_owned(),
        progress: Some(AnalysisProgress {
            scanned_events: 12,
            ..AnalysisProgress::default()
        }),
        result: Some(AnalysisResult {
            method: "role_chain".to_owned(),
            plan_version: 2,
            sha256: "00ff".to_owned(),
            size_bytes: 321,
            head_sequence: 99,
            scanned_events: 12,
            tables: vec![AnalysisTable {
                name: "steps".to_owned(),
                title: "Steps".to_owned(),
                row_count: 3,
                left_out_count: 1,
            }],
            has_graph: true,
            has_timeline: true,
            release_time: TIME,
            identical: Some(true),
            ..AnalysisResult::default()
        }),
        create_time: TIME,
        update_time: TIME,
        created_by: "jane".to_owned(),
        etag: "e1".to_owned(),
        ..Analysis::default()
    };
    let expected = "\
Who used\\u001b[2J the role
tenants/acme/analyses/7
kind         role-chain
role         arn:aws:iam::123456789012:role/example
direction    forward
hops         4
since        2023-11-14T22:13:20.000000005Z
accounts     123456789012, 210987654321
may be read  events
again        tenants/acme/analyses/6
state        released
looked at    12 events
asked        2023-11-14T22:13:20Z by jane
changed      2023-11-14T22:13:20Z
etag         e1

Answer:
  method       role_chain
  plan         version 2
  released     2023-11-14T22:13:20Z
  compared     the same as before, byte for byte
  looked at    12 events
  up to        sequence number 99
  sha256       00ff
  size         321 bytes
  with         graph, timeline
  table steps: Steps (3 rows, 1 left out)";
    assert_eq!(analysis(&asked), expected);
}

#[test]
fn a_question_to_people_shows_what_both_sides_said() {
    let human = wire::HumanQuestion {
        text: "Who was on\nthe host?".to_owned(),
    };
    let said = |party: Party, author: &str, text: &str| AnalysisMessage {
        party: party.into(),
        author: author.to_owned(),
        text: text.to_owned(),
        time: TIME,
    };
    let asked = Analysis {
        name: "tenants/acme/analyses/8".to_owned(),
        question: question(wire::question::Kind::Human(human)),
        purpose: "To know".to_owned(),
        consent: vec![DataKind::Incidents.into(), 77],
        state: State::Running.into(),
        pending_party: Party::Customer.into(),
        due_time: TIME,
        progress: Some(AnalysisProgress {
            claimed_by: "an analyst".to_owned(),
            ..AnalysisProgress::default()
        }),
        messages: vec![
            said(Party::Provider, "an analyst", "Which host\u{1b}?"),
            said(Party::Customer, "jane", "The first."),
        ],
        review_note: "Name the host.".to_owned(),
        ..Analysis::default()
    };
    let expected = "\
To know
tenants/acme/analyses/8
kind         human
may be read  incidents, unknown (77)
state        running
next move    customer
due          2023-11-14T22:13:20Z
worked on by an analyst

Question:
  Who was on
  the host?

What was said:
  2023-11-14T22:13:20Z  an analyst (provider):
      Which host\\u001b?
  2023-11-14T22:13:20Z  jane (customer):
      The first.

To be changed before it is released:
  Name the host.";
    assert_eq!(analysis(&asked), expected);
}

#[test]
fn what_failed_or_is_not_known_is_told() {
    let failed = Analysis {
        name: "tenants/acme/analyses/9".to_owned(),
        state: State::Failed.into(),
        failure: Some(AnalysisFailure {
            reason: "TOO_MUCH_WORK".to_owned(),
            message: "name a shorter time".to_owned(),
        }),
        result: Some(AnalysisResult {
            expired: true,
            identical: Some(false),
            ..AnalysisResult::default()
        }),
        ..Analysis::default()
    };
    let page = analysis(&failed);
    for said in [
        "kind         unknown\n",
        "failure      name a shorter time [TOO_MUCH_WORK]\n",
        "  compared     not the same as before\n",
        "  kept         no longer: ask again",
    ] {
        assert!(page.contains(said), "{said}: {page}");
    }
}

#[test]
fn each_kind_of_question_is_said_and_is_json() {
    use cordon_client::analysis::Question;
    use cordon_proto::analysis::question::Kind;
    use serde_json::json;

    let at = |seconds| prost_types::Timestamp { seconds, nanos: 0 };
    let window = |start, end| {
        Some(wire::Window {
            start_time: Some(at(start)),
            end_time: Some(at(end)),
        })
    };
    let subject = |of| wire::Subject { subject: Some(of) };
    let timeline = wire::TimelineQuestion {
        around: Some(wire::timeline_question::Around::Event(
            "tenants/acme/events/00".to_owned(),
        )),
        before: Some(prost_types::Duration {
            seconds: 60,
            nanos: 0,
        }),
        same: vec![1, 3],
        ..wire::TimelineQuestion::default()
    };
    let seen = wire::SeenQuestion {
        subjects: vec![
            subject(wire::subject::Subject::AccessKey("k".to_owned())),
            subject(wire::subject::Subject::UserAgent("u".to_owned())),
        ],
    };
    let list = wire::IndicatorsQuestion {
        list: "192.0.2.1\n192.0.2.2\n".to_owned(),
        ..wire::IndicatorsQuestion::default()
    };
    let compare = wire::CompareQuestion {
        baseline: window(0, 60),
        window: window(60, 120),
    };
    for (kind, line, value) in [
        (
            Kind::Timeline(timeline),
            "same         actor, address",
            json!({
                "around": { "event": "tenants/acme/events/00" }, "before_seconds": 60,
                "after_seconds": 0, "same": ["ACTOR", "ADDRESS"], "kind": "TIMELINE",
            }),
        ),
        (
            Kind::Seen(seen),
            "user agent   u",
            json!({
                "subjects": [{ "access_key": "k" }, { "user_agent": "u" }], "kind": "SEEN",
            }),
        ),
        (
            Kind::Indicators(list),
            "indicators   a list of 2 lines",
            json!({ "list": "192.0.2.1\n192.0.2.2\n", "kind": "INDICATORS" }),
        ),
        (
            Kind::Volume(wire::VolumeQuestion { minimum_bytes: 7 }),
            "at least     7 bytes",
            json!({ "minimum_bytes": 7, "kind": "VOLUME" }),
        ),
        (
            Kind::Compare(compare),
            "compares     1970-01-01T00:01:00Z to 1970-01-01T00:02:00Z",
            json!({
                "baseline": {
                    "start_time": "1970-01-01T00:00:00Z", "end_time": "1970-01-01T00:01:00Z",
                },
                "window": {
                    "start_time": "1970-01-01T00:01:00Z", "end_time": "1970-01-01T00:02:00Z",
                },
                "kind": "COMPARE",
            }),
        ),
        (
            Kind::Sql(wire::SqlQuestion {
                query: "SELECT 1".to_owned(),
            }),
            "query        SELECT 1",
            json!({ "query": "SELECT 1", "kind": "SQL" }),
        ),
    ] {
        let asked = Analysis {
            question: question(kind),
            ..Analysis::default()
        };
        let page = analysis(&asked);
        assert!(page.lines().any(|said| said == line), "{line}: {page}");
        let asked = Question::of(&asked);
        assert_eq!(super::question::json(asked.as_ref()), value);
    }
    assert_eq!(super::question::json(None), json!(null));
}
