//! Rules and findings as rows and as JSON.

use cordon_client::time::{from_proto, now};
use cordon_client::{Explanation, Finding, Rule, RuleVersion};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::words::Word;
use crate::incidents::show::moment;
use crate::output::Row;
use crate::show::{or_null, short, time_json};

/// Whether events are looked at by a rule, and its findings told.
pub(super) fn standing(rule: &Rule, now: Timestamp) -> String {
    let muted = rule.muted_until.as_ref();
    if !rule.enabled {
        "disabled".to_owned()
    } else if !rule.failure.is_empty() {
        "fails".to_owned()
    } else if muted.is_some_and(|until| from_proto(until).is_none_or(|until| until > now)) {
        format!("muted until {}", moment(muted))
    } else {
        "enabled".to_owned()
    }
}

impl Row for Rule {
    const HEAD: &'static [&'static str] = &[
        "level",
        "state",
        "origin",
        "title",
        "techniques",
        "version",
        "changed",
        "id",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            Word::level(self.level).text(),
            standing(self, now()),
            Word::origin(self.origin).text(),
            self.title.clone(),
            self.techniques.join(" "),
            self.version.to_string(),
            moment(self.update_time.as_ref()),
            short(&self.name),
        ]
    }

    fn json(&self) -> Value {
        json!({
            "name": self.name,
            "title": or_null(self.title.clone()),
            "level": Word::level(self.level).json(),
            "origin": Word::origin(self.origin).json(),
            "enabled": self.enabled,
            "exceptions": self.exceptions,
            "muted_until": time_json(self.muted_until.as_ref()),
            "failure": or_null(self.failure.clone()),
            "version": self.version,
            "description": or_null(self.description.clone()),
            "author": or_null(self.author.clone()),
            "license": or_null(self.license.clone()),
            "techniques": self.techniques,
            "tactics": self.tactics,
            "false_positives": self.false_positives,
            "filters": self.filters,
            "create_time": time_json(self.create_time.as_ref()),
            "update_time": time_json(self.update_time.as_ref()),
            "updated_by": or_null(self.updated_by.clone()),
            "etag": self.etag,
            "text": or_null(self.text.clone()),
        })
    }
}

impl Row for RuleVersion {
    const HEAD: &'static [&'static str] = &["version", "since", "by"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.version.to_string(),
            moment(self.create_time.as_ref()),
            self.created_by.clone(),
        ]
    }

    fn json(&self) -> Value {
        json!({
            "version": self.version,
            "create_time": time_json(self.create_time.as_ref()),
            "created_by": or_null(self.created_by.clone()),
            "text": self.text,
        })
    }
}

/// The values by which a correlation groups.
pub(super) fn group(finding: &Finding) -> String {
    let pairs = finding.group.iter();
    let pairs: Vec<_> = pairs
        .map(|part| format!("{} = {}", part.field, part.value))
        .collect();
    pairs.join(", ")
}

fn explanation(one: &Explanation) -> Value {
    json!({
        "kind": Word::explanation(one.kind).json(),
        "context_entry": one.context_entry,
        "display_name": one.display_name,
        "matched_field": or_null(one.matched_field.clone()),
        "matched_value": or_null(one.matched_value.clone()),
        "text": one.text,
        "level_before": Word::level(one.level_before).json(),
        "level_after": Word::level(one.level_after).json(),
    })
}

impl Row for Finding {
    const HEAD: &'static [&'static str] = &[
        "level", "status", "title", "events", "last", "actor", "account", "source", "id",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            Word::level(self.level).text(),
            Word::status(self.status).text(),
            self.title.clone(),
            self.count.to_string(),
            moment(self.end_time.as_ref()),
            self.actor.clone(),
            self.account.clone(),
            self.source_address.clone(),
            short(&self.name),
        ]
    }

    fn json(&self) -> Value {
        let group = self.group.iter();
        let group: Vec<_> = group
            .map(|part| json!({ "field": part.field, "value": or_null(part.value.clone()) }))
            .collect();
        json!({
            "name": self.name,
            "sequence": self.sequence,
            "title": self.title,
            "rule": self.rule,
            "rule_version": self.rule_version,
            "level": Word::level(self.level).json(),
            "techniques": self.techniques,
            "tactics": self.tactics,
            "status": Word::status(self.status).json(),
            "comment": or_null(self.comment.clone()),
            "start_time": time_json(self.start_time.as_ref()),
            "end_time": time_json(self.end_time.as_ref()),
            "count": self.count,
            "events": self.events,
            "actor": or_null(self.actor.clone()),
            "account": or_null(self.account.clone()),
            "source_address": or_null(self.source_address.clone()),
            "operation": or_null(self.operation.clone()),
            "group": group,
            "dedup_key": self.dedup_key,
            "incident": or_null(self.incident.clone()),
            "unusual": self.unusual.as_ref().map(|unusual| json!({
                "kind": unusual.kind,
                "subject_kind": unusual.subject_kind,
                "subject": unusual.subject,
                "expected": unusual.expected,
                "seen": unusual.seen,
                "surprise_bits": unusual.surprise_bits,
            })),
            "rule_level": Word::level(self.rule_level).json(),
            "explanations": self.explanations.iter().map(explanation).collect::<Vec<_>>(),
            "create_time": time_json(self.create_time.as_ref()),
            "update_time": time_json(self.update_time.as_ref()),
            "updated_by": or_null(self.updated_by.clone()),
            "etag": self.etag,
            "ocsf": serde_json::from_str(&self.ocsf_json).unwrap_or(Value::Null),
        })
    }
}

