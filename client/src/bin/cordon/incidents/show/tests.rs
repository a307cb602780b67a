use cordon_client::{
    Actor, CleanStateCriterion, CloseCode, CommentRevision, IncidentState, Party, Phase, Severity,
    TimelineEntry, TimelineWhat, Tlp,
};
use cordon_proto::incidents::timeline_entry::Commented;

use super::super::page::{page, page_json};
use super::*;

const NAME: &str = "tenants/acme/incidents/01934f5e-7c1a-7abc-8def-0123456789ab";
/// Clears the screen, turns the direction of writing, and draws a heading of its own.
const HOSTILE: &str = "\u{1b}[2J\u{9b}31m\u{202e}gp\u{7}\r\nTimeline:\n  all is well";

fn at(seconds: i64) -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp {
        seconds: 1_700_000_000 + seconds,
        nanos: 123_456_789,
    })
}

fn actor(subject: &str, party: Party) -> Option<Actor> {
    Some(Actor {
        subject: subject.to_owned(),
        party: party.into(),
    })
}

fn incident() -> Incident {
    Incident {
        name: NAME.to_owned(),
        number: 12,
        title: format!("Keys {HOSTILE}"),
        description: format!("{HOSTILE}\n{}", "many words ".repeat(40)),
        severity: Severity::Sev1.into(),
        phase: Phase::FollowUp.into(),
        state: IncidentState::Closed.into(),
        tlp: Tlp::AmberStrict.into(),
        clean_state_criteria: vec![CleanStateCriterion {
            text: format!("no key is valid {HOSTILE}"),
            customer: Some(SignOff {
                subject: format!("jane{HOSTILE}"),
                time: at(5),
            }),
            provider: None,
        }],
        opened_by: actor("jane", Party::Customer),
        create_time: at(0),
        update_time: at(9),
        close_time: at(9),
        close_code: CloseCode::FalsePositive.into(),
        etag: "e1".to_owned(),
        ..Incident::default()
    }
}

fn comment() -> Comment {
    Comment {
        common: false,
        name: format!("{NAME}/comments/01934f5e-7c1a-7abc-8def-0123456789ac"),
        text: HOSTILE.to_owned(),
        author: actor(HOSTILE, Party::Provider),
        create_time: at(1),
        update_time: at(2),
        revisions: vec![CommentRevision {
            text: "before".to_owned(),
            create_time: at(1),
        }],
        origin: None,
    }
}

fn entry() -> TimelineEntry {
    TimelineEntry {
        exercise: false,
        name: format!("{NAME}/timelineEntries/7"),
        sequence: 7,
        time: at(1),
        actor: actor(HOSTILE, Party::Provider),
        reason: HOSTILE.to_owned(),
        what: Some(TimelineWhat::Commented(Commented {
            comment: HOSTILE.to_owned(),
        })),
    }
}

#[test]
fn a_page_shows_what_is_hostile_and_does_not_obey_it() {
    let page = page(&incident(), None, &[comment()], &[entry()], &[]);
    let harmful = |letter: char| letter != '\n' && (letter.is_control() || letter == '\u{202e}');
    assert!(!page.contains(harmful), "{page}");
    assert!(page.contains("\\u001b[2J\\u009b31m\\u202egp\\u0007\\u000d"));
    // What somebody wrote stands below a heading and is none.
    let headings: Vec<_> = page
        .lines()
        .filter(|line| line.ends_with(':') && !line.starts_with(' '))
        .collect();
    assert_eq!(
        headings,
        [
            "Description:",
            "Clean-state criteria:",
            "Comments:",
            "Timeline:"
        ]
    );
    for line in page.lines().filter(|line| !line.contains("/comments/")) {
        assert!(line.chars().count() <= 100, "{line}");
    }
}

#[test]
fn a_page_tells_what_there_is() {
    let mut plain = incident();
    plain.title = "Keys leaked".to_owned();
    plain.description = String::new();
    plain.clean_state_criteria[0].text = "no key is valid".to_owned();
    plain.clean_state_criteria[0].customer = Some(SignOff {
        subject: "jane".to_owned(),
        time: at(5),
    });
    let page = page(&plain, None, &[], &[], &[]);
    assert_eq!(
        page.lines().collect::<Vec<_>>(),
        [
            "#12 Keys leaked",
            NAME,
            "severity   sev1",
            "phase      follow up",
            "state      closed (false positive)",
            "marking    TLP:AMBER+STRICT",
            "opened     2023-11-14T22:13:20Z by jane (customer)",
            "changed    2023-11-14T22:13:29Z",
            "closed     2023-11-14T22:13:29Z",
            "etag       e1",
            "",
            "Clean-state criteria:",
            "   0  no key is valid",
            "      customer: 2023-11-14T22:13:25Z, jane",
            "      provider: not signed off",
        ]
    );
    // Of an incident that says nothing at all there is a page, too.
    let empty = super::super::page::page(&Incident::default(), None, &[], &[], &[]);
    assert!(empty.contains("severity   unknown"), "{empty}");
}

