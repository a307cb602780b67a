use cordon_client::{
    ClockRef, CloseCode, IncidentState, Origin, Party, Phase, Severity, TimelineWhat,
};
use cordon_proto::incidents::timeline_entry as wire;

use super::*;

const COMMENT: &str = "tenants/acme/incidents/1/comments/c1";

pub(crate) fn entry(what: Option<TimelineWhat>) -> TimelineEntry {
    TimelineEntry {
        exercise: false,
        name: "tenants/acme/incidents/1/timelineEntries/7".to_owned(),
        sequence: 7,
        time: Some(prost_types::Timestamp {
            seconds: 1_700_000_000,
            nanos: 0,
        }),
        actor: Some(Actor {
            subject: "jane".to_owned(),
            party: Party::Customer.into(),
        }),
        reason: String::new(),
        what,
    }
}

/// One of each kind.
pub(crate) fn each() -> Vec<TimelineWhat> {
    vec![
        TimelineWhat::Opened(wire::Opened {
            severity: Severity::Sev2.into(),
            phase: Phase::Identification.into(),
        }),
        TimelineWhat::Updated(wire::Updated {
            fields: vec!["title".to_owned(), "tlp".to_owned()],
        }),
        TimelineWhat::Acknowledged(wire::Acknowledged {}),
        TimelineWhat::Moved(wire::Moved {
            from: Phase::Recovery.into(),
            to: Phase::FollowUp.into(),
        }),
        TimelineWhat::Reclassified(wire::Reclassified {
            from: Severity::Sev2.into(),
            to: Severity::Sev1.into(),
        }),
        TimelineWhat::HandedOver(wire::HandedOver {
            to: Party::Provider.into(),
        }),
        TimelineWhat::CriteriaSet(wire::CriteriaSet { count: 3 }),
        TimelineWhat::SignedOff(wire::SignedOff {
            party: Party::Customer.into(),
            criteria: vec![0, 2],
            complete: true,
        }),
        TimelineWhat::Closed(wire::Closed {
            code: CloseCode::FalsePositive.into(),
        }),
        TimelineWhat::Reopened(wire::Reopened {}),
        TimelineWhat::Commented(wire::Commented {
            comment: COMMENT.to_owned(),
        }),
        TimelineWhat::CommentUpdated(wire::CommentUpdated {
            comment: COMMENT.to_owned(),
        }),
        TimelineWhat::Imported(wire::Imported {
            severity: Severity::Sev3.into(),
            phase: Phase::FollowUp.into(),
            state: IncidentState::Closed.into(),
            close_code: CloseCode::Resolved.into(),
            comments: 2,
            origin: Some(Origin {
                external_id: "CASE-1".to_owned(),
                create_time: Some(prost_types::Timestamp {
                    seconds: 1_600_000_000,
                    nanos: 0,
                }),
                ..Origin::default()
            }),
        }),
        TimelineWhat::Attached(wire::Attached {
            attachment: "tenants/acme/incidents/i/attachments/a1".to_owned(),
            file_name: "memory.raw".to_owned(),
            size_bytes: 7,
            sha256: "00ff".to_owned(),
        }),
        TimelineWhat::Linked(wire::Linked {
            link: "l1".to_owned(),
            resource: "tenants/acme/events/e1".to_owned(),
        }),
        TimelineWhat::Unlinked(wire::Unlinked {
            link: "l1".to_owned(),
            resource: "tenants/acme/events/e1".to_owned(),
        }),
        TimelineWhat::AnalysisRequested(wire::AnalysisRequested {
            analysis: "tenants/acme/analyses/q1".to_owned(),
            question: "role_chain".to_owned(),
        }),
        TimelineWhat::AnalysisHandedOver(wire::AnalysisHandedOver {
            analysis: "tenants/acme/analyses/q1".to_owned(),
            to: Party::Customer.into(),
        }),
        TimelineWhat::AnalysisHandedOver(wire::AnalysisHandedOver {
            analysis: "tenants/acme/analyses/q1".to_owned(),
            to: Party::Provider.into(),
        }),
        TimelineWhat::AnalysisAnswered(wire::AnalysisAnswered {
            analysis: "tenants/acme/analyses/q1".to_owned(),
        }),
        TimelineWhat::AnalysisCalledOff(wire::AnalysisCalledOff {
            analysis: "tenants/acme/analyses/q1".to_owned(),
            why: wire::analysis_called_off::Why::Declined.into(),
        }),
    ]
}

