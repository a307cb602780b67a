//! The tables that are kept by hand fit ATT&CK's.

use std::collections::{BTreeMap, BTreeSet};

use super::attack;
use crate::names::NAMES;
use crate::records::{OCSF_CLASSES, RECORDS, TOLD_BY};
use crate::{IncidentKind, LogSource, NOTICE, SourceType, event, events, names};

#[test]
fn the_notice_is_mitres() {
    assert!(include_str!("../../NOTICE").contains(NOTICE));
    assert!(NOTICE.starts_with("© 2025 The MITRE Corporation. "));
}

#[test]
fn every_name_is_one_of_attacks() {
    let attack = attack();
    let references = attack.techniques().iter().flat_map(|one| &one.references);
    let mut known: BTreeSet<_> = references.map(|one| one.log_source.name).collect();
    known.extend(attack.components().iter().flat_map(|one| &one.log_sources));
    for row in NAMES {
        assert!(known.contains(row.log_source), "{}", row.log_source);
        assert!(
            row.source.is_some() || !row.why.is_empty(),
            "{}: why not?",
            row.log_source
        );
        for id in row.components {
            assert!(attack.component(id).is_some(), "{id}");
        }
    }
}

/// Each row that sets references apart does so for at least one.
#[test]
fn every_exception_has_a_case() {
    let references = attack().techniques().iter().flat_map(|one| &one.references);
    let references: Vec<_> = references
        .map(|one| (one.log_source, one.component))
        .collect();
    let listed = attack().components().iter().flat_map(|component| {
        let names = component.log_sources.iter();
        names.map(|name| (LogSource { name, channel: "" }, component.id))
    });
    let all: Vec<_> = references.into_iter().chain(listed).collect();
    for row in NAMES.iter().filter(|row| row.source.is_none()) {
        let case = all.iter().any(|(log_source, component)| {
            row.log_source == log_source.name
                && (row.components.is_empty() || row.components.contains(component))
                && log_source.channel.contains(row.channel)
                && names::source_of(*log_source, component).is_none()
        });
        assert!(case, "{row:?}");
    }
}

#[test]
fn names_of_others_are_nobodys() {
    for (name, component) in [
        ("saas:okta", "DC0002"),
        ("esxi:hostd", "DC0049"),
        ("AWS:CloudWatch", "DC0018"),
        ("azure:audit", "DC0083"),
        ("gcp:vpcflow", "DC0085"),
        ("aws:cloudtrail", "DC0002"),
        ("", ""),
    ] {
        let log_source = LogSource { name, channel: "" };
        assert_eq!(names::source_of(log_source, component), None, "{name}");
    }
    let source = |name, component, channel| {
        let log_source = LogSource { name, channel };
        names::source_of(log_source, component)
    };
    assert_eq!(
        source("AWS:CloudTrail", "DC0090", "StopLogging"),
        Some(SourceType::AwsCloudTrail)
    );
    assert_eq!(
        source("azure:signinlogs", "DC0002", "Sign-in logs"),
        Some(SourceType::AzureSignIn)
    );
    assert_eq!(source("azure:signinlogs", "DC0083", "Graph"), None);
    assert_eq!(
        source("m365:unified", "DC0038", "ConsentGranted"),
        Some(SourceType::AzureSignIn)
    );
    assert_eq!(source("m365:unified", "DC0038", "MailItemsAccessed"), None);
    assert_eq!(
        source("linux:syslog", "DC0002", ""),
        Some(SourceType::LinuxAuth)
    );
    assert_eq!(source("linux:syslog", "DC0032", ""), None);
}

/// A row rests on a list or gives its reason.
#[test]
fn who_records_what_rests_on_something() {
    let mut seen = BTreeSet::new();
    for row in RECORDS {
        let component = attack().component(row.component);
        let component = component.unwrap_or_else(|| panic!("{}", row.component));
        let listed = component.listed.contains(&row.source);
        assert!(
            listed || !row.why.is_empty(),
            "{} {} {}: listed {listed}, why {:?}",
            row.source,
            row.component,
            component.name,
            row.why
        );
        assert!(seen.insert((row.source, row.component)), "{row:?} twice");
    }
    let classes: BTreeMap<_, _> = OCSF_CLASSES.iter().copied().collect();
    assert_eq!(classes.len(), OCSF_CLASSES.len());
    let findings = TOLD_BY.iter().flat_map(|(_, _, ids)| *ids);
    for id in classes.values().copied().flatten().chain(findings) {
        assert!(attack().component(id).is_some(), "{id}");
    }
}