#[test]
fn incidents_are_rows_and_json() {
    let cells = incident().cells();
    assert_eq!(cells.len(), Incident::HEAD.len());
    assert_eq!(cells[..5], ["12", "sev1", "follow up", "closed", ""]);
    assert_eq!(cells[7], "01934f5e-7c1a-7abc-8def-0123456789ab");

    let json = page_json(&incident(), None, &[comment()], &[entry()], &[]);
    assert_eq!(json["severity"], "SEV1");
    assert_eq!(json["tlp"], "AMBER_STRICT");
    assert_eq!(json["pending_party"], Value::Null);
    assert_eq!(json["close_code"], "FALSE_POSITIVE");
    assert_eq!(json["update_time"], "2023-11-14T22:13:29.123456789Z");
    assert_eq!(json["acknowledge_time"], Value::Null);
    assert_eq!(json["clean_state_criteria"][0]["provider"], Value::Null);
    assert_eq!(
        json["clean_state_criteria"][0]["customer"]["time"],
        "2023-11-14T22:13:25.123456789Z"
    );
    assert_eq!(json["opened_by"]["party"], "CUSTOMER");
    assert_eq!(json["comments"][0]["revisions"][0]["text"], "before");
    assert_eq!(json["comments"][0]["text"], HOSTILE, "as it was said");
    assert_eq!(json["timeline"][0]["what"], "COMMENTED");

    let cells = comment().cells();
    assert_eq!(cells.len(), Comment::HEAD.len());
}

#[test]
fn the_queue_is_rows_and_json() {
    let queued = QueuedIncident {
        name: NAME.to_owned(),
        number: 12,
        severity: Severity::Sev3.into(),
        phase: Phase::Containment.into(),
        state: IncidentState::Open.into(),
        pending_party: Party::Provider.into(),
        create_time: at(0),
        due_time: at(0),
        due_objective: cordon_client::ObjectiveKind::Acknowledge.into(),
        breaches: 1,
        ..QueuedIncident::default()
    };
    assert_eq!(
        queued.cells(),
        [
            "sev3",
            "containment",
            "open",
            "provider",
            "2023-11-14T22:13:20Z",
            "",
            "acknowledge 2023-11-14T22:13:20Z",
            "1",
            "12",
            NAME
        ]
    );
    assert_eq!(queued.cells().len(), QueuedIncident::HEAD.len());
    assert_eq!(queued.json()["pending_party"], "PROVIDER");
    assert_eq!(queued.json()["acknowledge_time"], Value::Null);
}

#[test]
fn clocks_stand_between_criteria_and_comments() {
    let clocks = crate::sla::sample_clocks();
    let shown = page(&incident(), Some(&clocks), &[comment()], &[], &[]);
    let place = |text: &str| shown.find(text).unwrap();
    let heading = place("\nClocks as of 2023-11-14T22:14:20Z:\n  acknowledge ");
    assert!(place("\nClean-state criteria:") < heading && heading < place("\nComments:"));
    assert!(shown.contains("left -1h 5m"), "{shown}");

    let json = page_json(&incident(), Some(&clocks), &[], &[], &[]);
    assert_eq!(json["clocks"][3]["state"], "PAUSED");
    assert_eq!(json["clocks"][3]["as_of_time"], "2023-11-14T22:14:20Z");

    let none = crate::sla::no_clocks();
    for clocks in [None, Some(&none)] {
        let shown = page(&incident(), clocks, &[], &[], &[]);
        assert!(!shown.contains("Clocks"), "{shown}");
    }
    let json = page_json(&incident(), Some(&none), &[], &[], &[]);
    assert_eq!(json["clocks"], serde_json::json!([]));
    let json = page_json(&incident(), None, &[], &[], &[]);
    assert_eq!(json["clocks"], Value::Null);
}
