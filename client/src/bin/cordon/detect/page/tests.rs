use cordon_client::{Explanation, FindingGroup, FindingStatus, Level, RuleOrigin};

use super::*;

const TIME: Option<prost_types::Timestamp> = Some(prost_types::Timestamp {
    seconds: 1_700_000_000,
    nanos: 5,
});

#[test]
fn a_finding_says_what_there_is_to_look_at() {
    let mut events: Vec<_> = (0..8)
        .map(|at| format!("tenants/acme/events/{at:032}"))
        .collect();
    events[1] = "tenants/acme/events/0;reboot".to_owned();
    let found = Finding {
        name: "tenants/acme/findings/7".to_owned(),
        title: "A trail\u{1b}[2J was stopped".to_owned(),
        level: Level::High.into(),
        status: FindingStatus::Suppressed.into(),
        comment: "by the\nmaintenance".to_owned(),
        updated_by: "jane".to_owned(),
        techniques: vec![
            "T1562.008".to_owned(),
            "T1078".to_owned(),
            "T1;x".to_owned(),
        ],
        tactics: vec!["defense-evasion".to_owned()],
        actor: "arn:aws:iam::123456789012:user/example".to_owned(),
        account: "123456789012".to_owned(),
        operation: "StopLogging".to_owned(),
        source_address: "198.51.100.7".to_owned(),
        group: vec![FindingGroup {
            field: "User".to_owned(),
            value: "example".to_owned(),
        }],
        count: 12,
        start_time: TIME,
        end_time: TIME,
        rule: "tenants/acme/rules/3".to_owned(),
        rule_version: 2,
        events,
        etag: "e1".to_owned(),
        ..Finding::default()
    };
    let expected = "\
A trail\\u001b[2J was stopped
tenants/acme/findings/7
level        high
status       suppressed, says jane
comment      by the maintenance
tactics      defense-evasion
who          arn:aws:iam::123456789012:user/example
where        123456789012
what         StopLogging
from         198.51.100.7
together by  User = example
events       12
first        2023-11-14T22:13:20Z
last         2023-11-14T22:13:20Z
rule         tenants/acme/rules/3 version 2
etag         e1

ATT&CK techniques:
  T1562.008  https://attack.mitre.org/techniques/T1562/008/
  T1078  https://attack.mitre.org/techniques/T1078/
  T1;x

First events:
  cordon events get tenants/acme/events/00000000000000000000000000000000
  tenants/acme/events/0;reboot
  cordon events get tenants/acme/events/00000000000000000000000000000002
  cordon events get tenants/acme/events/00000000000000000000000000000003
  cordon events get tenants/acme/events/00000000000000000000000000000004
  and 3 more, which `-o json` names
  and 4 that are counted only";
    assert_eq!(finding(&found), expected);
}

#[test]
fn a_rule_says_what_it_looks_for() {
    let shown = rule(&Rule {
        name: "tenants/acme/rules/3".to_owned(),
        title: "Example".to_owned(),
        text: "title: Example\ndetection:\n  a: 1\n".to_owned(),
        level: Level::Low.into(),
        origin: RuleOrigin::Own.into(),
        version: 4,
        author: "Jane Example".to_owned(),
        description: "What it is.".to_owned(),
        false_positives: vec!["Maintenance".to_owned()],
        filters: vec!["operation = 'StopLogging'".to_owned()],
        exceptions: vec!["actor = 'example'".to_owned()],
        update_time: TIME,
        updated_by: "jane".to_owned(),
        ..Rule::default()
    });
    let expected = "\
Example
tenants/acme/rules/3
level        low
state        disabled
origin       own
version      4
author       Jane Example
changed      2023-11-14T22:13:20Z by jane

Description:
  What it is.

What else it finds:
  Maintenance

Events that it looks for:
  operation = 'StopLogging'

But not:
  actor = 'example'

Text:
  title: Example
  detection:
    a: 1";
    assert_eq!(shown, expected);
    let unread = Rule {
        failure: "no such field".to_owned(),
        enabled: true,
        ..Rule::default()
    };
    let shown = rule(&unread);
    assert!(shown.starts_with("(not understood)"), "{shown}");
    assert!(shown.contains("failure      no such field"), "{shown}");
}

#[test]
fn what_context_did_to_a_level_is_said_and_why() {
    let explanation = |text: &str, value: &str| Explanation {
        text: text.to_owned(),
        matched_field: "source_address".to_owned(),
        matched_value: value.to_owned(),
        ..Explanation::default()
    };
    let mut found = Finding {
        level: Level::Medium.into(),
        rule_level: Level::High.into(),
        explanations: vec![
            explanation("It comes from\u{1b}[2J the office.", "192.0.2.7"),
            explanation("It is planned.", ""),
        ],
        ..Finding::default()
    };
    let page = finding(&found);
    for said in [
        "level        medium; high without your context",
        "What your context says:\n  It comes from\\u001b[2J the office. By the source address 192.0.2.7.\n  \
         It is planned.\n",
    ] {
        assert!(format!("{page}\n").contains(said), "{said}\n---\n{page}");
    }
    // What changed nothing is not said beside the level.
    found.rule_level = found.level;
    assert!(finding(&found).contains("level        medium\n"));
}