/// Who is listed for what and yet not taken to record it at large: each one was looked at.
#[test]
fn what_is_listed_and_left_out_is_known() {
    let left_out = [
        // CloudTrail: single calls that stand for something else on a host, in a cluster or on
        // the network; analytics that name them count all the same.
        ("aws.cloudtrail", "DC0021"),
        ("aws.cloudtrail", "DC0034"),
        ("aws.cloudtrail", "DC0038"),
        ("aws.cloudtrail", "DC0039"),
        ("aws.cloudtrail", "DC0055"),
        ("aws.cloudtrail", "DC0064"),
        ("aws.cloudtrail", "DC0078"),
        // Flow logs hold no payload.
        ("aws.vpcflow", "DC0085"),
        // Google's audit logs: objects are no files, calls no commands, and flows have a log of
        // their own.
        ("gcp.audit", "DC0038"),
        ("gcp.audit", "DC0039"),
        ("gcp.audit", "DC0055"),
        ("gcp.audit", "DC0061"),
        ("gcp.audit", "DC0064"),
        ("gcp.audit", "DC0085"),
        // Azure's activity log holds no files and no log lines of applications, and of machines
        // no reads.
        ("azure.activity", "DC0038"),
        ("azure.activity", "DC0055"),
        ("azure.activity", "DC0061"),
        ("azure.activity", "DC0075"),
        // Entra's logs: analytics mean sign-ins and changes of the directory by these.
        ("azure.signin", "DC0038"),
        ("azure.signin", "DC0064"),
        // Only of policies of the directory, and not of services at large.
        ("azure.signin", "DC0069"),
        // The API server sees requests for processes, not processes.
        ("k8s.audit", "DC0032"),
        // A cluster's images are built elsewhere.
        ("k8s.audit", "DC0015"),
    ];
    let taken: BTreeSet<_> = RECORDS
        .iter()
        .map(|row| (row.source.as_str(), row.component))
        .collect();
    let listed = attack().components().iter().flat_map(|component| {
        let sources = component.listed.iter();
        sources.map(|source| (source.as_str(), component.id))
    });
    let found: BTreeSet<_> = listed.filter(|one| !taken.contains(one)).collect();
    assert_eq!(found, left_out.into_iter().collect());
}

#[test]
fn every_kind_names_techniques_in_order() {
    for kind in IncidentKind::ALL {
        let ids = kind.techniques();
        assert!(ids.len() >= 5 && ids.is_sorted_by(|a, b| a < b), "{kind}");
        for id in ids {
            assert!(attack().technique(id).is_some(), "{kind}: {id}");
        }
        assert_eq!(kind.as_str().parse(), Ok(kind));
    }
    assert!("phishing".parse::<IncidentKind>().is_err());
}

#[test]
fn every_operation_names_techniques_once() {
    let mut seen = BTreeSet::new();
    let mut count = BTreeMap::<_, usize>::new();
    for one in events::events() {
        let key = (one.source, one.operation.to_ascii_lowercase());
        assert!(seen.insert(key), "{} {} twice", one.source, one.operation);
        assert!(!one.techniques.is_empty());
        for id in one.techniques {
            assert!(attack().technique(id).is_some(), "{}: {id}", one.operation);
        }
        assert_eq!(event(one.source, one.operation), Some(one));
        let kinds = TOLD_BY.iter().filter(|(source, ..)| *source == one.source);
        let mut of = kinds
            .clone()
            .filter(|(_, kind, _)| one.operation.contains(kind));
        assert!(kinds.count() == 0 || of.next().is_some() && of.next().is_none());
        *count.entry(one.source).or_default() += 1;
    }
    assert!(count.values().sum::<usize>() > 500, "{count:?}");
    println!("{count:?}");
}

#[test]
fn operations_are_found_as_sources_write_them() {
    let of = |source, operation: &str| event(source, operation).map(|one| one.techniques[0]);
    assert_eq!(
        of(SourceType::AwsCloudTrail, "StopLogging"),
        Some("T1562.008")
    );
    assert_eq!(
        of(
            SourceType::AzureActivity,
            "MICROSOFT.COMPUTE/VIRTUALMACHINES/RUNCOMMAND/ACTION"
        ),
        Some("T1651")
    );
    for version in ["", "v1.", "beta."] {
        let method = format!("{version}compute.instances.setMetadata");
        assert_eq!(of(SourceType::GcpAudit, &method), Some("T1098.004"));
    }
    assert_eq!(of(SourceType::K8sAudit, "create pods/exec"), Some("T1609"));
    assert_eq!(of(SourceType::GcpAudit, "StopLogging"), None);
    assert_eq!(of(SourceType::AwsCloudTrail, "v1.StopLogging"), None);
    assert_eq!(of(SourceType::AwsCloudTrail, ""), None);
    assert_eq!(of(SourceType::AwsCloudTrail, &"é".repeat(100_000)), None);
    assert_eq!(of(SourceType::AwsVpcFlow, "ACCEPT"), None);
}

/// The kinds of records are listed twice, so that this crate stays light: here the same.
#[test]
fn source_types_are_those_that_are_taken_in() {
    let own = SourceType::ALL.map(SourceType::as_str);
    let taken_in = cordon_views::SourceType::ALL.map(cordon_views::SourceType::as_str);
    assert_eq!(own, taken_in);
}