#[test]
fn each_kind_of_entry_is_told_in_words() {
    let told: Vec<_> = each().iter().map(|one| what(Some(one))).collect();
    assert_eq!(
        told,
        [
            "opened as sev2, in identification",
            "changed title, tlp",
            "took note",
            "moved from recovery to follow up",
            "reclassified from sev2 to sev1",
            "handed over to the provider",
            "set 3 clean-state criteria",
            "signed off 0, 2 for the customer; now both sides have signed off all",
            "closed as false positive",
            "opened again",
            "commented: c1",
            "changed a comment: c1",
            "brought in from elsewhere as sev3, closed, in follow up, opened there \
             2020-09-13T12:26:40Z: CASE-1",
            "attached memory.raw (7 bytes): a1",
            "linked tenants/acme/events/e1",
            "unlinked tenants/acme/events/e1",
            "asked the provider (role chain): q1",
            "asked back about a question: q1",
            "went on with a question: q1",
            "answered a question: q1",
            "declined a question: q1",
        ]
    );
    assert!(what(None).contains("too old"));
    let set = |count| {
        what(Some(&TimelineWhat::CriteriaSet(wire::CriteriaSet {
            count,
        })))
    };
    assert_eq!(set(1), "set 1 clean-state criterion");
    assert!(set(0).starts_with("withdrew"));
}

#[test]
fn each_kind_of_entry_is_json() {
    let all = each().into_iter().map(|one| entry(Some(one)).json());
    let told: Vec<_> = all
        .map(|json| (json["what"].clone(), json["details"].clone()))
        .collect();
    let expected = [
        (
            "OPENED",
            json!({ "severity": "SEV2", "phase": "IDENTIFICATION" }),
        ),
        ("UPDATED", json!({ "fields": ["title", "tlp"] })),
        ("ACKNOWLEDGED", json!({})),
        ("MOVED", json!({ "from": "RECOVERY", "to": "FOLLOW_UP" })),
        ("RECLASSIFIED", json!({ "from": "SEV2", "to": "SEV1" })),
        ("HANDED_OVER", json!({ "to": "PROVIDER" })),
        ("CRITERIA_SET", json!({ "count": 3 })),
        (
            "SIGNED_OFF",
            json!({ "party": "CUSTOMER", "criteria": [0, 2], "complete": true }),
        ),
        ("CLOSED", json!({ "code": "FALSE_POSITIVE" })),
        ("REOPENED", json!({})),
        ("COMMENTED", json!({ "comment": COMMENT })),
        ("COMMENT_UPDATED", json!({ "comment": COMMENT })),
        (
            "IMPORTED",
            json!({
                "severity": "SEV3",
                "phase": "FOLLOW_UP",
                "state": "CLOSED",
                "close_code": "RESOLVED",
                "comments": 2,
                "origin": {
                    "external_id": "CASE-1",
                    "author": "",
                    "create_time": "2020-09-13T12:26:40Z",
                    "acknowledge_time": null,
                    "update_time": null,
                    "close_time": null,
                },
            }),
        ),
        (
            "ATTACHED",
            json!({
                "attachment": "tenants/acme/incidents/i/attachments/a1",
                "file_name": "memory.raw",
                "size_bytes": 7,
                "sha256": "00ff",
            }),
        ),
        (
            "LINKED",
            json!({ "link": "l1", "resource": "tenants/acme/events/e1" }),
        ),
        (
            "UNLINKED",
            json!({ "link": "l1", "resource": "tenants/acme/events/e1" }),
        ),
        (
            "ANALYSIS_REQUESTED",
            json!({ "analysis": "tenants/acme/analyses/q1", "question": "role_chain" }),
        ),
        (
            "ANALYSIS_HANDED_OVER",
            json!({ "analysis": "tenants/acme/analyses/q1", "to": "CUSTOMER" }),
        ),
        (
            "ANALYSIS_HANDED_OVER",
            json!({ "analysis": "tenants/acme/analyses/q1", "to": "PROVIDER" }),
        ),
        (
            "ANALYSIS_ANSWERED",
            json!({ "analysis": "tenants/acme/analyses/q1" }),
        ),
        (
            "ANALYSIS_CALLED_OFF",
            json!({ "analysis": "tenants/acme/analyses/q1", "why": "DECLINED" }),
        ),
    ];
    let expected: Vec<_> = expected
        .into_iter()
        .map(|(what, details)| (Value::from(what), details))
        .collect();
    assert_eq!(told, expected);
    let unknown = entry(None).json();
    assert_eq!(
        (&unknown["what"], &unknown["details"]),
        (&Value::Null, &json!({}))
    );
    assert_eq!(
        unknown["actor"],
        json!({ "subject": "jane", "party": "CUSTOMER" })
    );
    assert_eq!(unknown["reason"], Value::Null);
}

