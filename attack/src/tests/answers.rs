//! Answers to questions whose answers are known.

use super::{attack, direct};
use crate::SourceType::{
    AwsCloudTrail, AwsGuardDuty, AwsVpcFlow, AzureActivity, AzureSignIn, GcpAudit, K8sAudit,
    LinuxAuth, Ocsf, OpenStackNotification,
};
use crate::{
    Access, Available, Evidence, IncidentKind, Platform, Question, QuestionError, Recommendation,
    SourceType,
};

fn asked(question: Question<'_>, available: &Available) -> Recommendation<'static> {
    attack().recommend(&question, available).unwrap()
}

fn order(answer: &Recommendation<'_>) -> Vec<SourceType> {
    answer.sources.iter().map(|one| one.source).collect()
}

#[test]
fn logs_switched_off_are_seen_in_the_audit_logs() {
    let all = direct(&SourceType::ALL);
    let answer = asked(Question::Technique("T1562.008"), &all);
    // DC0090 is named for CloudTrail, DC0069 for Google's: each has the other's by the lists.
    let top = &answer.sources[0];
    assert!(
        matches!(top.source, AwsCloudTrail | GcpAudit),
        "{answer:#?}"
    );
    assert_eq!(answer.gaps, []);
    assert_eq!((answer.covered, answer.wanted), (2, 2));
    let cloudtrail = answer
        .sources
        .iter()
        .find(|one| one.source == AwsCloudTrail);
    let covers = &cloudtrail.unwrap().covers;
    let named = covers.iter().find(|one| one.component.id == "DC0090");
    assert_eq!(named.unwrap().evidence, Evidence::Analytic);
    let found: Vec<_> = order(&answer);
    assert!(!found.contains(&AwsVpcFlow) && !found.contains(&LinuxAuth));
}

#[test]
fn an_event_asks_about_its_techniques() {
    let available = direct(&[AwsCloudTrail, AwsVpcFlow]);
    let event = Question::Event {
        source: AwsCloudTrail,
        operation: "StopLogging",
    };
    let technique = Question::Technique("T1562.008");
    assert_eq!(asked(event, &available), asked(technique, &available));
}

#[test]
fn data_given_away_need_calls_and_flows() {
    let available = direct(&[AwsCloudTrail, AwsVpcFlow]);
    let answer = asked(Question::Technique("T1537"), &available);
    assert_eq!(order(&answer), [AwsCloudTrail, AwsVpcFlow]);
    assert_eq!(answer.gaps, []);
    let (calls, flows) = (&answer.sources[0], &answer.sources[1]);
    assert_eq!(calls.covers.len(), 4);
    assert!(calls.covers.iter().all(|one| one.alone));
    // Three for each analytic, one for each that nobody else tells.
    assert_eq!((calls.score, flows.score), (16, 4));
    assert_eq!(flows.covers[0].component.name, "Network Traffic Content");
}

#[test]
fn without_flows_there_is_a_gap_that_says_where_to_look() {
    let available = direct(&[AwsCloudTrail]).with(AwsVpcFlow, Access::None);
    let answer = asked(Question::Technique("T1537"), &available);
    assert_eq!((answer.covered, answer.wanted), (4, 5));
    let [gap] = &answer.gaps[..] else {
        panic!("{:?}", answer.gaps)
    };
    assert_eq!(gap.component.name, "Network Traffic Content");
    assert_eq!(gap.log_sources[0].name, "AWS:VPCFlowLogs");
    assert_eq!(gap.recorded_by, [AwsVpcFlow]);
    // It is one to ask for, and says so.
    let flows = answer.sources.last().unwrap();
    assert_eq!((flows.source, flows.access), (AwsVpcFlow, Access::None));
    assert!(flows.covers[0].alone);
}

#[test]
fn what_nothing_records_through_cordon_is_a_gap_all_the_same() {
    let answer = asked(Question::Technique("T1496"), &direct(&SourceType::ALL));
    let gap = answer
        .gaps
        .iter()
        .find(|gap| gap.technique.id == "T1496" && gap.component.name == "Host Status")
        .unwrap();
    assert_eq!(gap.recorded_by, []);
    let names: Vec<_> = gap.log_sources.iter().map(|one| one.name).collect();
    assert_eq!(names, ["AWS:CloudWatch", "prometheus:metrics"]);
}

#[test]
fn mining_is_seen_in_calls_flows_and_findings() {
    let answer = asked(
        Question::Technique("T1496.001"),
        &direct(&[AwsCloudTrail, AwsVpcFlow, AwsGuardDuty, LinuxAuth]),
    );
    assert_eq!(answer.sources[0].source, AwsCloudTrail);
    assert!(order(&answer).contains(&AwsGuardDuty));
    assert!(!order(&answer).contains(&LinuxAuth));
}

#[test]
fn findings_count_only_for_techniques_that_are_found() {
    let only = direct(&[AwsGuardDuty]);
    let found = asked(Question::Technique("T1498.001"), &only);
    assert_eq!(order(&found), [AwsGuardDuty]);
    let not = asked(Question::Technique("T1621"), &only);
    assert_eq!(not.sources, []);
    assert_eq!(not.gaps.len(), not.wanted);
}

#[test]
fn logins_are_seen_where_people_log_in() {
    let all = direct(&SourceType::ALL);
    let cloud = asked(Question::Technique("T1078.004"), &all);
    let found = order(&cloud);
    for source in [AwsCloudTrail, AzureSignIn, GcpAudit, OpenStackNotification] {
        assert!(found.contains(&source), "{source}");
    }
    // A host's log tells nothing of accounts of a cloud, but of guessed passwords.
    assert!(!found.contains(&LinuxAuth));
    let guessed = asked(Question::Technique("T1110"), &all);
    assert!(order(&guessed).contains(&LinuxAuth));
    assert_eq!(guessed.sources[0].source, AzureSignIn);
    // Nor of what is asked of the directory alone.
    let phished = asked(Question::Technique("T1566"), &all);
    assert!(!order(&phished).contains(&LinuxAuth));
}

#[test]
fn looking_around_leaves_calls_that_only_read() {
    let available = direct(&[AwsCloudTrail, AzureActivity, AwsVpcFlow]);
    let answer = asked(Question::Technique("T1580"), &available);
    assert_eq!(order(&answer), [AwsCloudTrail, AzureActivity]);
    assert_eq!(answer.gaps, []);
    // Azure's log has reads of blobs, and none of machines.
    let azure = &answer.sources[1].covers;
    let names: Vec<_> = azure.iter().map(|one| one.component.name).collect();
    assert_eq!(names, ["Cloud Storage Enumeration"]);
}

#[test]
fn a_cluster_has_its_own_log() {
    let answer = asked(
        Question::Technique("T1098.006"),
        &direct(&[AwsCloudTrail, K8sAudit]),
    );
    assert_eq!(order(&answer), [K8sAudit]);
}

#[test]
fn ocsf_tells_what_its_classes_are() {
    let none = asked(Question::Technique("T1110"), &direct(&[Ocsf]));
    assert_eq!(none.sources, []);
    let logins = direct(&[Ocsf]).with_ocsf_class(3002);
    let some = asked(Question::Technique("T1110"), &logins);
    assert_eq!(order(&some), [Ocsf]);
    assert_eq!(some.sources[0].covers[0].evidence, Evidence::Review);
}

#[test]
fn a_technique_stands_for_its_sub_techniques() {
    let answer = asked(Question::Technique("T1498"), &Available::new());
    let ids: Vec<_> = answer.techniques.iter().map(|one| one.id).collect();
    assert_eq!(ids, ["T1498", "T1498.001", "T1498.002"]);
    assert_eq!(answer.silent.len(), 1);
    assert!(!answer.silent[0].elsewhere);
}

#[test]
fn the_hypervisor_is_asked_about_only_on_request() {
    let snapshots = Question::Technique("T1673");
    let cloud = asked(snapshots, &Available::new());
    assert!(cloud.silent[0].elsewhere && cloud.gaps.is_empty());
    let provider = Available::new().on(&[Platform::Esxi]);
    let answer = asked(snapshots, &provider);
    assert!(answer.silent.is_empty() && !answer.gaps.is_empty());
}

#[test]
fn of_equals_the_better_access_comes_first() {
    let available = Available::new()
        .with(AzureActivity, Access::Forensic)
        .with(GcpAudit, Access::Direct);
    let answer = asked(Question::Technique("T1490"), &available);
    let scores: Vec<_> = answer.sources.iter().map(|one| one.score).collect();
    assert_eq!(scores[0], scores[1]);
    assert_eq!(order(&answer), [GcpAudit, AzureActivity]);
    // Several sources of one type: the best counts.
    let twice = available
        .clone()
        .with(AzureActivity, Access::Direct)
        .with(AzureActivity, Access::Analysis);
    assert_eq!(twice.access(AzureActivity), Access::Direct);
}

#[test]
fn tactics_go_by_id_and_name() {
    let available = direct(&[AwsCloudTrail]);
    let by_id = asked(Question::Tactic("TA0040"), &available);
    assert_eq!(by_id, asked(Question::Tactic("impact"), &available));
    assert!(by_id.techniques.len() > 10);
    // Nothing of a cloud is known of it: an answer without techniques, and no mistake.
    let none = asked(Question::Tactic("reconnaissance"), &available);
    assert_eq!(none.techniques, Vec::<&crate::Technique>::new());
}

#[test]
fn each_kind_of_incident_has_a_first_source() {
    let first = |kind, available: &Available| order(&asked(Question::Incident(kind), available))[0];
    let aws = direct(&[AwsCloudTrail, AwsVpcFlow, AwsGuardDuty]);
    for kind in IncidentKind::ALL {
        assert_eq!(first(kind, &aws), AwsCloudTrail, "{kind}");
    }
    // Floods are seen in flows alone.
    let floods = asked(Question::Technique("T1498.001"), &aws);
    assert_eq!(floods.sources[0].source, AwsVpcFlow);
    let cluster = direct(&[AwsVpcFlow, K8sAudit]);
    assert_eq!(first(IncidentKind::Malware, &cluster), K8sAudit);
}

#[test]
fn what_is_not_known_is_refused_without_repeating_it() {
    let refused = |question| {
        attack()
            .recommend(&question, &Available::new())
            .unwrap_err()
    };
    for id in ["T9999", "", "T", "T1562.", "T1562.00", "\u{1b}[2J", "t1110"] {
        let error = refused(Question::Technique(id));
        assert_eq!(error, QuestionError::UnknownTechnique, "{id:?}");
    }
    assert_eq!(
        refused(Question::Tactic("Impact")),
        QuestionError::UnknownTactic
    );
    let operation = "\u{1b}]0;x\u{7}".repeat(1000);
    let error = refused(Question::Event {
        source: AwsCloudTrail,
        operation: &operation,
    });
    assert_eq!(error, QuestionError::UnknownOperation);
    assert!(!error.to_string().contains('\u{1b}'));
}

#[test]
fn an_answer_is_short_as_json() {
    let answer = asked(Question::Technique("T1562.008"), &direct(&[AwsCloudTrail]));
    let json = serde_json::to_value(&answer).unwrap();
    assert_eq!(json["sources"][0]["source"], "aws.cloudtrail");
    assert_eq!(json["sources"][0]["access"], "direct");
    let first = &json["sources"][0]["covers"][0];
    assert_eq!(first["technique"]["id"], "T1562.008");
    assert_eq!(first["component"]["name"], "Cloud Service Modification");
    assert_eq!(first["evidence"], "component");
    assert!(first["technique"].get("references").is_none());
}