/// The same where findings come one after another, again when they change.
#[derive(Debug)]
pub(super) struct Followed(pub(super) Finding);

impl Row for Followed {
    const HEAD: &'static [&'static str] = &[
        "seq", "changed", "level", "status", "events", "id", "account", "actor", "title",
    ];

    fn cells(&self) -> Vec<String> {
        let finding = &self.0;
        vec![
            finding.sequence.to_string(),
            moment(finding.update_time.as_ref()),
            Word::level(finding.level).text(),
            Word::status(finding.status).text(),
            finding.count.to_string(),
            short(&finding.name),
            finding.account.clone(),
            finding.actor.clone(),
            finding.title.clone(),
        ]
    }

    fn json(&self) -> Value {
        self.0.json()
    }
}

#[cfg(test)]
mod tests {
    use cordon_client::time::to_proto;
    use cordon_client::{FindingGroup, FindingStatus, Level, RuleOrigin};

    use super::*;

    #[test]
    fn a_rule_stands_as_it_works() {
        let now: Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
        let until = |text: &str| Some(to_proto(text.parse().unwrap()));
        let rule = |enabled, failure: &str, muted_until| Rule {
            enabled,
            failure: failure.to_owned(),
            muted_until,
            ..Rule::default()
        };
        let odd = Some(prost_types::Timestamp {
            seconds: i64::MAX,
            nanos: 0,
        });
        for (rule, expected) in [
            (rule(true, "", None), "enabled"),
            (rule(true, "", until("2026-11-24T11:00:00Z")), "enabled"),
            (
                rule(true, "", until("2026-11-24T13:00:00.5Z")),
                "muted until 2026-11-24T13:00:00Z",
            ),
            (
                rule(true, "", odd),
                "muted until 9223372036854775807.000000000 s since 1970",
            ),
            (rule(true, "no such field", None), "fails"),
            (rule(false, "no such field", None), "disabled"),
        ] {
            assert_eq!(standing(&rule, now), expected);
        }
    }

    #[test]
    fn rules_and_findings_are_rows_and_json() {
        let rule = Rule {
            name: "tenants/acme/rules/1".to_owned(),
            enabled: true,
            title: "Example".to_owned(),
            level: Level::High.into(),
            origin: RuleOrigin::Own.into(),
            techniques: vec!["T1562.008".to_owned(), "T1078".to_owned()],
            version: 3,
            ..Rule::default()
        };
        assert_eq!(rule.cells().len(), Rule::HEAD.len());
        assert_eq!(rule.cells()[..3], ["high", "enabled", "own"]);
        assert_eq!(rule.cells()[4], "T1562.008 T1078");
        assert_eq!(rule.json()["level"], "HIGH");
        assert_eq!(rule.json()["text"], Value::Null);

        let finding = Finding {
            name: "tenants/acme/findings/7".to_owned(),
            sequence: 9,
            level: 77,
            status: FindingStatus::InProgress.into(),
            count: 3,
            group: vec![FindingGroup {
                field: "SourceIpAddress".to_owned(),
                value: "198.51.100.7".to_owned(),
            }],
            ocsf_json: "{\"class_uid\":2004}".to_owned(),
            ..Finding::default()
        };
        assert_eq!(finding.cells().len(), Finding::HEAD.len());
        assert_eq!(finding.cells()[..2], ["unknown (77)", "in progress"]);
        assert_eq!(group(&finding), "SourceIpAddress = 198.51.100.7");
        let value = finding.json();
        assert_eq!(value["level"], 77);
        assert_eq!(value["status"], "IN_PROGRESS");
        assert_eq!(value["actor"], Value::Null);
        assert_eq!(value["ocsf"]["class_uid"], 2004);
        let followed = Followed(finding);
        assert_eq!(followed.cells().len(), Followed::HEAD.len());
        assert_eq!(followed.cells()[0], "9");
    }
}