#[test]
fn an_entry_is_a_row_alone_and_among_many() {
    let one = entry(Some(TimelineWhat::Reopened(wire::Reopened {})));
    let cells = one.cells();
    assert_eq!(cells.len(), TimelineEntry::HEAD.len());
    assert_eq!(
        cells,
        [
            "7",
            "2023-11-14T22:13:20Z",
            "jane (customer)",
            "opened again",
            ""
        ]
    );
    let cells = OfMany(one).cells();
    assert_eq!(cells.len(), OfMany::HEAD.len());
    assert_eq!(cells[2], "1");
    let nobody = TimelineEntry::default();
    assert_eq!(nobody.cells()[2], "");
    assert_eq!(nobody.json()["actor"], Value::Null);
}

#[test]
fn what_is_said_about_clocks_names_them() {
    use cordon_client::ObjectiveKind;
    let clock = |interval, request: &str| {
        Some(ClockRef {
            objective: ObjectiveKind::SubsequentUpdate.into(),
            request: request.to_owned(),
            interval,
            started_by: "tenants/acme/incidents/1/timelineEntries/6".to_owned(),
        })
    };
    let due_time = Some(prost_types::Timestamp::default());
    let warned = TimelineWhat::ClockWarned(wire::ClockWarned {
        clock: clock(2, ""),
        percent: 75,
        due_time,
    });
    let breached = TimelineWhat::ClockBreached(wire::ClockBreached {
        clock: clock(0, "a/b"),
        due_time: None,
    });
    assert_eq!(
        [what(Some(&warned)), what(Some(&breached))],
        [
            "75 percent of the time for subsequent update 2 are used up",
            "the time for subsequent update b is over"
        ]
    );
    let json = entry(Some(warned)).json();
    assert_eq!(json["what"], "CLOCK_WARNED");
    let details = &json["details"];
    assert_eq!(details["clock"]["objective"], "SUBSEQUENT_UPDATE");
    assert_eq!(
        (&details["clock"]["interval"], &details["percent"]),
        (&json!(2), &json!(75))
    );
    assert_eq!(details["due_time"], "1970-01-01T00:00:00Z");
    let json = entry(Some(breached)).json();
    assert_eq!(json["what"], "CLOCK_BREACHED");
    assert_eq!(json["details"]["clock"]["request"], "a/b");
    assert_eq!(json["details"]["due_time"], Value::Null);
}
